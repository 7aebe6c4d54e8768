package wallet_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// reading is a reading of the rig's memory that was stored some hours after noon.
func (d *till) reading(seq uint64, hours int, register unit.Energy, open bool) wallet.Reading {
	at := d.now.Truncate(24 * time.Hour).Add(time.Duration(12+hours) * time.Hour)
	return wallet.Reading{Memory: rigMemory, Seq: seq, At: at, Up: seq * 1000, Clock: wire.ClockValid, ReceivedAt: at, Register: register, Open: open}
}

// takes passes the meter's readings to rating.
func (d *till) takes(readings ...wallet.Reading) {
	d.t.Helper()
	terms := wallet.Terms{Zone: d.tenant.Zone, Phases: 1, Versions: d.tariff()}
	for _, r := range readings {
		if _, err := wallet.TakeRow(d, &d.rows[0], r, terms); err != nil {
			d.t.Fatal(err)
		}
	}
}

// stuck is an account whose meter is at 1 kWh, and whose record 11 says that it is at 500 kWh.
func stuck(t *testing.T) *till {
	t.Helper()
	d := newTill(t, 1_000_000, 1)
	d.takes(d.reading(10, 1, 1000, false), d.reading(11, 2, 500_000, false))
	if h := d.rows[0].Held; h.Reason != wallet.HoldImplausible || len(d.stopped) != 1 || d.stopped[0].Held != h ||
		len(d.alarms) != 1 || d.alarms[0] != wallet.HeldAlarm(d.rows[0].State) || d.alarms[0].Code != metering.AlarmRatingHeld {
		t.Fatalf("held %+v, told %d times", h, len(d.stopped))
	}
	d.stopped, d.wrote = nil, nil
	return d
}

// TestAPersonReleasesARating checks what each decision charges and writes.
func TestAPersonReleasesARating(t *testing.T) {
	later := func(d *till) []wallet.Reading {
		return []wallet.Reading{d.reading(12, 3, 500_500, false), d.reading(13, 4, 501_000, false)}
	}
	for _, c := range []struct {
		name     string
		verdict  wallet.Verdict
		behind   func(*till) []wallet.Reading
		readings int
		units    unit.Energy
		register unit.Energy
		debit    int64
		wrote    string
		held     bool
	}{
		{"accepted", wallet.Accepted(), nil, 0, 499_000, 500_000, 143_463, "m1 released; m1 used 499000 Wh for 143463 on 2026-11-18", false},
		{"accepted, with what came since", wallet.Accepted(), later, 2, 500_000, 501_000, 143_750, "m1 released; m1 used 500000 Wh for 143750 on 2026-11-18", false},
		{"rebased", wallet.Rebased(500_200), nil, 0, 0, 500_200, 0, "m1 released", false},
		{"rebased, with what came since", wallet.Rebased(500_600), later, 1, 400, 501_000, 115, "m1 released; m1 used 400 Wh for 115 on 2026-11-18", false},
		{"rebased to what a later reading says", wallet.Rebased(500_500), later, 2, 500, 501_000, 144, "m1 released; m1 used 500 Wh for 144 on 2026-11-18", false},
		{"rebased back", wallet.Rebased(1000), later, 0, 0, 1000, 0, "m1 released", true},
		{"discarded", wallet.Discarded(), nil, 0, 0, 1000, 0, "m1 released", false},
		{"discarded, and the next is no better", wallet.Discarded(), later, 0, 0, 1000, 0, "m1 released", true},
		{"nothing decided", wallet.Resumed(), later, 0, 0, 1000, 0, "", true},
	} {
		d := stuck(t)
		if c.behind != nil {
			d.behind = c.behind(d)
		}
		out, err := wallet.Release(d, 1, c.verdict, d.now)
		if err != nil || out.Refused() || out.Readings != c.readings || out.Units != c.units || int64(out.Debit) != c.debit || out.Row.Register != c.register {
			t.Errorf("%s: %+v, %v; want %d readings, %d Wh for %d at %d", c.name, out, err, c.readings, c.units, c.debit, c.register)
		}
		if got := strings.Join(d.wrote, "; "); got != c.wrote {
			t.Errorf("%s: wrote %q, want %q", c.name, got, c.wrote)
		}
		if d.rows[0].Held.Stopped() != c.held || (len(d.stopped) == 1) != (c.held && c.verdict != wallet.Resumed()) {
			t.Errorf("%s: held %+v afterwards, people told %d times", c.name, d.rows[0].Held, len(d.stopped))
		}
		if got, want := len(d.booked), map[bool]int{true: 1}[c.verdict != wallet.Resumed()]; got != want || got == 1 && !d.rows[0].SettledAt.Equal(d.now) {
			t.Errorf("%s: %d journals, want %d: a decision posts what was used", c.name, got, want)
		}
	}
}

