package shoptest_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/sometimes"
	"github.com/paywatt/paywatt/internal/tier"
)

// These histories have more parts than the random days of day_test.go: real meters into which people type tokens, and an administrator. The
// administrator restores copies, sets clocks, changes keys, fills disks and starts a second server. Everything is drawn from a seed. Each
// seed uses only some of the administrator's kinds of acts, chosen at random.
//
// oneHistory repeats one of them.
var oneHistory = flag.Int64("history", -1, "the one history to play, by its seed")

// act is one event. Everything it needs is drawn from its own seed, so that other acts can be left out.
type act struct {
	kind *actKind
	seed uint64
}

// actKind is a kind of act.
type actKind struct {
	name   string
	weight int  // how often it is drawn, relative to the others
	admin  bool // an act of the administrator; each history has a random subset of such kinds
	do     func(*history, *rand.Rand)
}

// actKinds returns all kinds of acts.
func actKinds() []*actKind {
	return []*actKind{
		{"sell", 26, false, (*history).sells}, {"type tokens", 16, false, (*history).typesSome}, {"some minutes", 8, false, (*history).minutes},
		{"days", 2, false, (*history).days}, {"connect or leave", 7, false, (*history).connects}, {"serve", 9, false, (*history).served},
		{"reverse", 7, false, (*history).reverses}, {"answer late", 2, false, (*history).answersLate}, {"ask again", 5, false, (*history).asksAgain}, {"restart", 2, false, (*history).restarts},
		{"slip", 2, false, (*history).slips}, {"many in a row", 4, false, (*history).burst}, {"look up", 4, false, (*history).looksUp},

		{"copy", 10, true, (*history).copies}, {"restore", 6, true, (*history).restores}, {"machine lost", 8, true, (*history).machineLost},
		{"clock ahead at start", 4, true, (*history).clockAhead}, {"clock behind at start", 3, true, (*history).clockBehind},
		{"clock moved while running", 3, true, (*history).clockMoved}, {"clock set right", 6, true, (*history).clockRight},
		{"trust", 3, true, (*history).trusts}, {"server off for days", 3, true, (*history).away},
		{"key change", 4, true, (*history).keyChange}, {"second server", 3, true, (*history).second},
		{"disk full", 4, true, (*history).diskFull}, {"disk free", 4, true, (*history).diskFree},
		{"key store locked", 3, true, (*history).keysLocked}, {"key store open", 3, true, (*history).keysOpen},
		{"API key rotated", 3, true, (*history).rotates},
	}
}

// length is the number of acts in a history.
const length = 60

// actsOf returns the acts of a seed.
func actsOf(seed uint64) []act {
	r := rand.New(rand.NewPCG(seed, 15))
	var kinds []*actKind
	total := 0
	for _, k := range actKinds() {
		if !k.admin || r.IntN(2) == 0 {
			kinds, total = append(kinds, k), total+k.weight
		}
	}
	acts := make([]act, length)
	for i := range acts {
		n := r.IntN(total)
		for _, k := range kinds {
			if n -= k.weight; n < 0 {
				acts[i] = act{k, r.Uint64()}
				break
			}
		}
	}
	return acts
}

// trial is a test inside a test. A failure in it is a finding of the history, which can then be played again with fewer acts.
type trial struct {
	testing.TB
	found []string
	ends  []func()
	dirs  []string
}

// stopped ends a trial at once.
type stopped struct{}

func (t *trial) Helper()                      {}
func (t *trial) Failed() bool                 { return len(t.found) > 0 }
func (t *trial) Cleanup(end func())           { t.ends = append(t.ends, end) }
func (t *trial) Error(a ...any)               { t.found = append(t.found, strings.TrimSpace(fmt.Sprintln(a...))) }
func (t *trial) Errorf(form string, a ...any) { t.found = append(t.found, fmt.Sprintf(form, a...)) }
func (t *trial) Fatal(a ...any)               { t.Error(a...); panic(stopped{}) }
func (t *trial) Fatalf(form string, a ...any) { t.Errorf(form, a...); panic(stopped{}) }

