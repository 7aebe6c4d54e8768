package shoptest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/till"
	"github.com/paywatt/paywatt/internal/vending"
)

// counter is a shop with two clerks, a supervisor and an owner. Four eyes bind.
type counter struct {
	*shop
	amina, ben, sup, boss access.Actor
	meters                []string
}

func newCounter(t *testing.T, local bool) *counter {
	c := &counter{shop: open(t, local)}
	person := func(n byte, name string, role access.Role) access.Actor {
		a := access.Actor{Tenant: tenant, Kind: access.Person, ID: id.ID{n}, Name: name + "@example.org", Role: role}
		c.do(func(tx *store.Tx) error {
			return tx.AddPersonRow(access.PersonRow{ID: a.ID, Email: a.Name, Role: role, Password: "x", CreatedAt: tx.Now})
		})
		return a
	}
	c.amina, c.ben = person(11, "amina", access.Operator), person(12, "ben", access.Operator)
	c.sup, c.boss = person(13, "sup", access.Supervisor), person(14, "boss", access.Owner)
	tariff := c.publish("domestic", flat(), monday())
	for n := range 3 {
		c.meters = append(c.meters, c.meter(n+1, place{tariff: tariff}))
	}
	return c
}

// done fails the test for a refusal, unless one is wanted.
func (c *counter) done(out once.Done[till.View], err error) till.View {
	c.t.Helper()
	if err != nil || out.Refused() {
		c.t.Fatal(err, out.Detail())
	}
	return out.Value
}

func (c *counter) no(want refusal.Code, try func() (once.Done[till.View], error)) {
	c.t.Helper()
	out, err := try()
	if err != nil || out.Code != want {
		c.t.Fatalf("%v, %q %s, want %q", err, out.Code, out.Detail(), want)
	}
}

func (c *counter) openShift(by access.Actor, name string, float money.Minor) till.View {
	c.t.Helper()
	out, err := c.Tills.Open(context.Background(), by, till.Opening{Till: name, Float: kes(float)})
	return c.done(out, err)
}

func (c *counter) count(by access.Actor, shift string, counted money.Minor) (once.Done[till.View], error) {
	return c.Tills.Close(context.Background(), by, till.Count{Asked: till.Asked{Shift: shift}, Counted: kes(counted)})
}

func (c *counter) sells(by access.Actor, meter int, minor money.Minor) sale.Sale {
	c.t.Helper()
	c.clock.add(time.Second)
	sold, err := c.Sell(context.Background(), by, order(c.meters[meter], minor, fmt.Sprintf("sale-at-%d", c.clock.Now().UnixNano())))
	if err != nil || sold.Refused() {
		c.t.Fatal(err, sold.Detail())
	}
	return sold.Sale
}

func (c *counter) report(shift string) till.View {
	c.t.Helper()
	v, err := c.Tills.Show(context.Background(), c.boss, shift)
	if err != nil || v.Refused() {
		c.t.Fatal(err, v.Detail())
	}
	return v
}

func (c *counter) reverses(by access.Actor, s sale.Sale) (once.Done[sale.Reversal], error) {
	c.clock.add(time.Second)
	return c.Reverse(context.Background(), by, vending.PendingReversal{Sale: s.ID.Text(id.Vend), Reason: "wrong amount"})
}

// TestAShiftOfATill is a day at two tills: float, sales, a reversal, cash to the bank, a count with a difference, and the Z report.
func TestAShiftOfATill(t *testing.T) {
	c := newCounter(t, true)
	c.sells(c.amina, 0, 700) // outside a shift: till main
	amina := c.openShift(c.amina, "", 50000).Shift
	ben := c.openShift(c.ben, "till-2", 0).Shift
	if amina.Till != ledger.MainTill || !amina.Open() {
		t.Fatalf("%+v", amina)
	}
	first := c.sells(c.amina, 1, 10000)
	last := c.sells(c.amina, 2, 2500)
	c.sells(c.ben, 0, 3000)
	if first.Shift != amina.ID || first.Till != "main" || !strings.HasPrefix(first.ReceiptNo, "main-") {
		t.Fatalf("a sale in the shift: %+v", first)
	}
	if out, err := c.reverses(c.amina, last); err != nil || out.Refused() {
		t.Fatal(err, out.Detail())
	}
	paid, err := c.Tills.PayOut(context.Background(), c.amina, till.Payout{Amount: kes(20000), Reason: "noon"})
	if v := c.done(paid, err); v.Left != 40000 {
		t.Errorf("in the till: %d, want 40000", v.Left)
	}
	closed := c.done(c.count(c.amina, till.Mine, 39950)).Shift
	if closed.Expected != 40000 || closed.Counted != 39950 || closed.Difference() != -50 || closed.ClosedBy != c.amina.String() {
		t.Errorf("closed: %+v", closed)
	}
	z := c.report(amina.Name())
	if z.Left != 0 || z.Cash.Sales != 2 || z.Cash.Sold != 12500 || z.Cash.Reversals != 1 || z.Cash.PaidBack != -2500 || z.Cash.PaidOut != -20000 ||
		z.Cash.FirstPaper != first.ReceiptNo || z.Cash.LastPaper != last.ReceiptNo || z.Cash.Units != first.Units+last.Units {
		t.Errorf("Z report: %+v", z)
	}
	var parts money.Minor
	for _, p := range z.Cash.Breakdown {
		parts += p.Amount
	}
	if parts != 12500 {
		t.Errorf("the parts of the Z report add up to %d, want 12500: %+v", parts, z.Cash.Breakdown)
	}
	balances := c.balances()
	if balances[ledger.ExpenseTillBalance] != 50 || balances[ledger.Till] != 700+3000 || balances[ledger.Bank] != -50000+20000+39950 {
		t.Errorf("balances: %v", balances)
	}
	c.no(refusal.ShiftClosed, func() (once.Done[till.View], error) { return c.count(c.amina, amina.Name(), 1) })
	c.no(refusal.NotFound, func() (once.Done[till.View], error) { return c.count(c.amina, till.Mine, 1) })
	overnight := func(want int) {
		t.Helper()
		l, err := c.Tills.Overnight(context.Background(), c.boss, 10)
		if err != nil || len(l.Shifts) != want {
			t.Errorf("left open: %+v, %v; want %d", l.Shifts, err, want)
		}
	}
	overnight(0)
	c.clock.add(24 * time.Hour)
	overnight(1)
	c.done(c.count(c.ben, ben.Name(), 3000))
	overnight(0)
	c.verified()
}

