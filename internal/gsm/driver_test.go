package gsm_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/gsm"
	"github.com/paywatt/paywatt/internal/gsm/network"
	"github.com/paywatt/paywatt/internal/gsm/sim900"
)

const (
	server = "+255700000100"
	friend = "+255711000001"
)

// inbox stores what it gets, unless it is set to fail.
type inbox struct {
	mu       sync.Mutex
	fail     int // number of coming calls that fail
	messages []gsm.Message
	reports  []gsm.Report
	reply    func(gsm.Message)
}

func (i *inbox) Receive(_ context.Context, m gsm.Message) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.fail > 0 {
		i.fail--
		return errors.New("disk full")
	}
	i.messages = append(i.messages, m)
	if i.reply != nil {
		i.reply(m)
	}
	return nil
}

func (i *inbox) Report(_ context.Context, r gsm.Report) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.fail > 0 {
		i.fail--
		return errors.New("disk full")
	}
	i.reports = append(i.reports, r)
	return nil
}

// failing is true whenever the number of messages is a multiple of n.
func (i *inbox) failing(n int) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.messages)%n == 0
}

func (i *inbox) failNext(n int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fail = n
}

func (i *inbox) texts() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var out []string
	for _, m := range i.messages {
		out = append(out, m.Text)
	}
	return out
}

func (i *inbox) statuses() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var out []string
	for _, r := range i.reports {
		out = append(out, fmt.Sprintf("%s/%d %v", r.ID, r.Part, r.Status))
	}
	return out
}

// bench is a driver on an emulated modem with a phone on the same network.
type bench struct {
	t     *testing.T
	net   *network.Network
	sim   *sim900.Modem
	modem *gsm.Modem
	phone *network.Phone
	box   *inbox
	dials int
	out   map[string]int // texts that the modem handed to the network
	last  uint64
	stop  func()
}

// newBench sets up a bench. Everything ends with the test, or when stop is called.
func newBench(t *testing.T, simCfg sim900.Config, cfg gsm.Config) *bench {
	t.Helper()
	b := &bench{t: t, net: network.New(1, network.Weather{}, nil), box: &inbox{}}
	simCfg.Number, simCfg.Network = server, b.net
	var err error
	if b.sim, err = sim900.New(simCfg); err != nil {
		t.Fatal(err)
	}
	if b.phone, err = b.net.Phone(friend); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	run := func(f func() error) {
		running.Add(1)
		go func() {
			defer running.Done()
			if err := f(); err != nil {
				t.Error(err)
			}
		}()
	}
	run(func() error { return b.net.Run(ctx) })
	cfg.Dial = func(context.Context) (io.ReadWriteCloser, error) {
		mine, other := net.Pipe()
		b.dials++
		run(func() error { return b.sim.Serve(ctx, other) })
		return mine, nil
	}
	if cfg.Inbox == nil {
		cfg.Inbox = b.box
	}
	if b.modem, err = gsm.New(cfg); err != nil {
		t.Fatal(err)
	}
	run(func() error { return b.modem.Run(ctx) })
	b.stop = sync.OnceFunc(func() {
		cancel()
		b.sim.Close()
		running.Wait()
	})
	t.Cleanup(b.stop)
	return b
}

// wait lets virtual time pass.
func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (b *bench) ready() {
	b.t.Helper()
	wait(5 * time.Second)
	if s := b.modem.State(); s.Phase != gsm.Ready {
		b.t.Fatalf("the modem is %+v, want ready", s)
	}
}

func (b *bench) send(o gsm.Outgoing) gsm.Sent {
	b.t.Helper()
	if o.To == "" {
		o.To = friend
	}
	return b.modem.Send(b.t.Context(), o)
}

