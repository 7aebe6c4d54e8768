package explain

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/words"
)

// Sale explains a sale to its customer: each figure and how it was calculated, in the order of the calculation. The last sentence adds
// everything up to the payment.
func Sale(say *words.Texts, e vending.Explained) []string {
	f := figures{say: say, e: e}
	s := e.Sale
	if !e.Agrees() {
		f.add(say.FiguresDiffers())
		for _, d := range Differences(say, e) {
			f.add("  " + d)
		}
		f.add(say.FiguresRecalculated())
	}
	f.add(say.FiguresSale(s.ID.Text(id.Vend), s.Meter.Number))
	f.add(say.FiguresPaid(f.money(s.Tender.Minor)))
	if s.CarryIn > 0 {
		f.add(say.FiguresCarriedIn(f.money(s.CarryIn)))
	}
	if s.Recharge() {
		f.add(say.FiguresWallet(s.Account.Text(id.Account)))
		if a := s.Advance(); a != 0 {
			f.add(say.FiguresWalletTax(f.money(a)))
		}
		f.sum()
		return f.out
	}
	f.add(say.FiguresTariff(e.Tariff.Name, decimal(e.Tariff.N), say.Clock(e.Tariff.EffectiveFrom.In(cmp.Or(e.Zone, time.UTC)))))
	if e.Former != "" {
		f.add(say.FiguresTariffSince(say.Clock(e.Since.In(cmp.Or(e.Zone, time.UTC))), e.Former))
	}
	for _, d := range e.Split.Deductions {
		f.deduction(d)
	}
	if e.Split.Free > 0 {
		f.add(say.FiguresFree(say.KWh(e.Split.Free, 1)))
	}
	f.energy()
	f.sum()
	return f.out
}

// Differences describes where a stored sale does not match its recalculation.
func Differences(say *words.Texts, e vending.Explained) []string {
	var out []string
	for _, d := range e.Differences {
		out = append(out, difference(say, d))
	}
	return out
}

func difference(say *words.Texts, d vending.Difference) string {
	switch d.In {
	case vending.DiffersPrice:
		return say.DifferenceNotPriced(d.Derived)
	case vending.DiffersRefused:
		return say.DifferenceRefused(d.Derived)
	case vending.DiffersDerivedSum:
		return say.DifferenceDerivedSum(d.Derived, d.Stored)
	case vending.DiffersStoredSum:
		return say.DifferenceStoredSum(d.Stored, d.Derived)
	case vending.DiffersLines:
		return say.DifferenceLines(d.Stored, d.Derived)
	case vending.DiffersLine:
		return say.DifferenceLine(decimal(d.Line), d.Stored, d.Derived)
	case vending.DiffersCarried:
		return say.DifferenceCarried(d.Stored, d.Derived)
	case vending.DiffersUnits:
		return say.DifferenceUnits(d.Stored, d.Derived)
	}
	return say.DifferenceTokens(d.Stored, d.Derived)
}

// figures collects the sentences of a sale.
type figures struct {
	say *words.Texts
	e   vending.Explained
	out []string
}

func (f *figures) add(sentence string) { f.out = append(f.out, sentence) }

func (f *figures) money(m money.Minor) string {
	return f.say.Figure(m, f.e.Currency) + " " + f.e.Currency.Code
}

// deduction describes how much a charge took, by which rules, and how much of the charge is left.
func (f *figures) deduction(d tariff.Deduction) {
	c, why := d.Charge, ""
	for _, b := range d.Bounds {
		if next := f.bound(b, c); why == "" {
			why = next
		} else {
			why = f.say.FiguresThen(why, next)
		}
	}
	name := c.Ref
	for _, l := range f.e.Lines { // the lines of the stored sale have the names that people use
		if l.Ref == c.Ref && l.Label != "" {
			name = l.Label
		}
	}
	sentence := f.say.FiguresFee(f.money(d.Gross), why)
	switch c.Kind {
	case tariff.Fixed:
		sentence = f.say.FiguresFixed(name, f.money(d.Gross), why)
	case tariff.Debt:
		sentence = f.say.FiguresDebt(name, f.money(d.Gross), why)
	}
	if d.VAT > 0 {
		sentence = f.say.FiguresOfVat(sentence, f.money(d.VAT))
	}
	if !c.Endless {
		sentence = f.say.FiguresOfLeft(sentence, f.money(c.Outstanding-d.Gross))
	}
	f.add(sentence)
}

