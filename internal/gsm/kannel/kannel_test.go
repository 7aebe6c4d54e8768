package kannel_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/kannel"
	"github.com/paywatt/paywatt/internal/notify"
)

const secret = "sixteen octets at least"

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

func config(url string, box notify.Inbox) kannel.Config {
	return kannel.Config{Name: "kannel1", URL: url, Username: "u", Password: "p", From: "15555", Callback: "http://10.0.0.1/hooks/sms/kannel1/", Secret: secret, Inbox: box}
}

func newClient(t *testing.T, cfg kannel.Config) *kannel.Client {
	t.Helper()
	c, err := kannel.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEveryAnswerOfSendsmsHasItsOutcome(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   notify.Sent
	}{
		{202, "0: Accepted for delivery", notify.Sent{Outcome: notify.Accepted, Parts: 1, Reference: "msg_1"}},
		{202, "3: Queued for later delivery", notify.Sent{Outcome: notify.Accepted, Parts: 1, Reference: "msg_1"}},
		{202, "<html>welcome", notify.Sent{Outcome: notify.Unknown, Why: "202 <html>welcome"}},
		{200, "0: Accepted for delivery", notify.Sent{Outcome: notify.Unknown, Why: "200 0: Accepted for delivery"}},
		{403, "Authorization failed for sendsms", notify.Sent{Outcome: notify.NotSent, Why: "403 Authorization failed for sendsms", Closed: true}},
		{401, "who are you", notify.Sent{Outcome: notify.NotSent, Why: "401 who are you", Closed: true}},
		{405, "not so", notify.Sent{Outcome: notify.NotSent, Why: "405 not so", Closed: true}},
		{403, "Not routable. Do not try again.", notify.Sent{Outcome: notify.Refused, Why: "403 Not routable. Do not try again."}},
		{400, "Missing receiver number, rejected", notify.Sent{Outcome: notify.Refused, Why: "400 Missing receiver number, rejected"}},
		{404, "not here", notify.Sent{Outcome: notify.NotSent, Why: "404 not here", Closed: true}},
		{302, "", notify.Sent{Outcome: notify.Refused, Why: "302"}},
		{503, "Temporal failure, try again later.", notify.Sent{Outcome: notify.NotSent, Why: "503 Temporal failure, try again later."}},
		{500, "oops *02#12345678901234567890", notify.Sent{Outcome: notify.Unknown, Why: "500 oops *02#…"}},
	} {
		site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		}))
		got := newClient(t, config(site.URL, &inbox{})).Send(t.Context(), notify.Outgoing{ID: "msg_1", To: "+255711000001", Text: "x"})
		site.Close()
		if got != c.want {
			t.Errorf("%d %s: %+v, want %+v", c.status, c.body, got, c.want)
		}
	}
}

func TestWhatKannelIsAsked(t *testing.T) {
	var header http.Header
	var body, query string
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		header, body, query = r.Header, string(b), r.URL.RawQuery
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprint(w, "0: Accepted for delivery")
	}))
	defer site.Close()
	c := newClient(t, config(site.URL+"/cgi-bin/sendsms", &inbox{}))
	c.Send(t.Context(), notify.Outgoing{ID: "msg_1", To: "+255 711 000 001", Text: "*02#12345678901234567890 é", Report: true, Validity: 90 * time.Second})
	for name, want := range map[string]string{"Content-Type": "text/plain; charset=UTF-8", "X-Kannel-Username": "u", "X-Kannel-Password": "p", "X-Kannel-From": "15555",
		"X-Kannel-To": "+255711000001", "X-Kannel-Coding": "", "X-Kannel-Validity": "2", "X-Kannel-Dlr-Mask": "31", "X-Kannel-Smsc": ""} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	dlr := header.Get("X-Kannel-Dlr-Url")
	if !strings.HasPrefix(dlr, "http://10.0.0.1/hooks/sms/kannel1/report?id=msg_1&mac=") || !strings.HasSuffix(dlr, "&state=%d&answer=%A") || strings.Contains(dlr, secret) {
		t.Errorf("dlr-url %q", dlr)
	}
	if body != "*02#12345678901234567890 é" || query != "" {
		t.Errorf("body %q, query %q", body, query)
	}
	if s := c.Send(t.Context(), notify.Outgoing{ID: "msg_2", To: "+255711000001", Text: strings.Repeat("мало", 20)}); s.Parts != 2 || header.Get("X-Kannel-Coding") != "2" || header.Get("X-Kannel-Dlr-Url") != "" {
		t.Errorf("in UCS-2: %+v, %v", s, header)
	}
	for _, m := range []notify.Outgoing{{To: "PAYWATT", Text: "x"}, {To: "+255711000001", Text: strings.Repeat("x", 1600)}} {
		if s := c.Send(t.Context(), m); s.Outcome != notify.Refused {
			t.Errorf("%v: %+v", m, s)
		}
	}
}

