package console_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
)

// TestATillIsOpenedCountedAndClosedOnPages: the form, the running total on the page that sells, cash to the bank, the count with a difference,
// and what a wrong figure says. A form that is sent twice books once.
func TestATillIsOpenedCountedAndClosedOnPages(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	g.get("/office").is(200).says("Tills")
	g.get("/sell").is(200).says("You have no open till. Cash goes to the till main.")
	list := g.get("/tills").is(200).says("No till was opened yet.")
	g.post("/tills", "form", "x", "till", "main").is(422).says("The form is from another session.")
	wrong := g.post("/tills", "form", list.value("form"), "till", "till-2", "float", "five").is(422).says(`"five" cannot be read as an amount of cash.`, "no money moved")
	if wrong.value("till") != "till-2" || wrong.value("float") != "five" {
		t.Error("after a refusal the fields have to be typed again")
	}
	g.post("/tills", "form", list.value("form"), "till", "Till two").is(422).says("is not the name of a till")
	form := []string{"form", list.value("form"), "till", "till-2", "float", "1,000"}
	shift := g.post("/tills", form...).is(303).header.Get("Location")
	if again := g.post("/tills", form...).is(303).header.Get("Location"); again != shift || !strings.HasPrefix(shift, "/tills/shf_") {
		t.Errorf("the form sent twice leads to %s and %s", shift, again)
	}
	g.get("/tills").is(200).says("Your open till", "till-2", ownerEmail, "● Open")
	g.sell(meterNumber, "200").is(200)
	g.get("/sell").is(200).says("Till till-2. Sales: 1. In the till: KES 1,200.00.")
	page := g.get(shift).is(200).omits("Z report").says("Till till-2 so far (X report)", "Sales: 1", "till-2-000001", "Energy sold")
	change := func(act string, more ...string) answer {
		return g.post(shift, append([]string{"form", g.get(shift).value("form"), "act", act}, more...)...)
	}
	g.post(shift, "form", "x", "act", "close").is(422).says("The form is from another session.")
	change("rob").is(422).says(`There is no action "rob" for a till.`)
	change("payout", "amount", "0").is(422).says("must be greater than 0")
	change("payout", "amount", "1200.01").is(422).says("The till has only 1200.00 KES")
	change("payout", "amount", "x").is(422)
	change("payout", "amount", "700", "reason", "noon").leads(shift)
	change("close", "counted", "").is(422).says("The counted cash is missing.")
	change("close", "counted", "4 99").is(422).says("cannot be read as an amount of cash")
	closing := []string{"form", page.value("form"), "act", "close", "counted", "499.50", "note", "a coin"}
	g.post(shift, closing...).leads(shift)
	g.post(shift, closing...).leads(shift)
	g.get(shift).is(200).says("■ Closed", "KES 500.00", "KES 499.50", "KES 0.50 missing", "a coin", "KES -700.00")
	g.get("/tills").is(200).says("KES 0.50 missing", "Open a till")
	g.get("/audit?action=shift").is(200).says("Till opened shift.open", "Till: till-2, Cash at the beginning: KES 1,000.00", "Counted: KES 499.50").omits("opening=")
	g.get("/tills/shf_none").is(404)
	g.get("/tills?cursor=x").is(400)
	for action, want := range map[string]int{"shift.open": 1, "shift.pay_out": 1, "shift.close": 1} {
		if n := w.audited(action); n != want {
			t.Errorf("the audit log has %d times %s, want %d", n, action, want)
		}
	}
}

// TestATillOfSomebodyElse: a clerk sees another's till without its forms, and an auditor cannot open one.
func TestATillOfSomebodyElse(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	shift := g.post("/tills", "form", g.get("/tills").value("form"), "float", "10").is(303).header.Get("Location")
	w.person("clerk@example.org", access.Operator)
	w.person("auditor@example.org", access.Auditor)
	clerk, auditor := w.enter("clerk@example.org"), w.enter("auditor@example.org")
	clerk.get(shift).is(200).omits("Count and close")
	clerk.post(shift, "form", clerk.get("/tills").value("form"), "act", "close", "counted", "10").is(422).says("This shift belongs to " + ownerEmail)
	clerk.post("/tills", "form", clerk.get("/tills").value("form"), "till", "main").is(422).says("Till main has an open shift of " + ownerEmail)
	auditor.get("/tills").is(200).omits("Open the till")
}
