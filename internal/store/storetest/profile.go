package storetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/mirror"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/profiles"
)

func profileTests() []test {
	return []test{
		{"samples of a device become readings with numbers of their own", samplesBecomeReadings},
		{"a register goes on where the last transaction left it", registerGoesOn},
		{"a register that falls counts nothing until its values or a person decide", fallenRegister},
		{"a register that jumps goes on, and a person decides about the jump", jumpedRegister},
		{"a device takes a meter's place, and the meter its own again", deviceAndMeter},
		{"an open relay's sensor offset is not charged for", playStory(openOffset)},
		{"what is drawn through an open relay is held until a person decides", playStory(openDraw)},
		{"two plugs at the listener of one meter count nothing", twoPlugsAtOneListener},
		{"a listener binds to the only plug that it hears for an hour", listenerBindsByItself},
		{"messages that cannot be read open one alarm", oneAlarmForUnreadableMessages},
		{"a plug that was never readable is cut off after the meter's limit", neverReadableIsCutOff},
		{"a login of the integration broker is in force until it is revoked", logins},
	}
}

// profileDoor is the Door of a profile's listener on an engine.
type profileDoor struct{ e store.Engine }

func (d profileDoor) Do(ctx context.Context, t access.Tenant, fn func(profile.Tx) (bool, error)) error {
	return d.e.Run(ctx, t, store.Reading, func(tx *store.Tx) (bool, error) { return fn(tx) })
}

func (d profileDoor) View(ctx context.Context, t access.Tenant, fn func(profile.Tx) error) error {
	return d.e.View(ctx, t, func(tx *store.Tx) error { return fn(tx) })
}

// device is an Arduino with the first profile, connected to a meter.
type device struct {
	t        *testing.T
	listener *profile.Listener
	profile  *profile.Profile
	who      registry.Identity
}

func newDevice(t *testing.T, e store.Engine, m mtr) device {
	t.Helper()
	l := profile.Library{}
	if err := l.Load(profiles.Files); err != nil {
		t.Fatal(err)
	}
	return device{t, profile.NewListener(profileDoor{e}), l["seed-a"],
		registry.Identity{Tenant: store.FirstTenant, Meter: m.N, Number: m.Number, Simulated: m.Simulated}}
}

// says lets the device publish a message some seconds after the base time.
func (d device) says(seconds int, topic, payload string) profile.Outcome {
	d.t.Helper()
	out, err := d.listener.Take(context.Background(), d.who, d.profile, profile.Incoming{Topic: "GsmClientTest/" + topic,
		Payload: []byte(payload), At: base().Add(time.Duration(seconds) * time.Second), Reasons: []string{"CREDIT"}})
	if err != nil {
		d.t.Fatalf("%s %q: %v", topic, payload, err)
	}
	return out
}

// rowsOf lists a meter's readings as number, register, power and relay.
func rowsOf(t *testing.T, e store.Engine, m mtr) string {
	t.Helper()
	return look(t, e, func(tx *store.Tx) (string, error) {
		text := ""
		err := tx.C.Query(`SELECT store, seq, register_wh, w, relay, reasons FROM reading WHERE tenant_id = $1 AND meter = $2 ORDER BY id`,
			func(r core.Row) error {
				text += fmt.Sprintf("%s/%d %d Wh %d W %s %s\n", r.Text(0), r.Int(1), r.Int(2), r.Int(3), r.Text(4), r.Text(5))
				return nil
			}, tx.Tenant, m.N)
		return text, err
	})
}

