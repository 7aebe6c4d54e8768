package main

import (
	"bufio"
	"bytes"
	"encoding/json"
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
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// alone runs the test in empty folders. check fails the test for every file that the demonstration left behind in them.
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
	tier.Slow(t)
	check := alone(t)
	var out, messages bytes.Buffer
	if code := run([]string{"demo", "--once"}, console{in: strings.NewReader(""), out: &out, err: &messages, getenv: os.Getenv, environ: os.Environ}); code != 0 {
		t.Fatalf("exit code %d, want 0\n%s%s", code, &out, &messages)
	}
	check()
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	steps := []string{"server", "console", "meter", "buy", "token", "keypad", "again", "push", "sms", "server off", "server on", "use", "warning 1",
		"warning 2", "cut-off", "recharge", "modem", "telephone", "sync", "history", "page", "ledger"}
	if len(lines) != len(steps)+1 || !strings.HasPrefix(lines[len(lines)-1], "all steps succeeded, ") || messages.Len() > 0 {
		t.Fatalf("want a line for each of %d steps, a last one and no messages:\n%s%s", len(steps), &out, &messages)
	}
	for i, step := range steps {
		if want := fmt.Sprintf("%2d %-10s ", i+1, step); !strings.HasPrefix(lines[i], want) || len(lines[i]) < len(want)+10 {
			t.Errorf("line %d is %q, want the figures of %q", i+1, lines[i], step)
		}
	}
}

// shown is the parsed output of the demonstration.
type shown struct {
	console, panels, phones, password, curl, door string
}

// showDemo starts the demonstration and reads its output up to the curl line. Calling end stops the demonstration, as Ctrl-C does.
func showDemo(t *testing.T, seed string) (s shown, end func()) {
	t.Helper()
	read, write := io.Pipe()
	var messages bytes.Buffer // written before the exit code is known
	code := make(chan int, 1)
	go func() {
		code <- run([]string{"demo", "--seed", seed}, console{in: strings.NewReader(""), out: write, err: &messages, getenv: os.Getenv, environ: os.Environ})
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
	s.door = find(`Open +(http://127.0.0.1:\d+/enter/\S+)`)
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
			t.Errorf("exit code %d after an interrupt, want 0\n%s", c, &messages)
		}
	}
}

// request parses the curl line as the shell does and makes it a request.
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

// fetch gets a page, or posts a form, and returns the page that the server finally answers with.
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
	tier.Slow(t)
	check := alone(t)
	s, end := showDemo(t, "7")
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
	var sold apiv1.Sale
	if err := json.NewDecoder(resp.Body).Decode(&sold); err != nil || resp.StatusCode != http.StatusCreated || len(sold.Tokens) != 1 || !sold.Test {
		t.Fatalf("the curl line: %s, %v, %+v", resp.Status, err, sold)
	}
	if !strings.Contains(dark, sold.Meter) {
		t.Errorf("the curl line sells to %s, want one of those in the dark: %s", sold.Meter, dark)
	}
	lit := pollMeter(t, api, sold.Meter, func(m apiv1.Meter) bool { return m.Relay == "closed" })
	pollMeter(t, api, sold.Meter, func(m apiv1.Meter) bool {
		return m.AsOf != nil && lit.AsOf != nil && m.AsOf.Sub(*lit.AsOf) >= 2*time.Minute
	})

	checkDoor(t, s)
	checkPages(t, s, sold)
	checkPhone(t, s)
	end()
	check()
}

func TestTheSameSeedGivesTheSameFleet(t *testing.T) {
	tier.Long(t)
	check := alone(t)
	past := func(seed string) (out []int64) {
		s, end := showDemo(t, seed)
		defer end()
		_, key := s.request(t)
		api, err := client.New(s.console, key, client.Config{})
		if err != nil {
			t.Fatal(err)
		}
		for page := (apiv1.Page{Limit: 200}); ; {
			l, err := api.Readings(t.Context(), apiv1.HistoryFilter{Meter: "04140001043", Page: page})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range l.Data {
				out = append(out, r.RegisterWh)
			}
			if page.Cursor = l.NextCursor; page.Cursor == "" {
				return out[max(0, len(out)-150):] // only the oldest readings; the household adds new ones all the time
			}
		}
	}
	one, again, other := past("7"), past("7"), past("8")
	if len(one) < 150 || !slices.Equal(one, again) || slices.Equal(one, other) {
		t.Errorf("registers %v, the same seed %v, another %v; want the first two the same", one, again, other)
	}
	check()
}

