package tariff

import (
	"cmp"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/unit"
)

// Period is how often a fixed charge falls due.
type Period string

// Periods of a fixed charge.
const (
	PerMonth Period = "month" // a part of a month is charged by days, with the cumulative method
	PerDay   Period = "day"
)

// FixedCharge falls due with time, whether or not anything is bought. Like all amounts of a tariff, it is without tax.
type FixedCharge struct {
	Name     string
	Amount   money.Minor // for a whole month or for a day
	Per      Period
	Untaxed  bool
	Uncapped bool // whether the charge is outside the ceiling of capped charges
	Priority int  // 0 means FixedPriority
}

// Levy is collected for another body with every kilowatt-hour: a rate of its own, or a percentage of the price.
type Levy struct {
	Name    string          // also the subject of its levy_payable account
	Rate    money.MicroRate // amount per kilowatt-hour, without tax; 0 if Percent is set
	Percent money.Bps       // share of the energy's price without tax; the resulting rate is rounded half up to a millionth
	Untaxed bool            // whether the levy is free of value added tax
}

// Of returns the levy on a kilowatt-hour that costs rate without tax.
func (l Levy) Of(rate money.MicroRate) (money.MicroRate, error) {
	if l.Percent == 0 {
		return l.Rate, nil
	}
	part, err := money.MulDiv(int64(rate), int64(l.Percent), int64(money.Whole), money.HalfUp)
	return money.MicroRate(part), err
}

// Free are basic units that an account gets every local month without paying, on a token of their own.
type Free struct {
	Units  unit.Energy     // a multiple of 100 Wh; 0 if there are no free units
	Funded money.MicroRate // price that a programme pays for a kilowatt-hour, without tax; 0 if no programme pays
	Apart  bool            // whether they do not count towards the month's blocks
}

// VendFee is taken from every purchase before anything else.
type VendFee struct {
	Amount   money.Minor // without tax; 0 for no fee
	Untaxed  bool
	Priority int // 0 means FeePriority
}

// Limits of a tariff's fixed charges, levies, free units and fee.
const (
	MaxFixed  = 16
	MaxLevies = 8
	// MaxPart is the largest amount of a fixed charge or a fee. Even a month of daily charges of this amount, with tax, stays below
	// [money.MaxMinor].
	MaxPart = money.MaxMinor / 100
	// MaxPriority is the last priority of a charge. Energy comes after all charges.
	MaxPriority = 89
)

// extras reads all parts of the tariff except its price.
func (d Document) extras(b *Body) {
	for _, l := range d.Levies {
		b.Levies = append(b.Levies, Levy{Name: l.Name, Rate: money.MicroRate(l.RateMicro), Percent: bps(l.PercentBps), Untaxed: l.Untaxed})
	}
	for _, f := range d.Fixed {
		b.Fixed = append(b.Fixed, FixedCharge{Name: f.Name, Amount: money.Minor(f.AmountMinor), Per: Period(f.Per), Untaxed: f.Untaxed,
			Uncapped: f.Uncapped, Priority: f.Priority})
	}
	if f := d.VendFee; f != nil {
		b.Fee = VendFee{Amount: money.Minor(f.AmountMinor), Untaxed: f.Untaxed, Priority: f.Priority}
	}
	if f := d.FreeUnits; f != nil {
		b.Free = Free{Units: unit.Energy(f.UnitsWh), Funded: money.MicroRate(f.FundedMicro), Apart: f.CountsInBlocks != nil && !*f.CountsInBlocks}
	}
}

