package intake_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/rowstest"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/wire"
)

// TestEveryKindOfRecordGoesToItsTable checks where each kind is written. The readings of all meters are written together, after everything
// else.
func TestEveryKindOfRecordGoesToItsTable(t *testing.T) {
	r := newRows()
	out := r.takes(t, reading(2, 5, 1300), reading(1, 5, 1100), event(1, 6, 401), says(1, wire.Close{Head: head(7), Date: "2026-11-19"}.Record()),
		report(1, 8, "unknown", "busy"), answer(1, 9, "unknown", "done", "why"), boot(1, memory, 1, 10), reading(1, 10, 1200))
	for i, want := range []uint64{5, 5, 6, 7, 8, 9, 9, 10} {
		if out[i] != (metering.Outcome{Kind: metering.Stored, Watermark: want}) {
			t.Errorf("record %d came to %+v, want it stored up to %d", i, out[i], want)
		}
	}
	r.Wants(t, `event m1/6 of cdef 401 {"n":6}`, `event m1/7 of cdef 0 {"seq":7,"at":1795176180,"up":420000,"clock":"valid","date":"2026-11-19","register_wh":0,"used_wh":0,"min_balance_wh":0,`+
		`"max_balance_wh":0,"max_w":0,"off_min":0,"tokens_wh":0,"events":0}`,
		"report m1/8 of cdef about 0", `event m1/9 of cdef 0 {"id":"unknown","reason":"why","state":"done"}`, "readings m1/5 of cdef, m1/10 of cdef, m2/5 of cdef",
		"m2 is up to 5 with 1300 Wh of record 5 at 12:01:00", "m1 is up to 10 with 1200 Wh of record 10 at 12:06:00")
	if r.Made[0] != "LockLive [2 1]" || r.counts("Held") != 0 || r.counts("LoadInfo") != 1 {
		t.Errorf("calls %q", r.Made)
	}
}

// TestWhatIsNotNewIsNotWritten checks that records that are not new change only the meter's own row.
func TestWhatIsNotNewIsNotWritten(t *testing.T) {
	r := newRows()
	out := r.takes(t, reading(1, 4, 1100), reading(1, 69, 1100), says(1, wire.Record{}))
	for i, want := range []metering.OutcomeKind{metering.Duplicate, metering.Beyond, metering.Duplicate} {
		if out[i].Kind != want || out[i].Watermark != 4 {
			t.Errorf("record %d came to %+v, want %s", i, out[i], want)
		}
	}
	r.Wants(t, "m1 is up to 4 with 1000 Wh of record 4 at 12:00:00")
	if out := r.takes(t); len(out) != 0 || len(r.Wrote) != 0 {
		t.Errorf("nothing came to %v, %v", out, r.Wrote)
	}
}

// TestARecordOfAnotherTenantStopsTheBatch checks that the batch fails before anything is read or written.
func TestARecordOfAnotherTenantStopsTheBatch(t *testing.T) {
	r := newRows()
	other := reading(2, 5, 1100)
	other.Tenant = 7
	out, err := intake.Take(r, []metering.Record{reading(1, 5, 1100), other})
	if err == nil || err.Error() != "ingest: meter m2 belongs to tenant 7, not 1" || out != nil || len(r.Made) != 0 {
		t.Errorf("it came to %v, %v after %v", out, err, r.Made)
	}
}

// TestAnErrorNamesTheRecord checks that an error names the record that could not be stored.
func TestAnErrorNamesTheRecord(t *testing.T) {
	r := newRows()
	r.Broken = 2
	if _, err := intake.Take(r, []metering.Record{event(1, 5, 401)}); err == nil || err.Error() != "ingest record 5 of meter m1: the store failed" {
		t.Errorf("the error says %v", err)
	}
	r = newRows()
	r.Broken = 2
	if err := intake.Keep(r, ptr(event(1, 5, 401))); err == nil || err.Error() != "store a record of meter m1: the store failed" {
		t.Errorf("the error says %v", err)
	}
}

// TestWhatCannotBeTrueIsHeldForReview checks that impossible records are stored for review, and that one alarm names the newest of them.
func TestWhatCannotBeTrueIsHeldForReview(t *testing.T) {
	r := newRows()
	bad := says(1, wire.Record{})
	bad.Bad = &wire.Bad{Seq: 6, HasSeq: true, Reason: "no kind"}
	out := r.takes(t, reading(1, 5, -1), bad)
	if out[0].Kind != metering.Quarantined || out[1].Kind != metering.Quarantined || out[1].Watermark != 6 {
		t.Errorf("it came to %+v", out)
	}
	r.Wants(t, "held m1/5 up to 5, negative", "alarm of m1 now quarantined-record: Record 5 is held for review: register_wh is negative: -1.",
		"held m1/0 up to 6, unreadable", "alarm of m1 now quarantined-record: Record 6 is held for review: no kind.",
		"m1 is up to 6 with 1000 Wh of record 4 at 12:00:00")
}

