package shoptest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/vending"
)

var errPower = errors.New("the power was cut")

// cutAt breaks the n-th transaction.
func cutAt(n int) func(int) error {
	return func(at int) error {
		if at == n {
			return errPower
		}
		return nil
	}
}

func system() access.Actor { return access.SystemActor(tenant, "recovery") }

// cuts returns the points between and around the transactions of a sale at which a process can end. For each point it says how to reach it,
// and whether any part of the sale is durable by then.
func cuts() []struct {
	name    string
	cut     func(*shop)
	durable bool
} {
	return []struct {
		name    string
		cut     func(*shop)
		durable bool
	}{
		{"before the reservation", func(s *shop) { s.door.before = cutAt(1) }, false},
		{"after the reservation", func(s *shop) { s.door.after = cutAt(1) }, true},
		{"while the issuer works", func(s *shop) {
			s.issuer.say = func(n int, _ vending.IssueRequest) (vending.Answer, error) {
				if n == 1 {
					return vending.Answer{}, errPower
				}
				return vending.Answer{}, errAnswerItself
			}
		}, true},
		{"when the issuer does not know", func(s *shop) {
			s.issuer.say = func(n int, _ vending.IssueRequest) (vending.Answer, error) {
				if n == 1 {
					return vending.Answer{Outcome: vending.Unknown}, nil
				}
				return vending.Answer{}, errAnswerItself
			}
		}, true},
		{"between issue and completion", func(s *shop) { s.door.before = cutAt(2) }, true},
		{"after the completion", func(s *shop) { s.door.after = cutAt(2) }, true},
	}
}

func TestASaleSurvivesEveryCut(t *testing.T) {
	needsWholeStore(t)
	for _, c := range cuts() {
		for _, recovered := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, recovery first %t", c.name, recovered), func(t *testing.T) {
				s := open(t, false)
				m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
				c.cut(s)
				sold, err := s.Sell(context.Background(), owner(), order(m, 10000, "key-number-1"))
				if err == nil && sold.Code != refusal.IssuerUnknown {
					t.Fatalf("the cut sale = %q, no error; want a lost answer", sold.Code)
				}
				if sold.Issued.Len() != 0 {
					t.Fatal("a sale that is not durable showed digits")
				}
				s.crash()
				s.clock.add(time.Minute)
				if recovered {
					if _, err := s.Recover(context.Background(), system()); err != nil {
						t.Fatal(err)
					}
					shown, err := s.SaleByRef(context.Background(), owner(), "key-number-1")
					if err != nil {
						t.Fatal(err)
					}
					if found := !shown.Refused(); found != c.durable || found && shown.Sale.State != sale.Completed {
						t.Errorf("after recovery the sale is %q (%s), durable: %t", shown.Sale.State, shown.Code, c.durable)
					}
				}
				first := s.sell(order(m, 10000, "key-number-1"))
				again := s.sell(order(m, 10000, "key-number-1"))
				if again.Replay == nil {
					t.Fatal("the repetition was not replayed")
				}
				body := first.Reply.Body
				if first.Replay != nil { // the sale was complete already, and its answer was stored in the same commit
					body = first.Replay.Body
				}
				if string(again.Replay.Body) != string(body) {
					t.Errorf("repetition = %s, want %s", again.Replay.Body, body)
				}
				checkOneSale(t, s)
			})
		}
	}
}

// checkOneSale checks for one sale, one token, one journal and one receipt, and that every order for a token was the same.
func checkOneSale(t *testing.T, s *shop) {
	t.Helper()
	for table, where := range map[string]string{"vend": `state = 'completed'`, "token": `state = 'issued'`, "journal": `kind = 'vend'`,
		"audit": `action = 'vend.sell'`} {
		if n, all := s.number(`SELECT COUNT(*) FROM `+table+` WHERE `+where), s.number(`SELECT COUNT(*) FROM `+table); n != 1 || all != n && table != "audit" {
			t.Errorf("%d rows in %s with %s of %d, want 1 of 1", n, table, where, all)
		}
	}
	orders := map[id.ID]vending.IssueRequest{}
	for _, o := range s.issuer.orders() {
		if before, asked := orders[o.Token]; asked && before != o {
			t.Errorf("token %v was ordered as %+v and as %+v", o.Token, before, o)
		}
		orders[o.Token] = o
	}
	if len(orders) != 1 {
		t.Errorf("%d different tokens were ordered, want 1", len(orders))
	}
	s.audit()
}

