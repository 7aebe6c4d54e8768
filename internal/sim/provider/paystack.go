package provider

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/money"
)

const (
	paystackTime  = "2006-01-02T15:04:05.000Z"
	paystackPage  = 50
	processingFor = time.Minute // from a request for a refund to the event that it was processed
)

func (s *Simulator) paystackRoutes(mux *http.ServeMux) {
	for pattern, do := range map[string]func(call) answer{
		"POST /paystack/transaction/initialize":  s.initialize,
		"GET /paystack/transaction/verify/{ref}": s.verify,
		"GET /paystack/transaction":              s.listTransactions,
		"POST /paystack/refund":                  s.paystackRefund,
		"GET /paystack/refund/{id}":              s.showPaystackRefund,
	} {
		mux.HandleFunc(pattern, s.serve(Paystack, func(c call) answer {
			if c.bearer() != s.cfg.Credentials.PaystackKey {
				return paystackError(http.StatusUnauthorized, "Invalid key")
			}
			return do(c)
		}))
	}
}

func paystackError(status int, text string) answer {
	return answer{status: status, body: map[string]any{"status": false, "message": text}}
}

func paystackOK(text string, data any) answer {
	return answer{status: http.StatusOK, body: map[string]any{"status": true, "message": text, "data": data}}
}

// initialize opens a checkout page. The amount is in the smallest unit of the currency.
func (s *Simulator) initialize(c call) answer {
	var in struct {
		Email, Currency, Reference string
		Amount                     text
		CallbackURL                string `json:"callback_url"`
		Metadata                   json.RawMessage
	}
	if c.read(&in) != nil {
		return paystackError(http.StatusBadRequest, "Invalid JSON")
	}
	preset(&in.Currency, "KES")
	amount, err := strconv.ParseInt(string(in.Amount), 10, 64)
	_, known := money.CurrencyOf(in.Currency)
	switch {
	case err != nil || amount <= 0:
		return paystackError(http.StatusBadRequest, "Invalid Amount Sent")
	case in.Email == "":
		return paystackError(http.StatusBadRequest, "Invalid Email Address Passed")
	case !known:
		return paystackError(http.StatusBadRequest, "Currency not supported by merchant")
	case in.CallbackURL != "" && !goodURL(in.CallbackURL):
		return paystackError(http.StatusBadRequest, "Invalid callback_url")
	}
	preset(&in.Reference, s.name("", 16, false))
	if s.books.byRequest[Paystack][in.Reference] != nil {
		return paystackError(http.StatusBadRequest, "Duplicate Transaction Reference")
	}
	p := &payment{callback: in.CallbackURL, intent: s.name("", 15, false), fields: map[string]any{"metadata": in.Metadata}, Payment: Payment{Provider: Paystack,
		Request: in.Reference, Amount: amount, Currency: in.Currency, Reference: in.Reference, Payer: in.Email}}
	if len(in.Metadata) == 0 {
		p.fields["metadata"] = ""
	}
	if err := s.request(p, checkoutFor); err != nil {
		return failureOf(Paystack, unavailable, "")
	}
	return paystackOK("Authorization URL created", map[string]string{"authorization_url": "http://" + c.Host + "/checkout/" + url.PathEscape(p.Request),
		"access_code": p.intent, "reference": p.Request})
}

// transactionOf is a transaction as queries and events show it.
func transactionOf(p *payment, amount int64) map[string]any {
	state, response := "ongoing", "The transaction was not completed"
	var paid any
	switch {
	case p.ID != "" && (p.State == Reversed || p.State == Refunded || p.State == ChargedBack):
		state, response, paid = "reversed", "Successful", p.At.UTC().Format(paystackTime)
	case p.ID != "":
		state, response, paid = "success", "Successful", p.At.UTC().Format(paystackTime)
	case p.State == Failed:
		state, response = "failed", p.result
	case p.State == Expired || p.State == Cancelled:
		state = "abandoned"
	}
	id := json.Number(p.ID)
	if p.ID == "" {
		id = "0"
	}
	return map[string]any{"id": id, "domain": "test", "status": state, "reference": p.Request, "amount": amount, "requested_amount": amount, "message": nil,
		"gateway_response": response, "paid_at": paid, "created_at": p.began.UTC().Format(paystackTime), "channel": "card", "currency": p.Currency,
		"ip_address": "127.0.0.1", "metadata": p.fields["metadata"], "fees": p.Fee, "customer": map[string]any{"email": p.Payer, "phone": nil},
		"authorization": map[string]any{"channel": "card", "bank": "TEST BANK", "last4": "4081"}}
}

func (s *Simulator) verify(c call) answer {
	p := s.books.byRequest[Paystack][c.PathValue("ref")]
	if p == nil {
		return paystackError(http.StatusBadRequest, "Transaction reference not found.")
	}
	return paystackOK("Verification successful", transactionOf(p, p.Amount))
}

// listTransactions lists transactions by the page, the newest first.
func (s *Simulator) listTransactions(c call) answer {
	q := c.URL.Query()
	page, err := strconv.Atoi(q.Get("page"))
	if err != nil || page < 1 {
		page = 1
	}
	size, err := strconv.Atoi(q.Get("perPage"))
	if err != nil || size < 1 || size > 100 {
		size = paystackPage
	}
	from, to := time.Time{}, c.now.Add(time.Second)
	for name, at := range map[string]*time.Time{"from": &from, "to": &to} {
		if text := q.Get(name); text != "" {
			if *at, err = time.Parse(time.RFC3339, text); err != nil {
				return paystackError(http.StatusBadRequest, "Invalid "+name)
			}
		}
	}
	var found []map[string]any
	for _, p := range slices.Backward(s.books.payments) {
		if p.Provider == Paystack && !p.began.Before(from) && !p.began.After(to) {
			found = append(found, transactionOf(p, p.Amount))
		}
	}
	start := min((page-1)*size, len(found))
	rows := append([]map[string]any{}, found[start:min(start+size, len(found))]...)
	a := paystackOK("Transactions retrieved", rows)
	a.body.(map[string]any)["meta"] = map[string]int{"total": len(found), "page": page, "perPage": size, "pageCount": (len(found) + size - 1) / size}
	return a
}

