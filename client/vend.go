package client

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
)

// Sold is a sale with details of its answer.
type Sold struct {
	apiv1.Sale
	// Replayed says that the server had made this sale before under the same key.
	Replayed bool `json:"-"`
	// Raw is the answer byte for byte.
	Raw json.RawMessage `json:"-"`
}

// Unresolved is a sale, or another request that moves money, whose outcome is not known. Ask again with the same order and
// key, or look with [Client.VendByRef]; never start a new sale instead.
type Unresolved struct {
	IdempotencyKey string
	ClientRef      string
	Err            error
}

// Error says what is unknown and how to find out.
func (u *Unresolved) Error() string {
	if u.ClientRef == "" {
		return fmt.Sprintf("request %s: outcome unknown: %v", u.IdempotencyKey, u.Err)
	}
	return fmt.Sprintf("sale %s: outcome unknown: %v", u.ClientRef, u.Err)
}

// Unwrap returns the last network error.
func (u *Unresolved) Unwrap() error { return u.Err }

// Quote prices a tender without selling (right: vend.quote).
func (c *Client) Quote(ctx context.Context, meter string, tender apiv1.Amount) (apiv1.Quote, error) {
	return ask[apiv1.Quote](ctx, c, post("/v1/vend-quotes", apiv1.NewQuote{Meter: meter, Tender: tender}))
}

// Vend sells (right: vend.sell). The key makes a repetition harmless. It has 8 to 64 ASCII characters. An empty key means a random one.
// Callers that may crash choose their own and store it with the order. After network errors Vend asks again with the same key, up to
// Config.Attempts times, so one call never makes two sales. An error that leaves the outcome open is an [*Unresolved]. [ErrUnreachable] and
// a [*Problem] with MoneyMoved "no" mean that nothing was sold.
func (c *Client) Vend(ctx context.Context, o apiv1.NewSale, key string) (Sold, error) {
	var s Sold
	key = cmp.Or(key, rand.Text())
	a, err := c.settle(ctx, post("/v1/vends", o), key, cmp.Or(o.ClientRef, key), &s.Sale)
	s.Replayed, s.Raw = a.header.Get("Idempotency-Replayed") == "true", a.body
	return s, err
}

// keyedAsk sends a request that moves money under a key. If the outcome stays unknown, the error is an [*Unresolved].
func keyedAsk[T any](ctx context.Context, c *Client, q call, key string) (out T, err error) {
	_, err = c.settle(ctx, q, cmp.Or(key, rand.Text()), "", &out)
	return out, err
}

// settle repeats a request that moves money with the same key until it is settled or Config.Attempts are used up. If the request is not
// settled, settle returns an *Unresolved with the caller's reference.
func (c *Client) settle(ctx context.Context, q call, key, ref string, into any) (answer, error) {
	q.header = http.Header{"Idempotency-Key": {key}}
	asked := false // whether any attempt may have reached the server
	for attempt := 1; ; attempt++ {
		a, err := c.do(ctx, q)
		if err == nil {
			if err := waits(a); err != nil {
				return a, err
			}
			if err = json.Unmarshal(a.body, into); err == nil {
				return a, nil
			}
			err = fmt.Errorf("%w: the answer is not the JSON of this version: %w", ErrNoAnswer, err)
		}
		again, pause := repeatable(err)
		if !again && !(asked && saysNothing(err)) {
			return answer{}, err
		}
		asked = asked || !errors.Is(err, ErrUnreachable)
		if attempt >= c.cfg.Attempts || ctx.Err() != nil || c.cfg.Wait(ctx, c.pause(attempt, pause)) != nil {
			if !asked {
				return answer{}, err
			}
			return answer{}, &Unresolved{IdempotencyKey: key, ClientRef: ref, Err: err}
		}
	}
}

// repeatable reports whether asking again with the same key can settle the sale. It also returns the pause that the server asked for.
func repeatable(err error) (bool, time.Duration) {
	if errors.Is(err, ErrUnreachable) || errors.Is(err, ErrNoAnswer) {
		return true, 0
	}
	var p *Problem
	if !errors.As(err, &p) {
		return false, 0
	}
	switch {
	case p.Code == "idempotency-key-in-flight", p.MoneyMoved == apiv1.MoneyMovedUnknown:
		return true, p.RetryAfter
	case p.Code == "" && p.Status >= 500: // a proxy's page: the outcome at the server behind it is unknown
		return true, p.RetryAfter
	}
	return false, 0
}

// saysNothing reports whether the refusal of a repeated request leaves the outcome of an earlier attempt open. The outcome stays open if
// the server refused the request before it looked at the key.
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

