package sts_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/paywatt/paywatt/sts"
)

func TestOnlyTwentyDigitsOf66BitsAreAToken(t *testing.T) {
	for _, c := range []struct {
		in   string
		want sts.Result
	}{
		{"23716100501183194197", sts.Accept},
		{"2371 6100 5011 8319 4197", sts.Accept},
		{" 2371-6100-5011-8319-4197\t", sts.Accept},
		{"00000000000000000000", sts.Accept},
		{"73786976294838206463", sts.Accept}, // 2^66 - 1
		{"73786976294838206464", sts.FormatError},
		{"99999999999999999999", sts.FormatError},
		{"2371610050118319419", sts.FormatError},
		{"237161005011831941970", sts.FormatError},
		{"2371610050118319419a", sts.FormatError},
		{"2371610050118319419٣", sts.FormatError},
		{"+2371610050118319419", sts.FormatError},
		{"", sts.FormatError},
		{strings.Repeat(" ", 100), sts.FormatError},
	} {
		if _, got := sts.ParseToken(c.in); got != c.want {
			t.Errorf("ParseToken(%q) = %s, want %s", c.in, got, c.want)
		}
	}
}

func TestFieldsThatDoNotFitAreRefused(t *testing.T) {
	k := key(t, sts.EA07, secretKey)
	tries := map[string]func() (sts.Token, error){
		"credit sub-class 4":    func() (sts.Token, error) { return sts.EncodeCredit(k, sts.Credit{SubClass: 4}) },
		"credit RND 16":         func() (sts.Token, error) { return sts.EncodeCredit(k, sts.Credit{RND: 16}) },
		"credit TID of 25 bits": func() (sts.Token, error) { return sts.EncodeCredit(k, sts.Credit{TID: sts.MaxTID + 1}) },
		"currency sub-class 3":  func() (sts.Token, error) { return sts.EncodeCurrencyCredit(k, sts.CurrencyCredit{SubClass: 3}) },
		"currency sub-class 8":  func() (sts.Token, error) { return sts.EncodeCurrencyCredit(k, sts.CurrencyCredit{SubClass: 8}) },
		"currency of 21 bits": func() (sts.Token, error) {
			return sts.EncodeCurrencyCredit(k, sts.CurrencyCredit{SubClass: 4, Amount: 1 << 20})
		},
		"management section":      func() (sts.Token, error) { return sts.EncodeManagement(k, sts.Management{SubClass: 3}) },
		"management reserved":     func() (sts.Token, error) { return sts.EncodeManagement(k, sts.Management{SubClass: 11}) },
		"management RND":          func() (sts.Token, error) { return sts.EncodeManagement(k, sts.Management{RND: 99}) },
		"test reserved":           func() (sts.Token, error) { return sts.EncodeTest(sts.MeterTest{SubClass: 3}) },
		"test of 37 bits":         func() (sts.Token, error) { return sts.EncodeTest(sts.MeterTest{Control: 1 << 36}) },
		"long test of 29 bits":    func() (sts.Token, error) { return sts.EncodeTest(sts.MeterTest{SubClass: 1, Control: 1 << 28}) },
		"test manufacturer":       func() (sts.Token, error) { return sts.EncodeTest(sts.MeterTest{MfrCode: 100}) },
		"long test manufacturer":  func() (sts.Token, error) { return sts.EncodeTest(sts.MeterTest{SubClass: 1, MfrCode: 10000}) },
		"extended read with code": func() (sts.Token, error) { return sts.EncodeTest(sts.MeterTest{SubClass: 2, MfrCode: 1}) },
	}
	for name, try := range tries {
		if token, err := try(); !errors.Is(err, sts.ErrField) || token != (sts.Token{}) {
			t.Errorf("%s: %v, want %v", name, err, sts.ErrField)
		}
	}
}