// TestAReleaseThatIsRefusedWritesNothing requests impossible decisions.
func TestAReleaseThatIsRefusedWritesNothing(t *testing.T) {
	for _, c := range []struct {
		name    string
		meter   int64
		verdict wallet.Verdict
		do      func(*till)
		want    refusal.Code
		what    string
	}{
		{"a meter without a wallet", 2, wallet.Accepted(), nil, refusal.NotFound, "This meter has no wallet."},
		{"a register below 0", 1, wallet.Rebased(-1), nil, refusal.InvalidRequest, "A register must not be negative."},
		{"nothing to accept", 1, wallet.Accepted(), func(d *till) { d.rows[0].Held = wallet.Held{} }, refusal.InvalidRequest, "There is no reading to accept"},
		{"a register that fell", 1, wallet.Accepted(), func(d *till) { d.rows[0].Held.Register = 999 }, refusal.InvalidRequest, "The reading of 0.999 kWh is below the last register of "},
	} {
		d := stuck(t)
		was := d.rows[0]
		if c.do != nil {
			c.do(d)
			was = d.rows[0]
		}
		out, err := wallet.Release(d, c.meter, c.verdict, d.now)
		if err != nil || out.Code != c.want || !strings.HasPrefix(out.What, c.what) || len(d.wrote)+len(d.booked) > 0 || d.rows[0].State.Held != was.State.Held {
			t.Errorf("%s: %s %q, wrote %q, %v; want %s %q and nothing written", c.name, out.Code, out.What, d.wrote, err, c.want, c.what)
		}
	}
	drawn, of := drawnThrough(t, true)
	drawn.version.Body.Currency = ""
	if out, err := wallet.Release(drawn, 1, wallet.HeldEnergyAccepted(of, 4000), drawn.now); err != nil || out.Code != refusal.InvalidRequest || !strings.HasPrefix(out.What, "The tariff has no price") {
		t.Errorf("energy without a price: %+v, %v", out, err)
	}
	d := stuck(t)
	if out, err := wallet.Release(d, 1, wallet.Rebased(0), d.now); err != nil || out.Refused() || d.rows[0].Register != 0 || d.rows[0].Held.Stopped() {
		t.Errorf("a register of 0: %+v, %v", out, err)
	}
}

