package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/voucher"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// nextKeyOf reads the attributes of a meter's next key. A value that does not fit its type becomes one that the rule refuses.
func nextKeyOf(n *apiv1.NextKey) (*vending.NextKey, *Problem) {
	if n == nil {
		return nil, nil
	}
	out := &vending.NextKey{SGC: n.SGC, TI: n.TI}
	if n.KRN < 0 || n.KRN > 9 {
		return nil, problemOf(refuse.KrnOutOfRange())
	}
	out.KRN = uint8(n.KRN)
	if n.KT != nil {
		out.KT = new(sts.KeyType(min(max(*n.KT, 0), 0xff)))
	}
	if n.KEN != nil {
		if *n.KEN < 0 || *n.KEN > 255 {
			return nil, problemOf(refuse.KenOutOfRange())
		}
		out.KEN = new(uint8(*n.KEN))
	}
	if n.DKGA != "" {
		dkga, err := sts.ParseDKGA(n.DKGA)
		if err != nil {
			return nil, problemOf(refuse.DkgaOutOfRange())
		}
		out.DKGA = dkga
	}
	if n.BaseDate < 0 || n.BaseDate > 9999 {
		return nil, problemOf(refuse.BaseDateOutOfRange())
	}
	out.BaseDate = sts.BaseDate(n.BaseDate)
	return out, nil
}

func keyChangeOf(m sale.MeterRef, k registry.Key) apiv1.KeyChange {
	return apiv1.KeyChange{Meter: m.Number, State: k.State, SGC: k.SGC, KRN: int(k.KRN), KT: int(k.KT), TI: k.TI, KEN: int(k.KEN), DKGA: k.DKGA.String(),
		BaseDate: int(k.BaseDate)}
}

func tokensOf(j sale.Job, d vending.Digits) apiv1.Tokens {
	b := apiv1.Tokens{ID: j.ID.Text(id.Job), Kind: string(j.Kind), Meter: j.Meter.Number, Test: j.Meter.Simulated, UnitsWh: int64(j.Units), PowerW: j.Value,
		ReasonCode: j.ReasonCode, Reason: j.Reason, By: j.By, ApprovedBy: j.ApprovedBy, Tokens: []apiv1.Token{}, CreatedAt: j.CreatedAt.UTC()}
	for i, t := range j.Tokens {
		b.Tokens = append(b.Tokens, tokenOf(t, d, i))
	}
	return b
}

func (a *API) tokenRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "give-tokens", Path: "/v1/meters/{meter}/tokens", DefaultStatus: http.StatusCreated, Tags: []string{"tokens"},
		Summary: "Make free or service tokens",
		Description: "Replacements and free units, key changes, engineering tokens. No money moves. If a second person must approve them, the answer is " +
			"202 with the approval. Needs the header Idempotency-Key.",
		Parameters: keyParam(),
		Responses: map[string]*huma.Response{
			"201": bodyOf[apiv1.Tokens](r, "Made."),
			"202": bodyOf[apiv1.Approval](r, "Waits for a second person.")},
	}, a.giveTokens)
	order(r, huma.Operation{
		OperationID: "plan-key-change", Path: "/v1/meters/{meter}/key-changes", DefaultStatus: http.StatusCreated, Tags: []string{"tokens"},
		Summary: "Plan a key change", Description: "No token is sold to the meter from now on until the tokens of the change are made (kind key_change). A change whose " +
			"tokens could not be made is refused.",
	}, func(ctx context.Context, by access.Actor, in *MeterPath, body apiv1.NewKeyChange) (*reply[apiv1.KeyChange], error) {
		next, p := nextKeyOf(&body.NextKey)
		if p != nil {
			return nil, p
		}
		out, err := a.c.Vending.PlanKeyChange(ctx, by, in.Meter, *next, body.Reason)
		return replyOf(out.Refusal, err, func() apiv1.KeyChange { return keyChangeOf(out.Meter, out.Key) })
	})
	order(r, huma.Operation{
		OperationID: "cancel-key-change", Path: "/v1/meters/{meter}/key-changes/cancel", DefaultStatus: http.StatusOK, Tags: []string{"tokens"},
		Summary:     "Take back a planned key change",
		Description: "Only while its tokens are not made. Tokens are sold to the meter again under its present key, which is the answer.",
	}, func(ctx context.Context, by access.Actor, in *MeterPath, body apiv1.KeyChangeReason) (*reply[apiv1.KeyChange], error) {
		out, err := a.c.Vending.CancelKeyChange(ctx, by, in.Meter, body.Reason)
		return replyOf(out.Refusal, err, func() apiv1.KeyChange { return keyChangeOf(out.Meter, out.Key) })
	})
	order(r, huma.Operation{
		OperationID: "confirm-key-change", Path: "/v1/meters/{meter}/key-changes/confirm", DefaultStatus: http.StatusOK, Tags: []string{"tokens"},
		Summary: "Confirm that a meter holds its next key",
		Description: "For a meter that cannot report it: somebody has seen that the meter accepted every token of its key change. A meter with a " +
			"connection confirms by itself.",
	}, func(ctx context.Context, by access.Actor, in *MeterPath, body apiv1.KeyChangeReason) (*reply[apiv1.KeyChange], error) {
		out, err := a.c.Vending.ConfirmKeyChange(ctx, by, in.Meter, body.Reason)
		return replyOf(out.Refusal, err, func() apiv1.KeyChange { return keyChangeOf(out.Meter, out.Key) })
	})
}

