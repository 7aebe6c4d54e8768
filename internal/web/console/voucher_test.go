package console_test

import (
	"encoding/json"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
)

// TestAVoucherAtACounter: a clerk and an agent redeem a customer's voucher once. The log names them, and no till has its money.
func TestAVoucherAtACounter(t *testing.T) {
	w := begin(t)
	w.person("clerk@example.org", access.Operator)
	g, agent := w.enter("clerk@example.org"), w.agent("V9", agentEmail)
	g.get("/sell").is(200).omits("Redeem a voucher")
	p := &paying{w: w}
	headers := func(key string) map[string]string {
		return map[string]string{"Authorization": "Bearer " + w.key, "Idempotency-Key": key}
	}
	var batch struct{ ID string }
	var sheet struct {
		Vouchers []struct{ PIN string }
	}
	at := w.clock.now().AddDate(1, 0, 0).Format("2006-01-02")
	if err := json.Unmarshal(p.send("/v1/voucher-batches", `{"count":2,"face_minor":10000,"expires":"`+at+`"}`, headers("voucher-batch")), &batch); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(p.send("/v1/voucher-batches/"+batch.ID+"/pins", `{}`, headers("voucher-pins")), &sheet); err != nil {
		t.Fatal(err)
	}
	g.get("/sell").is(200).says("Redeem a voucher")
	g.post("/sell/voucher", "meter", meterNumber, "pin", sheet.Vouchers[0].PIN).is(404).says("No voucher with this PIN can be redeemed").omits(sheet.Vouchers[0].PIN) // nobody has paid for it
	p.send("/v1/voucher-batches/"+batch.ID+"/sell", `{}`, headers("vouchers-sold"))
	g.get("/sell/voucher?meter=" + meterNumber).is(200).says("Take no money")
	sale := g.post("/sell/voucher", "meter", meterNumber, "pin", sheet.Vouchers[0].PIN).leads("/sales/vnd_")
	g.get(sale).is(200).says("KES 100.00")
	g.post("/sell/voucher", "meter", meterNumber, "pin", sheet.Vouchers[0].PIN).leads(sale + "?again=1")
	agent.post("/sell/voucher", "meter", meterNumber, "pin", sheet.Vouchers[1].PIN).is(200).says("Voucher 1-00002 of KES 100.00 is redeemed", "The token goes to the meter").omits("kWh")
	if n := w.audited("voucher.redeem"); n != 3 {
		t.Errorf("the log has %d redemptions, want 3", n)
	}
	w.guest().get("/sell/voucher").leads("/signin?")
}