// TestAMeterThatIsChangedIsRebased: a rebase works before any reading was held, and rating continues from the new register.
func TestAMeterThatIsChangedIsRebased(t *testing.T) {
	d := newTill(t, 1_000_000, 1)
	d.takes(d.reading(10, 1, 1000, false))
	d.behind = []wallet.Reading{d.reading(11, 2, 300, false), d.reading(12, 3, 500, false), d.reading(13, 4, 700, false), d.reading(14, 5, 300, false)}
	out, err := wallet.Release(d, 1, wallet.Rebased(500), d.now)
	if err != nil || out.Refused() || out.Readings != 2 || out.Units != 200 || d.rows[0].Register != 700 || d.rows[0].Total() != 1200 {
		t.Errorf("%+v, %v; want the 200 Wh above 500 rated", out, err)
	}
	if d.rows[0].Held.Reason != wallet.HoldRegress || d.rows[0].Held.Seq != 14 || len(d.stopped) != 1 {
		t.Errorf("held %+v, want the last reading, which is below", d.rows[0].Held)
	}
	if got := strings.Join(d.wrote, "; "); got != "m1 released; m1 used 200 Wh for 58 on 2026-11-18" {
		t.Errorf("wrote %q", got)
	}
	fresh := newTill(t, 1_000_000, 1)
	fresh.rows[0].State = wallet.NewState()
	fresh.behind = []wallet.Reading{fresh.reading(1, 2, 300, false), fresh.reading(2, 3, 800, false)}
	out, err = wallet.Release(fresh, 1, wallet.Rebased(500), fresh.now)
	if err != nil || out.Readings != 2 || out.Units != 500 || fresh.rows[0].Register != 800 {
		t.Errorf("a meter that was not read: %+v, %v; want its first reading taken as it is", out, err)
	}
	late := newTill(t, 1_000_000, 1)
	late.takes(late.reading(10, 1, 1000, false))
	late.behind, late.wrote = []wallet.Reading{late.reading(11, 2, 1500, false)}, nil
	out, err = wallet.Release(late, 1, wallet.Resumed(), late.now)
	if err != nil || out.Readings != 1 || out.Units != 500 || strings.Join(late.wrote, "; ") != "m1 used 500 Wh for 144 on 2026-11-18" {
		t.Errorf("a reading stored late: %+v, wrote %q, %v", out, late.wrote, err)
	}
}

// TestNoMoreReadingsAreCaughtUpWithThanOneTransactionTakes checks how many readings one release rates.
func TestNoMoreReadingsAreCaughtUpWithThanOneTransactionTakes(t *testing.T) {
	d := stuck(t)
	for i := range wallet.MaxBehind + 10 {
		d.behind = append(d.behind, d.reading(uint64(12+i), 2, unit.Energy(1001+i), false))
	}
	out, err := wallet.Release(d, 1, wallet.Discarded(), d.now)
	if err != nil || out.Readings != wallet.MaxBehind || out.Units != unit.Energy(wallet.MaxBehind) {
		t.Errorf("%d readings, %d Wh, %v; want %d", out.Readings, out.Units, err, wallet.MaxBehind)
	}
}

// drawnThrough is an account whose meter counts 4 kWh through an open relay, from 1 kWh on. If closed is true, the relay closes after that.
func drawnThrough(t *testing.T, closed bool) (*till, wallet.HeldEnergy) {
	t.Helper()
	d := newTill(t, 1_000_000, 1)
	d.takes(d.reading(10, 1, 1000, true), d.reading(11, 2, 3000, true), d.reading(12, 3, 5000, true))
	if h := d.rows[0].Held; h.Reason != wallet.HoldOpen || h.Seq != 11 || len(d.stopped) != 1 || len(d.wrote) > 0 || len(d.alarms) != 1 || d.alarms[0].Code != metering.AlarmOpenRelay {
		t.Fatalf("held %+v, told %d times, wrote %q", h, len(d.stopped), d.wrote)
	}
	drawn := wallet.HeldEnergy{Memory: rigMemory, Seq: 11, Register: 5000}
	if closed {
		d.takes(d.reading(13, 4, 5500, false))
		if want := []string{fmt.Sprintf("m1 drew 5000 Wh since record 11 of %s", rigMemory)}; !slices.Equal(d.wrote, want) || d.rows[0].Held.Stopped() {
			t.Fatalf("the relay closed: wrote %q, held %+v; want %q", d.wrote, d.rows[0].Held, want)
		}
	}
	d.moves(0)
	d.wrote, d.booked, d.stopped = nil, nil, nil
	return d, drawn
}

