package vending

import (
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// Tx is what a sale needs of a transaction. The store's Tx has these methods on every engine.
type Tx interface {
	NewID() (id.ID, error)
	OnceTake(access.Once) (*access.Kept, error)
	OncePut(o access.Once, status int, sealed []byte, forever bool) error
	AuditLog(access.Entry) error
	Enqueue(job.Item) (id.ID, error)
	// Post writes a journal and moves the balances of limited accounts; a limit that forbids it comes back as Breach.
	Post(ledger.Journal) (ledger.Breach, error)

	// VendPoint reads what a sale must know of a meter, named by number or identity, and locks account and meter.
	VendPoint(meter string) (Point, bool, error)
	// VendTariff is the version of a tariff that is in force at a moment.
	VendTariff(id.ID, time.Time) (tariff.Version, bool, error)
	// VendMonth is what an account bought in a local month so far, and what it carries from its earlier sales.
	VendMonth(account id.ID, month string) (bought unit.Energy, carry money.Minor, err error)
	// VendClock is when the newest token was issued, and the minute in which this store was last restored; zero times
	// for never.
	VendClock() (newest, restored time.Time, err error)

	// VendReserve inserts a sale with its lines and reserved tokens, moves the key's last TID and the month's units.
	VendReserve(s Sale, orderHash [32]byte) error
	// VendComplete stores what completing added: sealed digits, receipt number, state.
	VendComplete(s Sale, digitHashes [][]byte) error
	// VendFail closes an open sale that got no token and gives its units back to the month.
	VendFail(s Sale) error

	// VendSale reads a sale with its lines and tokens.
	VendSale(id.ID) (Sale, bool, error)
	// VendRef finds the sale that a vendor named so, and the hash of what was asked then.
	VendRef(vendor, clientRef string) (sale id.ID, orderHash [32]byte, found bool, err error)
	// VendOpen lists sales that an issuer has not answered, made before a moment, oldest first.
	VendOpen(before time.Time, max int) ([]id.ID, error)
	// VendLast is the newest sale of a meter.
	VendLast(meter int64) (id.ID, State, bool, error)
	// VendTokens lists a meter's tokens, newest first, from the one after before on (zero for the newest).
	VendTokens(meter int64, before id.ID, max int) ([]Token, error)
	// ReceiptNo takes the next number of an outlet's receipts, without a gap, marked with the epoch after a restore.
	ReceiptNo(outlet string) (string, error)
}

// Point is what a sale must know of a meter and of whom it supplies.
type Point struct {
	Meter       MeterRef
	Mode        string // prepay_token, prepay_wallet, postpay
	MeterStatus string // active, blocked ...
	TT          string // token technology, as receipts print it

	Account       id.ID // zero while the meter supplies nobody
	AccountStatus string
	Tariff        id.ID
	Customer      string // name
	Phone         string
	Address       string
	Keys          []MeterKey // those that are current, planned or issued

	Tenant Tenant
}

// Tenant is what a sale must know of the tenant.
type Tenant struct {
	Name     string
	Currency string // "" until a setting or a tariff names it
	TZ       string
	VATNo    string
}

// KeyState is where a meter key stands in its life.
type KeyState string

// States of a meter key that matter to a sale.
const (
	KeyPlanned KeyState = "planned" // a change is decided and its tokens do not exist yet
	KeyIssued  KeyState = "issued"  // the change tokens exist, the meter has not confirmed them
	KeyCurrent KeyState = "current"
)

// MeterKey is a meter's STS key by reference, with the newest TID used under it.
type MeterKey struct {
	ID         id.ID
	State      KeyState
	Attributes sts.Attributes
	KEN        uint8
	LastTID    sts.TID
}
