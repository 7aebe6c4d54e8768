package panelweb_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/face"
	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/internal/device/panelweb"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
)

func testKey(t *testing.T) sts.Key {
	t.Helper()
	k, err := sts.NewKey(sts.EA07, []byte{1, 2, 3, 4, 5, 6, 7, 8})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func digits(t *testing.T, tid sts.TID) string {
	t.Helper()
	token, err := sts.EncodeCredit(testKey(t), sts.Credit{TID: tid, Amount: 100})
	if err != nil {
		t.Fatal(err)
	}
	return token.Reveal()
}

// browser talks to a running panel.
type browser struct {
	t    *testing.T
	base string
	http *http.Client
}

func newDevice(t *testing.T) *device.Device {
	t.Helper()
	keys := meter.NewKeys(testKey(t), meter.KeyInfo{Base: sts.Base2014, Type: sts.DUTK, KEN: 255})
	dev, err := device.Open(device.Config{
		Number: "12345678903", Keys: &keys, Image: &memory.RAMImage{}, Log: memory.NewRAM(), Rand: strings.NewReader("12345678"),
		Now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC), Phones: []string{"+254700000001"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

func start(t *testing.T) *browser {
	t.Helper()
	dev := newDevice(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- panelweb.New(panelweb.Config{Device: dev, Log: slog.New(slog.DiscardHandler)}).Run(ctx, l)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the panel ended with %v", err)
		}
	})
	return &browser{t: t, base: "http://" + l.Addr().String(), http: &http.Client{Timeout: await.Limit}}
}

// get reads a page.
func (b *browser) get(path string) string {
	b.t.Helper()
	r, err := b.http.Get(b.base + path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		b.t.Fatalf("GET %s: %d, %v: %s", path, r.StatusCode, err, body)
	}
	return string(body)
}

// post sends a form as a browser without JavaScript does and returns the page it ends on.
func (b *browser) post(path string, form url.Values, header ...string) (int, string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestATokenIsTypedByPlainForms(t *testing.T) {
	b := start(t)
	if page := b.get("/"); !strings.Contains(page, "<p>CREDIT  0.00 kWh</p>") || !strings.Contains(page, "■ Off: credit") || !strings.Contains(page, "TEST") {
		t.Fatalf("the first page:\n%s", page)
	}
	for _, key := range digits(t, 5_871_715) + "#" {
		if status, page := b.post("/key", url.Values{"key": {string(key)}}); status != http.StatusOK || !strings.Contains(page, "<h1>") {
			t.Fatalf("key %c: %d", key, status)
		}
	}
	if page := b.get("/"); !strings.Contains(page, "<p>ACCEPTED  &#43;10.00</p><p>CREDIT 10.00 kWh</p>") || !strings.Contains(page, "▲ On, low credit") || !strings.Contains(page, "Last token: accept.") {
		t.Errorf("after the token:\n%s", page)
	}
	_, page := b.post("/sms", url.Values{"from": {"+254700000001"}, "text": {"*01#"}})
	if !strings.Contains(page, "Balance 10.0 kWh") && !strings.Contains(b.get("/"), "Balance 10.0 kWh") {
		t.Errorf("the answer to a message is not on the page:\n%s", page)
	}
}

func TestWrongInputSaysWhatIsWrong(t *testing.T) {
	b := start(t)
	for _, c := range []struct {
		path, name, value string
	}{
		{"/key", "key", "A"}, {"/load", "w", "much"}, {"/load", "w", "-5"}, {"/speed", "times", "7"},
	} {
		if status, page := b.post(c.path, url.Values{c.name: {c.value}}); status != http.StatusUnprocessableEntity || !strings.Contains(page, "That did not work") {
			t.Errorf("%s %s=%s: %d, want 422 and a reason", c.path, c.name, c.value, status)
		}
	}
	if status, _ := b.post("/nothing", nil); status != http.StatusNotFound {
		t.Errorf("an unknown form: %d, want 404", status)
	}
	if status, _ := b.post("/key", url.Values{"key": {strings.Repeat("1", 5000)}}); status != http.StatusBadRequest {
		t.Errorf("a form above 4 KiB: %d, want 400", status)
	}
	if status, _ := b.post("/mains", url.Values{"on": {"no"}}); status != http.StatusOK {
		t.Errorf("mains off: %d", status)
	}
	if status, page := b.post("/key", url.Values{"key": {"1"}}, "X-Panel", "1"); status != http.StatusUnprocessableEntity || !strings.Contains(page, "no mains") {
		t.Errorf("a key without mains: %d %q", status, page)
	}
}

func TestTheSignsAndTheCover(t *testing.T) {
	b := start(t)
	if page := b.get("/"); !strings.Contains(page, "<li>low credit</li>") || !strings.Contains(page, `<dd id="cover">closed</dd>`) {
		t.Errorf("a new meter:\n%s", page)
	}
	if _, page := b.post("/cover", url.Values{"open": {"yes"}}); !strings.Contains(page, `<dd id="cover">open</dd>`) {
		t.Errorf("with its cover open:\n%s", page)
	}
	if _, page := b.post("/cover", url.Values{"open": {"no"}}); !strings.Contains(page, `<dd id="cover">closed</dd>`) {
		t.Errorf("closed again:\n%s", page)
	}
}

func TestAnotherSiteCannotPressKeys(t *testing.T) {
	b := start(t)
	if status, _ := b.post("/key", url.Values{"key": {"1"}}, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Errorf("a key press from another site: %d, want 403", status)
	}
	r, err := b.http.Get(b.base + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if csp := r.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'self'; script-src 'self'; style-src 'self';") ||
		strings.Contains(csp, "unsafe") || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", r.Header)
	}
}

// TestANameThatLeadsHereIsNoWayIn checks DNS rebinding: another site can point its own name at this machine, and the
// browser then takes the panel for a page of that site.
func TestANameThatLeadsHereIsNoWayIn(t *testing.T) {
	b := start(t)
	port := b.base[strings.LastIndex(b.base, ":"):]
	for host, want := range map[string]int{
		"evil.example" + port: http.StatusMisdirectedRequest, "127.0.0.1.evil.example" + port: http.StatusMisdirectedRequest,
		"localhost.evil.example": http.StatusMisdirectedRequest,
		"localhost" + port:       http.StatusOK, "LOCALHOST": http.StatusOK, "[::1]" + port: http.StatusOK, "127.0.0.1" + port: http.StatusOK,
		"192.168.1.7" + port: http.StatusOK, "meter.localhost" + port: http.StatusOK,
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			path, body := "/", ""
			if method == http.MethodPost {
				path, body = "/key", "key=1"
			}
			r, err := http.NewRequestWithContext(t.Context(), method, b.base+path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("X-Panel", "1")
			answer, err := b.http.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if got := answer.StatusCode; got != want && (want != http.StatusOK || got != http.StatusNoContent) {
				t.Errorf("%s %s by the name %s: %d, want %d", method, path, host, got, want)
			}
		}
	}
}

func TestTheDisplayIsLiveAndTimePasses(t *testing.T) {
	b := start(t)
	r, err := b.http.Get(b.base + "/live")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if status, _ := b.post("/speed", url.Values{"times": {"600"}}, "X-Panel", "1"); status != http.StatusNoContent {
		t.Fatalf("speed: %d", status)
	}
	if status, _ := b.post("/load", url.Values{"w": {"750"}}, "X-Panel", "1"); status != http.StatusNoContent {
		t.Fatalf("load: %d", status)
	}
	lines := bufio.NewScanner(r.Body)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var v face.View
		if err := json.Unmarshal([]byte(data), &v); err != nil {
			t.Fatal(err)
		}
		if v.Speed == 600 && v.Load == 750 && v.Time > "2026-11-20 08:01:00 UTC" && len(v.LCD) == 2 {
			return // a virtual minute in a tenth of a second
		}
	}
	t.Errorf("the stream ended before a minute had passed: %v", lines.Err())
}

// TestNothingIsInline checks that the pages have no inline scripts or styles, which the content security policy would
// block.
func TestNothingIsInline(t *testing.T) {
	page := start(t).get("/")
	for _, bad := range []string{"style=", "<style", "onclick", "onload", "javascript:", "<script>"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
}

// TestColoursCanBeRead computes the contrast of every pair of text and background in both schemes.
func TestColoursCanBeRead(t *testing.T) {
	css, err := os.ReadFile("panel.css")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(string(css), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d colour schemes, want light and dark", len(blocks))
	}
	for i, scheme := range []string{"light", "dark"} {
		colour := map[string]float64{}
		for _, m := range regexp.MustCompile(`--(\w+): #(\w{6})`).FindAllStringSubmatch(blocks[i][1], -1) {
			colour[m[1]] = luminance(t, m[2])
		}
		for _, pair := range [][2]string{
			{"ink", "bg"}, {"ink", "card"}, {"muted", "bg"}, {"muted", "card"}, {"ok", "okbg"}, {"warn", "warnbg"}, {"bad", "badbg"},
			{"off", "offbg"}, {"onbrand", "brand"}, {"lcdink", "lcd"},
		} {
			if got := contrast(colour[pair[0]], colour[pair[1]]); got < 4.5 {
				t.Errorf("%s: %s on %s has contrast %.2f, want 4.5", scheme, pair[0], pair[1], got)
			}
		}
		if got := contrast(colour["control"], colour["card"]); got < 3 {
			t.Errorf("%s: control borders have contrast %.2f, want 3", scheme, got)
		}
	}
}

func contrast(a, b float64) float64 { return (max(a, b) + 0.05) / (min(a, b) + 0.05) }

// luminance is the relative luminance of WCAG 2.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func TestAHostCanMountThePanelAnywhere(t *testing.T) {
	keys := meter.NewKeys(testKey(t), meter.KeyInfo{Base: sts.Base2014, Type: sts.DUTK, KEN: 255})
	dev, err := device.Open(device.Config{
		Number: "12345678903", Keys: &keys, Image: &memory.RAMImage{}, Log: memory.NewRAM(), Rand: strings.NewReader("12345678"),
		Now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC),
	})
	if err != nil {
		t.Fatal(err)
	}
	p := panelweb.New(panelweb.Config{Device: dev, Log: slog.New(slog.DiscardHandler), OwnTime: true})
	do := func(_ context.Context, f func() error) error { // only this test's goroutine uses it
		err := f()
		p.Look()
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/meters/12345678903/", http.StripPrefix("/meters/12345678903", p.Handler(do)))
	srv := httptest.NewServer(mux)
	defer srv.Close()
	b := &browser{t: t, base: srv.URL + "/meters/12345678903", http: srv.Client()}
	if status, page := b.post("/key", url.Values{"key": {"*"}}); status != http.StatusOK || !strings.Contains(page, "<p>1 RECHARGE</p>") {
		t.Errorf("the menu key: %d\n%s", status, page)
	}
	if status, _ := b.post("/speed", url.Values{"times": {"60"}}); status != http.StatusNotFound || strings.Contains(b.get("/"), "Time passes") {
		t.Errorf("the page controls a time that is not its own: %d", status)
	}
}

func TestTheLiveDisplaysAreLimited(t *testing.T) {
	b := start(t)
	var refused int
	for i := range 40 {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.base+"/live", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := b.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode == http.StatusServiceUnavailable {
			refused++
		} else if answer.StatusCode != http.StatusOK {
			t.Fatalf("display %d: %s", i, answer.Status)
		}
	}
	if refused != 8 {
		t.Errorf("%d of 40 live displays were refused, want 8", refused)
	}
}
