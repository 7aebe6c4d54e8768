package storetest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/wire"
)

func meterTests() []test {
	return []test{
		{"any order, repetition and loss end with each record stored once", eachRecordOnce},
		{"the figures follow the watermark, not arrival", figuresFollow},
		{"a new memory starts a new window, a known one goes on", memories},
		{"a hole that the meter cannot fill is recorded, not waited for", holes},
		{"after a restore the meter is asked again until it has delivered", rewinds},
		{"bad records go to quarantine or are dropped, and somebody is told", badRecords},
		{"alarms do not repeat and do not fill the table", boundedAlarms},
		{"history is read by page and by time", historyPages},
		{"what a meter says of our tokens", tokenReports},
		{"a token of another meter stays as it is", foreignToken},
		{"what a meter says of its commands", commandAnswers},
		{"what a meter says of the copies of a command", copiesAnswered},
		{"the leases that a meter was given", leasesLookedBackAt},
		{"cut-offs before the newest", cutsBefore},
		{"a command that was changed in the database is not signed", changedCommands},
		{"a command that ended cannot wait again", endedCommands},
		{"a server with another data key ends no command", unjudgedCommands},
		{"commands wait over a change of the data key", remarkedCommands},
		{"a telephone number that was changed in the database decides nothing", changedNumbers},
		{"a telephone number of two customers decides for neither if one is hidden in the database", sharedNumbers},
		{"a hundred telephone numbers that end alike stop none", crowdedNumbers},
		{"the database compares telephone numbers as the program does", comparedNumbers},
		{"telephone numbers of an older version are marked once", markedNumbers},
		{"telephone numbers decide over a change of the data key", remarkedNumbers},
		{"verification checks marks, whatever the database says of the data key", hiddenKey},
		{"verification finds that all marks are gone, whatever data key it has", missingMarks},
		{"a telephone number keeps its mark where two transactions meet", meetingNumbers},
		{"a change of a number is confirmed as it is when both meet", confirmedMeanwhile},
		{"the hold of a SIM's number is in the evidence of its meter", changedSIMHolds},
		{"a meter that an earlier version sealed verifies by the evidence of that version", earlierSIMHolds},
		{"command counters rise over a clock that goes back", counters},
		{"commands end when their time is over", expiries},
		{"a simulated meter lives in its own time", ownTime},
		{"one leads, a recurring job runs once a period", leads},
	}
}

// base returns the time of the first record of these tests, which is in the past on any clock.
func base() time.Time { return time.Date(2026, 1, 20, 8, 0, 0, 0, time.UTC) }

const memory = "00000000000000a1"

// mtr is a registered meter for which these tests make records.
type mtr struct {
	registry.Meter
	store string
}

func addMeter(t *testing.T, e store.Engine, n int64, simulated bool) mtr {
	t.Helper()
	m := registry.Meter{N: n, Number: fmt.Sprintf("0414000%04d", n), Mode: registry.PrepayToken, Status: registry.Active, Phases: 1,
		ImpPerKWh: 1000, TT: "02", Simulated: simulated, ReadingInterval: 30 * time.Minute, CreatedAt: base()}
	must(t, e, func(tx *store.Tx) (err error) {
		if m.ID, err = tx.NewID(); err != nil {
			return err
		}
		return tx.AddMeterRow(m, nil, []byte("sealed link key"))
	})
	return mtr{m, memory}
}

// booted adds a meter that has sent only its boot message.
func booted(t *testing.T, e store.Engine, n int64, simulated bool) mtr {
	t.Helper()
	m := addMeter(t, e, n, simulated)
	wantOutcomes(t, e, "stored@0", m.boot(1, 1))
	return m
}

func (m mtr) record(r wire.Record) metering.Record {
	return metering.Record{Tenant: store.FirstTenant, Meter: m.N, Number: m.Number, Simulated: m.Simulated, ReceivedAt: base().Add(time.Hour),
		Memory: m.store, Rec: r}
}

func (m mtr) head(seq uint64) wire.Head {
	return wire.Head{Seq: seq, At: base().Unix() + int64(seq), Up: seq * 1000, Clock: wire.ClockValid}
}

func (m mtr) reading(seq uint64) metering.Record {
	return m.record(wire.Reading{Head: m.head(seq), RegisterWh: int64(seq) * 10, BalanceWh: 5000 - int64(seq), Relay: "closed"}.Record())
}

