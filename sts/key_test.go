package sts_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/sts"
)

const (
	secretKey     = "e653341f9d5bf36f"
	secretVending = "a1b2c3d4e5f60718293a4b5c6d7e8f9001122334"
)

// shown returns the output of every way in which Go code may print, encode or log a value by accident.
func shown(t *testing.T, v any) []string {
	t.Helper()
	holder := struct{ Secret any }{v}
	var out []string
	for _, x := range []any{v, &v, holder, &holder, []any{v}, map[string]any{"secret": v}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%#x", "%d", "%o", "%b", "%c", "%U", "%t", "%20v"} {
			out = append(out, fmt.Sprintf(verb, x))
		}
		out = append(out, fmt.Sprint(x), fmt.Errorf("wrapped: %v", x).Error())
		raw, err := json.Marshal(x)
		if err != nil {
			t.Fatalf("json.Marshal(%T): %v", x, err)
		}
		out = append(out, string(raw))
	}
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("text", "secret", v, "holder", holder)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("json", "secret", v, "holder", holder)
	return append(out, logged.String())
}

// revealing returns the forms in which a secret's bytes could be recognized.
func revealing(secret []byte) []string {
	forms := []string{hex.EncodeToString(secret), strings.ToUpper(hex.EncodeToString(secret)), string(secret),
		fmt.Sprint(secret), fmt.Sprintf("%#v", secret)}
	// Any three bytes in a row would be a leak too.
	for i := range len(secret) - 2 {
		part := secret[i : i+3]
		forms = append(forms, hex.EncodeToString(part), strings.Trim(fmt.Sprint(part), "[]"), strings.Trim(fmt.Sprintf("%#x", part), "[]"))
	}
	return forms
}

func wantMasked(t *testing.T, v any, secret []byte) {
	t.Helper()
	for _, text := range shown(t, v) {
		for _, form := range revealing(secret) {
			if strings.Contains(text, form) {
				t.Errorf("%T shows %q in %q", v, form, text)
			}
		}
	}
}

func TestKeysHaveNoPrintableForm(t *testing.T) {
	k := key(t, sts.EA07, secretKey)
	wantMasked(t, k, k.Reveal())
	wantMasked(t, &k, k.Reveal())
	k11 := key(t, sts.EA11, "929bd3a415c9420a05ec5ee9f3ce91c3")
	wantMasked(t, k11, k11.Reveal())
	wantMasked(t, k11, k11.RevealSubkeys())
	wantMasked(t, struct{ K sts.Key }{k11}, k11.Reveal())
	if got, want := fmt.Sprintf("%x", k), "sts.Key(masked)"; got != want {
		t.Errorf("%%x of a key = %q, want %q", got, want)
	}
	if got, want := k.GoString()+k.String(), "sts.Key(masked)sts.Key(masked)"; got != want {
		t.Errorf("GoString and String = %q, want %q", got, want)
	}
}

func TestVendingKeysHaveNoPrintableForm(t *testing.T) {
	vk := vendingKey(t, secretVending)
	wantMasked(t, vk, vk.Reveal())
	wantMasked(t, &vk, vk.Reveal())
	hidden := struct{ unexported sts.VendingKey }{vk} // where fmt cannot call its methods
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%d", "%s"} {
		for _, form := range revealing(vk.Reveal()) {
			if got := fmt.Sprintf(verb, hidden); strings.Contains(got, form) {
				t.Errorf("%s of a vending key in an unexported field shows %q: %q", verb, form, got)
			}
		}
	}
	if got, want := vk.GoString()+vk.String(), strings.Repeat("sts.VendingKey(masked)", 2); got != want {
		t.Errorf("GoString and String = %q, want %q", got, want)
	}
}

