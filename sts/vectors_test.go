package sts_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/paywatt/paywatt/sts"
)

// vector holds the fields of a published or own test vector that this test needs. The command paywatt token check
// compares every field; this test derives the keys, opens the tokens to the right block and makes them again from the
// opened fields.
type vector struct {
	Name, Kind, Expect string
	EA                 sts.EA
	DKGA               sts.DKGA
	VendingKey         string `json:"vending_key_hex"`
	DecoderKey         string `json:"decoder_key_hex"`
	Meter              struct {
		DRN, PAN, SGC, TI string
		KRN               uint8
		KT                sts.KeyType
		BaseDate          sts.BaseDate `json:"base_date"`
	}
	Block   string `json:"block_hex"`
	Cipher  string `json:"cipher_hex"`
	Token20 string
	Fields  struct {
		TID     sts.TID
		TIDTime string `json:"tid_time"`
		Steps   []struct {
			Expect, Token20 string
			TID             sts.TID
		}
		ManufactureTID sts.TID `json:"manufacture_tid"`
		Key            string  `json:"key_hex"`
		Plain          string  `json:"plain_hex"`
		Cipher         string  `json:"cipher_hex"`
		Subkeys        string  `json:"expanded_k_prime_hex"`
	}
}

func loadVectors(t *testing.T) []vector {
	t.Helper()
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil {
		t.Fatal(err)
	}
	var all []vector
	for _, part := range parts {
		var v vector
		if err := json.Unmarshal(part, &v); err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		all = append(all, v)
	}
	return all
}

// decoder derives the decoder key of a vector and compares it with the key that the vector names.
func (v vector) decoder(t *testing.T) sts.Key {
	t.Helper()
	if v.DecoderKey == "" {
		return sts.Key{}
	}
	want := key(t, v.EA, v.DecoderKey)
	if v.VendingKey == "" {
		return want
	}
	a := sts.Attributes{SGC: v.Meter.SGC, KRN: v.Meter.KRN, KT: v.Meter.KT, TI: v.Meter.TI, EA: v.EA, DKGA: v.DKGA,
		BaseDate: v.Meter.BaseDate, PAN: number(t, v.Meter.DRN)}
	got, err := sts.DeriveKey(vendingKey(t, v.VendingKey), a)
	if err != nil || !got.Equal(want) {
		t.Errorf("DeriveKey(%+v) = %x, %v, want %x", a, got.Reveal(), err, want.Reveal())
	}
	if a.PAN.String() != v.Meter.PAN {
		t.Errorf("ParseNumber(%s) = %s, want %s", v.Meter.DRN, a.PAN, v.Meter.PAN)
	}
	return got
}

func TestPublishedTokensOpenAndAreMadeAgain(t *testing.T) {
	tokens := 0
	for _, v := range loadVectors(t) {
		if v.Kind != "token" {
			continue
		}
		tokens++
		t.Run(v.Name, func(t *testing.T) {
			k := v.decoder(t)
			token, result := sts.ParseToken(v.Token20)
			if result != sts.Accept {
				t.Fatalf("ParseToken(%s) = %s", v.Token20, result)
			}
			o := sts.Open(k, token)
			block, result := sts.RevealBlock(k, token)
			if o.Result != sts.Accept || result != sts.Accept || fmt.Sprintf("%016x", block) != v.Block {
				t.Fatalf("Open(%s) = %s, block %016x, want accept, %s", v.Token20, o.Result, block, v.Block)
			}
			if v.Fields.TIDTime != "" && v.Meter.BaseDate != 0 {
				if got := v.Meter.BaseDate.Time(o.TID).Format("2006-01-02T15:04"); got != v.Fields.TIDTime {
					t.Errorf("TID %d is of %s, want %s", o.TID, got, v.Fields.TIDTime)
				}
			}
			if again := remake(t, k, token, o); again.Reveal() != v.Token20 {
				t.Errorf("made again from %+v: %s, want %s", o, again.Reveal(), v.Token20)
			}
		})
	}
	if tokens != 515 {
		t.Errorf("%d token vectors, want 515", tokens)
	}
}

