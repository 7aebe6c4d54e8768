package console_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/config"
)

// TestDebtsAndChargesInTheBrowser: a debt with an agreement, a charge, goodwill and a write-off, each once however often its form is sent, and
// only for whoever may.
func TestDebtsAndChargesInTheBrowser(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	at := "/accounts/" + meterNumber
	form := func() string { return g.get(at).is(200).value("form") }
	g.get("/meters/" + meterNumber).is(200).says("Account: debts and charges")
	g.get("/debts").is(200).says("Nothing is owed here.")
	g.get(at).is(200).says("Account of Amina A.", "Debts KES 0.00", "not counting use since the last reading",
		"paywatt debt add "+meterNumber, "Move the customer out").omits("Write off a debt")
	debt := []string{"form", form(), "act", "debt", "kind", "loan", "amount", "600", "memo", "wiring", "mode", "percent", "share", "20"}
	g.post(at, debt...).leads(at)
	g.post(at, debt...).leads(at)
	g.post(at, "form", form(), "act", "debt", "kind", "loan", "amount", "1e3", "mode", "full").is(422)
	g.post(at, "form", form(), "act", "debt", "kind", "loan", "amount", "10", "mode", "percent", "share", "much").is(422).says("is not a percentage")
	g.post(at, "form", form(), "act", "charge", "name", "standing", "month", "2026-10", "amount", "50", "vat", "15").leads(at)
	page := g.get(at).is(200).says("600.00", "20 % of each purchase", "wiring", "standing 2026-10", "Write off a debt")
	if n := strings.Count(page.body, "wiring"); n != 1 {
		t.Errorf("the debt is there %d times, want once", n)
	}
	g.get("/debts?open=1").is(200).says("loan", "600.00", "Owed")
	g.get("/charges?account="+meterNumber).is(200).says("standing 2026-10", "50.00")
	id := regexp.MustCompile(`debt_[0-9a-z]{26}|dbt_[0-9a-z]{26}`).FindString(page.body)
	g.post(at, "form", form(), "act", "write-off", "debt", id, "reason", "").is(422)
	g.post(at, "form", form(), "act", "write-off", "debt", id, "reason", "hardship").leads(at)
	g.get("/debts?open=1").is(200).says("Nothing is owed here.")
	g.post(at, "form", form(), "act", "goodwill", "amount", "10", "reason", "outage").leads(at)
	g.get(at).is(200).says("Change carried forward KES 10.00")
	g.post(at, "form", form(), "act", "goodwill", "amount", "10", "reason", "").is(422)
	g.post(at, "form", form(), "act", "steal", "amount", "10").is(422).says("which does not exist")
	for _, act := range []string{"plan-move-out", "move-out"} {
		g.post(at, "form", form(), "act", act, "reason", "moved").is(422).says("Read the display")
	}
	g.get("/accounts/04140001019").is(404)
	w.person(engineerEmail, access.Engineer)
	e := w.enter(engineerEmail)
	e.get(at).is(200).omits("Add a debt", "Credit as goodwill")
	e.post(at, "form", e.get("/doctor").value("form"), "act", "goodwill", "amount", "10", "reason", "mine").is(422)
	e.post(at, "form", e.get("/doctor").value("form"), "act", "debt", "kind", "x", "amount", "10").is(422)
}

