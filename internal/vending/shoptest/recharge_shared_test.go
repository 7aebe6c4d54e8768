package shoptest_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/wallet"
)

// TestRechargesShareATransaction: recharges of different wallets that wait at the same time need few commits, and each wallet gets its money,
// while readings lock the same wallets.
func TestRechargesShareATransaction(t *testing.T) {
	tier.Concurrent(t)
	inPostgres(t)
	const wallets, rounds = 16, 6
	s := openWith(t, true, false)
	tariff := s.publish("domestic", flat(), monday().AddDate(0, -1, 0))
	meters, had := make([]string, wallets), make([]money.Minor, wallets)
	for i := range meters {
		meters[i] = s.walletMeter(i+1, tariff)
		s.sell(order(meters[i], 100, fmt.Sprint("recharge-first-", i)))
		s.uses(meters[i], 0, 100) // its use is accrued, and each recharge posts it
		_, have := s.wallet(meters[i])
		had[i] = have.Available()
	}
	stats := s.engine.(*postgres.Engine).Stats
	before := stats().Commits
	var wg sync.WaitGroup
	for i, m := range meters {
		wg.Go(func() {
			for round := range rounds {
				if sold, err := s.Sell(t.Context(), owner(), order(m, 1000, fmt.Sprint("recharge-", i, "-", round))); err != nil || sold.Refused() {
					t.Errorf("recharge %d of meter %s: %v, %v", round, m, sold.Refusal, err)
				}
			}
		})
	}
	for range rounds {
		for _, m := range meters {
			s.uses(m, 100)
		}
	}
	wg.Wait()
	commits := stats().Commits - before
	t.Logf("figures: %d recharges and as many readings in %d commits", wallets*rounds, commits)
	if commits > wallets*rounds*3/2 { // a commit for each reading
		t.Errorf("%d recharges and as many readings needed %d commits, want at most half a commit for a recharge", wallets*rounds, commits)
	}
	for i, m := range meters {
		if w, have := s.wallet(m); have.Available() != had[i]+rounds*1000 || !wallet.Wanted(w.State) {
			t.Errorf("meter %s: %+v, off %q", m, have, w.Off)
		}
	}
	s.audit()
}
