package tariff

import (
	"time"

	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/unit"
)

// AccountUse is what one account buys and uses, as far as that decides what another tariff means for it.
type AccountUse struct {
	Pays   money.Minor // the next purchase
	Carry  money.Minor // change from earlier purchases, which the next one uses
	Bought unit.Energy // bought in the local month, or used in it if the balance is on the server; free units are part of it
	Free   unit.Energy // the free part of Bought
	// FreeClaimed says that the free units of the month were given out.
	FreeClaimed bool
	Month       unit.Energy // used in a usual month
	Wallet      bool        // the balance is on the server
}

// Preview is what a tariff means for one account.
type Preview struct {
	// Refusal says why the tariff does not sell for that amount. Then Buys is 0.
	refusal.Refusal
	// Buys is the energy that the next purchase buys, without the charges and debts that are due; [MaxUpTo] if energy itself costs nothing.
	Buys       unit.Energy
	UsualMonth money.Minor // what a usual month costs, with fixed charges, levies and tax
}

// ChangePreview compares two tariffs for one account.
type ChangePreview struct {
	Before, After Preview
	// Cheaper says that the other tariff makes something cheaper: the next purchase, or one of the next twelve months of a quarter of, of
	// all of, or of four times the usual energy.
	Cheaper bool
}

// monthsAhead is how many months are compared. Prices by season come once a year.
const monthsAhead = 12

// PreviewChange compares what two tariffs mean for one account from a moment on. The usual month is the first whole local month after it.
func PreviewChange(before, after Body, u AccountUse, from time.Time, zone *time.Location) (out ChangePreview, err error) {
	if u.Wallet {
		before, after = before.withoutPurchases(), after.withoutPurchases()
	}
	if out.Before, err = before.preview(u); err != nil {
		return out, err
	}
	if out.After, err = after.preview(u); err != nil {
		return out, err
	}
	out.Cheaper = out.After.Buys > out.Before.Buys
	local := from.In(zone)
	for n := range monthsAhead {
		month := localday.Begin(local.Year(), local.Month()+time.Month(1+n), 1, zone).Format(MonthForm)
		for _, units := range []unit.Energy{u.Month, u.Month / 4, min(4*u.Month, MaxUpTo)} {
			was, err := before.Bill(MonthUse{Month: month, Units: units}, zone)
			if err != nil {
				return out, err
			}
			is, err := after.Bill(MonthUse{Month: month, Units: units}, zone)
			if err != nil {
				return out, err
			}
			if n == 0 && units == u.Month {
				out.Before.UsualMonth, out.After.UsualMonth = was.Paid, is.Paid
			}
			out.Cheaper = out.Cheaper || is.Paid < was.Paid
		}
	}
	return out, nil
}

// withoutPurchases returns the tariff without what belongs to purchases of tokens: a payment into a wallet pays no fee and gets no free units.
func (b Body) withoutPurchases() Body {
	b.Fee, b.Free, b.MinVend, b.MaxVend, b.Rounding = VendFee{}, Free{}, 0, 0, Carry
	return b
}

// preview works out the next purchase.
func (b Body) preview(u AccountUse) (out Preview, err error) {
	if b.ForTokens().Refused() { // the price depends on when the energy is used
		out.Buys, err = b.AffordableLess(u.Pays+u.Carry, 0)
		return out, err
	}
	p := Purchase{Body: b, Tender: u.Pays, Carry: u.Carry, Month: u.Bought}
	if b.Free.Apart {
		p.Month -= u.Free
	}
	p.Month -= p.Month % unit.Quantum // a wallet counts watt-hours
	if !u.FreeClaimed {
		p.Free = b.Free.Units
	}
	a, err := Allocate(p)
	if err != nil {
		return out, err
	}
	return Preview{Buys: a.Units + a.Free, Refusal: a.Refusal}, nil
}
