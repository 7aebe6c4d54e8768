package meter_test

import (
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
)

// hunt is an iterative deepening search. It raises the bound on the number of actions step by step. So it finds each
// world by the shortest list of actions that leads to it. Each time the bound rises, it explores each world once more.
// If it reaches a world again by more actions, it does not explore that world again, because it has already tried
// everything that can follow. So a failure comes with a shortest list of actions. The search stores only the
// fingerprint of a world and makes the world again by repeating the actions.
//
// Fingerprints have 64 bits: among the 30 million worlds of the largest search, the chance that any two collide is one
// in ten thousand.
type hunt struct {
	acts         []action
	depth, bound int
	stack        [deepest + 1]world // one for each level, so that the search does not allocate
	images       [deepest + 1]image
	medium       medium
	old          [journal.Size]byte
	seed         maphash.Seed
	print        *printer
	apart        *printer // if not nil, distinguishes the worlds of this search instead of print
	seen         *table   // worlds
	cuts         *table   // memories that power cuts have left so far; nil to try every cut
	// reached, if not nil, collects the worlds by the fingerprint of print, with the least number of actions.
	reached map[uint64]int
	steps   uint64
	stop    *atomic.Bool
	reverse bool                // the actions are tried from the last to the first
	near    int                 // up to this level every lab explores every world
	found   [deepest + 1]uint64 // found[n] is the number of worlds whose shortest list of actions has n actions
}

func newHunt(acts []action, depth int) hunt {
	return hunt{acts: acts, depth: depth, seed: maphash.MakeSeed(), print: newPrinter(leftOut[:]...), seen: newTable(23), cuts: newTable(22), stop: new(atomic.Bool)}
}

// search tries every action in every world, up to depth actions one after the other.
func (l *lab) search() { searchBy(l) }

// searchBy lets several labs that begin in the same world share the work of one search. All of them explore the worlds
// near the beginning; beyond that, the first lab to reach a world explores it further.
func searchBy(labs ...*lab) {
	first := labs[0]
	first.visit(first.seen, first.identity(&first.stack[0]), 0, 0)
	for bound := 1; bound <= first.depth && !first.stop.Load(); bound++ {
		var done sync.WaitGroup
		for i, l := range labs {
			l.bound, l.seen, l.cuts, l.seed, l.stop = bound, first.seen, first.cuts, first.seed, first.stop
			l.reverse, l.near = i%2 == 1, 0
			if len(labs) > 1 {
				l.near = 2
			}
			done.Go(func() { l.explore(0) })
		}
		done.Wait()
	}
	for _, l := range labs[1:] {
		first.steps += l.steps
		for kind, given := range l.kinds {
			first.kinds[kind] = first.kinds[kind] || given
		}
		for i, n := range l.found {
			first.found[i] += n
		}
		if first.failure == "" {
			first.failure = l.failure
		}
	}
}

// explore tries every action in the world of a level, and recursively up to the bound. The worlds after the last
// actions are checked, but explored further only with the next bound.
func (l *lab) explore(level int) {
	w := &l.stack[level]
	for i := range l.acts {
		if l.reverse {
			i = len(l.acts) - 1 - i
		}
		next := &l.stack[level+1]
		*next = *w
		l.trace = append(l.trace[:level], l.acts[i].name)
		done := l.acts[i].do(l, next)
		if done && l.reached != nil {
			l.reach(next, level+1)
		}
		switch {
		case l.failure != "":
			l.stop.Store(true)
		case !done:
		case level+1 < l.bound:
			if l.visit(l.seen, l.identity(next), level+1, l.bound) {
				l.explore(level + 1)
			}
		case l.bound < l.depth:
			l.visit(l.seen, l.identity(next), level+1, 0)
		}
		if l.failure != "" || l.stop.Load() {
			return
		}
	}
}

// identity returns the fingerprint by which the search distinguishes worlds.
func (l *lab) identity(w *world) uint64 {
	if l.apart == nil {
		return l.fingerprint(w)
	}
	own := l.print
	l.print, w.mem.durable = l.apart, 0
	key := l.fingerprint(w)
	l.print, w.mem.durable = own, 0
	return key
}

func (l *lab) reach(w *world, level int) {
	key := l.fingerprint(w)
	if least, known := l.reached[key]; !known || level < least {
		l.reached[key] = level
	}
}

// visit notes a world and reports whether to explore it further.
func (l *lab) visit(in *table, key uint64, level, bound int) bool {
	fresh, goOn := in.visit(key, level, bound, in == l.seen && level <= l.near)
	if fresh && in == l.seen {
		l.found[level]++
	}
	return goOn
}

