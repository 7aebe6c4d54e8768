package meter

import (
	"math"

	"github.com/paywatt/paywatt/supply"
)

// The most windows and special days a configuration may have.
const (
	maxWindows = supply.MaxWindows
	maxSpecial = supply.MaxSpecial
)

// Window is a weekly friendly window in local time. Special is a special day with its own friendly window. Meter and server share this
// calendar.
type (
	Window  = supply.Window
	Special = supply.Special
)

// DST is a daylight saving rule.
type DST struct {
	// Shift is how many minutes local time is put forward between Begin and End, 0 for no daylight saving.
	Shift uint8
	// Begin is in local time without daylight saving, End in local time with it.
	Begin, End Switch
}

// Switch is a moment of the year, as the POSIX rule Mm.w.d/time has it.
type Switch struct {
	// Month is 1 to 12, Week 1 to 5 (5 for the last), Weekday 0 (Sunday) to 6.
	Month, Week, Weekday uint8
	// Minute is the minute of the local day.
	Minute uint16
}

// Local converts a time of the calendar (UTC) to local time, both in Unix seconds.
func (c *Config) Local(at int64) int64 {
	local := at + int64(c.TZMinutes)*60
	if c.DST.Shift == 0 {
		return local
	}
	shift := int64(c.DST.Shift) * 60
	// Begin is in standard time, End in summer time. In a rule for the southern hemisphere the year begins in summer.
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

// in returns the moment of the switch in the year of a local time, in local Unix seconds. A year outside the range of
// Date is replaced by the nearest year in it.
func (s Switch) in(local int64) int64 {
	year, _, _ := supply.DateOf(local).Civil()
	first := supply.DayNumber(year, int(s.Month), 1)
	day := first + (int(s.Weekday)-(first+4)%7+7)%7 + 7*(int(s.Week)-1)
	if s.Week == 5 {
		next := supply.DayNumber(year, int(s.Month)+1, 1)
		if s.Month == 12 {
			next = supply.DayNumber(year+1, 1, 1)
		}
		if day >= next {
			day -= 7
		}
	}
	return int64(day)*secondsPerDay + int64(s.Minute)*60
}

// friendly is the state of the friendly window.
type friendly uint8

const (
	friendlyNo friendly = iota
	friendlyOpen
	friendlyEnding
)

var friendlyNames = [...]string{friendlyNo: "closed", friendlyOpen: "open", friendlyEnding: "ending"}

// String returns the word for the state in the diagrams.
func (f friendly) String() string { return friendlyNames[f] }

type friendlyInput uint8

const (
	friendlyBegins friendlyInput = iota
	friendlySoon
	friendlyOver
)

var friendlyInputNames = [...]string{
	friendlyBegins: "a window begins", friendlySoon: "half an hour is left", friendlyOver: "no window is open",
}

var friendlyTable = [...]transition[friendly, friendlyInput]{
	{friendlyNo, friendlyBegins, friendlyOpen, CodeFriendlyStart},
	{friendlyNo, friendlySoon, friendlyEnding, CodeFriendlyStart},
	{friendlyOpen, friendlySoon, friendlyEnding, 0},
	{friendlyEnding, friendlyBegins, friendlyOpen, 0},
	{friendlyOpen, friendlyOver, friendlyNo, CodeFriendlyEnd},
	{friendlyEnding, friendlyOver, friendlyNo, CodeFriendlyEnd},
}

// noMoment in State.NextAt means that the calendar changes nothing, because the clock is invalid.
const noMoment = math.MaxUint32

// endingTime is how long before the end of a friendly window its warning comes, in seconds.
const endingTime = 30 * 60

// calendar applies the date and the time of day. It acts only when the next moment has come or the clock was set,
// because nothing changes in between.
func (x *step) calendar() {
	s, ev := x.s, x.ev
	if s.sameCalendar(ev, s.Up) {
		return
	}
	if !x.trusted() {
		s.NextAt = noMoment
		x.quality()
		x.friendly(0)
		return
	}
	x.quality()
	s.Offset = ev.offset(s.Up)
	x.date(supply.DateOf(x.c.Local(ev.At)))
	x.friendly(ev.At)
	s.NextAt = uint32(min(x.c.nextMoment(ev.At), noMoment-1))
}

// friendly updates the state of the friendly window for a time of the calendar; 0 means an invalid clock. The warning comes half an hour
// before the window ends. For it, friendly works out the local time half an hour later, as daylight saving may begin or end in between.
func (x *step) friendly(at int64) {
	s, c := x.s, x.c
	on := friendlyOver
	switch {
	case at == 0 && c.FriendlyInvalid, at != 0 && c.friendly(c.Local(at)):
		on = friendlyBegins
		if at != 0 && !c.friendly(c.Local(at+endingTime)) {
			on = friendlySoon
		}
	}
	from := friendlyNo
	if s.Flags.Has(FlagFriendly) {
		from = friendlyOpen
	}
	if s.Flags.Has(FlagEnding) {
		from = friendlyEnding
	}
	t, moves := lookup(friendlyTable[:], from, on)
	if !moves {
		return
	}
	s.Flags &^= FlagFriendly | FlagEnding
	switch t.to {
	case friendlyOpen:
		s.Flags |= FlagFriendly
	case friendlyEnding:
		s.Flags |= FlagFriendly | FlagEnding
		switch {
		case s.Relay != supply.Closed:
		case s.Wallet():
			if s.LeaseAt != 0 && s.powered() >= uint64(s.LeaseAt)*1000 && c.LeaseGrace == 0 {
				x.sound(BuzzerEnding, toneTime)
			}
		case s.Available(c) <= c.Cutoff && c.Lifeline == 0:
			x.sound(BuzzerEnding, toneTime)
			x.message(MessageEnding)
		}
	}
	x.checkpoint()
	if t.code != 0 {
		x.event(t.code, 0, 0)
		x.settle()
		x.leaseTime() // a window may have delayed the end of the lease
	}
}

// friendly reports whether a window is open at a local time.
func (c *Config) friendly(local int64) bool {
	return supply.Friendly(c.Friendly[:], c.Special[:], local)
}

// nextMoment returns the next moment after a given time at which the date, a window, its half-hour warning or the UTC offset of local time
// may change.
func (c *Config) nextMoment(at int64) int64 {
	return min(c.nextEdge(at), c.nextEdge(at+endingTime)-endingTime)
}

// nextEdge returns the next moment after a given time at which a day, a window or daylight saving begins or ends. A later call that begins
// at a daylight saving switch finds the edges beyond it.
func (c *Config) nextEdge(at int64) int64 {
	local := c.Local(at)
	second := local % secondsPerDay
	next := int64(secondsPerDay)
	// An unused window has its edges at midnight, which is an edge anyway.
	edge := func(minute uint16) {
		if e := int64(minute) * 60; e > second {
			next = min(next, e)
		}
	}
	for i := range c.Friendly {
		edge(c.Friendly[i].From)
		edge(c.Friendly[i].To)
	}
	for i := range c.Special {
		edge(c.Special[i].From)
		edge(c.Special[i].To)
	}
	next += at - second
	if c.DST.Shift == 0 {
		return next
	}
	standard := at + int64(c.TZMinutes)*60
	shift := int64(c.DST.Shift) * 60
	for _, e := range [...]int64{c.DST.Begin.in(standard), c.DST.End.in(standard) - shift} {
		if e > standard {
			next = min(next, at+e-standard)
		}
	}
	return next
}
