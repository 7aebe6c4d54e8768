package meter_test

import (
	"fmt"
	"testing"

	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// rolling is a meter with base date 1993 whose base date is changed by tokens while the mains comes and goes.
type rolling struct {
	*cutHost
	old, next sts.Key
	set       []string // in the order in which they are entered
	before    string   // credit of 5 kWh under the old key
	clear     string   // clears the credit, under the new key
	after     string   // credit of 2 kWh under the new key
	results   map[string][]sts.Result
}

// token enters a token. It returns false when the mains fails.
func (r *rolling) token(digits string, pulses uint32) bool {
	ev := meter.Event{Kind: meter.EventToken, Opened: r.keys.Open(digits), Source: meter.Keypad, Up: r.s.Up + 1000}
	ev.Change, r.cutHost.after = r.keys.Take(&r.s, digits)
	n := len(r.outbox)
	ok := r.step(ev, nil, "", pulses)
	for _, rep := range r.outbox[n:] {
		if rep.Kind == meter.ReportToken {
			r.results[digits] = append(r.results[digits], rep.Result)
		}
	}
	return ok
}

// was reports whether a token got this answer.
func (r *rolling) was(digits string, want sts.Result) bool {
	for _, got := range r.results[digits] {
		if got == want {
			return true
		}
	}
	return false
}

// story enters credit, the key change with energy in between, the token that clears the credit, and credit under the
// new key. It returns false when the mains fails.
func (r *rolling) story() bool {
	ok := r.token(r.before, 40)
	for _, digits := range r.set {
		ok = ok && r.token(digits, 30) && r.step(meter.Event{Kind: meter.EventPulses, Pulses: 60, Up: r.s.Up + 500}, nil, "", 0)
	}
	return ok && r.token(r.clear, 10) && r.token(r.after, 20)
}

// check fails unless the meter has one of its two keys, and the matching state.
func (r *rolling) check() {
	t := r.t
	t.Helper()
	k := r.keys.Reveal()
	isNew := k.Equal(r.next)
	last := r.set[len(r.set)-1]
	switch {
	case !isNew && !k.Equal(r.old):
		t.Fatal("the meter has a key that is neither the old nor the new one")
	case r.keys.Info() != r.s.Key:
		t.Fatalf("key %+v in the state, %+v in the keys", r.s.Key, r.keys.Info())
	case isNew != (r.s.Key.Base == sts.Base2014) || isNew != (r.s.Key.KRN == 2):
		t.Fatalf("new key %t with base date %s, KRN %d", isNew, r.s.Key.Base, r.s.Key.KRN)
	case r.was(last, sts.Accept) != isNew:
		t.Fatalf("completion answered %t, new key %t", r.was(last, sts.Accept), isNew)
	case isNew && r.s.Sections != 0:
		t.Fatalf("sections %b wait after the change", r.s.Sections)
	}
	if !isNew {
		for i, digits := range r.set[:len(r.set)-1] {
			if taken := r.was(digits, sts.KCT1st) || r.was(digits, sts.KCTNth); taken && r.s.Sections == 0 {
				t.Fatalf("section %d of the order was taken and is gone", i)
			}
		}
	}
	var credit unit.Energy
	for _, rep := range r.outbox {
		if rep.Kind == meter.ReportToken && rep.Result == sts.Accept {
			credit += rep.Units
		}
	}
	if r.s.Register+r.s.Shown() != credit {
		t.Fatalf("register %s and credit %s, want %s together", r.s.Register, r.s.Shown(), credit)
	}
}

// finish enters the tokens again: a token that was accepted before must be refused, and any other token must be accepted.
func (r *rolling) finish() {
	t := r.t
	t.Helper()
	r.check()
	if r.keys.Changes() == 0 {
		credited := r.was(r.before, sts.Accept)
		r.token(r.before, 0)
		got := r.results[r.before][len(r.results[r.before])-1]
		if credited != (got == sts.UsedError) || !credited && got != sts.Accept {
			t.Fatalf("credit under the old key answered before the cut %t, entered again: %s", credited, got)
		}
		for _, digits := range r.set {
			r.token(digits, 0)
		}
		r.check()
		if r.keys.Changes() != 1 {
			t.Fatalf("the same set does not complete the change: %v", r.results)
		}
	}
	for _, digits := range []string{r.clear, r.after} {
		done := r.was(digits, sts.Accept)
		r.token(digits, 0)
		got := r.results[digits][len(r.results[digits])-1]
		if done != (got == sts.UsedError) || !done && got != sts.Accept {
			t.Fatalf("a token under the new key answered before the cut %t, entered again: %s", done, got)
		}
	}
	r.token(r.set[0], 0)
	if got := r.results[r.set[0]]; got[len(got)-1] != sts.UsedError {
		t.Fatalf("a section again: %s, want used_error", got[len(got)-1])
	}
	r.check()
}

// TestAKeyChangeMayBeTornAtEveryByte cuts the power after each byte of every write of a key change, in every section. The meter then has
// the old key or the new key, with the matching state, and never another key.
func TestAKeyChangeMayBeTornAtEveryByte(t *testing.T) {
	tier.Slow(t)
	cuts := map[bool]int{}
	for _, kind := range []struct {
		ea    sts.EA
		sgc   string
		order []int
	}{
		{sts.EA07, "", []int{0, 1}}, {sts.EA07, "", []int{1, 0}}, {sts.EA07, "123457", []int{2, 0, 1}},
		{sts.EA11, "123457", []int{3, 1, 0, 2}},
	} {
		t.Run(fmt.Sprint("EA", kind.ea, kind.order), func(t *testing.T) {
			done := false
			for n := 0; !done; n += onlyEvery {
				r := newRolling(t, kind.ea, kind.sgc, kind.order)
				r.mem.left, r.mem.garbage = n, [...]byte{0x00, 0xff, 0x5a}[n%3]
				done = r.story()
				r.boot()
				cuts[r.keys.Changes() == 1]++
				r.finish()
			}
		})
	}
	t.Logf("figures: %d cuts leave the old key, %d the new one, none another", cuts[false], cuts[true])
}

func newRolling(t *testing.T, ea sts.EA, sgc string, order []int) *rolling {
	t.Helper()
	r := &rolling{old: aKey(t, ea, 1), next: aKey(t, ea, 2), results: map[string][]sts.Result{}}
	set := keySet(t, r.old, sts.KeyChange{Key: r.next, KEN: 255, KRN: 2, KT: sts.DUTK, TI: "01", SGC: sgc, Rollover: true})
	for _, i := range order {
		r.set = append(r.set, set[i])
	}
	r.before = creditFor(t, r.old, 16_000_000, 50)
	r.clear, r.after = manageFor(t, r.next, sts.ManageClearCredit, 1, 0), creditFor(t, r.next, 2, 20)
	keys := meter.NewKeys(r.old, meter.KeyInfo{Base: sts.Base1993, Type: sts.DUTK, KEN: 255, Named: true, KRN: 1, TI: 1, SGC: 123456})
	cfg := meter.DefaultConfig()
	cfg.Number = testNumber
	s := meter.New(keys.Info(), &cfg, 15_000_000)
	mem := &tearing{left: 1 << 30}
	j, err := journal.Create(mem, &s, &cfg, &keys)
	if err != nil {
		t.Fatal(err)
	}
	r.cutHost = &cutHost{t: t, mem: mem, j: j, cfg: cfg, s: s, keys: keys, told: map[sts.TID]bool{}}
	return r
}
