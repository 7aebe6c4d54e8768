package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// nextKey are the facts of the key that a meter is to get.
type nextKey struct {
	SGC      string `json:"sgc,omitempty" example:"123456"`
	KRN      int    `json:"krn,omitempty" example:"2"`
	KT       *int   `json:"kt,omitempty" example:"2"`
	TI       string `json:"ti,omitempty" example:"01"`
	KEN      *int   `json:"ken,omitempty" example:"255"`
	DKGA     string `json:"dkga,omitempty" example:"02"`
	BaseDate int    `json:"base_date,omitempty" example:"2014"`
}

// newTokens asks for tokens that nobody buys.
type newTokens struct {
	Kind       string   `json:"kind" enum:"free,replacement,key_change,clear_credit,clear_tamper,power_limit"`
	UnitsWh    int64    `json:"units_wh,omitempty" doc:"Of free and replacement: a multiple of 100"`
	PowerW     int64    `json:"power_w,omitempty" doc:"Of power_limit"`
	Key        *nextKey `json:"key,omitempty" doc:"Of key_change: what is new; leave it out where a change is planned"`
	ReasonCode string   `json:"reason_code" enum:"meter_swap,lost_balance,not_loading,compensation,free_units,tamper_fixed,key_campaign,test,other"`
	Reason     string   `json:"reason,omitempty" maxLength:"200"`
}

// newKeyChange plans a key change.
type newKeyChange struct {
	nextKey
	Reason string `json:"reason,omitempty" maxLength:"200"`
}

// tokensBody are tokens that nobody bought.
type tokensBody struct {
	ID         string    `json:"id" example:"job_01jd00000000000000000000000"`
	Kind       string    `json:"kind"`
	Meter      string    `json:"meter"`
	Test       bool      `json:"test,omitempty" doc:"The meter is simulated"`
	UnitsWh    int64     `json:"units_wh"`
	PowerW     int64     `json:"power_w,omitempty"`
	ReasonCode string    `json:"reason_code"`
	Reason     string    `json:"reason,omitempty"`
	By         string    `json:"by"`
	ApprovedBy string    `json:"approved_by,omitempty"`
	Tokens     []Token   `json:"tokens" doc:"In the order in which they are entered"`
	CreatedAt  time.Time `json:"created_at"`
}

// keyChangeBody is a planned key change.
type keyChangeBody struct {
	Meter    string `json:"meter"`
	State    string `json:"state" enum:"planned"`
	SGC      string `json:"sgc"`
	KRN      int    `json:"krn"`
	KT       int    `json:"kt"`
	TI       string `json:"ti"`
	KEN      int    `json:"ken"`
	DKGA     string `json:"dkga"`
	BaseDate int    `json:"base_date"`
}

// next reads the facts. What does not fit its type becomes something that the rule refuses.
func (n *nextKey) next() (*vending.NextKey, *Problem) {
	if n == nil {
		return nil, nil
	}
	bad := func(what string) (*vending.NextKey, *Problem) {
		return nil, because(refusal.InvalidRequest, what, "Nothing was done.", "Correct the facts of the new key.")
	}
	out := &vending.NextKey{SGC: n.SGC, TI: n.TI}
	if n.KRN < 0 || n.KRN > 9 {
		return bad("krn is 1 to 9.")
	}
	out.KRN = uint8(n.KRN)
	if n.KT != nil {
		kt := sts.KeyType(min(max(*n.KT, 0), 0xff))
		out.KT = &kt
	}
	if n.KEN != nil {
		if *n.KEN < 0 || *n.KEN > 255 {
			return bad("ken is 0 to 255.")
		}
		ken := uint8(*n.KEN)
		out.KEN = &ken
	}
	if n.DKGA != "" {
		dkga, err := sts.ParseDKGA(n.DKGA)
		if err != nil {
			return bad("dkga is 02 or 04.")
		}
		out.DKGA = dkga
	}
	if n.BaseDate < 0 || n.BaseDate > 9999 {
		return bad("base_date is 1993, 2014 or 2035.")
	}
	out.BaseDate = sts.BaseDate(n.BaseDate)
	return out, nil
}

func keyChangeOf(m vending.MeterRef, k registry.Key) keyChangeBody {
	return keyChangeBody{Meter: m.Number, State: k.State, SGC: k.SGC, KRN: int(k.KRN), KT: int(k.KT), TI: k.TI, KEN: int(k.KEN), DKGA: k.DKGA.String(),
		BaseDate: int(k.BaseDate)}
}

