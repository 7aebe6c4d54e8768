package console_test

import (
	"errors"
	"regexp"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/store"
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

// TestAnAlarmAboutAServerNamesIt: the overview and the list of alarms name the server whose certificate ends.
func TestAnAlarmAboutAServerNamesIt(t *testing.T) {
	w := begin(t)
	err := w.beside().Engine.Run(t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
		return false, tx.UpdateAlarm(0, metering.Alarm{Code: "certificate-ends", Text: alarmtext.CertificateEnds("pay.pem"), Server: "srv-a"})
	})
	if err != nil {
		t.Fatal(err)
	}
	g := w.enter(ownerEmail)
	g.get("/overview").is(200).says("Alarms 1", "srv-a", "pay.pem")
	g.get("/alarms").is(200).says("Meter, feeder or server", "srv-a", "pay.pem")
}

// TestEachLineOfTheOverviewOpensWhereItIsMended: a message that failed, a doubtful reading, a reversal that its meter has not confirmed, an alarm,
// a till of yesterday and a server without a backup; the title and the line of each lead to a page that shows it.
func TestEachLineOfTheOverviewOpensWhereItIsMended(t *testing.T) {
	w := begin(t)
	w.walletMeter()
	g := w.enter(ownerEmail)
	g.post("/tills", "form", g.get("/tills").value("form"), "till", "till-2", "float", "10").is(303)
	w.read(1, 5000)
	w.read(2, 90_007_000)
	err := w.beside().Engine.Run(t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
		m, _, err := tx.MeterByNumber(meterNumber)
		if err != nil {
			return false, err
		}
		i, err := tx.NewID()
		if err != nil {
			return false, err
		}
		return false, errors.Join(tx.RaiseAlarm(m.N, metering.Alarm{Code: metering.AlarmReversalUnconfirmed, Text: "main-000001 was reversed"}),
			tx.RaiseAlarm(m.N, metering.Alarm{Code: "battery-low", Text: "The battery is empty"}),
			tx.MessageAdd(notify.Message{ID: i, State: notify.Lost, Purpose: notify.PurposeWritten, Text: "hello", Phone: "+254733000444", CreatedAt: w.clock.now()}))
	})
	if err != nil {
		t.Fatal(err)
	}
	w.clock.move(25 * time.Hour)
	g = w.enter(ownerEmail)
	home := g.get("/overview").is(200).says("Failed messages, last 7 days 1", "Doubtful readings 1", "Reversals that the meter has not confirmed 1",
		"Tills opened before today and not closed yet 1", "Alarms 1", "Last backup: never.", "paywatt backup create")
	for _, line := range []struct{ all, one, shown string }{
		{"/messages?state=failed", `/messages/msg_[a-z0-9]+`, "+254733000444"},
		{"/quarantine", `/quarantine/qtn_[a-z0-9]+`, "90,007.000 kWh"},
		{"/tills", `/tills/shf_[a-z0-9]+`, "till-2"},
		{"/alarms", `/meters/` + meterNumber, "main-000001 was reversed"},
	} {
		home.link(t, regexp.QuoteMeta(line.all))
		g.get(line.all).is(200).says(line.shown)
		g.get(home.link(t, line.one)).is(200).says(line.shown)
	}
}
