package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/unit"
)

func amountOf(a money.Amount) apiv1.Amount {
	return apiv1.Amount{AmountMinor: int64(a.Minor), Currency: a.Currency}
}

func moneyOf(b apiv1.Amount) money.Amount {
	return money.Amount{Minor: money.Minor(b.AmountMinor), Currency: b.Currency}
}

func linesOf(lines []sale.Line) []apiv1.Line {
	out := make([]apiv1.Line, len(lines))
	for i, l := range lines {
		out[i] = apiv1.Line{Kind: string(l.Kind), Ref: l.Ref, Label: l.Label, AmountMinor: int64(l.Amount)}
		if l.Left != nil {
			out[i].LeftMinor = new(int64(*l.Left))
		}
		for _, s := range l.Steps {
			out[i].Steps = append(out[i].Steps, apiv1.Step{UnitsWh: int64(s.Units), RateMicro: int64(s.Rate), AmountMinor: int64(s.Amount)})
		}
	}
	return out
}

func kwh(e unit.Energy) string { return e.KWh(1) }

// hidden replaces the digits of a token that may not be shown or do not exist yet.
const hidden = "**** **** **** **** ****"

// saleOf shows a sale, with the digits that the reader may see. Tokens of an unconfirmed key change come first, because they
// must be entered first.
func saleOf(s sale.Sale, d vending.Digits) apiv1.Sale {
	v := apiv1.Sale{
		ID: s.ID.Text(id.Vend), ClientRef: s.ClientRef, Meter: s.Meter.Number, Test: s.Meter.Simulated, State: string(s.State),
		Tender: amountOf(s.Tender), UnitsWh: int64(s.Units), UnitsKWh: kwh(s.Units), FreeWh: int64(s.Free), Lines: linesOf(s.Lines),
		Tokens: []apiv1.Token{}, ReceiptNo: s.ReceiptNo, CreatedAt: s.PricedAt.UTC(), CompletedAt: at(s.CompletedAt), Till: s.Till, Shift: shiftID(s.Shift), By: s.By, PressKey: s.PressKey,
	}
	v.ReceiptURL = "/v1/vends/" + v.ID + "/receipt"
	for i, t := range s.Change {
		v.Tokens = append(v.Tokens, tokenOf(t, d.Change(), i))
	}
	for i, t := range s.Tokens {
		v.Tokens = append(v.Tokens, tokenOf(t, d, i))
	}
	return v
}

// tokenOf shows token t with the i-th digits of d.
func tokenOf(t sale.Token, d vending.Digits, i int) apiv1.Token {
	return apiv1.Token{Digits: digitsOf(d, i), Withheld: string(d.Withheld()), Class: int(t.Class), SubClass: int(t.SubClass), TID: int64(t.TID), BaseDate: int(t.BaseDate),
		UnitsWh: int64(t.Units), State: string(t.State)}
}

// digitsOf returns the digits of token i, as far as the reader may see them.
func digitsOf(d vending.Digits, i int) string {
	if i >= d.Len() {
		return hidden
	}
	return d.Reveal(i)
}

// sent is an answer whose bytes are ready before the server knows whether the answer is new or stored, such as a sale's answer.
type sent struct {
	Status      int
	ContentType string `header:"Content-Type"`
	Replayed    string `header:"Idempotency-Replayed" doc:"true if this is the stored answer to an earlier request with the same key"`
	RetryAfter  string `header:"Retry-After"`
	Body        []byte
}

func sentBytes(status int, body []byte) *sent {
	kind := jsonType
	if status >= http.StatusBadRequest {
		kind = problemType
	}
	return &sent{Status: status, ContentType: kind, Body: body}
}

func (a *API) vendRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "sell", Path: "/v1/vends", DefaultStatus: http.StatusCreated, Tags: []string{"vends"}, Summary: "Sell electricity",
		Description: "Needs the header Idempotency-Key: 8 to 64 ASCII characters. A repeated key with the same body gets the stored answer, byte " +
			"for byte; with another body it is refused. The same order under a new key but an old client_ref is answered 200 with that sale. " +
			"A request that could not be read is not stored, so its key may be used again. Simulated meters 04999990015 (blocked), 04999990023 (answer lost " +
			"once), 04999990031 (key change), 04999990049 (float short) and 04999990056 (outcome unknown) always give these answers, for tests.",
		Parameters: []*huma.Param{{Name: "Idempotency-Key", In: "header", Required: true, Description: "8 to 64 ASCII characters, new for each sale",
			Schema: &huma.Schema{Type: huma.TypeString}}},
		Responses: map[string]*huma.Response{
			"201": bodyOf[apiv1.Sale](r, "Sold."),
			"200": bodyOf[apiv1.Sale](r, "Sold before under this client_ref."),
		},
	}, a.sell)
	order(r, huma.Operation{
		OperationID: "quote", Path: "/v1/vend-quotes", DefaultStatus: http.StatusOK, Tags: []string{"vends"}, Summary: "Price a purchase",
		Description: "Makes all checks of a sale, but no sale.",
	}, a.quote)
	listRoute(r, apiv1.Sales, a.sales)
	query(r, huma.Operation{
		OperationID: "sale", Path: "/v1/vends/{id}", Tags: []string{"vends"}, Summary: "Show a sale",
	}, a.sale)
	a.receiptRoutes(r)
}

