package gsm

import (
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/at"
	"github.com/paywatt/paywatt/internal/gsm/pdu"
)

// Intervals of regular checks.
const (
	lookEvery   = time.Minute
	searchEvery = 5 * time.Second // while there is no network
	sweepEvery  = 5 * time.Minute // the longest delay of a message after a lost notice
	sweepAgain  = 15 * time.Second
)

// work does the pending work until the session ends. Arrivals go before messages to send, because a full SIM stops everything.
func (s *session) work() error {
	for {
		if s.reset {
			return errReset
		}
		did, err := s.step()
		if err != nil {
			return err
		}
		if did {
			continue
		}
		if err := s.idle(); err != nil {
			return err
		}
	}
}

// step does one piece of work; it returns false if there is none.
func (s *session) step() (did bool, err error) {
	now := s.m.cfg.Now()
	for _, frame := range s.m.heard {
		s.reported(frame, -1)
	}
	s.m.heard = nil
	s.handOver(now)
	switch {
	case s.anew:
		s.anew, s.up = false, false
		return true, s.setUp()
	case s.locked:
		if now.Sub(s.checked) < simInterval {
			return false, nil
		}
		s.checked = now
		// Somebody may have inserted a SIM or unlocked it.
		return true, s.setUp()
	case len(s.free) > 0:
		return true, s.delete()
	case s.m.sweep: // before single slots: after a reset the sweep shows which remembered parts are still valid
		return true, s.sweepSlots()
	case len(s.arrived) > 0:
		return true, s.fetch()
	case len(s.elsewise) > 0:
		return true, s.fetchElsewhere()
	case now.Sub(s.swept) >= sweepEvery:
		return true, s.sweepSlots()
	case now.Sub(s.checked) >= s.interval():
		return true, s.look()
	}
	if r := s.m.next(now); r != nil {
		return true, s.send(r)
	}
	return false, nil
}

// handOver gives the Inbox its pending jobs and handles its answers, without waiting.
func (s *session) handOver(now time.Time) {
	m := s.m
	if len(m.pending) > 0 && !now.Before(m.rest) {
		select {
		case m.jobs <- m.pending[0]:
			m.pending = m.pending[1:]
		default:
		}
	}
	select {
	case j := <-m.done:
		s.taken(j)
	default:
	}
}

func (s *session) interval() time.Duration {
	if s.m.State().Phase == Ready {
		return lookEvery
	}
	return searchEvery
}

// idle waits for the next event.
func (s *session) idle() error {
	m := s.m
	now := m.cfg.Now()
	wait := min(s.interval()-now.Sub(s.checked), sweepEvery-now.Sub(s.swept))
	if s.locked {
		wait = simInterval - now.Sub(s.checked)
	} else if d, ok := m.nextIn(now); ok {
		wait = min(wait, d)
	}
	var jobs chan job
	var head job
	if d := m.rest.Sub(now); len(m.pending) > 0 && d > 0 {
		wait = min(wait, d)
	} else if len(m.pending) > 0 {
		jobs, head = m.jobs, m.pending[0]
	}
	timer := time.NewTimer(max(wait, time.Millisecond))
	defer timer.Stop()
	select {
	case <-s.ctx.Done():
		return s.ctx.Err()
	case err := <-s.failed:
		return err
	case b := <-s.chunks:
		s.engine.Feed(b, s.line)
	case jobs <- head:
		m.pending = m.pending[1:]
	case j := <-m.done:
		s.taken(j)
	case <-m.wake:
	case <-timer.C:
	}
	return nil
}

// notice handles an unsolicited line. It only records the work, which is done when no command runs.
func (s *session) notice(l at.Line) {
	f := at.Fields(l.Text)
	head, _, _ := strings.Cut(l.Text, ":")
	switch head {
	case "RDY", "NORMAL POWER DOWN", "UNDER-VOLTAGE POWER DOWN", "OVER-VOLTAGE POWER DOWN":
		s.reset = true
		if head != "RDY" {
			s.m.change(func(st *State) { st.Phase, st.Problem = PoweredOff, "the modem said "+head })
		}
	case "Call Ready", "SMS Ready", "+CFUN":
		s.reset = s.reset || s.up // a modem that was set up has reset
	case "+CPIN":
		s.reset = s.reset || s.up
	case "UNDER-VOLTAGE WARNNING", "OVER-VOLTAGE WARNNING":
		s.m.change(func(st *State) { st.Low++ })
	case "+CREG":
		s.registration(f[0])
	case "+CMTI":
		if s.m.cfg.Inbox == nil {
			return
		}
		if i, ok := f[len(f)-1].Int(); ok && len(s.arrived) < maxPending {
			s.arrived[i] = true
		} else {
			s.m.sweep = true
		}
	case "+CDSI":
		if i, ok := f[len(f)-1].Int(); ok && len(s.elsewise) < maxPending {
			s.elsewise = append(s.elsewise, stored{memory: f[0].Text, slot: i})
		}
	case "+CDS":
		// The report is processed when no command runs: it may come before the end of the answer that carries its reference.
		if len(s.m.heard) < maxPending {
			s.m.heard = append(s.m.heard, l.Data)
		} else {
			s.m.change(func(st *State) { st.Dropped++ })
		}
	case "+CMT":
		s.direct(l.Data)
	}
}

// direct handles a message that the modem passed on without storing it, such as a flash message: only the Inbox can save it.
func (s *session) direct(frame []byte) {
	if frame == nil || s.m.cfg.Inbox == nil {
		return
	}
	j, ok := decode(frame)
	if !ok {
		s.m.change(func(st *State) { st.Dropped++ })
		return
	}
	s.offer(j)
}

// delete empties one slot whose content is durable.
func (s *session) delete() error {
	i := s.free[0]
	s.free = s.free[1:]
	_, err := s.do(at.Command{Text: "AT+CMGD=" + strconv.Itoa(i)}, answerTime)
	if err != nil {
		if broken(err) {
			return err
		}
		s.sweepSoon() // the message is found again, and deleted without being handed over
		return nil
	}
	s.m.change(func(st *State) { st.Used = max(0, st.Used-1) })
	return nil
}

// sweepSoon schedules a sweep of all slots: some slot still needs work, but an immediate sweep would block all other work of the modem.
func (s *session) sweepSoon() { s.swept = s.m.cfg.Now().Add(sweepAgain - sweepEvery) }

// settle remembers that a message is durable, so that it is deleted wherever it is found again. The network may deliver it
// again much later, so the last ones stay remembered.
func (m *Modem) settle(id pdu.Identity) {
	if m.durable[id] {
		return
	}
	if len(m.settled) == maxSettled {
		delete(m.durable, m.settled[0])
		m.settled = m.settled[1:]
	}
	m.durable[id] = true
	m.settled = append(m.settled, id)
}
