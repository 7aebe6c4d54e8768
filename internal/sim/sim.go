// Package sim lets a street of virtual meters live: thousands of households with their loads, purchases, mistakes, power
// cuts and tampering, on one event queue in one process. A seed decides everything, and the same seed gives the same
// history, byte for byte: [Result.Trace] says so.
//
// Start at [Run]. The meters are whole ones (package device) with their memory in RAM; every house advances straight to
// the next moment at which its meter or its household does anything. What a street must never do is checked on the way
// by code of its own, apart from the meter's: credit is neither lost nor doubled, records have no hole, registers never
// fall, the relay is open exactly when there is a reason. A broken promise ends the street with [ErrInvariant] and the
// line that replays it.
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

// Options are the street.
type Options struct {
	// Meters and Days are how large it is and how long it lives.
	Meters, Days int
	// Seed decides everything that happens.
	Seed uint64
	// Start is the calendar at the beginning, to the second; the zero time stands for 2026-11-20 in UTC.
	Start time.Time
	// CutEvery and TamperEvery are how often the mains goes and the cover is opened at a house, on average; 0 for never.
	// OfflineFor is the longest time for which a quarter of the houses begins without a network.
	CutEvery, TamperEvery, OfflineFor time.Duration
}

// Limits of a street. LeastEvery is the shortest of its times, but for 0.
const (
	MaxMeters  = 100_000
	MaxDays    = 3660
	LeastEvery = time.Second
)

// Possible reports whether a street of this size, with these times, can live.
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

// Line is the command that replays the street.
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

// usualStart is the calendar at the beginning of a street that asks for no other.
func usualStart() time.Time { return time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC) }

// startOption is the option that repeats an unusual beginning.
func startOption(at time.Time) string {
	if at.IsZero() || at.Equal(usualStart()) {
		return ""
	}
	return " --start " + at.UTC().Format(time.RFC3339)
}

// Result is what a street came to.
type Result struct {
	MeterDays int `json:"meter_days"`
	// Events is how often a house was due.
	Events int64 `json:"events"`
	// Records is what the server got, Readings how many of them were readings.
	Records  int64 `json:"records"`
	Readings int64 `json:"readings"`
	// Sold tokens were bought, Accepted ones taken by a meter; Again were entered a second time, Wrong mistyped.
	Sold     int64 `json:"sold"`
	Accepted int64 `json:"accepted"`
	Again    int64 `json:"again"`
	Wrong    int64 `json:"wrong"`
	// Units is what the accepted tokens have brought, Used what was consumed, both in Wh.
	Units unit.Energy `json:"units_wh"`
	Used  unit.Energy `json:"used_wh"`
	// Cuts of the mains, Torn those in the middle of a write, Tampers openings of a cover.
	Cuts    int64 `json:"cuts"`
	Torn    int64 `json:"torn"`
	Tampers int64 `json:"tampers"`
	// Trace is a hash over every record in the order in which the server got it, every cut, and all states at the end.
	Trace string `json:"trace"`
	// Replay is the line that lets it happen again.
	Replay string `json:"replay"`
}

// street is one run.
type street struct {
	o       Options
	houses  []*house
	queue   queue
	effects []meter.Effect
	names   io.Reader
	hash    hash.Hash64
	result  Result
}

// Run lets a street live. Its error wraps ErrInvariant when a promise was broken.
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

// run is the loop over the queue.
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

// end gives every house its mains and its network back, lets the server have everything, and counts.
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

// The kinds of what a trace holds.
const (
	traceRecord = iota
	traceBoot
	traceEnd
)

// trace adds to the history's hash.
func (h *house) trace(kind byte, b []byte) {
	var head [13]byte
	binary.LittleEndian.PutUint64(head[:], uint64(h.lived))
	binary.LittleEndian.PutUint32(head[8:], uint32(h.index))
	head[12] = kind
	_, _ = h.street.hash.Write(head[:]) // a hash takes everything
	_, _ = h.street.hash.Write(b)
}
