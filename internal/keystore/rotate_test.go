package keystore_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/sts"
)

func realFact() keystore.Fact {
	return keystore.Fact{SGC: "123456", KRN: 1, KT: sts.DUTK, DKGA: sts.DKGA02, BaseDate: sts.Base2014, KEN: 255}
}

// TestAShortPassphraseProtectsNoRealKey: a key store whose passphrase has fewer than 12 characters takes test keys only.
func TestAShortPassphraseProtectsNoRealKey(t *testing.T) {
	for words, want := range map[string]refusal.Code{"eleven char": refusal.InvalidRequest, "twelve chars": "", "zwölf zeichen": "", "äöüäöüäöüäö": refusal.InvalidRequest} {
		dir := t.TempDir()
		for _, again := range []bool{false, true} { // without a file, and with one
			s := open(t, dir)
			if err := s.Unlock([]byte(words)); err != nil {
				t.Fatal(err)
			}
			if no, err := s.Add(realFact(), vendingKey(t, hex02)); err != nil || no.Code != want && !again {
				t.Errorf("%q: %q, %v, want %q", words, no.Code, err, want)
			}
			test := realFact()
			if test.SGC, test.Test = "654321", true; again {
				test.KRN = 2
			}
			if no, err := s.Add(test, vendingKey(t, hex02)); err != nil || no.Refused() {
				t.Errorf("%q: a test key: %s, %v", words, no.Detail(), err)
			}
		}
	}
}

// TestThePassphraseChanges: afterwards only the new passphrase opens the store, and the keys are the same.
func TestThePassphraseChanges(t *testing.T) {
	dir := t.TempDir()
	s := unlocked(t, dir)
	if no, err := s.ChangePassphrase([]byte("another passphrase")); err != nil || no.Code != refusal.KeystoreLocked {
		t.Errorf("without a file: %q, %v", no.Code, err)
	}
	for krn := range uint8(3) {
		f := realFact()
		f.KRN = krn + 1
		if no, err := s.Add(f, vendingKey(t, hex02)); err != nil || no.Refused() {
			t.Fatal(no.Detail(), err)
		}
	}
	facts, _ := s.List()
	beside := unlocked(t, dir) // another process
	if no, err := open(t, dir).ChangePassphrase([]byte("another passphrase")); err != nil || no.Code != refusal.KeystoreLocked {
		t.Errorf("locked: %q, %v", no.Code, err)
	}
	if no, err := s.ChangePassphrase([]byte("eleven char")); err != nil || no.Code != refusal.InvalidRequest {
		t.Errorf("too short: %q, %v", no.Code, err)
	}
	if no, err := s.ChangePassphrase([]byte("another passphrase")); err != nil || no.Refused() {
		t.Fatal(no.Detail(), err)
	}
	if s.Locked() || !beside.Locked() {
		t.Errorf("locked: this store %t, another process %t", s.Locked(), beside.Locked())
	}
	if err := open(t, dir).Unlock([]byte(pass)); !errors.Is(err, keystore.ErrPassphrase) {
		t.Errorf("the old passphrase: %v", err)
	}
	after := open(t, dir)
	if err := after.Unlock([]byte("another passphrase")); err != nil {
		t.Fatal(err)
	}
	if got, err := after.List(); err != nil || len(got) != 3 || got[2] != facts[2] {
		t.Errorf("afterwards it lists %v, %v", got, err)
	}
	f := realFact()
	f.KRN = 4
	if no, err := after.Add(f, vendingKey(t, hex02)); err != nil || no.Refused() {
		t.Errorf("afterwards no key can be added: %s, %v", no.Detail(), err)
	}
}

// TestAnInterruptedChangeOfThePassphraseChangesNothing: the change writes one new file and then renames it. Until then the old passphrase
// opens the store, whatever part of the new file a crash leaves.
func TestAnInterruptedChangeOfThePassphraseChangesNothing(t *testing.T) {
	dir := t.TempDir()
	s := unlocked(t, dir)
	if no, err := s.Add(realFact(), vendingKey(t, hex02)); err != nil || no.Refused() {
		t.Fatal(no.Detail(), err)
	}
	whole, err := os.ReadFile(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(whole); n += 50 {
		if err := os.WriteFile(filepath.Join(dir, ".keystore-123"), whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if s := unlocked(t, dir); s.Locked() {
			t.Fatalf("locked after %d bytes", n)
		}
	}
	if no, err := s.ChangePassphrase([]byte("another passphrase")); err != nil || no.Refused() {
		t.Errorf("repeated: %s, %v", no.Detail(), err)
	}
}

func TestWhatOthersCanReadIsNotPrivate(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "key")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, private := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o660: false, 0o700: true} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		if err := keystore.CheckPrivate(file); errors.Is(err, keystore.ErrNotPrivate) == private {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := keystore.CheckPrivate(dir); !errors.Is(err, keystore.ErrNotPrivate) {
		t.Errorf("a folder that others can read: %v", err)
	}
	if err := keystore.CheckPrivate(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
