package registry

import (
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// A change of a tariff is judged by what it would cost this customer, and any other: see [tariff.PreviewChange].

// Limits of the comparison.
const (
	usualMonths = 3 // whole months before this one; their mean is the usual month
	// mostCompared is how many moments are compared at most: the change, and each later version of one of the two tariffs. With more, a second
	// person decides.
	mostCompared = 12
)

// compareTariffs fills in what a change means for the account, and whether one person may make it.
func (r *Registry) compareTariffs(tx Tx, p TariffPlan, a PricedAccount, of tariffPair, now time.Time) (TariffPlan, error) {
	s, err := tx.TenantSettings()
	if err != nil {
		return TariffPlan{}, err
	}
	zone, err := localday.LoadZone(s.TZ)
	if err != nil {
		return TariffPlan{}, fmt.Errorf("time zone of the tenant: %w", err)
	}
	found := false
	if p.After, found, err = tx.Tariffs().TariffVersionAt(of.after, p.From); err != nil {
		return TariffPlan{}, err
	}
	if !found {
		name, _, err := tx.Tariffs().TariffName(of.after)
		return TariffPlan{Refusal: refuse.TariffChangeNotBegun(name, p.From)}, err
	}
	p.Currency = p.After.Body.Currency
	known := false
	if p.Before, known, err = tx.Tariffs().TariffVersionAt(of.before, p.From); err != nil {
		return TariffPlan{}, err
	}
	if !known { // nothing was priced yet, so nothing can be compared
		p.Before.TariffID = of.before
		p.Before.Name, _, err = tx.Tariffs().TariffName(of.before)
		return p, err
	}
	if p.Use, err = accountUse(tx, a, p, now.In(zone), zone); err != nil {
		return TariffPlan{}, err
	}
	moments, err := comparedMoments(tx, of, p.From)
	if err != nil {
		return TariffPlan{}, err
	}
	p.Alone = len(moments) <= mostCompared
	for i, at := range moments[:min(len(moments), mostCompared)] {
		was, _, err := tx.Tariffs().TariffVersionAt(of.before, at)
		if err != nil {
			return TariffPlan{}, err
		}
		is, _, err := tx.Tariffs().TariffVersionAt(of.after, at)
		if err != nil {
			return TariffPlan{}, err
		}
		use := p.Use
		if at.In(zone).Format(tariff.MonthForm) != p.From.In(zone).Format(tariff.MonthForm) {
			use.Bought, use.Free, use.FreeClaimed = 0, 0, false
		}
		compared, err := tariff.PreviewChange(was.Body, is.Body, use, at, zone)
		if err != nil {
			return TariffPlan{}, fmt.Errorf("compare tariff %q with %q: %w", was.Name, is.Name, err)
		}
		if i == 0 {
			p.Preview = compared
		}
		p.Alone = p.Alone && !compared.Cheaper
	}
	return p, nil
}

// comparedMoments returns the moments at which two tariffs are compared: the change, and the beginnings of their versions after it. A tariff that is
// dear today may become cheap by a version that is published already.
func comparedMoments(tx Tx, of tariffPair, from time.Time) ([]time.Time, error) {
	moments := []time.Time{from}
	for _, t := range []id.ID{of.before, of.after} {
		all, err := tx.Tariffs().TariffVersions(t, id.ID{}, MaxVersions)
		if err != nil {
			return nil, err
		}
		for _, v := range all {
			if v.EffectiveFrom.After(from) && v.Begins(all) {
				moments = append(moments, v.EffectiveFrom)
			}
		}
	}
	slices.SortFunc(moments, time.Time.Compare)
	return slices.CompactFunc(moments, time.Time.Equal), nil
}

// accountUse reads what an account buys and uses. The parameter local is the present local time.
func accountUse(tx Tx, a PricedAccount, p TariffPlan, local time.Time, zone *time.Location) (u tariff.AccountUse, err error) {
	month := p.From.In(zone).Format(tariff.MonthForm)
	buys, err := tx.Tariffs().Changing().AccountBuys(a.ID, p.Meter.N, month)
	if err != nil {
		return u, err
	}
	u = tariff.AccountUse{Pays: buys.LastPaid, Wallet: a.Mode != PrepayToken}
	switch {
	case !u.Wallet:
		u.Bought, u.Free, u.FreeClaimed, u.Carry = buys.Units, buys.Free, buys.FreeClaimed, buys.Carry
	case a.Month == month:
		u.Bought = a.Used
	}
	if u.Pays == 0 {
		for _, b := range []tariff.Body{p.Before.Body, p.After.Body} {
			cost, err := b.CostOf(tariff.NewPurchase)
			if err != nil {
				return u, err
			}
			u.Pays = max(u.Pays, min(cost, money.MaxMinor))
		}
	}
	first := time.Date(local.Year(), local.Month()-usualMonths, 1, 0, 0, 0, 0, time.UTC)
	last := time.Date(local.Year(), local.Month()-1, 1, 0, 0, 0, 0, time.UTC)
	uses, err := tx.Tariffs().Changing().AccountMonths(a, first.Format(tariff.MonthForm), last.Format(tariff.MonthForm))
	if err != nil {
		return u, err
	}
	u.Month = usualMonth(uses)
	return u, nil
}

// usualMonth returns the mean of the months in which an account used something, in whole tenths of a kilowatt-hour.
func usualMonth(uses []tariff.MonthUse) unit.Energy {
	var sum unit.Energy
	months := unit.Energy(0)
	for _, u := range uses {
		if u.Units > 0 {
			sum, months = sum+u.Units, months+1
		}
	}
	if months == 0 {
		return tariff.NewMonth
	}
	mean := sum / months
	return min(max(mean-mean%unit.Quantum, unit.Quantum), tariff.MaxUpTo)
}
