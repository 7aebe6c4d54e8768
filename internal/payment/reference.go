package payment

// What a payer's text may mean, and which meter it decides for. A text decides only if nothing else fits it as well. What needs a guess is only
// suggested to a person.

import (
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/sts"
)

// Reference is what a payer's text may mean, in the order in which to look.
type Reference struct {
	Account id.ID    // identity of an account; zero for none
	Numbers []string // numbers that may be those of meters, as they are typed, without duplicates
	// Mended are the numbers that the text has without its first zero, or with letters for digits that look like them. They decide only if nothing
	// else fits.
	Mended []string
	Phones []string // digits that may be a telephone number, without leading zeros and without duplicates
}

// PhoneEnd is how many last digits of a telephone number a reference must have.
const PhoneEnd = registry.PhoneEnd

// fewDigits is the least number of true digits in a number with letters for digits. A word such as "oil" is no number.
const fewDigits = 6

// ReadReference reads a reference as people type it: "0414 0001 001", "meter 04140001001 Amina", "٠٤١٤٠٠٠١٠٠١", "O414OOO1OO1", "+254 711 000 001". It
// tries the whole text as a number, and then each run of digits.
func ReadReference(text string) Reference {
	var r Reference
	text = registry.PlainDigits(text)
	for _, word := range strings.Fields(strings.ToLower(text)) {
		if i, err := id.Parse(id.Account, word); err == nil {
			r.Account = i
		}
	}
	for _, part := range append([]string{text}, strings.FieldsFunc(text, func(c rune) bool { return c < '0' || c > '9' })...) {
		q := registry.ReadQuery(part)
		for _, n := range q.Numbers {
			if number, no := registry.Canonical(n); !no.Refused() {
				r.Numbers = with(r.Numbers, number)
			}
		}
		if len(q.Phone) == PhoneEnd {
			r.Phones = with(r.Phones, strings.TrimLeft(q.Digits, "0"))
		}
	}
	for _, digits := range digitsIn(text) {
		for _, n := range []string{digits, registry.WithLostZero(digits)} {
			if number, no := registry.Canonical(n); !no.Refused() && !slices.Contains(r.Numbers, number) {
				r.Mended = with(r.Mended, number)
			}
		}
	}
	return r
}

// digitsIn returns the runs of digits of a text and the whole text, if it is a number, with digits for the letters that look like them.
func digitsIn(text string) (out []string) {
	runs := strings.FieldsFunc(text, func(c rune) bool { return alike(c) < '0' || alike(c) > '9' })
	for _, part := range append([]string{text}, runs...) {
		digits := registry.Dialled(strings.Map(alike, part))
		typed := 0
		for _, c := range part {
			if c >= '0' && c <= '9' {
				typed++
			}
		}
		if digits != "" && typed >= fewDigits {
			out = with(out, digits)
		}
	}
	return out
}

// alike returns the digit that a letter looks like, and any other character itself.
func alike(c rune) rune {
	switch c {
	case 'O', 'o':
		return '0'
	case 'I', 'l':
		return '1'
	}
	return c
}

// maxNear is the largest number of numbers that [NearNumbers] returns.
const maxNear = 60

// NearNumbers returns the numbers of meters that a text may have meant if one digit was mistyped, left out or typed twice, or two neighbours were
// swapped. The check digit rules most of them out. They are suggestions for a person, and never decide.
func NearNumbers(text string) (out []string) {
	add := func(digits string) {
		if _, err := sts.ParseNumber(digits); err == nil && len(out) < maxNear {
			out = with(out, digits)
		}
	}
	for _, digits := range digitsIn(registry.PlainDigits(text)) {
		for _, d := range []string{digits, registry.WithLostZero(digits)} {
			for i := range len(d) {
				for c := '0'; c <= '9'; c++ {
					add(d[:i] + string(c) + d[i+1:])
				}
				if i > 0 {
					add(d[:i-1] + d[i:i+1] + d[i-1:i] + d[i+1:])
				}
				add(d[:i] + d[i+1:])
			}
			for i := range len(d) + 1 {
				for c := '0'; c <= '9'; c++ {
					add(d[:i] + string(c) + d[i:])
				}
			}
		}
	}
	return out
}

// SamePhone reports whether the digits of a reference are a stored telephone number. Either may lack the country.
func SamePhone(digits, stored string) bool { return registry.SamePhone(digits, stored) }

