package vending

import (
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/till"
)

// ahead asks at once for what a sale will read. The meter and its account are locked already, and so everything that is the meter's or the
// account's stays true. A sale that reads something else asks for it when it needs it.
func (v *Vending) ahead(tx Tx, p purchase, point sale.Point) {
	zone, err := v.zone(point.TZ)
	if err != nil || point.Mode != registry.PrepayToken {
		return
	}
	now, charges := tx.Moment(), tx.Debts().Charges()
	w, cash := p.counts(point.Meter)
	tx.Selling().VendAhead(point, cash, p.deliver)
	tx.Selling().Ahead(
		func() error { _, err := tx.VendClock(); return err },
		func() error { _, _, err := charges.TariffVersionAt(point.TariffAt(now), now); return err },
		func() error {
			_, err := tx.Debts().VendMonth(point.Account, now.In(zone).Format(localday.MonthForm))
			return err
		},
	)
	if cash {
		tx.Selling().Ahead(func() error { _, _, err := till.Selling(tx.Shifts(), p.by); return err })
		tx.Selling().Ahead(access.SecondPersonAhead(tx.Eyes(), p.by, w, now.In(zone))...)
	}
}

// pointAhead asks at once for the meter and for what was sold under the same reference.
func pointAhead(tx Tx, p purchase) {
	tx.Selling().PointAhead(p.meter)
	tx.Selling().Ahead(func() error { _, _, _, err := tx.Sold().VendRef(p.by.Vendor, p.ref); return err })
}
