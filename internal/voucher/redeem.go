package voucher

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/voucherpin"
)

// Redemption is a PIN that somebody redeems for a meter.
type Redemption struct {
	PIN   string // as somebody wrote it; the code may follow it
	Code  string // of the receipt, as somebody wrote it; empty for none
	Meter string // number, or what else a payer may type
	// Who is counted for wrong PINs: a telephone, a page, an address. Empty counts the person, vendor or key that has signed in.
	Who string
	// Route is counted for wrong PINs too.
	Route Route
}

// Outcome is what became of a voucher. It never has the digits of tokens: they go to the meter and its customer, and whoever may see the sale
// sees them there.
type Outcome struct {
	refusal.Refusal
	Serial   string
	Repeated bool // the voucher was redeemed for this meter before
	Sale     sale.Sale
}

// found is what the first transaction of a redemption finds. It is stored even if the PIN is wrong, because wrong PINs are counted.
type found struct {
	refusal.Refusal
	batch   Batch
	voucher Voucher
	meter   string
	ref     string
	deliver []string
}

// Refused is always false.
func (found) Refused() bool { return false }

// maxRaces is how often a redemption looks again because another one was faster.
const maxRaces = 2

// raced reports whether the sale was refused because another redemption of the voucher was faster.
func (o Outcome) raced() bool {
	return o.Text == "payment-not-free" || o.Code == refusal.ClientRefReused
}

// Redeem makes the sale that a voucher pays for (right: vend.sell). The same PIN for the same meter gets the same sale again, however often it
// comes. If the sale is refused, the voucher stays active. If the batch requires a code, a right PIN with a wrong code or none is answered and counted
// like a wrong PIN, so that nobody learns whether the PIN is right.
func (vs *Vouchers) Redeem(ctx context.Context, by access.Actor, r Redemption) (Outcome, error) {
	if no := by.Needs(access.Sell); no.Refused() {
		return Outcome{Refusal: no}, nil
	}
	typed := voucherpin.Read(r.PIN + " " + r.Code)
	switch {
	case typed.PINMistyped():
		return Outcome{Refusal: refuse.VoucherPinMistyped(strconv.Itoa(voucherpin.PINDigits))}, nil
	case typed.CodeMistyped():
		return Outcome{Refusal: refuse.VoucherCodeMistyped(strconv.Itoa(voucherpin.CodeLetters), voucherpin.Letters)}, nil
	}
	if r.Who == "" {
		r.Who = tries(by)
	}
	r.Route = cmp.Or(r.Route, ByStaff)
	var out Outcome
	for n := 0; ; n++ {
		f, err := access.Through(ctx, vs.c.Door, by.Tenant, func(tx Tx) (found, error) { return vs.find(tx, by, r, typed) })
		if err != nil || f.Refusal.Refused() {
			return Outcome{Refusal: f.Refusal, Serial: f.serial()}, fault.Wrap(err, "find a voucher")
		}
		if out, err = vs.buy(ctx, by, f); err != nil || !out.Refused() || !out.raced() || n == maxRaces {
			return out, fault.Wrap(err, "redeem voucher %s", f.batch.Serial(f.voucher.N))
		}
	}
}

// tries names whose tries an actor uses up: all keys of a person are one, and all of a vendor.
func tries(by access.Actor) string {
	switch self := access.Self(by); {
	case !by.Vendor.IsZero():
		return by.Vendor.Text(id.Vendor)
	case !self.IsZero():
		return self.Text(id.Person)
	}
	return by.String()
}

// find finds the voucher of a PIN and the meter that it is for.
func (vs *Vouchers) find(tx Tx, by access.Actor, r Redemption, typed voucherpin.Typed) (found, error) {
	day := tx.Moment().Format(time.DateOnly)
	g, err := countGuesses(tx, r, day)
	if err != nil || g.closed > 0 {
		return found{Refusal: refuse.VoucherTooManyTries(g.closed)}, err
	}
	v, known, err := tx.Vouchers().VoucherByPIN(sale.KeyedHashes(vs.c.Sealer, pinContext, []byte(typed.PIN)))
	if err != nil {
		return found{}, err
	}
	if !known || v.State == Made || v.State == Cancelled {
		return found{Refusal: g.wrong()}, g.add(tx, day)
	}
	f := found{voucher: v}
	if f.batch, known, err = tx.Vouchers().BatchByID(v.Batch); err != nil || !known {
		return f, err
	}
	if has, err := vs.hasCode(tx, f.batch, v, typed.Code); err != nil || !has {
		return found{Refusal: g.wrong()}, errors.Join(err, g.add(tx, day))
	}
	meters, err := tx.Payments().PayableMeters(payment.ReadReference(r.Meter), 2)
	if err != nil || len(meters) != 1 {
		return found{Refusal: refuse.PaymentMeterUnknown(refusal.Echo(r.Meter))}, err
	}
	f.meter = meters[0].Meter
	if f.Refusal = f.state(tx.Moment()); f.Refusal.Refused() {
		return f, nil
	}
	return vs.order(tx, by, f)
}

