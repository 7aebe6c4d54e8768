package guess_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/web/guess"
)

func TestHousehold(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.2", false}, {"192.0.2.1", "::ffff:192.0.2.1", true},
		{"2001:db8::1", "2001:db8::ffff:1", true}, {"2001:db8::1", "2001:db8:0:1::1", false}, {"fe80::1%eth0", "fe80::1%eth1", true},
		{"pipe", "@", true},
	} {
		if got := guess.Household(c.a) == guess.Household(c.b); got != c.same {
			t.Errorf("%s and %s are one: %t, want %t", c.a, c.b, got, c.same)
		}
	}
}

const (
	amina = "amina@example.org"
	// hashing is how long comparing a password takes in these tests.
	hashing = 100 * time.Millisecond
)

func at(n int) guess.Attempt {
	return guess.Attempt{Account: amina, From: guess.Household(fmt.Sprintf("10.0.%d.%d", n/250, n%250))}
}

// try makes one attempt and returns how long it took.
func try(ctx context.Context, g *guess.Gate, a guess.Attempt, right bool) (time.Duration, error) {
	began := time.Now()
	leave, err := g.Enter(ctx, a)
	if err == nil {
		time.Sleep(hashing)
		leave(right)
	}
	return time.Since(began), err
}

// TestAThousandAddressesDoNotLockAnybodyOut: a thousand addresses guess for two minutes and hardly pause. The rightful person is in within
// 5 s from an unknown browser, and without any delay by others from a known one. All addresses together make about a guess a second.
func TestAThousandAddressesDoNotLockAnybodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guess.NewGate(2, time.Now)
		ctx, stop := context.WithCancel(t.Context())
		var guesses atomic.Int64
		var attackers sync.WaitGroup
		for n := range 1000 {
			attackers.Go(func() {
				for ctx.Err() == nil {
					if _, err := try(ctx, g, at(n), false); err == nil {
						guesses.Add(1)
					} else {
						time.Sleep(500 * time.Millisecond)
					}
				}
			})
		}
		for i := range 20 {
			time.Sleep(5 * time.Second)
			a := at(2000 + i)
			most := 5 * time.Second
			if i%2 == 1 {
				a.Browser, most = fmt.Sprint("laptop", i), 3*hashing
			}
			if took, err := try(ctx, g, a, i < 10); err != nil || took > most {
				t.Errorf("attempt %d, known browser %t: after %s, %v", i, a.Browser != "", took, err)
			}
		}
		stop()
		attackers.Wait()
		if n := guesses.Load(); n < 50 || n > 300 {
			t.Errorf("%d guesses in 100 s, want about one a second", n)
		}
	})
}

// TestAddressesThatComeOneAfterAnotherLockNobodyOut: each address guesses once, as slowly as the gap between attempts or faster. The rightful
// person, whose address is one of many new ones, does not wait for them.
func TestAddressesThatComeOneAfterAnotherLockNobodyOut(t *testing.T) {
	for _, every := range []time.Duration{100 * time.Millisecond, 300 * time.Millisecond, 700 * time.Millisecond, 900 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			g := guess.NewGate(2, time.Now)
			ctx, stop := context.WithCancel(t.Context())
			var attackers sync.WaitGroup
			attackers.Go(func() {
				for n := 0; n < 1000 && ctx.Err() == nil; n++ {
					attackers.Go(func() { _, _ = try(ctx, g, at(n), false) })
					time.Sleep(every)
				}
			})
			time.Sleep(50 * time.Second)
			for i := range 5 {
				if took, err := try(ctx, g, at(5000+i), true); err != nil || took > 5*time.Second {
					t.Errorf("a new address every %s: the rightful person is in after %s, %v", every, took, err)
				}
			}
			stop()
			attackers.Wait()
		})
	}
}

// TestGapNeverExceedsASecond: the rightful person waits a second at most, however many attempts failed.
func TestGapNeverExceedsASecond(t *testing.T) {
	last := time.Duration(0)
	for failed := range 5000 {
		gap := guess.Gap(failed)
		if gap < last || gap > time.Second || failed < 10 && gap != 0 {
			t.Fatalf("Gap(%d) = %s after %s", failed, gap, last)
		}
		last = gap
	}
	if last != time.Second {
		t.Errorf("the longest gap is %s", last)
	}
}

// TestRates: an address has ten attempts on an account and sixty on all, a known browser ten of its own, and each then one per pause.
func TestRates(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	g := guess.NewGate(1, func() time.Time { return now })
	count := func(next func(i int) guess.Attempt) (n int) {
		t.Helper()
		for i := range 100 {
			leave, err := g.Enter(t.Context(), next(i))
			if errors.Is(err, guess.ErrTooOften) {
				return n
			} else if err != nil {
				t.Fatal(err)
			}
			leave(true)
			n++
		}
		return n
	}
	same := func(a guess.Attempt) func(int) guess.Attempt { return func(int) guess.Attempt { return a } }
	laptop := at(1)
	laptop.Browser = "laptop"
	spray := func(i int) guess.Attempt { a := at(1); a.Account = fmt.Sprint(i); return a }
	for _, c := range []struct {
		name string
		next func(int) guess.Attempt
		want int
	}{
		{"one address", same(at(1)), 10}, {"the same again", same(at(1)), 0}, {"a known browser there", same(laptop), 10},
		{"another address", same(at(2)), 10}, {"all accounts from the first address", spray, 48},
	} {
		if got := count(c.next); got != c.want {
			t.Errorf("%s: %d attempts, want %d", c.name, got, c.want)
		}
	}
	now = now.Add(guess.Pause)
	if got := count(same(at(2))); got != 1 {
		t.Errorf("after a pause: %d attempts, want 1", got)
	}
}

// TestTheQueueHasAnEnd: one attempt too many turns out the one that would begin last, and an attempt whose client has gone leaves the queue.
func TestTheQueueHasAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := guess.NewGate(1, time.Now)
		leave, err := g.Enter(t.Context(), at(0))
		if err != nil {
			t.Fatal(err)
		}
		ctx, gone := context.WithCancel(t.Context())
		results := make(chan error, guess.MaxWaiting+1)
		for n := range guess.MaxWaiting + 1 {
			go func() {
				_, err := g.Enter(ctx, at(n+1))
				results <- err
			}()
			synctest.Wait()
		}
		if err := <-results; !errors.Is(err, guess.ErrBusy) {
			t.Errorf("the one too many: %v", err)
		}
		gone()
		for range guess.MaxWaiting {
			if err := <-results; !errors.Is(err, context.Canceled) {
				t.Errorf("a client that has gone: %v", err)
			}
		}
		leave(true)
		if _, err := g.Enter(t.Context(), at(3)); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}
