package console

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/words"
	"github.com/paywatt/paywatt/internal/words/wordstest"
)

// The tests of streams call them directly, without a server. So they can use synctest, where the minutes of a stream pass at once.

// anna has a session until a test sets anna.over.
type anna struct {
	mu   sync.Mutex
	over bool
}

// annaTx and siteTx are transactions of a store that knows one session and the settings, and no meter; everything else
// panics.
type annaTx struct {
	access.Tx
	anna *anna
}

func (tx annaTx) LoginByHash([32]byte) (access.Login, access.PersonRow, bool, error) {
	tx.anna.mu.Lock()
	defer tx.anna.mu.Unlock()
	return access.Login{CreatedAt: time.Now(), ProvedAt: time.Now(), SeenAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)},
		access.PersonRow{ID: id.ID{1}, Email: "anna@example.org", Role: access.Owner}, !tx.anna.over, nil
}

func (tx annaTx) People() access.PeopleTx { return defaultTimes{} }

// defaultTimes knows the times of sessions only.
type defaultTimes struct{ access.PeopleTx }

func (defaultTimes) SessionTimes() (access.SessionTimes, error) { return access.SessionTimes{}, nil }

type siteTx struct{ registry.Tx }

func (siteTx) TenantSettings() (registry.Settings, error) {
	return registry.Settings{Name: "Here", Currency: "KES", TZ: "Africa/Nairobi"}, nil
}

func (siteTx) MeterByNumber(string) (registry.Meter, bool, error) {
	return registry.Meter{}, false, nil
}

func (siteTx) Eyes() access.EyesTx { return noEyes{} }

// noEyes says that no second person is needed.
type noEyes struct{ access.EyesTx }

func (noEyes) FourEyes() (access.FourEyesRule, error) { return access.FourEyesRule{}, nil }

// door leads to one transaction for reading.
type door[X any] struct{ tx X }

func (d door[X]) Do(context.Context, access.Tenant, func(X) (bool, error)) error {
	return errors.New("a page that only looks changes nothing")
}

func (d door[X]) View(_ context.Context, _ access.Tenant, fn func(X) error) error { return fn(d.tx) }

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { return len(b), nil }

func consoleOf(t *testing.T, a *anna) *Console {
	t.Helper()
	acc, err := access.New(access.Config{Hasher: storetest.Hasher{}, FactorOptional: true, Door: door[access.Tx]{annaTx{anna: a}}, Now: time.Now, Rand: zeros{}, Argon: access.Argon{Time: 1, MemoryKiB: 8, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return &Console{c: Config{Access: acc, Registry: registry.New(registry.Config{Door: door[registry.Tx]{siteTx{}}, Now: time.Now}), Now: time.Now, Rand: zeros{},
		Languages: wordstest.Languages(t), Log: slog.New(slog.DiscardHandler)}, streams: access.NewReaders(1)}
}

// english are the texts in English.
var english = sync.OnceValue(func() *words.Texts {
	all, err := words.Open()
	if err != nil {
		panic(err)
	}
	return all.For("")
})

// request is a request with an answer in English.
func request(method, path string, body io.Reader) *http.Request {
	r := httptest.NewRequest(method, path, body)
	return r.WithContext(words.With(r.Context(), english()))
}

// watch runs a stream until it ends, and returns the messages that it sent.
func watch(s *Console, look look) string {
	w := httptest.NewRecorder()
	r := request(http.MethodGet, "/meters/live", nil)
	r.AddCookie(&http.Cookie{Name: "paywatt_session", Value: "anna's"})
	s.stream(w, r, look)
	return w.Body.String()
}

func still(context.Context, visit) (frame, bool, error) {
	return frame{"m-1": {"load": {"5 W"}}}, true, nil
}

func TestAStreamIsHeardOfEveryFifteenSecondsAndEndsWithItsSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &anna{}
		began := time.Now()
		time.AfterFunc(100*time.Second, func() { a.mu.Lock(); a.over = true; a.mu.Unlock() })
		got := watch(consoleOf(t, a), still)
		if lived := time.Since(began); lived != 100*time.Second && lived != 101*time.Second {
			t.Errorf("the stream lived %v, want until the look at the session after 100 seconds", lived)
		}
		if n := strings.Count(got, "event: ping\n"); n < 6 || n > 8 {
			t.Errorf("%d pings in 100 seconds, want 7 or so:\n%s", n, got)
		}
		if n := strings.Count(got, `"load":["5 W"]`); n != 1 {
			t.Errorf("what does not change was sent %d times, want once:\n%s", n, got)
		}
		if !strings.HasSuffix(got, "event: end\ndata: {\"at\":\"03:01 EAT\"}\n\n") {
			t.Errorf("the last message is no end in the site's time:\n%s", got)
		}
	})
}

