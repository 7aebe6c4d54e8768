package console_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite/sqlitetest"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/words/wordstest"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/wire"
	"github.com/pquerna/otp/totp"
	"golang.org/x/net/html"
)

// world is a running server on the real store with an owner, a tariff of 2.50 and 15 % VAT and one simulated meter of
// Amina.
type world struct {
	language string // that browsers ask for
	t        *testing.T
	dir      string
	url      string
	setup    string              // path of the one-time link
	recovery map[string][]string // unused recovery codes of people
	key      string              // key of the API
	clock    *clock
	stop     func()
	side     *app.Folder // the same folder, opened beside the server as the command line does
}

const (
	meterNumber = "04140001001"
	passphrase  = "a long passphrase"
	ownerEmail  = "owner@example.org"
	password    = "several plain words"
)

// clock is the server's time: the real one, moved and stopped by hand.
type clock struct {
	mu     sync.Mutex
	more   time.Duration
	frozen time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.frozen.IsZero() {
		return c.frozen.Add(c.more)
	}
	return time.Now().Add(c.more)
}

func (c *clock) freeze() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frozen = time.Now()
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.more += d
}

// noonOfTheFifth moves the clock to the next month, so that neither a day nor a month ends between the readings of a test.
func (w *world) noonOfTheFifth() {
	now := time.Now().UTC()
	w.clock.move(time.Until(time.Date(now.Year(), now.Month()+1, 5, 12, 0, 0, 0, time.UTC)))
}

// noon moves the clock to the next noon, so that a test that takes hours sees no midnight. It returns the date.
func (w *world) noon() string {
	noon := time.Now().UTC().Truncate(24 * time.Hour).Add(36 * time.Hour)
	w.clock.move(noon.Sub(w.clock.now()))
	return noon.Format(time.DateOnly)
}

func cheapKeys() keystore.Params   { return keystore.Params{Time: 1, MemoryKiB: 8, Threads: 1} }
func cheapPasswords() access.Argon { return access.Argon{Time: 1, MemoryKiB: 8, Threads: 1} }

// begin starts a server that can sell.
func begin(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	w := folder(t)
	w.serve(app.Config{Passphrase: []byte(passphrase)})
	w.furnish()
	return w
}

// furnish adds owner, tariff and meter.
func (w *world) furnish() {
	w.t.Helper()
	w.person(ownerEmail, access.Owner)
	f := w.beside()
	made, err := f.Access.CreateAPIKey(w.t.Context(), app.Clerk(), access.NewKey{Role: access.Owner})
	if err != nil || made.Refused() {
		w.t.Fatal(made.Refusal, err)
	}
	w.key = made.Secret.Reveal()
	w.api("/v1/tariffs", `{"name":"domestic","currency":"KES","vat_bps":1500,"flat_micro":2500000}`)
	w.meter(meterNumber, "Amina A.")
}

// folder makes a data folder with one vending key.
func folder(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), clock: &clock{}, recovery: map[string][]string{}}
	sqlitetest.FillFolder(t, w.dir)
	w.vendingKey("123456", 1, sts.Base2014)
	return w
}

// vendingKey adds a vending key to the key store of the folder.
func (w *world) vendingKey(sgc string, krn uint8, base sts.BaseDate) {
	w.t.Helper()
	keys, err := keystore.Open(w.dir, keystore.Config{Params: cheapKeys()})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := keys.Unlock([]byte(passphrase)); err != nil {
		w.t.Fatal(err)
	}
	vk, err := sts.NewVendingKey(bytes.Repeat([]byte{0xab}, 8))
	if err != nil {
		w.t.Fatal(err)
	}
	fact := keystore.Fact{SGC: sgc, KRN: krn, KT: sts.DUTK, DKGA: sts.DKGA02, BaseDate: base, KEN: 255, Test: true}
	if no, err := keys.Add(fact, vk); err != nil || no.Refused() {
		w.t.Fatal(no, err)
	}
}

