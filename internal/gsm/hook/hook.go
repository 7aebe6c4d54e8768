// Package hook is what the routes over HTTP have in common: how they call out, how they judge what came of it, and how
// they look at what calls in.
//
// The addresses that are called come from the configuration file, which belongs to whoever runs the server; no customer,
// vendor or API client can set one. So they may lie on the operator's own network, where gateways usually are, and the
// server is no way for strangers to reach that network. What an address answers cannot lead elsewhere either: redirects
// are not followed.
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

	"github.com/paywatt/paywatt/internal/notify"
)

// Limits.
const (
	MaxBody      = 64 * 1024 // octets of a request that comes in
	MaxAnswer    = 16 * 1024 // octets of an answer that are read
	MaxIncoming  = 4 * 1024  // octets of the text of one message that comes in
	MaxName      = 100       // octets of another program's name for a message
	dialTime     = 10 * time.Second
	headerLimit  = 32 * 1024
	shortestFull = 10 // digits of a number that has its country's code
	longestFull  = 15 // E.164
)

// URL checks an address that is called. Passwords and tokens travel to it, so outside of this machine and of private
// networks it must be https unless plain says that the way there is trusted.
func URL(raw string, plain bool) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("address cannot be read") // the error would show it, and there may be a password in it
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

// private reports a host on this machine or on a private network. Names other than localhost may lead anywhere.
func private(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast())
}

// NewClient makes a client that calls once: no redirects, no kept connections. On a kept connection that the other side
// closes just then nobody could tell whether it had read the message.
func NewClient() *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: dialTime}).DialContext,
			TLSHandshakeTimeout: dialTime, DisableKeepAlives: true, MaxResponseHeaderBytes: headerLimit},
	}
}

// Failed says what a call that brought no answer means. Only when no connection came about is it certain that the message
// did not leave.
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

// Clean makes the words of another program fit to be kept and shown: one line, of limited length, without long numbers,
// because the program may have repeated the message.
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

// Same compares secrets in a time that tells nothing about where they differ, nor how long they are.
func Same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// Number is a sender's number as the registry writes numbers: gateways leave the "+" of international numbers out, and a
// "+" that was not encoded arrives as a blank. Numbers that are too short for a country's code, or begin with a zero, stay.
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
