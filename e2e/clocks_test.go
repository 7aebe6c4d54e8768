package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/store/postgres/pgtest"
	"github.com/paywatt/paywatt/internal/tier"
)

// ownClocks returns how far each server's clock is ahead in the test below. A negative value means that the clock is behind.
func ownClocks() []time.Duration {
	return []time.Duration{0, 3 * time.Minute, -3 * time.Minute, -2 * time.Hour, 40 * 24 * time.Hour}
}

// towers are several servers of one database on machines whose clocks differ.
type towers struct {
	*testing.T
	p       *place
	env     []string
	servers []*server
	apis    []*api
	owner   string
	key     int
}

// TestServersOnMachinesWhoseClocksDiffer: five servers work on one database. The clock of one machine is right; the other clocks are wrong
// by minutes, hours or more than a month. Sales, prices, stored answers, sessions and deliveries must not depend on which server handles
// them.
func TestServersOnMachinesWhoseClocksDiffer(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	w := &towers{T: t, p: newPlace(t, buildOnce(t, "faultinject"))}
	w.p.expect("clocks of server and database compared")
	w.p.env = append(w.p.env, "PAYWATT_STORE="+pgtest.New(t))
	w.env = w.p.env
	w.off(40 * 24 * time.Hour)
	w.owner = strings.TrimSpace(w.p.run(t, "", "apikey", "create", "--role", "owner", "--name", "of a wrong machine", "--data", w.p.dir))
	for _, by := range ownClocks() {
		w.off(by)
		s := w.p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
		w.servers, w.apis = append(w.servers, s), append(w.apis, newAPI(s.http, w.owner))
	}
	w.p.env = w.env
	for _, c := range []struct {
		name string
		run  func(*towers)
	}{
		{"each says by how much it is off and is ready", (*towers).say}, {"a key made at a wrong machine has the right time", (*towers).keys},
		{"tokens, receipts and months go on from server to server", (*towers).sales},
		{"many callers at all of them at once", (*towers).crowd},
		{"a price begins when it begins", (*towers).prices}, {"an answer is kept as long at all of them", (*towers).answers},
		{"who signed in at one is signed in at all", (*towers).session},
		{"a meter at one gets what all of them sell, once", (*towers).meter},
		{"the books of all of them are whole", (*towers).books},
	} {
		if !t.Run(c.name, func(t *testing.T) { of := *w; of.T = t; c.run(&of); w.key = of.key }) {
			return
		}
	}
}

// off sets the clock error of every process that is started from now on.
func (w *towers) off(by time.Duration) {
	w.p.env = append(slices.Clone(w.env), "FAULT_INJECT=own-clock="+by.String())
}

// near fails the test unless a timestamp is at most a minute from now.
func (w *towers) near(what, moment string) {
	w.Helper()
	at, err := time.Parse(time.RFC3339, moment)
	if d := time.Since(at); err != nil || d.Abs() > time.Minute {
		w.Errorf("%s at %s (%v), which is %s ago", what, moment, err, d)
	}
}

func (w *towers) say() {
	figure := regexp.MustCompile(`(?m)^paywatt_clock_apart_seconds (\S+)$`)
	for i, by := range ownClocks() {
		w.apis[i].must(w, 200, "GET", "/readyz", nil)
		found := figure.FindSubmatch(w.apis[i].must(w, 200, "GET", "/metrics", nil).body)
		if found == nil {
			w.Fatal("no figure of how far apart the clocks are")
		}
		if s, err := strconv.ParseFloat(string(found[1]), 64); err != nil || time.Duration((s+by.Seconds())*1e9).Abs() > 10*time.Second {
			w.Errorf("a server that is off by %s says that the database is ahead by %s s (%v)", by, found[1], err)
		}
		if warned := strings.Contains(w.servers[i].log.String(), "clocks of server and database compared"); warned != (by != 0) {
			w.Errorf("a server that is off by %s warns of it: %t", by, warned)
		}
	}
}

func (w *towers) keys() {
	var rows []struct{ Name, Created_at string }
	if err := json.Unmarshal([]byte(w.p.run(w, "", "apikey", "list", "--data", w.p.dir, "-o", "json")), &rows); err != nil || len(rows) != 1 {
		w.Fatal(rows, err)
	}
	w.near("the key "+rows[0].Name+" was made", rows[0].Created_at)
}

// sell makes one sale at a server.
func (w *towers) sell(at int, meter string, deliver ...string) answer {
	w.Helper()
	w.key++
	return w.apis[at].mustVend(w, meter, 3000, fmt.Sprintf("tower-%04d", w.key), deliver...)
}

