// Package sms reads the texts that a till's telephone gets for each payment, forwarded by an app on that telephone. Patterns in the
// configuration say what the texts mean, so a new operator or a new wording needs no program.
//
// The operator cannot be asked. Whoever holds the telephone or its secret can invent payments, up to the ceilings of the provider.
package sms

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/outbound"
)

// Kind is the name of this kind of provider.
const Kind = "sms"

// Config is the configuration of a provider, without secrets.
type Config struct {
	Senders  []string  `json:"senders"` // whose texts count, such as MPESA
	Currency string    `json:"currency"`
	Zone     string    `json:"time_zone,omitempty"` // of the times in the texts; default UTC
	Patterns []Pattern `json:"patterns"`            // the first that fits counts
}

// Pattern says what a text means.
type Pattern struct {
	// Text is a regular expression for the beginning of a text. Its named groups are txn and amount, and if the text has them reference,
	// payer, date and time.
	Text string `json:"text"`
	// Layout is how date and time are written, as in Go: "2/1/06 3:04 PM".
	Layout string `json:"layout,omitempty"`
	// Says is what the texts say: Paid, Undone or Nothing.
	Says string `json:"says,omitempty"`
}

// What texts say.
const (
	Paid    = ""        // a payment was taken
	Undone  = "undone"  // a payment was given back
	Nothing = "nothing" // nothing about a payment
)

// Secrets are the secrets of a provider.
type Secrets struct {
	Secret string `json:"secret"` // the app signs with it
}

// Limits of a configuration.
const (
	maxPatterns = 20
	maxPattern  = 1000 // bytes
	minSecret   = 32   // bytes
)

// tolerance is how far a call's time may be from the present (docs/reference/sms-gateway.md).
const tolerance = 5 * time.Minute

// adapter implements [payment.Adapter].
type adapter struct {
	config   Config
	secret   string
	currency money.Currency
	zone     *time.Location
	patterns []*regexp.Regexp
	client   *outbound.Client
}

// Open makes the adapter of a provider.
func Open(s payment.Setup, client *outbound.Client) (payment.Adapter, error) {
	a := adapter{client: client}
	var secrets Secrets
	if err := outbound.Settings(s, &a.config, &secrets); err != nil {
		return nil, err
	}
	var known bool
	if a.currency, known = money.CurrencyOf(a.config.Currency); !known {
		return nil, errors.New("config: currency is not one of ISO 4217")
	}
	var err error
	if a.zone, err = localday.LoadZone(a.config.Zone); err != nil {
		return nil, fmt.Errorf("config: time_zone: %w", err)
	}
	if a.secret = secrets.Secret; len(a.secret) < minSecret {
		return nil, fmt.Errorf("secrets: secret has fewer than %d bytes", minSecret)
	}
	if len(a.config.Senders) == 0 {
		return nil, errors.New("config: senders is missing")
	}
	if n := len(a.config.Patterns); n == 0 || n > maxPatterns {
		return nil, fmt.Errorf("config: 1 to %d patterns are needed", maxPatterns)
	}
	for i, p := range a.config.Patterns {
		compiled, err := p.compile()
		if err != nil {
			return nil, fmt.Errorf("config: pattern %d: %w", i+1, err)
		}
		a.patterns = append(a.patterns, compiled)
	}
	return a, nil
}

// compile checks a pattern. It fits only at the beginning of a text, because a payer chooses what stands at the end.
func (p Pattern) compile() (*regexp.Regexp, error) {
	if len(p.Text) > maxPattern {
		return nil, fmt.Errorf("longer than %d bytes", maxPattern)
	}
	r, err := regexp.Compile(`^(?:` + p.Text + `)`)
	switch {
	case err != nil:
		return nil, err
	case !slices.Contains([]string{Paid, Undone, Nothing}, p.Says):
		return nil, fmt.Errorf("says is %q or %q, or missing for a payment", Undone, Nothing)
	case p.Says != Nothing && (r.SubexpIndex("txn") < 0 || r.SubexpIndex("amount") < 0):
		return nil, errors.New("it needs the groups txn and amount")
	}
	return r, nil
}

