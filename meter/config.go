package meter

import (
	"slices"

	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// Config is a meter's configuration: the server's whole configuration document, plus the values printed on the case. It is separate from
// State and changes only as a whole. Begin with [DefaultConfig].
type Config struct {
	// Number is the meter number (DRN) as an integer. It is not part of the document.
	Number uint64
	// MfrCode is the manufacturer code in the number; LongNumber means that the number has 13 digits. Neither is part
	// of the document.
	MfrCode    uint16
	LongNumber bool

	// Version is the version of the document, 0 before the first document.
	Version uint32
	// ImpPerKWh is the number of impulses of the meter chip per kilowatt-hour.
	ImpPerKWh uint32
	// Low1 and Low2 are the credits at which the customer is warned for the first and the second time.
	Low1, Low2 unit.Energy
	// The relay opens when the credit falls to Cutoff and may close when it rises above Clearance.
	Cutoff, Clearance unit.Energy
	// MaxBalance is the highest balance that a token may lead to.
	MaxBalance unit.Energy
	// ReadingEvery is the time between two readings in seconds, 0 for none.
	ReadingEvery uint32
	// TZMinutes is the UTC offset of local time, without daylight saving.
	TZMinutes int16
	// ConfirmAfter is the set of reasons after which the supply returns only when the customer presses a key.
	ConfirmAfter supply.Reasons

	// Low1Days, if not 0, replaces Low1: the first warning comes when the credit would last no longer than this many
	// days at the mean use of the last seven. Low1 remains the threshold until the use of one whole day is known.
	Low1Days uint8
	// Reminder interrupts the supply for 30 s, once, when the credit falls to Low2.
	Reminder bool
	// OverrunLimit is the overrun above which event 211 is reported, 0 for never.
	OverrunLimit unit.Energy

	// ECLimit is the emergency credit, 0 for none. ECInitial is the emergency credit at its first use; 0 means ECLimit.
	// ECThreshold is the credit at or below which it is offered. With ECRepay a meter whose emergency credit is used up
	// reconnects only when all of it is paid back.
	ECLimit, ECInitial, ECThreshold unit.Energy
	ECRepay                         bool

	// PowerLimit is the highest sustained load, 0 for no limit. ECPower is the limit while emergency credit is in use.
	// Lifeline is the limit at which the supply stays on after the credit has ended; 0 cuts the supply instead.
	PowerLimit, ECPower, Lifeline unit.Power
	// A load above the limit for TripAfter seconds opens the relay for RetryAfter seconds. After Trips such trips
	// within TripWindow seconds, the relay stays open for LockFor seconds or, with LockManual, until the customer
	// presses a key.
	TripAfter, RetryAfter, TripWindow, LockFor uint16
	Trips                                      uint8
	LockManual                                 bool

	// Tamper is the policy for each kind of tampering.
	Tamper [tamperKinds]Policy
	// ReverseDebit subtracts exported energy from the credit; NetMetering adds it. A configuration cannot have both.
	ReverseDebit, NetMetering bool

	// Friendly holds the weekly windows in which lack of credit does not cut the supply; Special holds the days with a special window.
	// Unused entries are zero. With FriendlyInvalid any time is friendly while the clock is invalid.
	Friendly        [maxWindows]Window
	Special         [maxSpecial]Special
	FriendlyInvalid bool
	// DST is the daylight saving rule, zero for none.
	DST DST
	// Language is the language of the display and the messages.
	Language Language

	// Wallet means that the money is at the server and the meter supplies what a lease allows, instead of keeping
	// credit itself. The meter changes mode when the configuration is applied: State.Wallet.
	Wallet bool
	// LeaseGrace is how much of a lease may still be used once its time has run out; LeaseStay means all energy that is left.
	LeaseGrace unit.Energy
}

// LeaseStay is a value of Config.LeaseGrace. With this value, time alone never opens the relay.
const LeaseStay unit.Energy = -1

// Language is a language of the display.
type Language uint8

// The languages.
const (
	English Language = iota
	Swahili
	French

	languages
)

var languageNames = [languages]string{English: "en", Swahili: "sw", French: "fr"}

// String returns "en", "sw" or "fr".
func (l Language) String() string {
	if l >= languages {
		return languageNames[English]
	}
	return languageNames[l]
}

// DefaultConfig returns the configuration of a meter before its first configuration document
// (docs/reference/meter-config.md).
func DefaultConfig() Config {
	return Config{
		ImpPerKWh:    1000,
		Low1:         20 * unit.KilowattHour,
		Low2:         5 * unit.KilowattHour,
		MaxBalance:   5_000_000,
		ReadingEvery: 1800,
		ConfirmAfter: supply.Of(supply.Remote, supply.Tamper),
		ECRepay:      true,
		LeaseGrace:   LeaseStay,
		TripAfter:    30, RetryAfter: 120, TripWindow: 1800, LockFor: 1800, Trips: maxTrips,
		Tamper: [tamperKinds]Policy{
			TamperCover: PolicyLatch, TamperTerminal: PolicyLatch, TamperMagnet: PolicyLatch, TamperReverse: PolicyAlarm,
			TamperBypass: PolicyLatch, TamperPhaseLoss: PolicyLog,
		},
	}
}

// maxThreshold bounds every energy of a configuration: 1 GWh, far above anything real, far below overflow.
const maxThreshold = 1_000_000_000

const (
	maxImp   = 1_000_000
	maxPower = 100_000_000 // W
	maxTrip  = 3600        // seconds
	maxLock  = 12 * 3600
)

// NewConfig reads a configuration document. The document is always complete: a missing key takes its default. If any key is bad, the whole
// document is refused, and the result bad names the first bad key in alphabetical order, or a key that contradicts another. The values
// printed on the case come from old.
func NewConfig(old Config, version uint32, doc map[string]any) (c Config, bad string) {
	c = DefaultConfig()
	c.Number, c.MfrCode, c.LongNumber, c.Version = old.Number, old.MfrCode, old.LongNumber, version
	names := make([]string, 0, len(doc))
	for name := range doc {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		i := slices.IndexFunc(settings[:], func(s setting) bool { return s.name == name })
		if i < 0 || !settings[i].put(&c, doc[name]) {
			return old, name
		}
	}
	if bad := c.contradiction(); bad != "" {
		return old, bad
	}
	return c, ""
}

// Sound reports whether a document could have set every value. A configuration read from a memory must be sound.
func (c *Config) Sound() bool {
	for i := range settings {
		if !settings[i].sound(c) {
			return false
		}
	}
	return c.contradiction() == ""
}

// contradiction returns a key whose value contradicts the value of another key, or "" if there is none.
func (c *Config) contradiction() string {
	switch {
	case c.Clearance < c.Cutoff:
		// Between the two thresholds the relay would open and close without end.
		return "clearance_wh"
	case c.Low2 > c.Low1:
		return "low2_wh"
	case c.MaxBalance <= c.Clearance:
		// No token could ever restore the supply.
		return "max_balance_wh"
	case c.ReverseDebit && c.NetMetering:
		return "net_metering"
	case c.DST.Shift != 0 && (c.DST.Begin.Month == 0 || c.DST.End.Month == 0):
		return "dst_shift_min"
	}
	return ""
}

// integer converts a whole number from a JSON or CBOR decoder.
func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case uint64:
		return int64(v), v <= 1<<62
	case int:
		return int64(v), true
	}
	return 0, false
}
