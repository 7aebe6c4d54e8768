package metering_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/wire"
)

// line is a meter that the server can receive from, with one named memory.
type line struct {
	metering.Live
	now time.Time
}

const lineMemory = "00000000000000a1"

func newLine() *line {
	l := &line{now: noon()}
	l.boot(lineMemory, 1, 1, 1)
	l.Load()
	return l
}

func (l *line) boot(memory string, lowest, next uint64, epoch int64) metering.Decision {
	return l.takes(wire.Boot{Memory: memory, Lowest: lowest, Next: next, Boot: 3, FW: "1.2"}.Record(), epoch)
}

func (l *line) takes(r wire.Record, epoch int64) metering.Decision {
	return l.Take(&metering.Record{ReceivedAt: l.now, Rec: r, Memory: l.Memory}, epoch)
}

func head(seq uint64) wire.Head {
	return wire.Head{Seq: seq, At: noon().Unix() + int64(seq), Up: seq, Clock: wire.ClockValid}
}

func reading(seq uint64) wire.Record {
	return wire.Reading{Head: head(seq), RegisterWh: int64(seq) * 100, BalanceWh: int64(seq), ECUsedWh: 3, OverrunWh: 4, W: 5, MV: 6, Relay: "closed", Reasons: []string{"LEASE", "REMOTE"}}.Record()
}

func event(seq uint64, code int) wire.Record { return wire.Event{Head: head(seq), Code: code}.Record() }

func token(seq uint64, result string, balance int64) wire.Record {
	return wire.Token{Head: head(seq), Result: result, BalanceWh: balance}.Record()
}

func (l *line) settle() { l.Settle(nil, time.Time{}, l.now) }

// TestTheFiguresOfAReading checks that all figures come from the newest reading.
func TestTheFiguresOfAReading(t *testing.T) {
	l := newLine()
	for _, seq := range []uint64{2, 1, 4} { // record 4 is beyond a gap
		l.takes(reading(seq), 1)
	}
	l.settle()
	want := metering.Figures{ReadingSeq: 2, AsOf: (noon().Unix() + 2) * 1_000_000, ReceivedAt: noon(), RegisterWh: 200, BalanceWh: 2, ECUsedWh: 3, OverrunWh: 4, W: 5, MV: 6,
		Relay: "closed", Reasons: "LEASE,REMOTE"}
	if !reflect.DeepEqual(l.Figures, want) {
		t.Errorf("%+v, want %+v", l.Figures, want)
	}
	p := reading(3)
	p.Reading.Reasons = []string{"TAMPER"}
	l.takes(p, 1)
	if from, to, ok := l.Held(); from != 4 || to != 4 || !ok {
		t.Errorf("asks for %d to %d (%t), want the reading that came ahead of the gap", from, to, ok)
	}
	if from, to, held := l.Passed(); from != 3 || to != 4 || !held {
		t.Errorf("passed %d to %d, held %t; want 3 to 4, held", from, to, held)
	}
	early := reading(4)
	l.Settle(early.Reading, noon().Add(-time.Hour), l.now)
	if l.ReadingSeq != 4 || l.RegisterWh != 400 || !l.ReceivedAt.Equal(noon().Add(-time.Hour)) || l.Tamper {
		t.Errorf("after the gap closed: %+v, want those of record 4", l.Figures)
	}
	if from, to, held := l.Passed(); from != 5 || to != 4 || held {
		t.Errorf("settled, and passed %d to %d, held %t", from, to, held)
	}
	if _, _, ok := l.Held(); ok {
		t.Error("settled, and asks for a reading")
	}
}

