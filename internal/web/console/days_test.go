package console_test

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
)

// TestADayIsClosedOnPages: what stands in the way with a link to it, the closing, the figures, and the form that is sent twice.
func TestADayIsClosedOnPages(t *testing.T) {
	w := begin(t)
	today := w.noon()
	g := w.enter(ownerEmail)
	g.get("/office").is(200).says("Closed days")
	g.get("/days").is(200).says("There is no journal yet", "No day was closed yet.")
	shift := g.post("/tills", "form", g.get("/tills").value("form"), "float", "500").is(303).header.Get("Location")
	g.sell(meterNumber, "200").is(200)
	w.person("till@example.org", access.Operator)
	loose := w.enter("till@example.org")
	loose.sell(meterNumber, "30").is(200)
	loose.sell(meterNumber, "12").is(200)
	g.get("/days").is(200).says("The next day to close is", "It can be closed from", "Sold without a shift", "till@example.org 2 KES 42.00 KES 0.00").omits("Close the day")

	w.clock.move(48 * time.Hour)
	g = w.enter(ownerEmail)
	if open := g.get("/days").is(200).says("Till main is not counted", "Close this first.").omits("Close the day"); !strings.Contains(open.body, `href="`+shift+`"`) {
		t.Error("what stands in the way has no link")
	}
	g.post(shift, "form", g.get(shift).value("form"), "act", "close", "counted", "700").leads(shift)
	page := g.get("/days").is(200).says("Everything is settled.", "Everything before it becomes its opening balance")
	if page.value("date") != today {
		t.Errorf("the form proposes %q, want %q", page.value("date"), today)
	}
	g.post("/days", "form", "x", "date", today).is(422).says("The form is from another session.")
	g.post("/days", "form", page.value("form"), "date", "yesterday").is(422).says("is not a date")
	w.person("auditor@example.org", access.Auditor)
	auditor := w.enter("auditor@example.org")
	auditor.get("/days").is(200).omits("Close the day")
	auditor.post("/days", "form", auditor.get("/days").value("form"), "date", today).is(422)

	form := []string{"form", page.value("form"), "date", today, "note", "checked"}
	g.post("/days", form...).leads("/days/" + today)
	g.post("/days", form...).leads("/days/" + today)
	g.get("/days/"+today).is(200).says("Energy sold", "KES 200.00", "checked", "Sold without a shift", "till@example.org 2 KES 42.00", "Everything is settled.", "paywatt/", strings.TrimPrefix(shift, "/tills/"))
	if pdf := g.get("/days/" + today + "/day.pdf").is(200); !strings.HasPrefix(pdf.body, "%PDF") {
		t.Error("the PDF of a closed day is no PDF")
	}
	g.get("/days/2020-01-01").is(404)
	g.get("/overview").is(200).says("Days not closed")
	g.get("/export/days").is(200).says("debits_minor")
	if n := w.audited("day.close"); n != 1 {
		t.Errorf("the audit log has %d closings, want 1", n)
	}
}
