// Package hook is shared by the routes over HTTP: it makes their calls, judges the results, and reads incoming calls.
//
// The addresses to call come from the configuration file; no customer, vendor or API client can set one. They may therefore lie
// on the operator's own network, where gateways usually are, without opening that network to strangers. An answer cannot lead
// elsewhere either: redirects are not followed.
package hook

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/dial"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/reach"
)

// Limits.
const (
	MaxBody      = 64 * 1024 // octets of an incoming request
	MaxAnswer    = 16 * 1024 // octets of an answer that are read
	MaxIncoming  = 4 * 1024  // octets of the text of one incoming message
	MaxName      = 100       // octets of a message ID or an address from another program
	dialTime     = 10 * time.Second
	headerLimit  = 32 * 1024
	shortestFull = 10 // digits of a number that has its country's code
	longestFull  = 15 // E.164
)

// URL checks an address to call. Passwords and tokens travel to the address. So it must be https, unless it is on this machine or on a
// private network. The parameter plain says that the way there is trusted, and allows http to any host.
func URL(raw string, plain bool) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("address cannot be read") // the error would show the address, and it may hold a password
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.Opaque != "":
		return nil, errors.New("address is not an http:// or https:// address")
	case u.User != nil:
		return nil, errors.New("address contains a user or a password; use their own settings")
	case u.Fragment != "":
		return nil, errors.New("address has a fragment")
	case u.Scheme == "http" && !plain && !private(u.Hostname()):
		return nil, fmt.Errorf("address at %s is http:// outside of private networks: use https://, or allow plain_http", u.Hostname())
	}
	return u, nil
}

// private reports whether a host is on this machine or on a private network. Names other than localhost may lead anywhere.
func private(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast())
}

// NewClient returns a client without redirects and without keep-alive connections. If the other side closes a kept connection during a
// call, nobody knows whether it has read the message.
func NewClient() *http.Client {
	t := dial.New(reach.Anywhere, dialTime, nil).ProxiedTransport()
	t.DisableKeepAlives, t.MaxResponseHeaderBytes = true, headerLimit
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Failed returns the outcome of a call that got no answer. If no connection was made, the message has certainly not left.
// In every other case it may have left.
func Failed(err error) notify.Sent {
	var op *net.OpError
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &op) && op.Op == "dial" || errors.As(err, &untrusted) {
		return notify.Sent{Outcome: notify.NotSent, Why: Clean("no connection: " + cause(err)), Closed: true}
	}
	return notify.Sent{Outcome: notify.Unknown, Why: Clean("no answer: " + cause(err))}
}

// cause is an error without the address, which may hold secrets.
func cause(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		if u.Timeout() {
			return "the request timed out"
		}
		err = u.Err
	}
	return err.Error()
}

// Clean makes another program's words safe to store and show. It returns one line of limited length without long numbers, because the
// program may have repeated the message.
func Clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = regexp.MustCompile(`\d[\d .\-]{7,}\d`).ReplaceAllString(s, "…")
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	for len(s) > notify.MaxWhy {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}

// Same compares secrets in constant time. It reveals neither the place of a difference nor the length of a secret.
func Same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// Number writes a sender's number as the registry does. Gateways leave out the "+" of international numbers, and an unencoded
// "+" arrives as a blank. Numbers that are too short for a country code, or begin with a zero, are left as they are.
func Number(s string) string {
	digits := strings.TrimPrefix(strings.TrimSpace(s), "+")
	switch {
	case digits == "" || strings.Trim(digits, "0123456789") != "":
		return s
	case digits != strings.TrimSpace(s), len(digits) >= shortestFull && len(digits) <= longestFull && digits[0] != '0':
		return "+" + digits
	}
	return digits
}
