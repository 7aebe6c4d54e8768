package registry_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/unit"
)

// TestWhatAChangeOfAMeterAsksASecondPerson: what lets a customer use energy before it is paid for takes two people. What was approved is then done
// by the room that asked for it.
func TestWhatAChangeOfAMeterAsksASecondPerson(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	w.add(t, registry.NewMeter{Number: "04140001001", Mode: registry.PrepayWallet, Tariff: "domestic"})
	if s, err := w.ChangeSettings(t.Context(), boss(), registry.SettingsChange{FourEyes: yes(true), FourEyesAlone: true}); err != nil || s.Refused() {
		t.Fatalf("%v %s", err, s.Detail())
	}
	watts := func(w unit.Power) *unit.Power { return &w }
	for _, c := range []struct {
		name   string
		change registry.MeterChange
		asks   string // what a second person is asked; empty for nothing
		maxW   unit.Power
		unread int64
	}{
		{"the feeder", registry.MeterChange{Feeder: str("North 3")}, "", 0, 24},
		{"the same limit", registry.MeterChange{UnreadCutHours: ptr(24)}, "", 0, 24},
		{"another limit", registry.MeterChange{UnreadCutHours: ptr(48)},
			"change after how long a device of meter 04140001001 that was never readable is cut off, from 24 h to 48 h; reason: a test", 0, 48},
		{"no limit", registry.MeterChange{UnreadCutHours: ptr(0)},
			"change after how long a device of meter 04140001001 that was never readable is cut off, from 48 h to never; reason: a test", 0, 0},
		{"the greatest power", registry.MeterChange{MaxW: watts(5000)},
			"change the greatest power of meter 04140001001 from the default to 5000 W: what it counts above that is not charged before a person decides; " +
				"reason: a test", 5000, 0},
		{"the same power", registry.MeterChange{MaxW: watts(5000), UnreadCutHours: ptr(0)}, "", 5000, 0},
		{"both", registry.MeterChange{MaxW: watts(0), UnreadCutHours: ptr(168)},
			"change the greatest power of meter 04140001001 from 5000 W to the default: what it counts above that is not charged before a person decides; " +
				"change after how long a device of meter 04140001001 that was never readable is cut off, from never to 168 h; reason: a test", 0, 168},
	} {
		c.change.Reason = "a test"
		before := w.show(t, "04140001001")
		out, err := w.ChangeMeter(t.Context(), boss(), "04140001001", c.change)
		if err != nil || out.Refused() || (out.Waits != nil) != (c.asks != "") {
			t.Errorf("%s: %+v, %v", c.name, out, err)
			continue
		}
		if a := out.Waits; a != nil {
			if now := w.show(t, "04140001001"); a.Summary != c.asks || now.MaxW != before.MaxW || now.UnreadCutHours != before.UnreadCutHours {
				t.Errorf("%s: a second person is asked to %s\nwant %s\nthe meter has %d W and %d h already", c.name, a.Summary, c.asks, now.MaxW, now.UnreadCutHours)
			}
			w.exec(t, func(tx *store.Tx) error {
				given := *a
				given.State, given.Checker, given.DecidedAt = access.ApprovalGiven, access.Actor{Kind: access.Person, Name: "second@example.org"}, w.now
				_, err := tx.PutApproval(given, access.ApprovalWaiting)
				return err
			})
			carryOut, known := w.Executors()[a.Act]
			if !known {
				t.Errorf("%s: nobody here carries out %s", c.name, a.Act)
				continue
			}
			maker := a.Maker
			maker.Approval = a.ID
			if done, err := carryOut(t.Context(), maker, a.Body); err != nil || done.Refused() || done.Object != "meter 04140001001" {
				t.Errorf("%s: done under its approval: %+v, %v", c.name, done, err)
			}
		}
		if now := w.show(t, "04140001001"); now.MaxW != c.maxW || now.UnreadCutHours != c.unread {
			t.Errorf("%s: the meter has %d W and %d h, want %d and %d", c.name, now.MaxW, now.UnreadCutHours, c.maxW, c.unread)
		}
	}
	if got := w.audited(t, store.FirstTenant)["meter.change"]; got != 7 {
		t.Errorf("%d changes in the audit log, want 7", got)
	}
}

