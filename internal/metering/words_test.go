package metering_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/wire"
)

// TestWordsOfADoubt checks the words of every doubt: people read them in alarms and in the list of records that wait.
func TestWordsOfADoubt(t *testing.T) {
	want := map[metering.Doubt]string{
		"zero": "the register fell to zero", "rollover": "the register passed its last figure and began again", "reset": "the register began again near zero",
		"backwards": "the register went backwards", "doubled": "the register doubled", "jump": "the register rose by more than the meter can measure in the time",
		"long-gap": "the reading comes too long after the previous one", "no-price": "the tariff has no price for the energy",
		"relay-open": "the meter counted energy while its relay was open", "future-time": "the record is dated in the future",
		"impossible-time": "the record has an impossible time", "negative": "a register is negative",
		"implausible-power": "the power is more than the meter can measure", "unreadable": "the record cannot be read", "no doubt": "",
	}
	if got := len(metering.Doubts()); got != len(want)-1 {
		t.Errorf("%d doubts, want %d", got, len(want)-1)
	}
	for d, words := range want {
		if alarmtext.Doubt(string(d)) != words {
			t.Errorf("%s: %q, want %q", d, alarmtext.Doubt(string(d)), words)
		}
	}
}

// TestWhyARecordIsHeld checks the full reason and the text of the alarm.
func TestWhyARecordIsHeld(t *testing.T) {
	for _, c := range []struct {
		change func(*wire.Reading)
		maxW   int64
		doubt  metering.Doubt
		want   string
	}{
		{func(r *wire.Reading) { r.At = -1 }, 0, metering.DoubtTime, "time -1 lies outside 1970 to 9999"},
		{func(r *wire.Reading) { r.At = noon().Unix() + 86_401 }, 0, metering.DoubtFuture,
			"future time: the record is of 2026-11-21T12:00:01Z, more than 24h0m0s ahead of the server"},
		{func(r *wire.Reading) { r.RegisterWh = -7 }, 0, metering.DoubtNegative, "register_wh is negative: -7"},
		{func(r *wire.Reading) { r.ECUsedWh = -8 }, 0, metering.DoubtNegative, "ec_used_wh is negative: -8"},
		{func(r *wire.Reading) { r.OverrunWh = -9 }, 0, metering.DoubtNegative, "overrun_wh is negative: -9"},
		{func(r *wire.Reading) { r.Reasons = make([]string, 33) }, 0, metering.DoubtUnreadable, "33 reasons, at most 32 are possible"},
		{func(r *wire.Reading) { r.Reasons = []string{"A", "B,C"} }, 0, metering.DoubtUnreadable, "a reason is no name"},
		{func(r *wire.Reading) { r.W = 13 }, 10, metering.DoubtPower, "power of 13 W, the meter can measure 10 W"},
		{func(r *wire.Reading) { r.W = -2 }, 1, metering.DoubtPower, "power of -2 W, the meter can measure 1 W"},
	} {
		l := newLine()
		p := reading(1)
		c.change(p.Reading)
		p.Head = p.Reading.Head
		d := l.Take(&metering.Record{ReceivedAt: noon(), Rec: p, MaxW: c.maxW}, 1)
		if d.Kind != metering.Quarantined || d.Doubt != c.doubt || d.Reason != c.want || d.Alarm == nil || *d.Alarm != (metering.Alarm{
			Code: metering.AlarmQuarantine, Text: "Record 1 is held for review: " + c.want + "."}) {
			t.Errorf("%s %q, alarm %+v; want %s %q", d.Doubt, d.Reason, d.Alarm, c.doubt, c.want)
		}
	}
	l := newLine()
	d := l.Take(&metering.Record{ReceivedAt: noon(), Bad: &wire.Bad{Reason: "not well-formed"}}, 1)
	if want := "A record of the meter could not be read: not well-formed. It was not stored."; d.Reason != "not well-formed" || d.Alarm == nil || d.Alarm.Text != want {
		t.Errorf("%+v, alarm %+v; want %s", d, d.Alarm, want)
	}
}

// TestTextsOfAlarms checks the texts of the alarms about boots, events and tokens.
func TestTextsOfAlarms(t *testing.T) {
	l := newLine()
	nameless := line{Live: metering.Live{Window: metering.Window{Watermark: 5}}, now: noon()}
	tid, credit, manage := uint32(17), uint8(0), uint8(2)
	l.takes(reading(3), 1)
	for _, c := range []struct {
		got  *metering.Alarm
		code metering.AlarmCode
		want string
	}{
		{l.boot(lineMemory, 1, 3, 1).Alarm, metering.AlarmMemoryBack,
			"The meter will number its next record 3, but record 3 is stored already. New records may be mistaken for old ones. Check the meter's memory."},
		{l.boot(lineMemory, 3, 4, 1).Alarm, metering.AlarmRecordsLost, "The meter no longer has 2 records before record 3. They never arrived."},
		{l.boot("b", 1, 1, 1).Alarm, metering.AlarmMemoryReplaced,
			"The meter came back with memory b instead of " + lineMemory + ". Records that the old memory had not delivered are lost."},
		{nameless.boot("b", 1, 9, 1).Alarm, metering.AlarmMemoryReplaced,
			"The meter sent records before it named its memory (b). If those records came from another memory, the records that the other memory had not delivered are lost."},
		{(&line{now: noon()}).boot("a", 5, 9, 1).Alarm, metering.AlarmRecordsLost, "The meter's first record is 5. The 4 before it never arrived."},
		{l.takes(event(1, 303), 1).Alarm, metering.AlarmLockout, "Wrong tokens were entered until the meter locked its entry for a while."},
		{l.takes(event(2, 504), 1).Alarm, metering.AlarmTamper, "A tamper switch of the meter tripped: reverse energy."},
		{metering.JudgeToken(metering.TokenReversed, "accept").Alarm, metering.AlarmReversedUsed, "The meter accepted a token whose sale was reversed."},
		{metering.JudgeToken(metering.TokenFailed, "accept").Alarm, metering.AlarmGhostCredit, "The meter accepted a token that was never handed out here."},
		{metering.Ghost(&wire.Token{Result: "accept", TID: &tid, Class: &credit, UnitsWh: 500}), metering.AlarmGhostCredit,
			"The meter accepted a token of 500 Wh (TID 17) that was not sold here."},
		{metering.Ghost(&wire.Token{Result: "accept", TID: &tid, Class: &manage}), metering.AlarmGhostToken,
			"The meter accepted a management token (TID 17) that was not issued here."},
	} {
		if c.got == nil || *c.got != (metering.Alarm{Code: c.code, Text: c.want}) {
			t.Errorf("alarm %+v, want %s: %s", c.got, c.code, c.want)
		}
	}
}

