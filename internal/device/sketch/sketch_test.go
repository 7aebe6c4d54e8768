package sketch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/device/sketch"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/profiles"
)

// counts returns the counts of the first profile.
func counts(t *testing.T) profile.Counts {
	t.Helper()
	l := profile.Library{}
	if err := l.Load(profiles.Files); err != nil {
		t.Fatal(err)
	}
	return *l["seed-a"].Counts
}

// far is the server's end of the connections that the device dials.
type far struct {
	conns chan net.Conn
	down  bool // no network
}

func (f *far) dial(context.Context) (net.Conn, error) {
	if f.down {
		return nil, errors.New("no network")
	}
	near, server := net.Pipe()
	f.conns <- server
	return near, nil
}

func newDevice(t *testing.T, toggle bool) (*sketch.Sketch, *far, func()) {
	f := &far{conns: make(chan net.Conn, 1)}
	s := sketch.New(sketch.Config{Dial: f.dial, Toggle: toggle, Counts: counts(t)})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	return s, f, func() { stop(); <-done }
}

// expect reads exactly these bytes.
func expect(t *testing.T, c net.Conn, what string, parts ...string) {
	t.Helper()
	want := strings.Join(parts, "")
	got := make([]byte, len(want))
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if n, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("%s: %q, %v, want %q", what, got[:n], err, want)
	}
}

func write(t *testing.T, c net.Conn, b string) {
	t.Helper()
	if _, err := c.Write([]byte(b)); err != nil {
		t.Fatal(err)
	}
}

const (
	connectBytes = "\x10\x1f\x00\x04MQTT\x04\x02\x00\x0f\x00\x13electricitymeterGSM"
	subscribed   = "\x82\x16\x00\x02\x00\x11GsmClientTest/led\x00"
)

func order(payload string) string {
	return string([]byte{0x30, byte(19 + len(payload)), 0, 17}) + "GsmClientTest/led" + payload
}

func status(payload string) string {
	return string([]byte{0x30, byte(25 + len(payload)), 0, 23}) + "GsmClientTest/ledStatus" + payload
}

// TestTheToggleSketchSendsTheBytesOfTheLibrary compares each packet with one recorded from PubSubClient 2.8.
func TestTheToggleSketchSendsTheBytesOfTheLibrary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f, end := newDevice(t, true)
		defer end()
		c := <-f.conns
		expect(t, c, "CONNECT", connectBytes)
		write(t, c, "\x20\x02\x00\x00")
		expect(t, c, "init, then SUBSCRIBE with the second packet id", "\x30\x29\x00\x12GsmClientTest/initGsmClientTest started", subscribed)
		write(t, c, "\x90\x03\x00\x02\x00")
		for _, answer := range []string{"1", "0"} {
			write(t, c, order("anything"))
			expect(t, c, "an order", "\x30\x1a\x00\x17GsmClientTest/ledStatus"+answer)
		}
		begin := time.Now()
		expect(t, c, "a ping", "\xc0\x00")
		if waited := time.Since(begin); waited < 15*time.Second || waited > 17*time.Second {
			t.Errorf("pinged after %s of silence, want a little more than 15 s", waited)
		}
		if v := s.Take(); v.Relay != "open" || !v.Connected || len(v.Heard) != 2 {
			t.Errorf("state %+v", v)
		}
	})
}

func TestTheSketchMeasuresAndObeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f, end := newDevice(t, false)
		defer end()
		c := <-f.conns
		expect(t, c, "CONNECT", connectBytes)
		write(t, c, "\x20\x02\x00\x00")
		expect(t, c, "init and SUBSCRIBE", "\x30\x21\x00\x12GsmClientTest/initMeter Started", subscribed)
		s.Load(1124)
		for _, step := range [][2]string{{"data", "512:512"}, {"ON", "meter is on"}, {"data", "561:461"}, {"OFF", "meter is off"}, {"data", "512:512"}, {"ON", "meter is on"}} {
			write(t, c, order(step[0]))
			expect(t, c, step[0], status(step[1]))
		}
		s.Pins(7, 1000)
		write(t, c, order("data"))
		expect(t, c, "pins set by hand", status("7:1000"))
		write(t, c, order("what?")+order(strings.Repeat("x", 100)))
		write(t, c, "\x30\xac\x02\x00\x11GsmClientTest/led"+strings.Repeat("O", 281)) // longer than the library's buffer
		write(t, c, order("data"))
		expect(t, c, "after what it does not understand", status("7:1000"))
		s.Power(false)
		synctest.Wait()
		if v := s.Take(); v.Relay != "open" || v.Connected {
			t.Errorf("without power: %+v", v)
		}
		s.Power(true)
		c = <-f.conns
		expect(t, c, "CONNECT after power-up", connectBytes)
	})
}

func TestTheSketchTriesAgainEveryTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, f, end := newDevice(t, false)
		defer end()
		begin := time.Now()
		c := <-f.conns
		expect(t, c, "CONNECT", connectBytes)
		write(t, c, "\x20\x02\x00\x05") // not authorized: its meter is not registered yet
		c = <-f.conns
		if waited := time.Since(begin); waited != 10*time.Second {
			t.Errorf("tried again after %s, want 10 s", waited)
		}
		expect(t, c, "CONNECT", connectBytes)
		_ = c.Close() // the server dies
		c = <-f.conns
		expect(t, c, "CONNECT", connectBytes)
		<-f.conns // no CONNACK for 15 s, then 10 s more
		if waited := time.Since(begin); waited != 45*time.Second {
			t.Errorf("the fourth attempt came after %s, want 45 s", waited)
		}
	})
}

func TestAServerThatDoesNotAnswerPingsIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f, end := newDevice(t, false)
		defer end()
		c := <-f.conns
		expect(t, c, "CONNECT", connectBytes)
		write(t, c, "\x20\x02\x00\x00")
		go func() { _, _ = io.Copy(io.Discard, c) }()
		time.Sleep(30 * time.Second)
		if v := s.Take(); !v.Connected {
			t.Error("left too soon")
		}
		time.Sleep(5 * time.Second)
		if v := s.Take(); v.Connected {
			t.Error("still connected to a server that is silent for 35 s")
		}
	})
}

func TestTheScriptSaysWhatIsWrongAndGoesOn(t *testing.T) {
	s := sketch.New(sketch.Config{Dial: (&far{down: true}).dial, Counts: counts(t)})
	var out, msg bytes.Buffer
	in := "; a remark\n\nload 1000\nload -1\npins 5\npins 2000 1\nfly\nwait colour=red 1s\nwait relay=closed 1ms\nwait load_w=1000 1s\nrun 5ms\nsubscribe a\nshow\nquit\nload 7\n"
	if err := sketch.Drive(context.Background(), s, strings.NewReader(in), &out, &msg); err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(&out)
	n := 0
	var v sketch.View
	for ; d.More(); n++ {
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
	}
	if n != 12 || v.LoadW != 1000 || v.Relay != "open" || v.V1 != 512 || v.V2 != 512 {
		t.Errorf("%d state lines, the last %+v; want 12", n, v)
	}
	for _, want := range []string{"load: -1 is no whole number", "pins: takes 2 words", "2000 is no whole number from 0 to 1023", "no such command",
		"no field colour", "relay=closed did not come", "not connected"} {
		if !strings.Contains(msg.String(), want) {
			t.Errorf("messages lack %q:\n%s", want, msg.String())
		}
	}
}
