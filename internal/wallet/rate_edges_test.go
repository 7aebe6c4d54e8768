package wallet_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// TestReadingsOfAnotherMemoryAreRated: a new device memory numbers its records from 1 again, and they are rated as new.
func TestReadingsOfAnotherMemoryAreRated(t *testing.T) {
	at := noon(t)
	p := newPlant(t, version(1, at.AddDate(-1, 0, 0), flat()))
	for i := range 5 {
		p.read(at.Add(time.Duration(i)*time.Hour), unit.Energy(i)*1000)
	}
	at = at.Add(5 * time.Hour)
	for _, c := range []struct {
		name     string
		memory   string
		seq      uint64
		register unit.Energy
		want     unit.Energy
	}{
		{"another memory, a lower number", "b", 1, 4500, 500},
		{"the same record again", "b", 1, 4500, 0},
		{"the next one", "b", 2, 5000, 500},
		{"of the memory before, a higher number", "a", 6, 5200, 200},
		{"of the memory before, again", "a", 6, 5900, 0},
		{"the first one of all, without a number", "c", 0, 5300, 100},
	} {
		at = at.Add(time.Minute)
		got := p.take(wallet.Reading{Memory: c.memory, Seq: c.seq, At: at, Up: 1, Clock: wire.ClockValid, ReceivedAt: at, Register: c.register})
		if got.Units != c.want || p.s.Held.Stopped() {
			t.Errorf("%s: %d Wh rated (held %q), want %d", c.name, got.Units, p.s.Held.Reason, c.want)
		}
		if c.want > 0 && (p.s.Memory != c.memory || p.s.Seq != c.seq || p.s.Register != c.register || !p.s.At.Equal(at)) {
			t.Errorf("%s: rated up to %s/%d, %d Wh at %s", c.name, p.s.Memory, p.s.Seq, p.s.Register, p.s.At)
		}
	}
}

// TestWhereRatingBegins: the first reading of a meter sets the register at which counting begins, whatever the number of the reading.
func TestWhereRatingBegins(t *testing.T) {
	at := noon(t)
	for _, c := range []struct {
		name      string
		simulated bool
		clock     wire.Clock
		seq       uint64
		begins    bool
		from      time.Time
	}{
		{"an ordinary one", false, wire.ClockValid, 1, true, at},
		{"numbered 0", false, wire.ClockValid, 0, true, at},
		{"without a time", false, wire.ClockInvalid, 1, true, at.Add(time.Second)},
		{"simulated", true, wire.ClockValid, 1, true, at},
		{"simulated, without a time", true, wire.ClockInvalid, 1, false, time.Time{}},
	} {
		p := newPlant(t, version(1, at, flat()))
		p.terms.Simulated = c.simulated
		p.take(wallet.Reading{Seq: c.seq, At: at, Up: 9, Clock: c.clock, ReceivedAt: at.Add(time.Second), Register: 777, Open: true})
		if p.s.Started != c.begins || c.begins && (!p.s.At.Equal(c.from) || !p.s.PostedTo.Equal(c.from) || p.s.Base != 777 || p.s.Register != 777 || !p.s.Open || p.s.OpenFrom != 777) {
			t.Errorf("%s: %+v; want begun %t at %s", c.name, p.s, c.begins, c.from)
		}
	}
}

// TestReadingsFromBeforeTheMoveInAreNobodysUse: a meter that had no network brings its old readings after the move-in. The new customer pays from the
// first reading of the new account on.
func TestReadingsFromBeforeTheMoveInAreNobodysUse(t *testing.T) {
	at := noon(t)
	p := newPlant(t, version(1, at, flat()))
	reads := func(seq uint64, after time.Duration, register unit.Energy) wallet.Taken {
		return p.take(wallet.Reading{Memory: "a", Seq: seq, At: at.Add(after), Up: seq, Clock: wire.ClockValid, ReceivedAt: at.Add(4 * time.Hour),
			Register: register})
	}
	reads(1, 0, 1000)
	p.s = wallet.MoveIn(p.s, at.Add(2*time.Hour))
	for _, c := range []struct {
		seq      uint64
		after    time.Duration
		register unit.Energy
		want     unit.Energy
	}{{2, time.Hour, 2000, 0}, {3, 2*time.Hour - time.Second, 3000, 0}, {4, 2 * time.Hour, 4000, 0}, {5, 3 * time.Hour, 5000, 1000}} {
		if got := reads(c.seq, c.after, c.register).Units; got != c.want {
			t.Errorf("a reading %s after the last customer's: %d Wh charged, want %d", c.after, got, c.want)
		}
	}
}

