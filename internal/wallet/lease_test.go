package wallet_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// facts are about one meter at noon and its lease.
type facts struct {
	register, has, ordered, want unit.Energy
	since                        time.Duration // time since the lease was ordered
	memory                       string
	block                        wallet.CutoffDelay
	left                         unit.Energy // energy left, as the meter reports
	none                         bool        // the meter has no lease
	lost                         bool        // the meter reports that it has no lease
	heard                        time.Duration
	state                        string
	unread                       bool
}

// renews reports whether the next lease is sent.
func (c facts) renews() bool {
	now := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	lease := wallet.Lease{Command: id.ID{1}, Max: max(c.has, c.ordered), At: now.Add(-c.since), Memory: "a"}
	s := wallet.Supplied{Seen: wallet.Seen{Memory: "a", Left: c.left, ReceivedAt: lease.At.Add(c.heard), Lease: wallet.Progress{State: "done", Since: lease.At}}}
	if c.memory != "" {
		s.Memory = c.memory
	}
	if c.state != "" {
		s.Seen.Lease.State = c.state
	}
	if c.lost {
		s.Reasons = supply.Of(supply.Lease)
	}
	if s.Supply.Lease = lease; c.ordered > 0 {
		s.Seen.Lease.State = "sent"
		s.InMeter = wallet.Lease{Command: id.ID{0, 1}, Max: 1, At: now, Memory: "a"}
	} else if !c.none {
		s.InMeter = lease
	}
	r := wallet.Row{State: wallet.State{Started: !c.unread, Register: c.register}}
	return wallet.Renew(r, s, wallet.Tenant{}, c.want, c.block, now)
}

// TestRenewAtItsLimits checks each limit at which the next lease is sent.
func TestRenewAtItsLimits(t *testing.T) {
	for _, c := range []struct {
		name string
		facts
		want bool
	}{
		{"no lease, and money", facts{none: true, want: 1}, true},
		{"no lease, and none to give", facts{none: true, want: 0}, false},
		{"no lease, of a meter at 5 kWh that is to have 5", facts{none: true, register: 5000, want: 5000}, false},
		{"a lease of another memory", facts{has: 10_000, want: 10_000, memory: "b"}, true},
		{"less money", facts{has: 10_000, want: 9999}, true},
		{"less money, and a rule forbids to cut", facts{has: 10_000, want: 9999, block: wallet.BlockFriendly}, false},
		{"the same money, nothing used", facts{has: 10_000, want: 10_000}, false},
		{"the same money, all but used", facts{has: 10_000, register: 9999, want: 10_000}, false},
		{"half of what a new one gives is left", facts{has: 20_000, register: 10_000, want: 30_000}, true},
		{"a little more than half is left", facts{has: 20_000, register: 9999, want: 29_999}, false},
		{"used up, and a watt-hour more to give", facts{has: 10_000, register: 10_000, want: 10_001}, true},
		{"used up, and nothing more to give", facts{has: 10_000, register: 10_000, want: 10_000}, false},
		{"overused, and nothing more to give", facts{has: 10_000, register: 10_500, want: 10_500}, false},
		{"a kilowatt-hour more", facts{has: 10_000, want: 11_000}, true},
		{"a watt-hour less than that", facts{has: 10_000, want: 10_999}, false},
		{"a kilowatt-hour more, up to the cap", facts{has: 19_000, want: 20_000}, false},
		{"a kilowatt-hour more, up to a watt-hour below the cap", facts{has: 18_999, want: 19_999}, true},
		{"half its time", facts{has: 10_000, want: 10_000, since: 36 * time.Hour}, true},
		{"a second less", facts{has: 10_000, want: 10_000, since: 36*time.Hour - time.Second}, false},
		{"half its time, and a watt-hour to give", facts{has: 10_000, register: 9999, want: 10_000, since: 36 * time.Hour}, true},
		{"half its time, and nothing to give", facts{has: 10_000, register: 10_000, want: 10_000, since: 36 * time.Hour}, false},
		{"lost", facts{has: 10_000, want: 10_000, lost: true, heard: time.Second}, true},
		{"lost, heard in the moment of the answer", facts{has: 10_000, want: 10_000, lost: true}, false},
		{"lost, and a watt-hour to give", facts{has: 10_000, register: 9999, want: 10_000, lost: true, heard: time.Second}, true},
		{"lost, and nothing to give", facts{has: 10_000, register: 9999, want: 9999, block: wallet.BlockNotice, lost: true, heard: time.Second}, false},
		{"lost, before it took the next", facts{has: 10_000, want: 10_000, lost: true, heard: time.Second, state: "failed"}, false},
		{"off by its lease, with energy left as it says", facts{has: 10_000, want: 10_000, lost: true, heard: time.Second, left: 1}, false},
		{"used up and off by it", facts{has: 10_000, register: 10_000, want: 10_400, lost: true, heard: time.Second}, true},
		{"no energy left as it says, and no reason to be off", facts{has: 10_000, want: 10_000, heard: time.Second}, false},
		{"lost by a meter that was not read", facts{has: 10_000, want: 10_000, lost: true, heard: time.Second, unread: true}, false},
		{"ordered, the same", facts{ordered: 10_000, want: 10_000}, false},
		{"ordered, a kilowatt-hour more", facts{ordered: 10_000, want: 11_000}, true},
		{"ordered, a watt-hour less than that", facts{ordered: 10_000, want: 10_999}, false},
		{"ordered, a kilowatt-hour more, up to the cap", facts{ordered: 19_000, want: 20_000}, false},
		{"ordered, used up already", facts{ordered: 10_000, register: 10_000, want: 10_001}, true},
		{"ordered, a watt-hour left", facts{ordered: 10_000, register: 9999, want: 10_001}, false},
		{"ordered, used up, and nothing to give", facts{ordered: 10_000, register: 10_000, want: 10_000}, false},
		{"ordered, half its time", facts{ordered: 10_000, want: 10_000, since: 40 * time.Hour}, false},
	} {
		if got := c.renews(); got != c.want {
			t.Errorf("%s: %t, want %t", c.name, got, c.want)
		}
	}
}

