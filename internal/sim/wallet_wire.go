package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/device/outbox"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// upload brings records to the server and acknowledgements back, as far as the network lets them through.
func (s *walletRun) upload(ctx context.Context, houses []*walletHouse, faults bool) error {
	var recs []metering.Record
	var from []*walletHouse
	for _, h := range houses {
		if !s.online(h) {
			continue
		}
		got, err := s.collect(h, faults)
		if err != nil {
			return err
		}
		for _, r := range got {
			recs, from = append(recs, r), append(from, h)
		}
	}
	if len(recs) == 0 {
		return nil
	}
	var out []metering.Outcome
	err := s.office.do(ctx, func(tx *store.Tx) (err error) { out, err = intake.Take(tx, recs); return err })
	if err != nil {
		return err
	}
	for i, o := range out {
		if o.Kind == metering.Stored {
			s.result.Records++
		}
		if faults && from[i].net.IntN(100) < s.o.Loss {
			s.result.Lost++
			continue
		}
		from[i].dev.Box().Ack(wire.Ack{Seq: o.Watermark})
	}
	return nil
}

// collect returns the records of a house that reach the server at this moment.
func (s *walletRun) collect(h *walletHouse, faults bool) ([]metering.Record, error) {
	var recs []metering.Record
	add := func(r wire.Record) {
		recs = append(recs, metering.Record{Tenant: store.FirstTenant, Meter: h.n, Number: h.number, ReceivedAt: s.office.now,
			Memory: h.dev.Box().Boot().Memory, Rec: r})
	}
	if !h.booted {
		h.booted = true
		add(h.dev.Box().Boot().Record())
	}
	entries := h.dev.Box().Next(h.dev.Box().Marks().Acked)
	entries = append(append([]outbox.Entry(nil), entries...), h.late...)
	h.late = nil
	for _, e := range entries {
		n := 1
		if faults {
			switch draw := h.net.IntN(100); {
			case draw < s.o.Loss:
				s.result.Lost++
				continue
			case draw < s.o.Loss+s.o.Loss/3:
				h.late = append(h.late, e)
				continue
			case draw < 2*s.o.Loss:
				n = 2
			}
		}
		h.witness.trace("on its way %d times: %s", n, e.Data)
		good, bad, err := wire.DecodeUp(e.Kind, e.Data)
		if err != nil || len(bad) > 0 || len(good) != 1 {
			return nil, fmt.Errorf("record %d of meter %s cannot be read: %w", e.Seq, h.number, err)
		}
		if p := good[0].Reading; p != nil {
			p.RegisterWh = h.spoils(s.o, e.Seq, p.RegisterWh)
		}
		for range n {
			add(good[0])
		}
	}
	if faults {
		boot := min(len(recs), 1)
		rest := recs[boot:]
		h.net.Shuffle(len(rest), func(a, b int) { rest[a], rest[b] = rest[b], rest[a] })
	}
	for _, r := range recs {
		if r.Rec.Kind == wire.KindBoot {
			continue
		}
		var what reported
		if p := r.Rec.Reading; p != nil {
			what = reported{p.At, unit.Energy(p.RegisterWh)}
		}
		h.witness.heard(r.Rec.Head.Seq, what)
	}
	return recs, nil
}

// parcel is a signed message on the way to its meter.
type parcel struct {
	h       *walletHouse
	down    wire.Down
	kind    string // kind of message, in the words of command.Type
	order   id.ID  // identity of the order; the same in every copy
	counter uint64
	expires time.Time
	lease   wire.Lease // the content of a lease
	topic   string
	payload []byte
}

