package provider

import (
	"crypto/sha256"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/money"
)

func (s *Simulator) stripeRoutes(mux *http.ServeMux) {
	for pattern, do := range map[string]func(call) answer{
		"POST /stripe/v1/checkout/sessions":             s.createSession,
		"GET /stripe/v1/checkout/sessions/{id}":         s.showSession,
		"POST /stripe/v1/checkout/sessions/{id}/expire": s.expireSession,
		"GET /stripe/v1/payment_intents/{id}":           s.showIntent,
		"POST /stripe/v1/refunds":                       s.createRefund,
		"GET /stripe/v1/refunds/{id}":                   s.showRefund,
		"GET /stripe/v1/events":                         s.listEvents,
		"GET /stripe/v1/events/{id}":                    s.showEvent,
	} {
		mux.HandleFunc(pattern, s.serve(Stripe, s.withStripe(do)))
	}
}

func stripeError(status int, kind, code, text string) answer {
	e := map[string]string{"type": kind, "message": text}
	if code != "" {
		e["code"] = code
	}
	return answer{status: status, body: map[string]any{"error": e}}
}

// storedReply is the answer to a request with an idempotency key.
type storedReply struct {
	hash [32]byte
	at   time.Time
	a    answer
}

// keptFor is how long Stripe repeats the answer to an idempotency key.
const keptFor = 24 * time.Hour

// withStripe refuses calls without the secret key, and repeats the answer to an idempotency key.
func (s *Simulator) withStripe(do func(call) answer) func(call) answer {
	return func(c call) answer {
		key := c.bearer()
		if user, _, ok := c.BasicAuth(); ok {
			key = user
		}
		if key != s.cfg.Credentials.StripeKey {
			return stripeError(http.StatusUnauthorized, "invalid_request_error", "", "Invalid API Key provided")
		}
		id := c.Header.Get("Idempotency-Key")
		if id == "" || c.Method != http.MethodPost {
			return do(c)
		}
		hash := sha256.Sum256(append([]byte(c.URL.Path+"\n"), c.body...))
		if k, is := s.keys[id]; is && c.now.Sub(k.at) < keptFor {
			if k.hash != hash {
				return stripeError(http.StatusBadRequest, "idempotency_error", "", "Keys for idempotent requests can only be used with the same parameters they were first used with.")
			}
			return k.a
		}
		a := do(c)
		s.keys[id] = storedReply{hash: hash, at: c.now, a: a}
		return a
	}
}

// wrongParam returns the error for a wrong parameter.
func wrongParam(name string) answer {
	return stripeError(http.StatusBadRequest, "invalid_request_error", "parameter_invalid", "Invalid or missing parameter: "+name)
}

// createSession opens a checkout page. Amounts are in the smallest unit of the currency.
func (s *Simulator) createSession(c call) answer {
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return stripeError(http.StatusBadRequest, "invalid_request_error", "", "The request is not form-encoded.")
	}
	if form.Get("mode") != "payment" {
		return wrongParam("mode")
	}
	if !goodURL(strings.ReplaceAll(form.Get("success_url"), "{CHECKOUT_SESSION_ID}", "x")) {
		return wrongParam("success_url")
	}
	total, currency, wrong := lineItems(form)
	if wrong != "" {
		return wrongParam(wrong)
	}
	ends := c.now.Add(checkoutFor)
	if text := form.Get("expires_at"); text != "" {
		unix, err := strconv.ParseInt(text, 10, 64)
		ends = time.Unix(unix, 0)
		if err != nil || ends.Before(c.now.Add(30*time.Minute)) || ends.After(c.now.Add(checkoutFor)) {
			return wrongParam("expires_at")
		}
	}
	id := s.name("cs_test_", 40, true)
	p := &payment{external: form.Get("client_reference_id"), intent: s.name("pi_", 24, true), Payment: Payment{Provider: Stripe, Request: id, Amount: total,
		Currency: strings.ToUpper(currency), Reference: form.Get("client_reference_id"), Payer: form.Get("customer_email")},
		fields: map[string]any{"metadata": metadata(form, "metadata"), "intent_metadata": metadata(form, "payment_intent_data[metadata]"), "success_url": form.Get("success_url"),
			"cancel_url": form.Get("cancel_url"), "expires_at": ends.Unix(), "host": c.Host}}
	if err := s.request(p, ends.Sub(c.now)); err != nil {
		return failureOf(Stripe, unavailable, "")
	}
	return answer{status: http.StatusOK, body: sessionOf(p, p.Amount)}
}

