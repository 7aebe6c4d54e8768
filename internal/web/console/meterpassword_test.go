package console_test

import (
	"regexp"
	"testing"
)

// TestAMetersPasswordOnItsPage: the page shows a new password once, says that it waits, and ends the password. The same form sent again makes
// no second password.
func TestAMetersPasswordOnItsPage(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	page := "/meters/" + meterNumber + "/password"
	g.get("/meters/" + meterNumber + "/service").is(200).says("MQTT password")
	form := g.get(page).is(200).says("Make a new password", "End the password", "paywatt meter password "+meterNumber+" --at-once").value("form")
	done := g.post(page, "form", form, "step", "next").is(200).says("New MQTT password, shown only now", "has waited since")
	secret := regexp.MustCompile(`<p class="mono"><bdi>([^<]{43})</bdi>`).FindStringSubmatch(done.body)
	if secret == nil {
		t.Fatal("the page does not show the new password")
	}
	g.post(page, "form", form, "step", "next").leads(page)
	g.get(page).is(200).says("has waited since").omits(secret[1])
	form = g.get(page).value("form")
	g.post(page, "form", form, "step", "end").leads(page + "?ended=1")
	g.get(page + "?ended=1").is(200).says("no password of this meter counts any more").omits("has waited since")
	g.get("/audit").is(200).says("Password of a meter changed").omits(secret[1])
}
