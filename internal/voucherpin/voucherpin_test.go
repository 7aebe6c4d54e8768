package voucherpin_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/voucherpin"
)

const pin = "1234567890123452" // with a right check digit

// TestReadSplitsPINAndCode: however somebody writes the two, they are read alike.
func TestReadSplitsPINAndCode(t *testing.T) {
	for _, c := range []struct{ text, pin, code, rest, words string }{
		{pin, pin, "", "", ""},
		{"1234 5678 9012 3452", pin, "", "", ""},
		{"1234-5678-9012-3452 fhjk-lmqr", pin, "FHJKLMQR", "", ""},
		{"1234567890123452FHJKLMQR", pin, "FHJKLMQR", "", ""},
		{"fhjk lmqr 1234 5678 9012 3452", pin, "FHJKLMQR", "", ""},
		{"1234 fhjk 5678 lmqr 9012 3452", pin, "FHJKLMQR", "", ""},
		{"f h j k l m q r 1234567890123452", pin, "FHJKLMQR", "", ""},
		{"my pin is 1234567890123452 FHJKLMQR thx", pin, "FHJKLMQR", "", "my pin is thx"},
		{"thx FHJKLMQR 1234567890123452", pin, "FHJKLMQR", "", "thx"},
		{"1234567890123452 04140001001 FHJK LMQR", pin, "FHJKLMQR", "04140001001", ""},
		{"1234567890123452 FHJKLMQ", pin, "", "", "FHJKLMQ"},
		{"1234567890123452 FHJKLMQRT", pin, "", "", "FHJKLMQRT"},
		{"1234567890123452 BHJKLMQR", pin, "", "", "BHJKLMQR"},
		{"FHJK LMQR", "", "FHJKLMQR", "", ""},
		{"123", "", "", "123", ""},
		{"", "", "", "", ""},
	} {
		got := voucherpin.Read(c.text)
		if got.PIN != c.pin || got.Code != c.code || got.Rest != c.rest || strings.Join(got.Words, " ") != c.words {
			t.Errorf("%q is read as %+v, want %+v", c.text, got, c)
		}
	}
}

// TestMistyped: a field holds a PIN with a right check digit, perhaps a code, and nothing else.
func TestMistyped(t *testing.T) {
	for text, mistyped := range map[string]bool{
		pin: false, pin + " FHJK LMQR": false, "fhjklmqr" + pin: false,
		"": true, "1234567890123453": true, "123456789012345": true, pin + "1": true, pin + " FHJKLMQ": true, pin + " hello": true, "FHJKLMQR": true,
		pin + " FHJKLMQR FHJKLMQR": true,
	} {
		if got := voucherpin.Read(text); (got.PINMistyped() || got.CodeMistyped()) != mistyped {
			t.Errorf("%q is read as %+v; mistyped: want %t", text, got, mistyped)
		}
	}
}

// TestCodes: a code has eight letters of the alphabet, no vowel and no digit, and every number has its own.
func TestCodes(t *testing.T) {
	seen := map[string]bool{}
	for n := uint64(0); n < voucherpin.Codes; n += 9_999_991 {
		code := voucherpin.Code(n)
		if len(code) != voucherpin.CodeLetters || !voucherpin.IsOfCode(code) || strings.ContainsAny(code, "AEIOUY0123456789") || seen[code] {
			t.Errorf("code %d is %q", n, code)
		}
		seen[code] = true
		if got := voucherpin.Read(voucherpin.GroupedPIN(pin) + " " + voucherpin.GroupedCode(strings.ToLower(code))); got.Code != code || got.PINMistyped() || got.CodeMistyped() {
			t.Errorf("%q is read as %+v", code, got)
		}
	}
	if voucherpin.Code(0) != "FFFFFFFF" || voucherpin.Code(voucherpin.Codes-1) != "XXXXXXXX" {
		t.Error("the first or the last code is another one")
	}
}

// TestLooksLikeCode: a code is found with one letter wrong, missing or too many, and in words that are written together.
func TestLooksLikeCode(t *testing.T) {
	for letters, want := range map[string]bool{
		"FHJKLMQR": true, "fhjklmqr": true, "FHJKLMQ": true, "FHJKLM": true, "FHJKLMQRT": true, "FHJKLMQB": true, "FHAKLMQR": true, "codefhjklmqr": true, "AAFHJKLMAA": true,
		"": false, "FHJKL": false, "FHJKA": false, "FHJAKLM": false, "FHAJKALM": false, "thrift": false, "rhythm": false, "lettre": false,
	} {
		if got := voucherpin.LooksLikeCode(letters); got != want {
			t.Errorf("%q looks like a code: %t, want %t", letters, got, want)
		}
	}
}
