package tariff

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/unit"
)

// Purchase is everything that decides how a payment is split.
type Purchase struct {
	Body    Body
	Tender  money.Minor
	Carry   money.Minor // money carried in from the account's earlier purchases
	Month   unit.Energy // units the account bought this local month, including free ones
	Charges []Charge    // charges due, without the tariff's own fee, which is added here

	MaxDeduction money.Bps   // ceiling for capped charges; 0 means the tariff's
	Free         unit.Energy // free basic units that are due and not yet issued this month
	FreeApart    bool        // whether free units do not count towards the blocks, even if the tariff counts them
	ChargesOnly  bool        // whether to accept a payment that covers charges but buys no unit
	MaxUnits     unit.Energy // the most one purchase may buy; 0 for no limit
	Trace        bool        // whether to record for each deduction how it was decided
}

// Allocation is how a payment is split, or why it is refused. Deductions (gross), Net, Levies, VAT and CarryOut sum to the payment plus the
// carry from before.
type Allocation struct {
	refusal.Refusal
	Deductions []Deduction
	Energy     money.Minor // money that is left for energy, including the carry
	Units      unit.Energy // units bought
	Free       unit.Energy // free units, on a token of their own
	Gross      money.Minor // price of the energy, with its levies and all tax
	VAT        money.Minor // tax on the energy and on its taxed levies
	Net        money.Minor // price of the energy only, without levies and tax
	Levies     []LevyPart
	CarryOut   money.Minor
	Steps      []Step
}

// LevyPart is the part of a purchase that went to one levy, without tax.
type LevyPart struct {
	Levy   Levy
	Amount money.Minor
}

// Step is the part of the units in one block. The Net amounts of the steps sum to the Net amount of the allocation.
type Step struct {
	Units unit.Energy
	Rate  money.MicroRate
	Net   money.Minor
}

// scale returns how many units of the price walk make one minor unit. A unit of the price walk is 10⁻¹³ of the major unit: a rate in
// micros, times watt-hours, times tax in basis points.
func scale(c money.Currency) int64 { return money.PowerOfTen(13 - c.Exp) }

// Errors of [Allocate]: the caller passed values that no validated tariff and no ledger can hold.
var (
	errPurchase  = errors.New("purchase has a negative or impossible part")
	errInvariant = errors.New("the parts of a purchase do not sum to what was paid")
)

// Allocate splits a payment. First come the charges in their order, then the units that the rest buys in the blocks of the month. Then come
// the tax in the price of the units, and the carry. Percentages and units are rounded down, gross and tax half up.
func Allocate(p Purchase) (Allocation, error) {
	cur, ok := money.CurrencyOf(p.Body.Currency)
	if !ok || p.Tender < 0 || p.Tender > money.MaxMinor || p.Carry < 0 || p.Carry > money.MaxMinor ||
		p.Month < 0 || p.Month%unit.Quantum != 0 || p.Free < 0 || p.Free%unit.Quantum != 0 {
		return Allocation{}, errPurchase
	}
	if r := p.Body.ForTokens(); r.Refused() {
		return Allocation{Refusal: r}, nil
	}
	if len(p.Body.Blocks) == 0 {
		return Allocation{}, errPurchase
	}
	if r := bounds(p, cur); r.Refused() {
		return Allocation{Refusal: r}, nil
	}
	paid, sum, err := p.deduct()
	if err != nil {
		return Allocation{}, err
	}
	a := Allocation{Deductions: paid, Energy: p.Tender - sum + p.Carry, Free: p.Free}
	start := p.Month
	if !p.FreeApart && !p.Body.Free.Apart {
		start += p.Free
	}
	if err := a.walk(p, cur, start); errors.Is(err, money.ErrOverflow) {
		return Allocation{Refusal: tooMany(p, cur)}, nil
	} else if err != nil {
		return Allocation{}, err
	}
	if p.MaxUnits > 0 && a.Units+a.Free > p.MaxUnits {
		return Allocation{Refusal: tooMany(p, cur)}, nil
	}
	if a.Units == 0 && p.Free == 0 && (sum == 0 || !p.ChargesOnly) {
		return Allocation{Refusal: tooSmall(p, cur, sum, start)}, nil
	}
	return a, a.check(p.Tender+p.Carry, sum)
}

// deduct pays the fee that the tariff takes from every purchase, and the charges of this one.
func (p Purchase) deduct() ([]Deduction, money.Minor, error) {
	charges := p.Charges
	if p.Tender > 0 {
		own, _, err := p.Body.perPurchase()
		if err != nil {
			return nil, 0, err
		}
		charges = append(own, charges...)
	}
	ceiling := p.MaxDeduction
	if ceiling == 0 {
		ceiling = p.Body.MaxDeduction
	}
	return deduct(p.Tender, charges, ceiling, p.Trace)
}

