package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/tier"
)

// mosquitto runs mosquitto_pub or mosquitto_sub from Debian's package.
func mosquitto(t *testing.T, program, broker string, s secrets, args ...string) (string, error) {
	t.Helper()
	needed(t, program)
	host, port, err := net.SplitHostPort(broker)
	if err != nil {
		t.Fatal(err)
	}
	all := append([]string{"-h", host, "-p", port, "-i", s.number, "-u", s.number, "-P", s.password, "-q", "1"}, args...)
	out, err := exec.Command(program, all...).CombinedOutput()
	return string(out), err
}

// TestAForeignClientIsAMeter: mosquitto's own clients count as a meter if their credentials are right, and not if they are wrong.
func TestAForeignClientIsAMeter(t *testing.T) {
	t.Parallel()
	p := newPlace(t, paywatt(t))
	p.expect("connection closed after invalid data") // it uses topics of another meter
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	a := newAPI(srv.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.tariff(t)
	m, other := a.meter(t, number(4001)), a.meter(t, number(4002))

	boot := `{"store":"0123456789abcdef","lowest":1,"next":2,"boot":1,"proto":1,"fw":"mosquitto","reset":"power","caps":[]}`
	reading := `{"seq":1,"at":1790000000,"up":1000,"clock":"valid","register_wh":4321,"balance_wh":1234,"w":0,"mv":230000,"relay":"closed","reasons":[]}`
	for _, msg := range [][2]string{{"boot", boot}, {"reading", reading}} {
		if out, err := mosquitto(t, "mosquitto_pub", srv.mqtt, m, "-t", "m/"+m.number+"/up/"+msg[0], "-m", msg[1]); err != nil {
			t.Fatalf("mosquitto_pub up/%s with the right password: %v %s", msg[0], err, out)
		}
	}
	view := a.must(t, 200, "GET", "/v1/meters/"+m.number, nil)
	if view.num(t, "register_wh") != 4321 || view.num(t, "balance_wh") != 1234 {
		t.Errorf("the published reading is not shown: %s", view.body)
	}
	// The token of a sale arrives at mosquitto_sub as down/token.
	sub := make(chan string, 1)
	go func() {
		out, _ := mosquitto(t, "mosquitto_sub", srv.mqtt, m, "-t", "m/"+m.number+"/down/#", "-C", "1", "-W", "120")
		sub <- out
	}()
	await.True(t, "mosquitto_sub is connected", func() bool {
		return a.must(t, 200, "GET", "/v1/meters/"+m.number, nil).text(t, "connected") == "true"
	})
	sold := a.mustVend(t, m.number, 5000, "mosquitto-01", "mqtt")
	if got := <-sub; !strings.Contains(got, sold.text(t, "tokens", 0, "digits")) {
		t.Errorf("mosquitto_sub got %q, want the 20 digits", got)
	}

	t.Run("npm's client", func(t *testing.T) { nodesAreMeters(t, srv.mqtt, m) })
	wrong := m
	wrong.password = other.password
	if out, err := mosquitto(t, "mosquitto_pub", srv.mqtt, wrong, "-t", "m/"+m.number+"/up/reading", "-m", reading); err == nil {
		t.Errorf("a wrong password was accepted: %s", out)
	}
	before := a.must(t, 200, "GET", "/v1/meters/"+other.number+"/readings", nil).body
	forged := strings.Replace(reading, `"seq":1`, `"seq":2`, 1)
	_, _ = mosquitto(t, "mosquitto_pub", srv.mqtt, m, "-t", "m/"+other.number+"/up/reading", "-m", forged)
	if after := a.must(t, 200, "GET", "/v1/meters/"+other.number+"/readings", nil).body; !bytes.Equal(before, after) {
		t.Errorf("one meter wrote into another's history: %s", after)
	}
	for _, filter := range []string{"#", "m/#", "+/+/down/#", "m/" + other.number + "/down/#", "$SYS/#", "m/+/up/reading"} {
		out, err := mosquitto(t, "mosquitto_sub", srv.mqtt, m, "-t", filter, "-C", "1", "-W", "120", "-v")
		// mosquitto_sub ends when all its subscriptions were denied; -W only ends what hangs. It exits
		// with 0 then, so only its output counts.
		if !strings.Contains(out, "denied") && !strings.Contains(out, "refused") && !strings.Contains(out, "rejected") && !strings.Contains(out, "lost") {
			t.Errorf("subscription to %q was not refused: %q (%v)", filter, out, err)
		}
	}
}

// nodeMQTT is the npm package that plays a meter.
const nodeMQTT = "mqtt@5.10.4"

// nodesAreMeters runs the npm package as the meter, which has sent reading 1, with both versions of MQTT.
func nodesAreMeters(t *testing.T, broker string, m secrets) {
	tier.Long(t) // it loads the package
	modules := npm(t, nodeMQTT)
	for i, version := range []string{"4", "5"} {
		seq := fmt.Sprint(i + 2)
		cmd := exec.Command("node", filepath.Join("testdata", "mqttmeter.js"), "mqtt://"+broker, m.number, m.password, version, seq)
		cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), `"seq":`+seq) || version == "5" && !strings.Contains(string(out), `"maximumQoS":1`) {
			t.Errorf("npm's client with version %s: %v %s", version, err, out)
		}
	}
}

