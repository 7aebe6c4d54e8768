package vending

import (
	"time"

	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/internal/wallet"
)

// Tx is what a sale needs of a transaction. The store's Tx has these methods on every engine.
type Tx interface {
	ReversalTx
	JobTx
	ReprintTx
	ProofTx
	Once() once.Tx
	Books() ledger.Books
	Charges() debt.ChargeTx
	Debts() debt.Tx
	Vendors() vendor.Tx
	Wallets() wallet.SettleTx
	// Moment is when the transaction began, by the store's clock: UTC, whole microseconds.
	Moment() time.Time
	Enqueue(job.Item) (id.ID, error)
	// TariffVersion reads a version by its identity.
	TariffVersion(version id.ID) (tariff.Version, error)

	// VendPoint reads what a sale must know of a meter and locks its account and its keys.
	VendPoint(registry.Ref) (sale.Point, bool, error)
	// VendMonth is where an account stands in a local month.
	VendMonth(account id.ID, month string) (sale.Month, error)
	// VendClock is what the store knows of time.
	VendClock() (sale.Times, error)
	// ClockBegin is VendClock of a process that starts. A store that has noted no trusted clock yet takes the newest moment
	// of its books for it.
	ClockBegin() (sale.Times, error)
	// ClockNote notes that the clock is trusted now.
	ClockNote() error
	// ClockTrust notes that a person says that the clock is right. Tokens that were issued later than now, by a clock that
	// was wrong, tell nothing about it any more.
	ClockTrust() error
	// VendUnderWay reports whether a sale to the meter, or to any meter of its account, waits for its token or for its
	// reversal: month, carry and debts belong to the account.
	VendUnderWay(meter int64, account id.ID) (bool, error)

	// VendReserve inserts a sale with its lines and reserved tokens, adds to the month's units, and takes what the sale pays towards charges and debts from their rows.
	VendReserve(s sale.Sale, orderHash [32]byte) error
	// VendSell does what VendReserve and VendComplete do, for a sale whose tokens exist already.
	VendSell(s sale.Sale, orderHash [32]byte, digitHashes [][]byte) error
	// VendComplete stores what completing a held sale added: sealed digits with their hashes, receipt number, state.
	VendComplete(s sale.Sale, digitHashes [][]byte) error
	// VendPress notes of a recharge that somebody must press a key at the meter for the supply to return.
	VendPress(sale id.ID) error
	// VendFail closes a held sale that got no token and gives back what it had reserved.
	VendFail(s sale.Sale) error
	// ReceiptNo takes the next number of an outlet's receipts, without a gap, marked with the epoch after a restore.
	ReceiptNo(outlet string) (string, error)

	// VendSale reads a sale with its lines and its tokens in the order of their TIDs.
	VendSale(sale id.ID) (sale.Sale, bool, error)
	// VendNumbered finds the sale of a receipt number; the zero identity for none.
	VendNumbered(receiptNo string) (id.ID, error)
	// VendRef finds the sale that a vendor named so, and the hash of what was asked then.
	VendRef(vendor id.ID, clientRef string) (sale id.ID, orderHash [32]byte, found bool, err error)
	// VendOpen lists sales that an issuer has not answered, priced before a moment, oldest first, after the given one.
	VendOpen(before time.Time, after id.ID, max int) ([]id.ID, error)
	// VendKey is a meter key by its identity, whatever its state.
	VendKey(key id.ID) (registry.Key, bool, error)
	// MeterTokens lists a meter's tokens, those that were made elsewhere and handed in among them, newest first, from the one
	// after before on (zero for the newest).
	MeterTokens(meter int64, before id.ID, max int) ([]sale.Token, error)
	// VendFacts is what the core of a sale's receipt says of its key and its tariff.
	VendFacts(sale.Sale) (sale.Facts, error)
	notify.SaleTx
	// VendReceipt is what a receipt shows besides the sale itself.
	VendReceipt(sale.Sale) (sale.Paper, error)
}

// States of a meter key that matter to a sale.
const (
	keyPlanned = "planned" // a change is decided and its tokens do not exist yet
	keyIssued  = "issued"  // the change tokens exist, the meter has not confirmed them
	keyCurrent = "current"
)
