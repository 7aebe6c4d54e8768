package console_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// member is what the tests read of a person.
type member struct {
	ID, State, Role string
	InviteURL       string `json:"invite_url"`
	Confirmed       bool
}

// people posts to the API's people with the owner's key, and expects success.
func (w *world) people(path, body string) (m member) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url+"/v1/people"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode > http.StatusCreated || json.Unmarshal(b, &m) != nil {
		w.t.Fatalf("POST /v1/people%s: status %d: %s, %v", path, resp.StatusCode, b, err)
	}
	return m
}

// TestALifeOfAPerson: a person is invited, sets a password, signs in, gets another role, is blocked with a page open, and is reset. Each
// change ends the sessions, and the open page, at once.
func TestALifeOfAPerson(t *testing.T) {
	w := begin(t)
	m := w.people("", `{"email":"Juma@example.org","name":"Juma O.","role":"operator"}`)
	if m.State != "invited" || m.Confirmed || !strings.HasPrefix(m.InviteURL, "/invite/") {
		t.Fatalf("invited: %+v", m)
	}
	g, juma := w.guest(), "/"+m.ID
	g.post("/signin", "email", "juma@example.org", "password", "").is(422)
	g.get("/invite/x").is(403).says("This link is not valid, or no longer valid.", "Ask the person who sent it for a new one.")
	g.get(m.InviteURL).is(200).says("You sign in as juma@example.org.")
	g.post(m.InviteURL, "password", "short").is(422).says("The password is shorter than 12 characters.", "You sign in as juma@example.org.")
	g.get(g.post(m.InviteURL, "password", password).leads("/signin?set=1")).is(200).says("Your password is set.")
	g.post(m.InviteURL, "password", password).is(403)
	w.people("/juma@example.org/role", `{"role":"supervisor"}`)

	in := func() *guest { return w.enter("juma@example.org") }
	g = in()
	page := g.follow("/meters/live?n=" + meterNumber)
	page.next("event: ping")
	if m := w.people(juma+"/role", `{"role":"operator"}`); m.Role != "operator" || m.InviteURL != "" {
		t.Errorf("with another role: %+v", m)
	}
	page.next("event: end")
	g.get("/meters").leads("/signin")

	g = in()
	page = g.follow("/meters/live?n=" + meterNumber)
	page.next("event: ping")
	if m := w.people(juma+"/block", ""); m.State != "blocked" {
		t.Errorf("blocked: %+v", m)
	}
	page.next("event: end")
	g.get("/meters").leads("/signin")
	g.post("/signin", "email", "juma@example.org", "password", password).is(422)
	w.people(juma+"/unblock", "")

	g = in()
	m = w.people(juma+"/reset", "")
	g.get("/meters").leads("/signin")
	g.post("/signin", "email", "juma@example.org", "password", password).is(422)
	g.post(m.InviteURL, "password", "another few unrelated words").leads("/signin?set=1")
	g.post("/signin", "email", "juma@example.org", "password", "another few unrelated words").leads("/")
	if n := w.audited("person.accept"); n != 3 { // the owner's, too
		t.Errorf("the audit log has %d accepted links, want 3", n)
	}
}