// TestWhoGetsALease changes one fact about a meter that would get a lease.
func TestWhoGetsALease(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*rig)
		want string
	}{
		{"an ordinary meter", func(*rig) {}, "lease m1"},
		{"one that cannot be told", func(d *rig) { d.seen[1].Commands = false }, ""},
		{"one that knows no leases", func(d *rig) { d.seen[1].Leases = false }, ""},
		{"one that was not read", func(d *rig) { d.rows[0].Started = false }, ""},
		{"one of which no reading of its new memory was rated", func(d *rig) { d.seen[1].Memory = "another" }, ""},
		{"one that a person wants off", func(d *rig) { d.rows[0].Off = supply.Of(supply.Remote) }, ""},
	} {
		d := newRig(t, 100_000, 1)
		d.passes(36 * time.Hour)
		d.seen[1].ReceivedAt, d.rows[0].At, d.rows[0].Seq = d.now, d.now, d.rows[0].Seq+1
		c.do(d)
		d.settles()
		if got := d.leases(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	d := newTill(t, 100_000, 1)
	d.versions = []tariff.Version{version(1, d.now.AddDate(0, 0, 3), flat())}
	d.passes(36 * time.Hour)
	if _, err := wallet.SettleAccount(d, id.ID{15: 1}, d.now, false); err != nil || d.leases() != "" {
		t.Errorf("before the tariff begins: got a lease to %d Wh, %v", d.max(1), err)
	}
	d.rows[0].Meter.Simulated, d.rows[0].Meter.LastSeen, d.rows[0].Meter.NewestAt = true, d.now, d.now.AddDate(0, -1, 0).UnixMicro()
	d.versions[0].EffectiveFrom = d.now.AddDate(0, 0, -1)
	if _, err := wallet.SettleAccount(d, id.ID{15: 1}, d.now, false); err != nil || d.leases() != "lease m1" {
		t.Errorf("a simulated meter that lives before its tariff begins got no lease, %v", err)
	}
}

// TestWhatALeaseSays checks all figures of the command and its lifetime.
func TestWhatALeaseSays(t *testing.T) {
	d := newRig(t, 0, 1)
	d.tenant.Supply.TTL = 7200
	d.pays(2875)
	o := d.orders[d.kept[1].Lease.Command]
	if o.Type != wallet.CommandLease || o.Args["max_register_wh"] != int64(10_000) || o.Args["ttl_s"] != int64(7200) || o.TTL != 24*time.Hour || o.Reason == "" || len(o.Args) != 2 {
		t.Errorf("got %+v", o)
	}
	if l := d.kept[1].Lease; l.Max != 10_000 || !l.At.Equal(d.now) || l.Memory != rigMemory {
		t.Errorf("noted %+v", l)
	}
	if got := d.order(1, wallet.CommandLease).Until; !got.Equal(d.now.Add(24 * time.Hour)) {
		t.Errorf("it ends at %s", got)
	}
}

// TestALeaseThatIsWithdrawnMayBeInTheMeter: a lease was signed before it was withdrawn, so its energy stays counted until the meter
// answers.
func TestALeaseThatIsWithdrawnMayBeInTheMeter(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*rig)
		risk unit.Energy
		most unit.Energy // limit of the other meter, which is at 0 Wh with a lease to 10 kWh
	}{
		{"never signed", func(*rig) {}, 0, 9998},
		{"signed and lost", func(d *rig) { d.signs(1, wallet.CommandLease) }, 12_500, 7500},
	} {
		d := newRig(t, 5750, 2) // money for 20 kWh
		d.tenant.Supply.Windows, d.tenant.Supply.Allowance = []string{"all 00:00-24:00"}, new(unit.Energy)
		d.pays(1438) // money for 5 kWh more
		if d.max(1) != 12_500 {
			t.Fatalf("a lease to %d Wh, want 12500", d.max(1))
		}
		c.do(d)
		d.says()
		d.passes(time.Minute).pays(-1438)
		if got := d.kept[1].Risk; got != c.risk {
			t.Errorf("%s: the risk is %d Wh, want %d", c.name, got, c.risk)
		}
		if got := d.leases(); got != "no lease m1" {
			t.Errorf("%s: got %q, want the lease withdrawn and no lower one in the window", c.name, got)
		}
		if l := d.kept[1].Lease; l.Max != 0 || !l.Command.IsZero() || !l.At.IsZero() || l.Memory != rigMemory {
			t.Errorf("%s: the newest lease is %+v, want none", c.name, l)
		}
		most, _, err := wallet.Standing(d, d.tenant, d.rows, 2, d.now)
		if err != nil || most < c.most || most > 10_000 {
			t.Errorf("%s: the other meter may count to %d Wh, want %d, %v", c.name, most, c.most, err)
		}
	}
}

