package meter

import (
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// EffectKind is the kind of an effect.
type EffectKind uint8

// The effects, with the fields of [Effect] that belong to each. The package documentation says how to carry them out.
const (
	// EffectPersist: make Record durable, then give EventPersisted.
	EffectPersist EffectKind = iota + 1
	// EffectCheckpoint: write a snapshot soon; with Urgent now.
	EffectCheckpoint
	// EffectPublish: make Report durable in the outbox, then publish it.
	EffectPublish
	// EffectRelay: move the contact; Close says which way.
	EffectRelay
	// EffectLED: show LED until the next EffectLED.
	EffectLED
	// EffectBuzzer: sound Buzzer until the next EffectBuzzer.
	EffectBuzzer
	// EffectResult: the answer Result to a token, for the source that entered it.
	EffectResult
	// EffectSMS: send the customer the message SMS, with Balance.
	EffectSMS
	// EffectAppend: append Row to the history of its kind. Then append as many empty days as Days says, with the same
	// register and marked as a gap. After a power cut a row may come again: it replaces the row of the same date.
	// Rows of days are also published (ReportClose).
	EffectAppend
	// EffectEmergency: EC is the answer to the customer at Source, who asked to use the emergency credit.
	EffectEmergency
	// EffectClock: Clock is the answer to a request to set the clock. If the answer is ClockDone, set the clock to At
	// and use it for every later event.
	EffectClock
	// EffectClear: hide what the pages of the usage history show now, on the display and in messages. No record is
	// deleted, and nothing else changes.
	EffectClear
)

// Effect is one thing the host has to do. Like [Event] it is flat and without pointers.
type Effect struct {
	Kind    EffectKind
	Urgent  bool
	Close   bool
	LED     LED
	Buzzer  Buzzer
	SMS     Message
	Balance unit.Energy
	// History is the history to which the host also adds the report of an EffectPublish: tokens, events, or
	// HistoryNone.
	History History
	EC      ECAnswer
	Source  Source
	Clock   ClockAnswer
	At      int64
	Days    uint8
	Row     Row
	Record  Record
	Report  Report
	Result  Result
}

// Result is the answer to a token.
type Result struct {
	// Code is the outcome. With Accept the token was carried out. With KCT1st or KCTNth the token waits for the other
	// tokens of the set. With any other code it was not carried out.
	Code sts.Result
	// Source and Request identify who asked.
	Source  Source
	Request uint64
	// Class and SubClass of the token, where it could be read.
	Class, SubClass uint8
	// Units is the energy added; negative when credit was cleared.
	Units unit.Energy
	// Balance is the balance afterwards, as the customer sees it (State.Shown).
	Balance unit.Energy
	// Control is the set of tests that an accepted test token carries out, bit n-1 for test n of the STS list.
	Control uint64
}

// LED is the pattern of the credit light.
type LED uint8

const (
	// LEDOff: enough credit.
	LEDOff LED = iota
	// LEDSlow: at or below the first threshold.
	LEDSlow
	// LEDFast: at or below the second.
	LEDFast
)

// String returns "off", "slow" or "fast".
func (l LED) String() string {
	switch l {
	case LEDSlow:
		return "slow"
	case LEDFast:
		return "fast"
	}
	return "off"
}

// Buzzer is the pattern of the buzzer.
type Buzzer uint8

const (
	// BuzzerOff: silent.
	BuzzerOff Buzzer = iota
	// BuzzerLow: three beeps, the credit is at or below the second threshold.
	BuzzerLow
	// BuzzerTone: a continuous tone, the supply has just been cut for lack of credit.
	BuzzerTone
	// BuzzerAccepted: two short beeps.
	BuzzerAccepted
	// BuzzerRejected: one long beep.
	BuzzerRejected
	// BuzzerEnding: a friendly window ends soon, and with it the supply.
	BuzzerEnding
	// BuzzerAlarm: tampering.
	BuzzerAlarm
)

// String returns "off", "low", "tone", "accepted", "rejected", "ending" or "alarm".
func (b Buzzer) String() string {
	switch b {
	case BuzzerLow:
		return "low"
	case BuzzerTone:
		return "tone"
	case BuzzerAccepted:
		return "accepted"
	case BuzzerRejected:
		return "rejected"
	case BuzzerEnding:
		return "ending"
	case BuzzerAlarm:
		return "alarm"
	}
	return "off"
}

// Message is a message that the meter sends to the customer unasked.
type Message uint8

const (
	// MessageLow1: the credit has fallen to the first threshold.
	MessageLow1 Message = iota + 1
	// MessageLow2: the credit has fallen to the second threshold.
	MessageLow2
	// MessageCutOff: the supply has been cut for lack of credit.
	MessageCutOff
	// MessageEmergency: emergency credit is offered and can be activated.
	MessageEmergency
	// MessageTamper: tampering was noticed.
	MessageTamper
	// MessageOverload: the load was above the limit too often.
	MessageOverload
	// MessageEnding: the friendly window ends in half an hour, and there is no credit.
	MessageEnding
)

// ReportKind is the kind of a report, one for each topic below up/ except boot.
type ReportKind uint8

const (
	// ReportReading: the registers and the supply, in the fields from Register to Reasons.
	ReportReading ReportKind = iota + 1
	// ReportEvent: Code and its Args.
	ReportEvent
	// ReportToken: the result of a token.
	ReportToken
	// ReportCommand: the answer to a command or a configuration.
	ReportCommand
	// ReportClose: a day was closed. The field Row has the day.
	ReportClose
)

// Report is one record for the server: reading, event, token result or command answer (docs/reference/mqtt.md#records).
type Report struct {
	Kind ReportKind
	// Seq numbers all reports of the meter from 1, without a gap.
	Seq uint64
	// Log is the log record this report belongs to, 0 for none. At start it shows which records have already been
	// reported.
	Log uint32
	// Up, At and Clock are the time of the report.
	Up    uint64
	At    int64
	Clock Clock

	// Register, Balance, ECUsed, Overrun, Power, Voltage, Relay and Reasons describe the meter at this point of the
	// step, in reports of every kind.
	Register, Balance, ECUsed, Overrun unit.Energy
	Power                              unit.Power
	Voltage                            int32
	Relay                              supply.Relay
	Reasons                            supply.Reasons

	// Code is the event, A and B its two arguments; [Report.Args] decodes them.
	Code Code
	A, B int64

	// Request is the Handle of the request or command id.
	Request uint64
	// Answer is the answer to a command.
	Answer Answer
	// Result is the result of a token. Class is valid unless Result is FormatError; SubClass and TID are valid where
	// HasTID is set or the token opened.
	Result          sts.Result
	Class, SubClass uint8
	HasTID          bool
	TID             sts.TID
	Base            sts.BaseDate
	Units           unit.Energy
	Source          Source
	// Row is the day that was closed.
	Row Row
}

// Answer is the outcome of a command.
type Answer uint8

const (
	// AnswerNone: no answer.
	AnswerNone Answer = iota
	// AnswerDone: carried out.
	AnswerDone
	// AnswerCounter: refused, the counter is not above the highest one taken.
	AnswerCounter
	// AnswerUnknown: refused, this meter does not know the command.
	AnswerUnknown
	// AnswerUsed: refused, the token to cancel has been accepted.
	AnswerUsed
	// AnswerOld: refused, the token is older than any that the meter remembers. It can never load now; whether it was
	// loaded before is unknown. For a lease: the lease is not newer than the present one.
	AnswerOld
	// AnswerBaseDate: refused, the meter counts TIDs from another base date.
	AnswerBaseDate
	// AnswerConfig: refused by the host, the configuration has a key this meter does not know or a value out of range.
	AnswerConfig
	// AnswerExpired: refused by the host, the message came after its expiry.
	AnswerExpired
	// AnswerStorage: not carried out, the memory failed. The counter is not used up, so the command may be sent again.
	AnswerStorage
	// AnswerTamper: a tamper switch is still not normal, so its latch stays.
	AnswerTamper
	// AnswerClock: refused, the time is impossible.
	AnswerClock
	// AnswerMode: refused, the message does not fit the payment mode: a lease for a meter that keeps credit itself,
	// clearing the credit of a wallet meter, or a new mode that would take bought credit away.
	AnswerMode
	// AnswerLease: refused, the lease is not valid.
	AnswerLease
)

var answerReasons = [...]string{
	AnswerNone: "", AnswerDone: "", AnswerCounter: "counter", AnswerUnknown: "unknown", AnswerUsed: "used",
	AnswerOld: "old", AnswerBaseDate: "base_date", AnswerConfig: "config",
	AnswerExpired: "expired", AnswerStorage: "storage_error", AnswerTamper: "tamper", AnswerClock: "clock", AnswerMode: "mode",
	AnswerLease: "lease",
}

// lasts reports whether the answer is a permanent refusal: the same message always gets the same answer.
func (a Answer) lasts() bool {
	return a > AnswerDone && a != AnswerCounter && a != AnswerStorage && int(a) < len(answerReasons)
}

// State returns the state for the wire: "done" or "failed".
func (a Answer) State() string {
	if a == AnswerDone {
		return "done"
	}
	return "failed"
}

// Reason returns the reason of a failure, "" for none.
func (a Answer) Reason() string {
	if int(a) >= len(answerReasons) {
		return "unknown"
	}
	return answerReasons[a]
}

// RecordKind is the kind of a log record.
type RecordKind uint8

const (
	// RecordToken: a token was accepted, or was wrong and is counted. Its fields are Source, Result, Class, SubClass,
	// TID, Units and Request.
	RecordToken RecordKind = iota + 1
	// RecordCommand: a command was taken, or was refused for good. The fields of a command that was taken are
	// Command, Counter, Request, and Force, TID or Lease. Those of a refusal are Refused, Command (also
	// CommandUnknown and CommandConfig), Counter and Request.
	RecordCommand
	// RecordConfig: a configuration was taken. Its fields are Value (the version), Counter, Request and Wallet.
	RecordConfig
	// RecordLocal: the customer has switched the supply off (Value 1) or on (Value 0).
	RecordLocal
	// RecordKeys: a section of a key change was taken and waits (Result KCT1st or KCTNth), or completed the set
	// (Accept). Its fields are Source, Class, SubClass, Request and Sections; with Accept also Key and Rollover. The
	// host makes the keys durable atomically with this record.
	RecordKeys
	// RecordTamper: tampering is latched. Value is the set of kinds.
	RecordTamper
	// RecordEmergency: the customer has activated the emergency credit. Its field is Source.
	RecordEmergency
)

// Record is one entry of the log. It describes a change of the state, and is applied once. It takes effect only when it is durable. The memory
// adds the text of the request id (package journal).
type Record struct {
	// Seq counts the log's records from 1; it has nothing to do with Report.Seq.
	Seq  uint32
	Kind RecordKind
	// Source, Result, Class, SubClass, TID and Units describe a token. A token without a TID has HasTID false. Units
	// are added to the credit; negative units are credit that was cleared.
	Source          Source
	Result          sts.Result
	Class, SubClass uint8
	HasTID          bool
	TID             sts.TID
	Units           unit.Energy
	// Command and Force describe a command.
	Command Command
	Force   bool
	// Wallet is the payment mode of a configuration.
	Wallet bool
	// Refused is the reason why a command or configuration was not carried out, AnswerNone if it was carried out.
	Refused Answer
	// Lease is the number of a lease. In its record Value is the duration of the lease in seconds, and Units is the
	// energy above Register that it allows.
	Lease uint32
	// Value is the version of a configuration, a local switch (1 off) or the 16 bits of a management token.
	Value uint32
	// Sections is the set of sections that wait after this section was taken, bit n-1 for section n.
	Sections uint8
	// Rollover means that a key change empties the list of used TIDs. Key is the public description of the new key.
	Rollover bool
	Key      KeyInfo
	// Counter is the counter of the signed message, 0 for none.
	Counter uint64
	// Request is the Handle of the id, 0 for none.
	Request uint64
	// Register is the total register when the record was begun, 0 if unknown. Before a record is
	// replayed, the energy up to its Register is counted.
	Register unit.Energy
}

// Sound reports whether a record read from a memory is a record that Step could have made.
func (r *Record) Sound() bool {
	switch r.Kind {
	case RecordToken:
		return r.Source.known() && r.soundToken()
	case RecordCommand:
		return int(r.Command) < len(commandNames) && (r.Refused.lasts() ||
			r.Refused == AnswerNone && r.Command != CommandUnknown && r.Command != CommandConfig &&
				(r.Command == CommandLease) == (r.Lease != 0))
	case RecordConfig, RecordLocal:
		return true
	case RecordTamper:
		return r.Value != 0 && r.Value < 1<<tamperKinds
	case RecordEmergency:
		return r.Source.known()
	case RecordKeys:
		return r.Source.known() && r.soundSection()
	}
	return false
}

func (r *Record) soundToken() bool {
	switch {
	case r.Result == sts.CRCError:
		return r.Units == 0
	case r.Result != sts.Accept || !r.HasTID:
		return false
	case r.Class == classManagement:
		return supportedManagement(r.SubClass) && r.Units <= 0 && r.Units >= -maxThreshold
	}
	return r.Units >= 0 && r.Units <= unit.MaxToken
}

func (r *Record) soundSection() bool {
	switch r.Result {
	case sts.KCT1st, sts.KCTNth:
		return r.Sections != 0 && r.Sections < 1<<maxSections
	case sts.Accept:
		return r.Key.Base.Valid() && r.Key.Type <= sts.DCTK && r.Key.Type != sts.DITK
	}
	return false
}
