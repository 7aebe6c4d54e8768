package console_test

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/wire"
)

// TestMetersAreNarrowed: the page counts the meters in each state, each count leads to its list, and the form narrows the list further.
func TestMetersAreNarrowed(t *testing.T) {
	w := begin(t)
	w.meter("04140001019", "Bakari B.")
	w.reading("04140001019", 1, wire.Reading{Head: wire.Head{Seq: 1, At: time.Now().Unix(), Up: 1000, Clock: wire.ClockValid}, RegisterWh: 1000, BalanceWh: 5000, Relay: "closed"})
	g := w.enter(ownerEmail)
	list := g.get("/meters").is(200).says("All meters 2", "○ Offline 1", "▲ Low credit 1", "0414 0001 001", "0414 0001 019")
	g.get(list.link(t, `/meters\?state=offline`)).is(200).says("0414 0001 001").omits("0414 0001 019", "No meters match")
	g.get(list.link(t, `/meters\?state=low`)).is(200).says("0414 0001 019").omits("0414 0001 001")
	g.get("/meters?find=bakari&state=low").is(200).says("0414 0001 019", "All meters 1").omits("0414 0001 001")
	g.get("/meters?find=nobody").is(200).says("No meters match.").omits("paywatt demo")
	g.get("/meters?tariff=nothing").is(404).says("Tariff nothing was not found").omits("0414 0001 001")
	if body := g.get("/meters?sort=left").is(200).body; strings.Index(body, "m-04140001019") > strings.Index(body, "m-"+meterNumber) { // nobody knows what is left in the other
		t.Error("the list does not begin with what is left in a meter")
	}
	g.get("/meters?sort=customer&state=offline").is(200).says("0414 0001 001").omits("0414 0001 019")
	g.get("/meters?state=happy").is(400).says("Meters have no state")
}
