package console_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
)

// TestASaleIsUndoneOnItsPage: a reversal with its reason, what the page then says, and what a second person or a wrong form changes.
func TestASaleIsUndoneOnItsPage(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	sold := func(amount string) string {
		t.Helper()
		return g.decide(g.check(meterNumber, amount).is(200)).leads("/sales/vnd_")
	}
	undo := func(path, act string, more ...string) answer {
		t.Helper()
		return g.post(path, append([]string{"form", g.get(path).is(200).value("form"), "act", act}, more...)...)
	}
	first, last := sold("40"), sold("30")
	g.get(last).is(200).says("Problem with this sale", "Give the money back", "Print the receipt again")
	g.post(last, "form", "x", "act", "reverse", "reason", "x").is(422).says("The form is from another session.", "The sale stands.")
	undo(last, "refund").is(422).says(`There is no action "refund" for a sale.`)
	undo(last, "wrong_meter").is(422).says("The number of the right meter is missing.")
	if typed := undo(first, "reverse", "reason", "mistyped").is(422).says("The sale stands."); typed.value("reason") != "mistyped" {
		t.Error("after a refusal the reason has to be typed again")
	}
	form := []string{"form", g.get(last).says("send the token to the meter").value("form"), "act", "reverse", "reason", "typed 30 instead of 50"}
	if once, again := g.post(last, form...).leads(last), g.post(last, form...).leads(last); once != again {
		t.Errorf("the form sent twice leads to %s and %s", once, again)
	}
	g.get(last).is(200).says("This sale was reversed at", ownerEmail, "Sell the same amount to another meter").omits("Reverse the sale", "send the token to the meter")
	if to := undo(first, "wrong_meter", "meter", "04140001019").leads("/sell?"); !strings.Contains(to, "amount=40.00") || !strings.Contains(to, "meter=04140001019") {
		t.Errorf("the right meter leads to %s", to)
	}
	for action, want := range map[string]int{"vend.reverse": 2} {
		if n := w.audited(action); n != want {
			t.Errorf("the audit log has %d times %s, want %d", n, action, want)
		}
	}
}

// TestAReceiptIsPrintedAgainOnItsPage: each copy is marked with its number, counted and audited. Support sees neither form.
func TestAReceiptIsPrintedAgainOnItsPage(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	path := g.decide(g.check(meterNumber, "40").is(200)).leads("/sales/vnd_")
	g.get(path + "/receipt?copy=7").is(200).says("COPY 1").omits("COPY 7") // nobody has counted it
	for _, copy := range []string{"1", "2"} {
		to := g.post(path, "form", g.get(path).value("form"), "act", "copy").leads(path + "/receipt?copy=" + copy)
		g.get(to).is(200).says("COPY")
	}
	g.get(path + "/receipt?copy=7").is(200).says("COPY 2").omits("COPY 7")
	g.get(path + "/receipt").is(200).says("COPY 1") // printed from the screen, it is a copy
	g.get(path + "/receipt?print=1").is(200).says("COPY 1")
	path = g.decide(g.check(meterNumber, "41").is(200)).leads("/sales/vnd_")
	g.get(path + "/receipt").is(200).says("COPY 1")
	g.get(path + "/receipt?print=1").is(200).omits("COPY") // the one original
	g.get(path + "/receipt?print=1").is(200).says("COPY 1")
	if n := w.audited("vend.reprint"); n != 2 {
		t.Errorf("the audit log has %d copies, want 2", n)
	}
	w.person("support@example.org", access.Support)
	w.enter("support@example.org").get(path).is(200).omits("Problem with this sale")
}

// TestAReversalWaitsOnItsPageForASecondPerson: where four eyes bind, the form leads to the request.
func TestAReversalWaitsOnItsPageForASecondPerson(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	w.person("second@example.org", access.Owner)
	path := g.decide(g.check(meterNumber, "40").is(200)).leads("/sales/vnd_")
	to := g.post(path, "form", g.get(path).value("form"), "act", "reverse", "reason", "x").header.Get("Location")
	if !strings.HasPrefix(to, "/approvals/apr_") {
		t.Fatalf("the form leads to %q", to)
	}
	g.get(to).is(200)
	g.get(path).is(200).says("Completed")
}
