package wallet_test

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// PutEmergency stores an emergency supply in the facts about each meter.
func (d *till) PutEmergency(_ id.ID, e wallet.Emergency) error {
	for _, seen := range d.seen {
		seen.Emergency = e
	}
	return d.fails()
}

func (d *till) Ceilings() access.CeilingTx { return &counts{d} }

// counts counts what people take in the tests of emergency supplies. The utility has people.
type counts struct{ d *till }

func (c *counts) CeilingRules() (access.CeilingRules, error) {
	return access.CeilingRules{TZ: "UTC", Set: c.d.ceilings}, c.d.fails()
}
func (c *counts) AddDayTotal(t access.DayTotal) (access.Taken, error) {
	if c.d.taken == nil {
		c.d.taken = map[access.Ceiling]int64{}
	}
	c.d.taken[t.Ceiling] += t.Amount
	return access.Taken{Amount: c.d.taken[t.Ceiling]}, c.d.fails()
}
func (c *counts) SoldToMeter(string, time.Time, time.Time) (int64, error) { return 0, c.d.fails() }
func (c *counts) UsualTaken(access.Ceiling, string, time.Time, time.Time) ([]int64, error) {
	return nil, c.d.fails()
}
func (c *counts) DayMeans(access.Ceiling, time.Time, time.Time) ([]access.DayMean, error) {
	return nil, c.d.fails()
}
func (c *counts) DoneEffects(access.Act, time.Time, int) ([]string, error) {
	return nil, c.d.fails()
}
func (c *counts) DayRaised(access.DayTotal, access.Unusual) error   { return c.d.fails() }
func (c *counts) RaisePersonAlarm(string) error                     { return c.d.fails() }
func (c *counts) HadPeople() (bool, error)                          { return true, c.d.fails() }
func (c *counts) PersonPage(id.ID, int) ([]access.PersonRow, error) { return nil, c.d.fails() }

// night is an account that has used up its money and was cut off, at 18:30.
func night(t *testing.T) *till {
	t.Helper()
	d := tillOf(charged(t))
	d.does(1, wallet.CommandCut)
	d.passes(6*time.Hour).reads(1, 4000, supply.Open, supply.Remote)
	d.says()
	return d
}

func (d *till) restores(hours int64, energy unit.Energy) wallet.SupplyView {
	d.t.Helper()
	v, err := d.wallets().Restore(d.t.Context(), owner(), tillNumber, wallet.EmergencyRequest{Hours: hours, Energy: energy, Reason: "medicine"})
	if err != nil {
		d.t.Fatal(err)
	}
	return v
}

// lease returns the register up to which the newest lease goes.
func (d *till) lease() unit.Energy { return d.kept[1].Lease.Max }

// TestOnePersonRestoresASupplyAtNight: the supply returns although four eyes bind, the lease goes no further than the energy, and the audit
// row says that one person did it.
func TestOnePersonRestoresASupplyAtNight(t *testing.T) {
	d := night(t)
	d.people = 2
	v := d.restores(12, 5000)
	if v.Refused() || v.Waits != nil || v.Emergency == nil || !v.Wanted || d.lease() < 8990 || d.lease() > 9000 {
		t.Fatalf("%+v, lease to %d, want 9000", v, d.lease())
	}
	if got := d.says(); !strings.Contains(got, "connect m1") || !strings.Contains(got, "supply-on") || !strings.Contains(got, "lease m1") {
		t.Errorf("restored: %s", got)
	}
	e := d.audit[0]
	if e.Action != "supply.emergency" || !e.SinglePerson || e.Reason != "medicine" || !strings.Contains(e.After, "energy_wh=5000") ||
		!strings.Contains(e.After, "took=person/emergency_supply:") {
		t.Errorf("audited %+v", e)
	}
	if end := d.now.Add(12 * time.Hour); d.kept[1].LookAt.IsZero() || d.kept[1].LookAt.After(end) {
		t.Errorf("the supply is looked at again at %s, want at %s at the latest", d.kept[1].LookAt, end)
	}
	d.does(1, wallet.CommandConnect)
	d.does(1, wallet.CommandLease)
	d.passes(time.Hour).reads(1, 8990, supply.Closed)
	d.want("almost all energy used", "hurry lease m1")
	d.passes(time.Minute).reads(1, 9000, supply.Closed)
	if got := d.says(); !strings.Contains(got, "supply-off m1") || d.lease() > 9000 {
		t.Errorf("the energy is used up: %s, lease to %d", got, d.lease())
	}
	if d.money-d.rows[0].Accrued >= 0 {
		t.Error("the energy was not charged")
	}
}

