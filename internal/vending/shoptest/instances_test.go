package shoptest_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
)

// meanwhile lets another server act while this server waits for its issuer the first time. The issuer then gives the answer in the
// parameter answer.
func (s *shop) meanwhile(answer vending.Answer, do func(other *vending.Vending)) {
	other := s.vendingOver(s.door)
	s.issuer.say = func(n int, _ vending.IssueRequest) (vending.Answer, error) {
		if n > 1 {
			return vending.Answer{}, errAnswerItself
		}
		if do(other); answer.Outcome == vending.Made {
			return vending.Answer{}, errAnswerItself
		}
		return answer, nil
	}
}

// TestAnotherServerWasQuicker: while one server waits for its issuer, another completes the sale or the job. Both servers give the same
// answer, whatever the slower server then gets from its issuer.
func TestAnotherServerWasQuicker(t *testing.T) {
	ctx := context.Background()
	for name, answer := range map[string]vending.Answer{"the token": {Outcome: vending.Made}, "a refusal": {Outcome: vending.Declined}} {
		for _, byKey := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, repeated by its client %t", name, byKey), func(t *testing.T) {
				s := open(t, false)
				m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
				var first vending.Sold
				s.meanwhile(answer, func(other *vending.Vending) {
					var err error
					if byKey {
						first, err = other.Sell(ctx, owner(), order(m, 10000, "key-number-1"))
					} else {
						s.recovers(0) // this server leaves the sale alone, because it is asking the issuer itself
						s.clock.add(time.Minute)
						s.recovers(0)
						_, err = other.Recover(ctx, system())
					}
					if err != nil || first.Refused() {
						t.Error(err, first.Detail())
					}
				})
				second := s.sell(order(m, 10000, "key-number-1"))
				switch {
				case byKey && (second.Replay == nil || string(second.Replay.Body) != string(first.Reply.Body)):
					t.Errorf("%+v, want the answer of the other server: %s", second, first.Reply.Body)
				case !byKey && (second.Replay != nil || second.Sale.State != sale.Completed || second.Issued.Len() != 1 || second.Reply.Status != 201):
					t.Errorf("%+v, want the sale that the other server has completed", second)
				}
				checkOneSale(t, s)

				s.issuer = &issuer{}
				s.Vending = s.vendingOver(s.door)
				a := ask(vending.Ask{Meter: m, Kind: sale.Replacement, Units: 1000}, "job-key-1")
				s.meanwhile(answer, func(other *vending.Vending) {
					if s.clock.add(time.Minute); byKey {
						_, _ = other.GiveTokens(ctx, owner(), a)
					} else if n, err := other.Recover(ctx, system()); n != 1 || err != nil {
						t.Error(n, err)
					}
				})
				g := s.give(a)
				if byKey && g.Replay == nil || !byKey && (g.Refused() || g.Job.State != sale.Completed || g.Issued.Len() != 1) {
					t.Errorf("a job: %s %+v", g.Detail(), g)
				}
				if n := s.number(`SELECT COUNT(*) FROM token WHERE job_id IS NOT NULL AND state = 'issued'`); n != 1 {
					t.Errorf("%d tokens of the job, want 1", n)
				}
			})
		}
	}
}

// TestAYoungJobIsLeftToItsMaker: the recovery leaves a young job to the request that makes it, as it does with a young sale.
func TestAYoungJobIsLeftToItsMaker(t *testing.T) {
	s := open(t, false)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) { return vending.Answer{}, nil }
	if g := s.give(ask(vending.Ask{Meter: m, Kind: sale.Replacement, Units: 25_000}, "job-key-1")); g.Code != refusal.IssuerUnknown {
		t.Fatalf("%q", g.Code)
	}
	s.clock.add(vending.ReferLife + time.Second)
	s.recovers(0) // the issuer still does not know whether it made the token
	s.clock.add(-time.Second)
	s.issuer.say = nil
	s.recovers(0)
	s.clock.add(time.Second)
	s.recovers(1)
	s.recovers(0)
}