// TestWhatIsLookedForInEarlierBatches closes gaps: the store is asked only for records that may be newer than the records taken now.
func TestWhatIsLookedForInEarlierBatches(t *testing.T) {
	for _, c := range []struct {
		name     string
		early    []uint64 // records taken in an earlier batch, beyond a gap
		now      []wire.Record
		from, to uint64
		ok       bool
	}{
		{"nothing early", nil, []wire.Record{reading(1)}, 0, 0, false},
		{"a gap that stays", []uint64{3}, []wire.Record{reading(5)}, 0, 0, false},
		{"a gap that an event closes", []uint64{2, 3}, []wire.Record{event(1, 401)}, 1, 3, true},
		{"a gap that a reading closes", []uint64{2, 3}, []wire.Record{reading(1)}, 2, 3, true},
		{"beyond the early ones", []uint64{2}, []wire.Record{event(1, 401), event(3, 401)}, 1, 2, true},
		{"a newer reading now", []uint64{2}, []wire.Record{event(1, 401), reading(3)}, 4, 2, false},
		{"the newer reading is ahead of another gap", []uint64{2}, []wire.Record{event(1, 401), reading(4)}, 1, 2, true},
		{"two readings now, the higher first", []uint64{3, 5}, []wire.Record{event(1, 401), reading(4), reading(2)}, 5, 5, true},
	} {
		l := newLine()
		for _, seq := range c.early {
			l.takes(event(seq, 402), 1)
		}
		l.settle()
		for _, r := range c.now {
			l.takes(r, 1)
		}
		if from, to, ok := l.Held(); ok != c.ok || from != c.from || to != c.to {
			t.Errorf("%s: %d to %d (%t), want %d to %d (%t)", c.name, from, to, ok, c.from, c.to, c.ok)
		}
	}
}

// TestFiguresFollowTheNumbers checks that the figures follow the record numbers, not the order of arrival. This holds for readings, events
// and tokens, also of an earlier batch.
func TestFiguresFollowTheNumbers(t *testing.T) {
	l := newLine()
	l.takes(event(3, 401), 1)
	l.takes(token(2, "accept", 77), 1)
	l.takes(reading(1), 1)
	l.settle()
	if l.Relay != "open" || l.BalanceWh != 77 || l.ReadingSeq != 1 {
		t.Errorf("%+v, want the relay open and the balance of the token", l.Figures)
	}
	l.takes(token(4, "used_error", 5), 1)
	l.settle()
	if l.BalanceWh != 77 {
		t.Errorf("a token that was not taken set the balance to %d", l.BalanceWh)
	}
	// The next records come in three batches: an event beyond the gap, a reading beyond the gap, and the records that close the gap.
	l.takes(event(7, 403), 1)
	l.settle()
	held := reading(6)
	l.takes(held, 1)
	l.settle()
	l.takes(event(5, 401), 1)
	l.Recall([]wire.Record{event(7, 403)})
	l.Settle(held.Reading, l.now, l.now)
	if l.ReadingSeq != 6 || l.Relay != "armed" {
		t.Errorf("reading %d, relay %q; want 6, and then armed by event 7", l.ReadingSeq, l.Relay)
	}
	l.takes(reading(8), 1)
	l.Settle(held.Reading, l.now.Add(time.Hour), l.now)
	if l.ReadingSeq != 8 || l.Relay != "closed" {
		t.Errorf("an older reading took the place of a newer one: %+v", l.Figures)
	}
	l.takes(event(9, 401), 1)
	was := l.Figures
	same := reading(8)
	same.Reading.RegisterWh = 1
	l.Settle(same.Reading, l.now, l.now)
	if was.Relay = "open"; !reflect.DeepEqual(l.Figures, was) {
		t.Errorf("the reading that is shown came again: %+v", l.Figures)
	}
}

// TestEventsChangeWhatIsKnownOfASupply checks the effect of each event code.
func TestEventsChangeWhatIsKnownOfASupply(t *testing.T) {
	l := newLine()
	seq := uint64(0)
	for _, c := range []struct {
		code   int
		relay  string
		tamper bool
	}{{400, "", false}, {401, "open", false}, {402, "closed", false}, {403, "armed", false}, {404, "armed", false}, {500, "armed", false}, {501, "armed", true}, {520, "armed", false},
		{506, "armed", true}, {507, "armed", true}, {519, "armed", true}, {520, "armed", false}, {507, "armed", false}, {521, "armed", false}} {
		seq++
		l.takes(event(seq, c.code), 1)
		if l.settle(); l.Relay != c.relay || l.Tamper != c.tamper {
			t.Errorf("after event %d: relay %q, tampered %t; want %q, %t", c.code, l.Relay, l.Tamper, c.relay, c.tamper)
		}
	}
	tampered := reading(seq + 1)
	tampered.Reading.Reasons = []string{"REMOTE", "TAMPER"}
	l.takes(tampered, 1)
	if l.settle(); !l.Tamper {
		t.Error("a reading that names the reason TAMPER")
	}
}

