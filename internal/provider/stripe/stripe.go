// Package stripe takes payments on a page of Stripe Checkout. A payment has the name of its payment intent, which is the same in every message.
//
// Events prove themselves by their signature, but only Stripe's answer about the payment intent confirms a payment.
package stripe

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
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
const Kind = "stripe"

// Config is the configuration of a provider, without secrets.
type Config struct {
	URL        string `json:"url,omitempty"` // default https://api.stripe.com
	SuccessURL string `json:"success_url"`   // page that the customer sees after paying
	CancelURL  string `json:"cancel_url,omitempty"`
	Product    string `json:"product,omitempty"` // what the page says is bought; default Electricity
}

// Secrets are the secrets of a provider.
type Secrets struct {
	Key        string `json:"key"`                   // secret or restricted key of the API
	Signing    string `json:"signing"`               // "whsec_…" of the endpoint
	SigningOld string `json:"signing_old,omitempty"` // the secret before it, while both are in use
}

// tolerance is how far the time of a signature may be from the present (Stripe, "Verify webhook signatures").
const tolerance = 5 * time.Minute

// payFor is how long a customer may pay. It is less than the 24 hours for which Stripe remembers an idempotency key, so a request that is
// repeated later cannot open a second page.
const payFor = 23 * time.Hour

// adapter implements [payment.Requester] and [payment.Lister].
type adapter struct {
	config  Config
	secrets Secrets
	client  *outbound.Client
}

// Open makes the adapter of a provider.
func Open(s payment.Setup, client *outbound.Client) (payment.Adapter, error) {
	a := adapter{config: Config{URL: "https://api.stripe.com", Product: "Electricity"}, client: client}
	if err := outbound.Settings(s, &a.config, &a.secrets); err != nil {
		return nil, err
	}
	a.config.URL = strings.TrimRight(a.config.URL, "/")
	err := errors.Join(outbound.Address("url", a.config.URL), outbound.Address("success_url", a.config.SuccessURL))
	if a.config.CancelURL != "" {
		err = errors.Join(err, outbound.Address("cancel_url", a.config.CancelURL))
	}
	switch {
	case err != nil:
		return nil, err
	case a.secrets.Key == "" || !strings.HasPrefix(a.secrets.Signing, "whsec_"):
		return nil, errors.New("secrets: key and signing, which begins with whsec_, are needed")
	}
	return a, nil
}

// Prove checks the signature of an event and its time.
func (a adapter) Prove(in payment.Incoming) error {
	stamp, signed := "", [][]byte(nil)
	for _, part := range strings.Split(http.Header(in.Header).Get("Stripe-Signature"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			stamp = value
		case "v1":
			if mac, err := hex.DecodeString(value); err == nil {
				signed = append(signed, mac)
			}
		}
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return errors.New("the header Stripe-Signature has no time")
	}
	if off := a.client.Now().Sub(time.Unix(seconds, 0)).Abs(); off > tolerance {
		return fmt.Errorf("the time of the signature differs by %s", off.Round(time.Second))
	}
	for _, secret := range []string{a.secrets.Signing, a.secrets.SigningOld} {
		want := Sign(secret, stamp, in.Body)
		for _, got := range signed {
			if secret != "" && hmac.Equal(got, want) {
				return nil
			}
		}
	}
	return errors.New("no signature fits")
}

// Sign returns the signature of an event: HMAC-SHA-256 over its time and body, separated by a dot. The key is the secret as it is written.
func Sign(secret, stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	return mac.Sum(nil)
}

// Names of what we store with a session and its payment intent.
const (
	ourRequest   = "paywatt_request"
	ourReference = "paywatt_reference"
)

// session is a Checkout Session.
type session struct {
	ID            string
	Status        string
	PaymentStatus string `json:"payment_status"`
	Intent        named  `json:"payment_intent"`
	Amount        int64  `json:"amount_total"`
	Currency      string
	Reference     string `json:"client_reference_id"`
	URL           string
	Metadata      map[string]string
	Customer      struct{ Email, Name, Phone string } `json:"customer_details"`
}

// named is the name of an object, which Stripe may also write as the whole object.
type named string

// UnmarshalJSON reads a name, an object with an id, or null.
func (n *named) UnmarshalJSON(text []byte) error {
	var whole struct{ ID string }
	if json.Unmarshal(text, (*string)(n)) == nil {
		return nil
	}
	err := json.Unmarshal(text, &whole)
	*n = named(whole.ID)
	return err
}

// event is what Stripe posts, and what it lists.
type event struct {
	ID      string
	Type    string
	Created int64
	Data    struct{ Object json.RawMessage }
}

