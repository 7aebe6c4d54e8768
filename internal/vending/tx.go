package vending

import (
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/proof"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/internal/wallet"
)

// Tx is the part of a transaction that a sale needs. The store's Tx has these methods on every engine.
type Tx interface {
	once.Clock
	Once() once.Tx
	Eyes() access.EyesTx
	Books() ledger.Books
	Debts() debt.Tx
	Vendors() vendor.Tx
	Shifts() till.ShiftTx
	Wallets() wallet.SettleTx
	Messages() notify.SaleTx
	Selling() SellTx
	Sold() SoldTx
	Jobs() JobTx
	Swaps() SwapTx
	Rating() wallet.ReleaseTx
	Registering() registry.Tx
	Reversals() ReversalTx
	Spending() PaymentTx
	Cancelling() CancelTx
	Clock() ClockTx

	NewID() (id.ID, error)
	// Moment returns when the transaction began, by the store's clock: UTC, whole microseconds.
	Moment() time.Time
	AuditLog(access.Entry) error
	Enqueue(job.Item) (id.ID, error)

	// VendPoint reads the facts of a meter that a sale needs and locks its account and its keys.
	VendPoint(registry.Ref) (sale.Point, bool, error)
	// VendSale reads a sale with its lines and its tokens in the order of their TIDs.
	VendSale(sale id.ID) (sale.Sale, bool, error)
}

// SellTx writes a sale.
type SellTx interface {
	// Ahead asks at once for what these functions read first, where sales share a transaction. The sale runs them again for the answers.
	Ahead(reads ...func() error)
	// PointAhead asks ahead for what VendPoint reads and locks.
	PointAhead(registry.Ref)
	// VendAhead asks ahead for what VendSell, the journal and the delivery of a sale to this meter read. A sale for cash goes into a till of
	// the utility.
	VendAhead(p sale.Point, cash bool, routes []string)
	// VendReserve inserts a sale with its lines and reserved tokens, adds to the month's units, and subtracts the sale's payments from
	// charges and debts.
	VendReserve(s sale.Sale, orderHash [32]byte) error
	// VendSell does what VendReserve and VendComplete do, for a sale whose tokens exist already.
	VendSell(s sale.Sale, orderHash [32]byte) error
	// VendComplete stores the results of completing a held sale: sealed digits with their hashes, receipt number, state.
	VendComplete(s sale.Sale) error
	// VendPress records for a recharge that somebody must press a key at the meter to restore the supply.
	VendPress(sale id.ID) error
	// VendFail closes a held sale that got no token and gives back everything that the sale had reserved.
	VendFail(s sale.Sale) error
	// ReceiptNo takes the next number of an outlet's receipts. There are no gaps. After a restore the number is marked with the epoch.
	ReceiptNo(outlet string) (string, error)
}

// SoldTx reads what was sold.
type SoldTx interface {
	// VendNumbered returns the sale with a receipt number, or the zero identity.
	VendNumbered(receiptNo string) (id.ID, error)
	// VendRef finds the sale of a vendor's client reference, and the hash of its order.
	VendRef(vendor id.ID, clientRef string) (sale id.ID, orderHash [32]byte, found bool, err error)
	// Sales lists up to max sales that a filter names, newest first, made before the given sale.
	Sales(f SaleFilter, before id.ID, max int) ([]id.ID, error)
	// VendSales reads several sales; one that does not exist is missing.
	VendSales(sales []id.ID) (map[id.ID]sale.Sale, error)
	// SalesTotal adds up the sales that a filter names.
	SalesTotal(SaleFilter) (SaleTotal, error)
	// TenantZone returns the name of the tenant's time zone.
	TenantZone() (string, error)
	// VendOpen lists up to max sales that were priced before a time and that an issuer has not answered, oldest first, after the given
	// sale.
	VendOpen(before time.Time, after id.ID, max int) ([]id.ID, error)
	// VendKey returns a meter key by its identity, whatever its state.
	VendKey(key id.ID) (registry.Key, bool, error)
	// TariffVersion reads a version by its identity.
	TariffVersion(version id.ID) (tariff.Version, error)
	// TariffsOfAccount returns the tariff with which an account was opened, and those that it got later.
	TariffsOfAccount(account id.ID) (first id.ID, later tariff.Assignments, err error)
	// MeterTokens lists a meter's tokens, including external tokens, newest first. The list begins after the given token, or with the
	// newest token if the identity is zero.
	MeterTokens(meter int64, before id.ID, max int) ([]sale.Token, error)
	// VendFacts returns the key and the tariff that the core of a sale's receipt shows.
	VendFacts(sale.Sale) (sale.Facts, error)
	// VendReceipt returns the data of a paper that the sale itself does not have, as they were at the paper's moment.
	VendReceipt(s sale.Sale, at time.Time) (sale.Paper, error)
	// AddOriginal notes that the first paper of a document is handed out: of a receipt, which has the identity of its sale, or of a credit
	// note, which has that of the reversal. It reports false if a paper of it was handed out before.
	AddOriginal(document id.ID, by string) (bool, error)
	// RemoveOriginal takes back what AddOriginal noted. It reports false if no original is noted.
	RemoveOriginal(document id.ID) (bool, error)
	// AddCopy counts a copy of a sale's receipt and returns its number, from 1.
	AddCopy(sale id.ID, by string) (int, error)
	// Copies returns how many copies of a sale's receipt were counted.
	Copies(sale id.ID) (int, error)
	// WalletBooked returns the balance of an account's wallet at the beginning of a time span, credit positive, and the bookings in that span.
	WalletBooked(account id.ID, from, to time.Time, max int) (opening money.Minor, booked []wallet.Booked, err error)
	// VendProof finds a completed sale in the log up to the head that has this number of leaves, or up to the newest head if size is 0.
	VendProof(s sale.Sale, size int64) (proof.Sealed, sale.Sealing, error)
}

// ClockTx stores the known facts about the server's clock.
type ClockTx interface {
	// ClockBegin does the same as VendClock for a process that starts. If no trusted clock was ever noted, it uses the newest time of the
	// books.
	ClockBegin() (sale.Times, error)
	// ClockNote notes that the clock is trusted now.
	ClockNote() error
	// ClockRecord returns how the clock was moved. It is the zero record if nothing was recorded since a person confirmed the clock.
	ClockRecord() (sale.ClockRecord, error)
	// PutClockRecord replaces the record of how the clock was moved.
	PutClockRecord(sale.ClockRecord) error
	// ClockTrust records that a person confirms the clock. Tokens that a wrong clock issued at a later time than now no longer count as
	// evidence, and how the clock was moved is forgotten.
	ClockTrust() error
}
