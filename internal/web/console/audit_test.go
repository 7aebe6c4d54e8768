package console_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/wire"
)

// TestTheAuditLogIsFilteredByPersonActionSubjectAndDay: the page shows old and new values, and only what the filter selects.
func TestTheAuditLogIsFilteredByPersonActionSubjectAndDay(t *testing.T) {
	w := begin(t)
	today := w.noon()
	key := w.secondPerson()
	g := w.enter(ownerEmail)
	apr := "/approvals/" + w.asks(key, "/v1/vendors/V9/terms", `{"credit_limit_minor":70000}`)
	g.post(apr, "form", g.get(apr).value("form"), "choice", "approve", "reason", "seen the <contract>").is(200)
	g.get("/office").is(200).says("Audit log")
	g.get("/audit").is(200).says("vendor.terms", "approval.approved", "till of finance", "By one person alone", "Reason: seen the <contract>", "Before:", "After:")
	g.get("/audit?action=vendor.terms").is(200).says("vendor.terms", "credit").omits("approval.ask", "tariff.publish")
	g.get("/audit?actor=TILL+of").is(200).says("approval.ask").omits("tariff.publish")
	g.get("/audit?object=" + strings.TrimPrefix(apr, "/approvals/")).is(200).says("approval.approved").omits("vendor.add")
	g.get("/audit?actor=%25").is(200).says("No rows match")
	g.get("/audit?from=" + today + "&to=" + today).is(200).says("vendor.terms")
	g.get("/audit?to=2020-01-01").is(200).says("No rows match")
	g.get("/audit?from=2099-01-01").is(200).says("No rows match")
	g.get("/audit?from=yesterday").is(400)

	g.sell(meterNumber, "100")
	g.get("/audit?action=vend.sell").is(200).says("Sale made vend.sell", "Paid: KES 100.00", "Energy: 34.700 kWh", "Receipt: main-000001").
		omits("tender=", "10000", "paper", "units_wh", "34700")

	w.person("support@example.org", access.Support)
	w.enter("support@example.org").get("/audit").is(403).omits("vendor.terms")
}

// TestAlarmsAreListedByStateAndMeter: an alarm shows what happened and leads to its meter.
func TestAlarmsAreListedByStateAndMeter(t *testing.T) {
	w := begin(t)
	w.meter("04140001019", "Mwangi")
	g := w.enter(ownerEmail)
	g.get("/alarms").is(200).says("No alarms")
	w.reading(meterNumber, 1, wire.Reading{RegisterWh: 1, Relay: "closed"})
	w.otherMemory(meterNumber)
	page := g.get("/alarms").is(200).says("⚠ Open", "0414 0001 001", "came back with memory")
	page.link(t, "/meters/"+meterNumber)
	g.get("/alarms?meter=04140001019").is(200).says("No alarms")
	g.get("/alarms?all=1&meter=" + meterNumber).is(200).says("came back with memory").omits("memory-replaced")
	g.post("/language", "language", "fr", "back", "/alarms")
	g.get("/alarms").is(200).says("Le compteur est revenu avec la mémoire").omits("came back")
	g.get("/meters/" + meterNumber + "/timeline?kind=alarm").is(200).says("Le compteur est revenu avec la mémoire").omits("came back")
	g.post("/language", "language", "en", "back", "/alarms")
	g.get("/alarms?cursor=forged").is(400)
	w.person("tariffs@example.org", access.TariffManager)
	w.enter("tariffs@example.org").get("/alarms").is(403)
}

// otherMemory lets a meter come back with another memory, which raises an alarm.
func (w *world) otherMemory(number string) {
	w.t.Helper()
	err := w.beside().Engine.Run(w.t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
		m, _, err := tx.MeterByNumber(number)
		if err != nil {
			return false, err
		}
		const memory = "ffeeddccbbaa0011"
		boot := wire.Boot{Memory: memory, Lowest: 1, Next: 1, Boot: 2, Proto: 1, FW: "1.0"}.Record()
		_, err = intake.Take(tx, []metering.Record{{Tenant: store.FirstTenant, Meter: m.N, Number: number, Simulated: true, ReceivedAt: w.clock.now(), Memory: memory, Rec: boot}})
		return false, err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}
