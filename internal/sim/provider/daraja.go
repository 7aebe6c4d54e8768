package provider

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// registration is where M-Pesa sends what happens at a short code.
type registration struct {
	confirmation, validation string
	onTimeout                string // Completed or Cancelled
	masked                   bool   // version 2 masks telephones, version 1 hashes them
}

const darajaTime = "20060102150405" // of all times in Daraja's JSON, in Nairobi

func (s *Simulator) darajaRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /daraja/oauth/v1/generate", s.serve(Daraja, s.darajaToken))
	for path, do := range map[string]func(call) answer{
		"/mpesa/c2b/v1/registerurl":         s.registerURL,
		"/mpesa/c2b/v2/registerurl":         s.registerURL,
		"/mpesa/stkpush/v1/processrequest":  s.stkPush,
		"/mpesa/stkpushquery/v1/query":      s.stkQuery,
		"/mpesa/transactionstatus/v1/query": s.transactionStatus,
		"/mpesa/reversal/v1/request":        s.reversal,
		"/pulltransactions/v1/register":     s.pullRegister,
		"/pulltransactions/v1/query":        s.pullQuery,
	} {
		mux.HandleFunc("POST /daraja"+path, s.serve(Daraja, s.withToken(do)))
	}
	// The documentation says GET, its samples POST.
	mux.HandleFunc("GET /daraja/pulltransactions/v1/query", s.serve(Daraja, s.withToken(s.pullQuery)))
	mux.HandleFunc("/daraja/", s.serve(Daraja, func(call) answer {
		return darajaError(http.StatusNotFound, "404.001.01", "Resource not found", s.uuid())
	}))
}

// darajaError is the body of every error of the interface.
func darajaError(status int, code, text, id string) answer {
	return answer{status: status, body: map[string]string{"requestId": id, "errorCode": code, "errorMessage": text}}
}

func (s *Simulator) badRequest(what string) answer {
	return darajaError(http.StatusBadRequest, "400.002.02", "Bad Request - Invalid "+what, s.uuid())
}

// darajaToken gives an access token for an hour and ends the one before: there is only ever one. The life of the token is a string
// in one answer and a number in the next, because both were seen.
func (s *Simulator) darajaToken(c call) answer {
	user, password, ok := c.BasicAuth()
	k := s.cfg.Credentials
	switch {
	case !ok || user != k.ConsumerKey || password != k.ConsumerSecret:
		return darajaError(http.StatusBadRequest, "400.008.01", "Invalid Authentication passed", s.uuid())
	case c.URL.Query().Get("grant_type") != "client_credentials":
		return darajaError(http.StatusBadRequest, "400.008.02", "Invalid grant type passed", s.uuid())
	}
	d := s.services[Daraja]
	clear(d.tokens)
	token := s.name("", 28, true)
	d.tokens[token] = c.now.Add(time.Hour)
	var life any = "3599"
	if s.serial%2 == 0 {
		life = 3599
	}
	return answer{status: http.StatusOK, body: map[string]any{"access_token": token, "expires_in": life}}
}

// withToken refuses calls without the living token.
func (s *Simulator) withToken(do func(call) answer) func(call) answer {
	return func(c call) answer {
		if end, ok := s.services[Daraja].tokens[c.bearer()]; !ok || !c.now.Before(end) {
			return darajaError(http.StatusNotFound, "404.001.03", "Invalid Access Token", s.uuid())
		}
		return do(c)
	}
}

// forbiddenWords must not be part of a registered URL.
func forbiddenWords() []string {
	return []string{"mpesa", "m-pesa", "safaricom", "exe", "exec", "cmd", "sql", "query"}
}

// registerURL registers the URLs of a short code, once.
func (s *Simulator) registerURL(c call) answer {
	var in struct{ ShortCode, ResponseType, ConfirmationURL, ValidationURL text }
	if c.read(&in) != nil {
		return s.badRequest("Request Payload")
	}
	if in.ShortCode == "" {
		return s.badRequest("ShortCode")
	}
	if in.ResponseType != "Completed" && in.ResponseType != "Cancelled" {
		return s.badRequest("ResponseType")
	}
	for name, u := range map[string]text{"ConfirmationURL": in.ConfirmationURL, "ValidationURL": in.ValidationURL} {
		if !goodURL(string(u)) && !(name == "ValidationURL" && u == "" && !s.cfg.Validation) {
			return s.badRequest(name)
		}
		for _, word := range forbiddenWords() {
			if strings.Contains(strings.ToLower(string(u)), word) {
				return s.badRequest(name)
			}
		}
	}
	if _, is := s.hooks[string(in.ShortCode)]; is {
		return darajaError(http.StatusInternalServerError, "500.003.1001", "URLs are already registered", s.uuid())
	}
	s.hooks[string(in.ShortCode)] = registration{confirmation: string(in.ConfirmationURL), validation: string(in.ValidationURL),
		onTimeout: string(in.ResponseType), masked: strings.Contains(c.URL.Path, "/v2/")}
	// The documentation spells the name like this.
	return answer{status: http.StatusOK, body: map[string]string{"OriginatorCoversationID": s.conversation(), "ResponseCode": "0", "ResponseDescription": "success"}}
}

