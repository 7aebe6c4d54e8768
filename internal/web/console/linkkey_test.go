package console_test

import (
	"regexp"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
)

// TestAnApproverSeesTheNextLinkKeyOnce: the meter's page says since when two keys are in use. Another next key takes a second person, who
// is shown the key once.
func TestAnApproverSeesTheNextLinkKeyOnce(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	page := "/meters/" + meterNumber
	g.get(page).is(200).omits("two keys in use since")
	w.api("/v1/meters/"+meterNumber+"/link-key", `{}`)
	g.get(page).is(200).says("Link key", "two keys in use since")
	const email = "engineer@example.org"
	w.person(email, access.Engineer)
	made, err := w.beside().Access.CreateAPIKey(t.Context(), app.Clerk(), access.NewKey{Role: access.Engineer, Person: email, Name: "bench"})
	if err != nil || made.Refused() {
		t.Fatal(made.Refusal, err)
	}
	apr := "/approvals/" + w.asks(made.Secret.Reveal(), "/v1/meters/"+meterNumber+"/link-key", `{}`)
	form := g.get(apr).is(200).says("End the use of a link key", "make another next link key for meter "+meterNumber, "it then ignores a cut-off").value("form")
	done := g.post(apr, "form", form, "choice", "approve", "reason", "asked by telephone").is(200).says("Approved.", "Next link key")
	key := regexp.MustCompile(`[0-9a-f]{64}`).FindString(done.body)
	if key == "" {
		t.Fatal("the approver is not shown the next link key")
	}
	g.get(apr).is(200).omits(key)
	g.get("/audit").is(200).omits(key)
}
