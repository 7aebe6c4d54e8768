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
	"github.com/paywatt/paywatt/internal/vending"
)

// newReversal asks for a sale to be undone.
type newReversal struct {
	Reason string `json:"reason,omitempty" maxLength:"200" doc:"Needed but where who sold undoes it within the reversal window (15 minutes unless set otherwise); kept in the audit log"`
}

// reversalBody is how far the reversal of a sale has come.
type reversalBody struct {
	ID        string     `json:"id" example:"rev_01jd00000000000000000000000"`
	State     string     `json:"state" enum:"waiting,done,refused" doc:"waiting: for the meter to say that it will never load the tokens. refused: the sale stands"`
	Confirmed bool       `json:"confirmed" doc:"The meter will never load the tokens. false on a reversal that is done: nobody could ask it, and the tokens are a risk"`
	Code      string     `json:"code,omitempty" example:"not-reversible" doc:"Why the sale stands"`
	Reason    string     `json:"reason,omitempty"`
	By        string     `json:"by"`
	CreatedAt time.Time  `json:"created_at"`
	SettledAt *time.Time `json:"settled_at,omitempty"`
}

// reversedBody is a sale with its reversal.
type reversedBody struct {
	Vend     vendBody     `json:"vend"`
	Reversal reversalBody `json:"reversal"`
}

func reversalOf(r vending.Reversal) reversalBody {
	return reversalBody{ID: r.ID.Text(id.Reversal), State: string(r.State), Confirmed: r.Confirmed, Code: string(r.Failure), Reason: r.Reason,
		By: r.By, CreatedAt: r.At.UTC(), SettledAt: at(r.SettledAt)}
}

func (a *API) reversalRoutes(r router) {
	body := map[string]*huma.MediaType{jsonType: {Schema: of[reversedBody](r)}}
	order(r, huma.Operation{
		OperationID: "reverse", Path: "/v1/vends/{id}/reversal", DefaultStatus: http.StatusCreated, Tags: []string{"vends"}, Summary: "Undo a sale",
		Description: "Reverses the last sale to a meter, in the month of the sale, if none of its tokens is in the meter. A connected meter is told to cancel the " +
			"tokens first: 202, and the sale is reversing until the meter answers; GET the reversal to read its state. A meter that is not connected " +
			"cannot confirm that its tokens will never load. Then a vendor's key can only ask: 202 with an approval, and no money is given back until " +
			"a person of the utility approves. A seller at the utility's own till needs a second person where four eyes bind. The tokens become " +
			"reversed_unconfirmed, the meter gets an alarm, and the daily report lists the reversal. A token that is used after all becomes a debt. " +
			"Needs the header Idempotency-Key; the answer is kept for ever.",
		Parameters: keyParam(),
		Responses: map[string]*huma.Response{"201": {Description: "Reversed.", Content: body},
			"202": {Description: "The meter is being asked. If the reversal needs an approval first, the body is the approval.", Content: body}},
	}, a.reverse)
	order(r, huma.Operation{
		OperationID: "reprint", Path: "/v1/vends/{id}/reprints", DefaultStatus: http.StatusCreated, Tags: []string{"vends"}, Summary: "Print a receipt again",
		Description: "Marked as a copy with its number, counted and audited: who sold may, and who may reverse sales.",
		Responses: map[string]*huma.Response{"201": {Description: "The receipt.", Content: map[string]*huma.MediaType{
			jsonType: {Schema: &huma.Schema{Type: huma.TypeObject}}, "text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}}}},
	}, a.reprint)
	query(r, huma.Operation{
		OperationID: "reversal", Path: "/v1/vends/{id}/reversal", Tags: []string{"vends"}, Summary: "Show how far a reversal has come",
	}, func(ctx context.Context, by access.Actor, in *SalePath) (*struct{ Body reversalBody }, error) {
		s, err := a.c.Vending.Reversal(ctx, by, in.ID)
		if err != nil {
			return nil, err
		}
		if s.Refused() {
			return nil, refuse(s.Refusal)
		}
		return &struct{ Body reversalBody }{reversalOf(s.Reversal)}, nil
	})
}

func (a *API) reverse(ctx context.Context, by access.Actor, in *SalePath, body newReversal) (*sent, error) {
	out, err := a.c.Vending.Reverse(ctx, by, vending.Undo{Request: exchangeOf(ctx).request(), Sale: in.ID, Reason: body.Reason, RenderWaits: encodeWaits,
		Render: func(s vending.Sale, r vending.Reversal) (int, []byte) {
			status := http.StatusCreated
			if r.State == vending.ReversalWaiting {
				status = http.StatusAccepted
			}
			b, err := json.Marshal(reversedBody{vendOf(s, vending.Digits{}), reversalOf(r)})
			if err != nil {
				panic(fmt.Sprintf("encode the reversal of sale %s: %v", s.ID.Text(id.Vend), err)) // strings, integers and times within years 0 to 9999
			}
			return status, append(b, '\n')
		}})
	return answered(ctx, a, out, err)
}
