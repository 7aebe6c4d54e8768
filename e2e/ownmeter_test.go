package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// debianPython is the interpreter with Debian's packages; another interpreter may come first in PATH.
const debianPython = "/usr/bin/python3"

// line is a TCP connection between a meter and its server that can go silent towards the meter, and can break.
type line struct {
	net.Listener
	server string

	mu     sync.Mutex
	silent bool
	ends   []net.Conn
}

// newLine listens in front of a server.
func newLine(t *testing.T, server string) *line {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	out := &line{Listener: l, server: server}
	t.Cleanup(func() { _ = l.Close(); out.cut() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			out.join(c)
		}
	}()
	return out
}

// join connects a meter to the server.
func (l *line) join(c net.Conn) {
	s, err := net.Dial("tcp", l.server)
	if err != nil {
		_ = c.Close()
		return
	}
	l.mu.Lock()
	l.ends = append(l.ends, c, s)
	l.mu.Unlock()
	carry := func(to io.Writer, from net.Conn) {
		_, _ = io.Copy(to, from)
		_, _ = c.Close(), s.Close()
	}
	go carry(s, c)
	go carry(toMeter{l, c}, s)
}

// toMeter drops the server's messages while the line is silent.
type toMeter struct {
	l *line
	c net.Conn
}

func (w toMeter) Write(p []byte) (int, error) {
	w.l.mu.Lock()
	silent := w.l.silent
	w.l.mu.Unlock()
	if silent {
		return len(p), nil
	}
	return w.c.Write(p)
}

func (l *line) silence() { l.mu.Lock(); l.silent = true; l.mu.Unlock() }

// cut breaks all connections. New connections are not silent.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.ends {
		_ = c.Close()
	}
	l.ends, l.silent = nil, false
}

// exampleMeter is the process of examples/own-meter.py.
type exampleMeter struct {
	cmd    *exec.Cmd
	said   *buffer
	exited chan struct{}
}

// pythonMeter starts the example with its own memory file.
func pythonMeter(t *testing.T, broker, memory string, s secrets) *exampleMeter {
	t.Helper()
	neededModules(t, "paho.mqtt.client", "cbor2")
	m := &exampleMeter{cmd: exec.Command(debianPython, "../examples/own-meter.py", broker, s.number, memory), said: &buffer{}, exited: make(chan struct{})}
	m.cmd.Env = append(os.Environ(), "PASSWORD="+s.password, "LINK_KEY="+s.linkKey)
	m.cmd.Stdout, m.cmd.Stderr = m.said, m.said
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = m.cmd.Wait(); close(m.exited) }()
	t.Cleanup(func() {
		m.kill()
		if t.Failed() {
			t.Logf("the meter said:\n%s", m.said)
		}
	})
	return m
}

// kill ends the process as a power cut would.
func (m *exampleMeter) kill() { _ = m.cmd.Process.Kill(); <-m.exited }

// ownMeter is a server with one meter written by somebody else.
type ownMeter struct {
	*testing.T
	a      *api
	line   *line
	s      secrets
	memory string
}

