package meter_test

import (
	"hash/maphash"
	"maps"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/supply"
)

// search is one exhaustive search: the actions of a theme, from one state of a meter.
type search struct {
	name, theme string
	workers     int // the number of labs that share the work
	change      func(*lab, *meter.State)
	keys        bool // with the actions around a key change
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
		{"a new meter", "tokens", 1, func(*lab, *meter.State) {}, false},
		{"nearly used up", "tokens", 1, on, false},
		{"one wrong token before the lock", "tokens", 1, func(l *lab, s *meter.State) {
			on(l, s)
			s.Guards[meter.Keypad-1].Row = 4
		}, false},
		{"disconnected, the log about to begin again", "tokens", 1, func(_ *lab, s *meter.State) {
			s.Register, s.Overrun, s.Applied = 150, 150, journal.LogRecords-2
			s.Reasons, s.Confirm = s.Reasons.With(supply.Remote), true
		}, false},
		{"emergency credit", "emergency", 1, emergency, false},
		{"emergency credit, the log about to begin again", "emergency", 1, func(l *lab, s *meter.State) {
			emergency(l, s)
			s.Balance, s.Applied, s.Reasons, s.Relay = 0, journal.LogRecords-2, supply.Of(supply.Credit), supply.Open
		}, false},
		{"tampering", "tamper", 1, on, false},
		{"configurations", "config", 1, on, false},
		{"the clock", "clock", 1, on, false},
		{"too much load", "power", 1, limited, false},
		{"orders that are refused", "orders", 1, on, false},
		{"leases", "lease", 1, wallet, false},
		{"from credit to a wallet", "mode", 1, func(l *lab, s *meter.State) {
			on(l, s)
			l.next.Wallet = true
		}, false},
		{"from a wallet to credit", "mode", 1, wallet, false},
	}
}

// wholes returns the searches of all actions together.
func wholes() []search {
	return []search{
		{"everything, nearly used up", "", 2, func(l *lab, s *meter.State) {
			emergency(l, s)
			limited(l, s)
		}, false},
		{"everything, a new meter", "", 2, func(l *lab, _ *meter.State) { l.cfg.ECLimit, l.cfg.ECThreshold = 100, 60 }, false},
		{"everything, disconnected and the log about to begin again", "", 2, func(l *lab, s *meter.State) {
			limited(l, s)
			s.Balance, s.Register, s.Applied, s.Relay = 1000, 150, journal.LogRecords-2, supply.Open
			s.Reasons, s.Confirm = supply.Of(supply.Remote), true
			s.Guards[meter.Keypad-1].Row = 4
		}, false},
		{"everything, in wallet mode", "", 2, wallet, false},
		{"everything and a key change, nearly used up", "", 2, func(l *lab, s *meter.State) {
			emergency(l, s)
			limited(l, s)
		}, true},
	}
}

// lab prepares the search.
func (s search) lab(t *testing.T) *lab {
	if !s.keys {
		l := newLab(t)
		l.acts = only(s.theme)
		return l
	}
	l := newKeyLab(t, false)
	l.acts = append(only(s.theme), changeActions()...)
	return l
}

// run searches to a depth and returns the lab with the worlds it has seen.
func (s search) run(t *testing.T, depth int, plant func(*lab)) *lab {
	t.Helper()
	labs := make([]*lab, s.workers)
	for i := range labs {
		l := s.lab(t)
		l.depth = depth
		plant(l)
		l.begin(t, func(state *meter.State) { s.change(l, state) })
		labs[i] = l
	}
	if s.workers > 1 {
		// Each further action gives about nine times as many worlds, each with some cuts.
		size := max(20, 27-3*(deepest-depth))
		labs[0].seen, labs[0].cuts = newTable(size), newTable(size)
	}
	searchBy(labs...)
	return labs[0]
}

// TestExploreAllInterleavings tries everything that can happen to a meter, in every order: each theme with the core
// actions (writes that succeed, fail and are cut, snapshots, the mains). TestExploreEverything tries all themes
// together.
func TestExploreAllInterleavings(t *testing.T) {
	for _, s := range searches() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			l := s.run(t, themeDepth(), func(*lab) {})
			t.Logf("figures: %s: %s", s.name, l.figures())
			if l.failure != "" {
				t.Error(l.failure)
			}
		})
	}
}

// themeDepth is the depth of the searches of one theme.
func themeDepth() int { return min(tier.ThemeDepth.N(), exploreDepth) }

// wholeDepth is the depth of the searches of all actions together.
func wholeDepth() int { return min(tier.MeterDepth.N(), exploreDepth, deepest) }

// TestExploreEverything tries all actions together, in every order.
func TestExploreEverything(t *testing.T) {
	var kinds [meter.EventKinds]bool
	for _, s := range wholes() {
		t.Run(s.name, func(t *testing.T) {
			start := time.Now()
			l := s.run(t, wholeDepth(), func(*lab) {})
			t.Logf("figures: %s: depth %d: %s, %s", s.name, l.bound, l.figures(), time.Since(start).Round(time.Second))
			if l.failure != "" {
				t.Error(l.failure)
			}
			for kind, given := range l.kinds {
				kinds[kind] = kinds[kind] || given
			}
		})
	}
	for kind := meter.EventKind(1); kind < meter.EventKinds; kind++ {
		if !kinds[kind] {
			t.Errorf("no event of kind %d was ever given", kind)
		}
	}
}

// TestWhatIsLeftOutDecidesNothing compares a normal search with a search that distinguishes worlds by every bit of
// state and memory and skips no power cut. The test compares the worlds of both searches by their normal fingerprints.
// Both searches must reach the same worlds after the same number of actions. If they do, the normal search misses no
// world, although its fingerprints leave out some fields.
func TestWhatIsLeftOutDecidesNothing(t *testing.T) {
	tier.Slow(t)
	for _, s := range wholes() {
		t.Run(s.name, func(t *testing.T) {
			var reached [2]map[uint64]int
			seed := maphash.MakeSeed() // for the hashes of keys, which the two searches compare
			for i := range reached {
				l := s.lab(t)
				l.seed, l.depth, l.reached = seed, min(tier.LeftOutDepth.N(), exploreDepth-1), map[uint64]int{}
				if i == 1 {
					l.apart, l.cuts = newPrinter(), nil
				}
				l.begin(t, func(state *meter.State) { s.change(l, state) })
				l.search()
				reached[i] = l.reached
				t.Logf("figures: %s: %s; %d worlds", s.name, l.figures(), len(l.reached))
				if l.failure != "" {
					t.Fatal(l.failure)
				}
			}
			if !maps.Equal(reached[0], reached[1]) {
				t.Errorf("%d worlds with what is left out, %d without", len(reached[0]), len(reached[1]))
			}
		})
	}
}