// guesses are the counts of wrong PINs that a redemption belongs to.
type guesses struct {
	counts []string // what is counted
	closed int64    // the limit that is reached for right PINs too; 0 for none
	tired  bool     // whoever redeems has tried too many
}

// countGuesses reads the counts and locks them, always in the same order.
func countGuesses(tx Tx, r Redemption, day string) (guesses, error) {
	var g guesses
	var own int64 // wrong PINs of whoever redeems; the first count
	for _, l := range r.limits() {
		wrong, err := tx.Vouchers().WrongPINs(l.count, day)
		if err != nil {
			return g, err
		}
		g.counts = append(g.counts, l.count)
		g.tired = g.tired || l.tires > 0 && wrong >= l.tires
		if l.closes > 0 && wrong >= l.closes {
			g.closed = l.closes
		}
		if l.guessers > 0 && wrong >= l.guessers && own > 0 {
			g.closed = cmp.Or(g.closed, l.guessers)
		}
		if l.count == r.Who {
			own = wrong
		}
	}
	return g, nil
}

// limit is how many wrong PINs one count allows in a day; 0 for no limit of that kind.
type limit struct {
	count  string
	tires  int64 // from then on a wrong PIN is answered with "too many", and a right one counts
	closes int64 // from then on right PINs are refused too
	// guessers closes the way for whoever has tried a wrong PIN on that day, from then on.
	guessers int64
}

// limits returns the counts that a redemption belongs to. Anybody can send messages in a stranger's name, so the senders share a count that others can
// use up. A page and whoever has signed in have tries of their own; all of them together have a limit that nobody reaches alone.
func (r Redemption) limits() []limit {
	switch r.Route {
	case ByStaff:
		return []limit{{count: r.Who, tires: MaxWrong, closes: MaxWrongPerson}, {count: "route " + string(r.Route), closes: MaxWrongStaff}}
	case ByPage:
		return []limit{{count: r.Who, tires: MaxWrong, closes: MaxWrongPage}, {count: "route " + string(r.Route), guessers: FewWrongPages, closes: MaxWrongPages}}
	}
	return []limit{{count: r.Who, tires: MaxWrong}, {count: "route " + string(r.Route), closes: MaxWrongMessages}}
}

// wrong is the answer to a wrong PIN.
func (g guesses) wrong() refusal.Refusal {
	if g.tired {
		return refuse.VoucherTooManyTries(MaxWrong)
	}
	return refuse.VoucherNotFound()
}

// add counts a wrong PIN.
func (g guesses) add(tx Tx, day string) error {
	for _, count := range g.counts {
		if err := tx.Vouchers().AddWrongPIN(count, day); err != nil {
			return err
		}
	}
	return nil
}

// serial returns the serial number of the voucher; empty if none was found.
func (f found) serial() string {
	if f.batch.Number == 0 {
		return ""
	}
	return f.batch.Serial(f.voucher.N)
}

// state refuses a voucher that cannot be redeemed for the meter.
func (f found) state(now time.Time) refusal.Refusal {
	serial := f.batch.Serial(f.voucher.N)
	switch {
	case f.voucher.State == Redeemed && f.voucher.Meter != f.meter:
		return refuse.VoucherUsed(serial)
	case f.voucher.State == Redeemed:
		return refusal.Refusal{}
	case f.voucher.State == Ended:
		return refuse.VoucherEnded(serial)
	case !f.batch.EndsAt.After(now):
		return refuse.VoucherExpired(serial)
	}
	return refusal.Refusal{}
}

// order finds out how the sale of a voucher is named and delivered, and notes who redeems it.
func (vs *Vouchers) order(tx Tx, by access.Actor, f found) (found, error) {
	pay := f.voucher.ID.Text(id.Payment)
	tries := 0
	if f.voucher.State == Redeemed {
		p, known, err := tx.Payments().PaymentByID(f.voucher.ID)
		if err != nil || !known || p.State == payment.Parked || p.State == payment.Refunded {
			f.Refusal = refuse.VoucherSaleReversed(f.batch.Serial(f.voucher.N), pay)
			return f, err
		}
		tries = p.Tries
	}
	f.ref = pay + "." + strconv.Itoa(tries)
	var err error
	if f.deliver, err = vs.c.Deliver(tx, f.meter); err != nil {
		return f, err
	}
	e := by.Entry("voucher.redeem", f.batch.Name())
	e.At, e.After = tx.Moment(), "serial="+f.batch.Serial(f.voucher.N)+" meter="+f.meter
	return f, tx.AuditLog(e)
}

// buy makes the sale of a voucher, or finds the one that it paid for.
func (vs *Vouchers) buy(ctx context.Context, by access.Actor, f found) (Outcome, error) {
	sold, err := vs.c.Seller.Sell(ctx, actor(by.Tenant), vending.Purchase{Meter: f.meter, Tender: f.batch.Face, Payment: f.voucher.ID,
		Deliver: f.deliver, ClientRef: f.ref})
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{Refusal: sold.Refusal, Serial: f.batch.Serial(f.voucher.N), Repeated: sold.Repeated, Sale: sold.Sale}, nil
}
