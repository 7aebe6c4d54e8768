package console_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
)

const juma = "/people/juma@example.org"

// oneTime returns the path of the one-time link that a page shows.
func (a answer) oneTime() string {
	a.t.Helper()
	m := regexp.MustCompile(`id="link"[^>]*><bdi>https?://[^/<]+(/invite/[^<]+)<`).FindStringSubmatch(a.body)
	if m == nil {
		a.t.Fatalf("%s shows no one-time link:\n%s", a.what, a.text())
	}
	return m[1]
}

// act sends a form of a person's page.
func (g *guest) act(path, act string, more ...string) answer {
	g.w.t.Helper()
	return g.post(path, append([]string{"form", g.get(path).is(200).value("form"), "act", act}, more...)...)
}

// invite invites a person on the page and returns the page with the link.
func (g *guest) invite(email, role string) answer {
	g.w.t.Helper()
	return g.post("/people", "form", g.get("/people").is(200).value("form"), "email", email, "name", "Juma O.", "role", role).is(200)
}

// TestPeopleAreInvitedAndChangedOnPages: the list, the link that is shown once, and each act on a person's page.
func TestPeopleAreInvitedAndChangedOnPages(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	list := g.get("/people").is(200).says(ownerEmail, "✓ Can sign in", "Only this person", "Operator: sells at a counter")
	wrong := g.post("/people", "form", list.value("form"), "email", "juma", "name", "Juma O.", "role", "operator").is(422).says(`"juma" is not an e-mail address.`, "No person was added.")
	if wrong.value("email") != "juma" || wrong.value("name") != "Juma O." {
		t.Error("after a refusal the fields have to be typed again")
	}
	g.post("/people", "form", "x", "email", "juma@example.org", "role", "operator").is(422).says("The form is from another session.")
	g.post("/people", "form", list.value("form"), "email", "juma@example.org", "role", "vendor_api", "vendor", "V7").is(422).says("V7 was not found")
	page := g.invite("Juma@example.org", "operator").says("One-time link for juma@example.org", "This link is shown only now", "It works once, until 20", "Give it to this person and to nobody else.")
	if page.header.Get("Cache-Control") != "no-store" {
		t.Error("a browser may keep the page with the link")
	}
	link := page.oneTime()
	g.get("/people").is(200).says("Juma O.", "○ No password yet", "This person and "+ownerEmail).omits(link)
	g.get(juma).is(200).says("○ No password yet", "No open sessions").omits(link)
	w.guest().post(link, "password", password).leads("/signin?set=1")

	clerk := w.enter("juma@example.org")
	g.get(juma).is(200).says("✓ Can sign in", "Unknown browser", "127.0.0.1", "You cannot confirm this person. You invited, reset, unblocked or promoted juma@example.org")
	g.get(g.act(juma, "end-sessions").leads(juma+"?done=end-sessions")).is(200).says("All sessions of the person have ended.", "No open sessions")
	clerk.get("/account").leads("/signin?next=%2Faccount")
	g.get(g.act(juma, "role", "role", "support").leads(juma+"?done=role")).is(200).says("The role was changed.", "Support support")
	g.act(juma, "role", "role", "none").is(422).says(`There is no role "none" for people.`)
	g.get(g.act(juma, "block").leads(juma+"?done=block")).is(200).says("■ Blocked", "The person is blocked.").omits(`value="reset"`)
	w.guest().post("/signin", "email", "juma@example.org", "password", password).is(422)
	g.get(g.act(juma, "unblock").leads(juma + "?done=unblock")).is(200).says("✓ Can sign in").omits(`value="unblock"`)
	again := g.act(juma, "reset").is(200).oneTime()
	w.guest().post("/signin", "email", "juma@example.org", "password", password).is(422)
	w.guest().get(again).is(200).says("You sign in as juma@example.org.")
	g.act(juma, "promote").is(422).says(`There is no action "promote" for a person.`)
	g.post(juma, "form", "x", "act", "block").is(422).says("The form is from another session.")
	own := "/people/" + ownerEmail
	g.act(own, "block").is(422).says("is the only owner who can sign in.")
	g.get("/people/nobody@example.org").is(404)
	g.get("/people?after=x").is(400)
	for action, want := range map[string]int{"person.role": 1, "person.block": 1, "person.unblock": 1, "person.reset": 1, "person.end-sessions": 1} {
		if n := w.audited(action); n != want {
			t.Errorf("the audit log has %d times %s, want %d", n, action, want)
		}
	}
}

