package vending

import (
	"context"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/refusal"
)

// MaxSaleDays is the greatest number of days by which sales are added up.
const MaxSaleDays = 31

// SaleDay is what the sales of a local day come to. It begins at From, in the utility's zone.
type SaleDay struct {
	From time.Time
	SaleTotal
}

// SaleDays has the days in their order.
type SaleDays struct {
	refusal.Refusal
	Days []SaleDay
}

// SalesByDay adds up the sales of a list by local day, for the last [MaxSaleDays] of its days (right: vend.read). A day without sales comes to 0.
func (v *Vending) SalesByDay(ctx context.Context, by access.Actor, w SaleRequest) (SaleDays, error) {
	if no := by.Needs(access.ReadVends); no.Refused() {
		return SaleDays{Refusal: no}, nil
	}
	out, err := access.Look(ctx, v.c.Door, by.Tenant, func(tx Tx) (SaleDays, error) {
		f, no, err := v.filter(tx, by, w)
		if err != nil || no.Refused() {
			return SaleDays{Refusal: no}, err
		}
		zone, err := v.zoneOf(tx)
		if err != nil {
			return SaleDays{}, err
		}
		begin, end := f.From, f.To
		if tomorrow := localday.Next(v.c.Now().In(zone)); end.IsZero() || end.After(tomorrow) {
			end = tomorrow
		}
		var list SaleDays
		for day := localday.Of(end.Add(-time.Nanosecond).In(zone)); len(list.Days) < MaxSaleDays && localday.Next(day).After(begin); day = localday.After(day, -1) {
			f.From, f.To = day, localday.Next(day)
			if f.From.Before(begin) {
				f.From = begin
			}
			if f.To.After(end) {
				f.To = end
			}
			total, err := tx.Sold().SalesTotal(f)
			if err != nil {
				return SaleDays{}, err
			}
			list.Days = append(list.Days, SaleDay{day, total})
		}
		slices.Reverse(list.Days)
		return list, nil
	})
	return out, fault.Wrap(err, "add sales up by day")
}
