package meter_test

import (
	"hash/maphash"
	"math/rand/v2"
	"testing"

	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// household is a year of one meter with every rule in use. Its inputs depend on the seed alone. The field cut divides
// the time between two inputs, and the energy used in that time, into random pieces.
type household struct {
	t      *testing.T
	cfg    meter.Config
	s      meter.State
	inputs *rand.Rand
	cut    *rand.Rand // nil for the largest pieces
	cuts   int
	up     uint64 // ms
	born   int64  // Unix ms at Up 0
	load   uint64
	work   uint64 // W·ms not yet given
	tid    sts.TID
	out    []meter.Effect
	trace  uint64 // hash over all effects
	seed   maphash.Seed
	kinds  map[meter.Code]int
	count  int // effects
}

// fullConfig has every rule switched on.
func fullConfig(t *testing.T) meter.Config {
	t.Helper()
	c, bad := meter.NewConfig(meter.DefaultConfig(), 1, map[string]any{
		"ec_limit_wh": 3000, "ec_threshold_wh": 1000, "ec_initial_limit_wh": 5000, "low1_days": 2, "reminder_trip": true,
		"power_limit_w": 4000, "ec_power_limit_w": 1500, "overrun_limit_wh": 700, "tz_min": 60, "dst_shift_min": 60,
		"dst_begin": "3.5.0/02:00", "dst_end": "10.5.0/03:00", "friendly": []any{"all 22:00-06:00", "sat,sun 10:15-11:00"},
		"special_days": []any{"2026-12-25", "2027-01-01 12:00-24:00"}, "tamper_magnet": "alarm", "overload_retry_s": 60,
		"confirm_after": []any{"TAMPER", "REMOTE"},
	})
	if bad != "" {
		t.Fatalf("refused for %q", bad)
	}
	return c
}

func newHousehold(t *testing.T, seed uint64, cut *rand.Rand, traced maphash.Seed) *household {
	h := &household{
		t: t, cfg: fullConfig(t), inputs: rand.New(rand.NewPCG(seed, 1)), cut: cut, born: testStart().UnixMilli() + 417,
		tid: testTID(t, testStart()), out: make([]meter.Effect, 0, meter.MaxEffects), seed: traced, kinds: map[meter.Code]int{},
	}
	h.s = meter.New(testFacts(), &h.cfg, 0)
	return h
}

// give gives one event and completes every record that it begins.
func (h *household) give(ev meter.Event) {
	at := h.born + int64(h.up)
	ev.Up, ev.At, ev.Ms, ev.Clock = h.up, at/1000, uint16(at%1000), meter.ClockValid
	h.out = meter.Step(&h.cfg, &h.s, ev, h.out[:0])
	var under meter.Record
	for i := range h.out {
		e := &h.out[i]
		h.trace = h.trace*31 + maphash.Comparable(h.seed, *e)
		h.count++
		switch e.Kind {
		case meter.EffectPersist:
			under = e.Record
		case meter.EffectClock:
			if e.Clock == meter.ClockDone {
				h.born = e.At*1000 - int64(h.up)
			}
		case meter.EffectPublish:
			h.kinds[e.Report.Code]++
		}
	}
	if under.Kind != 0 {
		h.give(meter.Event{Kind: meter.EventPersisted, Record: under, OK: true})
	}
}

// pass lets time pass in pieces. At the end of each piece it gives the meter the energy that the load has used.
func (h *household) pass(ms uint64) {
	for end := h.up + ms; h.up < end; {
		to := min(end, meter.Wake(&h.cfg, &h.s))
		load := h.load
		if h.s.Relay != supply.Closed {
			load = 0
		}
		if load > 0 {
			room := uint64(meter.Headroom(&h.cfg, &h.s))*3_600_000 - h.work
			to = min(to, h.up+(room+load-1)/load)
		}
		to = max(to, h.up+1)
		if h.cut != nil && h.cut.IntN(2) == 0 {
			to = h.up + 1 + h.cut.Uint64N(to-h.up)
			h.cuts++
		}
		h.work += load * (to - h.up)
		h.up = to
		h.give(meter.Event{Kind: meter.EventEnergy, Energy: unit.Energy(h.work / 3_600_000)})
		h.work %= 3_600_000
	}
}

// live plays the given number of hours.
func (h *household) live(hours int) {
	h.give(meter.Event{Kind: meter.EventPowerRestore, Reset: meter.ResetUpdate, NextSeq: 1})
	for range hours {
		h.load = uint64(h.inputs.IntN(1200))
		if h.inputs.IntN(30) == 0 {
			h.load += 4000
		}
		h.give(meter.Event{Kind: meter.EventPower, Power: unit.Power(h.load), Voltage: 230_000})
		h.input()
		h.pass(h.inputs.Uint64N(7_200_000))
	}
}

// input gives the meter the other events that may happen in an hour.
func (h *household) input() {
	switch n := h.inputs.IntN(60); n {
	case 0, 1, 2, 3, 4:
		amount, _ := sts.EncodeTenths(int64(20 + h.inputs.IntN(150)))
		if h.s.Balance > 1500 {
			return // people buy when there is little left
		}
		h.tid++
		h.give(meter.Event{Kind: meter.EventToken, Source: meter.Keypad, Opened: sts.Opened{
			Result: sts.Accept, HasTID: true, TID: h.tid, Amount: amount,
		}})
	case 5:
		h.give(meter.Event{Kind: meter.EventToken, Source: meter.SMS, Opened: sts.Opened{Result: sts.CRCError}})
	case 6, 7, 8:
		h.give(meter.Event{Kind: meter.EventActivate, Source: meter.SMS})
	case 9:
		k := meter.Tamper(h.inputs.IntN(6))
		h.give(meter.Event{Kind: meter.EventTamper, Tamper: k, Active: true})
		h.pass(h.inputs.Uint64N(400))
		h.give(meter.Event{Kind: meter.EventTamper, Tamper: k})
	case 10, 11, 12:
		h.give(meter.Event{Kind: meter.EventCommand, Command: meter.CommandClearTamper, Counter: h.s.Counter + 1})
	case 13, 14, 15:
		h.give(meter.Event{Kind: meter.EventConfirm})
	case 16:
		h.give(meter.Event{Kind: meter.EventLocal})
		h.pass(h.inputs.Uint64N(600_000))
		h.give(meter.Event{Kind: meter.EventLocal})
	case 17:
		at := (h.born+int64(h.up))/1000 + h.inputs.Int64N(240) - 120
		h.give(meter.Event{Kind: meter.EventClock, NewAt: at, ClockBy: meter.ClockGSM})
	case 18:
		h.give(meter.Event{Kind: meter.EventComms, Active: h.inputs.IntN(2) == 0})
	case 19:
		h.give(meter.Event{Kind: meter.EventKey})
	}
}

// TestAYearIsTheSameHoweverItIsCut plays a year of one household with every rule in use: in the largest pieces that
// Wake and Headroom allow, and cut at random. State and effects must be the same in every run.
func TestAYearIsTheSameHoweverItIsCut(t *testing.T) {
	seed, traced := tier.Seed(t), maphash.MakeSeed()
	const hours = 365 * 24
	whole := newHousehold(t, seed, nil, traced)
	whole.live(hours)
	again := newHousehold(t, seed, nil, traced)
	again.live(hours)
	if again.trace != whole.trace || again.s != whole.s {
		t.Error("the same year twice is not the same")
	}
	cuts, runs := 0, 0
	for cuts < tier.MeterCuts.N() {
		parts := newHousehold(t, seed, rand.New(rand.NewPCG(seed, uint64(2+cuts))), traced)
		parts.live(hours)
		if meter.Hash(&parts.s) != meter.Hash(&whole.s) || parts.s != whole.s {
			t.Fatalf("states differ:\n whole %+v\n parts %+v", whole.s, parts.s)
		}
		if parts.trace != whole.trace || parts.count != whole.count {
			t.Fatalf("%d effects in one piece and %d in parts, or others", whole.count, parts.count)
		}
		cuts += parts.cuts
		runs++
	}
	t.Logf("figures: %d random cuts in %d runs of a year of %d effects: equal hashes", cuts, runs, whole.count)
	for _, code := range []meter.Code{
		meter.CodeLow1, meter.CodeLow2, meter.CodeExhausted, meter.CodeRestored, meter.CodeECOffered, meter.CodeECActivated,
		meter.CodeECExhausted, meter.CodeECRepaid, meter.CodeFriendlyStart, meter.CodeFriendlyEnd, meter.CodeTrip,
		meter.CodeTripLock, meter.CodeTamperCover, meter.CodeTamperCleared, meter.CodeClockSet, meter.CodeArmed,
	} {
		if whole.kinds[code] == 0 {
			t.Errorf("event %d never happened in this year: it proves nothing of it (%v)", code, whole.kinds)
		}
	}
}