// sales makes each sale at another server. The tariff has blocks by the month, so a sale in another month would have another price.
func (w *towers) sales() {
	w.apis[0].must(w, 200, "POST", "/v1/settings", `{"currency":"KES"}`)
	w.apis[4].must(w, 201, "POST", "/v1/tariffs", ibt+"}")
	w.apis[1].tariff(w)
	m := number(51_000)
	w.apis[3].must(w, 201, "POST", "/v1/meters", map[string]any{"number": m, "mode": "prepay_token", "sgc": "123456", "krn": 1, "kt": 2, "ti": "01",
		"tariff": "ibt", "customer": map[string]any{"name": "Amina A.", "phone": "+254700000001"}})
	var tid, sold int64
	var at, receipt string
	for n := range 3 * len(w.apis) {
		a := w.sell(n%len(w.apis), m)
		w.near("a sale", a.text(w, "created_at"))
		if now := a.text(w, "created_at"); now < at {
			w.Errorf("sale %d is of %s, the one before of %s", n, now, at)
		}
		if no := a.text(w, "receipt_no"); n > 0 && no != next(receipt) {
			w.Errorf("receipt %s after %s", no, receipt)
		}
		if got := a.num(w, "tokens", 0, "tid"); n > 0 && got <= tid || n > 0 && got > tid+60 {
			w.Errorf("TID %d after %d", got, tid)
		}
		e := w.apis[(n+2)%len(w.apis)].must(w, 200, "GET", "/v1/vends/"+a.text(w, "id")+"/explain", nil)
		if month, want := e.text(w, "month"), a.text(w, "created_at")[:7]; month != want || e.num(w, "month_before_wh") != sold {
			w.Errorf("sale %d is in %s after %d Wh, want %s after %d", n, month, e.num(w, "month_before_wh"), want, sold)
		}
		tid, at, receipt, sold = a.num(w, "tokens", 0, "tid"), a.text(w, "created_at"), a.text(w, "receipt_no"), sold+a.num(w, "units_wh")
	}
}

// next returns the next receipt number.
func next(no string) string {
	digits := regexp.MustCompile(`\d+$`).FindString(no)
	n, _ := strconv.Atoi(digits)
	return fmt.Sprintf("%s%0*d", strings.TrimSuffix(no, digits), len(digits), n+1)
}

