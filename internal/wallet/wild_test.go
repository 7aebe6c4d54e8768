package wallet_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// wild draws a number that is often at an edge.
func wild(r *rand.Rand, small int64) int64 {
	switch r.IntN(12) {
	case 0:
		return 0
	case 1:
		return math.MaxInt64
	case 2:
		return math.MaxInt64 - r.Int64N(1000)
	case 3:
		return r.Int64()
	}
	return r.Int64N(small)
}

// TestNoReadingBreaksTheState rates readings that no meter sends. While rating is stopped, the test accepts or rebases at random moments.
// The state always stays consistent, money and energy never fall, and the days sum to the rated money and energy.
func TestNoReadingBreaksTheState(t *testing.T) {
	r := rand.New(rand.NewPCG(tier.Seed(t), 20261120))
	start := noon(t)
	held, accepted, rebased := 0, 0, 0
	cases := tier.WildReadings.N()
	for n := range cases {
		p := newPlantIn(t, start.Location(), version(1, start.AddDate(0, 0, r.IntN(400)-200), byTime()), version(2, start.AddDate(0, 0, r.IntN(400)-200), blocks()))
		p.terms.Simulated = r.IntN(2) == 0
		var units unit.Energy
		var debit money.Minor
		count := func(out wallet.Taken) {
			for _, d := range out.Days {
				units, debit = units+d.Units, debit+d.Debit
			}
		}
		register := r.Int64N(1 << 30)
		for seq := range uint64(30) {
			if register += r.Int64N(3000); r.IntN(10) == 0 {
				register = wild(r, 1<<30)
			}
			at := start.Add(time.Duration(seq) * 30 * time.Minute)
			received := at.Add(time.Duration(r.Int64N(int64(time.Hour))))
			if r.IntN(10) == 0 {
				at = time.Unix(wild(r, 1<<32)%253_402_300_799, 0)
			}
			clock := [...]wire.Clock{wire.ClockValid, wire.ClockValid, wire.ClockHoldover, wire.ClockInvalid}[r.IntN(4)]
			was := p.s
			count(p.take(wallet.Reading{Memory: "a", Seq: seq, At: at, Up: uint64(wild(r, 1<<40)), Clock: clock, ReceivedAt: received, Register: unit.Energy(register)}))
			if p.s.Held.Stopped() && !was.Held.Stopped() {
				held++
				if p.s.Total() != was.Total() || p.s.Debited != was.Debited {
					t.Fatalf("case %d: a reading that was held moved %d Wh and %d", n, p.s.Total()-was.Total(), p.s.Debited-was.Debited)
				}
			}
			if p.s.Held.Stopped() && r.IntN(3) == 0 {
				if next, out, no := wallet.Accept(p.s, p.terms); !no.Refused() && out.Units < 1<<40 {
					p.s, register = next, int64(next.Register)
					count(out)
					accepted++
				} else {
					register = r.Int64N(1 << 30)
					p.s = wallet.Rebase(p.s, unit.Energy(register), p.terms)
					rebased++
				}
			}
			whole(t, n, was, p.s)
		}
		if units != p.s.Total() || debit != p.s.Debited {
			t.Fatalf("case %d: the days sum to %d Wh for %d, the state says %d Wh for %d", n, units, debit, p.s.Total(), p.s.Debited)
		}
	}
	t.Logf("figures: %d wild readings, %d held, %d accepted, %d rebased", 30*cases, held, accepted, rebased)
}

// whole checks the conditions that every state must meet.
func whole(t *testing.T, n int, was, s wallet.State) {
	t.Helper()
	var accrued money.Minor
	var units unit.Energy
	for _, p := range s.Parts {
		accrued += p.Debit
		for _, u := range p.Parts {
			units += u.Units
		}
	}
	switch {
	case accrued != s.Accrued || s.Accrued < 0 || s.Rest < 0:
		t.Fatalf("case %d: %d accrued, parts of %d, rest %d", n, s.Accrued, accrued, s.Rest)
	case units != s.Total()-s.PostedWh:
		t.Fatalf("case %d: parts of %d Wh, %d Wh rated", n, units, s.Total())
	case s.Total() < was.Total() || s.Debited < was.Debited || s.At.Before(was.At):
		t.Fatalf("case %d: went back from %d Wh, %d, %s to %d Wh, %d, %s", n, was.Total(), was.Debited, was.At, s.Total(), s.Debited, s.At)
	}
}
