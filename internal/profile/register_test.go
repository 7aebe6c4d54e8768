package profile_test

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/paywatt/paywatt/internal/profile"
)

// power returns a data message of a device that samples power.
func power(mw int64) profile.Meaning { return profile.Meaning{Kind: profile.IsData, PowerMW: &mw} }

// counted returns a data message of a device with its own register.
func counted(mwh int64) profile.Meaning {
	return profile.Meaning{Kind: profile.IsData, EnergyMWh: &mwh}
}

func TestSamplesAreIntegratedWithoutRounding(t *testing.T) {
	p := seedA(t)
	rapid.Check(t, func(t *rapid.T) {
		var r profile.Register
		now := at(0)
		exact, last, begun := new(big.Int), int64(0), false
		for range rapid.IntRange(1, 60).Draw(t, "samples") {
			mw := rapid.Int64Range(0, 12_000_000).Draw(t, "mw")
			ms := rapid.Int64Range(0, 60_000).Draw(t, "ms")
			now = now.Add(time.Duration(ms) * time.Millisecond)
			if begun {
				exact.Add(exact, new(big.Int).Mul(big.NewInt(last+mw), big.NewInt(ms)))
			}
			r, _ = p.Take(r, power(mw), now)
			last, begun = mw, true
		}
		whole, rest := new(big.Int).DivMod(exact, big.NewInt(7_200_000), new(big.Int))
		if r.MWh != whole.Int64() || r.Rest != rest.Int64() || r.Gaps != 0 {
			t.Fatalf("counted %d mWh rest %d, exact %s rest %s", r.MWh, r.Rest, whole, rest)
		}
	})
}

func TestWhatWasNotMeasuredIsNotCounted(t *testing.T) {
	p := seedA(t)
	r, _ := p.Take(profile.Register{}, power(3_600_000), at(0))
	r, s := p.Take(r, power(3_600_000), at(60))
	if r.MWh != 60_000 || s.Gap != 0 {
		t.Fatalf("60 s at 3.6 kW, exactly max_gap: %d mWh, gap %s, want 60000 and none", r.MWh, s.Gap)
	}
	r, s = p.Take(r, power(3_600_000), at(121))
	if r.MWh != 60_000 || s.Gap != 61*time.Second || r.Gaps != 1 || r.GapSec != 61 {
		t.Errorf("61 s without a sample: %+v, step %+v", r, s)
	}
	r, s = p.Take(r, power(3_600_000), at(111))
	if r.MWh != 60_000 || s.Gap != 10*time.Second || r.Gaps != 2 {
		t.Errorf("a clock that went back: %+v, step %+v", r, s)
	}
	r, _ = p.Take(r, profile.Meaning{Kind: profile.IsStarted}, at(112))
	r, _ = p.Take(r, power(3_600_000), at(121))
	if r.MWh != 70_000 || r.Boots != 1 {
		t.Errorf("a reconnect between two samples: %+v, want 10 s more counted", r)
	}
}

func TestAnOpenRelayEndsTheSlope(t *testing.T) {
	p := seedA(t)
	r, _ := p.Take(profile.Register{}, power(3_600_000), at(0))
	r, s := p.Take(r, profile.Meaning{Kind: profile.IsState, Relay: profile.Open}, at(1))
	if r.MWh != 1000 || !s.RelayChanged || r.PowerMW != 0 {
		t.Errorf("1 s at 3.6 kW, then open: %+v, step %+v", r, s)
	}
	r, _ = p.Take(r, power(0), at(10))
	r, s = p.Take(r, profile.Meaning{Kind: profile.IsState, Relay: profile.Closed}, at(11))
	if r.MWh != 1000 || !s.RelayChanged {
		t.Errorf("closed again: %+v", r)
	}
	r, _ = p.Take(r, profile.Meaning{Kind: profile.IsState, Relay: profile.Open}, at(12))
	r, _ = p.Take(r, power(3_600_000), at(20)) // the relay sticks: energy that flows is counted
	if r, _ = p.Take(r, profile.Meaning{Kind: profile.IsState, Relay: profile.Open}, at(21)); r.PowerMW != 3_600_000 {
		t.Errorf("a relay that is said to be open once more: %+v", r)
	}
}

