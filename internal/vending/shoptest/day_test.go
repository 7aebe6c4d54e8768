package shoptest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/sometimes"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/unit"
)

// day is a random day at a till whose power, issuer and network can all fail.
type day struct {
	*shop
	r      *rand.Rand
	meters []string
	asked  []vending.Purchase // every request that was ever sent
	heard  map[string]string  // by key: the first answer that arrived
	rare   *sometimes.Counter
}

// rareInADay are the rare states of random days: what failed, and how it ended.
func rareInADay() []string {
	return []string{"commit lost", "answer of a commit lost", "issuer unknown", "issuer refuses", "issuer broken off", "same request, stored answer", "recovery interrupted",
		"restart", "sale failed", "sale reversed", "debt written off", "debt paid off", "free units claimed", "fixed charge paid", "month change", "months of two sales",
		"money carried forward", "sale waits for its issuer"}
}

// TestARandomDayLosesAndDoublesNothing: whatever fails, a repeated request gets one answer that never changes, and the books agree with the
// tokens.
func TestARandomDayLosesAndDoublesNothing(t *testing.T) {
	needsWholeStore(t)
	rare := sometimes.New(rareInADay()...)
	for _, local := range []bool{true, false} {
		for seed := range uint64(drawn(tier.RandomDays)) {
			t.Run(fmt.Sprintf("local=%t seed=%d", local, seed), func(t *testing.T) {
				d := &day{shop: openWith(t, local, false), r: rand.New(rand.NewPCG(seed, 2026)), heard: map[string]string{}, rare: rare}
				if seed%2 == 1 {
					d.clock.add(10 * 24 * time.Hour) // the month ends
				}
				blocks := d.publish("blocks", ibt(), monday())
				full := standing(ibt(), tariff.PerDay)
				full.Free = tariff.Free{Units: 20 * unit.KilowattHour, Funded: 1_200_000}
				full.Levies = []tariff.Levy{{Name: "rural", Percent: 250}}
				charged := d.publish("charged", full, monday())
				for i := range 3 {
					d.meters = append(d.meters, d.meter(i, place{tariff: []id.ID{blocks, charged}[i%2]}))
					d.debt(d.account(d.meters[i]), percent(1000, 100+d.r.Int64N(20_000)))
					d.debt(d.account(d.meters[i]), debt.Debt{Mode: tariff.Amount, Value: 700, MonthCap: 2000, Outstanding: 50_000})
				}
				if seed%2 == 1 { // claim the free units before a purchase claims them
					d.asked = append(d.asked, order(d.meters[1], 0, "key-number-0"))
					d.ask(d.asked[0])
				}
				for range 120 {
					d.something()
				}
				d.calm()
			})
		}
	}
	rare.Report(t, "random days", tier.IsLong() && !onPostgres)
}

// something does one random thing.
func (d *day) something() {
	switch n := d.r.IntN(24); {
	case n >= 22:
		d.books()
	case n == 0:
		d.rare.Reached("restart")
		d.crash()
	case n == 1:
		d.clock.add(time.Duration(d.r.IntN(300)) * time.Second)
	case n == 2:
		d.trouble()
		_, err := d.Recover(context.Background(), system())
		if err != nil && !errors.Is(err, errPower) {
			d.t.Fatal(err)
		}
		d.rare.When(err != nil, "recovery interrupted")
		d.peace()
	case n < 8 && len(d.asked) > 0: // repeat an earlier request
		d.ask(d.asked[d.r.IntN(len(d.asked))])
	default:
		o := order(d.meters[d.r.IntN(len(d.meters))], money.Minor(10+d.r.IntN(30_000)), fmt.Sprintf("key-number-%d", len(d.asked)))
		d.asked = append(d.asked, o)
		d.trouble()
		d.ask(o)
		d.peace()
	}
}

// books does what others do to accounts while tills sell: a day begins, a debt is raised or written off, or free units are claimed without
// a payment. A fault may interrupt any of these changes.
func (d *day) books() {
	d.trouble()
	defer d.peace()
	meter := d.meters[d.r.IntN(len(d.meters))]
	var err error
	switch d.r.IntN(5) {
	case 4:
		err = d.undoNewest(meter)
	case 0:
		before := d.clock.Now()
		d.clock.add(time.Duration(1+d.r.IntN(20)) * time.Hour)
		d.rare.When(d.clock.Now().Month() != before.Month(), "month change")
		_, err = d.Accrue(context.Background(), system())
	case 1:
		_, err = d.Debts.Add(context.Background(), owner(), debt.NewDebt{Account: meter, Kind: "fine", Amount: kes(money.Minor(1 + d.r.IntN(5000)))})
	case 2:
		var list debt.List
		if list, err = d.Debts.List(context.Background(), owner(), debt.ListRequest{Account: meter, Open: true}); err == nil && len(list.Debts) > 0 {
			w := debt.WriteOff{Debt: list.Debts[d.r.IntN(len(list.Debts))].Name(), Amount: ptr(money.Minor(d.r.IntN(300))), Reason: "moved away"}
			_, err = d.WriteOff(context.Background(), owner(), w)
		}
	case 3:
		o := order(meter, 0, fmt.Sprintf("key-number-%d", len(d.asked))) // a claim of free units
		d.asked = append(d.asked, o)
		d.ask(o)
	}
	if err != nil && !errors.Is(err, errPower) {
		d.t.Fatal(err)
	}
}

