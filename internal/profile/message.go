package profile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/money"
)

// Kind is the kind of a message.
type Kind string

// Kinds of messages. Ignored is the zero value: the profile does not describe the message, so it only shows that the
// device is alive.
const (
	Ignored    Kind = ""
	IsStarted  Kind = "started"
	IsData     Kind = "data"
	IsState    Kind = "state"
	Unreadable Kind = "unreadable" // the profile describes the topic, but the payload cannot be read
)

// Positions of the relay, as in readings.
const (
	Closed = "closed"
	Open   = "open"
)

// Meaning is the meaning of a message. A value that is absent is nil.
type Meaning struct {
	Kind    Kind     `json:"kind"`
	Device  string   `json:"device,omitempty"` // the level of the topic that stands at {id}
	V1      *Decimal `json:"v1,omitempty"`
	V2      *Decimal `json:"v2,omitempty"`
	PowerMW *int64   `json:"power_mw,omitempty"`
	// EnergyMWh is the device's own register.
	EnergyMWh *int64 `json:"energy_mwh,omitempty"`
	VoltageMV *int64 `json:"voltage_mv,omitempty"`
	Relay     string `json:"relay,omitempty"` // closed, open, or empty if the message does not say
	Text      string `json:"text,omitempty"`  // the payload for people: printable, and cut to maxText
	Why       string `json:"why,omitempty"`   // why a message is unreadable
}

// maxText is the largest number of characters of a payload that are stored for people.
const maxText = 60

// Understand returns the meaning of a message. It never fails: for an unreadable message, Why says what is wrong.
func (p *Profile) Understand(topic string, payload []byte) Meaning {
	for i := range p.Up {
		u := &p.Up[i]
		device, ok := matchTopic(u.Topic, topic)
		if !ok || !bytes.Contains(payload, []byte(u.Contains)) {
			continue
		}
		m := Meaning{Device: device, Text: printable(payload)}
		if u.Means == Started {
			m.Kind = IsStarted
			return m
		}
		m.Kind = IsData
		if u.Means == State {
			m.Kind = IsState
		}
		if err := p.read(u, payload, &m); err != nil {
			return Meaning{Kind: Unreadable, Device: device, Text: m.Text, Why: err.Error()}
		}
		return m
	}
	return Meaning{Kind: Ignored, Text: printable(payload)}
}

// read parses the payload.
func (p *Profile) read(u *Up, payload []byte, m *Meaning) error {
	values, err := u.values(payload)
	if err != nil {
		return err
	}
	for _, v := range values {
		if err := p.take(u, m, v.quantity, v.text); err != nil {
			return err
		}
	}
	if m.V1 == nil || m.V2 == nil {
		if (m.V1 != nil || m.V2 != nil) && p.Counts != nil {
			return fmt.Errorf("one of the two counts is missing")
		}
		return nil
	}
	mw, err := p.Counts.power(*m.V1, *m.V2)
	if err != nil {
		return err
	}
	return p.takePower(m, mw)
}

// value is one quantity in the form in which the device wrote it.
type value struct {
	quantity Quantity
	text     string
}

// values finds the quantities in a payload. A missing JSON field is not an error, because devices omit unchanged
// values. It is an error if all values are missing.
func (u *Up) values(payload []byte) ([]value, error) {
	if !utf8.Valid(payload) {
		return nil, fmt.Errorf("the payload is not text")
	}
	switch {
	case u.pattern != nil:
		found := u.pattern.FindSubmatch(payload)
		if found == nil {
			return nil, fmt.Errorf("the payload does not have the form of this message")
		}
		var out []value
		for i, name := range u.pattern.SubexpNames() {
			if name != "" && found[i] != nil {
				out = append(out, value{Quantity(name), string(found[i])})
			}
		}
		return out, nil
	case u.Is != "":
		return []value{{u.Is, strings.TrimSpace(string(payload))}}, nil
	}
	doc, err := document(payload)
	if err != nil {
		return nil, err
	}
	var out []value
	for _, q := range u.quantities() {
		text, ok, err := lookUp(doc, u.Fields[q])
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, value{q, text})
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("none of the fields is there")
	}
	return out, nil
}

// document decodes one JSON document and keeps its numbers as text.
func document(payload []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("the payload is not JSON")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("more data follows the JSON document")
	}
	return doc, nil
}

