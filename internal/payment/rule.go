package payment

import (
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
)

// Policy says what confirms the payments of a provider.
type Policy struct {
	// Asks means that the provider can be asked. Then nothing else confirms a payment.
	Asks bool
	// Single and Daily are the most that signatures alone confirm: in one payment, and within 24 hours.
	Single, Daily money.Minor
}

// SignedTotal is what signatures, or statements of one person alone, have confirmed for a provider.
type SignedTotal struct {
	Total money.Minor // since the first of these payments
	At    time.Time   // when the last of them was confirmed
}

// followedBy adds a payment. Totals never fall in the order of ConfirmedAt, also if two servers confirm payments at the same time.
func (u SignedTotal) followedBy(p Payment) Payment {
	p.AloneTotal = new(u.Total + p.Amount.Minor)
	if p.ConfirmedAt.Before(u.At) {
		p.ConfirmedAt = u.At
	}
	return p
}

// Step is what to do next about a payment that is not confirmed.
type Step int

// Steps.
const (
	Ask  Step = iota // ask the provider
	Take             // what is proved confirms the payment
	Wait             // too much for a signature: a statement or a person must confirm it
)

// Confirm decides what to do about an unconfirmed payment, from what proves it. The parameter taken is what signatures and one person's
// statements confirmed for the provider in the last 24 hours.
func Confirm(p Policy, proof Proof, amount, taken money.Minor) Step {
	switch {
	case p.Asks:
		return Ask
	case proof == Stated:
		return Take
	case proof != Unproved && amount <= p.Single && amount <= p.Daily-taken:
		return Take
	}
	return Wait
}

// Pauses between questions to a provider that does not know a payment, or does not answer. A provider may know a payment later than it
// tells others. After the last pause a payment that the provider does not know is rejected; a provider that does not answer is asked on.
var pauses = [...]time.Duration{2 * time.Second, 10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}

// NextQuestion returns when to ask again after question number n, counted from 0, and whether that was the last pause.
func NextQuestion(n int) (pause time.Duration, last bool) {
	n = max(n, 0)
	return pauses[min(n, len(pauses)-1)], n >= len(pauses)
}

// Reference is what a payer's text may mean, in the order in which to look.
type Reference struct {
	Account id.ID    // identity of an account; zero for none
	Numbers []string // numbers that may be those of meters, without duplicates
	Phones  []string // digits that may be a telephone number, without leading zeros and without duplicates
}

// PhoneEnd is how many last digits of a telephone number a reference must have.
const PhoneEnd = 8

// ReadReference reads a reference as people type it: "0414 0001 001", "meter 04140001001 Amina", "+254 711 000 001". It tries the whole
// text as a number, and then each run of digits.
func ReadReference(text string) Reference {
	var r Reference
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
	return r
}

// SamePhone reports whether the digits of a reference are a stored telephone number. Either may lack the country.
func SamePhone(digits, stored string) bool {
	stored = strings.TrimLeft(registry.Dialled(stored), "0")
	return len(stored) >= PhoneEnd && len(digits) >= PhoneEnd && (strings.HasSuffix(stored, digits) || strings.HasSuffix(digits, stored))
}

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
}

// Match decides which meter a payment is for. The parameters are what the store found for the reference: by meter number and account, and by
// telephone number. A telephone number decides only if one account is registered with it, and that account has one meter.
func Match(named, called []Found) (Found, Reason) {
	for _, found := range [][]Found{named, called} {
		switch len(found) {
		case 0:
			continue
		case 1:
			return found[0], NoReason
		}
		return Found{}, ManyReferences
	}
	return Found{}, UnknownReference
}
