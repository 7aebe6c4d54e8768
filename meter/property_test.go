package meter_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/paywatt/paywatt/internal/sometimes"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// life is the result of one run: every effect, in order, and the state at the end.
type life struct {
	effects []meter.Effect
	state   meter.State
}

// live plays hours of a meter: a changing load, tokens, keys. Between those inputs it gives time and energy in the
// largest pieces that Wake and Headroom allow. If the parameter cut is not nil, the pieces are smaller, of random
// size. The inputs depend on seed alone.
func live(t *testing.T, seed uint64, cut *rand.Rand) life {
	t.Helper()
	return liveBy(t, seed, cut, func(up uint64) (int64, meter.Clock) {
		return testStart().Unix() + int64(up/1000), meter.ClockValid
	})
}

// liveBy is like live, with a clock that the caller gives.
func liveBy(t *testing.T, seed uint64, cut *rand.Rand, clock func(up uint64) (int64, meter.Clock)) life {
	t.Helper()
	r := newRig(t)
	r.cfg.Low1, r.cfg.Low2, r.cfg.ReadingEvery = 900, 400, 420
	s := meter.New(testFacts(), &r.cfg, 0)
	s.Balance, s.Reasons, s.Relay, s.LED = 1000, 0, supply.Closed, meter.LEDOff
	s.Low1, s.Low2 = supply.Crossing{}, supply.Crossing{}
	var l life
	give := func(ev meter.Event) {
		ev.At, ev.Clock = clock(ev.Up)
		ev.Ms = uint16(ev.Up % 1000)
		l.effects = append(l.effects, meter.Step(&r.cfg, &s, ev, nil)...)
		for i := len(l.effects) - 1; i >= 0 && s.Busy(); i-- {
			if e := l.effects[i]; e.Kind == meter.EffectPersist {
				l.effects = append(l.effects, meter.Step(&r.cfg, &s, meter.Event{
					Kind: meter.EventPersisted, Record: e.Record, OK: true, Up: ev.Up, At: ev.At, Ms: ev.Ms, Clock: ev.Clock,
				}, nil)...)
			}
		}
	}
	give(meter.Event{Kind: meter.EventWake})
	inputs := rand.New(rand.NewPCG(seed, 1))
	tid := testTID(t, testStart())
	var up, work uint64 // ms; W·ms not yet given
	for n := range 40 {
		load, end := uint64(inputs.IntN(9000)), up+uint64(inputs.IntN(3_600_000))
		for up < end {
			to := max(min(end, meter.Wake(&r.cfg, &s)), up+1)
			room := uint64(meter.Headroom(&r.cfg, &s))*3_600_000 - work
			if load > 0 {
				to = min(to, up+(room+load-1)/load)
			}
			if cut != nil {
				to = up + 1 + cut.Uint64N(to-up)
			}
			work += load * (to - up)
			up = to
			give(meter.Event{Kind: meter.EventEnergy, Up: up, Energy: unit.Energy(work / 3_600_000)})
			work %= 3_600_000
		}
		switch inputs.IntN(4) {
		case 0:
			amount := int64(1 + inputs.IntN(20))
			digits := testToken(t, tid+sts.TID(n), amount)
			give(meter.Event{Kind: meter.EventToken, Up: up, Opened: r.keys.Open(digits), Source: meter.SMS})
		case 1:
			give(meter.Event{Kind: meter.EventKey, Up: up})
		case 2:
			give(meter.Event{Kind: meter.EventToken, Up: up, Opened: r.keys.Open(wrongToken(t, 2)), Source: meter.Keypad})
		case 3:
			give(meter.Event{Kind: meter.EventLocal, Up: up})
		}
	}
	l.state = s
	return l
}

