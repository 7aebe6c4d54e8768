package diagnosis_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/diagnosis"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// numbered is the identity with a number.
func numbered(n int) (i id.ID) {
	binary.BigEndian.PutUint32(i[:], uint32(n)+1)
	return i
}

// somebody is an employee of the utility who may try keys.
func somebody(n int) access.Actor {
	return access.Actor{Tenant: 1, Kind: access.APIKey, Role: access.Owner, ID: numbered(n)}
}

// someMeter names a meter without keys.
func someMeter(n int) string { return numbered(n).Text(id.Meter) }

func TestAnAskerHasALimitOverAllMeters(t *testing.T) {
	m := &memory{now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)}
	d := m.doctor()
	for n := range diagnosis.ActorGuesses {
		meter := ""
		if n%2 == 0 {
			meter = someMeter(n)
		}
		if out := ask(t, d, somebody(1), typed, meter); out.Refused() {
			t.Fatalf("question %d: %s", n+1, out.Detail())
		}
	}
	m.now = m.now.Add(time.Hour)
	out := ask(t, d, somebody(1), typed, someMeter(1))
	if out.Code != refusal.RateLimited || out.RetryAfter != diagnosis.GuessWindow-time.Hour {
		t.Errorf("question %d: %q, wait %s, want %s, %s", diagnosis.ActorGuesses+1, out.Code, out.RetryAfter, refusal.RateLimited, diagnosis.GuessWindow-time.Hour)
	}
	if out := ask(t, d, somebody(2), typed, someMeter(1)); out.Refused() {
		t.Errorf("somebody else: %s", out.Detail())
	}
	other := somebody(1)
	other.Tenant = 2
	if out := ask(t, d, other, typed, ""); out.Refused() {
		t.Errorf("the same identity in another tenant: %s", out.Detail())
	}
	m.now = m.now.Add(diagnosis.GuessWindow)
	if out := ask(t, d, somebody(1), typed, ""); out.Refused() {
		t.Errorf("a day later: %s", out.Detail())
	}
}

func TestAQuestionThatIsRefusedCountsForNobody(t *testing.T) {
	m := &memory{now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)}
	d := m.doctor()
	for n := range diagnosis.MeterGuesses {
		if out := ask(t, d, somebody(n), typed, someMeter(1)); out.Refused() {
			t.Fatalf("question %d: %s", n+1, out.Detail())
		}
	}
	for range diagnosis.ActorGuesses + 1 {
		if out := ask(t, d, somebody(200), typed, someMeter(1)); out.Code != refusal.RateLimited {
			t.Fatalf("about a meter that everybody asks about: %q", out.Code)
		}
	}
	if out := ask(t, d, somebody(200), typed, someMeter(2)); out.Refused() {
		t.Errorf("about another meter: %s", out.Detail())
	}
}

// TestTheMemoryOfTheLimitsIsBounded: the limits count at most this many askers and meters together. When no more can be counted, somebody new
// is refused until the windows end, and whoever is counted may go on.
func TestTheMemoryOfTheLimitsIsBounded(t *testing.T) {
	const most = 20_000
	m := &memory{now: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)}
	d := m.doctor()
	for n := range most / 2 {
		if out := ask(t, d, somebody(n), typed, someMeter(n)); out.Refused() {
			t.Fatalf("asker %d about a meter of his own: %s", n+1, out.Detail())
		}
	}
	full := refuse.GuessesOfTooMany("").Text
	if out := ask(t, d, somebody(most), typed, ""); out.Code != refusal.RateLimited || out.Text != full || out.RetryAfter != diagnosis.GuessWindow {
		t.Errorf("somebody new while there is no room: %q, %q, wait %s", out.Code, out.Text, out.RetryAfter)
	}
	if out := ask(t, d, somebody(1), typed, someMeter(most)); out.Code != refusal.RateLimited || out.Text != full {
		t.Errorf("a new meter while there is no room: %q, %q", out.Code, out.Text)
	}
	if out := ask(t, d, somebody(1), typed, someMeter(1)); out.Refused() {
		t.Errorf("somebody who is counted, about his meter: %s", out.Detail())
	}
	m.now = m.now.Add(diagnosis.GuessWindow)
	for n := range 100 {
		if out := ask(t, d, somebody(most+n), typed, someMeter(most+n)); out.Refused() {
			t.Fatalf("a day later, new asker %d: %s", n+1, out.Detail())
		}
	}
}
