package meter

import (
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// RingSize is how many answers to requests and commands a meter remembers.
const RingSize = 4

// State is everything a meter knows except its Config and its Keys. It is flat and comparable: copying it is a complete
// copy. Only Step and the memory (package journal) write to it; everybody may read. It must stay within 512 bytes.
type State struct {
	// The registers. Register is the total ever imported, Balance what was bought and not used, ECUsed and Overrun what
	// was used beyond it. Register + Balance - ECUsed - Overrun changes only with tokens.
	Register, Balance, ECUsed, Overrun unit.Energy
	// PulseRem is the energy of impulses below 1 Wh, in 1/Imp Wh; Imp is the constant it was counted with.
	PulseRem, Imp uint32

	// TIDs are the tokens that cannot be used again.
	TIDs sts.TIDStore
	// Guards count wrong tokens, by Source - 1.
	Guards [Remote]Guard
	// RingKeys and RingAnswers are the last answers to requests and commands; RingNext is the place of the next.
	RingKeys    [RingSize]uint64
	RingAnswers [RingSize]uint8
	RingNext    uint8

	// Seq is the number of the next report, Counter the highest of any signed message taken.
	Seq, Counter uint64
	// Applied is the newest log record that is contained in this state.
	Applied uint32
	// Boots counts starts, Unclean those without a save before.
	Boots   uint32
	Unclean uint16
	// Saved says that the state was saved because the mains went; the next start is a clean one.
	Saved bool
	// Frozen says that the memory is of an unknown newer format: energy counts on, the relay stays, tokens are refused.
	Frozen bool
	// On is the powered-on time before this boot in milliseconds. On + Up is the clock of all lock-outs.
	On uint64
	// LastAt is the newest time of the real-time clock that was seen while it could be trusted.
	LastAt int64

	// Key is what may be known of the key.
	Key KeyInfo
	// Sections are the sections of a key change that wait in Keys for the others, bit n-1 for section n; SectionsUntil is
	// the powered-on second at which they are forgotten, 0 while there are none.
	Sections      uint8
	SectionsUntil uint32
	// Limit is the maximum power limit that a token has set, 0 for none. Display test 7 shows it.
	Limit unit.Power
	// Reasons and Confirm decide about the relay, Relay is where it is.
	Reasons supply.Reasons
	Confirm bool
	Relay   supply.Relay
	// Low1 and Low2 are the two warnings.
	Low1, Low2 supply.Crossing

	// From here on volatile: gone after a power cut.

	// Up is the time of the last event.
	Up uint64
	// Pending is the log record under way, 0 for none.
	Pending uint32
	// Unsaved is the energy counted since the last checkpoint.
	Unsaved int32
	// Power and Voltage are the last sample.
	Power   unit.Power
	Voltage int32
	// The timers: the second since boot at which each is due, 0 for not running.
	SaveAt, ReadAt, BeepAt, QuietAt, CloseAt, TestAt uint32
	// LED and Buzzer are the present patterns.
	LED    LED
	Buzzer Buzzer
}

// Guard counts the wrong tokens of one channel (contract §7). All times are powered-on time.
type Guard struct {
	// Ages are how long before Last the newest ten wrong tokens came, newest first, in units of 2 s; 65535 also stands for
	// longer ago and for none. Two seconds keep a day within 16 bits.
	Ages [guardWindow]uint16
	// Last is when the newest came, in units of 2 s.
	Last uint32
	// Until is the second at which the channel is open again, 0 while it is not locked.
	Until uint32
	// Row is the number of wrong tokens in a row.
	Row uint8
}

// New returns the state of a new meter: activated, no credit, the relay open for lack of credit. Tokens issued up to
// and including made, the minute of manufacture, are too old for it; 0 refuses none.
func New(key KeyInfo, c *Config, made sts.TID) State {
	s := State{
		Imp:     c.ImpPerKWh,
		Seq:     1,
		Key:     key,
		Reasons: supply.Of(supply.Credit),
		Saved:   true,
		// A new meter has never had credit to lose: the first warnings come after the first recharge.
		Low1: supply.Crossing{Below: true},
		Low2: supply.Crossing{Below: true},
		LED:  LEDFast,
	}
	s.SaveAt, s.ReadAt = s.start(saveTime), s.start(c.ReadingEvery)
	s.TIDs.Fill(made)
	for i := range s.Guards {
		s.Guards[i].clear()
	}
	return s
}

// Available returns what can be consumed before the relay opens.
func (s *State) Available() unit.Energy { return s.Balance }

// Shown returns the credit as the customer sees it: negative while more was used than bought.
func (s *State) Shown() unit.Energy { return s.Balance - s.ECUsed - s.Overrun }

// Busy reports whether a log record is under way: tokens and commands have to wait.
func (s *State) Busy() bool { return s.Pending != 0 }

// ClosesIn returns the time in milliseconds that the wait after a power cut still lasts, 0 if there is none.
func (s *State) ClosesIn() uint64 {
	if at := uint64(s.CloseAt) * 1000; at > s.Up {
		return at - s.Up
	}
	return 0
}

// powered returns the powered-on time in milliseconds, over all boots.
func (s *State) powered() uint64 { return s.On + s.Up }