// text is a value that merchants send as a string or as a number.
type text string

// UnmarshalJSON implements [json.Unmarshaler].
func (t *text) UnmarshalJSON(b []byte) error {
	var v string
	if err := json.Unmarshal(b, &v); err == nil {
		*t = text(v)
		return nil
	}
	var n json.Number
	err := json.Unmarshal(b, &n)
	*t = text(n.String())
	return err
}

func goodURL(u string) bool {
	at, err := url.Parse(u)
	return err == nil && (at.Scheme == "https" || at.Scheme == "http") && at.Host != ""
}

func (s *Simulator) conversation() string { return s.number(5) + "-" + s.number(8) + "-1" }

// c2b is the body of a validation and of a confirmation. All values are strings.
type c2b struct {
	TransactionType   string
	TransID           string
	TransTime         string
	TransAmount       string
	BusinessShortCode string
	BillRefNumber     string
	InvoiceNumber     string
	OrgAccountBalance string
	ThirdPartyTransID string
	MSISDN            string
	FirstName         string
	MiddleName        string
	LastName          string
}

// c2bBody writes a validation or a confirmation.
func c2bBody(p *payment, id string, at time.Time, amount int64, balance string, masked bool) []byte {
	kind := "Pay Bill"
	if p.buyGoods {
		kind = "Buy Goods"
	}
	first, middle, last := names(p.Name)
	return encode(c2b{TransactionType: kind, TransID: id, TransTime: at.In(nairobi()).Format(darajaTime), TransAmount: major(amount, p.Currency),
		BusinessShortCode: p.Account, BillRefNumber: p.Reference, OrgAccountBalance: balance, ThirdPartyTransID: p.third, MSISDN: hidden(p.Payer, masked),
		FirstName: first, MiddleName: middle, LastName: last})
}

// names splits a name into first, middle and last.
func names(name string) (first, middle, last string) {
	words := strings.Fields(name)
	switch len(words) {
	case 0:
	case 1:
		first = words[0]
	case 2:
		first, last = words[0], words[1]
	default:
		first, middle, last = words[0], words[1], strings.Join(words[2:], " ")
	}
	return first, middle, last
}

// hidden hides a telephone: version 2 masks its middle, version 1 hashes all of it.
func hidden(phone string, masked bool) string {
	if !masked {
		sum := sha256.Sum256([]byte(phone))
		return hex.EncodeToString(sum[:])
	}
	if len(phone) < 8 {
		return phone
	}
	return phone[:4] + " ***** " + phone[len(phone)-3:]
}

// validationFor is how long M-Pesa waits for the answer to a validation.
const validationFor = 8 * time.Second

// validate asks the merchant whether M-Pesa may take a payment, if the short code has that. It reports whether it asked.
func (s *Simulator) validate(p *payment) bool {
	hook := s.hooks[p.Account]
	if !s.cfg.Validation || hook.validation == "" {
		return false
	}
	now := s.now()
	p.answering = true
	p.Request = s.dice.receipt(s.next64(), now)
	s.books.byRequest[Daraja][p.Request] = p
	s.push(step{at: now, send: &callback{provider: Daraja, kind: "validation", payment: p.Request, method: http.MethodPost, url: hook.validation, amount: p.Amount, wait: validationFor,
		body: c2bBody(p, p.Request, now, p.Amount, "", hook.masked), done: func(now time.Time, r reply) { s.validated(now, p, hook, r) }}})
	return true
}

// validated takes a payment or not, as the merchant said. Without an answer the registered ResponseType decides.
func (s *Simulator) validated(now time.Time, p *payment, hook registration, r reply) {
	p.answering = false
	var said struct{ ResultCode, ThirdPartyTransID text }
	if r.err != nil || r.status != http.StatusOK || json.Unmarshal(r.body, &said) != nil || said.ResultCode == "" {
		if said.ResultCode = "0"; hook.onTimeout == "Cancelled" {
			said.ResultCode = "timeout"
		}
	}
	if said.ResultCode != "0" {
		s.refuse(p, Cancelled, string(said.ResultCode), "refused by the merchant")
		return
	}
	p.third = string(said.ThirdPartyTransID)
	s.take(now, p)
}

