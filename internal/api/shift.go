package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/till"
)

// ShiftPath is the shift in a path.
type ShiftPath struct {
	Shift string `path:"id" maxLength:"64" doc:"Id of the shift, the name of a till that has an open shift, or mine for one's own open shift"`
}

func (a *API) shiftRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "open-shift", Path: "/v1/shifts", DefaultStatus: http.StatusCreated, Tags: []string{"shifts"}, Summary: "Open a shift of one's own",
		Parameters: keyParam(),
		Description: "Needs the header Idempotency-Key. Until it is closed, the sales of the same person go to this shift: one open shift for each " +
			"till and each person.",
		Responses: map[string]*huma.Response{"201": bodyOf[apiv1.Shift](r, "Opened.")},
	}, a.openShift)
	listRoute(r, apiv1.Shifts, a.shifts)
	query(r, huma.Operation{
		OperationID: "shift-report", Path: "/v1/shifts/{id}/report", Tags: []string{"shifts"}, Summary: "Show the Z report of a shift, or what it is so far",
		Responses: papered[apiv1.ShiftReport](r, "The Z report.", reportFormats),
	}, a.shiftReport)
	order(r, huma.Operation{
		OperationID: "pay-out-shift", Path: "/v1/shifts/{id}/payouts", DefaultStatus: http.StatusCreated, Tags: []string{"shifts"},
		Summary: "Bring cash from a till to the bank before closing", Parameters: keyParam(),
		Description: "Needs the header Idempotency-Key. Another person's shift needs the right vend.reverse.",
		Responses:   map[string]*huma.Response{"201": bodyOf[apiv1.ShiftReport](r, "Booked.")},
	}, a.payOutShift)
	order(r, huma.Operation{
		OperationID: "close-shift", Path: "/v1/shifts/{id}/close", DefaultStatus: http.StatusOK, Tags: []string{"shifts"}, Summary: "Close a shift with the counted cash",
		Parameters: keyParam(),
		Description: "Needs the header Idempotency-Key. The counted cash goes to the bank, and the difference is posted. Another person's shift needs the " +
			"right vend.reverse. If the shortage exceeds the ceiling person/till_shortage, or the surplus person/till_surplus, it is refused; with the right vend.reverse it waits for a " +
			"second person, and the answer is 202 with the approval.",
		Responses: booked(map[string]*huma.Response{"200": bodyOf[apiv1.Shift](r, "Closed.")}, bodyOf[apiv1.Approval](r, "It waits for a second person.")),
	}, a.closeShift)
}

func shiftOf(s till.Shift, currency string) apiv1.Shift {
	amount := amountIn(currency)
	out := apiv1.Shift{ID: s.Name(), Till: s.Till, Operator: access.PlainName(s.Operator), State: till.StateOpen, Opening: amount(s.Opening),
		OpenedAt: s.OpenedAt.UTC(), ClosedAt: at(s.ClosedAt), ClosedBy: access.PlainName(s.ClosedBy), Note: s.Note}
	if !s.Open() {
		out.State = till.StateClosed
		out.Expected, out.Counted, out.Difference = new(amount(s.Expected)), new(amount(s.Counted)), new(amount(s.Difference()))
	}
	return out
}

// amountIn makes amounts of a currency.
func amountIn(currency string) func(money.Minor) apiv1.Amount {
	return func(n money.Minor) apiv1.Amount { return amountOf(money.Amount{Minor: n, Currency: currency}) }
}

func shiftReportOf(v till.View) apiv1.ShiftReport {
	amount, c := amountIn(v.Currency), v.Cash
	out := apiv1.ShiftReport{Shift: shiftOf(v.Shift, v.Currency), Sales: c.Sales, Sold: amount(c.Sold), UnitsWh: int64(c.Units), Reversals: c.Reversals,
		PaidBack: amount(-c.PaidBack), PaidOut: amount(-c.PaidOut), Left: amount(v.Left), FirstReceipt: c.FirstPaper, LastReceipt: c.LastPaper,
		Breakdown: []apiv1.ShiftShare{}}
	for _, p := range c.Breakdown {
		line, _ := ledger.Find(p.Code)
		out.Breakdown = append(out.Breakdown, apiv1.ShiftShare{Code: int64(p.Code), Path: line.Path, Amount: amount(p.Amount)})
	}
	return out
}

// shiftID writes the identity of a shift; empty for none.
func shiftID(shift id.ID) string {
	if shift.IsZero() {
		return ""
	}
	return shift.Text(id.Shift)
}

// asked is the part that all changes of a shift have.
func asked(ctx context.Context, shift string, render func(till.View) (int, []byte)) till.Asked {
	return till.Asked{Request: exchangeOf(ctx).request(), Shift: shift, Render: render, RenderWaits: encodeWaits}
}

func (a *API) openShift(ctx context.Context, by access.Actor, _ *struct{}, body apiv1.NewShift) (*sent, error) {
	o := till.Opening{Till: body.Till, Asked: asked(ctx, "", func(v till.View) (int, []byte) {
		return http.StatusCreated, encoded(shiftOf(v.Shift, v.Currency))
	})}
	if body.Opening != nil {
		o.Float = moneyOf(*body.Opening)
	}
	out, err := a.c.Tills.Open(ctx, by, o)
	return answered(ctx, a, out, err)
}

func (a *API) closeShift(ctx context.Context, by access.Actor, in *ShiftPath, body apiv1.ShiftCount) (*sent, error) {
	out, err := a.c.Tills.Close(ctx, by, till.Count{Counted: moneyOf(body.Counted), Note: body.Note, Asked: asked(ctx, in.Shift, func(v till.View) (int, []byte) {
		return http.StatusOK, encoded(shiftOf(v.Shift, v.Currency))
	})})
	return answered(ctx, a, out, err)
}

func (a *API) payOutShift(ctx context.Context, by access.Actor, in *ShiftPath, body apiv1.ShiftPayout) (*sent, error) {
	out, err := a.c.Tills.PayOut(ctx, by, till.Payout{Amount: moneyOf(body.Amount), Reason: body.Reason, Asked: asked(ctx, in.Shift, func(v till.View) (int, []byte) {
		return http.StatusCreated, encoded(shiftReportOf(v))
	})})
	return answered(ctx, a, out, err)
}

func (a *API) shifts(ctx context.Context, by access.Actor, in *apiv1.ShiftFilter) (*listed[apiv1.Shift], error) {
	l, err := a.c.Tills.List(ctx, by, till.Filter{Till: in.Till, Operator: in.Operator, State: in.State}, pageAt(in.Page))
	return pageOf(l.Refusal, err, l.Shifts, l.Next, func(s till.Shift) apiv1.Shift { return shiftOf(s, l.Currency) })
}