// TestAWrongClockChargesNobodyLess: the clock of the server was ahead at the move-in and was set back, or the clock of the meter stands behind.
func TestAWrongClockChargesNobodyLess(t *testing.T) {
	at := noon(t)
	for name, c := range map[string]struct {
		movedIn  time.Duration // by the clock of the server at the move-in
		received time.Duration
		want     unit.Energy
	}{
		"the server's clock was set back": {24 * time.Hour, time.Hour, 1000},
		"old readings of a full memory":   {time.Hour, 90 * 24 * time.Hour, 0},
		"older than a meter can keep":     {time.Hour, 91*24*time.Hour + time.Hour, 1000},
	} {
		p := newPlant(t, version(1, at, flat()))
		p.s = wallet.MoveIn(p.s, at.Add(c.movedIn))
		var got unit.Energy
		for i := range uint64(2) {
			got += p.take(wallet.Reading{Memory: "a", Seq: i + 1, At: at.Add(time.Duration(i) * time.Minute), Up: i * 3600, Clock: wire.ClockValid,
				ReceivedAt: at.Add(c.received), Register: unit.Energy(1+i) * 1000}).Units
		}
		if got != c.want {
			t.Errorf("%s: %d Wh charged, want %d", name, got, c.want)
		}
	}
}

// TestTheTimeOfASimulatedMeterThatHasNone: the rated time continues with the time for which the meter was switched on.
func TestTheTimeOfASimulatedMeterThatHasNone(t *testing.T) {
	at := noon(t)
	for _, c := range []struct {
		up   time.Duration
		want time.Duration
	}{{time.Hour, time.Hour}, {tariff.MaxSpan, tariff.MaxSpan}, {tariff.MaxSpan + time.Millisecond, 0}, {-time.Millisecond, 0}, {0, 0}} {
		p := newPlant(t, version(1, at.AddDate(-1, 0, 0), flat()))
		p.terms.Simulated = true
		p.take(wallet.Reading{Memory: "a", Seq: 1, At: at, Up: 1000, Clock: wire.ClockValid, ReceivedAt: at})
		p.take(wallet.Reading{Memory: "a", Seq: 2, Up: uint64(1000 + c.up.Milliseconds()), Clock: wire.ClockInvalid, ReceivedAt: at, Register: 100})
		if got := p.s.At.Sub(at); got != c.want || p.s.Register != 100 {
			t.Errorf("on for %s: rated %d Wh up to %s later, want %s", c.up, p.s.Register, got, c.want)
		}
	}
	p := newPlant(t, version(1, at.AddDate(-1, 0, 0), flat()))
	p.terms.Simulated = true
	p.take(wallet.Reading{Memory: "a", Seq: 1, At: at, Up: math.MaxUint64, Clock: wire.ClockValid, ReceivedAt: at})
	p.take(wallet.Reading{Memory: "a", Seq: 2, Up: 3_600_000, Clock: wire.ClockInvalid, ReceivedAt: at, Register: 100})
	if !p.s.At.Equal(at) {
		t.Errorf("a count of milliseconds that fell: rated up to %s, want no later than before", p.s.At)
	}
}

// TestWhatAMeterCanHaveMeasured checks the limits exactly: the highest power in the time, a fifth more, and 1 kWh.
func TestWhatAMeterCanHaveMeasured(t *testing.T) {
	at := noon(t)
	for _, c := range []struct {
		name   string
		phases int
		max    unit.Power
		most   unit.Energy // the most energy in an hour
	}{
		{"one phase", 1, 0, 28_600}, {"three phases", 3, 0, 83_800}, {"no phase is one", 0, 0, 28_600}, {"a meter of 5 kW", 3, 5000, 7000},
	} {
		for more, want := range map[unit.Energy]wallet.HoldReason{0: "", 1: wallet.HoldImplausible} {
			p := newPlant(t, version(1, at.AddDate(-1, 0, 0), flat()))
			p.terms.Phases, p.s.MaxW = c.phases, c.max
			p.read(at, 0)
			if p.read(at.Add(time.Hour), c.most+more); p.s.Held.Reason != want {
				t.Errorf("%s, %d Wh in an hour: held %q, want %q", c.name, c.most+more, p.s.Held.Reason, want)
			}
		}
	}
}

