package payment

import (
	"testing"
	"time"
)

// TestOneOfManyAnswersWakesTheQuestions: of answers that come together after a silence, one orders that the questions which sleep are asked. If
// that failed, a later answer orders it. After the next silence it is ordered again.
func TestOneOfManyAnswersWakesTheQuestions(t *testing.T) {
	var s silence
	now := time.Time{}
	wants := func(when string, want bool) {
		t.Helper()
		if got := s.beginWaking(); got != want {
			t.Errorf("%s, an answer orders it: %t, want %t", when, got, want)
		}
	}
	wants("after the start", true)
	s.heard(now, true)
	wants("beside another answer", false)
	s.endWaking(false)
	wants("after an order that failed", true)
	s.endWaking(true)
	wants("once it was ordered", false)
	s.heard(now, false)
	s.heard(now, true)
	wants("after a silence", true)
	s.heard(now, false)
	s.endWaking(true)
	wants("after a silence that began meanwhile", true)
}
