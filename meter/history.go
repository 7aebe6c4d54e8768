package meter

import (
	"math"

	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// History is one of the rings of records that a host keeps beside the state (docs/reference/meter-rules.md#what-is-stored-and-when).
type History uint8

// The histories, each with the number of records it keeps.
const (
	HistoryNone History = iota
	// HistoryDays: 62 rows of closed days.
	HistoryDays
	// HistoryMonths: 24 rows of closed months.
	HistoryMonths
	// HistoryTokens: 50 reports of tokens.
	HistoryTokens
	// HistoryEvents: 500 reports of events.
	HistoryEvents

	histories
)

// Keep returns how many records the history keeps.
func (h History) Keep() int {
	return [histories]int{HistoryDays: 62, HistoryMonths: 24, HistoryTokens: 50, HistoryEvents: 500}[h%histories]
}

// Row is one closed day or month of the history.
type Row struct {
	// Kind is HistoryDays or HistoryMonths.
	Kind History
	// Date is the local day, or the first day of the month.
	Date Date
	// Register is the total register at the end, Used the energy imported, Tokens the energy credited by tokens.
	Register, Used, Tokens unit.Energy
	// For days only: Min and Max are the lowest and highest credit as the customer sees it, Peak the highest load.
	// OffMinutes is the number of minutes without supply, Events the number of events, Clock the worst quality of the
	// clock.
	Min, Max   unit.Energy
	Peak       unit.Power
	OffMinutes uint16
	Events     uint16
	Clock      Clock
	// Gap marks an empty day that a jump of the clock skipped.
	Gap bool
}

// weekUnknown marks a day of State.Week whose use is unknown.
const weekUnknown = 1<<16 - 1

// maxGap is the largest number of empty days that are recorded for a jump of the clock.
const maxGap = 31

// date begins a local day and closes the days before it. Rows stay in order even if the clock jumps: a closed day is
// never reopened, and the current day lasts until the clock passes it.
func (x *step) date(today Date) {
	s := x.s
	d := &s.Day
	switch {
	case d.Date == 0:
		x.beginDay(today) // the first day of all
	case today > d.Date:
		x.closeDay(today)
	case today < d.Date:
		// After a long jump forward and back the current day may have a date far ahead.
		d.Date = max(today, min(s.Closed+1, d.Date))
	}
}

// closeDay writes the rows of the current day, of its month if that is over, and of the empty days up to today.
func (x *step) closeDay(today Date) {
	s := x.s
	d := &s.Day
	row := Row{
		Kind: HistoryDays, Date: d.Date, Register: s.Register,
		Used: unit.Energy(d.Used), Tokens: unit.Energy(d.Tokens), Min: unit.Energy(d.Min), Max: unit.Energy(d.Max),
		Peak: d.Peak, OffMinutes: uint16(uint32(d.Off) * offUnit / 60), Events: d.Events, Clock: d.Clock,
	}
	gap := min(today-d.Date-1, maxGap)
	s.Closed = d.Date + gap
	e := x.emit(EffectAppend)
	e.Row, e.Days = row, uint8(gap)
	x.report(ReportClose).Row = row
	copy(s.Week[1:], s.Week[:])
	s.Week[0] = uint16(min(d.Used/10, weekUnknown-1))
	year, month, _ := d.Date.Civil()
	if y, m, _ := today.Civil(); y != year || m != month {
		x.emit(EffectAppend).Row = Row{
			Kind: HistoryMonths, Date: Date(supply.DayNumber(year, month, 1)), Register: s.Register,
			Used: unit.Energy(s.Month.Used), Tokens: unit.Energy(s.Month.Tokens), Clock: s.Clock,
		}
		s.Month = Month{}
	}
	x.beginDay(today)
	x.save, x.urgent, s.Unsaved = true, true, 0 // the snapshot must be written before the next row
	x.settle()                                  // the first warning may depend on the use of the last days
}

// beginDay begins an empty day.
func (x *step) beginDay(today Date) {
	s := x.s
	shown := narrow(s.Shown())
	s.Day = Day{Date: today, Min: shown, Max: shown, Clock: s.Clock}
	if s.Relay == supply.Closed {
		s.Day.Peak = s.Power
	}
}

// narrow clamps an energy to the 32 bits of a day's row.
func narrow(e unit.Energy) int32 { return int32(max(math.MinInt32, min(e, math.MaxInt32))) }

// offUnit is the unit of Day.Off in seconds: two, so that a day fits 16 bits.
const offUnit = 2

// off adds the time since the last event to Day.Off if there was no supply. It counts the 2 s boundaries that were
// crossed in this time. So the sum does not depend on how many events divide this time.
func (x *step) off() {
	if s := x.s; x.relay != supply.Closed {
		const grid = offUnit * 1000
		s.Day.Off = uint16(min(uint64(s.Day.Off)+s.Up/grid-x.was/grid, math.MaxUint16))
	}
}

// offBefore splits the power cut that ends now, before the calendar moves on. If a new day has begun, it adds to the
// old day the seconds of the cut that fall on that day. It returns the seconds that fall on the current day.
func (x *step) offBefore() (after int64) {
	s := x.s
	if x.ev.Off <= 0 || !x.trusted() || s.Day.Date == 0 {
		return 0
	}
	local := x.c.Local(x.ev.At)
	off := min(x.ev.Off, local)
	if supply.DateOf(local) <= s.Day.Date {
		return off
	}
	after = min(off, local%secondsPerDay)
	if end := (int64(s.Day.Date) + 1) * secondsPerDay; local-off < end {
		s.Day.addOff(end - (local - off))
	}
	return after
}

func (d *Day) addOff(seconds int64) {
	d.Off = uint16(min(int64(d.Off)+seconds/offUnit, math.MaxUint16))
}

// bucket updates the lowest and highest credit of the day.
func (s *State) bucket() {
	d := &s.Day
	shown := narrow(s.Shown())
	d.Min, d.Max = min(d.Min, shown), max(d.Max, shown)
}

// low1 returns the credit at which the first warning is given: enough for Low1Days at the mean use of the known days,
// or Low1 while no day is known.
func (s *State) low1(c *Config) unit.Energy {
	switch {
	case s.Wallet():
		return 0 // the server has thresholds in money
	case c.Low1Days == 0:
		return c.Low1
	}
	var sum, days unit.Energy
	for _, used := range s.Week {
		if used != weekUnknown {
			sum, days = sum+unit.Energy(used)*10, days+1
		}
	}
	if days == 0 {
		return c.Low1
	}
	return sum * unit.Energy(c.Low1Days) / days
}
