package sts_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/paywatt/paywatt/sts"
)

func TestKeyTypesMayChangeByTheRule(t *testing.T) {
	for _, c := range []struct {
		from sts.KeyType
		to   []sts.KeyType
	}{
		{sts.DITK, []sts.KeyType{1, 2, 3}}, {sts.DDTK, []sts.KeyType{1, 2, 3}}, {sts.DUTK, []sts.KeyType{1, 2}},
		{sts.DCTK, []sts.KeyType{1, 2, 3}}, {4, nil},
	} {
		allowed := map[sts.KeyType]bool{}
		for _, to := range c.to {
			allowed[to] = true
		}
		for to := range sts.KeyType(6) {
			if got := c.from.MayBecome(to); got != allowed[to] {
				t.Errorf("%s.MayBecome(%s) = %t, want %t", c.from, to, got, allowed[to])
			}
		}
	}
}

func change(t testing.TB) (current sts.Key, c sts.KeyChange) {
	t.Helper()
	return key(t, sts.EA07, secretKey), sts.KeyChange{Key: key(t, sts.EA07, "060b8643c59a27f1"), KEN: 255, KRN: 1, KT: sts.DUTK, TI: "02"}
}

// The two tokens of STS 531-1 CTSA05, and a third token with the supply group.
func TestKeyChangeOfTwoAndOfThreeTokens(t *testing.T) {
	current, c := change(t)
	two, err := sts.EncodeKeyChange(current, c)
	if err != nil || len(two) != 2 || two[1].Reveal() != "15361891762113502242" {
		t.Fatalf("two tokens: %v, %v", two, err)
	}
	c.SGC = "123456"
	three, err := sts.EncodeKeyChange(current, c)
	if err != nil || len(three) != 3 {
		t.Fatalf("three tokens: %v, %v", three, err)
	}
	if three[1] != two[1] || three[0] == two[0] {
		t.Error("the second token must be the same in both sets, the first must announce the third")
	}
}

func TestSectionsAssembleInAnyOrder(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		current := drawKey(r)
		secret := rapid.SliceOfN(rapid.Byte(), current.EA().KeySize(), current.EA().KeySize()).Draw(r, "new key")
		next, err := sts.NewKey(current.EA(), secret)
		if err != nil {
			r.Fatal(err)
		}
		want := sts.KeyChange{Key: next, KEN: rapid.Uint8().Draw(r, "KEN"), KRN: rapid.Uint8Range(1, 9).Draw(r, "KRN"),
			KT: sts.KeyType(rapid.Uint8Range(0, 3).Draw(r, "KT")), TI: rapid.StringMatching(`[0-9]{2}`).Draw(r, "TI"),
			SGC: rapid.StringMatching(`[0-9]{6}`).Draw(r, "SGC"), Rollover: rapid.Bool().Draw(r, "rollover")}
		if current.EA() == sts.EA07 && rapid.Bool().Draw(r, "without SGC") {
			want.SGC = ""
		}
		set, err := sts.EncodeKeyChange(current, want)
		if err != nil {
			r.Fatal(err)
		}
		var sections sts.KeySections
		order := rapid.Permutation(set).Draw(r, "order")
		for i, token := range order {
			s, ok := sts.OpenSection(current, token)
			if kept, again := sts.NewKeySection(current.EA(), s.Reveal()); !ok || !again || kept != s {
				r.Fatalf("section %d: opens %t, comes back from memory %t", i, ok, again)
			}
			if _, early := sections.Complete(); early {
				r.Fatalf("complete after %d of %d", i, len(set))
			}
			for entry := range 2 { // people enter a section twice
				if !sections.Add(s) {
					r.Fatalf("section %d does not fit at entry %d", i, entry+1)
				}
			}
			if got := sections.Section(s.Number()); got != s {
				r.Fatalf("section %d is not given back as it was added", i)
			}
		}
		got, ok := sections.Complete()
		if !ok || got != want || sections.Len() != len(set) {
			r.Fatalf("complete %t: %+v, want %+v", ok, got, want)
		}
	})
}

