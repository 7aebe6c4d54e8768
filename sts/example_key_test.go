package sts_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/paywatt/paywatt/sts"
)

// exampleVendingKey is the public test key of DKGA04; real keys live in a security module.
func exampleVendingKey() sts.VendingKey {
	b, _ := hex.DecodeString("abababababababab949494949494949401234567")
	k, err := sts.NewVendingKey(b)
	if err != nil {
		panic(err)
	}
	return k
}

// exampleMeter returns the attributes from which the key of the examples' meter is derived.
func exampleMeter() sts.Attributes {
	pan, err := sts.ParseNumber("12345678903")
	if err != nil {
		panic(err)
	}
	return sts.Attributes{SGC: "201457", KRN: 1, KT: sts.DUTK, TI: "01", EA: sts.EA07, DKGA: sts.DKGA04, BaseDate: sts.Base2014, PAN: pan}
}

// exampleHolding is the examples' meter with its key.
func exampleHolding() sts.Holding {
	h, err := sts.Hold(exampleVendingKey(), exampleMeter(), 255)
	if err != nil {
		panic(err)
	}
	return h
}

// exampleKey is the decoder key of the first step of STS 531-1 for DKGA02.
func exampleKey() sts.Key {
	k, err := sts.NewKey(sts.EA07, []byte{0xe6, 0x53, 0x34, 0x1f, 0x9d, 0x5b, 0xf3, 0x6f})
	if err != nil {
		panic(err)
	}
	return k
}

// exampleChange is a key change of three tokens under exampleKey.
func exampleChange() []sts.Token {
	next, err := sts.NewKey(sts.EA07, []byte{0x06, 0x0b, 0x86, 0x43, 0xc5, 0x9a, 0x27, 0xf1})
	if err != nil {
		panic(err)
	}
	set, err := sts.EncodeKeyChange(exampleKey(), sts.KeyChange{Key: next, KEN: 0x5f, KRN: 2, KT: sts.DUTK, TI: "02", SGC: "201457", Rollover: true})
	if err != nil {
		panic(err)
	}
	return set
}

func ExampleParseEA() {
	for _, s := range []string{"07", "11", "09"} {
		ea, err := sts.ParseEA(s)
		fmt.Println(ea, err)
	}
	// Output:
	// 07 <nil>
	// 11 <nil>
	// 00 sts: encryption algorithm 09 (DEA, withdrawn in 2018): unsupported
}

func ExampleEA_KeySize() {
	fmt.Println(sts.EA07.KeySize(), sts.EA11.KeySize(), sts.EA(9).KeySize())
	// Output: 8 16 0
}

func ExampleParseDKGA() {
	for _, s := range []string{"02", "04", "03"} {
		d, err := sts.ParseDKGA(s)
		fmt.Println(d, err)
	}
	// Output:
	// 02 <nil>
	// 04 <nil>
	// 00 sts: key derivation 03 (withdrawn in 2018): unsupported
}

func ExampleDKGA_Makes() {
	fmt.Println(sts.DKGA02.Makes(sts.DCTK), sts.DKGA04.Makes(sts.DUTK), sts.DKGA04.Makes(sts.DCTK))
	// Output: true true false
}

func ExampleDKGA_KeySize() {
	fmt.Println(sts.DKGA02.KeySize(), sts.DKGA04.KeySize())
	// Output: 8 20
}

func ExampleKeyType() {
	fmt.Println(sts.DITK, sts.DDTK, sts.DUTK, sts.DCTK)
	// Output: DITK DDTK DUTK DCTK
}

func ExampleKeyType_MayBecome() {
	fmt.Println(sts.DDTK.MayBecome(sts.DUTK), sts.DUTK.MayBecome(sts.DCTK), sts.DUTK.MayBecome(sts.DITK))
	// Output: true false false
}

func ExampleNewKey() {
	k, err := sts.NewKey(sts.EA07, []byte{0xe6, 0x53, 0x34, 0x1f, 0x9d, 0x5b, 0xf3, 0x6f})
	fmt.Printf("EA%s %x %v\n", k.EA(), k.Reveal(), err)
	_, err = sts.NewKey(sts.EA11, make([]byte, 8))
	fmt.Println(err, errors.Is(err, sts.ErrKey))
	// Output:
	// EA07 e653341f9d5bf36f <nil>
	// sts: decoder key for EA11 has 8 bytes, want 16: wrong key length true
}

// Printing, encoding or logging a key shows only a mask.
func ExampleKey() {
	k := exampleKey()
	b, _ := json.Marshal(struct{ Key sts.Key }{k})
	fmt.Println(k)
	fmt.Printf("%x %+v %s\n", k, k, b)
	// Output:
	// sts.Key(masked)
	// sts.Key(masked) sts.Key(masked) {"Key":"sts.Key(masked)"}
}