// TestEventsRaiseAlarms checks the alarm of each event code.
func TestEventsRaiseAlarms(t *testing.T) {
	l := newLine()
	for i, c := range []struct {
		code  int
		alarm metering.AlarmCode
		words string
		clear metering.AlarmCode
	}{
		{302, "", "", ""}, {303, metering.AlarmLockout, "locked its entry", ""}, {304, "", "", ""}, {500, "", "", ""}, {501, metering.AlarmTamper, ": cover.", ""},
		{502, metering.AlarmTamper, ": terminal cover.", ""}, {503, metering.AlarmTamper, ": magnet.", ""}, {504, metering.AlarmTamper, ": reverse energy.", ""},
		{505, metering.AlarmTamper, ": bypass.", ""}, {506, metering.AlarmTamper, ": phase loss.", ""}, {507, "", "", ""}, {519, "", "", ""}, {520, "", "", metering.AlarmTamper}, {521, "", "", ""},
	} {
		d := l.takes(event(uint64(i+1), c.code), 1)
		got, words := metering.AlarmCode(""), ""
		if d.Alarm != nil {
			got, words = d.Alarm.Code, d.Alarm.Text
		}
		if got != c.alarm || !strings.Contains(words, c.words) || d.Clear != c.clear || d.Kind != metering.Stored {
			t.Errorf("event %d: alarm %q %q, clears %q; want %q %q, %q", c.code, got, words, d.Clear, c.alarm, c.words, c.clear)
		}
	}
}

// TestALateReadingIsShown checks that a reading that a person accepted is shown, unless there is a newer reading.
func TestALateReadingIsShown(t *testing.T) {
	for _, c := range []struct {
		name      string
		seq       uint64
		at        time.Duration // meter time, relative to the arrival
		simulated bool
		want      bool
		asOf      time.Duration
	}{
		{"older", 3, 0, false, false, 0}, {"the one that is shown", 4, 0, false, false, 0}, {"newer", 5, -time.Hour, false, true, -time.Hour},
		{"the newest that is in", 6, 0, false, true, 0}, {"ahead of a gap", 7, 0, false, false, 0},
		{"of the future", 5, time.Hour, false, true, 0}, {"of a simulated meter's future", 5, time.Hour, true, true, time.Hour},
	} {
		l := newLine()
		for seq := uint64(1); seq <= 4; seq++ {
			l.takes(reading(seq), 1)
		}
		l.settle()
		l.takes(event(5, 402), 1)
		l.takes(event(6, 402), 1)
		l.settle()
		r := reading(c.seq).Reading
		r.At = noon().Add(c.at).Unix()
		was := r.At
		if got := l.Late(r, noon(), c.simulated); got != c.want || r.At != was {
			t.Errorf("%s: shown %t, want %t", c.name, got, c.want)
		}
		if want := noon().Add(c.asOf).UnixMicro(); c.want && (l.ReadingSeq != c.seq || l.AsOf != want || !l.ReceivedAt.Equal(noon())) {
			t.Errorf("%s: %+v, want record %d as of %d", c.name, l.Figures, c.seq, want)
		}
	}
}

