package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/client"
)

// alone puts the test into empty folders: what is in them afterwards the demonstration has left behind.
func alone(t *testing.T) (check func()) {
	t.Helper()
	temp, here, home := t.TempDir(), t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("HOME", home)
	t.Setenv("PAYWATT_DATA", filepath.Join(home, "data"))
	t.Setenv("PAYWATT_KEY", "pk_of_somebody_else")
	t.Chdir(here)
	return func() {
		t.Helper()
		for _, dir := range []string{temp, here, home} {
			left, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range left {
				t.Errorf("%s is left behind", filepath.Join(dir, f.Name()))
			}
		}
	}
}

func TestTheDemoPlaysItsWholeStory(t *testing.T) {
	check := alone(t)
	var out, messages bytes.Buffer
	if code := run([]string{"demo", "--once"}, console{in: strings.NewReader(""), out: &out, err: &messages, getenv: os.Getenv, environ: os.Environ}); code != 0 {
		t.Fatalf("exit code %d, want 0\n%s%s", code, &out, &messages)
	}
	check()
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	steps := (&demoStory{}).steps()
	if len(lines) != len(steps)+1 || !strings.HasPrefix(lines[len(lines)-1], "every step held, ") || messages.Len() > 0 {
		t.Fatalf("want a line for each of %d steps, a last one and no messages:\n%s%s", len(steps), &out, &messages)
	}
	for i, step := range steps {
		if want := fmt.Sprintf("%2d %-10s ", i+1, step.name); !strings.HasPrefix(lines[i], want) || len(lines[i]) < len(want)+10 {
			t.Errorf("line %d is %q, want the figures of %q", i+1, lines[i], step.name)
		}
	}
}

func TestAStepThatDoesNotHoldEndsTheStory(t *testing.T) {
	played := 0
	step := func(err error) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { played++; return "figures", err }
	}
	var out bytes.Buffer
	err := play(t.Context(), &out, []demoStep{
		{"first", step(nil)}, {"second", step(expect("balance_wh", 34_600, 34_700))}, {"third", step(nil)},
	})
	var f *failure
	if !errors.As(err, &f) || f.code != exitFailed || f.what != "Step 2, second, did not hold: balance_wh is 34600, expected 34700." {
		t.Errorf("got %v, want the failure of step 2 with the figures", err)
	}
	if out.String() != " 1 first      figures\n" || played != 2 {
		t.Errorf("printed %q after %d steps, want the first step only and the third not played", &out, played)
	}
}

// The figures of the story again, from the rules: the most tenths of a kilowatt-hour that the money buys, VAT rounded
// half up, the rest carried on.
func TestTheSalesOfTheStoryAreWorkedOutRight(t *testing.T) {
	price := func(tenths int64) (energy, vat int64) {
		energy = tenths * 25 // 2.50 a kWh
		return energy, (energy*15 + 50) / 100
	}
	var carried int64
	for i, d := range demoSales {
		energy, vat := price(d.units / 100)
		have := d.tender + carried
		if d.units%100 != 0 || energy != d.energy || vat != d.vat || d.carryIn != carried || energy+vat+d.carry != have {
			t.Errorf("sale %d: %+v does not add up: energy %d, VAT %d, %d to spend", i+1, d, energy, vat, have)
		}
		if more, moreVAT := price(d.units/100 + 1); more+moreVAT <= have {
			t.Errorf("sale %d: %d Wh, but %d more would fit", i+1, d.units, 100)
		}
		carried = d.carry
	}
}

func TestASaleWithAnyWrongFigureIsFound(t *testing.T) {
	d := demoSales[1]
	good := func() client.Vend {
		return client.Vend{State: "completed", Tender: client.Amount{AmountMinor: d.tender, Currency: "KES"}, UnitsWh: d.units, Test: true,
			Lines: []client.Line{{Kind: "energy", AmountMinor: d.energy}, {Kind: "vat", AmountMinor: d.vat}, {Kind: "carry", AmountMinor: d.carry},
				{Kind: "carry_in", AmountMinor: -d.carryIn}}, Tokens: []client.Token{{UnitsWh: d.units}}}
	}
	if err := d.check(good()); err != nil {
		t.Fatalf("the right sale: %v", err)
	}
	for name, spoil := range map[string]func(*client.Vend){
		"state": func(v *client.Vend) { v.State = "issued" }, "tender": func(v *client.Vend) { v.Tender.Currency = "USD" },
		"units": func(v *client.Vend) { v.UnitsWh++ }, "energy": func(v *client.Vend) { v.Lines[0].AmountMinor++ },
		"VAT": func(v *client.Vend) { v.Lines[1].AmountMinor-- }, "carry": func(v *client.Vend) { v.Lines[2].AmountMinor = 0 },
		"carry in": func(v *client.Vend) { v.Lines = v.Lines[:3] }, "another line": func(v *client.Vend) { v.Lines = append(v.Lines, client.Line{Kind: "fee", AmountMinor: 1}) },
		"no token": func(v *client.Vend) { v.Tokens = nil }, "token": func(v *client.Vend) { v.Tokens[0].UnitsWh -= 100 },
		"TEST": func(v *client.Vend) { v.Test = false },
	} {
		v := good()
		if spoil(&v); d.check(v) == nil {
			t.Errorf("a sale with a wrong %s passes", name)
		}
	}
}

