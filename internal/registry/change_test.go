package registry_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/unit"
)

// TestWhatAChangeOfAMeterAsksASecondPerson: what lets a customer use energy before it is paid for takes two people. What was approved is then done
// by the room that asked for it.
func TestWhatAChangeOfAMeterAsksASecondPerson(t *testing.T) {
	w := newWorld(t)
	w.domestic(t)
	w.add(t, registry.NewMeter{Number: "04140001001", Mode: registry.PrepayWallet, Tariff: "domestic"})
	if s, err := w.ChangeSettings(t.Context(), boss(), registry.SettingsChange{FourEyes: yes(true)}); err != nil || s.Refused() {
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
