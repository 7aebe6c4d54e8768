// Package webhook hears payments from any program that signs its calls by Standard Webhooks 1.0.0, and can ask that program about them.
//
// The program sends a POST with the headers webhook-id, webhook-timestamp and webhook-signature, and this JSON:
//
//	{"type": "payment.taken", "timestamp": "2026-11-20T10:00:02Z",
//	 "data": {"id": "TX-1", "amount_minor": 50000, "currency": "KES", "reference": "0414 0001 001",
//	          "payer": "+254711000001", "status": "taken", "paid_at": "2026-11-20T10:00:00Z"}}
//
// The types payment.reversed, payment.refunded and payment.charged_back say that the program gave the payment back. Its answer to a question is
// the object data.
package webhook

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
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/outbound"
)

// Kind is the name of this kind of provider.
const Kind = "webhook"

// Config is the configuration of a provider, without secrets.
type Config struct {
	// AskURL is the address that answers about one payment, with {id} in it. Without it the signature confirms payments.
	AskURL string `json:"ask_url,omitempty"`
}

// Secrets are the secrets of a provider.
type Secrets struct {
	Signing    string `json:"signing"`               // "whsec_" and base64
	SigningOld string `json:"signing_old,omitempty"` // the secret before it, while both are in use
	Bearer     string `json:"bearer,omitempty"`      // sent with questions
}

// tolerance is how far a call's time may be from the present (Standard Webhooks 1.0.0, "Verifying webhook authenticity").
const tolerance = 5 * time.Minute

// minSecret is the shortest secret in bytes.
const minSecret = 24

// adapter implements [payment.Adapter].
type adapter struct {
	config  Config
	secrets Secrets
	keys    [][]byte
	client  *outbound.Client
}

// Open makes the adapter of a provider.
func Open(s payment.Setup, client *outbound.Client) (payment.Adapter, error) {
	a := adapter{client: client}
	if err := outbound.Settings(s, &a.config, &a.secrets); err != nil {
		return nil, err
	}
	if u := a.config.AskURL; u != "" && (outbound.Address("ask_url", u) != nil || !strings.Contains(u, "{id}")) {
		return nil, errors.New(`config: ask_url is not an address with {id} in it`)
	}
	for _, text := range []string{a.secrets.Signing, a.secrets.SigningOld} {
		if text == "" {
			continue
		}
		coded, marked := strings.CutPrefix(text, "whsec_")
		key, err := base64.StdEncoding.DecodeString(coded)
		if !marked || err != nil || len(key) < minSecret {
			return nil, fmt.Errorf("secrets: a signing secret is whsec_ and base64 of at least %d bytes", minSecret)
		}
		a.keys = append(a.keys, key)
	}
	if a.secrets.Signing == "" {
		return nil, errors.New("secrets: signing is missing")
	}
	return a, nil
}

// Prove checks the signature and the time of a call.
func (a adapter) Prove(in payment.Incoming) error {
	header := http.Header(in.Header)
	name, stamp := header.Get("Webhook-Id"), header.Get("Webhook-Timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if name == "" || err != nil {
		return errors.New("the headers webhook-id and webhook-timestamp are missing")
	}
	if off := a.client.Now().Sub(time.Unix(seconds, 0)).Abs(); off > tolerance {
		return fmt.Errorf("the call's time differs by %s", off.Round(time.Second))
	}
	for _, signed := range strings.Fields(header.Get("Webhook-Signature")) {
		coded, ours := strings.CutPrefix(signed, "v1,")
		got, err := base64.StdEncoding.DecodeString(coded)
		if !ours || err != nil {
			continue
		}
		for _, key := range a.keys {
			if hmac.Equal(got, Sign(key, name, stamp, in.Body)) {
				return nil
			}
		}
	}
	return errors.New("no signature fits")
}

// Sign returns the signature of a call: HMAC-SHA-256 over id, time and body, separated by dots.
func Sign(key []byte, name, stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(name + "." + stamp + "."))
	mac.Write(body)
	return mac.Sum(nil)
}

