package meter_test

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// bounds reads the range of a setting from its line in the reference: "0 to 60", "1 to 5 Wh".
func bounds(about string) (least, most int64, is bool) {
	i := strings.LastIndex(about, "; ")
	from, to, is := strings.Cut(strings.TrimSuffix(about[i+1:], " Wh"), " to ")
	least, err1 := strconv.ParseInt(strings.TrimSpace(from), 10, 64)
	most, err2 := strconv.ParseInt(to, 10, 64)
	return least, most, is && err1 == nil && err2 == nil
}

// document returns a configuration document in which one setting has a given value. It also sets the other keys that
// this setting needs to take each value of its range.
func document(name string, n int64) map[string]any {
	doc := map[string]any{"dst_begin": "3.5.0/02:00", "dst_end": "10.5.0/03:00", "low1_wh": int64(1_000_000_000), "clearance_wh": int64(0)}
	doc[name] = n
	return doc
}

// TestEverySettingHasTheBoundsOfItsReference checks the bounds of each setting in a document and in a configuration
// read from a memory.
func TestEverySettingHasTheBoundsOfItsReference(t *testing.T) {
	old, bad := meter.NewConfig(meter.DefaultConfig(), 1, document("low1_days", 0))
	if bad != "" {
		t.Fatal(bad)
	}
	tried := 0
	for _, s := range meter.Settings() {
		least, most, is := bounds(s.About)
		if !is {
			continue
		}
		tried++
		for n, want := range map[int64]bool{least - 1: false, least: true, most: true, most + 1: false} {
			c, bad := meter.NewConfig(old, 2, document(s.Name, n))
			switch { // another key may contradict a value at the end of its range
			case want && bad == s.Name, !want && bad != s.Name:
				t.Errorf("%s = %d: refused for %q; want it taken %t", s.Name, n, bad, want)
			case bad == "" && !c.Sound():
				t.Errorf("%s = %d is taken and not sound", s.Name, n)
			}
			if field := changed(t, old, s.Name, least, most); !want && fits(field, n) {
				spoilt := old
				set(reflect.ValueOf(&spoilt).Elem().FieldByIndex(field.Index), n)
				if spoilt.Sound() {
					t.Errorf("%s = %d is sound", s.Name, n)
				}
			}
		}
	}
	if tried < 20 {
		t.Errorf("%d settings have bounds", tried)
	}
}

// changed is the field that a setting sets.
func changed(t *testing.T, old meter.Config, name string, least, most int64) (field reflect.StructField) {
	t.Helper()
	for _, n := range []int64{most, least, (least + most) / 2, least + 1} {
		c, bad := meter.NewConfig(old, old.Version, document(name, n))
		a, b := reflect.ValueOf(old), reflect.ValueOf(c)
		for _, f := range reflect.VisibleFields(a.Type()) {
			if k := f.Type.Kind(); bad == "" && k >= reflect.Int && k <= reflect.Uint64 && !a.FieldByIndex(f.Index).Equal(b.FieldByIndex(f.Index)) {
				return f
			}
		}
	}
	return field
}

// fits reports whether a field can hold a number at all.
func fits(f reflect.StructField, n int64) bool {
	switch {
	case f.Type == nil:
		return false
	case f.Type.Kind() >= reflect.Uint:
		return n >= 0 && !reflect.New(f.Type).Elem().OverflowUint(uint64(n))
	}
	return !reflect.New(f.Type).Elem().OverflowInt(n)
}

func set(v reflect.Value, n int64) {
	if v.CanUint() {
		v.SetUint(uint64(n))
	} else {
		v.SetInt(n)
	}
}

