// Package link carries a meter's records to its server and the server's messages to the meter, over MQTT 3.1.1
// (docs/reference/mqtt.md).
//
// Start at [New] and [Link.Run]. The link has no durable state of its own. It reads publishable records from the
// outbox, gives acknowledgements back to it, and passes every other message to the device. It offers a record again
// until the server has acknowledged the record, even if the connection or the server is lost meanwhile. A connection
// begins with up/boot. At most wire.Window records are published beyond the acknowledged one.
package link

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/device/outbox"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/wire"
)

// Times of the link, in real time.
const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = 5 * time.Second
	// stallAfter is how long the link waits for an acknowledgement before it sends all unacknowledged records again.
	stallAfter = 5 * time.Second
	// inboxSize is how many messages can wait for the device. While the inbox is full the link reads nothing more from the
	// connection.
	inboxSize = 64
)

// Message is a message to the meter other than an acknowledgement, as it arrived. With outbox.Online and outbox.Offline
// it reports the state of the connection.
type Message struct {
	Down wire.Down
	// Topic is the whole topic, because signatures cover it.
	Topic   string
	Payload []byte
}

// Session is one connection.
type Session interface {
	// Publish sends a payload at least once, as long as the connection lasts. An error ends the session.
	Publish(topic string, payload []byte) error
	// Close ends the session.
	Close()
}

// Dial opens a connection that is subscribed to everything below the meter's down/. Until Close, onMessage gets the
// messages in order, and onLost is called at most once, when the connection is lost.
type Dial func(ctx context.Context, onMessage func(topic string, payload []byte), onLost func(error)) (Session, error)

// Config is what a link needs besides its connection.
type Config struct {
	Number string
	Box    *outbox.Box
	// Format is the format of the records in the outbox.
	Format wire.Format
	// Log gets a line for each change of the connection; nil for none.
	Log *slog.Logger
}

// Status is the state of the link.
type Status struct {
	Connected bool
	// Err is why the link is not connected; nil until the first attempt has failed.
	Err error
}

// Link is the connection of one meter.
type Link struct {
	c       Config
	dial    Dial
	inbox   chan Message
	changed <-chan struct{}

	mu     sync.Mutex
	status Status
}

// New returns a link that is not connected yet.
func New(c Config, dial Dial) *Link {
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return &Link{c: c, dial: dial, inbox: make(chan Message, inboxSize), changed: c.Box.Listen()}
}

// Messages returns the messages that the device has to handle.
func (l *Link) Messages() <-chan Message { return l.inbox }

// Status returns the state of the link.
func (l *Link) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status
}

// setStatus stores the status, and logs it and tells the device when it changes.
func (l *Link) setStatus(s Status) {
	l.mu.Lock()
	old := l.status
	l.status = s
	l.mu.Unlock()
	if old.Connected && !s.Connected {
		l.tell(outbox.Offline)
	}
	switch {
	case s.Connected && !old.Connected:
		l.tell(outbox.Online)
		l.c.Log.Info("meter connected", logkey.Meter, l.c.Number)
	case s.Err != nil && (old.Connected || old.Err == nil || old.Err.Error() != s.Err.Error()):
		l.c.Log.Warn("meter not connected", logkey.Meter, l.c.Number, logkey.Err, s.Err)
	}
}

// tell reports the state of the connection to the device. It drops the report if the inbox is full, because the
// connection must not wait for the device.
func (l *Link) tell(what wire.Down) {
	select {
	case l.inbox <- Message{Down: what}:
	default:
	}
}

// Run connects, and reconnects after every loss, until ctx ends.
func (l *Link) Run(ctx context.Context) {
	retry := firstRetry
	for ctx.Err() == nil {
		progress, err := l.session(ctx)
		if ctx.Err() != nil {
			break
		}
		l.setStatus(Status{Err: err})
		if progress {
			retry = firstRetry
		}
		select {
		case <-time.After(retry):
		case <-ctx.Done():
		}
		retry = min(2*retry, lastRetry)
	}
	l.setStatus(Status{})
}

// session runs one connection. progress reports whether the server acknowledged anything.
func (l *Link) session(ctx context.Context) (progress bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &sender{c: l.c, acks: make(chan wire.Ack, 1)}
	lost := make(chan error, 1)
	onLost := func(err error) {
		select {
		case lost <- err:
		default:
		}
	}
	conn, err := l.dial(ctx, func(topic string, payload []byte) { l.arrived(ctx, s, topic, payload) }, onLost)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	s.conn = conn
	l.setStatus(Status{Connected: true})
	if err := s.boot(); err != nil {
		return false, err
	}
	stall := time.NewTimer(stallAfter)
	defer stall.Stop()
	for {
		sent, err := s.send()
		if err != nil {
			return s.progress, err
		}
		if sent {
			stall.Reset(stallAfter)
		}
		select {
		case <-ctx.Done():
			return s.progress, ctx.Err()
		case err := <-lost:
			return s.progress, err
		case <-l.changed:
		case a := <-s.acks:
			if s.acked(a) {
				stall.Reset(stallAfter)
			}
		case <-stall.C:
			s.stalled()
			stall.Reset(stallAfter)
		}
	}
}

