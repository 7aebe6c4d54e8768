// This file tests which device a meter belongs to, on both engines.

package storetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/profiles"
)

// twoDevices is a listener of one meter at which several Tasmota plugs send their messages.
type twoDevices struct {
	t        *testing.T
	listener *profile.Listener
	profile  *profile.Profile
	who      registry.Identity
}

func newTwoDevices(t *testing.T, e store.Engine, m mtr) twoDevices {
	t.Helper()
	l := profile.Library{}
	if err := l.Load(profiles.Files); err != nil {
		t.Fatal(err)
	}
	return twoDevices{t, profile.NewListener(profileDoor{e}), l["tasmota"], registry.Identity{Tenant: store.FirstTenant, Meter: m.N, Number: m.Number}}
}

// counts lets a plug publish its register, in watt-hours, some seconds after the base time.
func (p twoDevices) counts(seconds int, name string, wh int) profile.Outcome {
	p.t.Helper()
	return p.says(seconds, "tele/"+name+"/SENSOR", fmt.Sprintf(`{"ENERGY":{"Total":%d.%03d,"Power":0}}`, wh/1000, wh%1000))
}

func (p twoDevices) says(seconds int, topic, payload string) profile.Outcome {
	p.t.Helper()
	out, err := p.listener.Take(context.Background(), p.who, p.profile,
		profile.Incoming{Topic: topic, Payload: []byte(payload), At: base().Add(time.Duration(seconds) * time.Second)})
	if err != nil {
		p.t.Fatalf("%s %q: %v", topic, payload, err)
	}
	return out
}

// register returns the register that the server keeps for the meter.
func (p twoDevices) register() profile.Register {
	p.t.Helper()
	got, err := p.listener.Register(context.Background(), p.who)
	if err != nil {
		p.t.Fatal(err)
	}
	return got
}

// account returns what the meter's account requires of its device.
func (p twoDevices) account() profile.Account {
	p.t.Helper()
	a, err := p.listener.Account(context.Background(), p.who, base())
	if err != nil {
		p.t.Fatal(err)
	}
	return a
}

// twoPlugsAtOneListener: two plugs that use nothing send to the listener of one meter. Their registers differ, and nothing may be counted.
func twoPlugsAtOneListener(t *testing.T, r Rig) {
	e := r.Open(t)
	m := addMeter(t, e, 1, false)
	p := newTwoDevices(t, e, m)
	for i := range 4 {
		p.counts(2*i, "kitchen", 5000)
		p.counts(2*i+1, "bath", 5150)
	}
	if got := p.register(); got.MWh != 0 {
		t.Errorf("two plugs that used nothing were counted %d mWh", got.MWh)
	}
	if a := p.account(); !a.Contested || a.Device != "" {
		t.Errorf("what the account requires: %+v; want nothing of either plug", a)
	}
	if got := alarms(t, e, m); strings.Count(got, string(profile.AlarmClaimed)) != 1 {
		t.Errorf("alarms %q, want one about two devices", got)
	}
}

// listenerBindsByItself: a listener whose meter counted before the upgrade hears one name for an hour. It belongs to this plug from then on, and
// what the plug counted meanwhile is charged once. The messages of another plug have no effect.
func listenerBindsByItself(t *testing.T, r Rig) {
	const hour = 3600
	e := r.Open(t)
	m := addMeter(t, e, 1, false)
	p := newTwoDevices(t, e, m)
	must(t, e, func(tx *store.Tx) error { // as an earlier version left it
		return tx.PutProfileRegister(m.N, "tasmota", profile.Register{MWh: 9_000_000, At: base(), Device: 5_000_000, HasDevice: true})
	})
	p.counts(10, "kitchen", 5100)
	if got := p.register(); got.MWh != 9_000_000 {
		t.Errorf("before the listener is bound %d mWh are counted", got.MWh-9_000_000)
	}
	p.counts(10+hour, "kitchen", 5200)
	if a := p.account(); a.Device != "kitchen" || a.Contested {
		t.Errorf("after an hour: %+v, want the device kitchen", a)
	}
	if got := p.register(); got.MWh != 9_200_000 {
		t.Errorf("in the first hour %d mWh were counted, want 200,000", got.MWh-9_000_000)
	}
	for what, topic := range map[string]string{"a value": "tele/bath/SENSOR", "a start": "tele/bath/LWT", "its relay": "stat/bath/POWER"} {
		before := p.register()
		payload := map[string]string{"a value": `{"ENERGY":{"Total":5.300}}`, "a start": "Online", "its relay": "ON"}[what]
		if out := p.says(20+hour, topic, payload); out.Acceptance != profile.Foreign || p.register() != before {
			t.Errorf("%s of another plug: %+v", what, out)
		}
	}
	if out := p.says(25+hour, "tele/bath/SENSOR", `{"ENERGY":`); out.Acceptance != profile.Foreign || strings.Contains(alarms(t, e, m), "unreadable-record") {
		t.Errorf("an unreadable message of another plug: %+v, alarms %q", out, alarms(t, e, m))
	}
	p.counts(30+hour, "kitchen", 5210)
	if got := p.register(); got.MWh != 9_210_000 {
		t.Errorf("then %d mWh in all, want 9,210,000", got.MWh)
	}
}