func with(list []string, more string) []string {
	if slices.Contains(list, more) {
		return list
	}
	return append(list, more)
}

// Found is a meter that a reference may mean.
type Found struct {
	Meter   string // its number
	Account id.ID
	Phone   string // telephone number of its customer; empty if there is none
	// Since is when its customer's telephone number was registered; zero for a number that an earlier version registered.
	// The number decides for no payment that was made earlier.
	Since time.Time
	// Opened is when its account took the place over from another account; zero for the first account there, and where the payer named the account
	// or its customer. The number of the meter decides for no payment that was made earlier: another customer lived there, or nobody.
	Opened time.Time
	// HeldUntil is when its customer's telephone number begins to decide for payments, because it replaced another one or was another customer's a
	// moment ago; zero for a first number. The number decides for no payment that was made earlier.
	HeldUntil time.Time
	// Former says that its customer gave the telephone number up. Payments that were made before HeldUntil may still mean it.
	Former bool
	// Forged says that somebody changed its customer's telephone number in the database, or that of another customer who may have the same one. Whom
	// the number means is then unknown: it decides nothing, and suggests nothing.
	Forged bool
	// Many says that too many other customers have the telephone number to look at all of them.
	// Such a number decides nothing and suggests nothing.
	Many bool
}

// Match decides which meter a payment that was made at a time is for. The parameters are what the store found for the reference:
// by meter number and account, by mended number, and by telephone number.
//
// A telephone number decides only if one account is registered with it, and that account has one meter.
// If it was registered after the payment was made, a person decides: whoever sees a payment that waits could register its number for a friend.
// If it was held when the payment was made, see [registry.NumberHold], a person decides too, also when the hold is over.
// The payer may have meant the meter that the number meant before.
// If somebody changed a number in the database that may be the same, it never decides.
//
// A mended number decides only if no other number and no telephone number means another meter.
// If another customer moved in at the meter after the payment was made, a person decides.
func Match(named, mended, called []Found, made time.Time) (Found, Reason) {
	called = meantAt(made, called)
	found := named
	switch {
	case len(named) > 0:
	case len(mended) > 0:
		found = oneOfEach(append(slices.Clone(mended), called...))
	default:
		found = called
	}
	isNewer := func(f Found) bool { return f.Since.After(made) && !f.Forged }
	isHeld := func(f Found) bool { return f.HeldUntil.After(made) && !f.Forged }
	switch {
	case len(found) == 0:
		return Found{}, UnknownReference
	case slices.ContainsFunc(found, isNewer):
		return Found{}, NumberNewer
	case slices.ContainsFunc(found, func(f Found) bool { return f.Many }):
		return Found{}, ManyReferences
	case slices.ContainsFunc(found, isHeld):
		return Found{}, NumberHeld
	case len(found) > 1:
		return Found{}, ManyReferences
	case found[0].Forged:
		return Found{}, UnknownReference
	case found[0].Opened.After(made):
		return Found{}, AccountNewer
	}
	return found[0], NoReason
}

// meantAt leaves out the meters of customers who had given their telephone number up before a payment was made, for so long that it did not mean them
// any more.
func meantAt(made time.Time, called []Found) (out []Found) {
	for _, f := range called {
		if !f.Former || f.HeldUntil.After(made) {
			out = append(out, f)
		}
	}
	return out
}

// oneOfEach leaves out meters that were found twice.
func oneOfEach(found []Found) (out []Found) {
	for _, f := range found {
		if !slices.ContainsFunc(out, func(o Found) bool { return o.Meter == f.Meter }) {
			out = append(out, f)
		}
	}
	return out
}

// PhoneAge is how long a customer's telephone number, also the first one, must have been registered before a payment without a reference is made, so that
// it decides for it. Whoever registers the number of somebody else gets their payments only after the office had a day to see it.
const PhoneAge = 24 * time.Hour

// MatchPayer decides which meter a payment without a reference is for, from the meters that the store found for the payer's telephone number.
func MatchPayer(called []Found, made time.Time) (Found, Reason) {
	f, why := Match(nil, nil, called, made)
	if why == NoReason && made.Sub(f.Since) < PhoneAge {
		return Found{}, NumberHeld
	}
	return f, why
}