// Read reads an event. Events that do not say that money moved have no notices.
func (a adapter) Read(in payment.Incoming) ([]payment.Notice, error) {
	var e event
	if err := json.Unmarshal(in.Body, &e); err != nil {
		return nil, errors.New("not the JSON of an event")
	}
	n, is, err := e.notice()
	if err != nil || !is {
		return nil, err
	}
	n.Signed = true
	return []payment.Notice{n}, nil
}

// notice is what an event says about a payment; false means nothing.
func (e event) notice() (n payment.Notice, is bool, err error) {
	switch e.Type {
	case "checkout.session.completed", "checkout.session.async_payment_succeeded":
		var s session
		if err := json.Unmarshal(e.Data.Object, &s); err != nil {
			return n, false, fmt.Errorf("event %s has no session", e.ID)
		}
		if s.PaymentStatus != "paid" { // no_payment_required takes no money
			return n, false, nil
		}
		n, err = s.notice(time.Unix(e.Created, 0))
		return n, err == nil, err
	case "checkout.session.async_payment_failed", "checkout.session.expired":
		var s session
		if err := json.Unmarshal(e.Data.Object, &s); err != nil {
			return n, false, fmt.Errorf("event %s has no session", e.ID)
		}
		return payment.Notice{Kind: payment.Decided, Request: s.ID}, true, nil
	case "charge.refunded", "charge.dispute.created", "charge.dispute.funds_withdrawn": // a charge or a dispute
		var o struct {
			Intent   named `json:"payment_intent"`
			Amount   int64
			Returned *int64 `json:"amount_refunded"` // of a charge, in all; a dispute has none
			Currency string
			Metadata map[string]string
		}
		if err := json.Unmarshal(e.Data.Object, &o); err != nil || o.Intent == "" {
			return n, false, fmt.Errorf("event %s names no payment intent", e.ID)
		}
		if o.Returned != nil {
			o.Amount = *o.Returned
		}
		amount, err := amountOf(o.Amount, o.Currency)
		return payment.Notice{Kind: payment.Undone, Txn: string(o.Intent), Amount: amount, Reference: o.Metadata[ourReference], Request: o.Metadata[ourRequest]}, err == nil, err
	}
	return n, false, nil
}

// notice says that the payment of a session was taken at a time.
func (s session) notice(at time.Time) (payment.Notice, error) {
	amount, err := amountOf(s.Amount, s.Currency)
	if err == nil && s.Intent == "" {
		err = fmt.Errorf("session %s has no payment intent", s.ID)
	}
	n := payment.Notice{Kind: payment.Paid, Txn: string(s.Intent), Amount: amount, Reference: s.Reference, PaidAt: at.UTC(), Request: s.Metadata[ourRequest]}
	for _, who := range []string{s.Customer.Name, s.Customer.Email, s.Customer.Phone} { // the last that is known
		if who != "" {
			n.Payer = who
		}
	}
	return n, err
}

// Decimals of Stripe's units where they differ from two (Stripe, "Supported currencies"). ISK and UGX have no decimals, but Stripe wants two.
const (
	zeroDecimals  = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
	threeDecimals = "BHD JOD KWD OMR TND"
)

// decimals returns how many decimals Stripe's unit of a currency has.
func decimals(currency string) int {
	switch currency = strings.ToUpper(currency); {
	case strings.Contains(zeroDecimals, currency):
		return 0
	case strings.Contains(threeDecimals, currency):
		return 3
	}
	return 2
}

func amountOf(units int64, currency string) (money.Amount, error) {
	return outbound.AmountOf(units, decimals(currency), currency)
}

// Reply is an empty success.
func (a adapter) Reply(payment.Incoming) payment.Reply {
	return payment.Reply{Status: http.StatusNoContent}
}

// Rules says what Stripe's names and answers are like.
func (a adapter) Rules() payment.Rules {
	return payment.Rules{Names: payment.ExactName, Answers: []payment.AnswerRule{
		{Aspect: payment.OfName, Source: payment.InAnswer, Field: "id", Fits: payment.SameName(payment.ExactName)},
		{Aspect: payment.OfReceiver, Source: payment.InAnswer, Field: "transfer_data.destination", Fits: func(string, payment.Payment) bool { return false }}, // another account's money
		{Aspect: payment.OfDirection, Source: payment.ByQuestion, Field: "a payment intent"},
		{Aspect: payment.OfKind, Source: payment.InAnswer, Field: "object", Fits: func(said string, _ payment.Payment) bool { return said == "payment_intent" }},
		{Aspect: payment.OfCurrency, Source: payment.InAnswer, Field: "currency"},
		{Aspect: payment.OfReference, Source: payment.InAnswer, Field: "metadata." + ourReference},
	}}
}