// TestAnotherApproverConfirmsOnThePage: the page says as whom an account counts. Only an approver who is not among them gets the button, even
// without the right to manage people, and then sees neither sessions nor other acts. Nobody else sees the page.
func TestAnotherApproverConfirmsOnThePage(t *testing.T) {
	w := begin(t)
	w.person(financeEmail, access.Finance)
	w.person("till@example.org", access.Operator)
	g, finance, till := w.enter(ownerEmail), w.enter(financeEmail), w.enter("till@example.org")
	link := g.invite("juma@example.org", "finance").oneTime()
	finance.get(juma).is(200).says("Not confirmed yet", "has not set a password yet").omits(`value="confirm"`)
	w.guest().post(link, "password", password).leads("/signin?set=1")
	g.get(juma).is(200).says("So for approvals the account also counts as: "+ownerEmail, "You cannot confirm this person.").omits(`value="confirm"`)
	g.act(juma, "confirm").is(422).says("Ask another approver")
	finance.get(juma).is(200).says("the account also counts as: "+ownerEmail, "Confirm only after you have seen this person sign in.").
		omits(`value="block"`, `value="reset"`, `value="role"`, `value="end-sessions"`, "Open sessions")
	finance.act(juma, "block").is(422).says("does not include the right people.manage")
	finance.get("/people").is(403).omits("juma@example.org")
	till.get("/people").is(403).omits(financeEmail)
	till.get(juma).is(403).omits("Not confirmed")
	till.get("/office").is(200).omits("/people")
	finance.get(finance.act(juma, "confirm").leads(juma+"?done=confirm")).is(200).says("The person is confirmed.", "Only this person").omits(`value="confirm"`)
	if n := w.audited("person.confirm"); n != 3 { // two by the world
		t.Errorf("%d confirmations in the audit log, want 3", n)
	}
}

// TestApproversSeeWhoWaits: the page of approvals lists the people whom the visitor may confirm, with a link to each, and only those. An approver
// without the right to manage people confirms from there, after signing in again if that was long ago.
func TestApproversSeeWhoWaits(t *testing.T) {
	w := begin(t)
	w.person(financeEmail, access.Finance)
	w.person("till@example.org", access.Operator)
	g, finance, till := w.enter(ownerEmail), w.enter(financeEmail), w.enter("till@example.org")
	const title = "People who wait for confirmation"
	link := g.invite("juma@example.org", "finance").oneTime()
	finance.get("/approvals").is(200).omits(title) // he has no password yet
	w.guest().post(link, "password", password).leads("/signin?set=1")
	page := finance.get("/approvals").is(200).says("No requests wait", title, "juma@example.org", "This person and "+ownerEmail).omits("More people wait")
	at := page.link(t, `/people/usr_\w+`)
	g.get("/approvals").is(200).omits(title)
	till.get("/approvals").is(200).omits(title)

	form := finance.get(at).is(200).says("juma@example.org", "Confirm this person").value("form")
	w.clock.move(access.ProofFresh + time.Second)
	finance.get("/approvals").is(200).says(title)
	old := finance.get(at).is(200).says("You cannot confirm this person. You signed in more than 10 minutes ago.").omits(`value="confirm"`)
	if to := old.link(t, `/signin\?next=[^"]*`); to != "/signin?next="+url.QueryEscape(at) {
		t.Errorf("the page leads to %s", to)
	}
	finance.post(at, "form", form, "act", "confirm").is(422).says("You signed in more than 10 minutes ago.")
	finance.signIn(financeEmail)
	finance.get(finance.act(at, "confirm").leads(at + "?done=confirm")).is(200).says("The person is confirmed.")
	finance.get("/approvals").is(200).omits(title)

	g.signIn(ownerEmail)
	for i := range 21 {
		w.guest().post(g.invite(fmt.Sprintf("clerk-%d@example.org", i), "support").oneTime(), "password", password).leads("/signin?set=1")
		w.clock.move(7 * time.Second) // the address may try again
	}
	finance.get("/approvals").is(200).says("clerk-0@example.org", "clerk-19@example.org", "More people wait.").omits("clerk-20@example.org")
}

