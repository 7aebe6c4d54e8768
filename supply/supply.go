// Package supply holds the rules of the supply that meter and server share: why the supply is off, which position of
// the relay follows, and when a falling credit has crossed a threshold.
//
// Start at [Reasons]: a relay is closed exactly when no reason is set and no confirmation is awaited. Each reason is
// set and cleared on its own: a top-up does not undo a remote disconnect (docs/reference/meter-rules.md#supply).
// [Crossing] is a warning that is given once per crossing and re-armed with a margin
// (docs/reference/meter-rules.md#warnings).
//
// All functions are pure: they use no clock, and only the functions that make text allocate memory.
package supply

import "strings"

// Reason is one cause that keeps the supply off.
type Reason uint8

// The reasons, in the order of every list.
const (
	// Credit: the credit is used up.
	Credit Reason = iota
	// Remote: the utility has disconnected the meter.
	Remote
	// Local: the customer has switched the load off at the keypad.
	Local
	// Tamper: a tamper switch is latched.
	Tamper
	// Overload: the load was above the limit.
	Overload
	// Lease: the lease of the server is used up (wallet meters).
	Lease
	// Fault: the meter cannot trust its own hardware.
	Fault
	// NotActivated: the meter has not been commissioned.
	NotActivated
	// Test: a commissioning test holds the relay open.
	Test

	reasonCount
)

var reasonNames = [reasonCount]string{
	Credit: "CREDIT", Remote: "REMOTE", Local: "LOCAL", Tamper: "TAMPER", Overload: "OVERLOAD", Lease: "LEASE",
	Fault: "FAULT", NotActivated: "NOT_ACTIVATED", Test: "TEST",
}

// String returns the stable name of the reason: "CREDIT", "REMOTE" and so on.
func (r Reason) String() string {
	if r >= reasonCount {
		return "UNKNOWN"
	}
	return reasonNames[r]
}

// ParseReason is the inverse of [Reason.String]. It returns false for an unknown name.
func ParseReason(name string) (Reason, bool) {
	for r, n := range reasonNames {
		if n == name {
			return Reason(r), true
		}
	}
	return 0, false
}

// Reasons is the set of causes that keep the supply off: bit n stands for Reason n. The zero value is the empty set.
type Reasons uint16

// Of returns the set of these reasons.
func Of(reasons ...Reason) Reasons {
	var s Reasons
	for _, r := range reasons {
		s = s.With(r)
	}
	return s
}

// Has reports whether r is in the set.
func (s Reasons) Has(r Reason) bool { return s>>r&1 == 1 }

// With returns the set with r in it.
func (s Reasons) With(r Reason) Reasons { return s | 1<<r }

// Without returns the set with r taken out.
func (s Reasons) Without(r Reason) Reasons { return s &^ (1 << r) }

// Known reports whether the set holds only reasons of this package, as a set read from a memory must.
func (s Reasons) Known() bool { return s>>reasonCount == 0 }

// Names returns the names of the reasons in their order. For the empty set it returns an empty, non-nil slice.
func (s Reasons) Names() []string {
	names := []string{}
	for r := range reasonCount {
		if s.Has(r) {
			names = append(names, r.String())
		}
	}
	return names
}

// String returns the names joined by commas, "" for the empty set.
func (s Reasons) String() string { return strings.Join(s.Names(), ",") }

// Relay is the position of the supply switch.
type Relay uint8

const (
	// Open: no supply.
	Open Relay = iota
	// Closed: supply.
	Closed
	// Armed: no supply, and only a deliberate key press of the customer is needed to restore it.
	Armed
)

// String returns "open", "closed" or "armed".
func (r Relay) String() string {
	switch r {
	case Closed:
		return "closed"
	case Armed:
		return "armed"
	}
	return "open"
}

// ParseRelay is the inverse of [Relay.String].
func ParseRelay(name string) (Relay, bool) {
	for r := Open; r <= Armed; r++ {
		if r.String() == name {
			return r, true
		}
	}
	return 0, false
}

// Position returns the correct position of the relay: open while any reason is set, otherwise armed while the customer
// has to confirm that the supply may return, otherwise closed. The confirmation is for safety: after a long
// disconnection people may be unaware that the voltage can return.
func Position(reasons Reasons, confirm bool) Relay {
	switch {
	case reasons != 0:
		return Open
	case confirm:
		return Armed
	}
	return Closed
}
