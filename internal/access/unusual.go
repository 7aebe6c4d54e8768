package access

import (
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/alarmtext"
)

// Unusual is a set of reasons why somebody's actions of a day are unusual. The bits are stored; never change one.
type Unusual int64

// Reasons for the alarm.
const (
	UnusualShare Unusual = 1 << iota // much of a ceiling within [UnusualWindow]
	UnusualSpeed                     // many actions within [UnusualWindow]
	UnusualSize                      // one action much larger than this person's actions usually are
)

// Names returns the names of the reasons, nil for none.
func (u Unusual) Names() (out []string) {
	for i, name := range []string{"share", "speed", "size"} {
		if u&(1<<i) != 0 {
			out = append(out, name)
		}
	}
	return out
}

// Thresholds of the alarm. Each raises at most one alarm for a person, a ceiling and a day.
const (
	UnusualWindow = 10 * time.Minute
	unusualPart   = 2  // more than this part of the ceiling within a window: half
	unusualActs   = 60 // more actions than this within a window: one every ten seconds
	unusualTimes  = 10 // more than this many times the usual size
	unusualKnown  = 5  // days or approvals that must be known before a size can be unusual
	unusualLeast  = 20 // an action below this part of the ceiling is never unusual in size: a twentieth

	unusualHistory = 30 * 24 * time.Hour // the days that say what is usual
)

// Taken is a total of a day after an action, and how fast it grows.
type Taken struct {
	Amount     int64 // of the day
	Window     int64 // taken in the present window
	WindowActs int64 // actions in the present window
	Raised     Unusual
}

// unusual returns the reasons why an action is unusual that were not raised before on the day. The parameter most is the ceiling, and means
// holds the mean size of this person's actions on each earlier day that had any.
func unusual(action int64, t Taken, most int64, means []int64) Unusual {
	var out Unusual
	if most > 0 && t.Window > most/unusualPart {
		out |= UnusualShare
	}
	if t.WindowActs > unusualActs {
		out |= UnusualSpeed
	}
	if large(action, most) && len(means) > 0 && isFarAboveUsual(action, median(means), len(means)) {
		out |= UnusualSize
	}
	return out &^ t.Raised
}

// isFarAboveUsual reports whether a size is much more than usual, once enough sizes are known to say so.
func isFarAboveUsual(size, usual int64, known int) bool {
	return known >= unusualKnown && size/unusualTimes > usual
}

// large reports whether an action is large enough to compare it with earlier ones.
func large(action, most int64) bool { return most > 0 && action >= max(most/unusualLeast, 2) }

// median returns the middle value; of two middle values the higher one.
func median(all []int64) int64 {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

// text returns the sentence of one reason.
func (u Unusual) text(rules CeilingRules, d DayTotal, t Taken, most int64) string {
	c, who, date := d.Ceiling, PlainName(d.Name), d.From.Format(time.DateOnly)
	switch u {
	case UnusualShare:
		return alarmtext.PersonShare(who, rules.amount(c, t.Window), c.Words(), date, rules.amount(c, most))
	case UnusualSpeed:
		return alarmtext.PersonSpeed(who, t.WindowActs, date, c.Words())
	}
	return alarmtext.PersonSize(who, date, rules.amount(c, d.Amount), c.Words())
}

// watch raises an alarm for each counted action of a person that is unusual. While a tenant never had a person, there is nobody to warn.
func watch(tx CeilingTx, t taken, rules CeilingRules) error {
	for i, d := range t.took {
		if !d.Ceiling.OfPerson() {
			continue
		}
		most := rules.Most(d.Ceiling)
		var means []int64
		if large(d.Amount, most) {
			var err error
			if means, err = tx.UsualTaken(d.Ceiling, d.Subject, d.From.Add(-unusualHistory), d.From); err != nil {
				return err
			}
		}
		why := unusual(d.Amount, t.after[i], most, means)
		if why == 0 {
			continue
		}
		had, err := t.all.had()
		if err != nil || !had {
			return err
		}
		if err := tx.DayRaised(d, why|t.after[i].Raised); err != nil {
			return err
		}
		for _, one := range []Unusual{UnusualShare, UnusualSpeed, UnusualSize} {
			if why&one == 0 {
				continue
			}
			if err := tx.RaisePersonAlarm(one.text(rules, d, t.after[i], most)); err != nil {
				return err
			}
		}
	}
	return nil
}
