package keystore

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/diagnosis"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/sts"
)

// storeOf returns an unlocked store with the document as its file.
func storeOf(t *testing.T, d document) *Store {
	t.Helper()
	text, err := d.encode()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.TempDir(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(s.Path(), text, 0o600), s.Unlock([]byte("passphrase"))); err != nil {
		t.Fatal(err)
	}
	return s
}

func ordered(t *testing.T) vending.IssueRequest {
	t.Helper()
	pan, err := sts.ParseNumber("04140001001")
	if err != nil {
		t.Fatal(err)
	}
	return vending.IssueRequest{KEN: 255, Attributes: sts.Attributes{SGC: "123456", KRN: 1, KT: sts.DUTK, TI: "01", EA: sts.EA07, DKGA: sts.DKGA02,
		BaseDate: sts.Base2014, PAN: pan}}
}

// TestAKeyThatCannotBeUsedIsAsGoodAsMissing uses a file with a correct seal. Its key has a wrong length or was sealed under other facts, so
// it must be treated as missing.
func TestAKeyThatCannotBeUsedIsAsGoodAsMissing(t *testing.T) {
	for name, c := range map[string]struct {
		key       []byte
		aad, want string
	}{
		"another length": {make([]byte, 9), "", "has the wrong length. It is not used. No token was made. Add the right vending key under a new revision number (paywatt vendingkey add --krn)."},
		"other facts":    {make([]byte, 8), "other", "was altered without the passphrase. It is not used. No token was made. Restore the key store from a backup."},
	} {
		d, k := small(t)
		var err error
		if d.Keys[0].Key, err = k.seal(c.key, append([]byte(c.aad), d.Keys[0].fact().aad()[len(c.aad):]...)); err != nil {
			t.Fatal(err)
		}
		d.Keys[0].Test = false
		if d.Seal, err = k.seal(nil, d.aad()); err != nil {
			t.Fatal(err)
		}
		s, o := storeOf(t, d), ordered(t)
		want := "The vending key of supply group 123456, revision 1, type 2 " + c.want
		if no := s.Issuer().Check(t.Context(), o); no.Code != refusal.KeyMissing || no.Detail() != want {
			t.Errorf("%s: %s %s; want %s", name, no.Code, no.Detail(), want)
		}
		if _, use, err := s.Reader().Open(sts.Token{}, []sts.Attributes{o.Attributes}); use != diagnosis.KeysMissing || err != nil {
			t.Errorf("%s: the token doctor finds %s, %v", name, use, err)
		}
	}
}

// recorder is a cipher that records the texts that it opened.
type recorder struct {
	cipher.AEAD
	opened []byte
}

func (r *recorder) Open(dst, nonce, box, aad []byte) ([]byte, error) {
	b, err := r.AEAD.Open(dst, nonce, box, aad)
	if len(b) > 0 {
		r.opened = b
	}
	return b, err
}

// TestAnOpenedKeyIsWiped checks that a vending key is wiped after it derived a meter's key, and after it only proved the passphrase.
func TestAnOpenedKeyIsWiped(t *testing.T) {
	d, k := small(t)
	f := d.Keys[0].fact()
	f.SGC = "222222"
	d, err := d.with(k, f, []byte("12345678"))
	if err != nil {
		t.Fatal(err)
	}
	d.Keys = d.Keys[1:]
	if d.Seal, err = k.seal(nil, d.aad()); err != nil {
		t.Fatal(err)
	}
	s, o := storeOf(t, d), ordered(t)
	o.Attributes.SGC = "222222"
	r := &recorder{AEAD: k.aead}
	s.kek = &kek{aead: r}
	for name, does := range map[string]func() bool{
		"derive":   func() bool { return !s.Issuer().Check(t.Context(), o).Refused() },
		"opensAny": func() bool { return d.opensAny(s.kek) },
	} {
		r.opened = nil
		if ok := does(); !ok || !bytes.Equal(r.opened, make([]byte, 8)) {
			t.Errorf("%s: done %t, and %d bytes of the key are left: %q", name, ok, len(r.opened), r.opened)
		}
	}
}

// TestAStoreWithoutAFileHasNoKey checks every way to ask for a key.
func TestAStoreWithoutAFileHasNoKey(t *testing.T) {
	s, err := Open(t.TempDir(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	o := ordered(t)
	if no := s.Issuer().Check(t.Context(), o); no.Code != refusal.KeystoreLocked {
		t.Errorf("without a passphrase: %s", no.Code)
	}
	if err := s.Unlock([]byte("passphrase")); err != nil {
		t.Fatal(err)
	}
	if no := s.Issuer().Check(t.Context(), o); no.Code != refusal.KeyMissing || !strings.HasPrefix(no.What, "There is no vending key for supply group 123456") {
		t.Errorf("with a passphrase: %s %s", no.Code, no.Detail())
	}
	if _, ok := s.DecoderKey(o.Attributes); ok {
		t.Error("a decoder key without a file")
	}
	opened, use, err := s.Reader().Open(sts.Token{}, []sts.Attributes{o.Attributes})
	if len(opened) != 1 || use != diagnosis.KeysMissing || err != nil {
		t.Errorf("the token doctor: %d opened, %s, %v", len(opened), use, err)
	}
	if facts, err := s.List(); facts != nil || err != nil {
		t.Errorf("%v, %v", facts, err)
	}
}
