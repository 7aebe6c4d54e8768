// Package airtel asks customers to pay with Airtel Money. It is unverified: Airtel's documentation is not public, and what is here comes from
// programs that use it. Try it with small amounts and compare with Airtel's statement.
//
// Airtel's answers name no amount. So a payment exists only when Airtel says that one of our requests was paid, and it has the amount of the
// request. A callback only makes the server ask.
package airtel

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/outbound"
)

// Kind is the name of this kind of provider.
const Kind = "airtel"

// Config is the configuration of a provider, without secrets.
type Config struct {
	URL      string `json:"url,omitempty"` // default https://openapi.airtel.africa
	Country  string `json:"country"`       // two letters, such as KE
	Currency string `json:"currency"`
	Dial     string `json:"dial"` // the country's code, which Airtel does not want in a telephone number, such as 254
}

// Secrets are the secrets of a provider.
type Secrets struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
	Hash   string `json:"hash,omitempty"` // of callbacks, if Airtel has given one
}

// adapter implements [payment.Requester].
type adapter struct {
	config   Config
	secrets  Secrets
	currency money.Currency
	client   *outbound.Client
}

// Open makes the adapter of a provider.
func Open(s payment.Setup, client *outbound.Client) (payment.Adapter, error) {
	a := adapter{config: Config{URL: "https://openapi.airtel.africa"}, client: client}
	if err := outbound.Settings(s, &a.config, &a.secrets); err != nil {
		return nil, err
	}
	a.config.URL = strings.TrimRight(a.config.URL, "/")
	if err := outbound.Address("url", a.config.URL); err != nil {
		return nil, err
	}
	var known bool
	if a.currency, known = money.CurrencyOf(a.config.Currency); !known || len(a.config.Country) != 2 || a.config.Dial == "" {
		return nil, errors.New("config: country, currency and dial are needed")
	}
	if a.secrets.ID == "" || a.secrets.Secret == "" {
		return nil, errors.New("secrets: client_id and client_secret are needed")
	}
	return a, nil
}

// callback is what Airtel posts.
type callback struct {
	Transaction json.RawMessage
	Hash        string
}

// Prove checks the hash of a callback if the provider has one. Otherwise it accepts every call, because nothing in it is believed.
func (a adapter) Prove(in payment.Incoming) error {
	if a.secrets.Hash == "" {
		return nil
	}
	var c callback
	if err := json.Unmarshal(in.Body, &c); err != nil {
		return errors.New("not the JSON of a callback")
	}
	mac := hmac.New(sha256.New, []byte(a.secrets.Hash))
	mac.Write(c.Transaction)
	got, err := base64.StdEncoding.DecodeString(c.Hash)
	if err != nil || !hmac.Equal(got, mac.Sum(nil)) {
		return errors.New("the hash does not fit")
	}
	return nil
}

// Read says which request a callback is about.
func (a adapter) Read(in payment.Incoming) ([]payment.Notice, error) {
	var c struct{ Transaction struct{ ID string } }
	if err := json.Unmarshal(in.Body, &c); err != nil || c.Transaction.ID == "" {
		return nil, errors.New("not the JSON of a callback")
	}
	return []payment.Notice{{Kind: payment.Decided, Request: c.Transaction.ID}}, nil
}

// Reply is an empty success.
func (a adapter) Reply(payment.Incoming) payment.Reply { return payment.Reply{Status: http.StatusOK} }

// Rules says what Airtel's names and answers are like. An answer says little, but only our own requests have the names that are asked about.
func (a adapter) Rules() payment.Rules {
	const ours = "one of our requests"
	return payment.Rules{Names: payment.ExactName, Answers: []payment.AnswerRule{
		{Aspect: payment.OfName, Source: payment.InAnswer, Field: "transaction.id", Fits: payment.SameName(payment.ExactName)},
		{Aspect: payment.OfReceiver, Source: payment.ByQuestion, Field: ours},
		{Aspect: payment.OfDirection, Source: payment.ByQuestion, Field: ours},
		{Aspect: payment.OfKind, Source: payment.ByQuestion, Field: ours},
		{Aspect: payment.OfCurrency, Source: payment.ByQuestion, Field: ours},
		{Aspect: payment.OfReference, Source: payment.ByQuestion, Field: ours},
	}}
}

// Asks reports that Airtel can be asked.
func (a adapter) Asks() bool { return true }

// token fetches an access token, which lives for three minutes.
func (a adapter) token(ctx context.Context) (string, error) {
	return a.client.Token(a.key(), func() (string, time.Duration, error) {
		body, err := json.Marshal(map[string]string{"client_id": a.secrets.ID, "client_secret": a.secrets.Secret, "grant_type": "client_credentials"})
		if err != nil {
			return "", 0, fmt.Errorf("write a request for a token: %w", err)
		}
		got, err := a.client.Do(ctx, http.MethodPost, a.config.URL+"/auth/oauth2/token", http.Header{"Content-Type": {"application/json"}}, body)
		if err != nil {
			return "", 0, err
		}
		var said struct {
			Token string          `json:"access_token"`
			Life  outbound.Number `json:"expires_in"`
		}
		if err := got.Into(&said); err != nil || got.Status != http.StatusOK || said.Token == "" {
			return "", 0, fmt.Errorf("no access token from Airtel: status %d", got.Status)
		}
		return said.Token, time.Duration(said.Life) * time.Second, nil
	})
}

// key names the credentials in the cache of tokens.
func (a adapter) key() string { return Kind + " " + a.config.URL + " " + a.secrets.ID }

