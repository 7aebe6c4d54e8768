package pdu

import (
	"fmt"
	"strings"
)

// Element is one piece of information in the header of user data.
type Element struct {
	ID   uint8
	Data []byte
}

// Elements that number the parts of a longer message.
const (
	elementConcat8  = 0x00
	elementConcat16 = 0x08
)

// Body is the user data of a message with its coding.
type Body struct {
	DCS    DCS
	Header []Element
	// Data is the payload after the header: one septet an octet in the default alphabet, else the octets as sent.
	Data []byte
}

// Text reads the payload. Octets are read as Latin-1, because no alphabet is stated.
func (b Body) Text() string { return textOf(b.DCS.Alphabet(), b.Data) }

func textOf(a Alphabet, data []byte) string {
	switch a {
	case GSM7:
		return decodeSeptets(data)
	case UCS2:
		return decodeUnits(data)
	default:
		out := make([]rune, len(data))
		for i, c := range data {
			out[i] = rune(c)
		}
		return string(out)
	}
}

// Concat numbers a part of a longer message.
type Concat struct {
	Reference uint16
	Wide      bool // the reference has 16 bits; references of 8 and 16 bits are distinct
	Total     uint8
	Seq       uint8 // from 1
}

// maxPart is how many octets a part may have as it reaches this package. A part of the network has at most 160 characters, which some gateways
// bring in UTF-16. Parts wait for one another, so longer ones would cost much memory.
const maxPart = 4 * MaxOctets

// Concat returns the part number. It returns false for a message in one piece, for a text that is too long to be a part, and for an impossible part
// number, which the standard says to ignore (TS 23.040 §9.2.3.24.1).
func (b Body) Concat() (Concat, bool) {
	if len(b.Data) > maxPart {
		return Concat{}, false
	}
	for _, e := range b.Header {
		var c Concat
		switch {
		case e.ID == elementConcat8 && len(e.Data) == 3:
			c = Concat{Reference: uint16(e.Data[0]), Total: e.Data[1], Seq: e.Data[2]}
		case e.ID == elementConcat16 && len(e.Data) == 4:
			c = Concat{Reference: uint16(e.Data[0])<<8 | uint16(e.Data[1]), Wide: true, Total: e.Data[2], Seq: e.Data[3]}
		default:
			continue
		}
		if c.Total > 0 && c.Seq > 0 && c.Seq <= c.Total {
			return c, true
		}
	}
	return Concat{}, false
}

// Alone returns the text of a part whose other parts never came, and how many are missing. U+FFFD stands for each missing part.
func (b Body) Alone() (text string, missing int) {
	c, ok := b.Concat()
	if !ok {
		return b.Text(), 0
	}
	lost := func(n uint8) string { return strings.Repeat("\uFFFD", int(n)) }
	return lost(c.Seq-1) + b.Text() + lost(c.Total-c.Seq), int(c.Total) - 1
}

func (c Concat) element() Element {
	if c.Wide {
		return Element{ID: elementConcat16, Data: []byte{byte(c.Reference >> 8), byte(c.Reference), c.Total, c.Seq}}
	}
	return Element{ID: elementConcat8, Data: []byte{byte(c.Reference), c.Total, c.Seq}}
}

// encodeHeader writes the header with its length octet; it writes nothing if there are no elements.
func encodeHeader(elements []Element) ([]byte, error) {
	if len(elements) == 0 {
		return nil, nil
	}
	out := []byte{0}
	for _, e := range elements {
		if len(e.Data) > MaxOctets {
			return nil, fmt.Errorf("header element of %d octets: %w", len(e.Data), ErrTooLong)
		}
		out = append(append(out, e.ID, byte(len(e.Data))), e.Data...)
	}
	if len(out) > MaxOctets {
		return nil, fmt.Errorf("header of %d octets: %w", len(out), ErrTooLong)
	}
	out[0] = byte(len(out) - 1)
	return out, nil
}

// appendTo writes length and user data.
func (b Body) appendTo(out []byte) ([]byte, error) {
	header, err := encodeHeader(b.Header)
	if err != nil {
		return nil, err
	}
	if b.DCS.Alphabet() != GSM7 {
		n := len(header) + len(b.Data)
		if n > MaxOctets {
			return nil, fmt.Errorf("user data of %d octets: %w", n, ErrTooLong)
		}
		return append(append(append(out, byte(n)), header...), b.Data...), nil
	}
	taken := septetsOf(len(header))
	if n := taken + len(b.Data); n > MaxSeptets {
		return nil, fmt.Errorf("user data of %d septets: %w", n, ErrTooLong)
	}
	for _, s := range b.Data {
		if s > 0x7F {
			return nil, fmt.Errorf("septet %02X: %w", s, ErrMalformed)
		}
	}
	out = append(append(out, byte(taken+len(b.Data))), header...)
	return append(out, pack(b.Data, fillBits(len(header)))...), nil
}

// septetsOf returns how many septets a header of this many octets takes.
func septetsOf(header int) int { return (8*header + 6) / 7 }

// fillBits returns how many bits lie between a header and the first septet.
func fillBits(header int) int { return 7*septetsOf(header) - 8*header }

// body reads length and user data.
func (r *reader) body(b *Body, header bool) {
	length := int(r.octet())
	if r.err != nil {
		return
	}
	septets := b.DCS.Alphabet() == GSM7
	octets := length
	if septets {
		octets = (7*length + 7) / 8
	}
	if octets > MaxOctets {
		r.err = fmt.Errorf("user data length %d: %w", length, ErrMalformed)
		return
	}
	field := r.take(octets)
	if r.err != nil {
		return
	}
	used := 0
	if header {
		if used, r.err = decodeHeader(b, field); r.err != nil {
			return
		}
	}
	if septets {
		b.Data = unpack(field[used:], fillBits(used), length-septetsOf(used))
		return
	}
	b.Data = append(make([]byte, 0, len(field)-used), field[used:]...)
}

// ReadHeader reads the header of user data, with its length octet, as gateways pass it on.
func ReadHeader(octets []byte) ([]Element, error) {
	var b Body
	if _, err := decodeHeader(&b, octets); err != nil {
		return nil, err
	}
	return b.Header, nil
}

// UnicodeBody returns a text in one piece as user data in UCS-2.
func UnicodeBody(text string) Body { return Body{DCS: DCSUnicode, Data: encodeUnits(text)} }

// decodeHeader reads the header's elements and returns how many octets it took.
func decodeHeader(b *Body, field []byte) (int, error) {
	r := &reader{b: field}
	inner := reader{b: r.take(int(r.octet()))}
	if r.err != nil {
		return 0, fmt.Errorf("header: %w", r.err)
	}
	for len(inner.b) > 0 {
		id := inner.octet()
		data := inner.take(int(inner.octet()))
		if inner.err != nil {
			return 0, fmt.Errorf("header element %02X: %w", id, inner.err)
		}
		b.Header = append(b.Header, Element{ID: id, Data: append(make([]byte, 0, len(data)), data...)})
	}
	return len(field) - len(r.b), nil
}
