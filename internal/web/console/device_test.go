package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
)

// agent adds a vendor and a person who sells for it, and signs the person in with the password.
func (w *world) agent(code, email string) *guest {
	w.t.Helper()
	w.api("/v1/vendors", `{"name":"Corner shop","code":"`+code+`"}`)
	owner := w.enter(ownerEmail)
	link := owner.post("/people", "form", owner.get("/people").value("form"), "email", email, "role", "vendor_api", "vendor", code).is(200).oneTime()
	g := w.guest()
	g.post(link, "password", password).leads("/signin?set=1")
	g.signIn(email)
	return g
}

// deposit books KES 300 for a vendor.
func (w *world) deposit(code string) {
	w.t.Helper()
	w.api("/v1/vendors/"+code+"/deposits", `{"amount":{"amount_minor":30000,"currency":"KES"},"reference":"slip-`+code+`"}`)
}

// register registers the browser with the PIN 271828.
func (g *guest) register(name string) {
	g.w.t.Helper()
	g.get(g.post("/account/devices", "form", g.get("/account").is(200).value("form"), "device", name, "pin", "271828").leads("/account?done=device")).is(200).
		says("This browser is registered.", name)
}

const agentEmail = "agent@example.org"

// TestAnAgentsDay: an agent registers the browser at the counter, signs in with the PIN, and sells from the vendor's float.
func TestAnAgentsDay(t *testing.T) {
	w := begin(t)
	g := w.agent("V9", agentEmail)
	w.deposit("V9")
	page := g.get("/account").is(200).says("Sign in with a PIN in this browser", "No devices")
	for pin, want := range map[string]string{"123456": "The PIN is too easy to guess.", "27182": "The PIN is not 6 digits."} {
		g.post("/account/devices", "form", page.value("form"), "device", "Counter 1", "pin", pin).is(422).says(want, "No changes were made.")
	}
	g.post("/account/devices", "form", "x", "device", "Counter 1", "pin", "271828").is(422).says("The form is from another session.")
	in := g.post("/account/devices", "form", page.value("form"), "device", "Counter 1", "pin", "271828")
	set := in.header.Get("Set-Cookie")
	for _, want := range []string{"paywatt_device=", "Path=/", "HttpOnly", "SameSite=Lax", "Expires="} {
		if !strings.Contains(set, want) {
			t.Errorf("Set-Cookie %q lacks %s", set, want)
		}
	}
	g.get(in.leads("/account?done=device")).says("This browser is registered.", "Counter 1")
	g.post("/signout").leads("/signin")

	g.get("/signin?next=/sell").is(200).says("Signed in here before:", agentEmail, "Counter 1", "Sign in with a password")
	g.get("/signin?password=1").is(200).says("E-mail address")
	w.guest().get("/signin").is(200).says("E-mail address").omits("Counter 1")
	g.post("/signin/pin", "pin", "314159").is(422).says("The PIN is wrong. Tries left: 4.")
	g.post("/signin/pin", "pin", "271828", "next", "/sell").leads("/sell")
	g.get("/").leads("/sell")

	check := g.check(meterNumber, "100").is(200).says("0414 0001 001", "Amina A.", "34.7 kWh").omits("Tariff", "Balance")
	at := g.post("/sell", "form", check.value("form"), "meter", meterNumber, "amount", "100").leads("/sales/vnd_")
	g.get(at).is(200).says("V9-000001")
	g.get("/sell").is(200).says("Left to sell: KES 200.00. Sold today: 1, KES 100.00.")
	g.check(meterNumber, "250").says("The vendor's account has 200.00 KES left.", "No money was taken and no token was made.")
	form := g.get("/sell").value("form")
	g.post("/sell", "form", form, "meter", meterNumber, "amount", "250").says("The vendor's account has 200.00 KES left.", "No money was taken and no token was made.")
	g.check(meterNumber, "200").is(200)

	form = g.get("/sell").value("form")
	g.get("/account").is(200).says("You signed in with a PIN.").omits("Register this browser", "End all other sessions")
	for _, path := range []string{"/account/devices", "/account/sessions"} {
		g.post(path, "form", form, "device", "Counter 2", "pin", "314159").is(422).says("You signed in with a PIN.")
	}
	for _, path := range []string{"/people", "/keys", "/meters", "/customers", "/ledger", "/audit"} {
		if a := g.get(path); a.status != http.StatusForbidden {
			t.Errorf("%s with a PIN: status %d", path, a.status)
		}
	}
	g.post("/signin", "email", agentEmail, "password", password).leads("/")
	g.get("/account").is(200).says("Sign in with a PIN in this browser")
	for action, want := range map[string]int{"person.register-device": 1, "signin.pin": 1, "signin.pin-refused": 1} {
		if n := w.audited(action); n != want {
			t.Errorf("%d audit rows of %s, want %d", n, action, want)
		}
	}
}

