package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

func newBenchMeter(c console) *cobra.Command {
	var seconds int
	cmd := &cobra.Command{
		Use:   "meter",
		Short: "Decisions of the meter core a second on one core, against an atomic counter",
		Long: "Gives the meter core one impulse after the other: counting it, all limits, the relay. The baseline is the least a\n" +
			"meter could do with an impulse: one atomic increment. Under others: energy instead of impulses, hash, snapshot, the\n" +
			"bytes of it all, and days of a whole virtual meter (500 W, a reading every half hour, its memory in RAM) a second.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			each, err := loopTime(seconds)
			if err != nil {
				return err
			}
			loops, saved, err := meterLoops()
			if err != nil {
				return err
			}
			f, err := measureLoops(cmd.Context(), each, loops...)
			if err != nil {
				return err
			}
			r, cpu, baseCPU := resultOf("meter", "impulses a second", loops, f)
			r.Others["meter_days_per_s"] = rounded(f[len(f)-1].rate)
			r.Others["state_bytes"] = reflect.TypeFor[meter.State]().Size()
			r.Others["event_bytes"] = reflect.TypeFor[meter.Event]().Size()
			r.Others["effect_bytes"] = reflect.TypeFor[meter.Effect]().Size()
			r.Others["snapshot_bytes"] = saved.perWrite()
			r.Others["memory_bytes"] = journal.Size
			return r.write(c, cpu, baseCPU)
		},
	}
	cmd.Flags().IntVar(&seconds, "seconds", defaultLoopSeconds, "how long each loop is measured")
	return cmd
}

// meterLoops are what is measured, the baseline second and the whole virtual meter last.
func meterLoops() ([]benchLoop, *countedImage, error) {
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
	var counter atomic.Uint64
	var hashes uint64 // what is not kept may not be computed at all
	return []benchLoop{
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
		days,
	}, image, nil
}

// inUse is a meter in ordinary use, with credit for longer than any bench.
func inUse(c *meter.Config, key meter.KeyInfo) meter.State {
	s := meter.New(key, c, 0)
	s.Balance, s.Reasons, s.Relay = 1<<60, 0, supply.Closed
	return s
}

// stepLoop gives the same event again and again, a tenth of a second apart; readings are part of it.
func stepLoop(name string, c meter.Config, key meter.KeyInfo, ev meter.Event) benchLoop {
	s := inUse(&c, key)
	out := make([]meter.Effect, 0, meter.MaxEffects)
	ev.Clock = meter.ClockValid
	return benchLoop{name, func(n int) {
		for range n {
			ev.Up += 100
			out = meter.Step(&c, &s, ev, out[:0])
		}
	}}
}

// countedImage is a memory without a medium that counts what is written to it.
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

// dayLoop lets a whole virtual meter live day after day: its core, its memory, its outbox. Its server acknowledges
// everything each midnight, and when the credit runs low the customer types a token.
func dayLoop(name string, keys *meter.Keys, k sts.Key) (benchLoop, error) {
	d, err := device.Open(device.Config{Number: "04140001001", Keys: keys, Image: &memory.RAMImage{}, Log: memory.NewRAM(),
		Rand: rand.NewChaCha8([32]byte{1}), Now: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		return benchLoop{}, err
	}
	if err := d.SetLoad(500); err != nil {
		return benchLoop{}, err
	}
	const low, tenths = 100 * unit.KilowattHour, 10_000
	amount, err := sts.EncodeTenths(tenths)
	if err != nil {
		return benchLoop{}, err
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
	return benchLoop{name, func(n int) {
		for range n {
			if err := day(); err != nil {
				panic(err)
			}
		}
	}}, nil
}