// TestWhoMayChangeAShift: a person has one open shift, a till has one, and another person's shift takes the right to reverse. A shortage above
// the ceiling is refused, and waits for a second person if a supervisor closes.
func TestWhoMayChangeAShift(t *testing.T) {
	c := newCounter(t, true)
	shop := c.amina
	shop.Role, shop.Vendor = access.VendorAPI, id.ID{9}
	ask := func(by access.Actor, name string, float money.Minor) func() (once.Done[till.View], error) {
		return func() (once.Done[till.View], error) {
			return c.Tills.Open(context.Background(), by, till.Opening{Till: name, Float: kes(float)})
		}
	}
	c.no(refusal.Forbidden, ask(shop, "", 0))
	c.no(refusal.Forbidden, ask(access.SystemActor(tenant, "job"), "", 0))
	c.no(refusal.InvalidRequest, ask(c.amina, "Till 2", 0))
	c.no(refusal.InvalidRequest, ask(c.amina, "till-number-two", 0))
	amina := c.openShift(c.amina, "", 10000).Shift
	c.no(refusal.ShiftOpen, ask(c.amina, "till-2", 0))
	c.no(refusal.ShiftOpen, ask(c.ben, "main", 0))
	key := access.Actor{Tenant: tenant, Kind: access.APIKey, ID: id.ID{77}, Name: "key till", Role: access.Operator, Answers: c.amina.ID}
	if s := c.sells(key, 0, 200000); s.Shift != amina.ID {
		t.Errorf("a sale with a key of the same person is in shift %v", s.Shift)
	}
	try := func(by access.Actor, shift string, counted money.Minor) func() (once.Done[till.View], error) {
		return func() (once.Done[till.View], error) { return c.count(by, shift, counted) }
	}
	c.no(refusal.Forbidden, try(c.ben, amina.Name(), 210000))
	c.no(refusal.NotFound, try(c.ben, "", 210000))
	c.no(refusal.NotFound, try(c.sup, "till-9", 210000))
	c.no(refusal.DailyLimit, try(c.amina, "", 0))
	c.no(refusal.CurrencyMismatch, func() (once.Done[till.View], error) {
		return c.Tills.Close(context.Background(), c.amina, till.Count{Counted: money.Amount{Minor: 1, Currency: "UGX"}})
	})
	pay := func(by access.Actor, minor money.Minor) func() (once.Done[till.View], error) {
		return func() (once.Done[till.View], error) {
			return c.Tills.PayOut(context.Background(), by, till.Payout{Asked: till.Asked{Shift: "main"}, Amount: kes(minor)})
		}
	}
	c.no(refusal.AmountInvalid, pay(c.amina, 0))
	c.no(refusal.AmountInvalid, pay(c.amina, 210001))
	c.no(refusal.Forbidden, pay(c.ben, 1))
	c.done(pay(c.sup, 10000)())
	waits := c.done(c.count(c.sup, "main", 0))
	if waits.Waits == nil {
		t.Fatal("a supervisor wrote off 2,000.00 alone")
	}
	if z := c.report("main"); !z.Shift.Open() || z.Left != 200000 {
		t.Errorf("while it waits: %+v", z)
	}
	c.allow(*waits.Waits)
	maker := waits.Waits.Maker
	maker.Approval = waits.Waits.ID
	if out, err := c.Executors()[access.ActShiftCloseAny](context.Background(), maker, waits.Waits.Body); err != nil || out.Refused() {
		t.Fatal(err, out.Detail())
	}
	if z := c.report(amina.Name()); z.Shift.Open() || z.Shift.Difference() != -200000 || z.Shift.ClosedBy != c.sup.String() {
		t.Errorf("after the approval: %+v", z.Shift)
	}
	c.verified()
}

