// Package voucherpin reads and writes the two secrets of a voucher as people do: the PIN, which is printed on it, and the code, which is on the
// receipt of its sale if its batch requires one. Every way to redeem a voucher reads them here: see [Read].
//
// A PIN has digits only and a code has letters only. So a code never looks like a PIN, and the two together never look like a token of 20 digits.
//
// Not here: how PINs and codes are made and checked (voucher).
package voucherpin

import (
	"slices"
	"strings"
	"unicode"

	"github.com/paywatt/paywatt/sts"
)

// Lengths of the secrets.
const (
	PINDigits   = 16 // 15 random digits and a check digit
	CodeLetters = 8
)

// Letters are the letters of a code. None is a vowel, so a code is never a word. People do not confuse them when they read them aloud or write them:
// of B C D G P T V Z only T, of F and S only F, and of M and N only M.
const Letters = "FHJKLMQRTWX"

// Codes is how many codes there are.
const Codes = 11 * 11 * 11 * 11 * 11 * 11 * 11 * 11

// Typed is what somebody wrote to redeem a voucher.
type Typed struct {
	PIN  string // digits without blanks; empty if there are fewer than a PIN has
	Code string // capital letters without blanks; empty for none
	Rest string // digits after the PIN, such as a meter's number
	// Words are the words that are not part of the code.
	Words []string
}

// Read finds the PIN and the code in a text. Case, blanks, dashes and other marks do not matter, and the code may stand before or after the PIN.
func Read(text string) Typed {
	words, digits := splitText(text)
	t := Typed{Words: words, Rest: digits}
	if len(digits) >= PINDigits {
		t.PIN, t.Rest = digits[:PINDigits], digits[PINDigits:]
	}
	if from, to := findCode(words); to > from {
		t.Code = strings.ToUpper(strings.Join(words[from:to], ""))
		t.Words = slices.Delete(slices.Clone(words), from, to)
	}
	return t
}

// PINMistyped reports whether the PIN cannot exist. It depends on the text alone, so the answer tells a guesser nothing.
func (t Typed) PINMistyped() bool {
	if t.PIN == "" || t.Rest != "" {
		return true
	}
	check, err := sts.Luhn(t.PIN[:PINDigits-1])
	return err != nil || check != t.PIN[PINDigits-1]
}

// CodeMistyped reports whether there is something beside the PIN that is no code.
func (t Typed) CodeMistyped() bool { return len(t.Words) > 0 }

// splitText returns the words of a text, and all its digits without what stands between them.
func splitText(text string) (words []string, digits string) {
	words = strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) })
	digits = strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
	return words, digits
}

// findCode returns the first words that are a code together; an empty range for none.
func findCode(words []string) (from, to int) {
	for from := range words {
		length := 0
		for to := from; to < len(words) && IsOfCode(words[to]) && length < CodeLetters; to++ {
			if length += len(words[to]); length == CodeLetters {
				return from, to + 1
			}
		}
	}
	return 0, 0
}

// IsOfCode reports whether a word has only letters of codes.
func IsOfCode(word string) bool {
	return strings.Trim(strings.ToUpper(word), Letters) == ""
}

// LooksLikeCode reports whether letters have a code in them, or the most of one: six letters of codes in a row, or seven and one other letter among
// them, as somebody writes who mistypes a letter. It is for texts from which codes must disappear, so it rather says so too often.
func LooksLikeCode(letters string) bool {
	before, since := 0, 0 // letters of codes before and since the last other letter
	for _, r := range letters {
		if !IsOfCode(string(r)) {
			before, since = since, 0
			continue
		}
		since++
		if since >= mostOfCode || before+since > mostOfCode {
			return true
		}
	}
	return false
}

// mostOfCode is how many letters of a code are so many that the others can be guessed.
const mostOfCode = 6

// Code writes a number as a code. All numbers below [Codes] have different codes.
func Code(n uint64) string {
	var code [CodeLetters]byte
	for i := range code {
		code[i] = Letters[n%uint64(len(Letters))]
		n /= uint64(len(Letters))
	}
	return string(code[:])
}

// GroupedPIN writes a PIN in groups of four digits, as it is printed.
func GroupedPIN(pin string) string {
	return pin[:4] + " " + pin[4:8] + " " + pin[8:12] + " " + pin[12:]
}

// GroupedCode writes a code in two groups of four letters, as a receipt shows it.
func GroupedCode(code string) string { return code[:4] + " " + code[4:] }
