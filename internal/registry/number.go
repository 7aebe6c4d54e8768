package registry

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/sts"
)

// maxNumberText is the greatest length of a typed meter number: 13 digits, each with a blank or dash, and some room.
const maxNumberText = 64

// Lengths of meter numbers whose first digit, a zero, is missing.
const (
	shortNumber = 10
	longNumber  = 12
)

// numberSigns removes what people write between the digits of a number. It is made once, because that costs more than its use.
var numberSigns = strings.NewReplacer(" ", "", "-", "")

// WithLostZero returns a meter number with the zero in front that a spreadsheet or a person dropped; any other text stays as it is. The check digit
// does not change with a zero in front, so it still finds a wrong number.
func WithLostZero(text string) string {
	digits := numberSigns.Replace(PlainDigits(text))
	if (len(digits) == shortNumber || len(digits) == longNumber) && strings.Trim(digits, "0123456789") == "" {
		return "0" + digits
	}
	return text
}

// Canonical returns the canonical form of a meter number: its 11 or 13 digits in ASCII, without blanks and dashes. With a single
// form, the same meter cannot be registered twice. The refusal says what is wrong with the number.
func Canonical(number string) (string, refusal.Refusal) {
	if len(number) > maxNumberText {
		return "", refuse.MeterNumberTooLong(int64(utf8.RuneCountInString(number)))
	}
	digits := strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return -1
		}
		return r
	}, PlainDigits(number))
	_, err := sts.ParseNumber(digits)
	switch {
	case digits == "":
		return "", refuse.MeterNotNamed(refusal.MeterNumberInvalid)
	case err == nil:
		return digits, refusal.Refusal{}
	case errors.Is(err, sts.ErrLuhn):
		return "", refuse.MeterCheckDigitWrong(digits)
	default:
		return "", refuse.MeterNumberOfWrongForm(refusal.Echo(number))
	}
}

// Ref names a meter either by its number or by its id.
type Ref struct {
	Number string
	ID     id.ID
}

// ParseRef reads the name of a meter in a request: its number, with any blanks, or its id ("mtr_...").
func ParseRef(text string) (Ref, refusal.Refusal) {
	if strings.HasPrefix(strings.ToLower(strings.TrimSpace(text)), id.Meter) {
		i, err := id.Parse(id.Meter, text)
		if err != nil {
			return Ref{}, NoMeter(text)
		}
		return Ref{ID: i}, refusal.Refusal{}
	}
	number, no := Canonical(text)
	return Ref{Number: number}, no
}

// NoMeter is the refusal for a meter that this tenant has not registered.
func NoMeter(text string) refusal.Refusal {
	if strings.TrimSpace(text) == "" {
		return refuse.MeterNotNamed(refusal.MeterNotFound)
	}
	return refuse.MeterNotFound(refusal.Echo(text))
}