// price returns the price of a watt-hour at one rate, with levies and tax, in the walk's units.
func (b Body) price(rate money.MicroRate) (int64, error) {
	taxed, untaxed := rate, money.MicroRate(0)
	for _, l := range b.Levies {
		part, err := l.Of(rate)
		if err != nil {
			return 0, err
		}
		if l.Untaxed {
			untaxed += part
		} else {
			taxed += part
		}
	}
	return int64(taxed)*(int64(money.Whole)+int64(b.VATBps)) + int64(untaxed)*int64(money.Whole), nil
}

// walk buys energy, block by block from the month's position upwards, and settles price, tax and carry.
func (a *Allocation) walk(p Purchase, cur money.Currency, at unit.Energy) error {
	left := money.Product(int64(a.Energy), scale(cur))
	round := money.Floor
	if p.Body.Rounding == Nearest {
		round = money.HalfUp
	}
	var cost money.Exact
	for _, b := range p.Body.Blocks {
		if b.UpTo != 0 && b.UpTo <= at {
			continue
		}
		price, err := p.Body.price(b.Rate)
		if err != nil {
			return err
		}
		units, full := b.UpTo-at, false
		var whole money.Exact
		if b.UpTo != 0 {
			whole = money.Product(price, int64(units))
			full = !left.Less(whole)
		}
		if !full {
			quanta, err := left.Div(price*int64(unit.Quantum), round)
			if err != nil || quanta > int64(MaxUpTo/unit.Quantum) {
				return money.ErrOverflow
			}
			units = unit.FromTenths(quanta)
			whole = money.Product(price, int64(units))
		}
		if units > 0 {
			a.Steps = append(a.Steps, Step{Units: units, Rate: b.Rate})
			a.Units += units
			at += units
		}
		if cost, err = cost.Add(whole); err != nil {
			return err
		}
		if !full {
			break
		}
		if left, err = left.Sub(whole); err != nil {
			return err
		}
	}
	return a.settle(p.Body, cost, scale(cur))
}

// settle turns the exact cost into money. It rounds the gross amount half up and takes out the untaxed levies. From the rest it takes the
// tax, rounded half up, and then the taxed levies. The price of the energy remains. With the roundings Nearest and Income, all the money
// left belongs to the price.
func (a *Allocation) settle(b Body, cost money.Exact, scale int64) error {
	gross, err := cost.Div(scale, money.HalfUp)
	if err != nil {
		return err
	}
	a.Gross = money.Minor(gross)
	if (b.Rounding == Nearest || b.Rounding == Income) && a.Units > 0 {
		a.Gross = a.Energy
	}
	a.CarryOut = a.Energy - a.Gross
	a.Net = a.Gross
	if a.Units > 0 {
		for _, l := range b.Levies {
			a.Levies = append(a.Levies, LevyPart{Levy: l})
		}
	}
	if err := a.collect(true, scale); err != nil {
		return err
	}
	if a.VAT, err = money.TaxIn(a.Net, b.VATBps); err != nil {
		return err
	}
	a.Net -= a.VAT
	if err := a.collect(false, scale); err != nil {
		return err
	}
	return a.splitNet(scale)
}

// collect takes the untaxed or the taxed levies out of the net amount. The sum up to each levy is rounded half up, so that all levies
// together are off by at most half a minor unit. This sum never exceeds the net amount.
func (a *Allocation) collect(untaxed bool, scale int64) error {
	var cost money.Exact
	var given money.Minor
	there := a.Net
	for i := range a.Levies {
		l := &a.Levies[i]
		if l.Levy.Untaxed != untaxed {
			continue
		}
		for _, s := range a.Steps {
			rate, err := l.Levy.Of(s.Rate)
			if err != nil {
				return err
			}
			if cost, err = cost.Add(money.Product(int64(rate)*int64(money.Whole), int64(s.Units))); err != nil {
				return err
			}
		}
		until, err := cost.Div(scale, money.HalfUp)
		if err != nil {
			return err
		}
		l.Amount = min(money.Minor(until), there) - given
		given += l.Amount
	}
	a.Net -= given
	return nil
}

// splitNet divides the net amount among the steps. The sum up to each step is rounded half up, and the last step gets the rest.
func (a *Allocation) splitNet(scale int64) error {
	var cost money.Exact
	var given money.Minor
	for i := range a.Steps {
		s := &a.Steps[i]
		if i == len(a.Steps)-1 {
			s.Net = a.Net - given
			return nil
		}
		var err error
		if cost, err = cost.Add(money.Product(int64(s.Rate)*int64(money.Whole), int64(s.Units))); err != nil {
			return err
		}
		until, err := cost.Div(scale, money.HalfUp)
		if err != nil {
			return err
		}
		s.Net = min(money.Minor(until), a.Net) - given
		given += s.Net
	}
	return nil
}

