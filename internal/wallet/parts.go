package wallet

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/unit"
)

// FormatParts returns the stored form of what a wallet accrued in each part of its price. It is empty for no parts.
func FormatParts(parts []Part) (string, error) {
	if len(parts) == 0 {
		return "", nil
	}
	text, err := json.Marshal(parts)
	return string(text), err
}

// ParseParts reads the stored form. Every batch of readings reads it for each of its wallets, so a text as [FormatParts] writes it is read
// without [json.Unmarshal], which reads the rest, such as a name with an escape.
func ParseParts(text string) ([]Part, error) {
	if text == "" {
		return nil, nil
	}
	s := partsReader{rest: text}
	if parts := s.readParts(); !s.failed && s.rest == "" {
		return parts, nil
	}
	var parts []Part
	if err := json.Unmarshal([]byte(text), &parts); err != nil {
		return nil, fmt.Errorf("read what a wallet accrued: %w", err)
	}
	return parts, nil
}

// partsReader reads the stored form from left to right. After a failure the results have no meaning.
type partsReader struct {
	rest   string
	failed bool
}

func (s *partsReader) readParts() (out []Part) {
	s.expect("[")
	for more := true; more; more = s.comma() {
		var p Part
		s.expect(`{"version":[`)
		for i := range p.Version {
			if i > 0 {
				s.expect(",")
			}
			n := s.number()
			p.Version[i], s.failed = byte(n), s.failed || n < 0 || n > 0xff
		}
		s.expect(`],"debit":`)
		p.Debit = money.Minor(s.number())
		s.expect(`,"parts":[`)
		for more := true; more; more = s.comma() {
			var q tariff.Part
			s.expect(`{"Name":"`)
			q.Name = s.name()
			s.expect(`,"Units":`)
			q.Units = unit.Energy(s.number())
			s.expect(`,"Rate":`)
			q.Rate = money.MicroRate(s.number())
			s.expect("}")
			p.Parts = append(p.Parts, q)
		}
		s.expect("]}")
		out = append(out, p)
	}
	s.expect("]")
	return out
}

// expect reads the given text.
func (s *partsReader) expect(text string) {
	rest, ok := strings.CutPrefix(s.rest, text)
	s.rest, s.failed = rest, s.failed || !ok
}

// comma reads a comma and reports whether there was one.
func (s *partsReader) comma() bool {
	rest, ok := strings.CutPrefix(s.rest, ",")
	s.rest = rest
	return ok && !s.failed
}

// name reads a name and the quote after it.
func (s *partsReader) name() string {
	name, rest, ok := strings.Cut(s.rest, `"`)
	s.rest, s.failed = rest, s.failed || !ok || strings.Contains(name, `\`)
	return name
}

// number reads a whole number of at most 18 digits, which fits into 64 bits.
func (s *partsReader) number() (n int64) {
	text, negative := strings.CutPrefix(s.rest, "-")
	digits := 0
	for digits < len(text) && '0' <= text[digits] && text[digits] <= '9' {
		n = n*10 + int64(text[digits]-'0')
		digits++
	}
	s.rest, s.failed = text[digits:], s.failed || digits == 0 || digits > 18 || digits > 1 && text[0] == '0'
	if negative {
		return -n
	}
	return n
}