func ExampleKey_Equal() {
	fmt.Println(exampleKey().Equal(exampleKey()), exampleKey().Equal(sts.Key{}))
	// Output: true false
}

// This is the vector of RFC 2994.
func ExampleKey_Encrypt() {
	b, _ := hex.DecodeString("00112233445566778899aabbccddeeff")
	k, err := sts.NewKey(sts.EA11, b)
	if err != nil {
		panic(err)
	}
	c := k.Encrypt(0x0123456789abcdef)
	fmt.Printf("%016x %016x\n", c, k.Decrypt(c))
	// Output: 8b1da5f56ab3d07c 0123456789abcdef
}

func ExampleKey_RevealSubkeys() {
	b, _ := hex.DecodeString("00112233445566778899aabbccddeeff")
	k, err := sts.NewKey(sts.EA11, b)
	if err != nil {
		panic(err)
	}
	fmt.Printf("%x\n", k.RevealSubkeys())
	// Output: cf518e7f5e29673acdbc07d6bf355e11
}

func ExampleNewVendingKey() {
	_, err := sts.NewVendingKey(make([]byte, 16))
	fmt.Println(err)
	// Output: sts: vending key has 16 bytes, want 8 (DKGA02) or 20 (DKGA04): wrong key length
}

func ExampleVendingKey() {
	vk := exampleVendingKey()
	fmt.Println(vk, len(vk.Reveal()))
	// Output: sts.VendingKey(masked) 20
}

func ExampleVendingKey_Equal() {
	fmt.Println(exampleVendingKey().Equal(exampleVendingKey()), exampleVendingKey().Equal(sts.VendingKey{}))
	// Output: true false
}

// This is the first step of STS 531-1-11. The same meter has a different key for each algorithm.
func ExampleDeriveKey() {
	a := exampleMeter()
	a.PAN, _ = sts.ParsePAN("600727000000000009")
	for _, a.EA = range []sts.EA{sts.EA07, sts.EA11} {
		k, err := sts.DeriveKey(exampleVendingKey(), a)
		fmt.Printf("EA%s %x %v\n", a.EA, k.Reveal(), err)
	}
	a.DKGA = sts.DKGA02
	_, err := sts.DeriveKey(exampleVendingKey(), a)
	fmt.Println(err)
	// Output:
	// EA07 87f3ecbb2e46b48f <nil>
	// EA11 929bd3a415c9420a05ec5ee9f3ce91c3 <nil>
	// sts: DKGA02 makes no keys for EA11: unsupported
}

func ExampleOpenSection() {
	for _, token := range exampleChange() {
		s, ok := sts.OpenSection(exampleKey(), token)
		fmt.Println(s.Number(), ok)
	}
	credit, _ := sts.ParseToken("23716100501183194197")
	_, ok := sts.OpenSection(exampleKey(), credit)
	fmt.Println("credit", ok)
	// Output:
	// 1 true
	// 2 true
	// 3 true
	// credit false
}

// This example prints the contents of each section. A section also holds a part of the new key, so it prints as a
// mask.
func ExampleKeySection() {
	var s [3]sts.KeySection
	for i, token := range exampleChange() {
		s[i], _ = sts.OpenSection(exampleKey(), token)
	}
	fmt.Println(s[0])
	fmt.Println("1st: KRN", s[0].KRN(), s[0].KT(), "rollover", s[0].Rollover(), "third follows", s[0].Three())
	fmt.Printf("2nd: TI %02d, KEN %x%x\n", s[1].TI(), s[0].KEN(), s[1].KEN())
	fmt.Printf("3rd: SGC %06d\n", s[2].SGC())
	// Output:
	// sts.KeySection(masked)
	// 1st: KRN 2 DUTK rollover true third follows true
	// 2nd: TI 02, KEN 5f
	// 3rd: SGC 201457
}

// A meter stores a section across a power cut.
func ExampleKeySection_Reveal() {
	s, _ := sts.OpenSection(exampleKey(), exampleChange()[1])
	kept := s.Reveal()
	again, ok := sts.NewKeySection(sts.EA07, kept)
	fmt.Println(ok, again == s)
	// Output: true true
}

// A meter collects sections in any order, and may get the same section twice.
func ExampleKeySections() {
	set := exampleChange()
	var sections sts.KeySections
	for _, token := range []sts.Token{set[2], set[0], set[0], set[1]} {
		s, _ := sts.OpenSection(exampleKey(), token)
		fits := sections.Add(s)
		change, complete := sections.Complete()
		fmt.Printf("%t %d %t %q\n", fits, sections.Len(), complete, change.SGC)
	}
	fmt.Println(sections.Section(2).TI(), sections)
	// Output:
	// true 1 false ""
	// true 2 false ""
	// true 2 false ""
	// true 3 true "201457"
	// 2 sts.KeySections(masked)
}
