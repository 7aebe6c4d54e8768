package vending

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/unit"
)

// customer is one account in memory, in place of a transaction of the store. The product's code prices and posts the sales, and customer
// holds the results.
type customer struct {
	Tx
	point   sale.Point
	version tariff.Version
	month   sale.Month
	dues    []debt.Due
	debts   []debt.Debt
	journal ledger.Journal
}

func (c *customer) NewID() (id.ID, error) { return id.ID{1}, nil }
func (c *customer) Debts() debt.Tx        { return owing{c: c} }
func (c *customer) Sold() SoldTx          { return sold{version: c.version} }
func (c *customer) Vendors() vendor.Tx    { return selling{books: c.Books()} }
func (c *customer) Books() ledger.Books {
	return posting{post: func(j ledger.Journal) (_ ledger.Breach, e error) {
		c.journal, e = ledger.New(j)
		return
	}}
}

// owing is what a customer owes.
type owing struct {
	debt.Tx
	c *customer
}

func (o owing) Charges() debt.ChargeTx                      { return charged{c: o.c} }
func (o owing) VendMonth(id.ID, string) (sale.Month, error) { return o.c.month, nil }

type charged struct {
	debt.ChargeTx
	c *customer
}

func (o charged) ChargesOpen(id.ID, int) ([]debt.Due, []debt.Debt, error) { return o.c.open() }

// sold has only the tariff of the sale.
type sold struct {
	SoldTx
	version tariff.Version
}

func (s sold) TariffVersion(id.ID) (tariff.Version, error) { return s.version, nil }

func (c *customer) open() (dues []debt.Due, debts []debt.Debt, _ error) {
	for _, d := range c.dues {
		if d.Left() > 0 {
			dues = append(dues, d)
		}
	}
	for _, d := range c.debts {
		if d.Outstanding > 0 {
			debts = append(debts, d)
		}
	}
	return dues, debts, nil
}

// TestAMillionPurchasesAddUp sells at random on random tariffs, with fees, charges due, debts, free units, levies and carry, and checks
// every sale. The lines of a sale, which include the carry in and out, sum to the payment. No part is negative, its journal sums to zero,
// and nobody pays more towards a charge or debt than was owed.
func TestAMillionPurchasesAddUp(t *testing.T) {
	tier.OneGoroutine(t)
	r := rand.New(rand.NewPCG(tier.Seed(t), 11))
	var did struct{ sold, refused, deducted, free, levied, split, tariffs, journals int }
	for did.sold < tier.RandomPurchases.N() {
		c := randomCustomer(r)
		did.tariffs++
		for range 100 {
			tender := money.Minor(r.Int64N(1 << (1 + r.IntN(22))))
			s, ok, err := c.buy(tender)
			if err != nil {
				t.Fatalf("tender %d of %+v: %v", tender, c, err)
			}
			if !ok {
				did.refused++
				continue
			}
			did.sold++
			if len(c.journal.Postings) > 0 {
				did.journals++
			}
			for _, l := range s.Lines {
				switch l.Kind {
				case sale.LineFee, sale.LineFixed, sale.LineDebt:
					did.deducted++
				case sale.LineFree:
					did.free++
				case sale.LineLevy:
					did.levied++
				}
			}
			if c.splits(r, tender) {
				did.split++
				if err := c.splitProperty(r, tender); err != nil {
					t.Fatalf("%v, tariff %+v", err, c.version.Body)
				}
			}
		}
	}
	t.Logf("figures: %d random purchases on %d tariffs: %d deductions, %d free tokens, %d levies, %d journals, each to the last unit; %d refused; %d split in two",
		did.sold, did.tariffs, did.deducted, did.free, did.levied, did.journals, did.refused, did.split)
}

