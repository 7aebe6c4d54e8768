package intake

import (
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/meterconfig"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/wire"
)

// Tx is the part of a transaction that taking records needs: rows, and the named locks.
type Tx interface {
	Rating() wallet.ReleaseTx
	Reports() ReportTx
	Review() ReviewTx
	Configuring() meterconfig.ConfigureTx
	// Scope returns the tenant of the transaction and the store epoch.
	Scope() (access.Tenant, int64)
	// Moment returns the start of the transaction.
	Moment() time.Time

	// LockLive reads and locks the live state of meters, in the order of their numbers; the state is empty for a meter that never sent a
	// record.
	LockLive(meters []int64) (map[int64]*metering.Live, error)
	// LoadInfo reads the data of a meter's last boot.
	LoadInfo(meter int64) (*metering.Info, error)
	// SaveLive writes the live states of meters.
	SaveLive(meters []int64, live map[int64]*metering.Live) error
	// PutReadings writes new readings.
	PutReadings([]metering.NewReading) error
	// StoredReading returns the stored reading of a memory with the highest number in [from, to], nil for none.
	StoredReading(meter int64, memory string, from, to uint64) (*wire.Reading, time.Time, error)
	// StoredChanges returns the stored accepted tokens and events of a memory with numbers in [from, to].
	StoredChanges(meter int64, memory string, from, to uint64) ([]wire.Record, error)
	// PutEvent stores an event, a daily row or a command's answer; body becomes its arguments.
	PutEvent(r *metering.Record, memory string, code int, body any) error

	// ClearAlarm ends an alarm of a meter.
	ClearAlarm(meter int64, code metering.AlarmCode) error

	// WalletsOfMeters locks and reads the wallets of the accounts that meters supply, in the order of the meters' numbers.
	WalletsOfMeters(meters []int64) ([]wallet.Row, error)
	// VersionsOf returns the versions of a tariff that begin, in the order of their start.
	VersionsOf(tariff id.ID) ([]tariff.Version, error)
	// ReadingsBetween returns at most max readings of a meter with numbers in [from, to] of one memory, in order. It searches only as many
	// of the meter's newest rows as newest says, or all rows if newest is 0.
	ReadingsBetween(meter int64, memory string, from, to uint64, newest, max int) ([]wallet.Reading, error)
}

// ReportTx is the part of a transaction for reports about tokens and answers to commands.
type ReportTx interface {
	// ReportedToken finds and locks the token of a report: by the request in the report if the server delivered the token, otherwise by the
	// TID. It finds only tokens that were made for the meter or handed in for it.
	ReportedToken(meter int64, t *wire.Token) (metering.OwnToken, bool, error)
	// PutTokenReport stores a meter's report about a token; the zero identity means an unknown token.
	PutTokenReport(r *metering.Record, memory string, token id.ID) error
	// TokenAnswered writes the state of a token and its meter's answer.
	TokenAnswered(token metering.OwnToken, state metering.TokenState, result string, at time.Time) error
	// CountedAtSwap reports whether a token of a meter was counted as unused when another meter took its place.
	CountedAtSwap(meter int64, token id.ID) (bool, error)
	KeyChanges() registry.KeyChangeTx
	// DropDelivery ends the delivery of a token or command that its meter has answered.
	DropDelivery(key, object string) error

	// CommandByID reads a command.
	CommandByID(id.ID) (command.Command, bool, error)
	// CommandAnswered writes the state of a command and its meter's answer, with the number of the answer's record.
	CommandAnswered(c command.Command, seq uint64) error
}
