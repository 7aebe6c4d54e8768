package shoptest_test

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
)

// settled runs the recovery until it finds no more work.
func (s *shop) settled() {
	s.t.Helper()
	for range 10 {
		n, err := s.Recover(context.Background(), system())
		if err != nil {
			s.t.Fatal(err)
		}
		if n == 0 {
			return
		}
		s.clock.add(time.Minute) // a job that its issuer did not answer at once is tried again
	}
	s.t.Fatal("the recovery finds something to do for ever")
}

// expired lets a reversal run out of time without an answer of the meter.
func (s *shop) expired(sold sale.Sale) {
	s.t.Helper()
	s.clock.add(vending.CancelLife + time.Second)
	s.exec(`UPDATE command SET state = 'expired' WHERE state IN ('queued', 'sent')`)
	s.settled()
	if state, _ := s.state(sold); state != sale.Completed {
		s.t.Fatalf("the sale is %s after its reversal ran out of time", state)
	}
}

// late lets the meter answer commands that had expired.
func (s *shop) late(state, answer string) {
	s.t.Helper()
	s.exec(`UPDATE command SET state = $1, answer = $2 WHERE state = 'expired'`, state, answer)
	s.settled()
}

// The meter answers cancel_token when nobody waits for the answer any more. The customer then gets either the money or another token, but
// never both. If the meter has the token, the sale remains.
func TestALateAnswerOfTheMeterCounts(t *testing.T) {
	other := func(s *shop, m string, _ sale.Sale) { s.sell(order(m, 10000, "key-between")) }
	month := func(s *shop, _ string, _ sale.Sale) { s.clock.add(12 * 24 * time.Hour) }
	banked := func(s *shop, _ string, _ sale.Sale) { s.bankTheTill(10000) }
	restart := func(s *shop, _ string, _ sale.Sale) { s.crash() }
	second := func(s *shop, _ string, sold sale.Sale) {
		if r := s.undo(owner(), sold, "once more", "undo-key-2"); r.Value.State != sale.ReversalWaiting {
			s.t.Fatalf("the second reversal: %q %+v", r.Code, r.Value)
		}
	}
	away := func(s *shop, m string, sold sale.Sale) {
		s.online.Delete(m)
		if r := s.undo(owner(), sold, "once more", "undo-key-2"); r.Value.State != sale.ReversalDone || r.Value.Confirmed {
			s.t.Fatalf("the second reversal: %q %+v", r.Code, r.Value)
		}
	}
	for name, c := range map[string]lateAnswer{
		"done":                              {nil, "done", "", sale.Reversed, sale.TokenReversed, 0, ""},
		"done, after a restart":             {restart, "done", "", sale.Reversed, sale.TokenReversed, 0, ""},
		"done, after a later sale":          {other, "done", "", sale.Completed, sale.TokenReversed, 1, refusal.MeterOffline},
		"done, in the next month":           {month, "done", "", sale.Completed, sale.TokenReversed, 1, refusal.MeterOffline},
		"done, after the cash was banked":   {banked, "done", "", sale.Completed, sale.TokenReversed, 1, refusal.MeterOffline},
		"done, while a second one waits":    {second, "done", "", sale.Reversed, sale.TokenReversed, 0, ""},
		"done, after a second one was done": {away, "done", "", sale.Reversed, sale.TokenReversed, 0, ""},
		"used":                              {nil, "failed", "used", sale.Completed, sale.TokenAccepted, 0, refusal.NotReversible},
		"used, after a restart":             {restart, "failed", "used", sale.Completed, sale.TokenAccepted, 0, refusal.NotReversible},
		"used, while a second one waits":    {second, "failed", "used", sale.Completed, sale.TokenAccepted, 0, refusal.NotReversible},
		"used, after a second one was done": {away, "failed", "used", sale.Reversed, sale.TokenAccepted, 0, ""},
		"refused for another reason":        {nil, "failed", "expired", sale.Completed, sale.TokenIssued, 0, refusal.MeterOffline},
	} {
		for _, local := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, local %t", name, local), func(t *testing.T) { c.run(t, local) })
		}
	}
}

// lateAnswer is one case: the events between the end of a reversal and the late answer, the answer itself, and the expected result.
type lateAnswer struct {
	between       func(s *shop, meter string, sold sale.Sale)
	state, answer string
	sale          sale.State
	token         sale.TokenState
	replaced      int64
	failure       refusal.Code
}