// tellConfirmation sends the confirmation of a payment. M-Pesa sends it once and never again, whatever the answer is.
func (s *Simulator) tellConfirmation(p *payment, balance int64) {
	hook := s.hooks[p.Account]
	s.tell(callback{provider: Daraja, kind: "confirmation", payment: p.ID, url: hook.confirmation, amount: p.Amount, build: func(amount int64) []byte {
		return c2bBody(p, p.ID, p.At, amount, major(balance, p.Currency), hook.masked)
	}})
}

// stkPush asks a customer's telephone for the PIN. The answer says only that it was asked.
func (s *Simulator) stkPush(c call) answer {
	var in struct {
		BusinessShortCode, Password, Timestamp, TransactionType, Amount, PartyA, PartyB, PhoneNumber, CallBackURL, AccountReference, TransactionDesc text
	}
	if c.read(&in) != nil {
		return s.badRequest("Request Payload")
	}
	amount, err := strconv.ParseInt(string(in.Amount), 10, 64)
	for _, check := range []struct {
		ok   bool
		name string
	}{{in.BusinessShortCode != "", "BusinessShortCode"}, {len(in.Timestamp) == len(darajaTime), "Timestamp"},
		{in.TransactionType == "CustomerPayBillOnline" || in.TransactionType == "CustomerBuyGoodsOnline", "TransactionType"},
		{err == nil && amount >= 1 && amount <= 250_000, "Amount"}, {phone(string(in.PartyA)), "PartyA"}, {in.PartyB != "", "PartyB"},
		{phone(string(in.PhoneNumber)), "PhoneNumber"}, {goodURL(string(in.CallBackURL)), "CallBackURL"},
		{in.AccountReference != "" && utf8.RuneCountInString(string(in.AccountReference)) <= 12, "AccountReference"},
		{in.TransactionDesc != "" && utf8.RuneCountInString(string(in.TransactionDesc)) <= 13, "TransactionDesc"}} {
		if !check.ok {
			return s.badRequest(check.name)
		}
	}
	if string(in.Password) != base64.StdEncoding.EncodeToString([]byte(string(in.BusinessShortCode)+s.cfg.Credentials.Passkey+string(in.Timestamp))) {
		return darajaError(http.StatusInternalServerError, "500.001.1001", "Wrong credentials", s.uuid())
	}
	if s.prompted(string(in.PhoneNumber)) {
		return darajaError(http.StatusInternalServerError, "500.001.1001", "Unable to lock subscriber, a transaction is already in process for the current subscriber", s.uuid())
	}
	p := &payment{merchant: s.conversation(), short: string(in.BusinessShortCode), callback: string(in.CallBackURL), buyGoods: in.TransactionType == "CustomerBuyGoodsOnline",
		Payment: Payment{Provider: Daraja, Request: "ws_CO_" + c.now.In(nairobi()).Format("02012006150405") + s.number(9), Amount: amount * 100, Currency: "KES",
			Reference: string(in.AccountReference), Payer: string(in.PhoneNumber), Account: string(in.PartyB)}}
	if err := s.request(p, promptFor); err != nil {
		return darajaError(http.StatusInternalServerError, "500.003.1001", "Internal Server Error", s.uuid())
	}
	s.prompts[p.Payer] = p
	return answer{status: http.StatusOK, body: map[string]string{"MerchantRequestID": p.merchant, "CheckoutRequestID": p.Request, "ResponseCode": "0",
		"ResponseDescription": "Success. Request accepted for processing", "CustomerMessage": "Success. Request accepted for processing"}}
}

// phone says whether this is a number of Kenya with its country code.
func phone(n string) bool {
	_, err := strconv.ParseUint(n, 10, 64)
	return err == nil && len(n) == 12 && strings.HasPrefix(n, "254")
}

// prompted says whether a telephone shows a prompt already: M-Pesa locks the subscriber meanwhile.
func (s *Simulator) prompted(phone string) bool {
	p := s.prompts[phone]
	return p != nil && p.State == Pending && s.now().Sub(p.began) < promptFor
}

// sameAmountFor is how long M-Pesa refuses the same amount from the same telephone to the same short code.
const sameAmountFor = 2 * time.Minute

