package link_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/device/link"
	"github.com/paywatt/paywatt/internal/device/outbox"
	"github.com/paywatt/paywatt/wire"
)

const number = "04140001001"

var errDown = errors.New("server is down")

// server is a fake server: it keeps a window like the real one and can be made to fail.
type server struct {
	mu        sync.Mutex
	down      bool
	mute      bool // accepts everything and acknowledges nothing
	watermark uint64
	seen      map[uint64]int
	published []string
	dials     []time.Time
	current   *session
}

type session struct {
	s         *server
	onMessage func(string, []byte)
	onLost    func(error)
	closed    bool
}

func newServer() *server { return &server{seen: map[uint64]int{}} }

func (s *server) dial(_ context.Context, onMessage func(string, []byte), onLost func(error)) (link.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dials = append(s.dials, time.Now())
	if s.down {
		return nil, errDown
	}
	s.current = &session{s: s, onMessage: onMessage, onLost: onLost}
	return s.current, nil
}

func (c *session) Publish(topic string, payload []byte) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if c.s.down || c.closed || c.s.current != c {
		return errDown
	}
	return c.s.took(c, topic, payload)
}

func (c *session) Close() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.closed = true
}

// took stores what the window allows and acknowledges it, as docs/reference/mqtt.md#acknowledgement says. The caller
// holds c.s.mu.
func (s *server) took(c *session, topic string, payload []byte) error {
	_, _, leaf, ok := wire.ParseTopic(topic)
	if !ok {
		return fmt.Errorf("topic %s", topic)
	}
	good, bad, err := wire.DecodeUp(wire.Kind(leaf), payload)
	if err != nil || len(bad) > 0 {
		return fmt.Errorf("payload %q: %v %v", payload, bad, err)
	}
	s.published = append(s.published, fmt.Sprintf("%s×%d", leaf, len(good)))
	for _, r := range good {
		if r.Kind == wire.KindBoot || s.mute {
			continue
		}
		if r.Head.Seq > s.watermark+wire.Window {
			continue
		}
		s.seen[r.Head.Seq]++
		for s.seen[s.watermark+1] > 0 {
			s.watermark++
		}
	}
	if !s.mute {
		s.send(c, wire.Ack{Seq: s.watermark})
	}
	return nil
}

func (s *server) send(c *session, a wire.Ack) {
	b, err := wire.EncodeAck(wire.JSON, a)
	if err != nil {
		panic(err)
	}
	go c.onMessage(wire.DownTopic(number, wire.DownAck), b)
}

// kill breaks the connection and refuses new ones.
func (s *server) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = true
	if s.current != nil {
		s.current.onLost(errDown)
	}
}

func (s *server) with(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *server) missing(upTo uint64) (missing []uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for seq := uint64(1); seq <= upTo; seq++ {
		if s.seen[seq] == 0 {
			missing = append(missing, seq)
		}
	}
	return missing
}

type rig struct {
	srv *server
	box *outbox.Box
	l   *link.Link
	end func()
}

func start(t *testing.T, keep int) *rig {
	t.Helper()
	r := &rig{srv: newServer(), box: outbox.New(1, keep)}
	r.box.Announce(wire.Boot{Memory: "00c0ffee00c0ffee", Proto: 1})
	r.l = link.New(link.Config{Number: number, Box: r.box}, r.srv.dial)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.l.Run(ctx) }()
	r.end = func() { cancel(); <-done }
	return r
}

func (r *rig) add(t *testing.T, n int) {
	t.Helper()
	for range n {
		seq := r.box.Marks().Next
		rec := wire.Reading{Head: wire.Head{Seq: seq, Clock: wire.ClockValid}, Relay: "closed"}.Record()
		if seq%10 == 0 {
			rec = wire.Event{Head: wire.Head{Seq: seq, Clock: wire.ClockValid}, Code: 401}.Record()
		}
		b, err := wire.EncodeUp(wire.JSON, rec)
		if err != nil {
			t.Fatal(err)
		}
		r.box.Append(outbox.Entry{Seq: seq, Kind: rec.Kind, Data: b})
	}
	r.box.Durable()
}

func TestABacklogGoesUpInFewLargeMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 0)
		defer r.end()
		r.add(t, 640)
		time.Sleep(time.Second) // virtual
		if m := r.srv.missing(640); len(m) != 0 {
			t.Fatalf("%d records missing, first %d", len(m), m[0])
		}
		r.srv.with(func() {
			if r.srv.published[0] != "boot×1" {
				t.Errorf("the connection began with %s, want boot", r.srv.published[0])
			}
			// The 640 records are 10 windows. In the worst case they are sent as 20 half windows, each with a message
			// of readings and a message of events.
			if n := len(r.srv.published); n > 1+2*20 {
				t.Errorf("%d messages for 640 records: %v", n, r.srv.published)
			}
		})
		if m := r.box.Marks(); m.Acked != 640 {
			t.Errorf("acknowledged up to %d, want 640", m.Acked)
		}
	})
}

func TestNothingIsLostWhenTheServerIsKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 0)
		defer r.end()
		for range 20 {
			r.add(t, 37)
			time.Sleep(20 * time.Millisecond)
			r.srv.kill()
			r.add(t, 21)
			time.Sleep(3 * time.Second)
			r.srv.with(func() { r.srv.down = false })
			time.Sleep(6 * time.Second)
		}
		if m := r.srv.missing(20 * 58); len(m) != 0 {
			t.Errorf("%d of %d records missing, first %d", len(m), 20*58, m[0])
		}
	})
}

func TestRetriesDoubleUpToFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer()
		srv.down = true
		l := link.New(link.Config{Number: number, Box: outbox.New(1, 0)}, srv.dial)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		l.Run(ctx)
		want := []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second, 5 * time.Second}
		for i, w := range want {
			if got := srv.dials[i+1].Sub(srv.dials[i]); got != w {
				t.Errorf("wait %d = %v, want %v", i+1, got, w)
			}
		}
	})
}

// TestOnlyProgressShortensTheWait: after many failures the wait is long. It becomes short again once the server has
// acknowledged a record, and not because a connection stood for a while.
func TestOnlyProgressShortensTheWait(t *testing.T) {
	for _, mute := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, 0)
			defer r.end()
			synctest.Wait() // until it is connected
			r.srv.kill()
			time.Sleep(time.Minute) // virtual
			r.srv.with(func() { r.srv.down, r.srv.mute = false, mute })
			r.add(t, 1)
			time.Sleep(10 * time.Second)
			r.srv.with(func() { r.srv.dials = nil })
			lost := time.Now()
			r.srv.kill()
			time.Sleep(10 * time.Second)
			want := 500 * time.Millisecond
			if mute {
				want = 5 * time.Second
			}
			r.srv.with(func() {
				if got := r.srv.dials[0].Sub(lost); got != want {
					t.Errorf("no record acknowledged: %t. The link waits %v, want %v", mute, got, want)
				}
			})
		})
	}
}

func TestWhatIsNotAcknowledgedIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 0)
		defer r.end()
		r.srv.with(func() { r.srv.mute = true })
		r.add(t, 5)
		time.Sleep(time.Second)
		r.srv.with(func() { r.srv.mute = false })
		time.Sleep(10 * time.Second)
		if m := r.srv.missing(5); len(m) != 0 {
			t.Errorf("records %v never came although the connection stood", m)
		}
	})
}

func TestARewindSendsAcknowledgedRecordsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 0)
		defer r.end()
		r.add(t, 100)
		time.Sleep(time.Second)
		r.srv.with(func() {
			// The server restored an older copy of its database: all records above 30 are gone.
			r.srv.watermark, r.srv.seen = 30, map[uint64]int{}
			for seq := uint64(1); seq <= 30; seq++ {
				r.srv.seen[seq] = 1
			}
			r.srv.send(r.srv.current, wire.Ack{Seq: 30, Rewind: true})
		})
		time.Sleep(time.Second)
		if m := r.srv.missing(100); len(m) != 0 {
			t.Errorf("%d records were not sent again, first %d", len(m), m[0])
		}
	})
}

