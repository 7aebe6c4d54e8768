package meter

import (
	"slices"

	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// Config is what a meter has been told: the whole document of the server's configuration, plus what is printed on its
// case. It is a value of its own, apart from State, and changes only as a whole. Begin with [DefaultConfig].
type Config struct {
	// Number is the meter number (DRN) as an integer. It is not part of the document.
	Number uint64
	// MfrCode is the manufacturer code in the number, LongNumber says that the number has 13 digits. Neither is part of
	// the document.
	MfrCode    uint16
	LongNumber bool

	// Version of the document, 0 while there is none.
	Version uint32
	// ImpPerKWh is the number of impulses of the meter chip per kilowatt-hour.
	ImpPerKWh uint32
	// Low1 and Low2 are the credits at which the customer is warned for the first and the second time.
	Low1, Low2 unit.Energy
	// Cutoff is the credit at and below which the relay opens; Clearance the one above which it closes again.
	Cutoff, Clearance unit.Energy
	// MaxBalance is the most credit a token may lead to.
	MaxBalance unit.Energy
	// ReadingEvery is the time between two readings in seconds, 0 for none.
	ReadingEvery uint32
	// TZMinutes is the local time's distance from UTC, for the hours in which the buzzer may sound.
	TZMinutes int16
	// ConfirmAfter is the set of reasons after which the supply returns only when the customer presses a key.
	ConfirmAfter supply.Reasons

	// Low1Days, if not 0, gives the first warning when the credit lasts for no more than so many days at the mean use of
	// the last seven, instead of at Low1; Low1 stays the threshold until there is a whole day to judge by.
	Low1Days uint8
	// Reminder interrupts the supply for 30 s, once, when the credit falls to Low2.
	Reminder bool
	// OverrunLimit is the use beyond all credit that is reported (event 211), 0 for none.
	OverrunLimit unit.Energy

	// ECLimit is the emergency credit, 0 for none; ECInitial that of the first time, 0 for the same; ECThreshold the credit
	// at and below which it is offered. With ECRepay a meter whose emergency credit is used up reconnects only when all of
	// it has been paid back.
	ECLimit, ECInitial, ECThreshold unit.Energy
	ECRepay                         bool

	// PowerLimit is the highest load that is allowed for long, 0 for any. ECPower is the limit while emergency credit is in
	// use, Lifeline the one with which the supply stays on after the credit has ended instead of being cut; 0 for none.
	PowerLimit, ECPower, Lifeline unit.Power
	// A load above the limit for TripAfter seconds opens the relay for RetryAfter seconds. Trip number Trips within
	// TripWindow seconds opens it for LockFor seconds, or with LockManual until the customer presses a key.
	TripAfter, RetryAfter, TripWindow, LockFor uint16
	Trips                                      uint8
	LockManual                                 bool

	// Tamper is what each kind of tampering brings about, by kind.
	Tamper [tamperKinds]Policy
	// ReverseDebit takes energy that flows the other way from the credit as well, NetMetering adds it. Not both.
	ReverseDebit, NetMetering bool

	// Friendly are the weekly windows in which lack of credit does not cut the supply, Special the days with a window of
	// their own; those that are not used are zero. With FriendlyInvalid any time is friendly while the clock is invalid.
	Friendly        [maxWindows]Window
	Special         [maxSpecial]Special
	FriendlyInvalid bool
	// DST is the rule for daylight saving, zero for none. TZMinutes is local time without it.
	DST DST
	// Language is that of the display and the messages.
	Language Language

	// Wallet says that the money is at the server and the meter supplies what a lease allows, instead of keeping credit itself.
	// The meter follows when the configuration is applied: State.Wallet.
	Wallet bool
	// LeaseGrace is how much of a lease may still be used once its time has run out, LeaseStay for all that is left.
	LeaseGrace unit.Energy
}

// LeaseStay as Config.LeaseGrace: time alone never opens the relay.
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

// DefaultConfig returns the configuration of a meter nobody has configured (docs/reference/meter-config.md).
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

// NewConfig reads a configuration document. It is always the whole document: a key that is missing has its default. A
// document is refused whole; bad is then the name of its first bad key in alphabetical order, or of the key that
// contradicts another. What is printed on the case is taken over from old.
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

// Sound reports whether every value is one that a document could have set, as a configuration read from a memory must.
func (c *Config) Sound() bool {
	for i := range settings {
		if !settings[i].sound(c) {
			return false
		}
	}
	return c.contradiction() == ""
}

// contradiction returns the key that cannot stand beside the others, "" if none.
func (c *Config) contradiction() string {
	switch {
	case c.Clearance < c.Cutoff:
		// Between the two the relay would open and close without end.
		return "clearance_wh"
	case c.Low2 > c.Low1:
		return "low2_wh"
	case c.MaxBalance <= c.Clearance:
		// No token could ever bring the supply back.
		return "max_balance_wh"
	case c.ReverseDebit && c.NetMetering:
		return "net_metering"
	case c.DST.Shift != 0 && (c.DST.Begin.Month == 0 || c.DST.End.Month == 0):
		return "dst_shift_min"
	}
	return ""
}

// integer reads what JSON and CBOR decoders make of a whole number.
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
