package flats

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/series"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

// maxCompared is how many flats are compared with a main meter at once.
const maxCompared = 500

// Metered is a meter of a building, with what its register counted in a span.
type Metered struct {
	N            int64 // see registry.Meter.N
	Number, Name string
	series.Measured
}

// Gap says in one word why the use of a meter in a span is not wholly known.
type Gap string

// Gaps; the first that applies counts.
const (
	NoGap     Gap = ""
	Unread    Gap = "unread"    // no readings reach into the span: its use is unknown
	Broken    Gap = "reset"     // the register fell or jumped: the use across that place is unknown
	Partly    Gap = "part"      // readings reach over a part of the span, and the use of the rest is unknown
	Estimated Gap = "estimated" // readings were a day or more apart: a part of the use is an estimate by time
	Between   Gap = "between"   // no reading in the span: its use is a share of what was counted between two readings around it
)

// Gap says what is not known of a meter's use.
func (m Metered) Gap() Gap {
	switch {
	case m.Breaks > 0:
		return Broken
	case m.First.IsZero():
		return Unread
	case !m.Whole():
		return Partly
	case m.Measured.Estimated > 0:
		return Estimated
	case !m.Inside:
		return Between
	}
	return NoGap
}

// Loss compares the main meter of a building with the meters of its flats over a span.
type Loss struct {
	refusal.Refusal
	Building string
	From, To time.Time // whole local days
	On       string    // the local day, or the local month such as 2026-11
	Main     Metered
	Flats    []Metered // in the order of their names
	Sum      unit.Energy
	Lost     unit.Energy // what the main meter counted and no flat did; negative if the flats counted more
	Whole    bool        // the main meter's use is wholly known; if not, there is no loss to tell
	Bps      int64       // the loss in hundredths of a percent of what the main meter counted; 0 if it counted nothing
	Missing  int         // flats whose use is not wholly known: what they used beside counts as loss
}

// Compare adds up what flats counted, and compares it with the main meter. All of it comes from registers.
func Compare(main Metered, all []Metered) Loss {
	out := Loss{Main: main, Flats: all, Whole: main.Whole()}
	for _, f := range all {
		out.Sum += f.Units
		if !f.Whole() {
			out.Missing++
		}
	}
	if !out.Whole {
		return out
	}
	if out.Lost = main.Units - out.Sum; main.Units > 0 {
		out.Bps = halfUp(int64(out.Lost)*10_000, int64(main.Units))
	}
	return out
}

// halfUp divides by a positive number, and rounds to the nearest; a half away from zero.
func halfUp(a, b int64) int64 {
	if a < 0 {
		return -halfUp(-a, b)
	}
	return (a + b/2) / b
}

// Loss compares the main meter of a building with its flats on a local day such as 2026-11-24 or in a month such as 2026-11; yesterday if it is
// empty (right: meter.read). The days that are over count: of the present month, those before today.
func (fs *Flats) Loss(ctx context.Context, by access.Actor, building, on string) (Loss, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return Loss{Refusal: no}, nil
	}
	out := Loss{Building: building}
	var all []Metered
	_, err := access.Look(ctx, fs.c.Door, by.Tenant, func(tx Tx) (_ struct{}, err error) {
		set, err := tx.WalletTenant()
		if err != nil {
			return struct{}{}, err
		}
		out.On, out.From, out.To, out.Refusal, err = spanOf(tx, on, fs.c.Now().In(set.Zone))
		if err != nil || out.Refused() {
			return struct{}{}, err
		}
		var found bool
		if out.Main, found, err = tx.MainMeterOf(building); err != nil || !found {
			out.Refusal = refuse.BuildingWithoutMainMeter(refusal.Echo(building))
			return struct{}{}, err
		}
		if all, err = tx.FlatMeters(building, maxCompared+1); len(all) > maxCompared {
			out.Refusal = refuse.BuildingTooLarge(maxCompared)
		}
		return struct{}{}, err
	})
	if err != nil || out.Refused() {
		return out, fault.Wrap(err, "compare the meters of a building")
	}
	numbers := []int64{out.Main.N}
	for _, m := range all {
		numbers = append(numbers, m.N)
	}
	measured, err := fs.c.Timelines.Measure(ctx, by, numbers, out.From, out.To)
	if err != nil {
		return out, err
	}
	out.Main.Measured = measured[out.Main.N]
	for i := range all {
		all[i].Measured = measured[all[i].N]
	}
	slices.SortStableFunc(all, func(a, b Metered) int { return cmp.Or(ByName(a.Name, b.Name), strings.Compare(a.Number, b.Number)) })
	l := Compare(out.Main, all)
	l.Building, l.On, l.From, l.To = building, out.On, out.From, out.To
	return l, nil
}

// spanOf reads a local day or month. It ends today at the latest, because the meters' readings of a day come until it is over.
func spanOf(tx Tx, on string, now time.Time) (name string, from, to time.Time, no refusal.Refusal, err error) {
	today := localday.Of(now)
	switch {
	case on == "":
		from, to = localday.After(today, -1), today
		on = from.Format(time.DateOnly)
	case len(on) == len(localday.MonthForm):
		from, to, no, err = wallet.FindMonth(tx, on, now)
		if err != nil || no.Refused() {
			return on, from, to, no, err
		}
	default:
		if from, err = localday.Parse(on, now.Location()); err != nil {
			return on, from, to, refuse.LocalDateOfWrongForm(refusal.Echo(on)), nil
		}
		to = localday.Next(from)
	}
	if to.After(today) {
		to = today
	}
	if !from.Before(to) {
		no = refuse.LossOfDaysToCome(on)
	}
	return on, from, to, no, nil
}
