package meter

import "github.com/paywatt/paywatt/supply"

// maxTrips is the largest number of trips a configuration may allow before the lock-out.
const maxTrips = 4

// Overload is the state of the power limit (docs/reference/meter-rules.md#power-limit).
type Overload uint8

// The states of the power limit.
const (
	// OverloadNone: the load is within the limit, or there is no limit.
	OverloadNone Overload = iota
	// OverloadTiming: the load is above the limit and will trip.
	OverloadTiming
	// OverloadTripped: the relay is open and will close without a key press.
	OverloadTripped
	// OverloadLocked: the load tripped the relay too often. The relay stays open for Config.LockFor, or until the
	// customer presses a key.
	OverloadLocked
)

var overloadNames = [...]string{
	OverloadNone: "none", OverloadTiming: "timing", OverloadTripped: "tripped", OverloadLocked: "locked",
}

// String returns "none", "timing", "tripped" or "locked".
func (o Overload) String() string {
	if int(o) >= len(overloadNames) {
		return overloadNames[OverloadNone]
	}
	return overloadNames[o]
}

// overloadInput is an input to the state machine of the power limit.
type overloadInput uint8

const (
	overloadAbove overloadInput = iota
	overloadBelow
	overloadTrip
	overloadLock
	overloadRetry
	overloadConfirm
)

var overloadInputNames = [...]string{
	overloadAbove: "the load rises above the limit", overloadBelow: "the load is within the limit, or the relay is open",
	overloadTrip: "the load was above the limit for too long", overloadLock: "the load was above the limit for too long, and too often",
	overloadRetry: "the time is over", overloadConfirm: "the customer presses #",
}

var overloadTable = [...]transition[Overload, overloadInput]{
	{OverloadNone, overloadAbove, OverloadTiming, 0},
	{OverloadTiming, overloadBelow, OverloadNone, 0},
	{OverloadTiming, overloadTrip, OverloadTripped, CodeTrip},
	{OverloadTiming, overloadLock, OverloadLocked, CodeTripLock},
	{OverloadTripped, overloadRetry, OverloadNone, 0},
	{OverloadLocked, overloadRetry, OverloadNone, 0},
	{OverloadLocked, overloadConfirm, OverloadNone, 0},
}

const (
	fastTrip  = 1       // seconds above one and a half times the limit
	quietTime = 30 * 60 // seconds without a trip after which earlier trips no longer count
	gapNever  = 1<<16 - 1
)

// overloadMove gives an input to the state machine of the power limit.
func (x *step) overloadMove(on overloadInput) {
	s := x.s
	t, moves := lookup(overloadTable[:], s.Overload, on)
	if !moves {
		return
	}
	s.Overload = t.to
	if t.from == OverloadTiming && !s.Reasons.Has(supply.Test) {
		s.MoveAt = 0
	}
	switch t.to {
	case OverloadNone:
		if t.from == OverloadTiming {
			return
		}
		s.Reasons = s.Reasons.Without(supply.Overload)
		if t.from == OverloadLocked {
			s.forgetTrips()
		}
		x.moveRelay()
	case OverloadTripped, OverloadLocked:
		x.set(supply.Overload)
		x.event(t.code, int64(s.Power), int64(s.PowerLimit(x.c)))
		if t.to == OverloadLocked {
			x.message(MessageOverload)
		}
		x.moveRelay()
	}
}

// overload compares the load with the limit.
func (x *step) overload() {
	s := x.s
	if s.Overload > OverloadTiming || s.Overload == OverloadNone && s.Power == 0 {
		return
	}
	limit := s.PowerLimit(x.c)
	if limit == 0 || s.Power <= limit || s.Relay != supply.Closed {
		if s.Overload == OverloadTiming {
			x.overloadMove(overloadBelow)
		}
		return
	}
	delay := uint32(x.c.TripAfter)
	if 2*int64(s.Power) > 3*int64(limit) {
		delay = min(delay, fastTrip)
	}
	if s.Overload == OverloadNone {
		x.overloadMove(overloadAbove)
		s.MoveAt = s.second() + delay
	}
	s.MoveAt = min(s.MoveAt, s.second()+delay)
}

// trip opens the relay because the load was too high.
func (x *step) trip() {
	s := x.s
	s.countTrip(uint32(s.powered() / 1000))
	if trips := int(x.c.Trips); trips <= 1 || s.TripGaps[trips-2] <= x.c.TripWindow {
		x.overloadMove(overloadLock)
		return
	}
	x.overloadMove(overloadTrip)
}

// countTrip remembers a trip at a powered-on second.
func (s *State) countTrip(now uint32) {
	by := now - s.TripAt
	if s.TripAt == 0 || by > quietTime {
		s.forgetTrips()
		by = gapNever
	}
	for i := len(s.TripGaps) - 1; i > 0; i-- {
		s.TripGaps[i] = uint16(min(uint32(s.TripGaps[i-1])+by, gapNever))
	}
	s.TripGaps[0] = uint16(by)
	s.TripAt = max(now, 1)
}

func (s *State) forgetTrips() {
	s.TripAt = 0
	for i := range s.TripGaps {
		s.TripGaps[i] = gapNever
	}
}
