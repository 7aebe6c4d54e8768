// Package localday finds when the days of a time zone begin.
//
// Not every day begins at 00:00. If the clocks are put forward at midnight, as in Chile, in Cuba and on the Azores, that day begins at
// 01:00. For its midnight [time.Date] returns 23:00 of the day before. If the clocks are put back to midnight, 00:00 comes twice. So in
// some places [time.Date] and [time.Time.AddDate] find the wrong day once a year, and a loop from midnight to midnight never ends there.
package localday

import "time"

// MonthForm is the layout of a local month in rows and references: "2026-11". A date has the layout [time.DateOnly].
const MonthForm = "2006-01"

// Begin returns the first moment of a local day. As for [time.Date], month and day may be outside their usual ranges: the 32nd of October
// is the 1st of November.
func Begin(year int, month time.Month, day int, zone *time.Location) time.Time {
	const half = 12 * time.Hour
	noon := time.Date(year, month, day, 12, 0, 0, 0, zone) // the clocks are never changed at noon
	changed, _ := noon.ZoneBounds()
	at := noon.Add(-half)
	if changed.IsZero() {
		return at
	}
	// Compute 00:00 of this day in the UTC offset that was in force before the last clock change. If the clocks had not yet changed at that
	// moment, the day begins at that moment.
	_, after := noon.Zone()
	_, before := changed.Add(-1).Zone()
	switch old := at.Add(time.Duration(after-before) * time.Second); {
	case old.Before(changed):
		return old
	case at.Before(changed):
		return changed // this day has no midnight
	}
	return at
}

// Of returns the first moment of a time's day, in the time's own zone.
func Of(at time.Time) time.Time { return After(at, 0) }

// Next returns the first moment of the day after a time's day, in the time's own zone. It is always later than the time.
func Next(at time.Time) time.Time { return After(at, 1) }

// After returns the first moment of the day that comes a number of days after a time's day, in the time's own zone. A negative number
// goes back.
func After(at time.Time, days int) time.Time {
	year, month, day := at.Date()
	return Begin(year, month, day+days, at.Location())
}

// Parse parses a local date, "2026-11-20", and returns the first moment of that day. It returns an error if the text is no date.
func Parse(date string, zone *time.Location) (time.Time, error) {
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return time.Time{}, err
	}
	return Begin(at.Year(), at.Month(), at.Day(), zone), nil
}
