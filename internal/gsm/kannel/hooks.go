package kannel

import (
	"context"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/gsm/hook"
	"github.com/paywatt/paywatt/internal/gsm/pdu"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/notify"
)

// Incoming is the hook that Kannel's sms-service calls for each message:
//
//	get-url = "…/in?key=SECRET&from=%p&to=%P&text=%b&coding=%c&ts=%t&id=%I&udh=%u"
//
// %b is the unchanged text, in UTF-8, or in UTF-16 if coding is 2. Do not use %a: Kannel splits it into words at every octet
// 0x20, even inside a UTF-16 character.
//
// The answer is empty, so that Kannel sends nothing back. Set omit-empty and max-messages = 0 in Kannel's configuration, or Kannel sends an
// apology instead.
func (c *Client) Incoming() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, ok := query(w, r)
		if !ok {
			return
		}
		if !hook.Same(q.Get("key"), c.cfg.Secret) {
			c.cfg.Log.Info("hook refused", logkey.Reason, "wrong key") // anybody can cause this
			http.Error(w, "wrong key", http.StatusForbidden)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), takeLimit)
		defer cancel()
		c.answer(w, r, c.take(ctx, q))
	})
}

// query reads what Kannel sent. It reads the query of the address only.
func query(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "call with GET", http.StatusMethodNotAllowed)
		return nil, false
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		http.Error(w, "the query cannot be read", http.StatusBadRequest)
	}
	return q, err == nil
}

// take stores a message, or joins a part with the others. Whoever has the key is Kannel, and Kannel repeats what is refused for months. So
// a message that is not as it should be is stored as far as it can be read.
func (c *Client) take(ctx context.Context, q url.Values) error {
	store := func(m notify.Incoming) error { return c.cfg.Inbox.Receive(ctx, m) }
	m, body := c.read(q)
	if part, ok := body.Concat(); !ok || part.Total == 1 {
		return store(m)
	}
	from, err := pdu.ParseAddress(m.From)
	if err != nil {
		from = pdu.Address{Text: m.From}
	}
	d := pdu.Deliver{From: from, Body: body}
	d.At, _ = pdu.StampOf(m.At) // a message without a time has none
	return c.parts.take(ctx, d, m, store)
}

// codings of Kannel's %c.
const (
	codingOctets  = "1"
	codingUnicode = "2"
)

// read makes a message from the query, and its user data. Text and header are octets: Kannel passes them on as the sender wrote them.
func (c *Client) read(q url.Values) (notify.Incoming, pdu.Body) {
	text, id := q.Get("text"), q.Get("id")
	var body pdu.Body
	switch q.Get("coding") {
	case codingUnicode:
		body = pdu.Body{DCS: pdu.DCSUnicode, Data: []byte(text)}
	case codingOctets:
		body = pdu.Body{DCS: pdu.DCSOctets, Data: []byte(text)}
	default:
		body = pdu.UnicodeBody(strings.ToValidUTF8(text, "\uFFFD"))
	}
	body.Header = readHeader(q.Get("udh"))
	m := notify.Incoming{Route: c.cfg.Name, From: cut(hook.Number(q.Get("from")), hook.MaxName), To: cut(hook.Number(q.Get("to")), hook.MaxName)}
	m.Text, m.Missing = body.Alone()
	m.Text = cut(m.Text, hook.MaxIncoming)
	if at, err := time.Parse(time.DateTime, q.Get("ts")); err == nil {
		m.At = at // Kannel writes UTC
	}
	m.Identity = notify.IdentityOf("kannel", c.cfg.Name, id)
	if id == "" { // a get-url without %I
		m.Identity = notify.IdentityOf("kannel", c.cfg.Name, q.Get("from"), q.Get("to"), q.Get("ts"), m.Text)
	}
	return m, body
}

// cut shortens a text to at most n octets of whole characters.
func cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	for len(s) > n {
		_, last := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-last]
	}
	return s
}

// readHeader reads the header of a part. Kannel writes its octets as they are; some versions write them in hexadecimal. A header that cannot be read
// numbers no part.
func readHeader(udh string) []pdu.Element {
	octets := []byte(udh)
	if decoded, err := hex.DecodeString(udh); err == nil {
		octets = decoded
	}
	elements, err := pdu.ReadHeader(octets)
	if err != nil {
		return nil
	}
	return elements
}

// Reports is the hook that Kannel calls with delivery reports. Each message to Kannel carries the hook's address.
func (c *Client) Reports() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, ok := query(w, r)
		if !ok {
			return
		}
		id := q.Get("id")
		if len(id) > hook.MaxName || !hook.Same(q.Get("mac"), c.mac(id)) {
			c.cfg.Log.Info("hook refused", logkey.Reason, "wrong mac")
			http.Error(w, "wrong mac", http.StatusForbidden)
			return
		}
		state, known := stateOf(q.Get("state"))
		if !known { // it changes nothing, and Kannel would repeat it for months
			c.cfg.Log.Warn("report not understood", logkey.Reason, "unknown state "+hook.Clean(q.Get("state")))
		}
		report := notify.Report{Route: c.cfg.Name, ID: id, Reference: id, State: state}
		if state != notify.Delivered {
			report.Why = hook.Clean(q.Get("answer"))
		}
		ctx, cancel := context.WithTimeout(r.Context(), takeLimit)
		defer cancel()
		c.answer(w, r, c.cfg.Inbox.Report(ctx, report))
	})
}

// stateOf reads the state bit of a report.
func stateOf(bit string) (state notify.ReportState, known bool) {
	switch bit {
	case "1":
		return notify.Delivered, true
	case "2", "16":
		return notify.Failed, true
	case "4", "8":
		return notify.Trying, true
	}
	return notify.Trying, false
}

// answer tells Kannel whether the server has the message or report, so that Kannel may forget it.
func (c *Client) answer(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		if !access.ClientGone(r.Context(), err) { // Kannel calls again
			c.cfg.Log.Warn("message not stored", logkey.Err, err)
		}
		http.Error(w, "not stored, try again", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
}
