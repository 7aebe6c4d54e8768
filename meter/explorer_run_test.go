package meter_test

import (
	"testing"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/supply"
)

// search is one exhaustive search: the actions of a theme, from one state of a meter.
type search struct {
	name, theme string
	shallower   int // than the full depth
	change      func(*lab, *meter.State)
}

func on(_ *lab, s *meter.State) {
	s.Balance, s.Reasons, s.Relay, s.LED = 100, 0, supply.Closed, meter.LEDFast
}

// emergency gives the meter emergency credit.
func emergency(l *lab, s *meter.State) {
	on(l, s)
	l.cfg.ECLimit, l.cfg.ECThreshold = 100, 60
}

// limited gives the meter a power limit that locks at the second trip.
func limited(l *lab, s *meter.State) {
	on(l, s)
	l.cfg.PowerLimit, l.cfg.Trips, l.cfg.LockManual = 4000, 2, true
}

func searches() []search {
	return []search{
		{"a new meter", "tokens", 0, func(*lab, *meter.State) {}},
		{"nearly used up", "tokens", 0, on},
		{"one wrong token before the lock", "tokens", 0, func(l *lab, s *meter.State) {
			on(l, s)
			s.Guards[meter.Keypad-1].Row = 4
		}},
		{"disconnected, the log about to begin again", "tokens", 0, func(_ *lab, s *meter.State) {
			s.Register, s.Overrun, s.Applied = 150, 150, journal.LogRecords-2
			s.Reasons, s.Confirm = s.Reasons.With(supply.Remote), true
		}},
		{"emergency credit", "emergency", 0, emergency},
		{"emergency credit, the log about to begin again", "emergency", 0, func(l *lab, s *meter.State) {
			emergency(l, s)
			s.Balance, s.Applied, s.Reasons, s.Relay = 0, journal.LogRecords-2, supply.Of(supply.Credit), supply.Open
		}},
		{"tampering", "tamper", 0, on},
		{"configurations", "config", 0, on},
		{"the clock", "clock", 0, on},
		{"too much load", "power", 0, limited},
		{"everything", "", 3, func(l *lab, s *meter.State) {
			emergency(l, s)
			limited(l, s)
		}},
	}
}

// run searches to a depth; it returns the worlds it has seen.
func (s search) run(t *testing.T, depth int, plant func(*lab)) *lab {
	t.Helper()
	l := newLab(t)
	l.acts, l.depth = only(s.theme), depth
	plant(l)
	l.begin(t, func(state *meter.State) { s.change(l, state) })
	l.explore(0)
	return l
}

// TestExploreAllInterleavings tries everything that can happen to a meter, in every order: each theme with what every
// meter lives with (writes that succeed, fail and are cut, snapshots), and all together less deep.
func TestExploreAllInterleavings(t *testing.T) {
	for _, s := range searches() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			l := s.run(t, max(exploreDepth-s.shallower, 3), func(*lab) {})
			t.Logf("figures: %s: %d worlds, %d steps, %d actions, depth %d", s.name, len(l.seen), l.steps, len(l.acts), l.depth)
			if l.failure != "" {
				t.Error(l.failure)
			}
		})
	}
}