func (a *API) giveTokens(ctx context.Context, by access.Actor, in *MeterPath, body apiv1.NewTokens) (*sent, error) {
	x := exchangeOf(ctx)
	next, p := nextKeyOf(body.Key)
	if p != nil {
		return nil, p
	}
	given, err := a.c.Vending.GiveTokens(ctx, by, vending.Ask{Request: x.request(), Meter: in.Meter, Kind: sale.JobKind(body.Kind),
		Units: unit.Energy(body.UnitsWh), PowerW: body.PowerW, Key: next, ReasonCode: body.ReasonCode, Reason: body.Reason,
		Render: func(j sale.Job, d vending.Digits) (int, []byte) {
			return http.StatusCreated, encoded(tokensOf(j, d))
		},
		RenderWaits: encodeWaits})
	return answered(ctx, a, once.Done[sale.Job]{Refusal: given.Refusal, Reply: given.Reply, Replay: given.Replay}, err)
}

func approvalOf(w access.Approval) apiv1.Approval {
	b := apiv1.Approval{ID: w.ID.Text(id.Approval), Act: string(w.Act), Summary: w.Summary, Request: w.Body, State: string(w.State), Maker: w.Maker.String(), Reason: w.Reason,
		Object: w.Object, CreatedAt: w.CreatedAt.UTC(), ExpiresAt: w.CreatedAt.Add(access.ApprovalLife).UTC(), DecidedAt: at(w.DecidedAt)}
	if !w.DecidedAt.IsZero() {
		b.Checker = w.Checker.String()
	}
	return b
}

// effectOf returns what a request does if it is approved now.
func effectOf(now *access.Rehearsed) *apiv1.Effect {
	if now == nil {
		return nil
	}
	b := apiv1.Effect{Summary: now.Summary, Changed: now.Changed, Hidden: now.Effect.Hidden}
	if now.Refused() {
		b.Refused = now.Detail()
	}
	for _, f := range now.Effect.Facts {
		b.Facts = append(b.Facts, apiv1.EffectFact{Name: f.Name, Before: f.Before.String(), After: f.After.String(), Was: f.Was.String(),
			Usual: usualOf(f.Usual), Cautions: cautionsOf(f.Odd)})
	}
	for _, s := range now.Effect.Sums {
		b.Sums = append(b.Sums, apiv1.EffectSum{Fate: string(s.Fate), Count: s.Count, Sum: s.Sum.String(), WasCount: s.WasCount, WasSum: s.WasSum.String(),
			Usual: usualOf(s.Usual), Cautions: cautionsOf(s.Odd)})
	}
	for _, r := range now.Effect.Rows {
		b.Rows = append(b.Rows, apiv1.EffectRow{Line: r.Line, Name: r.Name, At: at(r.At), From: r.From, Said: r.Said, Meter: r.Meter, Amount: r.Amount.String(),
			Fate: string(r.Fate), Cautions: cautionsOf(r.Odd)})
	}
	return &b
}

// usualOf returns what a figure usually is; nil if nobody compares it.
func usualOf(u access.Usual) *apiv1.Usual {
	if !u.Compared {
		return nil
	}
	return &apiv1.Usual{Median: u.Median.String(), Of: u.Of}
}

func cautionsOf(odd []access.Oddity) (out []string) {
	for _, o := range odd {
		out = append(out, o.What)
	}
	return out
}

// encodeWaits answers a request that was stored for a second person.
func encodeWaits(w access.Approval) (int, []byte) {
	return http.StatusAccepted, encoded(approvalOf(w))
}

// orWaits renders an action that was done, or the approval that it waits for.
func orWaits(status int, waits *access.Approval, done func() any) (int, []byte) {
	if waits != nil {
		return encodeWaits(*waits)
	}
	return status, encoded(done())
}

// eitherOr are the responses of an action that is done at once or waits for a second person.
func eitherOr(r router, status string, done *huma.Schema) map[string]*huma.Response {
	return map[string]*huma.Response{
		status: {Description: "Done.", Content: map[string]*huma.MediaType{jsonType: {Schema: done}}},
		"202":  bodyOf[apiv1.Approval](r, "Waiting for a second person. It was not carried out yet.")}
}

// queuedOrWaits are the responses of an action that is queued or waits for a second person.
func queuedOrWaits(r router, queued *huma.Schema) map[string]*huma.Response {
	either := &huma.Schema{OneOf: []*huma.Schema{queued, of[apiv1.Approval](r)}}
	return map[string]*huma.Response{"202": {Description: "On its way, or waiting for a second person.", Content: map[string]*huma.MediaType{jsonType: {Schema: either}}}}
}

