// Package gateway is a route through any gateway that speaks HTTP: an app on a telephone, an aggregator, a script. Both
// directions are JSON, signed with a secret that both sides hold; docs/reference/sms-gateway.md describes them with
// examples.
//
// Start with [New]; [Client.Send] sends, [Client.Incoming] and [Client.Reports] are the hooks. What it promises:
//   - A message carries its own ID as idempotency key, the same at every try. A gateway that sends each ID only once never sends a message
//     twice.
//   - An incoming message or report counts only with a fresh signature over its exact bytes, made for that direction. A repetition has the
//     same gateway id and changes nothing.
//   - The gateway gets 204 only once the message or report is durable, and 503 before that.
package gateway

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/paywatt/paywatt/internal/gsm/hook"
	"github.com/paywatt/paywatt/internal/gsm/pdu"
	"github.com/paywatt/paywatt/internal/notify"
)

// Headers of both directions.
const (
	HeaderTimestamp = "Paywatt-Timestamp" // seconds since 1970
	HeaderSignature = "Paywatt-Signature" // "v1=" and 64 hexadecimal digits
	HeaderKey       = "Idempotency-Key"
)

// These are the purposes of a signature. The purpose is part of the signed text, so that nobody can send the server's own messages back to
// it.
const (
	ForSend    = "send"
	ForMessage = "in"
	ForReport  = "report"
)

// Limits of the route.
const (
	MinSecret = 32               // octets of the secret
	Fresh     = 5 * time.Minute  // largest difference between a signature's time and the server's, in both directions
	sendTime  = 30 * time.Second // the time that the gateway has to answer
	takeLimit = 10 * time.Second // the time that the Inbox has for one call of a hook
)

// Config configures a route. Name, URL, Secret and Inbox are required.
type Config struct {
	Name      string // the route's name
	URL       string // address to which messages are posted
	Secret    string // signs both directions; at least MinSecret octets
	From      string // the number or name to send from, if the gateway has several
	PlainHTTP bool   // the route to the gateway is trusted although it is neither https nor private
	Inbox     notify.Inbox
	Log       *slog.Logger
	Now       func() time.Time // default time.Now
}

// Client is a route through one gateway.
type Client struct {
	cfg  Config
	url  *url.URL
	http *http.Client
}

var _ notify.Route = (*Client)(nil)

// New checks a configuration.
func New(cfg Config) (*Client, error) {
	if cfg.Name == "" || cfg.Inbox == nil {
		return nil, fmt.Errorf("http route %s: name and inbox are needed", cfg.Name)
	}
	if len(cfg.Secret) < MinSecret {
		return nil, fmt.Errorf("http route %s: the secret has %d octets, at least %d are needed", cfg.Name, len(cfg.Secret), MinSecret)
	}
	u, err := hook.URL(cfg.URL, cfg.PlainHTTP)
	if err != nil {
		return nil, fmt.Errorf("http route %s: url: %w", cfg.Name, err)
	}
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Client{cfg: cfg, url: u, http: hook.NewClient()}, nil
}

// Name is the route's name.
func (c *Client) Name() string { return c.cfg.Name }

// Sign returns the signature: HMAC-SHA-256 over the timestamp, the purpose and the body, joined by full stops.
func Sign(secret, timestamp, purpose string, body []byte) string {
	m := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(m, "%s.%s.", timestamp, purpose)
	m.Write(body)
	return "v1=" + hex.EncodeToString(m.Sum(nil))
}

// outgoing is the body that a gateway gets.
type outgoing struct {
	ID        string `json:"id"`
	To        string `json:"to"`
	From      string `json:"from,omitempty"`
	Text      string `json:"text"`
	Report    bool   `json:"report"`
	ValidityS int64  `json:"validity_s,omitempty"`
	Parts     int    `json:"parts"` // parts of the text, as a hint
}

// taken is the body of a gateway's answer, as far as it is read.
type taken struct {
	Reference string `json:"reference"`
	Parts     int    `json:"parts"`
}

// Send posts one message.
func (c *Client) Send(ctx context.Context, m notify.Outgoing) notify.Sent {
	to, err := pdu.ParseAddress(m.To)
	if err != nil || to.Type == pdu.Alphanumeric {
		return notify.Sent{Outcome: notify.Refused, Why: "the recipient is not a telephone number"}
	}
	parts := pdu.Measure(m.Text).Parts
	if parts > pdu.MaxParts {
		return notify.Sent{Outcome: notify.Refused, Why: fmt.Sprintf("the text takes %d messages, at most %d", parts, pdu.MaxParts)}
	}
	body, err := json.Marshal(outgoing{ID: m.ID, To: to.String(), From: c.cfg.From, Text: m.Text, Report: m.Report, ValidityS: int64(m.Validity / time.Second), Parts: parts})
	if err != nil {
		return notify.Sent{Outcome: notify.Refused, Why: "the text cannot be written as JSON"}
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url.String(), bytes.NewReader(body))
	if err != nil {
		return notify.Sent{Outcome: notify.Refused, Why: "the request cannot be made"}
	}
	at := strconv.FormatInt(c.cfg.Now().Unix(), 10)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(HeaderTimestamp, at)
	r.Header.Set(HeaderSignature, Sign(c.cfg.Secret, at, ForSend, body))
	r.Header.Set(HeaderKey, m.ID)
	if ctx.Err() != nil {
		return notify.Sent{Outcome: notify.NotSent, Why: "the waiting time ran out"}
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return hook.Failed(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, hook.MaxAnswer))
	if err != nil && resp.StatusCode < 300 {
		answer = nil // the gateway has the message; only its reference is lost
	}
	return judge(resp.StatusCode, answer, parts)
}

// judge turns a gateway's answer into the outcome of the message.
func judge(status int, body []byte, parts int) notify.Sent {
	why := hook.Clean(fmt.Sprintf("%d %s", status, body))
	switch status {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		var t taken
		_ = json.Unmarshal(body, &t) // without a body of this form there is no reference
		if len(t.Reference) > notify.MaxReference || strings.ContainsFunc(t.Reference, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Reference = ""
		}
		if t.Parts > 0 && t.Parts <= 255 {
			parts = t.Parts
		}
		return notify.Sent{Outcome: notify.Accepted, Reference: t.Reference, Parts: parts}
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		return notify.Sent{Outcome: notify.NotSent, Why: why, Closed: true} // the settings are wrong, not this message: the message waits
	case http.StatusTooEarly, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return notify.Sent{Outcome: notify.NotSent, Why: why}
	case http.StatusConflict, http.StatusRequestTimeout: // the gateway is still processing this ID, or has read only half of the request
		return notify.Sent{Outcome: notify.Unknown, Why: why}
	}
	if status >= 300 && status < 500 {
		return notify.Sent{Outcome: notify.Refused, Why: why}
	}
	return notify.Sent{Outcome: notify.Unknown, Why: why} // the gateway failed while it had the message
}
