package smpp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/smpp"
	"github.com/paywatt/paywatt/internal/notify"
)

// inbox is an Inbox that can be made to fail.
type inbox struct {
	mu       sync.Mutex
	failures int // number of coming calls that fail
	messages []notify.Incoming
	reports  []notify.Report
}

var errDisk = errors.New("no space on device")

func (b *inbox) Receive(_ context.Context, m notify.Incoming) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures > 0 {
		b.failures--
		return errDisk
	}
	b.messages = append(b.messages, m)
	return nil
}

func (b *inbox) Report(_ context.Context, r notify.Report) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures > 0 {
		b.failures--
		return errDisk
	}
	b.reports = append(b.reports, r)
	return nil
}

// link is one connection at the centre's end, after the bind.
type link struct {
	t    *testing.T
	conn net.Conn
	bind smpp.Bind
	mode smpp.Command
	pdus chan smpp.PDU // units that the client sends; closed at the end
	seq  uint32
}

func (l *link) send(p smpp.PDU) {
	l.t.Helper()
	if _, err := l.conn.Write(p.Encode()); err != nil {
		l.t.Errorf("centre writes: %v", err)
	}
}

// ask sends a unit and returns its answer.
func (l *link) ask(c smpp.Command, body []byte) smpp.PDU {
	l.t.Helper()
	l.seq++
	l.send(smpp.PDU{Command: c, Sequence: l.seq, Body: body})
	p := l.next()
	if p.Sequence != l.seq {
		l.t.Errorf("asked %08X as %d, got %v", uint32(c), l.seq, p)
	}
	return p
}

func (l *link) next() smpp.PDU {
	l.t.Helper()
	select {
	case p, ok := <-l.pdus:
		if !ok {
			l.t.Fatal("the connection ended")
		}
		return p
	case <-time.After(10 * time.Minute): // virtual time
		l.t.Fatal("the client sends nothing")
	}
	return smpp.PDU{}
}

// submit takes the next submit_sm and answers it.
func (l *link) submit(s smpp.Status, id string) smpp.Message {
	l.t.Helper()
	p := l.next()
	if p.Command != smpp.SubmitSM {
		l.t.Fatalf("got %v, want a submit_sm", p)
	}
	m, err := smpp.DecodeMessage(p.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	l.send(smpp.PDU{Command: smpp.SubmitSM.Answer(), Status: s, Sequence: p.Sequence, Body: smpp.EncodeText(id)})
	return m
}

func (l *link) deliver(m smpp.Message) smpp.Status {
	l.t.Helper()
	b, err := m.Encode()
	if err != nil {
		l.t.Fatal(err)
	}
	p := l.ask(smpp.DeliverSM, b)
	if p.Command != smpp.DeliverSM.Answer() {
		l.t.Errorf("a deliver_sm is answered by %v", p)
	}
	return p.Status
}

// bench is a client and the centre's ends of its connections.
type bench struct {
	t      *testing.T
	client *smpp.Client
	box    *inbox
	links  chan *link
	status smpp.Status // the answer to binds
	stop   func()
}

// newBench starts a client inside a bubble. The centre accepts its binds, or refuses them with a status in refuse.
func newBench(t *testing.T, cfg smpp.Config, refuse ...smpp.Status) *bench {
	t.Helper()
	b := &bench{t: t, box: &inbox{}, links: make(chan *link, 100)}
	for _, s := range refuse {
		b.status = s
	}
	var running sync.WaitGroup
	cfg.Name, cfg.SystemID, cfg.Password, cfg.Inbox = "centre1", "paywatt", "secret", b.box
	cfg.Dial = func(context.Context) (net.Conn, error) {
		mine, other := net.Pipe()
		running.Go(func() { b.serve(other) })
		return mine, nil
	}
	c, err := smpp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.client = c
	ctx, cancel := context.WithCancel(t.Context())
	running.Go(func() {
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	b.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
	t.Cleanup(b.stop)
	return b
}

// serve is the centre's end of a connection: it answers the bind and passes the other units to the test.
func (b *bench) serve(conn net.Conn) {
	l := &link{t: b.t, conn: conn, pdus: make(chan smpp.PDU, 1000)}
	defer close(l.pdus)
	p, err := smpp.ReadPDU(conn)
	if err != nil {
		return
	}
	l.mode = p.Command
	if l.bind, err = smpp.DecodeBind(p.Body); err != nil {
		b.t.Error(err)
	}
	if _, err := conn.Write(smpp.PDU{Command: p.Command.Answer(), Status: b.status, Sequence: p.Sequence, Body: smpp.EncodeText("centre")}.Encode()); err != nil {
		return
	}
	b.links <- l
	for {
		p, err := smpp.ReadPDU(conn)
		if err != nil {
			return
		}
		if p.Command == smpp.Unbind {
			_, _ = conn.Write(smpp.PDU{Command: smpp.Unbind.Answer(), Sequence: p.Sequence}.Encode())
		}
		l.pdus <- p
	}
}

// link waits for the next connection.
func (b *bench) link() *link {
	b.t.Helper()
	select {
	case l := <-b.links:
		synctest.Wait()
		return l
	case <-time.After(time.Hour):
		b.t.Fatal("no connection")
	}
	return nil
}

// send sends a message in the background.
func (b *bench) send(m notify.Outgoing) <-chan notify.Sent {
	out := make(chan notify.Sent, 1)
	if m.To == "" {
		m.To = "+255711000001"
	}
	go func() { out <- b.client.Send(b.t.Context(), m) }()
	return out
}

// mo returns a message of a customer.
func mo(text string) smpp.Message {
	return smpp.Message{From: smpp.Address{TON: 1, NPI: 1, Text: "255711000001"}, To: smpp.Address{Text: "15555"}, Short: []byte(text)}
}

// part returns a part of a longer message, with a user data header.
func part(ref, total, seq byte, text string) smpp.Message {
	m := mo(string([]byte{5, 0, 3, ref, total, seq}) + text)
	m.Class = 0x40
	return m
}

// receipt returns a delivery receipt in the form that centres write.
func receipt(id, stat string) smpp.Message {
	m := mo(fmt.Sprintf("id:%s sub:001 dlvrd:001 submit date:2611201630 done date:2611201631 stat:%s err:000 text:*02#12345", id, stat))
	m.Class = 0x04
	return m
}