// TestRevokingADeviceStopsItsPages: whoever manages people revokes a device while a page is open on it. Sessions elsewhere go on.
func TestRevokingADeviceStopsItsPages(t *testing.T) {
	w := begin(t)
	g := w.agent("V9", agentEmail)
	w.deposit("V9")
	g.register("Counter 1")
	elsewhere := w.enter(agentEmail)
	g.post("/signout").leads("/signin")
	g.post("/signin/pin", "pin", "271828").leads("/")
	check := g.check(meterNumber, "100").is(200)
	sale := g.post("/sell", "form", check.value("form"), "meter", meterNumber, "amount", "100").leads("/sales/")
	live := g.follow(sale + "/live")
	live.next("event: ping")

	owner := w.enter(ownerEmail)
	path := "/people/" + agentEmail
	page := owner.get(path).is(200).says("Devices for signing in with a PIN", "Counter 1")
	owner.post(path, "form", page.value("form"), "act", "revoke-device", "device", "dev_none").is(422).says("Device dev_none was not found.")
	owner.get(owner.post(path, "form", page.value("form"), "act", "revoke-device", "device", page.value("device")).leads(path + "?done=revoke-device")).is(200).
		says("The device was revoked.").omits("Counter 1")
	live.next("event: end")
	g.get("/sell").leads("/signin")
	if set := g.get("/signin").is(200).says("E-mail address").header.Get("Set-Cookie"); !strings.Contains(set, "paywatt_device=;") {
		t.Errorf("the browser keeps the cookie: %q", set)
	}
	g.post("/signin/pin", "pin", "271828").is(422).says("This browser can no longer sign in with a PIN.")
	elsewhere.get("/account").is(200).says("No devices")

	elsewhere.register("Counter 2")
	own := elsewhere.get("/account")
	elsewhere.post("/account/devices/"+own.value("device"), "form", "x").is(422).says("The form is from another session.")
	w.clock.move(access.ProofFresh + time.Second)
	elsewhere.get("/account").is(200).omits("Register this browser").link(t, `/signin\?next=%2Faccount&amp;password=1`)
	elsewhere.post("/account/devices", "form", own.value("form"), "device", "Counter 3", "pin", "271828").is(422).says("You signed in more than 10 minutes ago.")
	elsewhere.get(elsewhere.post("/account/devices/"+own.value("device"), "form", own.value("form")).leads("/account?done=revoked")).is(200).says("The device was revoked.", "No devices")
	if n := w.audited("person.revoke-device"); n != 2 {
		t.Errorf("%d audit rows of revoked devices, want 2", n)
	}
}

// TestFiveWrongPINsRevokeTheBrowser: the person then signs in with the password and registers again.
func TestFiveWrongPINsRevokeTheBrowser(t *testing.T) {
	w := begin(t)
	g := w.agent("V9", agentEmail)
	g.register("Counter 1")
	g.post("/signout")
	for range access.MaxWrongPINs - 1 {
		g.post("/signin/pin", "pin", "314159").is(422).says("The PIN is wrong.", "Counter 1")
	}
	g.post("/signin/pin", "pin", "314159").is(422).says("This browser can no longer sign in with a PIN.", "E-mail address")
	g.post("/signin/pin", "pin", "271828").is(422)
	g.get("/signin").is(200).says("E-mail address")
	g.signIn(agentEmail)
	g.get("/account").is(200).says("No devices")
	g.register("Counter 1")
	g.post("/signout")
	g.post("/signin/pin", "pin", "271828").leads("/")
	if n := w.audited("person.revoke-device"); n != 1 {
		t.Errorf("%d audit rows of revoked devices, want 1", n)
	}
}

// TestPeopleOfTheUtilityHaveNoPIN: neither the page nor a form that is sent anyway registers a browser.
func TestPeopleOfTheUtilityHaveNoPIN(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	g.get("/account").is(200).omits("PIN")
	g.post("/account/devices", "form", g.get("/people").value("form"), "device", "Counter 1", "pin", "271828").is(422).says("Only people who sell for a vendor sign in with a PIN.")
	base, _ := url.Parse(w.url)
	g.http.Jar.SetCookies(base, []*http.Cookie{{Name: "paywatt_device", Value: "planted"}})
	g.post("/signin/pin", "pin", "271828").is(422).says("This browser can no longer sign in with a PIN.")
}

// TestOthersDoNotSlowADeviceDown: somebody at the agent's address guesses passwords until the address must wait. The registered browser still
// signs in. It has a limit of its own.
func TestOthersDoNotSlowADeviceDown(t *testing.T) {
	w := begin(t)
	g := w.agent("V9", agentEmail)
	g.register("Counter 1")
	g.post("/signout")
	for i := 0; ; i++ {
		if i > 100 {
			t.Fatal("nobody is slowed down")
		}
		if w.guest().post("/signin", "email", fmt.Sprintf("nobody-%d@example.org", i), "password", "x").status == http.StatusTooManyRequests {
			break
		}
	}
	for range 10 {
		g.post("/signin/pin", "pin", "271828").leads("/")
	}
	g.post("/signin/pin", "pin", "271828").is(429).says("Too many attempts", "Counter 1")
	w.clock.move(7 * time.Second)
	g.post("/signin/pin", "pin", "271828").leads("/")
}
