// Package flutterwave takes payments on a page of Flutterwave, version 3. It is unverified: nobody has tried it with Flutterwave. Try it with
// small amounts and compare with Flutterwave's statement.
//
// A payment has the number of its transaction. A call carries the secret itself, so only Flutterwave's answer confirms a payment.
package flutterwave

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/outbound"
)

// Kind is the name of this kind of provider.
const Kind = "flutterwave"

// Config is the configuration of a provider, without secrets.
type Config struct {
	URL       string `json:"url,omitempty"` // default https://api.flutterwave.com
	Email     string `json:"email"`         // Flutterwave wants an address of every payer
	ReturnURL string `json:"return_url"`    // page that the customer sees after paying
}

// Secrets are the secrets of a provider.
type Secrets struct {
	Key  string `json:"key"`
	Hash string `json:"hash"` // the secret hash that calls carry
}

// maxPages is how many pages are opened for one request, because the address of a page is shown only once.
const maxPages = 5

// adapter implements [payment.Requester].
type adapter struct {
	config  Config
	secrets Secrets
	client  *outbound.Client
}

// Open makes the adapter of a provider.
func Open(s payment.Setup, client *outbound.Client) (payment.Adapter, error) {
	a := adapter{config: Config{URL: "https://api.flutterwave.com"}, client: client}
	if err := outbound.Settings(s, &a.config, &a.secrets); err != nil {
		return nil, err
	}
	a.config.URL = strings.TrimRight(a.config.URL, "/")
	if err := errors.Join(outbound.Address("url", a.config.URL), outbound.Address("return_url", a.config.ReturnURL)); err != nil {
		return nil, err
	}
	if !strings.Contains(a.config.Email, "@") {
		return nil, errors.New("config: email is not an address")
	}
	if a.secrets.Key == "" || a.secrets.Hash == "" {
		return nil, errors.New("secrets: key and hash are needed")
	}
	return a, nil
}

// Prove checks that the call carries the secret.
func (a adapter) Prove(in payment.Incoming) error {
	if subtle.ConstantTimeCompare([]byte(http.Header(in.Header).Get("Verif-Hash")), []byte(a.secrets.Hash)) != 1 {
		return errors.New("the header verif-hash does not fit")
	}
	return nil
}

// Names of what we store with a transaction.
const (
	ourRequest   = "paywatt_request"
	ourReference = "paywatt_reference"
)

// transaction is a transaction in an event and in an answer.
type transaction struct {
	ID       outbound.Number
	Ref      string `json:"tx_ref"`
	Amount   json.Number
	Currency string
	Status   string
	Created  time.Time `json:"created_at"`
	Response string    `json:"processor_response"`
	Meta     map[string]any
	Customer struct {
		Email string
		Phone string `json:"phone_number"`
	}
}

// name is Flutterwave's name of a transaction.
func (x transaction) name() string { return strconv.FormatInt(int64(x.ID), 10) }

// notice says that the payment of a transaction was taken.
func (x transaction) notice() (payment.Notice, error) {
	c, known := money.CurrencyOf(x.Currency)
	if !known || x.ID <= 0 {
		return payment.Notice{}, errors.New("the transaction has no number, or an unknown currency")
	}
	text := x.Amount.String()
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	minor, err := money.Parse(text, c)
	n := payment.Notice{Kind: payment.Paid, Txn: x.name(), Amount: money.Amount{Minor: minor, Currency: c.Code}, PaidAt: x.Created, Payer: x.Customer.Phone}
	n.Request, _ = x.Meta[ourRequest].(string) // empty for a payment that we did not request
	n.Reference, _ = x.Meta[ourReference].(string)
	if n.Payer == "" {
		n.Payer = x.Customer.Email
	}
	return n, err
}

