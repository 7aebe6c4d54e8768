package meter

import (
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// EventKind says what has happened.
type EventKind uint8

// The events, with the fields of [Event] that belong to each (besides Kind, Up, At and Clock).
const (
	// EventWake: the time that Wake named has come, or the host merely wants time to pass.
	EventWake EventKind = iota + 1
	// EventPulses: the meter chip has given Pulses impulses since the energy event before.
	EventPulses
	// EventEnergy: Energy has been imported since the energy event before (chips that count watt-hours).
	EventEnergy
	// EventPower: the load is now Power at Voltage. It is shown and reported.
	EventPower
	// EventKey: the customer has pressed a key; silences the buzzer for a while.
	EventKey
	// EventConfirm: the customer has deliberately pressed # on the home page; closes an armed relay.
	EventConfirm
	// EventLocal: the customer switches the load off or on in the menu; toggles the reason LOCAL.
	EventLocal
	// EventToken: a token was entered: Opened, Change, Source, Request.
	EventToken
	// EventCommand: a signed command of the server: Request, Counter, Command, and for a cancelled token TID and Base,
	// for connect Force. The host has checked the signature (a wrong one is dropped, not answered). What it must refuse
	// itself, because it has expired for instance, it gives here with Refused: the counter is used up all the same, so that
	// nobody can play the message again when the clock has been set back.
	EventCommand
	// EventConfig: a new configuration, decoded and checked: Request, Counter, Version, Wallet; or Refused.
	EventConfig
	// EventRead: a reading is wanted now.
	EventRead
	// EventPersisted: Record has been made durable (OK) or could not be.
	EventPersisted
	// EventReplay: Record is in the log but not in the snapshot; only at start. Reported says that the outbox already
	// holds the report of this record (Report.Log). NextSeq and Register as for EventPowerRestore.
	EventReplay
	// EventPowerFail: the mains is going; there may be no further event.
	EventPowerFail
	// EventPowerRestore: the meter runs again: Reset, Off, NextSeq, Register, Log, Damage, Tampers.
	EventPowerRestore
	// EventActivate: the customer wants to use the emergency credit: Source. Answered with EffectEmergency.
	EventActivate
	// EventTamper: the tamper switch Tamper is now not normal (Active), or normal again. At start the host gives it for
	// every switch that is not normal.
	EventTamper
	// EventClock: ClockBy says that it is now NewAt. Answered with EffectClock; only then the host sets its clock. The
	// server's time comes as a command.
	EventClock
	// EventComms: the connection to the server is there (Active), or is gone.
	EventComms
	// EventClear: the customer clears the usage history in the menu. Answered with EffectClear.
	EventClear
	// EventBoard: the host has found something that only it can see; Code is one of CodeMismatch, CodeCard, CodeWorn and
	// CodeFault, A and B its arguments. It is reported, and nothing else.
	EventBoard

	// EventKinds is one more than the largest of them.
	EventKinds
)

// Event is one thing that happened. It is flat, without pointers and strings, so that it can be recorded and played back
// anywhere; it never carries digits or keys.
type Event struct {
	Kind EventKind
	// Clock is how far At is to be trusted.
	Clock Clock
	// Up is the time since boot in milliseconds; it never falls within a boot.
	Up uint64
	// At is the meter's clock in Unix seconds, Ms the milliseconds of that second. A host whose clock counts whole seconds
	// only leaves Ms at 0; windows and closes may then come up to a second early or late.
	At int64
	Ms uint16

	// Pulses since the pulse event before.
	Pulses uint32
	// Energy imported since the energy event before, Export what flowed the other way.
	Energy, Export unit.Energy
	// Power is the present load.
	Power unit.Power
	// Voltage in millivolts.
	Voltage int32

	// Source is where a token was entered.
	Source Source
	// Opened is what the meter's key found in the token, Change what Keys.Take made of it as a section of a key change.
	Opened sts.Opened
	Change Change
	// Request is the Handle of the request or command id; 0 for none (keypad, SMS).
	Request uint64

	// Tamper is the kind of an EventTamper, Active its state or that of the connection.
	Tamper Tamper
	Active bool
	// NewAt and ClockBy are those of an EventClock; NewAt in Unix seconds is also that of CommandSetTime.
	NewAt   int64
	ClockBy ClockSource

	// Code, A and B are those of an EventBoard.
	Code Code
	A, B int64

	// Counter of the signed message.
	Counter uint64
	// Command is what the server wants.
	Command Command
	// Force makes a connect close the relay without the customer's confirmation.
	Force bool
	// TID and Base name the token to cancel.
	TID  sts.TID
	Base sts.BaseDate
	// Version of the configuration, and its Config.Wallet.
	Version uint32
	Wallet  bool
	// Lease is that of CommandLease.
	Lease Lease
	// Refused is the host's own reason not to carry a message out; AnswerNone if it has none.
	Refused Answer

	// Record is the log record that Persist named, unchanged.
	Record Record
	// OK says that the record is durable.
	OK bool
	// Reported says that the outbox already holds the report of a replayed record.
	Reported bool

	// Reset is why the meter starts.
	Reset Reset
	// Off is for how many seconds the mains was off, 0 if that is unknown.
	Off int64
	// NextSeq is one more than the newest sequence number in the outbox, 0 if it is empty.
	NextSeq uint64
	// Register is the highest total register of any reading in the outbox.
	Register unit.Energy
	// Damage is what the memory has found wrong with itself.
	Damage Damage
	// Log is the newest log record that a report in the outbox belongs to, 0 for none: one the memory does not hold any
	// more is a loss.
	Log uint32
	// Tampers are the kinds that a switch has noticed while the mains was off.
	Tampers Tampers
}

// Damage is what a memory found wrong with itself at start, and survived. Several may be set.
type Damage uint8

const (
	// DamageSnapshot: one of the two snapshots, or of the two places of configuration or keys, cannot be read.
	DamageSnapshot Damage = 1 << iota
	// DamageLog: a log record is torn, as after a power cut while it was written. What it said has not happened.
	DamageLog
)

// Clock is how far the real-time clock is to be trusted.
type Clock uint8

const (
	// ClockInvalid: the time means nothing.
	ClockInvalid Clock = iota
	// ClockHoldover: the clock ran on without its source.
	ClockHoldover
	// ClockValid: the clock was set and has run since.
	ClockValid
)

// String returns "valid", "holdover" or "invalid".
func (c Clock) String() string {
	switch c {
	case ClockValid:
		return "valid"
	case ClockHoldover:
		return "holdover"
	}
	return "invalid"
}

// Source is where a token came from. Each has a wrong-token counter of its own, so that a stranger's SMS cannot lock the
// owner's keypad.
type Source uint8

const (
	// Keypad: typed by hand.
	Keypad Source = iota + 1
	// SMS: a message to the meter's SIM.
	SMS
	// Remote: pushed by the server.
	Remote
)

// String returns "keypad", "sms" or "remote".
func (s Source) String() string {
	switch s {
	case Keypad:
		return "keypad"
	case SMS:
		return "sms"
	case Remote:
		return "remote"
	}
	return "none"
}

func (s Source) known() bool { return s >= Keypad && s <= Remote }

// Reset is why a meter starts.
type Reset uint8

const (
	// ResetPower: the mains was off.
	ResetPower Reset = iota
	// ResetWatchdog: the processor hung; the mains, and so the relay, stayed as they were.
	ResetWatchdog
	// ResetUpdate: new firmware was started, or the host process again; mains and relay stayed as they were.
	ResetUpdate
)

// String returns "power", "watchdog" or "update".
func (r Reset) String() string {
	switch r {
	case ResetWatchdog:
		return "watchdog"
	case ResetUpdate:
		return "update"
	}
	return "power"
}

// Command is what a signed message asks for.
type Command uint8

const (
	// CommandUnknown: a type this meter does not know; it is answered with failed.
	CommandUnknown Command = iota
	// CommandConnect takes away the reason REMOTE. The customer confirms with a key press, unless it is forced.
	CommandConnect
	// CommandDisconnect sets the reason REMOTE.
	CommandDisconnect
	// CommandRead asks for a reading.
	CommandRead
	// CommandCancelToken stores a TID as used, so that a reversed token cannot be loaded any more.
	CommandCancelToken
	// CommandClearTamper opens the tamper latches whose switches are normal.
	CommandClearTamper
	// CommandClearCredit takes the credit away; emergency credit and overrun stay owed.
	CommandClearCredit
	// CommandResetDemand begins the day's highest load anew.
	CommandResetDemand
	// CommandSetTime sets the clock to Event.NewAt. On the wire it is a message of its own, down/time.
	CommandSetTime
	// CommandLease is a lease for a meter in wallet mode: Event.Lease. On the wire it is a message of its own, down/lease.
	CommandLease
	// CommandConfig is a configuration, in the answers to one that is refused. On the wire it is a message of its own,
	// down/config, and to Step an EventConfig.
	CommandConfig
)

var commandNames = [...]string{
	CommandUnknown: "unknown", CommandConnect: "connect", CommandDisconnect: "disconnect", CommandRead: "read",
	CommandCancelToken: "cancel_token", CommandClearTamper: "clear_tamper", CommandClearCredit: "clear_credit",
	CommandResetDemand: "reset_demand", CommandSetTime: "set_time", CommandLease: "lease", CommandConfig: "config",
}

// String returns the name the command has on the wire.
func (c Command) String() string {
	if int(c) >= len(commandNames) {
		return commandNames[CommandUnknown]
	}
	return commandNames[c]
}

// Own reports whether the command is a message of its own on the wire, and never the type of a down/command.
func (c Command) Own() bool { return c >= CommandSetTime }

// ParseCommand is the inverse of [Command.String]; a name it does not know is CommandUnknown.
func ParseCommand(name string) Command {
	for c := CommandConnect; int(c) < len(commandNames); c++ {
		if commandNames[c] == name {
			return c
		}
	}
	return CommandUnknown
}

// MaxRequest is the longest id of a request or a command that the meter's memory keeps; a host refuses longer ones.
const MaxRequest = 36

// Handle is what the core knows of the id of a request or command: a 64-bit FNV-1a hash of its text, never 0. The ids
// are the server's own, random and few (the ring of answers holds the last RingSize), so this needs no secret.
func Handle(id string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * prime
	}
	if h == 0 {
		return 1
	}
	return h
}
