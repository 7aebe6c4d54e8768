package wallet_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
)

// TestWhenTheLeasesBeforeAreLookedBackAt changes one fact about a meter that took a lease and was given another lease since, and checks
// whether the earlier leases are read.
func TestWhenTheLeasesBeforeAreLookedBackAt(t *testing.T) {
	first, second := wallet.Lease{Command: id.ID{1}, Memory: "a"}, wallet.Lease{Command: id.ID{2}, Memory: "a"}
	for _, c := range []struct {
		name string
		do   func(*wallet.Supplied)
		want bool
	}{
		{"another was ordered", func(*wallet.Supplied) {}, true},
		{"none was ever taken", func(s *wallet.Supplied) { s.InMeter.Command = id.ID{} }, false},
		{"the other is for another memory", func(s *wallet.Supplied) { s.Supply.Lease.Memory = "b" }, false},
		{"the meter has another memory", func(s *wallet.Supplied) { s.Memory = "b" }, false},
		{"both are for a memory before", func(s *wallet.Supplied) { s.InMeter.Memory, s.Supply.Lease.Memory = "b", "b" }, false},
		{"the newest was taken", func(s *wallet.Supplied) { s.InMeter, s.Seen.Lease.State = second, "done" }, false},
		{"it is the newest, and open", func(s *wallet.Supplied) { s.InMeter = second }, true},
		{"the newest was done, and one before taken", func(s *wallet.Supplied) { s.Seen.Lease.State = "done" }, true},
		{"the newest was taken, and a risk is left", func(s *wallet.Supplied) { s.InMeter, s.Seen.Lease.State, s.Risk = second, "done", 1 }, true},
	} {
		s := wallet.Supplied{Supply: wallet.Supply{InMeter: first, Lease: second}, Seen: wallet.Seen{Memory: "a", Lease: wallet.Progress{State: "sent"}}}
		c.do(&s)
		if got := s.LooksBack(); got != c.want {
			t.Errorf("%s: %t, want %t", c.name, got, c.want)
		}
	}
}

// TestWhenACutBeforeTheNewestIsLookedFor: the server looks for an earlier cut-off only if the newest one was not sent and no connect came
// after it.
func TestWhenACutBeforeTheNewestIsLookedFor(t *testing.T) {
	for _, c := range []struct {
		cut, connect id.ID
		signed       bool
		want         bool
	}{{id.ID{2}, id.ID{1}, false, true}, {id.ID{2}, id.ID{}, false, true}, {id.ID{}, id.ID{}, false, false}, {id.ID{2}, id.ID{1}, true, false}, {id.ID{2}, id.ID{3}, false, false}} {
		s := wallet.Supplied{Seen: wallet.Seen{Cut: wallet.Progress{ID: c.cut, Signed: c.signed}, Connect: wallet.Progress{ID: c.connect}}}
		if got := s.NoCutYet(); got != c.want {
			t.Errorf("%+v: %t", c, got)
		}
	}
}

