package tariff

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/unit"
)

// RatingState is the state of rating one account's consumption, in wallet mode. The zero value is an account that has used
// nothing.
type RatingState struct {
	Rest  int64       // cost that is not debited yet: less than one minor unit, in 10⁻¹³ of the major unit
	Month string      // local month of Used, "2026-11"
	Used  unit.Energy // energy used in that month
}

// Use is energy that was used between two times.
type Use struct {
	From  time.Time // inclusive
	To    time.Time // exclusive
	Units unit.Energy
}

// Rated is the cost of consumption. The debits of an account sum to the floor of its exact cost, however the consumption is divided into
// reports.
type Rated struct {
	Debit     money.Minor // including levies and tax
	Parts     []Part
	Estimated bool // a price changed between the two times, so the energy was shared by time
}

// Part is the energy at one rate.
type Part struct {
	Name  string // name of a rate by time of use; empty for a flat price and blocks
	Units unit.Energy
	Rate  money.MicroRate
}

// MaxSpan is the longest time between the two times of a [Use]. [Body.Rate] refuses a longer time, because readings must have been lost.
const MaxSpan = 400 * 24 * time.Hour

// ErrUse means that consumption is negative or lies between times that no meter reports.
var ErrUse = errors.New("tariff: consumption cannot be rated")

// Rate prices consumption in wallet mode (docs/reference/wallets.md#from-a-reading-to-money). It calculates exactly: the returned state
// holds the rest below a minor unit. Blocks count the consumption of the local month. If the price changes during the use, the energy is
// shared by time, and the sum up to each change is rounded down.
func (b Body) Rate(m RatingState, zone *time.Location, u Use) (RatingState, Rated, error) {
	cur, ok := money.CurrencyOf(b.Currency)
	if !ok || u.Units < 0 || u.To.Before(u.From) || u.To.Sub(u.From) > MaxSpan {
		return m, Rated{}, fmt.Errorf("%w: %d Wh from %s to %s", ErrUse, u.Units, u.From, u.To)
	}
	r := rating{body: b, meter: m, cost: money.Product(m.Rest, 1)}
	whole := int64(u.To.Sub(u.From))
	var given unit.Energy
	for at := u.From.In(zone); ; {
		next := b.until(at)
		share, last := u.Units, !next.Before(u.To)
		if !last {
			part, err := money.MulDiv(int64(u.Units), int64(next.Sub(u.From)), whole, money.Floor)
			if err != nil {
				return m, Rated{}, fmt.Errorf("share %d Wh by time: %w", u.Units, err)
			}
			share = unit.Energy(part)
		}
		if err := r.use(at, share-given); err != nil {
			return m, Rated{}, err
		}
		if given = share; last {
			break
		}
		if !next.After(at) {
			return m, Rated{}, fmt.Errorf("%w: no price applies after %s", ErrUse, at)
		}
		r.out.Estimated, at = true, next
	}
	if len(r.out.Parts) < 2 && len(b.Blocks) < 2 {
		r.out.Estimated = false // the price did not change
	}
	return r.settle(scale(cur))
}

// UseCost returns the cost of energy at the rates at which it was rated, rounded down. The second result is false if one of these rates is
// not a price of this tariff.
func (b Body) UseCost(parts []Part) (cost money.Minor, known bool, err error) {
	cur, ok := money.CurrencyOf(b.Currency)
	if !ok {
		return 0, false, fmt.Errorf("%w: a currency %s", ErrUse, b.Currency)
	}
	r := rating{body: b}
	for _, p := range parts {
		if p.Units < 0 || !b.sells(p) {
			return 0, false, nil
		}
		if err := r.add(p); err != nil {
			return 0, false, err
		}
	}
	_, rated, err := r.settle(scale(cur))
	return rated.Debit, true, err
}

// sells reports whether the tariff has this rate in any block, season or time of use.
func (b Body) sells(p Part) bool {
	in := func(blocks []Block, tou *TOU) bool {
		if tou != nil {
			return slices.ContainsFunc(tou.Rates, func(r Rate) bool { return r.Name == p.Name && r.Rate == p.Rate })
		}
		return p.Name == "" && slices.ContainsFunc(blocks, func(o Block) bool { return o.Rate == p.Rate })
	}
	if len(b.Seasons) == 0 {
		return in(b.Blocks, b.TOU)
	}
	return slices.ContainsFunc(b.Seasons, func(s Season) bool { return in(s.Blocks, s.TOU) })
}