// pause is the wait after the given attempt. It doubles with each attempt, up to a limit, and is at least as long as the server asked for.
func (c *Client) pause(attempt int, wish time.Duration) time.Duration {
	d := c.cfg.Pause
	for range min(attempt-1, 16) {
		d *= 2
	}
	return min(max(d, wish), MaxPause)
}

// VendByID returns a sale (right: vend.read).
func (c *Client) VendByID(ctx context.Context, id string) (apiv1.Sale, error) {
	return ask[apiv1.Sale](ctx, c, get(salePath(id, ""), nil))
}

// Vends lists sales, the newest first, without the digits of their tokens (right: vend.read).
func (c *Client) Vends(ctx context.Context, f apiv1.SaleFilter) (apiv1.List[apiv1.Sale], error) {
	return list(ctx, c, apiv1.Sales, f)
}

// VendByRef returns the sale with the caller's own reference. A problem with code "vend-not-found" means that the sale was
// not made.
func (c *Client) VendByRef(ctx context.Context, clientRef string) (apiv1.Sale, error) {
	l, err := ask[apiv1.List[apiv1.Sale]](ctx, c, get("/v1/vends", url.Values{"client_ref": {clientRef}}))
	if err != nil {
		return apiv1.Sale{}, err
	}
	if len(l.Data) != 1 {
		return apiv1.Sale{}, &Problem{Problem: apiv1.Problem{
			Title: "Not found", Status: http.StatusNotFound, Code: "vend-not-found", MoneyMoved: apiv1.MoneyMovedNo,
			Detail: "There is no sale with the reference " + clientRef + ".",
		}}
	}
	return l.Data[0], nil
}

// Receipt returns the receipt of a sale in a format (json, text32, text48, html, pdf, sms) and its content type. Its JSON is an
// [apiv1.Receipt].
func (c *Client) Receipt(ctx context.Context, id, format string) (body []byte, contentType string, err error) {
	a, err := c.do(ctx, get(salePath(id, "/receipt"), url.Values{"format": {format}}))
	if err != nil {
		return nil, "", err
	}
	return a.body, a.header.Get("Content-Type"), nil
}

// Proven is a receipt with its proof.
type Proven struct {
	apiv1.Receipt
	// Raw is the answer byte for byte. Keep it: paywatt verify checks it without the server.
	Raw json.RawMessage `json:"-"`
}

// ProvenReceipt returns the receipt of a sale with the proof that the sale is in the sealed log. The proof ends at a signed head of the
// log. The parameter head is the size of that head in leaves; 0 means the newest head. If the problem has the code "not-sealed-yet", ask
// again after its RetryAfter.
func (c *Client) ProvenReceipt(ctx context.Context, id string, head int64) (Proven, error) {
	q := url.Values{"format": {"json"}, "proof": {"1"}}
	if head != 0 {
		q.Set("head", strconv.FormatInt(head, 10))
	}
	var p Proven
	a, err := c.do(ctx, get(salePath(id, "/receipt"), q))
	if err != nil {
		return Proven{}, err
	}
	if err := json.Unmarshal(a.body, &p.Receipt); err != nil {
		return Proven{}, fmt.Errorf("read the receipt of sale %s: answer is not the JSON of this version: %w", id, err)
	}
	p.Raw = a.body
	return p, nil
}

// Reverse reverses a sale (right: vend.reverse, or vend.sell for the caller's own sale within 15 minutes). An empty key means a random one.
// While Reversal.State is waiting, ask with [Client.Reversal]. If somebody must approve the reversal first, it returns *Waiting, and no
// money was given back.
func (c *Client) Reverse(ctx context.Context, sale, reason, key string) (apiv1.Reversed, error) {
	return keyedAsk[apiv1.Reversed](ctx, c, post(salePath(sale, "/reversal"), apiv1.NewReversal{Reason: reason}), key)
}

// Reversal returns how far the newest reversal of a sale has come (right: vend.read).
func (c *Client) Reversal(ctx context.Context, sale string) (apiv1.Reversal, error) {
	return ask[apiv1.Reversal](ctx, c, get(salePath(sale, "/reversal"), nil))
}

// Explain computes every figure of a sale again (right: vend.read).
func (c *Client) Explain(ctx context.Context, sale string) (apiv1.Explanation, error) {
	return ask[apiv1.Explanation](ctx, c, get(salePath(sale, "/explain"), nil))
}

// Reprint returns the receipt of a sale once more, marked as a copy, in one of the formats of [Client.Receipt].
func (c *Client) Reprint(ctx context.Context, sale, format string) ([]byte, error) {
	q := post(salePath(sale, "/reprints"), struct{}{})
	q.query = url.Values{"format": {format}}
	a, err := c.do(ctx, q)
	return a.body, err
}

func salePath(sale, rest string) string { return "/v1/vends/" + url.PathEscape(sale) + rest }