// addExtras writes all parts of the tariff except its price.
func (b Body) addExtras(d *Document) {
	for _, l := range b.Levies {
		d.Levies = append(d.Levies, apiv1.Levy{Name: l.Name, RateMicro: int64(l.Rate), PercentBps: int64(l.Percent), Untaxed: l.Untaxed})
	}
	for _, f := range b.Fixed {
		d.Fixed = append(d.Fixed, apiv1.FixedCharge{Name: f.Name, AmountMinor: int64(f.Amount), Per: string(f.Per), Untaxed: f.Untaxed,
			Uncapped: f.Uncapped, Priority: f.Priority})
	}
	if b.Fee.Amount != 0 {
		d.VendFee = &apiv1.VendFee{AmountMinor: int64(b.Fee.Amount), Untaxed: b.Fee.Untaxed, Priority: b.Fee.Priority}
	}
	if b.Free.Units != 0 {
		counts := !b.Free.Apart
		d.FreeUnits = &apiv1.FreeUnits{UnitsWh: int64(b.Free.Units), FundedMicro: int64(b.Free.Funded), CountsInBlocks: &counts}
	}
}

func (b Body) validateExtras() refusal.Refusal {
	if r := b.validateFixed(); r.Refused() {
		return r
	}
	if r := b.validateLevies(); r.Refused() {
		return r
	}
	if r := part(func(name string) string { return "vend_fee." + name }, b.Fee.Amount, 0, b.Fee.Priority); r.Refused() {
		return r
	}
	f := b.Free
	if f.Units < 0 || f.Units > unit.MaxToken || f.Units%unit.Quantum != 0 {
		return refuse.TariffFreeUnitsOutOfRange(int64(f.Units), int64(unit.Quantum), int64(unit.MaxToken))
	}
	if f.Funded < 0 || f.Funded > MaxRate {
		return refuse.TariffFundingOutOfRange(int64(f.Funded), int64(MaxRate))
	}
	if f.Units == 0 && (f.Funded != 0 || f.Apart) {
		return refuse.TariffFreeUnitsMissing()
	}
	if b.MaxDeduction < 0 || b.MaxDeduction > money.Whole {
		return refuse.TariffCeilingOutOfRange(int64(b.MaxDeduction), int64(money.Whole))
	}
	return refusal.Refusal{}
}

func (b Body) validateFixed() refusal.Refusal {
	if len(b.Fixed) > MaxFixed {
		return refuse.TariffListOfWrongLength("fixed", 0, MaxFixed, int64(len(b.Fixed)))
	}
	names := map[string]bool{}
	for i, f := range b.Fixed {
		at := func(name string) string { return fmt.Sprintf("fixed[%d].%s", i, name) }
		if r := ownName(at, f.Name, names); r.Refused() {
			return r
		}
		if r := part(at, f.Amount, 1, f.Priority); r.Refused() {
			return r
		}
		if r := period(at, f.Per); r.Refused() {
			return r
		}
	}
	return refusal.Refusal{}
}

// period checks how often a charge falls due. The parameter field makes the full name of a field for a refusal, such as "fixed[0].per".
func period(field func(string) string, per Period) refusal.Refusal {
	if per != PerMonth && per != PerDay {
		return refuse.TariffPeriodUnknown(field("per"), refusal.Echo(string(per)))
	}
	return refusal.Refusal{}
}

func (b Body) validateLevies() refusal.Refusal {
	if len(b.Levies) > MaxLevies {
		return refuse.TariffListOfWrongLength("levies", 0, MaxLevies, int64(len(b.Levies)))
	}
	names := map[string]bool{}
	for i, l := range b.Levies {
		at := func(name string) string { return fmt.Sprintf("levies[%d].%s", i, name) }
		if r := ownName(at, l.Name, names); r.Refused() {
			return r
		}
		switch {
		case (l.Rate != 0) == (l.Percent != 0):
			return refuse.TariffLevyOfWrongForm(fmt.Sprintf("levies[%d]", i))
		case l.Rate < 0 || l.Rate > MaxRate:
			return refuse.TariffPriceOutOfRange(at("rate_micro"), int64(l.Rate), int64(MaxRate))
		case l.Percent < 0 || l.Percent > money.Whole:
			return refuse.TariffShareOutOfRange(at("percent_bps"), int64(l.Percent), 1, int64(money.Whole))
		}
	}
	for _, rate := range b.rates() {
		sum := rate
		for _, l := range b.Levies {
			part, err := l.Of(rate)
			if sum += part; err != nil || sum > MaxRate {
				return refuse.TariffPriceWithLeviesTooHigh(int64(MaxRate))
			}
		}
	}
	return refusal.Refusal{}
}

