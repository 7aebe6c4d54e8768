package diagnosis

import (
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
)

func somebody(n byte) access.Actor {
	return access.Actor{Tenant: 1, Kind: access.APIKey, ID: id.ID{n}}
}

func TestAnAskerHasALimitOverAllMeters(t *testing.T) {
	g, now := newGuesses(), time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for n := range ActorGuesses {
		number := ""
		if n%2 == 0 {
			number = fmt.Sprintf("meter %d", n)
		}
		if _, no := g.take(somebody(1), number, now); no.Refused() {
			t.Fatalf("question %d: %s", n+1, no.Detail())
		}
	}
	now = now.Add(time.Hour)
	wait, no := g.take(somebody(1), "a new meter", now)
	if no.Code != refusal.RateLimited || wait != GuessWindow-time.Hour {
		t.Errorf("question %d: %q, wait %s, want %s, %s", ActorGuesses+1, no.Code, wait, refusal.RateLimited, GuessWindow-time.Hour)
	}
	if _, no := g.take(somebody(2), "a new meter", now); no.Refused() {
		t.Errorf("somebody else: %s", no.Detail())
	}
	other := somebody(1)
	other.Tenant = 2
	if _, no := g.take(other, "", now); no.Refused() {
		t.Errorf("the same identity in another tenant: %s", no.Detail())
	}
	if _, no := g.take(somebody(1), "", now.Add(GuessWindow)); no.Refused() {
		t.Errorf("a day later: %s", no.Detail())
	}
}

func TestAQuestionThatIsRefusedCountsForNobody(t *testing.T) {
	g, now := newGuesses(), time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for n := range MeterGuesses {
		if _, no := g.take(somebody(byte(n)), "one", now); no.Refused() {
			t.Fatalf("question %d: %s", n+1, no.Detail())
		}
	}
	for range ActorGuesses + 1 {
		if _, no := g.take(somebody(200), "one", now); no.Code != refusal.RateLimited {
			t.Fatalf("about a meter that everybody asks about: %q", no.Code)
		}
	}
	if _, no := g.take(somebody(200), "another", now); no.Refused() {
		t.Errorf("about another meter: %s", no.Detail())
	}
}

func TestTheMemoryOfTheLimitsIsBounded(t *testing.T) {
	g, now := newGuesses(), time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	refused := false
	for n := 0; n < 2*maxCounts && !refused; n++ {
		_, no := g.take(somebody(byte(n%200)), fmt.Sprint("meter ", n), now)
		refused = no.Refused()
	}
	if !refused || len(g.counts) > maxCounts {
		t.Errorf("%d counts kept, refused %t; want at most %d and a refusal", len(g.counts), refused, maxCounts)
	}
	if _, no := g.take(somebody(250), "new", now); no.Code != refusal.RateLimited {
		t.Errorf("somebody new while there is no room: %q, want %s", no.Code, refusal.RateLimited)
	}
	if _, no := g.take(somebody(250), "new", now.Add(GuessWindow)); no.Refused() || len(g.counts) > 2 {
		t.Errorf("a day later: %s, %d counts", no.Detail(), len(g.counts))
	}
}
