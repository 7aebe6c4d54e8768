package console_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/sts"
)

const (
	engineerEmail = "engineer@example.org"
	otherEngineer = "other@example.org"
)

// TestAServiceTokenTakesTwoEngineers: the page says what will happen, the request waits for a second person, and whoever asked then sees the
// digits. The second person and the owner's clerk see the token on its way, and an engineer who did not ask sees no digits.
func TestAServiceTokenTakesTwoEngineers(t *testing.T) {
	w := begin(t)
	w.person(engineerEmail, access.Engineer)
	w.person(otherEngineer, access.Engineer)
	g, second := w.enter(engineerEmail), w.enter(otherEngineer)
	meter := "/meters/" + meterNumber
	g.get(meter).is(200).says("Service")
	g.get(meter+"/service").is(200).says("Clear tamper", "Power limit", "Token doctor", "Key change", "The server has the vending key of this meter.").omits("Service tokens")
	form := g.get(meter+"/service/clear_tamper").is(200).says("the evidence is gone afterwards", "paywatt meter give-token "+meterNumber+" clear_tamper", "If a second person must allow it")
	g.post(meter+"/service/clear_tamper", "form", form.value("form"), "code", "tamper_fixed", "reason", " ").is(400).says("The reason is missing.")
	ask := []string{"form", form.value("form"), "code", "tamper_fixed", "reason", "seal replaced"}
	waits := g.post(meter+"/service/clear_tamper", ask...).is(202).says("A second person must allow it")
	apr := waits.link(t, `/approvals/apr_[^"]*`)
	if at := g.post(meter+"/service/clear_tamper", ask...).leads("/approvals/"); at != apr {
		t.Errorf("the form sent again leads to %s, want %s: it must not ask twice", at, apr)
	}
	g.get(apr).is(200).says("You cannot approve this request").omits("Tokens that were made")
	second.post(apr, "form", second.get(apr).is(200).value("form"), "choice", "approve", "reason", "saw the seal").is(200).says("✓ Approved and done")
	page := g.get(apr).is(200).link(t, `/meters/mtr_[^"]*/made/apr_[^"]*`)
	shown := w.audited("token.show")
	made := g.get(page).is(200).says("Done: Clear tamper, made at", engineerEmail, otherEngineer+" allowed it.", "TEST", "Not loaded")
	if n := len(strings.ReplaceAll(made.token(), " ", "")); n != 20 {
		t.Errorf("the maker sees %d digits, want 20", n)
	}
	if n := w.audited("token.show"); n != shown+1 {
		t.Errorf("%d rows say that digits were shown, want 1 more than %d", n, shown)
	}
	second.get(page).is(200).says("Done: Clear tamper", "Your role may not see the digits").omits(`class="token"`)
	g.get(meter+"/service").is(200).says("Service tokens", "Clear tamper")
	g.get(made.link(t, meter+`/recharges/tok_[^"]*`)).is(200).says("Token for meter")
	g.get(meter + "/service/free").is(404)
	g.post(meter+"/service/free", "form", form.value("form"), "figure", "5", "code", "test", "reason", "free units").is(404)
	g.get(meter + "/made/job_x").is(404)
	w.person("books@example.org", access.Auditor)
	auditor := w.enter("books@example.org")
	auditor.get(meter).is(200).omits(meter + "/service")
	auditor.get(meter + "/service/clear_tamper").is(403)
	auditor.post(meter+"/service/clear_tamper", "form", auditor.get("/doctor").value("form"), "code", "other", "reason", "x").is(403)
}

