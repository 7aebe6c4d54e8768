package smpp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/notify"
)

// Reasons for the end of a connection or of a request.
var (
	errEnded   = errors.New("the connection had ended") // nothing was written
	errSlow    = errors.New("the centre did not answer in time")
	errLost    = errors.New("the connection was lost before the centre's answer came")
	errUnbound = errors.New("the centre ended the connection")
	errUseless = errors.New("the centre does not answer submitted messages")
	errMute    = errors.New("the centre does not answer enquire_link")
)

// refusedBind is a bind that the centre refused.
type refusedBind struct{ status Status }

func (e *refusedBind) Error() string {
	return "the centre refused the connection: " + e.status.String()
}

// awaited is a submitted part whose answer is awaited.
type awaited struct {
	message *message
	part    int
}

// waiter waits for one answer.
type waiter struct {
	command Command
	answer  chan PDU // buffers one answer, so that settling never waits
	sent    *awaited
}

// session is one connection.
type session struct {
	c      *Client
	conn   net.Conn
	mode   Command
	serial int

	writing sync.Mutex
	in      chan PDU      // deliver_sm for take
	heard   chan struct{} // signals that a unit came
	done    chan struct{} // closed when the connection has ended

	mu       sync.Mutex
	sequence uint32
	waiting  map[uint32]*waiter // waiters by sequence number; abandoned waiters stay, because a late answer still carries a reference
	err      error
}

// connect makes one connection and uses it until it ends; held is the time from the bind to the end.
func (c *Client) connect(ctx context.Context, mode Command) (held time.Duration, err error) {
	limited, cancel := context.WithTimeout(ctx, dialTime)
	conn, err := c.cfg.Dial(limited)
	cancel()
	if err != nil {
		return 0, fmt.Errorf("connect to the centre: %w", err)
	}
	defer conn.Close()
	c.mu.Lock()
	c.serial++
	s := &session{c: c, conn: conn, mode: mode, serial: c.serial, in: make(chan PDU, maxInbound), heard: make(chan struct{}, 1),
		done: make(chan struct{}), waiting: map[uint32]*waiter{}}
	c.mu.Unlock()
	if err := s.bind(ctx); err != nil {
		return 0, err
	}
	began := time.Now()
	var all sync.WaitGroup
	inner, stop := context.WithCancel(ctx)
	all.Go(s.read)
	all.Go(func() { s.enquire(inner) })
	if mode != BindTransmitter {
		all.Go(func() { s.take(inner) })
	}
	c.use(mode, s)
	select {
	case <-ctx.Done():
		s.leave()
	case <-s.done:
	}
	c.use(mode, nil)
	stop()
	s.fail(errUnbound)
	all.Wait()
	return time.Since(began), s.err
}

// bind identifies the client to the centre. Nothing else reads the connection yet.
func (s *session) bind(ctx context.Context) error {
	hurry := context.AfterFunc(ctx, func() { _ = s.conn.Close() })
	defer hurry()
	cfg := &s.c.cfg
	b := Bind{SystemID: cfg.SystemID, Password: cfg.Password, SystemType: cfg.SystemType, Version: 0x34, Range: cfg.Range}
	body, err := b.Encode()
	if err != nil {
		return err
	}
	s.sequence++
	if err := s.write(PDU{Command: s.mode, Sequence: s.sequence, Body: body}); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	if err := s.conn.SetReadDeadline(time.Now().Add(bindTime)); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	p, err := ReadPDU(s.conn)
	switch {
	case err != nil:
		return fmt.Errorf("bind: %w", err)
	case p.Command == GenericNack || p.Command == s.mode.Answer() && p.Status != StatusOK:
		return &refusedBind{p.Status}
	case p.Command != s.mode.Answer():
		return fmt.Errorf("bind: answered by command %08X: %w", uint32(p.Command), ErrMalformed)
	}
	return s.conn.SetReadDeadline(time.Time{})
}

// write sends one unit; if the centre accepts nothing, the connection ends.
func (s *session) write(p PDU) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	_, err := s.conn.Write(p.Encode())
	return err
}

// answer answers a unit. If the answer cannot be written the connection ends, and the centre repeats the unit on the next connection.
func (s *session) answer(p PDU, status Status) {
	out := PDU{Command: p.Command.Answer(), Status: status, Sequence: p.Sequence}
	switch {
	case p.Command.IsAnswer():
		return
	case p.Command == DeliverSM:
		out.Body = EncodeText("") // message_id is present and empty (SMPP 3.4 §4.6.2)
	case p.Command != EnquireLink && p.Command != Unbind:
		out.Command = GenericNack
	}
	if err := s.write(out); err != nil {
		s.fail(fmt.Errorf("answer: %w", err))
	}
}

