package access_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/crypto/argon2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/store/storetest"
)

func TestSecretHasNoPrintableForm(t *testing.T) {
	const text = "pk_very-secret"
	s := access.SecretOf(text)
	type holder struct {
		s access.Secret
		P *access.Secret
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("made", "secret", s, "holder", holder{s, &s})
	encoded, err := json.Marshal(map[string]any{"s": s, "p": &s})
	if err != nil {
		t.Fatal(err)
	}
	outs := []string{log.String(), string(encoded)}
	if encoded := string(encoded); encoded != `{"p":"(secret)","s":"(secret)"}` {
		t.Errorf("in JSON it is %s", encoded)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, s); got != "(secret)" || s.String() != got || s.LogValue().String() != got {
			t.Errorf("%s prints %q", verb, got)
		}
		outs = append(outs, fmt.Sprintf(verb, s), fmt.Sprintf(verb, holder{s, &s}))
	}
	for _, out := range outs {
		if strings.Contains(out, text) || strings.Contains(out, fmt.Sprintf("%x", text)) {
			t.Errorf("printed: %s", out)
		}
	}
	if s.Reveal() != text {
		t.Error("the secret itself is lost")
	}
	var none access.Secret
	if none.Reveal() != "" {
		t.Error("the zero secret is one")
	}
}

func TestNewSecretIs256BitsOfTheSource(t *testing.T) {
	s, err := access.NewSecret("pk_", bytes.NewReader(bytes.Repeat([]byte{0xff}, 32)))
	if err != nil || s.Reveal() != "pk_"+strings.Repeat("_", 42)+"8" {
		t.Errorf("got %q, %v", s.Reveal(), err)
	}
	if _, err := access.NewSecret("", io.LimitReader(bytes.NewReader(make([]byte, 31)), 31)); err == nil {
		t.Error("31 bytes gave a secret")
	}
	if _, err := access.NewSecret("", iotest.ErrReader(io.ErrClosedPipe)); err == nil {
		t.Error("a broken source gave a secret")
	}
}

// cheap makes argon2id fast for tests.
func cheap() access.Argon { return access.Argon{Time: 1, MemoryKiB: 8, Threads: 1} }

func TestPasswordHashCarriesItsCosts(t *testing.T) {
	rnd := bytes.NewReader(make([]byte, 1000))
	hash, err := access.HashPassword("a few unrelated words", cheap(), rnd)
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=8,t=1,p=1,f=nfc$") {
		t.Fatalf("got %q, %v", hash, err)
	}
	for password, want := range map[string]bool{"a few unrelated words": true, "a few unrelated word": false, "": false, "A few unrelated words": false} {
		if got, err := access.VerifyPassword(hash, password); err != nil || got != want {
			t.Errorf("%q: got %t, %v, want %t", password, got, err, want)
		}
	}
	if _, err := access.HashPassword("x", cheap(), iotest.ErrReader(io.ErrClosedPipe)); err == nil {
		t.Error("a password was hashed without salt")
	}
}

