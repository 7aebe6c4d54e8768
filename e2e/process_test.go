package e2e

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/logtest"
	"github.com/paywatt/paywatt/sts"
)

// paywatt is the path of the binary under test.
func paywatt(t testing.TB) string {
	t.Helper()
	return buildOnce(t, "")
}

// builds caches the binaries of this test run by their build tags.
type builds struct {
	sync.Mutex
	paths map[string]string
}

var built = builds{paths: map[string]string{}}

// rulesMayBeOff is the value with which the linker lets rules be switched off; see internal/plant.
const rulesMayBeOff = "rules-may-be-switched-off"

// linkFlags are what the linker sets in the binary with build tags.
var linkFlags = map[string]string{"faultinject": "-X github.com/paywatt/paywatt/internal/plant.allowed=" + rulesMayBeOff}

// buildOnce returns the path of the binary with build tags. The environment names it, or the first caller builds it.
func buildOnce(t testing.TB, tags string) string {
	t.Helper()
	if p := os.Getenv(map[string]string{"": "E2E_BIN", "faultinject": "E2E_FAULTS_BIN"}[tags]); p != "" {
		return p
	}
	built.Lock()
	defer built.Unlock()
	if p, ok := built.paths[tags]; ok {
		return p
	}
	dir, err := os.MkdirTemp("", "paywatt-e2e")
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "paywatt")
	// Without -trimpath the binary would name its link flags, and a test could not tell whether they had an effect.
	cmd := exec.Command("go", "build", "-trimpath", "-tags", tags, "-ldflags", linkFlags[tags], "-o", bin, "../cmd/paywatt")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	built.paths[tags] = bin
	return bin
}

const passphrase = "correct horse battery staple"

// place is a data folder with its key store's passphrase and one vending key.
type place struct {
	limit          time.Duration // how long a command may take; zero: await.Limit
	bin, dir, pass string
	root           string // of the file system that the program sees, if not the machine's
	env            []string
	logs           *serverLogs
}

// serverLogs are the logs of the servers of a place and of its copies.
type serverLogs struct {
	t        testing.TB // of the place; a server that does not stop is an error of this test
	mu       sync.Mutex
	all      []*buffer
	expected []string // texts of warnings and errors that the test causes on purpose
}

// barePlace has nothing but a program and the name of a data folder. When its test ends, the logs of its servers are judged.
func barePlace(t testing.TB, bin, dir string) *place {
	t.Helper()
	p := &place{bin: bin, dir: dir, env: os.Environ(), logs: &serverLogs{t: t}}
	t.Cleanup(func() { p.logs.judge(t) }) // after the servers have ended, which are started later
	return p
}

// expect names texts of warnings and errors that servers of this place may log because of what the test does to them.
func (p *place) expect(texts ...string) {
	p.logs.mu.Lock()
	defer p.logs.mu.Unlock()
	p.logs.expected = append(p.logs.expected, texts...)
}

// What servers log while something fails that a test makes fail.
var (
	diskIsFull     = []string{"storage full", "storage-full", "disk is full", "disk reserve", "checkpoint did not finish"}
	databaseIsAway = []string{"storage is busy", "storage-unavailable", "outcome-unknown", "outcome unknown", "meter login failed", "cannot be reached", "its message was not stored"}
	diskIsBroken   = []string{"storage stopped writing", "storage is read-only", "heads were not written"}
	standbyIsAway  = []string{"standbys of the database counted", "no synchronous standby"}
	clockIsWrong   = []string{"clock in doubt"}
)

// newLog returns the log of one more server.
func (l *serverLogs) newLog() *buffer {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, &buffer{})
	return l.all[len(l.all)-1]
}

// limitPassed are the texts of errors that say that something took longer than a server waits for it. A machine that stalls for some seconds
// brings them about.
var limitPassed = []string{"context deadline exceeded", "the modem does not answer", "storage is busy"}

