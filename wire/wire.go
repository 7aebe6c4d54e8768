// Package wire implements the meters' protocol: the records a meter sends, their topics, the acknowledgement, and the
// signed messages to a meter, in JSON and in CBOR (docs/reference/mqtt.md).
//
// A server begins at [DecodeUp], [ParseTopic] and [Sign]; a meter at [EncodeUp], [UpTopic] and [Open]. The package only
// encodes and decodes: other code decides whether a sequence number is new, a command may be carried out or a token is
// valid. Every decoder reads untrusted bytes: it limits size, depth and counts, ignores unknown keys, and separates a
// bad record from its good neighbours.
//
// Energy is in watt-hours, power in watts, voltage in millivolts, time in Unix seconds, uptime in milliseconds. There
// is no floating point: a number with a fraction makes its record bad.
package wire

import "strings"

// Limits of a payload from a meter.
const (
	// MaxPayload is the largest payload in bytes, in both directions.
	MaxPayload = 16 << 10
	// MaxRecords is the largest number of records in one payload.
	MaxRecords = 100
	// Window is the number of records above the acknowledged record that a meter may send; the server stores no
	// record beyond this window.
	Window = 64
	// MaxSeq is the largest sequence number: the largest integer that every JSON reader represents exactly.
	MaxSeq = 1<<53 - 1
)

// Format is one of the two encodings; a reader recognizes them by the first byte.
type Format uint8

const (
	// JSON is text (RFC 8259).
	JSON Format = iota
	// CBOR is binary (RFC 8949); this package writes it deterministically.
	CBOR
)

// Kind is a kind of record and the last part of its topic.
type Kind string

// The kinds of records a meter sends.
const (
	KindBoot    Kind = "boot"
	KindReading Kind = "reading"
	KindEvent   Kind = "event"
	KindToken   Kind = "token"
	KindCommand Kind = "command"
	KindClose   Kind = "close"
)

// Clock says how far the meter trusts the time in a record.
type Clock string

const (
	// ClockValid is a clock that was set and has run since.
	ClockValid Clock = "valid"
	// ClockHoldover is a clock that ran on without its source.
	ClockHoldover Clock = "holdover"
	// ClockInvalid is a clock whose time is unknown; Up still orders the records of one boot.
	ClockInvalid Clock = "invalid"
)

// Head begins every record except Boot.
type Head struct {
	// Seq is the number of the record. A meter numbers the records of all kinds together, from 1. It never restarts the
	// numbering and never uses a number twice.
	Seq uint64 `json:"seq"`
	// At is the meter's own time in Unix seconds.
	At int64 `json:"at"`
	// Up is the time since the meter's last boot in milliseconds.
	Up uint64 `json:"up"`
	// Clock says how far At can be trusted.
	Clock Clock `json:"clock"`
}

// Record is one message of a meter. Only the pointer that belongs to Kind is set.
type Record struct {
	Kind Kind
	// Head is a copy of the body's head; zero for Boot.
	Head    Head
	Boot    *Boot
	Reading *Reading
	Token   *Token
	Command *CommandAnswer
	Event   *Event
	Close   *Close
	// Raw is this single record as it arrived, JSON or CBOR. It is part of the payload given to DecodeUp, not a copy.
	Raw []byte
}

// Bad is a record that could not be decoded. With HasSeq it goes to quarantine and counts as received, so that one bad
// record cannot block a meter forever; without HasSeq it is dropped and counted.
type Bad struct {
	Seq    uint64
	HasSeq bool
	// Reason says what is wrong, for a person.
	Reason string
	// Raw is the record as it arrived, or the rest of the payload if its end could not be found.
	Raw []byte
}

// Boot is the first message of every connection, outside the sequence.
type Boot struct {
	// Memory names the meter's memory, 16 hexadecimal digits; another name means that the memory was lost or replaced.
	Memory string `json:"store"`
	// Lowest is the lowest sequence number that the meter still holds. Next is the number that its next record will
	// get.
	Lowest uint64 `json:"lowest"`
	Next   uint64 `json:"next"`
	// Boot counts the starts.
	Boot uint64 `json:"boot"`
	// Proto is the version of this protocol: 1.
	Proto int `json:"proto"`
	// FW is the firmware's version.
	FW string `json:"fw"`
	// Reset is the reason why the meter started: power, watchdog or update.
	Reset string `json:"reset"`
	// Caps are the optional abilities: lease, cbor, arm.
	Caps []string `json:"caps"`
	// Config is the configuration in force.
	Config ConfigRef `json:"config"`
	// Key describes the decoder key, without the key itself; nil if the meter does not know these details.
	Key *KeyRef `json:"key,omitempty"`
}

