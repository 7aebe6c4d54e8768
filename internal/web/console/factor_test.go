package console_test

import (
	"strings"
	"testing"
	"time"
)

// TestCodesAreLimited: after ten wrong codes nobody can try more for a while from an unknown browser. A browser in which the owner has signed in
// has attempts of its own.
func TestCodesAreLimited(t *testing.T) {
	w := begin(t)
	known := w.enter(ownerEmail)
	w.clock.freeze()
	thief := w.guest()
	thief.post("/signin", "email", ownerEmail, "password", password).leads("/signin/code")
	for range 10 {
		thief.post("/signin/code", "code", "000000").is(422).says("The code is wrong", "You are not signed in")
	}
	a := thief.post("/signin/code", "code", w.recovery[ownerEmail][0]).is(429).says("Too many codes", "You are not signed in")
	if a.header.Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
	known.signIn(ownerEmail)
	w.clock.move(5 * time.Minute)
	thief.post("/signin/code", "code", "000000").is(422)
	thief.post("/signin/code", "code", "000000").is(429)
	w.clock.move(6 * time.Minute)
	thief.post("/signin/code", "code", "000000").leads("/signin") // the session waited for ten minutes
}

// TestTheSecondStepShowsNothingToStrangers: without the password there is no page of the second step, and the secret is shown only until it is
// in use.
func TestTheSecondStepShowsNothingToStrangers(t *testing.T) {
	w := begin(t)
	for _, path := range []string{"/signin/code", "/signin/app", "/signin/app.png"} {
		w.guest().get(path + "?next=/ledger").leads("/signin?next=%2Fledger")
	}
	g := w.guest()
	g.post("/signin", "email", ownerEmail, "password", password).leads("/signin/app")
	if a := g.get("/signin/app.png").is(200); a.header.Get("Content-Type") != "image/png" || !strings.HasPrefix(a.body, "\x89PNG") {
		t.Errorf("the QR code is %q", a.header.Get("Content-Type"))
	}
	g.get("/signin/code").leads("/signin/app")
	g.signIn(ownerEmail)
	g.get("/signin/app").leads("/signin")
	other := w.guest()
	other.post("/signin", "email", ownerEmail, "password", password).leads("/signin/code")
	other.get("/signin/app").leads("/signin")
	other.get("/signin/app.png").leads("/signin")
}