// TestTheTimeThatAClockDoesNotTell puts a meter's clock back. The increase of the meter's uptime then counts as the time between two
// readings. A meter that has restarted has only its new uptime. The new uptime counts only if the server's clock was ahead at the reading
// before.
func TestTheTimeThatAClockDoesNotTell(t *testing.T) {
	at := noon(t)
	for _, c := range []struct {
		name      string
		simulated bool
		up        uint64 // uptime at the second reading; at the first reading, the meter had been on for ten hours
		ahead     time.Duration
		want      wallet.HoldReason
	}{
		{"on for an hour more", false, 39_600_000, 0, ""},
		{"on for no longer", false, 36_000_000, 0, wallet.HoldImplausible},
		{"on for a second more, by a server's clock that was ahead", false, 36_001_000, time.Hour, wallet.HoldImplausible},
		{"started anew an hour ago, and no clock was ahead", false, 3_600_000, 0, wallet.HoldImplausible},
		{"the same, and the server's clock was two minutes ahead", false, 3_600_000, 2 * time.Minute, wallet.HoldImplausible},
		{"and further ahead", false, 3_600_000, 2*time.Minute + time.Second, ""},
		{"a simulated meter that started anew", true, 3_600_000, time.Hour, wallet.HoldImplausible},
	} {
		p := newPlant(t, version(1, at.AddDate(-1, 0, 0), flat()))
		p.terms.Simulated = c.simulated
		p.take(wallet.Reading{Memory: "a", Seq: 1, At: at, Up: 36_000_000, Clock: wire.ClockValid, ReceivedAt: at, Register: 0})
		p.take(wallet.Reading{Memory: "a", Seq: 2, At: at.Add(-time.Hour), Up: c.up, Clock: wire.ClockValid, ReceivedAt: at.Add(-c.ahead), Register: 20_000})
		if p.s.Held.Reason != c.want {
			t.Errorf("%s: held %q, want %q", c.name, p.s.Held.Reason, c.want)
		}
	}
	for since, want := range map[time.Duration]wallet.HoldReason{tariff.MaxSpan: "", tariff.MaxSpan + time.Microsecond: wallet.HoldSpan} {
		p := newPlant(t, version(1, at.AddDate(-2, 0, 0), flat()))
		p.read(at, 0)
		p.take(wallet.Reading{Memory: "a", Seq: 2, At: at.Add(since), Clock: wire.ClockValid, ReceivedAt: at.Add(since), Register: 10})
		if p.s.Held.Reason != want {
			t.Errorf("%s after the reading before: held %q, want %q", since, p.s.Held.Reason, want)
		}
	}
}

// TestWhatIsEstimated: energy attributed to a day or to a price by time alone is an estimate.
func TestWhatIsEstimated(t *testing.T) {
	at := time.Date(2026, 11, 18, 22, 0, 0, 0, nairobi(t))
	for _, c := range []struct {
		name  string
		body  tariff.Body
		from  time.Time
		over  time.Duration
		units unit.Energy
		want  bool
	}{
		{"over a midnight, less than a day", flat(), at, 24*time.Hour - time.Microsecond, 1000, false},
		{"over a midnight, a day", flat(), at, 24 * time.Hour, 1000, true},
		{"one day without a midnight", flat(), at.Add(2 * time.Hour), 24 * time.Hour, 1000, false},
		{"over a change of rate", byTime(), at.Add(10 * time.Hour), 2 * time.Hour, 1000, true},
		{"within a rate", byTime(), at.Add(8 * time.Hour), time.Hour, 1000, false},
		{"over a midnight at one rate", byTime(), at, 4 * time.Hour, 1000, false},
		{"from one rate to another over a midnight", byTime(), at, 10 * time.Hour, 1000, true},
	} {
		p := newPlant(t, version(1, at.AddDate(-1, 0, 0), c.body))
		p.read(c.from, 0)
		got := p.read(c.from.Add(c.over), c.units)
		var guessed unit.Energy
		for _, d := range got.Days {
			guessed += d.Estimated
		}
		if want := map[bool]unit.Energy{true: c.units}[c.want]; guessed != want {
			t.Errorf("%s: %d Wh are estimated, want %d", c.name, guessed, want)
		}
	}
}

