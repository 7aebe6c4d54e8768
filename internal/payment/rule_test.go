package payment_test

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
)

func TestAReferenceIsForgiving(t *testing.T) {
	for text, want := range map[string][2]string{
		"04140001001":               {"04140001001", "4140001001"},
		"0414 0001 001":             {"04140001001", "4140001001"},
		"0414-0001-001":             {"04140001001", "4140001001"},
		"Meter 04140001001 Amina A": {"04140001001", "4140001001"},
		"600727041400010015":        {"04140001001", ""},
		"+254 711 000 001":          {"", "254711000001"},
		"0711000001":                {"", "711000001"},
		"tel. 0711 000 001":         {"", ""}, // three runs, each too short
		"04140001002":               {"", "4140001002"},
		"rent":                      {"", ""},
		"":                          {"", ""},
	} {
		r := payment.ReadReference(text)
		first := func(list []string) string {
			if len(list) == 0 {
				return ""
			}
			return list[0]
		}
		if got := [2]string{first(r.Numbers), first(r.Phones)}; got != want {
			t.Errorf("%q means number and telephone %q, want %q", text, got, want)
		}
	}
	account := id.ID{1, 2, 3}
	if r := payment.ReadReference(strings.ToUpper(account.Text(id.Account)) + " please"); r.Account != account {
		t.Error("the identity of an account was not found")
	}
}

func TestOnlyOneMeterIsAMatch(t *testing.T) {
	one, two := payment.Found{Meter: "04140001001"}, payment.Found{Meter: "04140001019"}
	for _, c := range []struct {
		named, called []payment.Found
		want          string
		why           payment.Reason
	}{
		{nil, nil, "", payment.UnknownReference},
		{[]payment.Found{one}, nil, one.Meter, payment.NoReason},
		{[]payment.Found{one}, []payment.Found{two}, one.Meter, payment.NoReason}, // a meter's number is meant, not a telephone's
		{[]payment.Found{one, two}, nil, "", payment.ManyReferences},
		{nil, []payment.Found{two}, two.Meter, payment.NoReason},
		{nil, []payment.Found{one, two}, "", payment.ManyReferences},
	} {
		if got, why := payment.Match(c.named, nil, c.called, time.Time{}); got.Meter != c.want || why != c.why {
			t.Errorf("match of %v and %v: %q %q, want %q %q", c.named, c.called, got.Meter, why, c.want, c.why)
		}
	}
}

func TestOnlyTheProviderConfirmsWhatItCanBeAskedAbout(t *testing.T) {
	asks := payment.Policy{Asks: true, Single: 1 << 40, Daily: 1 << 40}
	signs := payment.Policy{Single: 1000, Daily: 2500}
	for _, c := range []struct {
		p             payment.Policy
		proof         payment.Proof
		amount, taken int64
		want          payment.Step
	}{
		{asks, payment.Signed, 1, 0, payment.Ask},
		{asks, payment.Unproved, 1, 0, payment.Ask},
		{signs, payment.Signed, 1000, 0, payment.Take},
		{signs, payment.Signed, 1001, 0, payment.Wait},
		{signs, payment.Signed, 1000, 1500, payment.Take},
		{signs, payment.Signed, 1000, 1501, payment.Wait},
		{signs, payment.Unproved, 1, 0, payment.Wait},
		{payment.Policy{}, payment.Signed, 1, 0, payment.Wait},
		{asks, payment.Stated, 1, 0, payment.Ask},
		{signs, payment.Stated, 1 << 40, 1 << 40, payment.Take},
		{signs, payment.StatedAlone, 1000, 0, payment.Take},
		{signs, payment.StatedAlone, 1001, 0, payment.Wait},
	} {
		if got := payment.Confirm(c.p, c.proof, money.Minor(c.amount), money.Minor(c.taken)); got != c.want {
			t.Errorf("confirm %+v: %d, want %d", c, got, c.want)
		}
	}
}

func TestAProviderIsAskedSeveralTimesBeforeAPaymentIsRejected(t *testing.T) {
	var waited time.Duration
	for n := 0; ; n++ {
		pause, last := payment.NextQuestion(n)
		if last {
			break
		}
		if pause <= 0 || n > 20 {
			t.Fatalf("question %d waits %s", n, pause)
		}
		waited += pause
	}
	if waited < time.Hour || waited > 2*time.Hour {
		t.Errorf("a payment is rejected after %s, want between one and two hours", waited)
	}
}

func TestATelephoneNumberMayLackItsCountry(t *testing.T) {
	for _, c := range []struct {
		digits, stored string
		same           bool
	}{
		{"254711000001", "+254711000001", true},
		{"711000001", "+254711000001", true},
		{"254711000001", "0711000001", true},
		{"711000001", "0711 000 001", true},
		{"711000002", "+254711000001", false},
		{"11000001", "+254711000001", true},
		{"1000001", "+254711000001", false},
		{"11000001", "11000001", true}, // eight digits are enough on both sides
		{"254711000001", "11000001", true},
		{"11000001", "011 000 001", true},
		{"254711000001", "1000001", false},
		{"254711000001", "", false},
		{"254711000001", "1", false},
	} {
		if got := payment.SamePhone(c.digits, c.stored); got != c.same {
			t.Errorf("%s and %s are the same: %t", c.digits, c.stored, got)
		}
	}
}
