package console_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
)

// change sends a form of a vendor's page.
func (g *guest) change(path, act string, more ...string) answer {
	g.w.t.Helper()
	return g.post(path, append([]string{"form", g.get(path).is(200).value("form"), "act", act}, more...)...)
}

// TestVendorsAreTakenOnAndChangedOnPages: the list, the terms, and what a form with wrong figures keeps and says.
func TestVendorsAreTakenOnAndChangedOnPages(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	g.get("/office").is(200).says("Vendors")
	list := g.get("/vendors").is(200).says("No vendors yet.")
	add := func(more ...string) answer {
		return g.post("/vendors", append([]string{"form", list.value("form")}, more...)...)
	}
	wrong := add("code", "S1", "name", "Corner shop", "billing", "float", "commission", "two").is(422).says(`"two" is not a percentage.`, "No changes were made.")
	if wrong.value("code") != "S1" || wrong.value("name") != "Corner shop" {
		t.Error("after a refusal the fields have to be typed again")
	}
	add("code", "S1", "name", "Corner shop", "billing", "float", "credit", "1,00x").is(422).says("cannot be read as a credit limit")
	add("name", "Corner shop", "billing", "float").is(422).says("The vendor has no code.")
	g.post("/vendors", "form", "x", "code", "S1", "name", "Corner shop", "billing", "float").is(422).says("The form is from another session.")
	add("code", "s1", "name", "Corner shop", "billing", "float", "commission", "1.5").leads("/vendors/S1?done=1")
	add("code", "S1", "name", "Corner shop", "billing", "float").is(422)
	g.get("/vendors").is(200).says("Corner shop", "✓ Sells", "1.5 %", "KES 0.00")
	page := g.get("/vendors/S1").is(200).says("in advance, from a float", "No entries yet.", "1.5 %")
	if page.value("commission") != "1.5" || page.value("credit") != "0.00" {
		t.Errorf("the form holds the commission %q and the credit %q", page.value("commission"), page.value("credit"))
	}
	g.get(g.change("/vendors/S1", "terms", "name", "Corner shop & son", "commission", "2", "credit", "300").leads("/vendors/S1?done=1")).
		is(200).says("Corner shop & son", "2 %", "KES 300.00", "The terms are as shown.")
	g.change("/vendors/S1", "terms", "name", "", "commission", "2").is(422)
	g.get(g.change("/vendors/S1", "block").leads("/vendors/S1?done=1")).is(200).says("■ Sales stopped", "Let the vendor sell again")
	g.get(g.change("/vendors/S1", "unblock").leads("/vendors/S1?done=1")).is(200).says("✓ Sells")
	g.change("/vendors/S1", "close").is(422).says(`There is no action "close" for a vendor.`)
	g.post("/vendors/S1", "form", "x", "act", "block").is(422).says("The form is from another session.")
	g.get("/vendors/S9").is(404)
	page.says("Settlement file")
	from, to := page.value("from"), page.value("to")
	month := g.get("/vendors/S1/settlement?month=" + from[:7]).is(200)
	file := g.get("/vendors/S1/settlement?from=" + from + "&to=" + to).is(200)
	if name := file.header.Get("Content-Disposition"); !strings.Contains(name, "paywatt-settlement-S1-"+from+"-"+to) || !strings.Contains(file.body, "\nclosing_float,,0.00\n") || file.body != month.body {
		t.Errorf("the settlement's file %s: %s, that of the month: %s", name, file.body, month.body)
	}
	if three := g.get("/vendors/S1/settlement?from=" + from + "&to=" + from[:8] + "03").is(200); !strings.Contains(three.body, from[:8]+"03") {
		t.Errorf("the settlement of three days: %s", three.body)
	}
	g.get("/vendors/S1/settlement?from=" + to + "&to=" + from).is(400)
	g.get("/vendors/S1/settlement?month=may").is(400).says("is not a month")
	g.get("/vendors?cursor=x").is(400)
	for action, want := range map[string]int{"vendor.add": 1, "vendor.terms": 3} {
		if n := w.audited(action); n != want {
			t.Errorf("the audit log has %d times %s, want %d", n, action, want)
		}
	}
}

// TestBetterTermsOfAVendorWaitForASecondPerson: with two people who may approve, a higher credit limit is a request, and stopping sales is done
// at once.
func TestBetterTermsOfAVendorWaitForASecondPerson(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	g.post("/vendors", "form", g.get("/vendors").value("form"), "code", "S1", "name", "Corner shop", "billing", "float").leads("/vendors/S1?done=1")
	w.person(financeEmail, access.Finance)
	w.person("till@example.org", access.Operator)
	waits := g.change("/vendors/S1", "terms", "name", "Corner shop", "commission", "0", "credit", "700").is(202).
		says("A second person must allow it", "credit limit from 0.00 KES to 700.00 KES", "No changes were made yet.")
	path := waits.link(t, `/approvals/apr_[a-z0-9]+`)
	g.get("/vendors/S1").is(200).omits("KES 700.00")
	finance := w.enter(financeEmail)
	request := finance.get(path).is(200)
	finance.post(path, "form", request.value("form"), "choice", "approve")
	g.get("/vendors/S1").is(200).says("KES 700.00")
	g.change("/vendors/S1", "block").leads("/vendors/S1?done=1")
	w.enter("till@example.org").get("/vendors/S1").is(403)
	if text := g.get("/vendors").is(200).text(); !strings.Contains(text, "Sales stopped") {
		t.Error("the list does not say that sales stopped")
	}
}