// answer is what Airtel answers. Its field success means nothing.
type answer struct {
	Status struct {
		Code    string `json:"response_code"`
		Message string
	}
	Data struct{ Transaction transaction }
}

// transaction is a payment as Airtel describes it.
type transaction struct{ ID, Status, Message string }

// notFound is the code for an unknown transaction.
const notFound = "DP00800001024"

// call sends a request, once more with a new token if Airtel refuses the token.
func (a adapter) call(ctx context.Context, method, path string, body any) (status int, s answer, err error) {
	var got outbound.Answer
	for range 2 {
		token, err := a.token(ctx)
		if err != nil {
			return 0, s, err
		}
		header := http.Header{"Authorization": {"Bearer " + token}, "X-Country": {a.config.Country}, "X-Currency": {a.currency.Code}}
		if got, err = a.client.DoJSON(ctx, method, a.config.URL+path, header, body); err != nil {
			return 0, s, err
		}
		if got.Status != http.StatusUnauthorized {
			break
		}
		a.client.Forget(a.key(), token)
	}
	if got.Status/100 == 5 {
		return got.Status, s, fmt.Errorf("the answer of Airtel has status %d", got.Status)
	}
	return got.Status, s, got.Into(&s)
}

// look asks for the state of a transaction; false means that Airtel knows none.
func (a adapter) look(ctx context.Context, name string) (x transaction, known bool, err error) {
	status, s, err := a.call(ctx, http.MethodGet, "/standard/v1/payments/"+url.PathEscape(name), nil)
	switch {
	case err != nil:
		return x, false, err
	case s.Status.Code == notFound:
		return x, false, nil
	case status != http.StatusOK || s.Data.Transaction.ID == "":
		return x, false, fmt.Errorf("the answer of Airtel has status %d %s", status, s.Status.Code)
	}
	return s.Data.Transaction, true, nil
}

// Ask asks for the transaction. Its amount is that of the request, from which the payment has it.
func (a adapter) Ask(ctx context.Context, p payment.Payment) (payment.Answer, error) {
	x, known, err := a.look(ctx, p.Txn)
	answer := payment.Answer{Outcome: payment.Pending, Said: map[payment.Aspect][]string{payment.OfName: {x.ID}}}
	switch {
	case err != nil:
		return payment.Answer{}, err
	case !known || x.Status == "TF":
		answer.Outcome = payment.Never
	case x.Status == "TR":
		answer.Outcome = payment.Back
	case x.Status == "TS":
		answer.Outcome = payment.Took
		answer.Amount = p.Amount
	}
	return answer, nil
}

// Repeats reports that a request whose outcome is unknown is not sent again, because nobody has verified what Airtel does with it.
func (a adapter) Repeats() bool { return false }

// OnPage is false: the customer pays with a PIN, which their telephone asks for.
func (a adapter) OnPage() bool { return false }

// name is our name of the transaction of a request.
func name(r payment.Request) string { return strings.ReplaceAll(r.Name, "_", "") }

// HandleOf names a request before it is sent: Airtel takes our name.
func (a adapter) HandleOf(r payment.Request) string { return name(r) }

// Request asks a customer's telephone for the PIN.
func (a adapter) Request(ctx context.Context, r payment.Request) (payment.RequestAnswer, error) {
	if r.Amount.Currency != a.currency.Code {
		return payment.RequestAnswer{Refused: "this provider takes only " + a.currency.Code}, nil
	}
	phone, local := strings.CutPrefix(r.Phone, "+"+a.config.Dial)
	if !local {
		return payment.RequestAnswer{Refused: "the telephone number is not one of +" + a.config.Dial}, nil
	}
	status, s, err := a.call(ctx, http.MethodPost, "/merchant/v2/payments/", map[string]any{"reference": r.Reference,
		"subscriber":  map[string]string{"country": a.config.Country, "currency": a.currency.Code, "msisdn": phone},
		"transaction": map[string]any{"amount": json.Number(money.Format(r.Amount.Minor, a.currency)), "country": a.config.Country, "currency": a.currency.Code, "id": name(r)}})
	switch {
	case err != nil:
		return payment.RequestAnswer{}, err
	case status == http.StatusOK:
		return payment.RequestAnswer{Handle: name(r)}, nil
	case status == http.StatusBadRequest && !strings.Contains(strings.ToLower(s.Status.Message), "duplicate"):
		return payment.RequestAnswer{Refused: s.Status.Message}, nil
	}
	return payment.RequestAnswer{}, fmt.Errorf("the answer of Airtel has status %d %s", status, s.Status.Code)
}

// Follow asks what became of a request.
func (a adapter) Follow(ctx context.Context, r payment.Request) (payment.RequestOutcome, error) {
	x, known, err := a.look(ctx, name(r))
	switch {
	case err != nil:
		return payment.RequestOutcome{}, err
	case known && x.ID != name(r):
		return payment.RequestOutcome{}, errors.New("the answer of Airtel is about another transaction")
	case !known:
		return payment.RequestOutcome{State: payment.RequestUnknown}, nil
	case x.Status == "TF":
		return payment.RequestOutcome{State: payment.RequestFailed, Reason: x.Message}, nil
	case x.Status != "TS" && x.Status != "TR":
		return payment.RequestOutcome{State: payment.RequestOpen}, nil
	}
	return payment.RequestOutcome{State: payment.RequestPaid, Paid: payment.Notice{Kind: payment.Paid, Txn: name(r), Amount: r.Amount, Reference: r.Reference, Payer: r.Phone,
		Request: r.Name}}, nil
}
