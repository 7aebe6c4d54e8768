package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/paywatt/paywatt/internal/bounded"
)

// ErrProfile is wrapped by every error in a profile's text. Each error names the file, the key, and what to do.
var ErrProfile = errors.New("profile")

// Parse parses a whole profile and checks it. The parameter file is the file name for the errors. Parse returns all errors at once.
func Parse(file, text string) (*Profile, error) {
	c := checker{file: file}
	if len(text) > MaxFile {
		c.bad("", "the file has %d bytes", "keep it below %d", len(text), MaxFile)
		return nil, c.err()
	}
	if err := bounded.CheckTOML(text); err != nil {
		c.bad("", "it has more than %d names in a path, or lists and tables inside one another", "write shorter paths", bounded.MaxNames)
		return nil, c.err()
	}
	p := &Profile{}
	meta, err := toml.Decode(text, p)
	if err != nil {
		c.bad("", "it cannot be read: %s", "correct it there", strings.TrimSuffix(err.Error(), "."))
		return nil, c.err()
	}
	for _, key := range meta.Undecoded() {
		c.bad(key.String(), "there is no such key", "see paywatt profile show seed-a for those there are")
	}
	p.fill()
	c.profile(p)
	if err := c.err(); err != nil {
		return nil, err
	}
	return p, nil
}

// fill sets the defaults of missing values.
func (p *Profile) fill() {
	if p.Device.MaxPacket == 0 {
		p.Device.MaxPacket = DefaultMaxPacket
	}
	if p.Supply.Kind == "" {
		p.Supply.Kind = None
	}
	if p.Energy.From == FromRegister && p.Energy.Reset == "" {
		p.Energy.Reset = ResetNever
	}
	if p.Energy.NoiseW == 0 {
		p.Energy.NoiseW = p.Energy.MaxW / noiseShare
	}
}

// checker collects the errors of a profile.
type checker struct {
	file string
	errs []error
}

func (c *checker) err() error { return errors.Join(c.errs...) }

// bad adds an error. key is the key at fault, or empty for the whole file. The other parameters are two texts, what
// is wrong and what to do, and the args that fill both texts.
func (c *checker) bad(key, what, do string, args ...any) {
	n := strings.Count(what, "%") - 2*strings.Count(what, "%%")
	where := c.file
	if key != "" {
		where += ": " + key
	}
	c.errs = append(c.errs, fmt.Errorf("%w %s: %s; %s", ErrProfile, where, fmt.Sprintf(what, args[:n]...), fmt.Sprintf(do, args[n:]...)))
}

func (c *checker) profile(p *Profile) {
	if p.Name == "" || len(p.Name) > maxName || strings.Trim(p.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		c.bad("name", "%q is no name", "use up to %d lower-case letters, digits and dashes", p.Name, maxName)
	}
	if p.Title == "" {
		c.bad("title", "it is missing", "say in a line what the device is")
	}
	if p.Device.MaxPacket < MaxDown || p.Device.MaxPacket > 64<<10 {
		c.bad("device.max_packet", "%d is out of range", "use %d to %d bytes, or leave it out", p.Device.MaxPacket, MaxDown, 64<<10)
	}
	if len(p.Device.ClientID) > maxTopic {
		c.bad("device.client_id", "it is longer than %d", "use the id the device has", maxTopic)
	}
	if len(p.Up) == 0 || len(p.Up) > maxUp {
		c.bad("up", "there are %d kinds of messages", "describe 1 to %d with [[up]]", len(p.Up), maxUp)
	}
	for i := range p.Up {
		c.up(fmt.Sprintf("up[%d]", i), &p.Up[i])
	}
	c.energy(p)
	c.supply(p)
	if len(p.Poll) > maxPoll {
		c.bad("poll", "there are %d messages", "use at most %d", len(p.Poll), maxPoll)
	}
	for i := range p.Poll {
		c.message(fmt.Sprintf("poll[%d]", i), &p.Poll[i], nil)
	}
	if p.Supply.Kind == Toggle && (len(p.Poll) > 0 || p.Warning != nil || p.Summary != nil) {
		c.bad("poll", "a device that toggles at every message must not get any unasked", "remove poll, warning and summary")
	}
	c.message("warning", p.Warning, words[:])
	c.message("summary", p.Summary, words[:])
	c.rule(p)
}

// topic checks the topic of a message from or to the device.
func (c *checker) topic(key, topic string) {
	switch {
	case topic == "" || len(topic) > maxTopic:
		c.bad(key, "it has %d characters", "use 1 to %d", len(topic), maxTopic)
	case strings.ContainsAny(topic, "+#\x00"):
		c.bad(key, "%q has a wildcard of MQTT", "write {id} for the level that names the device", topic)
	default:
		for level := range strings.SplitSeq(topic, "/") {
			if strings.Contains(level, "{") && level != deviceLevel {
				c.bad(key, "%q is no level of a topic", "only {id} may stand in braces, alone between slashes", level)
			}
		}
	}
}