// call calls a hook.
func call(h http.Handler, method, query string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, "/hooks/sms/kannel1/in?"+query, nil))
	return w
}

func TestAMessageIsTakenWhenItIsDurable(t *testing.T) {
	box := &inbox{err: errors.New("no space on device")}
	h := newClient(t, config("http://127.0.0.1:1/", box)).Incoming()
	in := url.Values{"key": {secret}, "from": {"255711000001"}, "to": {"15555"}, "text": {"BAL мало"}, "ts": {"2026-11-20 16:30:00"}, "id": {"81e14fd6"}, "udh": {""}}
	if w := call(h, "GET", in.Encode()); w.Code != http.StatusServiceUnavailable {
		t.Errorf("not stored, and answered %d", w.Code)
	}
	box.err = nil
	for range 2 {
		if w := call(h, "GET", in.Encode()); w.Code != http.StatusOK || w.Body.Len() != 0 || w.Header().Get("Content-Type") != "text/plain" {
			t.Errorf("answered %d %q %v", w.Code, w.Body, w.Header())
		}
	}
	in.Set("id", "81e14fd7")
	in.Set("coding", "2")
	in.Set("text", "\x04\x3c\x00\x20\xd8\x3d\xde\x00")
	call(h, "GET", in.Encode())
	in.Del("id")
	call(h, "GET", in.Encode())
	in.Set("coding", "1")
	in.Set("text", "\xe9\x00")
	call(h, "GET", in.Encode())
	in.Set("coding", "0")
	in.Set("text", "a\xffb")
	call(h, "GET", in.Encode())
	m := box.messages
	if len(m) != 6 || m[0].From != "+255711000001" || m[0].To != "15555" || m[0].Text != "BAL мало" || m[0].Route != "kannel1" ||
		!m[0].At.Equal(time.Date(2026, 11, 20, 16, 30, 0, 0, time.UTC)) || m[0].Missing != 0 {
		t.Fatalf("stored %+v", m)
	}
	for i, want := range []string{"BAL мало", "BAL мало", "м 😀", "м 😀", "é\x00", "a\uFFFDb"} {
		if m[i].Text != want {
			t.Errorf("message %d is %q, want %q", i, m[i].Text, want)
		}
	}
	if m[0].Identity != m[1].Identity || m[1].Identity == m[2].Identity || m[2].Identity == m[3].Identity || m[3].Identity == m[4].Identity {
		t.Errorf("identities %x %x %x %x %x", m[0].Identity, m[1].Identity, m[2].Identity, m[3].Identity, m[4].Identity)
	}
	for name, c := range map[string]struct {
		method string
		change url.Values
		want   int
	}{
		"a wrong key": {"GET", url.Values{"key": {secret + "x"}}, 403}, "no key": {"GET", url.Values{"key": {""}}, 403}, "a form": {"POST", nil, 405},
		"nobody": {"GET", url.Values{"from": {""}}, 200}, "too long": {"GET", url.Values{"text": {strings.Repeat("x", 4097)}}, 200},
		"not UTF-8": {"GET", url.Values{"text": {"\xff"}}, 200}, "a long id": {"GET", url.Values{"id": {strings.Repeat("x", 101)}}, 200},
		"as long as may be": {"GET", url.Values{"text": {strings.Repeat("x", 4096)}}, 200},
	} {
		q := url.Values{}
		for _, from := range []url.Values{in, c.change} {
			for k, v := range from {
				q[k] = v
			}
		}
		if w := call(h, c.method, q.Encode()); w.Code != c.want {
			t.Errorf("%s: %d, want %d", name, w.Code, c.want)
		}
	}
	if w := call(h, "GET", "key=%zz"); w.Code != 400 {
		t.Errorf("a broken query: %d", w.Code)
	}
}