func tokensOf(j vending.Job, d vending.Digits) tokensBody {
	b := tokensBody{ID: j.ID.Text(id.Job), Kind: string(j.Kind), Meter: j.Meter.Number, Test: j.Meter.Simulated, UnitsWh: int64(j.Units), PowerW: j.Value,
		ReasonCode: j.ReasonCode, Reason: j.Reason, By: j.By, ApprovedBy: j.ApprovedBy, Tokens: []Token{}, CreatedAt: j.CreatedAt.UTC()}
	for i, t := range j.Tokens {
		b.Tokens = append(b.Tokens, tokenOf(t, d, i))
	}
	return b
}

func encode[T any](what string, v T) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode %s: %v", what, err)) // strings, integers and times within years 0 to 9999
	}
	return append(b, '\n')
}

func (a *API) tokenRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "give-tokens", Path: "/v1/meters/{meter}/tokens", DefaultStatus: http.StatusCreated, Tags: []string{"tokens"},
		Summary: "Make tokens that nobody buys",
		Description: "Replacements and free units, key changes, engineering tokens. No money moves. Where the tenant asks for a second person the answer is " +
			"202 with the approval that somebody else must give. Needs the header Idempotency-Key.",
		Parameters: keyParam(),
		Responses: map[string]*huma.Response{
			"201": {Description: "Made.", Content: map[string]*huma.MediaType{jsonType: {Schema: of[tokensBody](r)}}},
			"202": {Description: "Waits for a second person.", Content: map[string]*huma.MediaType{jsonType: {Schema: of[approvalBody](r)}}}},
	}, a.giveTokens)
	order(r, huma.Operation{
		OperationID: "plan-key-change", Path: "/v1/meters/{meter}/key-changes", DefaultStatus: http.StatusCreated, Tags: []string{"tokens"},
		Summary: "Plan a key change", Description: "From now on nothing is sold to the meter until the tokens of the change are made (kind key_change).",
	}, func(ctx context.Context, by access.Actor, in *MeterPath, body newKeyChange) (*struct{ Body keyChangeBody }, error) {
		next, p := body.next()
		if p != nil {
			return nil, p
		}
		out, err := a.c.Vending.PlanKeyChange(ctx, by, in.Meter, *next, body.Reason)
		if err != nil {
			return nil, err
		}
		if out.Refused() {
			return nil, refuse(out.Refusal)
		}
		return &struct{ Body keyChangeBody }{keyChangeOf(out.Meter, out.Key)}, nil
	})
}

func (a *API) giveTokens(ctx context.Context, by access.Actor, in *MeterPath, body newTokens) (*sent, error) {
	x := exchangeOf(ctx)
	next, p := body.Key.next()
	if p != nil {
		return nil, p
	}
	given, err := a.c.Vending.GiveTokens(ctx, by, vending.Ask{Request: x.request(), Meter: in.Meter, Kind: vending.JobKind(body.Kind),
		Units: unit.Energy(body.UnitsWh), PowerW: body.PowerW, Key: next, ReasonCode: body.ReasonCode, Reason: body.Reason,
		Render: func(j vending.Job, d vending.Digits) (int, []byte) {
			return http.StatusCreated, encode("tokens", tokensOf(j, d))
		},
		RenderWaits: func(w access.Approval) (int, []byte) {
			return http.StatusAccepted, encode("an approval", approvalOf(w))
		}})
	return answered(ctx, a, vending.Done[vending.Job]{Refusal: given.Refusal, Reply: given.Reply, Replay: given.Replay}, err)
}

// approvalBody is an act that waits for a second person, or how it was decided.
type approvalBody struct {
	ID        string          `json:"id" example:"apr_01jd00000000000000000000000"`
	Act       string          `json:"act" example:"token.issue"`
	Summary   string          `json:"summary"`
	Request   json.RawMessage `json:"request" doc:"What was asked for, whole, as it will be carried out: read it before you allow it"`
	State     string          `json:"state" enum:"waiting,approved,rejected,done" doc:"approved: allowed, and refused when it was tried; done: carried out"`
	Maker     string          `json:"maker"`
	Checker   string          `json:"checker,omitempty"`
	Reason    string          `json:"reason,omitempty"`
	Object    string          `json:"object,omitempty" doc:"What it is about"`
	Result    string          `json:"result,omitempty" doc:"What came of it, where this answer is the decision"`
	Meter     *addedMeter     `json:"meter,omitempty" doc:"The registered meter with its secrets; only once, in the answer to the approval"`
	CreatedAt time.Time       `json:"created_at"`
	ExpiresAt time.Time       `json:"expires_at"`
	DecidedAt *time.Time      `json:"decided_at,omitempty"`
}

