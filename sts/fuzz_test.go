package sts_test

import (
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/sts"
)

// FuzzParseToken checks that any text is either a token, which prints as it was typed, or a format error.
func FuzzParseToken(f *testing.F) {
	for _, s := range []string{"23716100501183194197", "2371 6100-5011 8319 4197", "73786976294838206464", "", "x", "\x00\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		token, result := sts.ParseToken(s)
		typed := strings.NewReplacer(" ", "", "-", "", "\t", "").Replace(s)
		switch result {
		case sts.Accept:
			if token.Reveal() != typed {
				t.Errorf("ParseToken(%q) reveals %s", s, token.Reveal())
			}
		case sts.FormatError:
			n, ok := new(big.Int).SetString(typed, 10)
			if ok && len(typed) == 20 && typed[0] != '+' && n.BitLen() <= 66 && !strings.Contains(typed, "_") {
				t.Errorf("ParseToken(%q) = %s", s, result)
			}
		default:
			t.Errorf("ParseToken(%q) = %s", s, result)
		}
	})
}

// FuzzOpen checks that any token under any key opens or is refused for one of three reasons. A token that opens can
// be made again.
func FuzzOpen(f *testing.F) {
	f.Add("23716100501183194197", []byte{0xe6, 0x53, 0x34, 0x1f, 0x9d, 0x5b, 0xf3, 0x6f})
	f.Add("56493153725450313471", []byte{})
	f.Add("62276333675187476360", make([]byte, 16))
	f.Fuzz(func(t *testing.T, digits string, secret []byte) {
		token, result := sts.ParseToken(digits)
		if result != sts.Accept {
			return
		}
		secret = append(secret, make([]byte, 16)...)
		ea := sts.EA07
		if binary.BigEndian.Uint64(secret[8:]) != 0 {
			ea = sts.EA11
		}
		k, err := sts.NewKey(ea, secret[:ea.KeySize()])
		if err != nil {
			t.Fatal(err)
		}
		o := sts.Open(k, token)
		switch {
		case o.Class != token.Class():
			t.Errorf("Open(%s) has class %d", digits, o.Class)
		case o.Result == sts.CRCError || o.Result == sts.FunctionError:
			if o != (sts.Opened{Result: o.Result, Class: o.Class, SubClass: o.SubClass}) {
				t.Errorf("Open(%s) = %+v shows what did not open", digits, o)
			}
		case o.Result != sts.Accept:
			t.Errorf("Open(%s) = %s", digits, o.Result)
		case o.Section == 0 && (o.Class != 1 || o.MfrCode <= 99 && o.SubClass != 2):
			if again := remake(t, k, token, o); again != token {
				t.Errorf("Open(%s) = %+v makes %s", digits, o, again.Reveal())
			}
		}
	})
}

// FuzzAmounts checks the rounding of amounts. An amount in units is refused or rounded up to the next code. An amount
// in currency is refused or rounded up on the number line, and its code comes back exactly.
func FuzzAmounts(f *testing.F) {
	for _, s := range []string{"0", "1", "-1", "16385", "-16385", "100000", "-100000", "180223", "1818623", "18201624", "18201625", "123456789",
		"9223372036854775807", "-9223372036854775808", "1" + strings.Repeat("0", 36)} {
		v := decimal(f, s)
		f.Add(v.Sign() < 0, v.Bytes())
	}
	largest := sts.CurrencyAmount(largestCurrency).Value()
	f.Fuzz(func(t *testing.T, negative bool, magnitude []byte) {
		v := new(big.Int).SetBytes(magnitude[:min(len(magnitude), 32)])
		if negative {
			v.Neg(v)
		}
		if tenths := v.Int64(); !v.IsInt64() || tenths < 0 || tenths > sts.MaxTenths {
			if _, err := sts.EncodeTenths(tenths); v.IsInt64() && !errors.Is(err, sts.ErrRange) {
				t.Errorf("EncodeTenths(%d): %v, want %v", tenths, err, sts.ErrRange)
			}
		} else {
			wantRoundedUp(t, tenths)
		}
		a, err := sts.EncodeCurrency(v)
		if v.CmpAbs(largest) > 0 {
			if !errors.Is(err, sts.ErrRange) {
				t.Errorf("EncodeCurrency(%s): %v, want %v", v, err, sts.ErrRange)
			}
			return
		}
		if err != nil || a.Value().Cmp(v) < 0 {
			t.Fatalf("EncodeCurrency(%s) = %s, %v, below the amount", v, a.Value(), err)
		}
		if again, err := sts.EncodeCurrency(a.Value()); err != nil || again.Value().Cmp(a.Value()) != 0 {
			t.Errorf("EncodeCurrency(%s) = %s, %v, want itself", a.Value(), again.Value(), err)
		}
	})
}

