package gateway

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/paywatt/paywatt/internal/gateway/packet"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/wire"
)

// errNotStored closes the connection of a meter whose records could not be committed.
var errNotStored = errors.New("the message was not stored; send it again")

// receive gives one message of a meter to the store. It returns once the message is queued. A message with an id is answered.
func (g *Gateway) receive(s *session, topic string, payload []byte, id uint16) {
	g.counts.messages.Add(1)
	recs := g.records(s, topic, payload)
	if !s.take() {
		return
	}
	done := func(out []metering.Outcome, err error) {
		defer s.answered()
		g.finish(s, id, out, err)
	}
	if err := g.queue(s, recs, done); err != nil {
		s.answered()
		g.log.Warn("message was not queued", logkey.Meter, s.who.Number, logkey.Err, err)
		g.fail(s)
	}
}

// records splits a message into its records. An unreadable message becomes one bad record without a number, so that it is
// counted, alarmed and acknowledged like all others.
func (g *Gateway) records(s *session, topic string, payload []byte) []metering.Record {
	_, _, leaf, ok := wire.ParseTopic(topic)
	var good []wire.Record
	var bad []wire.Bad
	err := errors.New("the topic names no kind of record")
	if ok {
		good, bad, err = wire.DecodeUp(wire.Kind(leaf), payload)
	}
	if err != nil {
		bad = []wire.Bad{{Reason: err.Error(), Raw: payload}}
	}
	store := s.heard(payload, good)
	now := g.now()
	recs := make([]metering.Record, 0, len(good)+len(bad))
	for i := range good {
		recs = append(recs, g.record(s, store, now, metering.Record{Rec: good[i]}))
	}
	for i := range bad {
		recs = append(recs, g.record(s, store, now, metering.Record{Bad: &bad[i]}))
	}
	return recs
}

// record adds the connection's data to a record.
func (g *Gateway) record(s *session, store string, now time.Time, r metering.Record) metering.Record {
	r.Tenant, r.Meter, r.Number, r.Simulated = s.who.Tenant, s.who.Meter, s.who.Number, s.who.Simulated
	r.Memory, r.ReceivedAt = store, now
	return r
}

// queue gives the records to the store. While the store's queue is full, the gateway does not read from the meter.
func (g *Gateway) queue(s *session, recs []metering.Record, done func([]metering.Outcome, error)) error {
	pause := time.Millisecond
	for waited := time.Duration(0); ; waited += pause {
		err := g.c.Inbox(recs, done)
		if err == nil || waited >= g.limits.Patience {
			return err
		}
		g.counts.busy.Add(1)
		pause = min(2*pause, busyPause)
		if !rest(pause, s.conn.done) {
			return err
		}
	}
}

// finish answers a message after its commit. It runs on a worker of the store and never blocks.
func (g *Gateway) finish(s *session, id uint16, out []metering.Outcome, err error) {
	var ack wire.Ack
	for _, o := range out {
		g.counts.outcome(o.Kind)
		if o.Kind == metering.Failed && err == nil {
			err = errNotStored
		}
		ack.Seq, ack.Rewind = o.Watermark, ack.Rewind || o.Rewind
	}
	if err != nil || len(out) == 0 {
		g.counts.failed.Add(1)
		g.log.Warn("message was not stored", logkey.Meter, s.who.Number, logkey.Err, err)
		g.fail(s)
		return
	}
	if id != 0 {
		// An error means that the connection has ended; the meter sends again on its next one.
		_ = s.write(packet.AppendAnswer(nil, s.version, packet.Puback, id, packet.Success))
	}
	s.acknowledge(ack)
}

// fail closes a connection whose message was not stored: without an acknowledgement the meter would wait for ever, and with one
// it would delete its records.
func (g *Gateway) fail(s *session) { s.end(byStore) }

// counters count the gateway's events since it began.
type counters struct {
	logins, denied, refused, forbidden, messages, failed, busy atomic.Int64
	stored, duplicate, beyond, quarantined, dropped            atomic.Int64
	ended                                                      [endings]atomic.Int64
}

func (c *counters) outcome(k metering.OutcomeKind) {
	switch k {
	case metering.Stored:
		c.stored.Add(1)
	case metering.Duplicate:
		c.duplicate.Add(1)
	case metering.Beyond:
		c.beyond.Add(1)
	case metering.Quarantined:
		c.quarantined.Add(1)
	case metering.Dropped:
		c.dropped.Add(1)
	}
}

// Stats are figures for /metrics and /readyz; all but the first two only grow.
type Stats struct {
	Sockets, Meters                                 int64 // sockets open now: all of them, and those of logged-in meters
	Logins, Denied, Refused, Forbidden              int64 // connections: logged in, wrong password, above a limit, closed for what they sent
	Messages, Failed, Busy                          int64 // messages: taken, not stored, number of times that a meter had to wait for the store
	Stored, Duplicate, Beyond, Quarantined, Dropped int64 // records by outcome
	Ended                                           Ends  // connections of meters
}

// Stats returns the current figures.
func (g *Gateway) Stats() Stats {
	g.mu.RLock()
	meters := len(g.meters)
	g.mu.RUnlock()
	c := &g.counts
	return Stats{Ended: c.ends(), Sockets: int64(g.gate.open()), Meters: int64(meters),
		Logins: c.logins.Load(), Denied: c.denied.Load(), Refused: c.refused.Load(), Forbidden: c.forbidden.Load(),
		Messages: c.messages.Load(), Failed: c.failed.Load(), Busy: c.busy.Load(),
		Stored: c.stored.Load(), Duplicate: c.duplicate.Load(), Beyond: c.beyond.Load(), Quarantined: c.quarantined.Load(),
		Dropped: c.dropped.Load()}
}
