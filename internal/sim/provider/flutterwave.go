package provider

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// The facts about Flutterwave's version 3 are from its documentation, and unverified.

func (s *Simulator) flutterwaveRoutes(mux *http.ServeMux) {
	for pattern, do := range map[string]func(call) answer{
		"POST /flutterwave/v3/payments":                        s.flutterwavePayment,
		"GET /flutterwave/v3/transactions/{id}/verify":         s.flutterwaveVerify,
		"GET /flutterwave/v3/transactions/verify_by_reference": s.flutterwaveByReference,
		"POST /flutterwave/v3/transactions/{id}/refund":        s.flutterwaveRefund,
	} {
		mux.HandleFunc(pattern, s.serve(Flutterwave, func(c call) answer {
			if c.bearer() != s.cfg.Credentials.FlutterwaveKey {
				return flutterwaveSays(http.StatusUnauthorized, "Invalid authorization key", nil)
			}
			return do(c)
		}))
	}
}

// flutterwaveSays is the form of every answer.
func flutterwaveSays(status int, text string, data any) answer {
	word := "success"
	if status != http.StatusOK {
		word = "error"
	}
	return answer{status: status, body: map[string]any{"status": word, "message": text, "data": data}}
}

// flutterwavePayment opens a checkout page. The amount is in major units.
func (s *Simulator) flutterwavePayment(c call) answer {
	var in struct {
		TxRef       string `json:"tx_ref"`
		Amount      text
		Currency    string
		RedirectURL string `json:"redirect_url"`
		Customer    struct{ Email, Name string }
		Meta        map[string]any
	}
	if c.read(&in) != nil {
		return flutterwaveSays(http.StatusBadRequest, "Invalid JSON", nil)
	}
	amount, err := minor(string(in.Amount), in.Currency)
	switch {
	case err != nil || amount <= 0:
		return flutterwaveSays(http.StatusBadRequest, "amount or currency is invalid", nil)
	case in.TxRef == "" || in.Customer.Email == "" || !goodURL(in.RedirectURL):
		return flutterwaveSays(http.StatusBadRequest, "tx_ref, customer.email and redirect_url are required", nil)
	case s.books.byRequest[Flutterwave][in.TxRef] != nil:
		return flutterwaveSays(http.StatusBadRequest, "Transaction with this tx_ref already exists", nil)
	}
	p := &payment{callback: in.RedirectURL, intent: s.number(9), fields: map[string]any{"meta": in.Meta}, Payment: Payment{Provider: Flutterwave, Request: in.TxRef, Amount: amount,
		Currency: in.Currency, Reference: in.TxRef, Payer: in.Customer.Email, Name: in.Customer.Name}}
	if err := s.request(p, checkoutFor); err != nil {
		return failureOf(Flutterwave, unavailable, "")
	}
	return flutterwaveSays(http.StatusOK, "Hosted Link", map[string]string{"link": "http://" + c.Host + "/checkout/" + url.PathEscape(p.Request)})
}

// flutterwaveData is a transaction as queries and events show it.
func flutterwaveData(p *payment, amount int64) map[string]any {
	state := "pending"
	switch {
	case p.ID != "":
		state = "successful"
	case p.State != Pending:
		state = "failed"
	}
	return map[string]any{"id": json.Number(p.intent), "tx_ref": p.Request, "flw_ref": "FLW-SIM-" + p.intent, "amount": json.Number(major(amount, p.Currency)), "currency": p.Currency,
		"charged_amount": json.Number(major(amount, p.Currency)), "app_fee": json.Number(major(p.Fee, p.Currency)), "processor_response": "Approved", "status": state,
		"payment_type": "card", "created_at": p.began.UTC().Format(paystackTime), "customer": map[string]string{"email": p.Payer, "name": p.Name}, "meta": p.fields["meta"]}
}

func (s *Simulator) flutterwaveVerify(c call) answer {
	return flutterwaveFound(s.flutterwaveBy(c.PathValue("id")))
}

func (s *Simulator) flutterwaveByReference(c call) answer {
	return flutterwaveFound(s.books.byRequest[Flutterwave][c.URL.Query().Get("tx_ref")])
}

func flutterwaveFound(p *payment) answer {
	if p == nil {
		return flutterwaveSays(http.StatusBadRequest, "No transaction was found for this id", nil)
	}
	return flutterwaveSays(http.StatusOK, "Transaction fetched successfully", flutterwaveData(p, p.Amount))
}

// flutterwaveBy finds a transaction by its number, whether it is taken or not.
func (s *Simulator) flutterwaveBy(id string) *payment {
	if p := s.books.byID[Flutterwave][id]; p != nil {
		return p
	}
	for _, p := range s.books.byRequest[Flutterwave] {
		if p.intent == id {
			return p
		}
	}
	return nil
}

// flutterwaveRefund gives money back because the merchant asks.
func (s *Simulator) flutterwaveRefund(c call) answer {
	p := s.books.byID[Flutterwave][c.PathValue("id")]
	if p == nil {
		return flutterwaveSays(http.StatusBadRequest, "No transaction was found for this id", nil)
	}
	var in struct{ Amount text }
	if len(c.body) > 0 && c.read(&in) != nil {
		return flutterwaveSays(http.StatusBadRequest, "Invalid JSON", nil)
	}
	var amount int64
	var err error
	if in.Amount != "" {
		if amount, err = minor(string(in.Amount), p.Currency); err != nil || amount <= 0 {
			return flutterwaveSays(http.StatusBadRequest, "amount is invalid", nil)
		}
	}
	e, err := s.giveBack(p, amount, EntryRefund, Refunded)
	if err != nil {
		return flutterwaveSays(http.StatusBadRequest, "The transaction cannot be refunded", nil)
	}
	return flutterwaveSays(http.StatusOK, "Transaction refund initiated", map[string]any{"id": json.Number(s.number(6)), "tx_id": json.Number(p.ID),
		"flw_ref": "FLW-SIM-" + p.intent, "amount_refunded": json.Number(major(-e.Amount, p.Currency)), "status": "completed"})
}

// resolveFlutterwave does what the customer does on the page.
func (s *Simulator) resolveFlutterwave(now time.Time, p *payment, do Act) {
	switch do {
	case ActPay, ActLate, ActAsync:
		s.take(now, p)
	case ActFunds, ActPIN, ActLimit, ActUnreachable, ActAsyncFail:
		s.refuse(p, Failed, "failed", "Declined")
		s.tellFlutterwave(p)
	case ActExpire:
		s.refuse(p, Expired, "", "")
	case ActCancel:
		s.refuse(p, Cancelled, "", "")
	}
}

// tellFlutterwave sends the event of a charge, also of one that failed. Only status 200 ends the three further tries.
func (s *Simulator) tellFlutterwave(p *payment) {
	end := s.services[Flutterwave].endpoint
	s.tell(callback{provider: Flutterwave, kind: "charge.completed", payment: p.Request, url: end.URL, amount: p.Amount, retry: every(30*time.Minute, 3), only200: true,
		sign: flutterwaveSigner(end.Secret), build: func(amount int64) []byte { return flutterwaveBody(p, amount) }})
}

func flutterwaveBody(p *payment, amount int64) []byte {
	return encode(map[string]any{"event": "charge.completed", "data": flutterwaveData(p, amount)})
}

// flutterwaveSigner sends the secret itself, as version 3 does.
func flutterwaveSigner(secret string) func([]byte, time.Time) http.Header {
	return func([]byte, time.Time) http.Header {
		h := http.Header{}
		h.Set("verif-hash", secret)
		return h
	}
}
