package gateway

import (
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/gateway/packet"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/wire"
)

// leaves is the number of kinds of messages to a meter. The topic of such a message is m/{number}/down/{leaf}, and its leaf names
// the kind.
const leaves = 6

// downs lists the kinds of messages to a meter. A session stores its subscriptions by the position of the kind in
// this list.
func downs() [leaves]wire.Down {
	return [leaves]wire.Down{wire.DownAck, wire.DownToken, wire.DownCommand, wire.DownConfig, wire.DownLease, wire.DownTime}
}

// notSubscribed is the granted quality of a leaf without a subscription.
const notSubscribed = -1

// session is one meter's connection. The session itself counts the messages in flight. Nothing is queued: there is one receiver,
// and the outbox keeps what matters until the meter itself answers.
type session struct {
	who     registry.Identity
	conn    *conn
	version packet.Version
	receive int           // how many messages the meter takes at once
	largest int           // bytes of the largest packet that the meter takes; 0 for any
	silence time.Duration // the longest that the meter may be silent; 0 for any
	down    string        // m/{number}/down/

	slots chan struct{} // one for each unacknowledged message of the meter
	pacer pacer         // only the reader uses it

	mu       sync.Mutex
	memory   string // the device memory that up/boot named on this connection
	format   wire.Format
	filters  filters
	lifetime time.Duration // how long the filters outlive the connection
	granted  [leaves]int8
	last     uint16              // the last packet number used
	flight   map[uint16]struct{} // messages to the meter that it has not acknowledged
	acking   uint16              // the packet of the down/ack in flight, 0 for none
	ack      wire.Ack            // the newest acknowledgement
	ackAgain bool                // ack has not been sent yet
}

func newSession(who registry.Identity, c *conn, in *packet.Login) *session {
	l := c.limits
	s := &session{who: who, conn: c, version: in.Version, receive: l.InFlight, largest: int(in.Properties.MaxPacket),
		silence: l.silence(in.KeepAlive), down: "m/" + who.Number + "/down/",
		slots: make(chan struct{}, l.InFlight), flight: make(map[uint16]struct{})}
	if r := int(in.Properties.Receive); r > 0 {
		s.receive = min(r, l.InFlight)
	}
	s.granted = s.filters.leaves()
	return s
}

// pace waits until the meter's rate allows its next packet. It returns false if the connection has ended meanwhile.
func (s *session) pace(now time.Time) bool { return s.pacer.wait(now, *s.conn.limits, s.conn.done) }

// pacer limits one client's rate by not reading from it; it drops nothing.
type pacer struct {
	next time.Time // when the rate allows the next packet
}

// wait holds the next packet back to the rate of the limits. It returns false if done is closed meanwhile.
func (p *pacer) wait(now time.Time, l Limits, done <-chan struct{}) bool {
	gap := time.Second / time.Duration(l.Rate)
	ahead := time.Duration(l.Burst-1) * gap
	if p.next.Before(now) {
		p.next = now
	}
	wait := p.next.Add(-ahead).Sub(now)
	p.next = p.next.Add(gap)
	return wait <= 0 || rest(wait, done)
}

// take waits until the meter has fewer messages in flight than its limit. It returns false if the connection has ended
// meanwhile.
func (s *session) take() bool {
	select {
	case s.slots <- struct{}{}:
		return true
	case <-s.conn.done:
		return false
	}
}

// answered frees the slot of a message.
func (s *session) answered() { <-s.slots }

// subscribed answers the meter and replaces its filters, as one step: no message goes out before the answer, and a connection that
// takes this one over after the answer finds the new filters. It reports whether any leaf is new.
func (s *session) subscribed(f filters, answer []byte) (more bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.write(answer); err != nil {
		return false, err
	}
	s.filters = f
	now := f.leaves()
	for i := range now {
		more = more || now[i] > s.granted[i]
	}
	s.granted = now
	s.flushAck()
	return more, nil
}

// subscriptions returns the meter's filters.
func (s *session) subscriptions() filters {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.filters
}

// listens reports whether the meter is subscribed to any leaf other than the acknowledgement.
func (s *session) listens() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, d := range downs() {
		if d != wire.DownAck && s.granted[i] != notSubscribed {
			return true
		}
	}
	return false
}

// publish sends a message to the meter and reports whether the connection took it.
func (s *session) publish(d wire.Down, payload []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.send(d, payload)
	return ok
}

// send writes a message with the quality of the meter's subscription; the caller holds mu. The packet number id is 0 for a message
// that needs no answer.
func (s *session) send(d wire.Down, payload []byte) (id uint16, ok bool) {
	qos := int8(notSubscribed)
	for i, leaf := range downs() {
		if leaf == d {
			qos = s.granted[i]
		}
	}
	if qos == notSubscribed || s.tooLarge(packet.PublishSize(s.version, byte(qos), len(s.down)+len(d), len(payload))) {
		return 0, false
	}
	if qos > 0 {
		if len(s.flight) >= s.receive {
			return 0, false
		}
		id = s.number()
		s.flight[id] = struct{}{}
	}
	var small [128]byte // enough for an acknowledgement
	if _, err := s.conn.Write(packet.AppendPublish(small[:0], s.version, byte(qos), id, s.down, string(d), payload)); err != nil {
		delete(s.flight, id)
		return 0, false
	}
	return id, true
}

// tooLarge reports whether the meter does not take packets of this size.
func (s *session) tooLarge(size int) bool { return s.largest > 0 && size > s.largest }

// number returns the next free packet number; at most InFlight of 65,535 are in use.
func (s *session) number() uint16 {
	for {
		s.last++
		if _, taken := s.flight[s.last]; s.last != 0 && !taken {
			return s.last
		}
	}
}

// received records the meter's PUBACK and reports whether it was expected.
func (s *session) received(id uint16) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ours := s.flight[id]
	delete(s.flight, id)
	if ours && id == s.acking {
		s.acking = 0
		s.flushAck()
	}
	return ours
}

// acknowledge tells the meter up to which record everything is durable. While one acknowledgement is in flight, only the
// newest later one waits to be sent, because it covers all records before it.
func (s *session) acknowledge(a wire.Ack) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.Rewind = a.Rewind || s.ackAgain && s.ack.Rewind && s.ack.Seq <= a.Seq
	s.ack, s.ackAgain = a, true
	s.flushAck()
}

// flushAck sends the newest acknowledgement if it can; the caller holds mu.
func (s *session) flushAck() {
	if !s.ackAgain || s.acking != 0 {
		return
	}
	payload, err := wire.EncodeAck(s.format, s.ack)
	if err != nil {
		return // two plain fields, so encoding cannot fail
	}
	id, ok := s.send(wire.DownAck, payload)
	if !ok {
		return // sent later, when the meter subscribes or acknowledges; not needed after the end of the connection
	}
	s.acking, s.ackAgain = id, false
}

// heard records the meter's format, and after a boot message the device memory.
func (s *session) heard(payload []byte, recs []wire.Record) (store string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(payload) > 0 && payload[0] >= 0x80 {
		s.format = wire.CBOR
	} else {
		s.format = wire.JSON
	}
	for i := range recs {
		if recs[i].Boot != nil {
			s.memory = recs[i].Boot.Memory
		}
	}
	return s.memory
}
