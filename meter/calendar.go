package meter

// The most windows and special days a configuration may have.
const (
	maxWindows = 6
	maxSpecial = 12
)

// Window is a weekly friendly window in local time.
type Window struct {
	// Days is the set of weekdays on which it begins, bit 0 for Sunday; 0 for a window that is not used.
	Days uint8
	// From and To are minutes of the local day, To up to 1440. A To that is not above From lies on the next day.
	From, To uint16
}

// Special is a day with friendly hours of its own, beside those of its weekday.
type Special struct {
	// Date is the local day, 0 for one that is not used.
	Date Date
	// From and To are minutes of that day, From below To, To up to 1440.
	From, To uint16
}

// DST is a rule for daylight saving.
type DST struct {
	// Shift is how many minutes local time is ahead from Begin to End, 0 for no daylight saving.
	Shift uint8
	// Begin is in local time without daylight saving, End in local time with it.
	Begin, End Switch
}

// Switch is a moment of the year, as the POSIX rule Mm.w.d/time has it.
type Switch struct {
	// Month is 1 to 12, Week 1 to 5 (5 for the last), Weekday 0 (Sunday) to 6.
	Month, Week, Weekday uint8
	// Minute is that of the local day.
	Minute uint16
}

// Local returns the local time that belongs to a time of the calendar, both in Unix seconds.
func (c *Config) Local(at int64) int64 {
	local := at + int64(c.TZMinutes)*60
	if c.DST.Shift == 0 {
		return local
	}
	shift := int64(c.DST.Shift) * 60
	// Begin is given in standard time, End in summer time. A rule whose year begins in summer is one of the south.
	begin, end := c.DST.Begin.in(local), c.DST.End.in(local)-shift
	summer := local >= begin && local < end
	if end < begin {
		summer = local >= begin || local < end
	}
	if summer {
		return local + shift
	}
	return local
}

// in returns the moment of the switch in the year of a local time, in local Unix seconds. Outside the years a Date can
// have it is that of the nearest.
func (s Switch) in(local int64) int64 {
	year, _, _ := dateOf(local).civil()
	first := newDate(year, int(s.Month), 1)
	day := first + (int(s.Weekday)-(first+4)%7+7)%7 + 7*(int(s.Week)-1)
	if s.Week == 5 {
		next := newDate(year, int(s.Month)+1, 1)
		if s.Month == 12 {
			next = newDate(year+1, 1, 1)
		}
		if day >= next {
			day -= 7
		}
	}
	return int64(day)*secondsPerDay + int64(s.Minute)*60
}

// dateOf returns the day of a local time; one that a Date cannot have is the nearest.
func dateOf(local int64) Date {
	return Date(max(1, min(local/secondsPerDay, 1<<16-1)))
}
