package console_test

import "testing"

// TestEveryPageLeadsToItsHelp: the link at the bottom of a page, which needs no script, opens the help for that page.
func TestEveryPageLeadsToItsHelp(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	for page, said := range map[string]string{"/overview": "lists what needs somebody", "/meters": "every meter with its last reading", "/sell": "check the payee", "/ledger": "the books balance",
		"/tills": "Z report", "/tariffs": "has versions", "/approvals": "second person", "/office": "behind the counter", "/people": "second factor", "/customers": "by name, telephone", "/messages": "what became of each", "/quarantine": "cannot be true",
		"/payments": "waits for a person", "/devices": "do not know Paywatt", "/debts": "what each purchase pays", "/integrations": "over MQTT", "/audit": "are sealed"} {
		help := g.get(page).is(200).link(t, `/help\?page=[^"]+`)
		g.get(help).is(200).says(said, "Back to the page", "Leave a form without sending it")
	}
	g.get("/help?page=https://evil.example").is(200).omits("evil.example")
}