// Read reads an event.
func (a adapter) Read(in payment.Incoming) ([]payment.Notice, error) {
	var e struct {
		Event string
		Data  transaction
	}
	if err := json.Unmarshal(in.Body, &e); err != nil {
		return nil, errors.New("not the JSON of an event")
	}
	if e.Event != "charge.completed" {
		return nil, nil
	}
	if e.Data.Status != "successful" {
		return []payment.Notice{{Kind: payment.Decided, Request: e.Data.Ref}}, nil
	}
	n, err := e.Data.notice()
	if err != nil {
		return nil, err
	}
	return []payment.Notice{n}, nil
}

// Reply is an empty success. Flutterwave wants the status 200.
func (a adapter) Reply(payment.Incoming) payment.Reply { return payment.Reply{Status: http.StatusOK} }

// Rules says what Flutterwave's names and answers are like. A name is a number.
func (a adapter) Rules() payment.Rules {
	const key = "the key belongs to one merchant"
	return payment.Rules{Names: payment.ExactName, Answers: []payment.AnswerRule{
		{Aspect: payment.OfName, Source: payment.InAnswer, Field: "data.id", Fits: payment.SameName(payment.ExactName)},
		{Aspect: payment.OfReceiver, Source: payment.ByQuestion, Field: key},
		{Aspect: payment.OfDirection, Source: payment.ByQuestion, Field: "the address of transactions, which transfers are not"},
		{Aspect: payment.OfKind, Source: payment.ByQuestion, Field: "the address of transactions"},
		{Aspect: payment.OfCurrency, Source: payment.InAnswer, Field: "data.currency"},
		{Aspect: payment.OfReference, Source: payment.InAnswer, Field: "data.meta." + ourReference},
	}}
}

// Asks reports that Flutterwave can be asked.
func (a adapter) Asks() bool { return true }

// call sends a request and reads the data of a success. Of the other answers, it returns Flutterwave's text.
func (a adapter) call(ctx context.Context, method, path string, body, to any) (status int, text string, err error) {
	got, err := a.client.DoJSON(ctx, method, a.config.URL+path, http.Header{"Authorization": {"Bearer " + a.secrets.Key}}, body)
	if err != nil {
		return 0, "", err
	}
	var s struct {
		Status, Message string
		Data            json.RawMessage
	}
	if err := got.Into(&s); err != nil {
		return got.Status, "", err
	}
	if got.Status != http.StatusOK || s.Status != "success" {
		return max(got.Status, http.StatusBadRequest), s.Message, nil
	}
	if json.Unmarshal(s.Data, to) != nil {
		return got.Status, "", errors.New("the answer of Flutterwave is not what it promises")
	}
	return http.StatusOK, "", nil
}

// look asks for a transaction; false means that Flutterwave knows none.
func (a adapter) look(ctx context.Context, path string) (x transaction, known bool, err error) {
	status, text, err := a.call(ctx, http.MethodGet, path, nil, &x)
	switch {
	case err != nil:
		return x, false, err
	case status == http.StatusNotFound || status == http.StatusBadRequest && strings.HasPrefix(text, "No transaction was found"):
		return x, false, nil
	case status != http.StatusOK:
		return x, false, fmt.Errorf("the answer of Flutterwave has status %d: %s", status, text)
	}
	return x, true, nil
}

// Ask asks for the transaction. Flutterwave's answer does not show refunds.
func (a adapter) Ask(ctx context.Context, p payment.Payment) (payment.Answer, error) {
	x, known, err := a.look(ctx, "/v3/transactions/"+url.PathEscape(p.Txn)+"/verify")
	switch {
	case err != nil:
		return payment.Answer{}, err
	case !known:
		return payment.Answer{Outcome: payment.Never}, nil
	case x.Status == "failed":
		return payment.Answer{Outcome: payment.Never, Said: map[payment.Aspect][]string{payment.OfName: {x.name()}}}, nil
	case x.Status != "successful":
		return payment.Answer{Outcome: payment.Pending}, nil
	}
	n, err := x.notice()
	return payment.Answer{Outcome: payment.Took, Amount: n.Amount, PaidAt: n.PaidAt, Reference: n.Reference, Payer: n.Payer,
		Said: map[payment.Aspect][]string{payment.OfName: {n.Txn}}}, err
}

