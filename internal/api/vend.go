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
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/unit"
)

// amountBody is money.
type amountBody struct {
	Minor    int64  `json:"amount_minor" example:"10000" doc:"Whole minor units: 10000 is 100.00 KES"`
	Currency string `json:"currency" example:"KES" doc:"ISO 4217"`
}

func amountOf(a money.Amount) amountBody {
	return amountBody{Minor: int64(a.Minor), Currency: a.Currency}
}

func (b amountBody) amount() money.Amount {
	return money.Amount{Minor: money.Minor(b.Minor), Currency: b.Currency}
}

// vendRequest is a sale to make.
type vendRequest struct {
	Meter     string     `json:"meter" example:"04140001001" doc:"Number or id"`
	Tender    amountBody `json:"tender"`
	ClientRef string     `json:"client_ref,omitempty" maxLength:"64" doc:"The seller's own name of this sale, unique per vendor for ever; default: the Idempotency-Key"`
	Deliver   []string   `json:"deliver,omitempty" doc:"Routes besides this answer: mqtt to the meter's connection, sms to the customer's telephone, meter_sms to the SIM in the meter"`
}

// quoteRequest is a purchase to price.
type quoteRequest struct {
	Meter  string     `json:"meter" example:"04140001001" doc:"Number or id"`
	Tender amountBody `json:"tender"`
}

// stepBody is the part of the energy that one block of the tariff sold.
type stepBody struct {
	UnitsWh     int64 `json:"units_wh"`
	RateMicro   int64 `json:"rate_micro" doc:"Millionths of the major unit per kWh, without tax"`
	AmountMinor int64 `json:"amount_minor"`
}

// lineBody is one part of the tender.
type lineBody struct {
	Kind        string     `json:"kind" example:"energy" doc:"energy (net of tax), vat, carry, carry_in ..."`
	Ref         string     `json:"ref,omitempty"`
	Label       string     `json:"label,omitempty" doc:"What it is, for people: the kind of a debt"`
	AmountMinor int64      `json:"amount_minor"`
	LeftMinor   *int64     `json:"left_minor,omitempty" doc:"Of a charge or debt: what is still to be paid of it after this sale, tax included"`
	Steps       []stepBody `json:"steps,omitempty"`
}

// Token is one token of a sale, as answers show it.
type Token struct {
	Digits   string `json:"digits" doc:"20 digits; masked without the right token.show"`
	Class    int    `json:"class"`
	SubClass int    `json:"subclass"`
	TID      int64  `json:"tid" doc:"Minutes since the base date"`
	BaseDate int    `json:"base_date" example:"2014"`
	UnitsWh  int64  `json:"units_wh"`
	State    string `json:"state" enum:"reserved,issued,sent,accepted,rejected,failed,reversed,reversed_unconfirmed"`
	Withheld string `json:"withheld,omitempty" enum:"storage-full" doc:"Why the digits are masked although you may see them: the disk has no room for the audit row. Ask again when there is room"`
}

// vendBody is a sale.
type vendBody struct {
	ID          string     `json:"id" example:"vnd_01jd00000000000000000000000"`
	ClientRef   string     `json:"client_ref"`
	Meter       string     `json:"meter"`
	Test        bool       `json:"test,omitempty" doc:"The meter is simulated"`
	State       string     `json:"state" enum:"priced,held,issued,completed,failed,reversing,reversed"`
	Tender      amountBody `json:"tender"`
	UnitsWh     int64      `json:"units_wh" example:"34700"`
	UnitsKWh    string     `json:"units_kwh" example:"34.7"`
	FreeWh      int64      `json:"free_wh,omitempty" doc:"Free basic units among units_wh; their tokens come first"`
	Lines       []lineBody `json:"lines" doc:"In the order of the allocation; they sum to the tender"`
	Tokens      []Token    `json:"tokens"`
	ReceiptNo   string     `json:"receipt_no,omitempty"`
	ReceiptURL  string     `json:"receipt_url"`
	CreatedAt   time.Time  `json:"created_at"`
	CompletedAt *time.Time `json:"completed_at,omitempty"`
	PressKey    bool       `json:"press_key,omitempty" doc:"Of a recharge: somebody must press # on the meter for the supply to return; as it was when the recharge was made"`
}

// quoteBody is what a tender would buy now.
type quoteBody struct {
	Meter     string     `json:"meter"`
	Tender    amountBody `json:"tender"`
	UnitsWh   int64      `json:"units_wh"`
	UnitsKWh  string     `json:"units_kwh"`
	FreeWh    int64      `json:"free_wh,omitempty" doc:"Free basic units among units_wh"`
	Lines     []lineBody `json:"lines"`
	ExpiresAt time.Time  `json:"expires_at"`
}

