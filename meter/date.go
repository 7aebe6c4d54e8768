package meter

import "fmt"

// Date is a local day, counted from 1970-01-01; 0 stands for none. It reaches to the year 2149.
type Date uint16

const secondsPerDay = 24 * 60 * 60

// civil returns year, month (1 to 12) and day of the month in the Gregorian calendar.
func (d Date) civil() (year, month, dayOfMonth int) {
	// Counted in eras of 400 years from 0000-03-01, so that a leap day is the last of its year.
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

// newDate returns the day of a year from 1970 on.
func newDate(year, month, dayOfMonth int) int {
	if month <= 2 {
		year--
		month += 12
	}
	doy := (153*(month-3)+2)/5 + dayOfMonth - 1
	era := year / 400
	yoe := year % 400
	return era*146_097 + yoe*365 + yoe/4 - yoe/100 + doy - 719_468
}

// weekday returns 0 for Sunday to 6 for Saturday.
func (d Date) weekday() int { return (int(d) + 4) % 7 }

// String returns the day as 2026-11-20, "" for none.
func (d Date) String() string {
	if d == 0 {
		return ""
	}
	y, m, dom := d.civil()
	return fmt.Sprintf("%04d-%02d-%02d", y, m, dom)
}

// ParseDate is the inverse of [Date.String]; false for what is no day from 1970-01-02 to 2149-06-06.
func ParseDate(text string) (Date, bool) {
	var y, m, dom int
	if len(text) != len("2026-11-20") {
		return 0, false
	}
	if n, err := fmt.Sscanf(text, "%4d-%2d-%2d", &y, &m, &dom); n != 3 || err != nil || y < 1970 || y > 2149 || m < 1 || m > 12 || dom < 1 {
		return 0, false
	}
	d := newDate(y, m, dom)
	if d <= 0 || d >= 1<<16 || Date(d).String() != text {
		return 0, false
	}
	return Date(d), true
}
