// Package localday says when the days of a time zone begin.
//
// Not every day begins at 00:00. Where the clocks are put forward at midnight, as in Chile, in Cuba and on the Azores, that
// day's first moment is 01:00, and [time.Date] answers 23:00 of the day before for its midnight; where they are put back to
// midnight, 00:00 comes twice. A day that is found by [time.Date] or [time.Time.AddDate] is therefore the wrong one once a
// year in some places, and a loop from midnight to midnight never ends there.
package localday

import "time"

// MonthForm is the form of a local month in rows and references: "2026-11". A date has that of [time.DateOnly].
const MonthForm = "2006-01"

// Begin is the first moment of a local day. Like those of [time.Date], month and day may lie outside their usual ranges:
// the 32nd of October is the 1st of November.
func Begin(year int, month time.Month, day int, zone *time.Location) time.Time {
	const half = 12 * time.Hour
	noon := time.Date(year, month, day, 12, 0, 0, 0, zone) // the clocks are never changed at noon
	changed, _ := noon.ZoneBounds()
	at := noon.Add(-half)
	if changed.IsZero() {
		return at
	}
	// Midnight by the clocks as they were before they were changed last: the first one, if it was before that.
	_, after := noon.Zone()
	_, before := changed.Add(-1).Zone()
	switch old := at.Add(time.Duration(after-before) * time.Second); {
	case old.Before(changed):
		return old
	case at.Before(changed):
		return changed // there was no midnight
	}
	return at
}

// Of is the first moment of the day that a moment is in, in the moment's own zone.
func Of(at time.Time) time.Time { return After(at, 0) }

// Next is the first moment of the day after the one that a moment is in, in the moment's own zone. It is always later.
func Next(at time.Time) time.Time { return After(at, 1) }

// After is the first moment of the day so many days after the one that a moment is in, in the moment's own zone; before it
// if days is negative.
func After(at time.Time, days int) time.Time {
	year, month, day := at.Date()
	return Begin(year, month, day+days, at.Location())
}

// Parse reads a local date, "2026-11-20", as the first moment of that day. An error means that it is no date.
func Parse(date string, zone *time.Location) (time.Time, error) {
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return time.Time{}, err
	}
	return Begin(at.Year(), at.Month(), at.Day(), zone), nil
}