func TestTheTailKeepsTheEnd(t *testing.T) {
	var log tail
	for i := range 10_000 {
		fmt.Fprintf(&log, "line %05d\n", i)
	}
	var out bytes.Buffer
	if _, err := log.WriteTo(&out); err != nil || out.Len() != tailSize || !strings.HasSuffix(out.String(), "line 09999\n") {
		t.Errorf("%d bytes kept (%v), want %d that end in the last line", out.Len(), err, tailSize)
	}
}

// shown is what the demonstration prints, taken apart.
type shown struct {
	console, panels, phones, password, curl string
}

// showDemo starts the demonstration and reads what it prints up to the curl line. end ends it, as Ctrl-C does.
func showDemo(t *testing.T) (s shown, end func()) {
	t.Helper()
	read, write := io.Pipe()
	var messages tail
	code := make(chan int, 1)
	go func() {
		code <- run([]string{"demo", "--seed", "7"}, console{in: strings.NewReader(""), out: write, err: &messages, getenv: os.Getenv, environ: os.Environ})
		write.Close()
	}()
	var text strings.Builder
	lines := bufio.NewScanner(read)
	for s.curl == "" && lines.Scan() {
		fmt.Fprintln(&text, lines.Text())
		if strings.HasPrefix(lines.Text(), "curl ") {
			s.curl = lines.Text()
		}
	}
	find := func(pattern string) string {
		m := regexp.MustCompile(pattern).FindStringSubmatch(text.String())
		if m == nil {
			t.Errorf("no %s in what the demonstration prints:\n%s", pattern, &text)
			return ""
		}
		return m[1]
	}
	s.phones = find(`Phones +(http://127.0.0.1:\d+/phone/)`)
	s.console, s.panels, s.password = find(`Console +(http://127.0.0.1:\d+)/`), find(`Meters +(http://127.0.0.1:\d+/)`), find(`password +(\S+)`)
	go func() { _, _ = io.Copy(io.Discard, read) }()
	return s, func() {
		t.Helper()
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if err := self.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if c := <-code; c != 0 {
			var log bytes.Buffer
			_, _ = messages.WriteTo(&log)
			t.Errorf("exit code %d after an interrupt, want 0\n%s", c, &log)
		}
	}
}

// request is the curl line as the shell understands it, made into a request.
func (s shown) request(t *testing.T) (*http.Request, string) {
	t.Helper()
	out, err := exec.Command("sh", "-c", `curl() { for a in "$@"; do echo "$a"; done; }; `+s.curl).Output()
	if err != nil {
		t.Fatalf("the shell does not take %q: %v", s.curl, err)
	}
	args := strings.Split(strings.TrimSpace(string(out)), "\n")
	header := http.Header{}
	var address, body string
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-s":
		case "-H":
			i++
			name, value, _ := strings.Cut(args[i], ": ")
			header.Set(name, value)
		case "-d":
			i++
			body = args[i]
		default:
			address = args[i]
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	return req, strings.TrimPrefix(header.Get("Authorization"), "Bearer ")
}

// fetch gets a page or posts a form and returns the page it leads to.
func fetch(t *testing.T, browser *http.Client, address string, form url.Values) string {
	t.Helper()
	resp, err := browser.Get(address)
	if form != nil {
		resp, err = browser.PostForm(address, form)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v\n%s", address, resp.Status, err, b)
	}
	return string(b)
}

func TestTheDemoShowsALivingFleet(t *testing.T) {
	check := alone(t)
	s, end := showDemo(t)
	req, key := s.request(t)
	api, err := client.New(s.console, key, client.Config{})
	if err != nil {
		t.Fatal(err)
	}
	dark := checkFleet(t, api)

	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var sold client.Vend
	if err := json.NewDecoder(resp.Body).Decode(&sold); err != nil || resp.StatusCode != http.StatusCreated || len(sold.Tokens) != 1 || !sold.Test {
		t.Fatalf("the curl line: %s, %v, %+v", resp.Status, err, sold)
	}
	if !strings.Contains(dark, sold.Meter) {
		t.Errorf("the curl line sells to %s, want one of those in the dark: %s", sold.Meter, dark)
	}
	lit := pollMeter(t, api, sold.Meter, func(m client.Meter) bool { return m.Relay == "closed" })
	pollMeter(t, api, sold.Meter, func(m client.Meter) bool {
		return m.AsOf != nil && lit.AsOf != nil && m.AsOf.Sub(*lit.AsOf) >= readEvery
	})

	checkPages(t, s, sold)
	checkPhone(t, s)
	end()
	check()
}