// rating is the work of one call of Rate.
type rating struct {
	body  Body
	meter RatingState
	cost  money.Exact
	out   Rated
}

// use prices energy that was used between the given time and the next change of price.
func (r *rating) use(at time.Time, units unit.Energy) error {
	if month := at.Format("2006-01"); month != r.meter.Month {
		r.meter.Month, r.meter.Used = month, 0
	}
	blocks, tou := r.body.priceAt(at)
	if tou != nil {
		rate := tou.Rates[tou.rateAt(at)]
		r.meter.Used += units
		return r.add(Part{Name: rate.Name, Units: units, Rate: rate.Rate})
	}
	for _, b := range blocks {
		if b.UpTo != 0 && b.UpTo <= r.meter.Used {
			continue
		}
		part := units
		if b.UpTo != 0 {
			part = min(part, b.UpTo-r.meter.Used)
		}
		if err := r.add(Part{Units: part, Rate: b.Rate}); err != nil {
			return err
		}
		r.meter.Used += part
		if units -= part; units == 0 {
			break
		}
	}
	return nil
}

func (r *rating) add(p Part) error {
	if p.Units == 0 {
		return nil
	}
	price, err := r.body.price(p.Rate)
	if err != nil {
		return err
	}
	if r.cost, err = r.cost.Add(money.Product(price, int64(p.Units))); err != nil {
		return err
	}
	for i := range r.out.Parts {
		if o := &r.out.Parts[i]; o.Name == p.Name && o.Rate == p.Rate {
			o.Units += p.Units
			return nil
		}
	}
	r.out.Parts = append(r.out.Parts, p)
	return nil
}

// settle debits whole minor units and keeps the rest.
func (r *rating) settle(scale int64) (RatingState, Rated, error) {
	debit, err := r.cost.Div(scale, money.Floor)
	if err != nil {
		return r.meter, Rated{}, err
	}
	rest, err := r.cost.Sub(money.Product(debit, scale))
	if err != nil {
		return r.meter, Rated{}, err
	}
	if r.meter.Rest, err = rest.Div(1, money.Floor); err != nil {
		return r.meter, Rated{}, err
	}
	r.out.Debit = money.Minor(debit)
	return r.meter, r.out, nil
}

// priceAt returns the price of the season at a local time.
func (b Body) priceAt(at time.Time) ([]Block, *TOU) {
	if len(b.Seasons) == 0 {
		return b.Blocks, b.TOU
	}
	today := MonthDay{at.Month(), at.Day()}
	season := b.Seasons[len(b.Seasons)-1] // before the first season begins, last year's last season continues
	for _, s := range b.Seasons {
		if !today.Before(s.From) {
			season = s
		}
	}
	return season.Blocks, season.TOU
}

// dayAt returns the type of a local day.
func (t *TOU) dayAt(at time.Time) Day {
	date := Date(at.Format(time.DateOnly))
	for _, h := range t.Holidays {
		if h.Date == date {
			return h.As
		}
	}
	return Day((at.Weekday() + 6) % 7)
}

// rateAt returns the rate at a local time.
func (t *TOU) rateAt(at time.Time) int {
	day, clock := t.dayAt(at), Clock(at.Hour()*60+at.Minute())
	for _, w := range t.Windows {
		if w.Days.Has(day) && w.From <= clock && clock < w.To {
			return w.Rate
		}
	}
	return t.Otherwise
}

// until returns the next time at which the price may change. For a price by time of use, this is a window's edge, a new day or a change of
// the clocks. For other prices, it is a new month or a season's first day. Windows follow the local clock: in an hour that comes twice they
// apply twice.
func (b Body) until(at time.Time) time.Time {
	_, tou := b.priceAt(at)
	if tou == nil {
		return b.untilDay(at)
	}
	next := localday.Next(at)
	if _, changed := at.ZoneBounds(); changed.After(at) && changed.Before(next) {
		next = changed // up to that time the local clock runs evenly
	}
	hour, minute, second := at.Clock()
	midnight := at.Add(-time.Duration(hour)*time.Hour - time.Duration(minute)*time.Minute -
		time.Duration(second)*time.Second - time.Duration(at.Nanosecond()))
	kind := tou.dayAt(at)
	for _, w := range tou.Windows {
		if !w.Days.Has(kind) {
			continue
		}
		for _, c := range [2]Clock{w.From, w.To} {
			if edge := midnight.Add(time.Duration(c) * time.Minute); edge.After(at) && edge.Before(next) {
				next = edge
			}
		}
	}
	return next
}