// TestAnEmergencyEndsAtItsTime: the server cuts off at the first reading after the end, also if it was off in between.
func TestAnEmergencyEndsAtItsTime(t *testing.T) {
	for name, quiet := range map[string]time.Duration{"while the server runs": 0, "while the server is off": 20 * time.Hour} {
		d := night(t)
		d.restores(2, 5000)
		d.does(1, wallet.CommandConnect)
		d.does(1, wallet.CommandLease)
		d.passes(2*time.Hour-time.Second).reads(1, 5000, supply.Closed)
		if got := d.says(); strings.Contains(got, "supply-off") {
			t.Errorf("%s: before the end: %s", name, got)
		}
		d.passes(time.Second+quiet).reads(1, 5001, supply.Closed)
		if got := d.says(); !strings.Contains(got, "disconnect m1") || !strings.Contains(got, "supply-off m1") {
			t.Errorf("%s: after the end: %q", name, got)
		}
	}
}

// TestWhoMayNotRestoreASupplyAlone: by day nobody, and above a ceiling a second person must approve. The approved act is done at any hour.
func TestWhoMayNotRestoreASupplyAlone(t *testing.T) {
	d := tillOf(charged(t)) // half past twelve
	if v := d.restores(12, 5000); v.Code != refusal.InvalidRequest || !strings.Contains(v.What, "18:00 to 08:00") {
		t.Errorf("by day: %q %s", v.Code, v.What)
	}
	d = night(t)
	d.tenant.Supply.EmergencyFrom, d.tenant.Supply.EmergencyTo = "01:00", "01:00"
	if v := d.restores(12, 5000); v.Code != refusal.InvalidRequest {
		t.Errorf("switched off: %q", v.Code)
	}
	for name, c := range map[string]access.Ceiling{"the person's": access.PersonEmergency, "the meter's": access.MeterEmergency} {
		d = night(t)
		d.people, d.ceilings = 2, map[access.Ceiling]int64{c: 4999}
		if v := d.restores(12, 5000); v.Waits == nil || d.seen[1].Emergency.Energy != 0 || d.taken[c] != 0 {
			t.Errorf("above %s ceiling: %+v, counted %v", name, v, d.taken)
		}
		d.ceilings[c] = 5000
		if v := d.restores(12, 5000); v.Refused() || v.Waits != nil {
			t.Errorf("at %s ceiling: %+v", name, v)
		}
	}
	for name, w := range map[string]wallet.EmergencyRequest{"no hours": {Energy: 5000, Reason: "x"}, "too long": {Hours: 25, Energy: 5000, Reason: "x"},
		"too little": {Hours: 1, Energy: 99, Reason: "x"}, "too much": {Hours: 1, Energy: 100_001, Reason: "x"}, "no reason": {Hours: 1, Energy: 5000}} {
		if v, err := night(t).wallets().Restore(t.Context(), owner(), tillNumber, w); err != nil || v.Code != refusal.InvalidRequest {
			t.Errorf("%s: %q, %v", name, v.Code, err)
		}
	}
	cashier := access.Actor{Tenant: 1, Role: access.Operator}
	if v, err := night(t).wallets().Restore(t.Context(), cashier, tillNumber, wallet.EmergencyRequest{Hours: 1, Energy: 5000, Reason: "x"}); err != nil || v.Code != refusal.Forbidden {
		t.Errorf("a cashier: %q, %v", v.Code, err)
	}
}