// request sends a unit and waits for the answer. After errEnded nothing was written; after any other error the centre may have
// read the unit and acted on it.
func (s *session) request(ctx context.Context, c Command, body []byte, sent *awaited) (PDU, error) {
	w := &waiter{command: c, answer: make(chan PDU, 1), sent: sent}
	s.mu.Lock()
	if s.err != nil {
		s.mu.Unlock()
		return PDU{}, errEnded
	}
	s.sequence = s.sequence%0x7FFFFFFF + 1 // 1 to 7FFFFFFF (SMPP 3.4 §5.1.4)
	n := s.sequence
	s.waiting[n] = w
	useless := len(s.waiting) > maxLate
	s.mu.Unlock()
	if useless {
		s.fail(errUseless)
		return PDU{}, errEnded
	}
	if err := s.write(PDU{Command: c, Sequence: n, Body: body}); err != nil {
		s.fail(fmt.Errorf("write: %w", err))
		return PDU{}, errLost
	}
	slow := time.NewTimer(s.c.cfg.Timeout)
	defer slow.Stop()
	select {
	case p := <-w.answer:
		return p, nil
	case <-slow.C:
		return PDU{}, errSlow
	case <-ctx.Done():
		return PDU{}, errSlow
	case <-s.done:
	}
	select {
	case p := <-w.answer: // the answer came before the end
		return p, nil
	default:
		return PDU{}, errLost
	}
}

func (s *session) alive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err == nil
}

// fail ends the connection; only the first reason counts.
func (s *session) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	s.err = err
	_ = s.conn.Close()
	close(s.done)
}

// leave unbinds, so that the centre holds undelivered messages for the next connection.
func (s *session) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), unbindTime)
	defer cancel()
	_, _ = s.request(ctx, Unbind, nil, nil) // answered or not, the connection ends
}

// read handles the centre's units until the connection ends.
func (s *session) read() {
	for {
		p, err := ReadPDU(s.conn)
		if errors.Is(err, ErrLength) {
			_ = s.write(PDU{Command: GenericNack, Status: StatusUnitLength}) // the connection ends in any case
		}
		if err != nil {
			s.fail(err)
			return
		}
		select {
		case s.heard <- struct{}{}:
		default:
		}
		switch {
		case p.Command.IsAnswer():
			s.settle(p)
		case p.Command == DeliverSM && s.mode != BindTransmitter:
			select {
			case s.in <- p:
			default:
				s.answer(p, StatusQueueFull)
			}
		case p.Command == DeliverSM:
			s.answer(p, StatusNotBound)
		case p.Command == EnquireLink:
			s.answer(p, StatusOK)
		case p.Command == Unbind:
			s.answer(p, StatusOK)
			s.fail(errUnbound)
			return
		default:
			s.answer(p, StatusCommand)
		}
	}
}

// settle gives an answer to its waiter. It records the reference before the next unit is read: a receipt may follow at once.
func (s *session) settle(p PDU) {
	s.mu.Lock()
	w := s.waiting[p.Sequence]
	if w != nil && (p.Command == w.command.Answer() || p.Command == GenericNack) {
		delete(s.waiting, p.Sequence)
	} else {
		w = nil // the unit does not answer a pending request
	}
	s.mu.Unlock()
	if w == nil {
		return
	}
	if w.sent != nil && p.Command == SubmitSM.Answer() && p.Status == StatusOK {
		if id, err := DecodeText(p.Body); err == nil && id != "" {
			s.c.accepted(w.sent, id)
		}
	}
	if p.Command == GenericNack && p.Status.outcome() == notify.Accepted {
		p.Status = StatusUnknown // a nack with status OK is not an acceptance
	}
	w.answer <- p
}

// accepted records the centre's reference for a part.
func (c *Client) accepted(a *awaited, id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent.add(a.message, a.part, c.cfg.MessageIDs.ofAnswer(id), c.cfg.Now())
}

// enquire sends enquire_link whenever nothing has come for a while.
func (s *session) enquire(ctx context.Context) {
	silence := time.NewTimer(s.c.cfg.Enquire)
	defer silence.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-ctx.Done():
			return
		case <-s.heard:
		case <-silence.C:
			if _, err := s.request(ctx, EnquireLink, nil, nil); ctx.Err() != nil {
				return // this connection is already unbinding
			} else if err != nil {
				s.fail(errMute)
				return
			}
		}
		silence.Reset(s.c.cfg.Enquire)
	}
}