// TestWhatForbidsToCut checks each rule at its limit, in the order of the rules.
func TestWhatForbidsToCut(t *testing.T) {
	now := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	const fresh = 65 * time.Minute // two intervals and five minutes
	for _, c := range []struct {
		name string
		do   func(*wallet.Row, *wallet.Supplied, *wallet.Tenant, *wallet.Visibility)
		want wallet.CutoffDelay
	}{
		{"nothing", func(*wallet.Row, *wallet.Supplied, *wallet.Tenant, *wallet.Visibility) {}, ""},
		{"received just in time", func(_ *wallet.Row, s *wallet.Supplied, _ *wallet.Tenant, _ *wallet.Visibility) {
			s.ReceivedAt = now.Add(-fresh)
		}, ""},
		{"received too long ago", func(_ *wallet.Row, s *wallet.Supplied, _ *wallet.Tenant, _ *wallet.Visibility) {
			s.ReceivedAt = now.Add(-fresh - time.Second)
		}, wallet.BlockStale},
		{"of a time just in time", func(r *wallet.Row, _ *wallet.Supplied, _ *wallet.Tenant, _ *wallet.Visibility) {
			r.At = now.Add(-fresh)
		}, ""},
		{"of a time too long ago", func(r *wallet.Row, _ *wallet.Supplied, _ *wallet.Tenant, _ *wallet.Visibility) {
			r.At = now.Add(-fresh - time.Second)
		}, wallet.BlockStale},
		{"a simulated meter's own time", func(r *wallet.Row, _ *wallet.Supplied, _ *wallet.Tenant, _ *wallet.Visibility) {
			r.At, r.Meter.Simulated = now.Add(-fresh-time.Second), true
		}, ""},
		{"rated up to a time that has not come", func(r *wallet.Row, s *wallet.Supplied, _ *wallet.Tenant, _ *wallet.Visibility) {
			r.At, s.AsOf = now.Add(time.Hour), now.Add(-fresh-time.Second)
		}, wallet.BlockStale},
		{"rated up to two minutes ahead", func(r *wallet.Row, s *wallet.Supplied, _ *wallet.Tenant, _ *wallet.Visibility) {
			r.At, s.AsOf = now.Add(wallet.Ahead), now.Add(-fresh-time.Second)
		}, ""},
		{"a meter that never told anything", func(r *wallet.Row, s *wallet.Supplied, _ *wallet.Tenant, x *wallet.Visibility) {
			s.ReceivedAt, r.At, x.Doubt = time.Time{}, time.Time{}, true
		}, ""},
		{"the server sees its meters again since then", func(_ *wallet.Row, s *wallet.Supplied, _ *wallet.Tenant, x *wallet.Visibility) {
			x.Unseen = s.ReceivedAt
		}, wallet.BlockUnheard},
		{"since a moment before", func(_ *wallet.Row, s *wallet.Supplied, _ *wallet.Tenant, x *wallet.Visibility) {
			x.Unseen = s.ReceivedAt.Add(-1)
		}, ""},
		{"the feeder is silent since then", func(_ *wallet.Row, s *wallet.Supplied, _ *wallet.Tenant, _ *wallet.Visibility) { s.Dark = s.ReceivedAt }, wallet.BlockUnheard},
		{"the time is in doubt", func(_ *wallet.Row, _ *wallet.Supplied, _ *wallet.Tenant, x *wallet.Visibility) { x.Doubt = true }, wallet.BlockUnheard},
		{"never warned", func(_ *wallet.Row, _ *wallet.Supplied, t *wallet.Tenant, _ *wallet.Visibility) { t.Supply.Notice = 60 }, wallet.BlockNotice},
		{"never warned, and a notice of a second", func(_ *wallet.Row, _ *wallet.Supplied, t *wallet.Tenant, _ *wallet.Visibility) { t.Supply.Notice = 1 }, wallet.BlockNotice},
		{"warned a second too late", func(_ *wallet.Row, s *wallet.Supplied, t *wallet.Tenant, _ *wallet.Visibility) {
			t.Supply.Notice, s.Noticed = 60, now.Add(-59*time.Second)
		}, wallet.BlockNotice},
		{"warned in time", func(_ *wallet.Row, s *wallet.Supplied, t *wallet.Tenant, _ *wallet.Visibility) {
			t.Supply.Notice, s.Noticed = 60, now.Add(-time.Minute)
		}, ""},
		{"protected and held", func(r *wallet.Row, s *wallet.Supplied, _ *wallet.Tenant, _ *wallet.Visibility) {
			s.Protected, r.Held.Reason = true, wallet.HoldRegress
		}, wallet.BlockProtected},
	} {
		r := wallet.Row{State: wallet.State{At: now}}
		s := wallet.Supplied{Seen: wallet.Seen{ReceivedAt: now.Add(-time.Minute), AsOf: now, Interval: 30 * time.Minute}}
		tenant, visibility := wallet.Tenant{Zone: time.UTC}, wallet.Visibility{}
		c.do(&r, &s, &tenant, &visibility)
		if got := wallet.Blocked(r, s, tenant, now, visibility); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestAMeterThatCannotBeToldIsToldNothing: a meter gets no command that it cannot take, whatever is wrong with its configuration, its clock
// and its relay.
func TestAMeterThatCannotBeToldIsToldNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*wallet.Seen)
		want string
	}{
		{"a profile's device", func(s *wallet.Seen) { s.Commands = false }, ""},
		{"a meter without leases is only cut off", func(s *wallet.Seen) { s.Leases = false }, "time m1"},
		{"any other", func(*wallet.Seen) {}, "config m1; lease m1; time m1"},
	} {
		d := newRig(t, 100_000, 1)
		d.passes(36 * time.Hour)
		d.tenant.Supply.Windows = []string{"wed 20:00-21:00"}
		d.rows[0].Adrift, d.rows[0].Said = true, d.now.Add(2*time.Hour)
		c.do(d.seen[1])
		d.settles()
		d.want(c.name, c.want)
		d.passes(time.Minute)
		d.settles()
		d.want(c.name+", a minute later", "")
	}
}

