// Package poster posts events to the addresses of webhooks. Whoever adds a webhook chooses an address that this server calls, so the address
// must not lead to programs inside: it is checked when it is dialled, after its name was resolved, and redirects are not followed.
package poster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/paywatt/paywatt/internal/dial"
	"github.com/paywatt/paywatt/internal/reach"
	"github.com/paywatt/paywatt/internal/webhook"
)

// Limits of a request.
const (
	dialTime   = 10 * time.Second
	answerTime = time.Second // for the rest of an answer, after its status came
	readMost   = 4 << 10     // bytes of an answer
	maxHeader  = 16 << 10    // bytes of an answer's header
	idleTime   = 90 * time.Second
	maxIdle    = 4 // connections that are kept open for one address
)

// errEndless means that the status of an answer came, but not its end.
var errEndless = errors.New("the answer did not end")

// Poster posts events. It keeps connections to public and to private addresses apart.
type Poster struct {
	public, private *http.Client
	now             func() time.Time
}

// New makes a Poster. The parameter resolver may be nil for the system's. The parameter now is for answers that name a time to wait for.
func New(resolver *net.Resolver, now func() time.Time) *Poster {
	return &Poster{public: client(resolver, reach.Internet), private: client(resolver, reach.Anywhere), now: now}
}

// client makes a client that dials what a reach allows. No proxy of the environment is used: it would dial instead.
func client(resolver *net.Resolver, r reach.Reach) *http.Client {
	t := dial.New(r, dialTime, resolver).Transport()
	// The deliverer limits the connections for each webhook. A limit for each host would let a webhook delay another one on the same host.
	t.MaxResponseHeaderBytes, t.MaxIdleConnsPerHost, t.IdleConnTimeout, t.DisableCompression = maxHeader, maxIdle, idleTime, true
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Post posts an event once.
func (p *Poster) Post(ctx context.Context, r webhook.Request) webhook.Answer {
	c := p.public
	if r.AllowPrivate {
		c = p.private
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, strings.NewReader(r.Body))
	if err != nil {
		return webhook.Answer{Err: "not an address"}
	}
	if req.URL.Scheme != "https" && !r.AllowPrivate {
		return webhook.Answer{Err: "not https"}
	}
	req.GetBody = nil // an attempt is one request: the transport must not repeat it by itself
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Paywatt-Webhooks/1")
	req.Header.Set("Webhook-Id", r.Event)
	req.Header.Set("Webhook-Timestamp", strconv.FormatInt(r.At.Unix(), 10))
	req.Header.Set("Webhook-Signature", r.Signature)
	resp, err := c.Do(req)
	if err != nil {
		return webhook.Answer{Err: why(err)}
	}
	defer resp.Body.Close()
	late := time.AfterFunc(answerTime, func() { stop(errEndless) })
	defer late.Stop()
	body, err := io.ReadAll(io.LimitReader(resp.Body, readMost))
	a := webhook.Answer{Status: resp.StatusCode, Text: plain(body), RetryAfter: p.retryAfter(resp.Header.Get("Retry-After"))}
	if err != nil && len(body) == 0 && a.Status < 300 { // the status came, so the event arrived; the rest of the answer does not matter
		a.Text = "(" + why(err) + ")"
	}
	return a
}

// why says in a few words what went wrong. The address is left out: the endpoint names it.
func why(err error) string {
	var dns *net.DNSError
	switch {
	case errors.Is(err, reach.ErrPrivate):
		return reach.ErrPrivate.Error()
	case errors.Is(err, reach.ErrNever):
		return reach.ErrNever.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %d s", int(webhook.PostTime.Seconds()))
	case errors.As(err, &dns):
		return "the name cannot be resolved"
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return plain([]byte(err.Error()))
}

// retryAfter reads the header Retry-After: seconds, or a date. It returns 0 for anything else.
func (p *Poster) retryAfter(text string) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(p.now()), 0)
	}
	return 0
}

// plain returns a text without characters that a terminal or a page might act on.
func plain(text []byte) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(text), "")))
}
