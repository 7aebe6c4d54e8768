package smpp

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/pdu"
	"github.com/paywatt/paywatt/internal/logkey"
	"github.com/paywatt/paywatt/internal/notify"
)

// held is a part that waits for the other parts of its message.
type held struct {
	deliver  pdu.Deliver
	identity pdu.Identity
	likeness [16]byte
	to       string
	session  *session
	unit     PDU       // without its body
	due      time.Time // when the part is stored alone
	answered bool
}

// inbound is the client's memory of arriving messages. The client has only one receiving connection at a time, so only one goroutine at a
// time uses inbound.
type inbound struct {
	parts   pdu.Assembler
	held    map[int]*held
	slots   map[pdu.Identity]int // slots of the held parts
	queue   []dueSlot            // when held parts are due, the earliest first
	slot    int
	repeats repeats
}

// dueSlot is when the part in a slot is due. It is void if the part is gone, was answered, or came again.
type dueSlot struct {
	slot int
	due  time.Time
}

// hold keeps a part in its slot.
func (in *inbound) hold(slot int, h *held) {
	in.held[slot] = h
	in.slots[h.identity] = slot
	in.queue = append(in.queue, dueSlot{slot, h.due})
}

// drop forgets a part.
func (in *inbound) drop(slot int) {
	if h := in.held[slot]; h != nil {
		delete(in.slots, h.identity)
		delete(in.held, slot)
	}
}

// next returns the part that is due first, or nil.
func (in *inbound) next() (slot int, h *held) {
	for len(in.queue) > 0 {
		first := in.queue[0]
		if h := in.held[first.slot]; h != nil && !h.answered && h.due.Equal(first.due) {
			return first.slot, h
		}
		in.queue = in.queue[1:]
	}
	return 0, nil
}

// take passes arrivals to the Inbox, one at a time, until the connection ends.
func (s *session) take(ctx context.Context) {
	in := &s.c.in
	if in.held == nil {
		in.held, in.slots = map[int]*held{}, map[pdu.Identity]int{}
	}
	defer func() { in.repeats.ended(s.serial, s.c.cfg.Now()) }()
	for {
		due := time.NewTimer(in.nextDue())
		select {
		case <-s.done:
			due.Stop()
			return
		case <-ctx.Done():
			due.Stop()
			return
		case p := <-s.in:
			s.deliver(ctx, p)
		case <-due.C:
			s.storeDue(ctx)
		}
		due.Stop()
	}
}

// nextDue returns the time until the first part has waited long enough.
func (in *inbound) nextDue() time.Duration {
	wait := time.Hour
	if _, h := in.next(); h != nil {
		wait = min(wait, time.Until(h.due))
	}
	return max(wait, 0)
}

// deliver handles one deliver_sm: a receipt, a message, or a part of one.
func (s *session) deliver(ctx context.Context, p PDU) {
	cfg := &s.c.cfg
	m, err := DecodeMessage(p.Body)
	var body pdu.Body
	if err == nil {
		body, err = cfg.bodyOf(m)
	}
	if err != nil {
		// The unit can never be read, and the centre would deliver it again and again.
		s.drop(p, StatusLength, err.Error())
		return
	}
	if m.Class&classType != 0 {
		s.receipt(ctx, p, m, body)
		return
	}
	d := pdu.Deliver{From: number(m.From), PID: m.Protocol, Body: body}
	// The stamp distinguishes equal messages, because the protocol does not.
	id := pdu.Identify(d)
	h := &held{likeness: notify.IdentityOf(string(id[:]), m.To.Text), to: number(m.To).String(), session: s, unit: PDU{Command: p.Command, Sequence: p.Sequence}}
	d.At = s.c.in.repeats.stamp(h.likeness, s.serial, cfg.Now())
	h.deliver, h.identity = d, pdu.Identify(d)
	s.message(ctx, h)
}

// drop gives up a unit that cannot be read.
func (s *session) drop(p PDU, status Status, why string) {
	s.c.cfg.Log.Warn("message not readable", logkey.Reason, why)
	s.answer(p, status)
}