func TestALocalSaleIsAllOrNothing(t *testing.T) {
	for _, cut := range []func(*shop){func(s *shop) { s.door.before = cutAt(1) }, func(s *shop) { s.door.after = cutAt(1) }} {
		s := open(t, true)
		m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
		cut(s)
		if _, err := s.Sell(context.Background(), owner(), order(m, 10000, "key-number-1")); !errors.Is(err, errPower) {
			t.Fatalf("error %v, want %v", err, errPower)
		}
		s.crash()
		if n, err := s.Recover(context.Background(), system()); n != 0 || err != nil {
			t.Errorf("recovery finished %d sales (%v); a local sale leaves none open", n, err)
		}
		s.sell(order(m, 10000, "key-number-1"))
		if n := s.number(`SELECT COUNT(*) FROM vend`); n != 1 {
			t.Errorf("%d sales, want 1", n)
		}
		s.audit()
	}
}

func TestRecoveryLeavesYoungSalesToTheirMakers(t *testing.T) {
	s := open(t, false)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.door.after = cutAt(1)
	if _, err := s.Sell(context.Background(), owner(), order(m, 10000, "key-number-1")); err == nil {
		t.Fatal("the cut sale succeeded")
	}
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{vending.ReferLife, 0}, {time.Second, 1}, {time.Second, 0}} {
		s.clock.add(c.after)
		if n, err := s.Recover(context.Background(), system()); err != nil || n != c.want {
			t.Errorf("at %s recovery finished %d sales (%v), want %d", s.clock.Now(), n, err, c.want)
		}
	}
	checkOneSale(t, s)
}

func TestARepeatedRequestAndRecoveryFinishOneSale(t *testing.T) {
	tier.Concurrent(t)
	s := open(t, false)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.door.after = cutAt(1)
	if _, err := s.Sell(context.Background(), owner(), order(m, 10000, "key-number-1")); err == nil {
		t.Fatal("the cut sale succeeded")
	}
	s.door.after = nil
	s.clock.add(time.Minute)
	// Two instances do not share their flights: both ask and get the token, and one of them completes the sale.
	other := vending.New(vending.Config{Door: s.door, Issuer: s.issuer, Sealer: s.sealer, Now: s.clock.Now, Rand: zeros{}})
	var both sync.WaitGroup
	both.Add(2)
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
		both.Done()
		both.Wait()
		return vending.Answer{}, errAnswerItself
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := other.Recover(context.Background(), system()); err != nil {
			t.Error(err)
		}
	})
	sold := s.sell(order(m, 10000, "key-number-1"))
	wg.Wait()
	if sold.Sale.State != sale.Completed || sold.Issued.Len() != 1 {
		t.Errorf("the repeated request got %s with %d tokens", sold.Sale.State, sold.Issued.Len())
	}
	checkOneSale(t, s)
}

// zeros is a random source that gives only zero bytes, for a Vending that needs no random numbers.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestWhileASaleIsAtItsIssuer(t *testing.T) {
	tier.Concurrent(t)
	s := open(t, false)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	asked, answer := make(chan struct{}), make(chan struct{})
	s.issuer.say = func(n int, _ vending.IssueRequest) (vending.Answer, error) {
		if n == 1 {
			close(asked)
			<-answer
		}
		return vending.Answer{}, errAnswerItself
	}
	var wg sync.WaitGroup
	wg.Go(func() { s.sell(order(m, 10000, "key-number-1")) })
	<-asked
	for range 2 { // a request that is told that the sale is running does not lock out the next request
		s.refused(order(m, 10000, "key-number-1"), refusal.IdempotencyRunning)
	}
	if sold := s.refused(order(m, 10000, "key-number-2"), refusal.VendInProgress); sold.Reply.Status != 0 {
		t.Errorf("a refusal of the moment was stored: %+v", sold.Reply)
	}
	shown, err := s.SaleByRef(context.Background(), owner(), "key-number-1")
	if err != nil || shown.Sale.State != sale.Held || shown.Issued.Len() != 1 || shown.Issued.Reveal(0) != "**** **** **** **** ****" {
		t.Errorf("the open sale shows as %s (%v) with digits %s", shown.Sale.State, err, shown.Issued.Reveal(0))
	}
	close(answer)
	wg.Wait()
	second := s.sell(order(m, 10000, "key-number-2")) // neither sale lost its blocks or its carry
	if second.Sale.CarryIn != 24 {
		t.Errorf("the second sale brought in %d, want the 24 of the first", second.Sale.CarryIn)
	}
	s.audit()
}

