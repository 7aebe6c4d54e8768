package provider_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider"
	"github.com/paywatt/paywatt/internal/provider/outbound"
	sim "github.com/paywatt/paywatt/internal/sim/provider"
)

// start is when every test begins.
var start = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)

// bench is an adapter that speaks to the simulator over HTTP. It hears what the simulator sends, as the server does.
type bench struct {
	t    *testing.T
	sim  *sim.Simulator
	api  string // address of the simulator
	hook string // address that the provider calls
	payment.Adapter

	mu    sync.Mutex
	calls []payment.Incoming
}

// newBench opens an adapter of a kind from its configuration and secrets. SIM stands for the simulator's address.
func newBench(t *testing.T, kind, config, secrets string) *bench {
	t.Helper()
	b := &bench{t: t, sim: sim.New(sim.Config{Now: func() time.Time { return start }, Manual: true})}
	api, hooks := httptest.NewServer(b.sim.Handler()), httptest.NewServer(http.HandlerFunc(b.take))
	t.Cleanup(func() {
		hooks.Close()
		api.Close()
		if err := b.sim.Books().Check(); err != nil {
			t.Errorf("the books are wrong: %v", err)
		}
	})
	b.api, b.hook = api.URL, hooks.URL+"/"
	var err error
	b.Adapter, err = provider.Open(kind, payment.Setup{Config: []byte(strings.ReplaceAll(config, "SIM", b.api)), Secrets: []byte(secrets), Address: b.hook},
		outbound.New(&http.Client{Timeout: 5 * time.Second}, b.sim.Now))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// take stores a call, and answers it as the server does.
func (b *bench) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		b.t.Error(err)
	}
	in := payment.Incoming{What: strings.TrimPrefix(r.URL.Path, "/"), Header: r.Header, Body: body, At: b.sim.Now()}
	if b.Prove(in) != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	b.mu.Lock()
	b.calls = append(b.calls, in)
	b.mu.Unlock()
	w.WriteHeader(b.Reply(in).Status)
}

func (b *bench) advance(d time.Duration) {
	b.t.Helper()
	if err := b.sim.Advance(b.t.Context(), d); err != nil {
		b.t.Fatal(err)
	}
}

// heard returns the notices of the calls that were proved since the last time.
func (b *bench) heard() []payment.Notice {
	b.t.Helper()
	b.mu.Lock()
	calls := b.calls
	b.calls = nil
	b.mu.Unlock()
	var all []payment.Notice
	for _, in := range calls {
		got, err := b.Read(in)
		if err != nil {
			b.t.Errorf("%v: %s", err, in.Body)
		}
		all = append(all, got...)
	}
	return all
}

// of returns the notices of a kind.
func of(kind payment.NoticeKind, all []payment.Notice) []payment.Notice {
	var out []payment.Notice
	for _, n := range all {
		if n.Kind == kind {
			out = append(out, n)
		}
	}
	return out
}

// order is a request for a payment.
func (b *bench) order(minor money.Minor, currency string) payment.Request {
	return payment.Request{Name: "prq_01jd00000000000000000000000", Amount: money.Amount{Minor: minor, Currency: currency}, Phone: "+254711000001", Reference: "04140001001", MadeAt: b.sim.Now()}
}

// requested sends a request and returns it with the provider's name for it.
func (b *bench) requested(r payment.Request) (payment.Request, payment.RequestAnswer) {
	b.t.Helper()
	said, err := b.Adapter.(payment.Requester).Request(b.t.Context(), r)
	if err != nil || said.Refused != "" || said.Handle == "" {
		b.t.Fatalf("request: %+v %v", said, err)
	}
	r.Handle = said.Handle
	return r, said
}

// follow asks what became of a request.
func (b *bench) follow(r payment.Request) payment.RequestOutcome {
	b.t.Helper()
	got, err := b.Adapter.(payment.Requester).Follow(b.t.Context(), r)
	if err != nil {
		b.t.Fatal(err)
	}
	return got
}

// answer lets the payer of a request do something.
func (b *bench) answer(p sim.Provider, request string, do sim.Act) {
	b.t.Helper()
	if _, err := b.sim.Answer(p, request, do); err != nil {
		b.t.Fatal(err)
	}
	b.advance(0)
}

// asked asks about a payment.
func (b *bench) asked(txn string) payment.Answer {
	b.t.Helper()
	got, err := b.Ask(b.t.Context(), payment.Payment{Txn: txn})
	if err != nil {
		b.t.Fatal(err)
	}
	return got
}

// listed returns everything that the provider lists of the last day.
func (b *bench) listed() (all []payment.Notice) {
	b.t.Helper()
	for page := ""; ; {
		paid, next, err := b.Adapter.(payment.Lister).List(b.t.Context(), b.sim.Now().Add(-24*time.Hour), b.sim.Now(), page)
		if err != nil {
			b.t.Fatal(err)
		}
		all = append(all, paid...)
		if page = next; page == "" {
			return all
		}
	}
}

// forged lets the simulator send a forgery of each kind, and returns the notices that were believed, except those that only a question
// can tell from the truth.
func (b *bench) forged(p sim.Provider, kinds ...string) []payment.Notice {
	b.t.Helper()
	b.heard()
	for _, kind := range kinds {
		if _, err := b.sim.Forge(p, kind); err != nil {
			b.t.Fatal(err)
		}
	}
	b.advance(time.Second)
	return b.heard()
}

// body encodes a JSON body.
func body(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