// TestADayWithoutUseIsNotListed: a day without use is not listed. A day whose use costs less than a minor unit is listed.
func TestADayWithoutUseIsNotListed(t *testing.T) {
	at := time.Date(2026, 11, 18, 22, 0, 0, 0, nairobi(t))
	p := newPlant(t, version(1, at.AddDate(-1, 0, 0), flat()))
	p.read(at, 0)
	if got := p.read(at.Add(4*time.Hour), 0); len(got.Days) != 0 || got.Debit != 0 || len(p.s.Parts) != 0 {
		t.Errorf("nothing used: %+v, parts %+v", got, p.s.Parts)
	}
	if got := p.read(at.Add(5*time.Hour), 1); !slices.Equal(got.Days, []wallet.DayUse{used("2026-11-19", 1, 0)}) || len(p.s.Parts) != 1 {
		t.Errorf("one watt-hour used: %+v, parts %+v", got, p.s.Parts)
	}
	was := p.s
	p.read(at.Add(6*time.Hour), 1001)
	if was.Parts[0].Debit != 0 || was.Parts[0].Parts[0].Units != 1 || p.s.Parts[0].Parts[0].Units != 1001 || p.s.Parts[0].Debit != 287 {
		t.Errorf("the state before became %+v, the one after is %+v", was.Parts, p.s.Parts)
	}
}

// TestDaysAreAddedUp adds use to its day.
func TestDaysAreAddedUp(t *testing.T) {
	var days []wallet.DayUse
	for _, d := range []wallet.DayUse{{Day: "a", Units: 1, Debit: 2, Estimated: 1}, {Day: "b", Units: 10, Debit: 20}, {Day: "a", Units: 4, Debit: 5, Estimated: 3}, {Day: "b", Units: 1}} {
		days = wallet.AddDay(days, d)
	}
	if want := []wallet.DayUse{{Day: "a", Units: 5, Debit: 7, Estimated: 4}, {Day: "b", Units: 11, Debit: 20}}; !slices.Equal(days, want) {
		t.Errorf("got %+v, want %+v", days, want)
	}
}

// TestPartsOfAPriceAreAddedUp: accrued energy has one entry for each price, whatever the names of its rates.
func TestPartsOfAPriceAreAddedUp(t *testing.T) {
	at := noon(t).Add(-12 * time.Hour)
	b := byTime()
	b.TOU.Rates[1].Rate = b.TOU.Rates[0].Rate // peak and standard cost the same
	p := newPlant(t, version(1, at.AddDate(-1, 0, 0), b))
	p.read(at.Add(7*time.Hour), 0)
	for i, to := range []time.Duration{8, 9, 10, 11, 17, 18} {
		p.read(at.Add(to*time.Hour), unit.Energy(i+1)*1000)
	}
	var got []string
	for _, u := range p.s.Parts[0].Parts {
		got = append(got, u.Name+" "+u.Units.KWh(0))
	}
	if want := "peak 2 standard 3 off 1"; strings.Join(got, " ") != want {
		t.Errorf("parts %q, want %q", got, want)
	}
}

// heldAt is a plant at 10 kWh whose next reading cannot be true.
func heldAt(t *testing.T, after time.Duration, register unit.Energy, open bool) *plant {
	t.Helper()
	at := noon(t)
	p := newPlant(t, version(1, at.AddDate(-2, 0, 0), flat()))
	p.read(at, 0)
	p.take(wallet.Reading{Memory: "a", Seq: 2, At: at.Add(time.Hour), Up: 10, Clock: wire.ClockValid, ReceivedAt: at.Add(time.Hour), Register: 10_000, Open: open})
	p.take(wallet.Reading{Memory: "b", Seq: 7, At: at.Add(after), Up: 20, Clock: wire.ClockValid, ReceivedAt: at.Add(after), Register: register, Open: open})
	p.seq = 7
	return p
}