func TestAnySplittingOfTimeAndEnergyGivesTheSame(t *testing.T) {
	base := tier.Seed(t)
	for i := range uint64(tier.MeterLives.N()) {
		seed := base + i
		whole := live(t, seed, nil)
		for j := range uint64(4) {
			parts := live(t, seed, rand.New(rand.NewPCG(seed, 2+j)))
			if meter.Hash(&whole.state) != meter.Hash(&parts.state) {
				t.Errorf("seed %d: states differ:\n whole %+v\n parts %+v", seed, whole.state, parts.state)
			}
			if d := differ(whole.effects, parts.effects); d != "" {
				t.Fatalf("seed %d: %s", seed, d)
			}
		}
	}
}

// The real-time clock does not affect money: with a clock that jumps by years, stands still or is dead, the meter ends
// with the same registers, tokens, locks and relay.
func TestClockJumpsChangeNoMoney(t *testing.T) {
	base := tier.Seed(t)
	for i := range uint64(tier.MeterLives.N()) {
		jumps := rand.New(rand.NewPCG(base+i, 9))
		steady := live(t, base+i, nil).state
		mad := liveBy(t, base+i, nil, func(uint64) (int64, meter.Clock) {
			return jumps.Int64N(1 << 33), meter.Clock(jumps.IntN(3))
		}).state
		for _, s := range [...]*meter.State{&mad, &steady} {
			// The fields about days, and the fields that the reports of days change, may differ.
			s.LastAt, s.Buzzer, s.QuietAt, s.BeepAt, s.Seq, s.Unsaved = 0, 0, 0, 0, 0, 0
			s.Day, s.Month, s.Week, s.Closed, s.Clock, s.Offset, s.NextAt = meter.Day{}, meter.Month{}, [7]uint16{}, 0, 0, 0, 0
		}
		if mad != steady {
			t.Fatalf("seed %d:\n steady %+v\n mad    %+v", base+i, steady, mad)
		}
	}
}

func differ(a, b []meter.Effect) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("effect %d differs:\n whole %+v\n parts %+v", i, a[i], b[i])
		}
	}
	if len(a) != len(b) {
		return fmt.Sprintf("%d effects in one piece, %d in parts", len(a), len(b))
	}
	return ""
}

// A step before the points of Wake and Headroom has no effect.
func TestNothingHappensBeforeWakeAndHeadroom(t *testing.T) {
	r := newRig(t)
	r.token(testToken(t, testTID(t, testStart()), 300), meter.Keypad, "")
	r.run(0)
	for range 2000 {
		s := r.state
		wake, room := meter.Wake(&r.cfg, &s), meter.Headroom(&r.cfg, &s)
		if wake <= s.Up || room < 1 {
			t.Fatalf("at %d: wake %d, headroom %d", s.Up, wake, room)
		}
		if wake-1 > s.Up {
			r.up = wake - 1
			early := meter.Event{
				Kind: meter.EventEnergy, Up: r.up, At: r.now().Unix(), Ms: uint16(r.up % 1000), Clock: r.clock, Energy: room - 1,
			}
			if out := meter.Step(&r.cfg, &s, early, nil); len(out) > 0 {
				t.Fatalf("at %d, before wake %d and headroom %d: %+v", early.Up, wake, room, out)
			}
		}
		r.up = wake
		r.step(meter.Event{Kind: meter.EventEnergy, Energy: room / 2})
	}
}