// undoNewest reverses a meter's newest sale, where the rules allow it.
func (d *day) undoNewest(meter string) error {
	tokens, err := d.Tokens(context.Background(), owner(), meter, registry.Page{Limit: 1})
	if err != nil || len(tokens.Tokens) == 0 {
		return err
	}
	_, err = d.Reverse(context.Background(), owner(), vending.PendingReversal{Sale: tokens.Tokens[0].Sale.Text(id.Vend), Reason: "by mistake"})
	return err
}

// trouble breaks the next transactions or the issuer, half of the time.
func (d *day) trouble() {
	n := d.r.IntN(2) + 1
	switch d.r.IntN(8) {
	case 0:
		d.door.before = func(int) error { n--; return d.failAt(n, "commit lost") }
	case 1:
		d.door.after = func(int) error { n--; return d.failAt(n, "answer of a commit lost") }
	case 2:
		d.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
			d.rare.Reached("issuer broken off")
			return vending.Answer{}, errPower
		}
	case 3:
		d.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
			d.rare.Reached("issuer refuses")
			return vending.Answer{Outcome: vending.Declined, Refusal: refusal.Refusal{Code: refusal.IssuerRefused, What: "No."}}, nil
		}
	}
}

func (d *day) failAt(n int, state string) error {
	if n != 0 {
		return nil
	}
	d.rare.Reached(state)
	return errPower
}

func (d *day) peace() { d.door.before, d.door.after, d.issuer.say = nil, nil, nil }

func (d *day) recover() {
	if _, err := d.Recover(context.Background(), system()); err != nil {
		d.t.Fatal(err)
	}
}

// ask sends a request and compares its answer with the first one that arrived.
func (d *day) ask(o vending.Purchase) {
	d.t.Helper()
	sold, err := d.Sell(context.Background(), owner(), o)
	if err != nil {
		if !errors.Is(err, errPower) {
			d.t.Fatal(err)
		}
		return
	}
	answer := ""
	switch {
	case sold.Replay != nil:
		d.rare.Reached("same request, stored answer")
		answer = string(sold.Replay.Body)
	case sold.Reply.Status != 0:
		answer = string(sold.Reply.Body)
	default: // a temporary refusal
		d.rare.When(sold.Code == refusal.IssuerUnknown, "issuer unknown")
		d.rare.When(sold.Code == refusal.VendInProgress, "sale waits for its issuer")
		return
	}
	if before, ok := d.heard[o.Once.Key]; ok && before != answer {
		d.t.Errorf("request %s was answered %s, and then %s", o.Once.Key, before, answer)
	}
	d.heard[o.Once.Key] = answer
}

// calm lets everything finish and checks the result.
func (d *day) calm() {
	d.t.Helper()
	d.peace()
	d.clock.add(time.Hour)
	d.recover()
	if n := d.number(`SELECT COUNT(*) FROM vend WHERE state NOT IN ('completed', 'failed', 'reversed')`); n != 0 {
		d.t.Errorf("%d sales are still open", n)
	}
	for _, o := range d.asked {
		d.ask(o)
		if _, ok := d.heard[o.Once.Key]; !ok {
			d.t.Errorf("request %s has no answer", o.Once.Key)
		}
	}
	if n := d.number(`SELECT COUNT(*) FROM (SELECT 1 FROM token GROUP BY meter_key_id, tid HAVING COUNT(*) > 1) x`); n != 0 {
		d.t.Errorf("%d TIDs were given twice", n)
	}
	if n := d.number(`SELECT COUNT(*) FROM vend WHERE state = 'completed'`); n < 20 {
		d.t.Errorf("only %d sales came about: the day was too dark to show anything", n)
	}
	for _, kind := range []sale.LineKind{sale.LineDebt, sale.LineFixed, sale.LineFree, sale.LineLevy} {
		if n := d.number(`SELECT COUNT(*) FROM vend_line WHERE kind = $1`, string(kind)); n == 0 {
			d.t.Errorf("no sale of the day has a line of kind %s", kind)
		}
	}
	d.audit()
	for state, sql := range map[string]string{
		"sale failed":           `SELECT COUNT(*) FROM vend WHERE state = 'failed'`,
		"sale reversed":         `SELECT COUNT(*) FROM vend WHERE state = 'reversed'`,
		"debt written off":      `SELECT COUNT(*) FROM journal WHERE kind = 'write_off'`,
		"debt paid off":         `SELECT COUNT(*) FROM debt WHERE status = 'paid'`,
		"free units claimed":    `SELECT COUNT(*) FROM vend WHERE tender = 0 AND state = 'completed'`,
		"fixed charge paid":     `SELECT COUNT(*) FROM vend_line WHERE kind = 'fixed'`,
		"money carried forward": `SELECT COUNT(*) FROM vend WHERE carry_out > 0`,
		"months of two sales":   `SELECT COUNT(*) FROM (SELECT month FROM vend GROUP BY month) x HAVING COUNT(*) > 1`,
	} {
		d.rare.Add(state, int(d.number(sql)))
	}
}