// TestWhatADecisionLeaves checks where rating continues after each decision.
func TestWhatADecisionLeaves(t *testing.T) {
	at := noon(t)
	p := heldAt(t, 2*time.Hour, 500_000, true)
	if p.s.Held.Reason != wallet.HoldImplausible || p.s.Doubt() != metering.DoubtJump || !p.s.Open {
		t.Fatalf("held %+v", p.s.Held)
	}
	accepted, out, no := wallet.Accept(p.s, p.terms)
	if no.Refused() || out.Units != 490_000 || accepted.Memory != "b" || accepted.Seq != 7 || !accepted.At.Equal(at.Add(2*time.Hour)) || accepted.Up != 20 || accepted.Open || accepted.OpenFrom != 0 {
		t.Errorf("accepted: %q %+v", no.What, accepted)
	}
	rebased := wallet.Rebase(p.s, 600_000, p.terms)
	if rebased.Register != 600_000 || rebased.Total() != 10_000 || rebased.Memory != "b" || rebased.Seq != 7 || !rebased.At.Equal(at.Add(2*time.Hour)) || rebased.Up != 20 || rebased.Open || rebased.OpenFrom != 0 {
		t.Errorf("rebased: %+v", rebased)
	}
	discarded := wallet.Discard(p.s)
	if discarded.Held.Stopped() || discarded.Register != 10_000 || discarded.Memory != "b" || discarded.Seq != 7 || !discarded.At.Equal(at.Add(time.Hour)) || discarded.Open || discarded.OpenFrom != 0 {
		t.Errorf("discarded: %+v", discarded)
	}
	if again := wallet.Discard(rebased); again.Memory != rebased.Memory || again.Seq != rebased.Seq {
		t.Errorf("nothing to discard: %+v", again)
	}
	if again, _, no := wallet.Accept(rebased, p.terms); no.What != "There is no reading to accept: charging did not stop at a doubtful reading." || again.Register != 600_000 {
		t.Errorf("nothing to accept: %q", no.What)
	}
	on := wallet.Rebase(rebased, 1000, p.terms) // a meter that is replaced before its first reading
	if on.Register != 1000 || on.Total() != 10_000 || on.Memory != "b" || !on.At.Equal(at.Add(2*time.Hour)) {
		t.Errorf("rebased while rating goes on: %+v", on)
	}
	if got := wallet.Rebase(wallet.NewState(), 1000, p.terms); got.Register != 0 || got.Base != 0 {
		t.Errorf("a meter that was not read is rebased to %d Wh", got.Register)
	}
	p.s.Held.Register = 10_000
	if next, out, no := wallet.Accept(p.s, p.terms); no.Refused() || out.Units != 0 || next.Held.Stopped() {
		t.Errorf("a register that stayed: %q, %+v", no.What, out)
	}
	p.terms.Versions = nil
	if _, _, no := wallet.Accept(p.s, p.terms); no.What != "The tariff has no price for this energy." {
		t.Error("energy without a price was accepted")
	}
}

// TestATimeTooLongIsAcceptedForItsLastDays shares energy over the last 400 days only.
func TestATimeTooLongIsAcceptedForItsLastDays(t *testing.T) {
	p := heldAt(t, tariff.MaxSpan+25*time.Hour, 400_000, false)
	if p.s.Held.Reason != wallet.HoldSpan || p.s.Doubt() != metering.DoubtSpan {
		t.Fatalf("held %q", p.s.Held.Reason)
	}
	next, out, no := wallet.Accept(p.s, p.terms)
	if first, last := out.Days[0].Day, out.Days[len(out.Days)-1].Day; no.Refused() || out.Units != 390_000 || first != "2026-11-19" || last != noon(t).Add(tariff.MaxSpan+25*time.Hour).Format(time.DateOnly) {
		t.Errorf("accepted %q: %d Wh from %s to %s", no.What, out.Units, first, last)
	}
	if !next.At.Equal(noon(t).Add(tariff.MaxSpan + 25*time.Hour)) {
		t.Errorf("rated up to %s", next.At)
	}
}

