package gsm

import (
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/gsm/pdu"
)

// sentPart is a part whose delivery report is awaited.
type sentPart struct {
	id      string
	part    int
	to      string
	ref     uint8
	certain bool // false: the answer was lost, and the reference with it
	at      time.Time
	report  bool
}

// remember stores a sent part for its report; the oldest parts are dropped first.
func (m *Modem) remember(p sentPart) {
	if !p.report {
		return
	}
	if len(m.sent) == maxSent {
		m.sent = slices.Delete(m.sent, 0, 1)
	}
	m.sent = append(m.sent, p)
}

// reported handles a delivery report from a slot of the SIM. A slot below 0 means that the report was not in the SIM.
func (s *session) reported(frame []byte, slot int) {
	if s.m.cfg.Inbox == nil || frame == nil {
		return
	}
	j := unreadable(frame)
	if slot >= 0 {
		j.slots = []int{slot}
	}
	_, tpdu, err := pdu.SplitFrame(frame)
	if err == nil {
		var r pdu.StatusReport
		if r, err = pdu.DecodeStatusReport(tpdu); err == nil {
			j.message, j.report = nil, s.m.match(r)
		}
	}
	s.offer(j)
}

// match finds the part of a report. The reference is one octet and wraps, so the number and the time must match too, and the newest part
// wins. If no part matches, and the answer was lost for exactly one part to this number, the report belongs to that part and shows that it
// was sent.
func (m *Modem) match(r pdu.StatusReport) *Report {
	out := &Report{To: r.To.String(), Reference: r.Reference, Status: r.Status, At: stampTime(r.At), Done: stampTime(r.Done)}
	now := m.cfg.Now()
	m.sent = slices.DeleteFunc(m.sent, func(p sentPart) bool { return now.Sub(p.at) > reportWindow })
	found, lost, losses := -1, -1, 0
	for i, p := range m.sent {
		switch {
		case !sameNumber(p.to, r.To.Text):
		case p.certain && p.ref == r.Reference:
			found = i
		case !p.certain:
			lost, losses = i, losses+1
		}
	}
	if found < 0 && losses == 1 {
		found, out.Inferred = lost, true
		m.sent[lost].ref, m.sent[lost].certain = r.Reference, true
	}
	if found < 0 {
		return out
	}
	// Leave the part in m.sent: the modem may read the same report again, and the report must match then too.
	out.ID, out.Part = m.sent[found].id, m.sent[found].part
	return out
}

// sameNumber compares digits: networks report +255700000001 also as 0700000001.
func sameNumber(a, b string) bool {
	const enough = 7
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) < len(b) {
		a, b = b, a
	}
	return a == b || len(b) >= enough && strings.HasSuffix(a, b)
}
