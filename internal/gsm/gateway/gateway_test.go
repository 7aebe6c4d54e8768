package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/gateway"
	"github.com/paywatt/paywatt/internal/notify"
)

const secret = "thirty-two octets of secret, at least"

// inbox is an Inbox that can be made to fail.
type inbox struct {
	err      error
	messages []notify.Incoming
	reports  []notify.Report
}

func (b *inbox) Receive(_ context.Context, m notify.Incoming) error {
	if b.err == nil {
		b.messages = append(b.messages, m)
	}
	return b.err
}

func (b *inbox) Report(_ context.Context, r notify.Report) error {
	if b.err == nil {
		b.reports = append(b.reports, r)
	}
	return b.err
}

func now() time.Time { return time.Date(2026, 11, 20, 16, 30, 0, 0, time.UTC) }

func newClient(t testing.TB, url string, box notify.Inbox) *gateway.Client {
	t.Helper()
	c, err := gateway.New(gateway.Config{Name: "phone1", URL: url, Secret: secret, From: "15555", Inbox: box, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAMessageIsPostedAndSigned(t *testing.T) {
	var got map[string]any
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if want := gateway.Sign(secret, "1795192200", "send", body); r.Header.Get("Paywatt-Signature") != want || r.Header.Get("Paywatt-Timestamp") != "1795192200" {
			t.Errorf("signed %v, want %s", r.Header, want)
		}
		if r.Header.Get("Idempotency-Key") != "msg_1" || r.Header.Get("Content-Type") != "application/json" || r.Method != "POST" {
			t.Errorf("%s %v", r.Method, r.Header)
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprint(w, `{"reference":"abc","parts":2}`)
	}))
	defer site.Close()
	s := newClient(t, site.URL, &inbox{}).Send(t.Context(), notify.Outgoing{ID: "msg_1", To: "+255711000001", Text: "*02#12345678901234567890", Report: true, Validity: time.Hour})
	if want := (notify.Sent{Outcome: notify.Accepted, Reference: "abc", Parts: 2}); s != want {
		t.Errorf("sent %+v, want %+v", s, want)
	}
	want := map[string]any{"id": "msg_1", "to": "+255711000001", "from": "15555", "text": "*02#12345678901234567890", "report": true, "validity_s": 3600.0, "parts": 1.0}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("posted %v, want %v", got, want)
	}
}

func TestAReferenceThatCannotBeStoredIsNone(t *testing.T) {
	for answer, want := range map[string]string{`{"reference":"a b"}`: "a b", `{"reference":"a\u0000"}`: "", `{"reference":"` + strings.Repeat("x", 101) + `"}`: "", `[]`: ""} {
		site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) }))
		s := newClient(t, site.URL, &inbox{}).Send(t.Context(), notify.Outgoing{ID: "msg_1", To: "+255711000001", Text: "x"})
		site.Close()
		if s.Outcome != notify.Accepted || s.Reference != want {
			t.Errorf("%.40s: %+v, want %q", answer, s, want)
		}
	}
}