func linesOf(lines []vending.Line) []lineBody {
	out := make([]lineBody, len(lines))
	for i, l := range lines {
		out[i] = lineBody{Kind: string(l.Kind), Ref: l.Ref, Label: l.Label, AmountMinor: int64(l.Amount)}
		if l.Left != nil {
			left := int64(*l.Left)
			out[i].LeftMinor = &left
		}
		for _, s := range l.Steps {
			out[i].Steps = append(out[i].Steps, stepBody{UnitsWh: int64(s.Units), RateMicro: int64(s.Rate), AmountMinor: int64(s.Amount)})
		}
	}
	return out
}

func kwh(e unit.Energy) string { return e.KWh(1) }

// hidden stands where the digits of a token may not be shown or do not exist yet.
const hidden = "**** **** **** **** ****"

// vendOf shows a sale, with the digits that the reader may see. The tokens of a key change that the meter has not
// confirmed come first: they must be entered first.
func vendOf(s vending.Sale, d vending.Digits) vendBody {
	v := vendBody{
		ID: s.ID.Text(id.Vend), ClientRef: s.ClientRef, Meter: s.Meter.Number, Test: s.Meter.Simulated, State: string(s.State),
		Tender: amountOf(s.Tender), UnitsWh: int64(s.Units), UnitsKWh: kwh(s.Units), FreeWh: int64(s.Free), Lines: linesOf(s.Lines),
		Tokens: []Token{}, ReceiptNo: s.ReceiptNo, CreatedAt: s.PricedAt.UTC(), CompletedAt: at(s.CompletedAt), PressKey: s.PressKey,
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

// tokenOf shows token t, whose digits are the ith of d.
func tokenOf(t vending.Token, d vending.Digits, i int) Token {
	return Token{Digits: digitsOf(d, i), Withheld: string(d.Withheld()), Class: int(t.Class), SubClass: int(t.SubClass), TID: int64(t.TID), BaseDate: int(t.BaseDate),
		UnitsWh: int64(t.Units), State: string(t.State)}
}

// digitsOf is the text of token i, as far as the reader may see it.
func digitsOf(d vending.Digits, i int) string {
	if i >= d.Len() {
		return hidden
	}
	return d.Reveal(i)
}

// sent is an answer whose bytes were made before it is known whether they are new: a sale's.
type sent struct {
	Status      int
	ContentType string `header:"Content-Type"`
	Replayed    string `header:"Idempotency-Replayed" doc:"true where this is the stored answer to an earlier request with the same key"`
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
		OperationID: "sell", Path: "/v1/vends", DefaultStatus: http.StatusCreated, Tags: []string{"vends"}, Summary: "Sell",
		Description: "Needs the header Idempotency-Key: 8 to 64 ASCII characters. The same key and body give the stored status and bytes " +
			"again; another body is refused. The same order under a new key but an old client_ref is answered 200 with that sale. " +
			"A request that could not be read is not stored, so its key may be used again. Simulated meters 04999990015 (blocked), 04999990023 (answer lost " +
			"once), 04999990031 (key change), 04999990049 (float short) and 04999990056 (outcome unknown) answer as a meter in trouble would.",
		Parameters: []*huma.Param{{Name: "Idempotency-Key", In: "header", Required: true, Description: "8 to 64 ASCII characters, new for each sale",
			Schema: &huma.Schema{Type: huma.TypeString}}},
		Responses: map[string]*huma.Response{
			"201": {Description: "Sold.", Content: map[string]*huma.MediaType{jsonType: {Schema: of[vendBody](r)}}},
			"200": {Description: "Sold before under this client_ref.", Content: map[string]*huma.MediaType{jsonType: {Schema: of[vendBody](r)}}},
		},
	}, a.sell)
	order(r, huma.Operation{
		OperationID: "quote", Path: "/v1/vend-quotes", DefaultStatus: http.StatusOK, Tags: []string{"vends"}, Summary: "Price a purchase",
		Description: "All checks of a sale; nothing is sold.",
	}, a.quote)
	query(r, huma.Operation{
		OperationID: "find-sales", Path: "/v1/vends", Tags: []string{"vends"}, Summary: "Find a sale by its client_ref",
		Description: "The way to learn what became of a request whose answer was lost: an empty list means that nothing was sold.",
	}, a.findSales)
	query(r, huma.Operation{
		OperationID: "sale", Path: "/v1/vends/{id}", Tags: []string{"vends"}, Summary: "Show a sale",
	}, a.sale)
	a.receiptRoutes(r)
}