// check checks the invariant of every sale: no money was lost or made, and no part is negative.
func (a Allocation) check(paid, deducted money.Minor) error {
	var levied, least money.Minor
	for _, l := range a.Levies {
		levied += l.Amount
		least = min(least, l.Amount)
	}
	if deducted+a.Net+levied+a.VAT+a.CarryOut != paid || deducted < 0 || a.Net < 0 || least < 0 || a.VAT < 0 || a.CarryOut < 0 {
		return fmt.Errorf("%w: %d deducted, %d net, %d levied, %d tax, %d carried, %d paid", errInvariant,
			deducted, a.Net, levied, a.VAT, a.CarryOut, paid)
	}
	return nil
}

// Bounds refuses a payment that is too small or too large for the tariff. It is for payments that buy no units, such as recharges.
func (b Body) Bounds(tender money.Minor) refusal.Refusal {
	cur, _ := money.CurrencyOf(b.Currency)
	return bounds(Purchase{Body: b, Tender: tender}, cur)
}

// bounds refuses a payment that is smaller than the tariff's smallest purchase or larger than its largest one.
func bounds(p Purchase, cur money.Currency) refusal.Refusal {
	switch {
	case p.Tender < p.Body.MinVend && (p.Tender > 0 || p.Free == 0):
		return refuse.PurchaseTooSmall(of(p.Tender, cur), of(p.Body.MinVend, cur))
	case p.Body.MaxVend > 0 && p.Tender > p.Body.MaxVend:
		return refuse.PurchaseTooLarge(of(p.Tender, cur), of(p.Body.MaxVend, cur))
	}
	return refusal.Refusal{}
}

// tooSmall refuses a payment. If nothing else takes a part of it, tooSmall names the smallest payment that buys something.
func tooSmall(p Purchase, cur money.Currency, deducted money.Minor, at unit.Energy) refusal.Refusal {
	if deducted > 0 {
		return refuse.PurchaseTakenByCharges(of(p.Tender, cur), of(deducted, cur))
	}
	least, err := leastFor(p, cur, at)
	switch {
	case err != nil:
		return refuse.PurchaseWithoutPrice(of(p.Tender, cur))
	case p.Carry > 0:
		return refuse.PurchaseWithCarryBelowAQuantum(of(p.Tender, cur), of(p.Carry, cur), of(least-p.Carry, cur))
	}
	return refuse.PurchaseBelowAQuantum(of(p.Tender, cur), of(least, cur))
}

// BuysAtMost reports whether an amount buys at most this energy at the lowest price of the tariff.
func (b Body) BuysAtMost(amount money.Minor, most unit.Energy) (bool, error) {
	cur, ok := money.CurrencyOf(b.Currency)
	if !ok || len(b.Blocks) == 0 {
		return false, errPurchase
	}
	least := slices.MinFunc(b.Blocks, func(x, y Block) int { return cmp.Compare(x.Rate, y.Rate) })
	price, err := b.price(least.Rate)
	if err != nil {
		return false, err
	}
	cost := money.Product(price, int64(most))
	return !cost.Less(money.Product(int64(amount), scale(cur))), nil
}

// leastFor returns the smallest amount that buys one quantum at a position of the month.
func leastFor(p Purchase, cur money.Currency, at unit.Energy) (money.Minor, error) {
	for _, b := range p.Body.Blocks {
		if b.UpTo != 0 && b.UpTo <= at {
			continue
		}
		price, err := p.Body.price(b.Rate)
		if err != nil {
			return 0, err
		}
		if p.Body.Rounding == Nearest { // half a quantum is rounded up to a whole quantum
			least, err := money.MulDiv(price, int64(unit.Quantum), 2*scale(cur), money.Ceil)
			return money.Minor(least), err
		}
		least, err := money.MulDiv(price, int64(unit.Quantum), scale(cur), money.Ceil)
		return money.Minor(least), err
	}
	return 0, errPurchase
}

func tooMany(p Purchase, cur money.Currency) refusal.Refusal {
	if p.MaxUnits > 0 {
		return refuse.PurchaseAboveSale(of(p.Tender, cur), p.MaxUnits)
	}
	return refuse.PurchaseAboveAnySale(of(p.Tender, cur))
}

// of returns an amount in a currency.
func of(m money.Minor, cur money.Currency) money.Amount {
	return money.Amount{Minor: m, Currency: cur.Code}
}