// TestANameOfNothingIsUnknown gives every String method numbers without a name: no method panics or returns a wrong name.
func TestANameOfNothingIsUnknown(t *testing.T) {
	for what, name := range map[string]func(uint8) string{
		"clock answer": func(n uint8) string { return meter.ClockAnswer(n).String() },
		"clock source": func(n uint8) string { return meter.ClockSource(n).String() },
		"clock":        func(n uint8) string { return meter.Clock(n).String() },
		"command":      func(n uint8) string { return meter.Command(n).String() },
		"source":       func(n uint8) string { return meter.Source(n).String() },
		"reset":        func(n uint8) string { return meter.Reset(n).String() },
		"answer":       func(n uint8) string { return meter.Answer(n).Reason() },
	} {
		known, unknown := map[string]uint8{}, name(255)
		for n := range math.MaxUint8 {
			said := name(uint8(n))
			if other, twice := known[said]; twice && said != unknown && said != "" {
				t.Errorf("%s %d and %d are both %q", what, other, n, said)
			}
			known[said] = uint8(n)
		}
		if len(known) < 3 {
			t.Errorf("%s has the names %v", what, known)
		}
	}
}

// TestWhichTimesAreTaken checks the rules of who may set the clock. For each limit it tries a time just inside and a
// time just outside.
func TestWhichTimesAreTaken(t *testing.T) {
	r := newRig(t)
	now := testStart().Add(6 * time.Hour) // noon
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	const done, impossible = meter.ClockDone, meter.ClockImpossible
	for name, c := range map[string]struct {
		do   func(*meter.State)
		by   meter.ClockSource
		to   int64
		want meter.ClockAnswer
	}{
		"nobody":                                   {by: 0, to: at(0), want: impossible},
		"somebody unknown":                         {by: meter.ClockServer + 1, to: at(0), want: impossible},
		"no time":                                  {by: meter.ClockServer, to: 0, want: impossible},
		"the first second":                         {by: meter.ClockServer, to: 1, want: done},
		"the last second":                          {by: meter.ClockServer, to: math.MaxUint32 - 1, want: done},
		"after the last second":                    {by: meter.ClockServer, to: math.MaxUint32, want: impossible},
		"the network":                              {by: meter.ClockGSM, to: at(time.Hour), want: done},
		"the network after the server":             {do: func(s *meter.State) { s.SetBy = meter.ClockServer }, by: meter.ClockGSM, to: at(0), want: meter.ClockOutranked},
		"the network, not known to be right":       {do: func(s *meter.State) { s.SetBy, s.Clock = meter.ClockServer, meter.ClockHoldover }, by: meter.ClockGSM, to: at(0), want: done},
		"the server after the server":              {do: func(s *meter.State) { s.SetBy = meter.ClockServer }, by: meter.ClockServer, to: at(0), want: done},
		"the menu by an hour":                      {by: meter.ClockMenu, to: at(time.Hour), want: done},
		"the menu by an hour and a second":         {by: meter.ClockMenu, to: at(time.Hour + time.Second), want: meter.ClockTooFar},
		"the menu back by an hour":                 {by: meter.ClockMenu, to: at(-time.Hour), want: done},
		"the menu back to the day before":          {by: meter.ClockMenu, to: at(-13 * time.Hour), want: meter.ClockBackward},
		"the menu, moved by half an hour":          {do: func(s *meter.State) { s.Moved = 1800 }, by: meter.ClockMenu, to: at(30 * time.Minute), want: done},
		"the menu, moved by more":                  {do: func(s *meter.State) { s.Moved = 1801 }, by: meter.ClockMenu, to: at(30 * time.Minute), want: meter.ClockTooFar},
		"the menu, moved a day ago":                {do: func(s *meter.State) { s.Moved, s.MovedAt = 3600, math.MaxUint16-24 }, by: meter.ClockMenu, to: at(time.Hour), want: done},
		"the menu, moved hours ago":                {do: func(s *meter.State) { s.Moved, s.MovedAt = 3600, math.MaxUint16-23 }, by: meter.ClockMenu, to: at(time.Hour), want: meter.ClockTooFar},
		"the menu, moved 25 hours of power ago":    {do: func(s *meter.State) { s.On, s.Moved, s.MovedAt = 26*3_600_000, 3600, 1 }, by: meter.ClockMenu, to: at(time.Hour), want: done},
		"the menu, moved 24 hours of power ago":    {do: func(s *meter.State) { s.On, s.Moved, s.MovedAt = 26*3_600_000-1, 3600, 1 }, by: meter.ClockMenu, to: at(time.Hour), want: meter.ClockTooFar},
		"the menu, of a clock that is wrong":       {do: lost(at(0)), by: meter.ClockMenu, to: at(1000 * time.Hour), want: done},
		"the same to the last time that was right": {do: lost(at(time.Hour)), by: meter.ClockMenu, to: at(time.Hour), want: done},
		"the same to before it":                    {do: lost(at(time.Hour)), by: meter.ClockMenu, to: at(time.Hour - time.Second), want: meter.ClockBackward},
	} {
		s := r.state
		s.Clock, s.Day.Date, s.Up, s.Offset = meter.ClockValid, supply.DateOf(now.Unix()), 0, now.UnixMilli()
		s.On, s.Moved, s.MovedAt, s.SetBy = 0, 0, 0, 0
		ev := meter.Event{Kind: meter.EventClock, Clock: meter.ClockValid, At: now.Unix(), NewAt: c.to, ClockBy: c.by}
		if c.do != nil {
			c.do(&s)
			ev.Clock = s.Clock
		}
		got := meter.ClockAnswer(0)
		for _, e := range meter.Step(&r.cfg, &s, ev, nil) {
			if e.Kind == meter.EffectClock {
				got = e.Clock
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// lost returns a change that makes the clock invalid, and sets the newest time that the clock showed while it was trusted.
func lost(last int64) func(*meter.State) {
	return func(s *meter.State) { s.Clock, s.LastAt = meter.ClockInvalid, uint32(last) }
}

// TestALeaseHasATimeAndALimit tries both sides of each limit of a lease.
func TestALeaseHasATimeAndALimit(t *testing.T) {
	const year = 366 * 24 * time.Hour
	for _, c := range []struct {
		n    uint32
		most unit.Energy
		ttl  time.Duration
		want meter.Answer
	}{
		{1, 500, year, meter.AnswerDone}, {1, 500, year + time.Second, meter.AnswerLease}, {1, 500, time.Second, meter.AnswerDone}, {1, 500, 0, meter.AnswerLease},
		{0, 500, time.Hour, meter.AnswerLease}, {1, 0, time.Hour, meter.AnswerDone}, {1, -1, time.Hour, meter.AnswerLease},
		{1, math.MaxInt32, time.Hour, meter.AnswerDone}, {1, math.MaxInt32 + 1, time.Hour, meter.AnswerLease},
	} {
		if got := newWallet(t, meter.LeaseStay).lease(c.n, c.most, c.ttl); got != c.want {
			t.Errorf("lease %d to %d Wh for %s: %s %s, want %s %s", c.n, c.most, c.ttl, got.State(), got.Reason(), c.want.State(), c.want.Reason())
		}
	}
	r := newWallet(t, meter.LeaseStay)
	r.lease(7, 500, time.Hour)
	for n, want := range map[uint32]meter.Answer{6: meter.AnswerOld, 7: meter.AnswerOld} {
		if got := r.lease(n, 900, time.Hour); got != want {
			t.Errorf("lease %d after 7: %s, want %s", n, got.Reason(), want.Reason())
		}
	}
}

// TestAWarningOfOneWattHour expects the warning at one watt-hour, and no warning if the threshold is 0.
func TestAWarningOfOneWattHour(t *testing.T) {
	for _, c := range []struct {
		low1, low2 unit.Energy
		want       string
	}{{1, 1, "[201 202]"}, {1, 0, "[201]"}, {0, 0, "[]"}} {
		r := newRig(t)
		r.cfg.Low1, r.cfg.Low2 = c.low1, c.low2
		r.token(testToken(t, testTID(t, testStart()), 10), meter.Keypad, "")
		var got []int
		r.seen = func(e meter.Effect) {
			if e.Report.Kind == meter.ReportEvent {
				got = append(got, int(e.Report.Code))
			}
		}
		r.step(meter.Event{Kind: meter.EventEnergy, Energy: 998})
		if len(got) != 0 {
			t.Errorf("at 2 Wh: %v", got)
		}
		r.step(meter.Event{Kind: meter.EventEnergy, Energy: 1})
		if fmt.Sprint(got) != c.want {
			t.Errorf("at 1 Wh, with thresholds %d and %d: %v, want %s", c.low1, c.low2, got, c.want)
		}
	}
}

// TestOnlySoundRecordsOfKeysAreReadBack tries records of key changes, emergency credit and tampering that a memory may
// and may not hold.
func TestOnlySoundRecordsOfKeysAreReadBack(t *testing.T) {
	section := meter.Record{Kind: meter.RecordKeys, Source: meter.Keypad, Result: sts.KCT1st, Sections: 1}
	last := meter.Record{Kind: meter.RecordKeys, Source: meter.Remote, Result: sts.Accept, Key: testFacts()}
	for name, c := range map[string]struct {
		rec    meter.Record
		change func(*meter.Record)
		want   bool
	}{
		"a section":                {section, func(*meter.Record) {}, true},
		"all that there may be":    {section, func(r *meter.Record) { r.Sections = 1<<4 - 1 }, true},
		"one more":                 {section, func(r *meter.Record) { r.Sections = 1 << 4 }, false},
		"none":                     {section, func(r *meter.Record) { r.Sections = 0 }, false},
		"from nowhere":             {section, func(r *meter.Record) { r.Source = 0 }, false},
		"from beyond":              {section, func(r *meter.Record) { r.Source = meter.Remote + 1 }, false},
		"of another result":        {section, func(r *meter.Record) { r.Result = sts.CRCError }, false},
		"the last":                 {last, func(*meter.Record) {}, true},
		"the last from nowhere":    {last, func(r *meter.Record) { r.Source = 0 }, false},
		"to a key of no base date": {last, func(r *meter.Record) { r.Key.Base = 200 }, false},
		"to a common key":          {last, func(r *meter.Record) { r.Key.Type = sts.DCTK }, true},
		"to a key of no type":      {last, func(r *meter.Record) { r.Key.Type = sts.DCTK + 1 }, false},
		"to the key of the maker":  {last, func(r *meter.Record) { r.Key.Type = sts.DITK }, false},
		"emergency":                {meter.Record{Kind: meter.RecordEmergency, Source: meter.SMS}, func(*meter.Record) {}, true},
		"emergency from nowhere":   {meter.Record{Kind: meter.RecordEmergency}, func(*meter.Record) {}, false},
		"a tamper":                 {meter.Record{Kind: meter.RecordTamper, Value: 1}, func(*meter.Record) {}, true},
		"no tamper":                {meter.Record{Kind: meter.RecordTamper}, func(*meter.Record) {}, false},
	} {
		r := c.rec
		c.change(&r)
		if got := r.Sound(); got != c.want {
			t.Errorf("%s: sound %t, want %t", name, got, c.want)
		}
	}
}

// TestAFrozenMeterStopsItsTone checks that a frozen meter ends its tone, and no other timer.
func TestAFrozenMeterStopsItsTone(t *testing.T) {
	r := newRig(t)
	r.cfg.ReadingEvery = 0
	s := r.state
	s.Frozen, s.QuietAt, s.BeepAt, s.MoveAt = true, 10, 5, 7
	if got := meter.Wake(&r.cfg, &s); got != 10_000 {
		t.Errorf("woken at %d ms, want 10000: the end of the tone", got)
	}
	s.QuietAt = 0
	if got := meter.Wake(&r.cfg, &s); got < 10_000 {
		t.Errorf("woken at %d ms for what a frozen meter does not end", got)
	}
}

// TestARecordIsFollowedByASnapshot checks that a snapshot follows every record, unless the record only counts a wrong token.
func TestARecordIsFollowedByASnapshot(t *testing.T) {
	r := newRig(t)
	r.step(meter.Event{Kind: meter.EventComms, Active: true}) // begins the day
	saved := 0
	r.seen = func(e meter.Effect) {
		if e.Kind == meter.EffectCheckpoint {
			saved++
		}
	}
	r.token(wrongToken(t, 0), meter.Keypad, "")
	if saved != 0 {
		t.Errorf("%d snapshots after a wrong token, want none", saved)
	}
	r.token(testToken(t, testTID(t, testStart()), 10), meter.Keypad, "")
	if saved == 0 {
		t.Error("no snapshot after a credit")
	}
	saved = 0
	next := r.cfg
	next.Version = 1
	r.next = &next
	r.command("cmd_1", 1, meter.Event{Kind: meter.EventConfig, Version: 1})
	if saved == 0 {
		t.Error("no snapshot after a configuration")
	}
}

// TestAConfigurationNeedsANewCounter refuses a counter that an earlier message has used.
func TestAConfigurationNeedsANewCounter(t *testing.T) {
	r := newRig(t)
	next := r.cfg
	next.Version = 1
	r.next = &next
	r.command("cmd_1", 7, meter.Event{Kind: meter.EventConfig, Version: 1})
	for counter, want := range map[uint64]meter.Answer{6: meter.AnswerCounter, 7: meter.AnswerCounter} {
		other := r.cfg
		other.Version = 2
		r.next = &other
		id := fmt.Sprint("cmd_", counter)
		r.command(id, counter, meter.Event{Kind: meter.EventConfig, Version: 2})
		if got := r.answer(id); got != want || r.cfg.Version != 1 {
			t.Errorf("counter %d after 7: %s %s, version %d; want %s", counter, got.State(), got.Reason(), r.cfg.Version, want.Reason())
		}
	}
}

// TestTheEventsOfADayAreCounted counts events up to the largest number that a row holds.
func TestTheEventsOfADayAreCounted(t *testing.T) {
	for before, want := range map[uint16]uint16{40_000: 40_001, math.MaxUint16 - 1: math.MaxUint16, math.MaxUint16: math.MaxUint16} {
		r := newRig(t)
		r.step(meter.Event{Kind: meter.EventComms, Active: true}) // begins the day
		r.state.Day.Events = before
		r.step(meter.Event{Kind: meter.EventComms})
		if got := r.state.Day.Events; got != want {
			t.Errorf("after %d events: %d, want %d", before, got, want)
		}
	}
}

// TestALifelineThatIsTakenAwayEnds checks that a removed lifeline ends at once, and that an added one replaces the
// cut-off.
func TestALifelineThatIsTakenAwayEnds(t *testing.T) {
	r := configured(t, map[string]any{"lifeline_w": 200})
	r.buy(1, 300)
	r.consume(500)
	if !r.state.Flags.Has(meter.FlagLifeline) || r.state.Relay != supply.Closed {
		t.Fatalf("lifeline %t, relay %s; want true, closed", r.state.Flags.Has(meter.FlagLifeline), r.state.Relay)
	}
	r.reconfigure(2, map[string]any{})
	if r.state.Flags.Has(meter.FlagLifeline) || !r.state.Reasons.Has(supply.Credit) || r.state.Relay != supply.Open {
		t.Errorf("taken away: lifeline %t, relay %s; want false, open", r.state.Flags.Has(meter.FlagLifeline), r.state.Relay)
	}
	r.reconfigure(3, map[string]any{"lifeline_w": 1})
	if !r.state.Flags.Has(meter.FlagLifeline) || r.state.Reasons.Has(supply.Credit) || r.state.Relay != supply.Closed {
		t.Errorf("given: lifeline %t, relay %s; want true, closed", r.state.Flags.Has(meter.FlagLifeline), r.state.Relay)
	}
}
