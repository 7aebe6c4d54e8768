package vending

import (
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
)

// ahead asks at once for what a sale will read. The meter and its account are locked already, and so everything that is the meter's or the
// account's stays true. A sale that reads something else asks for it when it needs it.
func (v *Vending) ahead(tx Tx, p purchase, point sale.Point) {
	zone, err := v.zone(point.TZ)
	if err != nil || point.Mode != registry.PrepayToken {
		return
	}
	now, charges := tx.Moment(), tx.Debts().Charges()
	tx.Selling().Ahead(
		func() error { _, err := tx.Debts().VendUnderWay(point.Meter.N, point.Account); return err },
		func() error { _, err := tx.VendClock(); return err },
		func() error { _, _, err := charges.TariffVersionAt(point.Tariff, now); return err },
		func() error {
			_, err := tx.Debts().VendMonth(point.Account, now.In(zone).Format(localday.MonthForm))
			return err
		},
		func() error { _, _, err := charges.ChargesOpen(point.Account, debt.MaxOpen); return err },
	)
	if w, counts := p.counts(point.Meter); counts {
		tx.Selling().Ahead(access.SecondPersonAhead(tx.Eyes(), p.by, w, now.In(zone))...)
	}
	tx.Selling().VendAhead(point, p.deliver)
}
