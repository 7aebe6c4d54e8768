package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Order is a sale to make.
type Order struct {
	Meter  string `json:"meter"`
	Tender Amount `json:"tender"`
	// ClientRef is the caller's own name of the sale, unique per vendor for ever; empty = the idempotency key.
	ClientRef string `json:"client_ref,omitempty"`
	// Deliver lists the routes besides this answer: mqtt, sms, meter_sms.
	Deliver []string `json:"deliver,omitempty"`
	// IdempotencyKey makes a repetition harmless: 8 to 64 ASCII characters; empty = a random one. Callers that may
	// crash choose their own and keep it with the order.
	IdempotencyKey string `json:"-"`
}

// Step is one block of the energy line.
type Step struct {
	UnitsWh     int64 `json:"units_wh"`
	RateMicro   int64 `json:"rate_micro"`
	AmountMinor int64 `json:"amount_minor"`
}

// Line is one part of the tender, in the order it was allocated; the lines of a sale sum to the tender.
type Line struct {
	Kind        string `json:"kind"` // fee, fixed, debt, energy (net of tax), levy, vat, carry, carry_in, wallet ...
	Ref         string `json:"ref,omitempty"`
	Label       string `json:"label,omitempty"` // what it is, for people
	AmountMinor int64  `json:"amount_minor"`
	LeftMinor   *int64 `json:"left_minor,omitempty"` // of a charge or debt: still to be paid after the sale, tax included
	Steps       []Step `json:"steps,omitempty"`
}

// Token is what the customer types. Digits are masked without the right token.show.
type Token struct {
	Digits   string `json:"digits"`
	Class    int    `json:"class"`
	SubClass int    `json:"subclass"`
	TID      int64  `json:"tid"`
	BaseDate int    `json:"base_date"`
	UnitsWh  int64  `json:"units_wh"`
	State    string `json:"state"`
	Withheld string `json:"withheld,omitempty"` // why they are masked although the right is there: storage-full
}

// Vend is a sale.
type Vend struct {
	ID          string     `json:"id"`
	ClientRef   string     `json:"client_ref"`
	Meter       string     `json:"meter"`
	Test        bool       `json:"test,omitempty"` // the meter is simulated
	State       string     `json:"state"`
	Tender      Amount     `json:"tender"`
	UnitsWh     int64      `json:"units_wh"`
	FreeWh      int64      `json:"free_wh,omitempty"` // free basic units among UnitsWh; their tokens come first
	Lines       []Line     `json:"lines"`
	Tokens      []Token    `json:"tokens"`
	ReceiptNo   string     `json:"receipt_no,omitempty"`
	ReceiptURL  string     `json:"receipt_url"`
	PressKey    bool       `json:"press_key,omitempty"` // of a recharge: somebody must press # on the meter for the supply to return
	CreatedAt   time.Time  `json:"created_at"`
	CompletedAt *time.Time `json:"completed_at,omitempty"`
	// Replayed says that the server answered with a sale it had made before under the same key.
	Replayed bool `json:"-"`
	// Raw is the answer byte for byte.
	Raw json.RawMessage `json:"-"`
}