func (c lateAnswer) run(t *testing.T, local bool) {
	s := open(t, local)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.online.Store(m, true)
	before := s.accounts()
	sold := s.sell(order(m, 10000, "key-number-1"))
	s.reversed(owner(), sold.Sale, "mistyped")
	s.expired(sold.Sale)
	if c.between != nil {
		c.between(s, m, sold.Sale)
	}
	stands := s.accounts()
	s.late(c.state, c.answer)
	if sale, token := s.state(sold.Sale); sale != c.sale || token != c.token {
		t.Errorf("sale is %s, its token %s; want %s and %s", sale, token, c.sale, c.token)
	}
	shown, err := s.Reversal(context.Background(), owner(), sold.Sale.ID.Text(id.Vend))
	if err != nil || shown.Reversal.Failure != c.failure || (shown.Reversal.State == sale.ReversalDone) != (c.sale == sale.Reversed) {
		t.Errorf("reversal %+v (%v), want failure %q", shown.Reversal, err, c.failure)
	}
	units := s.number(`SELECT SUM(t.units_wh) FROM token t JOIN token_job j ON j.id = t.job_id WHERE j.kind = 'replacement' AND j.state = 'completed'`)
	if n := s.number(`SELECT COUNT(*) FROM units_transfer WHERE reason_code = 'cancelled_token'`); n != c.replaced || units != c.replaced*int64(sold.Sale.Units) {
		t.Errorf("%d replacements of %d Wh, want %d of %d Wh each", n, units, c.replaced, sold.Sale.Units)
	}
	if pushed := s.number(`SELECT COUNT(*) FROM outbox WHERE kind = 'token'`); pushed != c.replaced {
		t.Errorf("%d tokens on their way to the meter, want %d", pushed, c.replaced)
	}
	after := s.accounts()
	switch {
	case c.sale == sale.Completed && !maps.Equal(stands, after), c.token == sale.TokenReversed && c.sale == sale.Reversed && !maps.Equal(before, after):
		t.Errorf("balances %v; before the sale %v, before the answer %v", after, before, stands)
	case c.sale == sale.Reversed && c.token == sale.TokenAccepted && after[fmt.Sprint(int(ledger.RevenueEnergy), " ")] != -8675:
		t.Errorf("balances %v, want the value of the token claimed back", after)
	}
	s.audit()
}

// A later sale prevents a late answer from reversing an earlier sale, even if the later sale used no change carried forward. The units of
// the earlier sale in the month determined the price of the later sale.
func TestALateAnswerReversesOnlyTheLastSale(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("even", tariff.Body{Currency: "KES", Blocks: []tariff.Block{{Rate: 2_500_000}}}, monday())})
	s.online.Store(m, true)
	sold := s.sell(order(m, 10000, "key-number-1"))
	if sold.Sale.CarryOut != 0 {
		t.Fatalf("%d are carried on, want a sale without change", sold.Sale.CarryOut)
	}
	s.reversed(owner(), sold.Sale, "mistyped")
	s.expired(sold.Sale)
	s.sell(order(m, 10000, "key-number-2"))
	stands := s.accounts()
	s.late("done", "")
	if state, token := s.state(sold.Sale); state != sale.Completed || token != sale.TokenReversed {
		t.Errorf("sale %s, token %s; want the sale to stand without its token", state, token)
	}
	if n := s.number(`SELECT SUM(units_wh) FROM units_transfer`); n != int64(sold.Sale.Units) || !maps.Equal(stands, s.accounts()) {
		t.Errorf("%d Wh were replaced, balances %v; want %d and %v", n, s.accounts(), sold.Sale.Units, stands)
	}
	s.audit()
}

// A meter confirms a reversal only when it has cancelled every token of the sale. It does not confirm the reversal if it accepted a token.
func TestAReversalIsConfirmedByEveryToken(t *testing.T) {
	for _, taken := range []bool{false, true} {
		s := open(t, true)
		m := s.meter(1, place{tariff: s.publish("cheap", tariff.Body{Currency: "KES", Blocks: []tariff.Block{{Rate: 10_000}}}, monday())})
		s.online.Store(m, true)
		sold := s.sell(order(m, 2000, "key-number-1"))
		r := s.reversed(owner(), sold.Sale, "mistyped")
		if len(r.Cancels) < 2 {
			t.Fatalf("%d tokens, want several", len(r.Cancels))
		}
		s.expired(sold.Sale)
		s.online.Delete(m)
		s.undo(owner(), sold.Sale, "once more", "undo-key-2")
		confirmed := func() bool {
			t.Helper()
			shown, err := s.Reversal(context.Background(), owner(), sold.Sale.ID.Text(id.Vend))
			if err != nil || shown.Reversal.State != sale.ReversalDone {
				t.Fatalf("%+v %v", shown, err)
			}
			return shown.Reversal.Confirmed
		}
		for i, c := range r.Cancels {
			last := i == len(r.Cancels)-1
			state, answer := "done", ""
			if last && taken {
				state, answer = "failed", "used"
			}
			s.exec(`UPDATE command SET state = $1, answer = $2 WHERE id = $3`, state, answer, c.Command)
			s.settled()
			if got := confirmed(); got != (last && !taken) {
				t.Errorf("after %d of %d answers (the last taken: %t): confirmed %t", i+1, len(r.Cancels), taken, got)
			}
		}
		s.audit()
	}
}

