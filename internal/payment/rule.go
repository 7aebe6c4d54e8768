package payment

import (
	"time"

	"github.com/paywatt/paywatt/internal/money"
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