// Prove checks the signature and the time of a call.
func (a adapter) Prove(in payment.Incoming) error {
	header := http.Header(in.Header)
	stamp := header.Get("Paywatt-Timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return errors.New("the header Paywatt-Timestamp is missing")
	}
	if off := a.client.Now().Sub(time.Unix(seconds, 0)).Abs(); off > tolerance {
		return fmt.Errorf("the call's time differs by %s", off.Round(time.Second))
	}
	coded, versioned := strings.CutPrefix(header.Get("Paywatt-Signature"), "v1=")
	got, err := hex.DecodeString(coded)
	if !versioned || err != nil || !hmac.Equal(got, Sign(a.secret, stamp, in.Body)) {
		return errors.New("the signature does not fit")
	}
	return nil
}

// Sign returns the signature of a call: HMAC-SHA-256 over its time, the word in and its body, separated by dots.
func Sign(secret, stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + ".in."))
	mac.Write(body)
	return mac.Sum(nil)
}

// Read reads a forwarded text. Texts of other senders have no notices. A text of a right sender that no pattern fits is an error, because a
// person must see whether the operator changed its wording.
func (a adapter) Read(in payment.Incoming) ([]payment.Notice, error) {
	var m struct {
		From, Text string
		At         time.Time
	}
	if err := json.Unmarshal(in.Body, &m); err != nil {
		return nil, errors.New("not the JSON of a text")
	}
	if !slices.ContainsFunc(a.config.Senders, func(sender string) bool { return strings.EqualFold(sender, m.From) }) {
		return nil, nil
	}
	for i, r := range a.patterns {
		found := r.FindStringSubmatch(m.Text)
		if found == nil {
			continue
		}
		p := a.config.Patterns[i]
		if p.Says == Nothing {
			return nil, nil
		}
		n, err := a.notice(p, m.At, func(group string) string {
			if at := r.SubexpIndex(group); at >= 0 {
				return strings.TrimSpace(found[at])
			}
			return ""
		})
		if err != nil {
			return nil, err
		}
		return []payment.Notice{n}, nil
	}
	return nil, errors.New("no pattern fits this text of " + m.From)
}

// notice makes the notice of a text from its groups. If the time in the text cannot be read, that of its arrival counts.
func (a adapter) notice(p Pattern, at time.Time, group func(string) string) (payment.Notice, error) {
	amount, err := money.Parse(group("amount"), a.currency)
	if err != nil {
		return payment.Notice{}, fmt.Errorf("the amount: %w", err)
	}
	if p.Layout != "" {
		if paid, err := time.ParseInLocation(p.Layout, strings.TrimSpace(group("date")+" "+group("time")), a.zone); err == nil {
			at = paid
		}
	}
	n := payment.Notice{Kind: payment.Paid, Txn: group("txn"), Amount: money.Amount{Minor: amount, Currency: a.currency.Code}, Reference: group("reference"),
		Payer: group("payer"), PaidAt: at, Signed: true}
	if p.Says == Undone {
		n.Kind = payment.Undone
	}
	return n, nil
}

// Reply is an empty success.
func (a adapter) Reply(payment.Incoming) payment.Reply {
	return payment.Reply{Status: http.StatusNoContent}
}

// Rules says what the operator's names are like. Operators print receipts in capital letters, and an app or a person may write them small.
func (a adapter) Rules() payment.Rules { return payment.Rules{Names: payment.UpperName} }

// Asks reports that the operator cannot be asked.
func (a adapter) Asks() bool { return false }

// Ask always fails.
func (a adapter) Ask(context.Context, payment.Payment) (payment.Answer, error) {
	return payment.Answer{}, errors.New("payments by SMS cannot be asked about")
}
