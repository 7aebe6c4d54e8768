// Package job does the work that leaves the system after the transaction that ordered it: the outbox of messages to meters
// and customers, and recurring tasks.
//
// An [Item] is written by the transaction that wants it done, so it exists exactly if that transaction committed. An [Outbox]
// claims due items, passes them to the [Sender] of their lane and puts them back with a growing pause until the receiver
// itself has answered. In the lane [LaneMQTT] the answer is a record of the meter, and the transaction that stores the record
// removes the item. A [Runner] carries out recurring tasks, once per period, on the instance that is the leader. When the
// clock jumps, no work is repeated, and a crash loses no work: at worst a message is sent again, and its receiver recognises its id.
package job

import "strings"

// LaneMQTT is the lane of messages to meters. Within a key they stay in order, and each message waits for the answer to the message before.
// So a meter has a key for each kind of message that must not wait for another. Tokens use the meter number: a token that a locked meter
// accepts tomorrow must not delay a disconnect today. See [CommandKey], [SupplyKey] and [LeaseKey]. Meters detect repeated and overtaken
// messages by a counter. A message gets its counter when it is signed. A message that overtakes another has the higher counter, and the
// overtaken one gets a new counter when it is sent again.
const LaneMQTT = "mqtt"

// LanePayment is the lane of steps with payments, in the order of each payment.
const LanePayment = "payment"

// LaneWebhook is the lane of events that webhooks may want. Each event has a key of its own.
const LaneWebhook = "webhook"

// LaneLogin has no items. A commit that changes or ends logins of meters names it, so that the servers look at the open connections.
const LaneLogin = "login"

// LaneNotice is the lane of notices to customers, in the order of their accounts.
const LaneNotice = "notice"

// Suffixes of a meter's keys; no meter number has a slash.
const (
	commandEnd = "/command"
	supplyEnd  = "/supply"
	leaseEnd   = "/lease"
)

// CommandKey is the key of a meter's commands, configurations and clock settings in LaneMQTT.
func CommandKey(number string) string { return number + commandEnd }

// SupplyKey is the key of connects and disconnects. A connect waits only for the answer to an earlier connect or
// disconnect, so tokens and leases never delay a paid-for supply.
func SupplyKey(number string) string { return number + supplyEnd }

// LeaseKey is the key of leases: a lease waits only for the answer to another lease.
func LeaseKey(number string) string { return number + leaseEnd }

// KeysOf returns all keys of a meter in LaneMQTT.
func KeysOf(number string) []string {
	return []string{number, CommandKey(number), SupplyKey(number), LeaseKey(number)}
}

// MeterOf returns the meter number in a key of LaneMQTT.
func MeterOf(key string) string {
	number, _, _ := strings.Cut(key, "/")
	return number
}

// Kinds of items in the lane LaneMQTT.
const (
	KindToken   = "token"   // deliver a token: Body.TokenID, Body.Request
	KindCommand = "command" // deliver a command: Body.CommandID
)

// Body is the content of an item in LaneMQTT: only ids. Digits and signatures are added when the item is sent.
type Body struct {
	TokenID   string `json:"token_id,omitempty"`
	Request   string `json:"request,omitempty"`
	CommandID string `json:"command_id,omitempty"`
	// Again sends a token although its meter has answered before, because somebody wants to see the answer.
	Again bool `json:"again,omitempty"`
}

// Names reports whether the item is about this token or command.
func (b Body) Names(object string) bool {
	return object != "" && (b.TokenID == object || b.Request == object || b.CommandID == object)
}
