package tariff

import (
	"slices"
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
	// Cheaper says that the other tariff makes something cheaper for anybody: a purchase, one of the next twelve months, or a kilowatt-hour at some
	// time. What the account itself has bought and used does not decide it: whoever wants another tariff may choose that.
	Cheaper bool
}

// What is compared in any case, whatever the account buys and uses.
const (
	NewMonth    = 100 * unit.KilowattHour // the usual month of a new account
	NewPurchase = 20 * unit.KilowattHour  // the next purchase of a new account

	monthsAhead = 12 // prices by season come once a year
	// mostLevels is how many levels of use are compared at most. Two tariffs that need more differ so much that a second person decides.
	mostLevels = 100
)

// PreviewChange compares what two tariffs mean for one account from a moment on. The usual month is the first whole local month after it.
func PreviewChange(before, after Body, u AccountUse, from time.Time, zone *time.Location) (out ChangePreview, err error) {
	if u.Wallet {
		before, after = before.withoutPurchases(), after.withoutPurchases()
	}
	if out.Before, err = before.previewPurchase(u); err != nil {
		return out, err
	}
	if out.After, err = after.previewPurchase(u); err != nil {
		return out, err
	}
	out.Cheaper = out.After.Buys > out.Before.Buys
	for _, units := range []unit.Energy{NewPurchase, 4 * NewMonth} {
		more, err := buysMore(before, after, u, units)
		if err != nil {
			return out, err
		}
		out.Cheaper = out.Cheaper || more
	}
	less, err := cheaperAtSomeTime(before, after)
	if err != nil {
		return out, err
	}
	levels := comparedLevels(before, after, u.Month)
	out.Cheaper = out.Cheaper || less || len(levels) > mostLevels
	local := from.In(zone)
	for n := range monthsAhead {
		begin := localday.Begin(local.Year(), local.Month()+time.Month(1+n), 1, zone)
		if less, err = cheaperAfterBlocks(before, after, begin); err != nil {
			return out, err
		}
		out.Cheaper = out.Cheaper || less
		month := begin.Format(MonthForm)
		for _, units := range levels[:min(len(levels), mostLevels)] {
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

// comparedLevels returns the energy of the months that are compared: the usual one first, then those around it, and those at which a price of one of
// the tariffs changes. Between them, the costs rise evenly.
func comparedLevels(before, after Body, usual unit.Energy) []unit.Energy {
	levels := []unit.Energy{0}
	for _, month := range []unit.Energy{usual, NewMonth} {
		levels = append(levels, month/4, month, 4*month)
	}
	for _, b := range []Body{before, after} {
		levels = append(levels, b.Free.Units)
		for _, limit := range b.listLimits() {
			levels = append(levels, limit)
			if b.Free.Apart && b.Free.Units > 0 {
				levels = append(levels, limit+b.Free.Units)
			}
		}
	}
	levels = append(levels, 2*slices.Max(levels))
	for i := range levels {
		levels[i] = min(levels[i], MaxUpTo)
	}
	slices.Sort(levels)
	levels = slices.Compact(levels)
	first := slices.Index(levels, min(usual, MaxUpTo))
	levels[0], levels[first] = levels[first], levels[0]
	return levels
}

// listLimits lists the limits of the blocks of a tariff.
func (b Body) listLimits() []unit.Energy {
	var out []unit.Energy
	list := func(blocks []Block) {
		for _, k := range blocks {
			if k.UpTo > 0 {
				out = append(out, k.UpTo)
			}
		}
	}
	list(b.Blocks)
	for _, s := range b.Seasons {
		list(s.Blocks)
	}
	return out
}

// cheaperAfterBlocks reports whether energy beyond all blocks is cheaper on the other tariff, in a month in which neither has time of use.
func cheaperAfterBlocks(before, after Body, month time.Time) (bool, error) {
	was, _ := before.priceAt(month)
	is, _ := after.priceAt(month)
	if len(was) == 0 || len(is) == 0 {
		return false, nil // cheaperAtSomeTime compares them
	}
	most, err := before.price(was[len(was)-1].Rate)
	if err != nil {
		return false, err
	}
	least, err := after.price(is[len(is)-1].Rate)
	return least < most, err
}

// cheaperAtSomeTime reports whether a kilowatt-hour may be cheaper on the other tariff if it is used at the right time. Without prices that change
// within a month it may not.
func cheaperAtSomeTime(before, after Body) (bool, error) {
	if !before.changesInMonth() && !after.changesInMonth() {
		return false, nil
	}
	most, err := before.price(before.Dearest())
	if err != nil {
		return false, err
	}
	least, err := after.price(slices.Min(after.rates()))
	return least < most, err
}

// changesInMonth reports whether the price of a tariff depends on when energy is used in a month: a bill, which spreads energy evenly, hides that.
func (b Body) changesInMonth() bool {
	return b.TOU != nil || slices.ContainsFunc(b.Seasons, func(s Season) bool { return s.TOU != nil || s.From.Day > 1 })
}

// buysMore reports whether the price of some energy buys more on the other tariff. A tariff that sells nothing for that amount is not compared.
func buysMore(before, after Body, u AccountUse, units unit.Energy) (bool, error) {
	u.Pays = 0
	for _, b := range []Body{before, after} {
		cost, err := b.CostOf(units)
		if err != nil {
			return false, err
		}
		u.Pays = max(u.Pays, min(cost, money.MaxMinor))
	}
	was, err := before.previewPurchase(u)
	if err != nil {
		return false, err
	}
	is, err := after.previewPurchase(u)
	return !was.Refused() && !is.Refused() && is.Buys > was.Buys, err
}

// withoutPurchases returns the tariff without what belongs to purchases of tokens: a payment into a wallet pays no fee and gets no free units.
func (b Body) withoutPurchases() Body {
	b.Fee, b.Free, b.MinVend, b.MaxVend, b.Rounding = VendFee{}, Free{}, 0, 0, Carry
	return b
}

// previewPurchase works out the next purchase.
func (b Body) previewPurchase(u AccountUse) (out Preview, err error) {
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
