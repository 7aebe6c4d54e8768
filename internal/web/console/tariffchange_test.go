package console_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/access"
)

// TestTheTariffOfAMeterIsChangedInTheBrowser: the page says what the next purchase and a usual month cost before and after. A dearer tariff begins at
// once, the way back is planned and needs a second person, and a planned change can be withdrawn. Explanation and timeline say it.
func TestTheTariffOfAMeterIsChangedInTheBrowser(t *testing.T) {
	w := begin(t)
	w.api("/v1/tariffs", `{"name":"shops","currency":"KES","vat_bps":1500,"flat_micro":5000000}`)
	w.person(engineerEmail, access.Engineer)
	w.person(otherEngineer, access.Engineer)
	owner, g, second := w.enter(ownerEmail), w.enter(engineerEmail), w.enter(otherEngineer)
	owner.sell(meterNumber, "100").says("34.7 kWh")
	at := "/meters/" + meterNumber + "/tariff"
	g.get("/meters/" + meterNumber + "/service").is(200).says("Change the tariff")
	page := g.get(at).is(200).says("Tariffs of this account", "domestic", "paywatt meter change-tariff "+meterNumber)
	ask := func(act string, more ...string) []string {
		return append([]string{"form", page.value("form"), "act", act, "reason", "became a shop"}, more...)
	}
	g.post(at, ask("plan", "tariff", "shops", "from", "soon")...).is(400).says("is not a time")
	g.post(at, ask("plan", "tariff", "shops", "from", "2020-01-01")...).is(422).says("which has passed")
	g.post(at, "form", page.value("form"), "act", "change", "tariff", "shops", "reason", " ").is(400)
	g.post(at, ask("plan", "tariff", "shops")...).is(200).omits("Something becomes cheaper").
		says("What will change", "At once", "The next purchase of KES 100.00 buys", "34.8 kWh", "17.4 kWh", "Change the tariff now")
	if n := w.audited("account.tariff"); n != 0 {
		t.Fatal("the plan changed the tariff")
	}
	g.post(at, ask("change", "tariff", "shops")...).leads(at)
	g.get(at).is(200).says("became a shop", engineerEmail, "In force")
	owner.sell(meterNumber, "100").says("17.4 kWh") // with the change of the sale before
	back := ask("plan", "tariff", "domestic", "from", w.clock.now().AddDate(0, 0, 2).UTC().Format("2006-01-02 15:04"))
	g.post(at, back...).is(200).says("Something becomes cheaper for this customer")
	back[3] = "change"
	apr := g.post(at, back...).is(202).says("A second person must allow it").link(t, `/approvals/apr_[^"]*`)
	g.get(at).is(200).omits("A change is planned")
	asked := second.get(apr).is(200).says(meterNumber, "domestic", "shops")
	second.post(apr, "form", asked.value("form"), "choice", "approve", "reason", "saw the shop close").is(200).says("Approved and done")
	g.get(at).is(200).says("A change is planned", "Planned")
	g.post(at, ask("plan", "withdraw", "yes")...).is(200).says("Withdraw the change")
	g.get(g.post(at, ask("change", "withdraw", "yes")...).leads(at)).is(200).says("Withdrawn").omits("A change is planned")
	owner.get("/meters/"+meterNumber+"/timeline?kind=tariff").is(200).
		says("Tariff shops from", "Tariff domestic from", "it stays on shops", "became a shop")
	m := w.moments(meterNumber, "&kind=tariff")
	if len(m) != 3 || m[0].What != "withdrawn" || m[0].Tariff != "shops" || m[1].Tariff != "domestic" || m[2].Note != "became a shop" {
		t.Errorf("the tariffs in the timeline: %+v", m)
	}
	w.person("books@example.org", access.Auditor)
	auditor := w.enter("books@example.org")
	auditor.get(at).is(200).says("shops").omits("Show what will change")
	auditor.post(at, "form", auditor.get("/doctor").value("form"), "act", "plan", "tariff", "domestic", "reason", "x").is(403)
}