// TestPeopleNeedAFreshSignIn: who signed in more than ten minutes ago is led to signing in again and back, and changes nothing before.
func TestPeopleNeedAFreshSignIn(t *testing.T) {
	w := begin(t)
	w.people("", `{"email":"juma@example.org","name":"Juma O.","role":"operator"}`)
	g := w.enter(ownerEmail)
	form := g.get(juma).is(200).value("form")
	w.clock.move(access.ProofFresh + time.Second)
	list := g.get("/people").is(403).says("You signed in more than 10 minutes ago.", "Sign in again").omits("juma@example.org")
	if at := list.link(t, `/signin\?next=[^"]*`); at != "/signin?next=%2Fpeople" {
		t.Errorf("the list leads to %s", at)
	}
	page := g.get(juma).is(200).says("To change this person, sign in again").omits(`value="block"`, `value="role"`)
	at := page.link(t, `/signin\?next=[^"]*`)
	if !strings.HasPrefix(at, "/signin?next=%2Fpeople%2Fusr_") {
		t.Errorf("the person's page leads to %s", at)
	}
	g.post(juma, "form", form, "act", "block").is(422).says("You signed in more than 10 minutes ago.")
	sent := g.post("/people", "form", form, "email", "other@example.org", "role", "operator").is(403)
	if at := sent.link(t, `/signin\?next=[^"]*`); at != "/signin?next=%2Fpeople" {
		t.Errorf("an invitation leads to %s", at)
	}
	if n := w.audited("person.block") + w.audited("person.invite"); n != 2 { // the owner, and Juma through the API
		t.Errorf("%d acts in the audit log, want 2", n)
	}
	g.signIn(ownerEmail)
	g.get(g.act(juma, "block").leads(juma + "?done=block")).is(200).says("■ Blocked")
}

// TestOnesOwnAccount: everybody sees their own account and sessions, and ends the other sessions but not this one. It needs no fresh sign-in.
func TestOnesOwnAccount(t *testing.T) {
	w := begin(t)
	w.person("till@example.org", access.Operator)
	w.person(financeEmail, access.Finance)
	other := w.enter("till@example.org")
	w.clock.move(access.ProofFresh + time.Second)
	g, finance := w.enter("till@example.org"), w.enter(financeEmail)
	page := g.get("/meters").is(200)
	page.link(t, "/account")
	page = g.get("/account").is(200).says("till@example.org", "Operator operator", "sells at a counter", "Only this person", "● This session", "End all other sessions").
		omits("Recovery codes left", `href="/people"`)
	if n := strings.Count(page.body, "● This session"); n != 1 {
		t.Errorf("%d sessions are marked, want 1", n)
	}
	finance.get("/account").is(200).says("Recovery codes left 8").omits("End all other sessions")
	g.post("/account/sessions", "form", "x").is(422).says("The form is from another session.")
	other.get("/account").is(200)
	live := other.follow("/meters/live?n=" + meterNumber)
	live.next("event: ping")
	g.get(g.post("/account/sessions", "form", page.value("form")).leads("/account?done=1")).is(200).says("Your other sessions have ended.", "● This session").
		omits("End all other sessions")
	live.next("event: end")
	other.get("/account").leads("/signin?next=%2Faccount")
	finance.get("/account").is(200)
	w.enter(ownerEmail).get("/account").is(200).link(t, "/people")
	w.guest().get("/account").leads("/signin?next=%2Faccount")
	if n := w.audited("person.end-sessions"); n != 1 {
		t.Errorf("%d rows of ended sessions in the audit log, want 1", n)
	}
}

// TestASellersVendorIsNamed: a vendor's seller needs the vendor's code, and the pages name the vendor.
func TestASellersVendorIsNamed(t *testing.T) {
	w := begin(t)
	w.api("/v1/vendors", `{"name":"Corner shop","code":"V9"}`)
	g := w.enter(ownerEmail)
	form := g.get("/people").value("form")
	g.post("/people", "form", form, "email", "juma@example.org", "role", "vendor_api").is(422).says("needs a vendor")
	g.post("/people", "form", form, "email", "juma@example.org", "role", "vendor_api", "vendor", "V9").is(200)
	g.get("/people").is(200).says("Vendor's seller Corner shop (V9)")
	g.get(juma).is(200).says("Corner shop (V9)")
	g.get(g.act(juma, "role", "role", "operator").leads(juma + "?done=role")).is(200).omits("Corner shop")
}

// TestPagesOfPeopleFollowEachOther: the list has 50 people on a page.
func TestPagesOfPeopleFollowEachOther(t *testing.T) {
	w := begin(t)
	for i := range 51 {
		w.people("", fmt.Sprintf(`{"email":"p%02d@example.org","role":"support"}`, i))
	}
	g := w.enter(ownerEmail)
	first := g.get("/people").is(200).says("p48@example.org").omits("p49@example.org")
	g.get(strings.ReplaceAll(first.link(t, `/people\?after=[^"]*`), "&amp;", "&")).is(200).says("p49@example.org", "p50@example.org").omits("p48@example.org", "Next page")
}
