package refusal

import "unicode"

// TokenLike is the least number of digits that is treated as a token. Such digits are never stored, logged or repeated.
const TokenLike = 18

// PINLike is the least number of digits that is treated as the PIN of a voucher in a text from or to people.
const PINLike = 16

// MaskTokens masks every digit of a text that has [PINLike] or more digits in all: a token or a PIN can be split by signs or words, and written
// in any script, as superscripts or in circles. Texts from people and to people are stored and shown only in this form.
func MaskTokens(text string) string {
	return MaskDigits(text, PINLike)
}

// MaskDigits masks every digit of a text that has so many digits or more in all.
func MaskDigits(text string, least int) string {
	return mask(text, least, func(rune) bool { return false })
}

// MaskRuns masks [TokenLike] or more digits that have only blanks, dashes and other signs between them. It is for texts that have many
// figures, such as a meter's list of its last tokens.
func MaskRuns(text string) string { return mask(text, TokenLike, unicode.IsLetter) }

// mask masks the digits between two characters that end a run, if there are enough of them.
func mask(text string, least int, ends func(rune) bool) string {
	out := []rune(text)
	var run []int // positions of the digits
	masked := false
	end := func() {
		if len(run) >= least {
			for _, i := range run {
				out[i] = '*'
			}
			masked = true
		}
		run = run[:0]
	}
	for i, r := range out {
		switch {
		case unicode.IsNumber(r):
			run = append(run, i)
		case ends(r):
			end()
		}
	}
	if end(); !masked {
		return text // unchanged, even if it is not valid UTF-8
	}
	return string(out)
}