func (m mtr) event(seq uint64, code int) metering.Record {
	return m.record(wire.Event{Head: m.head(seq), Code: code, Args: map[string]any{"n": int64(seq)}}.Record())
}

func (m mtr) boot(lowest, next uint64) metering.Record {
	return m.record(wire.Boot{Memory: m.store, Lowest: lowest, Next: next, Boot: 3, Proto: 1, FW: "1.0"}.Record())
}

// outcomes stores records and returns their outcomes in one line: kind@watermark, with ! if the meter must rewind.
func outcomes(t *testing.T, e store.Engine, recs ...metering.Record) string {
	t.Helper()
	var out []metering.Outcome
	must(t, e, func(tx *store.Tx) (err error) { out, err = intake.Take(tx, recs); return err })
	words := make([]string, len(out))
	for i, o := range out {
		words[i] = fmt.Sprintf("%s@%d", o.Kind, o.Watermark)
		if o.Rewind {
			words[i] += "!"
		}
	}
	return strings.Join(words, " ")
}

func wantOutcomes(t *testing.T, e store.Engine, want string, recs ...metering.Record) {
	t.Helper()
	if got := outcomes(t, e, recs...); got != want {
		t.Errorf("outcomes %s, want %s", got, want)
	}
}

func live(t *testing.T, e store.Engine, m mtr) *metering.Live {
	t.Helper()
	return look(t, e, func(tx *store.Tx) (*metering.Live, error) { return tx.Live(m.N) })
}

// alarms lists the open alarms of a meter, newest first.
func alarms(t *testing.T, e store.Engine, m mtr) string {
	t.Helper()
	rows := look(t, e, func(tx *store.Tx) ([]metering.RaisedAlarm, error) { return tx.Alarms(m.N, true, metering.After{}, 200) })
	codes := make([]string, len(rows))
	for i, a := range rows {
		codes[i] = string(a.Alarm.Code)
	}
	return strings.Join(codes, " ")
}

func eachRecordOnce(t *testing.T, r Rig) {
	e := r.Open(t)
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		first := int64(3*seed) + 1
		meters := []mtr{addMeter(t, e, first, false), addMeter(t, e, first+1, true), addMeter(t, e, first+2, false)}
		const last = 150
		for _, m := range meters {
			outcomes(t, e, m.boot(1, last+1))
		}
		stored := map[int64]int{}
		for round := 0; ; round++ {
			if round > 1000 {
				t.Fatalf("seed %d: not everything arrived in %d rounds", seed, round)
			}
			var batch []metering.Record
			complete := true
			for _, m := range meters {
				w := live(t, e, m).Window.Watermark
				complete = complete && w == last
				for s := w + 1; s <= min(w+wire.Window+2, last); s++ { // two more than fit the window
					for range rnd.IntN(3) {
						batch = append(batch, m.reading(s))
					}
				}
				if w > 3 && rnd.IntN(2) == 0 {
					batch = append(batch, m.reading(w-uint64(rnd.IntN(3))))
				}
			}
			if complete {
				break
			}
			rnd.Shuffle(len(batch), func(i, j int) { batch[i], batch[j] = batch[j], batch[i] })
			var out []metering.Outcome
			must(t, e, func(tx *store.Tx) (err error) { out, err = intake.Take(tx, batch); return err })
			for i, o := range out {
				if o.Kind == metering.Stored {
					stored[batch[i].Meter]++
				}
			}
		}
		for _, m := range meters {
			rows := look(t, e, func(tx *store.Tx) ([]metering.StoredReading, error) {
				return tx.Readings(m.N, metering.Span{}, metering.After{}, 2*last)
			})
			seqs := map[uint64]int{}
			for _, row := range rows {
				seqs[row.Seq]++
			}
			if len(rows) != last || len(seqs) != last || stored[m.N] != last {
				t.Errorf("seed %d, meter %d: %d rows of %d numbers, %d said to be stored; want %d of each", seed, m.N, len(rows), len(seqs), stored[m.N], last)
			}
			if l := live(t, e, m); l.RegisterWh != last*10 || l.ReadingSeq != last {
				t.Errorf("seed %d, meter %d: register %d of record %d, want %d of %d", seed, m.N, l.RegisterWh, l.ReadingSeq, last*10, last)
			}
		}
	}
}

