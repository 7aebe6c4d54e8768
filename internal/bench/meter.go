package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/internal/sim"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// Street returns the simulated street of `bench meter`.
func Street() sim.Options {
	street := sim.Default()
	street.Meters, street.Days = streetMeters, streetDays
	return street
}

// Meter measures how many decisions per second the meter core makes on one processor core, with an atomic counter as
// the baseline. It also measures a simulated street of meters. Each loop takes this many seconds.
func Meter(ctx context.Context, seconds int, street sim.Options) (Measured, error) {
	each, err := loopTime(seconds)
	if err != nil {
		return Measured{}, err
	}
	loops, saved, err := meterLoops()
	if err != nil {
		return Measured{}, err
	}
	f, err := measureLoops(ctx, each, loops...)
	if err != nil {
		return Measured{}, err
	}
	r, cpu, baseCPU := resultOf("meter", "impulses a second", loops, f)
	for i, l := range loops {
		if strings.HasPrefix(l.name, "step_") {
			r.Others[l.name+"_cpu_ns"] = rounded(f[i].cost() * 1e9)
		}
	}
	r.Others["meter_days_per_s"] = rounded(f[len(f)-1].rate)
	r.Others["state_bytes"] = reflect.TypeFor[meter.State]().Size()
	r.Others["event_bytes"] = reflect.TypeFor[meter.Event]().Size()
	r.Others["effect_bytes"] = reflect.TypeFor[meter.Effect]().Size()
	r.Others["snapshot_bytes"] = saved.perWrite()
	r.Others["memory_bytes"] = journal.Size
	lived, err := measureStreet(ctx, street, loops, f)
	if err != nil {
		return Measured{}, err
	}
	r.Others["street"] = lived
	r.Others["floor"], r.Others["floor_met"] = streetFloor, max(lived.PerCore, lived.PerSecond) >= streetFloor
	return r.with(cpu, baseCPU), nil
}

// cost returns the processor time of a run in seconds, or its wall time if this system does not report processor times.
func (f loopFigures) cost() float64 {
	if cpu := f.cpuPerRun(); cpu > 0 {
		return cpu
	}
	return 1 / f.rate
}

// The street of the bench, and how many meter-days per second one core must reach.
const (
	streetFloor  = 1500
	streetMeters = 10_000
	streetDays   = 2
)

// streetFigures are the results of the street. Shares are parts of its processor time, computed from the cost of one
// record, one decision and one snapshot in the loops of this run.
type streetFigures struct {
	Meters    int     `json:"meters"`
	Days      int     `json:"days"`
	PerSecond float64 `json:"meter_days_per_s"`
	// PerCore is meter-days per second of processor time, 0 if this system does not report processor times.
	PerCore float64 `json:"meter_days_per_s_per_core"`
	// Warm is the same figure as PerCore, for a street that is small enough for the processor's cache.
	Warm      float64            `json:"few_meters_per_core"`
	Events    float64            `json:"events_per_meter_day"`
	Records   float64            `json:"records_per_meter_day"`
	Trace     string             `json:"trace"`
	BoundedBy string             `json:"bounded_by"`
	Shares    map[string]float64 `json:"shares"`
}

// measureStreet simulates a street once, and then a small one.
func measureStreet(ctx context.Context, o sim.Options, loops []loop, f []loopFigures) (streetFigures, error) {
	stop := spent()
	r, err := sim.Run(ctx, o)
	if err != nil {
		return streetFigures{}, fmt.Errorf("bench meter: %w", err)
	}
	wall, cpu := stop()
	days := float64(r.MeterDays)
	out := streetFigures{Meters: o.Meters, Days: o.Days, PerSecond: rounded(days / wall), Events: rounded(float64(r.Events) / days),
		Records: rounded(float64(r.Records) / days), Trace: r.Trace, Shares: map[string]float64{}}
	if cpu <= 0 {
		cpu = wall
	} else {
		out.PerCore = rounded(days / cpu)
	}
	counts := map[string]float64{"step_pulses": float64(r.Events), "record": float64(r.Records), "snapshot": float64(r.Records) / sim.FlushAfter}
	rest := 1.0
	for i, l := range loops {
		if n, is := counts[l.name]; is {
			share := n * f[i].cost() / cpu
			out.Shares[l.name], rest = rounded(share), rest-share
		}
	}
	// A few houses fit into the processor's cache. What many houses cost beyond that is memory access.
	o.Meters, o.Days = warmStreet, warmDays
	stop = spent()
	if r, err = sim.Run(ctx, o); err != nil {
		return streetFigures{}, fmt.Errorf("bench meter: %w", err)
	}
	wall, warm := stop()
	if warm <= 0 {
		warm = wall
	}
	out.Warm = rounded(float64(r.MeterDays) / warm)
	if share := 1 - days/cpu/out.Warm; share > 0 {
		out.Shares["memory beyond the cache"], rest = rounded(share), rest-share
	}
	out.Shares["queue, board, log in RAM, households, checker"] = rounded(rest)
	for name, share := range out.Shares {
		if share > out.Shares[out.BoundedBy] || out.BoundedBy == "" {
			out.BoundedBy = name
		}
	}
	return out, nil
}