// Every token opens under its own key to exactly the values it was made from.
func TestTokensCarryWhatTheyWereMadeFrom(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		k := drawKey(r)
		c := sts.Credit{SubClass: rapid.Uint8Range(0, 3).Draw(r, "sub-class"), RND: rapid.Uint8Range(0, 15).Draw(r, "RND"),
			TID: sts.TID(rapid.Uint32Range(0, uint32(sts.MaxTID)).Draw(r, "TID")), Amount: sts.Amount(rapid.Uint16().Draw(r, "amount"))}
		token, err := sts.EncodeCredit(k, c)
		if err != nil {
			r.Fatal(err)
		}
		again, result := sts.ParseToken(token.RevealGrouped())
		if result != sts.Accept || again != token {
			r.Fatalf("ParseToken(%s) = %s", token.RevealGrouped(), result)
		}
		want := sts.Opened{Result: sts.Accept, SubClass: c.SubClass, HasTID: true, TID: c.TID, RND: c.RND, Amount: c.Amount}
		if got := sts.Open(k, again); got != want {
			r.Fatalf("Open = %+v, want %+v", got, want)
		}

		cc := sts.CurrencyCredit{SubClass: c.SubClass + 4, TID: c.TID, Amount: sts.CurrencyAmount(rapid.Uint32Range(0, 1<<20-1).Draw(r, "currency"))}
		if token, err = sts.EncodeCurrencyCredit(k, cc); err != nil {
			r.Fatal(err)
		}
		want = sts.Opened{Result: sts.Accept, SubClass: cc.SubClass, HasTID: true, TID: cc.TID, Currency: cc.Amount}
		if got := sts.Open(k, token); got != want {
			r.Fatalf("Open = %+v, want %+v", got, want)
		}

		m := sts.Management{SubClass: rapid.SampledFrom([]uint8{0, 1, 2, 5, 6, 7, 10}).Draw(r, "management"), RND: c.RND, TID: c.TID, Value: uint16(c.Amount)}
		if token, err = sts.EncodeManagement(k, m); err != nil {
			r.Fatal(err)
		}
		want = sts.Opened{Result: sts.Accept, Class: 2, SubClass: m.SubClass, HasTID: true, TID: m.TID, RND: m.RND, Value: m.Value}
		if got := sts.Open(k, token); got != want {
			r.Fatalf("Open = %+v, want %+v", got, want)
		}
	})
}

// Test and display tokens of every sub-class open to the values they were made from, with any key and without one.
func TestTestTokensCarryWhatTheyWereMadeFrom(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := sts.MeterTest{SubClass: rapid.Uint8Range(0, 2).Draw(r, "sub-class")}
		switch m.SubClass {
		case sts.TestLong:
			m.Control, m.MfrCode = rapid.Uint64Range(0, 1<<28-1).Draw(r, "control"), rapid.Uint16Range(0, 9999).Draw(r, "manufacturer")
		case sts.TestShort:
			m.MfrCode = rapid.Uint16Range(0, 99).Draw(r, "manufacturer")
			fallthrough
		default:
			m.Control = rapid.Uint64Range(0, 1<<36-1).Draw(r, "control")
		}
		token, err := sts.EncodeTest(m)
		if err != nil {
			r.Fatal(err)
		}
		want := sts.Opened{Result: sts.Accept, Class: 1, SubClass: m.SubClass, Control: m.Control, MfrCode: m.MfrCode}
		for _, k := range []sts.Key{{}, drawKey(r)} {
			if got := sts.Open(k, token); got != want {
				r.Fatalf("Open(%s) = %+v, want %+v", token.Reveal(), got, want)
			}
		}
	})
}

func drawKey(r *rapid.T) sts.Key {
	ea := rapid.SampledFrom([]sts.EA{sts.EA07, sts.EA11}).Draw(r, "EA")
	k, err := sts.NewKey(ea, rapid.SliceOfN(rapid.Byte(), ea.KeySize(), ea.KeySize()).Draw(r, "key"))
	if err != nil {
		r.Fatal(err)
	}
	return k
}

// A single wrong digit changes the whole block, so a wrong token opens only by chance, with the probability of the
// check field.
func TestOneWrongDigitDoesNotOpen(t *testing.T) {
	k := key(t, sts.EA07, secretKey)
	token, err := sts.EncodeCredit(k, sts.Credit{RND: 5, TID: 5_871_715, Amount: 347})
	if err != nil {
		t.Fatal(err)
	}
	good := token.Reveal()
	for i := range good {
		for d := byte('0'); d <= '9'; d++ {
			digits := []byte(good)
			digits[i] = d
			wrong, result := sts.ParseToken(string(digits))
			if d == good[i] || result != sts.Accept {
				continue
			}
			if o := sts.Open(k, wrong); o.Result == sts.Accept {
				t.Errorf("%s opens in place of %s: %+v", digits, good, o)
			}
		}
	}
}

// Vending and simulated meters make and read tokens by the million.
func TestTokensAndKeysAllocateNothing(t *testing.T) {
	k := key(t, sts.EA07, secretKey)
	vk := vendingKey(t, "abababababababab949494949494949401234567")
	a := sts.Attributes{SGC: "201457", KRN: 1, KT: sts.DUTK, TI: "01", EA: sts.EA11, DKGA: sts.DKGA04, BaseDate: sts.Base2014,
		PAN: number(t, "12345678903")}
	digits := make([]byte, 0, sts.TokenDigits)
	var store sts.TIDStore
	allocations := testing.AllocsPerRun(100, func() {
		token, err := sts.EncodeCredit(k, sts.Credit{RND: 5, TID: 5_871_715, Amount: 347})
		if err != nil {
			t.Fatal(err)
		}
		digits = token.AppendReveal(digits[:0])
		if o := sts.Open(k, token); store.Check(o.TID) == sts.Accept {
			store.Add(o.TID)
		}
		if _, err := sts.DeriveKey(vk, a); err != nil {
			t.Fatal(err)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations for a token and a key, want 0", allocations)
	}
}