// lineItems adds up the lines of a session.
func lineItems(form url.Values) (total int64, currency, wrong string) {
	for i := 0; ; i++ {
		line := "line_items[" + strconv.Itoa(i) + "]"
		unit := form.Get(line + "[price_data][unit_amount]")
		if unit == "" {
			break
		}
		price, err := strconv.ParseInt(unit, 10, 64)
		if err != nil || price < 0 || price > 99_999_999 {
			return 0, "", line + "[price_data][unit_amount]"
		}
		quantity, err := strconv.ParseInt(form.Get(line+"[quantity]"), 10, 32)
		if err != nil || quantity < 1 || quantity > 999_999 {
			return 0, "", line + "[quantity]"
		}
		cur := form.Get(line + "[price_data][currency]")
		if _, known := money.CurrencyOf(strings.ToUpper(cur)); !known || currency != "" && cur != currency {
			return 0, "", line + "[price_data][currency]"
		}
		currency, total = cur, total+price*quantity
	}
	if total == 0 {
		return 0, "", "line_items"
	}
	return total, currency, ""
}

// metadata reads the parameters name[key].
func metadata(form url.Values, name string) map[string]string {
	out := map[string]string{}
	for key := range form {
		rest, is := strings.CutPrefix(key, name+"[")
		if inner, closed := strings.CutSuffix(rest, "]"); is && closed {
			out[inner] = form.Get(key)
		}
	}
	return out
}

// sessionOf is a checkout session.
func sessionOf(p *payment, amount int64) map[string]any {
	out := map[string]any{"id": p.Request, "object": "checkout.session", "mode": "payment", "livemode": false, "created": p.began.Unix(), "amount_subtotal": amount,
		"amount_total": amount, "currency": strings.ToLower(p.Currency), "client_reference_id": orNull(p.external), "metadata": p.fields["metadata"],
		"success_url": p.fields["success_url"], "cancel_url": p.fields["cancel_url"], "expires_at": p.fields["expires_at"], "payment_intent": nil,
		"customer_email": orNull(p.Payer), "status": "open", "payment_status": "unpaid", "url": nil}
	switch {
	case p.ID != "":
		out["status"], out["payment_status"], out["payment_intent"] = "complete", "paid", p.intent
		out["customer_details"] = map[string]any{"email": orNull(p.Payer), "name": orNull(p.Name), "phone": nil}
	case p.async:
		out["status"], out["payment_intent"] = "complete", p.intent
	case p.State == Expired:
		out["status"] = "expired"
	default:
		out["url"] = "http://" + p.fields["host"].(string) + "/checkout/" + p.Request
	}
	return out
}

// orNull is nil instead of an empty text.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func noSuch(what, id string) answer {
	return stripeError(http.StatusNotFound, "invalid_request_error", "resource_missing", "No such "+what+": '"+id+"'")
}

func (s *Simulator) showSession(c call) answer {
	p := s.books.byRequest[Stripe][c.PathValue("id")]
	if p == nil {
		return noSuch("checkout.session", c.PathValue("id"))
	}
	return answer{status: http.StatusOK, body: sessionOf(p, p.Amount)}
}

func (s *Simulator) expireSession(c call) answer {
	p := s.books.byRequest[Stripe][c.PathValue("id")]
	if p == nil {
		return noSuch("checkout.session", c.PathValue("id"))
	}
	if s.resolve(c.now, p, ActExpire) != nil {
		return stripeError(http.StatusBadRequest, "invalid_request_error", "", "Only Checkout Sessions with a status in [\"open\"] can be expired.")
	}
	return answer{status: http.StatusOK, body: sessionOf(p, p.Amount)}
}

