package provider

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// The facts about Airtel Money come from programs that use it, because its documentation is not public. They are unverified.

// airtelLife is how long a token lives.
const airtelLife = 180 * time.Second

func (s *Simulator) airtelRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /airtel/auth/oauth2/token", s.serve(Airtel, s.airtelToken))
	mux.HandleFunc("POST /airtel/merchant/v2/payments/", s.serve(Airtel, s.withAirtel(s.airtelPush)))
	mux.HandleFunc("GET /airtel/standard/v1/payments/{id}", s.serve(Airtel, s.withAirtel(s.airtelEnquiry)))
	mux.HandleFunc("POST /airtel/standard/v1/payments/refund", s.serve(Airtel, s.withAirtel(s.airtelRefund)))
}

// airtelToken gives a token for three minutes. Earlier tokens stay valid.
func (s *Simulator) airtelToken(c call) answer {
	var in struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
		Grant  string `json:"grant_type"`
	}
	k := s.cfg.Credentials
	if c.read(&in) != nil || in.ID != k.AirtelID || in.Secret != k.AirtelSecret || in.Grant != "client_credentials" {
		return answer{status: http.StatusUnauthorized, body: map[string]string{"error": "invalid_client", "error_description": "Invalid client authentication"}}
	}
	token := s.name("", 32, true)
	s.services[Airtel].tokens[token] = c.now.Add(airtelLife)
	return answer{status: http.StatusOK, body: map[string]any{"access_token": token, "expires_in": "180", "token_type": "bearer"}}
}

// withAirtel refuses calls without token, country and currency.
func (s *Simulator) withAirtel(do func(call) answer) func(call) answer {
	return func(c call) answer {
		if end, ok := s.services[Airtel].tokens[c.bearer()]; !ok || !c.now.Before(end) {
			return answer{status: http.StatusUnauthorized, body: map[string]string{"error": "invalid_token", "error_description": "Invalid access token"}}
		}
		if c.Header.Get("X-Country") == "" || c.Header.Get("X-Currency") == "" {
			return s.airtelSays(http.StatusBadRequest, "DP02100001007", "Invalid Input", nil)
		}
		return do(c)
	}
}

// airtelSays is the form of every answer. Its field success means nothing: it is true in half of the answers.
func (s *Simulator) airtelSays(status int, code, text string, transaction any) answer {
	body := map[string]any{"status": map[string]any{"code": "200", "message": text, "result_code": "ESB000010", "response_code": code, "success": s.next64()%2 == 0}}
	if status != http.StatusOK {
		body["status"].(map[string]any)["code"] = "400"
	}
	if transaction != nil {
		body["data"] = map[string]any{"transaction": transaction}
	}
	return answer{status: status, body: body}
}

// airtelPush asks a customer's telephone for the PIN. The merchant chooses the identity; the telephone has no country code.
func (s *Simulator) airtelPush(c call) answer {
	var in struct {
		Reference  string
		Subscriber struct {
			Country, Currency string
			MSISDN            text
		}
		Transaction struct {
			Amount                text
			Country, Currency, ID string
		}
	}
	if c.read(&in) != nil {
		return s.airtelSays(http.StatusBadRequest, "DP02100001007", "Invalid Input", nil)
	}
	amount, err := minor(string(in.Transaction.Amount), c.Header.Get("X-Currency"))
	if err != nil || amount <= 0 || in.Transaction.ID == "" || in.Transaction.Currency != c.Header.Get("X-Currency") || len(in.Subscriber.MSISDN) == 0 || len(in.Subscriber.MSISDN) > 10 {
		return s.airtelSays(http.StatusBadRequest, "DP02100001007", "Invalid Input", nil)
	}
	if s.books.byRequest[Airtel][in.Transaction.ID] != nil {
		return s.airtelSays(http.StatusBadRequest, "DP00800001008", "Duplicate transaction id", nil)
	}
	p := &payment{Payment: Payment{Provider: Airtel, Request: in.Transaction.ID, Amount: amount, Currency: in.Transaction.Currency, Reference: in.Reference, Payer: string(in.Subscriber.MSISDN)}}
	if err := s.request(p, momoFor); err != nil {
		return failureOf(Airtel, unavailable, "")
	}
	return s.airtelSays(http.StatusOK, "DP00800001006", "SUCCESS", map[string]any{"id": p.Request, "status": "Success."})
}

