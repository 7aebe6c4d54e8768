package meter

import (
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// RingSize is the number of answers to requests and commands that a meter remembers.
const RingSize = 4

// State is everything a meter knows except its Config and its Keys. It is flat and comparable, so an assignment copies
// all of it. Only Step and the memory (package journal) write to it; everybody may read. It must stay within 512 bytes,
// so its fields are in the order that packs best. Volatile fields, which a power cut loses, are marked.
type State struct {
	// The registers. Register is the total ever imported. Balance is the energy bought and not used yet. ECUsed (below)
	// and Overrun are the energy used beyond it. Register + Balance - ECUsed - Overrun changes only with tokens, and
	// with exported energy where the configuration charges or credits it. In wallet mode Balance is the rest of the
	// lease, and Overrun is the energy used beyond the lease. In that mode Register + Balance - Overrun is the register
	// up to which the lease goes.
	Register, Balance, Overrun unit.Energy
	// RingKeys and RingAnswers are the last answers to requests and commands, the oldest first.
	RingKeys [RingSize]uint64
	// Seq is the number of the next report. Counter is the highest counter of any signed message taken.
	Seq, Counter uint64
	// On is the powered-on time before this boot in milliseconds. On + Up is the clock of all lock-outs.
	On uint64
	// Up is the time of the last event in milliseconds since boot. Offset is the calendar time (Unix, in milliseconds)
	// minus Up. Both are volatile.
	Up     uint64
	Offset int64

	// ECUsed is the emergency credit used and not paid back, in Wh.
	ECUsed int32
	// Export is the total energy that flowed the other way, in Wh; it stops at its largest value.
	Export uint32
	// LastAt is the newest time that a trusted real-time clock has shown, in Unix seconds.
	LastAt uint32
	// PulseRem is the counted energy below 1 Wh, in 1/Imp Wh; Imp is the meter constant with which it was counted.
	PulseRem, Imp uint32
	// Applied is the newest log record that this state contains.
	Applied uint32
	// Boots counts the starts. Unclean (below) counts the starts without a save before them.
	Boots uint32
	// SectionsUntil is the powered-on second at which Sections are forgotten, 0 while there are none.
	SectionsUntil uint32
	// Limit is the maximum power limit that a token has set, 0 for none. Display test 7 shows it.
	Limit unit.Power
	// TripAt is the powered-on second of the last overload trip, 0 for none.
	TripAt uint32
	// The current day and month.
	Day   Day
	Month Month
	// Power and Voltage are the last sample; volatile.
	Power   unit.Power
	Voltage int32
	// BeepAt, QuietAt and MoveAt are volatile timers: the seconds since boot at which they are due, 0 for a timer that
	// is not running. BeepAt is the next reminder, QuietAt the end of a sound. At MoveAt the relay moves by itself. While
	// the reason TEST keeps the relay open, MoveAt is the end of the test. Otherwise, while the load is above the limit
	// (OverloadTiming), it is the trip. Otherwise it is the end of the wait after a power cut.
	BeepAt, QuietAt, MoveAt uint32
	// LeaseSeq is the number of the newest lease, 0 for none. LeaseAt is the powered-on second at which its time runs
	// out, 0 once that has happened. While the reason LEASE keeps the supply off, LeaseAt is the second at which this
	// cut-off began.
	LeaseSeq, LeaseAt uint32
	// NextAt is the next time at which the calendar changes anything, in Unix seconds: the largest value for never, 0
	// to look at the calendar at the next event; volatile.
	NextAt uint32

	// Guards count wrong tokens, by Source - 1.
	Guards [Remote]Guard
	// Key is the public description of the key.
	Key KeyInfo

	// Week is the energy used on each of the last seven days in units of 10 Wh, the newest first; 65535 for unknown.
	Week [7]uint16
	// TripGaps are the seconds from each earlier trip to TripAt, newest first; 65535 also stands for a longer time and
	// for no trip.
	TripGaps [maxTrips - 1]uint16
	// Unclean counts the starts after a stop without a save. Tampered counts the assertions of tamper switches. Both
	// stop at 65535.
	Unclean, Tampered uint16
	// Moved is the number of seconds by which the menu has moved the clock since the powered-on hour MovedAt. The count
	// begins anew after menuHours.
	Moved, MovedAt uint16
	// Closed is the last day that has a row in the history, 0 for none.
	Closed Date
	// Reasons and Confirm decide the position of the relay; Relay is its present position.
	Reasons supply.Reasons

	// TIDs are the tokens that cannot be used again.
	TIDs sts.TIDStore

	RingAnswers [RingSize]uint8
	// Flags holds the facts that are on or off.
	Flags Flags
	// Saved means that the state was saved because the mains failed, so the next start is clean.
	Saved bool
	// Frozen means that the memory has an unknown newer format: energy is counted, the relay stays, tokens are refused.
	Frozen bool
	// Sections are the sections of a key change that wait in Keys for the rest of the set, bit n-1 for section n.
	Sections uint8
	Confirm  bool
	Relay    supply.Relay
	// Low1 and Low2 are the states of the two warnings.
	Low1, Low2 supply.Crossing
	// EC is the state of the emergency credit.
	EC EC
	// Overload is the state of the power limit.
	Overload Overload
	// Latched holds the tamper kinds that keep the supply off. Asserted holds the kinds whose switch is not normal.
	// Waiting holds the kinds to latch as soon as the memory is free.
	Latched, Asserted, Waiting Tampers
	// Clock is the quality of the clock at the last event. SetBy says who set the clock last.
	Clock Clock
	SetBy ClockSource
	// Settling holds a time in milliseconds from Up for each tamper switch. If the switch keeps its new position for
	// that time, the meter accepts the position. The time is 0 if no new position waits; volatile.
	Settling [tamperKinds]uint8
	// Unsaved is the energy counted since the last checkpoint, in Wh; volatile.
	Unsaved uint8
	// LED and Buzzer are the present patterns; volatile.
	LED    LED
	Buzzer Buzzer
}

// Day is the current day, which becomes a row of the history when it is closed
// (docs/reference/meter-rules.md#what-is-stored-and-when).
type Day struct {
	// Used is the energy imported, Tokens the energy credited by tokens; both in Wh.
	Used, Tokens uint32
	// Min and Max are the lowest and highest credit as the customer sees it, in Wh.
	Min, Max int32
	// Peak is the highest load.
	Peak unit.Power
	// Off is how long the supply was off, in units of 2 s.
	Off uint16
	// Date is the local day.
	Date Date
	// Events is the number of events.
	Events uint16
	// Clock is the worst quality of the clock on this day.
	Clock Clock
}

// Month is the current month: the energy imported and the energy credited by tokens, in Wh.
type Month struct{ Used, Tokens uint32 }

// Flags are facts of a State that are true or not.
type Flags uint8

const (
	// FlagInitial: the initial emergency credit, granted once, has been used at least in part and paid back.
	FlagInitial Flags = 1 << iota
	// FlagFriendly: a friendly window is open.
	FlagFriendly
	// FlagEnding: the warning before the end of the friendly window was given.
	FlagEnding
	// FlagLifeline: the credit has ended, and the supply stays on with the lifeline limit.
	FlagLifeline
	// FlagOnline: there is a connection to the server; volatile.
	FlagOnline
	// FlagOverrun: the overrun is above the configured limit and has been reported.
	FlagOverrun
	// FlagWallet: the money is at the server, and the meter supplies what a lease allows
	// (docs/reference/meter-rules.md#wallet-mode). Without the flag the meter keeps credit itself.
	FlagWallet
	// FlagPending: a log record is pending; volatile.
	FlagPending
)

// Volatile are the flags that do not survive a power cut.
const Volatile = FlagOnline | FlagPending

// Has reports whether all of these are set.
func (f Flags) Has(g Flags) bool { return f&g == g }

// Guard counts the wrong tokens of one channel (docs/reference/meter-rules.md#wrong-tokens). All times are powered-on time.
type Guard struct {
	// Last is the time of the newest wrong token, in units of 2 s.
	Last uint32
	// Until is the second at which the channel is open again, 0 while it is not locked.
	Until uint32
	// Ages are the times from the nine earlier wrong tokens to Last, newest first, in units of 2 s; 65535 also stands
	// for a longer time and for no token. Units of two seconds keep a day within 16 bits.
	Ages [guardWindow - 1]uint16
	// Row is the number of wrong tokens in a row.
	Row uint8
}

// New returns the state of a new meter. The meter is activated and has neither credit nor a lease, so its relay is
// open. The parameter made is the TID of the minute of manufacture. The meter accepts no token with this TID or a lower
// one. If made is 0, no token is too old.
func New(key KeyInfo, c *Config, made sts.TID) State {
	s := State{
		Imp:     c.ImpPerKWh,
		Seq:     1,
		Key:     key,
		Reasons: supply.Of(supply.Credit),
		Saved:   true,
		// A new meter has never had credit to lose: the first warnings come after the first recharge.
		Low1:  supply.Crossing{Below: true},
		Low2:  supply.Crossing{Below: true},
		LED:   LEDFast,
		Clock: ClockValid,
	}
	for i := range s.Week {
		s.Week[i] = weekUnknown
	}
	s.forgetTrips()
	s.TIDs.Fill(made)
	if c.Wallet {
		s.Flags, s.Reasons = FlagWallet, supply.Of(supply.Lease)
	}
	for i := range s.Guards {
		s.Guards[i].clear()
	}
	return s
}

// Available returns the energy that can be consumed before the relay opens.
func (s *State) Available(c *Config) unit.Energy {
	if s.EC == ECActive {
		return s.Balance + s.ECLeft(c)
	}
	return s.Balance
}

// ECLeft returns how much of the emergency credit is not used yet.
func (s *State) ECLeft(c *Config) unit.Energy { return max(0, s.ecLimit(c)-unit.Energy(s.ECUsed)) }

// ecLimit returns the emergency credit that the meter lends now: ECInitial until its first use is paid back, then
// ECLimit.
func (s *State) ecLimit(c *Config) unit.Energy {
	if c.ECInitial > 0 && !s.Flags.Has(FlagInitial) {
		return c.ECInitial
	}
	return c.ECLimit
}

// ToClear returns the energy to buy before the supply returns after the credit has ended.
func (s *State) ToClear(c *Config) unit.Energy {
	clear := s.Overrun + c.Clearance
	if s.EC == ECExhausted {
		clear += unit.Energy(s.ECUsed)
	}
	return clear
}

// PowerLimit returns the limit of the load in force, 0 for none. It is the lowest of up to four limits: of the
// configuration, of a token, of emergency credit in use, and of the lifeline.
func (s *State) PowerLimit(c *Config) unit.Power {
	limit := least(c.PowerLimit, s.Limit)
	if s.EC == ECActive && s.Balance == 0 {
		limit = least(limit, c.ECPower)
	}
	if s.Flags.Has(FlagLifeline) {
		limit = least(limit, c.Lifeline)
	}
	return limit
}

// least returns the lower of two limits; 0 is no limit.
func least(a, b unit.Power) unit.Power {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// RetryIn returns the time in milliseconds until an overloaded supply comes back without a key press. It returns 0 if
// no such return is due.
func (s *State) RetryIn(c *Config) uint64 {
	if until, now := uint64(s.retryAt(c))*1000, s.powered(); until > now {
		return until - now
	}
	return 0
}

// retryAt returns the powered-on second at which an overloaded supply comes back without a key press. It returns 0 if
// no such return is due.
func (s *State) retryAt(c *Config) uint32 {
	switch {
	case s.Overload == OverloadTripped:
		return s.TripAt + uint32(c.RetryAfter)
	case s.Overload == OverloadLocked && !c.LockManual:
		return s.TripAt + uint32(c.LockFor)
	}
	return 0
}

// MayConfirm reports whether the customer's # on the home page brings the supply back: the relay is armed, or is locked
// after an overload until the customer confirms.
func (s *State) MayConfirm(c *Config) bool {
	return s.Relay == supply.Armed || s.Overload == OverloadLocked && c.LockManual
}

// Shown returns the credit as the customer sees it: negative while more was used than bought.
func (s *State) Shown() unit.Energy { return s.Balance - unit.Energy(s.ECUsed) - s.Overrun }

// Busy reports whether a log record is pending: tokens and commands have to wait.
func (s *State) Busy() bool { return s.Flags.Has(FlagPending) }

// ClosesIn returns the rest of the wait after a power cut in milliseconds, 0 if the meter is not waiting.
func (s *State) ClosesIn() uint64 {
	if at := uint64(s.MoveAt) * 1000; s.waiting() && at > s.Up {
		return at - s.Up
	}
	return 0
}

// waiting reports whether the wait after a power cut is running.
func (s *State) waiting() bool {
	return s.MoveAt != 0 && s.Overload != OverloadTiming && !s.Reasons.Has(supply.Test)
}

// Wallet reports whether the meter is in wallet mode.
func (s *State) Wallet() bool { return s.Flags.Has(FlagWallet) }

// powered returns the powered-on time in milliseconds, over all boots.
func (s *State) powered() uint64 { return s.On + s.Up }
