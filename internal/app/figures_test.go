package app

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

var figuresSeed = flag.Uint64("figures.seed", 0, "seed of TestFiguresAgree; 0 for 1 in ./check, and a new one each day in ./check long")

const figuresPassword = "a few unrelated words"

// house is a meter of the test, with what happened to it.
type house struct {
	number, phone, sim string
	wallet, out        bool // out: the customer moved out
	did                []string
	seq                uint64
	register           int64
	n                  int64
}

// village is a server with some houses.
type village struct {
	t       *testing.T
	a       *App
	r       *rand.Rand
	c       *client.Client
	key     string
	url     string
	browser *http.Client
	now     time.Time
	houses  []*house

	mu    sync.Mutex
	texts map[string]string   // the last text to each telephone
	sent  map[string][]string // the last answer to BAL to each telephone, and the texts after it
	every map[string][]string // all texts to each telephone
	found map[string]int      // which of them lastText found last
}

// TestFiguresAgree: meters with tokens and with wallets, in random states; the list, the meter's page, the API, the answer by SMS, the
// customer's own page, the statement and the file show the same balance with the same time.
func TestFiguresAgree(t *testing.T) {
	tier.Slow(t)
	tier.OneGoroutine(t)
	seed := *figuresSeed
	switch {
	case seed == 0 && tier.IsLong():
		seed = uint64(time.Now().Unix() / 86_400)
	case seed == 0:
		seed = 1
	}
	t.Logf("repeat with -figures.seed %d", seed)
	// With a new hour the server posts what wallets used, and the figures would change while they are compared.
	began := time.Now()
	pastHour := began.UTC().Truncate(time.Hour).Add(5 * time.Minute)
	v := settleAt(t, seed, func() time.Time { return pastHour.Add(time.Since(began)) })
	for i := range tier.Houses.N() {
		v.build(i)
	}
	for _, h := range v.houses {
		v.live(h)
	}
	// The server posts by itself a minute after its start. Now it finds nothing to post.
	_, err := v.a.wallets.SettleDue(t.Context(), Clerk())
	v.must(err)
	v.ask()
	list, file, api := v.lists(), v.file(), v.meters()
	seen := map[string]int{}
	for _, h := range v.houses {
		v.compare(h, list[h.number], file[h.number], api[h.number])
		for _, what := range h.did {
			seen[what]++
		}
	}
	t.Log(seen)
	for _, what := range []string{"read", "reset", "sold", "reversed", "said with a token", "said by SMS", "moved out", "cut", "never heard"} {
		if seen[what] == 0 {
			t.Errorf("no meter was %s", what)
		}
	}
}

// settle starts the server. It has a gateway of telephones named phone1, after the given routes.
func settle(t *testing.T, seed uint64, routes ...config.Route) *village {
	t.Helper()
	return settleAt(t, seed, time.Now, routes...)
}

