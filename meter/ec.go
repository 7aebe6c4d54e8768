package meter

// EC is the state of the emergency credit (domain reference §4.3).
type EC uint8

// The states of the emergency credit.
const (
	// ECNone: there is no need for it, or none to be had.
	ECNone EC = iota
	// ECOffered: the credit is low; the customer may activate it.
	ECOffered
	// ECActive: it is used when the credit has ended.
	ECActive
	// ECExhausted: it is used up.
	ECExhausted
)

var ecNames = [...]string{ECNone: "none", ECOffered: "offered", ECActive: "active", ECExhausted: "exhausted"}

// String returns "none", "offered", "active" or "exhausted".
func (e EC) String() string {
	if int(e) >= len(ecNames) {
		return ecNames[ECNone]
	}
	return ecNames[e]
}

// ECAnswer is the answer to the customer who wants to use the emergency credit.
type ECAnswer uint8

const (
	// ECDone: it is active.
	ECDone ECAnswer = iota + 1
	// ECAgain: refused, it is active already.
	ECAgain
	// ECUsed: refused, it was used and is not paid back.
	ECUsed
	// ECNotNeeded: refused, the credit is above the threshold.
	ECNotNeeded
	// ECNotActive: refused, this account has none, or the meter is not in service.
	ECNotActive
	// ECBusy: refused, the meter is writing; ask again.
	ECBusy
	// ECStorage: refused, the memory failed; ask again.
	ECStorage
)

var ecAnswerNames = [...]string{
	ECDone: "done", ECAgain: "already_active", ECUsed: "already_used", ECNotNeeded: "not_needed",
	ECNotActive: "not_active", ECBusy: "busy", ECStorage: "storage_error",
}

// String returns a stable name: "done", "not_needed" and so on.
func (a ECAnswer) String() string {
	if a == 0 || int(a) >= len(ecAnswerNames) {
		return "unknown"
	}
	return ecAnswerNames[a]
}