func (f *figures) bound(b tariff.Bound, c tariff.Charge) string {
	amount := f.money(b.Amount)
	switch b.Rule {
	case tariff.AskPercent:
		return f.say.FiguresAskPercent(tariff.PercentText(c.Percent), f.money(f.e.Sale.Tender.Minor), amount)
	case tariff.AskAmount:
		return f.say.FiguresAskAmount(amount)
	case tariff.AskOutstanding:
		return f.say.FiguresAskOutstanding(amount)
	case tariff.AtLeast:
		return f.say.FiguresAtLeast(amount)
	case tariff.AtMost:
		return f.say.FiguresAtMost(amount)
	case tariff.MonthLimit:
		return f.say.FiguresMonthLimit(amount, f.money(c.MonthCap), f.money(c.Taken))
	case tariff.NotMoreThanDue:
		return f.say.FiguresNotMoreThanDue(amount)
	case tariff.Ceiling:
		return f.say.FiguresCeiling(amount, tariff.PercentText(f.ceiling()))
	}
	return f.say.FiguresRest(amount)
}

// ceiling returns the share of a purchase that charges may take together.
func (f *figures) ceiling() money.Bps {
	for _, b := range []money.Bps{f.e.Sale.Asked.MaxDeduction, f.e.Tariff.Body.MaxDeduction} {
		if b != 0 {
			return b
		}
	}
	return tariff.DefaultMaxDeduction
}

// energy describes the price of the units.
func (f *figures) energy() {
	e, a := f.e, f.e.Split
	if a.Energy == 0 && a.Units == 0 {
		return
	}
	f.add(f.say.FiguresEnergy(f.money(a.Energy)))
	if len(e.Costs) > 0 && len(e.Tariff.Body.Blocks) > 1 {
		f.add(f.say.FiguresBefore(f.say.KWh(e.Costs[0].From, 1), e.Sale.Month))
	}
	for _, c := range e.Costs {
		price := f.say.Rate(c.Rate, e.Currency)
		for _, l := range c.Levies {
			levy := f.say.FiguresPriceLevy
			if l.Levy.Untaxed {
				levy = f.say.FiguresPriceLevyUntaxed
			}
			price = f.say.FiguresAnd(price, levy(f.say.Rate(l.Rate, e.Currency), l.Levy.Name))
		}
		if v := e.Tariff.Body.VATBps; v > 0 {
			price = f.say.FiguresAnd(price, f.say.FiguresPriceVat(tariff.PercentText(v)))
		}
		f.add(f.say.FiguresStep(f.say.KWh(c.Units, 1), price, c.Gross, c.Amount))
	}
	f.rounding()
}

// rounding describes how the exact price was rounded.
func (f *figures) rounding() {
	e, a := f.e, f.e.Split
	switch {
	case a.Units == 0:
		f.add(f.say.FiguresTooLittle())
	case e.Tariff.Body.Rounding == tariff.Nearest:
		f.add(f.say.FiguresNearest(e.Exact, f.money(a.Gross)))
	case e.Tariff.Body.Rounding == tariff.Income:
		f.add(f.say.FiguresIncome(e.Exact, f.money(a.Gross)))
	default:
		f.add(f.say.FiguresCarry(e.Exact, f.money(a.Gross)))
	}
	f.add(f.say.FiguresSplit(f.money(a.VAT), f.money(a.Net)))
	for _, l := range a.Levies {
		f.add(f.say.FiguresLevy(f.money(l.Amount), l.Levy.Name))
	}
	if a.CarryOut > 0 {
		f.add(f.say.FiguresCarriedOut(f.money(a.CarryOut)))
	}
}

// sum adds the lines up.
func (f *figures) sum() {
	var parts []string
	for _, l := range f.e.Lines {
		switch {
		case l.Amount == 0:
		case len(parts) == 0:
			parts = append(parts, f.say.Figure(l.Amount, f.e.Currency))
		case l.Amount < 0:
			parts = append(parts, "- "+f.say.Figure(-l.Amount, f.e.Currency))
		default:
			parts = append(parts, "+ "+f.say.Figure(l.Amount, f.e.Currency))
		}
	}
	if len(parts) > 0 {
		f.add(f.say.FiguresSum(strings.Join(parts, " "), f.money(f.e.Sum)))
	}
}

func decimal(n int) string { return strconv.Itoa(n) }