// serve starts the server; w.stop ends it. The parameter c holds unusual settings.
func (w *world) serve(c app.Config) {
	w.t.Helper()
	c.Data, c.HTTP, c.MQTT, c.Reserve, c.Now = w.dir, "127.0.0.1:0", "127.0.0.1:0", -1, w.clock.now
	if c.Languages == nil {
		c.Languages = wordstest.Languages(w.t)
	}
	c.KeyCost, c.PasswordCost, c.Version = cheapKeys(), cheapPasswords(), apiv1.Version{Version: "test", Go: "go"}
	a, err := app.New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	addr, _ := a.Ready()
	w.url, w.setup = "http://"+addr, a.SetupPath()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := await.Receive(w.t, "the server has stopped", ended); err != nil { // an error if a connection stayed open
			w.t.Errorf("server ended with %v", err)
		}
	})
	w.t.Cleanup(w.stop)
}

// beside opens the folder beside the running server.
func (w *world) beside() *app.Folder {
	w.t.Helper()
	if w.side == nil {
		f, err := app.OpenFolder(w.t.Context(), w.dir, "", slog.New(slog.DiscardHandler))
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(func() { _ = f.Close() })
		w.side = f
	}
	return w.side
}

// person creates a person who can sign in.
func (w *world) person(email string, role access.Role) {
	w.t.Helper()
	acc, err := access.New(access.Config{Hasher: storetest.Hasher{}, Door: door{w.beside().Engine}, Now: w.clock.now, Rand: rand.Reader, Argon: cheapPasswords()})
	if err != nil {
		w.t.Fatal(err)
	}
	made, err := acc.Invite(w.t.Context(), app.Clerk(), access.NewPerson{Email: email, Role: role})
	if err == nil && !made.Refused() {
		made, err = acc.Accept(w.t.Context(), app.Clerk().Tenant, made.Link.Reveal(), access.SecretOf(password), "")
	}
	if err == nil && !made.Refused() {
		made, err = acc.Confirm(w.t.Context(), app.Clerk(), email)
	}
	if err != nil || made.Refused() {
		w.t.Fatal(made.Refusal, err)
	}
}

// door opens the store as the command line does, but with cheaper password hashes.
type door struct{ engine store.Engine }

func (d door) Do(ctx context.Context, t access.Tenant, fn func(access.Tx) (bool, error)) error {
	return d.engine.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) { return fn(tx) })
}

func (d door) View(ctx context.Context, t access.Tenant, fn func(access.Tx) error) error {
	return d.engine.View(ctx, t, func(tx *store.Tx) error { return fn(tx) })
}

// api posts JSON and expects success.
func (w *world) api(path, body string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.key)
	req.Header.Set("Idempotency-Key", rand.Text())
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		b, _ := io.ReadAll(resp.Body)
		w.t.Fatalf("POST %s: status %d: %s", path, resp.StatusCode, b)
	}
}

func (w *world) meter(number, customer string) {
	w.t.Helper()
	name, err := json.Marshal(customer)
	if err != nil {
		w.t.Fatal(err)
	}
	w.api("/v1/meters", `{"number":"`+number+`","mode":"prepay_token","sgc":"123456","krn":1,"kt":2,"ti":"01","tariff":"domestic",
		"customer":{"name":`+string(name)+`,"phone":"+254700000001"},"simulated":true}`)
}