// paid is a payment as the program describes it, in a call and in an answer.
type paid struct {
	ID        string    `json:"id"`
	Amount    int64     `json:"amount_minor"`
	Currency  string    `json:"currency"`
	Reference string    `json:"reference"`
	Payer     string    `json:"payer"`
	Status    string    `json:"status"`
	PaidAt    time.Time `json:"paid_at"`
}

func (p paid) amount() money.Amount {
	return money.Amount{Minor: money.Minor(p.Amount), Currency: p.Currency}
}

// event begins the types of calls about payments; a status follows.
const event = "payment."

// outcomeOf says what a status means.
func outcomeOf(status string) payment.Outcome {
	switch status {
	case "taken":
		return payment.Took
	case "reversed", "refunded", "charged_back":
		return payment.Back
	}
	return payment.Pending
}

// Read reads a call. Types that do not say what became of a payment have no notices.
func (a adapter) Read(in payment.Incoming) ([]payment.Notice, error) {
	var body struct {
		Type string `json:"type"`
		Data paid   `json:"data"`
	}
	if err := json.Unmarshal(in.Body, &body); err != nil {
		return nil, fmt.Errorf("not the JSON of a payment: %w", err)
	}
	status, about := strings.CutPrefix(body.Type, event)
	kinds := map[payment.Outcome]payment.NoticeKind{payment.Took: payment.Paid, payment.Back: payment.Undone}
	kind, known := kinds[outcomeOf(status)]
	if !about || !known {
		return nil, nil
	}
	p := body.Data
	return []payment.Notice{{Kind: kind, Txn: p.ID, Amount: p.amount(), Reference: p.Reference, Payer: p.Payer, PaidAt: p.PaidAt, Signed: true}}, nil
}

// Reply is an empty success.
func (a adapter) Reply(payment.Incoming) payment.Reply {
	return payment.Reply{Status: http.StatusNoContent}
}

// Rules says what the program's names and answers are like. It answers with the object that its calls have.
func (a adapter) Rules() payment.Rules {
	r := payment.Rules{Names: payment.ExactName}
	if a.Asks() {
		const key = "the address and the bearer belong to one receiver"
		r.Answers = []payment.AnswerRule{
			{Aspect: payment.OfName, Source: payment.InAnswer, Field: "id", Fits: payment.SameName(payment.ExactName)},
			{Aspect: payment.OfReceiver, Source: payment.ByQuestion, Field: key},
			{Aspect: payment.OfDirection, Source: payment.ByQuestion, Field: key},
			{Aspect: payment.OfKind, Source: payment.ByQuestion, Field: key},
			{Aspect: payment.OfCurrency, Source: payment.InAnswer, Field: "currency"},
			{Aspect: payment.OfReference, Source: payment.InAnswer, Field: "reference"},
		}
	}
	return r
}

// Asks reports whether there is an address for questions.
func (a adapter) Asks() bool { return a.config.AskURL != "" }

// Ask asks for a payment by its name. 404 means that there is no such payment.
func (a adapter) Ask(ctx context.Context, p payment.Payment) (payment.Answer, error) {
	header := http.Header{}
	if a.secrets.Bearer != "" {
		header.Set("Authorization", "Bearer "+a.secrets.Bearer)
	}
	got, err := a.client.Do(ctx, http.MethodGet, strings.ReplaceAll(a.config.AskURL, "{id}", url.PathEscape(p.Txn)), header, nil)
	switch {
	case err != nil:
		return payment.Answer{}, err
	case got.Status == http.StatusNotFound:
		return payment.Answer{Outcome: payment.Never}, nil
	case got.Status != http.StatusOK:
		return payment.Answer{}, fmt.Errorf("the provider answers with status %d", got.Status)
	}
	var said paid
	if err := got.Into(&said); err != nil || said.ID == "" {
		return payment.Answer{}, errors.New("the provider's answer names no payment")
	}
	return payment.Answer{Outcome: outcomeOf(said.Status), Amount: said.amount(), PaidAt: said.PaidAt, Reference: said.Reference, Payer: said.Payer,
		Said: map[payment.Aspect][]string{payment.OfName: {said.ID}}}, nil
}
