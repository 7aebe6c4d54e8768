package device_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/board"
	"github.com/paywatt/paywatt/internal/device/card"
	"github.com/paywatt/paywatt/internal/device/card/cardtest"
	"github.com/paywatt/paywatt/internal/device/ds1307"
	"github.com/paywatt/paywatt/internal/device/virtual"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/wire"
)

// onBoard opens a meter on a board.
func onBoard(t testing.TB, m *medium, b board.Board) *device.Device {
	t.Helper()
	c := config(t, m)
	c.Board = b
	d, err := device.Open(c)
	must(t, err)
	return d
}

// codes returns the events that have one of these codes, in order, with their arguments.
func codes(t testing.TB, d *device.Device, want ...meter.Code) (got []wire.Event) {
	t.Helper()
	for _, r := range records(t, d) {
		if r.Kind == wire.KindEvent && slices.Contains(want, meter.Code(r.Event.Code)) {
			got = append(got, *r.Event)
		}
	}
	return got
}

// coil is a relay that records when it is driven.
type coil struct {
	*virtual.Relay
	d      *device.Device
	at     []time.Time
	to     []bool
	fails  error
	welded bool // the contact stays where it is, whatever the coil does
}

func (c *coil) Move(closed bool) error {
	if c.fails != nil {
		return c.fails
	}
	if c.d != nil {
		c.at, c.to = append(c.at, c.d.Now()), append(c.to, closed)
	}
	if c.welded {
		return nil
	}
	return c.Relay.Move(closed)
}

func TestTheContactRestsBeforeItCloses(t *testing.T) {
	c := &coil{Relay: virtual.NewRelay(false)}
	d := onBoard(t, newMedium(), board.Board{Relay: c})
	c.d = d
	enter(t, d, digits(t, 5_871_715, 100))
	must(t, d.Keys("*4#"))
	must(t, d.Keys("*4#"))
	advance(t, d, 10*time.Second)
	if want := []bool{true, false, true}; !reflect.DeepEqual(c.to, want) {
		t.Fatalf("driven %v, want %v", c.to, want)
	}
	if rest := c.at[2].Sub(c.at[1]); c.at[1] != c.at[0] || rest != 5*time.Second {
		t.Errorf("opened after %v, closed again after %v; want at once, 5 s", c.at[1].Sub(c.at[0]), rest)
	}
}

func TestAContactThatDoesNotFollowIsToldAndDrivenAgain(t *testing.T) {
	c := &coil{Relay: virtual.NewRelay(false)}
	d := onBoard(t, newMedium(), board.Board{Relay: c})
	enter(t, d, digits(t, 5_871_715, 10))
	load(t, d, 1000)
	advance(t, d, time.Minute)
	c.welded = true
	advance(t, d, 2*time.Hour) // the credit ends after an hour, and the contact stays closed
	v := d.View()
	if v.Relay != "open" || v.OverrunWh < 900 {
		t.Errorf("welded: relay %s, overrun %d Wh; what flows has to be counted", v.Relay, v.OverrunWh)
	}
	c.welded = false
	advance(t, d, 2*time.Minute)
	if flowed := v.OverrunWh; d.View().OverrunWh > flowed+40 {
		t.Errorf("freed: overrun from %d to %d Wh; it was not driven again", flowed, d.View().OverrunWh)
	}
	got := codes(t, d, meter.CodeMismatch)
	if len(got) != 2 || got[0].Args["wanted"] != "open" || got[0].Args["matches"] != false || got[1].Args["matches"] != true {
		t.Errorf("told %+v; want once that it does not follow, once that it does", got)
	}
	c.fails = errors.New("no current in the coil")
	enter(t, d, digits(t, 5_871_716, 100))
	must(t, d.Keys("*4#"))
	advance(t, d, 10*time.Minute)
	if got := codes(t, d, meter.CodeFault); len(got) != 1 || got[0].Args["part"] != "relay" {
		t.Errorf("a coil that cannot be driven: %+v, want one fault", got)
	}
}