func approvalOf(w access.Approval) approvalBody {
	b := approvalBody{ID: w.ID.Text(id.Approval), Act: string(w.Act), Summary: w.Summary, Request: w.Body, State: string(w.State), Maker: w.Maker.String(), Reason: w.Reason,
		Object: w.Object, CreatedAt: w.CreatedAt.UTC(), ExpiresAt: w.CreatedAt.Add(access.ApprovalLife).UTC(), DecidedAt: at(w.DecidedAt)}
	if !w.DecidedAt.IsZero() {
		b.Checker = w.Checker.String()
	}
	return b
}

// encodeWaits answers a request that was written down for a second person.
func encodeWaits(w access.Approval) (int, []byte) {
	return http.StatusAccepted, encode("an approval", approvalOf(w))
}

// eitherOr are the responses of an act that is done at once or waits for a second person.
func eitherOr(r router, status string, done *huma.Schema) map[string]*huma.Response {
	return map[string]*huma.Response{
		status: {Description: "Done.", Content: map[string]*huma.MediaType{jsonType: {Schema: done}}},
		"202":  {Description: "Waiting for a second person; not done yet.", Content: map[string]*huma.MediaType{jsonType: {Schema: of[approvalBody](r)}}}}
}

// queuedOrWaits are the responses of an act that is queued or waits for a second person.
func queuedOrWaits(r router, queued *huma.Schema) map[string]*huma.Response {
	either := &huma.Schema{OneOf: []*huma.Schema{queued, of[approvalBody](r)}}
	return map[string]*huma.Response{"202": {Description: "On its way, or waiting for a second person.", Content: map[string]*huma.MediaType{jsonType: {Schema: either}}}}
}

// doneOrWaits writes the response of such an act.
func doneOrWaits(status int, no refusal.Refusal, waits *access.Approval, err error, done func() any) (*sent, error) {
	switch {
	case err != nil:
		return nil, err
	case no.Refused():
		return nil, refuse(no)
	case waits != nil:
		return sentBytes(encodeWaits(*waits)), nil
	}
	return sentBytes(status, encode("an answer", done())), nil
}

// decision is what a second person says.
type decision struct {
	Reason string `json:"reason,omitempty" maxLength:"200"`
}

func (a *API) approvalRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "approvals", Path: "/v1/approvals", Tags: []string{"approvals"}, Summary: "List acts that wait for a second person, newest first",
		Description: "Those that the caller asked for or could allow; for who reads the audit log, all.",
	}, a.approvals)
	for _, allow := range []bool{true, false} {
		verb, summary := "reject", "Refuse an act"
		if allow {
			verb, summary = "approve", "Allow an act, which is then done"
		}
		order(r, huma.Operation{
			OperationID: verb, Path: "/v1/approvals/{id}/" + verb, DefaultStatus: http.StatusOK, Tags: []string{"approvals"}, Summary: summary,
			Description: "By somebody else than who asked, with the same right.",
		}, func(ctx context.Context, by access.Actor, in *struct {
			ID string `path:"id" maxLength:"64" doc:"Its id"`
		}, body decision) (*struct{ Body approvalBody }, error) {
			return a.decide(ctx, by, in.ID, allow, body.Reason)
		})
	}
}

// listApprovals is the list that a cursor of approvals belongs to; every state is a list of its own.
const listApprovals = "approvals:"

func (a *API) approvals(ctx context.Context, by access.Actor, in *struct {
	State string `query:"state" enum:"waiting,approved,rejected,done" doc:"Default: all"`
	Page
}) (*listed[approvalBody], error) {
	before, max, no := registry.Page{Limit: in.Limit, Cursor: in.Cursor}.Read(a.c.Cursors, by.Tenant, listApprovals+in.State)
	if no.Refused() {
		return nil, refuse(no)
	}
	l, err := a.c.Access.Approvals(ctx, by, access.ApprovalState(in.State), before, max)
	if err != nil {
		return nil, err
	}
	if l.Refused() {
		return nil, refuse(l.Refusal)
	}
	next := ""
	if !l.Last.IsZero() {
		next = registry.Cursor(a.c.Cursors, by.Tenant, listApprovals+in.State, l.Last)
	}
	return listOf(l.Data, next, approvalOf), nil
}

func (a *API) decide(ctx context.Context, by access.Actor, approval string, allow bool, reason string) (*struct{ Body approvalBody }, error) {
	d, err := a.c.Access.Decide(ctx, by, approval, allow, reason)
	if err != nil {
		return nil, err
	}
	for _, no := range []refusal.Refusal{d.Refusal, d.Done.Refusal} {
		if no.Refused() {
			return nil, refuse(no)
		}
	}
	b := approvalOf(d.Approval)
	b.Result = d.Done.Object
	if added, ok := d.Done.Shown.(registry.Added); ok {
		m := addedOf(added)
		b.Meter = &m
	}
	return &struct{ Body approvalBody }{b}, nil
}
