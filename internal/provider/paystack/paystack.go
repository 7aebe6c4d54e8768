// Package paystack takes payments on a page of Paystack. A payment has the name of its transaction's reference, which we choose and which is the
// same in every message.
//
// Events prove themselves by their signature, but only Paystack's answer about the transaction confirms a payment.
package paystack

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/outbound"
)

// Kind is the name of this kind of provider.
const Kind = "paystack"

// Config is the configuration of a provider, without secrets.
type Config struct {
	URL       string `json:"url,omitempty"`        // default https://api.paystack.co
	Email     string `json:"email"`                // Paystack wants an address of every payer and sends receipts to it
	ReturnURL string `json:"return_url,omitempty"` // page that the customer sees after paying
}

// Secrets are the secrets of a provider.
type Secrets struct {
	Key string `json:"key"` // it also signs the events
}

const (
	decimals = 2 // of Paystack's units, in every currency
	maxPages = 5 // pages that are opened for one request, because Paystack never shows the address of a page again
	pageSize = payment.MaxNotices
	// openFor is how long before its payment a transaction may have begun; the list goes by its beginning.
	openFor = 24 * time.Hour
)

// adapter implements [payment.Requester] and [payment.Lister].
type adapter struct {
	config Config
	key    string
	client *outbound.Client
}

// Open makes the adapter of a provider.
func Open(s payment.Setup, client *outbound.Client) (payment.Adapter, error) {
	a := adapter{config: Config{URL: "https://api.paystack.co"}, client: client}
	var secrets Secrets
	if err := outbound.Settings(s, &a.config, &secrets); err != nil {
		return nil, err
	}
	a.key, a.config.URL = secrets.Key, strings.TrimRight(a.config.URL, "/")
	err := outbound.Address("url", a.config.URL)
	if a.config.ReturnURL != "" {
		err = errors.Join(err, outbound.Address("return_url", a.config.ReturnURL))
	}
	switch {
	case err != nil:
		return nil, err
	case !strings.Contains(a.config.Email, "@"):
		return nil, errors.New("config: email is not an address")
	case a.key == "":
		return nil, errors.New("secrets: key is missing")
	}
	return a, nil
}

// Prove checks the signature of an event. Paystack signs no time, so an old event may be sent again; it changes nothing.
func (a adapter) Prove(in payment.Incoming) error {
	got, err := hex.DecodeString(http.Header(in.Header).Get("X-Paystack-Signature"))
	if err != nil || !hmac.Equal(got, Sign(a.key, in.Body)) {
		return errors.New("the signature does not fit")
	}
	return nil
}

// Sign returns the signature of an event: HMAC-SHA-512 over its body, by the secret key.
func Sign(key string, body []byte) []byte {
	mac := hmac.New(sha512.New, []byte(key))
	mac.Write(body)
	return mac.Sum(nil)
}

// Names of what we store with a transaction.
const (
	ourRequest   = "paywatt_request"
	ourReference = "paywatt_reference"
)

// metadata is what we stored with a transaction. Paystack writes it as an object, or as a text with an object, or as an empty text.
type metadata map[string]string

// UnmarshalJSON reads the texts in metadata, and leaves out everything else.
func (m *metadata) UnmarshalJSON(text []byte) error {
	var inner string
	if json.Unmarshal(text, &inner) == nil {
		text = []byte(inner)
	}
	var all map[string]any
	*m = metadata{}
	if json.Unmarshal(text, &all) != nil {
		return nil // somebody else's, of another form
	}
	for name, value := range all {
		if s, is := value.(string); is {
			(*m)[name] = s
		}
	}
	return nil
}

// transaction is a transaction in an event and in an answer.
type transaction struct {
	Reference string
	Status    string
	Amount    outbound.Number
	Currency  string
	PaidAt    time.Time `json:"paid_at"`
	Message   string    `json:"gateway_response"`
	Metadata  metadata
	Customer  struct{ Email, Phone string }
}

// notice says that the payment of a transaction was taken.
func (x transaction) notice() (payment.Notice, error) {
	amount, err := outbound.AmountOf(int64(x.Amount), decimals, x.Currency)
	n := payment.Notice{Kind: payment.Paid, Txn: x.Reference, Amount: amount, Reference: x.Metadata[ourReference], PaidAt: x.PaidAt, Request: x.Metadata[ourRequest],
		Payer: x.Customer.Phone}
	if n.Payer == "" {
		n.Payer = x.Customer.Email
	}
	return n, err
}

