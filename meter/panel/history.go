package panel

import (
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// History is what the memory keeps beside the state for menu 2, as far as the customer has not cleared it.
type History interface {
	// Yesterday returns the energy used on the local day before the one under way; false when its row is not kept.
	Yesterday() (unit.Energy, bool)
	// Token returns the n-th newest token, 0 for the newest; false when there are no more.
	Token(n int) (TokenRow, bool)
}

// TokenRow is one token of the history.
type TokenRow struct {
	// At is when it was entered in Unix seconds, 0 while the clock was invalid.
	At int64
	// Masked is the token without its middle, as sts.Token prints it, "" where its digits are not kept.
	Masked string
	// Source, Code, Class and Units are those of the meter's answer.
	Source meter.Source
	Code   sts.Result
	Class  uint8
	Units  unit.Energy
}

// shownTokens is how many tokens menu 2 lists.
const shownTokens = 10

// history is menu 2: today, yesterday, this month, and the last ten tokens.
func (v *screen) history() []pair {
	s, h := v.m.State, v.m.History
	pairs := []pair{{v.say(today), v.kWh(unit.Energy(s.Day.Used))}}
	if h == nil {
		return append(pairs, pair{v.say(thisMonth), v.kWh(unit.Energy(s.Month.Used))}, v.texts(noHistory, backHint))
	}
	before := v.say(unknown)
	if used, kept := h.Yesterday(); kept {
		before = v.kWh(used)
	}
	pairs = append(pairs, pair{v.say(yesterday), before}, pair{v.say(thisMonth), v.kWh(unit.Energy(s.Month.Used))})
	return append(pairs, v.tokens()...)
}

// tokens are the last ten tokens, two lines each.
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

// ends returns the first and the last four digits of a token, which are all that is ever shown; false where they are not
// kept.
func (row *TokenRow) ends() (first, last string, kept bool) {
	const n = 4
	if len(row.Masked) < 2*n {
		return "", "", false
	}
	return row.Masked[:n], row.Masked[len(row.Masked)-n:], true
}

// masked is a token without its middle, or the way it came where its digits are not kept.
func (v *screen) masked(row TokenRow) string {
	if first, last, kept := row.ends(); kept {
		return first + "********" + last
	}
	return v.say(inputs(row.Source))
}

// outcome is when a token came and what became of it.
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

// rowWord is the result of a token in ten characters, or twelve where it is a large amount.
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

// signed is what a token has added or taken away.
func (v *screen) signed(e unit.Energy) string {
	if e < 0 {
		return v.inKWh(e)
	}
	return "+" + v.inKWh(e)
}

// kWh is a figure at the right end of its line.
func (v *screen) kWh(e unit.Energy) string { return v.apart("", v.inKWh(e)) }