// TestAPasswordIsTheSameOnEveryKeyboard: some keyboards send é as one character, others as an e and an accent. A hash of an earlier version, which
// took the password as it was typed, stays good for both.
func TestAPasswordIsTheSameOnEveryKeyboard(t *testing.T) {
	const composed, decomposed = "un caf\u00e9 \u00e0 Dakar", "un cafe\u0301 a\u0300 Dakar"
	hash, err := access.HashPassword(decomposed, cheap(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	const earlier = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$"
	for name, encoded := range map[string]string{"now": hash, "typed with accents of their own": earlier + earlierHash(decomposed), "typed composed": earlier + earlierHash(composed)} {
		for password, want := range map[string]bool{composed: true, decomposed: true, "un cafe a Dakar": false} {
			if got, err := access.VerifyPassword(encoded, password); err != nil || got != want {
				t.Errorf("%s, %+q: got %t, %v, want %t", name, password, got, err, want)
			}
		}
	}
	if no := access.CheckPassword(strings.Repeat("e\u0301", access.MinPassword-1)); !no.Refused() {
		t.Error("an accent counts as a character")
	}
}

// TestAWrongPasswordCostsAtMostTwoHashes: of a hash that says that it is of the composed form, no other form is tried; of one of an earlier version, two.
// A form that is not tried is a wrong password here.
func TestAWrongPasswordCostsAtMostTwoHashes(t *testing.T) {
	const composed, decomposed, mixed = "un caf\u00e9 \u00e0 Dakar", "un cafe\u0301 a\u0300 Dakar", "un caf\u00e9 a\u0300 Dakar"
	const now, earlier = "$argon2id$v=19$m=8,t=1,p=1,f=nfc$c29tZXNhbHQ$", "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$"
	for _, c := range []struct {
		encoded, typed string
		want           bool
	}{
		{now + earlierHash(composed), composed, true}, {now + earlierHash(composed), decomposed, true}, {now + earlierHash(composed), mixed, true},
		{now + earlierHash(decomposed), decomposed, false}, {now + earlierHash(decomposed), composed, false}, {now + earlierHash(mixed), mixed, false},
		{earlier + earlierHash(mixed), mixed, true}, {earlier + earlierHash(composed), mixed, true}, {earlier + earlierHash(decomposed), mixed, false},
	} {
		if got, err := access.VerifyPassword(c.encoded, c.typed); err != nil || got != c.want {
			t.Errorf("%s, typed %+q: got %t, %v, want %t", c.encoded, c.typed, got, err, c.want)
		}
	}
}

// earlierHash is the hash that earlier versions made, with the salt "somesalt".
func earlierHash(password string) string {
	c := cheap()
	return base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte(password), []byte("somesalt"), c.Time, c.MemoryKiB, c.Threads, 32))
}

// TestPasswordVector checks against a hash made by another implementation (the reference argon2 of the RFC's authors:
// password "password", salt "somesalt", t=2, m=64 MiB, p=1).
func TestPasswordVector(t *testing.T) {
	const vector = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if ok, err := access.VerifyPassword(vector, "password"); err != nil || !ok {
		t.Errorf("got %t, %v, want a match", ok, err)
	}
}

func TestUnreadableHashesAreErrors(t *testing.T) {
	for _, hash := range []string{
		"", "plain", "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=18$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=8,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=8,t=1,p=0$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=4000000000,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAA", "$argon2id$v=19$m=8,t=1,p=1$!$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ",
	} {
		if ok, err := access.VerifyPassword(hash, "x"); err == nil || ok {
			t.Errorf("%.40q: got %t, %v, want an error", hash, ok, err)
		}
	}
}

func TestPasswordRules(t *testing.T) {
	for password, want := range map[string]refusal.Code{
		"eleven text":                        refusal.InvalidRequest,
		"twelve texts":                       "",
		strings.Repeat("abcdefgh", 16):       "",
		strings.Repeat("abcdefg ", 16) + "a": refusal.InvalidRequest,
		strings.Repeat("ü", 11):              refusal.InvalidRequest,
		"üüüüüüüüüüüä":                       "",
		"password123":                        refusal.InvalidRequest,
		"PassWord123":                        refusal.InvalidRequest,
		"aaaaaaaaaaaa":                       refusal.InvalidRequest,
		"a few unrelated words":              "",
	} {
		if no := access.CheckPassword(password); no.Code != want {
			t.Errorf("%q: got %q, want %q", password, no.Code, want)
		}
	}
}

// TestAStoredFormNeedsTheKeyAndItsPurpose: nobody without the data key can make a stored form, and a form works for one purpose only.
func TestAStoredFormNeedsTheKeyAndItsPurpose(t *testing.T) {
	s, h := access.SecretOf("pk_x"), storetest.Hasher{}
	plain := sha256.Sum256([]byte("pk_x"))
	form := access.StoredForm(h, "key", s)
	if form == plain || form == access.StoredForm(h, "session", s) || form == access.StoredForm(h, "key", access.SecretOf("pk_y")) {
		t.Errorf("the form %x is the plain hash, or that of another purpose or secret", form)
	}
	if got := access.KeyedForm(h, "key", plain); got != form {
		t.Errorf("the converted form of an older version is %x, want %x", got, form)
	}
}
