package meter

import (
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// EventKind is the kind of an event.
type EventKind uint8

// The events, with the fields of [Event] that belong to each (besides Kind, Up, At and Clock).
const (
	// EventWake: the time that Wake named has come, or the host only lets time pass.
	EventWake EventKind = iota + 1
	// EventPulses: the meter chip has given Pulses impulses since the last energy event.
	EventPulses
	// EventEnergy: Energy has been imported since the last energy event (chips that count watt-hours).
	EventEnergy
	// EventPower: the load is now Power at Voltage. It is shown and reported.
	EventPower
	// EventKey: the customer has pressed a key, which silences the buzzer for a while.
	EventKey
	// EventConfirm: the customer has deliberately pressed # on the home page, which closes an armed relay.
	EventConfirm
	// EventLocal: the customer switches the load off or on in the menu, which toggles the reason LOCAL.
	EventLocal
	// EventToken: a token was entered: Opened, Change, Source, Request.
	EventToken
	// EventCommand: a signed command of the server has come. It has Request, Counter and Command; to cancel a token also TID and
	// Base, to connect also Force. The host has checked the signature (it drops a message with a wrong signature and does not
	// answer). A command that the host itself refuses, for instance because it has expired, comes here with Refused. The refusal
	// still uses up the counter, so that the message cannot be replayed after the clock has been set back.
	EventCommand
	// EventConfig: a new configuration, decoded and checked: Request, Counter, Version, Wallet; or Refused.
	EventConfig
	// EventRead: a reading is wanted now.
	EventRead
	// EventPersisted: Record has been made durable (OK), or could not be made durable.
	EventPersisted
	// EventReplay: Record is in the log but not in the snapshot; only at start. Reported means that the outbox already
	// holds the report of this record (Report.Log). NextSeq and Register mean the same as for EventPowerRestore.
	EventReplay
	// EventPowerFail: the mains is going; there may be no further event.
	EventPowerFail
	// EventPowerRestore: the meter runs again: Reset, Off, NextSeq, Register, Log, Damage, Tampers.
	EventPowerRestore
	// EventActivate: the customer asks to use the emergency credit: Source. Answered with EffectEmergency.
	EventActivate
	// EventTamper: the tamper switch Tamper is no longer normal (Active), or is normal again. At start the host gives
	// it for every switch that is not normal.
	EventTamper
	// EventClock: ClockBy reports that the time is NewAt. Answered with EffectClock; only then does the host set its
	// clock. The server's time comes as a command.
	EventClock
	// EventComms: the connection to the server is up (Active) or down.
	EventComms
	// EventClear: the customer clears the usage history in the menu. Answered with EffectClear.
	EventClear
	// EventBoard: the host reports a condition that only it can see; Code is one of CodeMismatch, CodeCard, CodeWorn
	// and CodeFault, A and B its arguments. Step only reports it to the server.
	EventBoard

	// EventKinds is one more than the largest event kind.
	EventKinds
)

// Event is one input to Step. It is flat, without pointers and strings, so that it can be recorded and played back
// anywhere; it never carries digits or keys.
type Event struct {
	Kind EventKind
	// Clock says how far At can be trusted.
	Clock Clock
	// Up is the time since boot in milliseconds; it never falls within a boot.
	Up uint64
	// At is the meter's clock in Unix seconds, Ms the milliseconds of that second. A host whose clock counts only whole
	// seconds leaves Ms at 0; windows and daily closes may then come up to a second early or late.
	At int64
	Ms uint16

	// Pulses is the number of impulses since the last pulse event.
	Pulses uint32
	// Energy is the energy imported since the last energy event, Export the energy exported.
	Energy, Export unit.Energy
	// Power is the present load.
	Power unit.Power
	// Voltage is in millivolts.
	Voltage int32

	// Source is where a token was entered.
	Source Source
	// Opened is the result of Keys.Open for the token, Change the result of Keys.Take.
	Opened sts.Opened
	Change Change
	// Request is the Handle of the request or command id; 0 for none (keypad, SMS).
	Request uint64

	// Tamper is the kind of an EventTamper. Active is the state of its switch, or of the connection for EventComms.
	Tamper Tamper
	Active bool
	// NewAt, in Unix seconds, and ClockBy belong to EventClock; NewAt also to CommandSetTime.
	NewAt   int64
	ClockBy ClockSource

	// Code, A and B belong to EventBoard.
	Code Code
	A, B int64

	// Counter is the counter of the signed message.
	Counter uint64
	// Command is the server's command.
	Command Command
	// Force makes a connect close the relay without the customer's confirmation.
	Force bool
	// TID and Base name the token to cancel.
	TID  sts.TID
	Base sts.BaseDate
	// Version and Wallet are the version of the configuration and its Config.Wallet.
	Version uint32
	Wallet  bool
	// Lease belongs to CommandLease.
	Lease Lease
	// Refused is the host's reason to refuse a message; AnswerNone if it has no reason.
	Refused Answer

	// Record is the log record of the EffectPersist, unchanged.
	Record Record
	// OK means that the record is durable.
	OK bool
	// Reported means that the outbox already holds the report of a replayed record.
	Reported bool

	// Reset is the reason for the meter's start.
	Reset Reset
	// Off is the number of seconds for which the mains was off, 0 if unknown.
	Off int64
	// NextSeq is one more than the newest sequence number in the outbox, 0 if it is empty.
	NextSeq uint64
	// Register is the highest total register of any reading in the outbox.
	Register unit.Energy
	// Damage is the damage that was found in the memory.
	Damage Damage
	// Log is the newest log record that a report in the outbox belongs to, 0 for none. If the memory no longer holds
	// that record, a record was lost.
	Log uint32
	// Tampers are the kinds whose switches tripped while the mains was off.
	Tampers Tampers
}

// Damage is the damage found in the memory at start that the meter survived. Several bits may be set.
type Damage uint8

const (
	// DamageSnapshot: one of the two snapshots, or of the two copies of configuration or keys, cannot be read.
	DamageSnapshot Damage = 1 << iota
	// DamageLog: a log record is torn, as after a power cut while it was written. The record did not take effect.
	DamageLog
)

// Clock says how far the real-time clock can be trusted.
type Clock uint8

const (
	// ClockInvalid: the time is unknown.
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

// Source is where a token came from. Each source has its own wrong-token counter, so that a stranger's SMS cannot lock
// the owner's keypad.
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

// Reset is the reason why a meter starts.
type Reset uint8

const (
	// ResetPower: the mains was off.
	ResetPower Reset = iota
	// ResetWatchdog: the processor hung; the mains, and so the relay, stayed as they were.
	ResetWatchdog
	// ResetUpdate: new firmware or the host process was started; mains and relay stayed as they were.
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

// Command is the kind of order in a signed message.
type Command uint8

const (
	// CommandUnknown: a type this meter does not know; answered with failed.
	CommandUnknown Command = iota
	// CommandConnect removes the reason REMOTE. The customer confirms with a key press, unless the command is forced.
	CommandConnect
	// CommandDisconnect sets the reason REMOTE.
	CommandDisconnect
	// CommandRead asks for a reading.
	CommandRead
	// CommandCancelToken stores a TID as used, so that a reversed token cannot be loaded any more.
	CommandCancelToken
	// CommandClearTamper opens the tamper latches whose switches are normal.
	CommandClearTamper
	// CommandClearCredit removes the credit; emergency credit and overrun stay owed.
	CommandClearCredit
	// CommandResetDemand resets the day's highest load.
	CommandResetDemand
	// CommandSetTime sets the clock to Event.NewAt. On the wire it is a message of its own, down/time.
	CommandSetTime
	// CommandLease is a lease for a meter in wallet mode: Event.Lease. On the wire it is a message of its own, down/lease.
	CommandLease
	// CommandConfig names a configuration in the answer that refuses it. On the wire a configuration is a
	// message of its own, down/config; for Step it is an EventConfig.
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

// Own reports whether the command has a message of its own on the wire, so that it is never the type of a down/command.
func (c Command) Own() bool { return c >= CommandSetTime }

// ParseCommand is the inverse of [Command.String]; it returns CommandUnknown for an unknown name.
func ParseCommand(name string) Command {
	for c := CommandConnect; int(c) < len(commandNames); c++ {
		if commandNames[c] == name {
			return c
		}
	}
	return CommandUnknown
}

// MaxRequest is the maximum length in bytes of a request or command id; a host refuses longer ids.
const MaxRequest = 36

// Handle returns the 64-bit FNV-1a hash by which the core knows the id of a request or command, never 0. The server
// makes the ids, which are random and few (the ring of answers holds the last RingSize), so the hash needs no secret.
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
