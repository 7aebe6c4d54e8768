package wallet_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// leases returns the log lines about leases that were ordered or withdrawn.
func (d *rig) leases() (out string) {
	for _, l := range d.log {
		if l == "lease m1" || l == "no lease m1" {
			out += l
		}
	}
	d.log = nil
	return out
}

// TestAnImpossibleRegisterNeitherCutsNorGivesAway stops rating at a register that cannot be true. The meter has a lease to 32,000 Wh and is
// at 12,000 Wh or more.
func TestAnImpossibleRegisterNeitherCutsNorGivesAway(t *testing.T) {
	another := func(d *rig) {
		d.passes(time.Minute)
		d.rows[0].Held = wallet.Held{Reason: wallet.HoldRegress, Memory: "another", Register: 9, Since: d.now}
		d.seen[1].Memory, d.seen[1].Relay, d.seen[1].Reasons, d.seen[1].ReceivedAt = "another", "open", supply.Of(supply.Lease), d.now
		d.settles()
	}
	for _, c := range []struct {
		name string
		do   func(*rig)
		want string
		max  unit.Energy
	}{
		{"falsely 0", func(d *rig) { d.reads(1, 0, supply.Closed) }, "", 32_000},
		{"falsely 0, the relay open for the lease", func(d *rig) { d.reads(1, 0, supply.Open, supply.Lease) }, "", 32_000},
		{"falsely 29 kWh, five of which reach beyond the lease", func(d *rig) { d.reads(1, 29_000, supply.Closed) }, "", 32_000},
		{"falsely 53.7 MWh, the relay closed", func(d *rig) { d.reads(1, 53_700_000, supply.Closed) }, "", 32_000},
		{"falsely 53.7 MWh, and later the lease is used up", func(d *rig) {
			d.reads(1, 53_700_000, supply.Closed)
			d.passes(12*time.Hour).reads(1, 53_720_000, supply.Open, supply.Lease)
		}, "", 32_000},
		{"beyond the lease, which has opened the relay, once", func(d *rig) { d.reads(1, 53_700_000, supply.Open, supply.Lease) }, "", 32_000},
		{"beyond the lease, which has opened the relay", func(d *rig) {
			d.reads(1, 53_700_000, supply.Open, supply.Lease)
			d.passes(time.Hour).reads(1, 53_700_000, supply.Open, supply.Lease)
		}, "lease m1", 53_705_000},
		{"beyond the lease, and true in the next reading", func(d *rig) {
			d.reads(1, 53_700_000, supply.Open, supply.Lease)
			d.passes(time.Hour).reads(1, 32_000, supply.Open, supply.Lease)
		}, "", 32_000},
		{"the relay open for a person's command", func(d *rig) { d.reads(1, 53_700_000, supply.Open, supply.Remote) }, "", 32_000},
		{"a new memory", another, "lease m1", 5009},
		{"a new memory, for hours", func(d *rig) {
			another(d)
			d.signs(1, wallet.CommandLease)
			d.does(1, wallet.CommandLease)
			for range 5 {
				d.passes(time.Hour)
				d.seen[1].ReceivedAt = d.now
				d.settles()
			}
		}, "lease m1", 5009},
		{"no money", func(d *rig) {
			d.money = 0
			another(d)
		}, "", 32_000},
	} {
		t.Run(c.name, func(t *testing.T) { holds(t, c.do, c.want, c.max) })
	}
}

// holds stops rating, and checks what happens to leases.
func holds(t *testing.T, do func(*rig), want string, most unit.Energy) {
	t.Helper()
	d := newRig(t, 100_000, 1)
	d.passes(6*time.Hour).reads(1, 12_000, supply.Closed)
	d.does(1, wallet.CommandLease)
	if d.max(1) != 32_000 {
		t.Fatalf("a lease to %d Wh, want 32000", d.max(1))
	}
	d.passes(time.Minute)
	d.log = nil
	do(d)
	if !d.rows[0].Held.Stopped() {
		t.Fatal("rating goes on")
	}
	if got := d.leases(); got != want || d.max(1) != most {
		t.Errorf("got %q to %d Wh, want %q to %d", got, d.max(1), want, most)
	}
}

