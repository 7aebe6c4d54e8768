package console_test

import "testing"

// TestAMeterIsRemovedAndScrappedOnItsPage: the page offers the step that fits, and a form that is sent again does not do the next one. The list shows
// the meter only if it is asked for, as what it is.
func TestAMeterIsRemovedAndScrappedOnItsPage(t *testing.T) {
	w := begin(t)
	const fresh, spare = "04140001027", "04140001035"
	for _, number := range []string{fresh, spare} {
		w.api("/v1/meters", `{"number":"`+number+`","mode":"prepay_token","tariff":"domestic","sgc":"123456","krn":1,"kt":2,"ti":"01",
			"status":"stock","simulated":true}`)
	}
	g := w.enter(ownerEmail)
	page := "/meters/" + meterNumber + "/end"
	g.get("/meters/"+meterNumber+"/service").is(200).omits("Remove the meter", "Scrap the meter")
	g.get(page).is(400).says("supplies an account", "Replace it by another meter")
	w.api("/v1/meters/"+meterNumber+"/swap", `{"new_meter":"`+fresh+`","balance_wh":0,"reason":"burnt"}`)
	g.get("/meters/" + meterNumber + "/service").is(200).says("Remove the meter").omits("Scrap the meter")
	form := g.get(page).is(200).says("was taken off the wall", "Status now: blocked", "paywatt meter remove "+meterNumber).value("form")
	g.post(page, "form", form, "step", "removed").is(400).says("reason")
	form = g.get(page).value("form")
	g.post(page, "form", form, "step", "removed", "reason", "back in the workshop").leads("/meters/" + meterNumber)
	g.post(page, "form", form, "step", "removed", "reason", "back in the workshop").leads("/meters/" + meterNumber)
	g.get("/meters/"+meterNumber).is(200).says("removed").omits("Amina", "Sell to")
	g.get("/meters").is(200).says("0414 0001 027").omits("0414 0001 001")
	g.get("/meters?status=removed").is(200).says("removed", "0414 0001 001").omits("0414 0001 027", "Sell to meter")
	form = g.get(page).is(200).says("never comes back", "paywatt meter scrap "+meterNumber).value("form")
	g.post(page, "form", form, "step", "removed", "reason", "once more").is(400).says("can be removed")
	form = g.get(page).value("form")
	g.post(page, "form", form, "step", "scrapped", "reason", "terminals burnt").leads("/meters/" + meterNumber)
	g.get(page).is(400).says("can be scrapped")
	g.get("/meters/" + spare + "/service").is(200).says("Scrap the meter").omits("Remove the meter")
	g.get("/audit").is(200).says("Meter removed", "Meter scrapped", "terminals burnt")
}
