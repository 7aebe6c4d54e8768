package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
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
	c.fourEyes()
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
	c.fourEyes()
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
	c.fourEyes()
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
