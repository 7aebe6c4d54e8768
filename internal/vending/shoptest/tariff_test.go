package shoptest_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/explain"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
)

// assign gives an account another tariff from a moment. A change that withdraws another one begins when that would.
func (s *shop) assign(account id.ID, n int, to id.ID, from time.Time, withdraws int) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		c := registry.TariffChange{Account: account, N: n, Tariff: to, From: from, Withdraws: withdraws, By: "test", Reason: "a test", At: tx.Now}
		var err error
		if c.ID, err = tx.NewID(); err != nil {
			return err
		}
		return tx.AddTariffChange(c)
	})
}

// TestBlocksGoOnUnderAnotherTariff: what was bought in the month counts in the blocks of each tariff of the month, so that nobody gets a cheap first
// block twice. The explanation of a sale says since when its tariff holds. A change that was withdrawn has no effect.
func TestBlocksGoOnUnderAnotherTariff(t *testing.T) {
	s := open(t, true)
	dear := ibt()
	dear.Blocks = slices.Clone(dear.Blocks)
	for i := range dear.Blocks {
		dear.Blocks[i].Rate *= 2
	}
	home, shops := s.publish("home", ibt(), long()), s.publish("shops", dear, long())
	meter := s.meter(1, place{tariff: home})
	account := s.account(meter)
	s.buyUntil(meter, 60_000)
	day := func(n int) time.Time { return monday().AddDate(0, 0, n) }
	s.assign(account, 1, shops, day(1), 0)
	for _, step := range []struct {
		name   string
		at     time.Time
		before func()
		tenths int64  // that 36.80 buy, which is 32.00 without tax, in the second block: at 1.60 or at 3.20
		former string // as the explanation names it
	}{
		{"before the change", day(1).Add(-time.Microsecond), func() {}, 200, ""},
		{"when it begins", day(1), func() {}, 100, "home"},
		{"back again", day(2), func() { s.assign(account, 2, home, day(2), 0) }, 200, "shops"},
		{"after a change that was withdrawn", day(4), func() {
			s.assign(account, 3, shops, day(3), 0)
			s.assign(account, 4, home, day(3), 3)
		}, 200, "shops"},
	} {
		step.before()
		s.clock.set(step.at)
		quoted := s.quote(meter, 3680)
		sale := s.sell(order(meter, 3680, "key "+step.name)).Sale
		if got := int64(sale.Units) / 100; got != step.tenths || quoted.Units != sale.Units {
			t.Errorf("%s: sold %d tenths of a kWh, quoted %d Wh; want %d tenths", step.name, got, quoted.Units, step.tenths)
		}
		e := s.explain(sale)
		text := strings.Join(explain.Sale(english(t), e), "\n")
		if !e.Agrees() || e.Former != step.former || strings.Contains(text, "The account has had this tariff since") != (step.former != "") {
			t.Errorf("%s: the tariff before is %q, %v; want %q:\n%s", step.name, e.Former, e.Differences, step.former, text)
		}
	}
}

// TestTheChargesOfAMonthAreOfTheTariffWithWhichItBegan: the other tariff's monthly charges begin with the next month, and no month has both.
func TestTheChargesOfAMonthAreOfTheTariffWithWhichItBegan(t *testing.T) {
	s := open(t, true)
	s.clock.set(s.at("2026-11-01T00:00:00Z"))
	dear := flat()
	dear.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 19600, Per: tariff.PerMonth}}
	home, shops := s.publish("home", standing(flat(), tariff.PerMonth), long()), s.publish("shops", dear, long())
	meter := s.meter(1, place{tariff: home})
	account := s.account(meter)
	s.assign(account, 1, shops, s.at("2026-11-10T00:00:00Z"), 0)
	s.clock.set(s.at("2026-11-15T00:00:00Z"))
	s.sell(order(meter, 50000, "key november"))
	if got, want := s.owes(account), "standing 2026-11 11270/11270"; got != want {
		t.Errorf("in the month of the change the account owes %s, want %s", got, want)
	}
	s.clock.set(s.at("2026-12-02T00:00:00Z"))
	sale := s.sell(order(meter, 50000, "key december")).Sale
	if got, want := lines(sale.Lines), "fixed service 2026-12 19600 left 0, "; !strings.HasPrefix(got, want) {
		t.Errorf("in the month after it the sale has %s, want %s", got, want)
	}
	s.audit()
}

// TestTheFeeOfAMonthIsThatOfTheCorrectedVersion: a fee of 31,000.00 instead of 310.00 is seen on the 20th, and charged to nobody on the 1st.
func TestTheFeeOfAMonthIsThatOfTheCorrectedVersion(t *testing.T) {
	fee := func(amount money.Minor) tariff.Body {
		b := flat()
		b.Fixed = []tariff.FixedCharge{{Name: "service", Amount: amount, Per: tariff.PerMonth}}
		return b
	}
	for name, c := range map[string]struct {
		correction registry.NewVersion
		pays       money.Minor
		line       string // of the first sale of the month; the tax has a line of its own
	}{
		"nobody sees it": {registry.NewVersion{}, 7_200_000, "fixed service 2026-12 3100000 left 0, "},
		"replaced":       {registry.NewVersion{Body: fee(31_000), Replaces: 2}, 100_000, "fixed service 2026-12 31000 left 0, "},
		"withdrawn":      {registry.NewVersion{Withdraws: true, Replaces: 2}, 100_000, "fixed service 2026-12 10000 left 0, "},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, true)
			publish := func(n registry.NewVersion) {
				t.Helper()
				n.Tariff = "home"
				if out, err := s.registers().AddVersion(context.Background(), owner(), n); err != nil || out.Refused() || out.Waits != nil {
					t.Fatalf("%v %s", err, out.Detail())
				}
			}
			s.clock.set(s.at("2026-11-01T00:00:00Z"))
			home := s.publish("home", fee(10_000), long())
			meters := []string{s.meter(1, place{tariff: home}), s.meter(2, place{tariff: home})}
			s.clock.set(s.at("2026-11-10T00:00:00Z"))
			for _, meter := range meters {
				s.sell(order(meter, 50_000, "november "+meter))
			}
			publish(registry.NewVersion{Body: fee(3_100_000), EffectiveFrom: s.at("2026-12-01T00:00:00Z")})
			s.clock.set(s.at("2026-11-20T00:00:00Z"))
			if c.correction.Replaces != 0 {
				publish(c.correction)
			}
			for i, at := range []string{"2026-12-01T00:00:00Z", "2026-12-02T09:00:00Z"} {
				s.clock.set(s.at(at))
				if got := lines(s.sell(order(meters[i], c.pays, "december "+at)).Sale.Lines); !strings.HasPrefix(got, c.line) {
					t.Errorf("the first sale of a meter at %s has %s, want %s", at, got, c.line)
				}
			}
			s.audit()
		})
	}
}
