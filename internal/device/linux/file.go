package linux

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/paywatt/paywatt/internal/bounded"
	"github.com/paywatt/paywatt/meter"
)

// File is a board file. It says which part is on which lines of a GPIO chip. A part that is not in the file is virtual
// or absent.
type File struct {
	// Chip is the device, such as /dev/gpiochip0.
	Chip   string      `toml:"chip"`
	Pulses *PulsesPart `toml:"pulses"`
	Relay  *RelayPart  `toml:"relay"`
	Light  *OutputPart `toml:"light"`
	Buzzer *OutputPart `toml:"buzzer"`
	Keypad *KeypadPart `toml:"keypad"`
	Tamper *TamperPart `toml:"tamper"`
}

// PulsesPart is the metering chip: an input that is active once for each impulse.
type PulsesPart struct {
	Line      uint32   `toml:"line"`
	ActiveLow bool     `toml:"active_low"`
	PullUp    bool     `toml:"pull_up"`
	Debounce  duration `toml:"debounce"`
}

// RelayPart is a latching relay with two coils, and an input that is active while there is voltage behind the contact.
type RelayPart struct {
	Close     uint32   `toml:"close"`
	Open      uint32   `toml:"open"`
	Sense     uint32   `toml:"sense"`
	Pulse     duration `toml:"pulse"`
	ActiveLow bool     `toml:"active_low"`
	SenseLow  bool     `toml:"sense_active_low"`
}

// OutputPart is a light or a buzzer.
type OutputPart struct {
	Line      uint32 `toml:"line"`
	ActiveLow bool   `toml:"active_low"`
}

// KeypadPart is a matrix of four rows and three columns.
type KeypadPart struct {
	Rows []uint32 `toml:"rows"`
	Cols []uint32 `toml:"columns"`
}

// TamperPart is the tamper switches by kind. An input is active when it detects tampering. If Latches is set, each
// kind has one more input, which reads a latch. A battery supplies the latches while the mains is off. A pulse on the
// output Reset clears all latches.
type TamperPart struct {
	Lines     map[string]uint32 `toml:"lines"`
	Latches   map[string]uint32 `toml:"latches"`
	Reset     uint32            `toml:"reset"`
	ActiveLow bool              `toml:"active_low"`
	PullUp    bool              `toml:"pull_up"`
	Debounce  duration          `toml:"debounce"`
}

// kinds returns the kinds of the switches in a fixed order.
func (p *TamperPart) kinds() (kinds []meter.Tamper) {
	for name := range p.Lines {
		kind, _ := meter.ParseTamper(name) // checked when the file was read
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

// inOrder returns the lines of these kinds, in their order.
func inOrder(lines map[string]uint32, kinds []meter.Tamper) (out []uint32) {
	for _, kind := range kinds {
		out = append(out, lines[kind.String()])
	}
	return out
}

// duration is a duration such as "100ms".
type duration struct{ time.Duration }

// UnmarshalText parses the duration.
func (d *duration) UnmarshalText(text []byte) (err error) {
	d.Duration, err = time.ParseDuration(string(text))
	return err
}

// MaxPulse is the longest time for which a coil may be driven or a contact may bounce.
const MaxPulse = time.Second

// ErrFile is wrapped by the errors of a board file.
var ErrFile = errors.New("board file")

// ParseFile parses a board file and checks all of it. It returns all errors at once.
func ParseFile(text string) (File, error) {
	var f File
	if err := bounded.CheckTOML(text); err != nil {
		return f, fmt.Errorf("%w: %w", ErrFile, err)
	}
	meta, err := toml.Decode(text, &f)
	if err != nil {
		return f, fmt.Errorf("%w: %w", ErrFile, err)
	}
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: %s", ErrFile, fmt.Sprintf(format, args...)))
	}
	for _, key := range meta.Undecoded() {
		bad("there is no key %s", key)
	}
	if !strings.HasPrefix(f.Chip, "/dev/") {
		bad(`chip must name a device, such as "/dev/gpiochip0"`)
	}
	if f.Pulses == nil {
		bad("[pulses] is missing: without it nothing is counted")
	}
	if f.Relay == nil {
		bad("[relay] is missing: without it nothing is switched")
	}
	f.checkTimes(bad)
	f.checkLines(bad, meta)
	return f, errors.Join(errs...)
}

func (f *File) checkTimes(bad func(string, ...any)) {
	if f.Relay != nil && (f.Relay.Pulse.Duration <= 0 || f.Relay.Pulse.Duration > MaxPulse) {
		bad(`relay.pulse must be a time up to %s, such as "100ms"`, MaxPulse)
	}
	if f.Pulses != nil && (f.Pulses.Debounce.Duration < 0 || f.Pulses.Debounce.Duration > MaxPulse) {
		bad("pulses.debounce must be a time up to %s", MaxPulse)
	}
	if f.Tamper != nil && (f.Tamper.Debounce.Duration < 0 || f.Tamper.Debounce.Duration > MaxPulse) {
		bad("tamper.debounce must be a time up to %s", MaxPulse)
	}
}

// checkLines reports lines that are missing and lines that two parts use.
func (f *File) checkLines(bad func(string, ...any), meta toml.MetaData) {
	parts := map[uint32]string{}
	take := func(part string, line uint32) {
		if other := parts[line]; other != "" {
			bad("line %d is that of %s and of %s", line, other, part)
		}
		parts[line] = part
	}
	named := func(line uint32, key ...string) {
		if part := strings.Join(key, "."); meta.IsDefined(key...) {
			take(part, line)
		} else {
			bad("%s is missing", part)
		}
	}
	if f.Pulses != nil {
		named(f.Pulses.Line, "pulses", "line")
	}
	if f.Relay != nil {
		named(f.Relay.Close, "relay", "close")
		named(f.Relay.Open, "relay", "open")
		named(f.Relay.Sense, "relay", "sense")
	}
	if f.Light != nil {
		named(f.Light.Line, "light", "line")
	}
	if f.Buzzer != nil {
		named(f.Buzzer.Line, "buzzer", "line")
	}
	if f.Keypad != nil {
		if len(f.Keypad.Rows) != padRows || len(f.Keypad.Cols) != padCols {
			bad("keypad needs %d rows and %d columns", padRows, padCols)
		}
		for _, line := range append(slices.Clone(f.Keypad.Rows), f.Keypad.Cols...) {
			take("keypad", line)
		}
	}
	if t := f.Tamper; t != nil {
		if len(t.Lines) == 0 {
			bad("tamper.lines is missing")
		}
		for name, line := range t.Lines {
			if _, known := meter.ParseTamper(name); !known {
				bad("tamper.lines.%s is no kind of tampering", name)
			}
			take("tamper.lines."+name, line)
			if latch, has := t.Latches[name]; has {
				take("tamper.latches."+name, latch)
			} else if len(t.Latches) > 0 {
				bad("tamper.latches.%s is missing", name)
			}
		}
		if len(t.Latches) > len(t.Lines) {
			bad("tamper.latches has more kinds than tamper.lines")
		}
		if len(t.Latches) > 0 {
			named(t.Reset, "tamper", "reset")
		}
	}
}