// TestTheMetersOwnTime checks that a meter's time is the time of its records plus the real time since.
func TestTheMetersOwnTime(t *testing.T) {
	var l line
	if l.now = noon(); !l.Clock(l.now).Equal(noon()) {
		t.Errorf("a meter that told nothing lives in %s", l.Clock(l.now))
	}
	for _, c := range []struct {
		name string
		pass time.Duration
		rec  wire.Record
		want time.Duration // time after noon
		seen time.Duration // time of LastSeen, after noon
	}{
		{"its first boot", 0, wire.Boot{Memory: lineMemory, Lowest: 1, Next: 1, FW: "1"}.Record(), 0, 0},
		{"a reading an hour behind", time.Minute, wire.Reading{Head: wire.Head{Seq: 1, At: noon().Add(-time.Hour).Unix(), Clock: wire.ClockValid}, Relay: "closed"}.Record(), -time.Hour, time.Minute},
		{"without a time", time.Minute, wire.Reading{Head: wire.Head{Seq: 2, Clock: wire.ClockInvalid}, Relay: "closed"}.Record(), -59 * time.Minute, 2 * time.Minute},
		{"a duplicate", time.Minute, wire.Reading{Head: wire.Head{Seq: 2, At: noon().Unix(), Clock: wire.ClockValid}, Relay: "closed"}.Record(), -58 * time.Minute, 3 * time.Minute},
		{"beyond the window", time.Minute, wire.Reading{Head: wire.Head{Seq: 99, At: noon().Unix(), Clock: wire.ClockValid}, Relay: "closed"}.Record(), -57 * time.Minute, 4 * time.Minute},
		{"put aside", time.Minute, wire.Reading{Head: wire.Head{Seq: 3, At: noon().Unix(), Clock: wire.ClockValid}, RegisterWh: -1, Relay: "closed"}.Record(), -56 * time.Minute, 5 * time.Minute},
		{"two servers differ by two minutes", -2 * time.Minute, wire.Event{Head: wire.Head{Seq: 4, Clock: wire.ClockInvalid}, Code: 401}.Record(), -58 * time.Minute, 5 * time.Minute},
		{"the server's clock was set back", -1, wire.Event{Head: wire.Head{Seq: 5, Clock: wire.ClockInvalid}, Code: 401}.Record(), -56 * time.Minute, 3*time.Minute - 1},
		{"and goes on", time.Minute, wire.Event{Head: wire.Head{Seq: 6, Clock: wire.ClockInvalid}, Code: 401}.Record(), -55 * time.Minute, 4*time.Minute - 1},
	} {
		l.now = l.now.Add(c.pass)
		l.takes(c.rec, 1)
		if got := l.Clock(l.now).Sub(noon()).Round(time.Millisecond); got != c.want || l.LastSeen.Sub(noon()) != c.seen {
			t.Errorf("%s: own time %s after noon, last seen %s; want %s, %s", c.name, got, l.LastSeen.Sub(noon()), c.want, c.seen)
		}
	}
	l.now = l.now.Add(time.Minute)
	l.Take(&metering.Record{ReceivedAt: l.now, Bad: &wire.Bad{Reason: "no JSON"}}, 1)
	if got := l.LastSeen.Sub(noon()); got != 5*time.Minute-1 {
		t.Errorf("something that cannot be read: last seen %s", got)
	}
}

// TestWhatBecomesOfARecord checks each outcome of a record, with the answer to the meter.
func TestWhatBecomesOfARecord(t *testing.T) {
	for _, c := range []struct {
		name  string
		rec   metering.Record
		kind  metering.OutcomeKind
		mark  uint64
		doubt metering.Doubt
		alarm metering.AlarmCode
	}{
		{"the next", metering.Record{Rec: reading(3)}, metering.Stored, 3, "", ""},
		{"known", metering.Record{Rec: reading(2)}, metering.Duplicate, 2, "", ""},
		{"the last of the window", metering.Record{Rec: reading(66)}, metering.Stored, 2, "", ""},
		{"beyond it", metering.Record{Rec: reading(67)}, metering.Beyond, 2, "", ""},
		{"of a memory that was replaced", metering.Record{Rec: reading(3), Memory: "00000000000000b2"}, metering.Beyond, 2, "", ""},
		{"of the memory that was named", metering.Record{Rec: reading(3), Memory: lineMemory}, metering.Stored, 3, "", ""},
		{"unreadable, with its number", metering.Record{Bad: &wire.Bad{Seq: 3, HasSeq: true, Reason: "no JSON"}}, metering.Quarantined, 3, metering.DoubtUnreadable, metering.AlarmQuarantine},
		{"the same, known", metering.Record{Bad: &wire.Bad{Seq: 2, HasSeq: true, Reason: "no JSON"}}, metering.Duplicate, 2, "", ""},
		{"unreadable", metering.Record{Bad: &wire.Bad{Seq: 3, Reason: "no JSON"}}, metering.Dropped, 2, "", metering.AlarmUnreadable},
		{"unreadable, after a boot was read", metering.Record{Rec: wire.Boot{Memory: "00000000000000b2", Lowest: 1, Next: 1}.Record(), Bad: &wire.Bad{Seq: 3, HasSeq: true}}, metering.Quarantined, 3,
			metering.DoubtUnreadable, metering.AlarmQuarantine},
		{"of the future", metering.Record{Rec: wire.Event{Head: wire.Head{Seq: 3, At: noon().AddDate(0, 0, 2).Unix(), Clock: wire.ClockValid}}.Record()}, metering.Quarantined, 3, metering.DoubtFuture,
			metering.AlarmQuarantine},
	} {
		l := newLine()
		l.takes(reading(1), 1)
		l.takes(reading(2), 1)
		c.rec.ReceivedAt = noon()
		d := l.Take(&c.rec, 1)
		alarm := metering.AlarmCode("")
		if d.Alarm != nil {
			alarm = d.Alarm.Code
		}
		if d.Kind != c.kind || d.Watermark != c.mark || d.Doubt != c.doubt || alarm != c.alarm || d.Rewind || (d.Reason != "") != (c.kind == metering.Quarantined && c.rec.Bad == nil || c.rec.Bad != nil && c.rec.Bad.Reason != "" && c.kind != metering.Duplicate) {
			t.Errorf("%s: %+v, alarm %q; want %s up to %d, doubt %q, alarm %q", c.name, d, alarm, c.kind, c.mark, c.doubt, c.alarm)
		}
		l.settle()
		if want := map[bool]uint64{true: 3, false: 2}[c.kind == metering.Stored && c.mark == 3]; l.ReadingSeq != want {
			t.Errorf("%s: the figures are of record %d, want %d", c.name, l.ReadingSeq, want)
		}
	}
}

