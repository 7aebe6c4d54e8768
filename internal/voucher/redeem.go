package voucher

import (
	"context"
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
)

// Redemption is a PIN that somebody redeems for a meter.
type Redemption struct {
	PIN   string
	Meter string // number, or what else a payer may type
	// Who is counted for wrong PINs: a telephone, a page, an address. Empty counts the actor.
	Who string
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
// comes. If the sale is refused, the voucher stays active.
func (vs *Vouchers) Redeem(ctx context.Context, by access.Actor, r Redemption) (Outcome, error) {
	if no := by.Needs(access.Sell); no.Refused() {
		return Outcome{Refusal: no}, nil
	}
	pin, can := ReadPIN(r.PIN)
	if !can {
		return Outcome{Refusal: refuse.VoucherPinMistyped(strconv.Itoa(PINDigits))}, nil
	}
	if r.Who == "" {
		r.Who = by.String()
	}
	var out Outcome
	for n := 0; ; n++ {
		f, err := access.Through(ctx, vs.c.Door, by.Tenant, func(tx Tx) (found, error) { return vs.find(tx, by, r, pin) })
		if err != nil || f.Refusal.Refused() {
			return Outcome{Refusal: f.Refusal, Serial: f.serial()}, fault.Wrap(err, "find a voucher")
		}
		if out, err = vs.buy(ctx, by, f); err != nil || !out.Refused() || !out.raced() || n == maxRaces {
			return out, fault.Wrap(err, "redeem voucher %s", f.batch.Serial(f.voucher.N))
		}
	}
}

// find finds the voucher of a PIN and the meter that it is for.
func (vs *Vouchers) find(tx Tx, by access.Actor, r Redemption, pin string) (found, error) {
	day := tx.Moment().Format(time.DateOnly)
	wrong, err := tx.Vouchers().WrongPINs(r.Who, day)
	if err != nil || wrong >= MaxWrong {
		return found{Refusal: refuse.VoucherTooManyTries(MaxWrong)}, err
	}
	v, known, err := tx.Vouchers().VoucherByPIN(sale.KeyedHashes(vs.c.Sealer, pinContext, []byte(pin)))
	if err != nil {
		return found{}, err
	}
	if !known || v.State == Made || v.State == Cancelled {
		return found{Refusal: refuse.VoucherNotFound()}, tx.Vouchers().AddWrongPIN(r.Who, day)
	}
	f := found{voucher: v}
	if f.batch, known, err = tx.Vouchers().BatchByID(v.Batch); err != nil || !known {
		return f, err
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