func figuresFollow(t *testing.T, r Rig) {
	e := r.Open(t)
	m := addMeter(t, e, 1, false)
	steps := []struct {
		recs     []metering.Record
		want     string
		register int64
		relay    string
	}{
		{[]metering.Record{m.boot(1, 1)}, "stored@0", 0, ""},
		{[]metering.Record{m.reading(2)}, "stored@0", 0, ""},                           // record 1 is missing
		{[]metering.Record{m.reading(4), m.event(5, 401)}, "stored@0 stored@0", 0, ""}, // record 3 is missing too
		{[]metering.Record{m.reading(1)}, "stored@2", 20, "closed"},                    // the reading held before counts now
		{[]metering.Record{m.event(3, 101)}, "stored@5", 40, "open"},                   // with event 5 of an earlier batch
		{[]metering.Record{m.event(6, 401)}, "stored@6", 40, "open"},
		{[]metering.Record{m.event(7, 403), m.event(8, 501)}, "stored@7 stored@8", 40, "armed"},
		{[]metering.Record{m.reading(10), m.reading(9)}, "stored@8 stored@10", 100, "closed"},
		{[]metering.Record{m.reading(1)}, "duplicate@10", 100, "closed"},
	}
	for i, s := range steps {
		wantOutcomes(t, e, s.want, s.recs...)
		if l := live(t, e, m); l.RegisterWh != s.register || l.Relay != s.relay {
			t.Errorf("step %d: register %d, relay %q; want %d, %q", i, l.RegisterWh, l.Relay, s.register, s.relay)
		}
	}
	if got := alarms(t, e, m); got != "tamper" {
		t.Errorf("alarms %q, want tamper", got)
	}
	held := addMeter(t, e, 2, false)
	wantOutcomes(t, e, "stored@0", held.boot(1, 1))
	wantOutcomes(t, e, "stored@0 stored@0", held.token(2, 77, "", "accept"), held.token(4, 77, "", "used_error"))
	wantOutcomes(t, e, "stored@2", held.reading(1))
	wantOutcomes(t, e, "stored@4", held.event(3, 402))
	if l := live(t, e, held); l.BalanceWh != 42_820 || l.RegisterWh != 10 || l.Relay != "closed" {
		t.Errorf("balance %d, register %d, relay %q; want 42820 of the token that came ahead of a gap, 10, closed", l.BalanceWh, l.RegisterWh, l.Relay)
	}
	outcomes(t, e, m.event(11, 520))
	if got := alarms(t, e, m); got != "" {
		t.Errorf("alarms %q after the tamper was cleared, want none", got)
	}
	if l := live(t, e, m); l.Tamper || l.AsOf != m.head(10).At*1e6 {
		t.Errorf("tamper %v as of %d, want cleared and the time of record 10", l.Tamper, l.AsOf)
	}
}

func memories(t *testing.T, r Rig) {
	e := r.Open(t)
	a := addMeter(t, e, 1, false)
	b := a
	b.store = "00000000000000b2"
	wantOutcomes(t, e, "stored@0 stored@1 stored@2 stored@2", a.boot(1, 5), a.reading(1), a.reading(2), a.reading(4))
	if got := alarms(t, e, a); got != "" {
		t.Errorf("alarms %q after an ordinary first boot, want none", got)
	}
	wantOutcomes(t, e, "stored@6 stored@7 beyond@7 stored@8", b.boot(7, 9), b.reading(7), a.reading(3), b.reading(8))
	if got := alarms(t, e, a); got != "memory-replaced" {
		t.Errorf("alarms %q after another memory, want memory-replaced", got)
	}
	if l := live(t, e, a); l.Memory != b.store || l.RegisterWh != 80 {
		t.Errorf("memory %s, register %d; want %s, 80", l.Memory, l.RegisterWh, b.store)
	}
	// The first memory comes back. Records that it delivered before are not stored again.
	wantOutcomes(t, e, "stored@2 duplicate@2 duplicate@2 stored@4 stored@5", a.boot(1, 6), a.reading(2), a.reading(4), a.reading(3), a.reading(5))
	if n := look(t, e, readings); n != 7 {
		t.Errorf("%d readings are stored, want 7", n)
	}
	// A connection that began with a replaced memory changes nothing.
	wantOutcomes(t, e, "beyond@5", b.reading(9))
}