// TestSoManyRecordsWaitForADecision checks that the 200th record is stored, and that later ones are only counted, with an alarm.
func TestSoManyRecordsWaitForADecision(t *testing.T) {
	r := newRows()
	r.waiting = 199
	out := r.takes(t, reading(1, 5, -1), reading(1, 6, -1), reading(1, 7, -1))
	if out[2].Kind != metering.Quarantined || out[2].Watermark != 7 {
		t.Errorf("it came to %+v", out[2])
	}
	full := "alarm of m1 now quarantine-full: 200 records of the meter wait for a decision. Later records are counted but not stored: %d so far."
	r.Wants(t, "held m1/5 up to 5, negative", "alarm of m1 now quarantined-record: Record 5 is held for review: register_wh is negative: -1.",
		"m1: 1 not kept", fmt.Sprintf(full, 1), "m1: 2 not kept", fmt.Sprintf(full, 2), "m1 is up to 7 with 1000 Wh of record 4 at 12:00:00")
}

// TestAlarmsOfRecords checks that records raise alarms and clear them.
func TestAlarmsOfRecords(t *testing.T) {
	r := newRows()
	unreadable := says(1, wire.Record{})
	unreadable.Bad = &wire.Bad{Reason: "no number"}
	if out := r.takes(t, event(1, 5, 501), event(1, 6, 520), unreadable); out[2].Kind != metering.Dropped {
		t.Errorf("it came to %+v", out[2])
	}
	r.Wants(t, "alarm of m1 tamper: A tamper switch of the meter tripped: cover.", `event m1/5 of cdef 501 {"n":5}`, "no alarm of m1 tamper", `event m1/6 of cdef 520 {"n":6}`,
		"alarm of m1 now unreadable-record: A record of the meter could not be read: no number. It was not stored.", "m1 is up to 6 with 1000 Wh of record 4 at 12:00:00")
}

// TestABootIsTakenWithTheNotesOfTheLast checks that the stored boot data is read once for a meter, and only if the new boot record is
// readable.
func TestABootIsTakenWithTheNotesOfTheLast(t *testing.T) {
	r := newRows()
	r.epoch = 2
	r.info[1] = &metering.Info{Server: metering.Notes{Epoch: 1}}
	r.info[2] = &metering.Info{Server: metering.Notes{Epoch: 2}}
	garbled := boot(3, memory, 1, 5)
	garbled.Bad = &wire.Bad{Reason: "no boot"}
	out := r.takes(t, boot(1, memory, 1, 9), boot(1, memory, 1, 9), boot(2, memory, 1, 9), garbled, reading(3, 5, 1100))
	if want := []int64{1, 2}; !slices.Equal(r.configured, want) { // once each; a reading or a garbled boot is no reason
		t.Errorf("the configuration of meters %v was looked at, want %v", r.configured, want)
	}
	if !out[0].Rewind || !out[1].Rewind || out[2].Rewind || out[3].Kind != metering.Dropped {
		t.Errorf("the boots came to %+v", out)
	}
	if got := strings.Join(slices.DeleteFunc(r.Made, func(c string) bool { return !strings.HasPrefix(c, "LoadInfo") }), ", "); got != "LoadInfo 1, LoadInfo 2" {
		t.Errorf("notes were read: %s", got)
	}
	if l := r.live[1]; l.Info == nil || l.Info.Server.RewindTo != 8 || l.Boot != 3 {
		t.Errorf("after the boot %+v", l)
	}
}

// TestAReadingThatCameAheadCountsWhenItsGapCloses checks a reading and an event that arrived before record 5. When record 5 arrives, the
// meter shows the figures of that reading, changed by that event.
func TestAReadingThatCameAheadCountsWhenItsGapCloses(t *testing.T) {
	r := newRows()
	r.takes(t, reading(1, 6, 1200), event(1, 7, 401), reading(1, 9, 1900))
	r.Wants(t, `event m1/7 of cdef 401 {"n":7}`, "readings m1/6 of cdef, m1/9 of cdef", "m1 is up to 4 with 1000 Wh of record 4 at 12:00:00")
	r.Made = nil
	p := wire.Reading{Head: head(6), RegisterWh: 1200, Relay: "closed"}
	r.held, r.changes = &p, []wire.Record{wire.Event{Head: head(7), Code: 401}.Record()}
	r.takes(t, event(1, 5, 402))
	r.Wants(t, `event m1/5 of cdef 402 {"n":5}`, "m1 is up to 7 with 1200 Wh of record 6 at 12:02:00")
	if l := r.live[1]; l.Relay != "open" || !l.ReceivedAt.Equal(noon()) {
		t.Errorf("the relay is %q since %s", l.Relay, l.ReceivedAt)
	}
	if got, want := r.Made[2:4], []string{"StoredReading 1 cdef 5 to 7", "StoredChanges 1 cdef 5 to 7"}; !slices.Equal(got, want) {
		t.Errorf("calls %q, want %q", got, want)
	}
}