// remake makes a token from its opened fields.
func remake(t *testing.T, k sts.Key, token sts.Token, o sts.Opened) sts.Token {
	t.Helper()
	var again sts.Token
	var err error
	switch {
	case o.Section != 0:
		s, ok := sts.OpenSection(k, token)
		if !ok || s.Number() != o.Section {
			t.Fatalf("OpenSection = %d, %t, want section %d", s.Number(), ok, o.Section)
		}
		return fromSection(t, k, s)
	case o.Class == 0 && o.SubClass <= sts.CreditTime:
		again, err = sts.EncodeCredit(k, sts.Credit{SubClass: o.SubClass, RND: o.RND, TID: o.TID, Amount: o.Amount})
	case o.Class == 0:
		again, err = sts.EncodeCurrencyCredit(k, sts.CurrencyCredit{SubClass: o.SubClass, TID: o.TID, Amount: o.Currency})
	case o.Class == 1:
		again, err = sts.EncodeTest(sts.MeterTest{SubClass: o.SubClass, Control: o.Control, MfrCode: o.MfrCode})
	default:
		again, err = sts.EncodeManagement(k, sts.Management{SubClass: o.SubClass, RND: o.RND, TID: o.TID, Value: o.Value})
	}
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// fromSection completes the set of the section s with invented sections and encodes the set. It returns the token of
// the section s, which must be the original token.
func fromSection(t *testing.T, k sts.Key, s sts.KeySection) sts.Token {
	t.Helper()
	var sections sts.KeySections
	if !sections.Add(s) {
		t.Fatal("a single section does not fit")
	}
	three := s.Number() == 3 || s.Number() == 1 && s.Three()
	for n, sub := range []uint64{3, 4, 8, 9} {
		switch {
		case n+1 == int(s.Number()), k.EA() == sts.EA07 && (n == 3 || n == 2 && !three):
			continue
		}
		bits := sub<<60 | 1<<52 // KRN 1 in a first section
		if n == 0 && three && k.EA() == sts.EA07 {
			bits |= 1 << 50
		}
		other, ok := sts.NewKeySection(k.EA(), bits)
		if !ok || !sections.Add(other) {
			t.Fatalf("section %d does not fit to section %d", n+1, s.Number())
		}
	}
	change, ok := sections.Complete()
	if !ok {
		t.Fatalf("set of %d sections is not complete", sections.Len())
	}
	set, err := sts.EncodeKeyChange(k, change)
	if err != nil {
		t.Fatal(err)
	}
	return set[s.Number()-1]
}

// newKey is the contents of a key change.
type newKey struct {
	Key, SGC, TI string
	KRN, KEN     uint8
}

func TestKeyChangeSetsCarryTheNewKey(t *testing.T) {
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Set    string
		EA     sts.EA
		Key    string `json:"decoder_key_hex"`
		Token  string `json:"token20"`
		Fields struct {
			Key   string `json:"new_decoder_key_hex"`
			Meter newKey `json:"new_meter"`
		}
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	sets, wants := map[string]*sts.KeySections{}, map[string]newKey{}
	for _, v := range all {
		if v.Set == "" {
			continue
		}
		if sets[v.Set] == nil {
			sets[v.Set] = &sts.KeySections{}
		}
		token, _ := sts.ParseToken(v.Token)
		s, ok := sts.OpenSection(key(t, v.EA, v.Key), token)
		if !ok || !sets[v.Set].Add(s) {
			t.Errorf("%s: section %s does not fit", v.Set, v.Token)
		}
		want := v.Fields.Meter
		want.Key = v.Fields.Key
		wants[v.Set] = want
	}
	if len(sets) < 10 {
		t.Errorf("only %d sets", len(sets))
	}
	for name, set := range sets {
		c, ok := set.Complete()
		want := wants[name]
		got := newKey{Key: fmt.Sprintf("%x", c.Key.Reveal()), SGC: c.SGC, TI: c.TI, KRN: c.KRN, KEN: c.KEN}
		if set.Len() == 2 {
			want.SGC = "" // a set of two tokens does not carry it
		}
		if !ok || got != want {
			t.Errorf("%s: complete %t, %+v, want %+v", name, ok, got, want)
		}
	}
}

func TestTIDStoreFollowsThePublishedSequences(t *testing.T) {
	steps := 0
	for _, v := range loadVectors(t) {
		if v.Kind != "sequence" {
			continue
		}
		k := v.decoder(t)
		var store sts.TIDStore
		store.Fill(v.Fields.ManufactureTID)
		for i, step := range v.Fields.Steps {
			steps++
			token, _ := sts.ParseToken(step.Token20)
			o := sts.Open(k, token)
			got := store.Check(o.TID)
			if o.Result != sts.Accept || o.TID != step.TID || got.String() != step.Expect {
				t.Errorf("%s step %d: %s, TID %d, %s, want accept, %d, %s", v.Name, i+1, o.Result, o.TID, got, step.TID, step.Expect)
			}
			if got == sts.Accept {
				store.Add(o.TID)
			}
		}
	}
	if steps < 150 {
		t.Errorf("only %d steps", steps)
	}
}

func TestWrongTokensDoNotOpen(t *testing.T) {
	seen := 0
	for _, v := range loadVectors(t) {
		if v.Kind != "negative" {
			continue
		}
		token, result := sts.ParseToken(v.Token20)
		if result == sts.Accept {
			result = sts.Open(v.decoder(t), token).Result
		}
		switch v.Expect {
		case "format_error", "crc_error", "function_error":
			seen++
			if result.String() != v.Expect {
				t.Errorf("%s: got %s, want %s", v.Name, result, v.Expect)
			}
		case "reject":
			seen++
			if result == sts.Accept {
				t.Errorf("%s: opens", v.Name)
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d wrong tokens", seen)
	}
}

func TestMISTY1AgreesWithRFC2994(t *testing.T) {
	seen := 0
	for _, v := range loadVectors(t) {
		if v.Kind != "misty1" {
			continue
		}
		seen++
		k := key(t, sts.EA11, v.Fields.Key)
		plain, cipher := binary.BigEndian.Uint64(unhex(t, v.Fields.Plain)), binary.BigEndian.Uint64(unhex(t, v.Fields.Cipher))
		if got := k.Encrypt(plain); got != cipher {
			t.Errorf("%s: encrypts to %016x, want %016x", v.Name, got, cipher)
		}
		if got := k.Decrypt(cipher); got != plain {
			t.Errorf("%s: decrypts to %016x, want %016x", v.Name, got, plain)
		}
		if got := fmt.Sprintf("%x", k.RevealSubkeys()); got != v.Fields.Subkeys {
			t.Errorf("%s: K' is %s, want %s", v.Name, got, v.Fields.Subkeys)
		}
	}
	if seen != 5 {
		t.Errorf("%d vectors, want 5", seen)
	}
}
