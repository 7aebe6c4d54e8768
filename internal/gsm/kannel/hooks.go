package kannel

import (
	"context"
	"encoding/hex"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

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
			c.cfg.Log.Warn("hook refused", logkey.Reason, "wrong key")
			http.Error(w, "wrong key", http.StatusForbidden)
			return
		}
		m, status := c.read(q)
		if status != 0 {
			http.Error(w, http.StatusText(status), status)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), takeLimit)
		defer cancel()
		c.answer(w, c.cfg.Inbox.Receive(ctx, m))
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

// read makes a message from the query. If the query is wrong, it returns the HTTP status of the refusal, otherwise 0.
func (c *Client) read(q url.Values) (m notify.Incoming, status int) {
	m = notify.Incoming{Route: c.cfg.Name, From: hook.Number(q.Get("from")), To: hook.Number(q.Get("to")), Missing: missing(q.Get("udh"))}
	text, id := q.Get("text"), q.Get("id")
	if q.Get("coding") == "2" {
		b := pdu.Body{DCS: pdu.DCSUnicode, Data: []byte(text)}
		text = b.Text()
	}
	m.Text = text
	switch {
	case len(q.Get("text")) > hook.MaxIncoming, len(m.Text) > hook.MaxIncoming:
		return m, http.StatusRequestEntityTooLarge
	case m.From == "", len(m.From) > hook.MaxName, len(m.To) > hook.MaxName, len(id) > hook.MaxName, !utf8.ValidString(m.Text):
		return m, http.StatusBadRequest
	}
	if at, err := time.Parse(time.DateTime, q.Get("ts")); err == nil {
		m.At = at // Kannel writes UTC
	}
	m.Identity = notify.IdentityOf("kannel", c.cfg.Name, id)
	if id == "" { // a get-url without %I
		m.Identity = notify.IdentityOf("kannel", c.cfg.Name, q.Get("from"), q.Get("to"), q.Get("ts"), m.Text)
	}
	return m, 0
}

// missing returns how many parts a message lacks. Kannel joins parts itself; a part that still has its header waited too long for the other
// parts.
func missing(udh string) int {
	b := []byte(udh)
	if decoded, err := hex.DecodeString(udh); err == nil {
		b = decoded
	}
	switch {
	case len(b) >= 6 && b[1] == 0 && b[2] == 3 && b[4] > 1:
		return int(b[4]) - 1
	case len(b) >= 7 && b[1] == 8 && b[2] == 4 && b[5] > 1:
		return int(b[5]) - 1
	}
	return 0
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
			c.cfg.Log.Warn("hook refused", logkey.Reason, "wrong mac")
			http.Error(w, "wrong mac", http.StatusForbidden)
			return
		}
		state, err := stateOf(q.Get("state"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		report := notify.Report{Route: c.cfg.Name, ID: id, Reference: id, State: state}
		if state != notify.Delivered {
			report.Why = hook.Clean(q.Get("answer"))
		}
		ctx, cancel := context.WithTimeout(r.Context(), takeLimit)
		defer cancel()
		c.answer(w, c.cfg.Inbox.Report(ctx, report))
	})
}

// stateOf reads the state bit of a report.
func stateOf(bit string) (notify.ReportState, error) {
	switch bit {
	case "1":
		return notify.Delivered, nil
	case "2", "16":
		return notify.Failed, nil
	case "4", "8":
		return notify.Trying, nil
	}
	return notify.Trying, errNoState
}

// answer tells Kannel whether the server has the message or report, so that Kannel may forget it.
func (c *Client) answer(w http.ResponseWriter, err error) {
	if err != nil {
		c.cfg.Log.Warn("message not stored", logkey.Err, err)
		http.Error(w, "not stored, try again", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
}
