package notify

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/registry"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/refusal"
)

// Word is the request in a customer's message.
type Word uint8

// The words.
const (
	// WordNone: not understood.
	WordNone Word = iota
	// WordBalance: the balance.
	WordBalance
	// WordLast: the last token again.
	WordLast
	// WordUsage: the energy used.
	WordUsage
	// WordHelp: the list of words.
	WordHelp
	// WordStop and WordStart turn warnings off and on.
	WordStop
	WordStart
	// WordLink: the address of the customer's page.
	WordLink
	// WordVoucher: redeem a voucher.
	WordVoucher
	// WordBuy: ask the telephone to pay.
	WordBuy
	// WordNotHere: a token or a command for a meter, which came here by mistake.
	WordNotHere
)

// String returns the English keyword in capital letters, such as BAL. WordNone and WordNotHere have no keyword: for them String returns "".
func (w Word) String() string {
	if aliases := keywords[English]; int(w) < len(aliases) && len(aliases[w]) > 0 {
		return strings.ToUpper(aliases[w][0])
	}
	return ""
}

// In returns the word in a language's texts.
func (w Word) In(l Language) string {
	if l < languages && int(w) < len(keywords[l]) && len(keywords[l][w]) > 0 {
		return strings.ToUpper(keywords[l][w][0])
	}
	return w.String()
}

// Keyword is a parsed customer message.
type Keyword struct {
	Word Word
	// Number holds the digits after the word, in ASCII: a meter number, or a position in the list of meters. It has fewer than
	// TokenLike digits, so it is never a token.
	Number string
	// Language is the language of the word. HasLanguage is false if several languages have the word, or if the word is WordNone.
	Language    Language
	HasLanguage bool
	// PIN and Code hold the secrets of a voucher, for WordVoucher. Amount is the amount of WordBuy, as the customer typed it.
	PIN    access.Secret
	Code   access.Secret
	Amount string
}

// Limits of a customer's message.
const (
	// maxKeywordText is the longest message, in bytes, that is parsed: a message of one part, in any script.
	maxKeywordText = 640
	// maxKeywordWords is the largest number of words around a keyword: "please send my balance".
	maxKeywordWords = 5
	// TokenLike is the least number of digits in a message that is treated as a token.
	TokenLike = refusal.TokenLike
)

// ParseKeyword reads a customer's message. Case, punctuation, quotes, marks on letters, the script of the digits, and blanks of
// any kind do not matter. A meter number may follow the word in any grouping. A word that changes something (STOP, START) must
// come first, so that a sentence in which it occurs changes nothing.
func ParseKeyword(text string) Keyword {
	if len(text) > maxKeywordText {
		return Keyword{}
	}
	plain := plainKeys(text)
	if k, is := meterCommand(plain); is {
		return k
	}
	words, number := pieces(plain)
	if k, is := readOrder(plain); is {
		return k
	}
	if len(number) >= TokenLike {
		return Keyword{Word: WordNotHere}
	}
	if len(words) == 0 && strings.TrimSpace(plain) == "?" {
		return Keyword{Word: WordHelp}
	}
	if len(words) == 0 && len(number) >= minMeterDigits {
		return Keyword{Word: WordBalance, Number: number} // a meter's number alone
	}
	if len(words) > maxKeywordWords {
		return Keyword{}
	}
	found := Keyword{Number: number}
	for i, w := range words {
		k := lookUp(w)
		changes := k.Word == WordStop || k.Word == WordStart
		switch {
		case k.Word == WordNone:
		case changes && i > 0, found.Word == WordStop, found.Word == WordStart:
			return Keyword{} // "do not stop", "stop balance": nothing changes on a guess
		case found.Word == WordNone:
			found.Word, found.Language, found.HasLanguage = k.Word, k.Language, k.HasLanguage
		}
	}
	if found.Word == WordNone {
		return Keyword{}
	}
	return found
}

// minMeterDigits is the smallest number of digits of a meter number.
const minMeterDigits = 11

// lookUp finds a word in the tables of all languages.
func lookUp(word string) (k Keyword) {
	for l, table := range keywords {
		for w, aliases := range table {
			for _, a := range aliases {
				if a != word {
					continue
				}
				if k.Word != WordNone { // several languages have this word
					k.HasLanguage = false
					return k
				}
				k = Keyword{Word: Word(w), Language: Language(l), HasLanguage: true}
			}
		}
	}
	return k
}

// meterCommand recognises the codes that customers know from their meters. *01# and similar codes mean the same as words; a token (*02#...)
// or any other command was meant for the meter.
func meterCommand(plain string) (Keyword, bool) {
	compact := strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '"' || r == '\'' {
			return -1
		}
		return r
	}, plain)
	if len(compact) < 2 || compact[0] != '*' || compact[1] < '0' || compact[1] > '9' {
		return Keyword{}, false
	}
	switch strings.TrimRight(compact, "#.") {
	case "*01":
		return Keyword{Word: WordBalance}, true
	case "*04":
		return Keyword{Word: WordLast}, true
	case "*05":
		return Keyword{Word: WordUsage}, true
	}
	return Keyword{Word: WordNotHere}, true
}

// pieces splits a text into its words and all its digits.
func pieces(plain string) (words []string, number string) {
	var digits, word strings.Builder
	end := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
			word.Reset()
		}
	}
	for _, r := range plain {
		switch {
		case r >= '0' && r <= '9':
			end()
			digits.WriteRune(r)
		case unicode.IsLetter(r):
			word.WriteRune(r)
		default: // "l'aide" is two words, as intended
			end()
		}
	}
	end()
	return words, digits.String()
}

// plainKeys writes letters in lower case and without marks, and digits, stars, hashes, dashes and blanks of any script as
// ASCII. It drops invisible characters.
func plainKeys(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '！' && r <= '～' { // the wide forms of ASCII
			r -= '！' - '!'
		}
		switch {
		case r < utf8.RuneSelf:
			return unicode.ToLower(blankOf(r))
		case unicode.Is(unicode.Nd, r):
			return registry.DigitOf(r)
		case unicode.In(r, unicode.Cf, unicode.Mn, unicode.Variation_Selector):
			return -1
		case unicode.In(r, unicode.Zs, unicode.Zl, unicode.Zp):
			return ' '
		case unicode.Is(unicode.Pd, r) || r == '−':
			return '-'
		case strings.ContainsRune("٭∗⁎﹡", r):
			return '*'
		case r == '﹟':
			return '#'
		case strings.ContainsRune("¿؟", r):
			return '?'
		case unicode.IsLetter(r):
			return unicode.ToLower(unmark(r))
		}
		return ','
	}, s)
}

// blankOf turns a control character into a blank.
func blankOf(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}

// unmark removes the mark from a letter, if the table has it.
func unmark(r rune) rune {
	n := 0
	for _, m := range markedLetters {
		if m == r {
			return rune(plainLetter[n])
		}
		n++
	}
	return r
}
