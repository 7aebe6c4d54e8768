package wallet_test

import (
	"errors"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
)

// disk is beneath a transaction and counts its calls. The field broken is the number of the call that fails; with 0, every call succeeds.
type disk struct{ calls, broken int }

var errDisk = errors.New("the disk is broken")

func (d *disk) fails() error {
	if d.calls++; d.calls == d.broken {
		return errDisk
	}
	return nil
}

// failsAtEachCall runs a function once for each call that the function makes, lets that call fail, and expects its error.
func failsAtEachCall(t *testing.T, name string, least int, does func(d *disk, at int) error) {
	t.Helper()
	for at := 1; ; at++ {
		var d disk
		err := does(&d, at)
		if d.calls < at {
			if err != nil || at <= least {
				t.Errorf("%s: %d calls, %v; want at least %d", name, at-1, err, least)
			}
			return
		}
		if !errors.Is(err, errDisk) {
			t.Errorf("%s: call %d failed, and it came to %v", name, at, err)
		}
	}
}

// failing is an operation that is tested with each of its calls failing in turn. Its last field is the number of calls that it makes at
// least.
type failing struct {
	name  string
	world func(*testing.T) *till
	does  func(*till) error
	least int
}

func (c failing) test(t *testing.T) {
	t.Helper()
	failsAtEachCall(t, c.name, c.least, func(calls *disk, at int) error {
		d := c.world(t)
		d.disk = disk{broken: at}
		err := c.does(d)
		*calls = d.disk
		return err
	})
}

// usedTill is an account with 1 kWh of use since noon that is not posted.
func usedTill(t *testing.T) *till {
	t.Helper()
	d := newTill(t, 10_000, 2)
	for i := range d.rows {
		d.rows[i].Meter.Advanced = 10
	}
	d.passes(time.Hour).reads(1, 1000, supply.Closed)
	return d
}

// TestASettlementThatFailsSaysSo: settling, and every operation that ends with settling, returns the error of each failing call.
func TestASettlementThatFailsSaysSo(t *testing.T) {
	account := id.ID{15: 1}
	for _, c := range []failing{
		{"use is posted", usedTill, func(d *till) error { _, err := wallet.SettleAccount(d, account, d.now, true); return err }, 12},
		{"a credit brings a supply back", func(t *testing.T) *till {
			d := tillOf(charged(t))
			d.signs(1, wallet.CommandCut)
			return d
		}, func(d *till) error { d.money += 5000; _, err := wallet.SettleCredit(d, account, d.now); return err }, 12},
		{"what brings it back is hurried", func(t *testing.T) *till {
			d := newTill(t, 100_000, 1)
			d.passes(6*time.Hour).reads(1, 12_000, supply.Closed)
			d.signs(1, wallet.CommandLease)
			d.seen[1].Relay = supply.Open.String()
			return d
		}, func(d *till) error { _, err := wallet.SettleAccount(d, account, d.now, false); return err }, 8},
		{"a tariff that begins later", func(t *testing.T) *till {
			d := newTill(t, 100_000, 1)
			d.versions = []tariff.Version{version(1, d.now.AddDate(0, 0, -1), flat())}
			m := &d.rows[0].Meter
			m.Simulated, m.LastSeen, m.NewestAt = true, d.now, d.now.AddDate(0, -1, 0).UnixMicro()
			return d
		}, func(d *till) error { _, err := wallet.SettleAccount(d, account, d.now, false); return err }, 8},
		{"money may leave", usedTill, func(d *till) error { _, err := wallet.Covers(d, account, 1, d.now); return err }, 7},
		{"who moves out", usedTill, func(d *till) error { return wallet.MoveOut(d, account, "usr_x", "moved out", d.now) }, 12},
		{"a person switches off", usedTill, func(d *till) error { _, err := wallet.Switch(d, 1, true, "usr_x", "seal", d.now); return err }, 12},
		{"a person switches on", func(t *testing.T) *till {
			d := usedTill(t)
			switches(d.rig, true)
			d.does(1, wallet.CommandCut)
			return d
		}, func(d *till) error { _, err := wallet.Switch(d, 1, false, "usr_x", "", d.now); return err }, 12},
	} {
		c.test(t)
	}
}

// TestAJobThatFailsSaysSo: each job returns the error, whichever of its calls fails.
func TestAJobThatFailsSaysSo(t *testing.T) {
	fixed := func(t *testing.T) *till {
		d := usedTill(t)
		d.version.Body.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 100, Per: tariff.PerDay}}
		return d
	}
	due := func(t *testing.T) *till {
		d := usedTill(t)
		d.due = accounts(1)
		return d
	}
	for _, c := range []failing{
		{"fixed charges", fixed, func(d *till) error { _, err := d.wallets().ChargeDays(d.t.Context(), system()); return err }, 30},
		{"fixed charges once more", func(t *testing.T) *till {
			d := fixed(t)
			d.ran["wallet charges 2026-11-18"] = true
			return d
		}, func(d *till) error { _, err := d.wallets().ChargeDays(d.t.Context(), system()); return err }, 28},
		{"the end of an hour", due, func(d *till) error { _, err := d.wallets().SettleDue(d.t.Context(), system()); return err }, 15},
		{"supplies to look at", due, func(d *till) error { _, err := d.wallets().Watch(d.t.Context(), system()); return err }, 10},
	} {
		c.test(t)
	}
}

