package sim

import (
	"bytes"
	"errors"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// seen returns the witness of a meter with 10 kWh paid for.
func seen(o WalletStreet) *witness {
	o.Start = time.Date(2026, 11, 12, 0, 0, 0, 0, time.UTC)
	w := newWitness(o, "06000000008", false)
	w.joins(o, nil)
	w.account.paid = 2875
	return &w
}

// TestThePageNamesEveryRule checks that docs/operate/simulation.md has a line for each rule of the witness.
func TestThePageNamesEveryRule(t *testing.T) {
	page, err1 := os.ReadFile("../../docs/operate/simulation.md")
	source, err2 := os.ReadFile("wallet_rules.go")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	rules := regexp.MustCompile(`Rule\w+ Rule = "([a-z-]+)"`).FindAllSubmatch(source, -1)
	if len(rules) != 15 {
		t.Errorf("%d rules found in the source, want 15", len(rules))
	}
	for _, r := range rules {
		if !bytes.Contains(page, []byte("| `"+string(r[1])+"` |")) {
			t.Errorf("the page does not name rule %s", r[1])
		}
	}
}

// TestWhatExcusesASupplyThatIsOff checks each cause that allows a supply to be off, although 10 kWh are paid for and a
// lease allows 10 kWh.
func TestWhatExcusesASupplyThatIsOff(t *testing.T) {
	for _, c := range []struct {
		name    string
		reached bool
		event   func(*witness)
		wrong   bool
	}{
		{"nothing does", true, func(*witness) {}, true},
		{"no network", false, func(*witness) {}, false},
		{"the connect was lost in this hour", true, func(w *witness) { w.lost(parcel{down: wire.DownCommand, kind: "connect"}) }, false},
		{"a connect was lost in the hour before", true, func(w *witness) {
			w.lost(parcel{down: wire.DownCommand, kind: "connect"})
			w.closes(true, true, true)
		}, true},
		{"a lease was lost", true, func(w *witness) { w.lost(parcel{down: wire.DownLease}) }, true},
		{"all is used", true, func(w *witness) { w.uses(10_000); w.register = 10_000 }, false},
		{"the lease is used up", true, func(w *witness) { w.lease.MaxRegisterWh = 0 }, false},
		{"a person wants it off", true, func(w *witness) { w.person = true }, false},
		{"nobody lives there", true, func(w *witness) { w.vacant = true }, false},
		{"a cut-off of a person that is over", true, func(w *witness) { w.remote = true }, true},
		{"it is on", true, func(w *witness) { w.relay = supply.Closed }, false},
	} {
		w := seen(WalletStreet{})
		w.relay, w.lease = supply.Open, wire.Lease{MaxRegisterWh: 10_000}
		c.event(w)
		w.found = nil
		w.closes(true, c.reached, true)
		w.hour()
		w.passes(time.Minute)
		if got := len(w.found) == 1 && w.found[0].Rule == RuleDark && w.offWithMoney == time.Minute; got != c.wrong {
			t.Errorf("%s: %v and %s, want it to be wrong: %t", c.name, w.found, w.offWithMoney, c.wrong)
		}
	}
}

// TestTheWitnessCountsByTheHour checks the cost of one kilowatt-hour at night, one by day and one at the peak, and
// of registers between these.
func TestTheWitnessCountsByTheHour(t *testing.T) {
	w := seen(WalletStreet{TOU: true})
	start := w.now
	for _, u := range []struct{ hour, register int64 }{{2, 1000}, {9, 2000}, {17, 3000}, {17, 3500}} {
		w.now = start.Add(time.Duration(u.hour) * time.Hour)
		w.uses(unit.Energy(u.register))
	}
	for register, want := range map[unit.Energy]int64{0: 0, 1000: 1437_500, 1500: 2875_000, 2000: 4312_500, 3000: 8452_500, 3500: 10522_500} { // 1/10000 minor
		if got := w.cost(register) / (walletScale / 10_000); got != want {
			t.Errorf("up to %d Wh: got %d, want %d ten-thousandths of a minor unit", register, got, want)
		}
	}
	w.register = 3500
	if got, want := w.account.energy(w.now, actual), int64(4402); got != want { // 18.2275 at 4.14 a kilowatt-hour, rounded down
		t.Errorf("%d Wh are paid for, want %d", got, want)
	}
}
