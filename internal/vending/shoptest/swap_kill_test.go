package shoptest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/unit"
)

// swapMoments is a shop in which swaps are killed. Each attempt has two meters of its own.
type swapMoments struct {
	*shop
	engine *storetest.EngineFault
	mode   registry.Mode
	tariff id.ID
	n      int
}

// whole counts what a swap leaves, and checks that all of it is there or nothing.
func (s *swapMoments) whole(when, old, fresh string) (swapped bool) {
	s.t.Helper()
	swaps := s.number(`SELECT COUNT(*) FROM meter_swap w JOIN meter o ON o.n = w.old_meter JOIN meter n ON n.n = w.new_meter WHERE o.number = $1 AND n.number = $2`, old, fresh)
	for what, c := range map[string]struct{ sql, arg string }{
		"blocked meters":          {`SELECT COUNT(*) FROM meter WHERE number = $1 AND status = 'blocked'`, old},
		"places of the new meter": {`SELECT COUNT(*) FROM meter_install i JOIN meter m ON m.n = i.meter WHERE m.number = $1 AND i.to_at IS NULL`, fresh},
		"acts":                    {`SELECT COUNT(*) FROM audit WHERE action = 'meter.swap' AND before = 'meter=' || $1`, old},
	} {
		if n := s.number(c.sql, c.arg); n != swaps {
			s.t.Errorf("%s: %d swaps and %d %s", when, swaps, n, what)
		}
	}
	active := s.number(`SELECT COUNT(*) FROM meter n JOIN meter o ON o.number = $1 AND o.account_id = n.account_id WHERE n.number = $2 AND n.status = 'active'`, old, fresh)
	jobs := s.number(`SELECT COUNT(*) FROM token_job j JOIN meter m ON m.n = j.meter WHERE m.number = $1`, fresh)
	if closed := s.number(`SELECT COUNT(*) FROM wallet w JOIN meter m ON m.n = w.meter WHERE m.number = $1 AND w.closed_at IS NOT NULL`, old); s.mode == registry.PrepayWallet {
		jobs = closed
	}
	if active != swaps || jobs != swaps || swaps > 1 {
		s.t.Errorf("%s: %d swaps, %d new meters in their place, %d with tokens or a closed wallet", when, swaps, active, jobs)
	}
	return swaps == 1
}

// attempt swaps two meters, is killed at one moment of that, and requests the swap again.
func (s *swapMoments) attempt(write, commit int) (kills int) {
	s.t.Helper()
	when := fmt.Sprintf("%s, killed before write %d or after commit %d", s.mode, write, commit)
	s.n += 2
	fresh := s.stocked(s.n+1, s.mode, s.tariff)
	var old string
	a := vending.Swap{New: fresh, Balance: ptr(unit.Energy(3000))}
	if s.mode == registry.PrepayToken {
		old = s.meter(s.n, place{tariff: s.tariff})
		token := s.sell(order(old, 10000, "kill sale "+old)).Sale.Tokens[0].ID.Text(id.Token)
		a.Balance, a.Unused = ptr(unit.Energy(0)), []string{token}
	} else {
		old, a.Balance = s.walletMeter(s.n, s.tariff), nil
		s.sell(order(old, 2875, "kill recharge "+old))
		s.hears(old, "closed", []string{"lease"}, 0, 1000)
	}
	a.Old = old
	s.engine.Kill(write, commit)
	_, err := s.tries(a, "kill swap "+old)
	if s.engine.Revive() {
		kills++
		if answered := err == nil && !s.issuer.local && s.whole(when, old, fresh); !answered && !errors.Is(err, storetest.ErrKilled) {
			s.t.Errorf("%s: the swap ends with %v", when, err) // an answer does not wait for the tokens of an issuer elsewhere
		}
	}
	s.whole(when, old, fresh)
	out, err := s.tries(a, "kill swap "+old)
	if err != nil || out.Refused() || !s.whole(when+", again", old, fresh) {
		s.t.Fatalf("%s: repeated: %v %s", when, err, out.Detail())
	}
	if other := s.swaps(a, "kill swap other "+old); other.Code != refusal.MeterBlocked {
		s.t.Errorf("%s: a second swap of the meter: %q", when, other.Code)
	}
	s.clock.add(vending.ReferLife + time.Second) // a job that was killed before its issuer answered is finished later
	if _, err := s.Recover(context.Background(), owner()); err != nil {
		s.t.Fatal(err)
	}
	if n := s.number(`SELECT COUNT(*) FROM token_job WHERE state <> 'completed'`); n != 0 {
		s.t.Fatalf("%s: %d jobs are not completed", when, n)
	}
	return kills
}

