package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// What strangers may cost.
const (
	strangerCount  = 3000
	strangerMemory = 150_000_000 // bytes more than before, resident
	// honestTime is how long a meter, a browser or a program may need to sign in meanwhile. The server ends strangers after ten seconds: whoever
	// needs longer was let in by that end, and not beside them.
	honestTime = 8 * time.Second
)

// TestStrangersCostLittle lets 3,000 connections come to a listener that do not sign in, in each way that a listener can be held open, and
// measures the server's resident memory. Meanwhile honest clients of the same listener sign in, one after another. The output says how long
// they needed, beside the load of the machine and what they needed before: a test cannot ask it of a machine that does other work.
// internal/listen tests who is served first.
//
// To try one way: TIER=long TIER_TIMES=15 go test ./e2e -run 'TestStrangersCostLittle/meters,_TLS/only_a_handshake$' -v
func TestStrangersCostLittle(t *testing.T) {
	tier.Long(t)
	s := newSiege(t)
	var first, others []siegeOf
	for _, d := range s.entrances {
		for _, w := range strangerWays() {
			switch {
			case !w.fits(d):
			case w.sample && d.sample:
				first = append(first, siegeOf{d, w})
			default:
				others = append(others, siegeOf{d, w})
			}
		}
	}
	r := rand.New(rand.NewPCG(tier.Seed(t), 0x737472))
	r.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	all := append(first, others...)
	for _, one := range all[:min(len(all), tier.E2EStrangers.N())] {
		t.Run(one.d.name+"/"+one.w.name, func(t *testing.T) { s.withstands(t, one.d, one.w) })
	}
}

// siegeOf is a listener with a way to hold it open.
type siegeOf struct {
	d *entrance
	w strangerWay
}

// entrance is a listener of the server.
type entrance struct {
	name    string
	opened  string // the function that opens it, and what it is for
	srv     *server
	address string
	tls     bool
	web     bool         // it speaks HTTP
	honest  func() error // signs in once, over a new connection
	sample  bool         // it is in the sample
}

// strangerWay is one way to hold a connection open without signing in.
type strangerWay struct {
	name             string
	tls, web, mqtt   bool // for which listeners; tls alone: for every listener that encrypts
	sample, scatters bool // scatters: each stranger has an address of its own
	come             func(ctx context.Context, d *entrance, n int) (io.Closer, error)
}

func (w strangerWay) fits(d *entrance) bool {
	return (!w.tls || d.tls) && (!w.web || d.web) && (!w.mqtt || !d.web)
}

func strangerWays() []strangerWay {
	form := comeWithEndlessBody("/signin", "application/x-www-form-urlencoded", 60<<10)
	return []strangerWay{
		{name: "silent", come: comeSilent},
		{name: "silent, of many addresses", scatters: true, come: comeSilent},
		{name: "a byte at a time", come: comeSlowly},
		{name: "endless hello", tls: true, come: comeWithEndlessHello},
		{name: "endless certificate", tls: true, sample: true, come: comeWithEndlessCertificate},
		{name: "endless certificate, of many addresses", tls: true, scatters: true, come: comeWithEndlessCertificate},
		{name: "only a handshake", tls: true, sample: true, come: comeForHandshake},
		{name: "only a handshake, of many addresses", tls: true, scatters: true, come: comeForHandshake},
		{name: "endless CONNECT", mqtt: true, come: comeWithEndlessConnect},
		{name: "endless CONNECT, of many addresses", mqtt: true, scatters: true, come: comeWithEndlessConnect},
		{name: "endless header", web: true, come: comeWithEndlessHeader},
		{name: "endless form", web: true, sample: true, come: form},
		{name: "endless form, of many addresses", web: true, scatters: true, come: form},
		{name: "body byte by byte", web: true, come: comeWithSlowBody},
		{name: "endless chunks", web: true, come: comeWithChunks},
		{name: "endless call of a provider", web: true, come: comeWithEndlessBody("/hooks/pay/x", "application/json", 60<<10)},
		{name: "endless body for the API", web: true, come: comeWithEndlessBody("/v1/vends", "application/json", 1<<20-1)},
		{name: "idle after a question", web: true, come: comeAndStay("/livez", false)},
		{name: "idle after a question, of many addresses", web: true, scatters: true, come: comeAndStay("/livez", false)},
		{name: "stream without a login", web: true, come: comeAndStay("/v1/events/stream", false)},
		{name: "answers that nobody reads", web: true, come: comeAndStay("/docs", true)},
		{name: "answers that nobody reads, of many addresses", web: true, scatters: true, come: comeAndStay("/docs", true)},
		{name: "searches that nobody reads", web: true, come: comeAndStay("/docs?q=e", true)},
		{name: "HTTP/2, which is not offered", web: true, tls: true, come: comeWithHTTP2},
	}
}

