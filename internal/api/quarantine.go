package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/unit"
)

// asideBody is what a meter sent and cannot be true.
type asideBody struct {
	ID         string     `json:"id" example:"qtn_01jd00000000000000000000000"`
	Meter      string     `json:"meter" example:"04140001001"`
	Kind       string     `json:"kind" enum:"record,rating" doc:"record: put aside, in no history; rating: a stored reading at which charging stopped"`
	Doubt      string     `json:"doubt" example:"rollover" doc:"Stable name: zero, rollover, reset, backwards, doubled, jump, long-gap, no-price, relay-open, future-time, impossible-time, negative, implausible-power, unreadable"`
	Reason     string     `json:"reason"`
	Record     string     `json:"record,omitempty" example:"reading" doc:"Missing where it could not be read"`
	Seq        int64      `json:"seq"`
	At         *time.Time `json:"at,omitempty" doc:"Meter time"`
	ReceivedAt time.Time  `json:"received_at"`
	WasWh      *int64     `json:"was_wh,omitempty" doc:"The register before"`
	RegisterWh *int64     `json:"register_wh,omitempty" doc:"The doubtful register"`
	State      string     `json:"state" enum:"open,accepted,rebased,discarded"`
	Choices    []string   `json:"choices" doc:"How it can be decided; empty once it is"`
	DecidedAt  *time.Time `json:"decided_at,omitempty"`
	DecidedBy  string     `json:"decided_by,omitempty"`
	Decision   string     `json:"decision,omitempty" doc:"Why"`
}

func asideOf(e quarantine.Entry) asideBody {
	b := asideBody{ID: e.ID.Text(id.Aside), Meter: e.Number, Kind: string(e.Kind), Doubt: string(e.Doubt), Reason: e.Reason, Record: string(e.Record),
		Seq: int64(e.Seq), At: at(e.At), ReceivedAt: e.ReceivedAt.UTC(), WasWh: (*int64)(e.Was), RegisterWh: (*int64)(e.Register), State: string(e.State),
		Choices: []string{}, DecidedAt: at(e.DecidedAt), DecidedBy: e.DecidedBy, Decision: e.Decision}
	for _, c := range e.Choices() {
		b.Choices = append(b.Choices, string(c))
	}
	return b
}

// decidedBody is what a decision came to.
type decidedBody struct {
	Meter    string      `json:"meter" example:"04140001001"`
	Entry    *asideBody  `json:"entry,omitempty" doc:"Missing where nothing of the meter was in doubt"`
	Readings int         `json:"readings" doc:"That had come meanwhile and are charged for now"`
	UnitsWh  int64       `json:"units_wh" doc:"Charged for by the decision"`
	Debit    *amountBody `json:"debit,omitempty" doc:"What that costs; of wallet meters"`
	Held     string      `json:"held,omitempty" enum:"register_regress,implausible,span,no_price,relay_open" doc:"A later reading stopped charging again"`
}

func decidedOf(d quarantine.Decided) decidedBody {
	b := decidedBody{Meter: d.Number, Readings: d.Readings, UnitsWh: int64(d.Units), Held: string(d.Held.Reason)}
	if d.Currency != "" {
		b.Debit = &amountBody{Minor: int64(d.Debit), Currency: d.Currency}
	}
	if !d.Entry.ID.IsZero() {
		e := asideOf(d.Entry)
		b.Entry = &e
	}
	return b
}

// verdictBody is why somebody decides so.
type verdictBody struct {
	Reason string `json:"reason" doc:"What is known of the meter; it stands in the audit log"`
}

// rebaseBody is the register from which to count on.
type rebaseBody struct {
	RegisterWh *int64 `json:"register_wh,omitempty" doc:"Read off the meter; default the doubtful one"`
	Reason     string `json:"reason"`
}

// AsidePath names an entry.
type AsidePath struct {
	ID string `path:"id" maxLength:"64" doc:"Its id" example:"qtn_01jd00000000000000000000000"`
}

