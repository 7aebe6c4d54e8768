package reach_test

import (
	"errors"
	"testing"

	"github.com/paywatt/paywatt/internal/reach"
)

func TestAHostIsWrittenInASCII(t *testing.T) {
	for host, name := range map[string]string{
		"api.safaricom.co.ke": "", "API.Safaricom.co.ke": "", "192.0.2.1": "", "2001:db8::1": "", "print_server": "", "xn--mller-kva.example": "",
		"api.s\u0430faricom.co.ke":                  "api.xn--sfaricom-16g.co.ke", // a Cyrillic letter
		"m\u00fcller.example":                       "xn--mller-kva.example",
		"api\u3002safaricom.co.ke":                  "api.safaricom.co.ke", // a full stop of Chinese
		"\u0430\u0440\u0456.example\u2044.evil.org": "xn--80a6a1d.xn--example-7d7c.evil.org",
	} {
		err := reach.CheckLetters(host)
		var other *reach.OtherLetters
		switch {
		case name == "" && err != nil:
			t.Errorf("%q: %v, want no error", host, err)
		case name != "" && (!errors.As(err, &other) || other.Host != host || other.Name != name):
			t.Errorf("%q: %v, want the name %s", host, err, name)
		}
	}
	if got := reach.NameOf("Books.Example.ORG"); got != "books.example.org" {
		t.Errorf("the name of a host in large letters: %q", got)
	}
}