// A meter that has cancelled a token answers "used" if a second command cancels it again. Its first answer is the true one, whichever
// arrives first.
func TestWhatWasCancelledIsNotUsed(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.online.Store(m, true)
	before := s.accounts()
	sold := s.sell(order(m, 10000, "key-number-1"))
	first := s.reversed(owner(), sold.Sale, "mistyped").Cancels[0].Command
	s.expired(sold.Sale)
	second := s.undo(owner(), sold.Sale, "once more", "undo-key-2").Value.Cancels[0].Command
	s.exec(`UPDATE command SET state = 'failed', answer = 'used' WHERE id = $1`, second)
	s.settled()
	if state, token := s.state(sold.Sale); state != sale.Completed || token != sale.TokenAccepted {
		t.Fatalf("sale %s, token %s; want them to stand on the only answer there is", state, token)
	}
	s.exec(`UPDATE command SET state = 'done' WHERE id = $1`, first)
	s.settled()
	if state, token := s.state(sold.Sale); state != sale.Reversed || token != sale.TokenReversed {
		t.Errorf("sale %s, token %s; want both reversed", state, token)
	}
	if after := s.accounts(); !maps.Equal(before, after) {
		t.Errorf("balances %v, want %v", after, before)
	}
	s.audit()
}

// A meter that took the command and never answers blocks its account's purchases only for a limited time.
func TestAMeterThatOnlyTakesTheCommandIsNotWaitedForForever(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.online.Store(m, true)
	sold := s.sell(order(m, 10000, "key-number-1"))
	s.reversed(owner(), sold.Sale, "mistyped")
	s.exec(`UPDATE command SET state = 'acked'`)
	s.settled()
	if state, _ := s.state(sold.Sale); state != sale.Reversing {
		t.Fatalf("the sale is %s while the meter works", state)
	}
	s.clock.add(vending.CancelLife)
	s.settled()
	s.sell(order(m, 10000, "key-number-2"))
	s.exec(`UPDATE command SET state = 'done'`)
	s.settled()
	if n := s.number(`SELECT COUNT(*) FROM units_transfer`); n != 1 {
		t.Errorf("%d replacements for the token that died, want 1", n)
	}
	s.audit()
}

// One token of several was used: the sale remains, and each cancelled token is replaced once.
func TestCancelledTokensOfASaleThatStandsAreReplaced(t *testing.T) {
	for _, local := range []bool{true, false} {
		s := open(t, local)
		m := s.meter(1, place{tariff: s.publish("cheap", tariff.Body{Currency: "KES", Blocks: []tariff.Block{{Rate: 10_000}}}, monday())})
		s.online.Store(m, true)
		sold := s.sell(order(m, 2000, "key-number-1"))
		stands := s.accounts()
		month := s.number(`SELECT SUM(units_wh) FROM usage_month`)
		r := s.reversed(owner(), sold.Sale, "mistyped")
		s.exec(`UPDATE command SET state = 'done'`)
		s.exec(`UPDATE command SET state = 'failed', answer = 'used' WHERE id = $1`, r.Cancels[0].Command)
		s.settled()
		s.settled()
		used := int64(0)
		for _, tok := range sold.Sale.Tokens {
			if tok.ID == r.Cancels[0].Token {
				used = int64(tok.Units)
			}
		}
		if got, want := s.number(`SELECT SUM(units_wh) FROM units_transfer`), int64(sold.Sale.Units)-used; got != want {
			t.Errorf("%d Wh were replaced, want %d", got, want)
		}
		if got := s.number(`SELECT COUNT(*) FROM token WHERE job_id IS NOT NULL AND state = 'issued'`); got != int64(len(sold.Sale.Tokens)-1) {
			t.Errorf("%d tokens were made anew, want %d", got, len(sold.Sale.Tokens)-1)
		}
		if n := s.number(`SELECT COUNT(*) FROM alarm WHERE code = 'units-owed' AND cleared_at IS NULL`); n != int64(len(sold.Sale.Tokens)-1) {
			t.Errorf("%d alarms tell of it, want %d", n, len(sold.Sale.Tokens)-1)
		}
		if after := s.accounts(); !maps.Equal(stands, after) || s.number(`SELECT SUM(units_wh) FROM usage_month`) != month {
			t.Errorf("balances %v, want %v: no money moves and the month stays", after, stands)
		}
		s.audit()
	}
}

