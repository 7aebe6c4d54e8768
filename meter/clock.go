package meter

// ClockSource is who sets the clock. A later one is believed more (domain reference §4.9).
type ClockSource uint8

// The sources of time.
const (
	// ClockMenu: the customer, at the keypad; within limits.
	ClockMenu ClockSource = iota + 1
	// ClockGSM: the mobile network.
	ClockGSM
	// ClockServer: the server, by a signed message.
	ClockServer
)

var clockSourceNames = [...]string{ClockMenu: "menu", ClockGSM: "gsm", ClockServer: "server"}

// String returns "menu", "gsm" or "server", "none" for no source.
func (s ClockSource) String() string {
	if s == 0 || int(s) >= len(clockSourceNames) {
		return "none"
	}
	return clockSourceNames[s]
}

// ClockAnswer is the answer to whoever sets the clock.
type ClockAnswer uint8

const (
	// ClockDone: the host has been told to set it.
	ClockDone ClockAnswer = iota + 1
	// ClockTooFar: refused, the menu may move it by an hour in a day.
	ClockTooFar
	// ClockBackward: refused, the menu may not go back to a day that is closed, nor, while the clock is invalid, before the
	// last time seen.
	ClockBackward
	// ClockOutranked: refused, a better source has set it and it is valid.
	ClockOutranked
	// ClockImpossible: refused, no such time.
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
