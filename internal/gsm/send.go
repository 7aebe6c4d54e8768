package gsm

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/at"
	"github.com/paywatt/paywatt/internal/gsm/pdu"
	"github.com/paywatt/paywatt/internal/logkey"
)

// request is a message in the queue.
type request struct {
	ctx    context.Context
	out    Outgoing
	to     pdu.Address
	bodies []pdu.Body
	ref    uint8
	next   int // the part to send next
	tries  int // tries of this part so far
	after  time.Time
	parts  []SentPart
	answer chan Sent // buffers one answer, so that no answer waits for its reader
}

func (r *request) finish(o Outcome, why string) {
	r.answer <- Sent{Outcome: o, Parts: r.parts, From: r.next, Reference: r.ref, Why: why}
}

// prepare checks a message and makes its parts; refused is the reason why it cannot be sent.
func (m *Modem) prepare(o Outgoing) (r *request, refused string) {
	to, err := pdu.ParseAddress(o.To)
	if err != nil || to.Type == pdu.Alphanumeric {
		return nil, "the recipient is not a telephone number"
	}
	r = &request{out: o, to: to, next: o.From, ref: o.Reference, answer: make(chan Sent, 1)}
	if o.From == 0 {
		m.mu.Lock()
		m.ref++
		r.ref = m.ref
		m.mu.Unlock()
	}
	if r.bodies, err = pdu.Compose(o.Text, uint16(r.ref)); err != nil {
		return nil, err.Error()
	}
	if o.From < 0 || o.From >= len(r.bodies) {
		return nil, fmt.Sprintf("part %d of %d", o.From, len(r.bodies))
	}
	return r, ""
}

// next takes the first message of the queue if its time has come.
func (m *Modem) next(now time.Time) *request {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) == 0 || m.queue[0].after.After(now) {
		return nil
	}
	if m.state.Phase != Ready {
		return nil
	}
	r := m.queue[0]
	m.queue = m.queue[1:]
	return r
}

// nextIn returns how long the first message of the queue still has to wait.
func (m *Modem) nextIn(now time.Time) (time.Duration, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) == 0 || m.state.Phase != Ready {
		return 0, false
	}
	return m.queue[0].after.Sub(now), true
}

// again puts a message back at the head of the queue, for another try of its next part.
func (m *Modem) again(r *request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.ctx.Err() != nil {
		r.finish(NotSent, "the waiting time ran out")
		return
	}
	m.queue = append([]*request{r}, m.queue...)
}

// send sends the next part of a message and acts on the answer.
func (s *session) send(r *request) error {
	t, err := s.sendPart(r)
	now, why := s.m.cfg.Now(), t.why
	remembered := sentPart{id: r.out.ID, part: r.next, to: r.to.Text, ref: t.mr, certain: t.certain, at: now, report: r.out.Report}
	switch t.outcome {
	case Accepted:
		s.m.remember(remembered)
		r.parts = append(r.parts, SentPart{Reference: t.mr, At: now})
		r.next++
		r.tries = 0
		if r.next == len(r.bodies) {
			r.finish(Accepted, "")
		} else {
			s.m.again(r)
		}
	case Unknown:
		s.m.remember(remembered)
		s.m.change(func(st *State) { st.Unknown++ })
		s.m.cfg.Log.Warn("outcome of a message unknown", logkey.Reason, why)
		r.finish(Unknown, why)
	case Refused:
		r.finish(Refused, why)
	case NotSent:
		r.tries++
		if r.tries >= MaxTries || s.ctx.Err() != nil {
			r.finish(NotSent, why)
			break
		}
		r.after = now.Add(time.Second << (2 * r.tries)) // 4 s, 16 s
		s.m.again(r)
	}
	return err
}

// try is one try of one part.
type try struct {
	outcome Outcome
	mr      uint8
	certain bool // the reference is certain
	why     string
}

// sendPart sends one part. An error ends the session; the returned try is valid even then.
func (s *session) sendPart(r *request) (try, error) {
	tpdu, err := s.submit(r)
	if err != nil {
		return try{outcome: Refused, why: err.Error()}, nil
	}
	frame, err := pdu.JoinFrame(pdu.Address{}, tpdu)
	if err != nil {
		return try{outcome: Refused, why: err.Error()}, nil
	}
	s.late = late{ref: -1}
	x, err := s.ask(at.Command{Text: fmt.Sprintf("AT+CMGS=%d", len(tpdu)), Prefix: "+CMGS:", Prompts: true, Needs: true}, promptTime)
	switch {
	case errors.Is(err, errSilent):
		return try{outcome: NotSent, why: "the modem did not ask for the message"}, s.resync()
	case err != nil:
		return try{outcome: NotSent, why: err.Error()}, err
	case x.final:
		return s.judge(x.result), nil
	}
	// Once the modem has the first octet, it may send the message. Then only an error from the modem proves that it was not sent.
	err = s.write(strings.ToUpper(hex.EncodeToString(frame)) + "\x1a")
	if err == nil {
		x, err = s.await(sendTime, false)
	}
	switch {
	case errors.Is(err, errSilent):
		return s.settle(x, s.resync())
	case err != nil:
		return s.settle(x, err)
	case x.result.Status != at.OK:
		return s.judge(x.result), nil
	}
	return accepted(x, true), nil
}

// accepted reads the reference that the network assigned.
func accepted(x exchange, known bool) try {
	n, ok := at.Fields(x.info[0].Text)[0].Int()
	return try{outcome: Accepted, mr: uint8(n), certain: known && ok}
}

func (s *session) submit(r *request) ([]byte, error) {
	m := pdu.Submit{Report: r.out.Report, To: r.to, Body: r.bodies[r.next]}
	if r.out.Validity > 0 {
		m.Validity = pdu.ValidFor(r.out.Validity)
	}
	return m.Encode()
}

// settle returns the outcome of a message whose answer was not complete in time. The parameter err tells whether the driver found the modem
// again. A reference alone shows that the network has the message, though a truncated reference may be wrong. The whole answer may have
// come while the driver was finding the modem.
func (s *session) settle(x exchange, err error) (try, error) {
	switch {
	case len(x.info) > 0:
		return accepted(x, false), err
	case s.late.final == nil:
	case s.late.final.Status == at.OK && s.late.ref >= 0:
		return try{outcome: Accepted, mr: uint8(s.late.ref), certain: true}, err
	case s.late.final.Status != at.OK:
		return s.judge(*s.late.final), err
	}
	why := "the modem did not answer in time"
	if err != nil {
		why = err.Error()
	}
	return try{outcome: Unknown, why: why}, err
}

// judge turns an error of the modem into the outcome of the part.
func (s *session) judge(r at.Result) try {
	switch r.Class() {
	case at.Permanent:
		return try{outcome: Refused, why: r.Text}
	case at.Blocked:
		s.anew = true // the SIM must be set up again
	}
	return try{outcome: NotSent, why: r.Text}
}
