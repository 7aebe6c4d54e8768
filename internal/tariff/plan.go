package tariff

import (
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/unit"
)

// planName is the name of the fixed charge for a plan of a period.
const planName = "plan"

// DaysOf returns the sum of all fixed charges, with tax, for the given number of days of a month of 31 days. The number is at most 28.
func (b Body) DaysOf(days int) (sum money.Minor, err error) {
	for _, f := range b.Fixed {
		due, err := b.FixedDue(f, 2026, time.January, 1, min(days, 28))
		if err != nil {
			return 0, err
		}
		sum += due
	}
	return sum, nil
}

// unfold turns a plan into a price. An amount for an energy becomes the corresponding flat price. An amount for a period becomes a fixed
// charge, and energy itself costs nothing. A plan that is not a whole number of millionths per kilowatt-hour is refused, because rounding
// would change the price.
func (d *Document) unfold() refusal.Refusal {
	p := d.Plan
	if p == nil {
		return refusal.Refusal{}
	}
	cur, ok := money.CurrencyOf(d.Currency)
	switch {
	case !ok:
		return refuse.TariffCurrencyUnknown(refusal.Echo(d.Currency))
	case d.given() > 0 || len(d.Seasons) > 0 || d.PlanWh != 0:
		return refuse.TariffPlanAndPrice()
	case p.AmountMinor <= 0 || money.Minor(p.AmountMinor) > MaxPart:
		return refuse.TariffAmountOutOfRange("plan.amount_minor", p.AmountMinor, 1, int64(MaxPart))
	case (p.UnitsWh != 0) == (p.Per != ""):
		return refuse.TariffPlanOfWrongForm()
	case p.Per != "":
		if r := period(func(name string) string { return "plan." + name }, Period(p.Per)); r.Refused() {
			return r
		}
		free := int64(0)
		d.FlatMicro = &free
		d.Fixed = append([]apiv1.FixedCharge{{Name: planName, AmountMinor: p.AmountMinor, Per: p.Per}}, d.Fixed...)
		return refusal.Refusal{}
	case p.UnitsWh < 0 || unit.Energy(p.UnitsWh) > MaxUpTo:
		return refuse.TariffPlanEnergyOutOfRange(p.UnitsWh, int64(MaxUpTo))
	}
	// The price in millionths of the major unit for a kilowatt-hour is amount / 10^exp * 10^6 / (units / 1000).
	num, den := p.AmountMinor, p.UnitsWh
	scale := money.PowerOfTen(6-cur.Exp) * int64(unit.KilowattHour)
	down, err := money.MulDiv(num, scale, den, money.Floor)
	up, err2 := money.MulDiv(num, scale, den, money.Ceil)
	if err != nil || err2 != nil || down != up {
		return refuse.TariffPlanNotWhole(of(money.Minor(p.AmountMinor), cur), p.UnitsWh)
	}
	d.FlatMicro, d.PlanWh = &down, p.UnitsWh
	return refusal.Refusal{}
}