// TestLimitsOfAChange: what a change of a meter may say.
func TestLimitsOfAChange(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	w.add(t, registry.NewMeter{Number: "04140001001", Mode: registry.PrepayWallet, Tariff: "domestic"})
	w.add(t, tokenMeter("04140001019"))
	limit := func(hours int64) registry.MeterChange {
		return registry.MeterChange{UnreadCutHours: &hours, Reason: "r"}
	}
	most := func(w unit.Power) registry.MeterChange { return registry.MeterChange{MaxW: &w, Reason: "r"} }
	because := func(reason string) registry.MeterChange {
		return registry.MeterChange{UnreadCutHours: ptr(1), Reason: reason}
	}
	for name, c := range map[string]struct {
		meter  string
		by     access.Actor
		change registry.MeterChange
		text   string // name of the refusal's text; empty if it is done
	}{
		"a week":                          {"04140001001", boss(), limit(168), ""},
		"more than a week":                {"04140001001", boss(), limit(169), "unread-cut-out-of-range"},
		"never":                           {"04140001001", boss(), limit(0), ""},
		"less than never":                 {"04140001001", boss(), limit(-1), "unread-cut-out-of-range"},
		"the greatest power there is":     {"04140001001", boss(), most(1<<30 - 1), ""},
		"more power than that":            {"04140001001", boss(), most(1 << 30), "max-power-out-of-range"},
		"less than no power":              {"04140001001", boss(), most(-1), "max-power-out-of-range"},
		"nothing":                         {"04140001001", boss(), registry.MeterChange{Reason: "r"}, "meter-change-empty"},
		"no reason":                       {"04140001001", boss(), because(""), "change-without-reason"},
		"a reason of blanks":              {"04140001001", boss(), because("  "), "change-without-reason"},
		"a reason of 200 letters":         {"04140001001", boss(), because(strings.Repeat("ü", 200)), ""},
		"a longer reason":                 {"04140001001", boss(), because(strings.Repeat("ü", 201)), "change-without-reason"},
		"a long feeder":                   {"04140001001", boss(), registry.MeterChange{Feeder: str(strings.Repeat("x", 65)), Reason: "r"}, "field-text-too-long"},
		"a long name of what it measures": {"04140001001", boss(), registry.MeterChange{Measures: str(strings.Repeat("x", 65)), Reason: "r"}, "field-text-too-long"},
		"a limit of a token meter":        {"04140001019", boss(), limit(1), "max-power-without-wallet"},
		"power of a token meter":          {"04140001019", boss(), most(1), "max-power-without-wallet"},
		"an unknown meter":                {"04140009990", boss(), limit(1), "meter-not-found"},
		"no number":                       {"x", boss(), limit(1), "meter-not-found"},
		"a person who only reads":         {"04140001001", as(access.Auditor), limit(1), "right-missing"},
	} {
		before := w.audited(t, store.FirstTenant)["meter.change"]
		out, err := w.ChangeMeter(t.Context(), c.by, c.meter, c.change)
		if err != nil || out.Text != c.text {
			t.Errorf("%s: %q, %v, want %q", name, out.Text, err, c.text)
		}
		if written := w.audited(t, store.FirstTenant)["meter.change"] > before; written != (c.text == "") {
			t.Errorf("%s: changed %t", name, written)
		}
		shown := (c.change.UnreadCutHours == nil || out.UnreadCutHours == *c.change.UnreadCutHours) && (c.change.MaxW == nil || out.MaxW == *c.change.MaxW)
		if c.text == "" && !shown {
			t.Errorf("%s: shown with %d W and %d h", name, out.MaxW, out.UnreadCutHours)
		}
	}
}