// resolvePaystack does what the customer does on the page.
func (s *Simulator) resolvePaystack(now time.Time, p *payment, do Act) {
	switch do {
	case ActPay, ActLate, ActAsync:
		s.take(now, p)
	case ActFunds, ActPIN, ActLimit, ActUnreachable, ActAsyncFail:
		s.refuse(p, Failed, "failed", "Declined")
	case ActExpire:
		s.refuse(p, Expired, "abandoned", "")
	case ActCancel:
		s.refuse(p, Cancelled, "abandoned", "")
	}
}

// paystackRetries are three minutes four times, then an hour until 72 hours have passed.
func paystackRetries() []time.Duration {
	return append(every(3*time.Minute, 4), every(time.Hour, 72)...)
}

// paystackSignature signs a body with HMAC-SHA512 by the secret key.
func paystackSignature(key string, body []byte) string {
	mac := hmac.New(sha512.New, []byte(key))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// paystackEvent sends an event. Events have no identity of their own.
func (s *Simulator) paystackEvent(kind, about string, amount int64, data func(amount int64) map[string]any) {
	s.tell(callback{provider: Paystack, kind: kind, payment: about, url: s.services[Paystack].endpoint.URL, amount: amount, retry: paystackRetries(),
		sign: paystackSigner(s.cfg.Credentials.PaystackKey), build: func(amount int64) []byte { return encode(map[string]any{"event": kind, "data": data(amount)}) }})
}

func paystackSigner(key string) func([]byte, time.Time) http.Header {
	return func(body []byte, _ time.Time) http.Header {
		h := http.Header{}
		h.Set("x-paystack-signature", paystackSignature(key, body))
		return h
	}
}

func (s *Simulator) tellPaystack(p *payment, kind string) {
	s.paystackEvent(kind, p.ID, p.Amount, func(amount int64) map[string]any { return transactionOf(p, amount) })
}

// paystackRefund gives money back because the merchant asks. The transaction is named by its reference or its number.
func (s *Simulator) paystackRefund(c call) answer {
	var in struct{ Transaction, Amount text }
	if c.read(&in) != nil {
		return paystackError(http.StatusBadRequest, "Invalid JSON")
	}
	p, err := s.books.find(Paystack, string(in.Transaction))
	if err != nil {
		return paystackError(http.StatusNotFound, "Transaction not found")
	}
	var amount int64
	if in.Amount != "" {
		if amount, err = strconv.ParseInt(string(in.Amount), 10, 64); err != nil || amount <= 0 {
			return paystackError(http.StatusBadRequest, "Invalid Amount Sent")
		}
	}
	e, err := s.giveBack(p, amount, EntryRefund, Refunded)
	switch {
	case err != nil && p.ID != "" && p.Returned == p.Amount:
		return paystackError(http.StatusBadRequest, "Transaction has been fully reversed")
	case err != nil:
		return paystackError(http.StatusBadRequest, "Transaction cannot be refunded")
	}
	r := s.tellPaystackRefund(p, e)
	return paystackOK("Refund has been queued for processing", r.paystack("pending"))
}

func (r refund) paystack(state string) map[string]any {
	return map[string]any{"id": json.Number(r.id), "status": state, "amount": r.amount, "currency": r.p.Currency, "domain": "test", "transaction_reference": r.p.Request,
		"refund_reference": "RF" + r.id, "transaction": transactionOf(r.p, r.p.Amount), "created_at": r.at.UTC().Format(paystackTime)}
}

func (s *Simulator) showPaystackRefund(c call) answer {
	r, is := s.refunds[c.PathValue("id")]
	if !is || r.p.Provider != Paystack {
		return paystackError(http.StatusNotFound, "Refund not found")
	}
	return paystackOK("Refund retrieved", r.paystack(r.state(c.now)))
}

// state is how far a refund has come.
func (r refund) state(now time.Time) string {
	if now.Before(r.at.Add(processingFor)) {
		return "pending"
	}
	return "processed"
}

// tellPaystackRefund makes the refund that an entry booked. Its events are about being pending, and later about being processed.
func (s *Simulator) tellPaystackRefund(p *payment, e Entry) refund {
	r := refund{id: s.number(8), p: p, amount: -e.Amount, at: e.At}
	s.refunds[r.id] = r
	tell := func(state string) {
		s.paystackEvent("refund."+state, r.id, r.amount, func(amount int64) map[string]any {
			out := r.paystack(state)
			delete(out, "transaction")
			out["amount"] = amount
			return out
		})
	}
	tell("pending")
	s.after(processingFor, func(time.Time) { tell("processed") })
	return r
}

// tellPaystackDispute sends the event of a chargeback.
func (s *Simulator) tellPaystackDispute(p *payment, e Entry) {
	id := s.number(7)
	s.paystackEvent("charge.dispute.create", id, -e.Amount, func(amount int64) map[string]any {
		return map[string]any{"id": json.Number(id), "refund_amount": amount, "currency": p.Currency, "status": "awaiting-merchant-feedback", "domain": "test",
			"category": "chargeback", "created_at": e.At.UTC().Format(paystackTime), "transaction": transactionOf(p, p.Amount), "transaction_reference": p.Request}
	})
}