// settleAt is settle with a clock for the server.
func settleAt(t *testing.T, seed uint64, now func() time.Time, routes ...config.Route) *village {
	t.Helper()
	v := &village{t: t, r: rand.New(rand.NewPCG(seed, 7)), now: now().UTC().Truncate(time.Second), texts: map[string]string{}, sent: map[string][]string{}, every: map[string][]string{}, found: map[string]int{}}
	dir := t.TempDir()
	weak := keystore.Params{Time: 1, MemoryKiB: 8, Threads: 1}
	keys, err := keystore.Open(dir, keystore.Config{Params: weak})
	v.must(err)
	v.must(keys.Unlock([]byte("figures")))
	vk, err := sts.NewVendingKey(bytes.Repeat([]byte{0xab}, 8))
	v.must(err)
	_, err = keys.Add(keystore.Fact{SGC: "123456", KRN: 1, KT: sts.DUTK, DKGA: sts.DKGA02, BaseDate: sts.Base2014, KEN: 255, Test: true}, vk)
	v.must(err)
	secret := filepath.Join(dir, "secret")
	v.must(os.WriteFile(secret, bytes.Repeat([]byte("s"), 40), 0o600))
	gateway := httptest.NewServer(http.HandlerFunc(v.receive))
	t.Cleanup(gateway.Close)
	v.a, err = New(Config{Data: dir, HTTP: "127.0.0.1:0", MQTT: "127.0.0.1:0", Passphrase: []byte("figures"), Now: now, Test: true, Reserve: -1, KeyCost: weak, PublicURL: portalAt,
		PasswordCost: access.Argon{Time: 1, MemoryKiB: 8, Threads: 1},
		Routes:       append(routes, config.Route{Name: "phone1", Kind: config.RouteHTTP, Meters: true, Keys: map[string]string{"url": gateway.URL, "secret_file": secret}})})
	v.must(err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- v.a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	address, _ := v.a.Ready()
	v.url = "http://" + address
	v.enter()
	_, err = v.c.CreateTariff(t.Context(), apiv1.NewTariff{Name: "domestic", Price: apiv1.Price{Currency: "KES", VATBps: 1600, FlatMicro: new(int64(2_500_000))}})
	v.must(err)
	return v
}

// enter makes the owner, the key and a signed-in browser.
func (v *village) enter() {
	by, ctx := Clerk(), v.t.Context()
	invited, err := v.a.access.Invite(ctx, by, access.NewPerson{Email: "owner@example.org", Role: access.Owner})
	v.must(err)
	_, err = v.a.access.Accept(ctx, by.Tenant, invited.Link.Reveal(), access.SecretOf(figuresPassword), "")
	v.must(err)
	_, err = v.a.access.Confirm(ctx, by, "owner@example.org")
	v.must(err)
	made, err := v.a.access.CreateAPIKey(ctx, by, access.NewKey{Role: access.Owner, Name: "figures", Person: "owner@example.org"})
	v.must(err)
	v.key = made.Secret.Reveal()
	v.c, err = client.New(v.url, v.key, client.Config{})
	v.must(err)
	jar, err := cookiejar.New(nil)
	v.must(err)
	v.browser = &http.Client{Jar: jar}
	a, err := v.browser.PostForm(v.url+"/signin", url.Values{"email": {"owner@example.org"}, "password": {figuresPassword}})
	v.must(err)
	if v.must(a.Body.Close()); a.StatusCode != http.StatusOK || a.Request.URL.Path == "/signin" {
		v.t.Fatalf("signing in leads to %s: %s", a.Request.URL, a.Status)
	}
}

func (v *village) must(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

// receive is the gateway to telephones.
func (v *village) receive(w http.ResponseWriter, r *http.Request) {
	var m struct{ To, Text string }
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	v.mu.Lock()
	v.texts[m.To] = m.Text
	v.every[m.To] = append(v.every[m.To], m.Text)
	if isBalanceAnswer(m.Text) {
		v.sent[m.To] = nil
	}
	v.sent[m.To] = append(v.sent[m.To], m.Text)
	v.mu.Unlock()
}

// isBalanceAnswer reports whether a text answers BAL.
func isBalanceAnswer(text string) bool {
	return strings.HasPrefix(text, "Meter ") && strings.Contains(text, " left at ") || strings.Contains(text, " in the books") || strings.HasPrefix(text, "No balance")
}

// build registers the i-th meter: every second has a wallet.
func (v *village) build(i int) {
	body := fmt.Sprintf("04%08d", i)
	check, err := sts.Luhn(body)
	v.must(err)
	h := &house{number: body + string(check), phone: fmt.Sprintf("+2547%08d", 11_000_000+i), wallet: i%2 == 1}
	m := apiv1.NewMeter{Number: h.number, Mode: "prepay_wallet", Tariff: "domestic", Customer: &apiv1.Customer{Name: fmt.Sprintf("Customer %d", i), Phone: h.phone}}
	if !h.wallet {
		h.sim = fmt.Sprintf("+2547%08d", 22_000_000+i)
		m.Mode, m.SGC, m.KRN, m.KT, m.TI, m.SIMPhone = "prepay_token", "123456", new(int64(1)), new(int64(2)), "01", h.sim
	}
	_, err = v.c.AddMeter(v.t.Context(), m)
	v.must(err)
	row, err := v.a.registry.Meter(v.t.Context(), Clerk(), h.number)
	v.must(err)
	h.n = row.Meter.N
	v.houses = append(v.houses, h)
}

// live lets a few things happen to a meter.
func (v *village) live(h *house) {
	if v.r.IntN(8) == 0 {
		h.did = append(h.did, "never heard")
		if v.r.IntN(2) == 0 {
			v.sell(h)
		}
		return
	}
	at := v.now.Add(-time.Duration(2+v.r.IntN(300)) * time.Minute)
	for range 1 + v.r.IntN(5) {
		switch n := v.r.IntN(10); {
		case n < 4 || h.seq == 0:
			v.read(h, at)
		case n < 7:
			v.sell(h)
		case h.wallet && n == 7:
			_, err := v.c.CutSupply(v.t.Context(), h.number, "figures")
			v.must(err)
			h.did = append(h.did, "cut")
		case h.wallet:
			h.register = 0 // the register was reset
			v.read(h, at)
			h.did = append(h.did, "reset")
		case n < 9:
			v.typed(h, at)
		default:
			v.text(h.sim, fmt.Sprintf("Recharge OK. 1.0 kWh added. Balance %d.%d kWh", v.r.IntN(200), v.r.IntN(10)))
			h.did = append(h.did, "said by SMS")
		}
		at = at.Add(time.Duration(10+v.r.IntN(50)) * time.Second)
	}
	if h.wallet && v.r.IntN(10) == 0 {
		_, err := v.c.MoveOut(v.t.Context(), h.number, apiv1.MoveOut{Reason: "moved"}, "move-out-"+h.number)
		if err == nil { // a reading may wait for a decision
			h.out, h.did = true, append(h.did, "moved out")
		}
	}
}

// read stores a reading.
func (v *village) read(h *house, at time.Time) {
	h.register += int64(v.r.IntN(3000))
	relay, reasons := "closed", []string(nil)
	if v.r.IntN(5) == 0 {
		relay, reasons = "open", []string{"CREDIT"}
	}
	head := v.head(h, at)
	v.store(h, at, wire.Record{Kind: wire.KindReading, Head: head, Reading: &wire.Reading{Head: head, RegisterWh: h.register,
		BalanceWh: int64(v.r.IntN(200_000)), W: int64(v.r.IntN(3000)), MV: 230_000, Relay: relay, Reasons: reasons}})
	h.did = append(h.did, "read")
}

// typed stores the result of a token that was typed, with the balance after it.
func (v *village) typed(h *house, at time.Time) {
	head := v.head(h, at)
	v.store(h, at, wire.Record{Kind: wire.KindToken, Head: head, Token: &wire.Token{Head: head, TID: new(uint32(6_777_094 + v.r.IntN(1000))), BaseDate: 2014,
		Class: new(uint8(0)), SubClass: new(uint8(0)), Result: "accept", UnitsWh: 10_000, BalanceWh: int64(v.r.IntN(200_000)), Source: "keypad"}})
	h.did = append(h.did, "said with a token")
}

func (v *village) head(h *house, at time.Time) wire.Head {
	h.seq++
	return wire.Head{Seq: h.seq, At: at.Unix(), Up: h.seq * 60_000, Clock: wire.ClockValid}
}

// store gives a record of a meter to the server.
func (v *village) store(h *house, at time.Time, rec wire.Record) {
	done := make(chan error, 1)
	v.must(v.a.ingest([]metering.Record{{Tenant: store.FirstTenant, Meter: h.n, Number: h.number, ReceivedAt: at, Rec: rec}},
		func(_ []metering.Outcome, err error) { done <- err }))
	v.must(<-done)
}

// sell sells, and sometimes reverses the sale.
func (v *village) sell(h *house) {
	sold, err := v.c.Vend(v.t.Context(), apiv1.NewSale{Meter: h.number, Tender: apiv1.Amount{AmountMinor: int64(1000 + v.r.IntN(50_000)), Currency: "KES"}},
		fmt.Sprintf("figures-%s-%d", h.number, len(h.did)))
	v.must(err)
	h.did = append(h.did, "sold")
	if v.r.IntN(3) == 0 {
		if _, err := v.c.Reverse(v.t.Context(), sold.ID, "mistyped", fmt.Sprintf("back-%s-%d", h.number, len(h.did))); err == nil { // the money may be used
			h.did = append(h.did, "reversed")
		}
	}
}

// text sends a message to the server.
func (v *village) text(from, text string) {
	v.must(v.a.messages.Inbox(store.FirstTenant).Receive(v.t.Context(), notify.Incoming{Route: "phone1", From: from, Text: text,
		Identity: notify.IdentityOf("phone1", fmt.Sprintf("%s %s %d", from, text, v.r.Uint64()))}))
}

// ask sends BAL from every telephone, and waits for the answers.
func (v *village) ask() {
	for _, h := range v.houses {
		v.text(h.phone, "BAL")
	}
	await.True(v.t, "every telephone has its answer", func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		return !slices.ContainsFunc(v.houses, func(h *house) bool {
			texts := v.sent[h.phone]
			return !h.out && (len(texts) == 0 || !isBalanceAnswer(texts[0]))
		})
	})
}

// lastText waits for a text to a telephone that is as wanted, and returns the last such text. Another text may have come after it. Texts
// before the one that was found in an earlier call do not count.
func (v *village) lastText(phone, what string, wanted func(text string) bool) (text string) {
	v.t.Helper()
	await.True(v.t, "a text to "+phone+" "+what, func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		for i, one := range slices.Backward(v.every[phone]) {
			if i >= v.found[phone] && wanted(one) {
				text, v.found[phone] = one, i
				return true
			}
		}
		return false
	})
	return text
}