// TestWhatAConfigurationSays checks the whole document, with a calendar and without.
func TestWhatAConfigurationSays(t *testing.T) {
	d := newRig(t, 2875, 1)
	doc := d.args[d.order(1, wallet.CommandConfig).ID]["config"].(map[string]any)
	if len(doc) != 4 || doc["payment_mode"] != "prepay_wallet" || doc["imp_per_kwh"] != int64(1000) || doc["reading_s"] != int64(1800) || doc["tz_min"] != int64(0) {
		t.Errorf("without a calendar: %v", doc)
	}
	d.tenant.Zone, d.tenant.Supply.Windows, d.tenant.Supply.SpecialDays = nairobi(t), []string{"wed 20:00-21:00", "sat 20:00-21:00"}, []string{"2026-12-25"}
	d.settles()
	args := d.args[d.order(1, wallet.CommandConfig).ID]
	doc = args["config"].(map[string]any)
	friendly, _ := doc["friendly"].([]any)
	special, _ := doc["special_days"].([]any)
	if len(doc) != 6 || doc["tz_min"] != int64(180) || len(friendly) != 2 || friendly[1] != "sat 20:00-21:00" || len(special) != 1 || special[0] != "2026-12-25" || args["version"] != int64(2) ||
		args["hash"] != d.kept[1].ConfigHash {
		t.Errorf("with one: %v", args)
	}
}

// TestWhatALostDatabaseConfigured: a meter does not get the wanted configuration again if its newest boot, after its last answer, reported
// exactly that configuration.
func TestWhatALostDatabaseConfigured(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*rig)
		want string
	}{
		{"it says so, and no order is known", func(d *rig) {
			s := d.kept[1]
			s.Config, s.ConfigHash, s.ConfigVersion = id.ID{}, "", 0
			d.kept[1] = s
		}, ""},
		{"it said so before another one was carried out", func(d *rig) {
			s := d.kept[1]
			s.ConfigHash = "of another"
			d.kept[1] = s
			d.order(1, wallet.CommandConfig).Since = d.now
			d.seen[1].Booted = d.now
		}, "config m1"},
		{"it said so after that", func(d *rig) {
			s := d.kept[1]
			s.ConfigHash = "of another"
			d.kept[1] = s
			d.order(1, wallet.CommandConfig).Since = d.now.Add(-1)
			d.seen[1].Booted = d.now
		}, ""},
		{"the same of another number", func(d *rig) {
			d.order(1, wallet.CommandConfig).Since = d.now.Add(-time.Hour)
			d.seen[1].ConfigVersion, d.seen[1].Booted = 9, d.now
		}, "config m1"},
	} {
		d := newRig(t, 100_000, 1)
		d.passes(time.Hour)
		d.seen[1].ConfigHash, d.seen[1].ConfigVersion, d.seen[1].Booted = d.kept[1].ConfigHash, 1, d.now
		c.do(d)
		d.settles()
		d.want(c.name, c.want)
	}
}

// TestWhenSomebodyHasToPress: a key must be pressed if the relay waits for one, or if a cut-off is being undone.
func TestWhenSomebodyHasToPress(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*rig)
		want bool
	}{
		{"on", func(*rig) {}, false},
		{"armed", func(d *rig) { d.seen[1].Relay = supply.Armed.String() }, true},
		{"armed, and unwanted", func(d *rig) { d.seen[1].Relay, d.rows[0].Off = supply.Armed.String(), supply.Of(supply.Remote) }, false},
		{"cut off", func(d *rig) { d.pays(-100_000); d.does(1, wallet.CommandCut) }, false},
		{"paid again", func(d *rig) { d.pays(-100_000); d.does(1, wallet.CommandCut); d.pays(5000) }, true},
		{"connected, and no reading since", func(d *rig) {
			d.pays(-100_000)
			d.does(1, wallet.CommandCut)
			d.pays(5000)
			d.passes(time.Second).does(1, wallet.CommandConnect)
		}, true},
		{"connected, and read since", func(d *rig) {
			d.pays(-100_000)
			d.does(1, wallet.CommandCut)
			d.pays(5000)
			d.passes(time.Second).does(1, wallet.CommandConnect)
			d.passes(time.Second).reads(1, 0, supply.Closed)
		}, false},
		{"connected without a cut-off of ours", func(d *rig) { d.passes(time.Second).reads(1, 0, supply.Open, supply.Remote) }, false},
	} {
		d := newRig(t, 100_000, 2)
		c.do(d)
		if got := d.settles().Press; got != c.want {
			t.Errorf("%s: %t, want %t", c.name, got, c.want)
		}
	}
}