// TestWhatSomebodyAcceptedIsKept checks that an accepted record goes to its own device memory, even if the meter uses another device memory
// by now.
func TestWhatSomebodyAcceptedIsKept(t *testing.T) {
	r := newRows()
	r.live[1].Window.Watermark = 9
	keep := func(rec metering.Record) {
		t.Helper()
		if err := intake.Keep(r, &rec); err != nil {
			t.Fatal(err)
		}
	}
	keep(reading(1, 3, 900))
	r.Wants(t, "readings m1/3 of cdef")
	keep(reading(1, 6, 1500))
	r.Wants(t, "readings m1/6 of cdef", "m1 is up to 9 with 1500 Wh of record 6 at 12:02:00")
	before := reading(1, 8, 1700)
	before.Memory = old
	keep(before)
	r.Wants(t, "readings m1/8 of 00aa")
	future := reading(1, 8, 1700)
	future.ReceivedAt = noon()
	keep(future)
	r.Wants(t, "readings m1/8 of cdef", "m1 is up to 9 with 1700 Wh of record 8 at 12:00:00")
	future = reading(1, 9, 1800)
	future.ReceivedAt, future.Simulated = noon(), true
	keep(future)
	r.Wants(t, "readings m1/9 of cdef", "m1 is up to 9 with 1800 Wh of record 9 at 12:05:00")
	keep(event(1, 3, 401))
	r.Wants(t, `event m1/3 of cdef 401 {"n":3}`)
}

// world is some work on prepared rows. The work must make at least a given number of calls to the store.
type world struct {
	name  string
	least int
	rows  func() *rows
	does  func(*rows) error
}

// taking passes a batch to Take.
func taking(recs ...metering.Record) func(*rows) error {
	return func(r *rows) error { _, err := intake.Take(r, recs); return err }
}

// TestNoFailureOfTheStoreIsHidden lets each call fail in turn. Take must return the error, so that nothing of the batch is committed.
func TestNoFailureOfTheStoreIsHidden(t *testing.T) {
	own := metering.OwnToken{ID: id.ID{15: 1}, State: metering.TokenReversed}
	full := func() *rows {
		r := newRows()
		r.tokens["mine"], r.tokens["given"] = own, metering.OwnToken{ID: id.ID{15: 2}, State: metering.TokenSent, Elsewhere: true}
		r.commands[order()] = ordered(1)
		return r
	}
	ahead := func() *rows {
		r := newRows().rated(1)
		r.live[1].Window.Bits = 0b10
		r.behind = []wallet.Reading{stored(5), stored(6)}
		return r
	}
	for _, c := range []world{
		{"tables", 9, full, taking(boot(1, memory, 1, 5), reading(1, 5, 1100), event(1, 6, 501), event(1, 7, 520), reading(1, 8, -1))},
		{"a token", 6, full, taking(report(1, 5, "mine", "accept"))},
		{"a token from elsewhere", 6, full, taking(report(1, 5, "given", "accept"))},
		{"a command", 6, full, taking(answer(1, 5, order().Text(id.Command), "done", ""))},
		{"too much is held", 5, func() *rows { r := newRows(); r.waiting = 200; return r }, taking(reading(1, 5, -1))},
		{"a gap closes", 14, ahead, taking(reading(1, 5, 1100))},
		{"another memory", 14, func() *rows { return newRows().rated(1, 2) }, taking(reading(1, 5, 1100), boot(1, old, 1, 5), reading(2, 5, 1200))},
		{"a reading stops the rating", 12, func() *rows { return newRows().rated(1) }, taking(reading(1, 5, 900))},
		{"an account is looked at", 9, func() *rows { return newRows().rated(1) }, taking(answer(1, 5, "unknown", "done", ""))},
		{"a reading is kept", 3, func() *rows { r := newRows(); r.live[1].Window.Watermark = 6; return r }, func(r *rows) error { return intake.Keep(r, ptr(reading(1, 5, 1100))) }},
	} {
		for at := 1; ; at++ {
			r := c.rows()
			r.Broken = at
			err := c.does(r)
			if len(r.Made) < at {
				if err != nil || at <= c.least {
					t.Errorf("%s: %d calls, %v; want at least %d", c.name, at-1, err, c.least)
				}
				break
			}
			if err == nil || !strings.Contains(err.Error(), rowstest.ErrStore.Error()) {
				t.Errorf("%s: call %d (%s) fails, and it came to %v", c.name, at, r.Made[at-1], err)
			}
		}
	}
}

// TestABatchThatFailsHasNoOutcome checks that a failed batch returns no outcomes, so that nothing is acknowledged.
func TestABatchThatFailsHasNoOutcome(t *testing.T) {
	for at := 1; at <= 4; at++ {
		r := newRows()
		r.Broken = at
		if out, err := intake.Take(r, []metering.Record{event(1, 5, 401), reading(1, 6, 1200)}); err == nil || out != nil {
			t.Errorf("call %d (%s) fails: %v, %v", at, r.Made[at-1], out, err)
		}
	}
}

func ptr[T any](v T) *T { return &v }
