package console_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
)

// shownKey reads the API key that a page shows; "" for none.
func (a answer) shownKey() string {
	return regexp.MustCompile(`pk_[A-Za-z0-9_-]{43}`).FindString(a.body)
}

// keyWorks checks the status that an API key gets.
func (w *world) keyWorks(what, key string, want int) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+"/v1/tariffs", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != want {
		w.t.Errorf("%s: status %d, want %d", what, resp.StatusCode, want)
	}
}

// TestTheLifeOfAKeyOnItsPage: a key is created, shown once, listed, replaced and revoked.
func TestTheLifeOfAKeyOnItsPage(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	g.get("/office").is(200).says("API keys")
	form := g.get("/keys").is(200).says("API keys", "Create a key", ownerEmail, "Everywhere", "✓ Works").value("form")
	fields := []string{"form", form, "name", "till 3", "role", "support", "lasts", "30d", "from", "127.0.0.1, 10.0.0.0/8"}
	made := g.post("/keys", fields...).is(200).says("New key: till 3", "Copy this key now. It is not shown again.", "127.0.0.1/32", "10.0.0.0/8", ownerEmail)
	key, page := made.shownKey(), made.link(t, `/keys/key_[a-z0-9]+`)
	w.keyWorks("the new key", key, 200)
	if got := made.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("the page with the key may be cached: %q", got)
	}
	if again := g.post("/keys", fields...).is(409).says("This form was sent before.", "No second key was created.", "till 3"); again.shownKey() != "" || w.audited("apikey.create") != 2 {
		t.Errorf("the form sent again shows %q, and there are %d keys", again.shownKey(), w.audited("apikey.create"))
	}
	if list := g.get("/keys").is(200).says("till 3", "Support", "127.0.0.1/32"); list.shownKey() != "" {
		t.Error("the list shows a key")
	}
	for _, lasts := range []string{"", "x", "-5d", "99999d"} { // none of them makes a key that never ends
		g.post("/keys", "form", g.get("/keys").value("form"), "name", "till 5", "role", "support", "lasts", lasts).is(422).says("is no length of a key's life", "No key was created.")
	}
	g.post("/keys", "form", g.get("/keys").value("form"), "name", "till 4", "role", "support", "lasts", "never", "from", "somewhere").is(422).
		says("neither an address nor a network").says("No key was created.")

	shown := g.get(page).is(200).says("till 3", "Replace the key", "Revoke the key")
	if shown.shownKey() != "" {
		t.Error("the page of the key shows the key itself")
	}
	replaced := g.post(page, "form", shown.value("form"), "act", "replace", "overlap", "0").is(200).says("New key: till 3", "The old key no longer works.")
	next, nextPage := replaced.shownKey(), replaced.link(t, `/keys/key_[a-z0-9]+`)
	w.keyWorks("the replaced key", key, 401)
	w.keyWorks("the key that replaces it", next, 200)
	if again := g.post(page, "form", shown.value("form"), "act", "replace", "overlap", "0").is(409).says("This form was sent before."); again.shownKey() != "" {
		t.Error("the form sent again shows a key")
	}
	g.get("/keys").is(200).says("till 3").omits("Expired")
	g.get("/keys?all=1").is(200).says("■ Expired")
	form = g.get(nextPage).is(200).value("form")
	g.post(nextPage, "form", form, "act", "replace", "overlap", "soon").is(422).says("0 to 30 days")
	g.post(nextPage, "form", form, "act", "replace", "overlap", "24h").is(200).says("The old key goes on working for: 24 hours.")
	g.post(nextPage, "form", form, "act", "revoke").is(422).says("was not ticked")
	w.keyWorks("the key whose end was not confirmed", next, 200)
	g.post(nextPage, "form", form, "act", "revoke", "sure", "1").is(200).says("The key was revoked.", "■ Revoked").omits("Replace the key")
	w.keyWorks("the revoked key", next, 401)
	g.post(nextPage, "form", form, "act", "revoke", "sure", "1").is(422).says("already revoked")
	g.get("/keys/key_none").is(404).says("was not found")
	g.get("/keys?after=x").is(400)
}

// TestWhoMayManageKeys: the pages need the right and a fresh sign-in. Only the person of a key replaces it, and the forms work only in the
// session for which they were made.
func TestWhoMayManageKeys(t *testing.T) {
	w := begin(t)
	w.person("tariffs@example.org", access.TariffManager)
	manager := w.enter("tariffs@example.org")
	manager.get("/office").is(200).omits("API keys")
	manager.get("/keys").is(403)
	manager.post("/keys", "form", "x", "role", "support").is(403)
	w.person("second@example.org", access.Owner)
	made, err := w.beside().Access.CreateAPIKey(t.Context(), app.Clerk(), access.NewKey{Role: access.Support, Person: "second@example.org", Name: "of the second"})
	if err != nil || made.Refused() {
		t.Fatal(made.Refusal, err)
	}
	g := w.enter(ownerEmail)
	page := g.get("/keys").is(200).says("of the second").link(t, `/keys/key_[a-z0-9]+`)
	for at := range strings.SplitSeq(strings.Join(regexp.MustCompile(`/keys/key_[a-z0-9]+`).FindAllString(g.get("/keys").body, -1), " "), " ") {
		page = at // the newest key is the last one
	}
	foreign := g.get(page).is(200).says("of the second", "Only the person of the key can replace it.").omits(`value="replace"`)
	g.post(page, "form", foreign.value("form"), "act", "replace", "overlap", "0").is(422).says("acts for another person")
	w.enter("second@example.org").post(page, "form", foreign.value("form"), "act", "revoke", "sure", "1").is(422).says("The form is from another session.")
	w.keyWorks("the key of the second person", made.Secret.Reveal(), 200)

	form := g.get("/keys").is(200).value("form")
	w.clock.move(access.ProofFresh + time.Second)
	for what, a := range map[string]answer{"/keys": g.get("/keys"), "/keys ": g.post("/keys", "form", form, "role", "support"), page: g.get(page),
		page + " ": g.post(page, "form", foreign.value("form"), "act", "revoke", "sure", "1")} {
		want := "/signin?next=" + strings.ReplaceAll(strings.TrimSpace(what), "/", "%2F")
		if at := a.says("You signed in more than 10 minutes ago.").link(t, `/signin\?next=[^"]*`); at != want {
			t.Errorf("%s leads to %s, want %s", a.what, at, want)
		}
	}
	if n := w.audited("apikey.create"); n != 2 {
		t.Errorf("%d keys, want 2", n)
	}
}