func TestADeadClockIsInvalidAndTheMeterGoesOn(t *testing.T) {
	m := newMedium()
	d := open(t, m)
	enter(t, d, digits(t, 5_871_715, 100))
	load(t, d, 1000)
	must(t, d.StopClock())
	advance(t, d, 31*time.Minute)
	if r := last(t, d, wire.KindReading); r.Head.Clock != wire.ClockInvalid || r.Reading.RegisterWh == 0 {
		t.Errorf("with a dead clock: %+v", r.Reading)
	}
	must(t, d.Flush())
	d = open(t, m)
	load(t, d, 1000)
	advance(t, d, time.Hour)
	if r := last(t, d, wire.KindReading); r.Head.Clock != wire.ClockInvalid {
		t.Errorf("the clock is still dead after a restart, and the reading says %s", r.Head.Clock)
	}
	at := testNow().Add(48 * time.Hour)
	down(t, d, wire.DownTime, signed(t, wire.DownTime, wire.Time{SignedHeader: order("t", 1), At: at.Unix()}))
	if a := answer(t, d); a.State != "done" || d.View().T != "2026-11-22T08:00:00Z" {
		t.Errorf("the server's time: %+v, it is %s", a, d.View().T)
	}
	advance(t, d, 30*time.Minute)
	if r := last(t, d, wire.KindReading); r.Head.Clock != wire.ClockValid || r.Head.At < at.Unix() {
		t.Errorf("after it was set: %+v", r.Head)
	}
	must(t, d.SetClock(at.AddDate(2, 0, 0)))
	advance(t, d, 366*24*time.Hour)
	if r := last(t, d, wire.KindReading); r.Head.Clock != wire.ClockHoldover {
		t.Errorf("a year after it was set the clock is %s, want holdover", r.Head.Clock)
	}
	if err := d.SetClock(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)); !errors.Is(err, device.ErrInput) {
		t.Errorf("set to the year 2100: %v", err)
	}
}

func TestAClockSetBackWithoutMainsLeavesTheTimeOffUnknown(t *testing.T) {
	d := open(t, newMedium())
	must(t, d.Power(false))
	must(t, d.SetClock(testNow().Add(-time.Hour)))
	must(t, d.Power(true))
	got := codes(t, d, meter.CodePowerOn)
	if len(got) != 1 || got[0].Args["off_s"] != nil {
		t.Errorf("the mains is back: %+v, want no time that nobody knows", got)
	}
}

// deaf is a clock chip that does not answer.
type deaf struct{ board.Clock }

func (deaf) Read() (time.Time, bool, error) { return time.Time{}, false, errors.New("no acknowledge") }

func TestAClockThatCannotBeReadIsAFaultToldOnce(t *testing.T) {
	d := onBoard(t, newMedium(), board.Board{Clock: deaf{ds1307.New(ds1307.NewChip())}})
	advance(t, d, 5*time.Hour)
	if got := codes(t, d, meter.CodeFault); len(got) != 1 || got[0].Args["part"] != "clock" {
		t.Errorf("faults %+v, want one of the clock", got)
	}
	if r := last(t, d, wire.KindReading); r.Head.Clock != wire.ClockInvalid {
		t.Errorf("the clock is %s", r.Head.Clock)
	}
}

func TestADriftingClockIsFollowed(t *testing.T) {
	c := config(t, newMedium())
	c.Drift = 100
	d, err := device.Open(c)
	must(t, err)
	advance(t, d, 100*24*time.Hour)
	// At 100 ppm, 100 days drift by 864 s; the calendar follows once an hour.
	if fast := d.Now().Sub(testNow().Add(100 * 24 * time.Hour)); fast < 860*time.Second || fast > 865*time.Second {
		t.Errorf("the calendar is fast by %v, want 864 s", fast)
	}
}

