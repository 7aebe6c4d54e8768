package meter

import (
	"math"

	"github.com/paywatt/paywatt/supply"
)

// ClockSource is who sets the clock. A later constant is trusted more (docs/reference/meter-rules.md#clock).
type ClockSource uint8

// The sources of time.
const (
	// ClockMenu: the customer at the keypad, within limits.
	ClockMenu ClockSource = iota + 1
	// ClockGSM: the mobile network.
	ClockGSM
	// ClockServer: the server, by a signed message.
	ClockServer
)

var clockSourceNames = [...]string{ClockMenu: "menu", ClockGSM: "gsm", ClockServer: "server"}

// String returns "menu", "gsm" or "server", or "none" for no source.
func (s ClockSource) String() string {
	if s == 0 || int(s) >= len(clockSourceNames) {
		return "none"
	}
	return clockSourceNames[s]
}

// ClockAnswer is the answer to a request to set the clock.
type ClockAnswer uint8

const (
	// ClockDone: accepted; the host sets the clock.
	ClockDone ClockAnswer = iota + 1
	// ClockTooFar: refused, because the menu may move the clock by only an hour in a day.
	ClockTooFar
	// ClockBackward: refused. With a valid clock the menu may not go back to a closed day; with an invalid clock it may not go back beyond
	// the last trusted time.
	ClockBackward
	// ClockOutranked: refused, because the clock is valid and was set by a better source.
	ClockOutranked
	// ClockImpossible: refused, because there is no such time.
	ClockImpossible
)

var clockAnswerNames = [...]string{
	ClockDone: "done", ClockTooFar: "too_far", ClockBackward: "backward", ClockOutranked: "outranked",
	ClockImpossible: "impossible",
}

// String returns a stable name: "done", "too_far" and so on.
func (a ClockAnswer) String() string {
	if a == 0 || int(a) >= len(clockAnswerNames) {
		return "unknown"
	}
	return clockAnswerNames[a]
}

// clockInput is what the host reports about its clock.
type clockInput uint8

const (
	clockLost clockInput = iota
	clockHeld
	clockSet
)

var clockInputNames = [...]string{
	clockLost: "the host does not trust the clock", clockHeld: "the clock ran on without its source", clockSet: "the clock was set and has run since",
}

var clockTable = [...]transition[Clock, clockInput]{
	{ClockValid, clockLost, ClockInvalid, CodeClockInvalid},
	{ClockHoldover, clockLost, ClockInvalid, CodeClockInvalid},
	{ClockValid, clockHeld, ClockHoldover, 0},
	{ClockInvalid, clockHeld, ClockHoldover, CodeClockRestored},
	{ClockInvalid, clockSet, ClockValid, CodeClockRestored},
	{ClockHoldover, clockSet, ClockValid, 0},
}

// The limits of the menu (docs/reference/meter-rules.md#clock).
const (
	menuMost  = 60 * 60 // seconds by which the menu may move the clock in a day
	menuHours = 25      // powered-on hours until a new day begins; 25, so that at least 24 have passed
)

// trusted reports whether the event's calendar may be used: its clock is trusted and its time is possible.
func (x *step) trusted() bool { return x.ev.trusted() }

func (ev *Event) trusted() bool {
	return ev.Clock != ClockInvalid && ev.At > 0 && ev.At < math.MaxUint32
}

// offset returns the calendar time minus the time since boot, in milliseconds.
func (ev *Event) offset(up uint64) int64 { return ev.At*1000 + int64(ev.Ms) - int64(up) }

// quality follows the clock quality that the host reports.
func (x *step) quality() {
	s := x.s
	on := clockLost
	if x.trusted() {
		on = clockHeld + clockInput(x.ev.Clock-ClockHoldover)
	}
	t, moves := lookup(clockTable[:], s.Clock, on)
	if !moves {
		return
	}
	s.Clock = t.to
	s.Day.Clock = min(s.Day.Clock, t.to)
	if t.code != 0 {
		x.event(t.code, 0, 0)
	}
}

// setClock answers a request to set the clock.
func (x *step) setClock(to int64, by ClockSource) ClockAnswer {
	s := x.s
	a := x.judgeClock(to, by)
	if a == ClockDone {
		if by == ClockMenu && s.Clock != ClockInvalid {
			s.Moved += uint16(distance(to, x.ev.At))
			x.save, x.urgent = true, true // so that a power cut does not allow another hour
		}
		s.SetBy, s.NextAt = by, 0
		x.event(CodeClockSet, x.ev.At, to)
	}
	e := x.emit(EffectClock)
	e.Clock, e.At = a, to
	return a
}

// judgeClock applies the rules of docs/reference/meter-rules.md#clock.
func (x *step) judgeClock(to int64, by ClockSource) ClockAnswer {
	s := x.s
	valid := s.Clock != ClockInvalid
	switch {
	case to <= 0 || to >= math.MaxUint32 || by < ClockMenu || by > ClockServer:
		return ClockImpossible
	case by == ClockGSM && s.Clock == ClockValid && s.SetBy == ClockServer:
		return ClockOutranked
	case by != ClockMenu:
		return ClockDone
	case !valid && to < int64(s.LastAt), valid && supply.DateOf(x.c.Local(to)) < s.Day.Date:
		return ClockBackward
	case !valid:
		return ClockDone
	}
	if hour := uint16(s.powered() / 3_600_000); s.Moved == 0 || hour-s.MovedAt >= menuHours {
		s.Moved, s.MovedAt = 0, hour
	}
	if int64(s.Moved)+distance(to, x.ev.At) > menuMost {
		return ClockTooFar
	}
	return ClockDone
}

func distance(a, b int64) int64 { return max(a-b, b-a) }