// TestASurplusIsNotBookedAlone: cash that nobody paid is money in the books all the same. Above the ceiling a clerk's count is refused, and that of
// a supervisor waits for a second person.
func TestASurplusIsNotBookedAlone(t *testing.T) {
	c := newCounter(t, true)
	c.openShift(c.amina, "", 10000)
	c.no(refusal.DailyLimit, func() (once.Done[till.View], error) { return c.count(c.amina, "", 1_000_000_000) })
	if waits := c.done(c.count(c.sup, "main", 1_000_000_000)); waits.Waits == nil {
		t.Fatal("a supervisor booked a surplus of 9,999,900.00 alone")
	}
	if z := c.done(c.count(c.amina, "", 10000+100_000)); z.Shift.Difference() != 100_000 {
		t.Errorf("a surplus at the ceiling: %+v", z.Shift)
	}
	c.verified()
}

// TestAReversalAfterTheShiftPaysFromAnotherTill: the closed shift stays as it was counted. Whoever reverses pays from their own till, or from
// main, and a till without enough cash refuses.
func TestAReversalAfterTheShiftPaysFromAnotherTill(t *testing.T) {
	c := newCounter(t, true)
	amina := c.openShift(c.amina, "", 0).Shift
	a, b := c.sells(c.amina, 0, 10000), c.sells(c.amina, 1, 4000)
	c.done(c.count(c.amina, "", 14000))
	before := c.report(amina.Name())
	if out, err := c.reverses(c.sup, a); err != nil || out.Code != refusal.NotReversible || !strings.Contains(out.Detail(), "0.00") {
		t.Fatalf("from an empty till: %v %s %s", err, out.Code, out.Detail())
	}
	boss := c.openShift(c.boss, "till-2", 15000).Shift
	if out, err := c.reverses(c.boss, a); err != nil || out.Refused() {
		t.Fatal(err, out.Detail())
	}
	if z := c.report(boss.Name()); z.Left != 5000 || z.Cash.PaidBack != -10000 || z.Cash.Reversals != 1 {
		t.Errorf("the till that paid: %+v", z)
	}
	if after := c.report(amina.Name()); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the Z report changed after closing:\n%+v\n%+v", before, after)
	}
	c.done(c.count(c.boss, "", 5000))
	c.sells(c.ben, 2, 4000) // into main
	if out, err := c.reverses(c.sup, b); err != nil || out.Refused() {
		t.Fatal(err, out.Detail())
	}
	if balances := c.balances(); balances[ledger.Till] != 0 {
		t.Errorf("balances: %v", balances)
	}
	c.verified()
}

// TestAnApprovedCountIsOfTheCashThatTheSecondPersonSaw: cash that came into the till after the request is not missing with anybody's consent.
func TestAnApprovedCountIsOfTheCashThatTheSecondPersonSaw(t *testing.T) {
	c := newCounter(t, true)
	other := access.Actor{Tenant: tenant, Kind: access.Person, ID: id.ID{15}, Name: "other@example.org", Role: access.Owner}
	c.do(func(tx *store.Tx) error {
		return tx.AddPersonRow(access.PersonRow{ID: other.ID, Email: other.Name, Role: other.Role, Password: "x", CreatedAt: tx.Now})
	})
	shift := c.openShift(c.boss, "till-9", 200_000).Shift
	waits := c.done(c.count(c.boss, shift.Name(), 0))
	if waits.Waits == nil {
		t.Fatal("a shortage above the ceiling needs nobody else")
	}
	c.sells(c.boss, 0, 2_000_000)
	c.allow(*waits.Waits)
	maker := waits.Waits.Maker
	maker.Approval = waits.Waits.ID
	out, err := c.Executors()[access.ActShiftCloseAny](context.Background(), maker, waits.Waits.Body)
	if z := c.report(shift.Name()); err != nil || !out.Refused() || !z.Shift.Open() {
		t.Errorf("the approval of a shortage of 200000 closed the till with one of %d: %v %s", -z.Shift.Difference(), err, out.Detail())
	}
	c.verified()
}

// TestAShiftWaitsForItsTokens: while a sale waits for an answer of the issuer, its till cannot be counted.
func TestAShiftWaitsForItsTokens(t *testing.T) {
	c := newCounter(t, false)
	c.openShift(c.amina, "", 0)
	c.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
		return vending.Answer{}, errors.New("no answer")
	}
	if sold, err := c.Sell(context.Background(), c.amina, order(c.meters[0], 10000, "held-sale-1")); err != nil || sold.Code == "" {
		t.Fatalf("%v %+v", err, sold.Refusal)
	}
	c.no(refusal.VendInProgress, func() (once.Done[till.View], error) { return c.count(c.amina, "", 0) })
	c.issuer.say = nil
	c.clock.add(time.Minute)
	if _, err := c.Recover(context.Background(), access.SystemActor(tenant, "recover")); err != nil {
		t.Fatal(err)
	}
	if s := c.done(c.count(c.amina, "", 10000)).Shift; s.Expected != 10000 {
		t.Errorf("%+v", s)
	}
	c.verified()
}