// TestCashThatIsGoneKeepsTheSale: the cash was in the till when the reversal was requested and in the bank when the meter answered. The
// token is cancelled, so its units are replaced.
func TestCashThatIsGoneKeepsTheSale(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.online.Store(m, true)
	sold := s.sell(order(m, 10000, "key-number-1")).Sale
	s.reversed(owner(), sold, "mistyped")
	s.bankTheTill(1)
	s.answers("done", "")
	s.settled()
	state, token := s.state(sold)
	got, err := s.Reversal(context.Background(), owner(), sold.ReceiptNo)
	if err != nil || state != sale.Completed || token != sale.TokenReversed || got.Reversal.State != sale.ReversalRefused || got.Reversal.Failure != refusal.NotReversible ||
		!got.Reversal.SettledAt.Equal(monday()) {
		t.Errorf("sale %s, token %s, reversal %+v (%v)", state, token, got.Reversal, err)
	}
	if n := s.number(`SELECT SUM(units_wh) FROM units_transfer`); n != int64(sold.Units) {
		t.Errorf("%d Wh were replaced, want %d", n, sold.Units)
	}
	s.audit()
}

// TestWhyUnitsAreStillOwed: an alarm says why owed units cannot be replaced now. There is no alarm if the cause will be gone in a moment.
func TestWhyUnitsAreStillOwed(t *testing.T) {
	const replaced, owed = "The meter cancelled token tok, but its sale stands. A token of 34.7 kWh replaces it.", "The meter cancelled token tok, but its sale stands. Its 34.7 kWh are still owed: "
	answers := func(a vending.Answer) func(*shop) {
		return func(s *shop) {
			s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) { return a, nil }
		}
	}
	locked := answers(vending.Answer{Outcome: vending.Declined, Refusal: refusal.Refusal{Code: refusal.KeystoreLocked, What: "The keys are locked."}})
	made := func(s *shop) { s.issuer.say = nil; s.clock.add(time.Minute) }
	run := func(sql string) func(*shop) { return func(s *shop) { s.exec(sql) } }
	elsewhere, held := `UPDATE meter SET account_id = (SELECT account_id FROM meter WHERE n = 2) WHERE n = 1`, `UPDATE vend SET state = 'held' WHERE client_ref = 'key-number-0'`
	for name, c := range map[string]struct {
		local       bool
		before, end func(*shop) // two steps: the first one prevents the replacement, the second one makes it possible
		want, then  []string    // the alarms after the first step, and after the second step
	}{
		"nothing":                     {true, func(*shop) {}, func(*shop) {}, []string{replaced}, []string{replaced}},
		"a sale under way":            {true, run(held), run(`UPDATE vend SET state = 'completed' WHERE state = 'held'`), nil, []string{replaced}},
		"another account":             {true, run(elsewhere), func(*shop) {}, []string{owed + "Meter 04000000010 supplies another account now."}, []string{owed + "Meter 04000000010 supplies another account now."}},
		"locked keys":                 {true, locked, made, []string{owed + "The keys are locked."}, []string{replaced, owed + "The keys are locked."}},
		"an issuer that does not say": {false, answers(vending.Answer{}), made, []string{replaced}, []string{replaced}},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, c.local)
			domestic := s.publish("domestic", flat(), monday())
			m := s.meter(1, place{tariff: domestic})
			s.meter(2, place{tariff: domestic})
			s.sell(order(m, 10000, "key-number-0"))
			s.online.Store(m, true)
			s.clock.add(time.Second)
			sold := s.sell(order(m, 10000-24, "key-number-1")).Sale
			s.reversed(owner(), sold, "mistyped")
			s.bankTheTill(10001)
			s.answers("done", "")
			c.before(s)
			s.alarmed("first", c.want)
			c.end(s)
			s.alarmed("then", c.then)
			s.alarmed("at last", c.then)
			if n := s.number(`SELECT COUNT(*) FROM audit WHERE action = 'token.replacement' AND actor = 'system recovery' AND reason LIKE 'cancelled_token token tok_% was cancelled, its sale stands'
				AND after LIKE 'job=job_% replacement of 34.7 kWh to meter %'`); (n == 1) != slices.Contains(c.then, replaced) {
				t.Errorf("%d rows of the audit log say what was replaced and why", n)
			}
		})
	}
}

// alarmed runs the recovery and checks that the alarms about owed units are those in want.
func (s *shop) alarmed(when string, want []string) {
	s.t.Helper()
	if _, err := s.Recover(context.Background(), system()); err != nil {
		s.t.Fatal(err)
	}
	var got []string
	s.do(func(tx *storeTx) error {
		got = nil
		return tx.C.Query(`SELECT text FROM alarm WHERE code = 'units-owed'`, func(r storeRow) error {
			got = append(got, anyID.ReplaceAllString(r.Text(0), "$1"))
			return nil
		})
	})
	slices.Sort(got)
	if !slices.Equal(got, want) {
		s.t.Errorf("%s: alarms %q, want %q", when, got, want)
	}
}
