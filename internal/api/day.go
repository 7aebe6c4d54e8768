package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/report"
)

func (a *API) dayRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "daily-report", Path: "/v1/reports/daily", Tags: []string{"reports"}, Summary: "Show the sales, reversals and free tokens of a day, and the head of the log",
	}, func(ctx context.Context, by access.Actor, in *struct {
		Date string `query:"date" maxLength:"10" doc:"Local date, 2026-11-20; default today"`
	}) (*reply[apiv1.DailyReport], error) {
		d, err := a.c.Reports.Day(ctx, by, in.Date, a.c.Now())
		return replyOf(d.Refusal, err, func() apiv1.DailyReport { return dayOf(d) })
	})
}

func dayOf(d report.Day) apiv1.DailyReport {
	b := apiv1.DailyReport{Date: d.Date, TZ: d.Zone, Currency: d.Currency, Sales: d.Sums.Sales, TenderedMinor: int64(d.Sums.Tendered), UnitsWh: int64(d.Sums.Units),
		Reversals: d.Sums.Reversals, RefundedMinor: int64(d.Sums.Refunded), UnitsBackWh: int64(d.Sums.UnitsBack), FreeTokens: d.Sums.Free,
		UnitsFreeWh: int64(d.Sums.UnitsFree), SinglePerson: []apiv1.SinglePersonAct{}, Unconfirmed: []apiv1.UnconfirmedReversal{}, People: []apiv1.TakenAlone{}, Shifts: []apiv1.Shift{}, Head: d.Head}
	for _, s := range d.Shifts {
		b.Shifts = append(b.Shifts, shiftOf(s, d.Currency))
	}
	for _, u := range d.Unconfirmed {
		b.Unconfirmed = append(b.Unconfirmed, apiv1.UnconfirmedReversal{At: u.At.UTC(), Vend: u.Sale.Text(id.Vend), Meter: u.Meter, Vendor: u.Vendor,
			Amount: amountOf(u.Tender), SoldBy: u.SoldBy, By: u.By, ApprovedBy: u.ApprovedBy, Reason: u.Reason, Used: u.Used})
	}
	for _, e := range d.Alone {
		b.SinglePerson = append(b.SinglePerson, apiv1.SinglePersonAct{At: e.At.UTC(), Actor: e.Actor, Action: e.Action, Object: e.Object, After: e.After,
			Reason: e.Reason})
	}
	for _, p := range d.People {
		b.People = append(b.People, apiv1.TakenAlone{Name: p.Name, Person: p.Subject, Ceiling: string(p.Ceiling), Taken: p.Amount, Unusual: p.Unusual.Names(), Most: d.Rules.Most(p.Ceiling)})
	}
	return b
}
