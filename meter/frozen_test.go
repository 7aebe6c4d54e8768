package meter_test

import (
	"math"
	"testing"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
)

// TestAFrozenMeterIsNotWokenForEver checks that Wake of a frozen meter ignores lock-outs and waiting sections. They
// never end while the memory has an unknown newer format, so the host would come back again and again.
func TestAFrozenMeterIsNotWokenForEver(t *testing.T) {
	c := meter.DefaultConfig()
	s := meter.New(meter.KeyInfo{Base: sts.Base2014, Type: sts.DUTK, KEN: 255}, &c, 0)
	s.Guards[0].Until, s.SectionsUntil, s.BeepAt, s.Frozen = 600, 700, 800, true
	c.ReadingEvery = 0
	out := meter.Step(&c, &s, meter.Event{Kind: meter.EventPowerRestore, Clock: meter.ClockValid, NextSeq: 1}, nil)
	for range 100 {
		at := meter.Wake(&c, &s)
		if at == math.MaxUint64 {
			return
		}
		out = meter.Step(&c, &s, meter.Event{Kind: meter.EventWake, Up: at, Clock: meter.ClockValid}, out[:0])
		if next := meter.Wake(&c, &s); next <= at {
			t.Fatalf("after waking at %d ms the meter wants to be woken at %d ms", at, next)
		}
	}
}