// FuzzKeyChange collects stored sections in any order and with any contents. They either make a key change that gives
// the same sections again, or make no key change. A section that does not fit changes nothing.
func FuzzKeyChange(f *testing.F) {
	f.Add(uint8(7), uint64(3)<<60|1<<52|2<<48, uint64(4)<<60|1<<48, uint64(0), uint64(0))
	f.Add(uint8(7), uint64(3)<<60|1<<52|1<<50, uint64(4)<<60, uint64(8)<<60|0x0312f1<<36, uint64(0))
	f.Add(uint8(11), uint64(9)<<60, uint64(8)<<60|0x2f1<<48, uint64(4)<<60, uint64(3)<<60|9<<52)
	f.Add(uint8(9), uint64(1)<<60, uint64(math.MaxUint64), uint64(3)<<60, uint64(3)<<60|1)
	f.Fuzz(func(t *testing.T, ea uint8, a, b, c, d uint64) {
		var sections sts.KeySections
		for _, kept := range []uint64{a, b, c, d} {
			s, ok := sts.NewKeySection(sts.EA(ea), kept)
			before := sections
			if added := sections.Add(s); added && !ok && s.Number() == 0 || !added && sections != before {
				t.Fatalf("section %016x of EA%d: added %t, section %t", kept, ea, added, ok)
			}
		}
		change, ok := sections.Complete()
		if !ok {
			return
		}
		set, err := sts.EncodeKeyChange(change.Key, change)
		if err != nil || len(set) != sections.Len() {
			t.Fatalf("%+v makes %d tokens, %v, want %d", change, len(set), err, sections.Len())
		}
		var again sts.KeySections
		for _, token := range set {
			if s, ok := sts.OpenSection(change.Key, token); !ok || !again.Add(s) {
				t.Fatalf("section %d of what %+v makes does not fit", s.Number(), change)
			}
		}
		if got, ok := again.Complete(); !ok || got != change {
			t.Errorf("complete %t: %+v, want %+v", ok, got, change)
		}
	})
}

// FuzzExplain checks that any text and any key give an explanation that agrees with reading the token. Every token
// that the explanation names is one slip away and opens.
func FuzzExplain(f *testing.F) {
	f.Add("23716100501183194197", uint64(0xe653341f9d5bf36f))
	f.Add("2371 6100 5011 8319 4179", uint64(0xe653341f9d5bf36f))
	f.Add("56493153725450314371", uint64(0))
	f.Add("x", uint64(1))
	f.Fuzz(func(t *testing.T, digits string, secret uint64) {
		k, err := sts.NewKey(sts.EA07, binary.BigEndian.AppendUint64(nil, secret))
		if err != nil {
			t.Fatal(err)
		}
		token, result := sts.ParseToken(digits)
		e := sts.Explain(digits, []sts.Key{k}, nil)
		switch {
		case result == sts.FormatError:
			if e.Result != result || len(e.Fits) != 0 {
				t.Errorf("Explain(%q) = %+v", digits, e)
			}
			return
		case e.Opened != sts.Open(k, token) || e.Result != e.Opened.Result:
			t.Errorf("Explain(%q) = %+v, want %+v", digits, e.Opened, sts.Open(k, token))
		}
		for _, fit := range e.Fits {
			if fit.Opened.Result != sts.Accept || fit.Opened != sts.Open(k, fit.Token) || fit.Token == token {
				t.Errorf("Explain(%q) names %+v", digits, fit)
			}
		}
	})
}