// send delivers the messages that the network delayed in the hour before. Then it signs the messages that are due for
// meters with network, and delivers them. It returns the houses that it has tried to reach.
func (s *walletRun) send(ctx context.Context, faults bool) ([]*walletHouse, error) {
	f := s.office
	at := make(map[string]*walletHouse, len(s.houses))
	var touched []*walletHouse
	for _, h := range s.houses {
		at[h.number] = h
		if len(h.delayed) == 0 || !s.online(h) || h.delayedAt.Equal(f.now) {
			continue
		}
		for _, p := range h.delayed {
			if err := s.arrives(p, 1); err != nil {
				return nil, err
			}
		}
		touched, h.delayed = append(touched, h), nil
	}
	var parcels []parcel
	err := f.do(ctx, func(tx *store.Tx) error {
		parcels = parcels[:0]
		claims, err := tx.OutboxClaim(job.LaneMQTT, "", "sim", f.now.Add(time.Minute), 1000)
		for _, c := range claims {
			h := at[job.MeterOf(c.Key)]
			if err == nil && !s.online(h) {
				_, err = tx.OutboxRetry(c.ID, "sim", f.now.Add(time.Hour), "the meter has no network")
				continue
			}
			var p parcel
			var leaves bool
			if err == nil {
				p, leaves, err = s.sign(tx, h, c)
			}
			if leaves {
				parcels = append(parcels, p)
			}
		}
		return err
	})
	for _, p := range parcels {
		if err == nil {
			err = s.deliver(p, faults)
			touched = append(touched, p.h)
		}
	}
	return touched, err
}

// sign signs one message. The result leaves reports whether the message is to be sent. It is false if the order is closed, or if a
// planted mistake suppresses the order.
func (s *walletRun) sign(tx *store.Tx, h *walletHouse, c job.Claim) (p parcel, leaves bool, err error) {
	var b job.Body
	if err := json.Unmarshal(c.Body, &b); err != nil {
		return p, false, err
	}
	i, err := id.Parse(id.Command, b.CommandID)
	if err != nil {
		return p, false, err
	}
	signed, err := command.Sign(tx, i)
	if err != nil {
		return p, false, err
	}
	if !signed.Command.State.Open() || s.forgets(h, signed.Command.Type) {
		_, err := tx.OutboxDone(c.ID, "sim")
		return p, false, err
	}
	if err := tx.CommandSent(i); err != nil {
		return p, false, err
	}
	if _, err := tx.OutboxRetry(c.ID, "sim", s.office.now.Add(time.Hour), "the meter has not answered yet"); err != nil {
		return p, false, err
	}
	p, err = s.wrap(h, signed)
	return p, err == nil, err
}

// wrap makes the message of a signed order.
func (s *walletRun) wrap(h *walletHouse, c command.Signing) (p parcel, err error) {
	p = parcel{h: h, down: c.Command.Type.Down(), kind: string(c.Command.Type), order: c.Command.ID, counter: c.Command.Counter, expires: c.Command.ExpiresAt}
	p.topic = wire.DownTopic(h.number, p.down)
	payloads, err := c.Envelopes(open{}, wire.JSON, s.office.now)
	if err != nil {
		return p, err
	}
	p.payload = payloads[0] // the office never replaces a link key
	if p.down != wire.DownLease {
		return p, nil
	}
	body, err := wire.Open(h.link, p.topic, p.payload)
	if err == nil {
		p.lease, err = wire.DecodeBody[wire.Lease](body)
	}
	return p, err
}

// deliver delivers a message to a meter, unless the network loses it or delays it by an hour.
func (s *walletRun) deliver(p parcel, faults bool) error {
	switch {
	case p.down == wire.DownLease:
		s.result.Leases++
	case p.kind == string(command.Disconnect):
		s.result.Cuts++
	case p.kind == string(command.Connect):
		s.result.Connects++
	}
	h := p.h
	h.witness.sent(p)
	times := 1
	if faults {
		switch draw := h.net.IntN(100); {
		case draw < s.o.Loss:
			s.result.Lost++
			h.witness.lost(p)
			return nil
		case draw < s.o.Loss+s.o.Loss/3:
			h.witness.lost(p)
			h.delayed, h.delayedAt = append(h.delayed, p), s.office.now
			return nil
		case draw < 2*s.o.Loss:
			times = 2
		}
	}
	return s.arrives(p, times)
}

// arrives delivers a message to a meter the given number of times.
func (s *walletRun) arrives(p parcel, times int) error {
	p.h.witness.delivered(p, p.h.dev.Now())
	for range times {
		if err := errors.Join(p.h.dev.Receive(p.down, p.topic, p.payload), p.h.dev.Flush()); err != nil {
			return err
		}
	}
	p.h.witness.looks(p.h.dev)
	return nil
}