// TestHowMuchPowerIsBelieved checks that power is accepted up to a fifth above what the meter can measure, in either direction.
func TestHowMuchPowerIsBelieved(t *testing.T) {
	for _, c := range []struct {
		max, w int64
		want   metering.Doubt
	}{{5000, 6000, ""}, {5000, 6001, metering.DoubtPower}, {5000, -6000, ""}, {5000, -6001, metering.DoubtPower}, {0, 1 << 40, ""}, {0, 1, ""}} {
		l := newLine()
		p := reading(1)
		p.Reading.W = c.w
		if d := l.Take(&metering.Record{ReceivedAt: noon(), Rec: p, MaxW: c.max}, 1); d.Doubt != c.want {
			t.Errorf("%d W of %d: doubt %q, want %q", c.w, c.max, d.Doubt, c.want)
		}
		if d := l.Take(&metering.Record{ReceivedAt: noon(), Rec: event(2, 401), MaxW: c.max}, 1); d.Kind != metering.Stored {
			t.Errorf("an event of a meter that measures %d W: %s", c.max, d.Kind)
		}
	}
	l := newLine()
	p := reading(1)
	p.Reading.W, p.Reading.RegisterWh = 1<<40, -1
	if d := l.Take(&metering.Record{ReceivedAt: noon(), Rec: p, MaxW: 1}, 1); d.Doubt != metering.DoubtNegative {
		t.Errorf("a register below 0 and too much power: %q, want the first", d.Doubt)
	}
}

// TestWhatABootDoes follows a meter through memories that are replaced, come back, lose records and start over.
func TestWhatABootDoes(t *testing.T) {
	l := newLine()
	l.takes(reading(1), 1)
	l.takes(reading(2), 1)
	l.takes(reading(4), 1)
	for _, c := range []struct {
		name         string
		memory       string
		lowest, next uint64
		mark         uint64
		alarm        metering.AlarmCode
		text         string
		reading      uint64
	}{
		{"the same memory, all there", lineMemory, 1, 5, 2, "", "", 0},
		{"it says that the next is one that came", lineMemory, 1, 4, 2, metering.AlarmMemoryBack, "next record 4, but record 4 is stored", 0},
		{"it has dropped what came", lineMemory, 3, 5, 2, "", "", 0},
		{"it has dropped one that never came", lineMemory, 4, 5, 4, metering.AlarmRecordsLost, "no longer has 1 records before record 4", 0},
		{"another memory, with records from 6 on", "b", 6, 9, 5, metering.AlarmMemoryReplaced, "memory b instead of " + lineMemory, 0},
		{"the first one again", lineMemory, 1, 5, 4, metering.AlarmMemoryReplaced, "memory " + lineMemory + " instead of b", 0},
		{"a third", "c", 0, 1, 0, metering.AlarmMemoryReplaced, "memory c instead of", 0},
		{"the second again, which has dropped some", "b", 8, 9, 7, metering.AlarmMemoryReplaced, "memory b instead of c", 0},
	} {
		d := l.boot(c.memory, c.lowest, c.next, 1)
		alarm, text := metering.AlarmCode(""), ""
		if d.Alarm != nil {
			alarm, text = d.Alarm.Code, d.Alarm.Text
		}
		if d.Kind != metering.Stored || d.Watermark != c.mark || alarm != c.alarm || !strings.Contains(text, c.text) || d.Rewind {
			t.Errorf("%s: %+v, %q %q; want up to %d, %q %q", c.name, d, alarm, text, c.mark, c.alarm, c.text)
		}
		if l.Memory != c.memory || l.Boot != 3 || !l.Info.Server.Booted.Equal(noon()) || l.Info.FW != "1.2" {
			t.Errorf("%s: noted %+v", c.name, l.Info)
		}
	}
	var past []string
	for _, p := range l.Info.Server.Past {
		past = append(past, fmt.Sprintf("%s %d %b", p.Memory, p.Watermark, p.Bits))
	}
	if got, want := strings.Join(past, "; "), "c 0 0; "+lineMemory+" 4 0"; got != want {
		t.Errorf("former memories %q, want %q", got, want)
	}
}

