package notify

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Word is what a customer's message asks for.
type Word uint8

// The words.
const (
	// WordNone: nothing that is understood.
	WordNone Word = iota
	// WordBalance: what is left.
	WordBalance
	// WordLast: the token bought last, once more.
	WordLast
	// WordUsage: what was used.
	WordUsage
	// WordHelp: which words there are.
	WordHelp
	// WordStop and WordStart end warnings and bring them back.
	WordStop
	WordStart
	// WordNotHere: something that is for a meter, a token or a command, and came here by mistake.
	WordNotHere
)

// String is the word as the English list has it; empty for any other word.
func (w Word) String() string {
	if aliases := keywords[English]; int(w) < len(aliases) && len(aliases[w]) > 0 {
		return strings.ToUpper(aliases[w][0])
	}
	return ""
}

// In is the word as a text in a language names it.
func (w Word) In(l Language) string {
	if l < languages && int(w) < len(keywords[l]) && len(keywords[l][w]) > 0 {
		return strings.ToUpper(keywords[l][w][0])
	}
	return w.String()
}

// Keyword is a customer's message as it was understood.
type Keyword struct {
	Word Word
	// Number is what digits stood behind the word, in ASCII: a meter number, or a place in the list of meters. Fewer than
	// TokenLike digits, so never a token.
	Number string
	// Language is the language of the word; false for a word that several have.
	Language    Language
	HasLanguage bool
}

// Limits of what is looked at.
const (
	// maxKeywordText is how long a message may be, in bytes, to be looked at: a message of one part, in whatever script.
	maxKeywordText = 640
	// maxKeywordWords is how many words may stand around a keyword: "please send my balance".
	maxKeywordWords = 5
	// TokenLike is from how many digits in a row on, blanks and dashes between them, digits are treated as a token: never
	// stored, never written to a log, never repeated.
	TokenLike = 18
)

// ParseKeyword reads a customer's message. Case, punctuation, quotes, marks on letters, the script of the digits, and
// blanks of any kind do not matter; a meter number may stand behind the word in any grouping. A word that changes
// something (STOP, START) must come first, so that a sentence in which it occurs changes nothing.
func ParseKeyword(text string) Keyword {
	if len(text) > maxKeywordText {
		return Keyword{}
	}
	plain := plainKeys(text)
	if k, is := meterCommand(plain); is {
		return k
	}
	words, number := pieces(plain)
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
			return Keyword{} // "do not stop", "stop balance": nothing is changed on a guess
		case found.Word == WordNone:
			found.Word, found.Language, found.HasLanguage = k.Word, k.Language, k.HasLanguage
		}
	}
	if found.Word == WordNone {
		return Keyword{}
	}
	return found
}

// minMeterDigits is how many digits a meter number has at least.
const minMeterDigits = 11

// lookUp finds a word in the tables of all languages.
func lookUp(word string) (k Keyword) {
	for l, table := range keywords {
		for w, aliases := range table {
			for _, a := range aliases {
				if a != word {
					continue
				}
				if k.Word != WordNone { // several languages have it
					k.HasLanguage = false
					return k
				}
				k = Keyword{Word: Word(w), Language: Language(l), HasLanguage: true}
			}
		}
	}
	return k
}

// meterCommand recognises what customers know from their meters: *01# and its like ask what the words ask, and a token
// (*02#...) or any other command was meant for the meter.
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

// pieces takes a text apart into its words and all its digits.
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
		default: // "l'aide" is two words, which is what is wanted
			end()
		}
	}
	end()
	return words, digits.String()
}

// plainKeys writes letters in lower case and without marks, and digits, stars, crosses, dashes and blanks of any script as
// those of a keypad; what cannot be seen is left out.
func plainKeys(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '！' && r <= '～' { // the wide forms of ASCII
			r -= '！' - '!'
		}
		switch {
		case r < utf8.RuneSelf:
			return unicode.ToLower(blankOf(r))
		case unicode.Is(unicode.Nd, r):
			return digitOf(r)
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

// blankOf makes a blank of a control character.
func blankOf(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}

// unmark takes the mark off a letter, as far as the table has it.
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

// digitOf is a decimal digit of any script in ASCII. The digits of a script stand together in the order of their values, and
// every range of the table begins with a zero.
func digitOf(r rune) rune {
	for _, in := range unicode.Nd.R16 {
		if r <= rune(in.Hi) {
			return '0' + (r-rune(in.Lo))%10
		}
	}
	for _, in := range unicode.Nd.R32 {
		if r <= rune(in.Hi) {
			return '0' + (r-rune(in.Lo))%10
		}
	}
	return r
}

// MaskTokens is a text with everything in it that could be a token masked: digits of any script, [TokenLike] or more of them
// with nothing but blanks, dashes and other signs between them. Only such a text of a customer's or a meter's message is
// stored or shown.
func MaskTokens(text string) string {
	out := []rune(text)
	var run []int // places of the digits since the last letter
	mask := func() {
		if len(run) >= TokenLike {
			for _, i := range run {
				out[i] = '*'
			}
		}
		run = run[:0]
	}
	for i, r := range out {
		switch {
		case unicode.Is(unicode.Nd, r):
			run = append(run, i)
		case unicode.IsLetter(r):
			mask()
		}
	}
	mask()
	return string(out)
}
