package payment

import "time"

// When a provider does not answer, only one question at a time tries again, so that its payments do not hold up those of other providers.
const (
	silentAfter = 3                // questions in a row without an answer
	silentPause = 15 * time.Second // from such a question to the next
)

// silence is how a provider has answered lately.
type silence struct {
	missed int       // questions without an answer since the last answer
	until  time.Time // no question before
	awake  bool      // since the last silence, or the start of the program, the questions that sleep were woken
	waking bool      // an answer is ordering now that they are woken
}

// asks reports whether a question may be asked now. After a silence, the next question may only be asked when this one had its time.
func (s *silence) asks(now time.Time) bool {
	if s.missed < silentAfter {
		return true
	}
	if now.Before(s.until) {
		return false
	}
	s.until = now.Add(askTime)
	return true
}

// heard takes note of an answer, or of none.
func (s *silence) heard(now time.Time, answered bool) {
	if answered {
		*s = silence{awake: s.awake, waking: s.waking}
		return
	}
	s.missed++
	s.awake = false
	s.until = now.Add(silentPause)
}

// beginWaking reports whether the caller shall order that sleeping questions are asked now. Only the first of several answers orders it: on
// PostgreSQL the orders of the others would be refused. The caller then calls endWaking.
func (s *silence) beginWaking() bool {
	if s.awake || s.waking {
		return false
	}
	s.waking = true
	return true
}

// endWaking notes whether it was ordered. If the provider is silent again meanwhile, questions may sleep.
func (s *silence) endWaking(ordered bool) {
	s.waking = false
	if ordered {
		s.awake = s.missed == 0
	}
}
