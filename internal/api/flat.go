package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/flats"
	"github.com/paywatt/paywatt/internal/wallet"
)

func (a *API) flatRoutes(r router) {
	listRoute(r, apiv1.Flats, func(ctx context.Context, by access.Actor, in *apiv1.FlatFilter) (*listed[apiv1.Flat], error) {
		b, err := a.c.Flats.Board(ctx, by, in.Feeder, pageAt(in.Page))
		return pageOf(b.Refusal, err, b.Flats, b.Next, flatOf)
	})
	query(r, huma.Operation{
		OperationID: "flat-statements", Path: "/v1/flats/statements/{month}", Tags: []string{"flats"}, Summary: "Write the statements of all flats for a month as one PDF file",
		Description: "Each statement is on pages of its own, in the language of its tenant. Where a tenant moved during the month, each tenant has one. " +
			"A file has at most 200 statements.",
		Responses: pdfAnswer("The statements."),
	}, a.flatStatements)
	query(r, huma.Operation{
		OperationID: "building-loss", Path: "/v1/flats/loss", Tags: []string{"flats"}, Summary: "Compare the main meter of a building with its flats",
		Description: "The main meter is the one whose place measures the feeder of the flats as a whole: the field measures of a meter. Energy between two readings is shared by time. " +
			"Only days that are over count.",
	}, a.buildingLoss)
}

// FlatStatementsPath is the month of the statements of flats.
type FlatStatementsPath struct {
	Month string `path:"month" maxLength:"16" example:"2026-11" doc:"Local month"`
}

func (a *API) flatStatements(ctx context.Context, by access.Actor, in *struct {
	FlatStatementsPath
	Feeder string `query:"feeder" maxLength:"64" example:"Riverside" doc:"Only flats of this building; all without it"`
	paperLanguage
}) (*paper, error) {
	out, err := a.c.Flats.Statements(ctx, by, a.c.Languages.For(in.Accept), in.Feeder, in.Month)
	if err != nil {
		return nil, err
	}
	if out.Refused() {
		return nil, problemOf(out.Refusal)
	}
	return &paper{ContentType: "application/pdf", Body: out.PDF}, nil
}

func (a *API) buildingLoss(ctx context.Context, by access.Actor, in *struct {
	Feeder string `query:"feeder" required:"true" maxLength:"64" example:"Riverside" doc:"The building"`
	On     string `query:"on" maxLength:"10" example:"2026-11-24" doc:"Local day, or month such as 2026-11; yesterday without it"`
}) (*reply[apiv1.BuildingLoss], error) {
	l, err := a.c.Flats.Loss(ctx, by, in.Feeder, in.On)
	return replyOf(l.Refusal, err, func() apiv1.BuildingLoss { return lossOf(l) })
}

func lossOf(l flats.Loss) apiv1.BuildingLoss {
	out := apiv1.BuildingLoss{Feeder: l.Building, On: l.On, From: l.From.UTC(), To: l.To.UTC(), Main: meteredOf(l.Main), Flats: []apiv1.MeteredFlat{}, SumWh: int64(l.Sum), Missing: l.Missing}
	for _, f := range l.Flats {
		out.Flats = append(out.Flats, meteredOf(f))
	}
	if l.Whole {
		out.LossWh = new(int64(l.Lost))
	}
	if l.Whole && l.Main.Units > 0 {
		out.LossBps = new(l.Bps)
	}
	return out
}

func meteredOf(m flats.Metered) apiv1.MeteredFlat {
	return apiv1.MeteredFlat{Meter: m.Number, Name: m.Name, UnitsWh: int64(m.Units), EstimatedWh: int64(m.Estimated), Gap: string(m.Gap()), Resets: m.Breaks, From: at(m.First), To: at(m.Last)}
}

func flatOf(f flats.Flat) apiv1.Flat {
	out := apiv1.Flat{Meter: f.Meter.Number, Name: f.Name(), Tenant: f.Customer.Name, Feeder: f.Feeder, State: string(f.State), LastSeen: at(f.LastSeen), DaysLeft: daysLeftOf(f.Days)}
	if left, known := f.Left(); known {
		out.AsOf = at(left.AsOf)
		if left.Money != nil {
			out.Left = new(amountOf(*left.Money))
		} else {
			out.LeftWh = whole(left.Energy)
		}
	}
	if !f.Paid.At.IsZero() {
		out.LastPayment = &apiv1.FlatPayment{At: f.Paid.At.UTC(), Amount: amountOf(f.Paid.Amount), ReceiptNo: f.Paid.Receipt}
	}
	return out
}

// daysLeftOf shows an estimate; nil for none.
func daysLeftOf(d wallet.Days) *apiv1.DaysLeft {
	if !d.Estimated {
		return nil
	}
	return &apiv1.DaysLeft{Least: d.Least, Likely: d.Likely, Most: d.Most}
}
