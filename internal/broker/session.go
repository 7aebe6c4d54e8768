package broker

import (
	"strings"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/wire"
)

// leaves is how many kinds of messages to a meter there are.
const leaves = 6

// downs lists them; a session keeps what was subscribed by their position.
func downs() [leaves]wire.Down {
	return [leaves]wire.Down{wire.DownAck, wire.DownToken, wire.DownCommand, wire.DownConfig, wire.DownLease, wire.DownTime}
}

// notSubscribed is the granted quality of a leaf that the meter does not listen to.
const notSubscribed = -1

// session is one meter's connection. Messages to the meter do not go through mochi's topics and queues: there is one
// receiver, and what matters is kept in the outbox until the meter itself answers. So the session counts what is in
// flight by itself, and mochi's habit of forgetting a message when the client happens to use the same packet number
// does no harm.
type session struct {
	who    registry.Identity
	client *mqtt.Client
	conn   *conn
	down   string // m/{number}/down/
	limits Limits

	slots chan struct{} // one per message of the meter that is not acknowledged yet
	pacer pacer         // only its reader looks at it

	mu       sync.Mutex
	memory   string // the memory that up/boot named on this connection
	format   wire.Format
	granted  [leaves]int8
	packet   uint16              // the last packet number given
	flight   map[uint16]struct{} // messages to the meter that it has not acknowledged
	acking   uint16              // the packet of the down/ack in flight, 0 for none
	ack      wire.Ack            // the newest acknowledgement
	ackAgain bool                // ack has not been sent yet
}

func newSession(who registry.Identity, cl *mqtt.Client, c *conn, l Limits) *session {
	s := &session{who: who, client: cl, conn: c, down: "m/" + who.Number + "/down/", limits: l,
		slots: make(chan struct{}, l.InFlight), flight: make(map[uint16]struct{})}
	for i := range s.granted {
		s.granted[i] = notSubscribed
	}
	return s
}

// pace lets the meter's next packet through at its rate. It reports false when the connection has ended meanwhile.
func (s *session) pace(now time.Time) bool { return s.pacer.wait(now, s.limits, s.conn.done) }

// pacer spaces what one client sends. The client is slowed down by not being read; nothing is dropped.
type pacer struct {
	next time.Time // when the rate allows the next packet
}

// wait lets the next packet through at the rate of the limits. It reports false when done is closed meanwhile.
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

// take waits until fewer messages of the meter are in flight than it may have. It reports false when the connection
// has ended meanwhile.
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

// subscribed works out what the meter listens to from the filters it holds. It reports whether any leaf is new.
func (s *session) subscribed() (more bool) {
	var now [leaves]int8
	for i := range now {
		now[i] = notSubscribed
	}
	for filter, sub := range s.client.State.Subscriptions.GetAll() {
		rest, inside := strings.CutPrefix(filter, s.down)
		for i, d := range downs() {
			if inside && leafMatches(rest, string(d)) {
				now[i] = max(now[i], int8(min(sub.Qos, 1)))
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range now {
		more = more || now[i] > s.granted[i]
	}
	s.granted = now
	s.flushAck()
	return more
}

// leafMatches reports whether the part of a filter below down/ matches a leaf there.
func leafMatches(filter, leaf string) bool {
	filter = strings.TrimSuffix(filter, "/#") // x/# matches x too
	return filter == leaf || filter == "#" || filter == "+"
}

// listens reports whether the meter is subscribed to any leaf besides the acknowledgement.
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

// send writes a message with the quality the meter subscribed with; the caller holds mu. The packet number is 0 for a
// message that needs no answer.
func (s *session) send(d wire.Down, payload []byte) (packet uint16, ok bool) {
	qos := int8(notSubscribed)
	for i, leaf := range downs() {
		if leaf == d {
			qos = s.granted[i]
		}
	}
	if qos == notSubscribed || s.client.Closed() {
		return 0, false
	}
	if qos > 0 {
		if len(s.flight) >= s.room() {
			return 0, false
		}
		packet = s.number()
		s.flight[packet] = struct{}{}
	}
	err := s.client.WritePacket(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: byte(qos)},
		TopicName: s.down + string(d), Payload: payload, PacketID: packet})
	if err != nil {
		delete(s.flight, packet)
		return 0, false
	}
	return packet, true
}

// room is how many messages may be in flight to the meter: our limit, or less where the client asked for less.
func (s *session) room() int {
	if m := int(s.client.Properties.Props.ReceiveMaximum); m > 0 {
		return min(m, s.limits.InFlight)
	}
	return s.limits.InFlight
}

// number gives the next free packet number; at most InFlight of 65,535 are taken.
func (s *session) number() uint16 {
	for {
		s.packet++
		if _, taken := s.flight[s.packet]; s.packet != 0 && !taken {
			return s.packet
		}
	}
}

// received notes the meter's PUBACK and reports whether it was waited for.
func (s *session) received(packet uint16) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ours := s.flight[packet]
	delete(s.flight, packet)
	if ours && packet == s.acking {
		s.acking = 0
		s.flushAck()
	}
	return ours
}

// acknowledge tells the meter up to where everything is durable. While one such message is in flight newer ones only
// replace each other, because the last says it all.
func (s *session) acknowledge(a wire.Ack) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.Rewind = a.Rewind || s.ackAgain && s.ack.Rewind && s.ack.Seq <= a.Seq
	s.ack, s.ackAgain = a, true
	s.flushAck()
}

// flushAck sends the newest acknowledgement if nothing stands in its way; the caller holds mu.
func (s *session) flushAck() {
	if !s.ackAgain || s.acking != 0 {
		return
	}
	payload, err := wire.EncodeAck(s.format, s.ack)
	if err != nil {
		return // two plain fields; there is nothing in them that could not be written
	}
	packet, ok := s.send(wire.DownAck, payload)
	if !ok {
		return // sent when the meter subscribes or has taken something; a connection that ended needs it no more
	}
	s.acking, s.ackAgain = packet, false
}

// heard notes in which format the meter writes, and the memory it speaks for after a boot message.
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