// TestACustomerMovesOutAndAnotherMovesIn: the move-out shows where the money went, the meter is free, and the move-in within a day waits for a
// second person.
func TestACustomerMovesOutAndAnotherMovesIn(t *testing.T) {
	w := begin(t)
	const wallet = "04140001027"
	w.api("/v1/meters", `{"number":"`+wallet+`","mode":"prepay_wallet","tariff":"domestic","customer":{"name":"Ben","phone":"+254700000002"},"simulated":true}`)
	g := w.enter(ownerEmail)
	g.sellWallet(wallet, "50")
	at := "/accounts/" + wallet
	g.get("/meters/" + wallet + "/move-in").is(409)
	form := g.get(at).is(200).says("Move the customer out", "This cannot be undone").value("form")
	out := []string{"form", form, "act", "move-out", "reason", "lease ended"}
	plan := g.post(at, append([]string{"form", out[1], "act", "plan-move-out"}, out[4:]...)...).is(200).says("What the move-out does",
		"Money in the wallet KES 50.00", "Due back to the customer KES 50.00", "Still owed KES 0.00", "+254700000002", "lease ended",
		"This cannot be undone", "Move the customer out", "paywatt account move-out "+wallet+" --reason 'lease ended'").omits("Debts and charges, in the order", "stays owed")
	g.get(at).is(200).says("Move the customer out", "paywatt account move-out "+wallet+" --plan") // the plan moved nobody out
	out[1] = plan.value("form")
	page := g.post(at, out...).is(200).says("The customer has moved out", "Due back to the customer KES 50.00", "Still owed KES 0.00")
	account := page.link(t, `/accounts/acc_[^"]*`)
	if again := g.post(at, out...).leads("/accounts/acc_"); again != account {
		t.Errorf("the form sent again leads to %s, want %s", again, account)
	}
	closed := g.get(account).is(200).says("Closed: the customer has moved out", "Pay a refund").omits("Add a debt")
	g.post(account, "form", closed.value("form"), "act", "refund", "amount", "60", "reason", "bank transfer 1").is(422)
	g.post(account, "form", g.get(account).value("form"), "act", "refund", "reason", "bank transfer 1").leads(account)
	g.post(account, "form", g.get(account).value("form"), "act", "refund", "reason", "bank transfer 2").is(422)
	in := "/meters/" + wallet + "/move-in"
	g.get("/meters/" + wallet + "/service").is(200).says("Move a customer in")
	move := []string{"form", g.get(in).is(200).says("Nobody pays for use since", "paywatt meter move-in "+wallet).value("form"), "tariff", "domestic", "name", "Cleo", "phone", "+254700000003", "reason", "new lease"}
	g.post(in, move[2:]...).is(422).says("The form is from another session.")
	g.post(in, append([]string{"form", g.get(in).value("form"), "act", "plan-move-in"}, move[2:]...)...).is(200).says("What the move-in at meter", "Customer Cleo",
		"Tariff of the last customer domestic", "Taken over from closed accounts of the customer KES 0.00", "new lease",
		"paywatt meter move-in "+wallet+" --tariff domestic --name Cleo --phone +254700000003 --reason 'new lease'").omits("A first purchase", "A second person must agree")
	g.get(in).is(200) // the plan moved nobody in
	w.clock.move(25 * 3600 * 1e9)
	g = w.enter(ownerEmail)
	move[1] = g.get(in).value("form")
	g.get(g.post(in, move...).leads("/accounts/"+wallet)).is(200).says("Account of Cleo", "Done at")
	g.post(in, move...).is(422)
}

// TestACustomerOfAKeypadMeterMovesOutAndAnotherMovesIn: both forms ask what is left in the meter, and say what the customers see of it. Afterwards
// the closed account has its statement, and its sales still name the customer who bought.
func TestACustomerOfAKeypadMeterMovesOutAndAnotherMovesIn(t *testing.T) {
	w := begin(t)
	g, at, in := w.enter(ownerEmail), "/accounts/"+meterNumber, "/meters/"+meterNumber+"/move-in"
	sale := g.decide(g.check(meterNumber, "100").is(200)).leads("/sales/")
	g.get(sale).is(200).says("Amina A.")
	page := g.get(at).is(200).says("Its credit stays in the meter", "Credit left in the meter, in kWh", "Nobody can read the display",
		"paywatt account move-out "+meterNumber+" --plan")
	out := []string{"form", page.value("form"), "act", "move-out", "reason", "lease ended"}
	g.post(at, append(out, "credit", "much")...).is(422)
	g.post(at, append(out, "credit", "3", "credit_unknown", "1")...).is(422).says("Give one of the two.")
	g.post(at, append([]string{"form", out[1], "act", "plan-move-out"}, append(out[4:], "credit", "12.4")...)...).is(200).says(
		"What the move-out does", "Credit left in the meter 12.400 kWh", "Energy of the month in the price blocks",
		"paywatt account move-out "+meterNumber+" --credit 12.4 --reason 'lease ended'").omits("Use charged up to",
		"Fixed charges up to") // the customer came today
	done := g.post(at, append(out, "credit", "12.4")...).is(200).says("The customer has moved out", "Credit left in the meter 12.400 kWh").
		omits("Final bill", "Use charged up to")
	closed, month := done.link(t, `/accounts/acc_[^"]*`), w.clock.now().UTC().Format("2006-01")
	if got := g.get(closed).is(200).says("Statement of").value("month"); got != month {
		t.Errorf("the closed account offers the statement of %q, want %s", got, month)
	}
	g.get(sale).is(200).says("Amina A.")
	g.get("/meters/"+meterNumber+"/service").is(200).says("Move a customer in", "The debts of the last customer stay with that customer.")
	w.clock.move(25 * 3600 * 1e9)
	g = w.enter(ownerEmail)
	page = g.get(in).is(200).says("The credit that is in the meter stays there.", "as it was stated when the last customer moved out").
		omits("Nobody pays for use since")
	move := []string{"form", page.value("form"), "tariff", "domestic", "name", "Cleo", "phone", "+254700000003", "reason", "new lease"}
	g.post(in, append(move, "credit", "x")...).is(422)
	move = append(move, "credit_unknown", "1")
	plan := g.post(in, append([]string{"act", "plan-move-in"}, move...)...).is(200).says("Customer Cleo", "Credit left in the meter unknown: nobody could read the display",
		"A first purchase, for example", "20.0 kWh @ 2.50", "Paid KES 57.50").omits("A second person must agree")
	move[1] = plan.value("form")
	g.get(g.post(in, append([]string{"act", "move-in"}, move...)...).leads(at)).is(200).says("Account of Cleo", "Done at")
	g.get(sale).is(200).says("Amina A.").omits("Cleo")
	paper := "/meters/" + strings.TrimPrefix(closed, "/accounts/") + "/statement.pdf?month=" + month
	text := pdfText(t, g.get(paper).is(200).body)
	if !strings.Contains(text, "Amina A.") || !strings.Contains(text, "main-000001") || strings.Contains(text, "Cleo") {
		t.Errorf("the statement of the closed account says\n%s", text)
	}
}

