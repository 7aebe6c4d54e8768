package meter_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
)

// aKey returns a key for this algorithm; different n give different keys.
func aKey(tb testing.TB, ea sts.EA, n byte) sts.Key {
	tb.Helper()
	b := []byte("0123456789abcdef")[:ea.KeySize()]
	b[0], b[len(b)-1] = n, ^n
	k, err := sts.NewKey(ea, b)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// keySet makes the tokens of a key change.
func keySet(tb testing.TB, from sts.Key, c sts.KeyChange) []string {
	tb.Helper()
	tokens, err := sts.EncodeKeyChange(from, c)
	if err != nil {
		tb.Fatal(err)
	}
	var digits []string
	for _, t := range tokens {
		digits = append(digits, t.Reveal())
	}
	return digits
}

// creditFor makes a credit token for any key.
func creditFor(tb testing.TB, k sts.Key, tid sts.TID, tenths int64) string {
	tb.Helper()
	a, err := sts.EncodeTenths(tenths)
	if err != nil {
		tb.Fatal(err)
	}
	t, err := sts.EncodeCredit(k, sts.Credit{RND: 5, TID: tid, Amount: a})
	if err != nil {
		tb.Fatal(err)
	}
	return t.Reveal()
}

// manageFor makes a management token for any key.
func manageFor(tb testing.TB, k sts.Key, sub uint8, tid sts.TID, value uint16) string {
	tb.Helper()
	t, err := sts.EncodeManagement(k, sts.Management{SubClass: sub, RND: 5, TID: tid, Value: value})
	if err != nil {
		tb.Fatal(err)
	}
	return t.Reveal()
}

// rigWith returns a rig whose meter is made with this key.
func rigWith(tb testing.TB, k sts.Key, info meter.KeyInfo) *rig {
	tb.Helper()
	return newRigWith(tb, meter.NewKeys(k, info))
}

// orders returns all orders of the numbers below n.
func orders(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, o := range orders(n - 1) {
		for at := range n {
			p := append([]int(nil), o[:at]...)
			all = append(all, append(append(p, n-1), o[at:]...))
		}
	}
	return all
}

// The sections of every kind of set may come in any order, from any source, twice, with power cuts between them. The
// last one changes the key; credit and registers stay; entering the same set again gives used_error.
func TestSectionsMayComeInAnyOrder(t *testing.T) {
	tried := 0
	for _, kind := range []struct {
		name string
		ea   sts.EA
		sgc  string
	}{{"two", sts.EA07, ""}, {"three", sts.EA07, "654321"}, {"four", sts.EA11, "654321"}} {
		old, next := aKey(t, kind.ea, 1), aKey(t, kind.ea, 2)
		set := keySet(t, old, sts.KeyChange{Key: next, KEN: 200, KRN: 3, KT: sts.DUTK, TI: "42", SGC: kind.sgc})
		for _, order := range orders(len(set)) {
			for _, cut := range []bool{false, true} {
				t.Run(fmt.Sprint(kind.name, order, cut), func(t *testing.T) {
					enterSet(t, old, next, set, order, cut)
				})
				tried++
			}
		}
	}
	t.Logf("figures: %d orders of 2, 3 and 4 sections, with and without power cuts", tried)
}

func enterSet(t *testing.T, old, next sts.Key, set []string, order []int, cut bool) {
	tid := testTID(t, testStart())
	r := rigWith(t, old, meter.KeyInfo{Base: sts.Base2014, Type: sts.DUTK, KEN: 255, Named: true, SGC: 123456, KRN: 2, TI: 1})
	r.last(creditFor(t, old, tid, 10), meter.Keypad, "")
	sources := []meter.Source{meter.Keypad, meter.SMS, meter.Remote, meter.Keypad}
	for i, n := range order {
		want := sts.KCTNth
		switch {
		case i == len(order)-1:
			want = sts.Accept
		case i == 0:
			want = sts.KCT1st
		}
		for entry := range 2 {
			if want == sts.Accept && entry == 1 {
				want = sts.UsedError // under the old key, and not counted as a guess
			}
			row := r.state.Guards[sources[i]-1].Row
			got := r.last(set[n], sources[i], "")
			if got.Code != want || got.Class != 2 || got.Units != 0 {
				t.Fatalf("section %d as number %d, entry %d: %s, want %s", n+1, i+1, entry+1, got.Code, want)
			}
			if r.state.Guards[sources[i]-1].Row > row {
				t.Fatalf("section %d, entry %d counts as a wrong token", n+1, entry+1)
			}
		}
		if cut {
			r.reboot(time.Hour)
		}
	}
	sgc := uint32(654321)
	if len(set) == 2 {
		sgc = 0
	}
	want := meter.KeyInfo{Base: sts.Base2014, Type: sts.DUTK, KEN: 200, EA: old.EA(), Named: true, SGC: sgc, KRN: 3, TI: 42}
	if s := &r.state; s.Key != want || r.keys.Info() != want || !r.keys.Reveal().Equal(next) || r.keys.Changes() != 1 {
		t.Errorf("key %+v in the state, %+v in the keys, want %+v", s.Key, r.keys.Info(), want)
	}
	if s := &r.state; s.Sections != 0 || s.SectionsUntil != 0 || s.Balance != 1000 {
		t.Errorf("sections %b until %d, balance %s, want none, 1.000 kWh", s.Sections, s.SectionsUntil, s.Balance)
	}
	if got := r.last(creditFor(t, old, tid+1, 10), meter.Remote, "").Code; got != sts.CRCError {
		t.Errorf("credit under the old key: %s, want crc_error", got)
	}
	for _, digits := range set {
		if got := r.last(digits, meter.Remote, "").Code; got != sts.UsedError {
			t.Errorf("a section under the old key: %s, want used_error", got)
		}
	}
	if got := r.last(creditFor(t, next, tid, 10), meter.Keypad, "").Code; got != sts.UsedError {
		t.Errorf("a used TID under the new key: %s, want used_error", got)
	}
	if got := r.last(creditFor(t, next, tid+1, 10), meter.Keypad, "").Code; got != sts.Accept {
		t.Errorf("a token under the new key: %s, want accept", got)
	}
}

// twoSections returns a rig and a set of two sections, for tests about events between the two sections.
func twoSections(t *testing.T, change func(*sts.KeyChange)) (*rig, []string, sts.Key) {
	t.Helper()
	r, next := newRig(t), aKey(t, sts.EA07, 2)
	c := sts.KeyChange{Key: next, KEN: 255, KRN: 2, KT: sts.DUTK, TI: "01"}
	if change != nil {
		change(&c)
	}
	return r, keySet(t, testKey(t), c), next
}

func (r *rig) wants(what, digits string, want sts.Result) {
	r.tb.Helper()
	if got := r.last(digits, meter.Keypad, "").Code; got != want {
		r.tb.Errorf("%s: %s, want %s", what, got, want)
	}
}

// An incomplete set (docs/reference/tokens.md#key-change) waits for 24 h of powered-on time, also across power cuts.
func TestAnIncompleteKeyChangeWaitsADay(t *testing.T) {
	for _, c := range []struct {
		name      string
		on1, on2  time.Duration
		want      sts.Result
		remembers bool
	}{
		{"just in time", 12 * time.Hour, 12*time.Hour - time.Second, sts.Accept, true},
		{"a second late", 12 * time.Hour, 12*time.Hour + time.Second, sts.KCT1st, false},
	} {
		r, set, _ := twoSections(t, nil)
		r.wants("first section", set[0], sts.KCT1st)
		r.run(c.on1)
		r.step(meter.Event{Kind: meter.EventPowerFail})
		r.reboot(90 * 24 * time.Hour) // time without power does not count
		r.wants("first section again", set[0], sts.KCT1st)
		r.run(c.on2)
		if got := r.state.Sections != 0; got != c.remembers {
			t.Errorf("%s: sections %b", c.name, r.state.Sections)
		}
		r.wants(c.name, set[1], c.want)
	}
}

// Wake names the end of a key change. The meter forgets the sections even if nobody wakes it then.
func TestWakeNamesTheEndOfAKeyChange(t *testing.T) {
	r, set, _ := twoSections(t, nil)
	r.cfg.ReadingEvery = 0
	r.wants("first section", set[0], sts.KCT1st)
	const end = 24 * 60 * 60 * 1000
	r.run(23*time.Hour + 59*time.Minute) // a checkpoint comes every quarter of an hour
	r.state.On += 5000                   // so that the end lies between two checkpoints
	if got, want := meter.Wake(&r.cfg, &r.state), uint64(end-5000); got != want {
		t.Errorf("wake at %d, want %d", got, want)
	}
}

func TestASectionThatDoesNotFitBeginsAnew(t *testing.T) {
	r, set, _ := twoSections(t, nil)
	third := aKey(t, sts.EA07, 3)
	other := keySet(t, testKey(t), sts.KeyChange{Key: third, KEN: 255, KRN: 3, KT: sts.DUTK, TI: "01", SGC: "654321"})
	r.wants("first of the old set", set[0], sts.KCT1st)
	r.run(time.Hour)
	r.wants("first of the new set", other[0], sts.KCT1st)
	if got, want := r.state.SectionsUntil, uint32(25*60*60); got != want {
		t.Errorf("the new set is kept until second %d, want %d", got, want)
	}
	r.reboot(time.Minute)
	r.wants("second of the new set", other[1], sts.KCTNth)
	r.wants("third of the new set", other[2], sts.Accept)
	if !r.keys.Reveal().Equal(third) || r.state.Key.SGC != 654321 {
		t.Errorf("key %+v, want that of the new set", r.state.Key)
	}
	// A third section does not fit a set of two.
	r, set, _ = twoSections(t, nil)
	r.wants("first of two", set[0], sts.KCT1st)
	r.wants("third of three", other[2], sts.KCT1st)
	if r.state.Sections != 0b100 {
		t.Errorf("sections %b wait, want the third only", r.state.Sections)
	}
}

func TestOtherManagementForgetsAKeyChange(t *testing.T) {
	start := testTID(t, testStart())
	for _, c := range []struct {
		name   string
		digits string
		want   sts.Result // the result of the second section afterwards
	}{
		{"accepted management", manageFor(t, testKey(t), sts.ManageMaxPower, start, 100), sts.KCT1st},
		{"refused management", manageFor(t, testKey(t), sts.ManageTariffRate, start, 1), sts.Accept},
		{"old management", manageFor(t, testKey(t), sts.ManageMaxPower, 5, 100), sts.Accept},
		{"credit", testToken(t, start, 10), sts.Accept},
		{"a wrong token", wrongToken(t, 2), sts.Accept},
		{"a display token", "18446744073843772416", sts.Accept},
	} {
		for _, cut := range []bool{false, true} {
			r, set, _ := twoSections(t, nil)
			r.wants("first section", set[0], sts.KCT1st)
			r.last(c.digits, meter.Keypad, "")
			if cut {
				r.reboot(0)
			}
			r.wants("second section after "+c.name, set[1], c.want)
		}
	}
}

// A key may change to another type only where that is allowed (docs/reference/tokens.md#key-change); a refused set
// leaves nothing behind.
func TestKeyTypesOfAChange(t *testing.T) {
	allowed := 0
	for have := sts.DITK; have <= sts.DCTK; have++ {
		for want := sts.DITK; want <= sts.DCTK; want++ {
			next := aKey(t, sts.EA07, 2)
			r := rigWith(t, testKey(t), meter.KeyInfo{Base: sts.Base2014, Type: have, KEN: 255})
			before := r.keys
			set := keySet(t, testKey(t), sts.KeyChange{Key: next, KEN: 255, KRN: 2, KT: want, TI: "01"})
			r.wants("first section", set[0], sts.KCT1st)
			if have.MayBecome(want) {
				allowed++
				r.wants(fmt.Sprint(have, " to ", want), set[1], sts.Accept)
				continue
			}
			r.wants(fmt.Sprint(have, " to ", want), set[1], sts.KeyTypeError)
			if !r.keys.Reveal().Equal(before.Reveal()) || r.state.Sections != 0 || r.state.Key.Type != have {
				t.Errorf("%s to %s: sections %b, key %+v", have, want, r.state.Sections, r.state.Key)
			}
			r.wants("the same section again", set[1], sts.KCT1st)
		}
	}
	if allowed != 11 {
		t.Errorf("%d changes allowed, want 11", allowed)
	}
}

// Under a default key the meter refuses credit, but accepts management tokens and key changes.
func TestADefaultKeyTakesNoCredit(t *testing.T) {
	tid := testTID(t, testStart())
	r := rigWith(t, testKey(t), meter.KeyInfo{Base: sts.Base2014, Type: sts.DDTK, KEN: 255})
	r.wants("credit under a default key", testToken(t, tid, 10), sts.DDTKError)
	r.wants("management", manageFor(t, testKey(t), sts.ManageMaxPower, tid, 100), sts.Accept)
	next := aKey(t, sts.EA07, 2)
	set := keySet(t, testKey(t), sts.KeyChange{Key: next, KEN: 255, KRN: 1, KT: sts.DUTK, TI: "01"})
	r.wants("first section", set[0], sts.KCT1st)
	r.wants("second section", set[1], sts.Accept)
	r.wants("credit under the unique key", creditFor(t, next, tid+1, 10), sts.Accept)
}

// A key that has expired takes no token with a TID, but a key change may replace it with a valid key.
func TestAnExpiredKeyMayBeChanged(t *testing.T) {
	tid := testTID(t, testStart())
	ken := uint8(tid >> 16)
	r := rigWith(t, testKey(t), meter.KeyInfo{Base: sts.Base2014, Type: sts.DUTK, KEN: ken - 1})
	r.wants("credit", testToken(t, tid, 10), sts.KeyExpiredError)
	r.wants("management", manageFor(t, testKey(t), sts.ManageClearTamper, tid, 0), sts.KeyExpiredError)
	next := aKey(t, sts.EA07, 2)
	for i, digits := range keySet(t, testKey(t), sts.KeyChange{Key: next, KEN: ken, KRN: 2, KT: sts.DUTK, TI: "01"}) {
		r.wants("section", digits, []sts.Result{sts.KCT1st, sts.Accept}[i])
	}
	r.wants("credit of the last period", creditFor(t, next, tid|0xffff, 10), sts.Accept)
	r.wants("credit after it", creditFor(t, next, (tid|0xffff)+1, 10), sts.KeyExpiredError)
}

// Rollover (RO): the list of used TIDs begins anew when the base date changes, and only then.
func TestRollover(t *testing.T) {
	for _, c := range []struct {
		from, to sts.BaseDate
		rollover bool
		want     sts.Result
	}{
		{sts.Base1993, sts.Base2014, true, sts.Accept}, {sts.Base2014, sts.Base2035, true, sts.Accept},
		{sts.Base2035, 0, true, sts.RangeError}, {sts.Base2014, sts.Base2014, false, sts.Accept},
	} {
		r := rigWith(t, testKey(t), meter.KeyInfo{Base: c.from, Type: sts.DUTK, KEN: 255})
		r.state.TIDs.Fill(9_000_000)
		next := aKey(t, sts.EA07, 2)
		set := keySet(t, testKey(t), sts.KeyChange{Key: next, KEN: 255, KRN: 2, KT: sts.DUTK, TI: "01", Rollover: c.rollover})
		r.wants("first section", set[0], sts.KCT1st)
		r.wants(fmt.Sprint("rollover from ", c.from), set[1], c.want)
		if c.want != sts.Accept {
			if r.state.Sections != 0 || r.state.Key.Base != c.from {
				t.Errorf("after a refused rollover: sections %b, key %+v", r.state.Sections, r.state.Key)
			}
			continue
		}
		want, n := sts.OldError, len(r.outbox)
		if c.rollover {
			want = sts.Accept
		}
		r.wants("a low TID under the new key", creditFor(t, next, 1_000_000, 10), want)
		if r.state.Key.Base != c.to || r.state.TIDs.Check(0) == sts.Accept {
			t.Errorf("base date %s, want %s", r.state.Key.Base, c.to)
		}
		if rep := r.outbox[n]; rep.Kind != meter.ReportToken || rep.Base != c.to {
			t.Errorf("a token is reported with base date %s, want %s", rep.Base, c.to)
		}
	}
}

func TestAKeyChangeTakesTokensOutOfTheRing(t *testing.T) {
	tid := testTID(t, testStart())
	r, set, next := twoSections(t, nil)
	early := creditFor(t, next, tid, 10) // sold under the new key before the meter has it
	if got := r.last(early, meter.Remote, "tok_e").Code; got != sts.CRCError {
		t.Fatalf("before the change: %s, want crc_error", got)
	}
	r.command("cmd_1", 1, meter.Event{Command: meter.CommandRead})
	for _, repeat := range []bool{false, true} {
		if got := r.last(set[0], meter.Remote, "tok_1").Code; got != sts.KCT1st {
			t.Errorf("first section, repeated %t: %s, want kct_1st", repeat, got)
		}
	}
	if got := r.last(set[1], meter.Remote, "tok_2").Code; got != sts.Accept {
		t.Fatalf("second section: %s, want accept", got)
	}
	row := r.state.Guards[meter.Remote-1].Row
	n := len(r.outbox)
	r.token(set[1], meter.Remote, "tok_2")
	if rep := r.outbox[n]; rep.Result != sts.Accept || r.state.Guards[meter.Remote-1].Row != row || len(r.outbox) != n+1 {
		t.Errorf("the last section again under its request: %s, %d reports, want the stored accept", rep.Result, len(r.outbox)-n)
	}
	if got := r.last(early, meter.Remote, "tok_e").Code; got != sts.Accept {
		t.Errorf("the token under the new key again: %s, want accept", got)
	}
	n = len(r.outbox)
	r.command("cmd_1", 1, meter.Event{Command: meter.CommandRead})
	if rep := r.outbox[n]; rep.Answer != meter.AnswerDone {
		t.Errorf("a repeated command: %s %s, want done", rep.Answer.State(), rep.Answer.Reason())
	}
}

// A section changes no state when the memory fails.
func TestASectionThatCannotBeWrittenIsNotTaken(t *testing.T) {
	r, set, next := twoSections(t, nil)
	for i, digits := range set {
		r.mem.fail = true
		before := r.state
		r.wants("with a failing memory", digits, sts.StorageError)
		if s := &r.state; s.Sections != before.Sections || s.Key != before.Key || r.keys.Changes() != 0 {
			t.Errorf("section %d was taken", i+1)
		}
		r.mem.fail = false
		r.wants("when it works again", digits, []sts.Result{sts.KCT1st, sts.Accept}[i])
	}
	if !r.keys.Reveal().Equal(next) {
		t.Error("the key has not changed")
	}
}

func TestAKeyChangeAndTheLock(t *testing.T) {
	r, set, _ := twoSections(t, nil)
	wrong := func() { r.wants("a wrong token", wrongToken(t, 2), sts.CRCError) }
	for range 4 {
		wrong()
	}
	r.wants("first section", set[0], sts.KCT1st)
	if row := r.state.Guards[meter.Keypad-1].Row; row != 4 {
		t.Errorf("%d wrong ones in a row after a section, want 4: only a complete key change ends the row", row)
	}
	wrong()
	r.wants("second section while locked", set[1], sts.Locked)
	if r.state.Sections != 1 || r.keys.Changes() != 0 {
		t.Errorf("a locked channel has taken a section: %b", r.state.Sections)
	}
	r.run(10 * time.Minute)
	r.wants("second section after it", set[1], sts.Accept)
	if row := r.state.Guards[meter.Keypad-1].Row; row != 0 {
		t.Errorf("%d wrong ones in a row after a key change, want 0", row)
	}
}

// Sections that together describe an impossible key are refused and forgotten.
func TestAKeyThatCannotBe(t *testing.T) {
	r, set, _ := twoSections(t, nil)
	token, _ := sts.ParseToken(set[0])
	first, ok := sts.OpenSection(testKey(t), token)
	if !ok {
		t.Fatal("no section")
	}
	const krn = 0xf << 52
	zero, ok := sts.NewKeySection(sts.EA07, first.Reveal()&^uint64(krn))
	var pending sts.KeySections
	if !ok || !pending.Add(zero) {
		t.Fatal("no section without a KRN")
	}
	r.keys = meter.RestoreKeys(testKey(t), r.keys.Info(), pending, 0)
	r.state.Sections, r.state.SectionsUntil = 1, 1000
	r.wants("KRN 0", set[1], sts.RangeError)
	if r.state.Sections != 0 {
		t.Errorf("sections %b wait, want none", r.state.Sections)
	}
}

// A host's Change must fit the meter's state.
func TestAHostThatIsBehind(t *testing.T) {
	r, set, _ := twoSections(t, nil)
	section := r.keys.Open(set[0])
	stale, _ := r.keys.Take(&r.state, set[0])
	for _, c := range []struct {
		name   string
		change meter.Change
		want   sts.Result
	}{
		{"nothing known", meter.Change{}, sts.FunctionError},
		{"another answer", meter.Change{Result: sts.UsedError}, sts.FunctionError},
		{"sections that do not wait", meter.Change{Waiting: 2, Sections: 3, Result: sts.KCTNth}, sts.Busy},
		{"as it is", stale, sts.KCT1st},
	} {
		var got sts.Result
		r.seen = func(e meter.Effect) {
			if e.Kind == meter.EffectResult {
				got = e.Result.Code
			}
		}
		_, r.after = r.keys.Take(&r.state, set[0])
		r.step(meter.Event{Kind: meter.EventToken, Opened: section, Change: c.change, Source: meter.Keypad})
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Keys print as a mask, pending sections included; the state and the events hold no part of a key.
func TestSectionsAreMasked(t *testing.T) {
	r, set, _ := twoSections(t, nil)
	r.wants("first section", set[0], sts.KCT1st)
	token, _ := sts.ParseToken(set[0])
	section, _ := sts.OpenSection(testKey(t), token)
	part := uint32(section.Reveal() >> 16) // part of the new key
	change, after := r.keys.Take(&r.state, set[1])
	for _, v := range []any{r.keys, &r.keys, after, r.keys.Pending(), section} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			if text := fmt.Sprintf(verb, v); !strings.Contains(text, "masked") {
				t.Errorf("%s of %T is %q, want a mask", verb, v, text)
			}
		}
	}
	for _, v := range []any{r.state, change, r.outbox, r.keys.Info()} {
		text := fmt.Sprintf("%x %d", v, v)
		for _, secret := range []string{fmt.Sprintf("%x", part), fmt.Sprint(part)} {
			if strings.Contains(text, secret) {
				t.Errorf("%T holds a part of the new key", v)
			}
		}
	}
}