// page reads a page of the console.
func (v *village) page(path string) *html.Node {
	a, err := v.browser.Get(v.url + path)
	v.must(err)
	defer a.Body.Close()
	n, err := html.Parse(a.Body)
	v.must(err)
	if a.StatusCode != http.StatusOK || a.Request.URL.Path == "/signin" {
		v.t.Fatalf("GET %s leads to %s: %s", path, a.Request.URL, a.Status)
	}
	return n
}

// cells are the texts of the moving places below a node.
func cells(n *html.Node) map[string]string {
	out := map[string]string{}
	for d := range n.Descendants() {
		for _, a := range d.Attr {
			if a.Key == "data-cell" && d.FirstChild != nil {
				out[a.Val] = strings.NewReplacer(",", "", "\u2066", "", "\u2069", "", "\u00a0", " ", "\u202f", " ").Replace(d.FirstChild.Data)
			}
		}
	}
	return out
}

// lists reads the rows of the list of meters, sorted by what is left, page by page. The order must be that of the figures.
func (v *village) lists() map[string]map[string]string {
	out := map[string]map[string]string{}
	var before map[string]string
	for page := 1; page <= 4; page++ {
		for n := range v.page(fmt.Sprintf("/meters?sort=left&page=%d", page)).Descendants() {
			for _, a := range n.Attr {
				if number, row := strings.CutPrefix(a.Val, "m-"); n.Data == "tr" && a.Key == "id" && row {
					out[number] = cells(n)
					v.ordered(before, out[number])
					before = out[number]
				}
			}
		}
	}
	if len(out) != len(v.houses) {
		v.t.Errorf("the list has %d meters", len(out))
	}
	return out
}

