package storetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/profiles"
)

// newPlug returns a plug with Tasmota at a wallet meter, with a price of 100.00 per kWh.
func newPlug(t *testing.T, e store.Engine, n int64) (walletMeter, device) {
	t.Helper()
	p := addWalletMeterAt(t, e, n, 500_00, tariff.Body{Currency: "KES", Blocks: []tariff.Block{{Rate: 100_000_000}}})
	l := profile.Library{}
	if err := l.Load(profiles.Files); err != nil {
		t.Fatal(err)
	}
	d := newDevice(t, e, p.mtr)
	d.profile = l["tasmota"]
	return p, d
}

// counts lets the plug send its register, in Wh, some seconds after the base time. Each message meets a server that has just started.
func (d device) counts(seconds int, wh int64) profile.Outcome {
	d.t.Helper()
	payload := fmt.Sprintf(`{"ENERGY":{"Power":60,"Total":%d.%03d}}`, wh/1000, wh%1000)
	out, err := d.listener.Take(context.Background(), d.who, d.profile, profile.Incoming{Topic: "tele/plug/SENSOR", Payload: []byte(payload),
		At: base().Add(time.Duration(seconds) * time.Second)})
	if err != nil {
		d.t.Fatalf("%d Wh: %v", wh, err)
	}
	return out
}

// entriesOf lists a meter's entries of the quarantine, decided ones too, the newest first.
func entriesOf(t *testing.T, e store.Engine, m mtr) string {
	t.Helper()
	var text []string
	for _, one := range heldEntries(t, e, m, true) {
		text = append(text, fmt.Sprintf("%s %d→%d %s", one.Doubt, *one.Was, *one.Register, one.State))
	}
	return strings.Join(text, ", ")
}

// fallenRegister tests a register that shows 0 once, and one that stays low until a person decides.
func fallenRegister(t *testing.T, r Rig) {
	e := r.Open(t)
	p, d := newPlug(t, e, 1)
	d.counts(0, 100)
	d.counts(60, 250)
	d.counts(120, 0)
	if got := entriesOf(t, e, p.mtr); got != "zero 250→0 open" {
		t.Errorf("after a 0 the quarantine has %q", got)
	}
	d.counts(130, 250)
	d.counts(140, 251)
	if got := entriesOf(t, e, p.mtr); got != "zero 250→0 discarded" || p.row(t, e).Debited != 1510 {
		t.Errorf("after the 0 was wrong: %q, %d charged, want 151 Wh for 15.10", got, p.row(t, e).Debited)
	}
	if got := alarms(t, e, p.mtr); strings.Contains(got, "quarantined-record") {
		t.Errorf("a value that was wrong for ten seconds: alarms %q", got)
	}
	for i := range 30 { // wrong every other message for five minutes
		d.counts(150+10*i, []int64{20, 251}[i%2])
	}
	if got := entriesOf(t, e, p.mtr); strings.Count(got, "→") > 2 {
		t.Errorf("a register that is wrong every ten seconds fills the quarantine: %q", got)
	}
	for i := range 12 {
		d.counts(1000+60*i, 20)
	}
	open := heldEntries(t, e, p.mtr, false)
	if len(open) != 1 || open[0].Doubt != "backwards" && open[0].Doubt != "reset" || !strings.Contains(alarms(t, e, p.mtr), "quarantined-record") {
		t.Fatalf("a register that stays low: %+v, alarms %q", open, alarms(t, e, p.mtr))
	}
	v := quarantine.Verdict{Entry: open[0].ID.Text(id.Held), Choice: quarantine.Accept, Reason: "looked at it"}
	if got, err := quarantineOn(e).Decide(t.Context(), clerk("ann"), v); err != nil || !got.Refused() {
		t.Errorf("a fall was accepted: %+v, %v", got, err)
	}
	v.Choice = quarantine.Rebase
	if got, err := quarantineOn(e).Decide(t.Context(), clerk("ann"), v); err != nil || got.Refused() {
		t.Errorf("rebased: %+v %s, %v", got, got.Detail(), err)
	}
	d.counts(2000, 23)
	if w := p.row(t, e); w.Debited != 1540 || w.Held.Stopped() || strings.Contains(alarms(t, e, p.mtr), "quarantined-record") {
		t.Errorf("3 Wh after the new start: %+v, alarms %q, want 15.40 charged", w.State, alarms(t, e, p.mtr))
	}
	r.seal(t, e)
	verified(t, e)
}

// jumpedRegister tests a register that jumps by 1 kWh in a minute. Counting goes on there, and a person charges the jump or leaves it.
func jumpedRegister(t *testing.T, r Rig) {
	e := r.Open(t)
	for i, c := range []struct {
		choice  quarantine.Choice
		charged int64
	}{{quarantine.Accept, 1003}, {quarantine.Rebase, 3}, {quarantine.Discard, 3}} {
		p, d := newPlug(t, e, int64(i+1))
		d.counts(0, 100)
		for n, wh := range []int64{1100, 1101, 1102} {
			d.counts(60+10*n, wh)
		}
		list := heldEntries(t, e, p.mtr, false)
		if len(list) != 1 || list[0].Doubt != "jump" || len(list[0].Choices()) != 3 || p.row(t, e).Debited != 20 {
			t.Fatalf("a jump: %+v, %d charged, want an entry and 0.20", list, p.row(t, e).Debited)
		}
		v := quarantine.Verdict{Entry: list[0].ID.Text(id.Held), Choice: c.choice, Reason: "looked at it"}
		if got, err := quarantineOn(e).Decide(t.Context(), clerk("ann"), v); err != nil || got.Refused() {
			t.Fatalf("%s: %+v %s, %v", c.choice, got, got.Detail(), err)
		}
		d.counts(100, 1103)
		if w := p.row(t, e); int64(w.Debited) != c.charged*10 || w.Held.Stopped() {
			t.Errorf("%s: %d charged (held: %q), want %d Wh", c.choice, w.Debited, w.Held.Reason, c.charged)
		}
	}
	r.seal(t, e)
	verified(t, e)
}