// TestPlaceOfAChangedMeter: no meter is on the feeder that it measures as a whole, and a feeder has one main meter. Both rules are about the
// meter as it is after the change, and a refused change leaves the whole meter as it was.
func TestPlaceOfAChangedMeter(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	const meter, other, placeless = "04140001001", "04140001019", "04140001027"
	for _, number := range []string{meter, other, placeless} {
		w.add(t, registry.NewMeter{Number: number, Mode: registry.PrepayWallet, Tariff: "domestic"})
	}
	w.exec(t, func(tx *store.Tx) error {
		_, err := tx.C.Exec(`UPDATE meter SET account_id = NULL WHERE tenant_id = $1 AND number = $2`, tx.Tenant, placeless)
		return err
	})
	type place struct{ feeder, measures *string }
	for _, c := range []struct {
		name   string
		meter  string
		change place
		text   string // name of the refusal's text; empty if it is done
		after  string // feeder and measured feeder of the meter
	}{
		{"a feeder", meter, place{str("North"), nil}, "", "North|"},
		{"no feeder", meter, place{str(""), nil}, "", "|"},
		{"nothing to measure", meter, place{nil, str("")}, "", "|"},
		{"a feeder to measure", meter, place{nil, str("North")}, "", "|North"},
		{"the same once more", meter, place{nil, str("North")}, "", "|North"},
		{"the feeder that it measures", meter, place{str("North"), nil}, "main-meter-on-feeder", "|North"},
		{"another feeder", meter, place{str("South"), nil}, "", "South|North"},
		{"to measure its feeder", meter, place{nil, str("South")}, "main-meter-on-feeder", "South|North"},
		{"both exchanged", meter, place{str("North"), str("South")}, "", "North|South"},
		{"from the main meter to one on the feeder", meter, place{str("South"), str("")}, "", "South|"},
		{"one feeder for both", meter, place{str("North"), str("North")}, "main-meter-on-feeder", "South|"},
		{"a feeder of two meters", other, place{str("South"), str("North")}, "", "South|North"},
		{"a second main meter", meter, place{nil, str("North")}, "feeder-measured", "South|"},
		{"on a feeder that another measures", meter, place{str("North"), nil}, "", "North|"},
		{"a feeder without a place", placeless, place{str("North"), nil}, "meter-without-feeder", "|"},
		{"a feeder to measure without a place", placeless, place{nil, str("West")}, "meter-without-feeder", "|"},
	} {
		maxW := w.show(t, c.meter).MaxW + 1000
		out, err := w.ChangeMeter(t.Context(), boss(), c.meter,
			registry.MeterChange{Feeder: c.change.feeder, Measures: c.change.measures, MaxW: &maxW, Reason: "a test"})
		if err != nil || out.Text != c.text {
			t.Errorf("%s: %q, %v, want %q", c.name, out.Text, err, c.text)
		}
		now := w.show(t, c.meter)
		if got := now.Feeder + "|" + now.Measures; got != c.after {
			t.Errorf("%s: the meter is at %s, want %s", c.name, got, c.after)
		}
		if (now.MaxW == maxW) != (c.text == "") {
			t.Errorf("%s: the meter has %d W, although the change is %q", c.name, now.MaxW, out.Text)
		}
	}
}

// TestWhatTheAuditLogTellsOfAChange: the entry has the meter's data before and after the change, and the reason. A second person reads all of
// the change, not only what needs them.
func TestWhatTheAuditLogTellsOfAChange(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	meter := w.add(t, registry.NewMeter{Number: "04140001001", Mode: registry.PrepayWallet, Tariff: "domestic"})
	change := func(c registry.MeterChange) registry.ChangedMeter {
		t.Helper()
		c.Reason = "a test"
		out, err := w.ChangeMeter(t.Context(), boss(), "04140001001", c)
		if err != nil || out.Refused() {
			t.Fatalf("%+v, %v", out, err)
		}
		return out
	}
	most := unit.Power(5000)
	change(registry.MeterChange{Feeder: str("North"), Measures: str("South")})
	change(registry.MeterChange{Feeder: str("East"), MaxW: &most, UnreadCutHours: ptr(48)})
	var got []access.Entry
	w.exec(t, func(tx *store.Tx) error {
		got = nil // the closure runs twice
		_, rows, err := storetest.AuditPage(tx, id.ID{}, 100)
		for _, e := range rows {
			if e.Action == "meter.change" {
				got = append(got, e)
			}
		}
		return err
	})
	want := []struct{ before, after string }{ // newest first
		{`feeder="North" measures="South" max_w=0 unread_cut_h=24`, `feeder="East" measures="South" max_w=5000 unread_cut_h=48 took=person/feeders:system_test:1:1795132800`},
		{`feeder="" measures="" max_w=0 unread_cut_h=24`, `feeder="North" measures="South" max_w=0 unread_cut_h=24 took=person/feeders:system_test:1:1795132800`},
	}
	if len(got) != len(want) {
		t.Fatalf("%d entries, want %d", len(got), len(want))
	}
	for i, e := range got {
		if e.Before != want[i].before || e.After != want[i].after || e.Reason != "a test" || e.Object != meter.Meter.Meter.ID.Text(id.Meter) {
			t.Errorf("entry %d: from %s to %s, because of %q, of %s; want from %s to %s", i, e.Before, e.After, e.Reason, e.Object, want[i].before, want[i].after)
		}
	}
	if s, err := w.ChangeSettings(t.Context(), boss(), registry.SettingsChange{FourEyes: yes(true), FourEyesAlone: true}); err != nil || s.Refused() {
		t.Fatalf("%v %s", err, s.Detail())
	}
	out := change(registry.MeterChange{Feeder: str("West"), Measures: str("South"), UnreadCutHours: ptr(0)})
	const asks = `change after how long a device of meter 04140001001 that was never readable is cut off, from 48 h to never; ` +
		`feeder of meter 04140001001 from "East" to "West"; reason: a test`
	if out.Waits == nil || out.Waits.Summary != asks || out.Waits.Act != access.ActUnreadCut || w.show(t, "04140001001").Feeder != "East" {
		t.Errorf("a second person is asked %+v, want %s", out.Waits, asks)
	}
}

