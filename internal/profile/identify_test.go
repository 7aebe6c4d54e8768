// What is known of the device of a meter: in the transaction of each message, while it cannot be read, and when a person chooses another one.

package profile_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/wallet"
)

// unread notes that the meter's device talks, in a minute of the test's day.
func (r *rows) unread(p *profile.Profile, minute int) error {
	return r.listener().Unread(context.Background(), who(), p, at(60*minute))
}

// unreadFor notes it in each minute up to one.
func (r *rows) unreadFor(t *testing.T, p *profile.Profile, minutes int) *rows {
	t.Helper()
	for minute := range minutes + 1 {
		r.Wrote = nil
		if err := r.unread(p, minute); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

const (
	notedUnread = `device of m1: "", bound never, rival "", read never, deferred false`
	cutText     = "No value of this meter's device could be read in 1 hours of supply, so the supply was cut off"
)

// TestADeviceThatIsNeverReadIsCutOff: two warnings, and then the cut-off, which the first value ends.
func TestADeviceThatIsNeverReadIsCutOff(t *testing.T) {
	p := library(t)["tasmota"]
	account := id.ID{15: 2}.Text(id.Account)
	warning := "notice " + string(wallet.NoticeUnread) + " about " + number + " for m1, account " + account + ", test false"
	for minute, want := range map[int][]string{
		0: {notedUnread}, 29: {notedUnread}, 30: {notedUnread, warning}, 54: {notedUnread}, 55: {notedUnread, warning}, 59: {notedUnread},
		60: {notedUnread, "alarm of m1 now device-unread-cut: " + cutText,
			`supply of m1 off by "devices": "` + cutText + `. It returns when a value is read, or when somebody connects it."`, "m1 is off for REMOTE",
			"notice supply-off about " + number + " for m1, account " + account + ", test false",
			"system devices did device.cut to " + number + `: "", "off=REMOTE", "no value of the device was read in 1h0m0s of supply"`},
		61: nil,
	} {
		newRows().withWallet(1).unreadFor(t, p, minute).Wants(t, want...)
	}
	r := newRows().withWallet(1).unreadFor(t, p, 61)
	if _, err := r.says(p, 4000, sensor, total("9.000")); err != nil {
		t.Fatal(err)
	}
	r.Wants(t, "no alarm of m1 unreadable-record", "no alarm of m1 device-unread-cut", `supply of m1 off by "": ""`, "m1 is off for ",
		"notice supply-on about "+number+" for m1, account "+account+", test false",
		"system devices did device.read to "+number+`: "off=REMOTE", "the supply that was cut off because the device was not readable is on again", ""`,
		`device of m1: "plug", bound never, rival "", read 09:06:40, deferred false`, `reading 1 at 09:06:40: 0 Wh, 0 W, 0 mV, relay "", off for ""`,
		`memory profile of "profile tasmota" from 1, next 1, start 0`, "register of m1 by tasmota: 0 mWh, record 1")
	if b := r.binding; b.UnreadFor != 0 || !b.UnreadAt.IsZero() || b.Warned != 0 || !b.CutAt.IsZero() {
		t.Errorf("after its first value: %+v", b)
	}
}

// TestWhatAPersonDecidedStaysAfterTheFirstValue: a person has switched the supply since the device's cut-off. The first value changes nothing there.
func TestWhatAPersonDecidedStaysAfterTheFirstValue(t *testing.T) {
	p := library(t)["tasmota"]
	for by, off := range map[string]bool{"devices": false, "amina": true} {
		r := newRows().withWallet(1).unreadFor(t, p, 60)
		r.kept.By = by
		if _, err := r.says(p, 4000, sensor, total("9.000")); err != nil || wallet.Wanted(r.wallets[0].State) == off {
			t.Errorf("cut off by %s: %v, off %t after the first value, want %t", by, err, !wallet.Wanted(r.wallets[0].State), off)
		}
	}
	r := newRows().withWallet(1).unreadFor(t, p, 40)
	_, err := r.says(p, 4000, sensor, total("9.000"))
	if err != nil || r.binding.Warned != 0 || slices.ContainsFunc(r.Wrote, func(w string) bool { return strings.HasPrefix(w, "supply") }) {
		t.Errorf("a device that was not cut off: %v, %+v, written %q", err, r.binding, r.Wrote)
	}
}

// TestADeviceThatIsNotCutOff plays two hours of meters that the rule leaves alone. Its limit is an hour.
func TestADeviceThatIsNotCutOff(t *testing.T) {
	l := library(t)
	measuresNothing := *l["tasmota"]
	measuresNothing.Energy.From = ""
	for name, c := range map[string]struct {
		p    *profile.Profile
		rows *rows
		cut  bool
	}{
		"a device that was never readable": {l["tasmota"], newRows().withWallet(1), true},
		"no limit":                         {l["tasmota"], newRows().withWallet(0), false},
		"a longer limit":                   {l["tasmota"], newRows().withWallet(3), false},
		"no wallet":                        {l["tasmota"], newRows(), false},
		"the wallet of another meter":      {l["tasmota"], newRows().withWallet(1).of(2), false},
		"only toggles":                     {l["seed-a-toggle"], newRows().withWallet(1), false},
		"measures nothing":                 {&measuresNothing, newRows().withWallet(1), false},
		"was readable before":              {l["tasmota"], newRows().withWallet(1).counted(profile.Register{HasDevice: true, At: at(-60)}), false},
		"sampled power before":             {l["tasmota"], newRows().withWallet(1).counted(profile.Register{At: at(-60)}), false},
		"its relay is open":                {l["tasmota"], newRows().withWallet(1).counted(profile.Register{Relay: profile.Open}), false},
		"its relay is closed":              {l["tasmota"], newRows().withWallet(1).counted(profile.Register{Relay: profile.Closed}), true},
	} {
		r := c.rows.unreadFor(t, c.p, 120)
		if got := r.kept.By != ""; got != c.cut {
			t.Errorf("%s: cut off %t, want %t", name, got, c.cut)
		}
	}
}

// of makes the wallet that of another meter.
func (r *rows) of(meter int64) *rows {
	r.wallets[0].Meter.N = meter
	return r
}

// counted gives the meter a register.
func (r *rows) counted(g profile.Register) *rows {
	r.register = g
	return r
}

func TestEveryFailureWhileADeviceIsUnreadIsReported(t *testing.T) {
	p := library(t)["tasmota"]
	for _, minute := range []int{0, 30, 60} {
		begin := func() *rows { return newRows().withWallet(1).unreadFor(t, p, minute-1) }
		breakEachCall(t, begin, func(r *rows) error { return r.unread(p, minute) })
	}
	begin := func() *rows { return newRows().withWallet(1).unreadFor(t, p, 60) }
	breakEachCall(t, begin, func(r *rows) error {
		_, err := r.says(p, 4000, sensor, total("9.000"))
		return err
	})
}

// adoption returns the acts of people on devices. A meter has a listener of its own for a profile; nil for none. The acts that listeners hear of
// go to rebound.
func (r *rows) adoption(own *profile.Profile, rebound *[]string) *profile.Adoption {
	return profile.NewAdoption(profile.AdoptionConfig{Door: door[profile.AdoptTx]{r, r}, Now: func() time.Time { return at(7200) },
		OwnProfile: func(n string) *profile.Profile {
			if n != number {
				return nil
			}
			return own
		},
		Live:    func(n string) (profile.Live, bool) { return profile.Live{Profile: "live of " + n}, true },
		Rebound: func(n string) { *rebound = append(*rebound, n) }})
}

// amina is a person with a role.
func amina(role access.Role) access.Actor {
	return access.Actor{Tenant: 1, Kind: access.Person, ID: id.ID{7}, Name: "amina", Role: role, IP: "10.0.0.1"}
}

// TestAPersonReplacesADevice: the new device is bound at once, the register begins anew, and the audit log says who did what.
func TestAPersonReplacesADevice(t *testing.T) {
	l := library(t)
	bound := &profile.Binding{Name: "plug", Since: at(0), ReadAt: at(0), BoundAt: at(3600)}
	contested := &profile.Binding{Name: "plug", Since: at(0), ReadAt: at(0), Rival: "bath"}
	used := profile.Register{MWh: 5_000_000, At: at(60), Device: 9_000_000, HasDevice: true, Seq: 8}
	const audit = "person amina did device.replace to "
	meter := id.ID{15: 1}.Text(id.Meter)
	for name, c := range map[string]struct {
		binding  *profile.Binding
		register profile.Register
		device   string
		want     []string
		has      bool // the counter of the last device still counts
	}{
		"another device": {bound, used, "bath", []string{`device of m1: "bath", bound 10:00:00, rival "", read never, deferred false`,
			"register of m1 by tasmota: 5000000 mWh, record 8", "no alarm of m1 device-claimed",
			audit + meter + `: "device=plug", "device=bath", "broken"`}, false},
		"the same device": {bound, used, "plug", []string{`device of m1: "plug", bound 10:00:00, rival "", read 08:00:00, deferred false`,
			"no alarm of m1 device-claimed", audit + meter + `: "device=plug", "device=plug", "broken"`}, true},
		"one of two": {contested, used, "plug", []string{`device of m1: "plug", bound 10:00:00, rival "", read never, deferred false`,
			"register of m1 by tasmota: 5000000 mWh, record 8", "no alarm of m1 device-claimed",
			audit + meter + `: "devices=plug bath", "device=plug", "broken"`}, false},
		"before it was bound": {&profile.Binding{Name: "plug", Since: at(0)}, profile.Register{}, "bath", []string{
			`device of m1: "bath", bound 10:00:00, rival "", read never, deferred false`, "no alarm of m1 device-claimed",
			audit + meter + `: "device=plug (not bound)", "device=bath", "broken"`}, false},
		"before any was heard": {nil, profile.Register{}, "bath", []string{`device of m1: "bath", bound 10:00:00, rival "", read never, deferred false`,
			"no alarm of m1 device-claimed", audit + meter + `: "device=none", "device=bath", "broken"`}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var rebound []string
			r := newRows().counted(c.register)
			r.binding = c.binding
			request := profile.Replaced{Meter: number, Device: c.device, Reason: "broken"}
			out, err := r.adoption(l["tasmota"], &rebound).Replace(context.Background(), amina(access.Owner), request)
			if err != nil || out.Refused() || out.Waits != nil {
				t.Fatalf("%+v, %v", out, err)
			}
			r.Wants(t, c.want...)
			if out.Number != number || out.Binding != *r.binding || out.Live.Profile != "live of "+number || !slices.Equal(rebound, []string{number}) {
				t.Errorf("shown %+v, listeners heard of %q", out, rebound)
			}
			if r.register.HasDevice != c.has || r.register.MWh != c.register.MWh {
				t.Errorf("the register is %+v", r.register)
			}
			begin := func() *rows {
				r := newRows().counted(c.register)
				r.binding = c.binding
				return r
			}
			breakEachCall(t, begin, func(r *rows) error {
				rebound = nil
				_, err := r.adoption(l["tasmota"], &rebound).Replace(context.Background(), amina(access.Owner), request)
				if err != nil && len(rebound) > 0 {
					t.Errorf("%v, and listeners heard of it", err)
				}
				return err
			})
		})
	}
}

// TestADeviceIsNotReplaced: what a request must say, and who may make it. Nothing is written, and no listener hears of it.
func TestADeviceIsNotReplaced(t *testing.T) {
	l := library(t)
	good := profile.Replaced{Meter: number, Device: "bath", Reason: "broken"}
	with := func(change func(*profile.Replaced)) profile.Replaced {
		r := good
		change(&r)
		return r
	}
	long := strings.Repeat("x", 200)
	for name, c := range map[string]struct {
		role    access.Role
		own     *profile.Profile
		request profile.Replaced
		text    string // name of the refusal's text; empty if it is done
	}{
		"all is right":              {access.Owner, l["tasmota"], good, ""},
		"a reason of 200 letters":   {access.Owner, l["tasmota"], with(func(r *profile.Replaced) { r.Reason = long }), ""},
		"a longer reason":           {access.Owner, l["tasmota"], with(func(r *profile.Replaced) { r.Reason = long + "x" }), "device-replace-without-reason"},
		"no reason":                 {access.Owner, l["tasmota"], with(func(r *profile.Replaced) { r.Reason = "" }), "device-replace-without-reason"},
		"a reason of two lines":     {access.Owner, l["tasmota"], with(func(r *profile.Replaced) { r.Reason = "a\nb" }), "device-replace-without-reason"},
		"a name that none may have": {access.Owner, l["tasmota"], with(func(r *profile.Replaced) { r.Device = "a/b" }), "device-name-unfit"},
		"an unknown meter":          {access.Owner, l["tasmota"], with(func(r *profile.Replaced) { r.Meter = "06000001237" }), "meter-not-found"},
		"no listener of its own":    {access.Owner, nil, good, "meter-without-named-device"},
		"devices without names":     {access.Owner, l["seed-a"], good, "meter-without-named-device"},
		"a person who only reads":   {access.Auditor, l["tasmota"], good, "right-missing"},
	} {
		var rebound []string
		r := newRows()
		out, err := r.adoption(c.own, &rebound).Replace(context.Background(), amina(c.role), c.request)
		if err != nil || out.Text != c.text || out.Refused() != (len(r.Wrote) == 0) || out.Refused() != (len(rebound) == 0) {
			t.Errorf("%s: %+v, %v, written %q, listeners heard of %q", name, out, err, r.Wrote, rebound)
		}
	}
	var rebound []string
	r := newRows()
	r.people = 2
	out, err := r.adoption(l["tasmota"], &rebound).Replace(context.Background(), amina(access.Owner), good)
	if err != nil || out.Waits == nil || len(rebound) > 0 || r.binding != nil || len(r.approvals) != 1 {
		t.Fatalf("with a second person: %+v, %v", out, err)
	}
	a := r.approvals[0]
	const body = `{"do":"replace","name":"bath","meter":"` + number + `","reason":"broken"}`
	const summary = "make bath the device of meter " + number + ": from then on, only this device says what is used there: broken"
	if a.Act != access.ActDevice || a.Object != (id.ID{15: 1}).Text(id.Meter) || string(a.Body) != body || a.Summary != summary {
		t.Errorf("a second person is asked %s of %s: %s, %s", a.Act, a.Object, a.Summary, a.Body)
	}
	begin := func() *rows { r := newRows(); r.people = 2; return r }
	breakEachCall(t, begin, func(r *rows) error {
		_, err := r.adoption(l["tasmota"], &rebound).Replace(context.Background(), amina(access.Owner), good)
		return err
	})
}

// TestTheDeviceOfAMeterIsShown reads it, for people who may read meters.
func TestTheDeviceOfAMeterIsShown(t *testing.T) {
	l := library(t)
	for name, c := range map[string]struct {
		role  access.Role
		own   *profile.Profile
		meter string
		text  string // name of the refusal's text; empty if it is shown
	}{
		"a listener of its own":  {access.Auditor, l["tasmota"], number, ""},
		"its identity":           {access.Auditor, l["tasmota"], id.ID{15: 1}.Text(id.Meter), ""},
		"an unknown meter":       {access.Auditor, l["tasmota"], "06000001237", "meter-not-found"},
		"no listener of its own": {access.Auditor, nil, number, "meter-without-named-device"},
		"devices without names":  {access.Auditor, l["seed-a"], number, "meter-without-named-device"},
		"nobody's role":          {"", l["tasmota"], number, "role-missing"},
	} {
		var rebound []string
		r := newRows()
		r.binding = &profile.Binding{Name: "plug"}
		out, err := r.adoption(c.own, &rebound).Bound(context.Background(), amina(c.role), c.meter)
		shown := out.Number == number && out.Binding.Name == "plug" && out.Live.Profile == "live of "+number
		if err != nil || out.Text != c.text || shown != (c.text == "") {
			t.Errorf("%s: %+v, %v", name, out, err)
		}
		if out.Refused() && out.Binding != (profile.Binding{}) {
			t.Errorf("%s: shown %+v", name, out.Binding)
		}
	}
	breakEachCall(t, newRows, func(r *rows) error {
		_, err := r.adoption(l["tasmota"], new([]string)).Bound(context.Background(), amina(access.Owner), number)
		return err
	})
}
