// Package profile turns a device that does not know Paywatt, such as an Arduino sketch or a smart plug, into a meter.
// The messages of such a device are described by a [Profile], which [Parse] reads from TOML. The profiles that come
// with Paywatt are in the folder profiles.
//
// The decisions are pure functions. [Profile.Understand] returns the meaning of a message, [Profile.Take] adds measured
// energy to a [Register] of the server, and [Profile.Switch] and the other publishers return messages to send. [Listener]
// combines these functions in one transaction. It updates the register and ingests a reading as if a meter had sent it, so
// there is no second way to charge money. The broker owns the sockets.
//
// Energy is counted in milliwatt-hours with an exact remainder; no step rounds. Energy that was not measured is not
// counted: see [Profile.Take] for the rules about gaps.
package profile

import (
	"regexp"
	"time"
)

// Profile describes the messages of one kind of device. Make a Profile with [Parse], because one part of an unchecked
// profile may refer to a missing part.
type Profile struct {
	Name    string   `toml:"name"`    // lower-case letters, digits, dashes
	Title   string   `toml:"title"`   // what the device is, in one line
	Sources []string `toml:"sources"` // where the facts in the profile are documented
	Notes   string   `toml:"notes"`   // what a person who connects such a device must know

	Device  Connection `toml:"device"`
	Up      []Up       `toml:"up"`
	Counts  *Counts    `toml:"counts"`
	Energy  Energy     `toml:"energy"`
	Supply  Supply     `toml:"supply"`
	Poll    []Message  `toml:"poll"` // requests for the device's values, sent one after the other
	Warning *Message   `toml:"warning"`
	Summary *Message   `toml:"summary"`
	Rule    *Rule      `toml:"rule"`
}

// Connection describes the connection of such a device.
type Connection struct {
	// ClientID is the only MQTT client id that is admitted. If it is empty, any id is admitted.
	ClientID string `toml:"client_id"`
	// MaxPacket is the size of the largest packet that the device sends, in bytes; 0 means DefaultMaxPacket.
	MaxPacket int `toml:"max_packet"`
}

// Up describes one kind of message from the device. The first Up whose topic matches and whose Contains is in the
// payload decides the meaning of a message.
type Up struct {
	// Topic is matched level by level. {id} matches one level, the name of the device. This name is stored, and used in the
	// topics to the device.
	Topic    string      `toml:"topic"`
	Contains string      `toml:"contains"`
	Means    MessageKind `toml:"means"`
	// Exactly one of these three says how to read the payload of data and state: Pattern has named groups and matches the
	// whole payload, Fields has paths into JSON ("ENERGY.Power"), and Is says that the payload is a single value.
	Pattern string              `toml:"pattern"`
	Fields  map[Quantity]string `toml:"fields"`
	Is      Quantity            `toml:"is"`
	// On and Off are the texts of the quantity relay. They are compared exactly.
	On  []string `toml:"on"`
	Off []string `toml:"off"`

	pattern *regexp.Regexp
}

// MessageKind is the purpose of a kind of message.
type MessageKind string

// The purposes. A message with no purpose is ignored, and only shows that the device is alive.
const (
	Started MessageKind = "started" // the device has connected or restarted
	Data    MessageKind = "data"    // measured values, optionally with the relay's position
	State   MessageKind = "state"   // the relay's position, or another text of the device
)

// Quantity names a value and its unit.
type Quantity string

// Quantities.
const (
	V1         Quantity = "v1"          // first analogue count
	V2         Quantity = "v2"          // second analogue count
	PowerW     Quantity = "power_w"     // active power
	EnergyWh   Quantity = "energy_wh"   // the device's own register
	EnergyKWh  Quantity = "energy_kwh"  // the device's own register in kWh
	EnergyWmin Quantity = "energy_wmin" // the device's own register in watt-minutes
	VoltageV   Quantity = "voltage_v"
	Relay      Quantity = "relay"
)

