package notify

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/voucherpin"
)

// The secrets of a message never reach the database: tokens, PINs of vouchers, and the codes of their receipts. What is masked depends on the letters and
// digits, and not on whether the message is understood, because a customer who writes a sentence or mistypes a letter sends the same secret.

// MaskTokens returns the form in which a message is stored and shown: digits that could be a token or a PIN are masked, and so are words that could be a
// code. The list of tokens in a meter's reply has many figures, so there only digits without letters between them count.
func MaskTokens(text string) string {
	reply := ParseMeterReply(text).Kind != ReplyOther
	least := leastOfPIN(text)
	text = maskCodes(text, reply, least)
	if reply {
		return refusal.MaskRuns(text)
	}
	return refusal.MaskDigits(text, least)
}

// leastOfPIN returns how many digits of a message are treated as a PIN. Whoever forgets a digit of a PIN sends a secret too, because the missing one
// can be guessed. An amount and a meter have as many digits, so a message that buys counts only from a whole PIN on.
func leastOfPIN(text string) int {
	if ParseKeyword(text).Word == WordBuy {
		return refusal.PINLike
	}
	return refusal.PINLike - 1
}

// maskCodes masks the words of a message that could be a code, and all digits if the message redeems a voucher.
func maskCodes(text string, reply bool, least int) string {
	out := []rune(text)
	voucher := ParseKeyword(text).Word == WordVoucher
	digits, masked := 0, false
	for i, r := range out {
		if isDigit(r) {
			if digits++; voucher {
				out[i], masked = '*', true
			}
		}
	}
	words := wordsIn([]rune(text))
	hasPIN := digits >= least && !reply
	if !hasPIN { // its figures are of energy
		words = slices.DeleteFunc(words, func(w wordIn) bool { return w.unit })
	}
	near := nearCodes(words)
	for i, w := range words {
		if near[i] || voucher && voucherpin.IsOfCode(w.plain) || hasPIN && couldBeMistyped(w.plain) {
			masked = true
			for n := w.from; n < w.to; n++ {
				out[n] = '*'
			}
		}
	}
	if !masked {
		return text // unchanged, even if it is not valid UTF-8
	}
	return string(out)
}

// isDigit reports whether a character is a digit of any script.
func isDigit(r rune) bool {
	d := plainKeys(string(r))
	return len(d) == 1 && d[0] >= '0' && d[0] <= '9'
}

// wordIn is a word of a text, between two positions. Its plain form has no marks.
type wordIn struct {
	from, to int
	plain    string
	unit     bool // kWh behind a figure
}

func wordsIn(text []rune) (words []wordIn) {
	for from := 0; from < len(text); from++ {
		to := from
		for to < len(text) && unicode.IsLetter(text[to]) {
			to++
		}
		if to > from {
			w := wordIn{from: from, to: to, plain: plainKeys(string(text[from:to]))}
			before := strings.TrimRight(string(text[max(0, from-2):from]), " ")
			last, _ := utf8.DecodeLastRuneInString(before)
			w.unit = w.plain == "kwh" && isDigit(last)
			words = append(words, w)
			from = to
		}
	}
	return words
}

// nearCodes tells which words are a code or nearly one, alone or with their neighbours: FHJK LMQR, F H J K L M Q R, codeFHJKLMQR. Digits and signs between
// two words do not matter.
func nearCodes(words []wordIn) []bool {
	masked := make([]bool, len(words))
	for from := range words {
		letters := ""
		for to := from; to < len(words); to++ {
			letters += words[to].plain
			if to > from && foreignLetters(letters) > 1 {
				break
			}
			if voucherpin.LooksLikeCode(letters) {
				for n := from; n <= to; n++ {
					masked[n] = true
				}
				break
			}
		}
	}
	return masked
}

// foreignLetters returns how many of the letters no code has.
func foreignLetters(letters string) (n int) {
	for _, r := range letters {
		if !voucherpin.IsOfCode(string(r)) {
			n++
		}
	}
	return n
}

// couldBeMistyped reports whether a word beside the digits of a PIN may be a code with wrong letters, or a part of one. A long word may be anything; a short
// one is masked if most of its letters are of codes. The words that the server understands stay, so that the stored message still says what was wanted.
func couldBeMistyped(word string) bool {
	const long = voucherpin.CodeLetters - 2
	if lookUp(word).Word != WordNone {
		return false
	}
	n := utf8.RuneCountInString(word)
	return n >= long || 2*foreignLetters(word) < n
}
