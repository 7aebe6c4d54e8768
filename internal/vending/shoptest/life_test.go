package shoptest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
)

// life is a shop in which everything goes wrong at random.
type life struct {
	*shop
	rnd    *rand.Rand
	vendor vendor.Vendor
	meters []string
	orders []vending.Purchase // orders sent so far, each under its own key
	actors []access.Actor
	undone int
}

// TestWhateverHappensTheBooksHold sells, repeats, reverses, recovers and crashes at random, with a local and with an external issuer. The
// issuer sometimes refuses, and sometimes does not know whether it made a token. Once everything is healed, nothing is open and the
// verification of the store finds nothing.
func TestWhateverHappensTheBooksHold(t *testing.T) {
	needsWholeStore(t)
	sales, reversals := int64(0), int64(0)
	lives := uint64(drawn(tier.Lives))
	for seed := range lives {
		l := begun(t, seed)
		for range 50 {
			l.step()
		}
		l.heal()
		l.check()
		sales += l.number(`SELECT COUNT(*) FROM vend WHERE state = 'completed'`)
		reversals += l.number(`SELECT COUNT(*) FROM vend WHERE state = 'reversed'`)
	}
	if sales < 4*int64(lives) || reversals < int64(lives) {
		t.Errorf("%d sales and %d reversals: the walk does not reach what it is for", sales, reversals)
	}
	t.Logf("%d sales, %d reversals over %d seeds", sales, reversals, lives)
}

func begun(t *testing.T, seed uint64) *life {
	t.Helper()
	l := &life{shop: openWith(t, seed%2 == 0, false), rnd: rand.New(rand.NewPCG(seed, 1))}
	domestic := l.publish("ibt", ibt(), monday())
	for i := range 3 {
		l.meters = append(l.meters, l.meter(i+1, place{tariff: domestic}))
	}
	l.vendor = l.shop.vendor(vendor.NewVendor{Commission: 225})
	l.payIn(l.vendor, 100_000, "1")
	return l
}

func (l *life) step() {
	l.clock.add(time.Duration(l.rnd.IntN(90)) * time.Second)
	switch n := l.rnd.IntN(100); {
	case n < 35:
		by := owner()
		if l.rnd.IntN(2) == 0 {
			by = clerk(l.vendor)
		}
		key := fmt.Sprintf("key-number-%d", len(l.orders))
		l.orders, l.actors = append(l.orders, order(l.meters[l.rnd.IntN(3)], 1000+l.amount(), key)), append(l.actors, by)
		l.sellAgain(len(l.orders) - 1)
	case n < 50 && len(l.orders) > 0:
		l.sellAgain(l.rnd.IntN(len(l.orders)))
	case n < 75 && len(l.orders) > 0:
		l.undoOne(len(l.orders) - 1 - l.rnd.IntN(min(len(l.orders), 4)))
	case n < 80:
		l.crash()
	case n < 86:
		l.mood()
	case n < 90:
		m := l.meters[l.rnd.IntN(3)]
		if _, on := l.online.LoadAndDelete(m); !on {
			l.online.Store(m, true)
		}
	case n < 95:
		l.answers([]string{"done", "failed", "expired"}[l.rnd.IntN(3)], "used")
	default:
		if _, err := l.Recover(context.Background(), system()); err != nil {
			l.t.Error(err)
		}
	}
}

func (l *life) amount() money.Minor { return money.Minor(l.rnd.IntN(20_000)) }

// sellAgain sends an order, for the first time or again.
func (l *life) sellAgain(i int) {
	o := l.orders[i]
	o.Once.Principal = l.actors[i].String()
	sold, err := l.Sell(context.Background(), l.actors[i], o)
	if err != nil {
		l.t.Fatal(err)
	}
	switch sold.Code {
	case "", refusal.IssuerUnknown, refusal.IssuerRefused, refusal.VendInProgress, refusal.InsufficientFloat, refusal.IdempotencyRunning, refusal.TooManyTokens:
	default:
		l.t.Fatalf("order %d: %s", i, sold.Detail())
	}
}

// undoOne reverses the sale of an order, if it made one.
func (l *life) undoOne(i int) {
	shown, err := l.SaleByRef(context.Background(), l.actors[i], l.orders[i].Once.Key)
	if err != nil {
		l.t.Fatal(err)
	}
	if shown.Refused() {
		return
	}
	l.undone++
	got := l.undo(owner(), shown.Sale, "by chance", fmt.Sprintf("undo-key-%d", l.undone))
	switch got.Code {
	case "", refusal.NotReversible, refusal.AlreadyReversed, refusal.VendInProgress, refusal.DailyLimit:
	default:
		l.t.Fatalf("reversal of order %d: %s", i, got.Detail())
	}
}

// mood changes how the issuer answers.
func (l *life) mood() {
	l.issuer.mu.Lock()
	defer l.issuer.mu.Unlock()
	outcome := []vending.Outcome{vending.Unknown, vending.Declined, vending.Made}[l.rnd.IntN(3)]
	if outcome == vending.Unknown && l.issuer.local {
		outcome = vending.Made // a local issuer always knows
	}
	l.issuer.say = nil
	if outcome != vending.Made {
		l.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) { return vending.Answer{Outcome: outcome}, nil }
	}
}

// heal ends all trouble: the issuer answers, meters answer, and everything open is settled.
func (l *life) heal() {
	l.issuer.mu.Lock()
	l.issuer.say = nil
	l.issuer.mu.Unlock()
	l.answers("done", "")
	l.clock.add(time.Minute)
	if _, err := l.Recover(context.Background(), system()); err != nil {
		l.t.Fatal(err)
	}
}

// check checks the conditions that must hold at the end of every life.
func (l *life) check() {
	l.t.Helper()
	for what, sql := range map[string]string{
		"open sales":               `SELECT COUNT(*) FROM vend WHERE state IN ('held', 'reversing')`,
		"open holds":               `SELECT COUNT(*) FROM hold WHERE status = 'open'`,
		"sales with more journals": `SELECT COUNT(*) FROM (SELECT ref FROM journal WHERE kind = 'vend' GROUP BY ref HAVING COUNT(*) <> 1) x`,
		"reversals of one journal": `SELECT COUNT(*) FROM (SELECT reverses FROM journal WHERE reverses IS NOT NULL GROUP BY reverses HAVING COUNT(*) > 1) x`,
		"unbalanced journals":      `SELECT COUNT(*) FROM (SELECT journal_id FROM posting GROUP BY journal_id HAVING SUM(amount) <> 0) x`,
		"sales of one request":     `SELECT COUNT(*) FROM (SELECT vendor_key, client_ref FROM vend GROUP BY vendor_key, client_ref HAVING COUNT(*) > 1) x`,
	} {
		if n := l.number(sql); n != 0 {
			l.t.Errorf("%d %s", n, what)
		}
	}
	if r := l.room(l.vendor); r.Left < 0 || r.Held != 0 {
		l.t.Errorf("the float has %d left and %d held", r.Left, r.Held)
	}
	l.verified()
}