// besiege opens the connections of hostile clients, which the server must all close: giant lengths before CONNECT, silence, garbage, and
// CONNECTs that never end. Two meters misbehave meanwhile: one floods, one subscribes to everything.
func besiege(t *testing.T, broker string, flood, wild secrets) (open []net.Conn) {
	t.Helper()
	if _, err := mosquitto(t, "mosquitto_pub", broker, flood, "-t", "m/"+flood.number+"/up/reading", "-m", strings.Repeat("x", 100_000)); err == nil {
		t.Error("a 100 kB packet was acknowledged")
	}
	for _, c := range []struct {
		count int
		bytes []byte
	}{
		{200, []byte{0x10, 0xff, 0xff, 0xff, 0x7f}}, // a CONNECT of 256 MB
		{2000, nil},
		{100, []byte("GET / HTTP/1.1\r\nHost: meter\r\n\r\n")},
		{100, []byte{0x10, 0x80, 0x1f, 0, 4, 'M', 'Q', 'T', 'T', 4, 2}}, // 4,000 bytes, of which few come
	} {
		for range c.count {
			conn := dial(t, broker)
			if _, err := conn.Write(c.bytes); err != nil {
				t.Fatal(err)
			}
			open = append(open, conn)
		}
	}
	for _, args := range [][]string{
		{"mosquitto_pub", flood.number, "-t", "m/" + flood.number + "/up/reading", "-m", "flood", "--repeat", "100000", "-q", "1"},
		{"mosquitto_sub", wild.number, "-t", "#", "-t", "m/+/up/#", "-t", "$SYS/#", "-t", "$share/g/m/#"},
	} {
		s := map[string]secrets{flood.number: flood, wild.number: wild}[args[1]]
		host, port, err := net.SplitHostPort(broker)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(args[0], append([]string{"-h", host, "-p", port, "-i", s.number, "-u", s.number, "-P", s.password}, args[2:]...)...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	}
	return open
}

// eightAtWork lets eight meters send readings at this pace until stop is closed. Their numbers begin with the given one.
func eightAtWork(t *testing.T, p *place, srv *server, first int, pace time.Duration, work *sync.WaitGroup, stop chan struct{}) (a *api, meters []*rawMeter) {
	t.Helper()
	a = newAPI(srv.http, p.run(t, "", "apikey", "create", "--role", "owner", "--data", p.dir))
	a.tariff(t)
	w := &world{posts: []post{{srv, srv.http, srv.mqtt}}}
	for i := range 8 {
		m := newRawMeter(w, a.meter(t, number(first+i)))
		m.pace = pace
		meters = append(meters, m)
		work.Go(func() { m.work(stop) })
	}
	return a, meters
}

// TestHostileClientsMeetLimits: the server closes connections with oversized packets, with giant lengths before CONNECT, with garbage or
// with long silence, all within its limits. Its memory does not grow by more than 64 MB, and the well-behaved meters go on
// beside these clients.
func TestHostileClientsMeetLimits(t *testing.T) {
	tier.Long(t)
	p := newPlace(t, paywatt(t))
	p.expect("connection closed", "meter disconnected", "connection not accepted")
	srv := p.serve(t, "127.0.0.1:0", "127.0.0.1:0")
	stop := make(chan struct{})
	var work sync.WaitGroup
	a, good := eightAtWork(t, p, srv, 4110, 600*time.Millisecond, &work, stop) // within a meter's limit of 2 messages a second
	flood, wild := a.meter(t, number(4101)), a.meter(t, number(4102))
	for _, m := range good {
		await.True(t, "the good meters are at work", func() bool { n, _ := m.state(); return n > 1 })
	}
	idle := srv.rss(t)
	open := besiege(t, srv.mqtt, flood, wild)
	peak, deadline := int64(0), time.Now().Add(await.Limit)
	for i, c := range open {
		_ = c.SetReadDeadline(deadline)
		if _, err := c.Read(make([]byte, 64)); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Fatalf("%s: socket %d is still open after %v, the limit is 10 s", await.NotInTime, i, await.Limit)
		}
		if i%20 == 0 {
			peak = max(peak, srv.rss(t))
		}
		_ = c.Close()
	}
	if grown := peak - idle; grown > 64<<20 {
		t.Errorf("memory grew by %d MB, at most 64", grown>>20)
	}
	before, _ := good[0].state()
	await.True(t, "the good meters go on", func() bool { n, _ := good[0].state(); return n >= before+3 })
	close(stop)
	work.Wait()
	var waits []time.Duration
	for _, m := range good {
		waits = append(waits, m.waits...)
	}
	slices.Sort(waits)
	p99 := waits[len(waits)*99/100]
	if n := a.must(t, 200, "GET", "/v1/meters/"+good[0].number+"/readings?limit=1", nil); len(n.body) == 0 || !json.Valid(n.body) {
		t.Errorf("readings of the good meter: %s", n.body)
	}
	t.Logf("figures: hostile MQTT: %d hostile sockets closed, memory +%.1f MB, %d readings of good meters acknowledged, 99 in 100 within %v",
		len(open), float64(peak-idle)/(1<<20), len(waits), p99.Round(time.Millisecond))
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, await.Limit)
	if err != nil {
		t.Fatal(fmt.Errorf("dial: %w", err))
	}
	return c
}
