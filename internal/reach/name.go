package reach

import (
	"fmt"
	"strings"

	"golang.org/x/net/idna"
)

// OtherLetters says that a host is not written in ASCII. Some letters of other alphabets look like Latin ones, so whoever reads the host may take it
// for another one.
type OtherLetters struct {
	Host string // as it was written
	Name string // the host that is called
}

func (e *OtherLetters) Error() string {
	return fmt.Sprintf("the host %s is not written in ASCII letters; its name is %s", e.Host, e.Name)
}

// CheckLetters refuses a host that is not written in ASCII, with an [OtherLetters].
func CheckLetters(host string) error {
	if !strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil
	}
	return &OtherLetters{Host: host, Name: NameOf(host)}
}

// NameOf returns the name under which a host is looked up: small letters of ASCII, such as xn--mller-kva.example for müller.example.
func NameOf(host string) string {
	name, err := idna.Lookup.ToASCII(host)
	if err != nil {
		name, err = idna.Punycode.ToASCII(host) // no valid name; it is still shown in ASCII
	}
	if err != nil {
		return fmt.Sprintf("%+q", host)
	}
	return strings.ToLower(name)
}
