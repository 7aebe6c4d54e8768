package console_test

import (
	"regexp"
	"strings"
	"testing"
)

// TestEveryPageLeadsToItsHelp: the link at the bottom of a page, which needs no script, opens the help for that page.
func TestEveryPageLeadsToItsHelp(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	for page, said := range map[string]string{"/overview": "lists what needs somebody", "/meters": "every meter with its last reading", "/sell": "check the payee", "/ledger": "the books balance",
		"/tills": "Z report", "/tariffs": "has versions", "/approvals": "second person", "/office": "behind the counter", "/people": "second factor", "/customers": "by name, telephone", "/messages": "what became of each", "/quarantine": "cannot be true",
		"/payments": "waits for a person", "/vouchers": "is redeemed once", "/webhooks": "sends events again", "/devices": "do not know Paywatt", "/debts": "what each purchase pays", "/integrations": "over MQTT", "/audit": "are sealed"} {
		help := g.get(page).is(200).link(t, `/help\?page=[^"]+`)
		g.get(help).is(200).says(said, "Back to the page", "Leave a form without sending it")
	}
	g.get("/help?page=https://evil.example").is(200).omits("evil.example")
}

// TestEachFormShowsTheCommandThatDoesTheSame: the forms that set something up, and those that guide through an act at a meter.
func TestEachFormShowsTheCommandThatDoesTheSame(t *testing.T) {
	w := begin(t)
	w.walletMeter()
	g := w.enter(ownerEmail)
	meter := "/meters/" + meterNumber
	for path, command := range map[string]string{
		"/meters/new": "meter add NUMBER", "/customers/new": "customer add", g.get("/customers").link(t, `/customers/cus_[^"]*`): "customer change cus_", "/settings": "utility set",
		"/integrations": "integration add", "/doctor": "token explain", meter + "/place": "meter set",
		meter + "/key": "meter plan-key", meter + "/service/clear_tamper": "meter give-token", meter + "/config": "meter config", "/accounts/" + meterNumber: "debt add",
	} {
		body := g.get(path).is(200).body
		_, after, found := strings.Cut(body, "The same on the command line: <code>paywatt "+command)
		if command != "" && (!found || !strings.Contains(after, "</code>")) {
			t.Errorf("%s does not show paywatt %s: %q", path, command, regexp.MustCompile(`<code>paywatt [^<]*`).FindAllString(body, -1))
		}
	}
}