// checkFleet looks at the meters at the start of the demonstration and returns those without supply.
func checkFleet(t *testing.T, api *client.Client) (dark string) {
	t.Helper()
	l, err := api.Meters(t.Context(), apiv1.MeterListFilter{Page: apiv1.Page{Limit: 100}})
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
	if len(l.Data) != 20 || states["cut_off"] != 2 || states["low"] < 2 || states["on"] < 10 {
		t.Errorf("states %v of %d meters, want 2 of %d cut off, some low and most on", states, len(l.Data), 20)
	}
	books, err := api.TrialBalance(t.Context())
	if err != nil || books.SumMinor != 0 || len(books.Accounts) == 0 {
		t.Errorf("trial balance %+v, %v; want accounts that sum to 0", books, err)
	}
	return dark
}

// pollMeter waits until a meter is as it should be. The meter runs on its own clock and reports over the network.
func pollMeter(t *testing.T, api *client.Client, number string, is func(apiv1.Meter) bool) apiv1.Meter {
	t.Helper()
	var m apiv1.Meter
	await.True(t, "meter "+number+" is as it should be", func() bool {
		var err error
		if m, err = api.Meter(t.Context(), number); err != nil {
			t.Fatal(err)
		}
		return is(m)
	})
	return m
}

// checkPages signs in, follows the console's links to a meter's own panel, and types a used token there.
func checkPages(t *testing.T, s shown, sold apiv1.Sale) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: await.Limit}
	if page := fetch(t, browser, s.console+"/signin", url.Values{"email": {"owner@demo.paywatt"}, "password": {s.password}}); !strings.Contains(page, "TEST: no real money or supply") {
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

// checkDoor opens the one-time link: it signs in once and begins the tour, which goes through five steps and ends. The server itself has no
// such door.
func checkDoor(t *testing.T, s shown) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: await.Limit}
	answer := func(url, host string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := (&http.Client{Timeout: await.Limit}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := answer(s.door, "evil.example:80"); got != http.StatusMisdirectedRequest {
		t.Errorf("the link by another name: %d", got)
	}
	if got := answer(s.door[:len(s.door)-1]+"x", ""); got != http.StatusGone {
		t.Errorf("a wrong link: %d", got)
	}
	path := s.door[strings.Index(s.door, "/enter/"):]
	if page := fetch(t, &http.Client{Timeout: await.Limit}, s.console+path, nil); !strings.Contains(page, `action="/signin"`) {
		t.Errorf("the server has a door of its own:\n%s", page)
	}
	page := fetch(t, browser, s.door, nil)
	for step := 1; step <= 5; step++ {
		if !strings.Contains(page, fmt.Sprintf("Tour, step %d of 5", step)) || !strings.Contains(page, "time runs 60 times faster") {
			t.Fatalf("step %d of the tour:\n%s", step, page)
		}
		if step == 3 && !strings.Contains(page, s.panels+"04140001019/") {
			t.Errorf("step 3 does not lead to the panel:\n%s", page)
		}
		page = fetch(t, browser, s.console+"/tour", url.Values{"step": {strconv.Itoa((step + 1) % 6)}, "back": {"/meters"}})
	}
	if strings.Contains(page, "Tour, step") || !strings.Contains(page, "Sign out") {
		t.Errorf("after the tour:\n%s", page)
	}
	if got := answer(s.door, ""); got != http.StatusGone {
		t.Errorf("the link a second time: %d", got)
	}
}

// checkPhone asks a meter for its balance from the page of its customer's telephone.
func checkPhone(t *testing.T, s shown) {
	t.Helper()
	browser := &http.Client{Timeout: await.Limit}
	phone := s.phones + "+254700000001/"
	if page := fetch(t, browser, s.panels+"04140001001/", nil); !strings.Contains(html.UnescapeString(page), phone) {
		t.Errorf("the panel does not lead to %s:\n%s", phone, page)
	}
	page := fetch(t, browser, phone+"send", url.Values{"to": {"+254700000101"}, "text": {"*01#"}})
	await.True(t, "the answer is on the telephone", func() bool {
		answered := strings.Contains(page, "Balance ")
		page = fetch(t, browser, phone, nil)
		return answered
	})
}
