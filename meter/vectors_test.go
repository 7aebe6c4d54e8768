package meter_test

import (
	"fmt"
	"testing"
	"time"
	_ "time/tzdata" // the time zones with which the rules are compared

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// configured returns a rig with the configuration of a document.
func configured(t *testing.T, doc map[string]any) *rig {
	t.Helper()
	r := newRig(t)
	c, bad := meter.NewConfig(r.cfg, 1, doc)
	if bad != "" {
		t.Fatalf("configuration refused for %q", bad)
	}
	r.cfg = c
	r.step(meter.Event{Kind: meter.EventWake})
	return r
}

// wh is an amount of energy in watt-hours, as the vectors give it.
type wh = unit.Energy

// buy enters a credit token with the given energy.
func (r *rig) buy(n int, e wh) {
	r.tb.Helper()
	r.token(testToken(r.tb, testTID(r.tb, testStart())+sts.TID(n), e.Tenths()), meter.Keypad, "")
}

func (r *rig) consume(e wh) { r.step(meter.Event{Kind: meter.EventEnergy, Energy: e}) }

// activate asks for the emergency credit and returns the answer.
func (r *rig) activate() (answer meter.ECAnswer) {
	before := r.seen
	r.seen = func(e meter.Effect) {
		if e.Kind == meter.EffectEmergency {
			answer = e.EC
		}
		before(e)
	}
	r.step(meter.Event{Kind: meter.EventActivate, Source: meter.Keypad})
	r.seen = before
	return answer
}

// TestTheVectorOfEmergencyCredit plays the example of docs/reference/meter-rules.md#emergency-credit.
func TestTheVectorOfEmergencyCredit(t *testing.T) {
	r := configured(t, map[string]any{"ec_limit_wh": 5000, "ec_threshold_wh": 2000})
	r.buy(1, 2500)
	expect := func(step string, balance wh, used int32, overrun wh, ec meter.EC, available, clear wh, relay supply.Relay) {
		t.Helper()
		s := &r.state
		if s.Balance != balance || s.ECUsed != used || s.Overrun != overrun || s.EC != ec || s.Available(&r.cfg) != available ||
			s.ToClear(&r.cfg) != clear || s.Relay != relay {
			t.Errorf("%s: balance %d, used %d, overrun %d, %s, available %d, to clear %d, %s;\nwant %d, %d, %d, %s, %d, %d, %s", step,
				s.Balance, s.ECUsed, s.Overrun, s.EC, s.Available(&r.cfg), s.ToClear(&r.cfg), s.Relay,
				balance, used, overrun, ec, available, clear, relay)
		}
	}
	if a := r.activate(); a != meter.ECNotNeeded {
		t.Errorf("activated with 2,500 Wh: %s, want not_needed", a)
	}
	r.consume(1000)
	expect("consume 1000", 1500, 0, 0, meter.ECOffered, 1500, 0, supply.Closed)
	if a := r.activate(); a != meter.ECDone {
		t.Errorf("activated when offered: %s, want done", a)
	}
	expect("activate", 1500, 0, 0, meter.ECActive, 6500, 0, supply.Closed)
	r.consume(4000)
	expect("consume 4000", 0, 2500, 0, meter.ECActive, 2500, 0, supply.Closed)
	r.buy(2, 1000)
	expect("credit 1000", 0, 1500, 0, meter.ECActive, 3500, 0, supply.Closed)
	r.consume(3600)
	expect("consume 3600", 0, 5000, 100, meter.ECExhausted, 0, 5100, supply.Open)
	if a := r.activate(); a != meter.ECUsed {
		t.Errorf("activated when used up: %s, want already_used", a)
	}
	r.buy(3, 3000)
	expect("credit 3000", 0, 2100, 0, meter.ECExhausted, 0, 2100, supply.Open)
	r.buy(4, 5000)
	expect("credit 5000", 2900, 0, 0, meter.ECNone, 2900, 0, supply.Closed)
}

// Activation is never automatic, and is refused while the memory is busy or fails.
func TestEmergencyCreditIsRefusedWithAReason(t *testing.T) {
	r := configured(t, map[string]any{"ec_limit_wh": 5000, "ec_threshold_wh": 2000})
	r.consume(3000)
	if r.state.EC != meter.ECOffered || r.state.ECUsed != 0 || r.state.Relay != supply.Open {
		t.Fatalf("%s, used %d, relay %s: want offered, nothing used, open", r.state.EC, r.state.ECUsed, r.state.Relay)
	}
	r.mem.fail = true
	if a := r.activate(); a != meter.ECStorage {
		t.Errorf("memory fails: %s, want storage_error", a)
	}
	r.mem.fail = false
	s := r.state
	s.Flags |= meter.FlagPending
	out := meter.Step(&r.cfg, &s, meter.Event{
		Kind: meter.EventActivate, Source: meter.SMS, Up: r.up, At: r.now().Unix(), Clock: r.clock,
	}, nil)
	if len(out) != 1 || out[0].EC != meter.ECBusy || out[0].Source != meter.SMS {
		t.Errorf("busy: %+v, want one answer busy to sms", out)
	}
	// The emergency credit pays the overrun first.
	if a := r.activate(); a != meter.ECDone || r.state.Overrun != 0 || r.state.ECUsed != 3000 || r.state.Relay != supply.Closed {
		t.Errorf("%s, overrun %d, used %d, relay %s: want done, 0, 3000, closed", a, r.state.Overrun, r.state.ECUsed, r.state.Relay)
	}
	r.state.Reasons = r.state.Reasons.With(supply.NotActivated)
	if a := r.activate(); a != meter.ECNotActive {
		t.Errorf("not in service: %s, want not_active", a)
	}
}

// reconfigure applies another document, as the server does.
func (r *rig) reconfigure(version uint32, doc map[string]any) {
	r.tb.Helper()
	c, bad := meter.NewConfig(r.cfg, version, doc)
	if bad != "" {
		r.tb.Fatalf("configuration refused for %q", bad)
	}
	r.next = &c
	r.command(fmt.Sprintf("config-%d", version), uint64(version), meter.Event{Kind: meter.EventConfig, Version: version})
}

// TestUnusedEmergencyCreditMayBeTakenAwayAndGivenBack checks that unused emergency credit need not be paid back
// before the customer may use it again.
func TestUnusedEmergencyCreditMayBeTakenAwayAndGivenBack(t *testing.T) {
	with := map[string]any{"ec_limit_wh": 5000, "ec_threshold_wh": 2000}
	r := configured(t, with)
	r.buy(1, 1500)
	if a := r.activate(); a != meter.ECDone {
		t.Fatalf("activated: %s, want done", a)
	}
	r.reconfigure(2, nil)
	if r.state.EC != meter.ECNone || r.state.Relay != supply.Closed {
		t.Errorf("taken away: %s, relay %s; want none, closed", r.state.EC, r.state.Relay)
	}
	if a := r.activate(); a != meter.ECNotActive {
		t.Errorf("activated without any: %s, want not_active", a)
	}
	r.reconfigure(3, with)
	if a := r.activate(); a != meter.ECDone || r.state.EC != meter.ECActive {
		t.Errorf("given back and activated: %s, %s; want done, active", a, r.state.EC)
	}
}

// TestTheVectorOfTheFriendlyCalendar plays the example of docs/reference/meter-rules.md#credit in a friendly window.
func TestTheVectorOfTheFriendlyCalendar(t *testing.T) {
	r := configured(t, map[string]any{"friendly": []any{"fri 06:00-08:00"}})
	r.buy(1, 300)
	if !r.state.Flags.Has(meter.FlagFriendly) || r.state.Relay != supply.Closed {
		t.Fatalf("window open %t, relay %s; want an open window and a closed relay", r.state.Flags.Has(meter.FlagFriendly), r.state.Relay)
	}
	r.consume(1000)
	if s := &r.state; s.Balance != 0 || s.Overrun != 700 || s.Relay != supply.Closed {
		t.Errorf("in the window: balance %d, overrun %d, %s; want 0, 700, closed", s.Balance, s.Overrun, s.Relay)
	}
	r.run(2*time.Hour - time.Millisecond)
	if r.state.Relay != supply.Closed {
		t.Error("open before the end of the window")
	}
	r.run(time.Millisecond)
	if r.state.Relay != supply.Open {
		t.Error("closed after the end of the window")
	}
	r.buy(2, 5000)
	if s := &r.state; s.Balance != 4300 || s.Relay != supply.Closed {
		t.Errorf("after credit 5000: balance %d, %s; want 4300, closed", s.Balance, s.Relay)
	}
}

// A window only prevents a cut-off for lack of credit, and does not close a relay that is open.
func TestAFriendlyWindowKeepsOnlyTheCreditFromCutting(t *testing.T) {
	r := configured(t, map[string]any{"friendly": []any{"all 00:00-24:00"}, "power_limit_w": 1000})
	if r.state.Relay != supply.Open {
		t.Error("a window has closed the relay of a new meter")
	}
	r.buy(1, 300)
	r.consume(500)
	for name, cut := range map[string]func(*rig){
		"REMOTE": func(r *rig) {
			r.command("cmd_1", 1, meter.Event{Command: meter.CommandDisconnect})
		},
		"TAMPER": func(r *rig) {
			r.step(meter.Event{Kind: meter.EventTamper, Tamper: meter.TamperCover, Active: true})
			r.run(time.Second)
		},
		"OVERLOAD": func(r *rig) {
			r.step(meter.Event{Kind: meter.EventPower, Power: 1400})
			r.run(31 * time.Second)
		},
	} {
		c := *r
		mem := *r.mem
		c.mem = &mem
		cut(&c)
		if c.state.Relay != supply.Open || c.state.Reasons.String() != name {
			t.Errorf("%s: relay %s for %q", name, c.state.Relay, c.state.Reasons)
		}
	}
}

// A configuration that removes the lifeline does not cut the supply during a window. The supply stays on until the
// end of the window.
func TestAWindowOutlivesTheLifeline(t *testing.T) {
	window := []any{"fri 07:00-08:00"}
	r := configured(t, map[string]any{"friendly": window, "lifeline_w": 200})
	r.buy(1, 300)
	r.consume(500)
	r.run(time.Hour)
	if !r.state.Flags.Has(meter.FlagFriendly | meter.FlagLifeline) {
		t.Fatalf("flags %b: want the lifeline and an open window", r.state.Flags)
	}
	r.reconfigure(2, map[string]any{"friendly": window})
	if r.state.Flags.Has(meter.FlagLifeline) || r.state.Relay != supply.Closed {
		t.Errorf("in the window: lifeline %t, relay %s; want false, closed", r.state.Flags.Has(meter.FlagLifeline), r.state.Relay)
	}
	r.run(time.Hour)
	if !r.state.Reasons.Has(supply.Credit) || r.state.Relay != supply.Open {
		t.Errorf("after it: reasons %v, relay %s; want CREDIT, open", r.state.Reasons, r.state.Relay)
	}
}

// A switch that flutters for less than 200 ms at a time is ignored, and no switch hides another.
func TestTamperSwitchesSettle(t *testing.T) {
	r := newRig(t)
	give := func(k meter.Tamper, on bool) { r.step(meter.Event{Kind: meter.EventTamper, Tamper: k, Active: on}) }
	give(meter.TamperMagnet, true)
	for range 50 {
		give(meter.TamperCover, true)
		r.run(100 * time.Millisecond)
		give(meter.TamperCover, false)
		r.run(50 * time.Millisecond)
	}
	if r.state.Latched != meter.Tampers(0).With(meter.TamperMagnet) || r.state.Tampered != 1 {
		t.Errorf("latched %v, count %d; want the magnet alone", r.state.Latched.Names(), r.state.Tampered)
	}
	give(meter.TamperCover, true)
	r.run(199 * time.Millisecond)
	if r.state.Asserted.Has(meter.TamperCover) {
		t.Error("believed after 199 ms")
	}
	r.run(time.Millisecond)
	if !r.state.Latched.Has(meter.TamperCover) || r.state.Tampered != 2 {
		t.Errorf("after 200 ms latched %v, count %d", r.state.Latched.Names(), r.state.Tampered)
	}
}

// The latch stays set when the memory fails or is busy.
func TestALatchWaitsForTheMemory(t *testing.T) {
	r := newRig(t)
	r.buy(1, 3000)
	r.lazy = true
	r.token(testToken(t, testTID(t, testStart())+9, 10), meter.Keypad, "")
	r.step(meter.Event{Kind: meter.EventTamper, Tamper: meter.TamperBypass, Active: true})
	r.run(time.Second)
	if r.state.Latched != 0 || !r.state.Waiting.Has(meter.TamperBypass) || r.state.Relay != supply.Closed {
		t.Fatalf("latched %v, waiting %v, relay %s before it is durable", r.state.Latched.Names(), r.state.Waiting.Names(), r.state.Relay)
	}
	r.lazy = false
	r.mem.fail = true
	r.complete()
	if !r.state.Latched.Has(meter.TamperBypass) || r.state.Relay != supply.Open {
		t.Errorf("latched %v, relay %s with a memory that fails", r.state.Latched.Names(), r.state.Relay)
	}
}

// Dates follow the Gregorian calendar.
func TestDates(t *testing.T) {
	for d := time.Date(1970, 1, 2, 0, 0, 0, 0, time.UTC); d.Year() < 2149; d = d.AddDate(0, 0, 1) {
		want := d.Format(time.DateOnly)
		got, ok := meter.ParseDate(want)
		if !ok || int64(got) != d.Unix()/86400 || got.String() != want {
			t.Fatalf("%s: %d %q %t", want, got, got, ok)
		}
	}
	for _, bad := range []string{"", "2026-02-29", "2026-13-01", "2026-1-1", "1970-01-01", "2200-01-01", "2026-11-2x"} {
		if d, ok := meter.ParseDate(bad); ok {
			t.Errorf("%q is taken for %s", bad, d)
		}
	}
}

// Local time matches the time zone, with its daylight saving, in the northern and the southern hemisphere.
func TestLocalTimeIsThatOfTheZone(t *testing.T) {
	for zone, doc := range map[string]map[string]any{
		"Europe/Berlin":       {"tz_min": 60, "dst_shift_min": 60, "dst_begin": "3.5.0/02:00", "dst_end": "10.5.0/03:00"},
		"America/New_York":    {"tz_min": -300, "dst_shift_min": 60, "dst_begin": "3.2.0/02:00", "dst_end": "11.1.0/02:00"},
		"Australia/Sydney":    {"tz_min": 600, "dst_shift_min": 60, "dst_begin": "10.1.0/02:00", "dst_end": "4.1.0/03:00"},
		"Australia/Lord_Howe": {"tz_min": 630, "dst_shift_min": 30, "dst_begin": "10.1.0/02:00", "dst_end": "4.1.0/02:00"},
		"Africa/Nairobi":      {"tz_min": 180},
	} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		c, bad := meter.NewConfig(meter.DefaultConfig(), 1, doc)
		if bad != "" {
			t.Fatalf("%s: refused for %q", zone, bad)
		}
		for at := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2031; at = at.Add(30 * time.Minute) {
			_, offset := at.In(loc).Zone()
			if got, want := c.Local(at.Unix()), at.Unix()+int64(offset); got != want {
				t.Fatalf("%s %s: local %s, want %s", zone, at.Format(time.RFC3339), time.Unix(got, 0).UTC(), time.Unix(want, 0).UTC())
			}
		}
	}
}