// siege is a server with every kind of listener, encrypted where the listener can be, and one that does not encrypt.
type siege struct {
	entrances []*entrance
	before    map[*server]int64 // resident bytes before any stranger came
}

func newSiege(t *testing.T) *siege {
	t.Helper()
	s := &siege{before: map[*server]int64{}}
	s.besiege(t, true)
	s.requireAll(t)
	s.besiege(t, false)
	return s
}

// besiege starts a server and adds its listeners. Some listeners never encrypt; they are added once.
func (s *siege) besiege(t *testing.T, encrypted bool) {
	t.Helper()
	p := newPlace(t, paywatt(t))
	p.expect("its CONNECT is too large", "TLS handshake error")
	plain := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a := newAPI(plain.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.tariff(t)
	m := a.meter(t, number(6101))
	device := a.meter(t, number(6102))
	plain.stop()
	addrs := make([]string, 5)
	for i := range addrs {
		addrs[i] = freeAddress(t)
	}
	args := []string{"--mqtt-integration", addrs[0], "--metrics", addrs[1], "--mqtt-devices", addrs[2], "--mqtt-legacy", addrs[3] + "=" + device.number + ":seed-a"}
	scheme, conf, secure := "http", (*tls.Config)(nil), []string(nil)
	if encrypted {
		dir := t.TempDir()
		authority, out := filepath.Join(dir, "ca"), filepath.Join(dir, "server")
		p.run(t, "", "ca", "create", "--name", "Siege", "--dir", authority)
		p.run(t, "", "ca", "issue-server", "localhost", "127.0.0.1", "--dir", authority, "--out", out)
		secure = []string{"--tls-cert", filepath.Join(out, "server.pem"), "--tls-key", filepath.Join(out, "server.key")}
		args = append(append(args, secure...), "--mqtt-ca", filepath.Join(authority, "ca.pem"))
		scheme, conf = "https", &tls.Config{InsecureSkipVerify: true}
	}
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0", args...)
	safe := p.serveSafely(t, addrs[4], secure)
	kind := map[bool]string{true: "TLS", false: "plain"}[encrypted]
	s.entrances = append(s.entrances,
		&entrance{name: "meters, " + kind, opened: "listen MQTT", srv: srv, address: srv.mqtt, tls: encrypted, sample: encrypted,
			honest: func() error { return signIn(srv.mqtt, conf, m.number, m.number, m.password) }},
		&entrance{name: "HTTP, " + kind, opened: "listen HTTP", srv: srv, address: srv.http, tls: encrypted, web: true, sample: encrypted,
			honest: askFor(scheme+"://"+srv.http+"/v1/meters/"+m.number, a.key, conf, 200)},
		&entrance{name: "metrics, " + kind, opened: "listen Metrics", srv: srv, address: addrs[1], tls: encrypted, web: true,
			honest: askFor(scheme+"://"+addrs[1]+"/metrics", a.key, conf, 200)},
		&entrance{name: "safe mode, " + kind, opened: "OpenSafe HTTP", srv: safe, address: addrs[4], tls: encrypted, web: true,
			honest: askFor(scheme+"://"+addrs[4]+"/", "", conf, 503)},
		&entrance{name: "integration, " + kind, opened: "openIntegration MQTTIntegration", srv: srv, address: addrs[0], tls: encrypted,
			honest: func() error { return denied(signIn(addrs[0], conf, "ha", "nobody", "wrong")) }})
	if encrypted {
		s.entrances = append(s.entrances,
			&entrance{name: "devices", opened: "openDevices MQTTDevices", srv: srv, address: addrs[2],
				honest: func() error { return denied(signIn(addrs[2], nil, "plug", "", "")) }},
			&entrance{name: "device of a meter", opened: "openDevice MQTTLegacy", srv: srv, address: addrs[3],
				honest: func() error { return signIn(addrs[3], nil, "electricitymeterGSM", "", "") }},
			panelEntrance(t, p))
	}
}

// serveSafely starts a server whose settings have a mistake, so that it serves the page of the safe mode.
func (p *place) serveSafely(t *testing.T, address string, secure []string) *server {
	t.Helper()
	wrong := newPlace(t, p.bin)
	wrong.expect("TLS handshake error", "safe mode")
	write(t, filepath.Join(wrong.dir, "paywatt.toml"), "log_levle = \"warn\"\n", 0o600)
	return startProcess(t, wrong, exec.Command(p.bin,
		append([]string{"serve", "--data", wrong.dir, "--http", address, "--mqtt", "127.0.0.1:0"}, secure...)...))
}

// startProcess starts a program and stops it at the end of the test. Its log is judged with those of a place.
func startProcess(t *testing.T, p *place, cmd *exec.Cmd) *server {
	t.Helper()
	s := &server{t: t, cmd: cmd, log: p.logs.newLog(), exited: make(chan struct{})}
	cmd.Env, cmd.Stderr = os.Environ(), s.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait() // the test ends it
		close(s.exited)
	}()
	t.Cleanup(s.stop)
	return s
}

