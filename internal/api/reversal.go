package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
)

func reversalOf(r sale.Reversal) apiv1.Reversal {
	return apiv1.Reversal{ID: r.ID.Text(id.Reversal), State: string(r.State), Confirmed: r.Confirmed, Code: string(r.Failure), Reason: r.Reason,
		By: r.By, CreatedAt: r.At.UTC(), SettledAt: at(r.SettledAt)}
}

func (a *API) reversalRoutes(r router) {
	body := map[string]*huma.MediaType{jsonType: {Schema: of[apiv1.Reversed](r)}}
	order(r, huma.Operation{
		OperationID: "reverse", Path: "/v1/vends/{id}/reversal", DefaultStatus: http.StatusCreated, Tags: []string{"vends"}, Summary: "Reverse a sale",
		Description: "Reverses the last sale to a meter, in the month of the sale, if none of its tokens is in the meter. A connected meter must first cancel the " +
			"tokens: the answer is 202, and the sale is reversing until the meter answers. GET the reversal for its state. A meter that is not connected " +
			"cannot confirm that its tokens will never load. A vendor's key can then only request the reversal: 202 with an approval, and no money is given " +
			"back until a person of the utility approves. A seller at the utility's own till may also need a second person (four eyes). The tokens become " +
			"reversed_unconfirmed, the meter gets an alarm, and the daily report lists the reversal. A token that is used after all becomes a debt. " +
			"Needs the header Idempotency-Key; the answer is stored for ever.",
		Parameters: keyParam(),
		Responses: map[string]*huma.Response{"201": {Description: "Reversed.", Content: body},
			"202": {Description: "The meter is being asked. If the reversal needs an approval first, the body is the approval.", Content: body}},
	}, a.reverse)
	order(r, huma.Operation{
		OperationID: "reprint", Path: "/v1/vends/{id}/reprints", DefaultStatus: http.StatusCreated, Tags: []string{"vends"}, Summary: "Print a receipt again",
		Description: "The copy is marked with its number, counted and audited. The seller may print it, and whoever may reverse sales.",
		Responses: map[string]*huma.Response{"201": {Description: "The receipt.", Content: map[string]*huma.MediaType{
			jsonType: {Schema: of[apiv1.Receipt](r)}, "text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}}}},
	}, a.reprint)
	query(r, huma.Operation{
		OperationID: "reversal", Path: "/v1/vends/{id}/reversal", Tags: []string{"vends"}, Summary: "Show a reversal",
	}, func(ctx context.Context, by access.Actor, in *SalePath) (*reply[apiv1.Reversal], error) {
		s, err := a.c.Vending.Reversal(ctx, by, in.ID)
		return replyOf(s.Refusal, err, func() apiv1.Reversal { return reversalOf(s.Reversal) })
	})
}

func (a *API) reverse(ctx context.Context, by access.Actor, in *SalePath, body apiv1.NewReversal) (*sent, error) {
	out, err := a.c.Vending.Reverse(ctx, by, vending.PendingReversal{Request: exchangeOf(ctx).request(), Sale: in.ID, Reason: body.Reason, RenderWaits: encodeWaits,
		Render: func(s sale.Sale, r sale.Reversal) (int, []byte) {
			status := http.StatusCreated
			if r.State == sale.ReversalWaiting {
				status = http.StatusAccepted
			}
			return status, encoded(apiv1.Reversed{Vend: saleOf(s, vending.Digits{}), Reversal: reversalOf(r)})
		}})
	return answered(ctx, a, out, err)
}
