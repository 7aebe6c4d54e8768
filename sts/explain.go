package sts

import "iter"

// Slip is a token that somebody would have meant who typed another one with one slip of the hand (ours, as everything
// of the token doctor).
type Slip struct {
	Token   Token // what was meant, if so
	Swapped bool  // two neighbouring digits have changed places; otherwise one digit is another
	At      int   // the place of that digit, or of the first of the two: 1 to 20 from the left
}

// MaxSlips is the most tokens that [Slips] gives (ours): 9 other digits in each of the 20 places and 19 pairs of
// neighbours. Fewer where the number would have more than 66 bits, or neighbours are equal.
const MaxSlips = 20*9 + 19

// Slips gives every token that differs from the one typed in one digit or in two neighbours that changed places, each
// once. It needs no key and says nothing about which of them exists; it is ours, not of the standard.
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
	Key    int    // which of the keys opens it; -1 for a test token, which needs none
	Opened Opened // what it says under that key
}

// Explanation is what can be said of the digits somebody typed with the keys at hand (ours), and nothing else: it holds
// no key, and of a token that fits none of them only the class.
type Explanation struct {
	// Result is FormatError if the digits are not a token, and the result of Opened otherwise.
	Result Result
	// Digits is how many decimal digits were typed.
	Digits int
	// Token is what was typed; zero where it is no token.
	Token Token
	// Opened is what the token says under the key that fits. Result CRCError: none of them does.
	Opened Opened
	// Key is which of the keys opens the token; -1 for none, and for a test token, which needs none.
	Key int
	// Tried is how many slips were looked at, 0 where the token itself opens or is no token.
	Tried int
	// Fits are the slips that open. Chance opens one in some 160,000 with each key, so one explanation in about 850
	// with one key names a slip that nobody made.
	Fits []Fit
}

// Explain is the token doctor, which is ours: it reads digits as somebody typed them, finds the key they fit and
// otherwise every single slip under which they would fit one. A token that opens to something the standard gives no
// meaning to is said to fit with [FunctionError] where no key does better. likely, if not nil, drops slips that cannot
// be meant, such as those issued in the future; it is asked with the index of the key (-1 for a test token).
//
// Explain tries 199 tokens with each key. Whoever offers it to others limits how often it may be asked: its answers are
// what a meter's lock-out on wrong entries keeps from a guesser.
func Explain(digits string, keys []Key, likely func(key int, o Opened) bool) Explanation {
	e := Explanation{Key: -1, Digits: countDigits(digits)}
	if e.Token, e.Result = ParseToken(digits); e.Result != Accept {
		return e
	}
	e.Key, e.Opened = fit(keys, e.Token)
	e.Result = e.Opened.Result
	// A token of class 3 has no check field: nothing says that it is what somebody meant.
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

// fit opens a token with the first key that accepts it, else with the first that at least opens it.
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
