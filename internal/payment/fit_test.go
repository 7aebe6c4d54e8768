package payment_test

// Tests of what of an answer must fit, of the spellings of names, and of what contradicts a payment.

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
)

func TestNamesAreComparedAsTheProviderDoes(t *testing.T) {
	for _, c := range []struct {
		rule       payment.NameRule
		name, want string
	}{
		{payment.ExactName, " Ab1 ", "Ab1"},
		{payment.UpperName, "\tAb1\u00a0", "AB1"},
		{payment.LowerName, " Ab1\n", "ab1"},
		{"", "Ab1 ", "Ab1"},
		{payment.ExactName, "A b", "A b"},
	} {
		if got := c.rule.Fold(c.name); got != c.want {
			t.Errorf("%q folded %q: %q, want %q", c.name, c.rule, got, c.want)
		}
	}
	p := payment.Payment{Txn: "AB1"}
	if !payment.SameName(payment.UpperName)("ab1 ", p) || payment.SameName(payment.ExactName)("ab1", p) || payment.SameName(payment.UpperName)("AB2", p) {
		t.Error("names are compared by another rule")
	}
}

func TestEveryAspectThatAnAnswerSaysMustFit(t *testing.T) {
	is := func(want string) func(string, payment.Payment) bool {
		return func(said string, p payment.Payment) bool { return said == want && p.Txn == "T" }
	}
	rules := []payment.AnswerRule{
		{Aspect: payment.OfName, Source: payment.InAnswer, Field: "id", Fits: is("T")},
		{Aspect: payment.OfReceiver, Source: payment.InAnswer, Field: "to", Fits: is("us")},
		{Aspect: payment.OfDirection, Source: payment.ByQuestion, Field: "the address", Fits: is("never asked")},
		{Aspect: payment.OfCurrency, Source: payment.InAnswer, Field: "currency"},
	}
	type said = map[payment.Aspect][]string
	for _, c := range []struct {
		said said
		want string
	}{
		{nil, ""},
		{said{payment.OfName: {"T"}, payment.OfReceiver: {"us"}}, ""},
		{said{payment.OfName: {"T"}, payment.OfReceiver: {"", "us"}}, ""}, // an empty field says nothing
		{said{payment.OfName: {"T"}, payment.OfReceiver: {"us", "them"}}, `receiver "them" (to)`},
		{said{payment.OfName: {"U"}, payment.OfReceiver: {"them"}}, `name "U" (id)`},
		{said{payment.OfDirection: {"out"}}, ""}, // the question fixes it
		{said{payment.OfCurrency: {"XXX"}}, ""},  // it is taken as the truth
	} {
		if got := payment.Misfit(rules, payment.Payment{Txn: "T"}, c.said); got != c.want {
			t.Errorf("%v: %q, want %q", c.said, got, c.want)
		}
	}
}

