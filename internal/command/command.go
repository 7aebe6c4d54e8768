// Package command sends commands to meters and follows them until the meter answers: start at [Commands.Send].
//
// A command is a row and an outbox item in one transaction, so it exists exactly if its sender got a success. It is signed when
// it is sent, with the meter's link key and a counter that only rises. It is sent again until the meter's answer arrives as a
// numbered record (package intake) or the command expires. The MQTT session is only transport: it stores nothing.
//
//	queued ──sent──▶ sent ──acked──▶ acked ──▶ done | failed
//	   └──────────────┴── time ──▶ expired          (a late answer still counts: the meter knows best)
package command

import (
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/wire"
)

// State is the progress of a command.
type State string

// States of a command.
const (
	StateQueued  State = "queued"  // waiting to be sent
	StateSent    State = "sent"    // sent at least once, no answer yet
	StateAcked   State = "acked"   // the meter holds it durably and will carry it out
	StateDone    State = "done"    // the meter has carried it out
	StateFailed  State = "failed"  // the meter could not or would not carry it out; the answer has the reason
	StateExpired State = "expired" // its time ended before the meter took it
)

// Next is the state after an answer of the meter. StateDone and StateFailed are final. The answer replaces every other state,
// even StateExpired, because it says what happened.
func (s State) Next(answer State) State {
	switch {
	case s == StateDone || s == StateFailed:
		return s
	case answer == StateDone, answer == StateFailed, answer == StateAcked:
		return answer
	}
	return s
}

// Answered is the state after an answer of the meter; it also considers the reason. A command with a temporary failure can
// still change its state, as an expired one can.
func (c Command) Answered(answer State) State {
	if c.State == StateFailed && wire.Passing(c.Answer) {
		if next := StateExpired.Next(answer); next != StateExpired {
			return next
		}
	}
	return c.State.Next(answer)
}

// Heard is the state after an answer of the meter, and whether it changes the row.
func (c Command) Heard(answer State) (next State, news bool) {
	next = c.Answered(answer)
	return next, next != c.State || wire.Passing(c.Answer) && next == answer
}

// Open reports whether the command must still be sent to the meter.
func (s State) Open() bool { return s == StateQueued || s == StateSent }

// Type is the action that the meter must take.
type Type string

// Types of the meter core (docs/reference/meter-rules.md#commands).
const (
	Disconnect  Type = "disconnect"   // open the relay, reason REMOTE
	Connect     Type = "connect"      // clear REMOTE; the relay closes at the customer's key press, or at once with force
	Read        Type = "read"         // record and send a reading now
	ClearTamper Type = "clear_tamper" // clear the tamper latch if the switch reads normal
	ClearCredit Type = "clear_credit" // set the balance to zero
	ResetDemand Type = "reset_demand" // begin a new maximum-demand period
	CancelToken Type = "cancel_token" // remember a TID as used, so that its token never loads
)

// Types that only the server itself sends, each a message of its own kind (docs/reference/mqtt.md#signed-messages).
const (
	Lease   Type = "lease"  // supply up to a register
	Config  Type = "config" // take a configuration
	SetTime Type = "time"   // set the clock to the time of sending
)

// Down is the kind of message that carries a command.
func (t Type) Down() wire.Down {
	switch t {
	case Lease:
		return wire.DownLease
	case Config:
		return wire.DownConfig
	case SetTime:
		return wire.DownTime
	}
	return wire.DownCommand
}

// Act returns the act of a command. A command with the same effect as a token is the same act.
func (t Type) Act(args map[string]any) access.Act {
	force, _ := args[ForceArg].(bool)
	switch {
	case t == ClearCredit:
		return access.ActClearCredit
	case t == ClearTamper:
		return access.ActClearTamper
	case t == CancelToken:
		return access.ActCancelToken
	case t == Connect && force:
		return access.ActForce
	}
	return access.ActCommand
}

