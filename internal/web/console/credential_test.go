package console_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/await"
)

// Read reads the lines of a stream, for a test that waits for its end.
func (s *stream) Read(p []byte) (int, error) {
	line, more := <-s.lines
	if !more {
		return 0, io.EOF
	}
	return copy(p, line), nil
}

// liveMeter follows the live page of the meter.
func (g *guest) liveMeter() io.Reader { return g.follow("/meters/" + meterNumber + "/live") }

// thief returns a browser with a copy of all cookies that another one has now.
func (g *guest) thief() *guest {
	g.w.t.Helper()
	base, err := url.Parse(g.w.url)
	if err != nil {
		g.w.t.Fatal(err)
	}
	other := g.w.guest()
	other.http.Jar.SetCookies(base, g.http.Jar.Cookies(base))
	return other
}

// TestASessionEnds: whoever kept its cookie sees no page any more, and the pages that are open end.
func TestASessionEnds(t *testing.T) {
	w := begin(t)
	owner := w.enter(ownerEmail)
	juma := "/people/juma@example.org"
	w.guest().post(owner.invite("juma@example.org", "support").oneTime(), "password", password).leads("/signin?set=1")
	for _, end := range []func(*guest){
		func(g *guest) { g.post("/signout").leads("/signin") },
		func(*guest) { owner.act(juma, "end-sessions").leads(juma + "?done=end-sessions") },
		func(*guest) { owner.act(juma, "role", "role", "operator").leads(juma + "?done=role") },
		func(*guest) { owner.act(juma, "block").leads(juma + "?done=block") },
	} {
		g := w.enter("juma@example.org")
		thief := g.thief()
		await.Ends(t, await.Credential{Kind: "session", Works: func() bool { return thief.get("/meters").status == http.StatusOK },
			Open: thief.liveMeter, End: func() { end(g) }})
	}
}

// TestAPasswordEndsWithAReset: so do the link that came before it and the sessions that began with it.
func TestAPasswordEndsWithAReset(t *testing.T) {
	w := begin(t)
	owner := w.enter(ownerEmail)
	juma := "/people/juma@example.org"
	invited := owner.invite("juma@example.org", "support").oneTime()
	var link string
	await.Ends(t, await.Credential{Kind: "invitation", Works: func() bool { return w.guest().get(invited).status == http.StatusOK },
		End: func() { link = owner.act(juma, "reset").is(200).oneTime() }})
	w.guest().post(link, "password", password).leads("/signin?set=1")
	var reset string
	await.Ends(t, await.Credential{Kind: "password",
		Works: func() bool {
			return w.guest().post("/signin", "email", "juma@example.org", "password", password).status == http.StatusSeeOther
		},
		Open: func() io.Reader { return w.enter("juma@example.org").liveMeter() },
		End:  func() { reset = owner.act(juma, "reset").is(200).oneTime() }})
	await.Ends(t, await.Credential{Kind: "invitation", Works: func() bool { return w.guest().get(reset).status == http.StatusOK },
		End: func() { owner.act(juma, "block").leads(juma + "?done=block") }})
}

// TestASecondFactorEndsWithAReset: neither a code of the old app nor an old recovery code completes a sign-in with the new password.
func TestASecondFactorEndsWithAReset(t *testing.T) {
	w := begin(t)
	owner := w.enter(ownerEmail)
	const email, words = "juma@example.org", "a new password of Juma"
	juma, now := "/people/"+email, password
	w.guest().post(owner.invite(email, "owner").oneTime(), "password", password).leads("/signin?set=1")
	g := w.guest()
	at := g.post("/signin", "email", email, "password", password).leads("/signin/app?")
	secret := strings.ReplaceAll(regexp.MustCompile(`<span class="mono">([A-Z2-7 ]+)<`).FindStringSubmatch(g.get(at).is(200).body)[1], " ", "")
	proves := func(g *guest, code func() string) bool {
		g.post("/signin", "email", email, "password", now).leads("/signin/")
		return g.post("/signin/code", "code", code()).status == http.StatusSeeOther
	}
	app := func() string {
		w.clock.move(31 * time.Second) // a code works once
		code, err := totp.GenerateCode(secret, w.clock.now())
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	recovery := regexp.MustCompile(`[A-Z2-7]{4}(-[A-Z2-7]{4}){3}`).FindAllString(g.post("/signin/code", "code", app()).is(200).body, -1)
	takes := func() string {
		code := recovery[0]
		recovery = recovery[1:]
		return code
	}
	if !proves(w.guest(), takes) {
		t.Error("a recovery code does not work before the reset")
	}
	await.Ends(t, await.Credential{Kind: "second factor", Works: func() bool { return proves(w.guest(), app) }, Open: g.liveMeter, End: func() {
		link := owner.act(juma, "reset").is(200).oneTime()
		w.guest().post(link, "password", words).leads("/signin?set=1")
		now = words
	}})
	if proves(w.guest(), takes) {
		t.Error("an old recovery code works after the reset")
	}
}

// TestThePINOfADeviceEnds: whoever kept the cookie of the browser and knows the PIN no longer gets in.
func TestThePINOfADeviceEnds(t *testing.T) {
	w := begin(t)
	g := w.agent("V9", agentEmail)
	w.deposit("V9")
	g.register("Counter 1")
	owner := w.enter(ownerEmail)
	path := "/people/" + agentEmail
	kept := g.thief()
	signsIn := func() (*guest, bool) {
		thief := kept.thief()
		return thief, thief.post("/signin/pin", "pin", "271828").status == http.StatusSeeOther
	}
	await.Ends(t, await.Credential{Kind: "PIN of a device", Works: func() bool { _, in := signsIn(); return in },
		Open: func() io.Reader {
			thief, _ := signsIn()
			check := thief.check(meterNumber, "100").is(200)
			return thief.follow(thief.post("/sell", "form", check.value("form"), "meter", meterNumber, "amount", "100").leads("/sales/") + "/live")
		},
		End: func() {
			page := owner.get(path).is(200)
			owner.post(path, "form", page.value("form"), "act", "revoke-device", "device", page.value("device")).leads(path + "?done=revoke-device")
		}})
}

// TestTheSetupLinkEnds: the first owner ends it.
func TestTheSetupLinkEnds(t *testing.T) {
	w := folder(t)
	w.serve(app.Config{Passphrase: []byte(passphrase)})
	_, code, _ := strings.Cut(w.setup, "code=")
	await.Ends(t, await.Credential{Kind: "setup link", Works: func() bool { return w.guest().get(w.setup).status == http.StatusOK },
		End: func() {
			w.guest().post("/setup", "code", code, "name", "Olu", "email", "owner@example.org", "password", password).leads("/signin")
		}})
}
