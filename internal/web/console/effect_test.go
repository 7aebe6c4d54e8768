package console_test

import (
	"fmt"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
)

// TestWhoeverApprovesAStatementSeesItsRows: sums by what becomes of the rows, each row with payer, amount and meter, and why a row is strange. The
// page is computed when it is opened, so it says which figures have changed since the request.
func TestWhoeverApprovesAStatementSeesItsRows(t *testing.T) {
	w := begin(t)
	w.paying()
	w.person(financeEmail, access.Finance)
	g := w.enter(ownerEmail)
	form := g.get("/people/" + financeEmail).is(200).value("form")
	g.post("/people/"+financeEmail, "form", form, "act", "record-own", "kind", "meter", "number", meterNumber).leads("/people/" + financeEmail + "?done=record-own")
	g.get("/people/"+financeEmail).is(200).says("Own meters and telephones", meterNumber)

	file := "Receipt No.,Completion Time,Transaction Status,Details,Paid In,Withdrawn,A/C No.\n"
	for i := range 3 {
		file += fmt.Sprintf("PX0000001%d,2026-11-20 10:0%d:00,Completed,Pay Bill from 254711000222 - FORGER Acc. %s,400000.00,,%s\n", i, i, meterNumber, meterNumber)
	}
	file += "PX00000020,2026-11-20 11:00:00,Completed,Pay Bill from 254711000333 - BEN,50.00,,rent\n"
	clerk := w.enter(financeEmail)
	sent := clerk.send("/differences", "bank.csv", file, "form", clerk.get("/differences").is(200).value("form"), "provider", "bank").is(202)
	at := sent.link(t, `/approvals/apr_[^"]*`)

	page := g.get(at).is(200).says("What happens if you approve now", "Sold to a meter", "KES 1,200,000.00", "Waits for a person", "KES 50.00", "KES 400,000.00",
		"FORGER", "rent", "PX00000010", "PX00000012", "3 rows are for meter "+meterNumber+", KES 1,200,000.00 together.",
		"Meter "+meterNumber+" is recorded as the own meter of "+financeEmail+", a person of the utility.", "more than the ceiling of KES 500,000.00 in a day")
	page.omits("Figures have changed")
	g.get(at).is(200).says("Sold to a meter") // looking changes nothing
	if n := w.audited("statement.take"); n != 0 {
		t.Errorf("looking took %d files", n)
	}
}
