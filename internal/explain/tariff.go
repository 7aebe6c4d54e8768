// Package explain writes tariffs and sales in plain sentences, for the people who publish a price and for the people who pay it. The
// figures come from packages tariff and vending, the sentences from the catalogue.
package explain

import (
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/words"
	"github.com/paywatt/paywatt/unit"
)

// Version returns the sentences of a version: those of its tariff, or that it withdraws another version.
func Version(say *words.Texts, v tariff.Version) []string {
	if v.Withdraws != 0 {
		return []string{say.PriceWithdraws(strconv.Itoa(v.Withdraws))}
	}
	return Tariff(say, v.Body)
}

// Tariff returns a sentence for each rule of a tariff.
func Tariff(say *words.Texts, b tariff.Body) []string {
	cur, _ := money.CurrencyOf(b.Currency)
	p := prices{say: say, cur: cur}
	p.price(plain, b.Blocks, b.TOU)
	for i, s := range b.Seasons {
		next := b.Seasons[(i+1)%len(b.Seasons)].From
		last := time.Date(2023, next.Month, next.Day-1, 0, 0, 0, 0, time.UTC)
		from, to := p.date(s.From), p.date(tariff.MonthDay{Month: last.Month(), Day: last.Day()})
		p.price(func(price string) string { return say.PriceSeason(s.Name, from, to, price) }, s.Blocks, s.TOU)
	}
	for _, l := range b.Levies {
		p.levy(l)
	}
	if b.VATBps > 0 {
		p.add(say.PriceVat(tariff.PercentText(b.VATBps)))
	} else {
		p.add(say.PriceNoVat())
	}
	p.extras(b)
	if b.ForTokens().Refused() {
		p.add(say.PriceWallet())
	} else {
		p.purchases(b)
	}
	return p.out
}

// prices collects the sentences of a tariff.
type prices struct {
	say *words.Texts
	cur money.Currency
	out []string
}

func (p *prices) add(sentence string) { p.out = append(p.out, sentence) }

func (p *prices) rate(r money.MicroRate) string {
	return p.say.PriceRate(p.say.Rate(r, p.cur) + " " + p.cur.Code)
}

func (p *prices) amount(m money.Minor) string {
	return p.say.Figure(m, p.cur) + " " + p.cur.Code
}

func (p *prices) date(d tariff.MonthDay) string {
	return p.say.PriceDate(decimal(d.Day), p.say.Name("month", decimal(int(d.Month))))
}

// plain returns the sentence for a price that applies all year.
func plain(price string) string { return price }

// price adds the price of a kilowatt-hour. Its first parameter is a function that can add the season to each sentence.
func (p *prices) price(in func(string) string, blocks []tariff.Block, tou *tariff.TOU) {
	switch {
	case tou != nil:
		p.hours(in, tou)
	case len(blocks) == 1:
		p.add(in(p.say.PriceFlat(p.rate(blocks[0].Rate))))
	case len(blocks) > 1:
		var parts []string
		for i, k := range blocks {
			if i == len(blocks)-1 {
				parts = append(parts, p.say.PriceBlockLast(p.rate(k.Rate)))
			} else {
				parts = append(parts, p.say.PriceBlock(kWh(p.say, k.UpTo), p.rate(k.Rate)))
			}
		}
		p.add(in(p.say.PriceBlocks(strings.Join(parts, ", "))))
	}
}

func (p *prices) hours(in func(string) string, t *tariff.TOU) {
	for i, r := range t.Rates {
		var at []string
		for _, w := range t.Windows {
			if w.Rate == i {
				at = append(at, p.say.PriceWindow(p.days(w.Days), w.From.String(), w.To.String()))
			}
		}
		if i == t.Otherwise {
			at = append(at, p.say.PriceOtherwise())
		}
		p.add(in(p.say.PriceHours(r.Name, p.rate(r.Rate), strings.Join(at, "; "))))
	}
	for _, h := range t.Holidays {
		p.add(in(p.say.PriceHoliday(p.say.Name("day", h.As.String()), string(h.Date))))
	}
}

// days names the days of a set, with runs as "Mon-Fri".
func (p *prices) days(s tariff.DaySet) string {
	var parts []string
	for _, run := range s.Runs() {
		name := p.say.Name("day", run[0].String())
		if run[1] != run[0] {
			name += "-" + p.say.Name("day", run[1].String())
		}
		parts = append(parts, name)
	}
	return strings.Join(parts, ", ")
}

func (p *prices) levy(l tariff.Levy) {
	rate := p.rate(l.Rate)
	if l.Percent != 0 {
		rate = p.say.PriceShare(tariff.PercentText(l.Percent))
	}
	if l.Untaxed {
		p.add(p.say.PriceLevyUntaxed(l.Name, rate))
	} else {
		p.add(p.say.PriceLevy(l.Name, rate))
	}
}

// extras adds the fixed charges, the fee for a purchase, and the free units with the price that a programme pays for them.
func (p *prices) extras(b tariff.Body) {
	amount := func(m money.Minor, untaxed bool) string {
		if untaxed || b.VATBps == 0 {
			return p.amount(m)
		}
		return p.say.PricePlusVat(p.amount(m))
	}
	for _, f := range b.Fixed {
		if sum := amount(f.Amount, f.Untaxed); f.Per == tariff.PerDay {
			p.add(p.say.PriceFixedDay(f.Name, sum))
		} else {
			p.add(p.say.PriceFixedMonth(f.Name, sum))
		}
	}
	if b.Fee.Amount > 0 {
		p.add(p.say.PriceFee(amount(b.Fee.Amount, b.Fee.Untaxed)))
	}
	if b.Free.Units == 0 {
		return
	}
	if b.Free.Apart {
		p.add(p.say.PriceFreeApart(kWh(p.say, b.Free.Units)))
	} else {
		p.add(p.say.PriceFree(kWh(p.say, b.Free.Units)))
	}
	if b.Free.Funded > 0 {
		p.add(p.say.PriceFunded(p.rate(b.Free.Funded)))
	}
}

// purchases adds how a payment for a token is split.
func (p *prices) purchases(b tariff.Body) {
	if b.MaxDeduction == 0 {
		p.add(p.say.PriceCeilingDefault(tariff.PercentText(tariff.DefaultMaxDeduction)))
	} else {
		p.add(p.say.PriceCeiling(tariff.PercentText(b.MaxDeduction)))
	}
	switch b.Rounding {
	case tariff.Nearest:
		p.add(p.say.PriceNearest())
	case tariff.Income:
		p.add(p.say.PriceIncome())
	default:
		p.add(p.say.PriceCarry())
	}
	if b.MinVend > 0 {
		p.add(p.say.PriceSmallest(p.amount(b.MinVend)))
	}
	if b.MaxVend > 0 {
		p.add(p.say.PriceLargest(p.amount(b.MaxVend)))
	}
}

// kWh formats energy in kilowatt-hours with as many decimals as the value needs.
func kWh(say *words.Texts, e unit.Energy) string {
	if e%unit.KilowattHour == 0 {
		return say.KWh(e, 0) + " kWh"
	}
	return say.KWh(e, 1) + " kWh"
}