// The size of the street that fits into the cache.
const (
	warmStreet = 20
	warmDays   = 200
)

// meterLoops returns the loops: the measured one first, its baseline second, and the whole virtual meter last.
func meterLoops() ([]loop, *countedImage, error) {
	k, err := sts.NewKey(sts.EA07, []byte("8 bytes."))
	if err != nil {
		return nil, nil, fmt.Errorf("bench meter: %w", err)
	}
	info := meter.KeyInfo{Base: sts.Base2014, Type: sts.DUTK, KEN: 255}
	keys := meter.NewKeys(k, info)
	c := meter.DefaultConfig()
	c.Number, c.MfrCode = 4140001001, 4
	s := inUse(&c, info)
	image := &countedImage{}
	j, err := journal.Create(image, &s, &c, &keys)
	if err != nil {
		return nil, nil, fmt.Errorf("bench meter: %w", err)
	}
	image.writes, image.bytes = 0, 0
	days, err := dayLoop("device_day", &keys, k)
	if err != nil {
		return nil, nil, fmt.Errorf("bench meter: %w", err)
	}
	reading := wire.Reading{Head: wire.Head{Seq: 1043, At: 1_795_161_600, Up: 86_400_000, Clock: wire.ClockValid}, RegisterWh: 120_433,
		BalanceWh: 8120, W: 381, MV: 230_400, Relay: "closed", Reasons: []string{}}.Record()
	var counter atomic.Uint64
	var hashes uint64 // a result that is not used may be optimised away
	return []loop{
		stepLoop("step_pulses", c, info, meter.Event{Kind: meter.EventPulses, Pulses: 1}),
		{"one atomic increment (sync/atomic)", func(n int) {
			for range n {
				counter.Add(1)
			}
		}},
		stepLoop("step_energy", c, info, meter.Event{Kind: meter.EventEnergy, Energy: 7}),
		{"hash", func(n int) {
			for range n {
				hashes ^= meter.Hash(&s)
			}
		}},
		{"snapshot", func(n int) {
			for range n {
				if err := j.Save(&s); err != nil {
					panic(err)
				}
			}
		}},
		{"record", func(n int) {
			for range n {
				if _, err := wire.EncodeUp(wire.JSON, reading); err != nil {
					panic(err)
				}
			}
		}},
		days,
	}, image, nil
}

// inUse returns the state of a meter in ordinary use, with more credit than any bench can use.
func inUse(c *meter.Config, key meter.KeyInfo) meter.State {
	s := meter.New(key, c, 0)
	s.Balance, s.Reasons, s.Relay = 1<<60, 0, supply.Closed
	return s
}

// stepLoop repeats the same event, a tenth of a second apart. The measurement includes the readings that fall due
// during these events.
func stepLoop(name string, c meter.Config, key meter.KeyInfo, ev meter.Event) loop {
	s := inUse(&c, key)
	out := make([]meter.Effect, 0, meter.MaxEffects)
	ev.Clock = meter.ClockValid
	return loop{name, func(n int) {
		for range n {
			ev.Up += 100
			out = meter.Step(&c, &s, ev, out[:0])
		}
	}}
}

// countedImage is a memory in RAM that counts the writes to it.
type countedImage struct {
	memory.RAMImage
	writes, bytes int
}

// WriteAt implements journal.Memory.
func (m *countedImage) WriteAt(b []byte, at int64) (int, error) {
	m.writes, m.bytes = m.writes+1, m.bytes+len(b)
	return m.RAMImage.WriteAt(b, at)
}

func (m *countedImage) perWrite() int { return m.bytes / max(m.writes, 1) }

// dayLoop lets a whole virtual meter live day after day: core, memory and outbox. Its server acknowledges everything at
// midnight, and when the credit runs low the customer enters a token.
func dayLoop(name string, keys *meter.Keys, k sts.Key) (loop, error) {
	d, err := device.Open(device.Config{Number: "04140001001", Keys: keys, Image: &memory.RAMImage{}, Log: memory.NewRAM(),
		Rand: rand.NewChaCha8([32]byte{1}), Now: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		return loop{}, err
	}
	if err := d.SetLoad(500); err != nil {
		return loop{}, err
	}
	const low, tenths = 100 * unit.KilowattHour, 10_000
	amount, err := sts.EncodeTenths(tenths)
	if err != nil {
		return loop{}, err
	}
	tid := sts.TID(0)
	day := func() error {
		if d.State().Balance < low {
			tid = nextTID(tid)
			if err := d.Keys(mustMake(k, sts.Credit{TID: tid, Amount: amount}).Reveal() + "#"); err != nil {
				return err
			}
		}
		if err := errors.Join(d.Advance(24*time.Hour, nil), d.Flush()); err != nil {
			return err
		}
		d.Box().Ack(wire.Ack{Seq: d.Box().Marks().Durable})
		return nil
	}
	return loop{name, func(n int) {
		for range n {
			if err := day(); err != nil {
				panic(err)
			}
		}
	}}, nil
}
