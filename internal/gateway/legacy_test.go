package gateway_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/profiles"
)

// porch is a listener without a network, so that a test can stop the clock: each dial delivers one end of a pipe.
type porch struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPorch() *porch { return &porch{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *porch) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *porch) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *porch) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// bench is a listener for one device with a meter, a register in memory and an account that the test changes.
type bench struct {
	t       *testing.T
	porch   *porch
	legacy  *gateway.Legacy
	stop    context.CancelFunc
	ended   chan error
	profile *profile.Profile
	log     *lines

	mu       sync.Mutex
	register profile.Register
	account  profile.Account
	broken   error // error that Take returns
	stuck    bool  // Take waits until the listener stops
	unknown  bool  // the meter is not registered
	lost     error // error of the look for the meter
	looks    int   // how often the account was read
	took     int
	reasons  []string      // the reasons that came with the last message
	slow     time.Duration // time that the next read of the account takes
}

func newBench(t *testing.T, name string, account profile.Account) *bench {
	t.Helper()
	lib := profile.Library{}
	if err := lib.Load(profiles.Files); err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, porch: newPorch(), ended: make(chan error, 1), profile: lib[name], log: new(lines), account: account}
	var err error
	b.legacy, err = gateway.NewLegacy(gateway.LegacyConfig{Listener: b.porch, Profile: b.profile, PollEvery: 10 * time.Second,
		Log: slog.New(slog.NewTextHandler(b.log, nil)),
		Meter: func(context.Context) (registry.Identity, bool, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			return registry.Identity{Tenant: 1, Meter: 7, Number: "04140001001"}, !b.unknown, b.lost
		},
		Take: b.take,
		Account: func(context.Context, registry.Identity) (profile.Account, error) {
			b.mu.Lock()
			slow := b.slow
			b.slow = 0
			b.looks++
			b.mu.Unlock()
			time.Sleep(slow)
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.account, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	b.stop = stop
	go func() { b.ended <- b.legacy.Run(ctx) }()
	return b
}

func (b *bench) take(ctx context.Context, _ registry.Identity, h profile.Incoming) (profile.Outcome, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.took++
	if b.stuck {
		<-ctx.Done()
		return profile.Outcome{}, fmt.Errorf("nothing was written: %w", context.Cause(ctx))
	}
	b.reasons = h.Reasons
	if b.broken != nil {
		return profile.Outcome{}, b.broken
	}
	t := profile.Outcome{Meaning: b.profile.Understand(h.Topic, h.Payload)}
	b.register, t.Step = b.profile.Take(b.register, t.Meaning, h.At)
	t.Register = b.register
	return t, nil
}

// set changes the account and calls Kick.
func (b *bench) set(a profile.Account) {
	b.mu.Lock()
	b.account = a
	b.mu.Unlock()
	b.legacy.Kick()
}

func (b *bench) close() {
	b.t.Helper()
	b.stop()
	if err := <-b.ended; err != nil {
		b.t.Errorf("the listener ended with %v", err)
	}
}

// sketch is the device's end of a connection. It sends exact bytes, and collects the server's bytes with their times.
type sketch struct {
	t    *testing.T
	conn net.Conn
	mu   sync.Mutex
	got  []heardBytes
	gone bool
}

type heardBytes struct {
	at time.Time
	b  []byte
}

func (b *bench) dial() *sketch {
	b.t.Helper()
	near, far := net.Pipe()
	select {
	case b.porch.conns <- far:
	case <-b.porch.closed:
		b.t.Fatal("the listener is closed")
	}
	s := &sketch{t: b.t, conn: near}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := near.Read(buf)
			s.mu.Lock()
			if n > 0 {
				s.got = append(s.got, heardBytes{time.Now(), bytes.Clone(buf[:n])})
			}
			s.gone = s.gone || err != nil
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return s
}

// send writes bytes given as hexadecimal digits; blanks and quoted text are as in the manual's listing.
func (s *sketch) send(text string) {
	s.t.Helper()
	if _, err := s.conn.Write(unhex(s.t, text)); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		s.t.Fatalf("send %s: %v", text, err)
	}
	synctest.Wait()
}

// push sends bytes without waiting, because the server may not read all of them.
func (s *sketch) push(text string) {
	s.t.Helper()
	b := unhex(s.t, text)
	go func() { _, _ = s.conn.Write(b) }()
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	var out []byte
	for i, part := range strings.Split(text, `"`) {
		if i%2 == 1 {
			out = append(out, part...)
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(part, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return out
}

// heard returns the bytes since the last call as text: packets joined by commas, a PUBLISH as its payload.
func (s *sketch) heard() string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []byte
	for _, h := range s.got {
		all = append(all, h.b...)
	}
	s.got = nil
	var parts []string
	for len(all) > 1 {
		n := 2 + int(all[1]) // no packet here is longer than 127 bytes after its header
		if n > 128 || n > len(all) {
			s.t.Fatalf("a packet of %d bytes, %x", n, all)
		}
		pk := all[:n]
		all = all[n:]
		if pk[0] != 0x30 {
			parts = append(parts, hex.EncodeToString(pk))
			continue
		}
		topic := 4 + int(pk[2])<<8 + int(pk[3])
		parts = append(parts, string(pk[4:topic])+"="+string(pk[topic:]))
	}
	if s.gone {
		parts = append(parts, "closed")
	}
	return strings.Join(parts, ",")
}

func (s *sketch) wants(what, want string) {
	s.t.Helper()
	if got := s.heard(); got != want {
		s.t.Errorf("%s: heard %q, want %q", what, got, want)
	}
}

func (s *sketch) says(topic, payload string) {
	s.t.Helper()
	s.send(fmt.Sprintf(`30 %02x 00%02x "%s" "%s"`, 2+len(topic)+len(payload), len(topic), topic, payload))
}

// The bytes that PubSubClient 2.8 with TinyGSM sends.
const (
	connectBytes   = `10 1F 0004 "MQTT" 04 02 000F 0013 "electricitymeterGSM"`
	initBytes      = `30 29 0012 "GsmClientTest/init" "GsmClientTest started"`
	subscribeBytes = `82 16 0002 0011 "GsmClientTest/led" 00`
	statusBytes    = `30 1A 0017 "GsmClientTest/ledStatus" "1"`
	pingBytes      = `C0 00`
	goodbyeBytes   = `E0 00`
	connackBytes   = "20020000"
	subackBytes    = "9003000200"
	pingrespBytes  = "d000"
)

func paid() profile.Account { return profile.Account{Wallet: true, On: true} }

func unpaid() profile.Account { return profile.Account{Wallet: true, Reasons: []string{"CREDIT"}} }

// TestTheExactBytesOfTheSketchAreAnswered: the server answers the toggle sketch with exactly the expected bytes, and
// sends no message that the sketch did not ask for.
func TestTheExactBytesOfTheSketchAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "seed-a-toggle", unpaid())
		defer b.close()
		s := b.dial()
		s.send(connectBytes)
		s.wants("CONNACK", connackBytes)
		s.send(initBytes)
		s.send(subscribeBytes)
		s.wants("SUBACK", subackBytes)
		s.send(statusBytes)
		for range 8 {
			time.Sleep(15 * time.Second)
			s.send(pingBytes)
		}
		s.wants("two minutes of pings and nothing else", strings.TrimSuffix(strings.Repeat(pingrespBytes+",", 8), ","))
		if st := b.legacy.Status(); !st.Connected || st.Started != "GsmClientTest started" || st.State != "1" || b.register.Relay != profile.Closed {
			t.Errorf("status %+v, register %+v", st, b.register)
		}
		s.send(goodbyeBytes)
		s.wants("DISCONNECT", "closed")
	})
}