// randomEvent makes any event, sensible or not.
func randomEvent(t *testing.T, rnd *rand.Rand, r *rig) meter.Event {
	ev := meter.Event{
		Kind: meter.EventKind(rnd.IntN(int(meter.EventKinds) + 1)), Up: r.state.Up + uint64(rnd.IntN(3_000_000)),
		Clock: meter.Clock(rnd.IntN(3)), At: rnd.Int64N(1 << 33), Pulses: uint32(rnd.IntN(3000)),
		Energy: unit.Energy(rnd.IntN(4000) - 100), Power: unit.Power(rnd.IntN(9000)),
		Source: meter.Source(1 + rnd.IntN(3)), Request: uint64(rnd.IntN(5)), Counter: uint64(rnd.IntN(50)),
		Command: meter.Command(rnd.IntN(10)), Export: unit.Energy(rnd.IntN(400)), Tamper: meter.Tamper(rnd.IntN(7)),
		Active: rnd.IntN(2) == 0, NewAt: rnd.Int64N(1 << 33), ClockBy: meter.ClockSource(rnd.IntN(4)), Ms: uint16(rnd.IntN(1000)),
		Tampers: meter.Tampers(rnd.IntN(64)), Force: rnd.IntN(2) == 0, Base: sts.Base2014,
		TID: testTID(t, testStart()) + sts.TID(rnd.IntN(60)), OK: rnd.IntN(4) > 0, Reset: meter.Reset(rnd.IntN(3)),
		Opened: sts.Opened{
			Result: sts.Accept, Class: uint8(rnd.IntN(4)), SubClass: uint8(rnd.IntN(3)), HasTID: true,
			TID: testTID(t, testStart()) + sts.TID(rnd.IntN(60)), Amount: sts.Amount(rnd.IntN(1 << 16)),
		},
	}
	if rnd.IntN(3) == 0 {
		ev.Opened.Result = sts.CRCError
	}
	if ev.Opened.Class == 2 && rnd.IntN(3) == 0 {
		randomSection(rnd, &ev, r.state.Sections)
	}
	return ev
}

// randomSection turns the token of an event into a section of a key change. In most cases the section fits the waiting
// sections.
func randomSection(rnd *rand.Rand, ev *meter.Event, waiting uint8) {
	ev.Opened.Section, ev.Opened.SubClass, ev.Opened.HasTID = uint8(1+rnd.IntN(4)), 3, false
	results := [...]sts.Result{sts.KCT1st, sts.KCTNth, sts.Accept, sts.RangeError, sts.Busy}
	ev.Change = meter.Change{
		Result: results[rnd.IntN(len(results))], Again: rnd.IntN(4) == 0, Rollover: rnd.IntN(2) == 0,
		Waiting: waiting, Sections: uint8(1 + rnd.IntN(15)),
		Key: meter.KeyInfo{Base: sts.Base2014, Type: sts.KeyType(rnd.IntN(4)), KEN: 255, EA: sts.EA07},
	}
	if rnd.IntN(5) == 0 {
		ev.Change.Waiting = uint8(rnd.IntN(16))
	}
}

// rareOfRandomEvents returns the names of rare states of a meter that a run of random events must reach. Random
// events hardly ever reach an armed relay or a relay under test; the explorer does.
func rareOfRandomEvents() []string {
	return []string{"latched", "power limit", "emergency credit used", "key change half entered", "day closed", "token under way", "credit cleared", "no credit",
		"credit", "waits to close"}
}

// notes counts the rare states of a meter.
func notes(rare *sometimes.Counter, s *meter.State, under bool) {
	rare.When(s.Latched != 0, "latched")
	rare.When(s.Reasons.Has(supply.Overload), "power limit")
	rare.When(s.ECUsed > 0, "emergency credit used")
	rare.When(s.Sections != 0, "key change half entered")
	rare.When(s.Closed != 0, "day closed")
	rare.When(under, "token under way")
	rare.When(s.Reasons.Has(supply.Credit), "no credit")
	rare.When(!s.Reasons.Has(supply.Credit), "credit")
	rare.When(s.ClosesIn() != 0, "waits to close")
}

// quieter makes an event milder: covers mostly closed, little energy, a fast memory, events close together. With
// unrestricted events a meter would be without supply and latched nearly all the time.
func quieter(rnd *rand.Rand, ev meter.Event, up uint64, under bool) meter.Event {
	ev.Energy /= 100
	ev.Up = up + (ev.Up-up)/1000
	if rnd.IntN(20) > 0 {
		ev.Tampers, ev.Active = 0, ev.Active && ev.Kind != meter.EventTamper
	}
	if under && rnd.IntN(2) == 0 {
		ev.Kind, ev.OK = meter.EventPersisted, true
	}
	return ev
}