// The customer already has a replacement for the token that the meter cancelled, so the sale is not reversed as well.
func TestASaleWhoseTokenWasReplacedIsNotReversed(t *testing.T) {
	for _, online := range []bool{true, false} {
		s := open(t, true)
		m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
		s.online.Store(m, true)
		sold := s.sell(order(m, 10000, "key-number-1"))
		s.reversed(owner(), sold.Sale, "mistyped")
		s.expired(sold.Sale)
		later := s.sell(order(m, 10000, "key-number-2"))
		s.late("done", "")
		s.online.Delete(m)
		s.reversed(owner(), later.Sale, "that one too")
		if online {
			s.online.Store(m, true)
		}
		stands := s.accounts()
		if r := s.undo(owner(), sold.Sale, "once more", "undo-key-2"); r.Code != refusal.NotReversible {
			t.Errorf("online %t: the reversal of a sale whose units were replaced: %q %+v, want %s", online, r.Code, r.Value, refusal.NotReversible)
		}
		if after := s.accounts(); !maps.Equal(stands, after) {
			t.Errorf("online %t: balances %v, want %v", online, after, stands)
		}
		s.audit()
	}
}

// The price of a token includes levies and tax. The tokens of a sale are claimed back to the last minor unit.
func TestAReversedTokenThatIsUsedOwesItsLeviesToo(t *testing.T) {
	s := open(t, true)
	body := tariff.Body{Currency: "KES", VATBps: 1500, Blocks: []tariff.Block{{Rate: 7_770}},
		Levies: []tariff.Levy{{Name: "rural", Percent: 500}, {Name: "regulator", Rate: 330, Untaxed: true}}}
	m := s.meter(1, place{tariff: s.publish("levied", body, monday())})
	before := s.accounts()
	sold := s.sell(order(m, 5000, "key-number-1"))
	stood := s.accounts()
	if len(sold.Sale.Tokens) < 3 {
		t.Fatalf("%d tokens, want several", len(sold.Sale.Tokens))
	}
	s.reversed(owner(), sold.Sale, "mistyped")
	if after := s.accounts(); !maps.Equal(before, after) {
		t.Fatalf("balances %v after the reversal, want %v", after, before)
	}
	for _, tok := range sold.Sale.Tokens {
		s.report(m, tok.ID, "accept")
		s.settled()
	}
	owed := s.number(`SELECT SUM(outstanding) FROM debt`)
	if want := int64(5000 - sold.Sale.CarryOut); owed != want {
		t.Errorf("the debts are %d together, want %d: all that the units cost", owed, want)
	}
	after := s.accounts()
	for _, account := range []string{"2020 ", "2021 rural", "2021 regulator", "4000 "} {
		if after[account] != stood[account] || after[account] == 0 {
			t.Errorf("account %s holds %d, want %d as after the sale", account, after[account], stood[account])
		}
	}
	s.audit()
}

// Free units of a reversed sale that a meter loads after all are paid for by their programme, once a month.
func TestReversedFreeUnitsThatAreUsedAreFundedOnce(t *testing.T) {
	for _, again := range []bool{false, true} {
		s := open(t, true)
		body := tariff.Body{Currency: "KES", VATBps: 1500, Blocks: []tariff.Block{{Rate: 2_500_000}}, Free: tariff.Free{Units: 50_000, Funded: 1_200_000}}
		m := s.meter(1, place{tariff: s.publish("funded", body, monday())})
		claim := s.sell(order(m, 0, "key-number-1"))
		claimed := s.accounts()
		s.reversed(owner(), claim.Sale, "mistyped")
		if after := s.accounts(); len(after) != 0 {
			t.Fatalf("balances %v after the reversal, want none", after)
		}
		if again {
			s.sell(order(m, 0, "key-number-2"))
		}
		s.report(m, claim.Sale.Tokens[0].ID, "accept")
		s.settled()
		if after := s.accounts(); !maps.Equal(claimed, after) || len(after) != 3 {
			t.Errorf("claimed again %t: balances %v, want %v", again, after, claimed)
		}
		s.audit()
		s.verified()
	}
}