// TestWhatPeopleAreToldOfAHeldReading checks the alarm of each kind.
func TestWhatPeopleAreToldOfAHeldReading(t *testing.T) {
	for _, c := range []struct {
		name  string
		held  *plant
		code  metering.AlarmCode
		doubt metering.Doubt
		text  string
	}{
		{"a jump", heldAt(t, 2*time.Hour, 500_000, false), metering.AlarmRatingHeld, metering.DoubtJump, "The register shows 500000 Wh in record 7, after 10000 Wh in the last accepted reading: "},
		{"zero", heldAt(t, 2*time.Hour, 0, false), metering.AlarmRatingHeld, metering.DoubtZero, "The register shows 0 Wh in record 7, after 10000 Wh in the last accepted reading: "},
	} {
		if a := wallet.HeldAlarm(c.held.s); a.Code != c.code || c.held.s.Doubt() != c.doubt || !strings.HasPrefix(a.Text, c.text) || !strings.Contains(a.Text, alarmtext.Doubt(string(c.doubt))) {
			t.Errorf("%s: %s %q, doubt %s", c.name, a.Code, a.Text, c.held.s.Doubt())
		}
	}
	p := newPlant(t)
	p.read(noon(t), 0)
	p.read(noon(t).Add(time.Hour), 1)
	if p.s.Doubt() != metering.DoubtPrice || wallet.HeldAlarm(p.s).Code != metering.AlarmRatingHeld {
		t.Errorf("no price: doubt %s, alarm %+v", p.s.Doubt(), wallet.HeldAlarm(p.s))
	}
	p = newPlant(t, version(1, noon(t), flat()))
	for i := range 2 {
		at := noon(t).Add(time.Duration(i+1) * time.Hour)
		p.take(wallet.Reading{Memory: "a", Seq: uint64(i), At: at, Up: 1, Clock: wire.ClockValid, ReceivedAt: at, Register: unit.Energy(i) * 1000, Open: true})
	}
	if p.s.Doubt() != metering.DoubtOpen || wallet.HeldAlarm(p.s).Code != metering.AlarmOpenRelay {
		t.Errorf("an open relay: doubt %s, alarm %+v", p.s.Doubt(), wallet.HeldAlarm(p.s))
	}
	held := p.s
	if next, _, no := wallet.Accept(held, p.terms); !no.Refused() || next.Register != held.Register {
		t.Error("energy through an open relay was accepted like a reading")
	}
	rebased := wallet.Rebase(held, 2000, p.terms)
	if rebased.Register != 2000 || rebased.Total() != 0 || rebased.Seq != held.Seq || !rebased.At.Equal(held.At) || rebased.Held.Stopped() {
		t.Errorf("an open relay, rebased: %+v", rebased)
	}
}

// TestReadingsShareOneLeeway: the kilowatt-hour that a reading may exceed the possible energy by is one for all readings that follow. Otherwise a
// meter that reports often would be believed a kilowatt-hour each time. The time gives it back, and a person's decision ends it.
func TestReadingsShareOneLeeway(t *testing.T) {
	at := noon(t)
	p := newPlant(t, version(1, at.AddDate(-1, 0, 0), flat())) // 27.6 kWh an hour with the fifth, 460 Wh a minute
	p.read(at, 0)
	p.read(at, 600)
	if p.read(at, 1014); p.s.Held.Stopped() || p.s.Ahead != 1000 {
		t.Fatalf("1 kWh at once, and what two seconds give: %+v, ahead %d", p.s.Held, p.s.Ahead)
	}
	full := p.s
	if p.read(at.Add(time.Minute), 1475); p.s.Held.Reason != wallet.HoldImplausible || p.s.Register != 1014 {
		t.Errorf("461 Wh a minute after it: held %q at %d", p.s.Held.Reason, p.s.Register)
	}
	if accepted, _, no := wallet.Accept(p.s, p.terms); no.Refused() || accepted.Ahead != 0 || accepted.Register != 1475 {
		t.Errorf("accepted: ahead %d, register %d, %s", accepted.Ahead, accepted.Register, no.What)
	}
	if rebased := wallet.Rebase(p.s, 1475, p.terms); rebased.Ahead != 0 {
		t.Errorf("rebased: ahead %d", rebased.Ahead)
	}
	p.s = full
	for minute, want := range []unit.Energy{1000, 540, 80, 0, 0} {
		if minute > 0 {
			p.read(at.Add(time.Duration(minute)*time.Minute), 1014)
		}
		if p.s.Ahead != want {
			t.Errorf("after %d minutes without use: ahead %d Wh, want %d", minute, p.s.Ahead, want)
		}
	}
	// A meter at its highest power that reports every second and a half is never ahead.
	start := at.Add(5 * time.Minute)
	for i := range 200 {
		now := start.Add(time.Duration(i) * 1500 * time.Millisecond)
		p.read(now, 1014+unit.Energy(now.Sub(start).Milliseconds()*23_000/3_600_000))
	}
	if p.s.Held.Stopped() || p.s.Ahead > 10 {
		t.Errorf("23 kW, read every 1.5 s: held %q, ahead %d Wh", p.s.Held.Reason, p.s.Ahead)
	}
	for i := range 300 {
		p.read(start.Add(5*time.Minute), p.s.Register+999)
		if i > 1 && p.s.Held.Reason != wallet.HoldImplausible {
			t.Fatalf("reading %d of 999 Wh at one moment: the register walks to %d", i, p.s.Register)
		}
	}
}
