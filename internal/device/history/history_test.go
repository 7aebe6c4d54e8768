package history_test

import (
	"reflect"
	"testing"

	"github.com/paywatt/paywatt/internal/device/history"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
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

func TestClearingLeavesTheEvents(t *testing.T) {
	var r history.Rings
	r.AddRow(day(1))
	r.AddRow(month(1))
	r.AddToken(token(1))
	r.AddEvent(event(1))
	if !r.Load(history.ClearEntry()) || len(r.Days())+len(r.Months())+len(r.Tokens()) != 0 || len(r.Events()) != 1 {
		t.Errorf("cleared: %d days, %d months, %d tokens, %d events; want only the event", len(r.Days()), len(r.Months()), len(r.Tokens()), len(r.Events()))
	}
	// A row that is written again takes the place of the old one and of all after it.
	r.AddRow(day(1))
	r.AddRow(day(2))
	again := day(1)
	again.Used = 1
	r.AddRow(again)
	if got := r.Days(); len(got) != 1 || got[0] != again {
		t.Errorf("a day written again: %+v", got)
	}
}
