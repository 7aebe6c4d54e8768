package meter

// maxTrips is the most trips a configuration may allow before the lock-out.
const maxTrips = 4

// Overload is the state of the power limit (domain reference §4.6).
type Overload uint8

// The states of the power limit.
const (
	// OverloadNone: the load is within the limit, or there is none.
	OverloadNone Overload = iota
	// OverloadTiming: the load is above the limit and will trip.
	OverloadTiming
	// OverloadTripped: the relay is open and will close by itself.
	OverloadTripped
	// OverloadLocked: it tripped too often. The relay stays open for long, or until the customer presses a key.
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