// panelEntrance starts a virtual meter with a panel, which has no sign-in.
func panelEntrance(t *testing.T, p *place) *entrance {
	t.Helper()
	address := freeAddress(t)
	s := startProcess(t, p, exec.Command(p.bin, "vmeter", number(6103), "--offline", "--state", filepath.Join(t.TempDir(), "meter"),
		"--key", "0123456789abcdef", "--panel", address))
	return &entrance{name: "panel of a virtual meter", opened: "Run panel", srv: s, address: address, web: true, honest: askFor("http://"+address+"/", "", nil, 200)}
}

// requireAll requires that every listener of the program has strangers: each call that opens one, in the functions that the entrances name.
func (s *siege) requireAll(t *testing.T) {
	t.Helper()
	besieged := map[string]bool{}
	for _, d := range s.entrances {
		besieged[d.opened] = true
		await.True(t, "an honest client is let in by "+d.name, func() bool { return d.honest() == nil })
	}
	if got, want := slices.Sorted(maps.Keys(besieged)), openings(t); !slices.Equal(got, want) {
		t.Fatalf("strangers come to %q, and the program opens %q", got, want)
	}
}

// openings reads in the source which listeners the program opens: the function, and what the listener is for.
func openings(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"../internal/app/*.go", "../internal/device/panelweb/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok {
					all = append(all, openedBy(t, f)...)
				}
			}
		}
	}
	slices.Sort(all)
	return all
}

// openedBy is the same for one function. Whatever opens a socket in another way than the function listenFor is a mistake.
func openedBy(t *testing.T, f *ast.FuncDecl) (all []string) {
	t.Helper()
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			name := types.ExprString(n.Fun)
			switch {
			case name == "listenFor":
				all = append(all, f.Name.Name+" "+strings.TrimPrefix(types.ExprString(n.Args[1]), "config."))
			case name == "listen.New" && strings.HasPrefix(types.ExprString(n.Args[0]), `"panel"`):
				all = append(all, f.Name.Name+" panel")
			}
		case *ast.SelectorExpr:
			if name := types.ExprString(n); strings.HasPrefix(name, "net.Listen") && name != "net.Listener" && f.Name.Name != "listenOn" {
				t.Errorf("%s opens a socket by %s; use listenFor", f.Name.Name, name)
			}
		}
		return true
	})
	return all
}

// askFor returns a function that asks a question over a new connection, and expects a status.
func askFor(url, key string, conf *tls.Config, want int) func() error {
	return func() error {
		c := &http.Client{Timeout: honestTime, Transport: &http.Transport{TLSClientConfig: conf, DisableKeepAlives: true}}
		r, err := http.NewRequest("GET", url, nil)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+key)
		resp, err := c.Do(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != want {
			return fmt.Errorf("status %d", resp.StatusCode)
		}
		return nil
	}
}

// errDenied is the answer to a wrong login.
var errDenied = errors.New("the login was denied")

// denied turns the denial that a client expects into success: the server has looked at its login.
func denied(err error) error {
	if errors.Is(err, errDenied) {
		return nil
	}
	return err
}