func (a *API) sell(ctx context.Context, by access.Actor, _ *struct{}, body vendRequest) (*sent, error) {
	x := exchangeOf(ctx)
	sold, err := a.c.Vending.Sell(ctx, by, vending.Order{
		Meter: body.Meter, Tender: body.Tender.amount(), ClientRef: body.ClientRef, Deliver: body.Deliver, Once: x.once,
		Render: func(s vending.Sale, d vending.Digits) (int, []byte) {
			return http.StatusCreated, encodeVend(s, d)
		},
		RenderRefusal: func(no refusal.Refusal) (int, []byte) {
			p := refuse(no).complete(x)
			return p.Status, p.encode()
		},
	})
	if err != nil {
		p := a.problemFor(ctx, err)
		a.metrics.refused(p.Code)
		return nil, p
	}
	switch {
	case sold.Replay != nil:
		out := sentBytes(sold.Replay.Status, sold.Replay.Body)
		out.Replayed = "true"
		return out, nil
	case sold.Refused():
		p := refuse(sold.Refusal)
		a.metrics.refused(p.Code)
		if sold.Reply.Status != 0 {
			return sentBytes(sold.Reply.Status, sold.Reply.Body), nil
		}
		return nil, p
	}
	a.metrics.sold(sold.Repeated)
	return sentBytes(sold.Reply.Status, sold.Reply.Body), nil
}

func encodeVend(s vending.Sale, d vending.Digits) []byte {
	b, err := json.Marshal(vendOf(s, d))
	if err != nil {
		panic(fmt.Sprintf("encode sale %s: %v", s.ID.Text(id.Vend), err)) // strings, integers and times within years 0 to 9999
	}
	return append(b, '\n')
}

func (a *API) quote(ctx context.Context, by access.Actor, _ *struct{}, body quoteRequest) (*struct{ Body quoteBody }, error) {
	q, err := a.c.Vending.Quote(ctx, by, body.Meter, body.Tender.amount())
	if err != nil {
		return nil, err
	}
	if q.Refused() {
		return nil, refuse(q.Refusal)
	}
	return &struct{ Body quoteBody }{quoteBody{Meter: q.Meter.Number, Tender: amountOf(q.Tender), UnitsWh: int64(q.Units),
		UnitsKWh: kwh(q.Units), FreeWh: int64(q.Free), Lines: linesOf(q.Lines), ExpiresAt: q.ExpiresAt.UTC()}}, nil
}

func (a *API) findSales(ctx context.Context, by access.Actor, in *struct {
	ClientRef string `query:"client_ref" maxLength:"64" doc:"The seller's own name of the sale"`
	Key       string `query:"idempotency_key" maxLength:"64" doc:"Instead: the Idempotency-Key of the caller's own request"`
	Table
}) (*listed[vendBody], error) {
	var found vending.Shown
	var err error
	switch {
	case (in.ClientRef == "") == (in.Key == ""):
		return nil, because(refusal.InvalidRequest, "The list needs client_ref or idempotency_key, and one of them only.", "Nothing is shown.", "Name the sale.")
	case in.Key != "":
		found, err = a.lastResponse(ctx, by, in.Key)
	default:
		found, err = a.c.Vending.SaleByRef(ctx, by, in.ClientRef)
	}
	if err != nil {
		return nil, err
	}
	if found.Code == refusal.VendNotFound {
		return listOf(nil, "", func(vendBody) vendBody { return vendBody{} }), nil
	}
	if found.Refused() {
		return nil, refuse(found.Refusal)
	}
	return listOf([]vendBody{vendOf(found.Sale, found.Issued.Digits())}, "", func(v vendBody) vendBody { return v }), nil
}

// lastResponse finds the sale of a request by its key: the one that its stored answer names, or that which is being made
// under the key as its reference. A request that was refused has none.
func (a *API) lastResponse(ctx context.Context, by access.Actor, key string) (vending.Shown, error) {
	last, err := a.c.Vending.LastResponse(ctx, by, by.ID.Text(id.Key), key)
	switch {
	case err != nil || last.Refused():
		return vending.Shown{Refusal: last.Refusal}, err
	case last.Reply.Status >= http.StatusOK && last.Reply.Status < http.StatusMultipleChoices:
		var answer struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(last.Reply.Body, &answer); err != nil {
			return vending.Shown{}, fmt.Errorf("read a stored answer: %w", err)
		}
		return a.c.Vending.Sale(ctx, by, answer.ID)
	}
	found, err := a.c.Vending.SaleByRef(ctx, by, key)
	if err == nil && last.Running && found.Code == refusal.VendNotFound {
		return vending.Shown{Refusal: refusal.Because(refusal.IdempotencyRunning, "The request with this Idempotency-Key is still running.", "",
			"Ask again in a few seconds.")}, nil
	}
	return found, err
}

// SalePath is the sale that a path names.
type SalePath struct {
	ID string `path:"id" maxLength:"64" doc:"Its id"`
}

func (a *API) sale(ctx context.Context, by access.Actor, in *SalePath) (*struct{ Body vendBody }, error) {
	found, err := a.c.Vending.Sale(ctx, by, in.ID)
	if err != nil {
		return nil, err
	}
	if found.Refused() {
		return nil, refuse(found.Refusal)
	}
	return &struct{ Body vendBody }{vendOf(found.Sale, found.Issued.Digits())}, nil
}