// Counts converts two analogue counts to power: |v1−v2| · volts per count is the voltage across the shunt, which gives
// the current. The current times the supply's voltage is the power.
type Counts struct {
	VoltsPerCount Decimal `toml:"volts_per_count"`
	ShuntOhm      Decimal `toml:"shunt_ohm"`
	SupplyVolt    Decimal `toml:"supply_volt"`
	Highest       Decimal `toml:"highest"` // largest count of the converter; a message with a larger one is unreadable
}

// Energy says how power or the device's register updates the meter's register.
type Energy struct {
	// From is power (samples are integrated) or register (the device counts energy itself).
	From Source `toml:"from"`
	// Reset is what the device's register does on a restart: zero (begins again at 0) or never.
	Reset Reset `toml:"reset"`
	// MaxGap is the longest time between two samples whose energy is counted. A longer time is a gap and counts no energy.
	MaxGap Duration `toml:"max_gap"`
	// MaxW is the highest power that the device can measure. A sample of more power is unreadable. A step of the register
	// that would need more power is not counted.
	MaxW int64 `toml:"max_w"`
	// NoiseW is the power that the sensor may show without a load. While the device reports an open relay, power up to
	// NoiseW is not counted. The default is a hundredth of MaxW.
	NoiseW int64 `toml:"noise_w"`
}

// Source says where the values of energy come from.
type Source string

// Sources of energy.
const (
	FromPower    Source = "power"
	FromRegister Source = "register"
)

// Reset is the behaviour of a device's register on a restart.
type Reset string

// Behaviours of a register on a restart.
const (
	ResetZero  Reset = "zero"
	ResetNever Reset = "never"
)

// Supply says how the device's relay is switched.
type Supply struct {
	Kind   Switching `toml:"kind"`
	Topic  string    `toml:"topic"`
	On     string    `toml:"on"`     // payload that closes the relay; for absolute switching
	Off    string    `toml:"off"`    // payload that opens the relay; for absolute switching
	Toggle string    `toml:"toggle"` // payload that toggles the relay; for switching by toggle
}

// Switching is the kind of command that a device accepts.
type Switching string

// Kinds of switching. A toggle is not idempotent: a repeated or late toggle does the opposite. So a device that accepts
// only toggles is switched only on a person's request.
const (
	Absolute Switching = "absolute"
	Toggle   Switching = "toggle"
	None     Switching = "none"
)

// Message is a message to the device. Placeholders in braces are filled in: {id} in topics, and the fields of [Words]
// in the payload of a warning or summary.
type Message struct {
	Topic   string `toml:"topic"`
	Payload string `toml:"payload"`
}

// Rule is a rule on the raw counts. It opens the relay without regard to the account, and never closes it. No rule is enabled by default.
// The profile seed-a shows why: the text and the code that were published with its sketch state opposite rules.
type Rule struct {
	Enabled bool   `toml:"enabled"`
	OffWhen string `toml:"off_when"` // "v1<v2" or "v1>v2"
}

// Duration is a duration in Go's notation, such as 60s or 5m.
type Duration time.Duration

// UnmarshalText parses a duration from a profile.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// String returns the duration in Go's notation.
func (d Duration) String() string { return time.Duration(d).String() }

// Limits of profiles and of the messages to devices.
const (
	// MaxDown is the longest packet that is sent to a device. A library that such devices use silently drops packets
	// longer than its buffer of 256 bytes. Half of this buffer is short enough for every device.
	MaxDown = 128
	// DefaultMaxPacket is the largest packet accepted from a device if its profile does not set one.
	DefaultMaxPacket = 4 << 10
	// MaxFile is the largest file of a profile.
	MaxFile = 64 << 10

	maxUp       = 32
	maxPoll     = 4
	maxTopic    = 100
	maxPattern  = 300
	maxTexts    = 16
	maxGapLimit = time.Hour
	minGap      = time.Second
	noiseShare  = 100
	maxPower    = 1_000_000 // maxPower is in W
	maxName     = 40
)