// TestWhatWasTakenBeforeAMemoryWasReplacedCounts checks that the figures are first those of the old memory, then those of the new memory.
func TestWhatWasTakenBeforeAMemoryWasReplacedCounts(t *testing.T) {
	l := newLine()
	l.takes(reading(1), 1)
	l.takes(reading(2), 1)
	l.boot("b", 1, 1, 1)
	if l.RegisterWh != 200 || l.ReadingSeq != 0 {
		t.Errorf("%+v, want the last reading of the old memory, and any of the new one newer", l.Figures)
	}
	p := reading(1)
	l.takes(p, 1)
	if l.settle(); l.RegisterWh != 100 || l.ReadingSeq != 1 {
		t.Errorf("%+v, want the first reading of the new memory", l.Figures)
	}
}

// TestARestoreAsksForWhatMayBeLost restores an older database. A meter with more records than the database must be asked to rewind at each
// boot, until it has caught up.
func TestARestoreAsksForWhatMayBeLost(t *testing.T) {
	l := newLine()
	l.takes(reading(1), 1)
	for _, c := range []struct {
		name   string
		next   uint64
		epoch  int64
		rewind bool
		noted  int64
		to     uint64
	}{
		{"no restore", 9, 1, false, 1, 0},
		{"a restore, and the meter has records up to 3", 4, 2, true, 1, 3},
		{"it is asked again, to the same record", 9, 2, true, 1, 3},
		{"caught up", 9, 2, false, 2, 0},
		{"that was it", 9, 2, false, 2, 0},
		{"another restore that lost nothing", 4, 3, false, 3, 0},
	} {
		if c.name == "caught up" {
			l.takes(reading(2), 2)
			l.takes(reading(3), 2)
		}
		d := l.boot(lineMemory, 1, c.next, c.epoch)
		if n := l.Info.Server; d.Rewind != c.rewind || n.Epoch != c.noted || n.RewindTo != c.to {
			t.Errorf("%s: rewind %t, noted %+v; want %t, epoch %d, to %d", c.name, d.Rewind, n, c.rewind, c.noted, c.to)
		}
	}
	l.boot(lineMemory, 1, 9, 4)
	if d := l.boot("b", 1, 5, 4); !d.Rewind || l.Info.Server.Epoch != 3 || l.Info.Server.RewindTo != 4 {
		t.Errorf("another memory after a restore: %+v, noted %+v; want it asked for its own records", d, l.Info.Server)
	}
	if d := l.boot("c", 1, 1, 4); d.Rewind || l.Info.Server.Epoch != 4 || l.Info.Server.RewindTo != 0 {
		t.Errorf("an empty memory after a restore: %+v, noted %+v", d, l.Info.Server)
	}
	fresh := line{now: noon()}
	if d := fresh.boot("a", 1, 9, 1); d.Rewind || d.Alarm != nil || fresh.Info.Server.Epoch != 1 {
		t.Errorf("a new meter: %+v, noted %+v", d, fresh.Info.Server)
	}
	late := line{now: noon()}
	if d := late.boot("a", 2, 9, 1); d.Watermark != 1 || d.Alarm == nil || !strings.Contains(d.Alarm.Text, "first record is 2. The 1 before it never arrived") {
		t.Errorf("a new meter whose first record never came: %+v, %+v", d, d.Alarm)
	}
}

// TestReasonsAreKeptAsOneText checks that reasons are joined and split again, and that the list is never nil.
func TestReasonsAreKeptAsOneText(t *testing.T) {
	for _, c := range [][]string{{}, {"CREDIT"}, {"CREDIT", "REMOTE"}} {
		if got := metering.SplitReasons(metering.JoinReasons(c)); got == nil || strings.Join(got, ",") != strings.Join(c, ",") || len(got) != len(c) {
			t.Errorf("%v came back as %v", c, got)
		}
	}
}