// signIn connects as a client of MQTT 3.1.1 and waits for the CONNACK.
func signIn(address string, conf *tls.Config, client, user, password string) error {
	c, err := net.DialTimeout("tcp", address, honestTime)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(honestTime)); err != nil {
		return err
	}
	if conf != nil {
		c = tls.Client(c, conf)
	}
	flags := byte(2) // clean session
	fields := [][]byte{[]byte(client)}
	if user != "" {
		flags |= 0xc0
		fields = append(fields, []byte(user), []byte(password))
	}
	body := append([]byte("\x00\x04MQTT\x04"), flags, 0, 60)
	for _, f := range fields {
		body = append(binary.BigEndian.AppendUint16(body, uint16(len(f))), f...)
	}
	if _, err := c.Write(append([]byte{0x10, byte(len(body)&0x7f) | 0x80, byte(len(body) >> 7)}, body...)); err != nil {
		return err
	}
	var answer [4]byte
	if _, err := io.ReadFull(c, answer[:]); err != nil {
		return err
	}
	if answer[3] != 0 {
		return errDenied
	}
	return nil
}

// withstands lets the strangers come and requires that they cost little, and that an honest client is let in meanwhile.
func (s *siege) withstands(t *testing.T, d *entrance, w strangerWay) {
	if err := d.honest(); err != nil {
		t.Fatalf("before any stranger came: %v", err)
	}
	if s.before[d.srv] == 0 {
		s.before[d.srv] = d.srv.rss(t)
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	before := d.askHonestly(t, func(n int) bool { return n < 20 })
	worked := d.srv.processorTime(t)
	var highest atomic.Int64
	var meanwhile honestTimes
	var watch sync.WaitGroup
	ended := make(chan struct{})
	watch.Go(func() {
		for !closed(ended, 30*time.Millisecond) {
			highest.Store(max(highest.Load(), d.srv.rss(t)))
		}
	})
	watch.Go(func() {
		meanwhile = d.askHonestly(t, func(int) bool { return !closed(ended, 50*time.Millisecond) })
	})
	open := s.come(ctx, d, w)
	worked = d.srv.processorTime(t) - worked
	closed(ended, 2*time.Second) // they stay
	close(ended)
	watch.Wait()
	leave()
	for _, c := range open {
		_ = c.Close()
	}
	more := highest.Load() - s.before[d.srv]
	t.Logf("figures: %d strangers at %s, %s: %.0f MB more; honest clients within %v, before within %v; %.1f s of processor time; the load is %.4s",
		len(open), d.name, w.name, float64(more)/1e6, meanwhile, before, worked.Seconds(), read(t, "/proc/loadavg"))
	if len(open) < strangerCount/2 {
		t.Errorf("only %d strangers came", len(open))
	}
	if more > strangerMemory {
		t.Errorf("%d strangers cost %.0f MB, the limit is %d MB", len(open), float64(more)/1e6, strangerMemory/1_000_000)
	}
	if meanwhile.late > 0 || len(meanwhile.all) == 0 {
		t.Errorf("%s: %d of %d honest clients were not let in within %v", await.NotInTime, meanwhile.late, len(meanwhile.all), honestTime)
	}
}

// processorTime is the processor time that the server has used.
func (s *server) processorTime(t *testing.T) time.Duration {
	t.Helper()
	_, fields, _ := strings.Cut(string(read(t, fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))), ") ")
	var ticks time.Duration
	for _, field := range strings.Fields(fields)[11:13] { // of the program, and of the system for it
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += time.Duration(n)
	}
	return ticks * 10 * time.Millisecond
}

// honestTimes is how long honest clients needed to be let in.
type honestTimes struct {
	all  []time.Duration
	late int // clients that were not let in at all
}

// askHonestly lets honest clients come, one after another.
func (d *entrance) askHonestly(t *testing.T, more func(n int) bool) (h honestTimes) {
	for more(len(h.all)) {
		began := time.Now()
		err := d.honest()
		for err != nil && time.Since(began) < honestTime {
			closed(t.Context().Done(), 10*time.Millisecond)
			err = d.honest()
		}
		h.all = append(h.all, time.Since(began))
		if err != nil {
			h.late++
			t.Logf("an honest client was not let in within %v: %v", honestTime, err)
		}
	}
	return h
}

