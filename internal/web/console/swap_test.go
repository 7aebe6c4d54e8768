package console_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/access"
)

const stockNumber = "04140001027"

// TestAMeterIsReplacedInTheBrowser: the page shows what the records allow and what will happen before it happens, a second person allows it,
// and the form sent again replaces nothing twice.
func TestAMeterIsReplacedInTheBrowser(t *testing.T) {
	w := begin(t)
	w.person(engineerEmail, access.Engineer)
	w.person(otherEngineer, access.Engineer)
	w.api("/v1/meters", `{"number":"`+stockNumber+`","mode":"prepay_token","sgc":"123456","krn":1,"kt":2,"ti":"01","tariff":"domestic","status":"stock","simulated":true}`)
	owner := w.enter(ownerEmail)
	owner.sell(meterNumber, "100").says("34.7 kWh")
	g, second := w.enter(engineerEmail), w.enter(otherEngineer)
	at := "/meters/" + meterNumber + "/swap"
	g.get("/meters/" + meterNumber + "/service").is(200).says("Replace the meter")
	page := g.get(at).is(200).says("It never reported that.", "at most", "34.7 kWh", "Tokens that were never entered", "paywatt meter swap "+meterNumber)
	token := page.value("unused")
	ask := func(act string, more ...string) []string {
		return append([]string{"form", page.value("form"), "act", act, "new", stockNumber, "reason", "display dark"}, more...)
	}
	g.post(at, ask("plan", "balance", "34.8")...).is(400).says("34.8 kWh are more than meter")
	g.post(at, ask("plan", "balance", "a lot")...).is(400)
	plan := g.post(at, ask("plan", "balance", "0", "unused", token)...).is(200).says("What will happen", "34.7 kWh", "Replace the meter now", "--unused-token "+token)
	if n := w.audited("meter.swap"); n != 0 {
		t.Fatal("the plan replaced the meter")
	}
	do := append(ask("swap", "balance", "0", "unused", token), "form", plan.value("form"))[2:]
	apr := g.post(at, do...).is(202).says("A second person must allow it").link(t, `/approvals/apr_[^"]*`)
	if again := g.post(at, do...).leads("/approvals/"); again != apr {
		t.Errorf("the form sent again leads to %s, want %s", again, apr)
	}
	second.post(apr, "form", second.get(apr).is(200).says(stockNumber).value("form"), "choice", "approve", "reason", "saw both meters").is(200).says("Approved and done")
	done := g.get(at).is(200).says("This meter was replaced by meter", "34.7 kWh", otherEngineer+" allowed it.").omits("Replace the meter now")
	g.get(done.link(t, `/meters/`+stockNumber+`/made/job_[^"]*`)).is(200).says("Replacement", "Not loaded")
	for _, c := range []struct{ meter, other, what, says string }{{meterNumber, stockNumber, "replaced", "Replaced by meter"}, {stockNumber, meterNumber, "replaces", "Took the place of meter"}} {
		g.get("/meters/"+c.meter+"/timeline").is(200).says(c.says, "display dark", "34.7 kWh")
		if m := w.moments(c.meter, "&kind=swap"); len(m) != 1 || m[0].What != c.what || m[0].Meter != c.other || m[0].UnitsWh != 34_700 || m[0].Note != "display dark" {
			t.Errorf("the swap in the timeline of %s: %+v", c.meter, m)
		}
	}
	owner.check(meterNumber, "100").says("was replaced by meter " + stockNumber)
	owner.sell(stockNumber, "100").says("34.8 kWh") // with the change of the sale to the old meter
	w.person("books@example.org", access.Auditor)
	auditor := w.enter("books@example.org")
	auditor.post(at, "form", auditor.get("/doctor").value("form"), "act", "plan", "new", stockNumber, "reason", "x").is(403)
}

// TestAPlannedKeyChangeIsTakenBackInTheBrowser: after it, tokens are sold again under the present key.
func TestAPlannedKeyChangeIsTakenBackInTheBrowser(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	at := "/meters/" + meterNumber + "/key"
	form := func() string { return g.get(at).is(200).value("form") }
	g.post(at, "form", form(), "act", "plan", "ti", "02", "reason", "campaign").leads(at)
	g.get(at).is(200).says("Take back the plan", "paywatt meter cancel-key "+meterNumber)
	g.post(at, "form", form(), "act", "cancel", "reason", " ").is(400)
	g.get(g.post(at, "form", form(), "act", "cancel", "reason", "wrong meter").leads(at)).is(200).says("The plan was taken back.", "Plan the key change").omits("Take back the plan")
	g.sell(meterNumber, "100").says("34.7 kWh")
}