// Repeats reports that a request may be sent again: it opens another page only if nobody knows the address of the one before.
func (a adapter) Repeats() bool { return true }

// OnPage is true: the customer pays on a page of the provider.
func (a adapter) OnPage() bool { return true }

// pageOf names a page of a request. The first page is number 0.
func pageOf(request string, n int) string {
	if n == 0 {
		return request
	}
	return request + "." + strconv.Itoa(n)
}

// HandleOf names the last page that a request may open: until an answer arrives, the customer may pay on any of them.
func (a adapter) HandleOf(r payment.Request) string { return pageOf(r.Name, maxPages-1) }

// Request opens a page on which the customer pays.
func (a adapter) Request(ctx context.Context, r payment.Request) (payment.RequestAnswer, error) {
	c, known := money.CurrencyOf(r.Amount.Currency)
	if !known {
		return payment.RequestAnswer{Refused: "unknown currency " + r.Amount.Currency}, nil
	}
	for n := range maxPages {
		ref := pageOf(r.Name, n)
		var page struct{ Link string }
		status, text, err := a.call(ctx, http.MethodPost, "/v3/payments", map[string]any{"tx_ref": ref, "amount": json.Number(money.Format(r.Amount.Minor, c)), "currency": c.Code,
			"redirect_url": a.config.ReturnURL, "customer": map[string]string{"email": a.config.Email, "phonenumber": r.Phone},
			"meta": map[string]string{ourRequest: r.Name, ourReference: r.Reference}}, &page)
		switch {
		case err != nil:
			return payment.RequestAnswer{}, err
		case status == http.StatusOK:
			return payment.RequestAnswer{Handle: ref, Page: page.Link}, nil
		case status/100 == 4 && strings.Contains(text, "already exists"):
			continue
		case status/100 == 4 && status != http.StatusTooManyRequests:
			return payment.RequestAnswer{Refused: text}, nil
		}
		return payment.RequestAnswer{}, fmt.Errorf("the answer of Flutterwave has status %d: %s", status, text)
	}
	return payment.RequestAnswer{}, errors.New("pages of Flutterwave were opened for this request, but the answers were lost")
}

// Follow asks what became of a request. Flutterwave may know no transaction before the customer has begun to pay. It asks about every page of
// the request, because the customer may have paid on a page whose address the server never got.
func (a adapter) Follow(ctx context.Context, r payment.Request) (payment.RequestOutcome, error) {
	for n := range maxPages {
		ref := pageOf(r.Name, n)
		said, err := a.page(ctx, r, ref)
		if err != nil || said.State == payment.RequestPaid || ref == r.Handle {
			return said, err
		}
	}
	return payment.RequestOutcome{State: payment.RequestUnknown}, nil
}

// page asks what became of one page of a request.
func (a adapter) page(ctx context.Context, r payment.Request, ref string) (payment.RequestOutcome, error) {
	x, known, err := a.look(ctx, "/v3/transactions/verify_by_reference?tx_ref="+url.QueryEscape(ref))
	switch {
	case err != nil:
		return payment.RequestOutcome{}, err
	case !known && r.Handle == a.HandleOf(r): // perhaps no page was opened
		return payment.RequestOutcome{State: payment.RequestUnknown}, nil
	case known && x.Status == "failed":
		return payment.RequestOutcome{State: payment.RequestFailed, Reason: x.Response}, nil
	case x.Status != "successful":
		return payment.RequestOutcome{State: payment.RequestOpen}, nil
	}
	n, err := x.notice()
	return payment.RequestOutcome{State: payment.RequestPaid, Paid: n}, err
}
