package vending

import (
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
)

// Tx is what a sale needs of a transaction. The store's Tx has these methods on every engine.
type Tx interface {
	VendorTx
	ReversalTx
	JobTx
	ReprintTx
	ProofTx
	ChargeTx
	ChargeJobTx
	DebtTx
	MoveTx
	wallet.SettleTx
	NewID() (id.ID, error)
	// Moment is when the transaction began, by the store's clock: UTC, whole microseconds.
	Moment() time.Time
	OnceTake(access.Once) (*access.Kept, error)
	// OnceFind is OnceTake for a transaction that stores the answer itself and may leave the claim to OncePut.
	OnceFind(access.Once) (*access.Kept, error)
	// OnceClaim claims what OnceFind found to be new, for a request that takes more than one transaction.
	OnceClaim(access.Once) error
	OncePut(o access.Once, status int, sealed []byte, forever bool) error
	// OnceLook is what is known of a request by its key, nil for nothing; the key is not claimed.
	OnceLook(principal, key string) (*access.Kept, error)
	AuditLog(access.Entry) error
	Enqueue(job.Item) (id.ID, error)
	// Post writes a journal and moves the balances of limited accounts; a limit that forbids it comes back as Breach.
	Post(ledger.Journal) (ledger.Breach, error)
	// PostTogether is Post for journals that stand or fall together: a limit judges their sum.
	PostTogether(...ledger.Journal) (ledger.Breach, error)
	// TariffVersionAt is the version of a tariff that is in force at a moment.
	TariffVersionAt(tariff id.ID, at time.Time) (tariff.Version, bool, error)

	// VendPoint reads what a sale must know of a meter and locks its account and its keys.
	VendPoint(registry.Ref) (Point, bool, error)
	// VendMonth is where an account stands in a local month.
	VendMonth(account id.ID, month string) (Month, error)
	// VendClock is what the store knows of time.
	VendClock() (Times, error)
	// ClockBegin is VendClock of a process that starts. A store that has noted no trusted clock yet takes the newest moment
	// of its books for it.
	ClockBegin() (Times, error)
	// ClockNote notes that the clock is trusted now.
	ClockNote() error
	// ClockTrust notes that a person says that the clock is right. Tokens that were issued later than now, by a clock that
	// was wrong, tell nothing about it any more.
	ClockTrust() error
	// VendUnderWay reports whether a sale to the meter, or to any meter of its account, waits for its token or for its
	// reversal: month, carry and debts belong to the account.
	VendUnderWay(meter int64, account id.ID) (bool, error)

	// VendReserve inserts a sale with its lines and reserved tokens, adds to the month's units, and takes what the sale pays towards charges and debts from their rows.
	VendReserve(s Sale, orderHash [32]byte) error
	// VendSell does what VendReserve and VendComplete do, for a sale whose tokens exist already.
	VendSell(s Sale, orderHash [32]byte, digitHashes [][]byte) error
	// VendComplete stores what completing a held sale added: sealed digits with their hashes, receipt number, state.
	VendComplete(s Sale, digitHashes [][]byte) error
	// VendPress notes of a recharge that somebody must press a key at the meter for the supply to return.
	VendPress(sale id.ID) error
	// VendFail closes a held sale that got no token and gives back what it had reserved.
	VendFail(s Sale) error
	// ReceiptNo takes the next number of an outlet's receipts, without a gap, marked with the epoch after a restore.
	ReceiptNo(outlet string) (string, error)

	// VendSale reads a sale with its lines and its tokens in the order of their TIDs.
	VendSale(sale id.ID) (Sale, bool, error)
	// VendRef finds the sale that a vendor named so, and the hash of what was asked then.
	VendRef(vendor id.ID, clientRef string) (sale id.ID, orderHash [32]byte, found bool, err error)
	// VendOpen lists sales that an issuer has not answered, priced before a moment, oldest first, after the given one.
	VendOpen(before time.Time, after id.ID, max int) ([]id.ID, error)
	// VendKey is a meter key by its identity, whatever its state.
	VendKey(key id.ID) (registry.Key, bool, error)
	// MeterTokens lists a meter's tokens, those that were made elsewhere and handed in among them, newest first, from the one
	// after before on (zero for the newest).
	MeterTokens(meter int64, before id.ID, max int) ([]Token, error)
	// VendFacts is what the core of a sale's receipt says of its key and its tariff.
	VendFacts(Sale) (Facts, error)
	// CanTell reports whether a message by a route, RouteSMS or RouteMeterSMS, has a number to go to.
	CanTell(meter int64, route string) (bool, error)
	// TellSale queues the messages that bring a completed sale by a route.
	TellSale(s Sale, route string) error
	// VendReceipt is what a receipt shows besides the sale itself.
	VendReceipt(Sale) (Paper, error)
}

// Point is what a sale must know of a meter and of whom it supplies.
type Point struct {
	Meter  MeterRef
	Mode   registry.Mode
	Status registry.Status

	Account       id.ID // zero while the meter supplies nobody
	AccountStatus string
	OpenedAt      time.Time // of the account
	ChargedTo     string    // local date up to which its fixed charges were made due, inclusive; "" for never
	Tariff        id.ID
	Keys          []registry.Key // those that are current, planned or issued

	Currency string // the tenant's; "" until a setting or a tariff names it
	TZ       string // the tenant's
	Policy   registry.ChargePolicy
	Limits   registry.Limits
}

// Paper is what a receipt shows besides the sale itself.
type Paper struct {
	Utility  string // the tenant's name
	VATNo    string
	Head     registry.ReceiptHead
	Vendor   string // name; empty where the tenant itself sold
	TZ       string
	Customer string
	Address  string
	TT       string // token technology
	Key      registry.Key
	Tariff   tariff.Version
}

// States of a meter key that matter to a sale.
const (
	keyPlanned = "planned" // a change is decided and its tokens do not exist yet
	keyIssued  = "issued"  // the change tokens exist, the meter has not confirmed them
	keyCurrent = "current"
)
