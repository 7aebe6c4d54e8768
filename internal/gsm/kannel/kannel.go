// Package kannel is a route through Kannel, the gateway that many operators already run. Messages go to Kannel's sendsms interface.
// Kannel's smsbox calls two hooks, one for delivery reports and one for messages of customers.
//
// Start with [New]; [Client.Send] sends, [Client.Incoming] and [Client.Reports] are the hooks. What it promises:
//   - Accepted means only that Kannel has the message. Its reports give the outcome.
//   - A message is handed over once. If Kannel's answer is lost the outcome is unknown.
//   - Kannel gets 200 only once the message or report is durable, and 503 before that.
//
// After a 503, Kannel's smsbox (tested with 1.4.5) calls again with the same id every http-queue-delay seconds,
// http-request-retry times. The message or report is lost if there are no retries (the default), if the tries are used up, or
// if the smsbox is restarted meanwhile. So set both values high. A customer whose message was lost must send it again; a
// message without a report stays "sent". Reports come in any order, sometimes the last one first.
package kannel

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/hook"
	"github.com/paywatt/paywatt/internal/gsm/pdu"
	"github.com/paywatt/paywatt/internal/notify"
)

// Limits of the route.
const (
	MinSecret   = 16               // octets of the secret
	sendTime    = 30 * time.Second // the time that Kannel has to answer
	takeLimit   = 20 * time.Second // the time of one call of a hook, most of which a part may wait for the others
	everyReport = 31               // dlr-mask: delivered 1, failed 2, queued 4, accepted by the network 8, rejected 16
)

// Config configures a route. Name, URL, Username, Password, Secret and Inbox are required.
type Config struct {
	Name     string // the route's name
	URL      string // address of sendsms, such as http://127.0.0.1:13013/cgi-bin/sendsms
	Username string // username of a sendsms-user
	Password string
	SMSC     string // smsc-id of the connection that sends the messages; empty leaves the choice to Kannel
	From     string // sender; Kannel refuses messages without a sender unless it has a default sender
	// Callback is where Kannel reaches this server: the address of the hooks without /in and /report. If it is empty there are
	// no reports.
	Callback  string
	Secret    string // proves that a hook was called by Kannel; at least MinSecret octets
	PlainHTTP bool   // the route to Kannel is trusted although it is neither https nor private
	Inbox     notify.Inbox
	Log       *slog.Logger
}

// Client is a route through one Kannel.
type Client struct {
	cfg   Config
	url   *url.URL
	http  *http.Client
	parts *joiner
}

var _ notify.Route = (*Client)(nil)

// New checks a configuration.
func New(cfg Config) (*Client, error) {
	fail := func(format string, a ...any) (*Client, error) {
		return nil, fmt.Errorf("kannel route %s: "+format, append([]any{cfg.Name}, a...)...)
	}
	if cfg.Name == "" || cfg.Username == "" || cfg.Password == "" || cfg.Inbox == nil {
		return fail("name, username, password and inbox are needed")
	}
	if len(cfg.Secret) < MinSecret {
		return fail("the secret has %d octets, at least %d are needed", len(cfg.Secret), MinSecret)
	}
	for _, s := range []string{cfg.Username, cfg.Password, cfg.SMSC, cfg.From} {
		if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
			return fail("a setting has characters that a header cannot have")
		}
	}
	u, err := hook.URL(cfg.URL, cfg.PlainHTTP)
	if err != nil {
		return fail("url: %w", err)
	}
	if cfg.Callback != "" {
		// Plain HTTP is allowed. Kannel sends its reports to this address, and the only secret in a report is the mac of its message.
		back, err := hook.URL(cfg.Callback, true)
		if err != nil {
			return fail("callback: %w", err)
		}
		if strings.Contains(cfg.Callback, "%") || back.RawQuery != "" {
			return fail("callback: Kannel would take a %% for a field of its own, and a query has no place here")
		}
		cfg.Callback = strings.TrimRight(cfg.Callback, "/")
	}
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	return &Client{cfg: cfg, url: u, http: hook.NewClient(), parts: newJoiner(time.Now)}, nil
}