func TestTamperWithoutMainsIsCaughtByTheLatch(t *testing.T) {
	m := newMedium()
	d := open(t, m)
	enter(t, d, digits(t, 5_871_715, 100))
	must(t, d.Power(false))
	must(t, d.Tamper(meter.TamperTerminal, true))
	must(t, d.Tamper(meter.TamperTerminal, false))
	must(t, d.Flush())
	d = open(t, m) // the process ends too, but the latch has a battery
	must(t, d.Power(true))
	advance(t, d, 3*time.Minute)
	if s := d.State(); !s.Latched.Has(meter.TamperTerminal) || d.View().Relay == "closed" {
		t.Errorf("opened and closed while the mains was off: latched %v, relay %s", s.Latched.Names(), d.View().Relay)
	}
	if got := codes(t, d, 502); len(got) != 1 {
		t.Errorf("told %+v, want one event 502", got)
	}
	// The meter still accepts a token, but supply stays off until the latch is opened.
	if got := enter(t, d, digits(t, 5_871_716, 100)); got != "accept" || d.View().Relay == "closed" {
		t.Errorf("a token while latched: %s, relay %s", got, d.View().Relay)
	}
	must(t, d.Tamper(meter.TamperCover, true))
	advance(t, d, time.Second)
	command(t, d, order("cmd_1", 1), "clear_tamper", nil)
	if a := answer(t, d); a.State != "failed" || a.Reason != "tamper" {
		t.Errorf("clearing while the cover is open: %+v", a)
	}
	must(t, d.Tamper(meter.TamperCover, false))
	advance(t, d, time.Second)
	command(t, d, order("cmd_2", 2), "clear_tamper", nil)
	if a, s := answer(t, d), d.State(); a.State != "done" || s.Latched != 0 {
		t.Errorf("clearing when all is normal: %+v, latched %v", a, s.Latched.Names())
	}
}

func TestAWornMemoryIsToldOnce(t *testing.T) {
	m := newMedium()
	c := config(t, m)
	c.Endurance = 120
	d, err := device.Open(c)
	must(t, err)
	enter(t, d, digits(t, 5_871_715, 10_000))
	load(t, d, 3000)
	for range 500 {
		advance(t, d, time.Hour)
		must(t, d.Flush())
	}
	if got := codes(t, d, meter.CodeWorn); len(got) != 1 {
		t.Fatalf("a page written more than it is made for: told %d times, want once", len(got))
	}
	c = config(t, m)
	c.Endurance = 120
	d, err = device.Open(c)
	must(t, err)
	enter(t, d, digits(t, 5_871_716, 10))
	if got := codes(t, d, meter.CodeWorn); len(got) != 2 {
		t.Errorf("after a restart: told %d times in all, want 2: the counts are kept", len(got))
	}
}

func TestTheHistorySurvivesRestartsAndTheMenu(t *testing.T) {
	m := newMedium()
	d := open(t, m)
	token := digits(t, 5_871_715, 5000)
	enter(t, d, token)
	enter(t, d, token)
	load(t, d, 200)
	for range 70 {
		advance(t, d, 24*time.Hour)
		must(t, d.Flush())
	}
	was := ringsOf(d)
	days, months, tokens, events := was.days, was.months, was.tokens, was.events
	if len(days) != 62 || len(months) < 2 || len(tokens) != 2 || len(events) < 4 {
		t.Fatalf("after 70 days: %d days, %d months, %d tokens, %d events", len(days), len(months), len(tokens), len(events))
	}
	if tokens[0].Masked[:4] != token[:4] || tokens[0].Masked[20:] != token[16:] || len(tokens[0].Masked) != 24 || days[61].Used != 4800 {
		t.Errorf("token %q, the last day used %d Wh", tokens[0].Masked, days[61].Used)
	}
	d = open(t, m)
	if now := ringsOf(d); !reflect.DeepEqual(now.days, days) || !reflect.DeepEqual(now.tokens, tokens) {
		t.Error("after a restart the history is another one")
	}
	before, waiting := d.State(), d.Box().Marks()
	must(t, d.Keys("*5##"))
	if after := d.State(); after != before || d.Box().Marks() != waiting {
		t.Errorf("menu 5 has changed the state, or the records:\n%+v\n%+v", before, after)
	}
	must(t, d.Flush())
	d = open(t, m)
	h := ringsOf(d)
	if !reflect.DeepEqual(h.days, days) || !reflect.DeepEqual(h.months, months) || !reflect.DeepEqual(h.tokens, tokens) || len(h.events) < len(events) {
		t.Errorf("menu 5 has left %d of %d days, %d of %d months, %d of %d tokens, %d events; it hides and forgets nothing",
			len(h.days), len(days), len(h.months), len(months), len(h.tokens), len(tokens), len(h.events))
	}
}