// judge fails the test if a server has logged a warning or an error that the test does not expect. A limit of the server that has passed counts
// as a wait that ended too early.
func (l *serverLogs) judge(t testing.TB) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	const most = 20
	var all []string
	for _, log := range l.all {
		all = append(all, logtest.Unexpected(log.String(), l.expected...)...)
	}
	for _, line := range all[:min(len(all), most)] {
		late := ""
		if slices.ContainsFunc(limitPassed, func(text string) bool { return strings.Contains(line, text) }) {
			late = await.NotInTime + ": "
		}
		t.Errorf("%s%s: unexpected in the log of a server: %s", late, t.Name(), line)
	}
	if len(all) > most {
		t.Errorf("%s: %d more unexpected lines", t.Name(), len(all)-most)
	}
}

// newPlace makes a data folder with the public DKGA02 test key of supply group 123456. Its key store opens quickly: at the cost of a release,
// each start of a server would take a quarter of a second of processor time to derive the key. [TestTheServerIsSmall] and the scripts of
// cmd/paywatt have that cost.
func newPlace(t testing.TB, bin string) *place {
	t.Helper()
	p := emptyPlace(t, bin)
	p.key(t)
	return p
}

// emptyPlace has a passphrase and no data folder.
func emptyPlace(t testing.TB, bin string) *place {
	t.Helper()
	dir := t.TempDir()
	p := barePlace(t, bin, filepath.Join(dir, "data"))
	p.pass = filepath.Join(dir, "pass")
	if err := os.WriteFile(p.pass, []byte(passphrase+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.env = append(p.env, "PAYWATT_PASSPHRASE_FILE="+p.pass)
	return p
}

// key makes the data folder with a key store that opens quickly, and adds the vending key.
func (p *place) key(t testing.TB) {
	t.Helper()
	p.keyAt(t, keystore.Params{Time: 1, MemoryKiB: 8, Threads: 1})
}

// keyAt does the same with a given cost of deriving a key from the passphrase.
func (p *place) keyAt(t testing.TB, cost keystore.Params) {
	t.Helper()
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	keys, err := keystore.Open(p.dir, keystore.Config{Params: cost})
	if err == nil {
		err = keys.Unlock([]byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	vk, err := sts.NewVendingKey(testKey())
	if err != nil {
		t.Fatal(err)
	}
	fact := keystore.Fact{SGC: "123456", KRN: 1, KT: sts.DUTK, DKGA: sts.DKGA02, BaseDate: sts.Base2014, KEN: 255, Test: true}
	if no, err := keys.Add(fact, vk); err != nil || no.Refused() {
		t.Fatal(no, err)
	}
}

// testKey is a public test key.
func testKey() []byte { return bytes.Repeat([]byte{0xab}, 8) }

// run runs one command to its end and returns its standard output; any exit code but 0 fails the test.
func (p *place) run(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	out, errOut, code := p.try(stdin, args...)
	if code != 0 {
		t.Fatalf("paywatt %s: exit %d\nstdout: %s\nstderr: %s", strings.Join(args, " "), code, out, errOut)
	}
	return out
}

// awaitProgram waits like [await.True] for what a program tells. It pauses between two programs: each takes more processor time than the server
// takes for what is awaited.
func awaitProgram(t testing.TB, what string, yes func() bool) {
	t.Helper()
	asked := false
	await.True(t, what, func() bool {
		if asked {
			<-time.After(250 * time.Millisecond)
		}
		asked = true
		return yes()
	})
}

// command is a command of the place that was not started yet.
func (p *place) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.bin, args...)
	cmd.Env = p.env
	if p.root != "" {
		enterRoot(cmd, p.root)
	}
	return cmd
}

// try runs one command and returns what it wrote and its exit code (-1: killed or not started).
func (p *place) try(stdin string, args ...string) (out, errOut string, code int) {
	ctx, cancel := context.WithTimeout(context.Background(), cmp.Or(p.limit, await.Limit))
	defer cancel()
	cmd := p.command(ctx, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		return o.String(), err.Error(), -1
	}
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

// server is a running `paywatt serve`.
type server struct {
	t          testing.TB
	cmd        *exec.Cmd
	http, mqtt string
	log        *buffer
	exited     chan struct{}
	ending     atomic.Bool // the test ends this server, so a request may stay without an answer
}

// buffer is a bytes.Buffer that two goroutines may use.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) { b.mu.Lock(); defer b.mu.Unlock(); return b.b.Write(p) }
func (b *buffer) String() string              { b.mu.Lock(); defer b.mu.Unlock(); return b.b.String() }

// anyPort stands for an address that nobody uses.
const anyPort = "127.0.0.1:0"

// chosen returns the address that a server is to listen on. The kernel would choose a port of those that it gives to outgoing connections,
// and such a connection could have it when the server starts there again.
func chosen(address string) (string, error) {
	if address != anyPort {
		return address, nil
	}
	return addresses.free()
}

// givenAddresses are the addresses that this test run has given away. A server may listen on its address again later, after a while in which
// nobody does.
type givenAddresses struct {
	sync.Mutex
	given map[string]bool
}

var addresses = givenAddresses{given: map[string]bool{}}

// free returns a loopback address on which nothing listens. It returns no address twice.
func (p *givenAddresses) free() (string, error) {
	p.Lock()
	defer p.Unlock()
	for {
		address, err := await.ChooseAddress()
		if err != nil || !p.given[address] {
			p.given[address] = true
			return address, err
		}
	}
}

// serve starts the server on the given addresses ("127.0.0.1:0" for free ports) and waits for its ready line.
func (p *place) serve(t testing.TB, httpAddr, mqttAddr string, more ...string) *server {
	t.Helper()
	s, err := p.start(httpAddr, mqttAddr, more...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.stop() })
	return s
}

func (p *place) start(httpAddr, mqttAddr string, more ...string) (*server, error) {
	httpAddr, err := chosen(httpAddr)
	if err != nil {
		return nil, err
	}
	if mqttAddr, err = chosen(mqttAddr); err != nil {
		return nil, err
	}
	args := append([]string{"serve", "--data", p.dir, "--http", httpAddr, "--mqtt", mqttAddr}, more...)
	cmd := p.command(context.Background(), args...)
	s := &server{t: p.logs.t, cmd: cmd, log: p.logs.newLog(), exited: make(chan struct{})}
	cmd.Stderr = s.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	first := make(chan string, 1)
	go func() {
		r := bufio.NewReader(out)
		line, _ := r.ReadString('\n')
		first <- line
		_, _ = io.Copy(io.Discard, r)
		_ = cmd.Wait()
		close(s.exited)
	}()
	select {
	case line := <-first:
		if _, err := fmt.Sscanf(line, "http=%s mqtt=%s", &s.http, &s.mqtt); err != nil {
			s.stop()
			return nil, fmt.Errorf("first line of serve is %q (%v)\nstderr: %s", line, err, s.log)
		}
		return s, nil
	case <-time.After(await.Limit):
		s.kill()
		return nil, fmt.Errorf("%s: after %v serve is not ready\nstderr: %s", await.NotInTime, await.Limit, s.log)
	}
}

// kill pulls the plug: SIGKILL, without a warning.
func (s *server) kill() {
	s.ending.Store(true)
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// stop ends the server in an orderly way and waits. A server that has to be killed fails the test, and its log says what it was doing.
func (s *server) stop() {
	select {
	case <-s.exited:
		return
	default:
	}
	s.ending.Store(true)
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(await.Limit):
		_ = s.cmd.Process.Signal(syscall.SIGQUIT) // it writes its goroutines into the log
		select {
		case <-s.exited:
		case <-time.After(await.Limit):
			s.kill()
		}
		s.t.Errorf("%s: %v after SIGTERM the server has not ended\nstderr: %s", await.NotInTime, await.Limit, s.log)
	}
}

// rss is the resident memory of the process in bytes.
func (s *server) rss(t testing.TB) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	var total, resident int64
	if _, err := fmt.Sscan(string(b), &total, &resident); err != nil {
		t.Fatal(err)
	}
	return resident * int64(os.Getpagesize())
}
