package history_test

import (
	"reflect"
	"testing"

	"github.com/paywatt/paywatt/internal/device/history"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

func day(n int) meter.Row {
	return meter.Row{
		Kind: meter.HistoryDays, Date: meter.Date(20_000 + n), Register: 1 << 40, Used: 12_000, Tokens: 34_700, Min: -500, Max: 40_000, Peak: 3200,
		OffMinutes: 61, Events: 7, Clock: meter.ClockHoldover, Gap: n%2 == 1,
	}
}

func month(n int) meter.Row {
	return meter.Row{Kind: meter.HistoryMonths, Date: meter.Date(20_000 + 30*n), Register: 9, Used: 5}
}

func token(n int) history.Token {
	return history.Token{Seq: uint64(n), At: -1, Clock: meter.ClockValid, Masked: "1234 **** **** **** 5678", Result: sts.UsedError, Class: 2,
		Units: -7, Source: meter.SMS}
}

func event(n int) history.Event {
	return history.Event{Seq: uint64(n), At: 1_795_000_000, Clock: meter.ClockInvalid, Code: 601, A: -5, B: 1 << 50}
}

func TestEachRingKeepsItsNewest(t *testing.T) {
	var r history.Rings
	for i := range 1000 {
		r.AddRow(day(i))
		r.AddRow(month(i))
		r.AddToken(token(i + 1))
		r.AddEvent(event(i + 1))
	}
	days, months, tokens, events := r.Days(), r.Months(), r.Tokens(), r.Events()
	if len(days) != 62 || len(months) != 24 || len(tokens) != 50 || len(events) != 500 {
		t.Fatalf("%d days, %d months, %d tokens, %d events; want 62, 24, 50, 500", len(days), len(months), len(tokens), len(events))
	}
	if days[0] != day(938) || days[61] != day(999) || months[0] != month(976) || tokens[0] != token(951) || events[499] != event(1000) {
		t.Errorf("the rings do not hold the newest in order: %+v … %+v", days[0], days[61])
	}
	t.Logf("figures: history rings keep %d days, %d months, %d tokens, %d events", len(days), len(months), len(tokens), len(events))
}

func TestEntriesComeBackAsTheyWere(t *testing.T) {
	var r, back history.Rings
	for i := range 70 {
		r.AddRow(day(i))
		r.AddRow(month(i))
		r.AddToken(token(i + 1))
		r.AddEvent(event(i + 1))
	}
	for range 2 { // a power cut may leave an entry twice
		for _, b := range r.Entries() {
			if !back.Load(b) {
				t.Fatalf("entry % x is not taken back", b)
			}
		}
	}
	if !reflect.DeepEqual(r, back) {
		t.Errorf("came back as %+v, want %+v", back, r)
	}
}

func TestWhatIsNoEntryIsLeftOut(t *testing.T) {
	var r history.Rings
	good := [][]byte{history.RowEntry(day(1)), history.TokenEntry(token(1)), history.EventEntry(event(1))}
	for _, b := range good {
		for n := range len(b) {
			// A token's text may be of any length.
			if b[0] == 2 && n >= 29 {
				continue
			}
			if r.Load(b[:n]) {
				t.Errorf("took %d of %d bytes of entry %d", n, len(b), b[0])
			}
		}
		if r.Load(append(append([]byte{}, b...), make([]byte, 41)...)) {
			t.Errorf("took an entry %d that is too long", b[0])
		}
	}
	bad := history.RowEntry(day(1))
	bad[1] = 9
	if r.Load(bad) || r.Load([]byte{77}) || r.Load(nil) {
		t.Error("took a row of no history, or what is no entry")
	}
	if n := len(r.Entries()); n != 0 {
		t.Errorf("%d entries came of that", n)
	}
}

// shown returns how many days, months and tokens the usage pages show.
func shown(r *history.Rings) (n int) {
	for ; ; n++ {
		if _, is := r.Day(n); !is {
			break
		}
	}
	for i := 0; ; i, n = i+1, n+1 {
		if _, is := r.Month(i); !is {
			break
		}
	}
	for i := 0; ; i, n = i+1, n+1 {
		if _, is := r.Token(i); !is {
			return n
		}
	}
}

func TestClearingHidesAndForgetsNothing(t *testing.T) {
	for _, old := range []bool{false, true} {
		var r history.Rings
		r.AddRow(day(1))
		r.AddRow(month(1))
		r.AddToken(token(1))
		r.AddEvent(event(1))
		if n := shown(&r); n != 3 {
			t.Fatalf("%d rows are shown, want 3", n)
		}
		if old { // the entry that versions without a mark wrote
			r.Load([]byte{4})
		} else {
			r.Load(history.ClearEntry(r.Clear(1<<40+100, 1, 1_795_000_000)))
		}
		if n := len(r.Days()) + len(r.Months()) + len(r.Tokens()) + len(r.Events()); n != 4 || shown(&r) != 0 {
			t.Errorf("cleared: %d entries are kept, want 4; %d are shown, want none", n, shown(&r))
		}
		// On the day of the clearing only the use since the clearing is shown; on the next day all use is shown. This also
		// holds after a restart.
		next, after := day(2), day(3)
		next.Register, after.Register = 1<<40+700, 1<<40+700+after.Used
		r.AddRow(next)
		r.AddRow(after)
		r.AddToken(token(2))
		var back history.Rings
		for _, b := range r.Entries() {
			back.Load(b)
		}
		for _, r := range []*history.Rings{&r, &back} {
			newest, _ := r.Day(0)
			before, _ := r.Day(1)
			if want := map[bool]unit.Energy{false: 600, true: next.Used}[old]; before.Used != want || newest.Used != after.Used || shown(r) != 3 {
				t.Errorf("after clearing: %d and %d Wh, %d rows; want %d, %d and 3", before.Used, newest.Used, shown(r), want, after.Used)
			}
		}
	}
}

func TestARowWrittenAgainReplacesItself(t *testing.T) {
	var r history.Rings
	// A row that is written again replaces the old row and all rows after it.
	r.AddRow(day(1))
	r.AddRow(day(2))
	again := day(1)
	again.Used = 1
	r.AddRow(again)
	if got := r.Days(); len(got) != 1 || got[0] != again {
		t.Errorf("a day written again: %+v", got)
	}
}
