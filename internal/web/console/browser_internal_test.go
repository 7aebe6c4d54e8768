package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"net/http/httptest"
	"testing"
	"time"
)

// TestTheMarkOfAKnownBrowser: a browser is known to the account that signed in with it and to no other, and a mark cannot be forged.
func TestTheMarkOfAKnownBrowser(t *testing.T) {
	hash := func(context string, data []byte) []byte {
		h := hmac.New(sha256.New, []byte("key "+context))
		h.Write(data)
		return h.Sum(nil)
	}
	s := &Console{c: Config{Hash: hash, Rand: rand.Reader, Now: time.Now}}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/signin", nil)
	if err := s.knowBrowser(w, r, "amina@example.org"); err != nil {
		t.Fatal(err)
	}
	made := w.Result().Cookies()[0]
	for _, c := range []struct {
		what, account, name, value string
		known                      bool
	}{
		{"its own account", "amina@example.org", made.Name, made.Value, true},
		{"another account", "juma@example.org", made.Name, made.Value, false},
		{"another account's name", "juma@example.org", s.browserCookie(r, "juma@example.org"), made.Value, false},
		{"another browser", "amina@example.org", made.Name, "00" + made.Value[2:], false},
		{"no mark", "amina@example.org", made.Name, made.Value[:2*browserID+1], false},
		{"nothing", "amina@example.org", made.Name, ".", false},
	} {
		r := httptest.NewRequest("POST", "/signin", nil)
		r.Header.Set("Cookie", c.name+"="+c.value)
		if got := s.knownBrowser(r, c.account) != ""; got != c.known {
			t.Errorf("%s: known %t, want %t", c.what, got, c.known)
		}
	}
}