func (a *API) quarantineRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "quarantine", Path: "/v1/quarantine", Tags: []string{"quarantine"},
		Summary: "List what meters sent and cannot be true, newest first",
		Description: "Records that were put aside, and readings at which the charging of a wallet meter stopped. No money moves on either " +
			"until somebody has decided.",
	}, a.quarantine)
	query(r, huma.Operation{
		OperationID: "quarantined", Path: "/v1/quarantine/{id}", Tags: []string{"quarantine"}, Summary: "Show one entry",
	}, func(ctx context.Context, by access.Actor, in *AsidePath) (*struct{ Body asideBody }, error) {
		out, err := a.c.Quarantine.Show(ctx, by, in.ID)
		if err != nil {
			return nil, err
		}
		if out.Refused() {
			return nil, refuse(out.Refusal)
		}
		return &struct{ Body asideBody }{asideOf(out.Entry)}, nil
	})
	order(r, a.deciding(r, "accept-quarantined", "/v1/quarantine/{id}/accept", "Say that it is true",
		"A record is stored as it came; a reading is charged for."),
		func(ctx context.Context, by access.Actor, in *AsidePath, b verdictBody) (*sent, error) {
			return a.decideAside(ctx, by, quarantine.Verdict{Entry: in.ID, Choice: quarantine.Accept, Reason: b.Reason})
		})
	order(r, a.deciding(r, "rebase-quarantined", "/v1/quarantine/{id}/rebase", "Count on from a register",
		"Nothing is charged for what lies between the register before and this one: the meter was changed, reset, or began again."),
		func(ctx context.Context, by access.Actor, in *AsidePath, b rebaseBody) (*sent, error) {
			return a.decideAside(ctx, by, quarantine.Verdict{Entry: in.ID, Choice: quarantine.Rebase, Register: (*unit.Energy)(b.RegisterWh), Reason: b.Reason})
		})
	order(r, a.deciding(r, "discard-quarantined", "/v1/quarantine/{id}/discard", "Say that it is wrong",
		"Counting goes on from the register before, with the next reading."),
		func(ctx context.Context, by access.Actor, in *AsidePath, b verdictBody) (*sent, error) {
			return a.decideAside(ctx, by, quarantine.Verdict{Entry: in.ID, Choice: quarantine.Discard, Reason: b.Reason})
		})
	order(r, a.deciding(r, "rebase-meter", "/v1/meters/{meter}/rebase", "Count on from a register: the meter was changed",
		"For a wallet meter. Where a reading of it is in quarantine, this decides about it."),
		func(ctx context.Context, by access.Actor, in *MeterPath, b rebaseBody) (*sent, error) {
			return a.decideAside(ctx, by, quarantine.Verdict{Meter: in.Meter, Choice: quarantine.Rebase, Register: (*unit.Energy)(b.RegisterWh), Reason: b.Reason})
		})
}

// deciding describes a route that decides.
func (a *API) deciding(r router, name, path, summary, text string) huma.Operation {
	return huma.Operation{OperationID: name, Path: path, DefaultStatus: http.StatusOK, Tags: []string{"quarantine"}, Summary: summary,
		Description: text + " An entry is decided once. Where four eyes bind, it waits for a second person.",
		Responses: map[string]*huma.Response{
			"200": {Description: "Decided.", Content: map[string]*huma.MediaType{jsonType: {Schema: of[decidedBody](r)}}},
			"202": {Description: "It waits for a second person; nothing was decided.", Content: map[string]*huma.MediaType{jsonType: {Schema: of[approvalBody](r)}}}}}
}

func (a *API) quarantine(ctx context.Context, by access.Actor, in *struct {
	Meter string `query:"meter" maxLength:"64" doc:"Number or id; default: all meters"`
	All   bool   `query:"all" doc:"Those too that are decided"`
	Page
}) (*listed[asideBody], error) {
	list, err := a.c.Quarantine.List(ctx, by, quarantine.List{Meter: in.Meter, All: in.All, Page: registry.Page{Limit: in.Limit, Cursor: in.Cursor}})
	if err != nil {
		return nil, err
	}
	if list.Refused() {
		return nil, refuse(list.Refusal)
	}
	return listOf(list.Data, list.Next, asideOf), nil
}

func (a *API) decideAside(ctx context.Context, by access.Actor, v quarantine.Verdict) (*sent, error) {
	out, err := a.c.Quarantine.Decide(ctx, by, v)
	switch {
	case err != nil:
		return nil, err
	case out.Refused():
		return nil, refuse(out.Refusal)
	case out.Waits != nil:
		return sentBytes(encodeWaits(*out.Waits)), nil
	}
	return sentBytes(http.StatusOK, encode("a decision", decidedOf(out))), nil
}