// TestAnOpenRelayCountsNoNoise switches a device off and lets its sensor report some power. Only energy between two
// samples above the noise counts. The noise of the seed profile is 150 W.
func TestAnOpenRelayCountsNoNoise(t *testing.T) {
	off := profile.Meaning{Kind: profile.IsState, Relay: profile.Open}
	for _, c := range []struct {
		name  string
		watts []int64 // a sample every 10 s
		mwh   int64
	}{
		{"an offset", []int64{134, 140, 150, 134}, 0},
		{"one sample of before", []int64{3600, 0, 0}, 0},
		{"a sample that jumps", []int64{0, 3600, 0, 3600, 150}, 0},
		{"a load", []int64{0, 3600, 3600, 3600, 0}, 20_000},
	} {
		p := seedA(t)
		r, _ := p.Take(profile.Register{}, power(3_600_000), at(0))
		r, _ = p.Take(r, off, at(1))
		for i, w := range c.watts {
			r, _ = p.Take(r, power(w*1000), at(10*(i+1)))
		}
		if r.MWh != 1000+c.mwh || !r.KnownOpen(at(1)) {
			t.Errorf("%s: %d mWh, want 1000 and %d", c.name, r.MWh, c.mwh)
		}
	}
	p := seedA(t) // a device that has started may have closed its relay, so it must report the relay again
	r, _ := p.Take(profile.Register{}, off, at(0))
	if r, _ = p.Take(r, profile.Meaning{Kind: profile.IsStarted}, at(10)); r.KnownOpen(at(11)) {
		t.Error("a device that has just started is known to be off")
	}
	if r, _ = p.Take(r, off, at(12)); !r.KnownOpen(at(12)) {
		t.Error("a device that says off after it started is not believed")
	}
}

// TestARegisterThatCreepsCountsNoNoise switches off a plug with its own register. Energy that the plug reports within a
// minute was used before and counts. After the minute, power up to 5 W is noise. When the relay closes again, that noise
// is still not counted.
func TestARegisterThatCreepsCountsNoNoise(t *testing.T) {
	p := library(t)["tasmota"]
	off, on := profile.Meaning{Kind: profile.IsState, Relay: profile.Open}, profile.Meaning{Kind: profile.IsState, Relay: profile.Closed}
	r, _ := p.Take(profile.Register{}, counted(9_000_000), at(0))
	r, _ = p.Take(r, off, at(10))
	if r, _ = p.Take(r, counted(9_030_000), at(50)); r.MWh != 30_000 || r.KnownOpen(at(69)) || !r.KnownOpen(at(70)) {
		t.Fatalf("told late: %+v, want 30 Wh counted, and the relay known to be open after a minute", r)
	}
	device, now := int64(9_030_000), 100
	for range 24 * 60 { // use of 4 W
		device, now = device+67, now+60
		r, _ = p.Take(r, counted(device/1000*1000), at(now))
	}
	if r.MWh != 30_000 {
		t.Errorf("a day of 4 W: %d mWh, want 30000", r.MWh)
	}
	r, _ = p.Take(r, on, at(now))
	if r, _ = p.Take(r, counted(device+1000), at(now+10)); r.MWh > 33_000 {
		t.Errorf("on again, and 1 Wh used: %d mWh, want 31000 and little more", r.MWh)
	}
	before := r.MWh
	r, _ = p.Take(r, off, at(now+20))
	for i := range 10 { // use of 60 W
		r, _ = p.Take(r, counted(device+1000+int64(i)*1000), at(now+100+60*i))
	}
	if got := r.MWh - before; got < 8000 {
		t.Errorf("10 Wh at 60 W with the relay open: %d mWh, want them counted", got)
	}
}

func TestARegisterNeverFalls(t *testing.T) {
	l := library(t)
	rapid.Check(t, func(t *rapid.T) {
		p := l[rapid.SampledFrom([]string{"seed-a", "tasmota", "shelly-gen1", "esphome"}).Draw(t, "profile")]
		var r profile.Register
		now := at(0)
		for range rapid.IntRange(1, 30).Draw(t, "n") {
			was := r.MWh
			now = now.Add(time.Duration(rapid.Int64Range(-3600, 100_000).Draw(t, "s")) * time.Second)
			m := power(rapid.Int64Range(0, 12_000_000).Draw(t, "mw"))
			if rapid.Bool().Draw(t, "register") {
				m = counted(rapid.Int64Range(0, 9_000_000_000_000).Draw(t, "mwh"))
			}
			var s profile.Step
			if r, s = p.Take(r, m, now); r.MWh < was || r.MWh != was+s.CountedMWh || r.Rest < 0 || s.Gap < 0 {
				t.Fatalf("from %d: %+v, step %+v", was, r, s)
			}
		}
	})
}