// untilDay returns the beginning of the next month or season.
func (b Body) untilDay(at time.Time) time.Time {
	year, month, _ := at.Date()
	next := localday.Begin(year, month+1, 1, at.Location())
	for _, s := range b.Seasons {
		if first := localday.Begin(year, s.From.Month, s.From.Day, at.Location()); first.After(at) && first.Before(next) {
			next = first
		}
	}
	return next
}

// Dearest returns the highest price of a kilowatt-hour that may apply at some time.
func (b Body) Dearest() money.MicroRate {
	var most money.MicroRate
	for _, r := range b.rates() {
		most = max(most, r)
	}
	return most
}

// AffordableLess returns the energy that an amount pays for at the dearest price, with levies and tax, rounded down. This is how much
// energy a meter may supply before it must ask again (docs/reference/supply.md#leases). If energy itself costs nothing, it returns
// [MaxUpTo]. The parameter rest is the cost of use that is not debited yet, because it is less than a minor unit. Its unit is that of
// [RatingState]'s Rest. The function first deducts this cost from the amount. So after the use of 1 kWh at the dearest price, the result is
// exactly 1 kWh lower.
func (b Body) AffordableLess(available money.Minor, rest int64) (unit.Energy, error) {
	cur, ok := money.CurrencyOf(b.Currency)
	if !ok || available <= 0 {
		return 0, nil
	}
	price, err := b.price(b.Dearest())
	switch {
	case err != nil:
		return 0, err
	case price == 0: // fixed charges pay for time, and energy costs nothing
		return MaxUpTo, nil
	}
	hi, lo := bits.Mul64(uint64(available), uint64(scale(cur)))
	lo, borrow := bits.Sub64(lo, uint64(max(rest, 0)), 0)
	if hi < borrow {
		return 0, nil
	}
	if hi -= borrow; hi >= uint64(price) {
		return maxAffordable, nil
	}
	wh, _ := bits.Div64(hi, lo, uint64(price))
	return unit.Energy(min(wh, uint64(maxAffordable))), nil
}

// maxAffordable is the largest result of AffordableLess: 1 TWh, beyond every meter and far below overflow.
const maxAffordable unit.Energy = 1_000_000_000_000

// Split is how a debit of [Body.Rate] is divided in the books.
type Split struct {
	Net    money.Minor // energy, without levies and tax
	Levies []LevyPart
	VAT    money.Minor
}

// SplitUse splits a debit by the rates of its energy: first the untaxed levies, then the tax contained in the rest, rounded half up, then
// the taxed levies. The remaining amount is the price of the energy. The levies are rounded half up as in a sale, and never exceed the
// amount.
func (b Body) SplitUse(debit money.Minor, parts []Part) (Split, error) {
	cur, ok := money.CurrencyOf(b.Currency)
	if !ok || debit < 0 {
		return Split{}, fmt.Errorf("%w: a debit of %d %s", ErrUse, debit, b.Currency)
	}
	a := Allocation{Net: debit}
	for _, p := range parts {
		a.Steps = append(a.Steps, Step{Units: p.Units, Rate: p.Rate})
	}
	for _, l := range b.Levies {
		a.Levies = append(a.Levies, LevyPart{Levy: l})
	}
	if err := a.collect(true, scale(cur)); err != nil {
		return Split{}, err
	}
	var err error
	if a.VAT, err = money.TaxIn(a.Net, b.VATBps); err != nil {
		return Split{}, err
	}
	a.Net -= a.VAT
	err = a.collect(false, scale(cur))
	return Split{Net: a.Net, Levies: a.Levies, VAT: a.VAT}, err
}

// CostOf returns the greatest cost of energy: at the dearest price, with levies and tax, rounded up.
func (b Body) CostOf(units unit.Energy) (money.Minor, error) {
	cur, ok := money.CurrencyOf(b.Currency)
	if !ok || units < 0 {
		return 0, fmt.Errorf("%w: %d Wh in %s", ErrUse, units, b.Currency)
	}
	price, err := b.price(b.Dearest())
	if err != nil {
		return 0, err
	}
	cost, err := money.MulDiv(price, int64(units), scale(cur), money.Ceil)
	return money.Minor(cost), err
}
