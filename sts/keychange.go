package sts

import (
	"encoding/binary"
	"fmt"
	"log/slog"
)

// Sub-classes of the sections of a key change.
const (
	subSection1 = 3
	subSection2 = 4
	subSection3 = 8
	subSection4 = 9

	keyPartShift = 16
	sectionMask  = 1<<64 - 1<<16 // a block without its check field
	maskedPart   = "sts.KeySection(masked)"
	maskedParts  = "sts.KeySections(masked)"
	allSections  = 0b1111
)

// section returns the number of the key-change section that a sub-class stands for under this algorithm. It returns 0
// if the sub-class is not a section.
func section(ea EA, subClass uint8) uint8 {
	switch {
	case subClass == subSection1:
		return 1
	case subClass == subSection2:
		return 2
	case subClass == subSection3:
		return 3
	case subClass == subSection4 && ea == EA11:
		return 4
	}
	return 0
}

// KeyChange is the new key of a meter with its attributes (CTSA05, CTSA15, CTSA19). All fields describe the new key.
type KeyChange struct {
	Key      Key     // 8 bytes for EA07, 16 for EA11
	KEN      uint8   // key expiry number, 255 for never
	KRN      uint8   // key revision number, 1 to 9
	KT       KeyType // type of the new key
	TI       string  // tariff index, 2 digits
	SGC      string  // supply group code, 6 digits; optional for EA07, because a set of two tokens does not carry it
	Rollover bool    // the base date changes to a later one: the meter forgets its TIDs
}

// EncodeKeyChange makes the tokens of a key change for the meter that holds the current key, in the order of their
// sections: two for EA07 without SGC, three for EA07 with SGC, four for EA11, which needs the SGC. Both keys must
// have the same algorithm. The tokens carry no TID (CTSA05). EncodeKeyChange does not check whether the change is
// allowed; [Holding.ChangeTo] does. The errors are [ErrField], [ErrKey] and [ErrUnsupported].
func EncodeKeyChange(current Key, c KeyChange) ([]Token, error) {
	if err := c.check(current.ea); err != nil {
		return nil, err
	}
	var tokens []Token
	for _, block := range c.blocks() {
		t, err := seal(&current, classManagement, block)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
	}
	return tokens, nil
}

func (c *KeyChange) check(ea EA) error {
	switch {
	case ea == 0 || c.Key.ea == 0:
		return fmt.Errorf("sts: key change without a key: %w", ErrKey)
	case ea != c.Key.ea:
		return fmt.Errorf("sts: key change from EA%s to EA%s: %w", ea, c.Key.ea, ErrUnsupported)
	case c.KRN < 1 || c.KRN > 9:
		return fmt.Errorf("sts: key change to KRN %d, want 1 to 9: %w", c.KRN, ErrField)
	case c.KT > DCTK:
		return fmt.Errorf("sts: key change to KT %d, want 0 to 3: %w", uint8(c.KT), ErrField)
	case !isDigits(c.TI, 2):
		return fmt.Errorf("sts: key change to TI %q, want 2 digits: %w", c.TI, ErrField)
	case !isDigits(c.SGC, 6) && (c.SGC != "" || ea == EA11):
		return fmt.Errorf("sts: key change to SGC %q, want 6 digits: %w", c.SGC, ErrField)
	}
	return nil
}