func TestReportsNeedTheirMAC(t *testing.T) {
	box := &inbox{}
	var dlr *url.URL
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var err error
		if dlr, err = url.Parse(strings.ReplaceAll(strings.ReplaceAll(r.Header.Get("X-Kannel-Dlr-Url"), "%d", "STATE"), "%A", "NACK%2F38")); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprint(w, "0: Accepted for delivery")
	}))
	defer site.Close()
	var log strings.Builder
	cfg := config(site.URL, box)
	cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	c := newClient(t, cfg)
	c.Send(t.Context(), notify.Outgoing{ID: "msg_1", To: "+255711000001", Text: "x", Report: true})
	h := c.Reports()
	for state, want := range map[string]int{"1": 200, "2": 200, "4": 200, "8": 200, "16": 200, "0": 200, "3": 200, "": 200} {
		box.reports = nil
		log.Reset()
		if w := call(h, "GET", strings.Replace(dlr.RawQuery, "STATE", state, 1)); w.Code != want || w.Body.Len() != 0 && want == 200 || len(box.reports) != 1 {
			t.Errorf("state %q: %d %q, %+v", state, w.Code, w.Body, box.reports)
			continue
		}
		if logged := log.Len() > 0; logged != (state == "0" || state == "3" || state == "") {
			t.Errorf("state %q: logged %q", state, &log)
		}
		r := box.reports[0]
		wanted := map[string]notify.ReportState{"1": notify.Delivered, "2": notify.Failed, "16": notify.Failed}[state]
		if r.ID != "msg_1" || r.Route != "kannel1" || r.State != wanted || (r.Why == "NACK/38") != (state != "1") {
			t.Errorf("state %q: %+v, want %v", state, r, wanted)
		}
	}
	good := strings.Replace(dlr.RawQuery, "STATE", "1", 1)
	if w := call(h, "GET", strings.Replace(good, "msg_1", "msg_2", 1)); w.Code != http.StatusForbidden {
		t.Errorf("for another message: %d", w.Code)
	}
	other := config(site.URL, box)
	other.Name = "kannel2"
	if w := call(newClient(t, other).Reports(), "GET", good); w.Code != http.StatusForbidden {
		t.Errorf("at another route with the same secret: %d", w.Code)
	}
	box.err = errors.New("no space on device")
	if w := call(h, "GET", good); w.Code != http.StatusServiceUnavailable {
		t.Errorf("not stored, and answered %d", w.Code)
	}
}

func TestSettingsThatCannotBe(t *testing.T) {
	for name, change := range map[string]func(*kannel.Config){
		"short secret": func(c *kannel.Config) { c.Secret = "short" }, "no user": func(c *kannel.Config) { c.Username = "" },
		"header in the password": func(c *kannel.Config) { c.Password = "p\r\nX: y" }, "no address": func(c *kannel.Config) { c.URL = "" },
		"field in the callback": func(c *kannel.Config) { c.Callback = "http://10.0.0.1/%p" }, "query": func(c *kannel.Config) { c.Callback = "http://10.0.0.1/?a=b" },
		"far away in the clear": func(c *kannel.Config) { c.URL = "http://sms.example/" },
	} {
		cfg := config("http://127.0.0.1:13013/", &inbox{})
		change(&cfg)
		if _, err := kannel.New(cfg); err == nil {
			t.Errorf("%s is accepted", name)
		} else if strings.Contains(err.Error(), "short\"") || strings.Contains(err.Error(), "p\r") {
			t.Errorf("%s: %v shows a secret", name, err)
		}
	}
}

// FuzzHooks checks that a call of the hooks without the secret changes nothing.
func FuzzHooks(f *testing.F) {
	f.Add("key=x&from=1&text=y", "id=msg_1&mac=00&state=1")
	f.Fuzz(func(t *testing.T, in, report string) {
		box := &inbox{}
		c, err := kannel.New(config("http://127.0.0.1:1/", box))
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range []struct {
			h http.Handler
			q string
		}{{c.Incoming(), in}, {c.Reports(), report}} {
			w := httptest.NewRecorder()
			r := httptest.NewRequest("GET", "/", nil)
			r.URL.RawQuery = x.q
			x.h.ServeHTTP(w, r)
			if w.Code < 400 || len(box.messages)+len(box.reports) > 0 {
				t.Errorf("%q: %d, %+v %+v", x.q, w.Code, box.messages, box.reports)
			}
			r.URL.RawQuery = "key=" + url.QueryEscape(secret) + "&" + x.q
			x.h.ServeHTTP(httptest.NewRecorder(), r) // must not panic
			box.messages = nil
		}
	})
}

// TestHooksAreCalledWithGET: another method is refused with the right one, and only reports that cannot be understood are logged.
func TestHooksAreCalledWithGET(t *testing.T) {
	var log strings.Builder
	cfg := config("http://127.0.0.1:1/", &inbox{})
	cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	c := newClient(t, cfg)
	for name, h := range map[string]http.Handler{"in": c.Incoming(), "report": c.Reports()} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/"+name, nil))
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET" || w.Body.String() != "call with GET\n" {
			t.Errorf("%s: %d, allowed %q, %q", name, w.Code, w.Header().Get("Allow"), w.Body)
		}
	}
	if log.Len() > 0 {
		t.Errorf("logged: %s", &log)
	}
}