func TestDecimalsAreExact(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "1": "1", "-1.50": "-1.5", ".5": "0.5", "5.": "5", "0.0000000019": "0.000000001", "1e3": "1000", "1.25E-2": "0.0125",
		"-0.0": "0", "9000000000": "9000000000", "0012.30": "12.3", "1.5e9": "1500000000", "2e-9": "0.000000002",
	} {
		if d, err := profile.ParseDecimal(text); err != nil || d.String() != want {
			t.Errorf("%q is read as %s, %v, want %s", text, d, err, want)
		}
	}
	for _, text := range []string{"", ".", "-", "+1", "1,5", "1.2.3", "1e", "1e10", "1e-10", "e5", "0x1", "NaN", "inf", " 1", "9000000000.1", "99999999999",
		"1_000", "١", strings.Repeat("0", 50)} {
		if d, err := profile.ParseDecimal(text); err == nil {
			t.Errorf("%q is read as %s", text, d)
		}
	}
}

func FuzzParseDecimal(f *testing.F) {
	for _, s := range []string{"1.5", "-2e-3", "9000000000", "0.0000000001"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := profile.ParseDecimal(text)
		if err != nil {
			return
		}
		again, err := profile.ParseDecimal(d.String())
		if err != nil || again != d {
			t.Errorf("%q is %s, which is read as %s, %v", text, d, again, err)
		}
	})
}

// FuzzUnderstand checks, that any payload on any topic of any profile has a meaning within the limits and leaves a valid
// register.
func FuzzUnderstand(f *testing.F) {
	l := library(f)
	for name, topics := range map[string][]string{
		"seed-a":  {"GsmClientTest/ledStatus", "GsmClientTest/init"},
		"tasmota": {"tele/x/SENSOR", "stat/x/POWER"}, "shelly": {"x/status/switch:0"}, "shelly-gen1": {"shellies/x/relay/0/energy"},
		"esphome": {"x/sensor/power/state"},
	} {
		for _, topic := range topics {
			f.Add(name, topic, []byte("1:2"))
			f.Add(name, topic, []byte(`{"ENERGY":{"Power":1e3,"Total":1.5},"apower":1,"aenergy":{"total":3}}`))
			f.Add(name, topic, []byte("12.5"))
		}
	}
	f.Fuzz(func(t *testing.T, name, topic string, payload []byte) {
		p := l[name]
		if p == nil {
			return
		}
		m := p.Understand(topic, payload)
		if m.PowerMW != nil && (*m.PowerMW < 0 || *m.PowerMW > p.Energy.MaxW*1000) || m.EnergyMWh != nil && *m.EnergyMWh < 0 {
			t.Fatalf("%s %s %q means %+v", name, topic, payload, m)
		}
		if m.Kind == profile.Unreadable && m.Why == "" || len(m.Text) > 240 {
			t.Fatalf("%s %s %q: %+v", name, topic, payload, m)
		}
		r, _ := p.Take(profile.Register{}, m, at(0))
		if r, _ = p.Take(r, m, at(10)); r.MWh < 0 || r.Rest < 0 {
			t.Fatalf("register %+v", r)
		}
	})
}

// TestWhatAMessageChanges reads the effect of one message on a register: whether it is a sample, whether a load was switched, and what is known.
func TestWhatAMessageChanges(t *testing.T) {
	l := library(t)
	sampled, own := l["esphome"], l["tasmota"]
	state := func(relay string) profile.Meaning { return profile.Meaning{Kind: profile.IsState, Relay: relay} }
	both := func(mw, mwh int64) profile.Meaning {
		return profile.Meaning{Kind: profile.IsData, PowerMW: &mw, EnergyMWh: &mwh}
	}
	begun := profile.Register{At: at(0), Device: 5, HasDevice: true}
	with := func(mw int64, relay string) profile.Register {
		r := begun
		r.PowerMW, r.Relay = mw, relay
		return r
	}
	for name, c := range map[string]struct {
		p      *profile.Profile
		r      profile.Register
		m      profile.Meaning
		sample bool
		load   bool
		relay  bool
		mw     int64 // power afterwards
	}{
		"the first power":                   {sampled, profile.Register{}, power(5), true, true, false, 5},
		"no load":                           {sampled, with(0, ""), power(0), true, false, false, 0},
		"a load is switched on":             {sampled, with(0, ""), power(1), true, true, false, 1},
		"a load stays on":                   {sampled, with(1, ""), power(2), true, false, false, 2},
		"a load is switched off":            {sampled, with(1, ""), power(0), true, true, false, 0},
		"data without power":                {sampled, with(7, ""), counted(3), false, false, false, 7},
		"power of a device with a register": {own, with(7, ""), power(0), true, true, false, 0},
		"its register":                      {own, with(7, ""), counted(6), true, false, false, 7},
		"its register is held":              {own, with(7, ""), counted(4), false, false, false, 7},
		"its register is held, with power":  {own, with(7, ""), both(0, 4), false, false, false, 0},
		"both":                              {own, with(0, ""), both(9, 6), true, true, false, 9},
		"neither":                           {own, with(7, ""), profile.Meaning{Kind: profile.IsData}, false, false, false, 7},
		"a state":                           {own, with(7, ""), profile.Meaning{Kind: profile.IsState, PowerMW: new(int64)}, false, false, false, 7},
		"a relay that opens":                {sampled, with(7, profile.Closed), state(profile.Open), true, false, true, 0},
		"a relay that opens at a register":  {own, with(7, profile.Closed), state(profile.Open), false, false, true, 7},
		"a relay that opens before all":     {sampled, profile.Register{PowerMW: 7}, state(profile.Open), false, false, true, 7},
		"a relay that closes":               {sampled, with(0, profile.Open), state(profile.Closed), false, false, true, 0},
		"a relay that is open":              {sampled, with(0, profile.Open), state(profile.Open), false, false, false, 0},
	} {
		r, s := c.p.Take(c.r, c.m, at(0))
		if s.Sample != c.sample || s.Load != c.load || s.RelayChanged != c.relay || r.PowerMW != c.mw {
			t.Errorf("%s: %+v, %d mW; want sample %t, load %t, relay %t, %d mW", name, s, r.PowerMW, c.sample, c.load, c.relay, c.mw)
		}
	}
	r, _ := seedA(t).Take(profile.Register{Relay: profile.Open, OpenFrom: at(0), At: at(0), PowerMW: 150_000}, power(150_001), at(10))
	if r.MWh != 0 || r.Rest != 0 || r.PowerMW != 150_001 {
		t.Errorf("noise and then a load: %+v, want nothing counted before the load", r)
	}
	r, _ = seedA(t).Take(r, power(150_001), at(20))
	if r.MWh != 416 || r.Rest != 4_820_000 { // 150,001 mW · 10 s
		t.Errorf("two samples of a load: %d mWh and %d", r.MWh, r.Rest)
	}
}