func TestASilentDeviceIsDroppedAfterOneAndAHalfKeepAlives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "seed-a-toggle", unpaid())
		defer b.close()
		s := b.dial()
		s.send(connectBytes)
		time.Sleep(22 * time.Second)
		s.wants("22 s", connackBytes)
		time.Sleep(time.Second)
		s.wants("23 s", "closed")
		if b.legacy.Connected() {
			t.Error("a dropped device is shown as connected")
		}
		endedBy(t, b.legacy.Ended(), "silence 1")
	})
}

func begin(b *bench) *sketch {
	s := b.dial()
	s.send(connectBytes)
	s.says("GsmClientTest/init", "Meter Started")
	s.send(subscribeBytes)
	return s
}

const led = "GsmClientTest/led="

func TestADeviceIsToldItsSupplyAfterSubscribeAndPolled(t *testing.T) {
	for name, c := range map[string]struct {
		account profile.Account
		want    string
	}{"paid": {paid(), "ON"}, "unpaid": {unpaid(), "OFF"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, "seed-a", c.account)
				defer b.close()
				s := begin(b)
				s.wants("at once", connackBytes+","+subackBytes+","+led+c.want)
				s.says("GsmClientTest/ledStatus", map[string]string{"ON": "meter is on", "OFF": "meter is off"}[c.want])
				time.Sleep(999 * time.Millisecond)
				s.wants("within a second of another message", "")
				time.Sleep(time.Millisecond)
				s.wants("a second later", led+"data")
				for range 3 {
					s.says("GsmClientTest/ledStatus", "600:512")
					time.Sleep(9 * time.Second)
					s.wants("between two polls", "")
					time.Sleep(time.Second)
					s.wants("after 10 s", led+"data")
				}
			})
		})
	}
}