// part checks the amount and the priority of a fixed charge or a fee. The parameter least is the smallest allowed amount. Priority 0 is the
// default. The parameter field makes the full name of a field for a refusal, such as "fixed[0].priority".
func part(field func(string) string, amount, least money.Minor, priority int) refusal.Refusal {
	if amount < least || amount > MaxPart {
		return refuse.TariffAmountOutOfRange(field("amount_minor"), int64(amount), int64(least), int64(MaxPart))
	}
	if priority < 0 || priority > MaxPriority {
		return refuse.TariffPriorityOutOfRange(field("priority"), int64(priority), MaxPriority)
	}
	return refusal.Refusal{}
}

// taxOf returns the tax rate of a part that may be untaxed.
func (b Body) taxOf(untaxed bool) money.Bps {
	if untaxed {
		return 0
	}
	return b.VATBps
}

// withTax returns an amount with its tax, rounded half up.
func withTax(net money.Minor, v money.Bps) (money.Minor, error) {
	tax, err := money.Share(net, v, money.HalfUp)
	return net + tax, err
}

// FixedVAT returns the rate of the tax that [Body.FixedDue] includes in a charge.
func (b Body) FixedVAT(f FixedCharge) money.Bps { return b.taxOf(f.Untaxed) }

// FixedDue returns a fixed charge for some days of a local month, with its tax. The parameters from and to are the first and the last of
// these days. However a month is divided, its parts sum exactly to the month's amount. To achieve this, a monthly amount and the tax on a
// daily amount are divided by the cumulative method (docs/reference/money.md#fixed-charges).
func (b Body) FixedDue(f FixedCharge, year int, month time.Month, from, to int) (money.Minor, error) {
	length := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	if from < 1 || to < from || to > length {
		return 0, fmt.Errorf("fixed charge %s: days %d to %d of a month of %d", f.Name, from, to, length)
	}
	if f.Per != PerDay {
		whole, err := withTax(f.Amount, b.FixedVAT(f))
		if err != nil {
			return 0, err
		}
		return money.Accrued(whole, from, to, length)
	}
	last, err := withTax(f.Amount*money.Minor(to), b.FixedVAT(f))
	if err != nil {
		return 0, err
	}
	before, err := withTax(f.Amount*money.Minor(from-1), b.FixedVAT(f))
	return last - before, err
}

// perPurchase returns the charges that every purchase pays, and the part of them that is revenue, without tax.
func (b Body) perPurchase() (charges []Charge, revenue money.Minor, err error) {
	if f := b.Fee; f.Amount > 0 {
		c := Charge{Kind: Fee, Priority: cmp.Or(f.Priority, FeePriority), Mode: Amount, Endless: true, VATBps: b.taxOf(f.Untaxed)}
		if c.Amount, err = withTax(f.Amount, c.VATBps); err != nil {
			return nil, 0, err
		}
		charges, revenue = append(charges, c), revenue+f.Amount
	}
	return charges, revenue, nil
}

// Funding returns the debt of a programme for free units (P10 of docs/reference/postings.md): the amount and the tax on it, each rounded
// half up.
func (b Body) Funding(units unit.Energy) (net, vat money.Minor, err error) {
	cur, ok := money.CurrencyOf(b.Currency)
	if !ok || units < 0 {
		return 0, 0, errPurchase
	}
	n, err := money.Product(int64(b.Free.Funded)*int64(money.Whole), int64(units)).Div(scale(cur), money.HalfUp)
	if err != nil {
		return 0, 0, err
	}
	vat, err = money.Share(money.Minor(n), b.VATBps, money.HalfUp)
	return money.Minor(n), vat, err
}