// blocks lays out the sections; check has validated the fields. The tokens carry TI and SGC as binary numbers, not as
// digits.
func (c *KeyChange) blocks() []uint64 {
	part := func(i int) uint64 { return uint64(binary.BigEndian.Uint32(c.Key.bytes[i:])) << keyPartShift }
	low := 4 // the last 4 bytes of the key go into the second section
	if c.Key.ea == EA11 {
		low = 12
	}
	first := uint64(subSection1)<<60 | uint64(c.KEN>>4)<<56 | uint64(c.KRN)<<52 | flag(c.Rollover)<<51 |
		uint64(c.KT)<<48 | part(0)
	second := uint64(subSection2)<<60 | uint64(c.KEN&15)<<56 | number(c.TI)<<48 | part(low)
	if c.SGC == "" {
		return []uint64{first, second}
	}
	sgc := number(c.SGC)
	if c.Key.ea == EA07 {
		const threeTokens = 1 << 50
		return []uint64{first | threeTokens, second, subSection3<<60 | sgc<<36}
	}
	// The middle words cross over: bytes 4..7 in the third section, 8..11 in the fourth.
	return []uint64{first, second,
		subSection3<<60 | sgc&0xfff<<48 | part(4),
		uint64(subSection4)<<60 | sgc>>12<<48 | part(8)}
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// number reads digits that isDigits has validated.
func number(digits string) uint64 {
	var n uint64
	for i := range len(digits) {
		n = n*10 + uint64(digits[i]-'0')
	}
	return n
}

// KeySection is one section of a key change (CTSA05), which a meter stores until the set is complete. It holds a part
// of the new key and prints as a mask, like a [Key]. It is a plain, comparable value; the zero KeySection is not a
// section.
type KeySection struct {
	ea    EA
	block uint64 // without check field
}

// OpenSection opens a key-change token (CTSA05) with the current key of the meter. It returns false if [Open] reports
// no section.
func OpenSection(k Key, t Token) (KeySection, bool) {
	o, block := open(&k, t)
	if o.Result != Accept || o.Section == 0 {
		return KeySection{}, false
	}
	return KeySection{ea: k.ea, block: block & sectionMask}, true
}

// NewKeySection restores a section from the number that [KeySection.Reveal] returned, for a meter that reads its memory
// (ours, not of the standard). It returns false if the number is not a section of this algorithm.
func NewKeySection(ea EA, revealed uint64) (KeySection, bool) {
	s := KeySection{ea: ea, block: revealed & sectionMask}
	return s, ea.KeySize() != 0 && s.Number() != 0
}

// Number returns the number of the section, 1 to 4; 0 for the zero KeySection.
func (s KeySection) Number() uint8 { return section(s.ea, uint8(s.block>>60)) }

// KRN returns the new key revision number of a first section.
func (s KeySection) KRN() uint8 { return uint8(s.block>>52) & 15 }

// KT returns the new key type of a first section.
func (s KeySection) KT() KeyType { return KeyType(s.block>>48) & 3 }

// Rollover reports the rollover bit of a first section.
func (s KeySection) Rollover() bool { return s.block>>51&1 == 1 }

// Three reports the bit of a first section that announces a third one (EA07).
func (s KeySection) Three() bool { return s.block>>50&1 == 1 }

// KEN returns half of the new key expiry number: the high 4 bits in a first, the low 4 bits in a second section.
func (s KeySection) KEN() uint8 { return uint8(s.block>>56) & 15 }

// TI returns the new tariff index of a second section, as a number.
func (s KeySection) TI() uint8 { return uint8(s.block >> 48) }

// SGC returns the bits of the new supply group code in a third or fourth section: all 24 bits with EA07; with EA11 the
// low 12 in the third and the high 12 in the fourth.
func (s KeySection) SGC() uint32 {
	if s.ea == EA07 {
		return uint32(s.block>>36) & (1<<24 - 1)
	}
	return uint32(s.block>>48) & 0xfff
}

// Reveal returns the section's block with its lower 16 bits set to 0. The result includes a part of the new key.
func (s KeySection) Reveal() uint64 { return s.block }

// String returns a mask.
func (s KeySection) String() string { return maskedPart }

// GoString returns a mask.
func (s KeySection) GoString() string { return maskedPart }

// Format writes a mask, whatever the verb.
func (s KeySection) Format(f fmt.State, _ rune) { writeMask(f, maskedPart) }

// MarshalText returns a mask.
func (s KeySection) MarshalText() ([]byte, error) { return []byte(maskedPart), nil }

// MarshalJSON returns a mask.
func (s KeySection) MarshalJSON() ([]byte, error) { return []byte(`"` + maskedPart + `"`), nil }

// LogValue returns a mask.
func (s KeySection) LogValue() slog.Value { return slog.StringValue(maskedPart) }

// KeySections collects the sections of a key change (CTSA05), which may come in any order. It prints as a mask, like
// its sections. The zero value has no sections.
type KeySections struct {
	have  uint8 // bit n-1 for section n
	parts [4]KeySection
}

// Add adds a section. It returns false, and changes nothing, if the section does not fit the present ones: another
// algorithm, other contents under the same number, or a third section of a set of two. A section that is already there
// fits.
func (p *KeySections) Add(s KeySection) bool {
	n := s.Number()
	if n == 0 {
		return false
	}
	next := *p
	if next.have>>(n-1)&1 == 1 && next.parts[n-1] != s {
		return false
	}
	next.have |= 1 << (n - 1)
	next.parts[n-1] = s
	for i, other := range next.parts {
		if next.have>>i&1 == 1 && other.ea != s.ea {
			return false
		}
	}
	const firstAndThird = 0b101
	if s.ea == EA07 && next.have&firstAndThird == firstAndThird && !next.parts[0].Three() {
		return false
	}
	*p = next
	return true
}

// Len returns the number of sections collected.
func (p KeySections) Len() int {
	n := 0
	for i := range p.parts {
		n += int(p.have >> i & 1)
	}
	return n
}

// Section returns the section of this number, 1 to 4. It returns the zero KeySection if that section is missing.
func (p KeySections) Section(n uint8) KeySection {
	if n == 0 || int(n) > len(p.parts) {
		return KeySection{}
	}
	return p.parts[n-1]
}

// String returns a mask.
func (p KeySections) String() string { return maskedParts }

// GoString returns a mask.
func (p KeySections) GoString() string { return maskedParts }

// Format writes a mask, whatever the verb.
func (p KeySections) Format(f fmt.State, _ rune) { writeMask(f, maskedParts) }

// MarshalText returns a mask.
func (p KeySections) MarshalText() ([]byte, error) { return []byte(maskedParts), nil }

// MarshalJSON returns a mask.
func (p KeySections) MarshalJSON() ([]byte, error) { return []byte(`"` + maskedParts + `"`), nil }

// LogValue returns a mask.
func (p KeySections) LogValue() slog.Value { return slog.StringValue(maskedParts) }

// Complete returns the key change once all its sections are there. It returns false before that, and for a set with an
// invalid KRN, TI or SGC. The SGC is "" if the set does not carry it.
func (p KeySections) Complete() (KeyChange, bool) {
	first, second, third, fourth := p.parts[0], p.parts[1], p.parts[2], p.parts[3]
	var need uint8 = allSections
	if first.ea == EA07 {
		need = 0b011 | uint8(flag(first.Three()))<<2
	}
	if p.have != need {
		return KeyChange{}, false
	}
	c := KeyChange{KEN: first.KEN()<<4 | second.KEN(), KRN: first.KRN(), KT: first.KT(), Rollover: first.Rollover(),
		TI: fmt.Sprintf("%02d", second.TI())}
	b := appendPart(nil, first)
	switch {
	case first.ea == EA11:
		b = appendPart(appendPart(b, third), fourth)
		c.SGC = fmt.Sprintf("%06d", fourth.SGC()<<12|third.SGC())
	case first.Three():
		c.SGC = fmt.Sprintf("%06d", third.SGC())
	}
	key, err := NewKey(first.ea, appendPart(b, second))
	c.Key = key
	return c, err == nil && c.check(first.ea) == nil
}

func appendPart(b []byte, s KeySection) []byte {
	return binary.BigEndian.AppendUint32(b, uint32(s.block>>keyPartShift))
}
