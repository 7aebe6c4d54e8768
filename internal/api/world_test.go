package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/api"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite/sqlitetest"
	"github.com/paywatt/paywatt/internal/words/wordstest"
	"github.com/paywatt/paywatt/profiles"
	"github.com/paywatt/paywatt/sts"
)

// world is a running server on the real store, with an owner's key, a tariff of 2.50 + 15 % and one simulated meter.
type world struct {
	t     *testing.T
	dir   string
	url   string
	key   string // the owner's API key
	meter string
	log   *lockedBuffer
	stop  func()
	// routes are the routes for messages. There are none if a test does not set them before it calls serve.
	routes []config.Route
	// legacy are the listeners for devices, and devices are their addresses.
	legacy  []config.Legacy
	shared  string // address of the shared listener for devices; empty for none
	devices []app.LegacyListener
	// ahead is the clock error of the servers that the test starts from now on. No time service sets such a clock.
	ahead time.Duration
	// moved is how far the test has moved the clock of the servers that run, in nanoseconds.
	moved atomic.Int64
	// test makes it a test installation: everybody may sign in without a second factor.
	test bool
	// edits says that the test stores rows which no use case made. A server that verified its books would stop selling after a while.
	edits bool
}

const meterNumber = "04140001001"

// begin makes the data folder with one test vending key, and starts a server that can sell.
func begin(t *testing.T) *world {
	t.Helper()
	w := folder(t)
	w.begin()
	return w
}

// beginAtNoon is begin with a clock that stands at the next noon, so that no midnight comes between two steps. It returns that noon.
func beginAtNoon(t *testing.T) (*world, time.Time) {
	t.Helper()
	now := time.Now().UTC()
	noon := now.Truncate(24 * time.Hour).Add(36 * time.Hour)
	w := folder(t)
	w.ahead = noon.Sub(now)
	w.begin()
	return w, noon
}

func (w *world) begin() {
	w.t.Helper()
	w.serve(true, api.Limits{})
	w.key = w.newKey(access.Owner)
	w.want(201, w.post("/v1/tariffs", `{"name":"domestic","currency":"KES","vat_bps":1500,"flat_micro":2500000}`))
	w.want(201, w.post("/v1/meters", newMeter(meterNumber)))
}

func newMeter(number string) string {
	return `{"number":"` + number + `","mode":"prepay_token","sgc":"123456","krn":1,"kt":2,"ti":"01","tariff":"domestic",
		"customer":{"name":"Amina A.","phone":"+254700000001"},"simulated":true}`
}

func cheapKeys() keystore.Params   { return keystore.Params{Time: 1, MemoryKiB: 8, Threads: 1} }
func cheapPasswords() access.Argon { return access.Argon{Time: 1, MemoryKiB: 8, Threads: 1} }

const passphrase = "a long passphrase"

func folder(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), meter: meterNumber}
	sqlitetest.FillFolder(t, w.dir)
	keys, err := keystore.Open(w.dir, keystore.Config{Params: cheapKeys()})
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Unlock([]byte(passphrase)); err != nil {
		t.Fatal(err)
	}
	vk, err := sts.NewVendingKey(bytes.Repeat([]byte{0xab}, 8))
	if err != nil {
		t.Fatal(err)
	}
	fact := keystore.Fact{SGC: "123456", KRN: 1, KT: sts.DUTK, DKGA: sts.DKGA02, BaseDate: sts.Base2014, KEN: 255, Test: true}
	if no, err := keys.Add(fact, vk); err != nil || no.Refused() {
		t.Fatal(no, err)
	}
	return w
}