func TestTokensShowTheirEndsOnly(t *testing.T) {
	token, result := sts.ParseToken("23716100501183194197")
	if result != sts.Accept {
		t.Fatal(result)
	}
	const mask = "2371 **** **** **** 4197"
	for _, text := range shown(t, token) {
		for _, form := range []string{"23716100", "61005011", "50118319", "83194197", fmt.Sprintf("%x", "2371"), "0x14921ead1", "5270128353508537749"} {
			if strings.Contains(text, form) {
				t.Errorf("a token shows %q in %q", form, text)
			}
		}
		// The text may have the address of a hidden field, and four digits of it may be these by chance. So groups are compared whole.
		numbers := strings.FieldsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
		for _, form := range []string{"6100", "5011", "8319"} {
			if slices.Contains(numbers, form) {
				t.Errorf("a token shows %q in %q", form, text)
			}
		}
	}
	raw, err := json.Marshal(struct{ Token sts.Token }{token})
	if want := `{"Token":"` + mask + `"}`; err != nil || string(raw) != want {
		t.Errorf("JSON = %s, %v, want %s", raw, err, want)
	}
	if got := fmt.Sprintf("%s|%d|%x", token, token, token); got != mask+"|"+mask+"|"+mask {
		t.Errorf("formatted = %q, want three times %q", got, mask)
	}
	if got, want := token.GoString(), "sts.Token("+mask+")"; got != want {
		t.Errorf("GoString = %q, want %q", got, want)
	}
	if got, want := token.RevealGrouped(), "2371 6100 5011 8319 4197"; got != want {
		t.Errorf("RevealGrouped = %q, want %q", got, want)
	}
	if got, want := string(token.AppendReveal([]byte("#"))), "#23716100501183194197"; got != want {
		t.Errorf("AppendReveal = %q, want %q", got, want)
	}
}

func TestKeySectionsHaveNoPrintableForm(t *testing.T) {
	k := key(t, sts.EA07, secretKey)
	token, _ := sts.ParseToken("15361891762113502242")
	s, ok := sts.OpenSection(k, token)
	if !ok {
		t.Fatal("the section does not open")
	}
	wantMasked(t, s, unhex(t, "c59a27f1"))
	var set sts.KeySections
	if !set.Add(s) {
		t.Fatal("the section does not fit")
	}
	wantMasked(t, set, unhex(t, "c59a27f1"))
}

func TestKeysOfWrongLengthAreRefused(t *testing.T) {
	for _, c := range []struct {
		ea   sts.EA
		n    int
		want error
	}{
		{sts.EA07, 7, sts.ErrKey}, {sts.EA07, 16, sts.ErrKey}, {sts.EA11, 8, sts.ErrKey}, {sts.EA11, 0, sts.ErrKey},
		{9, 8, sts.ErrUnsupported}, {0, 0, sts.ErrUnsupported},
	} {
		if k, err := sts.NewKey(c.ea, make([]byte, c.n)); !errors.Is(err, c.want) || k != (sts.Key{}) {
			t.Errorf("NewKey(%s, %d bytes): %v, want %v", c.ea, c.n, err, c.want)
		}
	}
	for _, n := range []int{0, 7, 9, 16, 19, 21} {
		if _, err := sts.NewVendingKey(make([]byte, n)); !errors.Is(err, sts.ErrKey) {
			t.Errorf("NewVendingKey(%d bytes): %v, want %v", n, err, sts.ErrKey)
		}
	}
}

func TestKeysCompareByValue(t *testing.T) {
	a, b := key(t, sts.EA07, secretKey), key(t, sts.EA07, "e653341f9d5bf36e")
	if !a.Equal(key(t, sts.EA07, secretKey)) || a.Equal(b) || a.Equal(sts.Key{}) {
		t.Error("Equal must hold for the same key and for no other")
	}
	v := vendingKey(t, secretVending)
	if !v.Equal(vendingKey(t, secretVending)) || v.Equal(vendingKey(t, "abababababababab")) || v.Equal(sts.VendingKey{}) {
		t.Error("VendingKey.Equal must hold for the same key and for no other")
	}
	if len(sts.VendingKey{}.Reveal()) != 0 || len(sts.Key{}.Reveal()) != 0 {
		t.Error("no key must reveal nothing")
	}
	revealed := v.Reveal()
	revealed[0]++
	if !v.Equal(vendingKey(t, secretVending)) {
		t.Error("changing revealed bytes must not change the key")
	}
}

func TestNothingIsMadeOrOpenedWithoutAKey(t *testing.T) {
	var none sts.Key
	if _, err := sts.EncodeCredit(none, sts.Credit{}); !errors.Is(err, sts.ErrKey) {
		t.Errorf("EncodeCredit: %v, want %v", err, sts.ErrKey)
	}
	token, _ := sts.ParseToken("23716100501183194197")
	if got := sts.Open(none, token); got.Result != sts.CRCError || got.HasTID {
		t.Errorf("Open = %+v, want crc_error and nothing else", got)
	}
	test, _ := sts.ParseToken("56493153725450313471")
	if got := sts.Open(none, test); got.Result != sts.Accept || got.Control != 1<<36-1 {
		t.Errorf("Open of a test token = %+v, want all control bits", got)
	}
}

