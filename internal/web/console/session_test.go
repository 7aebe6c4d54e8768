package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
)

func TestTheSetupLinkMakesTheOwnerOnce(t *testing.T) {
	w := folder(t)
	w.serve(app.Config{Passphrase: []byte(passphrase)})
	g := w.guest()
	if !strings.HasPrefix(w.setup, "/setup?code=") {
		t.Fatalf("setup path = %q", w.setup)
	}
	_, code, _ := strings.Cut(w.setup, "code=")
	for _, path := range []string{"/setup", "/setup?code=", "/setup?code=" + strings.Repeat("a", len(code))} {
		g.get(path).is(403).says("This link is not valid", "No owner was added")
	}
	g.post("/setup", "code", "guessed", "email", "thief@example.org", "password", password).is(403)

	page := g.get(w.setup).is(200)
	if page.value("code") != code {
		t.Fatalf("the form carries code %q, want that of the link", page.value("code"))
	}
	g.post("/setup", "code", code, "name", "Olu", "email", "owner@example.org", "password", "short").is(422).
		says("The password is shorter than 12 characters", "No changes were made")
	made := g.post("/setup", "code", code, "name", "Olu", "email", "Owner@Example.org", "password", password).leads("/signin")
	g.get(made).is(200).says("The owner was added")

	g.get(w.setup).is(403).says("Each link works once")
	g.post("/setup", "code", code, "email", "second@example.org", "password", password).is(403)
	g.post("/signin", "email", "owner@example.org", "password", password).leads("/")

	w.stop()
	w.serve(app.Config{Passphrase: []byte(passphrase)})
	if w.setup != "" {
		t.Errorf("with an owner the server still offers a link")
	}
	w.guest().get("/setup?code=" + code).is(403)
}

func TestASessionFromSignInToSignOut(t *testing.T) {
	w := begin(t)
	g := w.guest()
	// A session planted before signing in is worthless after it.
	base, _ := url.Parse(w.url)
	g.http.Jar.SetCookies(base, []*http.Cookie{{Name: "paywatt_session", Value: "planted"}})
	in := g.post("/signin", "email", " Owner@example.org ", "password", password)
	at := in.leads("/signin/app?")
	set := in.header.Get("Set-Cookie")
	for _, want := range []string{"paywatt_session=", "Path=/", "HttpOnly", "SameSite=Lax"} {
		if !strings.Contains(set, want) {
			t.Errorf("Set-Cookie %q lacks %s", set, want)
		}
	}
	session := g.http.Jar.Cookies(base)[0].Value
	if session == "planted" || len(session) < 40 {
		t.Errorf("session is %q", session)
	}
	// The password alone opens no page, and its session ends with the second step.
	g.get("/meters").leads("/signin")
	g.secondStep(ownerEmail, at)
	if again := g.http.Jar.Cookies(base)[0].Value; again == session {
		t.Error("the session of the password goes on after the second step")
	} else {
		session = again
	}
	g.get("/").leads("/overview")
	g.get("/meters").is(200).says("Meters", "signed in as owner@example.org")
	g.post("/signout").leads("/signin")
	g.post("/signout").leads("/signin")
	if left := g.http.Jar.Cookies(base); len(left) != 1 || !strings.HasPrefix(left[0].Name, "paywatt_known_") {
		t.Errorf("after signing out the browser keeps %v, want only the mark of a known browser", left)
	}
	g.http.Jar.SetCookies(base, []*http.Cookie{{Name: "paywatt_session", Value: session}})
	g.get("/meters").leads("/signin")
}

func TestASessionEndsByItself(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	w.clock.move(access.SessionIdle + time.Second)
	g.get("/meters").leads("/signin?next=%2Fmeters")
	again := g.post("/sell", "form", "x").leads("/signin?ended=1")
	g.get(again).is(200).says("Your session has ended. If you have just sent a form, it was not carried out")
	// After signing in again, the person is back at the form. The form of a sale still has the typed values.
	for path, to := range map[string]string{"/sell": "/sell?amount=12.50&meter=" + meterNumber, "/meters/" + meterNumber + "/commands": "/meters/" + meterNumber} {
		page := g.get(g.post(path, "form", "x", "meter", meterNumber, "amount", "12.50").leads("/signin?ended=1&next="))
		if got := page.value("next"); got != to {
			t.Errorf("after %s whoever signs in again goes to %q, want %q", path, got, to)
		}
	}
	w.clock.move(-access.SessionIdle - time.Second)
	form := g.get("/sell?amount=12.50&meter=" + meterNumber).is(200)
	if form.value("amount") != "12.50" || form.value("meter") != meterNumber || !strings.Contains(form.body, `type="submit" autofocus>Review price`) {
		t.Errorf("the form lost what was typed, or lets a digit be added to it:\n%s", form.body)
	}
}