// doneOrWaits writes the response of an action that is done at once or waits for a second person.
func doneOrWaits(status int, no refusal.Refusal, waits *access.Approval, err error, done func() any) (*sent, error) {
	switch {
	case err != nil:
		return nil, err
	case no.Refused():
		return nil, problemOf(no)
	case waits != nil:
		return sentBytes(encodeWaits(*waits)), nil
	}
	return sentBytes(status, encoded(done())), nil
}

// ApprovalPath is an approval in a path.
type ApprovalPath struct {
	ID string `path:"id" maxLength:"64" doc:"Id of the approval"`
}

func (a *API) approvalRoutes(r router) {
	listRoute(r, apiv1.Approvals, a.approvals)
	query(r, huma.Operation{
		OperationID: "approval", Path: "/v1/approvals/{id}", Tags: []string{"approvals"}, Summary: "Show a request and what it does if it is approved now",
		Description: "The field now is computed from the stored request and the books as they are at this moment, by the rules that apply when it is carried out.",
	}, func(ctx context.Context, by access.Actor, in *ApprovalPath) (*reply[apiv1.Approval], error) {
		shown, err := a.c.Access.Approval(ctx, by, in.ID)
		return replyOf(shown.Refusal, err, func() apiv1.Approval {
			b := approvalOf(shown.Approval)
			if b.Now = effectOf(shown.Now); b.Now != nil {
				b.Shown = shown.Now.Shown
			}
			return b
		})
	})
	const who = "Needs a person who did not make the request and has the same right."
	order(r, huma.Operation{
		OperationID: "approve", Path: "/v1/approvals/{id}/approve", DefaultStatus: http.StatusOK, Tags: []string{"approvals"},
		Summary: "Approve a request, which is then carried out",
		Description: who + " A program that shows the request to a person should send the field shown of what it showed. If the request does something else " +
			"by now, the answer is approval-changed, and nothing is done.",
	}, func(ctx context.Context, by access.Actor, in *ApprovalPath, body apiv1.Decision) (*reply[apiv1.Approval], error) {
		return a.decide(ctx, by, in.ID, true, body)
	})
	order(r, huma.Operation{
		OperationID: "reject", Path: "/v1/approvals/{id}/reject", DefaultStatus: http.StatusOK, Tags: []string{"approvals"},
		Summary: "Reject a request", Description: who,
	}, func(ctx context.Context, by access.Actor, in *ApprovalPath, body apiv1.Rejection) (*reply[apiv1.Approval], error) {
		return a.decide(ctx, by, in.ID, false, apiv1.Decision{Reason: body.Reason})
	})
}

// listApprovals names the list that a cursor of approvals belongs to; each state has its own list.
const listApprovals = "approvals:"

func (a *API) approvals(ctx context.Context, by access.Actor, in *apiv1.ApprovalFilter) (*listed[apiv1.Approval], error) {
	before, max, no := pageAt(in.Page).Read(a.c.Cursors, by.Tenant, listApprovals+in.State)
	if no.Refused() {
		return nil, problemOf(no)
	}
	l, err := a.c.Access.Approvals(ctx, by, access.ApprovalState(in.State), before, max)
	next := ""
	if !l.Last.IsZero() {
		next = registry.Cursor(a.c.Cursors, by.Tenant, listApprovals+in.State, l.Last)
	}
	return pageOf(l.Refusal, err, l.Data, next, approvalOf)
}

func (a *API) decide(ctx context.Context, by access.Actor, approval string, allow bool, body apiv1.Decision) (*reply[apiv1.Approval], error) {
	decision := access.Decision{Allow: allow, Reason: body.Reason, Shown: body.Shown}
	if len(body.Secrets) > 0 {
		decision.Entered = access.SecretOf(string(encoded(body.Secrets)))
	}
	d, err := a.c.Access.Decide(ctx, by, approval, decision)
	if err != nil {
		return nil, err
	}
	for _, no := range []refusal.Refusal{d.Refusal, d.Done.Refusal} {
		if no.Refused() {
			return nil, problemOf(no)
		}
	}
	b := approvalOf(d.Approval)
	b.Result = d.Done.Object
	if added, ok := d.Done.Shown.(registry.Added); ok {
		b.Meter = new(addedOf(added))
	}
	if changed, ok := d.Done.Shown.(registry.LinkKeyChange); ok {
		again := b
		again.LinkKey = new(linkKeyAgain(changed))
		exchangeOf(ctx).again = again
		b.LinkKey = new(linkKeyOf(changed))
	}
	if changed, ok := d.Done.Shown.(registry.PasswordChange); ok {
		again := b
		again.Password = new(passwordAgain(changed))
		exchangeOf(ctx).again = again
		b.Password = new(passwordOf(changed))
	}
	if codes, ok := d.Done.Shown.([]voucher.Coded); ok {
		exchangeOf(ctx).again = b // a repetition shows no code
		b.Codes = codesOf(codes)
	}
	if drawn, ok := d.Done.Shown.(payment.ProviderSecrets); ok {
		exchangeOf(ctx).again = b // a repetition shows no secret
		b.Secret, b.Address = drawn.Secret.Reveal(), hookAddress(drawn.Path)
	}
	return &reply[apiv1.Approval]{b}, nil
}
