package wallet_test

import (
	"math"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
)

// boots has a meter start and report its configuration.
func (d *rig) boots(version int64, hash string) {
	d.t.Helper()
	s := d.seen[1]
	s.Booted, s.ConfigVersion, s.ConfigHash = d.now, version, hash
	d.settles()
}

// TestAConfigurationHoldsUntilTheMeterSaysOtherwise restarts a meter that has taken its configuration.
func TestAConfigurationHoldsUntilTheMeterSaysOtherwise(t *testing.T) {
	for _, c := range []struct {
		name    string
		do      func(*rig, string)
		want    string
		version int64
	}{
		{"it has it", func(d *rig, hash string) { d.boots(1, hash) }, "", 1},
		{"its memory is lost", func(d *rig, _ string) { d.boots(0, "") }, "config m1", 2},
		{"it has an older one of the same number", func(d *rig, _ string) { d.boots(1, "of old") }, "config m1", 2},
		{"the database was restored, it has a newer one", func(d *rig, _ string) {
			s := d.kept[1]
			s.Config, s.ConfigVersion, s.ConfigHash = id.ID{}, 0, ""
			d.kept[1] = s
			d.boots(7, "of the lost database")
		}, "config m1", 8},
		{"the restored database knows an older one", func(d *rig, _ string) { d.boots(7, "of the lost database") }, "config m1", 8},
		{"a version that no meter can have", func(d *rig, _ string) { d.boots(math.MaxInt64, "nonsense") }, "config m1", 2},
		{"the last version of all", func(d *rig, _ string) { d.boots(math.MaxUint32, "nonsense") }, "config m1", 2},
		{"the one before it", func(d *rig, _ string) { d.boots(math.MaxUint32-1, "nonsense") }, "config m1", math.MaxUint32},
		{"it says so too soon, and half an hour later still", func(d *rig, _ string) {
			d.now = d.now.Add(-59 * time.Minute)
			d.boots(0, "")
			d.want("a minute after it took one", "")
			d.passes(30 * time.Minute)
			d.settles()
		}, "config m1", 2},
		{"what it said before it answered counts no more", func(d *rig, _ string) {
			d.seen[1].ConfigHash, d.seen[1].Booted = "", d.now.Add(-2*time.Hour)
			d.settles()
		}, "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newRig(t, 100_000, 1)
			d.passes(time.Hour)
			c.do(d, d.kept[1].ConfigHash)
			d.want(c.name, c.want)
			if got := d.kept[1].ConfigVersion; got != c.version {
				t.Errorf("version %d was ordered last, want %d", got, c.version)
			}
		})
	}
}

// TestAMeterThatLostItsMemoryGetsALeaseAgain: a meter that has lost its configuration refuses every lease. It gets a configuration and then
// a lease.
func TestAMeterThatLostItsMemoryGetsALeaseAgain(t *testing.T) {
	d := newRig(t, 100_000, 1)
	d.passes(time.Hour)
	d.seen[1].Memory, d.rows[0].Memory = "another", "another"
	d.seen[1].Relay, d.seen[1].Reasons = supply.Open.String(), supply.Of(supply.Lease)
	d.boots(0, "")
	d.want("it starts with nothing", "config m1; lease m1")
	d.answers(1, wallet.CommandLease, "failed", "mode")
	d.passes(time.Second).does(1, wallet.CommandConfig)
	if got := d.leases(); got != "lease m1" {
		t.Errorf("after the configuration: got %q, want another lease", got)
	}
}

// TestAConfigurationThatIsRefused checks which answers are final.
func TestAConfigurationThatIsRefused(t *testing.T) {
	for why, again := range map[string]bool{"storage_error": true, "counter": true, "old": true, "expired": false, "config": false} {
		t.Run(why, func(t *testing.T) {
			d := newRig(t, 100_000, 1)
			d.tenant.Supply.Windows = []string{"wed 20:00-21:00"}
			d.passes(time.Minute)
			d.settles()
			d.want("another configuration", "config m1")
			d.passes(time.Minute).answers(1, wallet.CommandConfig, "failed", why)
			if got := d.says() == "config m1"; got != again {
				t.Errorf("sent again at once: %t, want %t", got, again)
			}
			d.passes(time.Hour)
			d.settles()
			if got, want := d.says(), map[bool]string{true: "config m1"}[why == "expired"]; got != want {
				t.Errorf("an hour later: got %q, want %q", got, want)
			}
		})
	}
}

// TestTheEndOfALeasesTimeOpensOnlyWhereAnAccountSaysSo: by default the configuration has no grace for the end of a lease's time, so time
// alone opens no relay. An account's setting may let the relay open when the time ends, or after another 500 Wh.
func TestTheEndOfALeasesTimeOpensOnlyWhereAnAccountSaysSo(t *testing.T) {
	for grace, want := range map[int64]any{wallet.StayClosed: nil, 0: int64(0), 500: int64(500)} {
		d := newRig(t, 2875, 1)
		if grace != wallet.StayClosed {
			d.seen[1].Grace = grace
			d.settles()
			d.want("the account was changed", "config m1")
		}
		doc, _ := d.args[d.order(1, wallet.CommandConfig).ID]["config"].(map[string]any)
		if got := doc["lease_grace_wh"]; doc == nil || got != want {
			t.Errorf("grace %d: the configuration has %v of %v, want %v", grace, got, doc, want)
		}
	}
}
