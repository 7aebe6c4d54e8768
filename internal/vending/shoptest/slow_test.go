package shoptest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/vending"
)

// slow holds back every answer of an issuer until other requests have asked too, and releases the answers in any order.
type slow struct {
	mu   sync.Mutex
	rnd  *rand.Rand
	held []chan struct{}
}

// wait holds one answer back.
func (s *slow) wait() {
	gate := make(chan struct{})
	s.mu.Lock()
	s.held = append(s.held, gate)
	s.mu.Unlock()
	<-gate
}

// release releases answers until stop is closed.
func (s *slow) release(stop <-chan struct{}) {
	for tick := time.NewTicker(time.Millisecond); ; {
		select {
		case <-stop:
			tick.Stop()
			return
		case <-tick.C:
		}
		s.mu.Lock()
		if n := len(s.held); n > 0 {
			i := s.rnd.IntN(n)
			close(s.held[i])
			s.held[i] = s.held[n-1]
			s.held = s.held[:n-1]
		}
		s.mu.Unlock()
	}
}

// TestASlowIssuerDoublesNothing: the issuer answers late and in any order while the same requests are repeated, sales are reversed, the
// recovery runs and transactions break before and after their commits.
func TestASlowIssuerDoublesNothing(t *testing.T) {
	tier.Concurrent(t)
	for seed := range uint64(tier.SlowIssuers.N()) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			l := begun(t, seed) // even seeds have a local issuer
			gate := &slow{rnd: rand.New(rand.NewPCG(seed, 7))}
			l.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
				gate.wait()
				return vending.Answer{}, errAnswerItself
			}
			stop := make(chan struct{})
			var released, callers sync.WaitGroup
			released.Go(func() { gate.release(stop) })
			l.door.before, l.door.after = cutSome(seed, 9), cutSome(seed+100, 11)
			for caller := range 4 {
				callers.Go(func() { l.pester(rand.New(rand.NewPCG(seed, uint64(caller)))) })
			}
			callers.Wait()
			l.door.before, l.door.after = nil, nil
			l.clock.add(time.Minute)
			if _, err := l.Recover(context.Background(), system()); err != nil {
				t.Fatal(err)
			}
			close(stop)
			released.Wait()
			l.check()
			if n := l.number(`SELECT COUNT(*) FROM vend WHERE state = 'completed'`); n == 0 {
				t.Error("nothing was sold")
			}
		})
	}
}

// cutSome returns a function that breaks each transaction with the probability 1/of.
func cutSome(seed uint64, of int) func(int) error {
	var mu sync.Mutex
	rnd := rand.New(rand.NewPCG(seed, 3))
	return func(int) error {
		mu.Lock()
		defer mu.Unlock()
		if rnd.IntN(of) == 0 {
			return errPower
		}
		return nil
	}
}

// pester repeats a few sales again and again, reverses some of them and runs the recovery.
func (l *life) pester(rnd *rand.Rand) {
	ctx := context.Background()
	for i := range 25 {
		n := rnd.IntN(12)
		key := fmt.Sprintf("slow-number-%d", n)
		switch rnd.IntN(6) {
		case 0:
			if _, err := l.Recover(ctx, system()); err != nil && !errors.Is(err, errPower) {
				l.t.Error(err)
			}
		case 1:
			shown, err := l.SaleByRef(ctx, owner(), key)
			if err != nil || shown.Refused() {
				continue
			}
			u := vending.PendingReversal{Sale: shown.Sale.ID.Text(id.Vend), Reason: "by chance"}
			if _, err := l.Reverse(ctx, owner(), u); err != nil && !errors.Is(err, errPower) {
				l.t.Errorf("step %d: %v", i, err)
			}
		default:
			o := order(l.meters[n%3], money.Minor(1000+100*n), key)
			sold, err := l.Sell(ctx, owner(), o)
			if err != nil && !errors.Is(err, errPower) || sold.Code != "" && sold.Code != refusal.IssuerUnknown &&
				sold.Code != refusal.VendInProgress && sold.Code != refusal.IdempotencyRunning && sold.Code != refusal.TooManyTokens {
				l.t.Errorf("step %d: %v %s", i, err, sold.Detail())
			}
		}
	}
}
