package api_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/tier"
)

// bankProvider is a provider whose statements a second person reads.
func bankProvider() string {
	return `{"name":"till-bank","kind":"webhook","secrets":{"signing":"` + signing + `"},"max_single_minor":10000000,"max_daily_minor":9000000000}`
}

// mpesaHead begins a statement of M-Pesa.
const mpesaHead = "Receipt No.,Completion Time,Transaction Status,Paid In,Withdrawn,A/C No.,Other Party Info\n"

// waits sends a body that then waits for the second person.
func (c *clerk) waits(path, body string) {
	c.t.Helper()
	if a := c.ask("POST", path, c.key, body, "Idempotency-Key", fmt.Sprintf("waits-%06d", c.next())); a.status > 202 {
		c.t.Fatalf("%d %s", a.status, a.body)
	}
}

// TestAnOwnAccountIsMarkedUnderEveryName: a file of balances names the clerk's own account by the number of its meter, by the meter's identity, or by
// its own. The second person is told each time.
func TestAnOwnAccountIsMarkedUnderEveryName(t *testing.T) {
	w := folder(t)
	w.test = true
	c := newClerk(setStageIn(w))
	other := c.wallets("Grace Wanjiru")
	meter := decode[struct{ ID string }](t, c.do(200, "GET", "/v1/meters/"+c.wallet, "")).ID
	c.fourEyes(true)
	second := c.newKey(access.Owner)
	for _, name := range []string{c.wallet, c.account, meter} {
		c.waits("/v1/imports?kind=balances", fmt.Sprintf("account,amount,memo\n%s,120.00,old system\n%s,119.50,old system\n", other, name))
		rows := c.seen(second).Now.Rows
		if len(rows) != 2 || len(rows[0].Cautions) != 0 || len(rows[1].Cautions) == 0 {
			t.Errorf("by the name %s: %+v", name, rows)
		}
	}
}

// TestAMeterThatReplacesAnOwnOneIsOwn: after a replacement the new meter is marked as the old one was.
func TestAMeterThatReplacesAnOwnOneIsOwn(t *testing.T) {
	w := folder(t)
	w.test = true
	c := newClerk(setStageIn(w))
	swap := stocked(c.stage)
	c.do(201, "POST", "/v1/meters/"+c.token+"/swap", swap)
	next := swap[len(`{"new_meter":"`):][:len(c.token)]
	c.do(201, "POST", "/v1/payment-providers", bankProvider())
	c.fourEyes(true)
	second := c.newKey(access.Owner)
	c.waits("/v1/payment-providers/till-bank/statements", mpesaHead+"QK1,2026-11-20 11:00:00,Completed,900.00,,"+next+",254700000411 - GRACE\n")
	if rows := c.seen(second).Now.Rows; len(rows) != 1 || rows[0].Meter != next || len(rows[0].Cautions) == 0 {
		t.Errorf("%+v", rows)
	}
}

// TestEveryRowOfAStatementIsLookedUp: a row that is sold is shown as sold, however many larger rows the file has, and a row for the clerk's own
// meter is among those that are shown.
func TestEveryRowOfAStatementIsLookedUp(t *testing.T) {
	w := folder(t)
	w.test = true
	c := newClerk(setStageIn(w))
	c.do(201, "POST", "/v1/payment-providers", bankProvider())
	c.fourEyes(true)
	second := c.newKey(access.Owner)
	var file strings.Builder
	file.WriteString(mpesaHead)
	for n := range 6000 {
		fmt.Fprintf(&file, "QK%05d,2026-11-20 11:00:00,Completed,1000.00,,shop %d,254700000411 - GRACE\n", n, n)
	}
	fmt.Fprintf(&file, "QX1,2026-11-20 11:00:00,Completed,999.00,,%s,254700000412 - X\n", c.wallet)
	c.waits("/v1/payment-providers/till-bank/statements", file.String())
	now := c.seen(second).Now
	for _, r := range now.Rows {
		if r.Name == "QX1" && r.Fate == "sold" && len(r.Cautions) > 0 {
			return
		}
	}
	t.Errorf("the row for the own meter is not shown: %+v, %d rows", now.Sums, len(now.Rows))
}