// receipt handles a delivery receipt.
func (s *session) receipt(ctx context.Context, p PDU, m Message, body pdu.Body) {
	r, ok := receiptOf(m, body.Text())
	if !ok {
		s.drop(p, StatusOK, "a receipt without a message_id")
		return
	}
	s.c.settle(ctx, r.ID)
	s.c.mu.Lock()
	report := s.c.sent.take(r)
	s.c.mu.Unlock()
	report.Route = s.c.cfg.Name
	if report.To == "" {
		report.To = number(m.From).String() // a receipt comes from the message's recipient
	}
	ctx, cancel := context.WithTimeout(ctx, takeLimit)
	defer cancel()
	s.answer(p, s.kept(s.c.cfg.Inbox.Report(ctx, report)))
}

// kept returns the answer for the Inbox's result: only a durable message is confirmed.
func (s *session) kept(err error) Status {
	if err == nil {
		return StatusOK
	}
	s.c.cfg.Log.Warn("message not stored", logkey.Err, err)
	return StatusTemporary
}

// message handles a message, or a part of one.
func (s *session) message(ctx context.Context, h *held) {
	in := &s.c.in
	slot, again := in.slots[h.identity]
	if !again {
		in.slot++
		slot = in.slot
	}
	h.due = time.Now().Add(holdTime)
	in.hold(slot, h)
	if w, ok := in.parts.Add(pdu.Part{Slot: slot, Deliver: h.deliver}, s.c.cfg.Now()); ok {
		s.whole(ctx, w, h.to)
	}
	for _, w := range in.parts.Expired(s.c.cfg.Now(), false) {
		for _, slot := range w.Slots {
			if h := in.held[slot]; h != nil && h.answered {
				in.drop(slot) // the part was stored alone; the unanswered parts will be stored alone too
			}
		}
	}
}

// whole stores a complete message and answers its parts.
func (s *session) whole(ctx context.Context, w pdu.Whole, to string) {
	in := &s.c.in
	err := s.store(ctx, notify.Incoming{Identity: w.Identity, From: w.From.String(), To: to, Text: w.Text, Missing: w.Missing})
	for _, slot := range w.Slots {
		h := in.held[slot]
		if h == nil {
			continue
		}
		if err != nil && h.answered {
			// This part was stored alone before, so the centre will not deliver it again. It will deliver the other parts.
			in.parts.Add(pdu.Part{Slot: slot, Deliver: h.deliver}, s.c.cfg.Now())
			continue
		}
		in.drop(slot)
		s.reply(h, err)
	}
}

// store gives one message to the Inbox.
func (s *session) store(ctx context.Context, m notify.Incoming) error {
	m.Route = s.c.cfg.Name
	ctx, cancel := context.WithTimeout(ctx, takeLimit)
	defer cancel()
	return s.c.cfg.Inbox.Receive(ctx, m)
}

// reply answers one part if it came on this connection.
func (s *session) reply(h *held, err error) {
	if h.answered {
		return
	}
	status := s.kept(err)
	if status == StatusOK {
		h.answered = true
		s.c.in.repeats.answered(h.likeness, s.c.cfg.Now())
	}
	if h.session == s {
		s.answer(h.unit, status)
	}
}

// storeDue stores the parts that waited too long. Each is stored alone and marked as incomplete.
func (s *session) storeDue(ctx context.Context) {
	in := &s.c.in
	for slot, h := in.next(); h != nil && time.Until(h.due) <= 0; slot, h = in.next() {
		in.queue = in.queue[1:]
		if h.session != s { // the part came on an earlier connection; the centre delivers it again
			in.drop(slot)
			continue
		}
		text, missing := h.deliver.Body.Alone()
		id := pdu.Identify(h.deliver)
		err := s.store(ctx, notify.Incoming{Identity: notify.IdentityOf("part", hex.EncodeToString(id[:])), From: h.deliver.From.String(),
			To: h.to, Text: text, Missing: missing})
		s.reply(h, err)
		if err != nil {
			in.drop(slot) // the centre delivers the part again
		}
	}
}
