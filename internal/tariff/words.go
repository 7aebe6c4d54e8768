package tariff

import (
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/unit"
)

// Words says a tariff in plain sentences, one for each thing that it decides, for the people who publish it and for
// those who pay it.
func (b Body) Words() []string {
	cur, _ := money.CurrencyOf(b.Currency)
	w := wording{cur: cur}
	w.price("", b.Blocks, b.TOU)
	for i, s := range b.Seasons {
		next := b.Seasons[(i+1)%len(b.Seasons)].From
		last := time.Date(2023, next.Month, next.Day-1, 0, 0, 0, 0, time.UTC)
		w.price(fmt.Sprintf("%s, %d %s to %d %s: ", s.Name, s.From.Day, s.From.Month, last.Day(), last.Month()), s.Blocks, s.TOU)
	}
	for _, l := range b.Levies {
		w.levy(l)
	}
	if b.VATBps > 0 {
		w.say("All of this is without tax; VAT of %s is added.", PercentText(b.VATBps))
	} else {
		w.say("There is no VAT.")
	}
	w.extras(b)
	if b.ForTokens().Refused() {
		w.say("It is for meters whose balance is kept on the server; no tokens are sold on it.")
	} else {
		w.purchases(b)
	}
	return w.out
}

type wording struct {
	cur money.Currency
	out []string
}

func (w *wording) say(format string, args ...any) {
	w.out = append(w.out, fmt.Sprintf(format, args...))
}

func (w *wording) rate(r money.MicroRate) string {
	return money.FormatRate(r, w.cur) + " " + w.cur.Code + " per kWh"
}

func (w *wording) price(when string, blocks []Block, tou *TOU) {
	switch {
	case tou != nil:
		w.timeOfUse(when, tou)
	case len(blocks) == 1:
		w.say("%s%s.", when, w.rate(blocks[0].Rate))
	case len(blocks) > 1:
		var parts []string
		for i, k := range blocks {
			limit := "up to " + kWh(k.UpTo)
			if i == len(blocks)-1 {
				limit = "above that"
			}
			parts = append(parts, limit+" "+w.rate(k.Rate))
		}
		w.say("%sBy the units of the calendar month: %s.", when, strings.Join(parts, ", "))
	}
}

func (w *wording) timeOfUse(when string, t *TOU) {
	for i, r := range t.Rates {
		var at []string
		for _, win := range t.Windows {
			if win.Rate == i {
				at = append(at, fmt.Sprintf("%s %s to %s", win.Days, win.From, win.To))
			}
		}
		if i == t.Otherwise {
			at = append(at, "at all other times")
		}
		w.say("%s%s %s: %s.", when, r.Name, w.rate(r.Rate), strings.Join(at, "; "))
	}
	for _, h := range t.Holidays {
		w.say("%sThe windows of %s hold on %s.", when, h.As, h.Date)
	}
}

// String names the days of a set, runs of them as "mon-fri".
func (s DaySet) String() string {
	var parts []string
	for d := Monday; d < days; d++ {
		if !s.Has(d) {
			continue
		}
		last := d
		for last+1 < Feast && s.Has(last+1) && d < Feast {
			last++
		}
		if last > d {
			parts = append(parts, d.String()+"-"+last.String())
		} else {
			parts = append(parts, d.String())
		}
		d = last
	}
	return strings.Join(parts, ", ")
}

// purchases says how a payment for a token is split.
func (w *wording) purchases(b Body) {
	if b.MaxDeduction == 0 {
		w.say("Charges and debts together take at most what the utility allows of a purchase, %s unless it says otherwise.",
			PercentText(DefaultMaxDeduction))
	} else {
		w.say("Charges and debts take at most %s of a purchase together.", PercentText(b.MaxDeduction))
	}
	switch b.Rounding {
	case Nearest:
		w.say("Units are rounded to the nearest 0.1 kWh, and nothing is carried on.")
	case Income:
		w.say("Units are rounded down to 0.1 kWh, and the rest of the money is kept.")
	default:
		w.say("Units are rounded down to 0.1 kWh, and the rest of the money is carried to the next purchase.")
	}
	if b.MinVend > 0 {
		w.say("The smallest purchase is %s.", of(b.MinVend, w.cur))
	}
	if b.MaxVend > 0 {
		w.say("The largest purchase is %s.", of(b.MaxVend, w.cur))
	}
}

// kWh writes energy in kilowatt-hours with the decimals it has.
func kWh(e unit.Energy) string {
	if e%unit.KilowattHour == 0 {
		return e.KWh(0) + " kWh"
	}
	return e.KWh(1) + " kWh"
}

// PercentText writes basis points as per cent with the decimals they have: "15 %", "7.5 %".
func PercentText(b money.Bps) string {
	s := strings.TrimRight(fmt.Sprintf("%d.%02d", b/100, b%100), "0")
	return strings.TrimSuffix(s, ".") + " %"
}
