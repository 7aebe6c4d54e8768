package meter_test

import (
	"hash/maphash"
	"math/bits"
	"testing"

	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/journal"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
)

// keyLab holds the data that a search for key changes adds to a lab.
type keyLab struct {
	old, next sts.Key
	rollover  bool
	// Planted bugs.
	eager    bool // the host works with the new keys before their record is durable
	keepRing bool // the answers to tokens outlive the key
}

// keyTold holds what the meter has reported about a key change.
type keyTold struct {
	changed bool
	// rolled means that the TIDs began anew with the key change.
	rolled bool
	// waiting is the set of sections that were answered with kct, bit n-1 for section n; other means that section 1
	// belongs to the other set.
	waiting uint8
	other   bool
	// late means that a day has passed. Sections may then have been forgotten, or may be back after a power cut.
	late bool
}

// keyActions returns the core actions and the actions around a key change.
func keyActions() []action {
	keep := map[string]bool{
		"60 pulses": true, "a snapshot is written": true, "the write succeeds": true, "the write fails": true,
		"power cut": true, "power cut within the write": true, "power cut after the write": true, "type A": true,
	}
	acts := append(changeActions(), action{"a day passes", "", func(l *lab, w *world) bool { return w.s.Up == 0 && l.pass(w, 86_400_000) }})
	for _, a := range actions() {
		if keep[a.name] {
			acts = append(acts, a)
		}
	}
	return acts
}

// changeActions returns the actions of a key change itself.
func changeActions() []action {
	return []action{
		{"type section 1", "", func(l *lab, w *world) bool { return l.token(w, tokenFirst, meter.Keypad, "") }},
		{"push section 2", "", func(l *lab, w *world) bool { return l.token(w, tokenSecond, meter.Remote, "tok_2") }},
		{"sms section 1 of another set", "", func(l *lab, w *world) bool { return l.token(w, tokenOther, meter.SMS, "") }},
		{"push credit under the new key", "", func(l *lab, w *world) bool { return l.token(w, tokenNew, meter.Remote, "tok_n") }},
		{"push a section under the new key", "", func(l *lab, w *world) bool { return l.token(w, tokenThen, meter.Remote, "tok_t") }},
		{"type management", "", func(l *lab, w *world) bool { return l.token(w, tokenManage, meter.Keypad, "") }},
	}
}

// keyPrint returns a fingerprint of the keys in use and of the keys of a pending record.
func (l *lab) keyPrint(w *world) uint64 {
	if l.change == nil {
		return 0 // the keys never change
	}
	both := [2]meter.Keys{*w.keys}
	if w.after != nil {
		both[1] = *w.after
	}
	return maphash.Comparable(l.seed, both)
}

// keyReport notes the contents of a report about a key change.
func (l *lab) keyReport(w *world, r *meter.Report) {
	if r.Kind != meter.ReportToken {
		return
	}
	if r.Request == meter.Handle("tok_n") && w.changed {
		l.hold(r.Result == sts.Accept || r.Result == sts.UsedError && w.accepted[tokenNew] || r.Result == sts.Busy ||
			r.Result == sts.StorageError, "credit under the new key is answered with "+r.Result.String())
	}
	if r.Request == meter.Handle("tok_t") && w.changed {
		l.hold(r.Result == sts.KCT1st || r.Result == sts.Busy || r.Result == sts.StorageError,
			"a section under the new key is answered with "+r.Result.String())
	}
	switch {
	case r.Result == sts.KCT1st || r.Result == sts.KCTNth:
		l.section(w, r)
	case r.Class != 2 || r.Result != sts.Accept || r.Log == 0: // a report without a record repeats an earlier answer
	case r.HasTID:
		w.waiting, w.other, w.late, w.wrong = 0, false, false, 0
	default:
		l.hold(!w.changed, "the key was changed twice")
		w.changed, w.rolled, w.waiting, w.other, w.late = true, l.change.rollover, 0, false, false
		if r.Source == meter.Keypad {
			w.wrong = 0
		}
	}
}

// section notes that a section waits.
func (l *lab) section(w *world, r *meter.Report) {
	bit, other := uint8(1), r.Source == meter.SMS
	if r.SubClass == 4 {
		bit, other = 2, w.other
	}
	if r.Result == sts.KCT1st && w.late || bit == 1 && w.waiting&1 != 0 && other != w.other {
		w.waiting, w.late = 0, false
	}
	w.waiting, w.other = w.waiting|bit, other
	l.hold((r.Result == sts.KCT1st) == (bits.OnesCount8(w.waiting) == 1) || w.late, "a section is answered with "+r.Result.String())
}

