package smpp

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Bits of esm_class (SMPP 3.4 §5.2.12).
const (
	classType     = 0x3C // bits that tell a receipt from a message
	classReceipt  = 0x04
	classNotice   = 0x20 // intermediate notification
	classHeader   = 0x40 // short_message begins with a user data header
	reportWanted  = 0x01 // registered_delivery: a receipt at the final state (SMPP 3.4 §5.2.17)
	codingDefault = 0x00
	codingASCII   = 0x01
	codingLatin1  = 0x03
	codingUCS2    = 0x08
)

// Tag names an optional parameter (SMPP 3.4 §5.3.2).
type Tag uint16

// The optional parameters that are read or written.
const (
	TagReceiptedID    Tag = 0x001E
	TagUserReference  Tag = 0x0204
	TagSARReference   Tag = 0x020C
	TagSARTotal       Tag = 0x020E
	TagSARSequence    Tag = 0x020F
	TagMessagePayload Tag = 0x0424
	TagMessageState   Tag = 0x0427
)

// Option is one optional parameter.
type Option struct {
	Tag   Tag
	Value []byte
}

// Address is a number with its type and plan.
type Address struct {
	TON, NPI uint8
	Text     string
}

// Message is the body of submit_sm and deliver_sm, which have the same fields (SMPP 3.4 §4.4, §4.6). Its text may hold the
// digits of a token, so this package never prints it.
type Message struct {
	Service            string
	From, To           Address
	Class              uint8 // esm_class
	Protocol, Priority uint8
	Schedule, Validity string
	Registered         uint8
	Replace            uint8
	Coding             uint8 // data_coding
	Default            uint8 // sm_default_msg_id
	Short              []byte
	Options            []Option
}

// String describes the message without its text.
func (m Message) String() string {
	return fmt.Sprintf("message to %s, coding %02X, %d octets", m.To.Text, m.Coding, len(m.Short))
}

// GoString is the same as String: %#v would print the text.
func (m Message) GoString() string { return m.String() }

// Option finds an optional parameter; the first one counts.
func (m Message) Option(t Tag) ([]byte, bool) {
	for _, o := range m.Options {
		if o.Tag == t {
			return o.Value, true
		}
	}
	return nil, false
}

// Encode writes the body.
func (m Message) Encode() ([]byte, error) {
	w := &writer{}
	w.text("service_type", m.Service, 5)
	for _, a := range []Address{m.From, m.To} {
		w.octets(a.TON, a.NPI)
		w.text("address", a.Text, maxAddress)
	}
	w.octets(m.Class, m.Protocol, m.Priority)
	w.text("schedule_delivery_time", m.Schedule, 16)
	w.text("validity_period", m.Validity, 16)
	w.octets(m.Registered, m.Replace, m.Coding, m.Default)
	if len(m.Short) > maxShort {
		return nil, fmt.Errorf("short_message of %d octets, at most %d: %w", len(m.Short), maxShort, ErrMalformed)
	}
	w.octets(byte(len(m.Short)))
	w.octets(m.Short...)
	if len(m.Options) > maxTags {
		return nil, fmt.Errorf("%d optional parameters, at most %d: %w", len(m.Options), maxTags, ErrMalformed)
	}
	for _, o := range m.Options {
		if len(o.Value) > MaxPDU {
			return nil, fmt.Errorf("parameter %04X of %d octets: %w", uint16(o.Tag), len(o.Value), ErrMalformed)
		}
		w.b = binary.BigEndian.AppendUint16(w.b, uint16(o.Tag))
		w.b = binary.BigEndian.AppendUint16(w.b, uint16(len(o.Value)))
		w.octets(o.Value...)
	}
	if len(w.b) > MaxPDU-headerSize {
		return nil, fmt.Errorf("body of %d octets: %w", len(w.b), ErrMalformed)
	}
	return w.b, w.err
}

// DecodeMessage reads the body.
func DecodeMessage(body []byte) (Message, error) {
	r := &reader{b: body}
	m := Message{Service: r.text(5)}
	for _, a := range []*Address{&m.From, &m.To} {
		a.TON, a.NPI = r.octet(), r.octet()
		a.Text = r.text(maxAddress)
	}
	m.Class, m.Protocol, m.Priority = r.octet(), r.octet(), r.octet()
	m.Schedule, m.Validity = r.text(16), r.text(16)
	m.Registered, m.Replace, m.Coding, m.Default = r.octet(), r.octet(), r.octet(), r.octet()
	if n := int(r.octet()); n > maxShort {
		return Message{}, fmt.Errorf("decode short_message of %d octets: %w", n, ErrMalformed)
	} else if n > 0 {
		m.Short = append([]byte(nil), r.take(n)...)
	}
	for r.err == nil && len(r.b) > 0 {
		if len(m.Options) == maxTags {
			return Message{}, fmt.Errorf("decode more than %d optional parameters: %w", maxTags, ErrMalformed)
		}
		t := Tag(r.word())
		m.Options = append(m.Options, Option{t, append([]byte(nil), r.take(int(r.word()))...)})
	}
	if r.err != nil {
		return Message{}, fmt.Errorf("decode message: %w", r.err)
	}
	return m, nil
}

// validity writes a time from now (SMPP 3.4 §7.1.1): YYMMDDhhmmss, tenths of a second and the zone, which is R for a relative time. Years
// and months stay 00, because they differ in length. The longest time is 99 days.
func validity(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	const day = 24 * time.Hour
	d = min(d.Round(time.Second), 99*day)
	return fmt.Sprintf("0000%02d%02d%02d%02d000R", d/day, d%day/time.Hour, d%time.Hour/time.Minute, d%time.Minute/time.Second)
}