// arrived handles one message. It runs on the connection's own goroutine, so that a busy device slows the server down
// and loses no message.
func (l *Link) arrived(ctx context.Context, s *sender, topic string, payload []byte) {
	number, up, leaf, ok := wire.ParseTopic(topic)
	if !ok || up || number != l.c.Number {
		l.c.Log.Warn("message on another meter's topic ignored", logkey.Meter, l.c.Number, "topic", topic)
		return
	}
	if wire.Down(leaf) != wire.DownAck {
		select {
		case l.inbox <- Message{Down: wire.Down(leaf), Topic: topic, Payload: payload}:
		case <-ctx.Done():
		}
		return
	}
	a, err := wire.DecodeAck(payload)
	if err != nil {
		l.c.Log.Warn("acknowledgement ignored", logkey.Meter, l.c.Number, logkey.Err, err)
		return
	}
	select {
	case s.acks <- a:
	case <-ctx.Done():
	}
}

// sender publishes the records of one connection.
type sender struct {
	c    Config
	conn Session
	acks chan wire.Ack
	// sent is the newest record published on this connection.
	sent uint64
	// mark is the newest acknowledgement of this connection, once there is one.
	mark    uint64
	hasMark bool
	// rewinds and dropped are the outbox's counts when boot was last sent.
	rewinds, dropped uint64
	// gone says that the server has asked for records that are no longer held.
	gone bool
	// foreign says that the server has acknowledged records that this memory never sent, and that this was logged.
	foreign  bool
	progress bool
}

// boot tells the server which memory is connected and which records it still holds.
func (s *sender) boot() error {
	m := s.c.Box.Marks()
	s.sent, s.rewinds, s.dropped = m.Acked, m.Rewinds, m.Dropped
	payload, err := wire.EncodeUp(s.c.Format, s.c.Box.Boot().Record())
	if err != nil {
		return fmt.Errorf("write boot message: %w", err)
	}
	return s.conn.Publish(wire.UpTopic(s.c.Number, wire.KindBoot), payload)
}

// send publishes as many records as the window allows, and reports whether there were any.
func (s *sender) send() (bool, error) {
	m := s.c.Box.Marks()
	if s.gone || m.Dropped != s.dropped {
		// Records were dropped because the outbox was full. Tell the server that they will never come, or it waits for them.
		if err := s.boot(); err != nil {
			return false, err
		}
		s.gone = false
	}
	if m.Rewinds != s.rewinds {
		s.rewinds, s.sent = m.Rewinds, m.Acked
	}
	entries := s.c.Box.Next(s.sent)
	if len(entries) == 0 {
		return false, nil
	}
	last := entries[len(entries)-1].Seq
	if under := s.sent > m.Acked; under && last < m.Durable && len(entries) < wire.Window/2 {
		return false, nil // a backlog: wait until half the window is free, to send few large messages instead of many small ones
	}
	s.sent = last
	return true, s.publish(entries)
}

// publish groups the records by kind and keeps the order within each kind. The server accepts any order within the
// window. Without the groups, a few events between readings would split the readings into many messages.
func (s *sender) publish(entries []outbox.Entry) error {
	for len(entries) > 0 {
		kind, size := entries[0].Kind, 0
		var batch [][]byte
		rest := entries[:0:0]
		for _, e := range entries {
			// Each record adds its own bytes and at most a comma. The list around the records adds at most three bytes.
			if e.Kind != kind || size+len(e.Data)+1 > wire.MaxPayload-3 {
				rest = append(rest, e)
				continue
			}
			size += len(e.Data) + 1
			batch = append(batch, e.Data)
		}
		if len(batch) == 0 {
			return fmt.Errorf("record %d of %d bytes fits no payload", entries[0].Seq, len(entries[0].Data))
		}
		payload, err := wire.JoinUp(s.c.Format, batch...)
		if err != nil {
			return fmt.Errorf("join records from %d: %w", entries[0].Seq, err)
		}
		if err := s.conn.Publish(wire.UpTopic(s.c.Number, kind), payload); err != nil {
			return err
		}
		entries = rest
	}
	return nil
}

// acked handles an acknowledgement and reports whether the mark moved.
func (s *sender) acked(a wire.Ack) bool {
	if next := s.c.Box.Marks().Next; a.Seq >= next && !s.foreign {
		s.foreign = true
		s.c.Log.Warn("server has records that this memory never sent; the memory may be an older copy", logkey.Meter, s.c.Number,
			logkey.Seq, a.Seq, "next", next)
	}
	s.mark, s.hasMark = a.Seq, true
	moved := s.c.Box.Ack(a)
	s.progress = s.progress || moved
	if moved && a.Rewind && s.c.Box.Marks().Acked > a.Seq {
		s.gone = true
	}
	return moved
}

// stalled is called when nothing was acknowledged for a while. It makes the sender send all unacknowledged records again; the
// server stores each record only once. After a server was restored or replaced, its mark can be lower than ours. Then the
// sender continues from the server's mark, because the server accepts no record beyond the window above that mark.
func (s *sender) stalled() {
	m := s.c.Box.Marks()
	if s.sent <= m.Acked {
		return
	}
	if s.hasMark && s.mark < m.Acked {
		s.c.Box.Ack(wire.Ack{Seq: s.mark, Rewind: true})
		return
	}
	s.sent = m.Acked
}
