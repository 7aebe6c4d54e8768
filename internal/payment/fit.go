package payment

// What a provider's names and answers are like: how names are compared, what an answer says about a payment besides its amount, and what of that must
// be so. The adapters state it as data, and this file judges by it, so no adapter can forget a part of the judgement.

import (
	"fmt"
	"slices"
	"strings"
)

// Rules says what the names and the answers of a provider are like.
type Rules struct {
	Names   NameRule
	Answers []AnswerRule // one for each [Aspect]; empty if the provider cannot be asked
}

// NameRule says which spellings of a payment's name are the same name to its provider.
type NameRule string

// Rules for names. Blanks around a name never count.
const (
	ExactName NameRule = "exact" // capital and small letters differ
	UpperName NameRule = "upper" // they are the same; the provider writes capital letters
	LowerName NameRule = "lower" // they are the same; the provider writes small letters
)

// Fold returns the one spelling of a name under which its payment is stored and found.
func (r NameRule) Fold(name string) string {
	name = strings.TrimSpace(name)
	switch r {
	case UpperName:
		return strings.ToUpper(name)
	case LowerName:
		return strings.ToLower(name)
	}
	return name
}

// Aspect is one thing that an answer can say about a payment.
type Aspect string

// Aspects of an answer.
const (
	OfName      Aspect = "name"      // which payment the answer is about
	OfReceiver  Aspect = "receiver"  // who got the money
	OfDirection Aspect = "direction" // whether the money came in or went out
	OfKind      Aspect = "kind"      // what sort of transaction it was
	OfCurrency  Aspect = "currency"
	OfReference Aspect = "reference" // what the payer typed
)

// Source says how an aspect of a payment is known after an answer.
type Source string

// Sources of an aspect.
const (
	InAnswer   Source = "answer"   // the answer says it
	ByQuestion Source = "question" // the question can be about nothing else
	InNotice   Source = "notice"   // only the notice says it
)

// AnswerRule says how an aspect of a payment is known, and for what an answer says, what must be so.
type AnswerRule struct {
	Aspect Aspect
	Source Source
	// Field is the field of the answer, or what of the question leaves no choice.
	Field string
	// Fits judges what the answer says; nil if whatever it says is taken as the truth.
	Fits func(said string, p Payment) bool
}

// Misfit says what of an answer cannot be about a payment; empty if nothing. An aspect that an answer leaves out cannot be judged.
func Misfit(rules []AnswerRule, p Payment, said map[Aspect][]string) string {
	for _, r := range rules {
		if r.Source != InAnswer || r.Fits == nil {
			continue
		}
		wrong := func(text string) bool { return text != "" && !r.Fits(text, p) }
		if i := slices.IndexFunc(said[r.Aspect], wrong); i >= 0 {
			return fmt.Sprintf("%s %q (%s)", r.Aspect, said[r.Aspect][i], r.Field)
		}
	}
	return ""
}

// SameName returns the judgement that an answer names the payment that was asked about.
func SameName(r NameRule) func(string, Payment) bool {
	return func(said string, p Payment) bool { return r.Fold(said) == r.Fold(p.Txn) }
}

// judged returns an answer, or if it is about other money the answer [Differs]. A provider that has not decided is not judged.
func judged(rules Rules, p Payment, a Answer) Answer {
	if a.Outcome == Pending {
		return a
	}
	if why := Misfit(rules.Answers, p, a.Said); why != "" {
		return Answer{Outcome: Differs, Amount: a.Amount, Why: why}
	}
	return a
}