// TestTheAccountsPageWarnsOfADebt: the form that moves a customer out says what becomes of a debt, before anybody sends it.
func TestTheAccountsPageWarnsOfADebt(t *testing.T) {
	w := begin(t)
	const wallet, warning = "04140001027", "stays on the closed account, where nobody collects it"
	w.api("/v1/meters", `{"number":"`+wallet+`","mode":"prepay_wallet","tariff":"domestic","customer":{"name":"Ben","phone":"+254700000002"},"simulated":true}`)
	g, at := w.enter(ownerEmail), "/accounts/"+wallet
	page := g.get(at).is(200).says("Move the customer out").omits(warning)
	g.post(at, "form", page.value("form"), "act", "debt", "kind", "loan", "amount", "600", "mode", "full").leads(at)
	page = g.get(at).is(200).says("This customer owes KES 600.00", warning)
	g.post(at, "form", page.value("form"), "act", "move-out", "reason", "lease ended").is(422).says("would still owe 600.00 KES", "agreed for 0.00 KES")
	plan := g.post(at, "form", page.value("form"), "act", "plan-move-out", "reason", "lease ended").is(200)
	plan.says("Debts and charges, in the order in which they are paid", "loan KES 600.00 KES 600.00 KES 0.00",
		"KES 600.00 stays owed on the closed account", "a second person must allow it")
	out := []string{"form", plan.value("form"), "act", "move-out", "reason", "lease ended", "owed", plan.value("owed")}
	g.post(at, out...).is(200).says("The customer has moved out", "Still owed KES 600.00")
	at = "/accounts/" + meterNumber // no use of a keypad meter is charged
	g.post(at, "form", g.get(at).value("form"), "act", "debt", "kind", "loan", "amount", "70", "mode", "full").leads(at)
	g.get(at).is(200).says("This customer owes KES 70.00, before the charges of the last month are counted by days.", warning)
}

// sellWallet recharges a wallet.
func (g *guest) sellWallet(meter, amount string) {
	g.w.t.Helper()
	g.decide(g.check(meter, amount).is(200))
}

// TestACustomerIsAddedOnce: the form sent again leads to the same customer.
func TestACustomerIsAddedOnce(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	g.get("/customers").is(200).says("Add a customer")
	page := g.get("/customers/new").is(200).says("paywatt customer add")
	add := []string{"form", page.value("form"), "name", "Zed", "phone", "+254700000099", "lang", "sw"}
	g.post("/customers", "form", page.value("form"), "name", "", "phone", "").is(400).says("No customer was registered.")
	to := g.post("/customers", add...).leads("/customers/cus_")
	if again := g.post("/customers", add...).leads("/customers/cus_"); again != to {
		t.Errorf("the form sent again leads to %s, want %s", again, to)
	}
	g.get(to).is(200).says("Zed", "Add a meter for this customer")
	w.person("help@example.org", access.Support)
	other := w.enter("help@example.org")
	other.get("/customers").is(200).omits("/customers/new")
	other.get("/customers/new").is(403)
	other.post("/customers", "form", other.get("/doctor").value("form"), "name", "Mole").is(403)
}