func TestARefusedTokenGivesEverythingBack(t *testing.T) {
	s := open(t, false)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.sell(order(m, 10000, "key-number-0"))
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
		return vending.Answer{Outcome: vending.Declined, Refusal: refusal.Refusal{Code: refusal.IssuerRefused, What: "No.", Not: "Nothing.", Try: "Ask."}}, nil
	}
	s.refused(order(m, 10000, "key-number-1"), refusal.IssuerRefused)
	again := s.sell(order(m, 10000, "key-number-1"))
	if again.Replay == nil || again.Replay.Status != 409 || string(again.Replay.Body) != "issuer-refused" {
		t.Errorf("repetition = %+v, want the stored refusal", again.Replay)
	}
	o := order(m, 10000, "key-number-2")
	o.ClientRef = "key-number-1"
	s.refused(o, refusal.IssuerRefused) // the reference still names the failed sale
	if n := s.number(`SELECT COUNT(*) FROM idempotency WHERE state = 'done' AND expires_at IS NULL`); n != 3 {
		t.Errorf("%d answers are kept for ever, want those of the sale and of both requests that were refused", n)
	}
	s.issuer.say = nil
	next := s.sell(order(m, 10000, "key-number-3")).Sale
	if next.CarryIn != 24 || next.MonthBefore != 34_700 {
		t.Errorf("the next sale brings in %d at %d Wh of the month, want 24 at 34700", next.CarryIn, next.MonthBefore)
	}
	if n := s.number(`SELECT COUNT(*) FROM token WHERE state = 'failed' AND digits_enc IS NULL`); n != 1 {
		t.Errorf("%d failed tokens, want 1", n)
	}
	s.audit()
}

func TestARequestLearnsThatRecoveryWasRefused(t *testing.T) {
	s := open(t, false)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	for n, code := range []refusal.Code{refusal.KeyMissing, refusal.KeystoreLocked} {
		key := fmt.Sprintf("key-number-%d", n)
		s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) { return vending.Answer{}, nil }
		s.refused(order(m, 10000, key), refusal.IssuerUnknown)
		s.clock.add(time.Minute)
		s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
			return vending.Answer{Outcome: vending.Declined, Refusal: refusal.Refusal{Code: code, What: "No."}}, nil
		}
		if done, err := s.Recover(context.Background(), system()); err != nil || done != 1 {
			t.Fatalf("recovery finished %d sales (%v), want 1", done, err)
		}
		s.issuer.say = nil
		s.refused(order(m, 10000, key), code)
		again, err := s.Sell(context.Background(), owner(), order(m, 10000, key))
		if stored := again.Replay != nil; err != nil || stored != (code.Status() < 500) || !stored && again.Code != code {
			t.Errorf("%s, asked again: %v %q, stored %t", code, err, again.Code, stored)
		}
	}
	s.sell(order(m, 10000, "key-number-9"))
	s.audit()
}

func TestADeclinedAnswerWithoutAReasonIsStillARefusal(t *testing.T) {
	s := open(t, true)
	m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
		return vending.Answer{Outcome: vending.Declined}, nil
	}
	s.refused(order(m, 10000, "key-number-1"), refusal.IssuerRefused)
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) { return vending.Answer{}, nil }
	if _, err := s.Sell(context.Background(), owner(), order(m, 10000, "key-number-2")); err == nil {
		t.Error("an answer nobody filled in was taken for one")
	}
	if n := s.number(`SELECT COUNT(*) FROM vend`); n != 0 {
		t.Errorf("%d sales, want none", n)
	}
}

// TestTheRecoveryTakesASaleUpAgain: if the issuer does not answer a sale, both the next recovery and the till can still finish it.
func TestTheRecoveryTakesASaleUpAgain(t *testing.T) {
	for _, till := range []bool{false, true} {
		s := open(t, false)
		m := s.meter(1, place{tariff: s.publish("domestic", flat(), monday())})
		s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
			return vending.Answer{Outcome: vending.Unknown}, nil
		}
		s.refused(order(m, 10000, "key-number-1"), refusal.IssuerUnknown)
		for range 2 {
			s.clock.add(vending.ReferLife + time.Second)
			if n, err := s.Recover(context.Background(), system()); n != 0 || err != nil {
				t.Fatalf("finished %d, %v, while the issuer does not know", n, err)
			}
		}
		s.issuer.say = nil
		if n := len(s.issuer.orders()); n != 3 {
			t.Errorf("the issuer was asked %d times, want 3", n)
		}
		if till {
			s.sell(order(m, 10000, "key-number-1"))
		} else if n, err := s.Recover(context.Background(), system()); n != 1 || err != nil {
			t.Errorf("finished %d, %v; want the sale", n, err)
		}
		checkOneSale(t, s)
	}
}