// TestEnergyThroughAnOpenRelayIsDecided: a person can decide about the energy after the relay has closed, and while it is still open.
func TestEnergyThroughAnOpenRelayIsDecided(t *testing.T) {
	for _, c := range []struct {
		name            string
		closed, charged bool
		other           bool // the decision is about an earlier time
		total, register unit.Energy
		held            bool
		debit           int64
	}{
		{"closed, charged", true, true, false, 5500, 5500, false, 1150},
		{"closed, refused", true, false, false, 1500, 5500, false, 0},
		{"open, charged", false, true, false, 5000, 5000, false, 1150},
		{"open, refused", false, false, false, 1000, 5000, false, 0},
		{"open, and it is about an earlier time, charged", false, true, true, 5000, 1000, true, 1150},
		{"open, and it is about an earlier time, refused", false, false, true, 1000, 1000, true, 0},
	} {
		d, drawn := drawnThrough(t, c.closed)
		verdict := wallet.HeldEnergyAccepted
		if c.other {
			drawn.Seq--
		}
		v := wallet.HeldEnergyRefused(drawn)
		if c.charged {
			v = verdict(drawn, 4000)
		}
		out, err := wallet.Release(d, 1, v, d.now)
		r := d.rows[0]
		if err != nil || out.Refused() || r.Total() != c.total || r.Register != c.register || r.Held.Stopped() != c.held || int64(out.Debit) != c.debit {
			t.Errorf("%s: %+v, %v; total %d at %d, held %t; want %d at %d, %t", c.name, out, err, r.Total(), r.Register, r.Held.Stopped(), c.total, c.register, c.held)
		}
		want := ""
		if !c.held {
			want = "m1 released"
		}
		if c.charged {
			want = strings.TrimPrefix(want+"; m1 used 4000 Wh for 1150 on 2026-11-18", "; ")
		}
		if got := strings.Join(d.wrote, "; "); got != want {
			t.Errorf("%s: wrote %q, want %q", c.name, got, want)
		}
		if !c.closed && !c.held && (!r.Open || r.OpenFrom != 5000) {
			t.Errorf("%s: open %t from %d, want the relay open still", c.name, r.Open, r.OpenFrom)
		}
	}
}

// TestTheSupplyWhileEnergyIsHeld: energy counted through an open relay costs nothing so far, and the lease continues from the register that
// the meter reports.
func TestTheSupplyWhileEnergyIsHeld(t *testing.T) {
	d, _ := drawnThrough(t, false)
	d.seen[1].Register, d.seen[1].Relay, d.seen[1].Reasons = 5000, supply.Open.String(), supply.Of(supply.Remote)
	d.passes(36 * time.Hour)
	d.seen[1].ReceivedAt = d.now
	d.says()
	d.settles()
	if got := d.max(1); got != 25_000 || d.kept[1].Block != "" {
		t.Errorf("a lease to %d Wh, block %q; want 25000 from the register the meter says", got, d.kept[1].Block)
	}
	if d.rows[0].Held.Reason != wallet.HoldOpen || d.rows[0].Register != 1000 {
		t.Errorf("settling decided: %+v", d.rows[0].Held)
	}
}

// TestWhoMovesOutIsSwitchedOff: each meter gets one cut-off, and rating begins again for the next customer.
func TestWhoMovesOutIsSwitchedOff(t *testing.T) {
	d := newTill(t, 100_000, 2)
	d.takes(d.reading(10, 1, 1000, false))
	d.says()
	if err := wallet.MoveOut(d, id.ID{15: 1}, "usr_x", "moved out", d.now); err != nil {
		t.Fatal(err)
	}
	d.want("moved out", "disconnect m1; disconnect m2")
	for n := int64(1); n <= 2; n++ {
		k, o := d.kept[n], d.orders[d.kept[n].Cut]
		if k.By != "usr_x" || k.Why != "moved out" || o.By != "usr_x" || o.Reason != "moved out" || o.TTL != 3*time.Hour || o.Args["reason"] != "NOT_ACTIVATED" {
			t.Errorf("meter %d: kept %+v, told %+v", n, k, o)
		}
	}
	d.pays(5000)
	d.want("a payment changes nothing", "")
	s := d.rows[0].State
	s.MaxW = 5000
	next := wallet.MoveIn(s, d.now)
	if next.Started || next.Total() != s.Total() || next.Debited != s.Debited || next.MaxW != 5000 || next.Posted != s.Posted || next.PostedWh != s.PostedWh ||
		!next.PostedTo.Equal(d.now) || next.Off != supply.Of(supply.Credit) || !next.Low1.Below || next.Accrued != 0 {
		t.Errorf("moved in: %+v after %+v", next, s)
	}
}
