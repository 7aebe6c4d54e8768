package intake

import (
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/wire"
)

// Tx is what taking records needs of a transaction: rows, and the locks that are named.
type Tx interface {
	Rating() wallet.ReleaseTx
	Reports() ReportTx
	Review() ReviewTx
	// Scope is the tenant of the transaction and the store epoch.
	Scope() (access.Tenant, int64)
	// Moment is when the transaction began.
	Moment() time.Time

	// LockLive reads and locks what is known of meters, in the order of their numbers; a meter that never spoke has an empty one.
	LockLive(meters []int64) (map[int64]*metering.Live, error)
	// LoadInfo reads the notes about a meter's last boot.
	LoadInfo(meter int64) (*metering.Info, error)
	// SaveLive writes what is known of a meter.
	SaveLive(meter int64, l *metering.Live) error
	// PutReadings writes readings that are new.
	PutReadings([]metering.NewReading) error
	// HeldReading is the stored reading of a memory with the highest number in [from, to], nil for none.
	HeldReading(meter int64, memory string, from, to uint64) (*wire.Reading, time.Time, error)
	// HeldChanges are the stored accepted tokens and events of a memory with numbers in [from, to].
	HeldChanges(meter int64, memory string, from, to uint64) ([]wire.Record, error)
	// PutEvent keeps an event, a daily row or a command's answer; body becomes its arguments.
	PutEvent(r *metering.Record, memory string, code int, body any) error

	// ClearAlarm ends an alarm of a meter.
	ClearAlarm(meter int64, code metering.AlarmCode) error

	// WalletsOfMeters locks and reads the wallets of the accounts that meters supply, in the order of the meters' numbers.
	WalletsOfMeters(meters []int64) ([]wallet.Row, error)
	// VersionsOf are all versions of a tariff in the order of the moments from which they hold.
	VersionsOf(tariff id.ID) ([]tariff.Version, error)
	// ReadingsBetween are the readings of a meter with numbers in [from, to] of one memory, in their order, at most max. newest
	// bounds how many of the meter's newest rows are looked at, 0 for all.
	ReadingsBetween(meter int64, memory string, from, to uint64, newest, max int) ([]wallet.Reading, error)
}

// ReportTx are the rows of what a meter reports on: its tokens, and the commands that it answers.
type ReportTx interface {
	// ReportedToken finds and locks the token that a report is about: by the request of our own delivery, else by its TID. A
	// meter can only ever speak of tokens that were made for it, or handed in for it from elsewhere.
	ReportedToken(meter int64, t *wire.Token) (metering.OwnToken, bool, error)
	// PutTokenReport keeps what a meter said of a token; the zero identity stands for one that is not known here.
	PutTokenReport(r *metering.Record, memory string, token id.ID) error
	// TokenAnswered writes the state of a token and what its meter said.
	TokenAnswered(token metering.OwnToken, state metering.TokenState, result string, at time.Time) error
	KeyChanges() registry.KeyChangeTx
	// DropDelivery ends the delivery of a token or command that its meter has answered.
	DropDelivery(key, object string) error

	// CommandByID reads a command.
	CommandByID(id.ID) (command.Command, bool, error)
	// CommandAnswered writes the state of a command and what its meter said in the record with this number.
	CommandAnswered(c command.Command, seq uint64) error
}
