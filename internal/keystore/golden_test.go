package keystore_test

import (
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/sts"
)

var update = flag.Bool("update", false, "make the files of TestFilesOfAnOlderVersionOpen anew, with other keys: only where old folders are given up")

// TestFilesOfAnOlderVersionOpen opens a key store, a data key and a sealed text that an older version wrote. If this test fails, the
// program can no longer open existing data folders.
func TestFilesOfAnOlderVersionOpen(t *testing.T) {
	const sealed, context, plain = "sealed.bin", "token 1", "12345678901234567890"
	old, dir := filepath.Join("testdata", "folder"), t.TempDir()
	if *update {
		writeFolder(t, old, sealed, context, plain)
	}
	for _, name := range []string{keystore.FileName, keystore.DataFileName, sealed} {
		b, err := os.ReadFile(filepath.Join(old, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := unlocked(t, dir)
	second := fact02()
	second.SGC, second.KRN, second.KT, second.BaseDate, second.KEN, second.Test = "201457", 9, sts.DCTK, sts.Base2035, 77, false
	if facts, err := s.List(); err != nil || len(facts) != 2 || facts[0] != fact02() || facts[1] != second {
		t.Errorf("its facts are %v, %v", facts, err)
	}
	if got, want := issue(t, s, order(t)).Reveal(), "42145299379501526815"; got != want {
		t.Errorf("its key makes %s, want %s", got, want)
	}
	data := openData(t, dir)
	box, err := os.ReadFile(filepath.Join(dir, sealed))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := data.Open(context, box); err != nil || string(got) != plain {
		t.Errorf("what it sealed opens to %q, %v", got, err)
	}
	if got, want := hex.EncodeToString(data.Hash("link", []byte("key"))), "bd7621832389e7156077d4ca7912e985e98756318165fec2853e0c88a60d2b7e"; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}

func writeFolder(t *testing.T, dir, sealed, context, plain string) {
	t.Helper()
	for _, name := range []string{keystore.FileName, keystore.DataFileName} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := unlocked(t, dir)
	add(t, s, fact02(), hex02)
	second := fact02()
	second.SGC, second.KRN, second.KT, second.BaseDate, second.KEN, second.Test = "201457", 9, sts.DCTK, sts.Base2035, 77, false
	add(t, s, second, "0123456789abcdef")
	if err := os.WriteFile(filepath.Join(dir, sealed), openData(t, dir).Seal(context, []byte(plain)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "keystore.lock")); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
}

// TestAKeyChangeIsToTheKeyThatWasAskedFor makes all tokens of a change to another supply group and applies them as the meter does.
func TestAKeyChangeIsToTheKeyThatWasAskedFor(t *testing.T) {
	s := unlocked(t, t.TempDir())
	next := fact02()
	next.SGC, next.KRN = "654321", 2
	add(t, s, fact02(), hex02)
	add(t, s, next, "0123456789abcdef")
	o := order(t)
	o.Make = vending.MakeKeyChange
	o.Change = vending.Change{Next: o.Attributes, KEN: 200, At: sts.Base2014.Time(o.Credit.TID)}
	o.Change.Next.SGC, o.Change.Next.KRN = "654321", 2
	holding := func(digits string, a sts.Attributes, ken uint8) *sts.Holding {
		t.Helper()
		key, err := sts.DeriveKey(vendingKey(t, digits), a)
		if err != nil {
			t.Fatal(err)
		}
		return &sts.Holding{Key: key, Attributes: a, KEN: ken}
	}
	want, err := holding(hex02, o.Attributes, o.KEN).ChangeTo(holding("0123456789abcdef", o.Change.Next, 200), o.Change.At, false)
	if err != nil || len(want) < 2 {
		t.Fatalf("%d sections, %v", len(want), err)
	}
	for n := range want {
		o.Change.Section = n
		if got := issue(t, s, o); got.Reveal() != want[n].Reveal() {
			t.Errorf("section %d is %s, want %s", n, got.Reveal(), want[n].Reveal())
		}
	}
	o.Change.Section = len(want)
	if a, err := s.Issuer().Issue(t.Context(), o); err == nil || a.Outcome == vending.Made {
		t.Errorf("a section too many: %+v, %v", a, err)
	}
	o.Change.Section, o.Change.Next.SGC = 0, "999999"
	if a, err := s.Issuer().Issue(t.Context(), o); err != nil || a.Outcome != vending.Declined {
		t.Errorf("a change to a key that is not there: %+v, %v", a, err)
	}
}
