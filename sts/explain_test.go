package sts_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/paywatt/paywatt/sts"
)

func TestSlipsAreAllTokensOneSlipAway(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		typed := drawToken(r)
		digits := typed.Reveal()
		seen := map[sts.Token]bool{typed: true}
		one, swapped := 0, 0
		for s := range sts.Slips(typed) {
			if seen[s.Token] {
				r.Fatalf("%s comes twice", s.Token.Reveal())
			}
			seen[s.Token] = true
			got := []byte(s.Token.Reveal())
			if s.Swapped {
				swapped++
				got[s.At-1], got[s.At] = got[s.At], got[s.At-1]
			} else {
				one++
				got[s.At-1] = digits[s.At-1]
			}
			if string(got) != digits {
				r.Fatalf("%s differs from %s in more than place %d", s.Token.Reveal(), digits, s.At)
			}
		}
		if want := countNeighbours(digits); one+swapped != want || want > sts.MaxSlips {
			r.Fatalf("%d digits and %d pairs of %s, want %d in all, at most %d", one, swapped, digits, want, sts.MaxSlips)
		}
	})
}

// countNeighbours counts the neighbours independently of Slips.
func countNeighbours(digits string) int {
	n := 0
	count := func(d []byte) {
		if _, result := sts.ParseToken(string(d)); result == sts.Accept {
			n++
		}
	}
	for i := range digits {
		for c := byte('0'); c <= '9'; c++ {
			if d := []byte(digits); c != d[i] {
				d[i] = c
				count(d)
			}
		}
		if i > 0 && digits[i] != digits[i-1] {
			d := []byte(digits)
			d[i], d[i-1] = d[i-1], d[i]
			count(d)
		}
	}
	return n
}

func drawToken(r *rapid.T) sts.Token {
	d := []byte(rapid.StringMatching(`[0-6][0-9]{19}`).Draw(r, "digits"))
	t, result := sts.ParseToken(string(d))
	if result != sts.Accept {
		r.Fatalf("ParseToken(%s) = %s", d, result)
	}
	return t
}

// TestEverySlipIsFound checks that, for every single slip, Explain names the token that was meant.
func TestEverySlipIsFound(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		keys := []sts.Key{drawKey(r), drawKey(r), drawKey(r)}
		if keys[0] == keys[1] || keys[0] == keys[2] || keys[1] == keys[2] {
			r.Skip("two keys are equal, so both open the token")
		}
		which := rapid.IntRange(0, len(keys)-1).Draw(r, "which")
		meant, err := sts.EncodeCredit(keys[which], sts.Credit{RND: 5, TID: 6_777_094, Amount: sts.Amount(rapid.Uint16Range(1, 16383).Draw(r, "amount"))})
		if err != nil {
			r.Fatal(err)
		}
		for i := range keys {
			if i != which && sts.Open(keys[i], meant).Result == sts.Accept {
				r.Skip("another key opens the token by chance")
			}
		}
		var slips []sts.Slip
		for s := range sts.Slips(meant) {
			slips = append(slips, s)
		}
		slip := rapid.SampledFrom(slips).Draw(r, "slip")
		e := sts.Explain(slip.Token.RevealGrouped(), keys, nil)
		if e.Key != -1 {
			r.Skip("the mistyped token opens by chance")
		}
		found := false
		for _, f := range e.Fits {
			if f.Token == meant {
				found = f.Key == which && f.At == slip.At && f.Swapped == slip.Swapped && f.Opened == sts.Open(keys[which], meant)
			}
		}
		if !found || e.Key != -1 || e.Digits != 20 || e.Tried == 0 {
			r.Fatalf("%s typed as %s: %+v", meant.Reveal(), slip.Token.Reveal(), e)
		}
	})
}

func TestExplainNamesTheKeyThatFits(t *testing.T) {
	k := key(t, sts.EA07, secretKey)
	keys := []sts.Key{key(t, sts.EA07, "060b8643c59a27f1"), {}, k}
	e := sts.Explain("2371 6100-5011 8319 4197", keys, nil)
	if e.Result != sts.Accept || e.Key != 2 || e.Opened.TID != 5_871_715 || e.Tried != 0 || e.Fits != nil {
		t.Errorf("the right key last: %+v", e)
	}
	// A key that accepts the token wins over a key that only opens it.
	odd := key(t, sts.EA07, "9e902ae28480ad25")
	if e = sts.Explain("21889767171696118269", []sts.Key{k, odd}, nil); e.Result != sts.FunctionError || e.Key != 1 || e.Opened.SubClass != 9 {
		t.Errorf("a reserved sub-class: %+v", e)
	}
	if e = sts.Explain("23716100501183194197", nil, nil); e.Result != sts.CRCError || e.Key != -1 || len(e.Fits) != 0 {
		t.Errorf("without keys: %+v", e)
	}
}

