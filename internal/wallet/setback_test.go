package wallet_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
)

// jump is how far the server's clock is ahead in these tests before it is set back.
const jump = 30 * 24 * time.Hour

// setBack moves the server's clock a month ahead, runs one function, sets the clock back and runs another.
type setBack struct {
	ahead, back func(*rig)
	want        string // expected decisions after the clock was set back
}

func (c setBack) test(t *testing.T) {
	d := newRig(t, 100_000, 1)
	d.passes(jump)
	c.ahead(d)
	d.passes(-jump + 10*time.Minute)
	d.log = nil
	c.back(d)
	d.want("the clock is set back", c.want)
	if at := d.kept[1].LookAt; at.Sub(d.now) > 2*24*time.Hour {
		t.Errorf("the supply is looked at again after %s", at.Sub(d.now))
	}
}

// TestLeasesOfAClockThatWasAheadAreGivenAnew: no meter waits a month for a lease.
func TestLeasesOfAClockThatWasAheadAreGivenAnew(t *testing.T) {
	for name, c := range map[string]setBack{
		"a lease that was sent and lost is given again": {
			func(d *rig) {
				d.reads(1, 12_000, supply.Closed)
				d.signs(1, wallet.CommandLease)
			}, func(d *rig) { d.settles() }, "no lease m1; lease m1"},
		"a lease that was taken is renewed, for its time runs": {
			func(d *rig) {
				d.reads(1, 12_000, supply.Closed)
				d.does(1, wallet.CommandLease)
			}, func(d *rig) { d.reads(1, 12_100, supply.Closed) }, "lease m1"},
		"a lease that was refused is offered again": {
			func(d *rig) {
				d.reads(1, 12_000, supply.Closed)
				d.answers(1, wallet.CommandLease, "failed", "unsupported")
			}, func(d *rig) { d.reads(1, 12_100, supply.Closed) }, "lease m1"},
	} {
		t.Run(name, c.test)
	}
}

// TestAClockThatWasAheadCutsNobodyAndSparesNobody: readings from that time cut nobody off, and commands from that time are given again.
func TestAClockThatWasAheadCutsNobodyAndSparesNobody(t *testing.T) {
	for name, c := range map[string]setBack{
		"a reading of then cuts nobody": {
			func(d *rig) { d.reads(1, 4000, supply.Closed) },
			func(d *rig) { d.pays(-100_000) }, "wallet-used-up m1"},
		"a reading after it does": {
			func(d *rig) { d.reads(1, 4000, supply.Closed) },
			func(d *rig) {
				d.pays(-100_000)
				d.says()
				d.passes(time.Minute).reads(1, 4010, supply.Closed)
			}, "disconnect m1; supply-off m1"},
		"a cut that was sent and lost is sent again": {
			func(d *rig) {
				d.reads(1, 4000, supply.Closed)
				d.pays(-100_000)
				d.signs(1, wallet.CommandCut)
			}, func(d *rig) { d.reads(1, 4010, supply.Closed) }, "no disconnect m1; disconnect m1"},
		"a connect that was sent and lost is sent again": {
			func(d *rig) {
				d.reads(1, 4000, supply.Closed)
				d.pays(-100_000)
				d.does(1, wallet.CommandCut)
				d.pays(100_000)
				d.signs(1, wallet.CommandConnect)
			}, func(d *rig) { d.settles() }, "no connect m1; connect m1"},
		"a connect that was carried out and undone is given again": {
			func(d *rig) {
				d.reads(1, 4000, supply.Closed)
				d.pays(-100_000)
				d.does(1, wallet.CommandCut)
				d.pays(100_000)
				d.does(1, wallet.CommandConnect)
				d.does(1, wallet.CommandLease)
			}, func(d *rig) { d.passes(time.Second).reads(1, 4000, supply.Open, supply.Remote) }, "connect m1; lease m1"},
		"a warning of then runs from now": {
			func(d *rig) {
				d.tenant.Supply.Notice = 3600
				d.reads(1, 4000, supply.Closed)
				d.pays(-100_000)
				s := d.kept[1]
				s.Noticed = d.now
				d.kept[1] = s
			}, func(d *rig) {
				d.settles()
				d.passes(59*time.Minute).reads(1, 4010, supply.Closed)
				if !wallet.Wanted(d.rows[0].State) {
					d.t.Error("cut off before the notice has run")
				}
				d.passes(time.Minute).reads(1, 4020, supply.Closed)
			}, "disconnect m1; supply-off m1"},
	} {
		t.Run(name, c.test)
	}
}

