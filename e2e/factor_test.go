package e2e

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// factor is a person's second factor: an authenticator app at the first sign-in, and then recovery codes, because a code of the app works only
// once in 30 s.
type factor struct {
	secret   string // of the authenticator app
	recovery []string
	clock    func() time.Time // of the server; nil for this machine's
}

// now is the time on the person's telephone.
func (f *factor) now() time.Time {
	if f.clock == nil {
		return time.Now()
	}
	return f.clock()
}

// next returns a recovery code that was not used.
func (f *factor) next(t testing.TB) string {
	t.Helper()
	if len(f.recovery) == 0 {
		t.Fatal("no recovery code is left")
	}
	code := f.recovery[0]
	f.recovery = f.recovery[1:]
	return code
}

// appCode returns the code that an authenticator app shows at a time for a secret in groups of four.
func appCode(t testing.TB, secret string, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCode(strings.ReplaceAll(secret, " ", ""), at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func recoveryCodes(text string) []string {
	return regexp.MustCompile(`[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}`).FindAllString(text, -1)
}

// pass completes a sign-in in the browser after the password.
func (f *factor) pass(t testing.TB, p *tab) {
	t.Helper()
	if f.recovery != nil {
		p.typeCode(f.next(t))
		return
	}
	p.at("/signin/app")
	p.until(`document.querySelector("img").naturalWidth > 200 && document.activeElement.id === "code"`)
	f.secret = p.text("span.mono")
	p.keys(appCode(t, f.secret, f.now()) + enterKey)
	p.until(`document.querySelectorAll("ul.mono li").length === 8`)
	f.recovery = recoveryCodes(p.text("ul.mono"))
	p.click("a.button", 1)
}

// typeCode types a code of the second factor after the password.
func (p *tab) typeCode(code string) {
	p.t.Helper()
	p.at("/signin/code")
	p.until(`document.activeElement.id === "code"`) // the focus may come after the page; keys before it are lost
	p.keys(code + enterKey)
}

// passForm completes a sign-in without a browser. The function do sends a request with the cookies of the sign-in, and returns its body.
func (f *factor) passForm(t testing.TB, do func(method, path string, form url.Values) string) {
	t.Helper()
	if f.recovery != nil {
		do(http.MethodPost, "/signin/code", url.Values{"code": {f.next(t)}})
		return
	}
	secret := regexp.MustCompile(`<span class="mono">([A-Z2-7 ]+)<`).FindStringSubmatch(do(http.MethodGet, "/signin/app", nil))
	if secret == nil {
		t.Fatal("no secret to set up a second factor with")
	}
	f.recovery = recoveryCodes(do(http.MethodPost, "/signin/code", url.Values{"code": {appCode(t, secret[1], f.now())}}))
}