func TestAStreamEndsWhenThereIsNothingToSee(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := consoleOf(t, &anna{})
		if got := watch(s, func(context.Context, visit) (frame, bool, error) { return nil, false, nil }); !strings.Contains(got, "event: end") {
			t.Errorf("a page of nothing sent %q, want an end", got)
		}
		// A failure may be temporary: the page reconnects without help, so it gets no end message.
		if got := watch(s, func(context.Context, visit) (frame, bool, error) { return nil, true, errors.New("disk") }); strings.Contains(got, "event: end") {
			t.Errorf("a page whose look failed sent %q", got)
		}
	})
}

func TestOneStreamTooManyIsRefusedAndTheOthersLive(t *testing.T) {
	s := consoleOf(t, &anna{})
	s.streams = access.NewReaders(0)
	w := httptest.NewRecorder()
	r := request(http.MethodGet, "/meters/live", nil)
	r.AddCookie(&http.Cookie{Name: "paywatt_session", Value: "anna's"})
	s.stream(w, r, still)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("status %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
}

func TestASaleOfUnknownOutcomeIsAskedForAgainUnderTheSameForm(t *testing.T) {
	s := consoleOf(t, &anna{})
	// The door fails, so it is unknown whether the sale was stored.
	s.c.Vending = vending.New(vending.Config{Door: door[vending.Tx]{}, Now: time.Now, Rand: zeros{}})
	v := visit{by: access.Actor{ID: id.ID{1}, Role: access.Owner}, session: "anna's", site: site{currency: "KES", say: english()}}
	form, err := s.formID(v)
	if err != nil {
		t.Fatal(err)
	}
	body := url.Values{"form": {form}, "meter": {"04140001001"}, "amount": {"100.00"}, "push": {"1"}}
	r := request(http.MethodPost, "/sell", strings.NewReader(body.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	w.Header().Set(requestIDHeader, "req_17")
	s.sell(w, r, v)
	page := w.Body.String()
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", w.Code)
	}
	for _, want := range []string{"does not know whether this was sold", "However often you ask, only one sale is made", "req_17", `name="form" value="` + form + `"`,
		`name="meter" value="04140001001"`, `name="amount" value="100.00"`, `name="push" value="1"`, "Ask again"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "changes nothing") {
		t.Errorf("the page tells what broke inside:\n%s", page)
	}
}

func TestUnderTLSTheCookieIsBoundToTheHost(t *testing.T) {
	s := consoleOf(t, &anna{})
	s.c.Secure = true
	w := httptest.NewRecorder()
	s.setCookie(w, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil), "secret", time.Now().Add(time.Hour))
	set := w.Header().Get("Set-Cookie")
	for _, want := range []string{"__Host-paywatt_session=secret;", "Path=/;", "HttpOnly", "Secure", "SameSite=Lax"} {
		if !strings.Contains(set, want) {
			t.Errorf("Set-Cookie %q lacks %s", set, want)
		}
	}
	if strings.Contains(set, "Domain") {
		t.Errorf("Set-Cookie %q names a domain: no browser keeps a __Host- cookie with one", set)
	}
}

func TestAPanicIsAPageWithAReference(t *testing.T) {
	s := consoleOf(t, &anna{})
	w := httptest.NewRecorder()
	w.Header().Set(requestIDHeader, "req_17")
	s.recovered(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret inside") })).ServeHTTP(w, request(http.MethodPost, "/sell", nil))
	if body := w.Body.String(); w.Code != http.StatusServiceUnavailable || !strings.Contains(body, "req_17") || strings.Contains(body, "secret inside") {
		t.Errorf("status %d: %s", w.Code, body)
	}
}

func TestPatchesAreTheDifference(t *testing.T) {
	before := frame{"a": {"x": {"1"}, "y": {"2", "ok"}}, "b": {"x": {"1"}}}
	now := frame{"a": {"x": {"1"}, "y": {"2", "bad"}}, "b": {"x": {"1"}}, "c": {"x": {"3"}}}
	got := now.since(before)
	if len(got) != 2 || len(got["a"]) != 1 || got["a"]["y"][1] != "bad" || got["c"]["x"][0] != "3" {
		t.Errorf("since = %v, want a.y and c.x", got)
	}
	if rest := now.since(now); len(rest) != 0 {
		t.Errorf("nothing moved and %v is sent", rest)
	}
}

func TestWhoReadsQuietlyMaySeeNoDigits(t *testing.T) {
	for _, role := range access.Roles() {
		by := access.Actor{Role: role}
		q := by.Quiet()
		if by.May(access.ReadVends) && q.May(access.ShowTokens) {
			t.Errorf("%s would open tokens", role)
		}
		if q.May(access.ReadVends) != by.May(access.ReadVends) {
			t.Errorf("%s reads sales: %t, quietly %t", role, by.May(access.ReadVends), q.May(access.ReadVends))
		}
	}
}