// airtelState is the two or three letters for what became of a payment.
func airtelState(p *payment) (state, code string) {
	switch {
	case p.State == Reversed || p.State == Refunded:
		return "TR", "DP00800001001"
	case p.ID != "":
		return "TS", "DP00800001001"
	case p.answering:
		return "TA", "DP00800001000"
	case p.State == Pending:
		return "TIP", "DP00800001006"
	}
	return "TF", p.Code
}

// airtelTransaction is a transaction of an enquiry.
func airtelTransaction(p *payment) map[string]any {
	state, _ := airtelState(p)
	out := map[string]any{"id": p.Request, "status": state, "message": airtelText(p)}
	if p.ID != "" {
		out["airtel_money_id"] = p.ID
	}
	return out
}

func airtelText(p *payment) string {
	if p.ID == "" {
		return p.result
	}
	return "Paid " + p.Currency + " " + strings.TrimSuffix(grouped(p.Amount), ".00") + " to PAYWATT SIMULATOR, Trans ID " + p.ID + "."
}

func (s *Simulator) airtelEnquiry(c call) answer {
	p := s.books.byRequest[Airtel][c.PathValue("id")]
	if p == nil {
		return s.airtelSays(http.StatusBadRequest, "DP00800001024", "Transaction not found", nil)
	}
	_, code := airtelState(p)
	return s.airtelSays(http.StatusOK, code, "SUCCESS", airtelTransaction(p))
}

// airtelRefund gives a payment back because the merchant asks.
func (s *Simulator) airtelRefund(c call) answer {
	var in struct {
		Transaction struct {
			ID string `json:"airtel_money_id"`
		}
	}
	if c.read(&in) != nil {
		return s.airtelSays(http.StatusBadRequest, "DP02100001007", "Invalid Input", nil)
	}
	p := s.books.byID[Airtel][in.Transaction.ID]
	if p == nil {
		return s.airtelSays(http.StatusBadRequest, "DP00800001024", "Transaction not found", nil)
	}
	if _, err := s.giveBack(p, 0, EntryRefund, Refunded); err != nil {
		return s.airtelSays(http.StatusBadRequest, "DP00800001025", "Transaction cannot be refunded", nil)
	}
	return s.airtelSays(http.StatusOK, "DP00800001001", "SUCCESS", map[string]any{"airtel_money_id": p.ID, "status": "SUCCESS"})
}

// resolveAirtel does what the customer does with the prompt.
func (s *Simulator) resolveAirtel(now time.Time, p *payment, do Act) {
	switch do {
	case ActPay, ActAsync:
		s.take(now, p)
		return
	case ActLate: // ambiguous until then
		p.answering = true
		s.after(lateBy, func(now time.Time) {
			p.answering = false
			s.take(now, p)
		})
		return
	case ActCancel, ActPIN, ActAsyncFail:
		s.refuse(p, Cancelled, "DP00800001005", "User didn't enter the pin")
	case ActFunds:
		s.refuse(p, Failed, "DP00800001007", "Not enough balance")
	case ActLimit:
		s.refuse(p, Failed, "DP00800001003", "Exceeds withdrawal amount limit")
	case ActUnreachable, ActExpire:
		s.refuse(p, Expired, "DP00800001029", "Transaction timed out")
	default:
		return
	}
	s.tellAirtel(p)
}

// tellAirtel sends the callback: once, and with a hash over the transaction if the merchant has a secret for that.
func (s *Simulator) tellAirtel(p *payment) {
	end := s.services[Airtel].endpoint
	s.tell(callback{provider: Airtel, kind: "payment", payment: p.Request, url: end.URL, amount: p.Amount, body: airtelBody(p, end.Secret)})
}

// airtelBody writes a callback. It has no amount but in its text.
func airtelBody(p *payment, secret string) []byte {
	state, _ := airtelState(p)
	transaction := encode(map[string]string{"id": p.Request, "message": airtelText(p), "status_code": state, "airtel_money_id": p.ID})
	out := map[string]any{"transaction": json.RawMessage(transaction)}
	if secret != "" {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(transaction)
		out["hash"] = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return encode(out)
}