// checkKeys checks the invariants of key changes.
func (l *lab) checkKeys(w *world) {
	k := w.keys.Reveal()
	isNew := k.Equal(l.change.next)
	l.hold(isNew || k.Equal(l.change.old), "a key that is neither the old nor the new one")
	l.hold(w.keys.Info() == w.s.Key, "the state knows of another key than the one there is")
	l.hold(isNew == w.changed, "the key and what was answered differ")
	l.hold(w.s.Sections == w.waiting || w.late && w.s.Sections == 0, "other sections wait than were answered")
	for n := range uint8(4) {
		l.hold(w.s.Sections>>n&1 == 0 || w.keys.Pending().Section(n+1).Number() == n+1, "a section waits that is not there")
	}
	if w.rolled {
		l.hold(w.s.Key.Base == sts.Base2035 && w.s.TIDs.TIDs()[0] == 0, "the TIDs did not begin anew")
	}
}

// keepAnswers returns the ring with the planted bug: it keeps the tokens' answers from before the step.
func keepAnswers(before, after *meter.State) ([meter.RingSize]uint64, [meter.RingSize]uint8) {
	if before.Key == after.Key {
		return after.RingKeys, after.RingAnswers
	}
	return before.RingKeys, before.RingAnswers
}

// newKeyLab prepares a search for key changes.
func newKeyLab(t *testing.T, rollover bool) *lab {
	l := newLab(t)
	l.acts = keyActions()
	l.change = &keyLab{old: testKey(t), next: aKey(t, sts.EA07, 2), rollover: rollover}
	tid := testTID(t, testStart()) + 3
	if rollover {
		tid = 5
	}
	set := keySet(t, l.change.old, sts.KeyChange{
		Key: l.change.next, KEN: 255, KRN: 2, KT: sts.DUTK, TI: "01", Rollover: rollover,
	})
	// The other set has three sections, so that it cannot be completed with sections of the first.
	other := keySet(t, l.change.old, sts.KeyChange{
		Key: aKey(t, sts.EA07, 3), KEN: 255, KRN: 3, KT: sts.DUTK, TI: "01", SGC: "123457",
	})
	l.digits[tokenFirst], l.digits[tokenSecond], l.digits[tokenOther] = set[0], set[1], other[0]
	l.digits[tokenNew] = creditFor(t, l.change.next, tid, 1)
	l.digits[tokenManage] = manageFor(t, l.change.old, sts.ManageMaxPower, testTID(t, testStart())+9, 100)
	next := meter.NewKeys(l.change.next, meter.KeyInfo{})
	l.opened[tokenNew] = next.Open(l.digits[tokenNew])
	then := keySet(t, l.change.next, sts.KeyChange{Key: aKey(t, sts.EA07, 4), KEN: 255, KRN: 4, KT: sts.DUTK, TI: "01"})
	l.digits[tokenThen] = then[0]
	for _, id := range [...]string{"tok_2", "tok_n", "tok_t"} {
		l.ids[meter.Handle(id)] = id
	}
	return l
}

func TestExploreKeyChanges(t *testing.T) {
	on := func(s *meter.State) {
		s.Balance, s.Reasons, s.Relay, s.LED = 100, 0, supply.Closed, meter.LEDFast
	}
	for _, start := range []struct {
		name     string
		rollover bool
		change   func(*meter.State)
	}{
		{"another key", false, on},
		{"another base date, the log about to begin again", true, func(s *meter.State) {
			on(s)
			s.Applied = journal.LogRecords - 2
		}},
	} {
		t.Run(start.name, func(t *testing.T) {
			t.Parallel()
			l := newKeyLab(t, start.rollover)
			l.depth = themeDepth()
			l.begin(t, start.change)
			l.search()
			t.Logf("figures: %s", l.figures())
			if l.failure != "" {
				t.Error(l.failure)
			}
		})
	}
}

func TestKeyExplorerCatchesPlantedBugs(t *testing.T) {
	tier.Slow(t)
	for name, plant := range map[string]func(*lab){
		"the host works with keys that are not durable": func(l *lab) { l.change.eager = true },
		"the host says durable before it has written":   func(l *lab) { l.hasty = true },
		"the answers to tokens outlive the key":         func(l *lab) { l.change.keepRing = true },
		"the TID of an accepted token is not stored":    func(l *lab) { l.bend = forgetTID },
	} {
		t.Run(name, func(t *testing.T) {
			l := newKeyLab(t, true)
			l.depth = themeDepth()
			plant(l)
			l.begin(t, func(*meter.State) {})
			l.search()
			if l.failure == "" {
				t.Errorf("not found in %s", l.figures())
			}
			t.Logf("found: %s", l.failure)
		})
	}
}