// Key returns the key of the queue, in the lane of meters, that holds commands of this type for the meter.
func (t Type) Key(number string) string {
	switch t {
	case Connect, Disconnect:
		return job.SupplyKey(number)
	case Lease:
		return job.LeaseKey(number)
	}
	return job.CommandKey(number)
}

// Command is one instruction to one meter.
type Command struct {
	ID      id.ID
	Meter   int64
	Number  string
	Type    Type
	Args    map[string]any // only int64, bool and text
	Reason  string         // why a person or a rule sent it; stored in the audit log
	Counter uint64         // counter of the newest signature; 0 before the first
	State   State
	Answer  string // the reason in the meter's answer, in addition to the state
	// ExpiresAt is in the meter's own time for a simulated meter, and in the server's time for every other meter.
	ExpiresAt time.Time
	By        string
	// Forged says that the command waits, and that the server did not give it, or not in this form. It is not signed.
	Forged    bool
	Attempts  int
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Lifetimes of a command, from its creation.
const (
	// DefaultTTL is how long a command waits for its meter.
	DefaultTTL = 24 * time.Hour
	// ReadTTL is how long a request for a reading waits.
	ReadTTL = time.Hour
)

// TTL is how long a command of this type waits for its meter.
func (t Type) TTL() time.Duration {
	if t == Read {
		return ReadTTL
	}
	return DefaultTTL
}

// ForceArg makes a connect close the relay without a key press at the meter.
const ForceArg = "force"

// CheckArgs checks the arguments of a type, from JSON or from Go, and returns them in the only forms that are signed: whole
// numbers, truth values and text. It refuses unknown arguments, because a misspelt one would silently mean something else.
func (t Type) CheckArgs(args map[string]any) (map[string]any, refusal.Refusal) {
	known, ok := t.args()
	if !ok {
		return nil, refuse.CommandUnknown(refusal.Echo(string(t)))
	}
	out := make(map[string]any, len(args))
	for name, v := range args {
		a, ok := known[name]
		if !ok {
			return nil, refuse.CommandArgumentUnknown(string(t), refusal.Echo(name))
		}
		value, ok := a.read(v)
		if !ok {
			return nil, a.wrong()
		}
		out[name] = value
	}
	for name, a := range known {
		if _, ok := out[name]; a.needed && !ok {
			return nil, a.wrong()
		}
	}
	return out, refusal.Refusal{}
}

// arg describes one argument.
type arg struct {
	wrong  func() refusal.Refusal // the refusal of an invalid value, and of a missing value that is needed
	needed bool
	read   func(any) (any, bool)
}

// args returns the arguments of a type; false if the type does not exist.
func (t Type) args() (map[string]arg, bool) {
	switch t {
	case Disconnect, Read, ClearTamper, ClearCredit, ResetDemand:
		return nil, true
	case Connect:
		return map[string]arg{ForceArg: {wrong: refuse.CommandForceOfWrongForm, read: func(v any) (any, bool) { b, ok := v.(bool); return b, ok }}}, true
	case CancelToken:
		return map[string]arg{
			"tid":       {wrong: func() refusal.Refusal { return refuse.CommandTidOfWrongForm(int64(sts.MaxTID)) }, needed: true, read: whole(0, int64(sts.MaxTID))},
			"base_date": {wrong: refuse.CommandBaseDateOfWrongForm, needed: true, read: baseDate},
		}, true
	}
	return nil, false
}

// whole reads an integer between low and high. JSON decoders return numbers as float64; those with a fraction are refused.
func whole(low, high int64) func(any) (any, bool) {
	return func(v any) (any, bool) {
		var n int64
		switch v := v.(type) {
		case int:
			n = int64(v)
		case int64:
			n = v
		case uint32:
			n = int64(v)
		case float64:
			if v != float64(int64(v)) {
				return nil, false
			}
			n = int64(v)
		default:
			return nil, false
		}
		return n, n >= low && n <= high
	}
}

// baseDate reads one of the three base dates of the standard.
func baseDate(v any) (any, bool) {
	n, ok := whole(1993, 2035)(v)
	return n, ok && (n == int64(1993) || n == int64(2014) || n == int64(2035))
}