func TestSectionsThatDoNotFitChangeNothing(t *testing.T) {
	current, c := change(t)
	open := func(c sts.KeyChange) (out []sts.KeySection) {
		set, err := sts.EncodeKeyChange(current, c)
		if err != nil {
			t.Fatal(err)
		}
		for _, token := range set {
			s, _ := sts.OpenSection(current, token)
			out = append(out, s)
		}
		return out
	}
	two := open(c)
	c.SGC = "123456"
	three := open(c)
	c.KRN = 2
	other := open(c)
	foreign, ok := sts.NewKeySection(sts.EA11, 9<<60)
	if !ok {
		t.Fatal("no fourth section")
	}
	var sections sts.KeySections
	for n := range uint8(6) {
		if sections.Section(n) != (sts.KeySection{}) {
			t.Errorf("an empty set has a section %d", n)
		}
	}
	if !sections.Add(two[0]) {
		t.Fatal("the first section does not fit")
	}
	before := sections
	for name, s := range map[string]sts.KeySection{"another first": other[0], "a third of a set of two": three[2], "EA11": foreign, "none": {}} {
		if sections.Add(s) || sections != before {
			t.Errorf("%s fits", name)
		}
	}
	sections = sts.KeySections{}
	if !sections.Add(three[2]) || sections.Add(two[0]) {
		t.Error("the first of a set of two must not fit to a third section")
	}
	if _, ok := sts.NewKeySection(sts.EA07, 9<<60); ok {
		t.Error("EA07 has no fourth section")
	}
	if _, ok := sts.NewKeySection(9, 3<<60); ok {
		t.Error("EA09 has no sections")
	}
}

func TestOtherTokensAreNoSection(t *testing.T) {
	current, _ := change(t)
	token, _ := sts.ParseToken("23716100501183194197")
	if _, ok := sts.OpenSection(current, token); ok {
		t.Error("a credit token is a section")
	}
	if _, ok := sts.OpenSection(key(t, sts.EA07, "060b8643c59a27f1"), token); ok {
		t.Error("a token of another key is a section")
	}
}

func TestKeyChangesThatDoNotFitAreRefused(t *testing.T) {
	current, good := change(t)
	for _, c := range []struct {
		change func(*sts.KeyChange)
		want   error
	}{
		{func(c *sts.KeyChange) { c.Key = sts.Key{} }, sts.ErrKey},
		{func(c *sts.KeyChange) { c.Key = key(t, sts.EA11, "929bd3a415c9420a05ec5ee9f3ce91c3") }, sts.ErrUnsupported},
		{func(c *sts.KeyChange) { c.KRN = 0 }, sts.ErrField}, {func(c *sts.KeyChange) { c.KRN = 10 }, sts.ErrField},
		{func(c *sts.KeyChange) { c.KT = 4 }, sts.ErrField}, {func(c *sts.KeyChange) { c.TI = "2" }, sts.ErrField},
		{func(c *sts.KeyChange) { c.SGC = "12345" }, sts.ErrField},
	} {
		bad := good
		c.change(&bad)
		if set, err := sts.EncodeKeyChange(current, bad); !errors.Is(err, c.want) || set != nil {
			t.Errorf("EncodeKeyChange(%+v): %v, want %v", bad, err, c.want)
		}
	}
	if _, err := sts.EncodeKeyChange(sts.Key{}, good); !errors.Is(err, sts.ErrKey) {
		t.Errorf("without a current key: %v, want %v", err, sts.ErrKey)
	}
	k11 := key(t, sts.EA11, "929bd3a415c9420a05ec5ee9f3ce91c3")
	if _, err := sts.EncodeKeyChange(k11, sts.KeyChange{Key: k11, KRN: 1, KT: sts.DUTK, TI: "01"}); !errors.Is(err, sts.ErrField) {
		t.Errorf("EA11 without SGC: %v, want %v", err, sts.ErrField)
	}
}
