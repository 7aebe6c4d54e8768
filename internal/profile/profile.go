// Package profile makes a meter out of a device that knows nothing of Paywatt: an Arduino sketch, a smart plug. How
// such a device speaks is data, a [Profile] read from TOML by [Parse]; those that come with Paywatt lie in the folder
// profiles.
//
// The decisions are pure. [Profile.Understand] says what a message means, [Profile.Take] integrates what it measured
// into a [Register] of the server's own, [Profile.Switch] and the other publishers say what to send. [Listener] puts
// the two together in one transaction: the register moves and a reading is ingested as if a meter had sent it, so there
// is no second way into money. Sockets belong to the broker.
//
// Energy is counted in milliwatt-hours with an exact remainder; no step rounds. What was not measured is not counted:
// see [Profile.Take] for the rules about gaps.
package profile

import (
	"regexp"
	"time"
)

// Profile is how one kind of device speaks. Make one with [Parse]: a value that was not checked may refer to what is
// not there.
type Profile struct {
	Name    string   `toml:"name"`    // lower-case letters, digits, dashes
	Title   string   `toml:"title"`   // what the device is, in a line
	Sources []string `toml:"sources"` // the documentation that the facts were taken from
	Notes   string   `toml:"notes"`   // what a person who attaches one must know

	Device  Connection `toml:"device"`
	Up      []Up       `toml:"up"`
	Counts  *Counts    `toml:"counts"`
	Energy  Energy     `toml:"energy"`
	Supply  Supply     `toml:"supply"`
	Poll    []Message  `toml:"poll"` // asks the device for its values; sent one after the other
	Warning *Message   `toml:"warning"`
	Summary *Message   `toml:"summary"`
	Rule    *Rule      `toml:"rule"`
}

// Connection says what the connection of such a device looks like.
type Connection struct {
	// ClientID is the one MQTT client id that is let in; empty lets any in.
	ClientID string `toml:"client_id"`
	// MaxPacket is the largest packet the device sends, in bytes; 0 means DefaultMaxPacket.
	MaxPacket int `toml:"max_packet"`
}

// Up is one kind of message from the device. The first whose topic matches, and whose Contains is in the payload, says
// what a message means.
type Up struct {
	// Topic is matched level by level; {id} stands for one level that names the device and is remembered from its
	// messages for the topics to it.
	Topic    string `toml:"topic"`
	Contains string `toml:"contains"`
	Means    Means  `toml:"means"`
	// Exactly one of these three says how the payload of data and state is read: named groups of a pattern that covers
	// the whole payload; paths into JSON by quantity ("ENERGY.Power"); or the payload as one number or word.
	Pattern string              `toml:"pattern"`
	Fields  map[Quantity]string `toml:"fields"`
	Is      Quantity            `toml:"is"`
	// On and Off are the texts of quantity relay, compared exactly.
	On  []string `toml:"on"`
	Off []string `toml:"off"`

	pattern *regexp.Regexp
}

// Means is what a kind of message is for.
type Means string

// Meanings. Every other message is ignored and counts as a sign of life.
const (
	Started Means = "started" // the device has connected, or begins anew
	Data    Means = "data"    // measured values; it may say the relay's position besides
	State   Means = "state"   // the relay's position, or what the device says otherwise
)

// Quantity is what a value is, with its unit.
type Quantity string

// Quantities.
const (
	V1         Quantity = "v1"          // first analogue count
	V2         Quantity = "v2"          // second analogue count
	PowerW     Quantity = "power_w"     // active power
	EnergyWh   Quantity = "energy_wh"   // the device's own register
	EnergyKWh  Quantity = "energy_kwh"  // the same in other units
	EnergyWmin Quantity = "energy_wmin" // watt-minutes
	VoltageV   Quantity = "voltage_v"
	Relay      Quantity = "relay"
)

// Counts turns two analogue counts into power: |v1−v2| · volts per count across the shunt gives the current, which the
// supply's voltage turns into power.
type Counts struct {
	VoltsPerCount Decimal `toml:"volts_per_count"`
	ShuntOhm      Decimal `toml:"shunt_ohm"`
	SupplyVolt    Decimal `toml:"supply_volt"`
	Highest       Decimal `toml:"highest"` // largest count the converter gives; beyond it a message is unreadable
}

// Energy says how power or a device's register becomes the meter's register.
type Energy struct {
	// From is power (samples are integrated) or register (the device counts by itself).
	From Source `toml:"from"`
	// Reset is what the device's register does over a restart: zero (begins again at 0) or never.
	Reset Reset `toml:"reset"`
	// MaxGap is the longest time between two samples that is integrated; beyond it the time is a gap and counts nothing.
	MaxGap Duration `toml:"max_gap"`
	// MaxW is the most power the device can measure. A sample above it is unreadable; a step of a register that would
	// have needed more is not counted.
	MaxW int64 `toml:"max_w"`
	// NoiseW is the power up to which nothing is counted while the device says that its relay is open: what its sensor
	// shows without a load. Where the profile gives none it is a hundredth of MaxW.
	NoiseW int64 `toml:"noise_w"`
}

// Source is where energy comes from.
type Source string

// Sources of energy.
const (
	FromPower    Source = "power"
	FromRegister Source = "register"
)

// Reset is how a device's register behaves over a restart.
type Reset string

// Behaviours of a register over a restart.
const (
	ResetZero  Reset = "zero"
	ResetNever Reset = "never"
)

// Supply says how the device's relay is switched.
type Supply struct {
	Kind   Switching `toml:"kind"`
	Topic  string    `toml:"topic"`
	On     string    `toml:"on"`     // payload that closes the relay; absolute
	Off    string    `toml:"off"`    // payload that opens it; absolute
	Toggle string    `toml:"toggle"` // payload that turns it over; toggle
}

// Switching is the kind of command a device takes.
type Switching string

// Kinds of switching. A toggle is not idempotent: a repeated or late one does the opposite, so a device that has
// nothing else is never switched unasked.
const (
	Absolute Switching = "absolute"
	Toggle   Switching = "toggle"
	None     Switching = "none"
)

// Message is something sent to the device. Placeholders in braces are filled in: {id} in topics, and in the payload of
// a warning or summary what [Words] lists.
type Message struct {
	Topic   string `toml:"topic"`
	Payload string `toml:"payload"`
}

// Rule is a rule on the raw counts that opens the relay whatever the account holds. It never closes it. The published
// text and code of the first system state opposite rules, so none is on unless somebody writes one down.
type Rule struct {
	Enabled bool   `toml:"enabled"`
	OffWhen string `toml:"off_when"` // "v1<v2" or "v1>v2"
}

// Duration is a time span as Go writes it: 60s, 5m.
type Duration time.Duration

// UnmarshalText reads a span from a profile.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// String is the span as Go writes it.
func (d Duration) String() string { return time.Duration(d).String() }

// Limits of profiles and of what is sent by them.
const (
	// MaxDown is the longest packet that is sent to a device: a library that devices of this kind use drops what is
	// longer than its buffer of 256 bytes without a word; half of it leaves room for all.
	MaxDown = 128
	// DefaultMaxPacket is the largest packet taken from a device where its profile says nothing.
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
	maxPower    = 1_000_000 // W
	maxName     = 40
)