func holes(t *testing.T, r Rig) {
	e := r.Open(t)
	m := addMeter(t, e, 1, false)
	wantOutcomes(t, e, "stored@0 stored@1 stored@1 stored@1", m.boot(1, 9), m.reading(1), m.reading(3), m.reading(6))
	wantOutcomes(t, e, "stored@3", m.boot(3, 9)) // record 2 is lost for good
	if got := alarms(t, e, m); got != "records-lost" {
		t.Errorf("alarms %q, want records-lost", got)
	}
	if l := live(t, e, m); l.RegisterWh != 30 {
		t.Errorf("register %d after the hole was given up, want 30 of record 3, which was held", l.RegisterWh)
	}
	wantOutcomes(t, e, "stored@3 stored@4 stored@6 beyond@6", m.boot(1, 9), m.reading(4), m.reading(5), m.reading(200))
}

func rewinds(t *testing.T, r Rig) {
	e := r.Open(t)
	m := addMeter(t, e, 1, false)
	outcomes(t, e, m.boot(1, 1), m.reading(1), m.reading(2))
	restored := func(recs ...metering.Record) string {
		t.Helper()
		var out []metering.Outcome
		must(t, e, func(tx *store.Tx) (err error) {
			tx.Epoch++ // the store after a restore knows records 1 and 2; it had acknowledged 8 to the meter
			out, err = intake.Take(tx, recs)
			return err
		})
		last := out[len(out)-1]
		return fmt.Sprintf("%s@%d %v", last.Kind, last.Watermark, last.Rewind)
	}
	for _, s := range []struct {
		rec  metering.Record
		want string
	}{
		{m.boot(1, 9), "stored@2 true"},
		{m.reading(3), "stored@3 false"},
		{m.boot(1, 9), "stored@3 true"}, // the connection broke before the meter had sent all records
		{m.reading(4), "stored@4 false"},
		{m.boot(7, 9), "stored@6 true"}, // meanwhile the meter overwrote some of the lost records
		{m.reading(7), "stored@7 false"},
		{m.reading(8), "stored@8 false"},
		{m.boot(7, 12), "stored@8 false"}, // all lost records are back; the meter sends the newer ones without being asked
	} {
		if got := restored(s.rec); got != s.want {
			t.Errorf("%s %d: %s, want %s", s.rec.Rec.Kind, s.rec.Rec.Head.Seq, got, s.want)
		}
	}
	late := addMeter(t, e, 2, false) // its first boot was after the backup, so the restored store does not know it
	if got := restored(late.boot(1, 9)); got != "stored@0 true" {
		t.Errorf("first boot after a restore: %s, want stored@0 true", got)
	}
}

func badRecords(t *testing.T, r Rig) {
	e := r.Open(t)
	m := addMeter(t, e, 1, false)
	bad := func(b wire.Bad) metering.Record { x := m.record(wire.Record{}); x.Bad = &b; return x }
	future := m.reading(3)
	future.Rec.Head.At = base().Add(40 * time.Hour).Unix()
	negative := m.reading(4)
	negative.Rec.Reading.RegisterWh = -1
	wantOutcomes(t, e, "stored@0 stored@1 quarantined@2 dropped@2 quarantined@3 quarantined@4 duplicate@4 stored@5", m.boot(1, 1), m.reading(1),
		bad(wire.Bad{Seq: 2, HasSeq: true, Reason: "w: no number", Raw: []byte(`{"seq":2}`)}),
		bad(wire.Bad{Reason: "no record", Raw: []byte("on fire")}), future, negative,
		bad(wire.Bad{Seq: 2, HasSeq: true, Reason: "w: no number", Raw: []byte(`{"seq":2}`)}), m.reading(5))
	if got := alarms(t, e, m); strings.Count(got, "quarantined-record") != 1 || strings.Count(got, "unreadable-record") != 1 {
		t.Errorf("alarms %q, want one of the quarantine, which lists all three, and one of the unreadable record", got)
	}
	rows := look(t, e, func(tx *store.Tx) (rows []string, err error) {
		err = tx.C.Query(`SELECT seq, reason, substr(payload, 1, 9) FROM quarantine WHERE tenant_id = $1 AND meter = $2 ORDER BY seq`, func(r core.Row) error {
			rows = append(rows, fmt.Sprintf("%d %.11s %s", r.Int(0), r.Text(1), r.Bytes(2)))
			return nil
		}, tx.Tenant, m.N)
		return rows, err
	})
	want := []string{`2 w: no numbe {"seq":2}`, `3 future time {"seq":3,`, `4 register_wh {"seq":4,`}
	if fmt.Sprint(rows) != fmt.Sprint(want) {
		t.Errorf("quarantine has %q, want %q", rows, want)
	}
	if l := live(t, e, m); l.RegisterWh != 50 {
		t.Errorf("register %d, want 50: nothing is concluded from what was put aside", l.RegisterWh)
	}
}

