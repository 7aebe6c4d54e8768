// Package sim simulates a street of virtual meters: thousands of households with their loads, purchases, mistakes, power
// cuts and tampering, on one event queue in one process. A seed decides everything. The same seed gives the same history,
// byte for byte, and [Result.Trace] proves this.
//
// Start at [Run]. The meters are complete (package device), with their memory in RAM. Every house jumps to the next time
// at which its meter or its household acts. Separate code, which shares nothing with the meter's code, checks the
// invariants during the simulation: credit is neither lost nor doubled, records have no gap, and registers never fall.
// The relay is open exactly when there is a reason. A broken invariant ends the simulation with [ErrInvariant] and the
// command that replays it.
package sim

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"time"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/unit"
)

// Options configure a street.
type Options struct {
	// Meters is the number of meters. Days is the number of simulated days.
	Meters, Days int
	// Seed decides everything that happens.
	Seed uint64
	// Start is the calendar time at the beginning, to the second; the zero time means 2026-11-20 in UTC.
	Start time.Time
	// CutEvery is the average time between two power cuts at a house. TamperEvery is the average time between two openings
	// of a meter's cover. With 0, there are no such events. A quarter of the houses has no network on the first day and for
	// a random time up to OfflineFor after it.
	CutEvery, TamperEvery, OfflineFor time.Duration
}

// Limits of a street. LeastEvery is the smallest value, apart from 0, of the times in Options.
const (
	MaxMeters  = 100_000
	MaxDays    = 3660
	LeastEvery = time.Second
)

// Possible reports whether a street with these options can be simulated.
func (o Options) Possible() bool {
	for _, t := range [...]time.Duration{o.CutEvery, o.TamperEvery, o.OfflineFor} {
		if t != 0 && t < LeastEvery {
			return false
		}
	}
	return o.Meters >= 1 && o.Meters <= MaxMeters && o.Days >= 1 && o.Days <= MaxDays
}

// Default returns an ordinary street.
func Default() Options {
	return Options{
		Meters: 100, Days: 30, Seed: 1, CutEvery: 20 * 24 * time.Hour, TamperEvery: 90 * 24 * time.Hour, OfflineFor: 10 * 24 * time.Hour,
	}
}

// Line returns the command that repeats the street.
func (o Options) Line() string {
	line := fmt.Sprintf("paywatt sim --meters %d --days %d --seed %d", o.Meters, o.Days, o.Seed)
	d := Default()
	for _, f := range []struct {
		name      string
		is, usual time.Duration
	}{{"cut-every", o.CutEvery, d.CutEvery}, {"tamper-every", o.TamperEvery, d.TamperEvery}, {"offline-for", o.OfflineFor, d.OfflineFor}} {
		if f.is != f.usual {
			line += fmt.Sprintf(" --%s %s", f.name, f.is)
		}
	}
	return line + startOption(o.Start)
}

// usualStart is the default of Options.Start.
func usualStart() time.Time { return time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC) }

// startOption returns the option for a start other than the default.
func startOption(at time.Time) string {
	if at.IsZero() || at.Equal(usualStart()) {
		return ""
	}
	return " --start " + at.UTC().Format(time.RFC3339)
}

// Result is the outcome of a simulation.
type Result struct {
	MeterDays int `json:"meter_days"`
	// Events is the number of times that a house was advanced.
	Events int64 `json:"events"`
	// Records is the number of records that the server got. Readings is the number of readings among them.
	Records  int64 `json:"records"`
	Readings int64 `json:"readings"`
	// Sold counts the bought tokens, and Accepted the tokens that a meter accepted. Again counts tokens entered a second
	// time, and Wrong mistyped tokens.
	Sold     int64 `json:"sold"`
	Accepted int64 `json:"accepted"`
	Again    int64 `json:"again"`
	Wrong    int64 `json:"wrong"`
	// Units is the energy of the accepted tokens, and Used the consumed energy, both in Wh.
	Units unit.Energy `json:"units_wh"`
	Used  unit.Energy `json:"used_wh"`
	// Cuts counts the power cuts, Torn the power cuts in the middle of a write, and Tampers the openings of a cover.
	Cuts    int64 `json:"cuts"`
	Torn    int64 `json:"torn"`
	Tampers int64 `json:"tampers"`
	// Trace is a hash over every record in the order in which the server got it, every restart after a torn write, and all
	// states at the end.
	Trace string `json:"trace"`
	// Replay is the command that repeats the simulation.
	Replay string `json:"replay"`
}

// street is one simulation.
type street struct {
	o       Options
	houses  []*house
	queue   queue
	effects []meter.Effect
	names   io.Reader
	hash    hash.Hash64
	result  Result
}

// Run simulates a street. Its error wraps ErrInvariant if an invariant was broken.
func Run(ctx context.Context, o Options) (Result, error) {
	if !o.Possible() {
		return Result{}, fmt.Errorf("a street has 1 to %d meters, 1 to %d days, and times of 0 or from %v on", MaxMeters, MaxDays, LeastEvery)
	}
	if o.Start.IsZero() {
		o.Start = usualStart()
	}
	s := &street{o: o, effects: make([]meter.Effect, 0, meter.MaxEffects), hash: fnv.New64a()}
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], o.Seed)
	s.names = rand.NewChaCha8(seed)
	for i := range o.Meters {
		h, err := newHouse(s, i)
		if err != nil {
			return Result{}, err
		}
		s.houses = append(s.houses, h)
		s.queue.push(moment{h.due(), int32(i)})
	}
	if err := s.run(ctx, int64(o.Days)*day); err != nil {
		return Result{}, err
	}
	return s.end()
}

// run advances the houses in the order of the queue.
func (s *street) run(ctx context.Context, end int64) error {
	for {
		next := s.queue.first()
		if next.at > end {
			return nil
		}
		if s.result.Events++; s.result.Events%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		h := s.houses[next.house]
		if err := h.live(next.at); err != nil {
			return err
		}
		s.queue.move(h.due())
	}
}

// end restores every house's mains and network, lets the server get all records, and fills in the result.
func (s *street) end() (Result, error) {
	for _, h := range s.houses {
		h.medium.budget, h.offline = -1, 0
		if err := h.dev.Power(true); err != nil {
			return Result{}, fmt.Errorf("meter %s: %w", h.number, err)
		}
		if err := h.upload(); err != nil {
			return Result{}, err
		}
		if m := h.dev.Box().Marks(); m.Waiting() != 0 || m.Dropped != 0 {
			return Result{}, h.broken("%d records were not acknowledged, %d lost", m.Waiting(), m.Dropped)
		}
		state := h.dev.State()
		s.result.Used += state.Register
		h.trace(traceEnd, binary.LittleEndian.AppendUint64(nil, meter.Hash(&state)))
	}
	s.result.MeterDays = s.o.Meters * s.o.Days
	s.result.Trace = fmt.Sprintf("%016x", s.hash.Sum64())
	s.result.Replay = s.o.Line()
	return s.result, nil
}

// The kinds of entries in a trace.
const (
	traceRecord = iota
	traceBoot
	traceEnd
)

// trace adds an entry to the hash of the history.
func (h *house) trace(kind byte, b []byte) {
	var head [13]byte
	binary.LittleEndian.PutUint64(head[:], uint64(h.lived))
	binary.LittleEndian.PutUint32(head[8:], uint32(h.index))
	head[12] = kind
	_, _ = h.street.hash.Write(head[:]) // writing to a hash never fails
	_, _ = h.street.hash.Write(b)
}