// Asks reports that Stripe can be asked.
func (a adapter) Asks() bool { return true }

// call sends a request and reads the answer if its status is 200. Of the other answers, it returns Stripe's text.
func (a adapter) call(ctx context.Context, method, path, key string, form url.Values, to any) (status int, text string, err error) {
	header := http.Header{"Authorization": {"Bearer " + a.secrets.Key}}
	if form != nil {
		header.Set("Content-Type", "application/x-www-form-urlencoded")
		header.Set("Idempotency-Key", key)
	}
	got, err := a.client.Do(ctx, method, a.config.URL+path, header, []byte(form.Encode()))
	if err != nil {
		return 0, "", err
	}
	if got.Status == http.StatusOK {
		return got.Status, "", got.Into(to)
	}
	var no struct {
		Error struct{ Code, Message string }
	}
	if err := got.Into(&no); err != nil {
		return got.Status, "", err
	}
	return got.Status, strings.TrimSpace(no.Error.Code + " " + no.Error.Message), nil
}

// answer is a payment intent.
type answer struct {
	ID       string
	Object   string
	Status   string
	Transfer struct{ Destination named } `json:"transfer_data"`
	Received int64                       `json:"amount_received"`
	Currency string
	Created  int64
	Metadata map[string]string
	Charge   struct {
		Refunded, Disputed bool
		Returned           int64 `json:"amount_refunded"`
		Created            int64
	} `json:"latest_charge"`
}

// Ask asks for the payment intent. A payment is given back when its charge is wholly refunded or disputed.
func (a adapter) Ask(ctx context.Context, p payment.Payment) (payment.Answer, error) {
	var i answer
	status, text, err := a.call(ctx, http.MethodGet, "/v1/payment_intents/"+url.PathEscape(p.Txn)+"?expand[]=latest_charge", "", nil, &i)
	switch {
	case err != nil:
		return payment.Answer{}, err
	case status == http.StatusNotFound:
		return payment.Answer{Outcome: payment.Never}, nil
	case status != http.StatusOK:
		return payment.Answer{}, fmt.Errorf("the answer of Stripe has status %d: %s", status, text)
	case i.ID == "":
		return payment.Answer{}, errors.New("the answer of Stripe names no payment intent")
	}
	said := map[payment.Aspect][]string{payment.OfName: {i.ID}, payment.OfReceiver: {string(i.Transfer.Destination)}, payment.OfKind: {i.Object}}
	switch {
	case i.Status == "processing":
		return payment.Answer{Outcome: payment.Pending}, nil
	case i.Status != "succeeded":
		return payment.Answer{Outcome: payment.Never, Said: said}, nil
	case i.Charge.Refunded || i.Charge.Disputed:
		return payment.Answer{Outcome: payment.Back, Said: said}, nil
	}
	amount, err := amountOf(i.Received, i.Currency)
	if err != nil {
		return payment.Answer{}, err
	}
	part := money.Amount{}
	if i.Charge.Returned > 0 {
		part, err = amountOf(i.Charge.Returned, i.Currency)
	}
	return payment.Answer{Outcome: payment.Took, Amount: amount, Part: part, Reference: i.Metadata[ourReference], Said: said}, err
}

// Repeats reports that a request may be sent again: Stripe answers an idempotency key as it did the first time.
func (a adapter) Repeats() bool { return true }

// OnPage is true: the customer pays on a page of the provider.
func (a adapter) OnPage() bool { return true }

