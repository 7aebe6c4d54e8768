package gsm

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/at"
	"github.com/paywatt/paywatt/internal/gsm/pdu"
	"github.com/paywatt/paywatt/internal/logkey"
)

// job is a message or report for the Inbox, with the slots that hold it meanwhile.
type job struct {
	message *Message
	report  *Report
	id      pdu.Identity
	parts   []pdu.Identity // parts of a message in several parts
	slots   []int          // slots in the SIM; none if only the job holds the message
	epoch   int            // epoch of the session that read the slots
	err     error
}

// stored is a delivery report in a memory other than the SIM.
type stored struct {
	memory string
	slot   int
}

// take hands jobs to the Inbox, one at a time, until ctx ends.
func (m *Modem) take(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-m.jobs:
			limited, cancel := context.WithTimeout(ctx, takeLimit)
			if j.report != nil {
				j.err = m.cfg.Inbox.Report(limited, *j.report)
			} else {
				j.err = m.cfg.Inbox.Receive(limited, *j.message)
			}
			cancel()
			select {
			case m.done <- j:
			case <-ctx.Done():
				return
			}
		}
	}
}

// taken handles the Inbox's answer: only now may the modem delete the message.
func (s *session) taken(j job) {
	m := s.m
	delete(m.taking, j.id)
	if j.err != nil {
		m.cfg.Log.Warn("message not stored", logkey.Err, j.err)
		m.rest = m.cfg.Now().Add(startPause)
		if len(j.slots) > 0 {
			s.sweepSoon()
			return
		}
		s.offer(j) // only the job holds the message: it goes to the end of the queue
		return
	}
	if len(j.slots) == 0 {
		return // not settled: a later report with the same reference may be for another message
	}
	m.settle(j.id)
	for _, id := range j.parts {
		m.settle(id) // a part that stays in the SIM or comes again is then deleted; it does not wait for other parts
	}
	if j.epoch == m.epoch {
		s.free = append(s.free, j.slots...)
	} else {
		m.sweep = true // the modem was reset in between: read the slots again
	}
}

// fetch reads one slot that a notice named.
func (s *session) fetch() error {
	i := lowest(s.arrived)
	delete(s.arrived, i)
	c := prefixed("AT+CMGR=" + strconv.Itoa(i))
	c.Message = true
	info, err := s.do(c, answerTime)
	if err != nil {
		if !broken(err) {
			s.sweepSoon()
			return nil
		}
		return err
	}
	for _, l := range info { // an empty slot returns no line: its content was read and deleted before this notice was handled
		if l.Data == nil {
			s.sweepSoon()
			continue
		}
		s.m.change(func(st *State) { st.Used = min(st.Used+1, st.Slots) })
		s.found(i, l.Data)
	}
	s.giveUp()
	return nil
}

func lowest(set map[int]bool) int {
	low := -1
	for i := range set {
		if low < 0 || i < low {
			low = i
		}
	}
	return low
}

// sweepSlots reads every slot: a message that arrived while the driver did not listen raises no notice.
func (s *session) sweepSlots() error {
	if s.m.cfg.Inbox == nil {
		s.m.sweep, s.swept = false, s.m.cfg.Now()
		return nil
	}
	c := prefixed("AT+CMGL=4")
	c.Message = true
	info, err := s.do(c, listTime)
	if err != nil {
		if !broken(err) {
			s.m.sweep = false
			s.sweepSoon()
			return nil
		}
		return err
	}
	s.m.sweep, s.swept = false, s.m.cfg.Now()
	slots := map[int]pdu.Identity{}
	whole := true
	for _, l := range info {
		f := at.Fields(l.Text)
		i, ok := f[0].Int()
		if !ok || l.Data == nil {
			whole = false
			continue
		}
		if len(f) > 1 && (f[1].Text == "2" || f[1].Text == "3") {
			continue // somebody stored the message for sending: leave it alone
		}
		slots[i] = identity(l.Data)
		s.found(i, l.Data)
	}
	if whole {
		s.m.parts.Retain(slots)
	} else {
		s.sweepSoon()
	}
	s.giveUp()
	return s.lookAtStorage()
}

// found handles the content of a slot: a message, a part of one, a report, or something unreadable.
func (s *session) found(slot int, frame []byte) {
	m := s.m
	if m.cfg.Inbox == nil {
		return
	}
	if _, tpdu, err := pdu.SplitFrame(frame); err == nil {
		switch t, _ := pdu.TypeOf(tpdu); t {
		case pdu.TypeReport:
			s.reported(frame, slot)
			return
		case pdu.TypeDeliver:
			if d, err := pdu.DecodeDeliver(tpdu); err == nil {
				if id := pdu.Identify(d); m.durable[id] {
					s.free = append(s.free, slot)
					return
				}
				if w, ok := m.parts.Add(pdu.Part{Slot: slot, Deliver: d}, m.cfg.Now()); ok {
					s.hand(w)
				}
				return
			}
		}
	}
	j := unreadable(frame)
	j.slots = []int{slot}
	s.offer(j)
}