// ordered checks that a wallet with less comes first.
func (v *village) ordered(a, b map[string]string) {
	var x, y float64
	if n, err := fmt.Sscanf(a["balance"], "KES %f", &x); err != nil || n != 1 {
		return
	}
	if n, err := fmt.Sscanf(b["balance"], "KES %f", &y); err == nil && n == 1 && x > y {
		v.t.Errorf("the list has %q before %q", a["balance"], b["balance"])
	}
}

// file reads the exported file.
func (v *village) file() map[string]map[string]string {
	a, err := v.browser.Get(v.url + "/export/meters")
	v.must(err)
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	v.must(err)
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(b, []byte("\ufeff")))).ReadAll()
	v.must(err)
	out := map[string]map[string]string{}
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, name := range rows[0] {
			m[name] = row[i]
		}
		out[m["number"]] = m
	}
	return out
}

// meters reads the list of the API.
func (v *village) meters() map[string]apiv1.Meter {
	out := map[string]apiv1.Meter{}
	l, err := v.c.Meters(v.t.Context(), apiv1.MeterListFilter{Page: apiv1.Page{Limit: 200}})
	v.must(err)
	for _, m := range l.Data {
		out[m.Number] = m
	}
	return out
}

// leftIn is what is left according to an answer of the API, with its time; empty if nobody knows it.
func leftIn(m apiv1.Meter) (figure string, at *time.Time) {
	switch {
	case m.Live != nil:
		return "KES " + minor(m.Live.AmountMinor), m.Live.AsOf
	case m.Said != nil:
		return unit.Energy(m.Said.Wh).KWh(1) + " kWh", &m.Said.At
	case m.BalanceWh != nil:
		return unit.Energy(*m.BalanceWh).KWh(1) + " kWh", m.AsOf
	}
	return "", nil
}

func minor(n int64) string {
	c, _ := money.CurrencyOf("KES")
	return money.Format(money.Minor(n), c)
}

var left = regexp.MustCompile(`(KES -?[0-9.]+|[0-9.]+ kWh) left at (?:its reading of )?(\d\d\.\d\d \d\d:\d\d)`)

