package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/words"
	"github.com/paywatt/paywatt/internal/words/wordstest"
)

// TestTheFactsOfANextKey reads each number with a value inside the range of its type and with a value outside it.
func TestTheFactsOfANextKey(t *testing.T) {
	if k, p := nextKeyOf(nil); k != nil || p != nil {
		t.Errorf("of nothing: %+v, %+v", k, p)
	}
	for name, c := range map[string]struct {
		n    apiv1.NextKey
		want string
	}{
		"nothing said":       {apiv1.NextKey{}, "SGC  KRN 0 TI  KT - KEN - DKGA 00 base 0"},
		"all of it":          {apiv1.NextKey{SGC: "600675", KRN: 9, TI: "07", KT: new(2), KEN: new(255), DKGA: "04", BaseDate: 2035}, "SGC 600675 KRN 9 TI 07 KT 2 KEN 255 DKGA 04 base 2035"},
		"the lowest":         {apiv1.NextKey{KT: new(0), KEN: new(0), DKGA: "02", BaseDate: 9999}, "SGC  KRN 0 TI  KT 0 KEN 0 DKGA 02 base 9999"},
		"a type below zero":  {apiv1.NextKey{KT: new(-5)}, "SGC  KRN 0 TI  KT 0 KEN - DKGA 00 base 0"},
		"a type beyond":      {apiv1.NextKey{KT: new(300)}, "SGC  KRN 0 TI  KT 255 KEN - DKGA 00 base 0"},
		"revision 10":        {apiv1.NextKey{KRN: 10}, "krn"},
		"revision -1":        {apiv1.NextKey{KRN: -1}, "krn"},
		"expiry 256":         {apiv1.NextKey{KEN: new(256)}, "ken"},
		"expiry -1":          {apiv1.NextKey{KEN: new(-1)}, "ken"},
		"another derivation": {apiv1.NextKey{DKGA: "05"}, "dkga"},
		"base date -1":       {apiv1.NextKey{BaseDate: -1}, "base_date"},
		"base date 10000":    {apiv1.NextKey{BaseDate: 10_000}, "base_date"},
	} {
		k, p := nextKeyOf(&c.n)
		if p != nil {
			if k != nil || p.Code != string(refusal.InvalidRequest) || !strings.HasPrefix(p.Detail, c.want) {
				t.Errorf("%s: %+v, %+v, want %q", name, k, p, c.want)
			}
			continue
		}
		kt, ken := "-", "-"
		if k.KT != nil {
			kt = fmt.Sprint(int(*k.KT))
		}
		if k.KEN != nil {
			ken = fmt.Sprint(*k.KEN)
		}
		if got := fmt.Sprintf("SGC %s KRN %d TI %s KT %s KEN %s DKGA %02d base %d", k.SGC, k.KRN, k.TI, kt, ken, int(k.DKGA), int(k.BaseDate)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// forgetful is a Keeper that always fails.
type forgetful struct{ AnswerStore }

func (forgetful) Claim(context.Context, access.Tenant, access.Once) (access.StoredAnswer, bool, error) {
	return access.StoredAnswer{}, false, errors.New("disk broken")
}

// TestARequestWhoseKeyCannotBeClaimedIsNotDone: if the key of a request cannot be claimed, the request is refused, and its key is free
// again.
func TestARequestWhoseKeyCannotBeClaimedIsNotDone(t *testing.T) {
	a := &API{c: Config{Cases: Cases{}, Keeper: forgetful{}, Fault: func(error) refusal.Code { return refusal.StorageUnavailable }, Log: slog.New(slog.DiscardHandler)}}
	for range 2 {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/v1/meters", strings.NewReader("{}"))
		r.Header.Set("Idempotency-Key", "key-number-1")
		x := &exchange{body: []byte("{}")}
		a.remembered(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was done") }), w, r.WithContext(withExchange(r.Context(), x)), x)
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"storage-unavailable"`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

// TestEveryRequestIsLoggedOnce: each request is logged with its outcome and its time. A successful probe is logged at debug level only.
func TestEveryRequestIsLoggedOnce(t *testing.T) {
	m, err := newMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		route  string
		status int
		want   string
	}{
		{"GET /v1/meters", 200, "level=INFO msg=\"request answered\" request_id=req_1 method=GET route=\"GET /v1/meters\" status=200 took=3s remote=192.0.2.7 "},
		{"GET /livez", 0, "level=DEBUG msg=\"request answered\" request_id=req_1 method=GET route=\"GET /livez\" status=200 "},
		{"GET /readyz", 503, "level=INFO msg=\"request answered\" request_id=req_1 method=GET route=\"GET /readyz\" status=503 "},
		{"GET /readyz", 399, "level=DEBUG "}, {"GET /readyz", 400, "level=INFO "},
	} {
		var log bytes.Buffer
		a := &API{c: Config{Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}, metrics: m}
		a.finished(httptest.NewRequest(http.MethodGet, "/", nil), &exchange{requestID: "req_1", route: c.route, started: now.Add(-3 * time.Second), remote: netip.MustParseAddr("192.0.2.7")},
			&recorder{status: c.status})
		if _, line, _ := strings.Cut(log.String(), " "); !strings.HasPrefix(line, c.want) || strings.Count(log.String(), "\n") != 1 {
			t.Errorf("%s %d is logged as %q, want %q", c.route, c.status, log.String(), c.want)
		}
	}
}

// TestAServerAtItsLimitSaysSo: at its limit the server refuses all requests but probes.
func TestAServerAtItsLimitSaysSo(t *testing.T) {
	a := &API{c: Config{Now: time.Now}, slots: make(chan struct{}, 1), limit: newLimiter(0, 0, 1, time.Now)}
	ask := func(route string) (int, bool) {
		done := false
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
		a.limited(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { done = true })).ServeHTTP(w, r.WithContext(withExchange(r.Context(), &exchange{route: route})))
		return w.Code, done
	}
	if code, done := ask("GET /v1/meters"); code != http.StatusOK || !done {
		t.Errorf("with a place: %d, done %t", code, done)
	}
	a.slots <- struct{}{}
	if code, done := ask("GET /v1/meters"); code != http.StatusTooManyRequests || done {
		t.Errorf("without a place: %d, done %t", code, done)
	}
	if code, done := ask("GET /livez"); code != http.StatusOK || !done {
		t.Errorf("a probe: %d, done %t", code, done)
	}
}

// TestWhereAValueStands checks that a location leaves out Go's own names.
func TestWhereAValueStands(t *testing.T) {
	for field, want := range map[string]string{"Body.amount_minor": "amount_minor", "A.x": "x", "Z.x": "x", "a.Z.x": "a.x", "[0].x": "[0].x", "x": "x", "": "", "@.x": "@.x"} {
		if got := place(field); got != want {
			t.Errorf("%q stands at %q, want %q", field, got, want)
		}
	}
}

// TestWhyABodyCannotBeRead checks that a truncated body and an unexpected character have different reasons.
func TestWhyABodyCannotBeRead(t *testing.T) {
	for err, want := range map[error]string{io.ErrUnexpectedEOF: "ends too early", io.EOF: "ends too early", errors.New("x"): "The body cannot be read.",
		errors.New(`json: unknown field "colour"`): `Unknown field "colour".`} {
		if p := decodeProblem(err); !strings.Contains(p.Detail(), want) {
			t.Errorf("%v: %q, want %q", err, p.Detail(), want)
		}
	}
}

// TestOneRequestHasOneForm: the keys of a body are sorted, and numbers stay as written. A body that is not one JSON value is unchanged.
func TestOneRequestHasOneForm(t *testing.T) {
	for body, want := range map[string]string{`{ "b": 1.50, "a": [1, 2] }`: `{"a":[1,2],"b":1.50}`, `{"a":1} x`: `{"a":1} x`, `{"a":1}{}`: `{"a":1}{}`, "nonsense": "nonsense", "": ""} {
		if got := string(canonical([]byte(body))); got != want {
			t.Errorf("%q has the form %q, want %q", body, got, want)
		}
	}
}

// TestColumnsAreThoseOfTheJSON: fields that JSON leaves out have no column, and fields of an object have its name as a
// prefix.
func TestColumnsAreThoseOfTheJSON(t *testing.T) {
	type part struct {
		Minor int64 `json:"minor"`
	}
	type row struct {
		part
		Name   string `json:"name"`
		Secret string `json:"-"`
		hidden string
		Paid   *struct {
			Minor int64 `json:"amount_minor"`
		} `json:"paid,omitempty"`
		At *time.Time `json:"at"`
	}
	var names []string
	for _, c := range columns(reflect.TypeFor[row](), "", nil) {
		names = append(names, c.name)
	}
	if got, want := strings.Join(names, " "), "minor name paid_amount_minor at"; got != want {
		t.Errorf("columns %q, want %q", got, want)
	}
	_ = row{}.hidden
}

// TestAFormThatFailsIsAnError: a receipt format that cannot be laid out is an error. Any other receipt has the type and the policy of its
// format.
func TestAFormThatFailsIsAnError(t *testing.T) {
	broken := errors.New("no paper")
	a := &API{c: Config{Languages: wordstest.Languages(t), Papers: map[string]Paper{
		"page": {ContentType: "text/html", Policy: "none", Lay: func(*words.Texts, receipt.Receipt) (string, error) { return "<p>", nil }},
		"bad":  {ContentType: "text/html", Lay: func(*words.Texts, receipt.Receipt) (string, error) { return "", broken }},
	}}}
	if p, err := a.lay(vending.Receipted{}, "page", ""); err != nil || p.ContentType != "text/html" || p.Policy != "none" || string(p.Body) != "<p>" {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := a.lay(vending.Receipted{}, "bad", ""); !errors.Is(err, broken) || p != nil {
		t.Errorf("%+v, %v", p, err)
	}
}