// submissions counts the messages that the modem handed to the network, by text. The network remembers only the newest events, so a long
// test must call submissions from time to time.
func (b *bench) submissions() map[string]int {
	if b.out == nil {
		b.out = map[string]int{}
	}
	for _, e := range b.net.Events(b.last) {
		b.last = e.N
		if e.Kind == network.Submitted && "+"+e.From == server {
			b.out[e.Text]++
		}
	}
	return b.out
}

func (b *bench) wantTexts(want ...string) {
	b.t.Helper()
	synctest.Wait()
	if got := b.box.texts(); !slices.Equal(got, want) {
		b.t.Errorf("the inbox has %q, want %q", got, want)
	}
}

func TestTheModemIsSetUpAndSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, sim900.Config{}, gsm.Config{Reference: 41})
		b.ready()
		s := b.modem.State()
		if s.Model != "SIMCOM_SIM900" || s.IMEI == "" || s.Signal != -71 || s.Slots != 20 || s.Roaming {
			t.Errorf("state %+v", s)
		}
		got := b.send(gsm.Outgoing{ID: "a", Text: "*02#12345678901234567890", Report: true, Validity: time.Hour})
		if got.Outcome != gsm.Accepted || len(got.Parts) != 1 || got.From != 1 {
			t.Errorf("sent %+v", got)
		}
		long := strings.Repeat("*02#12345678901234567890 ", 20)
		got = b.send(gsm.Outgoing{ID: "b", Text: long, Report: true})
		if got.Outcome != gsm.Accepted || len(got.Parts) != 4 || got.Reference != 43 {
			t.Errorf("sent %+v", got)
		}
		synctest.Wait()
		if m := b.phone.Messages(0); len(m) != 2 || m[0].Text != "*02#12345678901234567890" || m[1].Text != long || m[0].From != server {
			t.Errorf("the phone has %+v", m)
		}
		if got, want := b.box.statuses(), []string{"a/0 delivered", "b/0 delivered", "b/1 delivered", "b/2 delivered", "b/3 delivered"}; !slices.Equal(got, want) {
			t.Errorf("reports %q, want %q", got, want)
		}
	})
}

func TestWhatCannotBeSentIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, sim900.Config{}, gsm.Config{})
		for _, o := range []gsm.Outgoing{{To: "PAYWATT", Text: "x"}, {To: "nobody at all ?", Text: "x"}, {Text: strings.Repeat("x", 2000)}, {Text: "x", From: 1}, {Text: "x", From: -1}} {
			if got := b.send(o); got.Outcome != gsm.Refused || got.Why == "" {
				t.Errorf("%.20s to %q: %+v", o.Text, o.To, got)
			}
		}
		for _, cfg := range []gsm.Config{{}, {Dial: gsm.Serial("x", 1), PIN: "12a"}, {Dial: gsm.Serial("x", 1), Centre: "PAYWATT"}} {
			if _, err := gsm.New(cfg); err == nil {
				t.Errorf("%+v was taken", cfg)
			}
		}
	})
}

func TestAMessageIsDeletedOnlyWhenItIsDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, sim900.Config{}, gsm.Config{})
		b.ready()
		b.box.fail = 3
		if err := b.phone.Send(server, "*01#"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if used, _ := b.sim.Used(); used != 1 || len(b.box.texts()) != 0 {
			t.Fatalf("%d messages in the SIM while the inbox cannot keep them, want 1", used)
		}
		wait(2 * time.Minute)
		b.wantTexts("*01#")
		if used, _ := b.sim.Used(); used != 0 {
			t.Errorf("%d messages in the SIM after they are durable", used)
		}
		m := b.box.messages[0]
		if m.From != friend || m.Missing != 0 || m.At.IsZero() || m.Frame != nil {
			t.Errorf("message %+v", m)
		}
	})
}

func TestWhatArrivedWhileNobodyListenedIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, sim900.Config{Boot: 10 * time.Second}, gsm.Config{})
		b.ready()
		long := strings.Repeat("parts arrive in any order ", 10)
		b.sim.Reset()
		if err := b.phone.Send(server, long); err != nil {
			t.Fatal(err)
		}
		wait(time.Minute)
		b.wantTexts(long)
		if used, _ := b.sim.Used(); used != 0 {
			t.Errorf("%d messages stay in the SIM", used)
		}
		if s := b.modem.State(); s.Resets == 0 || s.Phase != gsm.Ready || b.dials != 1 {
			t.Errorf("state %+v after %d openings of the port", s, b.dials)
		}
	})
}

// TestALostNoticeIsMadeUpFor loses the notice of a message. The driver must find the message at its next regular sweep.
func TestALostNoticeIsMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, sim900.Config{}, gsm.Config{})
		b.ready()
		b.sim.Mute()
		if err := b.phone.Send(server, "unannounced"); err != nil {
			t.Fatal(err)
		}
		wait(time.Second)
		b.wantTexts()
		wait(6 * time.Minute)
		b.wantTexts("unannounced")
	})
}

func TestAnUnfinishedMessageDoesNotFillTheSIM(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, sim900.Config{Slots: 10}, gsm.Config{})
		b.ready()
		b.net.SetWeather(network.Weather{Loss: 0.5})
		for i := range 12 {
			if err := b.phone.Send(server, strings.Repeat(fmt.Sprint(i%10), 400)); err != nil {
				t.Fatal(err)
			}
		}
		b.net.SetWeather(network.Weather{})
		wait(10 * time.Minute)
		if err := b.phone.Send(server, "whole"); err != nil {
			t.Fatal(err)
		}
		wait(time.Minute)
		if !slices.Contains(b.box.texts(), "whole") {
			t.Errorf("unfinished messages keep others out: %d in the inbox", len(b.box.texts()))
		}
		wait(25 * time.Hour)
		if used, _ := b.sim.Used(); used != 0 {
			t.Errorf("%d unfinished parts in the SIM after a day", used)
		}
		missing := 0
		for _, m := range b.box.messages {
			if m.Missing > 0 {
				missing++
				if !strings.Contains(m.Text, "\uFFFD") {
					t.Errorf("%d parts missing from %q", m.Missing, m.Text)
				}
			}
		}
		if missing == 0 {
			t.Error("no unfinished message was handed over")
		}
	})
}

func TestErrorsAreClassed(t *testing.T) {
	for _, c := range []struct {
		codes []int
		want  gsm.Outcome
		why   string
		tries int
	}{
		{[]int{38, 38}, gsm.Accepted, "", 3},
		{[]int{38, 41, 42, 47}, gsm.NotSent, "+CMS ERROR: 42", 3},
		{[]int{30}, gsm.Refused, "+CMS ERROR: 30", 1},
		{[]int{304}, gsm.Refused, "+CMS ERROR: 304", 1},
		{[]int{310}, gsm.Accepted, "", 2}, // the SIM was checked again
	} {
		synctest.Test(t, func(t *testing.T) {
			messages := 0
			b := newBench(t, sim900.Config{Fault: func(m sim900.Moment) sim900.Fault {
				if m.Command == "message" && !m.After {
					messages++
				}
				return sim900.Fault{}
			}}, gsm.Config{})
			b.ready()
			for _, code := range c.codes {
				b.sim.FailNext(code)
			}
			got := b.send(gsm.Outgoing{Text: "x"})
			if got.Outcome != c.want || got.Why != c.why || messages != c.tries {
				t.Errorf("errors %v: %+v after %d tries, want %v %q after %d", c.codes, got, messages, c.want, c.why, c.tries)
			}
		})
	}
}

// faultOnce returns a function that injects the fault once, at the given moment.
func faultOnce(at sim900.Moment, f sim900.Fault) func(sim900.Moment) sim900.Fault {
	done := false
	return func(m sim900.Moment) sim900.Fault {
		if done || m.After != at.After || !strings.HasPrefix(m.Command, at.Command) {
			return sim900.Fault{}
		}
		done = true
		return f
	}
}