func samplesBecomeReadings(t *testing.T, r Rig) {
	e := r.Open(t)
	m := addMeter(t, e, 1, false)
	d := newDevice(t, e, m)
	d.says(0, "init", "Meter Started")
	d.says(1, "ledStatus", "meter is on")
	for i := range 7 {
		d.says(10+10*i, "ledStatus", "832:512") // 3597.26 W, nearly 10 Wh in 10 s
	}
	d.says(71, "ledStatus", "meter is off")
	d.says(72, "ledStatus", "meter is off") // no change
	d.says(80, "ledStatus", "512:512")
	d.says(90, "ledStatus", "512:512") // same values as before
	d.says(91, "ledStatus", "7777:1")  // out of the converter's range
	d.says(92, "elsewhere", "1:1")
	want := "profile/1 0 Wh 0 W closed \nprofile/2 0 Wh 3597 W closed \nprofile/3 9 Wh 3597 W closed \nprofile/4 19 Wh 3597 W closed \n" +
		"profile/5 29 Wh 3597 W closed \nprofile/6 39 Wh 3597 W closed \nprofile/7 49 Wh 3597 W closed \nprofile/8 59 Wh 3597 W closed \n" +
		"profile/9 60 Wh 0 W open CREDIT\n"
	if got := rowsOf(t, e, m); got != want {
		t.Errorf("readings\n%swant\n%s", got, want)
	}
	live := look(t, e, func(tx *store.Tx) (uint64, error) { l, err := tx.Live(m.N); return l.Window.Watermark, err })
	alarms := look(t, e, func(tx *store.Tx) (int, error) {
		n := 0
		err := tx.C.Query(`SELECT code FROM alarm WHERE meter = $1 AND cleared_at IS NULL`, func(core.Row) error { n++; return nil }, m.N)
		return n, err
	})
	if live != 9 || alarms != 1 {
		t.Errorf("watermark %d, %d alarms; want 9 and one for the unreadable message", live, alarms)
	}
}

func registerGoesOn(t *testing.T, r Rig) {
	e := r.Open(t)
	m := addMeter(t, e, 1, false)
	d := newDevice(t, e, m)
	d.says(0, "ledStatus", "832:512")
	before := d.says(10, "ledStatus", "832:512").Register
	again := newDevice(t, e, m) // another process, which knows only the database
	if got, err := again.listener.Register(context.Background(), again.who); err != nil || got != before {
		t.Fatalf("kept %+v, %v, want %+v", got, err, before)
	}
	after := again.says(20, "ledStatus", "832:512")
	if after.Register.MWh != before.MWh+9992 && after.Register.MWh != before.MWh+9993 || !after.Reading {
		t.Errorf("after another 10 s %d mWh, before %d", after.Register.MWh, before.MWh)
	}
	gap := again.says(500, "ledStatus", "832:512")
	if gap.Step.CountedMWh != 0 || gap.Register.GapSec != 480 {
		t.Errorf("480 s without a sample: %+v", gap)
	}
}

func deviceAndMeter(t *testing.T, r Rig) {
	e := r.Open(t)
	m := addMeter(t, e, 1, false)
	d := newDevice(t, e, m)
	for i := range 70 { // more readings than a window holds
		d.says(10*i, "ledStatus", "832:512")
	}
	wantOutcomes(t, e, "stored@0", m.boot(1, 1)) // this meter numbers records in its own memory
	if got := d.says(700, "ledStatus", "832:512"); !got.Reading || got.Register.Seq != 71 {
		t.Errorf("the device again: %+v", got)
	}
	if w := look(t, e, func(tx *store.Tx) (uint64, error) { l, err := tx.Live(m.N); return l.Window.Watermark, err }); w != 71 {
		t.Errorf("watermark %d, want 71", w)
	}
}

// openWalletMeter adds a device with a price of 100.00 per kWh that used 60 Wh and was switched off.
func openWalletMeter(t *testing.T, e store.Engine, n int64) (walletMeter, device) {
	t.Helper()
	p := addWalletMeterAt(t, e, n, 500_00, tariff.Body{Currency: "KES", Blocks: []tariff.Block{{Rate: 100_000_000}}})
	d := newDevice(t, e, p.mtr)
	d.says(0, "init", "Meter Started")
	d.says(1, "ledStatus", "meter is on")
	for i := range 7 {
		d.says(10+10*i, "ledStatus", "832:512") // 3597.26 W
	}
	d.says(71, "ledStatus", "meter is off")
	if w := p.row(t, e); w.Debited != 600 {
		t.Fatalf("60 Wh while it was on: %+v, want 6.00 charged", w.State)
	}
	return p, d
}