func TestWhatContradictsAPayment(t *testing.T) {
	kes := func(m money.Minor) money.Amount { return money.Amount{Minor: m, Currency: "KES"} }
	sold := payment.Payment{Amount: kes(500), State: payment.Applied, ConfirmedAt: time.Unix(1, 0)}
	open := payment.Payment{Amount: kes(500), State: payment.Received}
	remembered := payment.Payment{Amount: kes(500), State: payment.Rejected, Reason: payment.GivenBack}
	rejected := payment.Payment{Amount: kes(500), State: payment.Rejected, Reason: payment.ByPerson}
	paid := func(m money.Minor) payment.Notice { return payment.Notice{Kind: payment.Paid, Amount: kes(m)} }
	back := func(m money.Minor) payment.Notice { return payment.Notice{Kind: payment.Undone, Amount: kes(m)} }
	fetched := func(n payment.Notice) payment.Notice { n.Fetched = true; return n }
	dollars := func(n payment.Notice) payment.Notice { n.Amount.Currency = "USD"; return n }
	for name, c := range map[string]struct {
		asks  bool
		p     payment.Payment
		n     payment.Notice
		proof payment.Proof
		want  string
	}{
		"the same":                             {false, sold, paid(500), payment.Signed, ""},
		"more":                                 {false, sold, paid(501), payment.Signed, "paid 5.01 KES, not 5.00 KES"},
		"less":                                 {false, sold, paid(499), payment.Signed, "paid 4.99 KES, not 5.00 KES"},
		"another currency":                     {false, sold, dollars(paid(500)), payment.Signed, "paid 5.00 USD, not 5.00 KES"},
		"unsigned":                             {false, sold, paid(501), payment.Unproved, ""},
		"of a statement":                       {false, sold, paid(501), payment.Stated, ""},
		"of one person's statement":            {false, sold, paid(501), payment.StatedAlone, ""},
		"unsigned, in a list":                  {true, sold, fetched(paid(501)), payment.Unproved, "paid 5.01 KES, not 5.00 KES"},
		"asked, and confirmed":                 {true, sold, paid(501), payment.Signed, "paid 5.01 KES, not 5.00 KES"},
		"asked, before the answer":             {true, open, paid(501), payment.Signed, ""},
		"not asked, not confirmed":             {false, open, paid(501), payment.Signed, "paid 5.01 KES, not 5.00 KES"},
		"rejected by a person":                 {false, rejected, paid(501), payment.Signed, "paid 5.01 KES, not 5.00 KES"},
		"rejected before the answer":           {true, rejected, paid(501), payment.Signed, ""},
		"remembered as given back":             {false, remembered, paid(501), payment.Signed, ""},
		"all went back":                        {false, sold, back(500), payment.Signed, ""},
		"a part went back":                     {false, sold, back(100), payment.Signed, ""},
		"more went back":                       {false, sold, back(501), payment.Signed, "gave back 5.01 KES, not 5.00 KES"},
		"it went back in another currency":     {false, sold, dollars(back(500)), payment.Signed, "gave back 5.00 USD, not 5.00 KES"},
		"a part went back in another currency": {false, sold, dollars(back(1)), payment.Signed, "gave back 0.01 USD, not 5.00 KES"},
	} {
		if got := payment.Contradiction(c.asks, c.p, c.n, c.proof); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestEveryReceivedPaymentSaysWhatItWaitsFor(t *testing.T) {
	at := time.Unix(1, 0)
	for _, c := range []struct {
		p    payment.Payment
		want payment.Reason
	}{
		{payment.Payment{State: payment.Received}, payment.BeingAsked},
		{payment.Payment{State: payment.Received, Reason: payment.AnswerLater}, payment.AnswerLater},
		{payment.Payment{State: payment.Received, Reason: payment.Unanswered}, payment.Unanswered},
		{payment.Payment{State: payment.Received, ConfirmedAt: at}, payment.BeingSold},
		{payment.Payment{State: payment.Received, ConfirmedAt: at, Reason: payment.ByPerson}, payment.BeingSold},
		{payment.Payment{State: payment.Received, ConfirmedAt: at, Reason: payment.NotSold}, payment.NotSold},
		{payment.Payment{State: payment.Applied, ConfirmedAt: at}, payment.NoReason},
		{payment.Payment{State: payment.Parked, ConfirmedAt: at, Reason: payment.ManyReferences}, payment.ManyReferences},
		{payment.Payment{State: payment.Rejected, Reason: payment.NeverTaken}, payment.NeverTaken},
	} {
		if got := c.p.ShownReason(); got != c.want {
			t.Errorf("%+v shows %q, want %q", c.p, got, c.want)
		}
	}
}

func TestAPaymentWhoseAnswerDiffersIsNotConfirmed(t *testing.T) {
	p := payment.Payment{State: payment.Parked, Reason: payment.AnswerDiffers}
	if !p.Unconfirmed() || p.Booked() {
		t.Errorf("unconfirmed %t, booked %t", p.Unconfirmed(), p.Booked())
	}
	if p.ConfirmedAt = time.Unix(1, 0); p.Unconfirmed() || !p.Booked() {
		t.Errorf("confirmed: unconfirmed %t, booked %t", p.Unconfirmed(), p.Booked())
	}
}
