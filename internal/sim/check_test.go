package sim

import (
	"errors"
	"hash/fnv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/device/memory"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
)

// aHouse returns a house after some simulated days.
func aHouse(t *testing.T) *house {
	t.Helper()
	o := Default()
	o.Meters, o.CutEvery, o.TamperEvery, o.OfflineFor = 1, 0, 0, 0
	o.Start = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	s := &street{o: o, effects: make([]meter.Effect, 0, meter.MaxEffects), hash: fnv.New64a(), names: strings.NewReader(strings.Repeat("12345678", 8))}
	h, err := newHouse(s, 0)
	if err != nil {
		t.Fatal(err)
	}
	for h.lived < 5*day {
		if err := h.live(h.due()); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(h.upload(), h.check()); err != nil || len(h.used) == 0 {
		t.Fatalf("an ordinary house, %d tokens used: %v", len(h.used), err)
	}
	return h
}

// TestTheCheckerSeesWhatMustNotHappen makes the mistakes of a broken meter on purpose, and expects the checker to notice each of them.
func TestTheCheckerSeesWhatMustNotHappen(t *testing.T) {
	for name, plant := range map[string]func(h *house) error{
		"a token brought less than it should": func(h *house) error { h.credited += 100; return h.check() },
		"a token was credited twice":          func(h *house) error { h.credited -= h.used[0].units; return h.check() },
		"a record is missing":                 func(h *house) error { h.seq--; return h.missing() },
		"the register has fallen": func(h *house) error {
			h.register = 1 << 40
			return errors.Join(h.dev.Read(), h.upload())
		},
		"the meter has forgotten what it told": func(h *house) error {
			h.medium = newMedium()
			return errors.Join(h.open(), h.upload())
		},
		"the meter has forgotten its tokens": func(h *house) error {
			h.medium = newMedium()
			return errors.Join(h.open(), h.check())
		},
		"a bought token is refused": func(h *house) error {
			h.bought = append(h.bought, h.used[0])
			h.bought[0].tried = false
			return h.enter()
		},
	} {
		if err := plant(aHouse(t)); !errors.Is(err, ErrInvariant) {
			t.Errorf("%s: the checker said %v", name, err)
		} else if !strings.Contains(err.Error(), "replay: paywatt sim --meters 1") {
			t.Errorf("%s: no line to replay it: %v", name, err)
		}
	}
}

// missing sends the server the newest record again, under a number that leaves a gap.
func (h *house) missing() error {
	h.seq -= 2
	if err := h.dev.Read(); err != nil {
		return err
	}
	return h.upload()
}

var (
	_ journal.Memory = (*medium)(nil)
	_ memory.Log     = lossy{}
)

func TestTheQueueGivesTheEarliestFirst(t *testing.T) {
	var q queue
	for i := range int32(100) {
		q.push(moment{at: int64((i * 37) % 50), house: i})
	}
	last := moment{at: -1}
	for range 1000 {
		m := q.first()
		if m.before(last) {
			t.Fatalf("%+v came after %+v", m, last)
		}
		last = m
		q.move(m.at + int64(m.house%7) + 1)
	}
}

func TestAMediumKeepsOnlyWhatWasDurable(t *testing.T) {
	m := newMedium()
	l := lossy{m}
	if err := l.Commit(memory.Frame{Kind: 1, Data: []byte("kept")}); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(memory.Frame{Kind: 2, Data: []byte("lost")}); err != nil {
		t.Fatal(err)
	}
	m.budget = 5
	func() {
		defer func() {
			if _, is := recover().(torn); !is {
				t.Error("the mains did not go")
			}
		}()
		_ = l.Sync()
	}()
	if found := m.restart(); len(found.Frames) != 1 || string(found.Frames[0].Data) != "kept" || m.budget >= 0 {
		t.Errorf("after the cut: %+v", found)
	}
}
