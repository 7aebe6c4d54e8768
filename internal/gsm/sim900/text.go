package sim900

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/paywatt/paywatt/internal/gsm/pdu"
)

// Text mode writes numbers and texts in the character set of AT+CSCS. GSM and HEX are codes of the default alphabet, plain or
// in hexadecimal; UCS2 is UTF-16 in hexadecimal; IRA is ASCII.

func charset(name string) bool {
	switch strings.ToUpper(name) {
	case "GSM", "HEX", "UCS2", "IRA":
		return true
	}
	return false
}

// written encodes a text in the character set.
func (m *Modem) written(text string) string {
	switch m.set.charset {
	case "UCS2":
		return strings.ToUpper(hex.EncodeToString(units(text)))
	case "GSM", "HEX":
		bodies, err := pdu.Compose(text, 0)
		if err != nil || len(bodies) != 1 || bodies[0].DCS != pdu.DCSText {
			return ""
		}
		if m.set.charset == "GSM" {
			return string(bodies[0].Data)
		}
		return strings.ToUpper(hex.EncodeToString(bodies[0].Data))
	}
	return strings.Map(func(r rune) rune {
		if r < 0x80 {
			return r
		}
		return '?'
	}, text)
}

// readText decodes the entered text, which is in the character set.
func (m *Modem) readText(s string) (string, error) {
	switch m.set.charset {
	case "UCS2", "HEX":
		b, err := hex.DecodeString(strings.TrimSpace(s))
		if err != nil {
			return "", fmt.Errorf("text in hexadecimal: %w", err)
		}
		if m.set.charset == "HEX" {
			return pdu.Body{Data: b}.Text(), nil
		}
		u := make([]uint16, len(b)/2)
		for i := range u {
			u[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
		}
		return string(utf16.Decode(u)), nil
	case "GSM":
		return pdu.Body{Data: []byte(s)}.Text(), nil
	}
	return s, nil
}

// number writes an address; names and digits are both text.
func (m *Modem) number(a pdu.Address) string {
	if m.set.charset == "UCS2" {
		return m.written(a.String())
	}
	return a.String()
}

func (m *Modem) readNumber(s string) (pdu.Address, error) {
	if m.set.charset == "UCS2" {
		t, err := m.readText(s)
		if err != nil {
			return pdu.Address{}, err
		}
		s = t
	}
	return pdu.ParseAddress(s)
}

// textOf is the text of a message; octets are written in hexadecimal.
func (m *Modem) textOf(b pdu.Body) string {
	if b.DCS.Alphabet() == pdu.Octets || b.DCS.Alphabet() == pdu.UCS2 && m.set.charset != "UCS2" {
		return strings.ToUpper(hex.EncodeToString(b.Data))
	}
	return m.written(b.Text())
}

// stamp writes a time as text mode does, the zone in quarter hours.
func stamp(s pdu.Stamp) string {
	t, ok := s.Time()
	if !ok {
		return ""
	}
	return clock(t)
}

func clock(t time.Time) string {
	_, offset := t.Zone()
	return t.Format("06/01/02,15:04:05") + fmt.Sprintf("%+03d", offset/900)
}