func TestTheSameSeedGivesTheSameFleet(t *testing.T) {
	check := alone(t)
	registers := func(seed uint64) (out []int64) {
		p, err := newDemoPlace(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := p.start(); err != nil {
			t.Fatal(err)
		}
		f, err := newDemoFleet(t.Context(), p, nil, seed)
		if err != nil {
			t.Error(err)
		}
		for _, m := range f.meters {
			out = append(out, m.dev.View().RegisterWh)
		}
		if err := errors.Join(f.close(), p.stop(), p.remove()); err != nil {
			t.Error(err)
		}
		return out
	}
	one, again, other := registers(1), registers(1), registers(2)
	if !slices.Equal(one, again) || slices.Equal(one, other) {
		t.Errorf("registers %v, the same seed %v, another %v; want the first two the same", one, again, other)
	}
	check()
}

// checkFleet looks at the meters as the demonstration begins, and returns those in the dark.
func checkFleet(t *testing.T, api *client.Client) (dark string) {
	t.Helper()
	l, err := api.Meters(t.Context(), client.Page{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]int{}
	for _, m := range l.Data {
		states[m.State]++
		if !m.Simulated || !m.Connected || m.Customer == nil || m.Customer.Name == "" {
			t.Errorf("meter %+v, want a simulated one of a customer, connected", m)
		}
		if m.State == "cut_off" {
			dark += m.Number + " "
		}
	}
	if len(l.Data) != len(households) || states["cut_off"] != 2 || states["low"] < 2 || states["on"] < 10 {
		t.Errorf("states %v of %d meters, want 2 of %d cut off, some low and most on", states, len(l.Data), len(households))
	}
	books, err := api.TrialBalance(t.Context())
	if err != nil || books.SumMinor != 0 || len(books.Accounts) == 0 {
		t.Errorf("trial balance %+v, %v; want accounts that sum to 0", books, err)
	}
	return dark
}

// pollMeter waits until a meter is as it should be. It lives in its own time and tells of it over the network.
func pollMeter(t *testing.T, api *client.Client, number string, is func(client.Meter) bool) client.Meter {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		m, err := api.Meter(t.Context(), number)
		if err != nil {
			t.Fatal(err)
		}
		if is(m) {
			return m
		}
		select {
		case <-deadline:
			t.Fatalf("meter %s did not get there: %+v", number, m)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// checkPages signs in, follows the console's way to a meter's own panel, and types there a token that is used already.
func checkPages(t *testing.T, s shown, sold client.Vend) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: 20 * time.Second}
	if page := fetch(t, browser, s.console+"/signin", url.Values{"email": {demoOwner}, "password": {s.password}}); !strings.Contains(page, testBar) {
		t.Error("the console is not marked TEST")
	}
	panel := s.panels + sold.Meter + "/"
	if page := fetch(t, browser, s.console+"/meters/"+sold.Meter, nil); !strings.Contains(page, panel) {
		t.Errorf("the meter's page in the console does not lead to %s", panel)
	}
	if page := fetch(t, browser, s.panels, nil); !strings.Contains(page, `href="`+sold.Meter+`/"`) || !strings.Contains(page, "TEST") {
		t.Errorf("the list of panels lacks meter %s or the mark TEST", sold.Meter)
	}
	if page := fetch(t, browser, panel+"key", url.Values{"key": {sold.Tokens[0].Digits + "#"}}); !strings.Contains(page, "USED BEFORE") || !strings.Contains(page, "TEST") {
		t.Errorf("the panel after a used token:\n%s", page)
	}
	for _, on := range []string{"no", "yes"} {
		if page := fetch(t, browser, panel+"mains", url.Values{"on": {on}}); strings.Contains(page, "No mains") != (on == "no") {
			t.Errorf("the panel after mains %q:\n%s", on, page)
		}
	}
}

// checkPhone asks a meter for its balance from the page of its customer's telephone.
func checkPhone(t *testing.T, s shown) {
	t.Helper()
	browser := &http.Client{Timeout: 20 * time.Second}
	phone := s.phones + households[0].phone + "/"
	if page := fetch(t, browser, s.panels+households[0].number+"/", nil); !strings.Contains(html.UnescapeString(page), phone) {
		t.Errorf("the panel does not lead to %s:\n%s", phone, page)
	}
	page := fetch(t, browser, phone+"send", url.Values{"to": {simOf(0)}, "text": {"*01#"}})
	for end := time.Now().Add(20 * time.Second); !strings.Contains(page, "Balance "); page = fetch(t, browser, phone, nil) {
		if time.Now().After(end) {
			t.Fatalf("no answer on the telephone:\n%s", page)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