// TestALeaseOfAnotherMemoryIsNoRisk: a meter that lost its memory cannot use the old lease any more. The energy of that lease is free for
// the other meters.
func TestALeaseOfAnotherMemoryIsNoRisk(t *testing.T) {
	d := newRig(t, 5750, 2)
	d.pays(1438)
	d.signs(1, wallet.CommandLease)
	d.pays(1438)
	d.signs(1, wallet.CommandLease)
	if got := d.kept[1].Risk; got != 12_500 {
		t.Fatalf("the risk is %d Wh, want 12500", got)
	}
	d.says()
	d.passes(time.Minute)
	d.seen[1].Memory, d.rows[0].Memory = "another", "another"
	d.settles()
	if k := d.kept[1]; k.Risk != 0 || k.Lease.Memory != "another" || d.leases() != "no lease m1lease m1" {
		t.Errorf("after its memory was replaced: risk %d, lease %+v", k.Risk, k.Lease)
	}
	rows, err := d.WalletsOf(id.ID{})
	if err != nil {
		t.Fatal(err)
	}
	d.seen[1].Memory, rows[0].Memory = "a third", "a third"
	most, _, err := wallet.Standing(d, d.tenant, rows, 2, d.now)
	if err != nil || most < 19_990 {
		t.Errorf("the other meter may count to %d Wh, %v; want a whole lease, for no lease of the first counts any more", most, err)
	}
}

