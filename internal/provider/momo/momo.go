// Package momo asks customers to pay with MTN MoMo. A payment has the name of its request to pay (X-Reference-Id), which we choose.
//
// MTN signs nothing and loses callbacks, so a callback only says which request to ask about. Everything else comes from MTN's answers.
package momo

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/outbound"
)

// Kind is the name of this kind of provider.
const Kind = "momo"

// Config is the configuration of a provider, without secrets.
type Config struct {
	URL         string `json:"url,omitempty"`       // default: MTN's address for the environment
	Environment string `json:"environment"`         // as MTN names it, such as mtnuganda; sandbox for tests
	Callbacks   bool   `json:"callbacks,omitempty"` // MTN has registered the server's host for callbacks
}

// Secrets are the secrets of a provider.
type Secrets struct {
	User         string `json:"api_user"` // a UUID
	Key          string `json:"api_key"`
	Subscription string `json:"subscription_key"`
}

// The environment for tests, and the only currency that it takes.
const (
	sandbox         = "sandbox"
	sandboxCurrency = "EUR"
)

// adapter implements [payment.Requester].
type adapter struct {
	config   Config
	secrets  Secrets
	callback string
	client   *outbound.Client
}

// Open makes the adapter of a provider.
func Open(s payment.Setup, client *outbound.Client) (payment.Adapter, error) {
	a := adapter{client: client}
	if err := outbound.Settings(s, &a.config, &a.secrets); err != nil {
		return nil, err
	}
	switch {
	case a.config.URL != "":
	case a.config.Environment == sandbox:
		a.config.URL = "https://sandbox.momodeveloper.mtn.com"
	default:
		a.config.URL = "https://proxy.momoapi.mtn.com"
	}
	a.config.URL = strings.TrimRight(a.config.URL, "/")
	if err := outbound.Address("url", a.config.URL); err != nil {
		return nil, err
	}
	if a.config.Environment == "" {
		return nil, errors.New("config: environment is missing")
	}
	if a.secrets.User == "" || a.secrets.Key == "" || a.secrets.Subscription == "" {
		return nil, errors.New("secrets: api_user, api_key and subscription_key are needed")
	}
	if a.config.Callbacks && s.Address != "" {
		a.callback = s.Address + "m"
	}
	return a, nil
}

// Prove accepts every call: it proves nothing, and nothing in it is believed.
func (a adapter) Prove(payment.Incoming) error { return nil }

// reason is why a request failed: a word, or an object with a code.
type reason string

// UnmarshalJSON reads both forms.
func (r *reason) UnmarshalJSON(text []byte) error {
	var whole struct{ Code string }
	if json.Unmarshal(text, (*string)(r)) == nil {
		return nil
	}
	err := json.Unmarshal(text, &whole)
	*r = reason(whole.Code)
	return err
}

// status is what a callback and an answer say about a request to pay.
type status struct {
	Status   string
	Reason   reason
	External string `json:"externalId"` // our name of the request
	Amount   string
	Currency string
	Note     string `json:"payeeNote"` // the number of the meter
	Payer    struct {
		ID string `json:"partyId"`
	}
}

// amount reads an amount in major units. MTN may write zeros behind the point where a currency has no decimals.
func (s status) amount() (money.Amount, error) {
	c, known := money.CurrencyOf(s.Currency)
	if !known {
		return money.Amount{}, errors.New("MTN names an unknown currency")
	}
	text := s.Amount
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	minor, err := money.Parse(text, c)
	return money.Amount{Minor: minor, Currency: c.Code}, err
}

// Read says which request a callback is about. Its amount is replaced by that of MTN's answer, and its payer and its note are not believed,
// because anybody who knows the address could have sent it.
func (a adapter) Read(in payment.Incoming) ([]payment.Notice, error) {
	var s status
	if err := json.Unmarshal(in.Body, &s); err != nil || s.External == "" {
		return nil, errors.New("not the JSON of a request to pay")
	}
	if s.Status != "SUCCESSFUL" {
		return []payment.Notice{{Kind: payment.Decided, Request: s.External}}, nil
	}
	amount, err := s.amount()
	return []payment.Notice{{Kind: payment.Paid, Txn: identity(s.External), Amount: amount, Request: s.External}}, err
}