func (w *towers) crowd() {
	m := number(51_001)
	w.apis[0].meter(w, m)
	var mu sync.Mutex
	var wg sync.WaitGroup
	seen := map[int64]bool{}
	for at, a := range w.apis {
		for caller := range 2 {
			wg.Go(func() {
				for n := range 8 {
					got, err := a.vend(m, 1000, fmt.Sprintf("crowd-%d-%d-%02d", at, caller, n))
					if err != nil || got.status != 201 {
						w.Errorf("%v %d %s", err, got.status, got.body)
						return
					}
					tid := got.num(w, "tokens", 0, "tid")
					mu.Lock()
					if seen[tid] {
						w.Errorf("TID %d was given twice", tid)
					}
					seen[tid] = true
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	w.Logf("figures: %d sales of one meter at %d servers at once, each TID once", len(seen), len(w.apis))
}

func (w *towers) prices() {
	m := number(51_001)
	later := func(d time.Duration) map[string]any {
		return map[string]any{"currency": "KES", "flat_micro": 5_000_000, "vat_bps": 1500, "effective_from": time.Now().Add(d).UTC().Format(time.RFC3339)}
	}
	const versions = "/v1/tariffs/domestic/versions"
	quote := func(a *api) int64 {
		return a.must(w, 200, "POST", "/v1/vend-quotes", map[string]any{"meter": m, "tender": kes(100_000)}).num(w, "units_wh")
	}
	before := quote(w.apis[0])
	for i, a := range w.apis {
		if got := a.must(w, 422, "POST", versions, later(-time.Hour)).text(w, "code"); got != "tariff-invalid" {
			w.Errorf("server %d makes a price begin in the past", i)
		}
	}
	w.apis[4].must(w, 201, "POST", versions, later(time.Hour))
	const soon = 8 * time.Second
	begins := time.Now().Truncate(time.Second).Add(soon)
	w.apis[3].must(w, 201, "POST", versions, later(soon))
	for i, a := range w.apis {
		if got := quote(a); got != before && time.Now().Before(begins) {
			w.Errorf("server %d sells %d Wh before the new price begins, want %d", i, got, before)
		}
	}
	var after int64
	await.True(w, "the new price begins", func() bool { after = quote(w.apis[0]); return after != before })
	for i, a := range w.apis {
		if got := quote(a); got != after || got >= before*3/4 {
			w.Errorf("server %d sells %d Wh after the new price has begun, want %d, less than %d", i, got, after, before)
		}
	}
}

// answers checks that every server gives the stored answer. A refusal is stored for seven days, and one machine is forty days ahead. Its
// server may also lead the clean-up.
func (w *towers) answers() {
	sale := map[string]any{"meter": number(51_001), "tender": map[string]any{"amount_minor": 5000, "currency": "UGX"}}
	ask := func(a *api) answer {
		got, err := a.do("POST", "/v1/vends", sale, "Idempotency-Key", "refused-00000001")
		if err != nil {
			w.Fatal(err)
		}
		return got
	}
	first := ask(w.apis[0])
	if first.status != 409 {
		w.Fatalf("status %d %s, want a refusal", first.status, first.body)
	}
	<-time.After(3 * time.Second)
	for i, a := range w.apis {
		if got := ask(a); got.status != first.status || string(got.body) != string(first.body) || got.header.Get("Idempotency-Replayed") != "true" {
			w.Errorf("server %d answers %d %s, want %d %s", i, got.status, got.body, first.status, first.body)
		}
	}
}

// session checks that a session opened at one server is valid at all servers. A session ends half an hour after the last request and at
// most twelve hours after its start, always by the clock of the database.
func (w *towers) session() {
	link := regexp.MustCompile(`setup\?code=(\S+)`).FindStringSubmatch(w.servers[0].log.String())
	if link == nil {
		w.Fatalf("no link to set up with\n%s", w.servers[0].log)
	}
	var session *http.Cookie
	browser := func(at int) func(method, path string, form url.Values) string {
		jar, err := cookiejar.New(nil)
		if err != nil {
			w.Fatal(err)
		}
		c := http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		return func(method, path string, form url.Values) string {
			r, err := http.NewRequestWithContext(w.Context(), method, w.apis[at].url+path, strings.NewReader(form.Encode()))
			if err != nil {
				w.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			a, err := c.Do(r)
			if err != nil {
				w.Fatal(err)
			}
			body, err := io.ReadAll(a.Body)
			_ = a.Body.Close()
			if err != nil || a.StatusCode != http.StatusSeeOther && a.StatusCode != http.StatusOK {
				w.Fatalf("%s: status %d, %v", path, a.StatusCode, err)
			}
			for _, c := range a.Cookies() {
				if c.Name == "paywatt_session" {
					session = c
				}
			}
			return string(body)
		}
	}
	who := url.Values{"email": {consoleOwner}, "password": {consolePassword}}
	browser(0)(http.MethodPost, "/setup", url.Values{"code": {strings.Trim(link[1], `"`)}, "email": who["email"], "name": {"Owner"}, "password": who["password"]})
	var f factor
	for in := range w.apis {
		do := browser(in)
		do(http.MethodPost, "/signin", who)
		f.passForm(w, do)
		if session == nil || time.Until(session.Expires).Abs() > 13*time.Hour {
			w.Fatalf("signed in at server %d with %v", in, session)
		}
		for at, a := range w.apis {
			got, err := a.do("GET", "/meters", nil, "Cookie", session.Name+"="+session.Value)
			if err != nil || got.status != 200 || !strings.Contains(string(got.body), number(51_001)) {
				w.Errorf("signed in at server %d, server %d answers %d (%v)", in, at, got.status, err)
			}
		}
	}
}

// meter connects to each server in turn, and every server sells to it.
func (w *towers) meter() {
	s := w.apis[2].meter(w, number(51_002))
	memory := filepath.Join(w.TempDir(), "meter")
	var want int64
	for at := range w.servers {
		vm := w.p.meterProcess(w, memory, w.servers[at].mqtt, s)
		vm.must(w, "sync")
		for from := range w.servers {
			a := w.sell(from, s.number, "mqtt")
			want += a.num(w, "units_wh")
			await.True(w, fmt.Sprintf("what server %d sold is in the meter at server %d", from, at), func() bool {
				return vm.must(w, "show").BalanceWh == want
			})
		}
		if got := vm.must(w, "sync"); got.BalanceWh != want {
			w.Errorf("the meter has %d Wh, want %d", got.BalanceWh, want)
		}
		vm.quit(w)
	}
	var twice struct {
		Data []struct{ State string }
	}
	if err := json.Unmarshal(w.apis[4].must(w, 200, "GET", "/v1/meters/"+s.number+"/tokens?limit=100", nil).body, &twice); err != nil {
		w.Fatal(err)
	}
	for _, t := range twice.Data {
		if t.State != "accepted" {
			w.Errorf("a token is %s", t.State)
		}
	}
	if n := len(w.servers) * len(w.servers); len(twice.Data) != n {
		w.Errorf("%d tokens, want %d", len(twice.Data), n)
	}
}

func (w *towers) books() {
	awaitProgram(w, "all is sealed and nothing is found", func() bool {
		w.off(40 * 24 * time.Hour) // the clock of the verifying machine may be off too
		a := answer{body: []byte(w.p.run(w, "", "verify", "--data", w.p.dir, "-o", "json"))}
		return a.num(w, "figures", "rows_waiting_for_their_seal") == 0
	})
	for _, s := range w.servers {
		if text := s.log.String(); strings.Contains(text, "level=ERROR") || strings.Contains(text, "panic") {
			w.Errorf("a server has logged an error:\n%s", text)
		}
	}
}