// torn is a history that fails when it looks a meter up, or when it reads rows.
type torn struct {
	*shelf
	named, rows error
}

func (s torn) View(_ context.Context, _ access.Tenant, fn func(metering.Tx) error) error {
	return fn(s)
}

func (s torn) MeterNamed(string, id.ID) (int64, bool, error) { return 0, false, s.named }

func (s torn) Alarms(int64, bool, metering.After, int) ([]metering.RaisedAlarm, error) {
	return nil, s.rows
}

// TestAHistoryThatBreaksSaysSo checks that a failed read is an error, not an empty list or an unknown meter.
func TestAHistoryThatBreaksSaysSo(t *testing.T) {
	broken := errors.New("broken")
	owner := access.Actor{Tenant: 1, Role: access.Owner}
	for meter, s := range map[string]torn{shelfNumber: {shelf: &shelf{}, named: broken}, "": {shelf: &shelf{}, rows: broken}} {
		p, err := metering.NewHistory(s).Alarms(t.Context(), owner, meter, false, 5, "")
		if !errors.Is(err, broken) || err.Error() != "list history of meter "+meter+": broken" || p.Rows != nil || p.Refused() {
			t.Errorf("of meter %q: %+v, %v", meter, p, err)
		}
	}
}

// TestARefusedListIsExplained checks the sentences of the refusals, and the limits of the API that they name.
func TestARefusedListIsExplained(t *testing.T) {
	h := metering.NewHistory(&shelf{rows: 300})
	owner := access.Actor{Tenant: 1, Role: access.Owner}
	long := base64.RawURLEncoding.EncodeToString(make([]byte, 17))
	const cursor = "This cursor is not valid for this list. No data was returned. Use next_cursor of the previous page as it is, or leave cursor out to start at the beginning."
	const size = "limit must be from 1 to 200. No data was returned. Ask for fewer rows and follow next_cursor."
	for _, c := range []struct {
		meter, cursor string
		limit, rows   int
		want          string
	}{
		{shelfNumber, "", 0, 50, ""}, {shelfNumber, "", 200, 200, ""}, {shelfNumber, "", 201, 0, size}, {shelfNumber, "", -1, 0, size},
		{shelfNumber, long, 1, 0, cursor}, {shelfNumber, long[:20], 1, 0, cursor}, {shelfNumber, "=", 1, 0, cursor},
		{shelfNumber, strings.Repeat("A", 22), 1, 1, ""},
		{"1", "", 1, 0, "Meter 1 was not found. No changes were made. Check the number printed on the meter, or register the meter first."},
	} {
		p, err := h.Events(t.Context(), owner, c.meter, metering.Span{From: time.Unix(1, 0)}, c.limit, c.cursor)
		if err != nil || p.Detail() != c.want || len(p.Rows) != c.rows || (p.Next == "") != (c.rows == 0) {
			t.Errorf("%d rows of %s after %q: %d, next %q, %s, %v; want %d, %s", c.limit, c.meter, c.cursor, len(p.Rows), p.Next, p.Detail(), err, c.rows, c.want)
		}
	}
}

// TestAlarmsOfAllAreAskedOfNoMeter checks that the store is asked for meter 0, which means all meters.
func TestAlarmsOfAllAreAskedOfNoMeter(t *testing.T) {
	h := metering.NewHistory(&shelf{rows: 1})
	owner := access.Actor{Tenant: 1, Role: access.Owner}
	for ref, want := range map[string]int64{"": 0, shelfNumber: shelfMeter} {
		p, err := h.Alarms(t.Context(), owner, ref, true, 5, "")
		if err != nil || len(p.Rows) != 1 || p.Rows[0].Meter != want {
			t.Errorf("meter %q: %+v, %v; want meter %d", ref, p, err, want)
		}
	}
}

// TestNotesThatAreHalfReadCountForNothing checks that invalid notes are not used at all, not even the part before the fault.
func TestNotesThatAreHalfReadCountForNothing(t *testing.T) {
	for _, text := range []string{`{"store":"a1","server":7}`, `{"store":"a1","fw":1}`, `{"store":"a1"`} {
		if got := metering.ParseInfo(text); got.Memory != "" || got.FW != "" || got.Server.Epoch != 0 || got.Server.Past != nil {
			t.Errorf("%s: %+v", text, got)
		}
	}
}