// randomCustomer is an account on a random tariff of a random currency, with something owed.
func randomCustomer(r *rand.Rand) *customer {
	c := &customer{version: tariff.Version{Body: randomBody(r)}}
	c.point = sale.Point{Account: id.ID{2}, Policy: registry.ChargePolicy{ChargesOnly: r.IntN(2) == 0, MaxDeduction: money.Bps(r.IntN(10_001))}}
	c.month.Units = unit.FromTenths(r.Int64N(5000))
	for i := range r.IntN(4) {
		c.dues = append(c.dues, debt.Due{Name: "standing", Month: fmt.Sprintf("2026-%02d", 8+i), Gross: money.Minor(1 + r.Int64N(20_000)),
			VATBps: c.version.Body.VATBps, Priority: 1 + r.IntN(50), Capped: r.IntN(3) > 0})
	}
	for i := range r.IntN(4) {
		d := debt.Debt{ID: id.ID{3, byte(i)}, Account: c.point.Account, Outstanding: money.Minor(1 + r.Int64N(100_000)), Priority: 1 + r.IntN(50),
			Capped: r.IntN(3) > 0, CreatedAt: time.Unix(int64(i), 0), Mode: tariff.Full}
		switch r.IntN(3) {
		case 0:
			d.Mode, d.Value = tariff.Percent, 1+r.Int64N(10_000)
		case 1:
			d.Mode, d.Value = tariff.Amount, 1+r.Int64N(5000)
		}
		if r.IntN(3) == 0 {
			d.Min, d.MonthCap = money.Minor(r.Int64N(500)), money.Minor(1+r.Int64N(20_000))
		}
		if r.IntN(3) == 0 {
			d.Max = d.Min + money.Minor(r.Int64N(5000))
		}
		c.debts = append(c.debts, d)
	}
	return c
}

func randomBody(r *rand.Rand) tariff.Body {
	code := []string{"KES", "UGX", "TND"}[r.IntN(3)]
	cur, _ := money.CurrencyOf(code)
	b := tariff.Body{Currency: code, VATBps: money.Bps(r.IntN(4) * r.IntN(700)), Rounding: []tariff.Rounding{"", tariff.Nearest, tariff.Income}[r.IntN(3)]}
	// At these prices a quantum costs about 1 to 100 minor units in every currency, whatever its decimals.
	dear := int64(100_000_000) / money.PowerOfTen(cur.Exp)
	rate := func() money.MicroRate { return money.MicroRate(dear/10 + 1 + r.Int64N(10*dear)) }
	at := unit.Energy(0)
	for range r.IntN(5) {
		at += unit.FromTenths(1 + r.Int64N(3000))
		b.Blocks = append(b.Blocks, tariff.Block{UpTo: at, Rate: rate()})
	}
	b.Blocks = append(b.Blocks, tariff.Block{Rate: rate()})
	if r.IntN(3) == 0 {
		b.Fee = tariff.VendFee{Amount: money.Minor(1 + r.Int64N(300)), Untaxed: r.IntN(2) == 0}
	}
	for i := range r.IntN(3) {
		l := tariff.Levy{Name: fmt.Sprintf("levy-%d", i), Untaxed: r.IntN(2) == 0, Rate: money.MicroRate(1 + r.Int64N(dear))}
		if r.IntN(2) == 0 {
			l.Rate, l.Percent = 0, money.Bps(1+r.IntN(1000))
		}
		b.Levies = append(b.Levies, l)
	}
	if r.IntN(3) == 0 {
		b.Free = tariff.Free{Units: unit.FromTenths(1 + r.Int64N(1000)), Apart: r.IntN(2) == 0, Funded: money.MicroRate(r.Int64N(dear))}
	}
	b.MaxDeduction = money.Bps(r.IntN(2) * r.IntN(10_001))
	return b
}

var errSum = errors.New("the books do not add up")