// Name is the route's name.
func (c *Client) Name() string { return c.cfg.Name }

// Send hands one message to Kannel. sendsms also accepts the fields as headers and the text as the body. Send uses both, because addresses
// end up in logs, and the text may hold a token.
func (c *Client) Send(ctx context.Context, m notify.Outgoing) notify.Sent {
	to, err := pdu.ParseAddress(m.To)
	if err != nil || to.Type == pdu.Alphanumeric {
		return notify.Sent{Outcome: notify.Refused, Why: "the recipient is not a telephone number"}
	}
	size := pdu.Measure(m.Text)
	if size.Parts > pdu.MaxParts {
		return notify.Sent{Outcome: notify.Refused, Why: fmt.Sprintf("the text takes %d messages, at most %d", size.Parts, pdu.MaxParts)}
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url.String(), strings.NewReader(m.Text))
	if err != nil {
		return notify.Sent{Outcome: notify.Refused, Why: "the request cannot be made"}
	}
	r.Header = c.header(m, to, size)
	if ctx.Err() != nil {
		return notify.Sent{Outcome: notify.NotSent, Why: "the waiting time ran out"}
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return hook.Failed(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, hook.MaxAnswer))
	if err != nil {
		return notify.Sent{Outcome: notify.Unknown, Why: hook.Clean("incomplete answer: " + resp.Status)}
	}
	s := judge(resp.StatusCode, string(body))
	if s.Outcome == notify.Accepted {
		s.Parts, s.Reference = size.Parts, m.ID
	}
	return s
}

// header returns the headers that sendsms accepts in place of a query.
func (c *Client) header(m notify.Outgoing, to pdu.Address, size pdu.Size) http.Header {
	h := http.Header{}
	set := func(name, value string) {
		if value != "" {
			h.Set("X-Kannel-"+name, value)
		}
	}
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	set("Username", c.cfg.Username)
	set("Password", c.cfg.Password)
	set("SMSC", c.cfg.SMSC)
	set("From", c.cfg.From)
	set("To", to.String())
	if size.Alphabet == pdu.UCS2 {
		set("Coding", "2")
	}
	if m.Validity > 0 {
		set("Validity", strconv.Itoa(int((m.Validity+time.Minute-1)/time.Minute)))
	}
	if m.Report && c.cfg.Callback != "" {
		set("DLR-Mask", strconv.Itoa(everyReport))
		set("DLR-Url", c.cfg.Callback+"/report?id="+url.QueryEscape(m.ID)+"&mac="+c.mac(m.ID)+"&state=%d&answer=%A")
	}
	return h
}

// mac proves that a report is about a message that this server gave to this Kannel.
func (c *Client) mac(id string) string {
	m := hmac.New(sha256.New, []byte(c.cfg.Secret))
	fmt.Fprintf(m, "report\n%s\n%s", c.cfg.Name, id)
	return hex.EncodeToString(m.Sum(nil)[:16])
}

// judge returns the outcome of an answer from sendsms. Kannel writes a number and words. The status alone is not enough,
// because any other program on that port might answer 202.
func judge(status int, body string) notify.Sent {
	why := hook.Clean(fmt.Sprintf("%d %s", status, body))
	switch {
	case status == http.StatusAccepted && (strings.HasPrefix(body, "0:") || strings.HasPrefix(body, "3:")):
		return notify.Sent{Outcome: notify.Accepted} // 3: queued, because the network is not connected now
	case status == http.StatusServiceUnavailable:
		return notify.Sent{Outcome: notify.NotSent, Why: why} // "Temporal failure, try again later."
	case status == http.StatusForbidden && strings.HasPrefix(body, "Authorization failed"), status == http.StatusUnauthorized,
		status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return notify.Sent{Outcome: notify.NotSent, Why: why, Closed: true} // the settings are wrong, not this message: the message waits
	case status >= 300 && status < 500:
		return notify.Sent{Outcome: notify.Refused, Why: why}
	}
	return notify.Sent{Outcome: notify.Unknown, Why: why}
}
