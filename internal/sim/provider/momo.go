package provider

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

func (s *Simulator) momoRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /momo/collection/token/", s.serve(MoMo, s.momoToken))
	mux.HandleFunc("POST /momo/collection/v1_0/requesttopay", s.serve(MoMo, s.withMoMo(s.requestToPay)))
	mux.HandleFunc("GET /momo/collection/v1_0/requesttopay/{id}", s.serve(MoMo, s.withMoMo(s.momoStatus)))
	mux.HandleFunc("GET /momo/collection/v1_0/account/balance", s.serve(MoMo, s.withMoMo(s.momoBalance)))
}

func momoError(status int, code, text string) answer {
	return answer{status: status, body: map[string]string{"code": code, "message": text}}
}

// momoToken gives an access token for an hour. Earlier tokens stay valid.
func (s *Simulator) momoToken(c call) answer {
	user, password, ok := c.BasicAuth()
	k := s.cfg.Credentials
	switch {
	case c.Header.Get("Ocp-Apim-Subscription-Key") != k.Subscription:
		return answer{status: http.StatusUnauthorized, body: map[string]any{"statusCode": 401, "message": "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription."}}
	case !ok || user != k.APIUser || password != k.APIKey:
		return answer{status: http.StatusUnauthorized, body: map[string]string{"error": "login_failed"}}
	}
	token := s.name("", 40, true)
	s.services[MoMo].tokens[token] = c.now.Add(time.Hour)
	return answer{status: http.StatusOK, body: map[string]any{"access_token": token, "token_type": "access_token", "expires_in": 3600}}
}

// withMoMo refuses calls without subscription, token and environment.
func (s *Simulator) withMoMo(do func(call) answer) func(call) answer {
	return func(c call) answer {
		end, ok := s.services[MoMo].tokens[c.bearer()]
		switch {
		case c.Header.Get("Ocp-Apim-Subscription-Key") != s.cfg.Credentials.Subscription:
			return answer{status: http.StatusUnauthorized, body: map[string]any{"statusCode": 401, "message": "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription."}}
		case !ok || !c.now.Before(end):
			return answer{status: http.StatusUnauthorized, body: map[string]any{"statusCode": 401, "message": "Unauthorized. Access token is missing or invalid."}}
		case c.Header.Get("X-Target-Environment") == "":
			return momoError(http.StatusInternalServerError, "NOT_ALLOWED_TARGET_ENVIRONMENT", "Access to target environment is forbidden.")
		}
		return do(c)
	}
}

// party is the payer of a request.
type party struct {
	Type string `json:"partyIdType"`
	ID   string `json:"partyId"`
}

// momoRequest is the body of a request to pay.
type momoRequest struct {
	Amount       string `json:"amount"`
	Currency     string `json:"currency"`
	ExternalID   string `json:"externalId"`
	Payer        party  `json:"payer"`
	PayerMessage string `json:"payerMessage"`
	PayeeNote    string `json:"payeeNote"`
}