func (l *lab) figures() string {
	worlds := uint64(0)
	for _, n := range l.found {
		worlds += n
	}
	return fmt.Sprintf("%d worlds within %d actions %v, all %d actions tried in each: %d steps", worlds, l.bound-1, l.found[:l.bound], len(l.acts), l.steps)
}

// table is a set of fingerprints, each with the lowest level at which it was seen and the last bound with which it
// was explored. Several searches may share it.
type table struct {
	slots []atomic.Uint64 // fingerprint<<8 | level<<4 | bound; 0 for empty
	shift int
}

// maxProbes is the greatest distance of an entry from its slot. A table with room never comes near this limit.
const maxProbes = 10_000

func newTable(bits int) *table { return &table{make([]atomic.Uint64, 1<<bits), 64 - bits} }

// visit notes a fingerprint. The result fresh means that the fingerprint is new. goOn tells the search to explore the
// world. It is false if the world was already reached with fewer actions. It is also false if the world was already
// explored at this level with this bound, unless the parameter again is set.
func (t *table) visit(key uint64, level, bound int, again bool) (fresh, goOn bool) {
	// An entry does not store the top 8 bits of its fingerprint. The slot depends on all bits, so fingerprints that
	// differ only in the top 8 bits begin at different slots.
	at := int(key * 0x9e3779b97f4a7c15 >> t.shift)
	mine := key<<8 | uint64(level)<<4 | uint64(bound)
	for probes := 0; ; probes++ {
		if probes > maxProbes {
			panic("the table is too small for so many worlds")
		}
		slot := &t.slots[at&(len(t.slots)-1)]
		old := slot.Load()
		switch {
		case old == 0:
			if slot.CompareAndSwap(0, mine) {
				return true, true
			}
			continue
		case old>>8 != mine>>8:
			at++
			continue
		case int(old>>4&15) < level:
			return false, false
		case old == mine:
			return false, again
		}
		if slot.CompareAndSwap(old, mine) {
			return false, true
		}
	}
}

// image is the memory of a world, and the journal that a host has open on it.
type image struct {
	bytes   [journal.Size]byte
	journal journal.Journal
	durable uint64 // hash of the memory's contents; 0 if not known
}

// tear undoes the second half of the bytes that a write has changed.
func (m *image) tear(old *[journal.Size]byte) {
	var changed []int
	for i := range m.bytes {
		if m.bytes[i] != old[i] {
			changed = append(changed, i)
		}
	}
	for _, i := range changed[len(changed)/2:] {
		m.bytes[i] = old[i]
	}
}

// medium is the journal.Memory of the image in use.
type medium struct{ under *image }

func (m *medium) ReadAt(p []byte, at int64) (int, error) { return copy(p, m.under.bytes[at:]), nil }
func (m *medium) WriteAt(p []byte, at int64) (int, error) {
	return copy(m.under.bytes[at:], p), nil
}
func (m *medium) Sync() error { return nil }

// own gives a world a memory to write to that no other world uses: the memory of its level.
func (l *lab) own(w *world) *journal.Journal {
	if to := &l.images[len(l.trace)]; w.mem != to {
		to.bytes, to.journal = w.mem.bytes, w.mem.journal
		w.mem = to
	}
	w.mem.durable = 0
	l.medium.under = w.mem
	return &w.mem.journal
}

// reopen opens the journal in the memory of a world, as a host does when it starts.
func (l *lab) reopen(w *world) (journal.Loaded, error) {
	j, loaded, err := l.open(w)
	if err == nil {
		*l.own(w) = *j
		w.mem.durable = l.saying(&loaded)
	}
	return loaded, err
}

func (l *lab) open(w *world) (*journal.Journal, journal.Loaded, error) {
	l.medium.under = w.mem
	j, loaded, err := journal.Open(&l.medium)
	l.must(err)
	return j, loaded, err
}

// sameKeys returns a pointer to keys equal to k. It reuses the pointer of the world if the keys there are equal.
func (l *lab) sameKeys(w *world, k meter.Keys) *meter.Keys {
	if *w.keys == k {
		return w.keys
	}
	return &k
}

// sameConfig returns a pointer to a configuration equal to c. It reuses an equal configuration of the lab.
func (l *lab) sameConfig(c meter.Config) *meter.Config {
	for _, known := range [...]*meter.Config{&l.cfg, &l.next} {
		if *known == c {
			return known
		}
	}
	return &c
}