// openOffset tests an offset of twelve counts. With no load, it reads as 134.89 W, which would cost 323.00 a day.
func openOffset(t *testing.T, r Rig) {
	e := r.Open(t)
	p, d := openWalletMeter(t, e, 1)
	for i := range 24 * 60 {
		if i == 600 { // the device reconnects and is switched off again
			d.says(100+60*i-2, "init", "Meter Started")
			d.says(100+60*i-1, "ledStatus", "meter is off")
		}
		d.says(100+60*i, "ledStatus", "524:512")
	}
	if w := p.row(t, e); w.Debited != 600 || w.Held.Stopped() {
		t.Errorf("a day with the relay open: %d charged (held: %q), want the 600 of before and no more", w.Debited, w.Held.Reason)
	}
	d.says(86600, "ledStatus", "meter is on")
	for i := range 7 {
		d.says(86601+10*i, "ledStatus", "832:512")
	}
	if w := p.row(t, e); w.Debited < 1100 || w.Debited > 1300 {
		t.Errorf("on again for a minute: %d charged, want 6.00 more", w.Debited)
	}
	r.seal(t, e)
	verified(t, e)
}

// openDraw tests a load of 3.6 kW, which is 60 Wh a minute, although the device reports an open relay. After an hour a person decides,
// either while the relay is still open or after it has closed.
func openDraw(t *testing.T, r Rig) {
	e := r.Open(t)
	for i, c := range []struct {
		choice quarantine.Choice
		closed bool
		least  money.Minor // limits of the amount that the decision charges
		most   money.Minor
	}{{quarantine.Accept, false, 35_000, 36_100}, {quarantine.Rebase, false, 0, 0}, {quarantine.Accept, true, 35_000, 36_100}, {quarantine.Rebase, true, 0, 0}} {
		p, d := openWalletMeter(t, e, int64(i+1))
		for n := range 360 {
			d.says(80+10*n, "ledStatus", "832:512")
		}
		if w := p.row(t, e); w.Debited != 600 || string(w.Held.Reason) != "relay_open" || p.balance(t, e) < 500_00-600 {
			t.Fatalf("an hour of 3.6 kW with the relay open: %+v, want 6.00 charged and the rest held", w.State)
		}
		if got := alarms(t, e, p.mtr); !strings.Contains(got, "energy-while-off") {
			t.Errorf("alarms %q, want energy-while-off", got)
		}
		uses := func(from int) { // 10 Wh in 10 s with the relay closed, and another 10 Wh before the first sample
			d.says(from, "ledStatus", "meter is on")
			d.says(from+10, "ledStatus", "832:512")
			d.says(from+20, "ledStatus", "832:512")
		}
		if c.closed { // this use is charged although no person has decided yet
			uses(3690)
			if w := p.row(t, e); w.Held.Stopped() || w.Debited < 600+190 || w.Debited > 600+420 {
				t.Errorf("on again: %d charged (held: %q), want 6.00 and what was used since", w.Debited, w.Held.Reason)
			}
		}
		decideDraw(t, e, p, c.choice, c.least, c.most)
		if !c.closed {
			uses(3690)
		}
		before := p.row(t, e)
		d.says(3720, "ledStatus", "832:512")
		if w := p.row(t, e); w.Held.Stopped() || w.Debited-before.Debited < 90 || w.Debited-before.Debited > 110 {
			t.Errorf("%s, 10 s later: %d charged, then %d (held: %q); want 1.00 more", c.choice, before.Debited, w.Debited, w.Held.Reason)
		}
	}
	r.seal(t, e)
	verified(t, e)
}

