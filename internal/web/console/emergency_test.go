package console_test

import (
	"testing"
	"time"
)

// TestASupplyIsRestoredAtNightOnThePage: by day and with wrong figures nothing happens; at night the page says until when the supply lasts, who
// gave it, and why.
func TestASupplyIsRestoredAtNightOnThePage(t *testing.T) {
	w := begin(t)
	w.walletMeter()
	until := func(hour int) {
		now := w.clock.now().UTC()
		at := time.Date(now.Year(), now.Month(), now.Day(), hour, 0, 0, 0, time.UTC)
		if !at.After(now) {
			at = at.AddDate(0, 0, 1)
		}
		w.clock.move(at.Sub(now))
	}
	const page = "/meters/" + walletNumber
	until(12)
	w.read(1, 5000)
	w.read(2, 5000)
	g := w.enter(ownerEmail)
	ask := func(hours, energy, reason string) answer {
		return g.post(page+"/emergency", "form", g.get(page).is(200).value("form"), "hours", hours, "energy", energy, "reason", reason)
	}
	g.get(page).says("Restore at night, on credit", "The daily report names you.")
	ask("4", "5", "a sick child").is(422).says("One person may restore a supply only from 18:00 to 08:00.", "No changes were made.")
	until(22)
	w.read(3, 5000)
	g = w.enter(ownerEmail)
	wrong := ask("4", "much", "a sick child").is(422).says("1 to 24 hours")
	if wrong.value("energy") != "much" {
		t.Error("after a refusal the energy has to be typed again")
	}
	ask("4", "5", "").is(422)
	g.post(page+"/emergency", "form", "x", "hours", "4", "energy", "5", "reason", "y").is(422).says("The form is from another session.")
	ask("4", "5", "a sick child").leads(page + "#supply")
	g.get(page).is(200).says("at most 5.0 kWh", "a sick child", "02:").omits("Restore on credit")
	if n := w.audited("supply.emergency"); n != 1 {
		t.Errorf("the audit log has %d emergency supplies, want 1", n)
	}
}