// uuidV4 says whether an X-Reference-Id is a UUID of version 4.
func uuidV4(id string) bool {
	ok, err := regexp.MatchString(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$`, id)
	return err == nil && ok
}

// requestToPay asks a customer's telephone for the PIN. The merchant chooses the identity, which can be used once.
func (s *Simulator) requestToPay(c call) answer {
	id, back := c.Header.Get("X-Reference-Id"), c.Header.Get("X-Callback-Url")
	var in momoRequest
	if !uuidV4(id) || c.read(&in) != nil {
		return answer{status: http.StatusBadRequest}
	}
	if s.books.byRequest[MoMo][id] != nil {
		return momoError(http.StatusConflict, "RESOURCE_ALREADY_EXIST", "Duplicated reference id. Creation of resource failed.")
	}
	if at, err := url.Parse(back); back != "" && (err != nil || !goodURL(back) || s.cfg.Credentials.CallbackHost != "" && at.Hostname() != s.cfg.Credentials.CallbackHost) {
		return momoError(http.StatusBadRequest, "INVALID_CALLBACK_URL_HOST", "Callback URL with different host name then configured for API User")
	}
	amount, err := minor(in.Amount, in.Currency)
	switch {
	case err != nil && strings.Contains(err.Error(), "currency"):
		return momoError(http.StatusInternalServerError, "INVALID_CURRENCY", "Currency not supported.")
	case err != nil || amount <= 0 || in.Payer.Type != "MSISDN" || in.Payer.ID == "":
		return answer{status: http.StatusBadRequest}
	}
	p := &payment{callback: back, external: in.ExternalID, fields: map[string]any{"payerMessage": in.PayerMessage, "payeeNote": in.PayeeNote},
		Payment: Payment{Provider: MoMo, Request: id, Amount: amount, Currency: in.Currency, Reference: in.ExternalID, Payer: in.Payer.ID}}
	if err := s.request(p, momoFor); err != nil {
		return failureOf(MoMo, unavailable, "")
	}
	return answer{status: http.StatusAccepted}
}

// momoStatus reports a request.
func (s *Simulator) momoStatus(c call) answer {
	p := s.books.byRequest[MoMo][c.PathValue("id")]
	if p == nil {
		return momoError(http.StatusNotFound, "RESOURCE_NOT_FOUND", "Requested resource was not found.")
	}
	return answer{status: http.StatusOK, body: s.momoBody(p, p.Amount)}
}

func (s *Simulator) momoBalance(call) answer {
	for key, balance := range s.books.balance {
		if key.provider == MoMo {
			return answer{status: http.StatusOK, body: map[string]string{"availableBalance": major(balance, key.currency), "currency": key.currency}}
		}
	}
	return answer{status: http.StatusOK, body: map[string]string{"availableBalance": "0", "currency": "EUR"}}
}

// momoBody is what a status query and a callback say. The reason of a failure is a word for half of the requests and an object for
// the others, because both are documented.
func (s *Simulator) momoBody(p *payment, amount int64) map[string]any {
	out := map[string]any{"externalId": p.external, "amount": amountOfMoMo(amount, p.Currency), "currency": p.Currency,
		"payer": party{"MSISDN", p.Payer}, "payerMessage": p.fields["payerMessage"], "payeeNote": p.fields["payeeNote"]}
	switch {
	case p.ID != "":
		out["status"], out["financialTransactionId"] = "SUCCESSFUL", p.ID
	case p.State == Pending:
		out["status"] = "PENDING"
	default:
		out["status"], out["reason"] = "FAILED", p.Code
		if s.dice.coin("reason", p.Request) {
			out["reason"] = map[string]string{"code": p.Code, "message": p.result}
		}
	}
	return out
}

// amountOfMoMo writes an amount without decimals where there are none: "1000" for 1000.00.
func amountOfMoMo(amount int64, currency string) string {
	return strings.TrimSuffix(major(amount, currency), ".00")
}

// resolveMoMo does what the customer does with the prompt.
func (s *Simulator) resolveMoMo(now time.Time, p *payment, do Act) {
	switch do {
	case ActPay, ActAsync:
		s.take(now, p)
		return
	case ActLate:
		s.after(lateBy, func(now time.Time) { _ = s.resolve(now, p, ActPay) }) // an earlier answer stands
		return
	case ActCancel, ActPIN, ActAsyncFail:
		s.refuse(p, Cancelled, "APPROVAL_REJECTED", "The payer rejected the request.")
	case ActFunds:
		s.refuse(p, Failed, "NOT_ENOUGH_FUNDS", "The payer does not have enough funds.")
	case ActLimit:
		s.refuse(p, Failed, "PAYER_LIMIT_REACHED", "The payer's limit has been breached.")
	case ActUnreachable:
		s.refuse(p, Failed, "PAYER_NOT_FOUND", "Payer does not exist.")
	case ActExpire:
		s.refuse(p, Expired, "EXPIRED", "The request has expired.")
		if s.dice.coin("expired", p.Request) {
			p.Code, p.result = "COULD_NOT_PERFORM_TRANSACTION", "The payer did not approve in time."
		}
	default:
		return
	}
	s.tellMoMo(p)
}

// tellMoMo sends the optional callback: once, unsigned, and as POST for half of the requests and as PUT for the others, because
// both were seen.
func (s *Simulator) tellMoMo(p *payment) {
	c := callback{provider: MoMo, kind: "requesttopay", payment: p.Request, url: p.callback, amount: p.Amount, method: http.MethodPut}
	if s.dice.coin("method", p.Request) {
		c.method = http.MethodPost
	}
	c.build = func(amount int64) []byte { return encode(s.momoBody(p, amount)) }
	s.tell(c)
}
