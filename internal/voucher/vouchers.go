package voucher

import (
	"context"
	"io"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
)

// Tx is the part of a transaction that vouchers need.
type Tx interface {
	once.Clock
	Once() once.Tx
	Eyes() access.EyesTx
	Books() ledger.Books
	Vendors() vendor.Tx
	Shifts() till.ShiftTx
	Payments() payment.PaymentTx
	Vouchers() VoucherTx
	NewID() (id.ID, error)
	AuditLog(access.Entry) error
	// Moment returns when the transaction began, by the store's clock: UTC, whole microseconds.
	Moment() time.Time
}

// VoucherTx reads and writes the rows of batches and vouchers.
type VoucherTx interface {
	// NextBatch returns the next number of a batch.
	NextBatch() (int64, error)
	AddBatch(Batch) error
	// TakeBatch stores the vouchers of a batch, and who took their PINs.
	TakeBatch(b Batch, all []Voucher) error
	// BatchByID reads a batch and locks it.
	BatchByID(id.ID) (Batch, bool, error)
	BatchPage(before id.ID, max int) ([]Batch, error)
	// BatchCounts counts the vouchers in a range of a batch; the zero range is the whole batch.
	BatchCounts(batch id.ID, r Range) (Counts, error)
	// MoveVouchers changes all vouchers of a range that are in one state, and returns how many those are.
	MoveVouchers(batch id.ID, r Range, from, to State, at time.Time) (int64, error)
	// AddIssue numbers and stores an issue of codes. From then on the vouchers of its range that were sold have its codes.
	AddIssue(*Issue) error
	IssueByNumber(batch id.ID, number int64) (Issue, bool, error)
	// VouchersOf reads the vouchers in a range of a batch, in order.
	VouchersOf(batch id.ID, r Range) ([]Voucher, error)
	// VoucherByPIN finds a voucher by one of the hashes of its PIN, and locks it.
	VoucherByPIN(hashes [][]byte) (Voucher, bool, error)
	// WrongPINs returns how many wrong PINs somebody tried on a day, and locks the number. AddWrongPIN adds one.
	WrongPINs(who, day string) (int64, error)
	AddWrongPIN(who, day string) error
}

// Seller makes sales; a *vending.Vending is one.
type Seller interface {
	Sell(ctx context.Context, by access.Actor, o vending.Purchase) (vending.Sold, error)
}

// Sealer seals stored answers and hashes PINs.
type Sealer interface {
	Seal(context string, plain []byte) []byte
	Open(context string, sealed []byte) ([]byte, error)
	Hash(context string, data []byte) []byte
}

// Config has the parts that Vouchers needs. Every field is required.
type Config struct {
	Door   access.Door[Tx]
	Seller Seller
	Sealer Sealer
	Rand   io.Reader
	// Deliver returns the routes by which a meter's tokens are delivered.
	Deliver func(tx Tx, meter string) ([]string, error)
	MayDate func(once.Clock) (sale.Times, refusal.Refusal, error)
	Sound   func() refusal.Refusal // refuses every sale of vouchers while the books do not add up; nil: they always do
}

// Vouchers carries out the use cases of this package.
type Vouchers struct {
	c       Config
	answers once.Answers[Tx]
}

// New makes a Vouchers.
func New(c Config) *Vouchers {
	if c.Sound == nil {
		c.Sound = func() refusal.Refusal { return refusal.Refusal{} }
	}
	return &Vouchers{c: c, answers: once.Answers[Tx]{Door: c.Door, Sealer: c.Sealer, MayDate: c.MayDate}}
}