// intentOf is the payment behind a session.
func intentOf(p *payment, amount int64) map[string]any {
	state, received := "requires_payment_method", int64(0)
	var charge any
	switch {
	case p.ID != "":
		state, received, charge = "succeeded", amount, chargeID(p)
	case p.async && p.State == Pending:
		state = "processing"
	case p.State == Expired:
		state = "canceled"
	}
	return map[string]any{"id": p.intent, "object": "payment_intent", "livemode": false, "amount": amount, "amount_received": received, "currency": strings.ToLower(p.Currency),
		"status": state, "latest_charge": charge, "created": p.began.Unix(), "metadata": p.fields["intent_metadata"]}
}

func chargeID(p *payment) string { return "ch_" + strings.TrimPrefix(p.intent, "pi_") }

// chargeOf is the money that moved.
func chargeOf(p *payment, amount int64) map[string]any {
	return map[string]any{"id": chargeID(p), "object": "charge", "livemode": false, "amount": amount, "amount_captured": amount, "amount_refunded": p.Returned,
		"currency": strings.ToLower(p.Currency), "paid": true, "status": "succeeded", "refunded": p.Returned == p.Amount, "disputed": p.State == ChargedBack,
		"payment_intent": p.intent, "created": p.At.Unix(), "metadata": p.fields["intent_metadata"]}
}

// byIntent finds the payment of a payment_intent or a charge, whether it is taken or not.
func (s *Simulator) byIntent(id string) *payment {
	id = "pi_" + strings.TrimPrefix(strings.TrimPrefix(id, "ch_"), "pi_")
	if p := s.books.byID[Stripe][id]; p != nil {
		return p
	}
	for _, p := range s.books.byRequest[Stripe] {
		if p.intent == id {
			return p
		}
	}
	return nil
}

func (s *Simulator) showIntent(c call) answer {
	p := s.byIntent(c.PathValue("id"))
	if p == nil {
		return noSuch("payment_intent", c.PathValue("id"))
	}
	out := intentOf(p, p.Amount)
	if p.ID != "" && slices.Contains(c.URL.Query()["expand[]"], "latest_charge") {
		out["latest_charge"] = chargeOf(p, p.Amount)
	}
	return answer{status: http.StatusOK, body: out}
}

// refund is money that went back to a payer.
type refund struct {
	id     string
	p      *payment
	amount int64
	at     time.Time
	reason string
}

func (r refund) stripe() map[string]any {
	return map[string]any{"id": r.id, "object": "refund", "amount": r.amount, "currency": strings.ToLower(r.p.Currency), "status": "succeeded", "payment_intent": r.p.intent,
		"charge": chargeID(r.p), "created": r.at.Unix(), "reason": orNull(r.reason), "metadata": map[string]string{}}
}

// createRefund gives money back because the merchant asks.
func (s *Simulator) createRefund(c call) answer {
	form, err := url.ParseQuery(string(c.body))
	if err != nil {
		return stripeError(http.StatusBadRequest, "invalid_request_error", "", "The request is not form-encoded.")
	}
	id := form.Get("payment_intent") + form.Get("charge")
	p := s.byIntent(id)
	if p == nil || p.ID == "" {
		return noSuch("payment_intent", id)
	}
	var amount int64
	if text := form.Get("amount"); text != "" {
		if amount, err = strconv.ParseInt(text, 10, 64); err != nil || amount <= 0 {
			return wrongParam("amount")
		}
	}
	e, err := s.giveBack(p, amount, EntryRefund, Refunded)
	if err != nil {
		code := "charge_already_refunded"
		if p.State == ChargedBack {
			code = "charge_disputed"
		}
		return stripeError(http.StatusBadRequest, "invalid_request_error", code, "Charge "+chargeID(p)+" cannot be refunded: "+err.Error())
	}
	return answer{status: http.StatusOK, body: s.tellStripeRefund(p, e, form.Get("reason")).stripe()}
}

func (s *Simulator) showRefund(c call) answer {
	r, is := s.refunds[c.PathValue("id")]
	if !is {
		return noSuch("refund", c.PathValue("id"))
	}
	return answer{status: http.StatusOK, body: r.stripe()}
}