// The signature must equal the output of `openssl dgst -sha256 -hmac` over the same bytes, as docs/reference/sms-gateway.md shows it.
func TestTheSignatureOfTheReference(t *testing.T) {
	const want = "v1=24902061400a78b6e328a240f7287540a7b899cd0da87204125df8fa6d41aca9"
	got := gateway.Sign("0123456789abcdef0123456789abcdef", "1795192200", "in", []byte(`{"id":"a1","from":"+255711000001","text":"BAL"}`))
	if got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

func TestEveryAnswerOfAGatewayHasItsOutcome(t *testing.T) {
	for status, want := range map[int]notify.Outcome{
		200: notify.Accepted, 201: notify.Accepted, 202: notify.Accepted, 204: notify.Accepted, 301: notify.Refused, 307: notify.Refused, 400: notify.Refused,
		401: notify.NotSent, 403: notify.NotSent, 404: notify.NotSent, 405: notify.NotSent, 408: notify.Unknown, 409: notify.Unknown, 422: notify.Refused, 425: notify.NotSent,
		429: notify.NotSent, 500: notify.Unknown, 502: notify.Unknown, 503: notify.NotSent, 504: notify.Unknown, 206: notify.Unknown,
	} {
		calls := 0
		site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			calls++
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			if status != 204 {
				fmt.Fprint(w, "not JSON, with *02#12345678901234567890")
			}
		}))
		s := newClient(t, site.URL, &inbox{}).Send(t.Context(), notify.Outgoing{ID: "msg_1", To: "+255711000001", Text: "x"})
		site.Close()
		settings := status == 401 || status == 403 || status == 404 || status == 405
		if s.Outcome != want || s.Closed != settings || strings.Contains(s.Why, "1234567890") || (s.Why == "") != (want == notify.Accepted) || calls != 1 {
			t.Errorf("%d: %+v after %d calls, want %v", status, s, calls, want)
		}
	}
	c := newClient(t, "http://127.0.0.1:1/", &inbox{})
	for _, m := range []notify.Outgoing{{To: "PAYWATT", Text: "x"}, {To: "+255711000001", Text: strings.Repeat("x", 1600)}} {
		if s := c.Send(t.Context(), m); s.Outcome != notify.Refused {
			t.Errorf("%v: %+v", m, s)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s := c.Send(ctx, notify.Outgoing{To: "+255711000001", Text: "x"}); s.Outcome != notify.NotSent {
		t.Errorf("without time: %+v", s)
	}
}

// post calls a hook with a signature that was made for a purpose and at a time.
func post(h http.Handler, purpose string, at time.Time, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/hooks/sms/phone1/in", strings.NewReader(body))
	stamp := strconv.FormatInt(at.Unix(), 10)
	r.Header.Set("Paywatt-Timestamp", stamp)
	r.Header.Set("Paywatt-Signature", gateway.Sign(secret, stamp, purpose, []byte(body)))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAMessageIsTakenWhenItIsDurable(t *testing.T) {
	box := &inbox{err: errors.New("no space on device")}
	h := newClient(t, "http://127.0.0.1:1/", box).Incoming()
	const body = `{"id":"a1","from":"255711000001","to":"15555","text":"BAL","at":"2026-11-20T19:29:58+03:00"}`
	if w := post(h, "in", now(), body); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("not stored, and answered %d", w.Code)
	}
	box.err = nil
	for range 2 { // the same request twice
		if w := post(h, "in", now().Add(-5*time.Minute), body); w.Code != http.StatusNoContent || w.Body.Len() != 0 {
			t.Errorf("answered %d %s", w.Code, w.Body)
		}
	}
	post(h, "in", now(), strings.Replace(body, "a1", "a2", 1))
	m := box.messages
	if len(m) != 3 || m[0].From != "+255711000001" || m[0].To != "15555" || m[0].Text != "BAL" || m[0].Route != "phone1" || !m[0].At.Equal(now().Add(-2*time.Second)) {
		t.Fatalf("stored %+v", m)
	}
	if m[0].Identity != m[1].Identity || m[0].Identity == m[2].Identity {
		t.Errorf("identities %x %x %x", m[0].Identity, m[1].Identity, m[2].Identity)
	}
}

func TestWhatIsNotSignedOrNotUnderstoodChangesNothing(t *testing.T) {
	box := &inbox{}
	c := newClient(t, "http://127.0.0.1:1/", box)
	const body = `{"id":"a1","from":"+255711000001","text":"BAL"}`
	text := func(n int) string { return `{"id":"a1","from":"1","text":"` + strings.Repeat("x", n) + `"}` }
	for name, x := range map[string]struct {
		w    *httptest.ResponseRecorder
		want int
	}{
		"signed for sending": {post(c.Incoming(), "send", now(), body), 401}, "signed as a report": {post(c.Incoming(), "report", now(), body), 401},
		"too old": {post(c.Incoming(), "in", now().Add(-301*time.Second), body), 401}, "too new": {post(c.Incoming(), "in", now().Add(301*time.Second), body), 401},
		"not UTF-8": {post(c.Incoming(), "in", now(), "{\"text\":\"\xff\"}"), 401}, "no JSON": {post(c.Incoming(), "in", now(), "{"), 422},
		"two values": {post(c.Incoming(), "in", now(), body+body), 422}, "an unknown field": {post(c.Incoming(), "in", now(), `{"sender":"x"}`), 422},
		"no id": {post(c.Incoming(), "in", now(), `{"from":"1","text":"x"}`), 422}, "nobody": {post(c.Incoming(), "in", now(), `{"id":"a","text":"x"}`), 422},
		"no text": {post(c.Incoming(), "in", now(), `{"id":"a","from":"1"}`), 422}, "a long text": {post(c.Incoming(), "in", now(), text(4097)), 422},
		"a huge body": {post(c.Incoming(), "in", now(), text(70_000)), 413}, "a state that is none": {post(c.Reports(), "report", now(), `{"id":"msg_1","state":"gone"}`), 422},
		"a report of nothing": {post(c.Reports(), "report", now(), `{"state":"delivered"}`), 422},
		"a long reference":    {post(c.Reports(), "report", now(), `{"reference":"`+strings.Repeat("x", 101)+`","state":"delivered"}`), 422},
	} {
		var p struct{ Detail string }
		if err := json.Unmarshal(x.w.Body.Bytes(), &p); err != nil || x.w.Code != x.want || p.Detail == "" {
			t.Errorf("%s: %d %s, want %d", name, x.w.Code, x.w.Body, x.want)
		}
	}
	for name, change := range map[string]func(*http.Request){
		"no signature": func(r *http.Request) { r.Header.Del("Paywatt-Signature") }, "another time": func(r *http.Request) { r.Header.Set("Paywatt-Timestamp", "1795192201") },
		"no number": func(r *http.Request) { r.Header.Set("Paywatt-Timestamp", "now") },
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Paywatt-Timestamp", "1795192200")
		r.Header.Set("Paywatt-Signature", gateway.Sign(secret, "1795192200", "in", []byte(body)))
		change(r)
		w := httptest.NewRecorder()
		if c.Incoming().ServeHTTP(w, r); w.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	w := httptest.NewRecorder()
	if c.Incoming().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil)); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", w.Code)
	}
	if len(box.messages)+len(box.reports) != 0 {
		t.Errorf("stored %v %v", box.messages, box.reports)
	}
	if w := post(c.Incoming(), "in", now(), text(4096)); w.Code != http.StatusNoContent {
		t.Errorf("the longest text: %d %s", w.Code, w.Body)
	}
}

