package meter_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// Wherever Step takes the short cut, it must give the same result as the long way. This tries ordinary states, with one
// or two fields changed in state or configuration, for every kind of event that the short cut takes.
func TestTheShortCutGivesWhatTheLongWayGives(t *testing.T) {
	rnd := rand.New(rand.NewPCG(tier.Seed(t), 0))
	taken, tried := 0, 0
	long, out := make([]meter.Effect, 0, meter.MaxEffects), make([]meter.Effect, 0, meter.MaxEffects)
	for range tier.MeterStates.N() {
		c, s := calmMeter(rnd)
		for range rnd.IntN(3) {
			disturb(reflect.ValueOf(&s).Elem(), rnd)
		}
		if rnd.IntN(3) == 0 {
			disturb(reflect.ValueOf(&c).Elem(), rnd)
		}
		ev := calmEvent(rnd, &s)
		before := s
		if s.Imp == 0 || s.Balance < 0 || s.Overrun < 0 || s.Balance > 0 && s.Overrun > 0 {
			continue // no meter is like that
		}
		quick := s
		tried++
		if !meter.StepQuick(&c, &quick, ev) {
			if quick != before {
				t.Fatalf("not taken, but changed:\n before %+v\n after  %+v", before, quick)
			}
			continue
		}
		taken++
		if long = meter.StepLong(&c, &s, ev, long[:0]); len(long) > 0 || quick != s {
			t.Fatalf("event %+v\n config %+v\n before %+v\n quick  %+v\n long   %+v\n effects %+v", ev, c, before, quick, s, long)
		}
		if out = meter.Step(&c, &before, ev, out[:0]); len(out) > 0 || before != s {
			t.Fatalf("Step goes neither way")
		}
	}
	t.Logf("figures: the short cut was taken at %d of %d states", taken, tried)
	if taken < tried/10 || taken > tried*9/10 {
		t.Errorf("the short cut was taken at %d of %d states: this is no test of it", taken, tried)
	}
}

// calmMeter is a meter with credit, close to one limit or another.
func calmMeter(rnd *rand.Rand) (meter.Config, meter.State) {
	c := meter.DefaultConfig()
	c.Low1, c.Low2 = 900, 400
	c.ECThreshold = unit.Energy(rnd.IntN(3) * 500)
	c.Cutoff = unit.Energy(rnd.IntN(2) * 950)
	c.ECLimit = unit.Energy(rnd.IntN(2) * 100)
	if rnd.IntN(4) == 0 {
		c.ReadingEvery = []uint32{0, 420, 1}[rnd.IntN(3)]
	}
	if rnd.IntN(4) == 0 {
		c.Low1, c.Low2, c.ECThreshold, c.Cutoff = 0, 0, 0, 0
	}
	s := meter.New(testFacts(), &c, 0)
	s.Balance, s.Reasons, s.Relay, s.LED, s.Saved = unit.Energy(850+rnd.IntN(300)), 0, supply.Closed, meter.LEDOff, false
	s.Low1, s.Low2 = supply.Crossing{}, supply.Crossing{}
	if rnd.IntN(8) == 0 {
		s.Balance = unit.Energy(rnd.IntN(60))
	}
	s.Up = uint64(rnd.IntN(3_600_000))
	if rnd.IntN(3) == 0 {
		s.Flags, s.LeaseSeq, s.LeaseAt = s.Flags|meter.FlagWallet, 1, uint32(rnd.IntN(7200))
	}
	at := testStart().Unix() + int64(s.Up/1000)
	s.Offset, s.NextAt, s.LastAt = at*1000+int64(s.Up%1000)-int64(s.Up), uint32(at)+uint32(rnd.IntN(1000)), uint32(at)
	s.Day.Date, s.Closed = meter.Date(at/86_400), meter.Date(at/86_400-1)
	s.Day.Min, s.Day.Max = int32(s.Shown()), int32(s.Shown())
	s.PulseRem, s.Unsaved = uint32(rnd.IntN(int(s.Imp))), uint8(rnd.IntN(100))
	return c, s
}

// calmEvent returns an event with time and energy for such a meter, mostly little of both.
func calmEvent(rnd *rand.Rand, s *meter.State) meter.Event {
	by := uint64(rnd.IntN([]int{2, 1000, 1_000_000}[rnd.IntN(3)]))
	up := s.Up + by
	ev := meter.Event{
		Kind: []meter.EventKind{meter.EventPulses, meter.EventEnergy, meter.EventWake}[rnd.IntN(3)], Up: up, Clock: meter.ClockValid,
		Pulses: uint32(rnd.IntN(5)), Energy: unit.Energy(rnd.IntN(60) - 5), Export: unit.Energy(max(0, rnd.IntN(20)-18)),
	}
	now := s.Offset + int64(up)
	ev.At, ev.Ms = now/1000, uint16(now%1000)
	switch rnd.IntN(10) {
	case 0:
		ev.Clock = meter.Clock(rnd.IntN(3))
	case 1:
		ev.At += int64(rnd.IntN(2000)) - 1000
	}
	return ev
}

// disturb changes one field of a struct, or of a struct in it.
func disturb(v reflect.Value, rnd *rand.Rand) {
	n := rnd.IntN(v.NumField())
	f := v.Field(n)
	if slices.Contains([]string{"TIDs", "Key", "RingKeys", "RingAnswers"}, v.Type().Field(n).Name) {
		return // these fields do not matter for time and energy
	}
	if f.Kind() == reflect.Array {
		f = f.Index(rnd.IntN(f.Len()))
	}
	switch f.Kind() {
	case reflect.Struct:
		disturb(f, rnd)
	case reflect.Bool:
		f.SetBool(rnd.IntN(2) == 0)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		most := min(uint64(1)<<(8*f.Type().Size()-1), 1<<40)
		f.SetUint([]uint64{0, 1, 2, 3, rnd.Uint64N(most), f.Uint() + 1}[rnd.IntN(6)] % most)
	default:
		f.SetInt([]int64{0, 1, 100, 950, 1100, 5000, f.Int() + 1, rnd.Int64N(1 << 20)}[rnd.IntN(8)])
	}
}