func (a *API) sell(ctx context.Context, by access.Actor, _ *struct{}, body apiv1.NewSale) (*sent, error) {
	x := exchangeOf(ctx)
	sold, err := a.c.Vending.Sell(ctx, by, vending.Purchase{
		Meter: body.Meter, Tender: moneyOf(body.Tender), ClientRef: body.ClientRef, Deliver: body.Deliver, Once: x.once,
		Render: func(s sale.Sale, d vending.Digits) (int, []byte) {
			return http.StatusCreated, encoded(saleOf(s, d))
		},
		RenderRefusal: func(no refusal.Refusal) (int, []byte) {
			p := problemOf(no).complete(x)
			return p.Status, p.encode()
		},
	})
	if err != nil {
		p := a.problemFor(ctx, err)
		a.metrics.refused(refusal.Code(p.Code))
		return nil, p
	}
	switch {
	case sold.Replay != nil:
		out := sentBytes(sold.Replay.Status, sold.Replay.Body)
		out.Replayed = "true"
		return out, nil
	case sold.Refused():
		p := problemOf(sold.Refusal)
		a.metrics.refused(refusal.Code(p.Code))
		if sold.Reply.Status != 0 {
			return sentBytes(sold.Reply.Status, sold.Reply.Body), nil
		}
		return nil, p
	}
	a.metrics.sold(sold.Repeated)
	return sentBytes(sold.Reply.Status, sold.Reply.Body), nil
}

func (a *API) quote(ctx context.Context, by access.Actor, _ *struct{}, body apiv1.NewQuote) (*reply[apiv1.Quote], error) {
	q, err := a.c.Vending.Quote(ctx, by, body.Meter, moneyOf(body.Tender))
	return replyOf(q.Refusal, err, func() apiv1.Quote { return quoteOf(q) })
}

func quoteOf(q vending.Quoted) apiv1.Quote {
	return apiv1.Quote{Meter: q.Meter.Number, Tender: amountOf(q.Tender), UnitsWh: int64(q.Units), UnitsKWh: kwh(q.Units), FreeWh: int64(q.Free),
		Lines: linesOf(q.Lines), ExpiresAt: q.ExpiresAt.UTC()}
}

// sales lists sales without their digits, or finds one with its digits.
func (a *API) sales(ctx context.Context, by access.Actor, in *apiv1.SaleFilter) (*listed[apiv1.Sale], error) {
	var found vending.SaleView
	var err error
	switch {
	case in.ClientRef == "" && in.Key == "":
		l, err := a.c.Vending.Sales(ctx, by, vending.SaleRequest{From: in.From, To: in.To, Meter: in.Meter, Account: in.Account, Receipt: in.Receipt,
			Seller: in.Seller, Till: in.Till, Shift: in.Shift, State: in.State, Page: pageAt(in.Page)})
		return pageOf(l.Refusal, err, l.Sales, l.Next, func(s sale.Sale) apiv1.Sale { return saleOf(s, vending.Digits{}) })
	case in.ClientRef != "" && in.Key != "":
		return nil, problemOf(refuse.SalesWithTwoReferences())
	case in.Key != "":
		found, err = a.lastResponse(ctx, by, in.Key)
	default:
		found, err = a.c.Vending.SaleByRef(ctx, by, in.ClientRef)
	}
	if err != nil {
		return nil, err
	}
	if found.Code == refusal.VendNotFound {
		return listOf(nil, "", func(apiv1.Sale) apiv1.Sale { return apiv1.Sale{} }), nil
	}
	if found.Refused() {
		return nil, problemOf(found.Refusal)
	}
	return listOf([]apiv1.Sale{saleOf(found.Sale, found.Issued.Digits())}, "", func(v apiv1.Sale) apiv1.Sale { return v }), nil
}

// lastResponse finds the sale of a request by the request's key: the sale in its stored answer, or else the sale with the key as
// its reference. A refused request has no sale.
func (a *API) lastResponse(ctx context.Context, by access.Actor, key string) (vending.SaleView, error) {
	last, err := a.c.Vending.LastResponse(ctx, by, by.ID.Text(id.Key), key)
	switch {
	case err != nil || last.Refused():
		return vending.SaleView{Refusal: last.Refusal}, err
	case last.Reply.Status >= http.StatusOK && last.Reply.Status < http.StatusMultipleChoices:
		var answer struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(last.Reply.Body, &answer); err != nil {
			return vending.SaleView{}, fmt.Errorf("read a stored answer: %w", err)
		}
		return a.c.Vending.Sale(ctx, by, answer.ID)
	}
	found, err := a.c.Vending.SaleByRef(ctx, by, key)
	if err == nil && last.Running && found.Code == refusal.VendNotFound {
		return vending.SaleView{Refusal: refuse.SaleOfKeyRunning()}, nil
	}
	return found, err
}

// SalePath is the sale in a path.
type SalePath struct {
	ID string `path:"id" maxLength:"64" doc:"Id or receipt number of the sale"`
}

func (a *API) sale(ctx context.Context, by access.Actor, in *SalePath) (*reply[apiv1.Sale], error) {
	found, err := a.c.Vending.Sale(ctx, by, in.ID)
	return replyOf(found.Refusal, err, func() apiv1.Sale { return saleOf(found.Sale, found.Issued.Digits()) })
}