func (c *checker) up(key string, u *Up) {
	c.topic(key+".topic", u.Topic)
	if len(u.Contains) > maxTopic {
		c.bad(key+".contains", "it is longer than %d", "use a few letters", maxTopic)
	}
	ways := 0
	for _, has := range [...]bool{u.Pattern != "", len(u.Fields) > 0, u.Is != ""} {
		if has {
			ways++
		}
	}
	switch u.Means {
	case Started:
		if ways > 0 {
			c.bad(key, "a message that means started carries no values", "remove pattern, fields and is")
		}
		return
	case Data, State:
		if ways != 1 {
			c.bad(key, "%d of pattern, fields and is are there", "use exactly one of them", ways)
		}
	default:
		c.bad(key+".means", "%q is nothing a message can mean", "use started, data or state", u.Means)
	}
	c.pattern(key+".pattern", u)
	for _, q := range u.quantities() {
		c.quantity(key, q)
	}
	for q, p := range u.Fields {
		if p == "" || len(p) > maxTopic || slices.Contains(strings.Split(p, "."), "") {
			c.bad(key+".fields."+string(q), "%q is no path", "write names with points between, such as ENERGY.Power", p)
		}
	}
	relay := slices.Contains(u.quantities(), Relay)
	if relay && (len(u.On) == 0 || len(u.Off) == 0) {
		c.bad(key, "it says the relay's position and no texts of it", "add on = [...] and off = [...]")
	}
	if len(u.On) > maxTexts || len(u.Off) > maxTexts {
		c.bad(key, "there are too many texts in on or off", "use at most %d", maxTexts)
	}
	for _, text := range u.On {
		if slices.Contains(u.Off, text) {
			c.bad(key, "%q means on and off", "remove it from one of them", text)
		}
	}
}

func (c *checker) pattern(key string, u *Up) {
	if u.Pattern == "" {
		return
	}
	if len(u.Pattern) > maxPattern {
		c.bad(key, "it has %d characters", "use at most %d", len(u.Pattern), maxPattern)
		return
	}
	re, err := regexp.Compile(`\A(?:` + u.Pattern + `)\z`)
	if err != nil {
		c.bad(key, "it is no pattern: %v", "write it as Go's regexp/syntax has it", err)
		return
	}
	u.pattern = re
	if len(u.quantities()) == 0 {
		c.bad(key, "no group of it has a name", "name groups by quantity, such as (?P<power_w>[0-9.]+)")
	}
}

func (c *checker) quantity(key string, q Quantity) {
	switch q {
	case V1, V2, PowerW, EnergyWh, EnergyKWh, EnergyWmin, VoltageV, Relay:
	default:
		c.bad(key, "%q is no quantity", "use v1, v2, power_w, energy_wh, energy_kwh, energy_wmin, voltage_v or relay", q)
	}
}

// quantities returns the quantities that a message carries, for every way of reading the payload.
func (u *Up) quantities() []Quantity {
	var out []Quantity
	if u.pattern != nil {
		for _, name := range u.pattern.SubexpNames() {
			if name != "" {
				out = append(out, Quantity(name))
			}
		}
	}
	for q := range u.Fields {
		out = append(out, q)
	}
	if u.Is != "" {
		out = append(out, u.Is)
	}
	slices.Sort(out)
	return out
}

// carries reports whether any message carries one of the quantities.
func (p *Profile) carries(any ...Quantity) bool {
	for i := range p.Up {
		for _, q := range p.Up[i].quantities() {
			if slices.Contains(any, q) {
				return true
			}
		}
	}
	return false
}

func (c *checker) energy(p *Profile) {
	counts := p.carries(V1, V2)
	if counts && p.Counts == nil {
		c.bad("counts", "the device sends counts and their calibration is missing", "add [counts] with volts_per_count, shunt_ohm, supply_volt and highest")
	}
	if counts && !(p.carries(V1) && p.carries(V2)) {
		c.bad("up", "one of v1 and v2 is missing", "name both in the pattern")
	}
	if k := p.Counts; k != nil && (k.VoltsPerCount <= 0 || k.ShuntOhm <= 0 || k.SupplyVolt <= 0 || k.Highest <= 0 ||
		k.SupplyVolt > 1000*unitsPerOne || k.VoltsPerCount > 1000*unitsPerOne || k.Highest > 1<<32*unitsPerOne) {
		c.bad("counts", "a value is missing or out of range", "all four are above 0, supply_volt and volts_per_count at most 1000, as texts in quotes")
	}
	e := p.Energy
	switch e.From {
	case "":
		if counts || p.carries(PowerW, EnergyWh, EnergyKWh, EnergyWmin) {
			c.bad("energy.from", "the device measures and nothing says what to count", "use power or register")
		}
		return
	case FromPower:
		if !counts && !p.carries(PowerW) {
			c.bad("energy.from", "no message carries power", "name power_w, or v1 and v2, in an [[up]]")
		}
		if e.Reset != "" {
			c.bad("energy.reset", "it is for registers", "remove it")
		}
	case FromRegister:
		if !p.carries(EnergyWh, EnergyKWh, EnergyWmin) {
			c.bad("energy.from", "no message carries the device's register", "name energy_wh, energy_kwh or energy_wmin in an [[up]]")
		}
		if e.Reset != ResetZero && e.Reset != ResetNever {
			c.bad("energy.reset", "%q is no behaviour", "use zero or never", e.Reset)
		}
	default:
		c.bad("energy.from", "%q is no source", "use power or register", e.From)
	}
	if e.MaxGap < Duration(minGap) || e.MaxGap > Duration(maxGapLimit) {
		c.bad("energy.max_gap", "%s is out of range", "use %s to %s", time.Duration(e.MaxGap), minGap, maxGapLimit)
	}
	if e.MaxW < 1 || e.MaxW > maxPower {
		c.bad("energy.max_w", "%d is out of range", "say what the device can measure at most, 1 to %d W", e.MaxW, maxPower)
	}
	if e.NoiseW < 0 || e.NoiseW > e.MaxW {
		c.bad("energy.noise_w", "%d is out of range", "set it to the most that the sensor shows without a load, 1 to %d W", e.NoiseW, e.MaxW)
	}
}