// String gives the median, the 95th percentile and the slowest.
func (h honestTimes) String() string {
	all := slices.Sorted(slices.Values(h.all))
	at := func(percent int) int64 { return all[(len(all)-1)*percent/100].Milliseconds() }
	return fmt.Sprintf("%d/%d/%d ms", at(50), at(95), at(100))
}

// come brings the strangers, several at a time. A stranger that the server ends counts, because it came.
func (s *siege) come(ctx context.Context, d *entrance, w strangerWay) (open []io.Closer) {
	var mu sync.Mutex
	var all sync.WaitGroup
	next := atomic.Int64{}
	for range 32 {
		all.Go(func() {
			for n := int(next.Add(1)); n <= strangerCount && ctx.Err() == nil; n = int(next.Add(1)) {
				from := 0
				if w.scatters {
					from = n
				}
				c, err := w.come(context.WithValue(ctx, fromKey{}, from), d, n)
				if c != nil {
					mu.Lock()
					open = append(open, c)
					mu.Unlock()
				}
				_ = err // it was ended, as it may be
			}
		})
	}
	all.Wait()
	return open
}

// fromKey is the key of the number of a stranger's address.
type fromKey struct{}

// closed waits for the end of a channel, at most for a time, and reports whether it is closed.
func closed(c <-chan struct{}, most time.Duration) bool {
	select {
	case <-c:
		return true
	case <-time.After(most):
		return false
	}
}

// reach opens a socket to a listener from a stranger's address.
func reach(ctx context.Context, d *entrance) (net.Conn, error) {
	n, _ := ctx.Value(fromKey{}).(int)
	from := &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+n/250), byte(2+n%250))}
	c, err := (&net.Dialer{Timeout: 10 * time.Second, LocalAddr: from}).DialContext(ctx, "tcp", d.address)
	if err == nil {
		err = c.SetWriteDeadline(time.Now().Add(10 * time.Second))
	}
	return c, err
}

// shake opens a socket and, if the listener encrypts, ends the handshake.
func shake(ctx context.Context, d *entrance, protocols ...string) (net.Conn, error) {
	c, err := reach(ctx, d)
	if err != nil || !d.tls {
		return c, err
	}
	e := tls.Client(c, &tls.Config{InsecureSkipVerify: true, NextProtos: protocols})
	limit, done := context.WithTimeout(ctx, 10*time.Second)
	defer done()
	return e, e.HandshakeContext(limit)
}

func comeSilent(ctx context.Context, d *entrance, _ int) (io.Closer, error) { return reach(ctx, d) }

// comeSlowly sends the first bytes of what a client sends, one by one.
func comeSlowly(ctx context.Context, d *entrance, _ int) (io.Closer, error) {
	c, err := reach(ctx, d)
	if err != nil {
		return c, err
	}
	first := []byte("GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ")
	switch {
	case d.tls:
		first = hello(tls.VersionTLS13)
	case !d.web:
		first = []byte{0x10, 0x80, 0x10}
	}
	go func() {
		for i := 0; i < len(first) && !closed(ctx.Done(), 200*time.Millisecond); i++ {
			if _, err := c.Write(first[i : i+1]); err != nil {
				return
			}
		}
	}()
	return c, nil
}

// formHead begins a request that signs in by a form.
const formHead = "POST /signin HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"

// hello is the first record of a TLS client.
func hello(most uint16) []byte {
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		_ = tls.Client(far, &tls.Config{InsecureSkipVerify: true, MaxVersion: most}).Handshake() // it ends with the pipe
	}()
	head := make([]byte, 5)
	_, _ = io.ReadFull(near, head)
	rest := make([]byte, binary.BigEndian.Uint16(head[3:]))
	_, _ = io.ReadFull(near, rest)
	return append(head, rest...)
}

// pour sends the beginning of a handshake message that never ends.
func pour(c net.Conn, kind byte, size int) error {
	left := append([]byte{kind, byte(size >> 16), byte(size >> 8), byte(size)}, bytes.Repeat([]byte{'x'}, size-1)...)
	for len(left) > 0 {
		n := min(len(left), 16<<10)
		if _, err := c.Write(append([]byte{22, 3, 3, byte(n >> 8), byte(n)}, left[:n]...)); err != nil {
			return err
		}
		left = left[n:]
	}
	return nil
}