// Quote is what a tender would buy now. Nothing is stored but the quote.
type Quote struct {
	Meter     string    `json:"meter"`
	Tender    Amount    `json:"tender"`
	UnitsWh   int64     `json:"units_wh"`
	FreeWh    int64     `json:"free_wh,omitempty"` // free basic units among UnitsWh; their tokens come first
	Lines     []Line    `json:"lines"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Unresolved is a sale, or another request that moves money, whose outcome this client does not know: it may or may not have happened. Ask again with the
// same order and IdempotencyKey, or look with [Client.VendByRef]; never start a new sale instead.
type Unresolved struct {
	IdempotencyKey string
	ClientRef      string
	Err            error
}

// Error says what is not known and how to find out.
func (u *Unresolved) Error() string {
	if u.ClientRef == "" {
		return fmt.Sprintf("request %s: outcome unknown: %v", u.IdempotencyKey, u.Err)
	}
	return fmt.Sprintf("sale %s: outcome unknown: %v", u.ClientRef, u.Err)
}

// Unwrap returns the last error of the way.
func (u *Unresolved) Unwrap() error { return u.Err }

// Quote prices a tender without selling (right: vend.quote).
func (c *Client) Quote(ctx context.Context, meter string, tender Amount) (Quote, error) {
	body := struct {
		Meter  string `json:"meter"`
		Tender Amount `json:"tender"`
	}{meter, tender}
	return ask[Quote](ctx, c, post("/v1/vend-quotes", body))
}

// Vend sells (right: vend.sell). After errors of the way it asks again with the same idempotency key, up to
// Config.Attempts times, so one call never makes two sales. An error that leaves the outcome open is an
// [*Unresolved]; one that is [ErrUnreachable] or a [*Problem] with MoneyMoved "no" means that nothing was sold.
func (c *Client) Vend(ctx context.Context, o Order) (Vend, error) {
	if o.IdempotencyKey == "" {
		o.IdempotencyKey = rand.Text()
	}
	q := post("/v1/vends", o)
	q.header = http.Header{"Idempotency-Key": {o.IdempotencyKey}}
	ref := o.ClientRef
	if ref == "" {
		ref = o.IdempotencyKey
	}
	asked := false // whether any attempt may have reached the server
	for attempt := 1; ; attempt++ {
		v, err := c.vendOnce(ctx, q)
		if err == nil {
			return v, nil
		}
		again, pause := repeatable(err)
		if !again && !(asked && saysNothing(err)) {
			return Vend{}, err
		}
		asked = asked || !errors.Is(err, ErrUnreachable)
		if attempt >= c.cfg.Attempts || ctx.Err() != nil || c.cfg.Wait(ctx, c.pause(attempt, pause)) != nil {
			if !asked {
				return Vend{}, err
			}
			return Vend{}, &Unresolved{IdempotencyKey: o.IdempotencyKey, ClientRef: ref, Err: err}
		}
	}
}

func (c *Client) vendOnce(ctx context.Context, q call) (Vend, error) {
	a, err := c.do(ctx, q)
	if err != nil {
		return Vend{}, err
	}
	var v Vend
	if err := json.Unmarshal(a.body, &v); err != nil {
		return Vend{}, fmt.Errorf("%w: the answer is not the JSON of this version: %w", ErrNoAnswer, err)
	}
	v.Replayed = a.header.Get("Idempotency-Replayed") == "true"
	v.Raw = a.body
	return v, nil
}

// repeatable says whether asking again with the same key can settle the sale, and the server's wish for a pause.
func repeatable(err error) (bool, time.Duration) {
	if errors.Is(err, ErrUnreachable) || errors.Is(err, ErrNoAnswer) {
		return true, 0
	}
	var p *Problem
	if !errors.As(err, &p) {
		return false, 0
	}
	switch {
	case p.Code == "idempotency-key-in-flight", p.MoneyMoved == MoneyMovedUnknown:
		return true, p.RetryAfter
	case p.Code == "" && p.Status >= 500: // a proxy's page: nobody knows what the server behind it did
		return true, p.RetryAfter
	}
	return false, 0
}

// saysNothing reports whether a "no" to a repetition leaves open what became of an earlier attempt: the server turned
// this request away before it looked at the key.
func saysNothing(err error) bool {
	var p *Problem
	if !errors.As(err, &p) {
		return true
	}
	switch p.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
		return true
	}
	return p.Status >= 500
}

// pause is the wait after the given attempt: doubling, at least what the server asked for, bounded.
func (c *Client) pause(attempt int, wish time.Duration) time.Duration {
	d := c.cfg.Pause
	for range min(attempt-1, 16) {
		d *= 2
	}
	return min(max(d, wish), MaxPause)
}

// VendByID returns a sale (right: vend.read).
func (c *Client) VendByID(ctx context.Context, id string) (Vend, error) {
	return ask[Vend](ctx, c, get("/v1/vends/"+url.PathEscape(id), nil))
}

// VendByRef returns the sale with the caller's own reference. A problem with code "vend-not-found" means that it was
// not made.
func (c *Client) VendByRef(ctx context.Context, clientRef string) (Vend, error) {
	l, err := ask[List[Vend]](ctx, c, get("/v1/vends", url.Values{"client_ref": {clientRef}}))
	if err != nil {
		return Vend{}, err
	}
	if len(l.Data) != 1 {
		return Vend{}, &Problem{
			Title: "Not found", Status: http.StatusNotFound, Code: "vend-not-found", MoneyMoved: MoneyMovedNo,
			Detail: "There is no sale with the reference " + clientRef + ".",
		}
	}
	return l.Data[0], nil
}

// Receipt returns the receipt of a sale in a format (json, text32, text48, html, sms) and its content type.
func (c *Client) Receipt(ctx context.Context, id, format string) (body []byte, contentType string, err error) {
	a, err := c.do(ctx, get("/v1/vends/"+url.PathEscape(id)+"/receipt", url.Values{"format": {format}}))
	if err != nil {
		return nil, "", err
	}
	return a.body, a.header.Get("Content-Type"), nil
}

// ProvenReceipt returns the receipt of a sale as JSON with the proof that the sale is in the sealed log, up to the signed
// head of so many leaves or the newest one for 0. A problem with code "not-sealed-yet" means: ask again after its
// RetryAfter.
func (c *Client) ProvenReceipt(ctx context.Context, id string, head int64) ([]byte, error) {
	q := url.Values{"format": {"json"}, "proof": {"1"}}
	if head != 0 {
		q.Set("head", strconv.FormatInt(head, 10))
	}
	a, err := c.do(ctx, get("/v1/vends/"+url.PathEscape(id)+"/receipt", q))
	return a.body, err
}