func TestReports(t *testing.T) {
	box := &inbox{}
	h := newClient(t, "http://127.0.0.1:1/", box).Reports()
	for body, want := range map[string]notify.Report{
		`{"id":"msg_1","state":"delivered"}`:                                               {Route: "phone1", ID: "msg_1", State: notify.Delivered},
		`{"reference":"abc","state":"failed","to":"255711000001","why":"absent\nfor 48h"}`: {Route: "phone1", Reference: "abc", State: notify.Failed, To: "+255711000001", Why: "absent for 48h"},
		`{"id":"msg_1","state":"trying","at":"2026-11-20T16:30:00Z"}`:                      {Route: "phone1", ID: "msg_1", At: now()},
	} {
		box.reports = nil
		if w := post(h, "report", now(), body); w.Code != http.StatusNoContent || len(box.reports) != 1 || box.reports[0] != want {
			t.Errorf("%s: %d %s, %+v, want %+v", body, w.Code, w.Body, box.reports, want)
		}
	}
}

func TestSettingsThatCannotBe(t *testing.T) {
	for name, cfg := range map[string]gateway.Config{
		"short secret": {Name: "x", URL: "https://sms.example/", Secret: strings.Repeat("x", 31), Inbox: &inbox{}}, "no inbox": {Name: "x", URL: "https://sms.example/", Secret: secret},
		"in the clear": {Name: "x", URL: "http://sms.example/", Secret: secret, Inbox: &inbox{}}, "no name": {URL: "https://sms.example/", Secret: secret, Inbox: &inbox{}},
	} {
		if _, err := gateway.New(cfg); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// FuzzHooks posts any body with a good signature. A hook must accept or refuse it, and an accepted message must have a sender and a text of
// limited length.
func FuzzHooks(f *testing.F) {
	f.Add(`{"id":"a1","from":"+255711000001","to":"15555","text":"BAL"}`, true)
	f.Add(`{"id":"msg_1","state":"delivered","why":"x"}`, false)
	f.Fuzz(func(t *testing.T, body string, message bool) {
		box := &inbox{}
		c := newClient(t, "http://127.0.0.1:1/", box)
		h, purpose := c.Reports(), "report"
		if message {
			h, purpose = c.Incoming(), "in"
		}
		w := post(h, purpose, now(), body)
		if stored := len(box.messages) + len(box.reports); (w.Code == http.StatusNoContent) != (stored == 1) {
			t.Errorf("%q: %d, %d stored", body, w.Code, stored)
		}
		for _, m := range box.messages {
			if m.From == "" || m.Text == "" || len(m.Text) > 4096 {
				t.Errorf("%q became %v", body, m)
			}
		}
		if w := post(h, "send", now(), body); w.Code != http.StatusUnauthorized && w.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("%q with a signature for sending: %d", body, w.Code)
		}
	})
}