func TestADeviceThatDoesNotObeyIsToldAgainAfterEachData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "seed-a", unpaid())
		defer b.close()
		s := begin(b)
		time.Sleep(2 * time.Second)
		s.wants("to begin with", connackBytes+","+subackBytes+","+led+"OFF,"+led+"data")
		for _, state := range []string{"", "meter is on", "meter is stuck"} { // the answer was lost; the meter stays on
			if state != "" {
				s.says("GsmClientTest/ledStatus", state)
			}
			time.Sleep(2 * time.Second)
			s.wants("after state "+state, "")
			s.says("GsmClientTest/ledStatus", "1:2")
			time.Sleep(time.Second)
			s.wants("after data and state "+state, led+"OFF")
			time.Sleep(7 * time.Second)
			s.wants("the next poll", led+"data")
		}
		s.says("GsmClientTest/ledStatus", "meter is off")
		s.says("GsmClientTest/ledStatus", "1:2")
		time.Sleep(3 * time.Second)
		s.wants("when it has obeyed", "")
	})
}

func TestARechargeSwitchesOnAndItsEndOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "seed-a", paid())
		defer b.close()
		s := begin(b)
		s.says("GsmClientTest/ledStatus", "meter is on")
		time.Sleep(2 * time.Second)
		s.wants("paid", connackBytes+","+subackBytes+","+led+"ON,"+led+"data")
		b.set(unpaid())
		s.wants("unpaid", led+"OFF")
		time.Sleep(time.Second)
		b.set(paid())
		s.wants("a recharge", led+"ON")
		b.set(unpaid())
		b.set(paid())
		b.set(unpaid())
		time.Sleep(5 * time.Second)
		s.wants("back and forth within a second ends where it ended", led+"OFF")
	})
}

func TestAReconnectEndsTheOlderConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "seed-a", paid())
		defer b.close()
		first := begin(b)
		first.heard()
		second := begin(b)
		first.wants("the older", "closed")
		time.Sleep(500 * time.Millisecond)
		second.wants("the newer", connackBytes+","+subackBytes+","+led+"ON")
		endedBy(t, b.legacy.Ended(), "takeover 1")
		if !b.legacy.Connected() {
			t.Error("the newer connection is not the device's")
		}
	})
}

func TestAMeterThatIsNotRegisteredYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "seed-a", paid())
		defer b.close()
		b.unknown = true
		s := b.dial()
		s.send(connectBytes)
		time.Sleep(3 * time.Second)
		s.wants("before", "20020005,closed")
		b.mu.Lock()
		b.unknown = false
		b.mu.Unlock()
		s = b.dial()
		s.send(connectBytes)
		s.wants("after", connackBytes)
	})
}

func TestWarningsAndSummariesGoToWhoListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "seed-a", paid())
		defer b.close()
		s := begin(b)
		s.says("GsmClientTest/ledStatus", "meter is on")
		warned := paid()
		warned.Warning, warned.Words.Balance = 2, "KES 9.50"
		b.set(warned)
		time.Sleep(5 * time.Second)
		s.wants("a device that does not listen", connackBytes+","+subackBytes+","+led+"ON,"+led+"data")
		if b.legacy.Summarise(profile.Words{}) {
			t.Error("a summary is said to be sent to a device that does not listen")
		}
		s.send(`82 14 0003 000F "GsmClientTest/#" 00`)
		time.Sleep(3 * time.Second)
		s.wants("a device that listens", "9003000300,"+led+"ON,GsmClientTest/warning=warning: KES 9.50 left")
		b.set(warned)
		time.Sleep(3 * time.Second)
		s.wants("the same warning", led+"data")
		b.set(paid())
		time.Sleep(time.Second)
		b.set(warned)
		time.Sleep(2 * time.Second)
		s.wants("after a recharge and another fall", "GsmClientTest/warning=warning: KES 9.50 left")
		if !b.legacy.Summarise(profile.Words{TotalKWh: "12.345", MonthKWh: "1.000", Balance: "KES 9.50"}) {
			t.Error("no summary for a device that listens")
		}
		time.Sleep(time.Second)
		s.wants("a summary", "GsmClientTest/summary=total 12.345 kWh, month 1.000 kWh, balance KES 9.50")
		warned.Left, warned.Words.Balance = 2000, "KES 20.00"
		b.set(warned)
		time.Sleep(2 * time.Second)
		s.wants("a recharge that ends below the level", "GsmClientTest/warning=warning: KES 20.00 left")
		warned.On, warned.Left, warned.Words.Balance = false, -1, "KES -0.01"
		b.set(warned)
		time.Sleep(2 * time.Second)
		s.wants("used up", led+"OFF")
		warned.On, warned.Left, warned.Words.Balance = true, 1000, "KES 10.00"
		b.set(warned)
		time.Sleep(2 * time.Second)
		s.wants("a little is paid", led+"ON,GsmClientTest/warning=warning: KES 10.00 left,"+led+"data")
	})
}

// TestAPlugSaysItsNameBeforeItIsTold: messages whose topics contain the device's name wait for the name.
func TestAPlugSaysItsNameBeforeItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "tasmota", unpaid())
		defer b.close()
		s := b.dial()
		s.send(`10 17 0004 "MQTT" 04 02 001E 000B "DVES_3D5E26"`)
		s.send(`82 11 0001 000C "cmnd/plug7/#" 00`)
		time.Sleep(3 * time.Second)
		s.wants("before its name is known", connackBytes+",9003000100")
		s.send(`31 16 000E "tele/plug7/LWT" "Online"`)
		time.Sleep(3 * time.Second)
		s.wants("after", "cmnd/plug7/POWER=OFF,cmnd/plug7/STATUS=10")
	})
}

// TestNothingLongAndNothingFast: whatever the device does, the server sends packets of at most 128 bytes, a second apart, with
// quality 0 and not retained.
func TestNothingLongAndNothingFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "seed-a", paid())
		defer b.close()
		s := begin(b)
		s.send(`82 14 0003 000F "GsmClientTest/#" 00`)
		for i := range 60 {
			a := paid()
			a.On, a.Warning, a.Words.Balance = i%3 != 0, i%2*2, strings.Repeat("9", 150)
			b.set(a)
			b.legacy.Summarise(profile.Words{TotalKWh: strings.Repeat("1", 200)})
			s.says("GsmClientTest/ledStatus", "600:512")
			time.Sleep(300 * time.Millisecond)
		}
		synctest.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		var published []time.Time
		for _, h := range s.got {
			if len(h.b) > 128 {
				t.Errorf("%d bytes at once: %x", len(h.b), h.b)
			}
			if h.b[0]&0xf0 == 0x30 {
				if h.b[0] != 0x30 {
					t.Errorf("PUBLISH with flags %x", h.b[0])
				}
				published = append(published, h.at)
			}
		}
		if len(published) < 15 {
			t.Errorf("only %d messages in 18 s", len(published))
		}
		for i := 1; i < len(published); i++ {
			if gap := published[i].Sub(published[i-1]); gap < time.Second {
				t.Errorf("message %d came %s after the one before", i, gap)
			}
		}
	})
}
