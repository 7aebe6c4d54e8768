package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/tier"
)

// running is a server in this process.
type running struct {
	t     *testing.T
	lines *bufio.Scanner
	log   *shared
	stop  context.CancelFunc
	ended chan error
}

// shared is a buffer that a server writes and a test reads.
type shared struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func startServe(t *testing.T, args ...string) *running {
	t.Helper()
	return startServeWith(t, periods{}, args...)
}

func startServeWith(t *testing.T, p periods, args ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	r := &running{t: t, lines: bufio.NewScanner(out), log: &shared{}, stop: stop, ended: make(chan error, 1)}
	go func() {
		root := newRoot(console{in: strings.NewReader(""), out: in, err: r.log, getenv: func(string) string { return "" }, periods: p})
		root.SetArgs(append([]string{"serve", "--mqtt", "127.0.0.1:0"}, args...))
		root.SetOut(in)
		root.SetErr(r.log)
		err := root.ExecuteContext(ctx)
		in.Close()
		r.ended <- err
	}()
	t.Cleanup(func() { stop() })
	return r
}

// line waits for the next line of standard output and returns what the pattern's group matches.
func (r *running) line(pattern string) string {
	r.t.Helper()
	if !r.lines.Scan() {
		r.t.Fatalf("no further line, want %s; %v\n%s", pattern, <-r.ended, r.log)
	}
	m := regexp.MustCompile(pattern).FindStringSubmatch(r.lines.Text())
	if m == nil {
		r.t.Fatalf("got %q, want %s\n%s", r.lines.Text(), pattern, r.log)
	}
	return m[len(m)-1]
}

// link returns the address of the page with details, which safe mode prints.
func (r *running) link() string {
	r.t.Helper()
	m := regexp.MustCompile(`Safe mode: (\S+) says`).FindStringSubmatch(r.log.String())
	if m == nil {
		r.t.Fatalf("no link:\n%s", r.log)
	}
	return m[1]
}

func (r *running) end() error {
	r.t.Helper()
	r.stop()
	go func() {
		for r.lines.Scan() { // so that nothing waits to write
		}
	}()
	return <-r.ended
}