// TestASwapKilledAnywhereIsWhole kills the server before each write and after each commit of a swap, of both kinds of meter and with an
// issuer inside and outside of the server. The swap happened as a whole or not at all, its repetition makes it once, and all books verify.
func TestASwapKilledAnywhereIsWhole(t *testing.T) {
	step := 1
	if onPostgres {
		step = 9
	}
	for _, c := range []struct {
		mode  registry.Mode
		local bool
	}{{registry.PrepayToken, true}, {registry.PrepayToken, false}, {registry.PrepayWallet, true}} {
		s := &swapMoments{shop: openWith(t, c.local, false), mode: c.mode}
		s.tariff = s.publish("domestic", flat(), monday().AddDate(0, -1, 0))
		s.engine = &storetest.EngineFault{Engine: s.shop.engine}
		s.door.engine = s.engine
		writes, commits := storetest.EveryMoment(step, s.attempt)
		if writes < 10/step || commits < 1 {
			t.Errorf("%s, local issuer %t: killed before %d writes and after %d commits", c.mode, c.local, writes, commits)
		}
		t.Logf("figures: %s, local issuer %t: killed before %d writes and after %d commits", c.mode, c.local, writes, commits)
		s.verified()
	}
}

// TestASwapWhoseIssuerRefusesIsFinishedLater: an issuer that is away is asked again, and one that refuses raises an alarm. Then the same swap
// makes the tokens again, once, and nobody has to approve the units a second time.
func TestASwapWhoseIssuerRefusesIsFinishedLater(t *testing.T) {
	s := open(t, false)
	domestic := s.publish("domestic", flat(), monday())
	old, fresh, third := s.meter(1, place{tariff: domestic}), s.stocked(2, registry.PrepayToken, domestic), s.stocked(3, registry.PrepayToken, domestic)
	token := s.sell(order(old, 10000, "key-number-1")).Sale.Tokens[0]
	answer := vending.Answer{}
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
		if answer.Outcome == vending.Made {
			return vending.Answer{}, errAnswerItself
		}
		return answer, nil
	}
	state := func() (sale.State, int64) {
		t.Helper()
		f := must1(s.LookAtSwap(context.Background(), owner(), old))(t)
		if f.Replaced == nil {
			t.Fatal("the meter was not replaced")
		}
		return f.Replaced.Tokens, s.number(`SELECT COUNT(*) FROM alarm WHERE code = $1 AND cleared_at IS NULL`, string(metering.AlarmSwapTokens))
	}
	answer.Outcome = vending.Unknown
	a := vending.Swap{Old: old, New: fresh, Balance: ptr(unit.Energy(0)), Unused: []string{token.ID.Text(id.Token)}}
	if out := s.swaps(a, "swap-1"); out.Refused() {
		t.Fatal(out.Detail())
	}
	if st, alarms := state(); st != sale.Held || alarms != 0 {
		t.Errorf("the issuer is away: the tokens are %s, with %d alarms", st, alarms)
	}
	if out := s.swaps(a, "swap-2"); out.Code != refusal.MeterBlocked {
		t.Errorf("requested again while the issuer is away: %q", out.Code)
	}
	answer = vending.Answer{Outcome: vending.Declined, Refusal: refusal.Refusal{Code: refusal.IssuerRefused, What: "The key is locked."}}
	s.clock.add(vending.ReferLife + time.Second)
	if _, err := s.Recover(context.Background(), owner()); err != nil {
		t.Fatal(err)
	}
	if st, alarms := state(); st != sale.Failed || alarms != 1 {
		t.Fatalf("the issuer refused: the tokens are %s, with %d alarms", st, alarms)
	}
	s.fourEyes() // the units were decided about before
	if out := s.swaps(vending.Swap{Old: old, New: third, Balance: ptr(unit.Energy(0))}, "swap-3"); out.Code != refusal.MeterBlocked {
		t.Errorf("to another meter: %q", out.Code)
	}
	answer.Outcome = vending.Made
	if out := s.swaps(vending.Swap{Old: old, New: fresh}, "swap-4"); out.Refused() || out.Value.Waits != nil || out.Value.Units != token.Units {
		t.Fatalf("again: %s %+v", out.Detail(), out.Value)
	}
	if st, alarms := state(); st != sale.Completed || alarms != 0 {
		t.Errorf("made again: the tokens are %s, with %d alarms", st, alarms)
	}
	if out := s.swaps(vending.Swap{Old: old, New: fresh}, "swap-5"); out.Code != refusal.MeterBlocked {
		t.Errorf("once more: %q", out.Code)
	}
	if n := s.number(`SELECT SUM(units_wh) FROM token WHERE state = 'issued' AND job_id IS NOT NULL`); n != int64(token.Units) {
		t.Errorf("tokens for %d Wh, want %d", n, token.Units)
	}
	s.verified()
}