// serve starts the server on the folder; w.stop ends it.
func (w *world) serve(unlocked bool, limits api.Limits) {
	w.t.Helper()
	var pass []byte
	if unlocked {
		pass = []byte(passphrase)
	}
	log := &lockedBuffer{}
	ahead := w.ahead
	now := func() time.Time { return time.Now().Add(ahead + time.Duration(w.moved.Load())) }
	library := profile.Library{}
	if err := library.Load(profiles.Files); err != nil {
		w.t.Fatal(err)
	}
	a, err := app.New(app.Config{Legacy: w.legacy, Devices: w.shared, Profiles: library, Now: now, Synced: func() bool { return false }, Data: w.dir, HTTP: "127.0.0.1:0", MQTT: "127.0.0.1:0", Passphrase: pass, Reserve: -1, API: limits, Routes: w.routes, Test: w.test, Unverified: w.edits, Languages: wordstest.Languages(w.t),
		KeyCost: cheapKeys(), PasswordCost: cheapPasswords(), Version: apiv1.Version{Version: "test", Go: "go"},
		Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		w.t.Fatal(err)
	}
	addr, _ := a.Ready()
	w.url, w.log, w.devices, w.shared = "http://"+addr, log, a.Legacy(), a.Devices()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	w.stop = func() {
		cancel()
		if err := await.Receive(w.t, "the server has stopped", ended); err != nil { // an error if a connection stayed open
			w.t.Errorf("server ended with %v", err)
		}
		w.stop = func() {}
	}
	w.t.Cleanup(func() { w.stop() })
}

// now is the time of the server that runs.
func (w *world) now() time.Time { return time.Now().Add(w.ahead + time.Duration(w.moved.Load())) }

// inStore changes the database beside the server that runs.
func (w *world) inStore(change func(*store.Tx) error) {
	w.t.Helper()
	f, err := app.OpenFolder(w.t.Context(), w.dir, "", slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	err = f.Engine.Run(w.t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) { return false, change(tx) })
	if err != nil {
		w.t.Fatal(err)
	}
}

// holder adds a person and returns the address. Nobody can sign in as this person.
func (w *world) holder(f *app.Folder) (email string) {
	w.t.Helper()
	err := f.Engine.Run(w.t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) {
		i, err := tx.NewID()
		if err != nil {
			return false, err
		}
		name := i.Text(id.Person)
		email = "staff-" + name[len(name)-8:] + "@example.org"
		return false, tx.AddPersonRow(access.PersonRow{ID: i, Email: email, Role: access.Owner, CreatedAt: time.Now()})
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return email
}

// newKey makes an API key of a new person while the server runs, as the command line does.
func (w *world) newKey(role access.Role) string {
	w.t.Helper()
	return w.newKeys(role, 1)[0]
}

// newKeys makes API keys of one new person.
func (w *world) newKeys(role access.Role, count int) (keys []string) {
	w.t.Helper()
	f, err := app.OpenFolder(w.t.Context(), w.dir, "", slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	defer f.Close()
	person := w.holder(f)
	for range count {
		made, err := f.Access.CreateAPIKey(w.t.Context(), app.Clerk(), access.NewKey{Role: role, Person: person})
		if err != nil || made.Refused() {
			w.t.Fatal(made.Refusal, err)
		}
		keys = append(keys, made.Secret.Reveal())
	}
	return keys
}

// answer is a response as it arrived.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ask sends a request; headers come in pairs, and an empty key is not sent.
func (w *world) ask(method, path, key, body string, headers ...string) answer {
	w.t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, r)
	if err != nil {
		w.t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if strings.HasPrefix(path, "/v1/imports?") || strings.HasSuffix(path, "/statements") {
		req.Header.Set("Content-Type", "text/csv")
	} else if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: b}
}

func (w *world) get(path string) answer        { w.t.Helper(); return w.ask("GET", path, w.key, "") }
func (w *world) post(path, body string) answer { w.t.Helper(); return w.ask("POST", path, w.key, body) }

// sell requests a sale under an idempotency key.
func (w *world) sell(idempotency, body string) answer {
	w.t.Helper()
	return w.ask("POST", "/v1/vends", w.key, body, "Idempotency-Key", idempotency)
}

func order(minor string) string {
	return `{"meter":"` + meterNumber + `","tender":{"amount_minor":` + minor + `,"currency":"KES"}}`
}

func (w *world) want(status int, a answer) answer {
	w.t.Helper()
	if a.status != status {
		w.t.Fatalf("got status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// problem reads a problem document and checks the fields that every problem has.
func (w *world) problem(a answer) (code, moved string) {
	w.t.Helper()
	var p struct {
		Type, Title, Detail, Code string
		Status                    int
		RequestID                 string `json:"request_id"`
		Retryable                 *bool
		MoneyMoved                string `json:"money_moved"`
	}
	if ct := a.header.Get("Content-Type"); ct != "application/problem+json" {
		w.t.Errorf("status %d has content type %q, want application/problem+json: %s", a.status, ct, a.body)
	}
	if err := json.Unmarshal(a.body, &p); err != nil {
		w.t.Fatalf("status %d: %v: %s", a.status, err, a.body)
	}
	if p.Status != a.status || p.Type != "/docs#"+p.Code || p.Title == "" || p.Detail == "" || p.RequestID == "" || p.Retryable == nil {
		w.t.Errorf("incomplete problem: %s", a.body)
	}
	return p.Code, p.MoneyMoved
}

// decode reads a JSON answer.
func decode[T any](t *testing.T, a answer) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	return v
}

// sale is what the tests read of a sale.
type sale struct {
	ID        string
	ClientRef string `json:"client_ref"`
	State     string
	UnitsWh   int64 `json:"units_wh"`
	Lines     []struct {
		Kind        string
		AmountMinor int64 `json:"amount_minor"`
	}
	Tokens     []struct{ Digits, State string }
	ReceiptNo  string `json:"receipt_no"`
	ReceiptURL string `json:"receipt_url"`
}

func (s sale) lines() string {
	var out []string
	for _, l := range s.Lines {
		out = append(out, fmt.Sprintf("%s %d", l.Kind, l.AmountMinor))
	}
	return strings.Join(out, ", ")
}