func TestSignInLeadsOnlyToThisServer(t *testing.T) {
	w := begin(t)
	for next, want := range map[string]string{
		"/meters/04140001001":     "/meters/04140001001",
		"/sell?meter=04140001001": "/sell?meter=04140001001",
		"https://evil.example":    "",
		"//evil.example":          "",
		"/\\evil.example":         "",
		"javascript:alert(1)":     "",
		"":                        "",
	} {
		form := w.guest().get("/signin?next=" + url.QueryEscape(next)).is(200)
		if got := form.value("next"); got != want {
			t.Errorf("the form leads on from %q to %q, want %q", next, got, want)
		}
	}
	// Browsers drop tabs and line ends from an address, so "/\t/evil.example" would lead to another server.
	for _, next := range []string{"/\t/evil.example", "/\n/evil.example"} {
		form := w.guest().get("/signin?next=" + url.QueryEscape(next)).is(200)
		if got := form.value("next"); got != "" {
			t.Errorf("the form leads on from %q to %q", next, got)
		}
	}
	// The server does not trust the values of a form either.
	const clerk = "clerk@example.org"
	w.person(clerk, access.Operator)
	w.guest().post("/signin", "email", clerk, "password", password, "next", "/sell?meter=1").leads("/sell?meter=1")
	w.guest().post("/signin", "email", clerk, "password", password, "next", "/\t/evil.example").leads("/")
	owner := w.guest()
	at := owner.post("/signin", "email", ownerEmail, "password", password, "next", "/sell?meter=1").leads("/signin/app?next=%2Fsell%3Fmeter%3D1")
	if got := owner.get(at).is(200).value("next"); got != "/sell?meter=1" {
		t.Errorf("the second step leads on to %q", got)
	}
	if at := w.guest().post("/signin", "email", clerk, "password", password, "next", "/\\evil.example").leads("/"); at != "/" {
		t.Errorf("signing in leads to %q", at)
	}
}

func TestAWrongPasswordIsRefusedAndLimited(t *testing.T) {
	w := begin(t)
	w.clock.freeze()
	g := w.guest()
	for i := range 10 {
		a := g.post("/signin", "email", ownerEmail, "password", "not the password").is(422)
		if i == 0 {
			a.says("E-mail address or password is wrong", "You are not signed in")
			if a.value("email") != ownerEmail {
				t.Error("the address has to be typed again")
			}
			unknown := w.guest().post("/signin", "email", "nobody@example.org", "password", "not the password").is(422)
			if got, want := strings.ReplaceAll(unknown.text(), "nobody@", "owner@"), a.text(); got != want {
				t.Errorf("an unknown address is told from a wrong password:\n%s\n%s", got, want)
			}
		}
	}
	// The eleventh attempt has the right password but is not checked. An attempt from another browser at the same address is not checked
	// either.
	known := w.guest()
	w.clock.move(7 * time.Second)
	known.signIn(ownerEmail)
	a := w.guest().post("/signin", "email", ownerEmail, "password", password).is(429).says("Too many attempts", "You are not signed in")
	if a.header.Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
	// A browser in which the owner has signed in before is not slowed down with its address.
	known.post("/signin", "email", ownerEmail, "password", password).leads("/")
	w.clock.move(7 * time.Second)
	w.guest().post("/signin", "email", ownerEmail, "password", password).leads("/")
}

func TestAFormFromAnotherSiteIsRefused(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	c := g.check(meterNumber, "100").is(200)
	sale := url.Values{"form": {c.value("form")}, "meter": {meterNumber}, "amount": {"100.00"}}
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}} {
		g.do("POST", "/sell", sale, header...).is(403).says("This form came from another site", "No changes were made")
		g.do("POST", "/signin", url.Values{"email": {ownerEmail}, "password": {password}}, header...).is(403)
		g.do("POST", "/signout", url.Values{}, header...).is(403)
		g.do("POST", "/theme", url.Values{"theme": {"dark"}}, header...).is(403)
		g.do("POST", "/meters/"+meterNumber+"/commands", url.Values{"type": {"disconnect"}, "reason": {"x"}}, header...).is(403)
	}
	// A browser too old to report where a form comes from cannot be abused either: the form's id is bound to the session.
	sale.Set("form", "console-00112233445566778899aabbccddeeff-0011223344556677")
	g.do("POST", "/sell", sale).is(422).says("The form is from another session", unsold)
	other := w.enter(ownerEmail).get("/sell").value("form")
	sale.Set("form", other)
	g.do("POST", "/sell", sale).is(422).says(unsold)
	g.post("/meters/"+meterNumber+"/commands", "type", "disconnect", "reason", "x", "form", other).is(422).says("No command was sent")
	g.get("/meters/" + meterNumber).is(200).says("No token was sold for this meter yet")
	sale.Set("form", c.value("form"))
	g.do("POST", "/sell", sale, "Sec-Fetch-Site", "same-origin").leads("/sales/")
}

// TestAFormOfWhatIsNoTextIsRefused: PostgreSQL stores only UTF-8 without zero bytes.
func TestAFormOfWhatIsNoTextIsRefused(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	form := g.get("/meters/" + meterNumber).is(200).value("form")
	for _, bad := range []string{"a\x00b", "\xff"} {
		g.post("/meters/"+meterNumber+"/commands", "form", form, "type", "disconnect", "reason", bad).is(400).says("No changes were made")
		g.post("/signin", "email", bad, "password", password).is(400).says("No changes were made")
	}
}