// identity derives the X-Reference-Id of a request, a UUID of version 4, from our name of it. The same request always has the same, so MTN
// refuses a repetition.
func identity(request string) string {
	sum := sha256.Sum256([]byte("paywatt momo request 1\x00" + request))
	b := sum[:16]
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// Reply is an empty success.
func (a adapter) Reply(payment.Incoming) payment.Reply { return payment.Reply{Status: http.StatusOK} }

// Rules says what MTN's names and answers are like.
func (a adapter) Rules() payment.Rules {
	return payment.Rules{Names: payment.LowerName, Answers: []payment.AnswerRule{
		{Aspect: payment.OfName, Source: payment.InAnswer, Field: "externalId", Fits: func(said string, p payment.Payment) bool { return identity(said) == p.Txn }},
		{Aspect: payment.OfReceiver, Source: payment.ByQuestion, Field: "the API user has one account"},
		{Aspect: payment.OfDirection, Source: payment.ByQuestion, Field: "the address of collections"},
		{Aspect: payment.OfKind, Source: payment.ByQuestion, Field: "a request to pay"},
		{Aspect: payment.OfCurrency, Source: payment.InAnswer, Field: "currency"},
		{Aspect: payment.OfReference, Source: payment.InAnswer, Field: "payeeNote"},
	}}
}

// Asks reports that MTN can be asked.
func (a adapter) Asks() bool { return true }

// token fetches an access token.
func (a adapter) token(ctx context.Context) (string, error) {
	return a.client.Token(Kind+" "+a.config.URL+" "+a.secrets.User, func() (string, time.Duration, error) {
		got, err := a.client.Do(ctx, http.MethodPost, a.config.URL+"/collection/token/", http.Header{"Ocp-Apim-Subscription-Key": {a.secrets.Subscription},
			"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(a.secrets.User+":"+a.secrets.Key))}}, nil)
		if err != nil {
			return "", 0, err
		}
		if got.Status != http.StatusOK {
			return "", 0, fmt.Errorf("MTN gives no access token: status %d", got.Status)
		}
		var said struct {
			Token string          `json:"access_token"`
			Life  outbound.Number `json:"expires_in"`
		}
		if err := got.Into(&said); err != nil || said.Token == "" {
			return "", 0, errors.New("MTN's answer has no access token")
		}
		return said.Token, time.Duration(said.Life) * time.Second, nil
	})
}

// call sends a request, once more with a new token if MTN refuses the token.
func (a adapter) call(ctx context.Context, method, path string, header http.Header, body []byte) (got outbound.Answer, err error) {
	for range 2 {
		token, err := a.token(ctx)
		if err != nil {
			return outbound.Answer{}, err
		}
		h := http.Header{"Authorization": {"Bearer " + token}, "Ocp-Apim-Subscription-Key": {a.secrets.Subscription}, "X-Target-Environment": {a.config.Environment}}
		for name, values := range header {
			h[name] = values
		}
		if got, err = a.client.Do(ctx, method, a.config.URL+path, h, body); err != nil || got.Status != http.StatusUnauthorized {
			return got, err
		}
		a.client.Forget(Kind+" "+a.config.URL+" "+a.secrets.User, token)
	}
	return got, nil
}

// look asks for the state of a request to pay; false means that MTN knows none.
func (a adapter) look(ctx context.Context, identity string) (s status, known bool, err error) {
	got, err := a.call(ctx, http.MethodGet, "/collection/v1_0/requesttopay/"+url.PathEscape(identity), nil, nil)
	switch {
	case err != nil:
		return s, false, err
	case got.Status == http.StatusNotFound:
		return s, false, nil
	case got.Status != http.StatusOK:
		return s, false, fmt.Errorf("MTN answers with status %d", got.Status)
	}
	return s, true, got.Into(&s)
}

// Ask asks for the request to pay.
func (a adapter) Ask(ctx context.Context, p payment.Payment) (payment.Answer, error) {
	s, known, err := a.look(ctx, p.Txn)
	switch {
	case err != nil:
		return payment.Answer{}, err
	case !known || s.Status == "FAILED":
		return payment.Answer{Outcome: payment.Never}, nil
	case s.Status != "SUCCESSFUL":
		return payment.Answer{Outcome: payment.Pending}, nil
	}
	amount, err := s.amount()
	return payment.Answer{Outcome: payment.Took, Amount: amount, Reference: s.Note, Payer: s.payer(),
		Said: map[payment.Aspect][]string{payment.OfName: {s.External}}}, err
}

func (s status) payer() string {
	if s.Payer.ID == "" {
		return ""
	}
	return "+" + strings.TrimPrefix(s.Payer.ID, "+")
}

// Repeats reports that a request may be sent again: MTN refuses an identity that it knows.
func (a adapter) Repeats() bool { return true }

// HandleOf names a request before it is sent: MTN takes our name.
func (a adapter) HandleOf(r payment.Request) string { return identity(r.Name) }

// OnPage is false: the customer pays with a PIN, which their telephone asks for.
func (a adapter) OnPage() bool { return false }

// Request asks a customer's telephone for the PIN.
func (a adapter) Request(ctx context.Context, r payment.Request) (payment.RequestAnswer, error) {
	c, known := money.CurrencyOf(r.Amount.Currency)
	if !known {
		return payment.RequestAnswer{Refused: "unknown currency " + r.Amount.Currency}, nil
	}
	if a.config.Environment == sandbox && c.Code != sandboxCurrency {
		return payment.RequestAnswer{Refused: "MTN's sandbox takes only " + sandboxCurrency}, nil
	}
	body, err := json.Marshal(map[string]any{"amount": money.Format(r.Amount.Minor, c), "currency": c.Code, "externalId": r.Name,
		"payer":        map[string]string{"partyIdType": "MSISDN", "partyId": strings.TrimPrefix(r.Phone, "+")},
		"payerMessage": r.Reference, "payeeNote": r.Reference})
	if err != nil {
		return payment.RequestAnswer{}, fmt.Errorf("write a request to pay: %w", err)
	}
	handle := identity(r.Name)
	header := http.Header{"Content-Type": {"application/json"}, "X-Reference-Id": {handle}}
	if a.callback != "" {
		header.Set("X-Callback-Url", a.callback)
	}
	got, err := a.call(ctx, http.MethodPost, "/collection/v1_0/requesttopay", header, body)
	if err != nil {
		return payment.RequestAnswer{}, err
	}
	var said struct{ Code string }
	_ = json.Unmarshal(got.Body, &said) // some answers have no body
	switch {
	case got.Status == http.StatusAccepted, got.Status == http.StatusConflict: // a conflict says that it was sent before
		return payment.RequestAnswer{Handle: handle}, nil
	case got.Status == http.StatusBadRequest, got.Status == http.StatusForbidden, slices.Contains(notDone(), said.Code):
		return payment.RequestAnswer{Refused: strings.TrimSpace(fmt.Sprintf("status %d %s", got.Status, said.Code))}, nil
	}
	return payment.RequestAnswer{}, fmt.Errorf("MTN answers with status %d %s", got.Status, said.Code)
}

// notDone lists the codes that MTN sends with the status of a broken server although it refuses the request.
func notDone() []string {
	return []string{"NOT_ALLOWED", "NOT_ALLOWED_TARGET_ENVIRONMENT", "INVALID_CALLBACK_URL_HOST", "INVALID_CURRENCY"}
}

// Follow asks what became of a request.
func (a adapter) Follow(ctx context.Context, r payment.Request) (payment.RequestOutcome, error) {
	s, known, err := a.look(ctx, identity(r.Name))
	switch {
	case err != nil:
		return payment.RequestOutcome{}, err
	case !known:
		return payment.RequestOutcome{State: payment.RequestUnknown}, nil
	case s.Status == "FAILED":
		return payment.RequestOutcome{State: payment.RequestFailed, Reason: string(s.Reason)}, nil
	case s.Status != "SUCCESSFUL":
		return payment.RequestOutcome{State: payment.RequestOpen}, nil
	}
	amount, err := s.amount()
	return payment.RequestOutcome{State: payment.RequestPaid, Paid: payment.Notice{Kind: payment.Paid, Txn: identity(r.Name), Amount: amount, Reference: s.Note,
		Payer: s.payer(), Request: r.Name}}, err
}
