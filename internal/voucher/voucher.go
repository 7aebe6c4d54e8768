// Package voucher makes vouchers, sells them, and turns each into one sale.
//
// A voucher is a serial number, which everybody may see, and a PIN, which buys energy. The vouchers of a batch have one value. A batch says when it
// is made whether its vouchers also require a code, which comes into being with the sale: then whoever printed the PINs cannot redeem what others
// have paid for.
//
//	made ---> active ---> redeemed
//	  |          |
//	cancelled   ended
//
// [Vouchers.Make] needs a second person. [Vouchers.Print] makes the PINs and returns them once: the database has only their keyed hashes.
// [Vouchers.Sell] activates vouchers, takes the money for them and issues their codes in the same transaction; [Vouchers.Reissue] issues lost
// codes again, with a second person. [Vouchers.Redeem] makes a sale. In the sale's
// transaction the voucher becomes a payment that the sale uses, so a reversed sale leaves a parked payment, like that of any provider.
//
// Not here: how PINs and codes are written (voucherpin), the sale (vending), what becomes of a parked payment (payment).
package voucher

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
)

// State is the state of a voucher.
type State string

// States of a voucher.
const (
	Made      State = "made"   // nobody has paid for it
	Active    State = "active" // paid for; whoever has the PIN can redeem it
	Redeemed  State = "redeemed"
	Cancelled State = "cancelled" // ended before anybody paid for it
	Ended     State = "ended"     // ended after somebody paid for it: its value became income
)

// Provider is the name that stands for a payment provider in the payments of vouchers.
const Provider = payment.VoucherProvider

// Batch is a number of vouchers of one value.
type Batch struct {
	ID      id.ID
	Number  int64 // begins the serial numbers
	Count   int64
	Face    money.Amount // value of each voucher
	EndsAt  time.Time    // no voucher is redeemed from then on
	Note    string
	MadeBy  string
	MadeAt  time.Time
	TakenBy string // who took the PINs
	TakenAt time.Time
	Digest  []byte // of the keyed hashes of all PINs, in the order of the serial numbers
	Version int64
	// RequiresCode says that a voucher is redeemed with its PIN and its code.
	RequiresCode bool
	TakenSelf    id.ID // the person who took the PINs, or the key of nobody; zero in older batches
}

// Name returns the batch's identity as text.
func (b Batch) Name() string { return b.ID.Text(id.VoucherBatch) }

// Serial returns the serial number of a voucher.
func (b Batch) Serial(n int64) string { return fmt.Sprintf("%d-%05d", b.Number, n) }

// Taken reports whether somebody took the PINs.
func (b Batch) Taken() bool { return !b.TakenAt.IsZero() }

// Voucher is one voucher of a batch.
type Voucher struct {
	Batch  id.ID
	N      int64 // from 1 on
	ID     id.ID // also the identity of the payment that it becomes
	PIN    []byte
	State  State
	Meter  string // for which it was redeemed
	SoldAt time.Time
	Issue  int64 // number of the [Issue] that made its code; 0 without a code
}

// Counts is how many vouchers of a batch are in each state.
type Counts struct{ Made, Active, Redeemed, Cancelled, Ended int64 }

// Sold is how many were ever paid for.
func (c Counts) Sold() int64 { return c.Active + c.Redeemed + c.Ended }

// Range is a range of a batch's vouchers by the last part of their serial numbers.
type Range struct{ From, To int64 }

// within fills in a range without ends, and reports whether the batch has it.
func (r Range) within(b Batch) (Range, bool) {
	if r == (Range{}) {
		r = Range{1, b.Count}
	}
	return r, r.From >= 1 && r.From <= r.To && r.To <= b.Count
}

func (r Range) count() int64 { return r.To - r.From + 1 }

// in returns the serial numbers at both ends.
func (r Range) in(b Batch) string { return b.Serial(r.From) + " to " + b.Serial(r.To) }

// Limits.
const (
	MaxCount  = 10_000 // vouchers of a batch
	MaxNote   = 200
	MaxReason = 300
	MaxYears  = 5 // until the expiry
)

// Limits of wrong PINs in a day. They bound how much guessing the server answers (docs/guide/payments.md#guessing-pins). A right PIN with a wrong code
// counts as a wrong PIN.
const (
	// MaxWrong is how many one telephone, page or person may try before the answer is that there were too many. A right one still counts, because
	// a message can be sent in the name of any telephone.
	MaxWrong = 10
	// MaxWrongPage is how many may be tried by one link to a customer's page. Then its right ones are refused too. A link cannot be forged, so nobody
	// without the link can use these tries up.
	MaxWrongPage = 20
	// MaxWrongPages is how many may be tried by all links together, so that whoever has collected many links cannot guess more. From FewWrongPages on,
	// a link that has tried a wrong one is refused, and the others still redeem right ones.
	MaxWrongPages = 2000
	FewWrongPages = 1000
	// MaxWrongMessages is how many may be tried by all text messages together. Then right ones in a message are refused too.
	MaxWrongMessages = 2000
	// MaxWrongPerson is how many a person, a vendor or a program that has signed in may try. Then their right ones are refused too. Nobody else can
	// use these tries up, so strangers never close a counter.
	MaxWrongPerson = 250
	// MaxWrongStaff is how many all who have signed in may try together.
	MaxWrongStaff = 1000
)

// Route is how a PIN reaches the server.
type Route string

// The routes.
const (
	BySMS   Route = "sms"
	ByPage  Route = "page"  // a customer's page, or the link with which somebody else pays
	ByStaff Route = "staff" // a person or program that has signed in; the default
)

// actor is who sells when a voucher pays.
func actor(t access.Tenant) access.Actor { return access.SystemActor(t, "vouchers") }