// TestARegisterThatIsSaidTwiceIsBelievedSoFar: if the meter reports the same register twice, and its used-up lease keeps the relay open, it
// gets a lease that begins at that register.
func TestARegisterThatIsSaidTwiceIsBelievedSoFar(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*rig)
		want string
		max  unit.Energy
	}{
		{"the same twice, but a command keeps the relay open", func(d *rig) {
			d.reads(1, 53_700_000, supply.Open, supply.Remote)
			d.passes(time.Hour).reads(1, 53_700_000, supply.Open, supply.Remote)
		}, "", 32_000},
		{"the same twice, but the relay waits for a key", func(d *rig) {
			d.reads(1, 53_700_000, supply.Armed, supply.Lease)
			d.passes(time.Hour).reads(1, 53_700_000, supply.Armed, supply.Lease)
		}, "", 32_000},
		{"the same twice, but before the end of the lease", func(d *rig) {
			d.reads(1, 31_999, supply.Open, supply.Lease)
			d.passes(time.Hour).reads(1, 31_999, supply.Open, supply.Lease)
		}, "", 32_000},
		{"the same twice, exactly at its end", func(d *rig) {
			d.reads(1, 32_000, supply.Open, supply.Lease)
			d.passes(time.Hour).reads(1, 32_000, supply.Open, supply.Lease)
		}, "lease m1", 37_000},
		{"the same twice, and nothing may be owed", func(d *rig) {
			d.tenant.Supply.Allowance = new(unit.Energy)
			d.reads(1, 32_000, supply.Open, supply.Lease)
			d.passes(time.Hour).reads(1, 32_000, supply.Open, supply.Lease)
		}, "", 32_000},
	} {
		t.Run(c.name, func(t *testing.T) { holds(t, c.do, c.want, c.max) })
	}
}

// TestALeaseThatMayHaveArrivedCountsForAnImpossibleRegister: the higher lease reaches beyond the register. If the meter may have this
// lease, it is not replaced. If the meter cannot have it, it is replaced.
func TestALeaseThatMayHaveArrivedCountsForAnImpossibleRegister(t *testing.T) {
	for _, c := range []struct {
		state, answer string
		signed        bool
		want          string
	}{{"sent", "", true, ""}, {"expired", "", true, ""}, {"failed", "counter", true, ""}, {"failed", "mode", true, "lease m1"}, {"expired", "", false, "lease m1"}} {
		d := newRig(t, 100_000, 1)
		d.passes(6*time.Hour).reads(1, 12_000, supply.Closed)
		o := d.order(1, wallet.CommandLease) // a lease to 32 kWh
		o.Signed, o.State, o.Answer, o.Since = c.signed, c.state, c.answer, d.now.Add(-time.Hour)
		d.log = nil
		d.rows[0].Held = wallet.Held{Reason: wallet.HoldImplausible, Memory: rigMemory, Seq: d.rows[0].Seq, Register: 21_000, Since: d.now}
		d.seen[1].Seq, d.seen[1].Register, d.seen[1].Relay, d.seen[1].Reasons = d.rows[0].Seq+1, 21_000, "open", supply.Of(supply.Lease)
		d.settles()
		if got := d.leases(); got != c.want {
			t.Errorf("the higher lease is %s %s, signed %t: got %q, want %q", c.state, c.answer, c.signed, got, c.want)
		}
	}
}

// TestAnImpossibleRegisterDoesNotLowerALeaseThatMayHaveArrived: the higher lease was signed, and its answer was lost.
func TestAnImpossibleRegisterDoesNotLowerALeaseThatMayHaveArrived(t *testing.T) {
	d := newRig(t, 100_000, 1)
	d.passes(6*time.Hour).reads(1, 12_000, supply.Closed)
	d.signs(1, wallet.CommandLease)
	d.passes(time.Minute).reads(1, 22_000, supply.Open, supply.Lease)
	if got := d.max(1); !d.rows[0].Held.Stopped() || got != 32_000 {
		t.Errorf("held %t, the newest lease goes to %d Wh; want it held and 32000", d.rows[0].Held.Stopped(), got)
	}
}

// TestALeaseThatWaitsIsNotMeasuredByAnImpossibleRegister: a lease to 32,000 Wh is on its way when the meter reports a register of 53.7 MWh,
// and the money falls to the price of 5 kWh. Signing that lease now would give the meter about 15 kWh for which there is no money.
func TestALeaseThatWaitsIsNotMeasuredByAnImpossibleRegister(t *testing.T) {
	d := newRig(t, 100_000, 1)
	d.passes(6*time.Hour).reads(1, 12_000, supply.Closed)
	d.passes(time.Minute).reads(1, 53_700_000, supply.Closed)
	may := func() unit.Energy {
		most, _, err := wallet.Standing(d, d.tenant, d.rows, 1, d.now)
		if err != nil {
			t.Fatal(err)
		}
		return most
	}
	if got := may(); !d.rows[0].Held.Stopped() || d.max(1) != 32_000 || got != 32_000 {
		t.Errorf("held %t; a lease to %d Wh waits, and may go to %d Wh; want 32000 twice", d.rows[0].Held.Stopped(), d.max(1), got)
	}
	d.money = 1438
	for i := range d.rows {
		d.rows[i].Accrued, d.rows[i].Parts = 0, nil
	}
	if got := may(); got < 16_000 || got > 17_002 {
		t.Errorf("with money for 5 kWh a lease may go to %d Wh, want no more than 17000", got)
	}
}
