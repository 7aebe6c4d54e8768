package console

import (
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/unit"
)

// effectView is what a request does if it is approved now.
type effectView struct {
	Refused string
	Summary string // as it is now; empty if it is that of the request
	Changed bool
	Facts   []effectFact
	Sums    []effectSum
	Rows    []effectRow
	Hidden  string
}

// effectFact is a figure; Before is empty if there is nothing to compare.
type effectFact struct {
	Name, Before, After, Was string
	Usual                    string // what After usually is, in a sentence; empty if nobody compares it
	Link                     string // page of the meter
	Cautions                 []string
}

// effectSum counts the rows of one fate.
type effectSum struct {
	Fate, Count, Sum, Was, Usual string
	Cautions                     []string
}

// effectRow is a row of a file.
type effectRow struct {
	Line, Name, At, From, Said, Meter, Amount, Fate string
	Cautions                                        []string
}

// effectOf writes what a request does in the language of the page.
func effectOf(site site, now *access.Rehearsed) *effectView {
	if now == nil {
		return nil
	}
	t, e, value := site.say, now.Effect, site.value
	view := &effectView{Changed: now.Changed}
	if now.Refused() {
		no := t.Refusal(now.Refusal)
		view.Refused = sentences(no.What, no.Try)
	}
	if now.Changed {
		view.Summary = site.shown(now.Summary)
	}
	if e.Hidden > 0 {
		view.Hidden = t.ApprovalEffectHidden(e.Hidden)
	}
	cautions := func(odd []access.Oddity) (out []string) {
		for _, o := range odd {
			out = append(out, site.shown(t.Refusal(o.Refusal).What))
		}
		return out
	}
	for _, f := range e.Facts {
		line := effectFact{Name: site.label(f.Name), Before: value(f.Before), After: value(f.After), Was: value(f.Was),
			Usual: site.usual(f.Usual), Cautions: cautions(f.Odd)}
		if f.Name == string(access.OwnMeter) {
			line.Link = "/meters/" + f.After.Text
		}
		view.Facts = append(view.Facts, line)
	}
	for _, s := range e.Sums {
		line := effectSum{Fate: t.Name("fate", string(s.Fate)), Count: t.Count(int64(s.Count)), Sum: value(s.Sum),
			Usual: site.usual(s.Usual), Cautions: cautions(s.Odd)}
		if s.WasSum.Currency != "" {
			line.Was = t.ApprovalEffectWasRows(s.WasCount, value(s.WasSum))
		}
		view.Sums = append(view.Sums, line)
	}
	for _, r := range e.Rows {
		line := effectRow{Line: t.Count(int64(r.Line)), Name: r.Name, From: r.From, Said: r.Said, Meter: r.Meter, Amount: t.Sum(r.Amount),
			Fate: t.Name("fate", string(r.Fate)), Cautions: cautions(r.Odd)}
		if !r.At.IsZero() {
			line.At = site.clock(r.At)
		}
		view.Rows = append(view.Rows, line)
	}
	return view
}

// usual writes what a figure usually is.
func (t site) usual(u access.Usual) string {
	switch {
	case !u.Compared:
		return ""
	case u.Of == 0:
		return t.say.ApprovalEffectNoUsual()
	}
	return t.say.ApprovalEffectUsual(u.Of, t.value(u.Median))
}

// value writes a value of an effect in the language of the page, and its times in the zone of the site.
func (t site) value(v access.Value) string {
	switch v.Unit {
	case access.UnitPrice:
		c, _ := money.CurrencyOf(v.Currency)
		return t.say.ApprovalEffectEachKwh(t.say.Price(money.MicroRate(v.Number), c))
	case access.UnitEnergy:
		return t.say.Energy(unit.Energy(v.Number), 1)
	case access.UnitPower:
		return t.say.Watts(v.Number)
	case access.UnitShare:
		return t.say.Percent(money.Bps(v.Number))
	case access.UnitDuration:
		return t.duration(v.Number)
	case access.UnitMoment:
		return t.clock(v.Moment())
	case access.UnitYesNo:
		if v.Number != 0 {
			return t.say.PeopleYes()
		}
		return t.say.PeopleNo()
	}
	switch name, isKey := strings.CutPrefix(v.Text, "API key "); {
	case v.Currency != "":
		return t.say.Sum(v.Amount())
	case v.Of != "":
		return t.say.Name(v.Of, strings.NewReplacer(".", "-", " ", "-").Replace(v.Text))
	case isKey:
		return t.shown(t.say.LayoutApiKey(name))
	}
	return t.shown(v.Text)
}

// duration writes a number of seconds in words, with its two largest units: "17 days, 2 hours".
func (t site) duration(seconds int64) string {
	say := t.say
	var parts []string
	for _, u := range []struct {
		seconds int64
		words   func(int) string
	}{{24 * 3600, say.ApprovalEffectDays}, {3600, say.ApprovalEffectHours}, {60, say.ApprovalEffectMinutes}, {1, say.ApprovalEffectSeconds}} {
		if n := seconds / u.seconds; n > 0 {
			parts = append(parts, u.words(int(n)))
			seconds -= n * u.seconds
		} else if len(parts) > 0 {
			break
		}
		if len(parts) == 2 {
			break
		}
	}
	if len(parts) == 0 {
		return say.ApprovalEffectSeconds(0)
	}
	return say.List(parts...)
}

// label names a figure of an effect. A field of a document is named by its path, such as "blocks[2].rate_micro": "Block 2: Price".
func (t site) label(name string) string {
	if ceiling, is := strings.CutPrefix(name, "ceilings."); is {
		return t.say.Name("fact", "ceilings") + ": " + t.say.Name("ceiling", strings.ReplaceAll(ceiling, "/", "-"))
	}
	var parts []string
	for _, step := range strings.Split(name, ".") {
		field, nth, _ := strings.Cut(strings.TrimSuffix(step, "]"), "[")
		text := t.say.Name("meter-value", field)
		if text == strings.ReplaceAll(strings.ToLower(field), "_", " ") {
			for _, end := range []string{"_micro", "_minor", "_wh", "_bps", "_s", "_w"} {
				field = strings.TrimSuffix(field, end)
			}
			text = t.say.Name("fact", field)
		}
		parts = append(parts, strings.TrimSpace(text+" "+nth))
	}
	return strings.Join(parts, ": ")
}