// buy makes one purchase and keeps its result. It returns false if the purchase was refused.
func (c *customer) buy(tender money.Minor) (sale.Sale, bool, error) {
	p := priced{point: c.point, version: c.version}
	if err := p.allocate(c, money.Amount{Minor: tender, Currency: c.version.Body.Currency}, time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)); err != nil {
		return sale.Sale{}, false, err
	}
	if p.split.Refused() {
		return sale.Sale{}, false, nil
	}
	s := sale.Sale{ID: id.ID{4}, Account: c.point.Account, Till: ledger.MainTill, Tender: money.Amount{Minor: tender}, CarryIn: p.carry,
		CarryOut: p.split.CarryOut, Units: p.units(), Free: p.split.Free, Lines: p.lines(), Month: p.month}
	if err := checkLines(s.Lines, tender); err != nil {
		return sale.Sale{}, false, err
	}
	c.journal = ledger.Journal{}
	if no, err := post(c, s, time.Unix(1, 0)); err != nil || no.Refused() {
		return sale.Sale{}, false, fmt.Errorf("post: %w %s", err, no.What)
	}
	return s, true, c.keep(s, p)
}

// keep adds a sale to the customer's charges, debts and month, and checks the figures on the way.
func (c *customer) keep(s sale.Sale, p priced) error {
	var tokens unit.Energy
	for _, u := range p.tokens {
		tokens += u
	}
	if s.CarryOut < 0 || tokens != s.Units || len(p.tokens) > MaxTokens {
		return fmt.Errorf("%w: carry %d, %d Wh on %d tokens of %d Wh", errSum, s.CarryOut, s.Units, len(p.tokens), tokens)
	}
	for _, l := range s.Lines {
		if l.Amount < 0 && l.Kind != sale.LineCarryIn || l.Left != nil && *l.Left < 0 {
			return fmt.Errorf("%w: line %+v", errSum, l)
		}
		for i := range c.dues {
			if d := &c.dues[i]; l.Kind == sale.LineFixed && d.Ref() == l.Ref {
				if d.Paid += l.Amount + l.VAT; d.Paid > d.Gross || d.Left() != *l.Left {
					return fmt.Errorf("%w: charge %+v after %+v", errSum, *d, l)
				}
			}
		}
		for i := range c.debts {
			if d := &c.debts[i]; l.Kind == sale.LineDebt && d.Name() == l.Ref {
				d.Outstanding, d.MonthTaken, d.Month = d.Outstanding-l.Amount, d.MonthTaken+l.Amount, s.Month
				if d.Outstanding != *l.Left || d.MonthCap > 0 && d.MonthTaken > d.MonthCap {
					return fmt.Errorf("%w: debt %+v after %+v", errSum, *d, l)
				}
			}
		}
	}
	c.month.Units += s.Units
	c.month.Free += s.Free
	c.month.FreeClaimed = c.month.FreeClaimed || s.Free > 0
	c.month.Carry = s.CarryOut
	return nil
}

// splits reports whether to check a purchase in two parts: every tenth time, if only energy is bought.
func (c *customer) splits(r *rand.Rand, tender money.Minor) bool {
	b := c.version.Body
	return tender > 1 && b.Rounding == "" && b.Fee.Amount == 0 && r.IntN(10) == 0
}

// splitProperty buys for an amount at once and in two parts, and expects the same units within one quantum.
func (c *customer) splitProperty(r *rand.Rand, tender money.Minor) error {
	buy := tariff.Purchase{Body: c.version.Body, Tender: tender, Carry: c.month.Carry, Month: c.month.Units}
	whole, err := tariff.Allocate(buy)
	if err != nil || whole.Refused() {
		return err
	}
	first := buy
	first.Tender = 1 + money.Minor(r.Int64N(int64(tender-1)))
	a, err := tariff.Allocate(first)
	if err != nil || a.Refused() {
		return err
	}
	second := buy
	second.Tender, second.Carry, second.Month = tender-first.Tender, a.CarryOut, buy.Month+a.Units
	b, err := tariff.Allocate(second)
	if err != nil || b.Refused() {
		return err
	}
	if diff := whole.Units - a.Units - b.Units; diff < -unit.Quantum || diff > unit.Quantum {
		return fmt.Errorf("%w: %d buys %d Wh at once, %d and %d Wh in two (%d first)", errSum, tender, whole.Units, a.Units, b.Units, first.Tender)
	}
	return nil
}