// Units that cannot be replaced now stay owed, and an alarm says why. They are replaced once the cause is gone.
func TestUnitsThatCannotBeReplacedStayOwed(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.online.Store(m, true)
	sold := s.sell(order(m, 10000, "key-number-1"))
	s.reversed(owner(), sold.Sale, "mistyped")
	s.expired(sold.Sale)
	s.clock.add(12 * 24 * time.Hour)
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
		return vending.Answer{Outcome: vending.Declined, Refusal: refusal.Refusal{Code: refusal.KeystoreLocked, What: "The keys are locked."}}, nil
	}
	s.late("done", "")
	if n := s.number(`SELECT COUNT(*) FROM alarm WHERE code = 'units-owed' AND text LIKE '%34.7 kWh are still owed: The keys are locked.'`); n != 1 {
		t.Errorf("%d alarms say what is owed and why", n)
	}
	if n := s.number(`SELECT COUNT(*) FROM token_job`); n != 0 {
		t.Errorf("%d jobs were left behind", n)
	}
	s.issuer.say = nil
	s.settled()
	if n := s.number(`SELECT SUM(units_wh) FROM units_transfer`); n != 34_700 {
		t.Errorf("%d Wh were replaced, want 34700", n)
	}
	s.audit()
}

// A sale was reversed without the meter's confirmation, and its token is used later. The account then owes the price of the units and
// returns to its position in the blocks. The numbers are those of V4 (docs/reference/money.md#worked-purchases).
func TestAReversedTokenThatIsUsedCountsInTheMonth(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("ibt", ibt(), monday())})
	s.buyUntil(m, 340_000)
	sold := s.sell(order(m, 20000, "key-number-1"))
	if sold.Sale.Units != 78_600 {
		t.Fatalf("V4 gave %d Wh", sold.Sale.Units)
	}
	s.reversed(owner(), sold.Sale, "mistyped")
	if n := s.number(`SELECT SUM(units_wh) FROM usage_month`); n != 340_000 {
		t.Fatalf("the month holds %d Wh after the reversal, want 340000", n)
	}
	s.report(m, sold.Sale.Tokens[0].ID, "accept")
	s.settled()
	if n := s.number(`SELECT SUM(units_wh) FROM usage_month`); n != 418_600 {
		t.Errorf("the month holds %d Wh, want 418600", n)
	}
	if n := s.number(`SELECT outstanding FROM debt`); n != 19985 {
		t.Errorf("the debt is %d, want 19985", n)
	}
	next := s.sell(order(m, 20000, "key-number-2"))
	for _, l := range next.Sale.Lines {
		if l.Kind == sale.LineEnergy && (len(l.Steps) != 1 || l.Steps[0].Rate != 2_300_000) {
			t.Errorf("the next units are sold at %+v, want the third block only", l.Steps)
		}
	}
}

// A meter also answers used_error for a token that it has cancelled by command. Only its answer to the command, or an earlier answer
// accept, shows whether the token was loaded.
func TestAForgottenTokenIsNotClaimedBack(t *testing.T) {
	for _, c := range []struct {
		answer string
		debt   int64
		token  sale.TokenState
	}{{"done", 0, sale.TokenReversed}, {"failed", 9976, sale.TokenAccepted}} {
		s := open(t, true)
		m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
		s.online.Store(m, true)
		sold := s.sell(order(m, 10000, "key-number-1"))
		s.reversed(owner(), sold.Sale, "mistyped")
		s.expired(sold.Sale)
		s.online.Delete(m)
		s.undo(owner(), sold.Sale, "once more", "undo-key-2")
		s.report(m, sold.Sale.Tokens[0].ID, "used_error")
		s.settled()
		if n := s.number(`SELECT COUNT(*) FROM debt`); n != 0 {
			t.Errorf("%s: claimed back before the meter had answered", c.answer)
		}
		s.late(c.answer, "used")
		if n := s.number(`SELECT SUM(outstanding) FROM debt`); n != c.debt {
			t.Errorf("%s: the debt is %d, want %d", c.answer, n, c.debt)
		}
		if _, token := s.state(sold.Sale); token != c.token {
			t.Errorf("%s: the token is %s, want %s", c.answer, token, c.token)
		}
		s.audit()
	}
}
