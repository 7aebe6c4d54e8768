package metering_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/wire"
)

func noon() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

func rec(seq uint64, at time.Time, clock wire.Clock) *metering.Record {
	h := wire.Head{Seq: seq, At: at.Unix(), Up: seq, Clock: clock}
	return &metering.Record{Tenant: 1, Meter: 1, ReceivedAt: noon(), Rec: wire.Reading{Head: h, RegisterWh: int64(seq), Relay: "closed"}.Record()}
}

func TestJudgeFindsWhatNoMeterCanHaveMeasured(t *testing.T) {
	for _, c := range []struct {
		name      string
		change    func(*wire.Reading)
		simulated bool
		want      string // beginning of the reason
	}{
		{"ordinary", func(*wire.Reading) {}, false, ""},
		{"a day ahead", func(r *wire.Reading) { r.At = noon().Add(24 * time.Hour).Unix() }, false, ""},
		{"more than a day ahead", func(r *wire.Reading) { r.At = noon().Add(24*time.Hour).Unix() + 1 }, false, "future time"},
		{"ahead by an invalid clock", func(r *wire.Reading) { r.At, r.Clock = noon().AddDate(80, 0, 0).Unix(), wire.ClockInvalid }, false, ""},
		{"ahead in its own time", func(r *wire.Reading) { r.At = noon().AddDate(80, 0, 0).Unix() }, true, ""},
		{"long ago", func(r *wire.Reading) { r.At = 0 }, false, ""},
		{"before 1970", func(r *wire.Reading) { r.At = -1 }, true, "time -1"},
		{"after the year 9999", func(r *wire.Reading) { r.At, r.Clock = 253_402_300_800, wire.ClockInvalid }, true, "time 253402300800"},
		{"negative register", func(r *wire.Reading) { r.RegisterWh = -1 }, false, "register_wh is negative: -1"},
		{"negative emergency credit", func(r *wire.Reading) { r.ECUsedWh = -1 }, false, "ec_used_wh"},
		{"negative overrun", func(r *wire.Reading) { r.OverrunWh = -1 }, true, "overrun_wh"},
		{"negative balance and power", func(r *wire.Reading) { r.BalanceWh, r.W = -1, -400 }, false, ""}, // a debt, and energy fed back
		{"32 reasons", func(r *wire.Reading) { r.Reasons = strings.Split(strings.Repeat("X,", 31)+"X", ",") }, false, ""},
		{"33 reasons", func(r *wire.Reading) { r.Reasons = strings.Split(strings.Repeat("X,", 32)+"X", ",") }, false, "33 reasons"},
		{"a reason with a comma", func(r *wire.Reading) { r.Reasons = []string{"CREDIT,REMOTE"} }, false, "a reason"},
		{"a reason of 32 letters", func(r *wire.Reading) { r.Reasons = []string{strings.Repeat("X", 32)} }, false, ""},
		{"the last second of the year 9999", func(r *wire.Reading) { r.At, r.Clock = 253_402_300_799, wire.ClockInvalid }, true, ""},
		{"a reason without an end", func(r *wire.Reading) { r.Reasons = []string{strings.Repeat("X", 33)} }, false, "a reason"},
	} {
		p := wire.Reading{Head: wire.Head{Seq: 1, At: noon().Unix(), Clock: wire.ClockValid}, Relay: "closed"}
		c.change(&p)
		r := p.Record()
		if got := metering.Judge(&r, c.simulated, noon()).Text; !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestOwnTimeRunsOn changes the clocks of a simulated meter and of the server. The server must never set the meter's own time back; only
// the meter can.
func TestOwnTimeRunsOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l metering.Live
		now, own := noon(), noon().AddDate(2, 0, 0)
		last := time.Time{}
		for seq := uint64(1); seq < 40; seq++ {
			step := time.Duration(rapid.IntRange(0, 3600).Draw(t, "step")) * time.Second
			now, own = now.Add(step), own.Add(step)
			r := rec(seq, own, wire.ClockValid)
			switch rapid.SampledFrom([]string{"reading", "boot", "invalid", "again"}).Draw(t, "what") {
			case "boot":
				r.Rec = wire.Boot{Memory: "00000000000000a1", Lowest: 1, Next: seq}.Record()
			case "invalid":
				r = rec(seq, time.Unix(0, 0), wire.ClockInvalid)
			case "again":
				r = rec(1, own, wire.ClockValid)
			}
			r.ReceivedAt, r.Simulated = now, true
			l.Take(r, 1)
			got := l.Clock(now)
			if got.Before(last) {
				t.Fatalf("own time %s after %s", got, last)
			}
			last = got
		}
	})
}

func TestOutcomesHaveNames(t *testing.T) {
	for k, want := range map[metering.OutcomeKind]string{metering.Failed: "failed", metering.Stored: "stored", metering.Duplicate: "duplicate",
		metering.Beyond: "beyond", metering.Quarantined: "quarantined", metering.Dropped: "dropped", 99: "failed"} {
		if got := k.String(); got != want {
			t.Errorf("outcome %d is named %q, want %q", k, got, want)
		}
	}
}

func TestMemoryNotes(t *testing.T) {
	var l metering.Live
	boot := func(store string, lowest, next uint64, epoch int64) metering.Decision {
		return l.Take(&metering.Record{ReceivedAt: noon(), Rec: wire.Boot{Memory: store, Lowest: lowest, Next: next, FW: "1.2"}.Record()}, epoch)
	}
	alarm := func(d metering.Decision) metering.AlarmCode {
		if d.Alarm == nil {
			return ""
		}
		return d.Alarm.Code
	}
	if d := boot("a", 4, 9, 1); alarm(d) != metering.AlarmRecordsLost || d.Watermark != 3 {
		t.Errorf("a first boot that begins with record 4: %+v, want records lost and watermark 3", d)
	}
	if d := boot("a", 4, 2, 1); alarm(d) != metering.AlarmMemoryBack {
		t.Errorf("numbering that went backwards: %+v, want %s", d, metering.AlarmMemoryBack)
	}
	for i := range 20 { // many memories one after the other: the notes stay small
		if d := boot(string(rune('b'+i)), 1, 1, 1); alarm(d) != metering.AlarmMemoryReplaced {
			t.Errorf("memory %d: %+v, want %s", i, d, metering.AlarmMemoryReplaced)
		}
	}
	nameless := metering.Live{Window: metering.Window{Watermark: 5}}
	d := nameless.Take(&metering.Record{ReceivedAt: noon(), Rec: wire.Boot{Memory: "a", Lowest: 1, Next: 9, FW: "1.2"}.Record()}, 1)
	if alarm(d) != metering.AlarmMemoryReplaced || !strings.Contains(d.Alarm.Text, "before it named its memory (a).") || strings.Contains(d.Alarm.Text, " .") {
		t.Errorf("records came before the first boot: %+v", d.Alarm)
	}
	if n := len(l.Info.Server.Past); n != 8 || l.Info.Server.Past[0].Memory != string(rune('b'+18)) {
		t.Errorf("%d former memories are noted, newest %v; want 8", n, l.Info.Server.Past[0])
	}
	text, err := l.Info.Text()
	if err != nil {
		t.Fatal(err)
	}
	if back := metering.ParseInfo(text); back.FW != "1.2" || len(back.Server.Past) != 8 {
		t.Errorf("notes came back as %+v", back)
	}
	if got := metering.ParseInfo("no JSON"); got.Server.Epoch != 0 || got.Memory != "" {
		t.Errorf("notes that cannot be read gave %+v, want none", got)
	}
}