// TestAServerThatForgotWithoutSayingSo uses a server whose database was replaced: it repeats a lower watermark and
// accepts nothing beyond its window.
func TestAServerThatForgotWithoutSayingSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 0)
		defer r.end()
		r.add(t, 200)
		time.Sleep(time.Second)
		r.srv.with(func() { r.srv.watermark, r.srv.seen = 0, map[uint64]int{} })
		r.add(t, 1)
		time.Sleep(20 * time.Second)
		if m := r.srv.missing(201); len(m) != 0 {
			t.Errorf("%d records never came, first %d", len(m), m[0])
		}
	})
}

func TestAnOlderCopyOfAMemoryIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		srv, box := newServer(), outbox.New(1, 100)
		srv.watermark = 50 // the server has 50 records of this memory, but the meter starts with a copy that has none of them
		box.Announce(wire.Boot{Memory: "00c0ffee00c0ffee", Proto: 1})
		r := &rig{srv: srv, box: box}
		r.add(t, 10)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		l := link.New(link.Config{Number: number, Box: box, Log: slog.New(slog.NewTextHandler(&log, nil))}, srv.dial)
		go func() { defer close(done); l.Run(ctx) }()
		time.Sleep(time.Minute)
		cancel()
		<-done
		if n := strings.Count(log.String(), "older copy"); n != 1 {
			t.Errorf("told %d times that the memory is an older copy, want once:\n%s", n, log.String())
		}
		if m := box.Marks(); m.Acked != 0 {
			t.Errorf("%d records count as acknowledged, want none", m.Acked)
		}
	})
}

func TestTheServerHearsOfRecordsThatWillNeverCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 64)
		defer r.end()
		r.srv.with(func() { r.srv.mute = true })
		time.Sleep(time.Second)
		r.add(t, 80)
		time.Sleep(time.Second)
		boots := 0
		r.srv.with(func() {
			for _, p := range r.srv.published {
				if p == "boot×1" {
					boots++
				}
			}
		})
		if boots < 2 {
			t.Errorf("%d boot messages, want another one after 16 records had to go", boots)
		}
	})
}

func TestOtherMessagesReachTheDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 0)
		defer r.end()
		synctest.Wait()
		if m := <-r.l.Messages(); m.Down != outbox.Online {
			t.Errorf("got %+v, want to hear of the connection first", m)
		}
		for _, topic := range []string{"m/99999999999/down/token", "m/" + number + "/up/reading", "nonsense", "m/" + number + "/down/token"} {
			r.srv.current.onMessage(topic, []byte(topic))
		}
		synctest.Wait()
		select {
		case m := <-r.l.Messages():
			if m.Down != wire.DownToken || m.Topic != "m/"+number+"/down/token" {
				t.Errorf("got %+v, want the token for this meter", m)
			}
		default:
			t.Fatal("the token did not arrive")
		}
		if len(r.l.Messages()) != 0 {
			t.Error("a message on a foreign topic arrived")
		}
		if !r.l.Status().Connected {
			t.Error("status says not connected")
		}
	})
}

func TestParseBroker(t *testing.T) {
	for text, want := range map[string]string{
		"mqtt://127.0.0.1:1883": "127.0.0.1:1883", "127.0.0.1:41235": "127.0.0.1:41235", "tcp://meters.example:1": "meters.example:1",
		"mqtt://meters.example": "meters.example:1883", "[::1]:1883": "[::1]:1883", "localhost:1883": "localhost:1883",
	} {
		if got, err := link.ParseBroker(text); err != nil || got != want {
			t.Errorf("ParseBroker(%q) = %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", "1883", "http://x:1", "mqtt://u:p@x:1", "mqtt://", ":1883", "mqtt://x:1/path"} {
		if got, err := link.ParseBroker(text); !errors.Is(err, link.ErrBroker) {
			t.Errorf("ParseBroker(%q) = %q, %v, want ErrBroker", text, got, err)
		}
	}
	if s := fmt.Sprintf("%v %s %q %#v", link.Password("hunter2"), link.Password("hunter2"), link.Password("hunter2"), link.Password("hunter2")); strings.Contains(s, "hunter2") {
		t.Errorf("the password was printed: %s", s)
	}
}
