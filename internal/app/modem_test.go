package app

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/gsm"
	"github.com/paywatt/paywatt/internal/gsm/network"
	"github.com/paywatt/paywatt/internal/gsm/sim900"
	"github.com/paywatt/paywatt/internal/notify"
)

// arrivals stores the messages and reports of a route; refuse is the number of calls that fail first.
type arrivals struct {
	refuse   int
	received []notify.Incoming
	reports  []notify.Report
}

func (d *arrivals) Receive(_ context.Context, m notify.Incoming) error {
	if d.refuse--; d.refuse >= 0 {
		return io.ErrUnexpectedEOF
	}
	d.received = append(d.received, m)
	return nil
}

func (d *arrivals) Report(_ context.Context, r notify.Report) error {
	d.reports = append(d.reports, r)
	return nil
}

// TestAModemAsARoute: a sent message reaches the telephone and is reported once. A long message is reported with its last part. An arrival
// stays in the SIM until the inbox has made it durable. A failing modem reports its problem.
func TestAModemAsARoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const own, phoneNumber = "+254700000100", "+254711000001"
		ctx, stop := context.WithCancel(t.Context())
		n := network.New(1, network.Weather{}, nil)
		var ended []chan struct{}
		run := func(do func()) {
			done := make(chan struct{})
			ended = append(ended, done)
			go func() { defer close(done); do() }()
		}
		run(func() { n.Run(ctx) })
		sim, err := sim900.New(sim900.Config{Number: own, Network: n})
		if err != nil {
			t.Fatal(err)
		}
		phone, err := n.Phone(phoneNumber)
		if err != nil {
			t.Fatal(err)
		}
		here, there := net.Pipe()
		run(func() { _ = sim.Serve(ctx, there) })
		d := &arrivals{refuse: 1}
		r := &modemRoute{name: "modem1", parted: map[string]*parts{}}
		r.modem, err = gsm.New(gsm.Config{Dial: func(context.Context) (io.ReadWriteCloser, error) { return here, nil }, Inbox: modemInbox{r, d, own}})
		if err != nil {
			t.Fatal(err)
		}
		run(func() { _ = r.modem.Run(ctx) })
		short := r.Send(ctx, notify.Outgoing{ID: "msg_1", To: phoneNumber, Text: "hello", Report: true})
		if short.Outcome != notify.Accepted || short.Parts != 1 || short.Reference == "" {
			t.Fatalf("sent: %+v, want accepted in one part with a reference", short)
		}
		long := r.Send(ctx, notify.Outgoing{ID: "msg_2", To: phoneNumber, Text: strings.Repeat("long ", 60), Report: true})
		if long.Outcome != notify.Accepted || long.Parts != 2 {
			t.Fatalf("a long message: %+v, want accepted in two parts", long)
		}
		if err := phone.Send(own, "BAL"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		var delivered []string
		for _, rep := range d.reports {
			delivered = append(delivered, rep.ID+" "+rep.State.String())
		}
		if got := strings.Join(delivered, ", "); got != "msg_1 delivered, msg_2 delivered" {
			t.Errorf("reports: %s, want one of each message", got)
		}
		if len(d.received) != 1 || d.received[0].Text != "BAL" || d.received[0].From != phoneNumber || d.received[0].To != own || d.received[0].Route != "modem1" {
			t.Errorf("received %v, want the question once, though the inbox failed at first", d.received)
		}
		if used, _ := sim.Used(); used != 0 {
			t.Errorf("%d messages are left in the SIM", used)
		}
		sim.FailNext(38)
		if s := r.Send(ctx, notify.Outgoing{ID: "msg_3", To: phoneNumber, Text: "hello"}); s.Outcome != notify.Accepted && s.Outcome != notify.NotSent {
			t.Errorf("an error of the network once: %+v, want accepted at the second try or not sent", s)
		}
		stop()
		_ = there.Close()
		for _, done := range ended {
			<-done
		}
	})
}

