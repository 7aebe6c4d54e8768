package shoptest_test

import (
	"maps"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/vendor"
)

// A recharge has no token, but its meter gets a lease, and the lease stays valid while the meter is offline. As long as the lease can be
// used, the seller alone does not get the money back. The exception is a lease that other money of the account pays for.
func TestALeaseThatMayBeUsedKeepsTheMoney(t *testing.T) {
	for name, c := range map[string]struct {
		prior money.Minor // money that somebody else paid in before
		lease string      // state of the lease from the recharge
		waits bool
	}{
		"the meter has it":                {0, "done", true},
		"it was signed, and not answered": {0, "sent", true},
		"it never left":                   {0, "queued", false},
		"other money pays for it":         {50_000, "done", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, true)
			m := s.walletMeter(1, s.publish("domestic", flat(), monday().AddDate(0, -1, 0)))
			v := s.vendor(vendor.NewVendor{Commission: 150})
			s.payIn(v, 500_000, "1")
			s.looksOut()
			s.leases(m, 0)
			if c.prior > 0 {
				s.sell(order(m, c.prior, "prior-recharge"))
				s.clock.add(time.Minute) // on PostgreSQL two sales of one moment have no order
			}
			before := s.accounts()
			sold := s.sellAs(clerk(v), order(m, 50_000, "recharge-1"))
			if sold.Refused() {
				t.Fatal(sold.Detail())
			}
			if n := s.number(`SELECT COUNT(*) FROM command WHERE type = 'lease'`); n == 0 {
				t.Fatal("the meter was given no lease")
			}
			signed := 1
			if c.lease == "queued" {
				signed = 0
			}
			s.exec(`UPDATE command SET state = $1, counter = $2 WHERE type = 'lease'`, c.lease, signed)
			if c.lease == "done" {
				s.clock.add(time.Minute)
				s.leases(m, 0)
			}
			stands := s.accounts()
			s.reversed(clerk(v), sold.Sale, "mistyped")
			w := s.waiting(sold.Sale)
			if (w != nil) != c.waits {
				t.Fatalf("the approval is %+v, want one: %t", w, c.waits)
			}
			if !c.waits {
				if now := s.accounts(); !maps.Equal(now, before) {
					t.Errorf("balances are %v, want %v", now, before)
				}
				return
			}
			if now := s.accounts(); !maps.Equal(now, stands) {
				t.Fatalf("the money of a lease that may still be used came back: balances %v, want %v", now, stands)
			}
			if no := s.allowedBy(juma(), *w); no.Refused() {
				t.Fatalf("allowed by the utility: %s", no.Detail())
			}
			if now := s.accounts(); !maps.Equal(now, before) {
				t.Errorf("then balances are %v, want %v", now, before)
			}
			if n := s.number(`SELECT COUNT(*) FROM reversal WHERE state = 'done' AND confirmed = 0 AND vend_id = (SELECT id FROM vend WHERE id = $1)`, sold.Sale.ID); n != 1 {
				t.Errorf("%d reversals are unconfirmed, want one", n)
			}
			s.verified()
		})
	}
}