// lookUp follows a path; ok is false if the path does not exist. A number in the path is a place in a list, from 0: emeters.0.total. Numbers and
// truth values are returned as text.
func lookUp(doc any, path string) (text string, ok bool, err error) {
	for name := range strings.SplitSeq(path, ".") {
		if doc, ok = member(doc, name); !ok {
			return "", false, nil
		}
	}
	switch v := doc.(type) {
	case json.Number:
		return v.String(), true, nil
	case string:
		return v, true, nil
	case bool:
		return fmt.Sprint(v), true, nil
	case nil:
		return "", false, nil
	}
	return "", false, fmt.Errorf("%s is neither a number nor a word", path)
}

// member returns the member of an object with a name, or of a list at a place.
func member(doc any, name string) (any, bool) {
	switch v := doc.(type) {
	case map[string]any:
		inside, ok := v[name]
		return inside, ok
	case []any:
		place, err := strconv.ParseUint(name, 10, 16)
		if err != nil || place >= uint64(len(v)) {
			return nil, false
		}
		return v[place], true
	}
	return nil, false
}

// take stores one quantity in the meaning.
func (p *Profile) take(u *Up, m *Meaning, q Quantity, text string) error {
	if q == Relay {
		switch {
		case slices.Contains(u.On, text):
			m.Relay = Closed
		case slices.Contains(u.Off, text):
			m.Relay = Open
		}
		return nil // any other text is only shown
	}
	d, err := ParseDecimal(text)
	if err != nil {
		return fmt.Errorf("%s: %w", q, err)
	}
	mwh := int64(0)
	switch q {
	case V1, V2:
		if d < 0 || d > p.Counts.Highest {
			return fmt.Errorf("%s is %s, but a count must be 0 to %s", q, d, p.Counts.Highest)
		}
		if q == V1 {
			m.V1 = &d
		} else {
			m.V2 = &d
		}
		return nil
	case PowerW:
		return p.takePower(m, d.Milli())
	case VoltageV:
		mv := d.Milli()
		if mv < 0 || mv > 1_000_000 {
			return fmt.Errorf("%s is %s", q, d)
		}
		m.VoltageMV = &mv
		return nil
	case EnergyWh:
		mwh = d.Milli()
	case EnergyKWh:
		mwh = int64(d) / (unitsPerOne / 1_000_000)
	case EnergyWmin: // 60 W·min are 1 Wh. The next value includes the part cut off here, because only differences of registers count
		mwh = d.Milli() / 60
	}
	if d < 0 {
		return fmt.Errorf("%s is %s, but a register cannot be negative", q, d)
	}
	m.EnergyMWh = &mwh
	return nil
}

// takePower stores a power and refuses one that the device cannot measure. A plug reports small reverse power as a
// negative value. Nobody buys reverse power, so it counts as 0.
func (p *Profile) takePower(m *Meaning, mw int64) error {
	if mw > p.Energy.MaxW*1000 || mw < -p.Energy.MaxW*1000 {
		return fmt.Errorf("%d.%03d W is more than the device can measure (%d W)", mw/1000, max(mw, -mw)%1000, p.Energy.MaxW)
	}
	mw = max(mw, 0)
	m.PowerMW = &mw
	return nil
}

// power returns |v1−v2|·(V per count)/shunt·supply, in milliwatts, rounded down. Each factor is in billionths. The first
// product is a voltage in billionths. The second step divides this voltage by the resistance and multiplies it by the
// supply's voltage in millivolts.
func (k *Counts) power(v1, v2 Decimal) (int64, error) {
	across, err := money.MulDiv(max(int64(v1)-int64(v2), int64(v2)-int64(v1)), int64(k.VoltsPerCount), unitsPerOne, money.Floor)
	if err != nil {
		return 0, fmt.Errorf("the voltage of these counts is out of range")
	}
	mw, err := money.MulDiv(across, k.SupplyVolt.Milli(), int64(k.ShuntOhm), money.Floor)
	if err != nil {
		return 0, fmt.Errorf("the power of these counts is out of range")
	}
	return mw, nil
}

// printable returns a payload for people: one line of limited length, without control characters.
func printable(payload []byte) string {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, string(payload[:min(len(payload), 4*maxText)]))
	if r := []rune(text); len(r) > maxText {
		text = string(r[:maxText-1]) + "…"
	}
	return strings.TrimSpace(text)
}