// slot is a memory card with faults for tests. If its error is set, reading the last row and writing rows return that error. If
// its flag is set, the next write stops halfway.
type slot struct {
	*card.Card
	fails error
	torn  bool
}

func (s *slot) Last() (uint64, error) {
	if s.fails != nil {
		return 0, s.fails
	}
	return s.Card.Last()
}

func (s *slot) Write(rows []board.Row) error {
	if s.torn {
		s.torn = false
		if err := s.Card.Write(rows[:len(rows)/2]); err != nil {
			return err
		}
		return errors.New("card removed")
	}
	if s.fails != nil {
		return s.fails
	}
	return s.Card.Write(rows)
}

// TestTheMemoryCardIsACopyThatCatchesUp pulls the card, fills it, tears a write and spoils a file. Metering
// continues, and in the end every record is on the card.
func TestTheMemoryCardIsACopyThatCatchesUp(t *testing.T) {
	dir := t.TempDir()
	s := &slot{Card: card.New(dir)}
	m := newMedium()
	d := onBoard(t, m, board.Board{Card: s})
	enter(t, d, digits(t, 5_871_715, 3000))
	load(t, d, 200)
	live := func() {
		t.Helper()
		for range 6 {
			advance(t, d, 4*time.Hour)
			must(t, d.Flush())
		}
	}
	live()
	for _, trouble := range []func(){
		func() { s.fails = os.ErrNotExist },
		func() { s.fails = syscall.ENOSPC },
		func() { s.torn = true },
		func() {
			// Somebody edits the file and cuts its end off.
			name := filepath.Join(dir, "H2611.CSV")
			b, err := os.ReadFile(name)
			must(t, err)
			must(t, os.WriteFile(name, b[:len(b)-17], 0o600))
			d = onBoard(t, m, board.Board{Card: s})
			load(t, d, 200)
		},
	} {
		register := d.View().RegisterWh
		trouble()
		live()
		if got := d.View().RegisterWh; got < register+4700 {
			t.Fatalf("a day with a bad card counted %d Wh", got-register)
		}
		s.fails = nil
		live()
	}
	must(t, d.Flush())
	got, err := cardtest.Check(dir)
	must(t, err)
	all := records(t, d)
	if len(got.Rows) != len(all) || got.Bad != 0 || got.Rows[len(all)-1].Seq != all[len(all)-1].Head.Seq {
		t.Errorf("%d rows on the card, %d bad; the meter has told %d records", len(got.Rows), got.Bad, len(all))
	}
	var states []any
	for _, e := range codes(t, d, meter.CodeCard) {
		states = append(states, e.Args["card"])
	}
	if want := []any{"missing", "good", "full", "good", "missing", "good"}; !reflect.DeepEqual(states, want) {
		t.Errorf("told of the card: %v, want %v", states, want)
	}
	t.Logf("figures: memory card missing, full, torn and spoilt: metering went on, %d of %d records on the card in the end", len(got.Rows), len(all))
}
