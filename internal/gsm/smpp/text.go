package smpp

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/paywatt/paywatt/internal/gsm/pdu"
)

// Alphabet is a centre's alphabet for data_coding 0, "the default alphabet of the centre" (SMPP 3.4 §5.2.19), which the standard does not
// define. In every alphabet here `*02#` and digits have the same codes.
type Alphabet string

// The alphabets in use.
const (
	GSM    Alphabet = "gsm"    // the GSM alphabet, one septet in each octet: the default
	Latin1 Alphabet = "latin1" // ISO 8859-1
)

// piece is the text of one submit_sm.
type piece struct {
	class, coding uint8
	data          []byte
	payload       bool // the text goes in message_payload; the centre splits it
}

// compose splits a text into pieces, in the default alphabet if every character is in it, else in UCS-2.
func (cfg *Config) compose(text string, reference uint8) ([]piece, error) {
	bodies, err := pdu.Compose(text, uint16(reference))
	if err != nil {
		return nil, err
	}
	if cfg.Alphabet == Latin1 && bodies[0].DCS.Alphabet() == pdu.GSM7 && !inLatin1(text) {
		return composeUnits(text, reference)
	}
	out := make([]piece, len(bodies))
	for i, b := range bodies {
		out[i] = piece{coding: codingDefault, data: b.Data}
		if b.DCS.Alphabet() == pdu.UCS2 {
			out[i].coding = codingUCS2
		} else if cfg.Alphabet == Latin1 {
			out[i].data = latin1(b.Text()) // latin1 never takes more octets than the text has septets
		}
		if c, ok := b.Concat(); ok && !cfg.Payload {
			out[i].class |= classHeader
			out[i].data = append([]byte{5, 0, 3, byte(c.Reference), c.Total, c.Seq}, out[i].data...)
		}
	}
	if cfg.Payload && len(out) > 1 {
		whole := piece{coding: out[0].coding, payload: true}
		for _, p := range out {
			whole.data = append(whole.data, p.data...)
		}
		out = []piece{whole}
	}
	return out, nil
}

// composeUnits splits a text in UCS-2. It is for a text that fits the GSM alphabet but not the centre's alphabet.
func composeUnits(text string, reference uint8) ([]piece, error) {
	const size = 66 // number of characters in a part; 67 would fit too
	var out []piece
	runes := []rune(text)
	total := (len(runes) + size - 1) / size
	if total > pdu.MaxParts {
		return nil, fmt.Errorf("compose %d parts, at most %d: %w", total, pdu.MaxParts, pdu.ErrTooLong)
	}
	for i := range total {
		var p piece
		p.coding = codingUCS2
		if total > 1 {
			p.class, p.data = classHeader, []byte{5, 0, 3, reference, byte(total), byte(i + 1)}
		}
		for _, r := range runes[i*size : min((i+1)*size, len(runes))] {
			p.data = append(p.data, byte(r>>8), byte(r)) // the GSM alphabet has only characters of the first plane
		}
		out = append(out, p)
	}
	return out, nil
}

func inLatin1(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r > 0xFF }) }

func latin1(s string) []byte {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		out = append(out, byte(r))
	}
	return out
}

// bodyOf reads the text of an incoming message, with the part number if it is a part.
func (cfg *Config) bodyOf(m Message) (pdu.Body, error) {
	data := m.Short
	if v, ok := m.Option(TagMessagePayload); ok && len(data) == 0 {
		data = v
	}
	b := pdu.Body{DCS: pdu.DCS(m.Coding)}
	switch {
	case m.Coding == codingDefault && cfg.Alphabet == Latin1, m.Coding >= codingASCII && m.Coding < codingUCS2:
		b.DCS = pdu.DCSOctets // read as Latin-1
	case b.DCS.Alphabet() == pdu.UCS2:
		b.DCS = pdu.DCSUnicode
	case b.DCS.Alphabet() == pdu.GSM7:
		b.DCS = pdu.DCSText
	}
	if m.Class&classHeader != 0 {
		r := &reader{b: data}
		inner := &reader{b: r.take(int(r.octet()))}
		for r.err == nil && inner.err == nil && len(inner.b) > 0 {
			id := inner.octet()
			b.Header = append(b.Header, pdu.Element{ID: id, Data: inner.take(int(inner.octet()))})
		}
		if r.err != nil || inner.err != nil {
			return pdu.Body{}, fmt.Errorf("user data header: %w", ErrShort)
		}
		data = r.b
	} else if e, ok := segment(m); ok {
		b.Header = []pdu.Element{e}
	}
	b.Data = bytes.Clone(data) // a part waits for others, and must not keep its whole unit
	return b, nil
}

// segment turns the optional parameters for parts (SMPP 3.4 §5.3.2.22 to 24) into the equivalent header element.
func segment(m Message) (pdu.Element, bool) {
	const concat16 = 0x08
	ref, one := m.Option(TagSARReference)
	total, two := m.Option(TagSARTotal)
	seq, three := m.Option(TagSARSequence)
	if !one || !two || !three || len(ref) != 2 || len(total) != 1 || len(seq) != 1 {
		return pdu.Element{}, false
	}
	return pdu.Element{ID: concat16, Data: []byte{ref[0], ref[1], total[0], seq[0]}}, true
}

// addressOf writes a number or a name for the protocol (SMPP 3.4 §5.2.5): 1 international, 5 a name, 0 unknown.
func addressOf(a pdu.Address) Address {
	switch a.Type {
	case pdu.International:
		return Address{TON: 1, NPI: 1, Text: a.Text}
	case pdu.Alphanumeric:
		return Address{TON: 5, NPI: 0, Text: a.Text}
	}
	return Address{TON: 0, NPI: 1, Text: a.Text}
}

// number reads an incoming address. An international number gets a "+", whether the centre marks it by its type or writes the
// "+".
func number(a Address) pdu.Address {
	text := strings.TrimPrefix(a.Text, "+")
	digits := text != "" && strings.Trim(text, "0123456789") == ""
	switch {
	case digits && (a.TON == 1 || text != a.Text):
		return pdu.Address{Type: pdu.International, Plan: 1, Text: text}
	case digits:
		return pdu.Address{Type: pdu.Unknown, Plan: 1, Text: text}
	}
	return pdu.Address{Type: pdu.Alphanumeric, Text: a.Text}
}
