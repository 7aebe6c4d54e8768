// Package job does the work that leaves the system after the transaction that ordered it: the outbox of what meters
// are told, and what recurs.
//
// An [Item] is written by the transaction that wants it done, so it exists exactly if that transaction committed. An
// [Outbox] claims what is due, hands it to the [Sender] of its lane and puts it back with a growing pause until the
// receiver itself has answered: for the lane [LaneMQTT] the answer arrives as a record of the meter and removes the
// item in the transaction that stores the record. A [Runner] carries out what recurs, once per period, on whichever
// instance is the leader. Nothing is ever done twice by a clock that jumps, and nothing is lost by a crash: at worst a
// message is sent again, and its receiver knows it by its identity.
package job

import "strings"

// LaneMQTT is the lane of messages to meters. Within a key they are kept in order and one waits for the answer to the one
// before, so a meter has a key for each kind of message that must not wait for another: tokens have the meter number,
// because a token that a locked meter takes tomorrow must not hold up a disconnect today; see [CommandKey], [SupplyKey] and
// [LeaseKey]. What meters must not take twice or out of order they know by its counter, which is drawn when a message is
// signed: whatever overtakes has the higher one, and what was overtaken gets a new one when it is sent again.
const LaneMQTT = "mqtt"

// LaneNotice is the lane of notices to customers, in the order of their accounts.
const LaneNotice = "notice"

// Ends of the keys of a meter; no meter number has a slash.
const (
	commandEnd = "/command"
	supplyEnd  = "/supply"
	leaseEnd   = "/lease"
)

// CommandKey is the key of a meter's commands, configurations and clock settings in the lane of meters.
func CommandKey(number string) string { return number + commandEnd }

// SupplyKey is the key of connects and disconnects: a supply that was paid for returns without waiting for the answer to
// anything but another of them.
func SupplyKey(number string) string { return number + supplyEnd }

// LeaseKey is the key of leases, for the same reason.
func LeaseKey(number string) string { return number + leaseEnd }

// KeysOf are all keys of a meter in the lane of meters.
func KeysOf(number string) []string {
	return []string{number, CommandKey(number), SupplyKey(number), LeaseKey(number)}
}

// MeterOf is the meter number in a key of the lane of meters.
func MeterOf(key string) string {
	number, _, _ := strings.Cut(key, "/")
	return number
}

// Kinds of items in the lane of meters.
const (
	KindToken   = "token"   // deliver a token: Body.TokenID, Body.Request
	KindCommand = "command" // deliver a command: Body.CommandID
)

// Body is what an item of the lane of meters carries: names only. Digits and signatures are made when it is sent.
type Body struct {
	TokenID   string `json:"token_id,omitempty"`
	Request   string `json:"request,omitempty"`
	CommandID string `json:"command_id,omitempty"`
	// Again sends a token that its meter has answered before: somebody wants to see the answer.
	Again bool `json:"again,omitempty"`
}

// Names reports whether the item is about this token or command.
func (b Body) Names(object string) bool {
	return object != "" && (b.TokenID == object || b.Request == object || b.CommandID == object)
}
