package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/unit"
)

func heldOf(e quarantine.Entry) apiv1.Quarantined {
	b := apiv1.Quarantined{ID: e.ID.Text(id.Held), Meter: e.Number, Kind: string(e.Kind), Doubt: string(e.Doubt), Reason: e.Reason, Record: string(e.Record),
		Seq: int64(e.Seq), At: at(e.At), ReceivedAt: e.ReceivedAt.UTC(), WasWh: (*int64)(e.Was), RegisterWh: (*int64)(e.Register), State: string(e.State),
		Choices: []string{}, DecidedAt: at(e.DecidedAt), DecidedBy: e.DecidedBy, Decision: e.Decision}
	for _, c := range e.Choices() {
		b.Choices = append(b.Choices, string(c))
	}
	return b
}

func decidedOf(d quarantine.Decided) apiv1.QuarantineResult {
	b := apiv1.QuarantineResult{Meter: d.Number, Readings: d.Readings, UnitsWh: int64(d.Units), Held: string(d.Held.Reason)}
	if d.Currency != "" {
		b.Debit = &apiv1.Amount{AmountMinor: int64(d.Debit), Currency: d.Currency}
	}
	if !d.Entry.ID.IsZero() {
		b.Entry = new(heldOf(d.Entry))
	}
	return b
}

// HeldPath is the entry in a path.
type HeldPath struct {
	ID string `path:"id" maxLength:"64" doc:"Id of the entry" example:"qtn_01jd00000000000000000000000"`
}

func (a *API) quarantineRoutes(r router) {
	listRoute(r, apiv1.Quarantine, a.quarantine)
	query(r, huma.Operation{
		OperationID: "quarantined", Path: "/v1/quarantine/{id}", Tags: []string{"quarantine"}, Summary: "Show a doubtful reading or record",
	}, func(ctx context.Context, by access.Actor, in *HeldPath) (*reply[apiv1.Quarantined], error) {
		out, err := a.c.Quarantine.Show(ctx, by, in.ID)
		return replyOf(out.Refusal, err, func() apiv1.Quarantined { return heldOf(out.Entry) })
	})
	order(r, a.deciding(r, "accept-quarantined", "/v1/quarantine/{id}/accept", "Accept a doubtful reading or record as true",
		"A record is stored as it arrived. A reading is charged."),
		func(ctx context.Context, by access.Actor, in *HeldPath, b apiv1.Verdict) (*sent, error) {
			return a.decideHeld(ctx, by, quarantine.Verdict{Entry: in.ID, Choice: quarantine.Accept, Reason: b.Reason})
		})
	order(r, a.deciding(r, "rebase-quarantined", "/v1/quarantine/{id}/rebase", "Continue from a register without charging the difference",
		"For a meter that was changed or reset. The energy between the register before and this one is not charged."),
		func(ctx context.Context, by access.Actor, in *HeldPath, b apiv1.Rebase) (*sent, error) {
			return a.decideHeld(ctx, by, quarantine.Verdict{Entry: in.ID, Choice: quarantine.Rebase, Register: (*unit.Energy)(b.RegisterWh), Reason: b.Reason})
		})
	order(r, a.deciding(r, "discard-quarantined", "/v1/quarantine/{id}/discard", "Discard a doubtful reading or record as wrong",
		"The next reading is counted from the register before this one."),
		func(ctx context.Context, by access.Actor, in *HeldPath, b apiv1.Verdict) (*sent, error) {
			return a.decideHeld(ctx, by, quarantine.Verdict{Entry: in.ID, Choice: quarantine.Discard, Reason: b.Reason})
		})
	order(r, a.deciding(r, "rebase-meter", "/v1/meters/{meter}/rebase", "Continue from a new register after a wallet meter was changed",
		"If a reading of the meter is held for review, this decides about it."),
		func(ctx context.Context, by access.Actor, in *MeterPath, b apiv1.Rebase) (*sent, error) {
			return a.decideHeld(ctx, by, quarantine.Verdict{Meter: in.Meter, Choice: quarantine.Rebase, Register: (*unit.Energy)(b.RegisterWh), Reason: b.Reason})
		})
}

// deciding describes a route that decides about an entry.
func (a *API) deciding(r router, name, path, summary, text string) huma.Operation {
	return huma.Operation{OperationID: name, Path: path, DefaultStatus: http.StatusOK, Tags: []string{"quarantine"}, Summary: summary,
		Description: text + " An entry is decided only once. If a second person must approve it, the answer is 202 with the approval.",
		Responses: map[string]*huma.Response{
			"200": bodyOf[apiv1.QuarantineResult](r, "Decided."),
			"202": bodyOf[apiv1.Approval](r, "It waits for a second person. No decision was made yet.")}}
}

func (a *API) quarantine(ctx context.Context, by access.Actor, in *apiv1.QuarantineFilter) (*listed[apiv1.Quarantined], error) {
	list, err := a.c.Quarantine.List(ctx, by, quarantine.List{Meter: in.Meter, All: in.All, Page: pageAt(in.Page)})
	return pageOf(list.Refusal, err, list.Data, list.Next, heldOf)
}

func (a *API) decideHeld(ctx context.Context, by access.Actor, v quarantine.Verdict) (*sent, error) {
	out, err := a.c.Quarantine.Decide(ctx, by, v)
	return doneOrWaits(http.StatusOK, out.Refusal, out.Waits, err, func() any { return decidedOf(out) })
}
