package supply

import (
	"fmt"
	"slices"
	"strings"
)

// MaxWindows and MaxSpecial are the maximum numbers of windows and special days in a calendar; a meter has room for no
// more.
const (
	MaxWindows = 6
	MaxSpecial = 12
)

// Window is a weekly friendly window in local time: lack of credit does not cut the supply within it.
type Window struct {
	// Days is the set of weekdays on which the window begins, bit 0 for Sunday; 0 for an unused window.
	Days uint8
	// From and To are minutes of the local day, To up to 1440. If To is not above From, it is on the next day.
	From, To uint16
}

// Special is a day with its own friendly hours, in addition to the hours of its weekday.
type Special struct {
	// Date is the local day, 0 for an unused entry.
	Date Date
	// From and To are minutes of that day, From below To, To up to 1440.
	From, To uint16
}

const (
	secondsPerDay = 24 * 60 * 60
	minutesPerDay = 24 * 60
)

// Friendly reports whether a window is open at a local time, in seconds since 1970 of the local calendar.
func Friendly(windows []Window, special []Special, local int64) bool {
	today := DateOf(local)
	minute := uint16(local % secondsPerDay / 60)
	day := uint(today.Weekday())
	before := (day + 6) % 7
	for i := range windows {
		w := &windows[i]
		switch begun := minute >= w.From; {
		case w.Days == 0:
		case w.From < w.To:
			if begun && minute < w.To && w.Days>>day&1 == 1 {
				return true
			}
		case begun && w.Days>>day&1 == 1, minute < w.To && w.Days>>before&1 == 1:
			return true
		}
	}
	for i := range special {
		if s := &special[i]; s.Date != 0 && s.Date == today && minute >= s.From && minute < s.To {
			return true
		}
	}
	return false
}

var weekdayNames = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// ParseWindow reads a text such as "mon,tue 18:00-07:00" or "all 22:00-06:00". It returns false for a text of another
// form.
func ParseWindow(entry string) (w Window, ok bool) {
	days, hours, two := strings.Cut(entry, " ")
	w.From, w.To, ok = parseHours(hours)
	for day := range strings.SplitSeq(days, ",") {
		if day == "all" {
			w.Days = 1<<len(weekdayNames) - 1
			continue
		}
		n := slices.Index(weekdayNames[:], day)
		if n < 0 {
			return Window{}, false
		}
		w.Days |= 1 << n
	}
	return w, two && ok && w.From < minutesPerDay
}

// ParseSpecial reads a text such as "2026-12-25" or "2026-12-31 12:00-24:00". It returns false for a text of another
// form.
func ParseSpecial(entry string) (s Special, ok bool) {
	day, hours, window := strings.Cut(entry, " ")
	s.To = minutesPerDay
	if s.Date, ok = ParseDate(day); window {
		from, to, good := parseHours(hours)
		s.From, s.To, ok = from, to, ok && good && from < to
	}
	return s, ok
}

// parseHours reads hours such as 18:00-07:00.
func parseHours(hours string) (from, to uint16, ok bool) {
	a, b, two := strings.Cut(hours, "-")
	from, good := ParseMinute(a)
	to, ok = ParseMinute(b)
	return from, to, two && good && ok
}

// ParseMinute reads a time such as 18:00 as a minute of the day; 24:00 is the end of the day.
func ParseMinute(text string) (uint16, bool) {
	if len(text) != len("18:00") || text[2] != ':' {
		return 0, false
	}
	n := uint16(0)
	for _, i := range [...]int{0, 1, 3, 4} {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
	}
	n = (uint16(text[0]-'0')*10+uint16(text[1]-'0'))*60 + uint16(text[3]-'0')*10 + uint16(text[4]-'0')
	return n, text[3] < '6' && n <= minutesPerDay
}

// Date is a local day, counted from 1970-01-01; 0 means no day. It reaches to the year 2149.
type Date uint16

// DateOf returns the day of a local time; a day outside the range of Date becomes the nearest day in that range.
func DateOf(local int64) Date {
	return Date(max(1, min(local/secondsPerDay, 1<<16-1)))
}

// Civil returns year, month (1 to 12) and day of the month in the Gregorian calendar.
func (d Date) Civil() (year, month, dayOfMonth int) {
	// The days are counted in eras of 400 years from 0000-03-01, so that a leap day is the last day of its year.
	z := int(d) + 719_468
	era := z / 146_097
	doe := z % 146_097
	yoe := (doe - doe/1460 + doe/36_524 - doe/146_096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	dayOfMonth = doy - (153*mp+2)/5 + 1
	month = mp + 3
	if month > 12 {
		month -= 12
	}
	year = yoe + era*400
	if month <= 2 {
		year++
	}
	return year, month, dayOfMonth
}

// DayNumber returns the number of days from 1970-01-01 to a day, for years from 1970 on.
func DayNumber(year, month, dayOfMonth int) int {
	if month <= 2 {
		year--
		month += 12
	}
	doy := (153*(month-3)+2)/5 + dayOfMonth - 1
	era := year / 400
	yoe := year % 400
	return era*146_097 + yoe*365 + yoe/4 - yoe/100 + doy - 719_468
}

// Weekday returns 0 for Sunday to 6 for Saturday.
func (d Date) Weekday() int { return (int(d) + 4) % 7 }

// String returns the day as 2026-11-20, "" for none.
func (d Date) String() string {
	if d == 0 {
		return ""
	}
	y, m, dom := d.Civil()
	return fmt.Sprintf("%04d-%02d-%02d", y, m, dom)
}

// ParseDate is the inverse of [Date.String]. It returns false if the text is not a day from 1970-01-02 to 2149-06-06.
func ParseDate(text string) (Date, bool) {
	var y, m, dom int
	if len(text) != len("2026-11-20") {
		return 0, false
	}
	if n, err := fmt.Sscanf(text, "%4d-%2d-%2d", &y, &m, &dom); n != 3 || err != nil || y < 1970 || y > 2149 || m < 1 || m > 12 || dom < 1 {
		return 0, false
	}
	d := DayNumber(y, m, dom)
	if d <= 0 || d >= 1<<16 || Date(d).String() != text {
		return 0, false
	}
	return Date(d), true
}