// compare compares what is said of one meter.
func (v *village) compare(h *house, list, file map[string]string, listed apiv1.Meter) {
	one, err := v.c.Meter(v.t.Context(), h.number)
	v.must(err)
	page := cells(v.page("/meters/" + h.number))
	want, at := leftIn(one)
	wrong := func(where, got string) {
		v.t.Helper()
		v.t.Errorf("meter %s (%s): %s shows %q, the API %q at %v", h.number, strings.Join(h.did, ", "), where, got, want, at)
	}
	if got, when := leftIn(listed); got != want || (when == nil) != (at == nil) || at != nil && !when.Equal(*at) {
		wrong("the list of the API", got)
	}
	shown, asOf := page["balance"], page["asof"]
	if one.Live != nil {
		shown, asOf = page["estimate"], page["counted"]
		if page["balance"] != "KES "+minor(one.Balance.AmountMinor) {
			wrong("the page, in the books,", page["balance"])
		}
		statement := cells(v.page("/meters/" + h.number + "/wallet"))
		for where, c := range map[string]map[string]string{"the page, not yet booked,": page, "the page of the statement": statement} {
			if c["pending"] != "KES "+minor(one.Balance.AmountMinor-one.Live.AmountMinor) || c["estimate"] != want || c["balance"] != page["balance"] || c["pending-at"] != page["counted"] {
				wrong(where, c["balance"]+" | "+c["pending"]+" | "+c["estimate"]+" | "+c["pending-at"])
			}
		}
	}
	if want == "" {
		if list["balance"] != "–" || shown != "–" {
			wrong("a page", list["balance"]+" "+shown)
		}
	} else {
		figure, unitName, _ := strings.Cut(shown, " ")
		if list["balance"] != want || one.Live == nil && !strings.HasPrefix(figure+"0", strings.TrimSuffix(want, " kWh")) || one.Live == nil && unitName != "kWh" || one.Live != nil && shown != want {
			wrong("the list or the page", list["balance"]+" | "+shown)
		}
	}
	if at != nil && (!strings.Contains(list["asof"], at.UTC().Format("2006-01-02 15:04")) || !strings.Contains(asOf, at.UTC().Format("2006-01-02 15:04"))) {
		wrong("the list or the page", list["asof"]+" | "+asOf)
	}
	v.compareFile(file, one, wrong)
	if h.out {
		return
	}
	v.compareText(h, want, at, wrong)
	_, own := v.visitor().ask("GET", v.link(h), nil)
	n, err := html.Parse(strings.NewReader(own))
	v.must(err)
	if c := cells(n); c["balance"] != want || at != nil && !strings.Contains(c["asof"], at.UTC().Format("2006-01-02 15:04")) {
		wrong("the customer's page", c["balance"]+" | "+c["asof"])
	}
	if h.wallet {
		lines, err := v.c.WalletStatement(v.t.Context(), apiv1.WalletFilter{Account: h.number})
		v.must(err)
		if last := lines.Data[len(lines.Data)-1]; last.Kind != "closing" || last.BalanceMinor != one.Balance.AmountMinor {
			wrong("the statement", minor(last.BalanceMinor))
		}
	}
}

// compareFile compares the row of the file with the API.
func (v *village) compareFile(file map[string]string, one apiv1.Meter, wrong func(where, got string)) {
	number := func(n *int64) string {
		if n == nil {
			return ""
		}
		return fmt.Sprint(*n)
	}
	at := func(t *time.Time) string {
		if t == nil {
			return ""
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	want := map[string]string{"balance_wh": number(one.BalanceWh), "as_of": at(one.AsOf), "said_balance_wh": "", "said_balance_at": "", "balance_amount_minor": "",
		"live_amount_minor": "", "live_as_of": ""}
	if one.Said != nil {
		want["said_balance_wh"], want["said_balance_at"] = fmt.Sprint(one.Said.Wh), at(&one.Said.At)
	}
	if one.Live != nil {
		want["balance_amount_minor"], want["live_amount_minor"], want["live_as_of"] = fmt.Sprint(one.Balance.AmountMinor), fmt.Sprint(one.Live.AmountMinor), at(one.Live.AsOf)
	}
	for column, text := range want {
		if got, has := file[column]; !has || got != text {
			wrong("the file, in the column "+column+",", got)
		}
	}
}

var balance = regexp.MustCompile(`Balance (KES -?[0-9]+\.[0-9]{2})`)

// compareText compares the answer to BAL, and what a notice says that left after it.
func (v *village) compareText(h *house, want string, at *time.Time, wrong func(where, got string)) {
	v.mu.Lock()
	texts := slices.Clone(v.sent[h.phone])
	v.mu.Unlock()
	text := ""
	for i, later := range texts {
		if i == 0 {
			text = later
		}
		if says := balance.FindStringSubmatch(strings.ReplaceAll(later, ",", "")); says != nil && says[1] != want {
			wrong("a text after the answer", later)
		}
	}
	got := left.FindStringSubmatch(strings.ReplaceAll(text, ",", ""))
	switch {
	case want == "" && strings.HasPrefix(text, "No balance"):
	case want != "" && at == nil && strings.Contains(text, want+" in the books"):
	case want == "" || at == nil || got == nil || got[1] != want || got[2] != at.UTC().Format("02.01 15:04"):
		wrong("the answer by SMS", text)
	}
}