// TestASecondPersonAgreesToAnotherFeeder: whoever moves meters between feeders, or says which meter measures a feeder, decides where energy
// seems to be lost. One person may only put a place on its first feeder, up to the ceiling.
func TestASecondPersonAgreesToAnotherFeeder(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	const number = "04140001001"
	w.add(t, registry.NewMeter{Number: number, Mode: registry.PrepayWallet, Tariff: "domestic"})
	set := func(c registry.SettingsChange) {
		t.Helper()
		if s, err := w.ChangeSettings(t.Context(), boss(), c); err != nil || s.Refused() {
			t.Fatalf("%v %s", err, s.Detail())
		}
	}
	set(registry.SettingsChange{FourEyes: yes(true), FourEyesAlone: true})
	for _, c := range []struct {
		what   string
		change registry.MeterChange
		waits  string
	}{
		{"its first feeder", registry.MeterChange{Feeder: str("North")}, ""},
		{"the same feeder", registry.MeterChange{Feeder: str("North")}, ""},
		{"another feeder", registry.MeterChange{Feeder: str("East")}, `feeder of meter 04140001001 from "North" to "East"; reason: a test`},
		{"no feeder", registry.MeterChange{Feeder: str("")}, `feeder of meter 04140001001 from "North" to ""; reason: a test`},
		{"a feeder that it measures", registry.MeterChange{Measures: str("South")},
			`feeder that meter 04140001001 measures from "" to "South"; reason: a test`},
	} {
		c.change.Reason = "a test"
		out, err := w.ChangeMeter(t.Context(), boss(), number, c.change)
		asked := ""
		if out.Waits != nil {
			asked = out.Waits.Summary
		}
		if err != nil || out.Refused() || asked != c.waits {
			t.Errorf("%s: %v %s, asks a second person %q, want %q", c.what, err, out.Detail(), asked, c.waits)
		}
		if out.Waits != nil && out.Waits.Act != access.ActFeeder {
			t.Errorf("%s: the act is %s", c.what, out.Waits.Act)
		}
	}
	if m := w.show(t, number); m.Feeder != "North" || m.Measures != "" {
		t.Errorf("the meter is on the feeder %q and measures %q before anybody agreed", m.Feeder, m.Measures)
	}
}

// TestTooManyFirstFeedersNeedASecondPerson: meters without a feeder whose energy is counted somewhere would hide a loss too.
func TestTooManyFirstFeedersNeedASecondPerson(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	w.exec(t, func(tx *store.Tx) error { // ceilings bind from the first person on
		return tx.AddPersonRow(access.PersonRow{ID: id.ID{15: 7}, Email: "amina@example.org", Role: access.Owner, CreatedAt: w.now})
	})
	if s, err := w.ChangeSettings(t.Context(), boss(), registry.SettingsChange{Ceilings: map[access.Ceiling]int64{access.PersonFeeders: 1}}); err != nil || s.Refused() {
		t.Fatalf("%v %s", err, s.Detail())
	}
	for i, number := range []string{"04140001001", "04140001019"} {
		w.add(t, registry.NewMeter{Number: number, Mode: registry.PrepayWallet, Tariff: "domestic"})
		out, err := w.ChangeMeter(t.Context(), boss(), number, registry.MeterChange{Feeder: str("North"), Reason: "a test"})
		if err != nil || out.Refused() || (out.Waits != nil) != (i == 1) {
			t.Errorf("first feeder %d: %v %s, waits: %+v", i+1, err, out.Detail(), out.Waits)
		}
	}
}

