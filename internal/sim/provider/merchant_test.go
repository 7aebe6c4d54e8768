package provider_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/sim/provider"
)

// start is when every test begins: 11:00 in Nairobi.
var start = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)

// got is a callback that the merchant received.
type got struct {
	method, path string
	head         http.Header
	body         []byte
	at           time.Time // of the simulator
}

// merchant is a plain program that uses the providers: an HTTP client and a server that stores what it receives.
type merchant struct {
	t      *testing.T
	sim    *provider.Simulator
	url    string // of the simulator
	own    string // of the merchant
	mu     sync.Mutex
	all    []got
	query  string                    // of the last request
	answer func(g got) (int, string) // to a callback; nil is 200 {}
}

func newMerchant(t *testing.T, c provider.Config) *merchant {
	t.Helper()
	c.Now, c.Manual = func() time.Time { return start }, true
	m := &merchant{t: t, sim: provider.New(c)}
	hooks := httptest.NewServer(http.HandlerFunc(m.take))
	api := httptest.NewServer(m.sim.Handler())
	t.Cleanup(func() {
		hooks.Close()
		api.Close()
		if err := m.sim.Books().Check(); err != nil {
			t.Errorf("the books are wrong: %v", err)
		}
	})
	m.url, m.own = api.URL, hooks.URL
	return m
}

func (m *merchant) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		m.t.Error(err)
	}
	g := got{r.Method, r.URL.Path, r.Header, body, m.sim.Now()}
	m.mu.Lock()
	m.all, m.query = append(m.all, g), cmp.Or(r.URL.RawQuery, m.query)
	say := m.answer
	m.mu.Unlock()
	if say == nil {
		return
	}
	status, text := say(g)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// at returns the callbacks to a path.
func (m *merchant) at(path string) []got {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []got
	for _, g := range m.all {
		if g.path == path {
			out = append(out, g)
		}
	}
	return out
}

func (m *merchant) advance(d time.Duration) {
	m.t.Helper()
	if err := m.sim.Advance(context.Background(), d); err != nil {
		m.t.Fatal(err)
	}
}

// ask sends a request and decodes the answer. The body is JSON, or a form if it is [url.Values].
func (m *merchant) ask(method, path string, head map[string]string, body any) (int, map[string]any) {
	m.t.Helper()
	var r io.Reader
	kind := "application/json"
	switch b := body.(type) {
	case nil:
	case url.Values:
		r, kind = strings.NewReader(b.Encode()), "application/x-www-form-urlencoded"
	case string:
		r = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			m.t.Fatal(err)
		}
		r = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, m.url+path, r)
	if err != nil {
		m.t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	for k, v := range head {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		m.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	out := map[string]any{}
	if len(text) > 0 && json.Unmarshal(text, &out) != nil {
		m.t.Fatalf("%s %s answers %q", method, path, text)
	}
	return resp.StatusCode, out
}

// want checks fields of a JSON object. A key with dots goes into objects.
func want(t *testing.T, what string, in map[string]any, fields map[string]any) {
	t.Helper()
	for key, w := range fields {
		var at any = in
		for part := range strings.SplitSeq(key, ".") {
			object, _ := at.(map[string]any)
			at = object[part]
		}
		if at != w {
			t.Errorf("%s: %s is %#v, want %#v\n%v", what, key, at, w, in)
		}
	}
}

// object decodes a JSON object.
func object(t *testing.T, text []byte) map[string]any {
	t.Helper()
	out := map[string]any{}
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return out
}

// total returns the sums of one account.
func total(t *testing.T, b provider.Books, p provider.Provider) provider.Total {
	t.Helper()
	for _, x := range b.Totals {
		if x.Provider == p {
			return x
		}
	}
	return provider.Total{}
}
