package pdu

import (
	"unicode/utf16"
	"unicode/utf8"
)

// escape is the code that announces a character of the extension table; as a rune it means nothing.
const escape = 0x1B

// Alphabet says how to read the user data of a message.
type Alphabet uint8

// The alphabets.
const (
	GSM7 Alphabet = iota // seven bits a character, fourteen for a character of the extension table
	Octets
	UCS2 // UTF-16, big-endian: characters outside the first plane take two units
)

// String is the alphabet's name.
func (a Alphabet) String() string {
	switch a {
	case GSM7:
		return "GSM-7"
	case Octets:
		return "8-bit"
	default:
		return "UCS-2"
	}
}

// DCS is the data coding scheme of a message (TS 23.038 §4).
type DCS uint8

// The schemes that Paywatt writes.
const (
	DCSText    DCS = 0x00
	DCSOctets  DCS = 0x04
	DCSUnicode DCS = 0x08
)

// Alphabet returns the alphabet of the scheme. Reserved values read as the default alphabet, compressed data as octets.
func (d DCS) Alphabet() Alphabet {
	switch group := d >> 4; {
	case group <= 7: // general, and general with automatic deletion
		if d&0x20 != 0 {
			return Octets
		}
		switch d >> 2 & 3 {
		case 1:
			return Octets
		case 2:
			return UCS2
		}
	case group == 14: // message waiting, UCS-2
		return UCS2
	case group == 15 && d&4 != 0:
		return Octets
	}
	return GSM7
}

// Class returns the message class, 0 to 3, or false if the scheme has none. A phone shows class 0 at once and does not store
// it.
func (d DCS) Class() (uint8, bool) {
	if group := d >> 4; (group <= 7 && d&0x10 != 0) || group == 15 {
		return uint8(d & 3), true
	}
	return 0, false
}

// encodeSeptets writes a text in the default alphabet, one septet an octet; false if a character is not in it.
func encodeSeptets(s string) ([]byte, bool) {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		code, ext, ok := septet(r)
		if !ok {
			return nil, false
		}
		if ext {
			out = append(out, escape)
		}
		out = append(out, code)
	}
	return out, true
}

// septet returns the code of a character, and whether it needs an escape.
func septet(r rune) (code byte, ext, ok bool) {
	switch {
	case r == escape || r == utf8.RuneError:
		return 0, false, false
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '%' && r <= '?', r == ' ':
		return byte(r), false, true // these codes equal ASCII
	}
	for i, b := range basic {
		if b == r {
			return byte(i), false, true
		}
	}
	for _, x := range extension {
		if x.r == r {
			return x.code, true, true
		}
	}
	return 0, false, false
}

// decodeSeptets reads septets. It skips an escape before an unknown code. An escape before another escape or at the end reads as a blank
// (TS 23.038 §6.2.1.1).
func decodeSeptets(septets []byte) string {
	out := make([]rune, 0, len(septets))
	for i := 0; i < len(septets); i++ {
		code := septets[i] & 0x7F
		if code != escape {
			out = append(out, basic[code])
			continue
		}
		i++
		if i == len(septets) || septets[i] == escape {
			out = append(out, ' ')
			continue
		}
		out = append(out, extended(septets[i]&0x7F))
	}
	return string(out)
}

func extended(code byte) rune {
	for _, x := range extension {
		if x.code == code {
			return x.r
		}
	}
	return basic[code]
}

// pack packs septets into octets, lowest bit first. The parameter fill is the number of empty bits before the first septet.
func pack(septets []byte, fill int) []byte {
	out := make([]byte, (fill+7*len(septets)+7)/8)
	for i, s := range septets {
		bit := fill + 7*i
		v := uint16(s&0x7F) << (bit % 8)
		out[bit/8] |= byte(v)
		if v > 0xFF {
			out[bit/8+1] |= byte(v >> 8)
		}
	}
	return out
}

// unpack skips the fill bits and reads n septets; it stops at the end of the octets.
func unpack(octets []byte, fill, n int) []byte {
	out := make([]byte, 0, max(0, n))
	for i := range n {
		bit := fill + 7*i
		if bit+7 > 8*len(octets) {
			break
		}
		v := uint16(octets[bit/8])
		if bit/8+1 < len(octets) {
			v |= uint16(octets[bit/8+1]) << 8
		}
		out = append(out, byte(v>>(bit%8))&0x7F)
	}
	return out
}

// encodeUnits writes a text as big-endian UTF-16.
func encodeUnits(s string) []byte {
	out := make([]byte, 0, 2*len(s))
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u>>8), byte(u))
	}
	return out
}

// decodeUnits reads big-endian UTF-16; half a pair, or half a unit at the end, reads as U+FFFD.
func decodeUnits(b []byte) string {
	units := make([]uint16, 0, (len(b)+1)/2)
	for i := 0; i+1 < len(b); i += 2 {
		units = append(units, uint16(b[i])<<8|uint16(b[i+1]))
	}
	if len(b)%2 == 1 {
		units = append(units, utf8.RuneError)
	}
	return string(utf16.Decode(units))
}
