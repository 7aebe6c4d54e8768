package pdu

import (
	"fmt"
	"unicode/utf8"
)

// MaxParts is the largest number of parts in which Paywatt sends a text (ten parts hold 1,530 characters).
const MaxParts = 10

// Size is the size of a text as the network charges for it.
type Size struct {
	Alphabet Alphabet
	Units    int // septets, or UTF-16 units
	Parts    int // messages, each charged by the network
}

// Measure returns the size of a text: in the default alphabet if it fits, else in UCS-2. A text of several messages has a
// header in each.
func Measure(text string) Size {
	data, dcs := coded(text)
	s := Size{Alphabet: dcs.Alphabet(), Units: len(data)}
	if s.Alphabet == UCS2 {
		s.Units /= 2
	}
	s.Parts = 1
	if len(data) > whole(dcs) {
		s.Parts = len(split(data, dcs, false))
	}
	return s
}

// coded encodes a text in the default alphabet if it fits, else in UCS-2.
func coded(text string) ([]byte, DCS) {
	if septets, ok := encodeSeptets(text); ok {
		return septets, DCSText
	}
	return encodeUnits(text), DCSUnicode
}

// whole returns how much payload fits one message without a header, in the units of Body.Data.
func whole(dcs DCS) int {
	if dcs.Alphabet() == GSM7 {
		return MaxSeptets
	}
	return MaxOctets
}

// room returns how much payload fits one part with its header: 153 septets or 67 units, with a 16-bit reference 152 or 66.
func room(dcs DCS, wide bool) int {
	header := 6
	if wide {
		header = 7
	}
	if dcs.Alphabet() == GSM7 {
		return MaxSeptets - septetsOf(header)
	}
	return (MaxOctets - header) / 2 * 2 // whole units
}

// split cuts a payload into parts, never inside an escape or a surrogate pair.
func split(data []byte, dcs DCS, wide bool) [][]byte {
	var parts [][]byte
	size := room(dcs, wide)
	for len(data) > size {
		cut := size
		switch dcs.Alphabet() {
		case GSM7:
			if endsInEscape(data[:cut]) {
				cut--
			}
		case UCS2:
			if high := data[cut-2]; high >= 0xD8 && high <= 0xDB {
				cut -= 2
			}
		}
		parts = append(parts, data[:cut])
		data = data[cut:]
	}
	return append(parts, data)
}

// endsInEscape reports whether the last septet is an escape without its character. An escape after an escape does not count.
func endsInEscape(septets []byte) bool {
	n := 0
	for i := len(septets) - 1; i >= 0 && septets[i] == escape; i-- {
		n++
	}
	return n%2 == 1
}

// Compose turns a text into the bodies of one or more messages, in the default alphabet if every character is in it. The parameter
// reference joins the parts at the recipient. A reference below 256 is sent in the 8-bit form, which every phone understands.
func Compose(text string, reference uint16) ([]Body, error) {
	if len(text) > MaxParts*MaxSeptets*utf8.UTFMax { // longer than any text that fits, whatever its characters
		return nil, fmt.Errorf("compose a text of %d octets: %w", len(text), ErrTooLong)
	}
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("compose a text that is not UTF-8: %w", ErrMalformed)
	}
	data, dcs := coded(text)
	return cut(data, dcs, reference)
}

func cut(data []byte, dcs DCS, reference uint16) ([]Body, error) {
	if len(data) <= whole(dcs) {
		return []Body{{DCS: dcs, Data: data}}, nil
	}
	wide := reference > 0xFF
	pieces := split(data, dcs, wide)
	if len(pieces) > MaxParts {
		return nil, fmt.Errorf("compose %d parts, at most %d: %w", len(pieces), MaxParts, ErrTooLong)
	}
	out := make([]Body, len(pieces))
	for i, p := range pieces {
		c := Concat{Reference: reference, Wide: wide, Total: uint8(len(pieces)), Seq: uint8(i + 1)}
		out[i] = Body{DCS: dcs, Header: []Element{c.element()}, Data: p}
	}
	return out, nil
}