// TestTooManyNewMetersOnFeedersNeedASecondPerson: whoever registers a meter has its password and reports what it counts, so the feeder of a new
// meter counts under the ceiling of first feeders, whatever else the registration asks a second person for. A meter without a feeder counts
// nothing. The approved meter is registered with its feeder, and the first feeder of another meter counts together with those.
func TestTooManyNewMetersOnFeedersNeedASecondPerson(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	w.exec(t, func(tx *store.Tx) error { // ceilings bind from the first person on
		return tx.AddPersonRow(access.PersonRow{ID: id.ID{15: 7}, Email: "amina@example.org", Role: access.Owner, CreatedAt: w.now})
	})
	set := func(most int64) {
		t.Helper()
		s, err := w.ChangeSettings(t.Context(), boss(), registry.SettingsChange{Ceilings: map[access.Ceiling]int64{access.PersonFeeders: most}})
		if err != nil || s.Refused() {
			t.Fatalf("%v %s", err, s.Detail())
		}
	}
	set(1)
	add := func(n registry.NewMeter) registry.Added {
		t.Helper()
		n.Tariff = "domestic"
		out, err := w.AddMeter(t.Context(), boss(), n)
		if err != nil || out.Refused() {
			t.Fatalf("%v %s", err, out.Detail())
		}
		return out
	}
	var asked access.Approval
	for _, c := range []struct {
		what  string
		meter registry.NewMeter
		waits access.Act
	}{
		{"no feeder", registry.NewMeter{Number: "04140001001", Mode: registry.PrepayWallet}, ""},
		{"the first feeder", registry.NewMeter{Number: "04140001019", Mode: registry.PrepayWallet, Feeder: "North"}, ""},
		{"no feeder, again", registry.NewMeter{Number: "04140001027", Mode: registry.PrepayWallet}, ""},
		{"one feeder too many", registry.NewMeter{Number: "04140001035", Mode: registry.PrepayWallet, Feeder: "North"}, access.ActFeeder},
		{"a post-paid meter", registry.NewMeter{Number: "04140001043", Mode: registry.Postpay, Feeder: "North"}, access.ActPostpaid},
		{"an unusual meter", registry.NewMeter{Number: "04140001050", Mode: registry.PrepayWallet, Feeder: "North", ImpPerKWh: ptr(8000)}, access.ActImpulses},
	} {
		out := add(c.meter)
		var act access.Act
		if out.Waits != nil {
			act = out.Waits.Act
		}
		if act != c.waits {
			t.Errorf("%s: waits for %q, want %q", c.what, act, c.waits)
		}
		if act == access.ActFeeder {
			asked = *out.Waits
		}
	}
	if asked.Object != "" {
		w.exec(t, func(tx *store.Tx) error {
			asked.State, asked.Checker, asked.DecidedAt = access.ApprovalGiven, access.Actor{Kind: access.Person, Name: "second@example.org"}, w.now
			_, err := tx.PutApproval(asked, access.ApprovalWaiting)
			return err
		})
		maker := boss()
		maker.Approval = asked.ID
		done, err := w.Executors()[asked.Act](t.Context(), maker, asked.Body)
		if added, shown := done.Shown.(registry.Added); err != nil || done.Refused() || !shown || added.Meter.Feeder != "North" {
			t.Errorf("approved: %+v, %v", done, err)
		}
	}
	out, err := w.ChangeMeter(t.Context(), boss(), "04140001001", registry.MeterChange{Feeder: str("North"), Reason: "a test"})
	if err != nil || out.Refused() || out.Waits == nil {
		t.Errorf("a first feeder after new ones: %v %s, waits: %+v", err, out.Detail(), out.Waits)
	}
	var alone []string
	w.exec(t, func(tx *store.Tx) error {
		alone = nil
		_, rows, err := storetest.AuditPage(tx, id.ID{}, 100)
		for _, e := range rows {
			if e.SinglePerson && e.Action == "meter.add" {
				alone = append(alone, e.After)
			}
		}
		return err
	})
	if len(alone) > 0 {
		t.Errorf("within the ceiling, the daily report lists %q among what a second person should have seen", alone)
	}
}
