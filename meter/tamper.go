package meter

// Tamper is a kind of tampering that a meter can notice (domain reference §4.7).
type Tamper uint8

// The kinds of tampering, in the order of their event codes 501 to 506.
const (
	TamperCover Tamper = iota
	TamperTerminal
	TamperMagnet
	TamperReverse
	TamperBypass
	TamperPhaseLoss

	tamperKinds
)

var tamperNames = [tamperKinds]string{
	TamperCover: "cover", TamperTerminal: "terminal", TamperMagnet: "magnet", TamperReverse: "reverse",
	TamperBypass: "bypass", TamperPhaseLoss: "phase_loss",
}

// String returns the stable name of the kind: "cover", "terminal", "magnet", "reverse", "bypass" or "phase_loss".
func (t Tamper) String() string {
	if t >= tamperKinds {
		return "unknown"
	}
	return tamperNames[t]
}

// ParseTamper is the inverse of [Tamper.String]; false for a name that is no kind.
func ParseTamper(name string) (Tamper, bool) {
	for t, n := range tamperNames {
		if n == name {
			return Tamper(t), true
		}
	}
	return 0, false
}

// Tampers is a set of kinds: bit n stands for Tamper n.
type Tampers uint8

// Has reports whether t is in the set.
func (s Tampers) Has(t Tamper) bool { return s>>t&1 == 1 }

// With returns the set with t in it.
func (s Tampers) With(t Tamper) Tampers { return s | 1<<t }

// Without returns the set with t taken out.
func (s Tampers) Without(t Tamper) Tampers { return s &^ (1 << t) }

// Known reports whether the set holds nothing but kinds of this package, as a set read from a memory must.
func (s Tampers) Known() bool { return s>>tamperKinds == 0 }

// Names returns the names of the kinds in their order; an empty, non-nil slice for the empty set.
func (s Tampers) Names() []string {
	names := []string{}
	for t := range tamperKinds {
		if s.Has(t) {
			names = append(names, t.String())
		}
	}
	return names
}

// Policy is what a kind of tampering brings about.
type Policy uint8

// The policies.
const (
	// PolicyLog: an event.
	PolicyLog Policy = iota
	// PolicyAlarm: an event, the buzzer and a message.
	PolicyAlarm
	// PolicyLatch: all of that, and the supply is off until the latch is opened.
	PolicyLatch

	policies
)

var policyNames = [policies]string{PolicyLog: "log", PolicyAlarm: "alarm", PolicyLatch: "latch"}

// String returns "log", "alarm" or "latch".
func (p Policy) String() string {
	if p >= policies {
		return "unknown"
	}
	return policyNames[p]
}
