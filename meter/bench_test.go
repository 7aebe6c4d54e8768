package meter_test

import (
	"testing"
	"unsafe"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
)

// maxState is the limit that the architecture sets for a state without its keys and histories, in bytes.
const maxState = 512

func TestStateStaysSmall(t *testing.T) {
	size := unsafe.Sizeof(meter.State{})
	t.Logf("state %d bytes, event %d, effect %d", size, unsafe.Sizeof(meter.Event{}), unsafe.Sizeof(meter.Effect{}))
	if size > maxState {
		t.Errorf("State has %d bytes, want at most %d", size, maxState)
	}
}

// benchState is a meter in ordinary use: credit for many steps, relay closed.
func benchState(c *meter.Config) meter.State {
	s := meter.New(meter.KeyInfo{Base: sts.Base2014, Type: sts.DUTK, KEN: 255}, c, 0)
	s.Balance, s.Reasons, s.Relay = 1<<60, 0, 1
	return s
}

func BenchmarkStepPulses(b *testing.B) {
	c := meter.DefaultConfig()
	c.ReadingEvery = 0
	s := benchState(&c)
	out := make([]meter.Effect, 0, meter.MaxEffects)
	ev := meter.Event{Kind: meter.EventPulses, Pulses: 1, At: testStart().Unix(), Clock: meter.ClockValid}
	b.ReportAllocs()
	for b.Loop() {
		benchPass(&ev, 100)
		out = meter.Step(&c, &s, ev, out[:0])
	}
}

// BenchmarkStepLong measures events that the function quick cannot handle: pulses of a meter whose buzzer reminds of a low credit.
func BenchmarkStepLong(b *testing.B) {
	c := meter.DefaultConfig()
	s := benchState(&c)
	s.BeepAt = 1 << 31
	s.LED, c.Low1, c.Low2 = meter.LEDFast, 1<<60, 1<<60
	s.Low1, s.Low2 = supply.Crossing{Below: true, Fired: true}, supply.Crossing{Below: true, Fired: true}
	out := make([]meter.Effect, 0, meter.MaxEffects)
	ev := meter.Event{Kind: meter.EventPulses, Pulses: 1, At: testStart().Unix(), Clock: meter.ClockValid}
	b.ReportAllocs()
	for b.Loop() {
		benchPass(&ev, 100)
		out = meter.Step(&c, &s, ev, out[:0])
	}
}

func BenchmarkStepEnergy(b *testing.B) {
	c := meter.DefaultConfig()
	c.ReadingEvery = 0
	s := benchState(&c)
	out := make([]meter.Effect, 0, meter.MaxEffects)
	ev := meter.Event{Kind: meter.EventEnergy, Energy: 7, At: testStart().Unix(), Clock: meter.ClockValid}
	b.ReportAllocs()
	for b.Loop() {
		benchPass(&ev, 100)
		out = meter.Step(&c, &s, ev, out[:0])
	}
}

// benchPass advances both clocks of an event by milliseconds.
func benchPass(ev *meter.Event, ms uint16) {
	ev.Up += uint64(ms)
	if ev.Ms += ms; ev.Ms >= 1000 {
		ev.Ms -= 1000
		ev.At++
	}
}
