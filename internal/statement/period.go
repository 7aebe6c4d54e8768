package statement

import (
	"strings"
	"time"
)

// This file finds out what a file covers. Its rows and its closing balance stand for whole days, because most files have only dates. A file that
// says when it begins or ends covers no more than that: an export of the morning does not know who paid in the afternoon.

// period is what a page says about its begin and its end, apart from its rows.
type period struct {
	begins, ends             time.Time // as the file states them; zero if it does not
	beginsWithin, endsWithin bool      // a balance within the day: the page begins or ends there, at a time that the file does not say
}

// moment is a date or a time that a file states, in the zone that the file gives it.
type moment struct {
	at       time.Time
	dateOnly bool
}

// cutHour24 makes 24:00 the hour 0, and returns how many days later it is.
func cutHour24(text, before string) (string, int) {
	if !strings.Contains(text, before+"24:00") {
		return text, 0
	}
	return strings.Replace(text, before+"24:00", before+"00:00", 1), 1
}

// covers extends the days of the page.
func (b *book) covers(from, to time.Time) {
	p := b.page()
	if p.From.IsZero() || from.Before(p.From) {
		p.From = from
	}
	if to.After(p.To) {
		p.To = to
	}
}

// coversDay extends the days of the page by one.
func (b *book) coversDay(at time.Time) { b.covers(dayOf(at), dayOf(at).AddDate(0, 0, 1)) }

// states takes the period that the page states. A period that runs backwards is not used.
func (b *book) states(from, to moment) {
	if to.at.Before(from.at) {
		return
	}
	if to.at.Equal(from.at) && isMidnight(to.at) { // one day, written as two midnights
		to.dateOnly = true
	}
	p := b.page()
	p.begins, p.ends = b.beginOf(from), b.endOf(to)
}

// beginOf returns the moment at which a period begins. Midnight in the file's own zone is the begin of that date.
func (b *book) beginOf(m moment) time.Time {
	if m.dateOnly || isMidnight(m.at) {
		return dateIn(m.at, b.options.Zone)
	}
	return m.at.In(b.options.Zone)
}

// endOf returns the moment at which a period ends. A second or a minute that a period names as its last one belongs to it, and midnight ends the
// day before. A date that is over in the file's own zone is whole.
func (b *book) endOf(m moment) time.Time {
	if m.dateOnly {
		return dateIn(m.at, b.options.Zone).AddDate(0, 0, 1)
	}
	at := m.at.Add(-time.Duration(m.at.Nanosecond()))
	if at.Second() == 59 {
		at = at.Add(time.Second)
	}
	at = afterLastMinute(at)
	local := afterLastMinute(at.In(b.options.Zone))
	if !isMidnight(at) {
		return local
	}
	if date := dateIn(at, b.options.Zone); date.After(local) {
		return date
	}
	return local
}

// afterLastMinute returns midnight for a time in the last minute of a day.
func afterLastMinute(at time.Time) time.Time {
	if at.Hour() == 23 && at.Minute() == 59 {
		return dayOf(at).AddDate(0, 0, 1)
	}
	return at
}

// closePages works out what each page and the file cover, when all rows are read. Where the file says that it begins or ends within a day, the
// rows of that day do not make the day whole.
func (b *book) closePages() {
	for i := range b.Pages {
		p := &b.Pages[i]
		if !p.ends.IsZero() && (p.To.IsZero() || !p.To.After(endOfDay(p.ends))) {
			p.To = p.ends
		}
		if !p.begins.IsZero() && (p.From.IsZero() || !p.From.Before(dayOf(p.begins))) {
			p.From = p.begins
		}
		if p.From.IsZero() && !p.To.IsZero() {
			p.From = dayOf(p.To.Add(-time.Second))
		}
		if p.From.IsZero() {
			continue
		}
		if p.beginsWithin && isMidnight(p.From) {
			p.From = p.From.Add(time.Second)
		}
		if p.endsWithin && isMidnight(p.To) {
			p.To = p.To.Add(-time.Second)
		}
		if b.From.IsZero() || p.From.Before(b.From) {
			b.From = p.From
		}
		if p.To.After(b.To) {
			b.To = p.To
		}
	}
}

// endOfDay returns the end of the day that a moment ends or lies in.
func endOfDay(at time.Time) time.Time {
	if isMidnight(at) {
		return at
	}
	return dayOf(at).AddDate(0, 0, 1)
}

func isMidnight(at time.Time) bool { return at.Equal(dayOf(at)) }

// dateIn returns the begin of a time's date in another zone.
func dateIn(at time.Time, zone *time.Location) time.Time {
	y, m, d := at.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, zone)
}

// dayOf returns the beginning of a day in its own zone.
func dayOf(at time.Time) time.Time {
	y, m, d := at.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, at.Location())
}