// repeated says whether the payer of a request paid the same amount just now.
func (s *Simulator) repeated(now time.Time, p *payment) bool {
	last, is := s.paid[sameAmount(p)]
	return is && now.Sub(last) < sameAmountFor
}

func sameAmount(p *payment) string {
	return p.Payer + " " + p.Account + " " + strconv.FormatInt(p.Amount, 10)
}

// resolvePrompt does what the customer does with the prompt. A callback reports each outcome.
func (s *Simulator) resolvePrompt(now time.Time, p *payment, do Act) {
	switch do {
	case ActPay, ActAsync:
		if s.repeated(now, p) {
			s.refuse(p, Failed, "17", "Rule limited.")
			break
		}
		s.take(now, p)
		return
	case ActCancel:
		s.refuse(p, Cancelled, "1032", "Request cancelled by user")
	case ActFunds:
		s.refuse(p, Failed, "1", "The balance is insufficient for the transaction.")
	case ActPIN:
		s.refuse(p, Failed, "2001", "The initiator information is invalid.")
	case ActLimit:
		s.refuse(p, Failed, "4", "Declined due to limit rule: would exceed the daily transfer limit.")
	case ActExpire, ActAsyncFail:
		s.refuse(p, Expired, "1019", "Transaction has expired")
	case ActUnreachable:
		s.refuse(p, Failed, "1037", "DS timeout user cannot be reached")
	case ActLate:
		p.Code, p.result = "1037", "DS timeout user cannot be reached"
		p.answering = true // nobody else answers the prompt any more
		s.after(lateBy, func(now time.Time) {
			p.answering, p.callback = false, "" // the prompt was reported before
			s.take(now, p)
		})
	default:
		return
	}
	s.tellPrompt(p)
}

// tellPrompt sends the callback of a prompt. On success the same payment also arrives as a confirmation, with the same receipt.
func (s *Simulator) tellPrompt(p *payment) {
	if p.merchant == "" {
		return
	}
	id := p.ID
	if id == "" {
		id = p.Request
	}
	c := callback{provider: Daraja, kind: "stk", payment: id, url: p.callback, amount: p.Amount, body: stkBody(p, 0)}
	if p.State == Taken {
		c.build = func(amount int64) []byte { return stkBody(p, amount) }
	}
	s.tell(c)
}

type stkItem struct {
	Name  string
	Value any `json:",omitempty"`
}

// stkBody writes the callback of a prompt. It names no account.
func stkBody(p *payment, amount int64) []byte {
	type itemList struct{ Item []stkItem }
	type stkCallback struct {
		MerchantRequestID, CheckoutRequestID string
		ResultCode                           int
		ResultDesc                           string
		CallbackMetadata                     *itemList `json:",omitempty"`
	}
	out := stkCallback{MerchantRequestID: p.merchant, CheckoutRequestID: p.Request}
	if p.State == Taken {
		out.ResultDesc = "The service request is processed successfully."
		out.CallbackMetadata = &itemList{Item: []stkItem{{"Amount", json.Number(major(amount, p.Currency))}, {"MpesaReceiptNumber", p.ID}, {"Balance", nil},
			{"TransactionDate", json.Number(p.At.In(nairobi()).Format(darajaTime))}, {"PhoneNumber", json.Number(p.Payer)}}}
	} else {
		out.ResultCode, _ = strconv.Atoi(p.Code) // the codes of prompts are numbers
		out.ResultDesc = p.result
	}
	return encode(map[string]any{"Body": map[string]any{"stkCallback": out}})
}

// stkQuery says what became of a prompt. While it is open, the answer is an error.
func (s *Simulator) stkQuery(c call) answer {
	var in struct{ BusinessShortCode, Password, Timestamp, CheckoutRequestID text }
	if c.read(&in) != nil {
		return s.badRequest("Request Payload")
	}
	p := s.books.byRequest[Daraja][string(in.CheckoutRequestID)]
	if p == nil || p.merchant == "" || p.short != string(in.BusinessShortCode) {
		return s.badRequest("CheckoutRequestID")
	}
	code, text := p.Code, p.result
	switch {
	case p.ID != "":
		code, text = "0", "The service request is processed successfully."
	case code == "":
		return darajaError(http.StatusInternalServerError, "500.001.1001", "The transaction is being processed", s.uuid())
	}
	return answer{status: http.StatusOK, body: map[string]string{"ResponseCode": "0", "ResponseDescription": "The service request has been accepted successsfully",
		"MerchantRequestID": p.merchant, "CheckoutRequestID": p.Request, "ResultCode": code, "ResultDesc": text}}
}