// TestAMeterThatJoinsAnAccountWithoutMoney: the new meter is cut off like the other meters, because the account was warned and the notice
// applies to the new meter too. A decision before the meter's first reading does not replace a warning.
func TestAMeterThatJoinsAnAccountWithoutMoney(t *testing.T) {
	for _, c := range []struct {
		name  string
		warns bool // the other meter's warning was given before
		want  string
	}{
		{"the account was warned an hour ago", true, "disconnect m2"},
		{"the account's warning is on its way", false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newRig(t, 2875, 1)
			d.tenant.Supply.Notice = 3600
			d.passes(30*time.Minute).reads(1, 4000, supply.Closed)
			d.pays(-1725)
			d.want("all money taken away", "lease m1; wallet-used-up m1; no lease m1")
			if c.warns {
				d.warned(1)
			}
			d.passes(time.Hour).reads(1, 4000, supply.Closed)
			d.joins()
			d.settles() // a decision before the new meter's first reading
			d.says()
			d.reads(2, 0, supply.Closed)
			d.settles()
			d.want("the first reading of the meter that joined", c.want)
			if c.warns {
				return
			}
			d.warned(1)
			d.warned(2)
			d.passes(time.Hour).reads(2, 10, supply.Closed)
			d.want("warned for an hour", "disconnect m1; supply-off m1; disconnect m2; supply-off m2")
		})
	}
}

// TestAMeterWithoutMoneyIsWarnedOnceItIsRead: a decision before its first reading does not count as its warning.
func TestAMeterWithoutMoneyIsWarnedOnceItIsRead(t *testing.T) {
	d := newRig(t, 0, 0)
	d.tenant.Supply.Notice = 3600
	d.joins()
	d.settles()
	d.reads(1, 0, supply.Closed)
	d.settles()
	d.want("its first reading", "config m1; wallet-used-up m1; lease m1")
}

// joins adds a meter without readings to the account.
func (d *rig) joins() {
	n := int64(len(d.rows) + 1)
	d.rows = append(d.rows, wallet.Row{State: wallet.NewState(), Meter: wallet.MeterFacts{ID: d.id(), N: n, Number: fmt.Sprintf("m%d", n), Phases: 1,
		Account: id.ID{15: 1}, Active: true}})
	d.rows[n-1].Off = 0 // the new meter was on
	d.seen[n] = &wallet.Seen{Memory: rigMemory, Leases: true, Commands: true, Interval: 30 * time.Minute, Imp: 1000, Grace: wallet.StayClosed,
		Relay: supply.Closed.String()}
}

// warned records that a meter's customer got the warning, as the store does.
func (d *rig) warned(n int64) {
	if s := d.kept[n]; s.Noticed.IsZero() {
		s.Noticed = d.now
		d.kept[n] = s
	}
}

// TestWhoDoubtsTheTimeTakesNothingByIt: while the server's time is in doubt, notice periods and friendly hours do not end, and no reading
// counts as fresh. No lease is lowered and no meter's clock is set, but new leases are sent. Once the time is trusted, all of that is done.
func TestWhoDoubtsTheTimeTakesNothingByIt(t *testing.T) {
	for _, c := range []struct {
		name           string
		does           func(*rig)
		doubted, after string
	}{
		{"a notice", func(d *rig) {
			d.tenant.Supply.Notice = 3600
			d.passes(time.Hour).reads(1, 4000, supply.Closed)
			d.pays(-100_000)
			d.warned(1)
			d.says()
			d.passes(time.Hour).reads(1, 4010, supply.Closed)
		}, "", "disconnect m1; supply-off m1"},
		{"no money", func(d *rig) {
			d.pays(-100_000)
			d.says()
			d.passes(time.Hour).reads(1, 4010, supply.Closed)
		}, "", "disconnect m1; supply-off m1"},
		{"less money than the lease stands for", func(d *rig) {
			d.pays(-99_000)
			d.says()
			d.reads(1, 100, supply.Closed)
		}, "", "lease m1"},
		{"the clock of a meter", func(d *rig) {
			d.rows[0].Adrift, d.rows[0].Said = true, d.now.Add(2*time.Hour)
			d.reads(1, 100, supply.Closed)
		}, "", "time m1"},
		{"a lease that is half used", func(d *rig) { d.passes(time.Hour).reads(1, 12_000, supply.Closed) }, "lease m1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newRig(t, 100_000, 1)
			d.doubt = true
			c.does(d)
			d.want("the time is in doubt", c.doubted)
			d.doubt = false
			d.settles()
			d.want("it is not", c.after)
		})
	}
}
