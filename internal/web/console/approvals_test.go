package console_test

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
)

const financeEmail = "finance@example.org"

// asks posts JSON with a key of a person and returns the id of the request that waits for a second person.
func (w *world) asks(key, path, body string) string {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Idempotency-Key", "asks-"+regexp.MustCompile(`\W`).ReplaceAllString(path+body, ""))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	var m struct{ ID string }
	if err != nil || resp.StatusCode != http.StatusAccepted || json.Unmarshal(b, &m) != nil {
		w.t.Fatalf("POST %s: status %d, want 202: %s, %v", path, resp.StatusCode, b, err)
	}
	return m.ID
}

// secondPerson adds a person of finance, so that vendors' terms need two people, and returns the person's key.
func (w *world) secondPerson() (key string) {
	w.t.Helper()
	w.api("/v1/vendors", `{"name":"Corner shop","code":"V9"}`)
	return w.keyOf(financeEmail, access.Finance, "till of finance")
}

// keyOf adds a person and returns a key of this person.
func (w *world) keyOf(email string, role access.Role, name string) (key string) {
	w.t.Helper()
	w.person(email, role)
	made, err := w.beside().Access.CreateAPIKey(w.t.Context(), app.Clerk(), access.NewKey{Role: role, Person: email, Name: name})
	if err != nil || made.Refused() {
		w.t.Fatal(made.Refusal, err)
	}
	return made.Secret.Reveal()
}

// TestASecondPersonDecidesWithTheEvidence: the page shows what is asked, by whom, who gains and which rule asks for a second person. The
// person who asked cannot approve, and the page says why. An approval is carried out at once and only once.
func TestASecondPersonDecidesWithTheEvidence(t *testing.T) {
	w := begin(t)
	key := w.secondPerson()
	apr := "/approvals/" + w.asks(key, "/v1/vendors/V9/terms", `{"credit_limit_minor":70000}`)
	g := w.enter(ownerEmail)
	g.get("/approvals").is(200).says("Change a vendor's terms", "▲ Waiting for a second person", "credit limit from KES 0.00 to KES 700.00", "till of finance")
	page := g.get(apr).is(200).says("credit limit from KES 0.00 to KES 700.00", "Who gains The vendor: a higher commission or credit is the utility's money.",
		"A second person must approve this action and needs the same right: vendor.terms · vendor.manage", "Every field of the request", "70000", "carried out at once", "in the name of API key till of finance")

	maker := w.enter(financeEmail)
	own := maker.get(apr).is(200).says("You cannot approve this request", "You requested this action, so you cannot decide about it.").omits(`value="approve"`, `value="reject"`)
	if strings.Contains(own.body, `name="form"`) {
		t.Error("the maker gets a form")
	}
	maker.post(apr, "form", page.value("form"), "choice", "approve").is(422).says("No decision was recorded.", "▲ Waiting for a second person")

	g.post(apr, "form", page.value("form"), "choice", "approve", "reason", "seen the contract").is(200).
		says("Approved. The request was carried out.", "✓ Approved and done", "Reason: seen the contract").omits(`value="approve"`)
	g.post(apr, "form", page.value("form"), "choice", "approve").is(422).says("is already done")
	g.get("/approvals").is(200).says("No requests wait for a second person")
	g.get("/approvals?all=1").is(200).says("✓ Approved and done")

	w.person("support@example.org", access.Support)
	other := w.enter("support@example.org")
	other.get("/approvals?all=1").is(200).says("No requests wait for a second person")
	other.get(apr).is(404)
	g.get("/approvals/apr_x").is(404)
	g.get("/approvals?before=x").is(400)
}

// TestAnApprovalNeedsAFreshSignIn: a person who signed in more than ten minutes ago can reject, but not approve.
func TestAnApprovalNeedsAFreshSignIn(t *testing.T) {
	w := begin(t)
	key := w.secondPerson()
	first := "/approvals/" + w.asks(key, "/v1/vendors/V9/terms", `{"credit_limit_minor":70000}`)
	second := "/approvals/" + w.asks(key, "/v1/vendors/V9/terms", `{"commission_bps":900}`)
	g := w.enter(ownerEmail)
	fresh := g.get(first).is(200)
	w.clock.move(access.ProofFresh + time.Second)
	page := g.get(first).is(200).says("You signed in more than 10 minutes ago.", "Sign in again").omits(`value="approve"`)
	if at := page.link(t, `/signin\?next=[^"]*`); at != "/signin?next="+strings.ReplaceAll(first, "/", "%2F") {
		t.Errorf("the way to sign in again leads to %s", at)
	}
	g.post(first, "form", fresh.value("form"), "choice", "approve").is(422).says("You signed in more than 10 minutes ago.")
	g.post(second, "form", page.value("form"), "choice", "reject", "reason", "no contract").is(200).says("Rejected. No changes were made.", "Reason: no contract")
	g = w.enter(ownerEmail)
	g.post(first, "form", g.get(first).is(200).value("form"), "choice", "approve").is(200).says("Approved. The request was carried out.")
}

// waitingApproval asks for a vendor's credit and returns the page of the request.
func (w *world) waitingApproval() string {
	w.t.Helper()
	return "/approvals/" + w.asks(w.secondPerson(), "/v1/vendors/V9/terms", `{"credit_limit_minor":70000}`)
}