// giveUp hands over unfinished messages that waited too long, or that a nearly full SIM has no room for.
func (s *session) giveUp() {
	for _, w := range s.m.parts.Expired(s.m.cfg.Now(), s.m.State().AlmostFull()) {
		s.hand(w)
	}
}

func (s *session) hand(w pdu.Whole) {
	m := Message{Identity: w.Identity, From: w.From.String(), Text: w.Text, At: stampTime(w.At), Missing: w.Missing}
	s.offer(job{message: &m, id: w.Identity, parts: w.Parts, slots: w.Slots})
}

// offer passes a job to the Inbox, unless the Inbox has it already.
func (s *session) offer(j job) {
	m := s.m
	j.epoch = m.epoch
	switch {
	case m.durable[j.id]:
		s.free = append(s.free, j.slots...)
	case m.taking[j.id] && waits(m.pending, j):
		// The job is already in the queue. The call in this case's condition has updated the job's slots.
	case m.taking[j.id]:
		s.sweepSoon() // the Inbox has the message now; the slots are read again after its answer
	case len(m.pending) >= maxPending && len(j.slots) == 0:
		m.change(func(st *State) { st.Dropped++ })
	case len(m.pending) >= maxPending:
		s.sweepSoon()
	default:
		m.taking[j.id] = true
		m.pending = append(m.pending, j)
	}
}

// waits finds a job in the queue and gives it the slots that were just read.
func waits(pending []job, j job) bool {
	i := slices.IndexFunc(pending, func(p job) bool { return p.id == j.id })
	if i < 0 {
		return false
	}
	if pending[i].epoch == j.epoch {
		j.slots = append(j.slots, pending[i].slots...)
		slices.Sort(j.slots)
		j.slots = slices.Compact(j.slots)
	}
	pending[i].slots, pending[i].epoch = j.slots, j.epoch
	return true
}

// identity returns the identity of a slot's content.
func identity(frame []byte) pdu.Identity {
	if _, tpdu, err := pdu.SplitFrame(frame); err == nil {
		if d, err := pdu.DecodeDeliver(tpdu); err == nil {
			return pdu.Identify(d)
		}
	}
	return unreadable(frame).id
}

// decode reads a message that is in no slot.
func decode(frame []byte) (job, bool) {
	_, tpdu, err := pdu.SplitFrame(frame)
	if err != nil {
		return unreadable(frame), true
	}
	d, err := pdu.DecodeDeliver(tpdu)
	if err != nil {
		return unreadable(frame), true
	}
	if _, part := d.Body.Concat(); part {
		return job{}, false // this part would have to wait for the other parts, in this process's memory only
	}
	id := pdu.Identify(d)
	return job{id: id, message: &Message{Identity: id, From: d.From.String(), Text: d.Body.Text(), At: stampTime(d.At)}}, true
}

// unreadable makes a job of a frame that cannot be decoded. The Inbox gets the raw frame: deleting it unseen would lose it, and
// leaving it would fill the SIM.
func unreadable(frame []byte) job {
	sum := sha256.Sum256(frame)
	id := pdu.Identity(sum[:16])
	return job{id: id, message: &Message{Identity: id, Frame: frame}}
}

func stampTime(s pdu.Stamp) time.Time {
	t, _ := s.Time() // the zero time means that the network wrote none
	return t
}

// fetchElsewhere reads a report from the modem's memory for reports, and then selects the SIM again.
func (s *session) fetchElsewhere() error {
	r := s.elsewise[0]
	s.elsewise = s.elsewise[1:]
	_, err := s.do(prefixed(`AT+CPMS="`+r.memory+`"`), answerTime)
	if err == nil {
		err = s.fetchReport(r.slot)
	}
	if broken(err) {
		return err
	}
	// Whatever happened, select the SIM again, or set the modem up again: reads from the wrong memory would find no message.
	if _, back := s.do(prefixed(`AT+CPMS="SM"`), answerTime); back != nil {
		return errors.Join(errReset, back)
	}
	return nil
}

// fetchReport reads a report and deletes it at once, because these memories hold only a few. If the report is then lost, the
// message stays "accepted". That state is still correct.
func (s *session) fetchReport(slot int) error {
	c := prefixed("AT+CMGR=" + strconv.Itoa(slot))
	c.Message = true
	info, err := s.do(c, answerTime)
	if err != nil {
		return err
	}
	for _, l := range info {
		s.reported(l.Data, -1)
	}
	_, err = s.do(at.Command{Text: "AT+CMGD=" + strconv.Itoa(slot)}, answerTime)
	return err
}