// TestAPageThatCannotBeReadSaysSo: a list that cannot be read is not shown as empty. An account that cannot be read is not shown as
// missing.
func TestAPageThatCannotBeReadSaysSo(t *testing.T) {
	yes := true
	for _, c := range []failing{
		{"a statement by account", statementTill, func(d *till) error {
			_, err := d.wallets().Statement(d.t.Context(), system(), id.ID{15: 1}.Text(id.Account), "", "", registry.Page{})
			return err
		}, 3},
		{"a statement by meter", statementTill, func(d *till) error {
			_, err := d.wallets().Statement(d.t.Context(), system(), tillNumber, "", "", registry.Page{})
			return err
		}, 4},
		{"use", useTill, func(d *till) error {
			_, err := d.wallets().Use(d.t.Context(), system(), wallet.UseAsked{Meter: tillNumber})
			return err
		}, 3},
		{"differences", useTill, func(d *till) error {
			_, err := d.wallets().Differences(d.t.Context(), system(), registry.Page{})
			return err
		}, 1},
		{"a supply", func(t *testing.T) *till {
			d := tillOf(charged(t))
			d.usage = []wallet.DayUse{used("2026-11-17", 1000, 500)}
			return d
		}, func(d *till) error {
			_, err := d.wallets().Supply(d.t.Context(), system(), tillNumber)
			return err
		}, 8},
		{"what is special about an account", usedTill, func(d *till) error {
			_, err := d.wallets().SetAccount(d.t.Context(), owner(), tillNumber, wallet.AccountChange{Protected: &yes, Reason: "hospital"})
			return err
		}, 20},
		{"what waits for a second person", func(t *testing.T) *till {
			d := usedTill(t)
			d.people = 2
			return d
		}, func(d *till) error {
			_, err := d.wallets().SetAccount(d.t.Context(), owner(), tillNumber, wallet.AccountChange{Protected: &yes, Reason: "hospital"})
			return err
		}, 7},
	} {
		c.test(t)
	}
}

// TestADecisionThatFailsSaysSo checks decisions about held readings, and rating itself.
func TestADecisionThatFailsSaysSo(t *testing.T) {
	release := func(meter int64, v wallet.Verdict) func(*till) error {
		return func(d *till) error { _, err := wallet.Release(d, meter, v, d.now); return err }
	}
	behind := func(readings ...wallet.Reading) func(*testing.T) *till {
		return func(t *testing.T) *till {
			d := stuck(t)
			for _, r := range readings {
				d.behind = append(d.behind, d.reading(r.Seq, int(r.Seq)-9, r.Register, r.Open))
			}
			return d
		}
	}
	for _, c := range []failing{
		{"accepted", behind(wallet.Reading{Seq: 12, Register: 500_500}), release(1, wallet.Accepted()), 15},
		{"discarded, and the next is no better", behind(wallet.Reading{Seq: 12, Register: 500_500}), release(1, wallet.Discarded()), 14},
		{"an open relay, that has closed since", func(t *testing.T) *till {
			d, _ := drawnThrough(t, false)
			d.behind = []wallet.Reading{d.reading(13, 4, 5500, false)}
			return d
		}, release(1, wallet.HeldEnergyAccepted(wallet.HeldEnergy{Memory: "of old", Seq: 1}, 100)), 14},
		{"a meter without a wallet", behind(), release(2, wallet.Accepted()), 1},
	} {
		c.test(t)
	}
}

// TestWhatTheServerSeesIsNotNotedWhenItFails: NoteSeen, NoteBlind and NoticeSent return the error of any call that fails.
func TestWhatTheServerSeesIsNotNotedWhenItFails(t *testing.T) {
	now := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	for name, does := range map[string]func(wallet.VisibilityTx) error{"out": wallet.NoteSeen, "away": wallet.NoteBlind} {
		failsAtEachCall(t, name, 4, func(calls *disk, at int) error {
			w := &watch{disk: disk{broken: at}, look: wallet.VisibilityInput{Seen: now.Add(time.Hour), Now: now}}
			err := does(w)
			calls.calls = w.calls
			return err
		})
	}
	failsAtEachCall(t, "a notice", 5, func(calls *disk, at int) error {
		s := &sent{rig: newRig(t, 100, 2)}
		s.calls, s.broken = 0, at
		err := wallet.NoticeSent(s, wallet.NoticeOut, []byte(`{"meter":"m1","available_minor":-5,"currency":"KES"}`))
		calls.calls = s.calls
		return err
	})
}