func comeWithEndlessHello(ctx context.Context, d *entrance, _ int) (io.Closer, error) {
	c, err := reach(ctx, d)
	if err != nil {
		return c, err
	}
	return c, pour(c, 1, 65_535)
}

func comeWithEndlessCertificate(ctx context.Context, d *entrance, _ int) (io.Closer, error) {
	c, err := reach(ctx, d)
	if err != nil {
		return c, err
	}
	if _, err := c.Write(hello(tls.VersionTLS12)); err != nil {
		return c, err
	}
	return c, pour(c, 11, 262_143)
}

func comeForHandshake(ctx context.Context, d *entrance, _ int) (io.Closer, error) {
	return shake(ctx, d)
}

func comeWithEndlessConnect(ctx context.Context, d *entrance, _ int) (io.Closer, error) {
	c, err := shake(ctx, d)
	if err != nil {
		return c, err
	}
	size := 4000
	if strings.HasPrefix(d.name, "device") {
		size = 1000
	}
	_, err = c.Write(append([]byte{0x10, byte(size&0x7f) | 0x80, byte(size >> 7)}, bytes.Repeat([]byte{0}, size-1)...))
	return c, err
}

func comeWithEndlessHeader(ctx context.Context, d *entrance, _ int) (io.Closer, error) {
	c, err := shake(ctx, d)
	if err != nil {
		return c, err
	}
	_, err = io.WriteString(c, "GET /signin HTTP/1.1\r\nHost: localhost\r\nX-Long: "+strings.Repeat("x", 31<<10))
	return c, err
}

func comeWithEndlessBody(path, kind string, size int) func(context.Context, *entrance, int) (io.Closer, error) {
	return func(ctx context.Context, d *entrance, _ int) (io.Closer, error) {
		c, err := shake(ctx, d)
		if err != nil {
			return c, err
		}
		_, err = fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", path, kind, size, strings.Repeat("x", size-1))
		return c, err
	}
}

// comeAndStay asks one question, and stays. If it does not read, the server's answer waits.
func comeAndStay(path string, deaf bool) func(context.Context, *entrance, int) (io.Closer, error) {
	return func(ctx context.Context, d *entrance, _ int) (io.Closer, error) {
		c, err := shake(ctx, d)
		if err != nil {
			return c, err
		}
		times := 1
		if deaf {
			times = 200 // pipelined: more than the sockets' buffers hold
		}
		question := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\nAccept: text/html, text/event-stream\r\n\r\n", path)
		if _, err = io.WriteString(c, strings.Repeat(question, times)); err != nil || deaf {
			return c, err
		}
		go func() { _, _ = io.Copy(io.Discard, c) }() // until the server or the test ends it
		return c, nil
	}
}

// comeWithHTTP2 offers HTTP/2, which no listener speaks, and sends its beginning and settings all the same.
func comeWithHTTP2(ctx context.Context, d *entrance, _ int) (io.Closer, error) {
	c, err := shake(ctx, d, "h2", "http/1.1")
	if err != nil {
		return c, err
	}
	_, err = io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+strings.Repeat("\x00\x00\x00\x04\x00\x00\x00\x00\x00", 3000))
	return c, err
}

// comeWithSlowBody sends a body byte by byte.
func comeWithSlowBody(ctx context.Context, d *entrance, _ int) (io.Closer, error) {
	c, err := shake(ctx, d)
	if err != nil {
		return c, err
	}
	if _, err := io.WriteString(c, formHead+"Content-Length: 60000\r\n\r\n"); err != nil {
		return c, err
	}
	go func() {
		for !closed(ctx.Done(), 200*time.Millisecond) {
			if _, err := io.WriteString(c, "x"); err != nil {
				return // the server ended it
			}
		}
	}()
	return c, nil
}

// comeWithChunks sends a body in chunks that have one byte and a long extension each.
func comeWithChunks(ctx context.Context, d *entrance, _ int) (io.Closer, error) {
	c, err := shake(ctx, d)
	if err != nil {
		return c, err
	}
	_, err = io.WriteString(c, formHead+"Transfer-Encoding: chunked\r\n\r\n"+strings.Repeat("1;"+strings.Repeat("x", 4000)+"\r\nx\r\n", 15))
	return c, err
}
