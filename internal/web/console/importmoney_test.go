package console_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/store/headlog"
)

// carry returns the money on the account of a token meter, in minor units.
func (w *world) carry(number string) int64 { return w.balance(number).CarryMinor }

func (w *world) balance(number string) apiv1.AccountBalance {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+"/v1/accounts/"+number, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.key)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	var account apiv1.Account
	if err := json.NewDecoder(a.Body).Decode(&account); err != nil {
		w.t.Fatal(err)
	}
	return account.Balance
}

// verifies ends the server and checks everything that it stored.
func (w *world) verifies() {
	w.t.Helper()
	w.stop()
	r, err := app.Verify(w.t.Context(), w.dir, "", headlog.ExternalHeads{})
	if err != nil || !r.Sound() {
		w.t.Errorf("the data does not verify: %v %v", r, err)
	}
}

// approve decides a request as a second person.
func (g *guest) approve(path string) {
	g.w.t.Helper()
	g.post(path, "form", g.get(path).is(200).value("form"), "choice", "approve").is(200).says("The request was carried out.")
}

// importMoney checks a file and imports it. It returns the answer to the import.
func (g *guest) importMoney(kind, file string, says ...string) answer {
	g.w.t.Helper()
	checked := g.send("/import", kind+".csv", file, "form", g.get("/import").is(200).value("form"), "kind", kind).is(200).says(says...)
	return g.send("/import", "", "", "form", checked.value("form"), "act", "import")
}

// TestDebtsAndBalancesAreImportedAndTakenBack: one person alone, each row once, and undone except what was used.
func TestDebtsAndBalancesAreImportedAndTakenBack(t *testing.T) {
	w := begin(t)
	for _, n := range []string{"04140001019", "04140001027", "04140001035"} {
		w.meter(n, "Customer "+n)
	}
	g := w.enter(ownerEmail)
	const debts = "Meter;Amount;Kind;Percent;Note\n4140001019;1.250,50;loan;20%;Old system\n04140001027;80;fine;;\n04140001027;80;fine;;\nTotal;1.330,50;;;\n04140001035;-5;;;\n;7;;;\n04140001035;x;;;\n"
	done := g.importMoney("debts", debts, "Would be imported 2", "Imported or registered before 1", "Refused 4", "Total KES 1,330.50", "looks like a total", "is not an amount of KES above 0",
		"no value in column account")
	done.is(201).says("Imported 2", "Total KES 1,330.50", "Takes back every debt or balance")
	undo := g.get("/import").is(200).link(t, `/imports/imp_[a-z0-9]+`)
	if got := w.balance("04140001019").DebtsMinor; got != 125050 {
		t.Errorf("the account owes %d after the import", got)
	}
	if again := g.importMoney("debts", debts, "Would be imported 0"); again.status == 201 {
		again.says("Imported 0")
	}
	g.sell("04140001027", "100") // pays the fine
	g.post(undo, "form", g.get(undo).value("form")).leads(undo)
	g.get(undo).is(200).says("Imported 1", "Undone 1", "Something was paid towards debt dbt_")
	if got := w.balance("04140001019").DebtsMinor; got != 0 {
		t.Errorf("the account owes %d after the debt was taken back", got)
	}

	const balances = "meter,amount,as of\n04140001019,300.25,31/10/2026\n04140001035,12.00,\n04140001027,9.00,\n"
	g.importMoney("balances", balances, "Would be imported 2", "Refused 1", "has an opening balance, or money moved on it before", "KES 312.25").is(201).says("Imported 2")
	undo = g.get("/import").is(200).link(t, `/imports/imp_[a-z0-9]+`)
	if got := w.carry("04140001019"); got != 30025 {
		t.Errorf("the account has %d after its opening balance", got)
	}
	g.importMoney("balances", "meter,amount\n04140001019,1.00\n", "Would be imported 0", "has an opening balance")
	g.sell("04140001019", "50")
	g.post(undo, "form", g.get(undo).value("form")).leads(undo)
	g.get(undo).is(200).says("Imported 1", "Undone 1", "Money moved on account acc_")
	if got := w.carry("04140001035"); got != 0 {
		t.Errorf("the account has %d after its balance was taken back", got)
	}
	g.importMoney("balances", "meter,amount\n04140001035,12.00\n", "Would be imported 1").is(201).says("Imported 1")
	w.verifies()
}

// TestAFileOfMoneyWaitsForASecondPerson: exactly the rows that the second person sees are booked, once.
func TestAFileOfMoneyWaitsForASecondPerson(t *testing.T) {
	w := begin(t)
	w.meter("04140001019", "Ben")
	w.person("second@example.org", access.Owner)
	w.person("finance@example.org", access.Finance)
	g, second := w.enter("finance@example.org"), w.enter("second@example.org")
	g.get("/import").is(200).says("Debts", "Opening balances").omits("Meters with their customers")
	const file = "meter,amount\n04140001001,40\n04140001019,60\n04140001027,1\n"
	asked := g.importMoney("balances", file, "Would be imported 2", "Refused 1").is(201).says("A second person must approve the whole file", "Wait for a second person 2", "04140001019 KES 60.00")
	approval := asked.link(t, `/approvals/apr_[a-z0-9]+`)
	if w.carry("04140001019") != 0 {
		t.Error("money was booked before the approval")
	}
	g.importMoney("balances", file, "Would be imported 2").is(201).says("Wait for a second person 2")
	page := second.get(approval).is(200).says("import 2 balances of KES 100.00 together", "Import opening balances")
	second.get(page.link(t, `/imports/imp_[a-z0-9]+`)).is(200).says("04140001019 KES 60.00")
	second.approve(approval)
	if a, b := w.carry("04140001001"), w.carry("04140001019"); a != 4000 || b != 6000 {
		t.Errorf("the accounts have %d and %d, want 4000 and 6000", a, b)
	}
	shown := g.get(page.link(t, `/imports/imp_[a-z0-9]+`)).is(200).says("Imported 2")
	g.post(page.link(t, `/imports/imp_[a-z0-9]+`), "form", shown.value("form")).is(202).says("undo the import of 2 balances")
	second.approve(g.get("/approvals").is(200).link(t, `/approvals/apr_[a-z0-9]+`))
	if a, b := w.carry("04140001001"), w.carry("04140001019"); a != 0 || b != 0 {
		t.Errorf("after the undoing the accounts have %d and %d", a, b)
	}
	again := g.importMoney("balances", "meter,amount\n04140001019,5\n", "Would be imported 1").is(201).link(t, `/approvals/apr_[a-z0-9]+`)
	second.post(again, "form", second.get(again).value("form"), "choice", "reject", "reason", "not in the old system")
	g.importMoney("balances", "meter,amount\n04140001019,5\n", "Would be imported 1").is(201).says("Wait for a second person 1")
	w.verifies()
}