// Request opens a page on which the customer pays.
func (a adapter) Request(ctx context.Context, r payment.Request) (payment.RequestAnswer, error) {
	units, err := outbound.Units(r.Amount, decimals(r.Amount.Currency))
	if err != nil {
		return payment.RequestAnswer{Refused: err.Error()}, nil
	}
	form := url.Values{"mode": {"payment"}, "success_url": {a.config.SuccessURL}, "client_reference_id": {r.Reference},
		"expires_at":              {strconv.FormatInt(r.MadeAt.Add(payFor).Unix(), 10)},
		"line_items[0][quantity]": {"1"}, "line_items[0][price_data][unit_amount]": {strconv.FormatInt(units, 10)},
		"line_items[0][price_data][currency]":           {strings.ToLower(r.Amount.Currency)},
		"line_items[0][price_data][product_data][name]": {strings.TrimSpace(a.config.Product + " " + r.Reference)}}
	if a.config.CancelURL != "" {
		form.Set("cancel_url", a.config.CancelURL)
	}
	for _, of := range []string{"metadata", "payment_intent_data[metadata]"} {
		form.Set(of+"["+ourRequest+"]", r.Name)
		form.Set(of+"["+ourReference+"]", r.Reference)
	}
	var s session
	status, text, err := a.call(ctx, http.MethodPost, "/v1/checkout/sessions", "paywatt "+r.Name, form, &s)
	switch {
	case err != nil:
		return payment.RequestAnswer{}, err
	case status == http.StatusOK && s.ID != "":
		return payment.RequestAnswer{Handle: s.ID, Page: s.URL}, nil
	case status/100 == 4 && status != http.StatusConflict && status != http.StatusTooManyRequests:
		return payment.RequestAnswer{Refused: text}, nil
	}
	return payment.RequestAnswer{}, fmt.Errorf("the answer of Stripe has status %d: %s", status, text)
}

// Follow asks what became of a session. If its name is not known, the same request is sent again, which answers with the same session.
func (a adapter) Follow(ctx context.Context, r payment.Request) (payment.RequestOutcome, error) {
	if r.Handle == "" {
		said, err := a.Request(ctx, r)
		if err != nil || said.Refused != "" {
			return payment.RequestOutcome{State: payment.RequestUnknown, Reason: said.Refused}, err
		}
		r.Handle = said.Handle
	}
	var s session
	status, text, err := a.call(ctx, http.MethodGet, "/v1/checkout/sessions/"+url.PathEscape(r.Handle), "", nil, &s)
	switch {
	case err != nil:
		return payment.RequestOutcome{}, err
	case status == http.StatusNotFound:
		return payment.RequestOutcome{State: payment.RequestUnknown}, nil
	case status != http.StatusOK || s.ID != r.Handle:
		return payment.RequestOutcome{}, fmt.Errorf("the answer of Stripe has status %d: %s", status, text)
	case s.Status == "expired":
		return payment.RequestOutcome{State: payment.RequestFailed, Reason: "the page expired"}, nil
	case s.Status != "complete":
		return payment.RequestOutcome{State: payment.RequestOpen}, nil
	}
	return a.completed(ctx, s)
}

// completed says what became of a session that the customer completed. A slow way of paying may still fail.
func (a adapter) completed(ctx context.Context, s session) (payment.RequestOutcome, error) {
	n, err := s.notice(time.Time{})
	if err != nil {
		return payment.RequestOutcome{}, err
	}
	if s.PaymentStatus == "paid" {
		return payment.RequestOutcome{State: payment.RequestPaid, Paid: n}, nil
	}
	said, err := a.Ask(ctx, payment.Payment{Txn: n.Txn})
	switch {
	case err != nil:
		return payment.RequestOutcome{}, err
	case said.Outcome == payment.Pending:
		return payment.RequestOutcome{State: payment.RequestOpen}, nil
	case said.Outcome == payment.Never:
		return payment.RequestOutcome{State: payment.RequestFailed, Reason: "the payment failed"}, nil
	}
	return payment.RequestOutcome{State: payment.RequestPaid, Paid: n}, nil
}

// Back is how far back Stripe lists events.
func (a adapter) Back() time.Duration { return 30 * 24 * time.Hour }

// List lists the events that say that a payment was taken. The name of a page is that of the last event before it.
func (a adapter) List(ctx context.Context, from, to time.Time, page string) (paid []payment.Notice, next string, err error) {
	q := url.Values{"limit": {strconv.Itoa(payment.MaxNotices)}, "created[gte]": {strconv.FormatInt(from.Unix(), 10)}, "created[lte]": {strconv.FormatInt(to.Unix(), 10)},
		"types[]": {"checkout.session.completed", "checkout.session.async_payment_succeeded"}}
	if page != "" {
		q.Set("starting_after", page)
	}
	var list struct {
		Data []event
		More bool `json:"has_more"`
	}
	status, text, err := a.call(ctx, http.MethodGet, "/v1/events?"+q.Encode(), "", nil, &list)
	if err != nil || status != http.StatusOK {
		return nil, "", errors.Join(err, fmt.Errorf("the answer of Stripe has status %d: %s", status, text))
	}
	for _, e := range list.Data {
		if n, is, err := e.notice(); err == nil && is && n.Kind == payment.Paid { // one that cannot be read must not hide the others
			paid = append(paid, n)
		}
		next = e.ID
	}
	if !list.More {
		next = ""
	}
	return paid, next, nil
}