func TestRandomEventsKeepTheInvariants(t *testing.T) {
	meters := tier.MeterEvents.N()
	rare := sometimes.New(rareOfRandomEvents()...)
	rnd := rand.New(rand.NewPCG(tier.Seed(t), 0))
	for i := range meters {
		r := newRig(t)
		r.cfg = fullConfig(t)
		s := &r.state
		if i%2 == 1 {
			r.token(testToken(t, testTID(t, testStart()), 30_000), meter.Keypad, "")
		}
		credit, out := s.Register+s.Shown(), make([]meter.Effect, 0, meter.MaxEffects)
		var under *meter.Record
		for range 300 {
			ev := randomEvent(t, rnd, r)
			if i%2 == 1 {
				ev = quieter(rnd, ev, s.Up, under != nil)
			}
			switch {
			case ev.Kind == meter.EventReplay:
				continue // this event comes only at start
			case ev.Kind == meter.EventPersisted && under == nil:
				continue
			case ev.Kind == meter.EventPersisted:
				ev.Record = *under
				under = nil
			}
			seq := s.Seq
			out = meter.Step(&r.cfg, s, ev, out[:0])
			token := false
			for _, e := range out {
				token = token || e.Report.Kind == meter.ReportToken
				rare.When(e.Report.Code == meter.CodeCreditCleared, "credit cleared")
				if e.Report.Code == meter.CodeCreditCleared && !token {
					credit -= unit.Energy(e.Report.A) // a command of the server has cleared it
				}
				if e.Kind == meter.EffectPublish {
					if e.Report.Seq != seq {
						t.Fatalf("seq %d after %d", e.Report.Seq, seq-1)
					}
					seq++
					if e.Report.Result == sts.Accept && e.Report.Log != 0 {
						credit += e.Report.Units // negative for a token that clears credit
					}
				}
				if e.Kind == meter.EffectPersist {
					record := e.Record
					under = &record
				}
			}
			if cap(out) != meter.MaxEffects {
				t.Fatalf("event %d has more than %d effects", ev.Kind, meter.MaxEffects)
			}
			checkState(t, s, credit)
			notes(rare, s, under != nil)
			// If a timer ran out before the meter started, it takes effect with the first event after
			// EventPowerRestore.
			if wake := meter.Wake(&r.cfg, s); wake <= s.Up && ev.Kind != meter.EventPowerRestore {
				t.Fatalf("after event %d at %d ms the meter wants to be woken at %d ms", ev.Kind, s.Up, wake)
			}
		}
	}
	if never := rare.Never(); len(never) > 0 {
		t.Errorf("%d random events never led to: %v", 300*meters, never)
	}
	t.Log(rare.Table())
}

func checkState(t *testing.T, s *meter.State, credit unit.Energy) {
	t.Helper()
	if s.Register+s.Shown() != credit {
		t.Fatalf("register %d and credit %d do not make the %d accepted", s.Register, s.Shown(), credit)
	}
	if closed := s.Reasons == 0 && !s.Confirm && s.ClosesIn() == 0; (s.Relay == supply.Closed) != closed {
		t.Fatalf("relay %s with reasons %q, confirm %t, closing in %d ms", s.Relay, s.Reasons, s.Confirm, s.ClosesIn())
	}
	if (s.Sections == 0) != (s.SectionsUntil == 0) || s.Sections > 15 {
		t.Fatalf("sections %b until %d", s.Sections, s.SectionsUntil)
	}
	if s.Reasons.Has(supply.Test) && s.MoveAt == 0 {
		t.Fatalf("reasons %q, test until %d", s.Reasons, s.MoveAt)
	}
	if s.Reasons.Has(supply.Tamper) != (s.Latched != 0) || s.Reasons.Has(supply.Overload) != (s.Overload >= meter.OverloadTripped) {
		t.Fatalf("reasons %q, latched %v, power limit %s", s.Reasons, s.Latched.Names(), s.Overload)
	}
	if s.Day.Date != 0 && s.Closed >= s.Day.Date || s.ECUsed < 0 {
		t.Fatalf("day %s under way, %s closed, %d emergency credit used", s.Day.Date, s.Closed, s.ECUsed)
	}
	if armed := s.Reasons == 0 && s.Confirm; (s.Relay == supply.Armed) != armed {
		t.Fatalf("relay %s with reasons %q, confirm %t", s.Relay, s.Reasons, s.Confirm)
	}
}