// Read reads an event. Events that do not say that money moved have no notices.
func (a adapter) Read(in payment.Incoming) ([]payment.Notice, error) {
	var e struct {
		Event string
		Data  json.RawMessage
	}
	if err := json.Unmarshal(in.Body, &e); err != nil {
		return nil, errors.New("not the JSON of an event")
	}
	var n payment.Notice
	var err error
	switch e.Event {
	case "charge.success":
		var x transaction
		if err := json.Unmarshal(e.Data, &x); err != nil {
			return nil, errors.New("the event has no transaction")
		}
		n, err = x.notice()
	case "refund.processed", "charge.dispute.create", "charge.dispute.resolve":
		n, err = undone(e.Data)
	default:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	n.Signed = true
	return []payment.Notice{n}, nil
}

// undone reads a refund or a dispute. Its amount may be a part of the payment, or missing.
func undone(data []byte) (payment.Notice, error) {
	var d struct {
		Named       string          `json:"transaction_reference"`
		Amount      outbound.Number // of a refund
		Disputed    outbound.Number `json:"refund_amount"`
		Currency    string
		Transaction json.RawMessage // a number in some messages
	}
	if err := json.Unmarshal(data, &d); err != nil {
		return payment.Notice{}, errors.New("the event has no refund and no dispute")
	}
	var x transaction
	if whole := json.Unmarshal(d.Transaction, &x) == nil; !whole {
		x = transaction{}
	}
	for _, amount := range []outbound.Number{d.Amount, d.Disputed} {
		if amount > 0 {
			x.Amount = amount
		}
	}
	if d.Named != "" {
		x.Reference = d.Named
	}
	if d.Currency != "" {
		x.Currency = d.Currency
	}
	n, err := x.notice()
	n.Kind, n.PaidAt = payment.Undone, time.Time{}
	return n, err
}

// Reply is an empty success. Paystack wants the status 200.
func (a adapter) Reply(payment.Incoming) payment.Reply { return payment.Reply{Status: http.StatusOK} }

// Rules says what Paystack's names and answers are like.
func (a adapter) Rules() payment.Rules {
	return payment.Rules{Names: payment.ExactName, Answers: []payment.AnswerRule{
		{Aspect: payment.OfName, Source: payment.InAnswer, Field: "data.reference", Fits: payment.SameName(payment.ExactName)},
		{Aspect: payment.OfReceiver, Source: payment.ByQuestion, Field: "the key belongs to one business"},
		{Aspect: payment.OfDirection, Source: payment.ByQuestion, Field: "the address of transactions, which transfers are not"},
		{Aspect: payment.OfKind, Source: payment.ByQuestion, Field: "the address of transactions"},
		{Aspect: payment.OfCurrency, Source: payment.InAnswer, Field: "data.currency"},
		{Aspect: payment.OfReference, Source: payment.InAnswer, Field: "data.metadata." + ourReference},
	}}
}

// Asks reports that Paystack can be asked.
func (a adapter) Asks() bool { return true }

// call sends a request and reads the data of a success. Of the other answers, it returns Paystack's text.
func (a adapter) call(ctx context.Context, method, path string, body, to any) (status int, text string, err error) {
	got, err := a.client.DoJSON(ctx, method, a.config.URL+path, http.Header{"Authorization": {"Bearer " + a.key}}, body)
	if err != nil {
		return 0, "", err
	}
	var said struct {
		Status  bool
		Message string
		Data    json.RawMessage
	}
	if err := got.Into(&said); err != nil {
		return got.Status, "", err
	}
	if got.Status == http.StatusOK && said.Status {
		if json.NewDecoder(bytes.NewReader(said.Data)).Decode(to) != nil {
			return got.Status, "", errors.New("the answer of Paystack is not what it promises")
		}
		return got.Status, "", nil
	}
	if got.Status == http.StatusOK {
		got.Status = http.StatusBadRequest // a refusal all the same
	}
	return got.Status, said.Message, nil
}

// unknown reports whether an answer says that there is no such transaction.
func unknown(status int, text string) bool {
	return status == http.StatusNotFound || status == http.StatusBadRequest && strings.HasPrefix(strings.ToLower(text), "transaction reference not found")
}

// verify asks for a transaction; false means that Paystack knows none.
func (a adapter) verify(ctx context.Context, reference string) (x transaction, known bool, err error) {
	status, text, err := a.call(ctx, http.MethodGet, "/transaction/verify/"+url.PathEscape(reference), nil, &x)
	switch {
	case err != nil:
		return x, false, err
	case unknown(status, text):
		return x, false, nil
	case status != http.StatusOK:
		return x, false, fmt.Errorf("the answer of Paystack has status %d: %s", status, text)
	case x.Reference == "":
		return x, false, errors.New("the answer of Paystack names no transaction")
	}
	return x, true, nil
}

// Ask asks for the transaction.
func (a adapter) Ask(ctx context.Context, p payment.Payment) (payment.Answer, error) {
	x, known, err := a.verify(ctx, p.Txn)
	if err != nil {
		return payment.Answer{}, err
	}
	said := map[payment.Aspect][]string{payment.OfName: {x.Reference}}
	switch {
	case !known, x.Status == "failed", x.Status == "abandoned":
		return payment.Answer{Outcome: payment.Never, Said: said}, nil
	case x.Status == "reversed":
		return payment.Answer{Outcome: payment.Back, Said: said}, nil
	case x.Status != "success":
		return payment.Answer{Outcome: payment.Pending}, nil
	}
	n, err := x.notice()
	return payment.Answer{Outcome: payment.Took, Amount: n.Amount, PaidAt: n.PaidAt, Reference: n.Reference, Payer: n.Payer, Said: said}, err
}

// Repeats reports that a request may be sent again: it opens another page only if nobody knows the address of the one before.
func (a adapter) Repeats() bool { return true }

// OnPage is true: the customer pays on a page of the provider.
func (a adapter) OnPage() bool { return true }

// reference is our name of the transaction of a request. Paystack allows letters, digits, dashes, dots and equals signs. A request whose
// answer was lost needs another name each time.
func reference(r payment.Request, n int) string {
	name := strings.ReplaceAll(r.Name, "_", "-")
	if n > 0 {
		name += "." + strconv.Itoa(n)
	}
	return name
}

// Request opens a page on which the customer pays.
func (a adapter) Request(ctx context.Context, r payment.Request) (payment.RequestAnswer, error) {
	units, err := outbound.Units(r.Amount, decimals)
	if err != nil {
		return payment.RequestAnswer{Refused: err.Error()}, nil
	}
	body := map[string]any{"email": a.config.Email, "amount": strconv.FormatInt(units, 10), "currency": r.Amount.Currency,
		"metadata": map[string]string{ourRequest: r.Name, ourReference: r.Reference}}
	if a.config.ReturnURL != "" {
		body["callback_url"] = a.config.ReturnURL
	}
	for n := range maxPages {
		body["reference"] = reference(r, n)
		var page struct {
			URL       string `json:"authorization_url"`
			Reference string
		}
		status, text, err := a.call(ctx, http.MethodPost, "/transaction/initialize", body, &page)
		switch {
		case err != nil:
			return payment.RequestAnswer{}, err
		case status == http.StatusOK && page.Reference == body["reference"]:
			return payment.RequestAnswer{Handle: page.Reference, Page: page.URL}, nil
		case status/100 == 4 && strings.HasPrefix(strings.ToLower(text), "duplicate transaction reference"):
			continue
		case status/100 == 4 && status != http.StatusTooManyRequests:
			return payment.RequestAnswer{Refused: text}, nil
		}
		return payment.RequestAnswer{}, fmt.Errorf("the answer of Paystack has status %d: %s", status, text)
	}
	return payment.RequestAnswer{Refused: "Paystack opened pages for this request, but its answers were lost"}, nil
}

// Follow asks what became of a request. A page that was left may still be paid, so it is open until it ends.
func (a adapter) Follow(ctx context.Context, r payment.Request) (payment.RequestOutcome, error) {
	if r.Handle == "" {
		r.Handle = reference(r, 0)
	}
	x, known, err := a.verify(ctx, r.Handle)
	switch {
	case err != nil:
		return payment.RequestOutcome{}, err
	case known && x.Reference != r.Handle:
		return payment.RequestOutcome{}, errors.New("the answer of Paystack is about another transaction")
	case !known:
		return payment.RequestOutcome{State: payment.RequestUnknown}, nil
	case x.Status == "failed":
		return payment.RequestOutcome{State: payment.RequestFailed, Reason: x.Message}, nil
	case x.Status != "success" && x.Status != "reversed":
		return payment.RequestOutcome{State: payment.RequestOpen}, nil
	}
	n, err := x.notice()
	return payment.RequestOutcome{State: payment.RequestPaid, Paid: n}, err
}

// Back is how far back the server asks for a list. Paystack lists everything.
func (a adapter) Back() time.Duration { return 30 * 24 * time.Hour }

// List lists transactions that were paid, newest first. A new transaction moves others to a later page, so none is missed.
func (a adapter) List(ctx context.Context, from, to time.Time, page string) (paid []payment.Notice, next string, err error) {
	number := 1
	if page != "" {
		if number, err = strconv.Atoi(page); err != nil {
			return nil, "", fmt.Errorf("%q is not the number of a page", page)
		}
	}
	q := url.Values{"from": {from.Add(-openFor).UTC().Format(time.RFC3339)}, "to": {to.UTC().Format(time.RFC3339)}, "perPage": {strconv.Itoa(pageSize)}, "page": {strconv.Itoa(number)}}
	var rows []transaction
	status, text, err := a.call(ctx, http.MethodGet, "/transaction?"+q.Encode(), nil, &rows)
	if err != nil || status != http.StatusOK {
		return nil, "", errors.Join(err, fmt.Errorf("the answer of Paystack has status %d: %s", status, text))
	}
	for _, x := range rows {
		if n, err := x.notice(); err == nil && (x.Status == "success" || x.Status == "reversed") {
			paid = append(paid, n)
		}
	}
	if len(rows) == pageSize {
		next = strconv.Itoa(number + 1)
	}
	return paid, next, nil
}