// decideDraw decides about a meter's only entry. It first tries the decisions that must be refused.
func decideDraw(t *testing.T, e store.Engine, p walletMeter, choice quarantine.Choice, least, most money.Minor) {
	t.Helper()
	list := heldEntries(t, e, p.mtr, false)
	if len(list) != 1 || string(list[0].Doubt) != "relay-open" {
		t.Fatalf("in quarantine %+v, want one entry about the relay", list)
	}
	asked := func() bool {
		return look(t, e, func(tx *store.Tx) (bool, error) { return tx.RatingPending(p.N) })
	}
	if !asked() {
		t.Error("an account could move out before anybody has decided")
	}
	v := quarantine.Verdict{Entry: list[0].ID.Text(id.Held), Choice: quarantine.Discard, Reason: "looked at it"}
	if got, err := quarantineOn(e).Decide(t.Context(), clerk("ann"), v); err != nil || !got.Refused() {
		t.Errorf("discarded: %+v, %v; want a refusal", got, err)
	}
	v.Choice, v.Register = quarantine.Rebase, wh(5)
	if got, err := quarantineOn(e).Decide(t.Context(), clerk("ann"), v); err != nil || !got.Refused() {
		t.Errorf("rebased to a register: %+v, %v; want a refusal", got, err)
	}
	v.Choice, v.Register = choice, nil
	was := p.row(t, e)
	got, err := quarantineOn(e).Decide(t.Context(), clerk("ann"), v)
	w := p.row(t, e)
	if err != nil || got.Refused() || w.Held.Stopped() || got.Debit < least || got.Debit > most || w.Debited != was.Debited+got.Debit {
		t.Errorf("%s: %+v %s, %v; %d charged in all, want %d to %d more than %d", choice, got, got.Detail(), err, w.Debited, least, most, was.Debited)
	}
	if got := alarms(t, e, p.mtr); strings.Contains(got, "energy-while-off") || asked() {
		t.Errorf("%s: alarms %q still stand", choice, got)
	}
}

// loginDoor is the Door of the integration broker's logins on an engine.
type loginDoor struct{ e store.Engine }

func (d loginDoor) Do(ctx context.Context, t access.Tenant, fn func(mirror.Tx) (bool, error)) error {
	return d.e.Run(ctx, t, store.Sale, func(tx *store.Tx) (bool, error) { return fn(tx) })
}

func (d loginDoor) View(ctx context.Context, t access.Tenant, fn func(mirror.Tx) error) error {
	return d.e.View(ctx, t, func(tx *store.Tx) error { return fn(tx) })
}

// logins tests that a login's password works until the login is revoked, and that a meter without a customer cannot have a login. A
// key that ends makes none, because the login would stay.
func logins(t *testing.T, r Rig) {
	e, ctx, by := r.Open(t), context.Background(), access.SystemActor(store.FirstTenant, "test")
	m := addMeter(t, e, 1, false)
	l := mirror.NewLogins(loginDoor{e}, base, rand.Reader, Hasher{})
	made, err := l.Create(ctx, by, "", "dashboard")
	if err != nil || made.Refused() {
		t.Fatal(err, made.Refusal)
	}
	user, password := made.Login.User(), made.Secret.Reveal()
	if got, ok, err := l.Check(ctx, user, password); err != nil || !ok || got.Name != "dashboard" || !got.Customer.IsZero() {
		t.Errorf("signed in as %+v, %v, %v", got, ok, err)
	}
	for _, wrong := range [][2]string{{user, ""}, {user, password + "x"}, {"int_0", password}, {"", password}} {
		if _, ok, err := l.Check(ctx, wrong[0], wrong[1]); ok || err != nil {
			t.Errorf("%q is let in: %v, %v", wrong, ok, err)
		}
	}
	if made, err := l.Create(ctx, by, m.Number, "nobody's"); err != nil || !made.Refused() {
		t.Errorf("a login for a meter without a customer: %+v, %v", made, err)
	}
	brief := access.Key{ID: id.ID{14: 3, 15: 1}, Tenant: store.FirstTenant, Role: access.Owner, CreatedAt: base(), ExpiresAt: base().Add(time.Hour)}
	must(t, e, func(tx *store.Tx) error { return tx.AddKey(brief, [32]byte{3}) })
	if made, err := l.Create(ctx, brief.Actor(), "", "for ever"); err != nil || made.Text != "key-gives-no-rights" {
		t.Errorf("a login that outlives the key that makes it: %q, %v", made.Text, err)
	}
	for i, want := range []bool{false, true} { // the second time the login is already revoked
		if no, err := l.Revoke(ctx, by, user); err != nil || no.Refused() != want {
			t.Errorf("revoked %d times: %v, %v", i+1, no, err)
		}
	}
	if _, ok, err := l.Check(ctx, user, password); ok || err != nil {
		t.Errorf("a revoked login is let in: %v, %v", ok, err)
	}
	if all, err := l.List(ctx, by); err != nil || len(all.Data) != 1 || all.Data[0].RevokedAt.IsZero() {
		t.Errorf("listed %+v, %v", all, err)
	}
}
