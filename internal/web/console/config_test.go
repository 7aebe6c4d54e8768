package console_test

import (
	"regexp"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
)

// TestTheConfigurationOfAMeter: the page says how the configuration stands. A value that does not fit is refused at the form, which keeps what
// was typed. A change waits for a second person, and then the page shows the value and what is asked.
func TestTheConfigurationOfAMeter(t *testing.T) {
	w := begin(t)
	w.person(engineerEmail, access.Engineer)
	w.person(otherEngineer, access.Engineer)
	at := "/meters/" + meterNumber + "/config"
	g := w.enter(engineerEmail)
	g.get("/meters/"+meterNumber).is(200).link(t, at)
	g.get("/meters/"+meterNumber+"/service").is(200).link(t, at)
	page := g.get(at).is(200).says("No value was ever set", "Requested None yet", "It has not reported one", "No value is set.", "All meters: the default",
		"paywatt meter config "+meterNumber+" --set KEY=VALUE --reason REASON")
	form := page.value("form")

	refused := g.post(at, "form", form, "ec_limit_wh", "5,5x", "help_text", "Call 0800 123", "reason", "clinic").is(400).
		says(`no valid value for "Emergency credit (kWh)"`, "No changes were made")
	if refused.value("ec_limit_wh") != "5,5x" || refused.value("help_text") != "Call 0800 123" || refused.value("reason") != "clinic" {
		t.Error("the refused form does not keep what was typed")
	}
	g.post(at, "form", form, "low1_wh", "1", "low2_wh", "2", "reason", "clinic").is(400).says(`no valid value for "Second warning at (kWh)"`)
	g.post(at, "form", form, "ec_limit_wh", "5.5", "reason", "").is(400)
	g.post(at, "form", form, "reason", "clinic").is(400).says("The configuration would stay as it is.")
	g.post(at, "form", form+"x", "ec_limit_wh", "5.5", "reason", "clinic").is(400).says("other session")
	g.get(at).says("No value is set.")

	waits := g.post(at, "form", form, "ec_limit_wh", "5.5", "friendly", "mon,tue 18:00-07:00; all 22:00-06:00", "friendly_when_clock_invalid", "true", "language", "sw",
		"lifeline_w", "200", "tariff_text", "", "reason", "clinic").is(202).says("A second person must allow it", "ec limit: 5.5 kWh", "lifeline: 200 W")
	apr := regexp.MustCompile(`/approvals/apr_[0-9a-z]+`).FindString(waits.body)
	other := w.enter(otherEngineer)
	other.post(apr, "form", other.get(apr).is(200).says("Configure a meter").value("form"), "choice", "approve", "reason", "seen").is(200).says("Approved.")
	after := g.get(at).is(200).says("Waits for the meter to connect", "Requested Version 1, decided", "Emergency credit (kWh) 5.5 This meter",
		"Friendly hours Mon, Tue 18:00-07:00; Every day 22:00-06:00 This meter", "Friendly while the clock is not set Yes This meter", "Language Kiswahili This meter",
		"Emergency credit (kWh) Default 5.5", "--set ec_limit_wh=5500", "--set 'friendly=mon,tue 18:00-07:00; all 22:00-06:00'")
	if got := after.value("ec_limit_wh"); got != "5.5" {
		t.Errorf("the form has %q, want 5.5", got)
	}
	g.post(at, "form", form, "ec_limit_wh", "", "reason", "no longer").is(202).says("ec_limit_wh as the utility has it")
}

// TestWhoSeesAConfiguration: who may only read gets no form, and a wallet meter has no page.
func TestWhoSeesAConfiguration(t *testing.T) {
	w := begin(t)
	at := "/meters/" + meterNumber + "/config"
	w.person("help@example.org", access.Support)
	g := w.enter("help@example.org")
	g.get(at).is(200).says("No value is set.").omits("Change the configuration")
	g.post(at, "form", g.get("/doctor").value("form"), "ec_limit_wh", "5", "reason", "mine").is(403)
	const wallet = "04140001027"
	w.api("/v1/meters", `{"number":"`+wallet+`","mode":"prepay_wallet","tariff":"domestic","customer":{"name":"Ben"},"simulated":true}`)
	owner := w.enter(ownerEmail)
	owner.get("/meters/" + wallet).is(200).omits("/meters/" + wallet + "/config")
	owner.get("/meters/" + wallet + "/config").is(400)
}

// TestTheConfigurationOfAllMeters: the settings lead to the values of all meters. What was typed stays in a refused form, and a value shows on
// the page of each meter.
func TestTheConfigurationOfAllMeters(t *testing.T) {
	w := begin(t)
	const at = "/settings/meters"
	g := w.enter(ownerEmail)
	g.get("/settings").is(200).link(t, at)
	form := g.get(at).is(200).says("Empty: the meter's default", "paywatt utility set --meter-config KEY=VALUE").value("form")
	if got := g.post(at, "form", form, "low1_wh", "much").is(400).says(`no valid value for "First warning at (kWh)"`).value("low1_wh"); got != "much" {
		t.Errorf("the refused form has %q", got)
	}
	g.post(at, "form", form+"x", "help_text", "Call 0800 123").is(400).says("other session")
	a := g.post(at, "form", form, "help_text", "Call 0800 123", "low1_wh", "10")
	g.get(a.leads(at)).is(200).says("--meter-config 'help_text=Call 0800 123'", "--meter-config low1_wh=10000")
	g.get("/meters/"+meterNumber+"/config").is(200).says("Text on the help page Call 0800 123 All meters", "All meters: 10")
	w.person(engineerEmail, access.Engineer)
	other := w.enter(engineerEmail)
	other.get(at).is(200).says("Text on the help page Call 0800 123 All meters").omits("Change the configuration")
	other.post(at, "form", other.get("/doctor").value("form"), "low1_wh", "5").is(403)
}