// TempDir returns a folder that is removed when the trial ends, not when the test ends.
func (t *trial) TempDir() string {
	dir, err := os.MkdirTemp("", "history")
	if err != nil {
		t.Fatal(err)
	}
	t.dirs = append(t.dirs, dir) // a server restored elsewhere is stopped before its folder is removed
	return dir
}

// run calls do, stops it at a fatal finding, and closes everything that was opened.
func (t *trial) run(do func()) {
	guard := func(do func()) {
		defer func() {
			if r := recover(); r != nil {
				if _, ok := r.(stopped); !ok {
					panic(r)
				}
			}
		}()
		do()
	}
	guard(do)
	for _, end := range slices.Backward(t.ends) {
		guard(end)
	}
	for _, dir := range t.dirs {
		_ = os.RemoveAll(dir)
	}
}

// played plays a history and returns its findings and the number of acts played.
func played(tb testing.TB, seed uint64, acts []act, c *sometimes.Counter) (found []string, at int) {
	t := &trial{TB: tb}
	t.run(func() {
		h := begin(t, seed, c)
		for at = range acts {
			acts[at].kind.do(h, rand.New(rand.NewPCG(acts[at].seed, 0)))
			if t.Failed() {
				return
			}
		}
		at = len(acts)
		h.end()
	})
	return t.found, at
}

// shrunk leaves out acts, one after the other, as long as the findings remain.
func shrunk(tb testing.TB, seed uint64, acts []act, found []string) ([]act, []string) {
	for size := len(acts) / 2; size > 0; size /= 2 {
		for from := 0; from < len(acts); {
			fewer := slices.Delete(slices.Clone(acts), from, min(from+size, len(acts)))
			if again, at := played(tb, seed, fewer, noStates()); len(again) > 0 && alike(again[0], found[0]) {
				acts, found = fewer[:min(at+1, len(fewer))], again
				continue
			}
			from += size
		}
	}
	return acts, found
}

// alike reports whether two findings differ only in their figures.
func alike(a, b string) bool {
	words := func(s string) string {
		return strings.Map(func(r rune) rune {
			if strings.ContainsRune("0123456789-:", r) {
				return -1
			}
			return r
		}, s[:min(len(s), 60)])
	}
	return words(a) == words(b)
}

// names lists the acts in words.
func names(acts []act) string {
	var out []string
	for _, a := range acts {
		out = append(out, a.kind.name)
	}
	return strings.Join(out, ", ")
}

// TestAdministratorsActs checks random acts of an administrator between the sales: every paid token loads once, and no meter answers that a
// token was used if nobody has entered it. The books are sound, and once all is set right the server sells again.
func TestAdministratorsActs(t *testing.T) {
	tier.World(t)
	if onPostgres {
		t.Skip("TestAdministratorsActsOnTwoServers plays them on PostgreSQL")
	}
	needsWholeStore(t)
	playHistories(t, tier.Histories.N())
}

// TestAdministratorsActsOnTwoServers plays histories on PostgreSQL, where the second server works beside the first.
func TestAdministratorsActsOnTwoServers(t *testing.T) {
	tier.World(t)
	inPostgres(t)
	playHistories(t, tier.HistoriesOfTwoServers.N())
}

// playHistories plays histories by their seeds 0, 1, 2 and so on, or the one history that was asked for.
func playHistories(t *testing.T, histories int) {
	t.Helper()
	c := sometimes.New(rareStates()...)
	from, to := uint64(0), uint64(histories)
	if *oneHistory >= 0 {
		from, to = uint64(*oneHistory), uint64(*oneHistory)+1
	}
	failed := 0
	for seed := from; seed < to && failed < 3; seed++ {
		acts := actsOf(seed)
		found, at := played(t, seed, acts, c)
		if len(found) == 0 {
			continue
		}
		failed++
		few, said := shrunk(t, seed, acts[:min(at+1, len(acts))], found)
		t.Errorf("seed %d: %s\nthe shortest line of acts: %s, and the end\nall that was found then:\n  %s\nreplay: go test ./internal/vending/shoptest -run %s -args -history %d",
			seed, said[0], names(few), strings.Join(said, "\n  "), t.Name(), seed)
	}
	c.Report(t, "administrator's acts", tier.IsLong() && !onPostgres && *oneHistory < 0)
}
