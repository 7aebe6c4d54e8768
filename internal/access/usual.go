package access

// Nobody can tell from an amount alone whether it is much for its kind. This file puts beside it what is usual.
// That is the median of what was done of that kind in the last 30 days, after a second person agreed.
// Requests that nobody approves do not count. A request that does little when it is approved counts as little.
// So whoever asks cannot make a large amount usual first.

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refuse"
)

// size says which figures of an action tell how much it moves. The zero size is that of an action without such a figure.
type size struct {
	facts []string // names of figures
	rows  bool     // the sums of the rows of a file
	// alone is the ceiling under which others do the same action alone. What they take in a day counts, too.
	alone Ceiling
}

// sizeByFigures returns the size of an action that some of its figures tell.
func sizeByFigures(names ...string) size { return size{facts: names} }

// isKnown reports whether the action has a size.
func (s size) isKnown() bool { return len(s.facts) > 0 || s.rows }

// listFigures lists the figures of an action that are compared; "rows" stands for the sums of a file.
func (s size) listFigures() []string {
	if s.rows {
		return []string{"rows"}
	}
	return slices.Clone(s.facts)
}

// Usual is what a figure usually is for its kind of action.
type Usual struct {
	Compared bool  // whether the figure is compared with others
	Median   Value // of Of values; the zero Value if there are none
	Of       int
	amount   int64 // the median of the values without their signs: one that goes both ways is not usually nothing
}

// maxEarlier is how many of the newest approvals of a kind are read, each time somebody looks at the page.
const maxEarlier = 100

// comparableForm is the oldest form of an effect whose amounts of money are written as in [effectForm]. Form 2 wrote energy and power as texts:
// they have no unit, so they are compared with nothing.
const comparableForm = 2

// addUsual says what the figures of an action usually are, and marks what is much more.
func (e *Effect) addUsual(tx Tx, row Approval, now time.Time) error {
	s := acts[row.Act].size
	if !s.isKnown() {
		return nil
	}
	earlier, err := earlierEffects(tx, row.Act, now)
	if err != nil {
		return err
	}
	alone, err := takenByOthers(tx, s.alone, row.Maker, now)
	if err != nil {
		return err
	}
	for i := range e.Facts {
		f := &e.Facts[i]
		if !slices.Contains(s.facts, f.Name) {
			continue
		}
		values := slices.Clone(alone)
		for _, o := range earlier {
			values = append(values, o.valuesNamed(f.Name)...)
		}
		f.Usual = usualFor(f.After, values)
		f.Odd = append(f.Odd, f.Usual.oddFor(f.After)...)
	}
	for i := range e.Sums {
		sum := &e.Sums[i]
		if !s.rows || !sum.Fate.movesMoney() {
			continue
		}
		var values []Value
		for _, o := range earlier {
			values = append(values, o.sumsOf(sum.Fate)...)
		}
		sum.Usual = usualFor(sum.Sum, values)
		sum.Odd = sum.Usual.oddFor(sum.Sum)
	}
	return nil
}

// earlierEffects returns what the actions of a kind did that a second person agreed to lately.
func earlierEffects(tx Tx, act Act, now time.Time) ([]Effect, error) {
	texts, err := tx.Ceilings().DoneEffects(act, now.Add(-unusualHistory), maxEarlier)
	var out []Effect
	for _, text := range texts {
		var e Effect
		if json.Unmarshal([]byte(text), &e) == nil && comparableForm <= e.Form && e.Form <= effectForm {
			out = append(out, e)
		}
	}
	return out, err
}

// takenByOthers returns the mean size of what each other person took alone under a ceiling, for each day of the last 30. What the maker took alone
// says nothing: nobody else agreed to it.
func takenByOthers(tx Tx, c Ceiling, maker Actor, now time.Time) ([]Value, error) {
	if c == "" {
		return nil, nil
	}
	self, err := peopleBehind(tx, maker)
	if err != nil {
		return nil, err
	}
	rules, err := tx.Ceilings().CeilingRules()
	if err != nil {
		return nil, err
	}
	means, err := tx.Ceilings().DayMeans(c, now.Add(-unusualHistory), now)
	var out []Value
	for _, m := range means {
		if !slices.ContainsFunc(self, func(s Subject) bool { return s.ID == m.Subject }) {
			out = append(out, rules.Value(c, m.Amount))
		}
	}
	return out, err
}

// valuesNamed returns the values of a figure.
func (e Effect) valuesNamed(name string) (out []Value) {
	for _, f := range e.Facts {
		if f.Name == name {
			out = append(out, f.After)
		}
	}
	return out
}

// sumsOf returns the sum of the rows of a fate.
func (e Effect) sumsOf(fate Fate) (out []Value) {
	for _, s := range e.Sums {
		if s.Fate == fate {
			out = append(out, s.Sum)
		}
	}
	return out
}

// usualFor returns the median of the values that can be compared with one.
func usualFor(v Value, all []Value) Usual {
	unlike := func(o Value) bool { return o.Unit != v.Unit || o.Currency != v.Currency }
	all = slices.DeleteFunc(slices.Clone(all), unlike)
	if len(all) == 0 {
		return Usual{Compared: true}
	}
	sizes, amounts := make([]int64, len(all)), make([]int64, len(all))
	for i, o := range all {
		sizes[i] = o.size()
		amounts[i] = max(o.size(), -o.size())
	}
	middle := v
	middle.Minor, middle.Number = 0, 0
	if v.Unit == "" {
		middle.Minor = money.Minor(median(sizes))
	} else {
		middle.Number = median(sizes)
	}
	return Usual{Compared: true, Median: middle, Of: len(all), amount: median(amounts)}
}

// oddFor warns of a value that is much more than usual, once enough is known to say so.
func (u Usual) oddFor(v Value) []Oddity {
	asked := max(v.size(), -v.size())
	if !isFarAboveUsual(asked, u.amount, u.Of) {
		return nil
	}
	return []Oddity{{refuse.OddSize(unusualTimes)}}
}