func boundedAlarms(t *testing.T, r Rig) {
	e := r.Open(t)
	m := addMeter(t, e, 1, false)
	must(t, e, func(tx *store.Tx) error {
		for i := range 300 {
			a := metering.Alarm{Code: metering.AlarmUnreadable, Text: fmt.Sprint("text ", i/2)}
			if err := tx.RaiseAlarm(m.N, a); err != nil {
				return err
			}
		}
		return nil
	})
	if n := len(strings.Fields(alarms(t, e, m))); n != 100 {
		t.Errorf("%d alarms are open, want 100", n)
	}
	must(t, e, func(tx *store.Tx) error { return tx.ClearAlarm(m.N, metering.AlarmUnreadable) })
	if got := alarms(t, e, m); got != "" {
		t.Errorf("alarms %q after clearing, want none", got)
	}
	rows := look(t, e, func(tx *store.Tx) ([]metering.RaisedAlarm, error) { return tx.Alarms(0, false, metering.After{}, 3) })
	if len(rows) != 3 || rows[0].ClearedAt.IsZero() || rows[0].Number != m.Number {
		t.Errorf("cleared alarms are %+v, want three with number and time", rows)
	}
}

func historyPages(t *testing.T, r Rig) {
	e := r.Open(t)
	m, other := booted(t, e, 1, false), booted(t, e, 2, false)
	for s := uint64(1); s <= 40; s += 2 {
		outcomes(t, e, m.reading(s), m.event(s+1, 101), other.reading((s+1)/2))
	}
	var seqs []uint64
	after := metering.After{}
	for {
		rows := look(t, e, func(tx *store.Tx) ([]metering.StoredReading, error) {
			return tx.Readings(m.N, metering.Span{}, after, 7)
		})
		if len(rows) == 0 {
			break
		}
		for _, row := range rows {
			seqs = append(seqs, row.Seq)
			after = metering.After{Hi: uint64(row.Row)}
		}
	}
	if len(seqs) != 20 || seqs[0] != 39 || seqs[19] != 1 {
		t.Errorf("readings by page: %v, want 39, 37 … 1", seqs)
	}
	span := metering.Span{From: time.Unix(m.head(10).At, 0), To: time.Unix(m.head(15).At, 0)}
	rows := look(t, e, func(tx *store.Tx) ([]metering.StoredReading, error) {
		return tx.Readings(m.N, span, metering.After{}, 50)
	})
	if len(rows) != 2 || rows[0].Seq != 13 || rows[1].Seq != 11 {
		t.Errorf("readings of a span: %+v, want records 13 and 11", rows)
	}
	if got := rows[0]; got.RegisterWh != 130 || got.BalanceWh != 4987 || got.Relay != "closed" || got.Reasons == nil || got.At.Unix() != m.head(13).At {
		t.Errorf("reading 13 came back as %+v", got)
	}
	seqs, after = nil, metering.After{}
	for {
		rows := look(t, e, func(tx *store.Tx) ([]metering.StoredEvent, error) { return tx.Events(m.N, metering.Span{}, after, 6) })
		if len(rows) == 0 {
			break
		}
		for _, row := range rows {
			seqs = append(seqs, row.Seq)
			after = metering.After{Hi: uint64(row.ReceivedAt.UnixMicro()), Lo: row.Seq}
			if row.Kind != "event" || row.Code != 101 || string(row.Args) != fmt.Sprintf(`{"n":%d}`, row.Seq) {
				t.Errorf("event %d came back as %+v with %s", row.Seq, row, row.Args)
			}
		}
	}
	if len(seqs) != 20 || seqs[0] != 40 || seqs[19] != 2 {
		t.Errorf("events by page: %v, want 40, 38 … 2", seqs)
	}
	var second access.Tenant
	must(t, e, func(tx *store.Tx) (err error) { second, err = NewTenant(tx, "second"); return err })
	err := e.View(t.Context(), second, func(tx *store.Tx) error {
		rows, err := tx.Readings(m.N, metering.Span{}, metering.After{}, 10)
		events, err2 := tx.Events(m.N, metering.Span{}, metering.After{}, 10)
		_, found, err3 := tx.MeterNamed(m.Number, m.ID)
		if len(rows) != 0 || len(events) != 0 || found {
			t.Errorf("a second tenant sees %d readings, %d events, the meter: %v", len(rows), len(events), found)
		}
		return firstOf(err, err2, err3)
	})
	if err != nil {
		t.Error(err)
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