// TestAKeyChangeFromPlanToConfirmationInTheBrowser: nothing is sold between the plan and the tokens, the whole set is shown in its order and
// again, and the change ends with a confirmation.
func TestAKeyChangeFromPlanToConfirmationInTheBrowser(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	at := "/meters/" + meterNumber + "/key"
	form := func() string { return g.get(at).is(200).value("form") }
	g.get(at).is(200).says("SGC 123456, KRN 1, TI 01", "Plan the next key.", "No token is sold to this meter until the set of tokens is made")
	g.post(at, "form", form(), "act", "plan", "ti", "02", "reason", "").is(400).says("The reason is missing.")
	g.post(at, "form", form(), "act", "plan", "krn", "x", "reason", "campaign").is(400)
	g.post(at, "form", form(), "act", "destroy", "reason", "campaign").is(400).says("which does not exist")
	g.get(g.post(at, "form", form(), "act", "plan", "ti", "02", "reason", "campaign").leads(at)).is(200).says("The key change is planned.", "SGC 123456, KRN 1, TI 02", "The server has the vending key of this meter.")
	g.check(meterNumber, "100").says("A key change is planned for meter")
	make := []string{"form", form(), "act", "make"}
	page := g.post(at, make...).leads("/meters/" + meterNumber + "/made/job_")
	if again := g.post(at, make...).leads("/meters/"); again != page {
		t.Errorf("the form sent again leads to %s, want %s", again, page)
	}
	set := g.get(page).is(200).says("Token 1 of 2", "Token 2 of 2", "in this order, all of them")
	first, all := set.token(), strings.Count(set.body, `class="token"`)
	if again := g.get(page).is(200).token(); again != first || all != 2 {
		t.Errorf("the set has %d tokens and begins with %s, then with %s", all, first, again)
	}
	g.get(at).is(200).says("Show the tokens", "Confirm the next key").omits("No token is sold to this meter until")
	if sold := g.sell(meterNumber, "100").says("Token 1 of 3", "Key change", "34.7 kWh"); sold.token() != first {
		t.Errorf("the page of the sale begins with %s, want the set %s before the credit", sold.token(), first)
	}
	g.post(at, "form", form(), "act", "confirm", "reason", "").is(400)
	g.get(g.post(at, "form", form(), "act", "confirm", "reason", "display said good").leads(at)).is(200).says("the meter holds this key", "SGC 123456, KRN 1, TI 02", "Plan the key change").omits("Show the tokens")
	if n := w.audited("key.confirm"); n != 1 {
		t.Errorf("%d confirmations in the audit log, want 1", n)
	}
}

// TestARollOverInTheBrowser: the page says that the base date has ended, what is missing, and fills in the change. A plan that cannot be carried out
// is refused.
func TestARollOverInTheBrowser(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	const number, at = "04140001027", "/meters/04140001027/key"
	w.api("/v1/meters", `{"number":"`+number+`","mode":"prepay_token","tariff":"domestic","sgc":"654321","krn":1,"kt":2,"ti":"01","base_date":1993,
		"customer":{"name":"Cara"},"simulated":true}`)
	page := g.get(at).is(200).says("The base date 1993 of this meter has ended.", "no vending key of supply group 654321 with base date 2014")
	if krn := page.value("krn"); krn != "" {
		t.Errorf("without a vending key, revision %q is filled in", krn)
	}
	w.vendingKey("654321", 1, sts.Base1993)
	w.vendingKey("654321", 2, sts.Base2014)
	page = g.get(at).is(200).says("Plan the change to a key with base date 2014.")
	if krn, base := page.value("krn"), page.value("base_date"); krn != "2" || base != "2014" {
		t.Errorf("revision %q and base date %q are filled in, want 2 and 2014", krn, base)
	}
	plan := func(krn, base string) answer {
		return g.post(at, "form", page.value("form"), "act", "plan", "krn", krn, "base_date", base, "reason", "roll-over")
	}
	plan("2", "").says("counts from base date 2014", "No token was made.")
	plan("3", "2014").says("There is no vending key for supply group 654321")
	plan("2", "1999").is(400).says("base_date must be 1993, 2014 or 2035.")
	g.get(plan("2", "2014").leads(at)).is(200).says("The key change is planned.", "KRN 2", "base date 2014").
		omits("The base date 1993 of this meter has ended.")
	g.post(at, "form", page.value("form"), "act", "make").leads("/meters/" + number + "/made/job_")
}

// TestTheTokenDoctorInTheBrowser: a pasted message is understood, the answer says what to do, and no digits get into an address.
func TestTheTokenDoctorInTheBrowser(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	digits := g.sell(meterNumber, "100").token()
	ask := func(text, meter string) answer {
		return g.post("/doctor", "form", g.get("/doctor?meter="+meterNumber).is(200).value("form"), "digits", text, "meter", meter)
	}
	found := ask("Your token is "+digits+" thank you", meterNumber).is(200).says("What was found", "kWh", "See the sale", "Fits the key")
	found.link(t, `/meters/`+meterNumber+`/recharges/tok_[^"]*`)
	ask("1234", meterNumber).is(200).says("What was found")
	g.post("/language", "language", "sw")
	ask(digits, meterNumber).is(200).says("Kilichopatikana", "Iliuzwa kwa mita "+meterNumber).omits("It was sold", "Enter it at")
	ask("1234", meterNumber).is(200).says("Tokeni ina tarakimu 20, lakini hizi ni 4.", "Ilinganishe na risiti").omits("A token has", "Compare it")
	g.post("/language", "language", "en")
	ask(digits, "04140001000").is(422)
	g.post("/doctor", "form", "console-x", "digits", digits).is(400).says("The form is from another session.")
	g.do("POST", "/doctor", nil).is(400)
	w.person("tariffs@example.org", access.TariffManager)
	other := w.enter("tariffs@example.org")
	other.post("/doctor", "form", other.get("/doctor").value("form"), "digits", digits).is(403)
}
