package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
)

// moneyRoutes are the mux's patterns of the routes that move money. They need an Idempotency-Key. Their answers are stored
// with the work, and their problems say whether money moved.
var moneyRoutes = map[string]struct{}{
	sellRoute: {},
	http.MethodPost + " /v1/vends/{id}/reversal":              {},
	http.MethodPost + " /v1/vendors/{id}/deposits":            {},
	http.MethodPost + " /v1/payments/{id}/apply":              {},
	http.MethodPost + " /v1/payments/{id}/refund":             {},
	http.MethodPost + " /v1/payments/{id}/reject":             {},
	http.MethodPost + " /v1/payment-requests":                 {},
	http.MethodPost + " /v1/voucher-batches":                  {},
	http.MethodPost + " /v1/voucher-batches/{id}/sell":        {},
	http.MethodPost + " /v1/voucher-batches/{id}/end":         {},
	http.MethodPost + " /v1/voucher-batches/{id}/codes/again": {},
	http.MethodPost + " /v1/shifts":                           {},
	http.MethodPost + " /v1/shifts/{id}/payouts":              {},
	http.MethodPost + " /v1/shifts/{id}/close":                {},
	http.MethodPost + " /v1/debts":                            {},
	http.MethodPost + " /v1/charges":                          {},
	http.MethodPost + " /v1/debts/{id}/write-off":             {},
	http.MethodPost + " /v1/adjustments":                      {},
	http.MethodPost + " /v1/meters/{meter}/tokens":            {},
	http.MethodPost + " /v1/accounts/{id}/move-out":           {},
	http.MethodPost + " /v1/meters/{meter}/swap":              {},
	http.MethodPost + " /v1/accounts/{id}/refunds":            {},
	http.MethodPost + " /v1/accounts/{id}/take-over":          {},
}

// sellRoute is the pattern of the route that sells.
const sellRoute = http.MethodPost + " /v1/vends"

// movesMoney reports whether the route of a pattern moves money, or makes something worth money.
func movesMoney(route string) bool {
	_, ok := moneyRoutes[route]
	return ok
}

// bodiless are the patterns of POST routes whose body may be left out, because it has no required field.
var bodiless = map[string]struct{}{http.MethodPost + " /v1/vends/{id}/reversal": {}, http.MethodPost + " /v1/vends/{id}/reprints": {},
	http.MethodPost + " /v1/people/{id}/block": {}, http.MethodPost + " /v1/people/{id}/unblock": {}, http.MethodPost + " /v1/people/{id}/reset": {},
	http.MethodPost + " /v1/people/{id}/confirm": {}, http.MethodPost + " /v1/imports/{id}/undo": {}}

// keyParam is the header of a request that moves money, for the document.
func keyParam() []*huma.Param {
	return []*huma.Param{{Name: "Idempotency-Key", In: "header", Required: true, Description: "8 to 64 ASCII characters, new for each request",
		Schema: &huma.Schema{Type: huma.TypeString}}}
}

// request identifies a request that moves money, and says how its refusals are stored.
func (x *exchange) request() once.Request {
	return once.Request{Once: x.once, RenderRefusal: func(no refusal.Refusal) (int, []byte) {
		p := problemOf(no).complete(x)
		return p.Status, p.encode()
	}}
}

// answered sends the outcome of a request that moves money, byte for byte as it is stored.
func answered[T any](ctx context.Context, a *API, out once.Done[T], err error) (*sent, error) {
	switch {
	case err != nil:
		return nil, a.problemFor(ctx, err)
	case out.Replay != nil:
		again := sentBytes(out.Replay.Status, out.Replay.Body)
		again.Replayed = "true"
		return again, nil
	case out.Refused() && out.Reply.Status == 0:
		return nil, problemOf(out.Refusal)
	}
	return sentBytes(out.Reply.Status, out.Reply.Body), nil
}