// ConfigRef names a configuration.
type ConfigRef struct {
	Version int64  `json:"version"`
	Hash    string `json:"hash"`
}

// KeyRef identifies the vending key from which a meter's decoder key was made. A missing field only means that the
// meter does not know its value.
type KeyRef struct {
	SGC      *string `json:"sgc,omitempty"`
	KRN      *int    `json:"krn,omitempty"`
	TI       *string `json:"ti,omitempty"`
	KEN      *int    `json:"ken,omitempty"`
	BaseDate *int    `json:"base_date,omitempty"`
}

// Reading is the state of the registers at one time. Registers are totals, never differences.
type Reading struct {
	Head
	RegisterWh int64 `json:"register_wh"`
	BalanceWh  int64 `json:"balance_wh"`
	ECUsedWh   int64 `json:"ec_used_wh"`
	OverrunWh  int64 `json:"overrun_wh"`
	// W is the real power in watts, MV the voltage in millivolts.
	W  int64 `json:"w"`
	MV int64 `json:"mv"`
	// Relay is closed, open or armed.
	Relay string `json:"relay"`
	// Reasons are the names of the reasons that keep the relay open.
	Reasons []string `json:"reasons"`
}

// Token is the result of one token entry, from any source.
type Token struct {
	Head
	// Request repeats the request of a remote delivery; empty for keypad and SMS.
	Request string `json:"request"`
	// TID, Class and SubClass are nil if the CRC failed, since the token's contents are then unknown.
	TID      *uint32 `json:"tid,omitempty"`
	BaseDate int     `json:"base_date"`
	Class    *uint8  `json:"class,omitempty"`
	SubClass *uint8  `json:"subclass,omitempty"`
	// Result is a name of docs/reference/tokens.md#results ("accept", "used_error", …).
	Result    string `json:"result"`
	UnitsWh   int64  `json:"units_wh"`
	BalanceWh int64  `json:"balance_wh"`
	// Source is keypad, sms or remote.
	Source string `json:"source"`
}

// CommandAnswer reports the progress of a command, configuration, lease or time setting in the meter.
type CommandAnswer struct {
	Head
	ID string `json:"id"`
	// State is acked (stored durably in the meter), done or failed.
	State string `json:"state"`
	// Reason says why the command failed.
	Reason string `json:"reason,omitempty"`
}

// Passing reports whether a meter that refused a message for this reason may still carry it out later. The meter does
// not remember a message that a newer message overtook, or that it could not store. So a copy signed later may
// succeed.
func Passing(reason string) bool {
	why, _, _ := strings.Cut(reason, " ")
	return why == "counter" || why == "storage_error"
}

// Event is an event of the meter; the codes are listed in docs/reference/events.md#events-of-meters, and unknown
// codes are accepted.
type Event struct {
	Head
	Code int `json:"code"`
	// Args are named values: nil, bool, int64, string, and []any and map[string]any of them. A number that is not an
	// int64 arrives as its text.
	Args map[string]any `json:"args,omitempty"`
}

// Close is the row of one finished local day.
type Close struct {
	Head
	// Date is the local day, 2026-11-20.
	Date         string `json:"date"`
	RegisterWh   int64  `json:"register_wh"`
	UsedWh       int64  `json:"used_wh"`
	MinBalanceWh int64  `json:"min_balance_wh"`
	MaxBalanceWh int64  `json:"max_balance_wh"`
	MaxW         int64  `json:"max_w"`
	// OffMin is the number of minutes for which the supply was off.
	OffMin   int64 `json:"off_min"`
	TokensWh int64 `json:"tokens_wh"`
	Events   int64 `json:"events"`
	// Gap marks an empty day that a jump of the clock skipped.
	Gap bool `json:"gap,omitempty"`
}

// Record wraps the boot message.
func (b Boot) Record() Record { return Record{Kind: KindBoot, Boot: &b} }

// Record wraps the reading.
func (r Reading) Record() Record { return Record{Kind: KindReading, Head: r.Head, Reading: &r} }

// Record wraps the token result.
func (t Token) Record() Record { return Record{Kind: KindToken, Head: t.Head, Token: &t} }

// Record wraps the command's answer.
func (a CommandAnswer) Record() Record { return Record{Kind: KindCommand, Head: a.Head, Command: &a} }

// Record wraps the event.
func (e Event) Record() Record { return Record{Kind: KindEvent, Head: e.Head, Event: &e} }

// Record wraps the daily row.
func (c Close) Record() Record { return Record{Kind: KindClose, Head: c.Head, Close: &c} }
