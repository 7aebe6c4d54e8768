package keystore

import (
	"bytes"
	"testing"

	"github.com/paywatt/paywatt/sts"
)

// FuzzParseDocument checks that a planted file neither crashes the server nor forces a key derivation of unlimited cost. A file that is
// read and written again must keep its meaning.
func FuzzParseDocument(f *testing.F) {
	doc, err := newDocument(Params{Time: 1, MemoryKiB: 8, Threads: 1})
	if err != nil {
		f.Fatal(err)
	}
	k, err := doc.KDF.derive([]byte("passphrase"))
	if err != nil {
		f.Fatal(err)
	}
	fact := Fact{SGC: "123456", KRN: 1, KT: sts.DUTK, DKGA: sts.DKGA02, BaseDate: sts.Base2014, KEN: 255}
	if doc, err = doc.with(k, fact, make([]byte, 8)); err != nil {
		f.Fatal(err)
	}
	text, err := doc.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"format":"paywatt-keystore","version":1,"kdf":{"name":"argon2id","time":4294967295,"threads":255}}`))
	f.Add(bytes.Replace(text, []byte(`"box"`), []byte(`"Box"`), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := parseDocument(b)
		if err != nil {
			return
		}
		if p := d.KDF.params(); p.Time > maxTime || p.MemoryKiB > maxMemoryKB || len(d.Keys) > maxKeys {
			t.Errorf("accepted costs %+v and %d keys", p, len(d.Keys))
		}
		text, err := d.encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseDocument(text)
		if err != nil || !bytes.Equal(again.aad(), d.aad()) {
			t.Errorf("written and read again: %v", err)
		}
	})
}

// TestAFileOfAnEarlierVersionOpensOnEveryKeyboard: earlier versions took a passphrase as it was typed.
func TestAFileOfAnEarlierVersionOpensOnEveryKeyboard(t *testing.T) {
	const composed, decomposed = "caf\u00e9", "cafe\u0301"
	fact := Fact{SGC: "123456", KRN: 1, KT: sts.DUTK, DKGA: sts.DKGA02, BaseDate: sts.Base2014, KEN: 255}
	for _, first := range []string{composed, decomposed} {
		doc, err := newDocument(Params{Time: 1, MemoryKiB: 8, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		k, err := doc.KDF.derive([]byte(first))
		if err != nil {
			t.Fatal(err)
		}
		if doc, err = doc.with(k, fact, make([]byte, 8)); err != nil {
			t.Fatal(err)
		}
		for typed, want := range map[string]bool{composed: true, decomposed: true, "cafe": false} {
			if k, err := doc.deriveKey([]byte(typed)); err != nil || doc.verify(k) != want {
				t.Errorf("made with %+q, typed %+q: opens %t, %v, want %t", first, typed, doc.verify(k), err, want)
			}
		}
	}
}

func TestAKeyIsBoundToEveryFact(t *testing.T) {
	f := Fact{SGC: "123456", KRN: 2, KT: sts.DCTK, DKGA: sts.DKGA04, BaseDate: sts.Base2035, KEN: 255, Test: true}
	want := formatName + " 1 key sgc=123456 krn=2 kt=3 dkga=4 base=2035 ken=255 test=true"
	if got := string(f.aad()); got != want {
		t.Errorf("facts of %s are bound as %q, want %q", f, got, want)
	}
}