// TestAWindowOpensAndEndsOnTheMinuteWhereTheClocksChange goes minute by minute through the days on which daylight saving begins
// and ends. A meter checks its calendar only at the next moment that it has computed, so a wrong moment makes a window late.
func TestAWindowOpensAndEndsOnTheMinuteWhereTheClocksChange(t *testing.T) {
	for _, z := range []struct {
		zone string
		doc  map[string]any
		days []string
	}{
		{"Europe/Berlin", map[string]any{"tz_min": 60, "dst_shift_min": 60, "dst_begin": "3.5.0/02:00", "dst_end": "10.5.0/03:00"}, []string{"2027-03-28", "2027-10-31"}},
		{"Australia/Lord_Howe", map[string]any{"tz_min": 630, "dst_shift_min": 30, "dst_begin": "10.1.0/02:00", "dst_end": "4.1.0/02:00"}, []string{"2027-04-04", "2027-10-03"}},
	} {
		zone, err := time.LoadLocation(z.zone)
		if err != nil {
			t.Fatal(err)
		}
		for _, window := range []string{"01:15-01:50", "01:40-02:20", "02:30-02:45", "02:10-03:40", "03:05-03:35", "23:30-02:15"} {
			z.doc["friendly"] = []any{"all " + window}
			w, ok := supply.ParseWindow("all " + window)
			if !ok {
				t.Fatal(window)
			}
			for _, day := range z.days {
				midnight, err := time.ParseInLocation(time.DateOnly, day, zone)
				if err != nil {
					t.Fatal(err)
				}
				r := newRig(t)
				c, bad := meter.NewConfig(r.cfg, 1, z.doc)
				if bad != "" {
					t.Fatalf("refused for %q", bad)
				}
				r.cfg, r.born = c, midnight.Add(-2*time.Hour).UnixMilli()
				r.step(meter.Event{Kind: meter.EventWake})
				for range 8 * 60 {
					_, offset := r.now().In(zone).Zone()
					local := r.now().Unix() + int64(offset)
					if got, want := r.state.Flags.Has(meter.FlagFriendly), supply.Friendly([]supply.Window{w}, nil, local); got != want {
						t.Fatalf("%s, %s: open %t at %s, want %t", z.zone, window, got, r.now().In(zone), want)
					}
					r.up += 60_000
					r.step(meter.Event{Kind: meter.EventEnergy})
				}
			}
		}
	}
}

// TestASpecialDayHasItsMinutes goes minute by minute through a special day with its own hours, beside a weekly window.
func TestASpecialDayHasItsMinutes(t *testing.T) {
	r := configured(t, map[string]any{"friendly": []any{"mon 13:20-13:40"}, "special_days": []any{"2026-12-25 10:15-11:35", "2026-12-26"}})
	r.born = time.Date(2026, 12, 24, 22, 0, 0, 0, time.UTC).UnixMilli()
	for range 3 * 24 * 60 {
		r.up += 60_000
		r.step(meter.Event{Kind: meter.EventEnergy})
		at := r.now()
		minute := at.Hour()*60 + at.Minute()
		want := at.Day() == 25 && minute >= 615 && minute < 695 || at.Day() == 26
		if got := r.state.Flags.Has(meter.FlagFriendly); got != want {
			t.Fatalf("open %t at %s, want %t", got, at, want)
		}
	}
}