// visitor is a browser that keeps cookies.
func visitor(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

// ask requests a page. The header has names and values in turn.
func ask(t *testing.T, client *http.Client, method, url string, header ...string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// brokenSettings has a mistake in its third line, and secrets in other places.
const brokenSettings = "# hunter0\nstore = \"postgres://me:hunter1@127.0.0.1/x\"\nhttp 127.0.0.1:1 \"hunter2\n[[sms_route]]\nname = \"a\"\nuser = \"hunter3\"\n"

func TestABrokenSettingsFileIsExplainedAndMended(t *testing.T) {
	tier.Slow(t)
	dir := filepath.Join(t.TempDir(), "data")
	first := startServe(t, "--data", dir, "--http", "127.0.0.1:0")
	owner := signedInOwner(t, first.line(`^http=(\S+) mqtt=`), first.log)
	if err := first.end(); err != nil {
		t.Fatal(err)
	}
	settings := filepath.Join(dir, "paywatt.toml")
	writeFile(t, settings, brokenSettings)
	r := startServe(t, "--data", dir, "--http", "127.0.0.1:0")
	base := "http://" + r.line(`^safe-mode http=(\S+) code=config-broken$`)
	stranger, local := &http.Client{}, visitor(t)
	ask(t, local, "GET", r.link())

	status, page := ask(t, local, "GET", base+"/meters")
	if status != 503 || !strings.Contains(page, "Line 3") || !strings.Contains(page, settings) || !strings.Contains(page, "(hidden)") || strings.Contains(page, "hunter") {
		t.Errorf("with the link: %d\n%s", status, page)
	}
	// A proxy on this machine that adds no headers brings strangers from a loopback address, so that address shows nothing either.
	for _, far := range [][]string{nil, {"X-Forwarded-For", "203.0.113.7"}, {"Host", "evil.example"}, {"Cookie", "paywatt_safe=guessed"}, {"Cookie", "paywatt_session=guessed"}} {
		if status, page := ask(t, stranger, "GET", base+"/", far...); status != 503 || strings.Contains(page, dir) || strings.Contains(page, "Line 3") || !strings.Contains(page, "has a mistake") {
			t.Errorf("a stranger with %v: %d\n%s", far, status, page)
		}
	}
	if _, page := ask(t, owner, "GET", base+"/", "X-Forwarded-For", "203.0.113.7"); !strings.Contains(page, "Line 3") || strings.Contains(page, "hunter") {
		t.Errorf("an owner elsewhere does not see the line:\n%s", page)
	}
	french := visitor(t)
	if resp, err := french.PostForm(base+"/language", url.Values{"language": {"fr"}, "back": {"/"}}); err != nil || resp.Body.Close() != nil {
		t.Fatal(err)
	}
	if _, page := ask(t, french, "GET", base+"/"); !strings.Contains(page, "Mode de secours") {
		t.Errorf("the page in French:\n%s", page)
	}
	if status, body := ask(t, stranger, "GET", base+"/livez"); status != 200 || !strings.Contains(body, "true") {
		t.Errorf("/livez: %d %s", status, body)
	}
	for _, path := range []string{"/readyz", "/v1/vends"} {
		if status, body := ask(t, stranger, "POST", base+path); status != 503 || !strings.Contains(body, `"code":"config-broken"`) || !strings.Contains(body, `"money_moved":"no"`) || strings.Contains(body, dir) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if strings.Contains(r.log.String(), "hunter") {
		t.Errorf("the log has a secret:\n%s", r.log)
	}

	// The second mistake appears once the first is mended; then the server starts.
	writeFile(t, settings, "mqtt = \"127.0.0.1:0\"\nlog_levle = \"hunter4\"\n")
	if status, _ := ask(t, local, "POST", base+"/look"); status != 503 { // it leads back to the page
		t.Errorf("looking again: %d", status)
	}
	await.True(t, "the page shows the second mistake", func() bool {
		_, page := ask(t, local, "GET", base+"/")
		return strings.Contains(page, "log_levle (file") && strings.Contains(page, "Line 2") && !strings.Contains(page, "hunter")
	})
	writeFile(t, settings, "log_level = \"warn\"\n")
	ask(t, &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, "POST", base+"/look")
	base = "http://" + r.line(`^http=(\S+) mqtt=`)
	if status, body := ask(t, stranger, "GET", base+"/signin"); status != 200 {
		t.Errorf("after mending: %d %s", status, body)
	}
	if err := r.end(); err != nil {
		t.Error(err)
	}
}

// TestALockedFolderIsExplained: the page names the folder, and the server starts when the other one ends. Stopped before, it ends as if there
// were no safe mode.
func TestALockedFolderIsExplained(t *testing.T) {
	tier.Slow(t)
	dir := filepath.Join(t.TempDir(), "data")
	first := startServe(t, "--data", dir, "--http", "127.0.0.1:0")
	first.line(`^http=(\S+) mqtt=`)
	second := startServe(t, "--data", dir, "--http", "127.0.0.1:0")
	base := "http://" + second.line(`^safe-mode http=(\S+) code=database-in-use$`)
	if status, page := ask(t, visitor(t), "GET", second.link()); status != 503 || !strings.Contains(page, dir) || !strings.Contains(page, "sells nothing") {
		t.Errorf("%d\n%s", status, page)
	}
	third := startServe(t, "--data", dir, "--http", "127.0.0.1:0")
	third.line(`^safe-mode`)
	if f, ok := third.end().(*exit.Failure); !ok || f.Code != exit.Failed || !strings.Contains(f.What, "using this data folder") {
		t.Errorf("stopped in safe mode: %v", f)
	}
	if err := first.end(); err != nil {
		t.Fatal(err)
	}
	ask(t, &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, "POST", base+"/look")
	second.line(`^http=(\S+) mqtt=`)
	if err := second.end(); err != nil {
		t.Error(err)
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// signedInOwner makes the owner of a new server and returns a browser in which that owner is signed in.
func signedInOwner(t *testing.T, addr string, log fmt.Stringer) *http.Client {
	t.Helper()
	browser := visitor(t)
	code := regexp.MustCompile(`setup\?code=(\S+)`).FindStringSubmatch(log.String())
	if code == nil {
		t.Fatalf("no link:\n%s", log)
	}
	person := url.Values{"code": {code[1]}, "name": {"Olu"}, "email": {"owner@example.org"}, "password": {"several plain words"}}
	for _, path := range []string{"/setup", "/signin"} {
		resp, err := browser.PostForm("http://"+addr+path, person)
		if err != nil || resp.StatusCode != 200 {
			t.Fatal(path, resp, err)
		}
		resp.Body.Close()
	}
	_, page := ask(t, browser, "GET", "http://"+addr+"/signin/app")
	secret := regexp.MustCompile(`<span class="mono">([A-Z2-7 ]+)<`).FindStringSubmatch(page)
	if secret == nil {
		t.Fatalf("no secret of a second factor:\n%s", page)
	}
	now, err := totp.GenerateCode(strings.ReplaceAll(secret[1], " ", ""), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	resp, err := browser.PostForm("http://"+addr+"/signin/code", url.Values{"code": {now}})
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	resp.Body.Close()
	return browser
}