// TestARowForTheCustomerOfAnOwnTelephoneIsMarked: a row names a meter that nobody has recorded, and its customer has the telephone that the clerk
// has recorded. The second person sees the row among many larger ones, in a statement, in a file of debts and in one that is undone.
func TestARowForTheCustomerOfAnOwnTelephoneIsMarked(t *testing.T) {
	tier.Slow(t)
	w := folder(t)
	w.test = true
	c := newClerk(setStageIn(w))
	own := c.home("prepay_wallet", "Asha Mwangi", clerkPhone)
	var statement, debts strings.Builder
	statement.WriteString(mpesaHead)
	debts.WriteString("account,amount,kind,memo\n")
	for n := range 30 {
		other := c.wallets("Grace Wanjiru")
		fmt.Fprintf(&statement, "QK%05d,2026-11-20 11:00:00,Completed,1000.00,,%s,254700000411 - GRACE\n", n, other)
		fmt.Fprintf(&debts, "%s,90.00,arrears,May\n", other)
	}
	fmt.Fprintf(&statement, "QX1,2026-11-20 11:00:00,Completed,10.00,,%s,254700000412 - X\n", own)
	fmt.Fprintf(&debts, "%s,10.00,arrears,May\n", own)
	c.do(201, "POST", "/v1/payment-providers", bankProvider())
	imported := decode[struct{ ID string }](t, c.do(201, "POST", "/v1/imports?kind=debts&mode=apply", debts.String())).ID
	c.ceilings(access.PersonDebts)
	c.fourEyes(true)
	second := c.newKey(access.Owner)
	for _, request := range []struct{ what, path, body string }{
		{"a statement", "/v1/payment-providers/till-bank/statements", statement.String()},
		{"a file of debts", "/v1/imports?kind=debts", strings.ReplaceAll(debts.String(), "May", "June")},
		{"an import that is undone", "/v1/imports/" + imported + "/undo", "{}"},
	} {
		c.waits(request.path, request.body)
		now, shown := c.seen(second).Now, false
		for _, r := range now.Rows {
			if r.Meter != own {
				if len(r.Cautions) > 0 {
					t.Errorf("%s: the row for %s has %q", request.what, r.Meter, r.Cautions)
				}
				continue
			}
			shown = len(r.Cautions) == 1 && strings.Contains(r.Cautions[0], clerkName)
		}
		if !shown {
			t.Errorf("%s: the row for the customer with the clerk's telephone is not marked: %+v", request.what, now.Rows)
		}
	}
}

// TestSeveralRowsOfAnImportForOneMeterArePointedOut: as in a statement, also if the rows name the account in different ways, and also when they
// are taken back. Two rows are not worth a second look.
func TestSeveralRowsOfAnImportForOneMeterArePointedOut(t *testing.T) {
	w := folder(t)
	w.test = true
	c := newClerk(setStageIn(w))
	many, few := c.wallets("Grace Wanjiru"), c.wallets("Peter Otieno")
	file := fmt.Sprintf("account,amount,kind,memo\n%[1]s,60.00,arrears,May\n%[3]s,50.00,arrears,May\n%[2]s,40.00,arrears,June\n%[3]s,30.00,arrears,June\n%[1]s,20.00,arrears,July\n",
		many, c.accountOf(many), few)
	imported := decode[struct{ ID string }](t, c.do(201, "POST", "/v1/imports?kind=debts&mode=apply", file)).ID
	c.ceilings(access.PersonDebts)
	c.fourEyes(true)
	second := c.newKey(access.Owner)
	for _, request := range []struct{ what, path, body string }{
		{"a file of debts", "/v1/imports?kind=debts", strings.ReplaceAll(file, "arrears,", "arrears,old ")},
		{"an import that is undone", "/v1/imports/" + imported + "/undo", "{}"},
	} {
		c.waits(request.path, request.body)
		rows := c.seen(second).Now.Rows
		var at []int
		for i, r := range rows {
			if len(r.Cautions) > 0 {
				at = append(at, i)
			}
		}
		want := "3 rows are for " + many + ", 120.00 KES together."
		if len(rows) != 5 || !slices.Equal(at, []int{0}) || !strings.Contains(strings.Join(rows[0].Cautions, " "), want) {
			t.Errorf("%s: %+v, want %q at the first of 5 rows only", request.what, rows, want)
		}
	}
}