// reading stores a record as a meter would report it. The parameter seq counts up from 1. Before its first record the meter names its
// memory.
func (w *world) reading(number string, seq uint64, r wire.Reading) {
	w.t.Helper()
	const memory = "00112233aabbccdd"
	now := w.clock.now()
	r.Head = wire.Head{Seq: seq, At: now.Unix(), Up: seq * 1000, Clock: wire.ClockValid}
	recs := []wire.Record{{Kind: wire.KindReading, Head: r.Head, Reading: &r}}
	if seq == 1 {
		recs = append([]wire.Record{wire.Boot{Memory: memory, Lowest: 1, Next: 1, Boot: 1, Proto: 1, FW: "1.0"}.Record()}, recs...)
	}
	err := w.beside().Engine.Run(w.t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
		m, _, err := tx.MeterByNumber(number)
		if err != nil {
			return false, err
		}
		var in []metering.Record
		for _, rec := range recs {
			in = append(in, metering.Record{Tenant: store.FirstTenant, Meter: m.N, Number: number, Simulated: true, ReceivedAt: now, Memory: memory, Rec: rec})
		}
		outs, err := intake.Take(tx, in)
		for _, o := range outs {
			if o.Kind != metering.Stored {
				w.t.Errorf("reading %d of %s: %v", seq, number, o.Kind)
			}
		}
		return false, err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// audited counts the rows of the audit log with an action.
func (w *world) audited(action string) int {
	w.t.Helper()
	f := w.beside()
	n := 0
	err := f.Engine.View(w.t.Context(), store.FirstTenant, func(tx *store.Tx) error {
		_, rows, err := storetest.AuditPage(tx, [16]byte{}, 500)
		for _, r := range rows {
			if r.Action == action {
				n++
			}
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// guest is one browser with its cookies. It does not follow redirects.
type guest struct {
	w    *world
	http *http.Client
}

func (w *world) guest() *guest {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &guest{w, &http.Client{Jar: jar, Timeout: await.Limit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// enter returns a guest who is signed in.
func (w *world) enter(email string) *guest {
	w.t.Helper()
	g := w.guest()
	g.signIn(email)
	return g
}

// signIn signs a person in with the password and, if the role needs it, with a second factor. The person sets it up at the first time and uses
// recovery codes from then on, because a code of the app works once in 30 s.
func (g *guest) signIn(email string) {
	g.w.t.Helper()
	g.secondStep(email, g.post("/signin", "email", email, "password", password).leads("/"))
}

// secondStep completes a sign-in that has led to an address.
func (g *guest) secondStep(email, at string) {
	w := g.w
	w.t.Helper()
	switch {
	case strings.HasPrefix(at, "/signin/app?"):
		secret := regexp.MustCompile(`<span class="mono">([A-Z2-7 ]+)<`).FindStringSubmatch(g.get(at).is(200).body)
		code, err := totp.GenerateCode(strings.ReplaceAll(secret[1], " ", ""), w.clock.now())
		if err != nil {
			w.t.Fatal(err)
		}
		page := g.post("/signin/code", "code", code).is(200).body
		w.recovery[email] = regexp.MustCompile(`[A-Z2-7]{4}(-[A-Z2-7]{4}){3}`).FindAllString(page, -1)
	case strings.HasPrefix(at, "/signin/code?"):
		left := w.recovery[email]
		if len(left) == 0 {
			w.t.Fatalf("%s has no recovery codes left", email)
		}
		w.recovery[email] = left[1:]
		g.post("/signin/code", "code", left[0]).leads("/")
	}
}

// answer is a response as it arrived. If the response is a page, it is parsed.
type answer struct {
	t      testing.TB
	what   string
	status int
	header http.Header
	body   string
	page   *html.Node
}

// do sends a request; headers come in pairs.
func (g *guest) do(method, path string, form url.Values, headers ...string) answer {
	g.w.t.Helper()
	if form == nil {
		return g.raw(method, path, nil, headers...)
	}
	return g.raw(method, path, strings.NewReader(form.Encode()), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)...)
}

// raw sends a request with a body; headers come in pairs.
func (g *guest) raw(method, path string, body io.Reader, headers ...string) answer {
	g.w.t.Helper()
	req, err := http.NewRequestWithContext(g.w.t.Context(), method, g.w.url+path, body)
	if err != nil {
		g.w.t.Fatal(err)
	}
	req.Header.Set("Accept-Language", g.w.language)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := g.http.Do(req)
	if err != nil {
		g.w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		g.w.t.Fatal(err)
	}
	a := answer{t: g.w.t, what: method + " " + path, status: resp.StatusCode, header: resp.Header, body: string(b)}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		if a.page, err = html.Parse(bytes.NewReader(b)); err != nil {
			g.w.t.Fatal(err)
		}
	}
	return a
}

func (g *guest) get(path string) answer { g.w.t.Helper(); return g.do(http.MethodGet, path, nil) }

// post sends a form of pairs.
func (g *guest) post(path string, pairs ...string) answer {
	g.w.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return g.do(http.MethodPost, path, form)
}

// is checks the status.
func (a answer) is(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: status %d, want %d\n%s", a.what, a.status, status, a.text())
	}
	return a
}

// leads checks that the answer redirects to an address with this prefix, and returns the address.
func (a answer) leads(to string) string {
	a.t.Helper()
	at := a.header.Get("Location")
	if a.status != http.StatusSeeOther || !strings.HasPrefix(at, to) {
		a.t.Fatalf("%s: status %d to %q, want 303 to %q\n%s", a.what, a.status, at, to, a.text())
	}
	return at
}

// says checks that the page's text contains all given texts.
func (a answer) says(all ...string) answer {
	a.t.Helper()
	text := a.text()
	for _, want := range all {
		if !strings.Contains(text, want) {
			a.t.Errorf("%s does not say %q:\n%s", a.what, want, text)
		}
	}
	return a
}

// omits checks that the page contains none of the given texts, as text or markup.
func (a answer) omits(all ...string) answer {
	a.t.Helper()
	for _, no := range all {
		if strings.Contains(a.body, no) {
			a.t.Errorf("%s has %q in it:\n%s", a.what, no, a.text())
		}
	}
	return a
}

// text returns the page's text in one line.
func (a answer) text() string {
	if a.page == nil {
		return a.body
	}
	var b strings.Builder
	for n := range a.page.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "title" {
			b.WriteString(n.Data + " ")
		}
	}
	return regexp.MustCompile(`\s+`).ReplaceAllString(b.String(), " ")
}

// value returns the value of the first field with the name.
func (a answer) value(name string) string {
	a.t.Helper()
	for n := range a.page.Descendants() {
		if n.Data == "input" && attr(n, "name") == name {
			return attr(n, "value")
		}
	}
	a.t.Fatalf("%s has no field %q:\n%s", a.what, name, a.text())
	return ""
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// check takes a sale of an amount to the check page.
func (g *guest) check(meter, amount string) answer {
	g.w.t.Helper()
	form := g.get("/sell").is(200).value("form")
	return g.get(checkPath(form, meter, amount))
}

func checkPath(form, meter, amount string) string {
	return "/sell/check?" + url.Values{"form": {form}, "meter": {meter}, "amount": {amount}}.Encode()
}

// sell sells and returns the sale's page.
func (g *guest) sell(meter, amount string) answer {
	g.w.t.Helper()
	c := g.check(meter, amount).is(200)
	return g.get(g.decide(c).leads("/sales/")).is(200)
}

// decide presses the button on a check page.
func (g *guest) decide(check answer) answer {
	g.w.t.Helper()
	seen := ""
	if strings.Contains(check.body, `name="seen"`) {
		seen = check.value("seen")
	}
	return g.post("/sell", "form", check.value("form"), "meter", check.value("meter"), "amount", check.value("amount"), "seen", seen)
}

// token returns the digits that a page shows.
func (a answer) token() string {
	a.t.Helper()
	for n := range a.page.Descendants() {
		if strings.Contains(attr(n, "class"), "token") && attr(n, "role") == "img" {
			return attr(n, "aria-label")
		}
	}
	a.t.Fatalf("%s shows no token:\n%s", a.what, a.text())
	return ""
}