// TestASIMThatFillsUpIsSeen: while the inbox fails, arrivals stay in the SIM, and the route says how full it is.
func TestASIMThatFillsUpIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const own, slots = "+254700000100", 10
		ctx, stop := context.WithCancel(t.Context())
		n := network.New(1, network.Weather{}, nil)
		var ended sync.WaitGroup
		ended.Go(func() { n.Run(ctx) })
		sim, err := sim900.New(sim900.Config{Number: own, Network: n, Slots: slots})
		if err != nil {
			t.Fatal(err)
		}
		phone, err := n.Phone("+254711000001")
		if err != nil {
			t.Fatal(err)
		}
		here, there := net.Pipe()
		ended.Go(func() { _ = sim.Serve(ctx, there) })
		d := &gate{}
		r := &modemRoute{name: "modem1", parted: map[string]*parts{}}
		r.modem, err = gsm.New(gsm.Config{Dial: func(context.Context) (io.ReadWriteCloser, error) { return here, nil }, Inbox: modemInbox{r, d, own}})
		if err != nil {
			t.Fatal(err)
		}
		ended.Go(func() { _ = r.modem.Run(ctx) })
		for i := range 8 {
			if err := phone.Send(own, fmt.Sprint("BAL ", i)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Minute)
		}
		if got, want := r.Memory(), (notify.Memory{Used: 8, Slots: slots, AlmostFull: true}); got != want {
			t.Errorf("after 8 messages that nobody took: %+v, want %+v", got, want)
		}
		d.open.Store(true)
		time.Sleep(10 * time.Minute)
		if got, want := r.Memory(), (notify.Memory{Slots: slots}); got != want || d.taken.Load() != 8 {
			t.Errorf("after the inbox took %d: %+v, want 8 and %+v", d.taken.Load(), got, want)
		}
		stop()
		_ = there.Close()
		ended.Wait()
	})
}

// TestAMessageDoesNotWaitForADeadModem: the port fails at the moment in which a message is given to the modem, and cannot be opened again.
// The message comes back at once, so that another route can send it.
func TestAMessageDoesNotWaitForADeadModem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		n := network.New(1, network.Weather{}, nil)
		var ended sync.WaitGroup
		ended.Go(func() { n.Run(ctx) })
		sim, err := sim900.New(sim900.Config{Number: "+254700000100", Network: n})
		if err != nil {
			t.Fatal(err)
		}
		here, there := net.Pipe()
		ended.Go(func() { _ = sim.Serve(ctx, there) })
		ports := []io.ReadWriteCloser{unplugged{here}}
		r := &modemRoute{name: "modem1", parted: map[string]*parts{}}
		r.modem, err = gsm.New(gsm.Config{Changed: r.endWait, Dial: func(context.Context) (io.ReadWriteCloser, error) {
			if len(ports) == 0 {
				return nil, io.ErrNoProgress
			}
			port := ports[0]
			ports = nil
			return port, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		ended.Go(func() { _ = r.modem.Run(ctx) })
		limited, cancel := context.WithTimeout(ctx, 4*time.Minute)
		s := r.Send(limited, notify.Outgoing{ID: "msg_1", To: "+254711000001", Text: "hello"})
		if s.Outcome != notify.NotSent || !s.Closed || !strings.HasPrefix(s.Why, "the modem is closed: ") || limited.Err() != nil {
			t.Errorf("sent: %+v, limit %v; want not sent, by a closed modem, before the limit", s, limited.Err())
		}
		cancel()
		stop()
		_ = there.Close()
		ended.Wait()
	})
}

// unplugged is a port that is gone when a message is to be sent.
type unplugged struct{ io.ReadWriteCloser }

func (p unplugged) Write(b []byte) (int, error) {
	if strings.HasPrefix(string(b), "AT+CMGS") {
		_ = p.Close()
	}
	return p.ReadWriteCloser.Write(b)
}

// gate blocks until it is open.
type gate struct {
	open  atomic.Bool
	taken atomic.Int64
}

func (g *gate) Receive(context.Context, notify.Incoming) error {
	if !g.open.Load() {
		return io.ErrUnexpectedEOF
	}
	g.taken.Add(1)
	return nil
}

func (g *gate) Report(context.Context, notify.Report) error { return nil }

// TestAReportOfAPartBeforeTheLastHasLeft: a delivery report about the first part does not count as a report of the whole
// message. This also holds while the other parts are still being sent.
func TestAReportOfAPartBeforeTheLastHasLeft(t *testing.T) {
	d := &arrivals{}
	r := &modemRoute{name: "modem1", parted: map[string]*parts{}}
	in := modemInbox{r, d, ""}
	r.begin("msg_1", 2)
	report := func(part, want int) {
		t.Helper()
		if err := in.Report(t.Context(), gsm.Report{ID: "msg_1", Part: part}); err != nil || len(d.reports) != want {
			t.Errorf("after the report of part %d: %d reports of the message, %v; want %d", part, len(d.reports), err, want)
		}
	}
	report(0, 0)
	r.remember("msg_1", gsm.Sent{Outcome: gsm.Accepted, From: 2})
	report(0, 0)
	report(1, 1)
}