// oneAlarmForUnreadableMessages: a plug whose messages cannot be read opens one alarm, not one for each message. Its first value ends it. A
// plug that was readable before opens one too.
func oneAlarmForUnreadableMessages(t *testing.T, r Rig) {
	e := r.Open(t)
	m := addMeter(t, e, 1, false)
	p := newTwoDevices(t, e, m)
	for i := range 20 {
		p.says(10*i, "tele/kitchen/SENSOR", fmt.Sprintf(`{"ENERGY":{"Total":[%d]}}`, i))
	}
	if got := alarms(t, e, m); strings.Count(got, "unreadable-record") != 1 {
		t.Errorf("alarms %q, want one", got)
	}
	p.counts(300, "kitchen", 10)
	if got := alarms(t, e, m); strings.Contains(got, "unreadable-record") {
		t.Errorf("after a value the alarm still stands: %q", got)
	}
	for i := range 20 {
		p.says(400+10*i, "tele/kitchen/SENSOR", `{"ENERGY":`)
	}
	if got := alarms(t, e, m); strings.Count(got, "unreadable-record") != 1 {
		t.Errorf("of a device that was readable before: alarms %q, want one", got)
	}
}

// neverReadableIsCutOff: a plug talks and supplies, and no value of it can be read. After the meter's own limit its supply goes off. It returns
// with the first value. A meter that existed before the rule has no limit.
func neverReadableIsCutOff(t *testing.T, r Rig) {
	e := r.Open(t)
	old, m := addWalletMeter(t, e, 1, 10_000), addWalletMeter(t, e, 2, 10_000)
	if old.row(t, e).UnreadCutHours != wallet.DefaultUnreadCutHours {
		t.Errorf("a new meter has the limit of %d hours", old.row(t, e).UnreadCutHours)
	}
	must(t, e, func(tx *store.Tx) error { return tx.SetUnreadCut(old.N, 0) })
	must(t, e, func(tx *store.Tx) error { return tx.SetUnreadCut(m.N, 1) })
	for _, w := range []walletMeter{old, m} {
		must(t, e, func(tx *store.Tx) error {
			_, err := wallet.SettleCredit(tx.Rating(), w.account, base())
			return err
		})
	}
	off := func(w walletMeter) bool { return !wallet.Wanted(w.row(t, e).State) }
	for _, w := range []walletMeter{old, m} {
		p := newTwoDevices(t, e, w.mtr)
		p.says(0, "tele/kitchen/SENSOR", `{"ENERGY":{}}`)
		if a := p.account(); a.Unread != (w.N == m.N) {
			t.Errorf("meter %s waits for a value: %t", w.Number, a.Unread)
		}
		for minute := range 60 + 1 {
			if minute == 60-1 && off(w) {
				t.Errorf("meter %s was cut off before its limit", w.Number)
			}
			if err := p.listener.Unread(t.Context(), p.who, p.profile, base().Add(time.Duration(minute)*time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if off(old) || !off(m) {
		t.Errorf("cut off: the old meter %t, the new one %t; want only the new one", off(old), off(m))
	}
	notices := look(t, e, func(tx *store.Tx) (int64, error) {
		return tx.Number(`SELECT COUNT(*) FROM outbox WHERE kind = $1`, string(wallet.NoticeUnread))
	})
	if got := alarms(t, e, m.mtr); notices != 2 || strings.Count(got, string(profile.AlarmCut)) != 1 {
		t.Errorf("%d warnings, alarms %q; want two warnings and one alarm", notices, got)
	}
	p := newTwoDevices(t, e, m.mtr)
	p.counts(25*3600, "kitchen", 10)
	if got := alarms(t, e, m.mtr); off(m) || strings.Contains(got, string(profile.AlarmCut)) {
		t.Errorf("after its first value: cut off %t, alarms %q", off(m), got)
	}
	if err := p.listener.Unread(t.Context(), p.who, p.profile, base().Add(90*time.Hour)); err != nil || p.account().Unread {
		t.Errorf("a device that was readable once: %v, %+v", err, p.account())
	}
	r.seal(t, e)
	verified(t, e)
}