func TestALostAnswerIsUnknownAndNotRepeated(t *testing.T) {
	for name, c := range map[string]struct {
		at    sim900.Moment
		fault sim900.Fault
		want  gsm.Outcome
		count int // number of messages at the phone
	}{
		"no prompt":                {sim900.Moment{Command: "AT+CMGS", After: true}, sim900.Fault{Silent: true}, gsm.Accepted, 1},
		"late prompt":              {sim900.Moment{Command: "AT+CMGS", After: true}, sim900.Fault{Late: 12 * time.Second}, gsm.Accepted, 1},
		"reset before the prompt":  {sim900.Moment{Command: "AT+CMGS"}, sim900.Fault{Reset: true}, gsm.Accepted, 1},
		"message not taken":        {sim900.Moment{Command: "message"}, sim900.Fault{Silent: true}, gsm.Unknown, 0},
		"reset before sending":     {sim900.Moment{Command: "message"}, sim900.Fault{Reset: true}, gsm.Unknown, 0},
		"answer lost":              {sim900.Moment{Command: "message", After: true}, sim900.Fault{Silent: true}, gsm.Unknown, 1},
		"reset after sending":      {sim900.Moment{Command: "message", After: true}, sim900.Fault{Reset: true}, gsm.Unknown, 1},
		"half an answer":           {sim900.Moment{Command: "message", After: true}, sim900.Fault{Half: true}, gsm.Accepted, 1}, // with the reference in it
		"answer while asked again": {sim900.Moment{Command: "message", After: true}, sim900.Fault{Late: 66 * time.Second}, gsm.Accepted, 1},
		"error while asked again":  {sim900.Moment{Command: "message"}, sim900.Fault{Error: "\r\n+CMS ERROR: 30\r\n"}, gsm.Refused, 0},
		"a notice in between":      {sim900.Moment{Command: "message", After: true}, sim900.Fault{Notice: "+CREG: 5", Noise: "\xff"}, gsm.Accepted, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, sim900.Config{Fault: faultOnce(c.at, c.fault)}, gsm.Config{})
			b.ready()
			got := b.send(gsm.Outgoing{ID: "x", Text: "only once", Report: true})
			wait(5 * time.Minute)
			n := 0
			for _, m := range b.phone.Messages(0) {
				if m.Report == "" {
					n++
				}
			}
			if got.Outcome != c.want || n != c.count {
				t.Errorf("%s: %+v, %d at the phone; want %v and %d", name, got, n, c.want, c.count)
			}
			if s := b.modem.State(); s.Phase != gsm.Ready || (s.Unknown > 0) != (c.want == gsm.Unknown) {
				t.Errorf("%s: afterwards %+v", name, s)
			}
			// The delivery report shows later that a message of unknown outcome was sent.
			if c.want == gsm.Unknown && c.count == 1 && name != "reset after sending" { // because AT+CNMI was off when the report came
				if r := b.box.reports; len(r) != 1 || r[0].ID != "x" || !r[0].Inferred || !r[0].Status.Delivered() {
					t.Errorf("%s: reports %+v", name, r)
				}
			}
			if again := b.send(gsm.Outgoing{Text: "and on"}); again.Outcome != gsm.Accepted {
				t.Errorf("%s: the next message: %+v", name, again)
			}
		})
	}
}

func TestTheRestOfALongMessageIsContinued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		b := newBench(t, sim900.Config{Fault: func(m sim900.Moment) sim900.Fault {
			if m.Command == "message" && !m.After {
				if n++; n == 2 {
					return sim900.Fault{Error: "\r\n+CMS ERROR: 28\r\n"}
				}
			}
			return sim900.Fault{}
		}}, gsm.Config{})
		b.ready()
		text := strings.Repeat("0123456789", 40)
		got := b.send(gsm.Outgoing{Text: text})
		if got.Outcome != gsm.Refused || got.From != 1 || len(got.Parts) != 1 {
			t.Fatalf("got %+v", got)
		}
		got = b.send(gsm.Outgoing{Text: text, From: got.From, Reference: got.Reference})
		synctest.Wait()
		if m := b.phone.Messages(0); got.Outcome != gsm.Accepted || len(m) != 1 || m[0].Text != text {
			t.Errorf("continued %+v, the phone has %+v", got, m)
		}
	})
}

func TestMessagesWaitForTheNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, sim900.Config{}, gsm.Config{})
		b.ready()
		b.sim.Register(2)
		wait(time.Second)
		if s := b.modem.State(); s.Phase != gsm.Searching {
			t.Errorf("without a network: %+v", s)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if got := b.modem.Send(ctx, gsm.Outgoing{To: friend, Text: "too late"}); got.Outcome != gsm.NotSent {
			t.Errorf("without a network: %+v", got)
		}
		time.AfterFunc(10*time.Second, func() { b.sim.Register(5) })
		if got := b.send(gsm.Outgoing{Text: "in time"}); got.Outcome != gsm.Accepted {
			t.Errorf("when the network is back: %+v", got)
		}
		if s := b.modem.State(); s.Phase != gsm.Ready || !s.Roaming {
			t.Errorf("state %+v", s)
		}
	})
}

func TestTheQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, sim900.Config{}, gsm.Config{})
		b.ready()
		b.sim.Register(3)
		wait(time.Second)
		got := make(chan gsm.Sent, gsm.MaxQueue)
		for range gsm.MaxQueue {
			go func() { got <- b.send(gsm.Outgoing{Text: "x"}) }()
		}
		synctest.Wait()
		if s := b.modem.State(); s.Queue != gsm.MaxQueue || s.Phase != gsm.Denied {
			t.Errorf("state %+v", s)
		}
		if one := b.send(gsm.Outgoing{Text: "one too many"}); one.Outcome != gsm.NotSent {
			t.Errorf("one too many: %+v", one)
		}
		b.stop()
		for range gsm.MaxQueue {
			if s := <-got; s.Outcome != gsm.NotSent {
				t.Errorf("when the driver stops: %+v", s)
			}
		}
	})
}

// An Inbox may call Send while it handles a message.
func TestAReplyIsSentFromTheInbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, sim900.Config{}, gsm.Config{})
		b.box.reply = func(m gsm.Message) {
			if got := b.modem.Send(t.Context(), gsm.Outgoing{To: m.From, Text: "Balance 42.8 kWh"}); got.Outcome != gsm.Accepted {
				t.Errorf("reply: %+v", got)
			}
		}
		b.ready()
		if err := b.phone.Send(server, "*01#"); err != nil {
			t.Fatal(err)
		}
		wait(time.Second)
		if m := b.phone.Messages(0); len(m) != 2 || m[1].Text != "Balance 42.8 kWh" && m[0].Text != "Balance 42.8 kWh" {
			t.Errorf("the phone has %+v", m)
		}
	})
}

func TestAPortThatFailsIsOpenedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		m, err := gsm.New(gsm.Config{Dial: func(context.Context) (io.ReadWriteCloser, error) {
			if opened++; opened%2 == 0 {
				return nil, errors.New("no such device")
			}
			mine, other := net.Pipe()
			go func() { // a device that reads, never answers, and is unplugged after a while
				_, _ = io.Copy(io.Discard, other)
			}()
			time.AfterFunc(30*time.Second, func() { _ = other.Close() })
			return mine, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
		defer cancel()
		if err := m.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if opened < 15 || opened > 60 {
			t.Errorf("opened %d times in half an hour: the pauses are wrong", opened)
		}
		if s := m.State(); s.Phase != gsm.Closed || s.Problem == "" {
			t.Errorf("state %+v", s)
		}
	})
}
