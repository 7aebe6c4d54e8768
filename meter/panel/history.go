package panel

import (
	"fmt"
	"strconv"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// History gives menu 2 the data that the memory and the memory card store beside the state. It leaves out the data
// that the customer has cleared (menu 5).
type History interface {
	// Cleared returns the total register at the last time the customer cleared the history, 0 for never.
	Cleared() unit.Energy
	// Day and Month return the n-th newest closed day or month, 0 for the newest. They return false if the history
	// has no such entry.
	Day(n int) (UseRow, bool)
	Month(n int) (UseRow, bool)
	// Token returns the n-th newest token, 0 for the newest. It returns false if the history has no such token.
	Token(n int) (TokenRow, bool)
	// CardMonths returns the number of months that the memory card can show. The result readable is false if there
	// should be a card and it cannot be read. CardMonth reads the n-th newest month, 0 for the newest, which may take a
	// moment.
	CardMonths() (n int, readable bool)
	CardMonth(n int) CardRow
}

// UseRow is the energy that was used on a day, or in the month that begins on it.
type UseRow struct {
	Date meter.Date
	Used unit.Energy
}

// CardRow is a month on the memory card.
type CardRow struct {
	// Month is the first day of the month.
	Month meter.Date
	// Used is the energy used on its days; Found reports whether any of its days was found.
	Used  unit.Energy
	Found bool
	// Spoilt is the number of unreadable lines.
	Spoilt int
}

// TokenRow is one token of the history.
type TokenRow struct {
	// At is the time at which the token was entered, in Unix seconds, 0 if the clock was invalid.
	At int64
	// Masked is the token without its middle, as sts.Token prints it, "" if its digits are not stored.
	Masked string
	// Source, Code, Class and Units are those of the meter's answer.
	Source meter.Source
	Code   sts.Result
	Class  uint8
	Units  unit.Energy
}

// shownTokens is the number of tokens that menu 2 lists.
const shownTokens = 10

// maxCardMonths is the number of months of the memory card that menu 2 shows: ten years.
const maxCardMonths = 120

// sheet is a page of n pairs, each drawn only when it is shown.
type sheet struct {
	n  int
	at func(i int) pair
}

func sheetOf(pairs []pair) sheet { return sheet{len(pairs), func(i int) pair { return pairs[i] }} }

// inHistory reports whether the page is menu 2, or the short code for it.
func (p *Panel) inHistory() bool {
	return p.page == pageHistory || p.page == pageCode && p.code == PageUsage
}

// historyParts returns the parts of menu 2: use, tokens, days, months, memory card. Empty parts are left out. In each
// part the newest entry comes first.
func (v *screen) historyParts() []sheet {
	parts := []sheet{sheetOf(v.use())}
	h := v.m.History
	if h == nil {
		return parts
	}
	tokens := v.tokens()
	days, months, card := rows(v, dayRow, h.Day), rows(v, monthRow, h.Month), v.cardMonths()
	if days.n+months.n+card.n > 0 {
		tokens = append(tokens, v.texts(historyKeys, historySkip))
	}
	for _, part := range []sheet{sheetOf(tokens), days, months, card} {
		if part.n > 0 {
			parts = append(parts, part)
		}
	}
	return parts
}

// history returns the pages of menu 2.
func (v *screen) history() sheet {
	parts := v.historyParts()
	all := sheet{at: func(i int) pair {
		for _, part := range parts {
			if i < part.n {
				return part.at(i)
			}
			i -= part.n
		}
		return pair{}
	}}
	for _, part := range parts {
		all.n += part.n
	}
	return all
}

// leaf handles the keys that turn the pages of menu 2 besides #: 8 goes back by one, 9 on to the next part. No token
// begins with either, so every other digit still begins an entry.
func (p *Panel) leaf(m *View, key byte) {
	at, all := p.part(m), p.parts(m)
	if key == '8' {
		p.step, p.since = uint8((at+all-1)%all), m.Up
		return
	}
	v := &screen{p: p, m: m, width: p.Size.Width()}
	to, begins := 0, 0
	for _, part := range v.historyParts() {
		if screen := begins / (p.Size.Height() / Height); screen > at {
			to = screen
			break
		}
		begins += part.n
	}
	p.step, p.since = uint8(to), m.Up
}

// use returns the use of today, yesterday and this month.
func (v *screen) use() []pair {
	s, h := v.m.State, v.m.History
	pairs := []pair{{v.say(today), v.kWh(v.m.shown(s.Day.Used))}}
	if h == nil {
		return append(pairs, pair{v.say(thisMonth), v.kWh(v.m.shown(s.Month.Used))}, v.texts(noHistory, backHint))
	}
	before := v.say(unknown)
	if row, kept := h.Day(0); kept && row.Date+1 == s.Day.Date {
		before = v.kWh(row.Used)
	}
	return append(pairs, pair{v.say(yesterday), before}, pair{v.say(thisMonth), v.kWh(v.m.shown(s.Month.Used))})
}

// shown returns the part of the current day's or month's use that is shown: the energy used since the customer
// cleared the history.
func (m *View) shown(used uint32) unit.Energy {
	if m.History == nil {
		return unit.Energy(used)
	}
	return min(unit.Energy(used), max(m.State.Register-m.History.Cleared(), 0))
}

// rows returns closed days or months.
func rows(v *screen, title text, row func(n int) (UseRow, bool)) sheet {
	n := 0
	for _, is := row(n); is; _, is = row(n) {
		n++
	}
	return sheet{n, func(i int) pair {
		r, _ := row(i)
		date := monthOf(r.Date)
		if title == dayRow {
			_, _, day := r.Date.Civil()
			date = fmt.Sprintf("%02d.%s", day, date)
		}
		return pair{v.say(title) + " " + date, v.kWh(r.Used)}
	}}
}

func monthOf(d meter.Date) string {
	year, month, _ := d.Civil()
	return fmt.Sprintf("%02d.%d", month, year)
}

// cardMonths returns the months of the memory card. Each month is read only when it is shown.
func (v *screen) cardMonths() sheet {
	n, readable := v.m.History.CardMonths()
	if !readable {
		return sheetOf([]pair{v.texts(cardTitle, cardUnread)})
	}
	return sheet{min(n, maxCardMonths), func(i int) pair {
		r := v.m.History.CardMonth(i)
		return pair{v.say(cardRow) + " " + monthOf(r.Month), v.cardFigure(&r)}
	}}
}

// maxSpoilt is the largest number of spoilt lines that the display shows.
const maxSpoilt = 99

// cardFigure returns the use of a month on the card, and how many of its lines are spoilt.
func (v *screen) cardFigure(r *CardRow) string {
	figures := []string{v.say(unknown), ""}
	if r.Found {
		figures = []string{v.inKWh(r.Used), r.Used.KWh(0) + " kWh", ""}
	}
	if r.Spoilt == 0 {
		return v.apart("", figures[0])
	}
	spoilt := strconv.Itoa(min(r.Spoilt, maxSpoilt)) + " " + v.say(cardSpoilt)
	for _, f := range figures {
		if len(spoilt)+1+len(f) <= v.width {
			return v.apart(spoilt, f)
		}
	}
	return spoilt
}

// tokens returns the last ten tokens, two lines each.
func (v *screen) tokens() (pairs []pair) {
	for n := range shownTokens {
		row, is := v.m.History.Token(n)
		if !is {
			break
		}
		pairs = append(pairs, pair{v.masked(row), v.outcome(row)})
	}
	if len(pairs) == 0 {
		return []pair{v.texts(noTokens, backHint)}
	}
	return pairs
}

// ends returns the first and the last four digits of a token, the only digits ever shown. It returns false if the
// digits are not stored.
func (row *TokenRow) ends() (first, last string, kept bool) {
	const n = 4
	if len(row.Masked) < 2*n {
		return "", "", false
	}
	return row.Masked[:n], row.Masked[len(row.Masked)-n:], true
}

// masked returns a token without its middle, or its source if its digits are not stored.
func (v *screen) masked(row TokenRow) string {
	if first, last, kept := row.ends(); kept {
		return first + "********" + last
	}
	return v.say(inputs(row.Source))
}

// outcome returns when a token came and its result.
func (v *screen) outcome(row TokenRow) string {
	said := v.rowWord(row)
	if row.At == 0 {
		return said
	}
	date := local(v.m.Config, row.At).Format("02.01")
	if len(date)+1+len(said) > v.width {
		return said
	}
	return v.apart(date, said)
}

// rowWord returns the result of a token in ten characters, or twelve for a large amount.
func (v *screen) rowWord(row TokenRow) string {
	switch row.Code {
	case sts.Accept:
		if row.Class == 0 || row.Units != 0 {
			return v.signed(row.Units)
		}
		return v.say(rowDone)
	case sts.KCT1st, sts.KCTNth:
		return v.say(rowPart)
	case sts.UsedError:
		return v.say(rowUsed)
	case sts.CRCError, sts.FormatError:
		return v.say(rowWrong)
	}
	return v.say(rowRefused)
}

// signed returns the energy that a token added or removed, with its sign.
func (v *screen) signed(e unit.Energy) string {
	if e < 0 {
		return v.inKWh(e)
	}
	return "+" + v.inKWh(e)
}

// kWh returns a figure at the right end of its line.
func (v *screen) kWh(e unit.Energy) string { return v.apart("", v.inKWh(e)) }