// TestIntegrationsInTheBrowser: the password of a login is shown once, and a revoked login is marked.
func TestIntegrationsInTheBrowser(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	page := g.get("/integrations").is(200).says("paywatt integration add")
	g.post("/integrations", "form", page.value("form"), "name", "kitchen").is(400).says("which meters the login may see")
	add := []string{"form", page.value("form"), "name", "kitchen", "meter", meterNumber}
	made := g.post("/integrations", add...).is(201).says("The login is created", "kitchen", "one customer's meters")
	password := regexp.MustCompile(`pi_[A-Za-z0-9_-]+`).FindString(made.body)
	g.post("/integrations", add...).leads("/integrations")
	list := g.get("/integrations").is(200).says("kitchen").omits(password)
	if n := w.audited("integration.create"); n != 1 {
		t.Errorf("%d logins, want 1", n)
	}
	revoke := regexp.MustCompile(`/integrations/int_[^"]*`).FindString(list.body)
	g.post(revoke, "form", "console-x").is(400)
	g.get(g.post(revoke, "form", list.value("form")).leads("/integrations")).is(200).says("Revoked 20", "The login is revoked.")
	w.person(engineerEmail, access.Engineer)
	w.enter(engineerEmail).get("/integrations").is(403)
}

// TestARouteIsTested: a short text goes to the number that was typed, once for each form, and its page shows how far it is.
func TestARouteIsTested(t *testing.T) {
	t.Parallel()
	w := folder(t)
	w.serve(app.Config{Passphrase: []byte(passphrase), Routes: []config.Route{{Name: "log1", Kind: config.RouteLog, Keys: map[string]string{}}}})
	w.furnish()
	g := w.enter(ownerEmail)
	page := g.get("/messages").is(200).says("Telephone number for the test", "Send by log1", "[[sms_route]]")
	test := []string{"form", page.value("form"), "phone", "+254700000009", "route", "log1"}
	to := g.post("/messages", test...).leads("/messages/msg_")
	if again := g.post("/messages", test...).leads("/messages/msg_"); again != to {
		t.Errorf("the form sent again leads to %s, want %s", again, to)
	}
	g.get(to).is(200).says("+254700000009", "Test message of")
	g.post("/messages", "form", g.get("/messages").value("form"), "phone", "+254700000009", "route", "log1", "text", "send me money").leads("/messages/msg_")
	g.get("/messages").omits("send me money")
	g.post("/messages", "form", page.value("form")+"x", "phone", "+254700000009", "route", "log1").is(400)
	g.post("/messages", "form", page.value("form"), "phone", "", "route", "log1").is(400)
	w.person("books@example.org", access.Finance)
	other := w.enter("books@example.org")
	other.get("/messages").is(200).omits("Telephone number for the test")
	other.post("/messages", "form", other.get("/doctor").value("form"), "phone", "+254700000009", "route", "log1").is(403)
}

// TestAPlaceInTheBrowser: the feeder is stored with its reason, and the highest power waits for a second person.
func TestAPlaceInTheBrowser(t *testing.T) {
	w := begin(t)
	const wallet = "04140001027"
	w.api("/v1/meters", `{"number":"`+wallet+`","mode":"prepay_wallet","tariff":"domestic","customer":{"name":"Ben"},"simulated":true}`)
	w.person(engineerEmail, access.Engineer)
	w.person(otherEngineer, access.Engineer)
	g := w.enter(engineerEmail)
	at := "/meters/" + wallet + "/place"
	form := func() string { return g.get(at).is(200).value("form") }
	g.get("/meters/" + wallet + "/service").is(200).says("Place and feeder")
	g.post(at, "form", form(), "feeder", "North", "reason", "").is(400)
	g.get(g.post(at, "form", form(), "feeder", "North", "max_w", "", "reason", "new line").leads(at)).is(200).says("Done at")
	if got := g.get(at).is(200).value("feeder"); got != "North" {
		t.Errorf("the feeder is %q, want North", got)
	}
	g.post(at, "form", form(), "feeder", "North", "max_w", "much", "reason", "breaker").is(400)
	g.post(at, "form", form(), "feeder", "North", "max_w", "9200", "reason", "breaker").is(202).says("A second person must allow it")
	w.person("help@example.org", access.Support)
	other := w.enter("help@example.org")
	other.get(at).is(403)
	other.post(at, "form", other.get("/doctor").value("form"), "feeder", "South", "reason", "mine").is(403)
}