func TestEveryPageNeedsASession(t *testing.T) {
	w := begin(t)
	sale := strings.TrimPrefix(w.enter(ownerEmail).sell(meterNumber, "100").what, "GET ")
	g := w.guest()
	for _, path := range []string{"/meters", "/search?q=1", "/search/hits?q=1", "/meters/" + meterNumber, "/meters/" + meterNumber + "/history", "/sell", "/sell/preview", "/sell/check?meter=1", sale, "/nowhere"} {
		at := g.get(path).leads("/signin?next=")
		u, _ := url.Parse(at)
		if got := u.Query().Get("next"); got != path {
			t.Errorf("%s leads back to %q", path, got)
		}
		g.get(path).omits("Amina")
	}
	g.get("/").leads("/signin")
	for _, path := range []string{"/sell", "/meters/" + meterNumber + "/commands"} {
		g.post(path, "meter", meterNumber, "amount", "100", "type", "disconnect", "reason", "x").leads("/signin?ended=1")
	}
	// The sign-in page does not fill a part of a page.
	for path, to := range map[string]string{"/sell/preview?amount=5&meter=" + meterNumber: "/sell?amount=5&meter=" + meterNumber,
		"/meters/" + meterNumber + "/history": "/meters/" + meterNumber} {
		part := g.do("GET", path, nil, "HX-Request", "true", "HX-Current-URL", w.url+to).is(401)
		if part.header.Get("HX-Redirect") != "/signin?ended=1&next="+url.QueryEscape(to) || part.body != "" {
			t.Errorf("part %s: HX-Redirect %q, body %q", path, part.header.Get("HX-Redirect"), part.body)
		}
	}
	for _, path := range []string{"/meters/live", "/meters/" + meterNumber + "/live", sale + "/live"} {
		if a := g.get(path).is(200); !strings.HasPrefix(a.body, "event: end\n") || strings.Contains(a.body, "rows") {
			t.Errorf("%s without a session sends %q, want only an end", path, a.body)
		}
	}
}

func TestRolesSeeWhatTheyMay(t *testing.T) {
	w := begin(t)
	w.enter(ownerEmail).sell(meterNumber, "100")
	for _, c := range []struct {
		role         access.Role
		meters       bool
		sells        bool
		cuts, digits bool
	}{
		{access.Operator, true, true, false, true},
		{access.Supervisor, true, false, false, true},
		{access.Engineer, true, false, true, false},
		{access.Support, true, false, false, false},
		{access.Auditor, true, false, false, false},
		{access.Installer, true, false, false, false},
		{access.TariffManager, false, false, false, false},
	} {
		t.Run(string(c.role), func(t *testing.T) {
			email := string(c.role) + "@example.org"
			w.person(email, c.role)
			w.clock.move(time.Minute)
			g := w.enter(email)
			if !c.meters {
				g.get("/").leads("/tariffs")
				g.get("/meters").is(403).says("does not include the right meter.read").omits(`href="/meters"`, "Amina")
				g.get("/sell").is(403).says(unsold)
				return
			}
			g.get("/").leads("/overview")
			page := g.get("/meters/"+meterNumber+"?digits=1").is(200).says("Amina A.", "Meter 0414 0001 001")
			if got := strings.Contains(page.body, `value="disconnect"`); got != c.cuts {
				t.Errorf("offers to cut off: %t, want %t", got, c.cuts)
			}
			if got := strings.Contains(page.body, `role="img"`); got != c.digits {
				t.Errorf("shows digits: %t, want %t", got, c.digits)
			}
			if got := strings.Contains(page.body, `action="/sell/check"`); got != c.sells {
				t.Errorf("offers to sell: %t, want %t", got, c.sells)
			}
			if c.sells {
				g.sell(meterNumber, "20").says("KES 20.00")
				return
			}
			g.get("/sell").is(403).says("does not include", unsold)
			g.get("/meters").is(200).omits(`href="/sell`)
		})
	}
}

func TestTheChoiceOfColoursIsRenderedByTheServer(t *testing.T) {
	w := begin(t)
	g := w.guest()
	g.get("/signin").is(200)
	theme := func(a answer) string {
		for n := range a.page.Descendants() {
			if n.Type == html.ElementNode && n.Data == "html" {
				return attr(n, "data-theme")
			}
		}
		return "no html"
	}
	for _, want := range []string{"dark", "light", ""} {
		if at := g.post("/theme", "theme", want, "back", "/signin?next=%2Fsell").leads("/"); at != "/signin?next=%2Fsell" {
			t.Errorf("the way back leads to %q", at)
		}
		if got := theme(g.get("/signin")); got != want {
			t.Errorf("theme = %q, want %q", got, want)
		}
	}
	g.post("/theme", "theme", "dark", "back", "//evil.example")
	if got := theme(g.get("/signin")); got != "dark" {
		t.Errorf("theme = %q", got)
	}
	g.post("/theme", "theme", `"><script>`, "back", "//evil.example").leads("/")
	if got := theme(g.get("/signin")); got != "" {
		t.Errorf("a theme that does not exist is kept: %q", got)
	}
}
