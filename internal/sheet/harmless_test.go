package sheet_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/sheet"
)

// TestNoTextIsAFormula: no text is a formula in a spreadsheet. Numbers and telephone numbers stay as they are.
func TestNoTextIsAFormula(t *testing.T) {
	for text, want := range map[string]string{"": "", "Amina": "Amina", "=1": "'=1", "@1": "'@1", "-5": "-5", "+254 700 000": "+254 700 000", "-5x": "'-5x", "+A1": "'+A1",
		"\t5": "\t5", "\tx": "'\tx", "\rx": "'\rx", "=": "'=", "5=": "5="} {
		if got := sheet.Harmless(text); got != want {
			t.Errorf("%q is written as %q, want %q", text, got, want)
		}
	}
}

// TestNoDigitIsRounded: a spreadsheet keeps 15 digits of a number. A token and a voucher's PIN have more, so they are written as people type them.
func TestNoDigitIsRounded(t *testing.T) {
	for text, want := range map[string]string{"12345678901234567890": "1234 5678 9012 3456 7890", "1234567890123452": "1234 5678 9012 3452",
		"12345678901234567": "1234 5678 9012 3456 7", "123456789012345": "123456789012345", "1234567890123456x": "1234567890123456x"} {
		if got := sheet.Harmless(text); got != want {
			t.Errorf("%q is written as %q, want %q", text, got, want)
		}
		if back, no := sheet.Digits(want); back != text || no.Refused() {
			t.Errorf("%q is read back as %q, want %q: %s", want, back, text, no.Detail())
		}
	}
}