func TestExplainOfTestTokensNeedsNoKey(t *testing.T) {
	e := sts.Explain("5649 3153 7254 5031 3471", nil, nil)
	if e.Result != sts.Accept || e.Key != -1 || e.Opened.Class != 1 || e.Opened.Control != 1<<36-1 {
		t.Errorf("all tests: %+v", e)
	}
	e = sts.Explain("5649 3153 7254 5031 4371", nil, nil)
	if e.Result == sts.Accept || len(e.Fits) != 1 || !e.Fits[0].Swapped || e.Fits[0].At != 17 || e.Fits[0].Key != -1 {
		t.Errorf("all tests with two digits swapped: %+v", e)
	}
}

func TestExplainOfWhatIsNoToken(t *testing.T) {
	for _, c := range []struct {
		in     string
		digits int
	}{
		{"", 0}, {"2371 6100", 8}, {"2371610050118319419x", 19}, {"99999999999999999999", 20}, {strings.Repeat("1", 300), 300},
	} {
		if e := sts.Explain(c.in, nil, nil); e.Result != sts.FormatError || e.Digits != c.digits || e.Tried != 0 || e.Key != -1 {
			t.Errorf("Explain(%q) = %+v, want %s with %d digits", c.in, e, sts.FormatError, c.digits)
		}
	}
}

// A slip may give class 3, which has no check field; Explain still finds the token that was meant.
func TestExplainLooksBehindClass3(t *testing.T) {
	k := key(t, sts.EA07, secretKey)
	meant, _ := sts.ParseToken("23716100501183194197")
	seen := 0
	for s := range sts.Slips(meant) {
		if s.Token.Class() != 3 {
			continue
		}
		seen++
		e := sts.Explain(s.Token.Reveal(), []sts.Key{k}, nil)
		if e.Result != sts.FunctionError || len(e.Fits) == 0 || e.Fits[0].Token != meant {
			t.Errorf("%s: %+v", s.Token.Reveal(), e)
		}
	}
	if seen == 0 {
		t.Error("no slip leads to class 3")
	}
}

func TestExplainDropsWhatCannotBeMeant(t *testing.T) {
	k := key(t, sts.EA07, secretKey)
	asked := 0
	e := sts.Explain("23716100501183194179", []sts.Key{k}, func(key int, o sts.Opened) bool {
		asked++
		return key == 0 && o.TID > 5_871_715
	})
	if asked != 1 || len(e.Fits) != 0 || e.Tried < 150 {
		t.Errorf("asked %d times, %+v", asked, e)
	}
}

func TestKindsOfTokens(t *testing.T) {
	k := key(t, sts.EA11, "929bd3a415c9420a05ec5ee9f3ce91c3")
	kinds := map[string]bool{}
	add := func(token sts.Token, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		kind := sts.Open(k, token).Kind()
		if kind == "" || kinds[kind] {
			t.Errorf("kind %q is empty or comes twice", kind)
		}
		kinds[kind] = true
	}
	for sub := range uint8(4) {
		add(sts.EncodeCredit(k, sts.Credit{SubClass: sub}))
		add(sts.EncodeCurrencyCredit(k, sts.CurrencyCredit{SubClass: sub + 4}))
	}
	for sub := range uint8(3) {
		add(sts.EncodeTest(sts.MeterTest{SubClass: sub}))
	}
	for _, sub := range []uint8{0, 1, 2, 5, 6, 7, 10} {
		add(sts.EncodeManagement(k, sts.Management{SubClass: sub}))
	}
	set, err := sts.EncodeKeyChange(k, sts.KeyChange{Key: k, KRN: 1, TI: "01", SGC: "123456"})
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range set {
		add(token, nil)
	}
	if got := (sts.Opened{Result: sts.CRCError}).Kind(); got != "" {
		t.Errorf("a token that does not open is a %q", got)
	}
	names := map[string]bool{"": true}
	for n := 1; n <= sts.MaxTest; n++ {
		if name := sts.TestName(n); names[name] {
			t.Errorf("test %d is called %q, which is empty or taken", n, name)
		} else {
			names[name] = true
		}
	}
	if sts.TestName(0) != "" || sts.TestName(sts.MaxTest+1) != "" {
		t.Error("tests outside of the list have names")
	}
}