// TestALeaseUsedUpHoldsTheSupplyOff: if the lease has opened the relay, the server sends no cut-off, and nobody has to press a key.
// Otherwise the server opens the relay by command.
func TestALeaseUsedUpHoldsTheSupplyOff(t *testing.T) {
	const byLease, byCommand = "supply-off m1", "disconnect m1; supply-off m1"
	for _, c := range []struct {
		name   string
		do     func(*rig)
		relay  supply.Relay
		reason supply.Reason
		want   string
		looks  bool // the server looks again soon
	}{
		{"the lease", func(*rig) {}, supply.Open, supply.Lease, byLease, false},
		{"nothing: the relay is closed", func(*rig) {}, supply.Closed, supply.Lease, byCommand, true},
		{"the relay waits for a key", func(*rig) {}, supply.Armed, supply.Lease, byCommand, true},
		{"something else keeps it open", func(*rig) {}, supply.Open, supply.Tamper, byCommand, true},
		{"a meter that knows no leases any more", func(d *rig) { d.seen[1].Leases = false }, supply.Open, supply.Lease, byCommand, true},
		{"a watt-hour is left", func(d *rig) {
			k := d.kept[1]
			k.InMeter.Max++
			d.kept[1] = k
		}, supply.Open, supply.Lease, byCommand, true},
		{"a person wants it off as well", func(d *rig) {
			k := d.kept[1]
			k.By, k.Why = "usr_x", "tampered"
			d.kept[1] = k
		}, supply.Open, supply.Lease, byCommand, true},
		{"a meter that cannot be told", func(d *rig) { d.seen[1].Commands = false }, supply.Closed, supply.Lease, byLease, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newRig(t, 2875, 1)
			c.do(d)
			d.says()
			d.passes(6*time.Hour).reads(1, 10_000, c.relay, c.reason)
			d.want("all is used", c.want)
			if got, want := d.kept[1].LookAt, map[bool]time.Time{true: d.now.Add(time.Minute)}[c.looks]; !got.Equal(want) {
				t.Errorf("looks again at %s, want %s", got, want)
			}
			if c.looks {
				d.does(1, wallet.CommandCut)
				if got := d.kept[1].LookAt; !got.IsZero() {
					t.Errorf("cut off, and looks again at %s", got)
				}
			}
		})
	}
}

// TestWhenASupplyIsLookedAtAgain checks when the server looks at a supply again without a reading and without a payment.
func TestWhenASupplyIsLookedAtAgain(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*rig)
		want time.Duration // 0 for never
	}{
		{"a lease: when half its time is gone", func(*rig) {}, 36 * time.Hour},
		{"and as long as it has not been renewed", func(d *rig) {
			d.rows[0].Meter.Active = true
			d.passes(36 * time.Hour)
			d.seen[1].Leases = true
			d.settles()
			d.says()
			d.answers(1, wallet.CommandLease, "done", "")
		}, 36 * time.Hour},
		{"a lease that was refused: when it is due again", func(d *rig) {
			d.passes(36 * time.Hour)
			d.settles()
			d.answers(1, wallet.CommandLease, "failed", "mode")
		}, 30 * time.Minute},
		{"a lease on its way: when it ends", func(d *rig) {
			d.passes(36 * time.Hour)
			d.settles()
		}, 6 * time.Hour},
		{"no leases", func(d *rig) {
			d.seen[1].Leases = false
			d.settles()
		}, 0},
		{"no lease yet", func(d *rig) {
			k := d.kept[1]
			k.InMeter, k.Lease = wallet.Lease{}, wallet.Lease{}
			d.kept[1], d.seen[1].Commands = k, false
			d.settles()
		}, 0},
		{"protected", func(d *rig) {
			d.seen[1].Protected = true
			d.moves(-100_000)
		}, 6 * time.Hour},
		{"a window", func(d *rig) {
			d.tenant.Supply.Windows = []string{"all 00:00-24:00"}
			d.moves(-100_000)
		}, time.Minute},
		{"another tariff that is planned", func(d *rig) {
			d.rows[0].Meter.Later = tariff.Assignments{{From: d.now.Add(5 * time.Hour)}}
			d.settles()
		}, 5 * time.Hour},
		{"another tariff, while it is cut off", func(d *rig) {
			d.seen[1].Leases = false
			d.rows[0].Meter.Later = tariff.Assignments{{From: d.now.Add(50 * time.Hour)}}
			d.moves(-100_000)
			d.does(1, wallet.CommandCut)
		}, 50 * time.Hour},
		{"a register that cannot be true", func(d *rig) {
			d.passes(time.Minute).reads(1, 53_000_000, supply.Closed)
			d.moves(-100_000)
		}, 6 * time.Hour},
	} {
		d := newRig(t, 100_000, 1)
		c.do(d)
		got := d.kept[1].LookAt
		if want := d.now.Add(c.want).Truncate(time.Minute); c.want == 0 && !got.IsZero() || c.want > 0 && !got.Truncate(time.Minute).Equal(want) {
			t.Errorf("%s: looks again at %s (now %s), want after %s", c.name, got, d.now, c.want)
		}
	}
}

