package console_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/wire"
)

// TestTheOverviewSaysWhatNeedsSomebody: the first page after signing in counts what somebody should look at, and each line leads there.
func TestTheOverviewSaysWhatNeedsSomebody(t *testing.T) {
	w := begin(t)
	const low, cut = "04140001019", "04140001027"
	w.meter(low, "Bakari B.")
	w.meter(cut, "Chege C.")
	now := time.Now().Unix()
	head := wire.Head{Seq: 1, At: now, Up: 1000, Clock: wire.ClockValid}
	w.reading(low, 1, wire.Reading{Head: head, RegisterWh: 1000, BalanceWh: 5000, Relay: "closed"})
	w.reading(cut, 1, wire.Reading{Head: head, RegisterWh: 1000, Relay: "open", Reasons: []string{"REMOTE"}})
	g := w.enter(ownerEmail)
	g.get("/").leads("/overview")
	home := g.get("/overview").is(200).says("Overview", "○ Offline 1", "0414 0001 001", "never", "▲ Low credit 1", "0414 0001 019", "Bakari B.", "0414 0001 027", "As of").
		omits("in the last hour", "Alarms 1", "Nothing needs you")
	g.get(home.link(t, `/meters\?state=cut_off`)).is(200).says("0414 0001 027").omits("0414 0001 019")
	g.get(home.link(t, `/meters/04140001019`)).is(200).says("Bakari B.")
	g.sell(cut, "100")
	g.get("/overview").says("Somebody paid for 1 of them in the last hour.")

	w.paying().paid("QK1", 5000, "nobody")
	g.until("/payments?state=parked", "QK1")
	home = g.get("/overview").is(200).says("Payments that wait for somebody 1", "bank QK1", "No meter has the reference")
	g.get(home.link(t, `/payments/pay_[a-z0-9]+`)).is(200).says("QK1")

	approval := w.waitingApproval()
	g.get("/overview").says("Approvals 1")
	g.get(approval).is(200)

	w.person("shop@example.com", access.TariffManager)
	w.enter("shop@example.com").get("/overview").is(403)
}

// TestNothingNeedsAnybody: the overview of an empty server says so.
func TestNothingNeedsAnybody(t *testing.T) {
	w := begin(t)
	w.reading(meterNumber, 1, wire.Reading{Head: wire.Head{Seq: 1, At: time.Now().Unix(), Up: 1000, Clock: wire.ClockValid}, RegisterWh: 1000, BalanceWh: 500_000, Relay: "closed"})
	w.enter(ownerEmail).get("/overview").is(200).says("No open tasks.").omits("Offline")
}
