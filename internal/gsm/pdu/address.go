package pdu

import (
	"fmt"
	"strings"
)

// AddressType is the type of number of an address (TS 23.040 §9.1.2.5).
type AddressType uint8

// The types of number. A short code travels as Unknown, in some networks as Abbreviated or NetworkSpecific.
const (
	Unknown         AddressType = 0
	International   AddressType = 1
	National        AddressType = 2
	NetworkSpecific AddressType = 3
	Subscriber      AddressType = 4
	Alphanumeric    AddressType = 5
	Abbreviated     AddressType = 6
)

// planTelephone is the plan of an ordinary telephone number (E.164).
const planTelephone = 1

// digits are the characters of a semi-octet, in the order of their codes; code 15 pads an odd number of digits.
const digits = "0123456789*#abc"

// Address is a telephone number, or a sender's name.
type Address struct {
	Type AddressType
	Plan uint8  // numbering plan, 1 for telephone numbers, 0 for names
	Text string // digits (0-9 * # a b c) without "+", or the name
}

// ParseAddress reads a number as people write it. "+255 700 000 001" and "00255…" are international. Other digits have an unknown type
// (short codes, national numbers). Any other text that fits is a name.
func ParseAddress(s string) (Address, error) {
	bare := strings.NewReplacer(" ", "", "-", "", "\u00a0", "", "(", "", ")", "").Replace(s)
	number, international := strings.CutPrefix(bare, "+")
	if !international && len(bare) > 4 {
		number, international = strings.CutPrefix(bare, "00")
	}
	if isNumber(number) {
		a := Address{Type: Unknown, Plan: planTelephone, Text: number}
		if international {
			a.Type = International
		}
		if len(number) > MaxDigits {
			return Address{}, fmt.Errorf("parse address of %d digits: %w", len(number), ErrTooLong)
		}
		return a, nil
	}
	septets, ok := encodeSeptets(s)
	switch {
	case !ok || s == "" || bare == "+":
		return Address{}, fmt.Errorf("parse address: neither a number nor a name in the GSM alphabet: %w", ErrMalformed)
	case len(septets) > MaxDigits*4/7:
		return Address{}, fmt.Errorf("parse address: a name of %d characters: %w", len(septets), ErrTooLong)
	}
	return Address{Type: Alphanumeric, Text: s}, nil
}

func isNumber(s string) bool {
	for _, c := range s {
		if !strings.ContainsRune(digits[:12], c) { // a, b and c have codes, but people do not type them
			return false
		}
	}
	return s != ""
}

// String writes the address in the form that ParseAddress reads.
func (a Address) String() string {
	if a.Type == International {
		return "+" + a.Text
	}
	return a.Text
}

// TypeOctet returns the octet that holds the type and the plan, such as 0x91 (decimal 145) for an international number.
func (a Address) TypeOctet() uint8 { return 0x80 | uint8(a.Type&7)<<4 | a.Plan&15 }

// appendAddress writes length, type and digits. The length counts digits, or half octets for a name.
func appendAddress(out []byte, a Address) ([]byte, error) {
	if a.Type > 7 || a.Plan > 15 {
		return nil, fmt.Errorf("type %d, plan %d: %w", a.Type, a.Plan, ErrMalformed)
	}
	if a.Type == Alphanumeric {
		septets, ok := encodeSeptets(a.Text)
		if !ok {
			return nil, fmt.Errorf("a name outside the GSM alphabet: %w", ErrMalformed)
		}
		half := (7*len(septets) + 3) / 4
		if half > MaxDigits {
			return nil, fmt.Errorf("a name of %d characters: %w", len(septets), ErrTooLong)
		}
		return append(append(out, byte(half), a.TypeOctet()), pack(septets, 0)...), nil
	}
	if len(a.Text) > MaxDigits {
		return nil, fmt.Errorf("%d digits: %w", len(a.Text), ErrTooLong)
	}
	out = append(out, byte(len(a.Text)), a.TypeOctet())
	for i := 0; i < len(a.Text); i += 2 {
		low, high := strings.IndexByte(digits, a.Text[i]), 15
		if i+1 < len(a.Text) {
			high = strings.IndexByte(digits, a.Text[i+1])
		}
		if low < 0 || high < 0 {
			return nil, fmt.Errorf("a character that is not a digit: %w", ErrMalformed)
		}
		out = append(out, byte(high<<4|low))
	}
	return out, nil
}

func (r *reader) address() Address {
	half := int(r.octet())
	if r.err == nil && half > MaxDigits {
		r.err = fmt.Errorf("address of %d half octets: %w", half, ErrMalformed)
		return Address{}
	}
	kind := r.octet()
	field := r.take((half + 1) / 2)
	if r.err != nil {
		return Address{}
	}
	return addressOf(kind, field, half)
}

// addressOf reads an address. The parameter half is the length of the address in half octets. A number also ends at
// its first filler, the value 15.
func addressOf(kind byte, field []byte, half int) Address {
	a := Address{Type: AddressType(kind >> 4 & 7), Plan: kind & 15}
	if a.Type == Alphanumeric {
		a.Text = decodeSeptets(unpack(field, 0, half*4/7))
		return a
	}
	var b strings.Builder
	for i := range half {
		code := field[i/2] >> (4 * (i % 2)) & 15
		if code == 15 {
			break
		}
		b.WriteByte(digits[code])
	}
	a.Text = b.String()
	return a
}