// TestWhenAnOrderThatLapsesIsLookedAt: the next look is when the command lapses, but never within a minute.
func TestWhenAnOrderThatLapsesIsLookedAt(t *testing.T) {
	d := newRig(t, 100_000, 1)
	d.passes(36 * time.Hour)
	d.settles() // orders another lease
	o := d.order(1, wallet.CommandLease)
	for _, left := range []time.Duration{2 * time.Hour, time.Minute, time.Second} {
		o.Until = d.now.Add(left)
		d.settles()
		if got, want := d.kept[1].LookAt.Sub(d.now), max(left, time.Minute); got != want {
			t.Errorf("a lease that lapses in %s is looked at after %s, want %s", left, got, want)
		}
	}
	o.Until = time.Time{} // as an older server stored it
	d.settles()
	if got, want := d.kept[1].LookAt, d.now.Add(6*time.Hour).Truncate(time.Minute); !got.Equal(want) {
		t.Errorf("a lease without an end is looked at at %s, want %s", got, want)
	}
}

// TestCoversTheLeasesOfAnAccount checks whether money may leave an account whose meters have leases.
func TestCoversTheLeasesOfAnAccount(t *testing.T) {
	for _, c := range []struct {
		name   string
		meters int
		do     func(*rig)
		most   money.Minor // the most that may leave
	}{
		{"a lease for all there is", 1, func(*rig) {}, 1},
		{"two leases for all there is", 2, func(*rig) {}, 3},
		{"half of it used", 1, func(d *rig) { d.passes(time.Hour).reads(1, 5000, supply.Closed) }, 1},
		{"money beside it", 1, func(d *rig) { d.money += 1000 }, 1001},
		{"money beside it, some of it reserved", 1, func(d *rig) { d.money, d.held = d.money+1000, 400 }, 601},
		{"a window, in which the allowance may be used as well", 1, func(d *rig) {
			allowance := 1 * unit.KilowattHour
			d.tenant.Supply.Windows, d.tenant.Supply.Allowance = []string{"all 00:00-24:00"}, &allowance
		}, 288},
		{"a higher lease that was not signed", 1, func(d *rig) { d.pays(2875) }, 2876},
		{"one that was signed", 1, func(d *rig) {
			d.pays(2875)
			d.signs(1, wallet.CommandLease)
		}, 1},
		{"one that was signed and lapsed", 1, func(d *rig) {
			d.pays(2875)
			d.signs(1, wallet.CommandLease)
			o := d.order(1, wallet.CommandLease)
			o.State = "expired"
		}, 1},
		{"one that was signed and refused for good", 1, func(d *rig) {
			d.pays(2875)
			d.signs(1, wallet.CommandLease)
			o := d.order(1, wallet.CommandLease)
			o.State, o.Answer = "failed", "mode"
		}, 2876},
		{"the risk of one before", 1, func(d *rig) {
			d.pays(2875)
			k := d.kept[1]
			k.Risk = 15_000
			d.kept[1], d.told[k.InMeter.Command].Seq = k, d.rows[0].Seq // no reading has come since
		}, 1438},
		{"no lease", 1, func(d *rig) {
			k := d.kept[1]
			k.InMeter, k.Lease = wallet.Lease{}, wallet.Lease{}
			d.kept[1] = k
		}, 1 << 40},
		{"used up", 1, func(d *rig) { d.rows[0].Register = 10_000 }, 1 << 40},
		{"protected", 1, func(d *rig) { d.seen[1].Protected = true }, 1 << 40},
		{"protected, and another meter that is not", 2, func(d *rig) { d.seen[1].Protected = true }, 1439},
		{"no meters", 0, func(*rig) {}, 1 << 40},
	} {
		d := newRig(t, 2875, c.meters)
		c.do(d)
		for without, want := range map[money.Minor]bool{0: true, c.most: true, c.most + 1: c.most == 1<<40} {
			if got, err := wallet.Covers(d, id.ID{15: 1}, without, d.now); err != nil || got != want {
				t.Errorf("%s: %d may leave: %t, %v; want %t", c.name, without, got, err, want)
			}
		}
	}
	d := newTill(t, 2875, 1)
	d.versions = []tariff.Version{version(1, d.now.AddDate(1, 0, 0), flat())}
	if got, err := wallet.Covers(d, id.ID{15: 1}, 1<<40, d.now); err != nil || !got {
		t.Errorf("without a price a lease stands for nothing: %t, %v", got, err)
	}
}