// TestWhenAConnectIsRepeated checks the limits of the pause.
func TestWhenAConnectIsRepeated(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer string
		after  time.Duration
		relay  supply.Reason
		want   string
	}{
		{"refused for good, too soon", "mode", 30*time.Minute - time.Second, supply.Remote, ""},
		{"refused for good, half an hour ago", "mode", 30 * time.Minute, supply.Remote, "connect m1"},
		{"refused in passing", "counter", time.Second, supply.Remote, "connect m1"},
		{"refused, and something else keeps the relay open", "mode", 30 * time.Minute, supply.Tamper, ""},
	} {
		d := charged(t)
		d.does(1, wallet.CommandCut)
		d.pays(4000)
		d.does(1, wallet.CommandLease)
		o := d.order(1, wallet.CommandConnect)
		o.Signed, o.State, o.Answer, o.Since = true, "failed", c.answer, d.now
		d.says()
		d.seen[1].Relay, d.seen[1].Reasons = supply.Open.String(), supply.Of(c.relay)
		d.passes(c.after)
		d.seen[1].ReceivedAt = d.now
		d.settles()
		d.want(c.name, c.want)
	}
}

// TestWhenACutIsRepeated: a cut-off that lapsed or was refused is repeated after half an hour. A cut-off that was carried out is repeated
// when a reading contradicts it.
func TestWhenACutIsRepeated(t *testing.T) {
	for _, c := range []struct {
		name          string
		state, answer string
		after         time.Duration
		read          bool
		reason        supply.Reason
		want          string
	}{
		{"refused, too soon", "failed", "mode", 30*time.Minute - time.Second, true, 0, ""},
		{"refused, half an hour ago", "failed", "mode", 30 * time.Minute, true, 0, "disconnect m1"},
		{"carried out, no reading since", "done", "", time.Hour, false, 0, ""},
		{"carried out, and a reading says so", "done", "", time.Hour, true, supply.Remote, ""},
		{"carried out, and a reading says otherwise", "done", "", time.Hour, true, supply.Tamper, "disconnect m1"},
		{"acknowledged", "acked", "", 4 * time.Hour, true, supply.Tamper, ""},
		{"sent, and lapsed", "sent", "", 3*time.Hour + 30*time.Minute, true, supply.Tamper, "no disconnect m1; disconnect m1"},
	} {
		d := charged(t)
		o := d.order(1, wallet.CommandCut)
		o.Signed, o.State, o.Answer, o.Since = true, c.state, c.answer, d.now
		d.passes(c.after)
		d.rows[0].At = d.now
		if d.seen[1].ReceivedAt = o.Since; c.read {
			d.seen[1].ReceivedAt = d.now
		}
		d.seen[1].Interval, d.seen[1].Reasons = 12*time.Hour, supply.Of(c.reason)
		if c.reason == 0 {
			d.seen[1].Reasons = 0
		}
		d.kept[1] = withConfig(d)
		d.settles()
		d.want(c.name, c.want)
	}
}

// withConfig returns the stored supply of the first meter with no configuration to send.
func withConfig(d *rig) wallet.Supply {
	d.seen[1].Leases = false
	return d.kept[1]
}

// TestAnAccountWithoutAPrice: only the amount of money decides, and no notice says that the money is used up.
func TestAnAccountWithoutAPrice(t *testing.T) {
	d := newTill(t, 100, 1)
	d.versions = []tariff.Version{version(1, d.now.AddDate(1, 0, 0), flat())}
	settles := func() {
		if _, err := wallet.SettleAccount(d, id.ID{15: 1}, d.now, false); err != nil {
			t.Fatal(err)
		}
	}
	d.tenant.Supply.Notice = 3600
	d.money = 1
	settles()
	d.want("one minor unit is left", "")
	d.money = 0
	settles()
	if d.want("none is left", "wallet-urgent m1"); d.kept[1].Block != wallet.BlockNotice {
		t.Errorf("block %q, want the notice", d.kept[1].Block)
	}
	d.tenant.Supply.Notice = 0
	settles()
	d.want("no notice is asked for", "disconnect m1; supply-off m1")
}

// TestTheWarningOfAShortageIsForgottenWhenItEnds: the next shortage is warned of again.
func TestTheWarningOfAShortageIsForgottenWhenItEnds(t *testing.T) {
	d := newRig(t, 10_000, 1)
	d.tenant.Supply.Notice = 3600
	d.tenant.Policy.Warn2 = 500
	d.pays(-10_000)
	d.warned(1)
	if d.want("nothing left", "wallet-used-up m1"); d.kept[1].Out.IsZero() || d.kept[1].Block != wallet.BlockNotice {
		t.Errorf("%+v", d.kept[1])
	}
	d.pays(400)
	if !d.kept[1].Out.IsZero() || d.kept[1].Noticed.IsZero() || d.kept[1].Block != "" {
		t.Errorf("a little was paid: %+v, want the warning kept", d.kept[1])
	}
	d.pays(5000)
	if !d.kept[1].Noticed.IsZero() {
		t.Errorf("enough was paid: the warning of %s is kept", d.kept[1].Noticed)
	}
}
