package console_test

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/wire"
)

// TestTheCheckShowsTheLastPurchases: before a clerk sells, the last three sales to the meter are there, also a reversed one.
func TestTheCheckShowsTheLastPurchases(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	g.check(meterNumber, "10").is(200).omits("Last purchases")
	for _, amount := range []string{"10", "20", "30", "40"} {
		g.decide(g.check(meterNumber, amount).is(200)).leads("/sales/")
	}
	g.check(meterNumber, "50").is(200).says("Last purchases", "KES 40.00", "KES 30.00", "KES 20.00").omits("KES 10.00")
}

// TestAMeterThatStaysOffIsNamedBeforeTheSale: money does not restore a supply that an operator cut, and the clerk learns it before taking the
// money.
func TestAMeterThatStaysOffIsNamedBeforeTheSale(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	const warning = "The supply stays off after this sale"
	for n, c := range []struct {
		relay   string
		reasons []string
		says    string
	}{
		{"open", []string{"CREDIT"}, ""}, {"closed", nil, ""}, {"open", []string{"CREDIT", "REMOTE"}, "cut off by command"}, {"open", []string{"TAMPER"}, "tampered with"},
	} {
		w.reading(meterNumber, uint64(n+1), wire.Reading{Head: wire.Head{Seq: uint64(n + 1), At: time.Now().Unix(), Up: 1000, Clock: wire.ClockValid}, Relay: c.relay, Reasons: c.reasons})
		page := g.check(meterNumber, "10").is(200)
		if c.says == "" {
			page.omits(warning)
		} else {
			page.says(warning+": "+c.says, "before you take the money")
		}
	}
	w.walletMeter()
	g.check(walletNumber, "10").is(200).omits(warning)
	w.asks(w.key, "/v1/meters/"+walletNumber+"/cut", `{"reason":"a fire next door"}`)
	check := g.check(walletNumber, "10").is(200).says(warning + ": cut off by a person")
	const after = "the supply stays off: cut off by a person"
	sale := g.decide(check).leads("/sales/")
	g.get(sale).is(200).says(after)
	g.get(sale + "/receipt?print=1").is(200).says(after)
	g.get(sale + "/receipt").is(200).omits(after)
}

// TestABrowserPrintsAfterEachSale: the choice comes with a sale and is remembered by the browser until it is taken back.
func TestABrowserPrintsAfterEachSale(t *testing.T) {
	w := begin(t)
	g := w.enter(ownerEmail)
	sell := func(print string) string {
		t.Helper()
		check := g.check(meterNumber, "20").is(200)
		pairs := []string{"form", check.value("form"), "meter", meterNumber, "amount", "20", "print", print}
		if strings.Contains(check.body, `name="seen"`) {
			pairs = append(pairs, "seen", check.value("seen"))
		}
		return g.post("/sell", pairs...).leads("/sales/vnd_")
	}
	if to := sell(""); strings.Contains(to, "receipt") {
		t.Errorf("without the choice the sale leads to %s", to)
	}
	to := sell("1")
	if !strings.HasSuffix(to, "/receipt?print=1") {
		t.Errorf("with the choice the sale leads to %s", to)
	}
	if page := g.get(to).is(200); !strings.Contains(page.body, "data-at-once") {
		t.Error("the receipt is not printed at once")
	}
	if page := g.get(strings.TrimSuffix(to, "?print=1")).is(200); strings.Contains(page.body, "data-at-once") {
		t.Error("a receipt that is looked at is printed at once")
	}
	checked := func() bool {
		return strings.Contains(g.check(meterNumber, "20").body, `name="print" type="checkbox" value="1" checked`)
	}
	if !checked() {
		t.Error("the browser forgot the choice")
	}
	sell("")
	if checked() {
		t.Error("the choice cannot be taken back")
	}
}

// TestAnAgentLearnsThatASupplyStaysOff: also somebody who may not read meters learns it before taking the money and after the sale.
func TestAnAgentLearnsThatASupplyStaysOff(t *testing.T) {
	w := begin(t)
	g := w.agent("V9", agentEmail)
	w.deposit("V9")
	w.walletMeter()
	g.check(walletNumber, "10").is(200).omits("stays off")
	w.asks(w.key, "/v1/meters/"+walletNumber+"/cut", `{"reason":"a fire next door"}`)
	check := g.check(walletNumber, "10").is(200).says("The supply stays off after this sale: cut off by a person", "Baraka B.").omits("Balance", "a fire next door")
	g.get(g.decide(check).leads("/sales/")).is(200).says("the supply stays off: cut off by a person")
	w.reading(meterNumber, 1, wire.Reading{Head: wire.Head{Seq: 1, At: time.Now().Unix(), Up: 1000, Clock: wire.ClockValid}, Relay: "open", Reasons: []string{"CREDIT"}})
	g.check(meterNumber, "10").is(200).omits("stays off")
	w.reading(meterNumber, 2, wire.Reading{Head: wire.Head{Seq: 2, At: time.Now().Unix(), Up: 1000, Clock: wire.ClockValid}, Relay: "open", Reasons: []string{"REMOTE"}})
	g.check(meterNumber, "10").is(200).says("The supply stays off after this sale: cut off by command")
}