// TestOnlyOneWhoClaimsAShareHasOne: money is divided among the meters that can get a lease.
func TestOnlyOneWhoClaimsAShareHasOne(t *testing.T) {
	for _, c := range []struct {
		name  string
		other func(*rig)
		want  unit.Energy // the lease of the first meter when 20 kWh are paid
	}{
		{"two", func(*rig) {}, 10_000},
		{"the other cannot be told", func(d *rig) { d.seen[2].Commands = false }, 20_000},
		{"the other knows no leases", func(d *rig) { d.seen[2].Leases = false }, 20_000},
		{"the other was not read", func(d *rig) { d.rows[1].Started = false }, 20_000},
		{"the other is off by a person", func(d *rig) { d.rows[1].Off = supply.Of(supply.Remote) }, 20_000},
	} {
		d := newRig(t, 0, 2)
		c.other(d)
		d.pays(5750)
		if got := d.max(1); got < c.want-2 || got > c.want {
			t.Errorf("%s: a lease to %d Wh, want %d", c.name, got, c.want)
		}
	}
}

// TestWhoNeedsWhatAnotherHas: a meter gives back more than its share only to a meter that needs it.
func TestWhoNeedsWhatAnotherHas(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*rig)
		want string // command to the second meter, which has more than its share
	}{
		{"the first has used more than half its share", func(*rig) {}, "lease m2"},
		{"its register cannot be true", func(d *rig) {
			d.rows[0].Held = wallet.Held{Reason: wallet.HoldRegress, Memory: rigMemory, Register: 9, Since: d.now}
		}, ""},
		{"it is off by a person", func(d *rig) { d.rows[0].Off = supply.Of(supply.Remote) }, ""},
		{"it cannot be told", func(d *rig) { d.seen[1].Commands = false }, ""},
	} {
		d := newRig(t, 5750, 2)
		d.passes(7*time.Hour).reads(2, 0, supply.Closed)
		r := &d.rows[0]
		r.Register, r.Seq, r.At = 7000, r.Seq+1, d.now
		d.money -= 2008
		c.do(d)
		d.says()
		d.settles()
		got := ""
		for _, l := range d.log {
			if l == "lease m2" {
				got = l
			}
		}
		if got != c.want {
			t.Errorf("%s: the second is told %q, want %q", c.name, got, c.want)
		}
	}
}

// TestStandingOfAMeterThatIsNot asks for a meter that the account does not have.
func TestStandingOfAMeterThatIsNot(t *testing.T) {
	d := newRig(t, 2875, 1)
	for n, want := range map[int64]unit.Energy{1: 10_000, 2: 0} {
		if most, cut, err := wallet.Standing(d, d.tenant, d.rows, n, d.now); most != want || cut || err != nil {
			t.Errorf("meter %d may count to %d Wh, cut %t, %v; want %d", n, most, cut, err, want)
		}
	}
	if most, cut, err := wallet.Standing(d, d.tenant, nil, 1, d.now); most != 0 || cut || err != nil {
		t.Errorf("no meters: %d, %t, %v", most, cut, err)
	}
	d = charged(t)
	for _, c := range []struct {
		name string
		do   func(*rig)
		want bool
	}{
		{"nothing left", func(*rig) {}, true},
		{"a window", func(d *rig) { d.tenant.Supply = registry.SupplyPolicy{Windows: []string{"all 00:00-24:00"}} }, false},
		{"paid", func(d *rig) {
			d.tenant.Supply = registry.SupplyPolicy{}
			d.pays(2875)
		}, false},
	} {
		c.do(d)
		if _, cut, err := wallet.Standing(d, d.tenant, d.rows, 1, d.now); cut != c.want || err != nil {
			t.Errorf("%s: may be cut off: %t, %v; want %t", c.name, cut, err, c.want)
		}
	}
}