func newOwnMeter(t *testing.T) *ownMeter {
	t.Helper()
	p := newPlace(t, paywatt(t))
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a := newAPI(srv.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.must(t, 201, "POST", "/v1/tariffs", map[string]any{"name": "home", "currency": "KES", "vat_bps": 0, "flat_micro": 25_000_000})
	n := number(4201)
	added := a.must(t, 201, "POST", "/v1/meters", map[string]any{"number": n, "mode": "prepay_wallet", "tariff": "home", "reading_interval_s": 1})
	a.recharge(t, n, 500_00, "own-meter")
	return &ownMeter{T: t, a: a, line: newLine(t, srv.mqtt), memory: filepath.Join(t.TempDir(), "memory.json"),
		s: secrets{number: n, password: added.text(t, "mqtt_password"), linkKey: added.text(t, "link_key")}}
}

// view is what the server shows of the meter.
type view struct {
	Relay      string    `json:"relay"`
	Reasons    []string  `json:"reasons"`
	RegisterWh int64     `json:"register_wh"`
	Connected  bool      `json:"connected"`
	AsOf       time.Time `json:"as_of"`
}

func (o *ownMeter) view() (v view) {
	o.Helper()
	if err := json.Unmarshal(o.a.must(o, 200, "GET", "/v1/meters/"+o.s.number, nil).body, &v); err != nil {
		o.Fatal(err)
	}
	return v
}

// shows waits until the meter's newest reading has this relay position and these reasons.
func (o *ownMeter) shows(relay string, reasons ...string) {
	o.Helper()
	await.True(o, fmt.Sprintf("the relay is %s for %q", relay, reasons), func() bool {
		v := o.view()
		return v.Relay == relay && fmt.Sprint(v.Reasons) == fmt.Sprint(reasons)
	})
}

// command gives the meter a command and returns its path.
func (o *ownMeter) command(kind string) string {
	o.Helper()
	path := "/v1/meters/" + o.s.number + "/commands"
	return path + "/" + o.a.must(o, 202, "POST", path, map[string]any{"type": kind, "reason": "a meter in another language"}).text(o, "id")
}

// answered waits for the meter's answer to a command.
func (o *ownMeter) answered(command, state string) {
	o.Helper()
	await.True(o, "the command is "+state, func() bool {
		return o.a.must(o, 200, "GET", command, nil).text(o, "state") == state
	})
}

// readings returns the numbers of the records that are readings, with the register of each.
func (o *ownMeter) readings() map[uint64]int64 {
	o.Helper()
	var page struct {
		Data []struct {
			Seq        uint64 `json:"seq"`
			RegisterWh int64  `json:"register_wh"`
		} `json:"data"`
	}
	if err := json.Unmarshal(o.a.must(o, 200, "GET", "/v1/meters/"+o.s.number+"/readings?limit=200", nil).body, &page); err != nil {
		o.Fatal(err)
	}
	found := map[uint64]int64{}
	for _, r := range page.Data {
		if _, twice := found[r.Seq]; twice {
			o.Errorf("record %d is stored twice", r.Seq)
		}
		found[r.Seq] = r.RegisterWh
	}
	return found
}

// duplicates returns how many of the received records the server already had.
func (o *ownMeter) duplicates() (n int64) {
	o.Helper()
	_, rest, _ := strings.Cut(string(o.a.must(o, 200, "GET", "/metrics", nil).body), `paywatt_records_total{outcome="duplicate"} `)
	if _, err := fmt.Sscan(rest, &n); err != nil {
		o.Fatal(err)
	}
	return n
}

// TestTheExampleInPythonIsAMeter: the meter of the guide for other languages logs in, is read, and accepts and answers leases and commands
// only with a right MAC. It repeats records that were not acknowledged, and each record counts once.
func TestTheExampleInPythonIsAMeter(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	o := newOwnMeter(t)
	stranger := o.s
	stranger.linkKey = strings.Repeat("00", 32)
	m := pythonMeter(t, o.line.Addr().String(), o.memory, stranger)
	o.shows("open", "LEASE")
	read := o.command("read")
	await.True(t, "a configuration and a lease with a wrong MAC are dropped", func() bool {
		return strings.Count(m.said.String(), "dropped: the MAC is wrong") >= 2
	})
	o.answered(read, "queued") // the command waits for the answer to the configuration
	m.kill()
	if strings.Contains(m.said.String(), "up/command") {
		t.Error("the meter answered an order whose MAC was wrong")
	}
	o.shows("open", "LEASE")

	m = pythonMeter(t, o.line.Addr().String(), o.memory, o.s)
	o.answered(read, "done")
	o.shows("closed")
	o.answered(o.command("disconnect"), "done")
	o.shows("open", "REMOTE")
	o.answered(o.command("connect"), "done")
	o.shows("closed")

	o.repeats()
	m.kill()
	m = pythonMeter(t, o.line.Addr().String(), o.memory, o.s)
	was := o.view()
	await.True(t, "the meter goes on after a power cut", func() bool { return o.view().AsOf.After(was.AsOf) })
	if now := o.view(); now.RegisterWh < was.RegisterWh {
		t.Errorf("after a power cut the register fell from %d to %d Wh", was.RegisterWh, now.RegisterWh)
	}
	o.answered(o.command("read"), "done")
	m.kill()
	if strings.Contains(m.said.String(), "Traceback") {
		t.Errorf("the meter failed:\n%s", m.said)
	}
	o.counted()
}

// repeats silences the server until the meter has sent readings without getting an acknowledgement, and lets it send them
// again.
func (o *ownMeter) repeats() {
	o.Helper()
	before := o.duplicates()
	o.line.silence()
	was := len(o.readings())
	await.True(o, "readings arrive while the server is not heard", func() bool { return len(o.readings()) >= was+3 })
	o.line.cut()
	await.True(o, "the readings are sent again", func() bool { return o.duplicates() >= before+3 })
	heard := len(o.readings())
	await.True(o, "the meter goes on", func() bool { return len(o.readings()) >= heard+2 })
}

// counted compares the money with the registers: each watt-hour was charged once, at 25.00 a kilowatt-hour.
func (o *ownMeter) counted() {
	o.Helper()
	last, lowest := int64(0), int64(0)
	for _, register := range o.readings() {
		last, lowest = max(last, register), min(lowest, register)
	}
	v := o.a.must(o, 200, "GET", "/v1/meters/"+o.s.number, nil)
	if want := 500_00 - last*5/2; last < 5 || lowest != 0 || v.num(o, "live", "amount_minor") != want {
		o.Errorf("after %d Wh at 25.00 the wallet shows %s, want %d", last, v.body, want)
	}
	if alarms := o.a.must(o, 200, "GET", "/v1/alarms?meter="+o.s.number, nil); strings.Contains(string(alarms.body), `"code"`) {
		o.Errorf("the meter raised alarms: %s", alarms.body)
	}
	o.Logf("figures: a meter in Python: %d readings, %d Wh, %d records sent again and counted once", len(o.readings()), last, o.duplicates())
}