func TestDeriveKeyNamesTheFieldThatDoesNotFit(t *testing.T) {
	good := sts.Attributes{SGC: "201457", KRN: 1, KT: sts.DUTK, TI: "01", EA: sts.EA07, DKGA: sts.DKGA04,
		BaseDate: sts.Base2014, PAN: number(t, "12345678903")}
	vk := vendingKey(t, "abababababababab949494949494949401234567")
	if _, err := sts.DeriveKey(vk, good); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(*sts.Attributes)
		want   error
		word   string
	}{
		{func(a *sts.Attributes) { a.SGC = "20145" }, sts.ErrField, "SGC"},
		{func(a *sts.Attributes) { a.SGC = "20145x" }, sts.ErrField, "SGC"},
		{func(a *sts.Attributes) { a.TI = "1" }, sts.ErrField, "TI"},
		{func(a *sts.Attributes) { a.KRN = 0 }, sts.ErrField, "KRN"},
		{func(a *sts.Attributes) { a.KRN = 10 }, sts.ErrField, "KRN"},
		{func(a *sts.Attributes) { a.KT = 4 }, sts.ErrField, "KT"},
		{func(a *sts.Attributes) { a.KT = sts.DCTK }, sts.ErrUnsupported, "KT 3"},
		{func(a *sts.Attributes) { a.PAN = sts.PAN{} }, sts.ErrField, "meter number"},
		{func(a *sts.Attributes) { a.BaseDate = 2000 }, sts.ErrField, "base date"},
		{func(a *sts.Attributes) { a.EA = 9 }, sts.ErrUnsupported, "09"},
		{func(a *sts.Attributes) { a.DKGA = 3 }, sts.ErrUnsupported, "03"},
		{func(a *sts.Attributes) { a.DKGA = sts.DKGA02 }, sts.ErrKey, "20 bytes"},
		{func(a *sts.Attributes) { a.DKGA, a.EA = sts.DKGA02, sts.EA11 }, sts.ErrUnsupported, "EA11"},
	} {
		a := good
		c.change(&a)
		if _, err := sts.DeriveKey(vk, a); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.word) {
			t.Errorf("DeriveKey(%+v): %v, want %v about %s", a, err, c.want, c.word)
		}
	}
}

// A common key belongs to all meters of its group, so it does not depend on the meter number.
func TestCommonKeysOfDKGA02KnowNoMeter(t *testing.T) {
	vk := vendingKey(t, "abababababababab")
	derive := func(drn string) sts.Key {
		k, err := sts.DeriveKey(vk, sts.Attributes{SGC: "123456", KRN: 1, KT: sts.DCTK, TI: "01", EA: sts.EA07,
			DKGA: sts.DKGA02, PAN: number(t, drn)})
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	if a, b := derive("12345678903"), derive("00000000000"); !a.Equal(b) {
		t.Errorf("two meters with 11 digits have the common keys %x and %x", a.Reveal(), b.Reveal())
	}
	if a, b := derive("0100000000008"), derive("5978376591527"); !a.Equal(b) {
		t.Errorf("two meters with 13 digits have the common keys %x and %x", a.Reveal(), b.Reveal())
	}
}

func TestAlgorithmsAreReadByTheirCodes(t *testing.T) {
	for text, want := range map[string]sts.EA{"07": sts.EA07, "7": sts.EA07, "11": sts.EA11, "09": 0, "": 0, "99": 0} {
		if got, err := sts.ParseEA(text); got != want || (want == 0) != errors.Is(err, sts.ErrUnsupported) {
			t.Errorf("ParseEA(%q) = %s, %v, want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]sts.DKGA{"02": sts.DKGA02, "4": sts.DKGA04, "01": 0, "03": 0, "x": 0} {
		if got, err := sts.ParseDKGA(text); got != want || (want == 0) != errors.Is(err, sts.ErrUnsupported) {
			t.Errorf("ParseDKGA(%q) = %s, %v, want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]sts.BaseDate{"1993": 1993, "93": 1993, "14": 2014, "2035": 2035, "2000": 0, "": 0} {
		if got, err := sts.ParseBaseDate(text); got != want || (want == 0) != errors.Is(err, sts.ErrUnsupported) {
			t.Errorf("ParseBaseDate(%q) = %s, %v, want %s", text, got, err, want)
		}
	}
	if got, want := fmt.Sprint(sts.EA07, sts.EA11, sts.DKGA02, sts.Base1993, sts.DUTK, sts.KeyType(7)), "07 11 02 1993 DUTK KT7"; got != want {
		t.Errorf("printed as %q, want %q", got, want)
	}
}