func (c *checker) supply(p *Profile) {
	s := p.Supply
	switch s.Kind {
	case None:
		if s != (Supply{Kind: None}) {
			c.bad("supply", "it has keys and no kind", "add kind = \"absolute\" or \"toggle\"")
		}
		return
	case Absolute:
		if s.On == "" || s.Off == "" || s.On == s.Off || s.Toggle != "" {
			c.bad("supply", "on and off must both be there and differ", "give the payloads that close and open the relay, and no toggle")
		}
		if !p.carries(Relay) {
			c.bad("supply", "no message says the relay's position", "describe the device's answer with is = \"relay\" or fields = { relay = ... }")
		}
	case Toggle:
		if s.Toggle == "" || s.On != "" || s.Off != "" {
			c.bad("supply", "toggle must be there, without on and off", "give the payload that turns the relay over")
		}
	default:
		c.bad("supply.kind", "%q is no kind of switching", "use absolute or toggle, or leave [supply] out", s.Kind)
		return
	}
	for _, payload := range [...]string{s.On, s.Off, s.Toggle} {
		if payload != "" {
			c.message("supply", &Message{Topic: s.Topic, Payload: payload}, nil)
		}
	}
}

// message checks a message to the device: its topic can be built, and the whole packet is short enough. The
// parameter allowed lists the words that may stand in braces in the payload.
func (c *checker) message(key string, m *Message, allowed []string) {
	if m == nil {
		return
	}
	c.topic(key+".topic", m.Topic)
	for _, w := range bracesIn(m.Payload) {
		if !slices.Contains(allowed, w) && allowed != nil {
			c.bad(key+".payload", "{%s} stands for nothing", "use %s", w, "{"+strings.Join(allowed, "}, {")+"}")
		}
	}
	if allowed == nil && packetSize(strings.ReplaceAll(m.Topic, deviceLevel, ""), m.Payload) > MaxDown {
		c.bad(key, "the packet would be longer than %d bytes", "shorten topic or payload", MaxDown)
	}
}

func (c *checker) rule(p *Profile) {
	if p.Rule == nil {
		return
	}
	if p.Rule.OffWhen != "v1<v2" && p.Rule.OffWhen != "v1>v2" {
		c.bad("rule.off_when", "%q is no rule", "use v1<v2 or v1>v2", p.Rule.OffWhen)
	}
	if !p.carries(V1) {
		c.bad("rule", "the device sends no counts", "remove it")
	}
}

// Library holds the profiles by name.
type Library map[string]*Profile

// Load reads every profile of a folder. A profile replaces an earlier loaded profile of the same name. Two profiles of
// the same name in the folder are an error. Files whose name does not end in .toml are ignored.
func (l Library) Load(folder fs.FS) error {
	names, err := fs.Glob(folder, "*.toml")
	if err != nil {
		return fmt.Errorf("list profiles: %w", err)
	}
	var errs []error
	here := map[string]string{}
	for _, file := range names {
		text, err := fs.ReadFile(folder, file)
		if err != nil {
			errs = append(errs, fmt.Errorf("read profile %s: %w", file, err))
			continue
		}
		p, err := Parse(file, string(text))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if other, twice := here[p.Name]; twice {
			errs = append(errs, fmt.Errorf("%w %s: name: %q is also the name in %s; change one of them", ErrProfile, file, p.Name, other))
			continue
		}
		here[p.Name], l[p.Name] = file, p
	}
	return errors.Join(errs...)
}

// Names returns the names of the profiles, sorted.
func (l Library) Names() []string {
	out := make([]string, 0, len(l))
	for name := range l {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// FileOf returns the file name of the profile with the given name.
func FileOf(name string) string { return path.Base(name) + ".toml" }
