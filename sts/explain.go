package sts

import "iter"

// Slip is a token that the customer may have meant, one typing error away from the typed digits. The whole token doctor
// is ours, not of the standard.
type Slip struct {
	Token   Token // the token that may have been meant
	Swapped bool  // two neighbouring digits were swapped; otherwise one digit is wrong
	At      int   // the position of the wrong digit, or of the first swapped digit: 1 to 20 from the left
}

// MaxSlips is the maximum number of tokens that [Slips] gives (ours): 9 other digits in each of the 20 positions and 19
// pairs of neighbours. There are fewer if a changed number would have more than 66 bits, or if neighbours are equal.
const MaxSlips = 20*9 + 19

// Slips yields every token that differs from the typed one in one digit or by two swapped neighbours, each once.
// Slips needs no key and does not know which of these tokens were issued. It is ours, not of the standard.
func Slips(typed Token) iter.Seq[Slip] {
	return func(yield func(Slip) bool) {
		var d [TokenDigits]byte
		typed.digits(&d)
		for i, was := range d {
			for c := byte('0'); c <= '9'; c++ {
				if c == was {
					continue
				}
				d[i] = c
				if t, ok := fromDigits(&d); ok && !yield(Slip{Token: t, At: i + 1}) {
					return
				}
			}
			d[i] = was
		}
		for i := range len(d) - 1 {
			if d[i] == d[i+1] {
				continue
			}
			d[i], d[i+1] = d[i+1], d[i]
			if t, ok := fromDigits(&d); ok && !yield(Slip{Token: t, Swapped: true, At: i + 1}) {
				return
			}
			d[i], d[i+1] = d[i+1], d[i]
		}
	}
}

// Fit is a slip that opens (ours).
type Fit struct {
	Slip
	Key    int    // which of the keys opens it; -1 for a test token, which needs no key
	Opened Opened // its contents under that key
}

// Explanation holds the facts that the given keys reveal about typed digits (ours). It holds no key. If no key fits
// the token, it reveals only the class.
type Explanation struct {
	// Result is FormatError if the digits are not a token, and the result of Opened otherwise.
	Result Result
	// Digits is the number of decimal digits typed.
	Digits int
	// Token is the typed token; zero if the digits are not a token.
	Token Token
	// Opened is the contents of the token under the key that fits. Its Result is CRCError if no key fits.
	Opened Opened
	// Key is the index of the key that opens the token; -1 if no key opens it, and for a test token, which needs no
	// key.
	Key int
	// Tried is the number of slips that were tried; 0 if the token itself opens or the digits are not a token.
	Tried int
	// Fits are the slips that open. With each key about one slip in 160,000 opens by chance. So with one key about one
	// explanation in 850 names a slip that nobody made.
	Fits []Fit
}

// Explain is the token doctor, which is ours. It reads digits as typed and finds the key that opens them, or otherwise
// every single slip that a key opens. If no key accepts the token, a key may still open it to contents that the standard
// leaves undefined. Such a token counts as opened, with [FunctionError]. The last parameter is a function that returns
// false for slips that cannot be meant, such as those issued in the future. The first argument of this function is the
// index of the key, or -1 for a test token. If the function is nil, Explain returns every slip that opens.
//
// Explain tries up to 199 tokens with each key. Limit how often a stranger may call it, because its answers help
// somebody who guesses tokens. A meter slows such a person down: it locks after wrong entries.
func Explain(digits string, keys []Key, likely func(key int, o Opened) bool) Explanation {
	e := Explanation{Key: -1, Digits: countDigits(digits)}
	if e.Token, e.Result = ParseToken(digits); e.Result != Accept {
		return e
	}
	e.Key, e.Opened = fit(keys, e.Token)
	e.Result = e.Opened.Result
	// A token of class 3 has no check field, so wrong digits can open as class 3: look for typing errors too.
	if e.Result != CRCError && e.Opened.Class <= classManagement {
		return e
	}
	for s := range Slips(e.Token) {
		e.Tried++
		key, o := fit(keys, s.Token)
		if o.Result == Accept && (likely == nil || likely(key, o)) {
			e.Fits = append(e.Fits, Fit{Slip: s, Key: key, Opened: o})
		}
	}
	return e
}

// fit opens a token with the first key that accepts it, otherwise with the first key that at least opens it.
func fit(keys []Key, t Token) (int, Opened) {
	if c := t.Class(); c == classTest || c > classManagement {
		return -1, Open(Key{}, t)
	}
	key, opened := -1, Opened{Result: CRCError, Class: t.Class()}
	for i := range keys {
		switch o, _ := open(&keys[i], t); {
		case o.Result == Accept:
			return i, o
		case o.Result != CRCError && key < 0:
			key, opened = i, o
		}
	}
	return key, opened
}

func countDigits(s string) int {
	n := 0
	for _, c := range []byte(s) {
		if c >= '0' && c <= '9' {
			n++
		}
	}
	return n
}
