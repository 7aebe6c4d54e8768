package vending

import (
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
)

// Words explains the sale to whoever paid it: each figure with what it comes from, in the order in which it was
// decided, and at the end that everything together is what was paid.
func (e Explained) Words() []string {
	w := wording{e: e}
	s := e.Sale
	if !e.Agrees() {
		w.say("THE STORED SALE IS NOT WHAT ITS OWN FIGURES MAKE IT:")
		for _, d := range e.Differences {
			w.say("  %s", d)
		}
		w.say("What follows is derived again, and is not what is stored.")
	}
	w.say("Sale %s, meter %s.", s.ID.Text(id.Vend), s.Meter.Number)
	w.say("You paid %s.", w.money(s.Tender.Minor))
	if s.CarryIn > 0 {
		w.say("%s was left from your earlier purchases and is added.", w.money(s.CarryIn))
	}
	if s.Recharge() {
		w.say("All of it was put into the wallet of account %s. What the meter counts is charged to the wallet as it is used.", s.Account.Text(id.Account))
		if a := s.Advance(); a != 0 {
			w.say("%s of it is tax, owed with the payment. What is used is not taxed a second time.", w.money(a))
		}
		w.sum()
		return w.out
	}
	w.say("The price is that of tariff %s, version %d, in force since %s.", e.Tariff.Name, e.Tariff.N, e.Tariff.EffectiveFrom.UTC().Format(time.RFC3339))
	for _, d := range e.Split.Deductions {
		w.deduction(d)
	}
	if e.Split.Free > 0 {
		w.say("%s kWh are this month's free units.", e.Split.Free.KWh(1))
	}
	w.energy()
	w.sum()
	return w.out
}

type wording struct {
	e   Explained
	out []string
}

func (w *wording) say(format string, args ...any) {
	w.out = append(w.out, fmt.Sprintf(format, args...))
}

func (w *wording) money(m money.Minor) string {
	return money.Format(m, w.e.Currency) + " " + w.e.Currency.Code
}

// label names a charge as the stored sale does.
func (w *wording) label(c tariff.Charge) string {
	name := c.Ref
	for _, l := range w.e.Lines {
		if l.Ref == c.Ref && l.Label != "" {
			name = l.Label
		}
	}
	return strings.TrimSpace("The " + strings.ToLower(sale.LineKind(c.Kind).Name()) + " " + name)
}

// deduction says how much a charge took, by which rules, and what is left of it.
func (w *wording) deduction(d tariff.Deduction) {
	c := d.Charge
	var why []string
	for _, b := range d.Bounds {
		why = append(why, w.bound(b, c))
	}
	text := fmt.Sprintf("%s takes %s: %s.", w.label(c), w.money(d.Gross), strings.Join(why, ", then "))
	if d.VAT > 0 {
		text += fmt.Sprintf(" %s of it is VAT.", w.money(d.VAT))
	}
	if !c.Endless {
		text += fmt.Sprintf(" %s of it is left to pay.", w.money(c.Outstanding-d.Gross))
	}
	w.say("%s", text)
}

func (w *wording) bound(b tariff.Bound, c tariff.Charge) string {
	switch b.Rule {
	case tariff.AskPercent:
		return fmt.Sprintf("%s of the %s paid is %s", tariff.PercentText(c.Percent), w.money(w.e.Sale.Tender.Minor), w.money(b.Amount))
	case tariff.AskAmount:
		return "a fixed " + w.money(b.Amount)
	case tariff.AskOutstanding:
		return "all that is due, " + w.money(b.Amount)
	case tariff.AtLeast:
		return "at least " + w.money(b.Amount)
	case tariff.AtMost:
		return "at most " + w.money(b.Amount) + " of one purchase"
	case tariff.MonthLimit:
		return fmt.Sprintf("no more than %s, because a month has a limit of %s and %s was taken already", w.money(b.Amount), w.money(c.MonthCap), w.money(c.Taken))
	case tariff.NotMoreThanDue:
		return "no more than the " + w.money(b.Amount) + " that is owed"
	case tariff.Ceiling:
		return fmt.Sprintf("cut to %s, because charges and debts may take %s of a purchase together", w.money(b.Amount), tariff.PercentText(w.ceiling()))
	}
	return "cut to the " + w.money(b.Amount) + " that is left of the payment"
}

// ceiling is the share of a purchase that charges may take together.
func (w *wording) ceiling() money.Bps {
	for _, b := range []money.Bps{w.e.Sale.Asked.MaxDeduction, w.e.Tariff.Body.MaxDeduction} {
		if b != 0 {
			return b
		}
	}
	return tariff.DefaultMaxDeduction
}

// energy says what the units cost.
func (w *wording) energy() {
	e, a := w.e, w.e.Split
	if a.Energy == 0 && a.Units == 0 {
		return
	}
	w.say("%s is there for energy.", w.money(a.Energy))
	if len(e.Costs) > 0 && len(e.Tariff.Body.Blocks) > 1 {
		w.say("Before this purchase %s kWh of %s had been bought.", e.Costs[0].From.KWh(1), e.Sale.Month)
	}
	for _, c := range e.Costs {
		parts := []string{money.FormatRate(c.Rate, e.Currency)}
		for _, l := range c.Levies {
			tax := ""
			if l.Levy.Untaxed {
				tax = " without VAT"
			}
			parts = append(parts, fmt.Sprintf("%s levy %s%s", money.FormatRate(l.Rate, e.Currency), l.Levy.Name, tax))
		}
		if v := e.Tariff.Body.VATBps; v > 0 {
			parts = append(parts, "VAT of "+tariff.PercentText(v))
		}
		w.say("%s kWh at %s is %s per kWh: %s.", c.Units.KWh(1), strings.Join(parts, " and "), c.Gross, c.Amount)
	}
	w.rounding()
}

// rounding says what became of the exact price.
func (w *wording) rounding() {
	e, a := w.e, w.e.Split
	switch {
	case a.Units == 0:
		w.say("It buys less than 0.1 kWh.")
	case e.Tariff.Body.Rounding == tariff.Nearest:
		w.say("Units are rounded to the nearest 0.1 kWh; the exact price is %s, and %s is taken for it.", e.Exact, w.money(a.Gross))
	case e.Tariff.Body.Rounding == tariff.Income:
		w.say("Units are rounded down to 0.1 kWh; the exact price is %s, and all of the %s is kept for it.", e.Exact, w.money(a.Gross))
	default:
		w.say("Another 0.1 kWh would cost more than is left. The exact price is %s, rounded to %s.", e.Exact, w.money(a.Gross))
	}
	w.say("Of that, %s is VAT and %s is energy without VAT.", w.money(a.VAT), w.money(a.Net))
	for _, l := range a.Levies {
		w.say("%s is the levy %s.", w.money(l.Amount), l.Levy.Name)
	}
	if a.CarryOut > 0 {
		w.say("%s is left and is carried to your next purchase.", w.money(a.CarryOut))
	}
}

// sum adds the lines up.
func (w *wording) sum() {
	var parts []string
	for _, l := range w.e.Lines {
		switch {
		case l.Amount == 0:
		case len(parts) == 0:
			parts = append(parts, money.Format(l.Amount, w.e.Currency))
		case l.Amount < 0:
			parts = append(parts, "- "+money.Format(-l.Amount, w.e.Currency))
		default:
			parts = append(parts, "+ "+money.Format(l.Amount, w.e.Currency))
		}
	}
	if len(parts) == 0 {
		return
	}
	w.say("Together: %s = %s.", strings.Join(parts, " "), w.money(w.e.Sum))
}