// TestStepDoesNotAllocate gives every kind of event to a meter in use and allows no allocation.
func TestStepDoesNotAllocate(t *testing.T) {
	r := newRig(t)
	r.token(testToken(t, testTID(t, testStart()), 300), meter.Keypad, "")
	r.run(0)
	out := make([]meter.Effect, 0, meter.MaxEffects)
	rnd := rand.New(rand.NewPCG(tier.Seed(t), 2))
	for kind := meter.EventWake; kind < meter.EventKinds; kind++ {
		ev := randomEvent(t, rnd, r)
		ev.Kind, ev.Opened.Class, ev.Opened.SubClass, ev.Opened.Result = kind, 0, 0, sts.Accept
		ev.Record = meter.Record{Kind: meter.RecordToken, Source: meter.Keypad, Result: sts.Accept, HasTID: true, TID: ev.TID}
		s := new(meter.State)
		if n := testing.AllocsPerRun(20, func() {
			*s = r.state
			ev.Record.Seq, s.Flags = s.Applied+1, s.Flags|meter.FlagPending
			out = meter.Step(&r.cfg, s, ev, out[:0])
		}); n > 0 {
			t.Errorf("event %d: %v allocations, want 0", kind, n)
		}
	}
}

// TestTokensDoNotAllocate gives every kind of token, and then its EventPersisted.
func TestTokensDoNotAllocate(t *testing.T) {
	r := newRig(t)
	tid := testTID(t, testStart())
	r.token(testToken(t, tid, 300), meter.Keypad, "")
	set := keySet(t, testKey(t), sts.KeyChange{Key: aKey(t, sts.EA07, 2), KEN: 255, KRN: 2, KT: sts.DUTK, TI: "01", Rollover: true})
	r.token(set[0], meter.Keypad, "")
	out := make([]meter.Effect, 0, meter.MaxEffects)
	for _, digits := range []string{
		testToken(t, tid+1, 10), manageFor(t, testKey(t), sts.ManageMaxPower, tid+1, 5), wrongToken(t, 2), set[0], set[1],
		manageFor(t, testKey(t), sts.ManageClearCredit, tid+1, 0), manageFor(t, testKey(t), sts.ManageClearTamper, tid+1, 0),
		"56493153725450313471", "12",
	} {
		ev := meter.Event{Kind: meter.EventToken, Source: meter.Keypad, Opened: r.keys.Open(digits)}
		ev.Change, _ = r.keys.Take(&r.state, digits)
		s := new(meter.State)
		if n := testing.AllocsPerRun(20, func() {
			*s = r.state
			out = meter.Step(&r.cfg, s, ev, out[:0])
			if s.Busy() {
				done := meter.Event{Kind: meter.EventPersisted, Record: out[0].Record, OK: true}
				out = meter.Step(&r.cfg, s, done, out[:0])
			}
		}); n > 0 {
			t.Errorf("token of class %d, sub-class %d: %v allocations, want 0", ev.Opened.Class, ev.Opened.SubClass, n)
		}
	}
}

// TestHashSeesEveryField changes one field after another.
func TestHashSeesEveryField(t *testing.T) {
	base := newRig(t).state
	want := meter.Hash(&base)
	typ := reflect.TypeFor[meter.State]()
	for i := range typ.NumField() {
		s := base
		if name := typ.Field(i).Name; name == "TIDs" {
			s.TIDs.Fill(math.MaxUint16)
		} else {
			change(reflect.ValueOf(&s).Elem().Field(i))
		}
		if meter.Hash(&s) == want {
			t.Errorf("the hash does not see %s", typ.Field(i).Name)
		}
	}
}

// change sets the last leaf of a value to something else.
func change(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Struct:
		change(v.Field(v.NumField() - 1))
	case reflect.Array:
		change(v.Index(v.Len() - 1))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(v.Int() + 1)
	default:
		v.SetUint(v.Uint() + 1)
	}
}