// TestWhenARelayIsKnownToBeOpen: from a device's report. A device that has just started may have closed it, and one with a register reports energy
// late, so both are believed after a minute.
func TestWhenARelayIsKnownToBeOpen(t *testing.T) {
	l := library(t)
	sampled, own := l["esphome"], l["tasmota"]
	off := profile.Meaning{Kind: profile.IsState, Relay: profile.Open}
	on := profile.Meaning{Kind: profile.IsState, Relay: profile.Closed}
	start := profile.Meaning{Kind: profile.IsStarted}
	type heard struct {
		second int
		m      profile.Meaning
	}
	for name, c := range map[string]struct {
		p     *profile.Profile
		heard []heard
		from  int // seconds from which it is known to be open; -1 for never
	}{
		"nothing was reported":           {sampled, []heard{{5, start}}, -1},
		"it opened":                      {sampled, []heard{{10, off}}, 10},
		"it opened, by a register":       {own, []heard{{10, off}}, 70},
		"it is still open":               {sampled, []heard{{10, off}, {20, off}}, 10},
		"it is still open, by register":  {own, []heard{{10, off}, {20, off}}, 70},
		"it closed":                      {sampled, []heard{{10, off}, {20, on}}, -1},
		"it started":                     {sampled, []heard{{10, off}, {20, start}}, 80},
		"it started, and is open":        {sampled, []heard{{10, off}, {20, start}, {30, off}}, 30},
		"it started, by a register":      {own, []heard{{10, off}, {20, start}}, 80},
		"it started, and is open, by it": {own, []heard{{10, off}, {20, start}, {30, off}}, 80},
		"it was open before":             {sampled, []heard{{10, off}, {20, on}, {30, off}}, 30},
	} {
		var r profile.Register
		for _, h := range c.heard {
			r, _ = c.p.Take(r, h.m, at(h.second))
		}
		for second := range 100 {
			if got := r.KnownOpen(at(second)); got != (c.from >= 0 && second >= c.from) {
				t.Errorf("%s: after %d s known to be open: %t, want it from %d s", name, second, got, c.from)
				break
			}
		}
	}
}

// TestGapsAddUp counts the gaps between samples, and their time in whole seconds.
func TestGapsAddUp(t *testing.T) {
	p := seedA(t) // max_gap 60 s
	var r profile.Register
	for i, seconds := range []int{0, 60, 121, 191, 190} {
		var s profile.Step
		r, s = p.Take(r, power(3_600_000), at(seconds))
		why := []string{"", "", "no sample for longer than max_gap", "no sample for longer than max_gap", "the clock went back"}[i]
		if s.Why != why || !s.Sample {
			t.Errorf("after %d s: %+v, want %q", seconds, s, why)
		}
	}
	if r.Gaps != 3 || r.GapSec != 61+70+1 || r.MWh != 60_000 {
		t.Errorf("%d gaps of %d s, %d mWh", r.Gaps, r.GapSec, r.MWh)
	}
}
