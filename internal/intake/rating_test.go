package intake_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

// stored returns a stored reading. Its register rises by 100 Wh with each record.
func stored(seq uint64) wallet.Reading {
	return wallet.Reading{Memory: memory, Seq: seq, At: at(seq), Up: head(seq).Up, Clock: wire.ClockValid, ReceivedAt: at(seq).Add(5 * time.Second),
		Register: 1000 + 100*unit.Energy(seq-4)}
}

// counts returns how many calls begin with this text.
func (r *rows) counts(call string) (n int) {
	for _, c := range r.Made {
		if strings.HasPrefix(c, call) {
			n++
		}
	}
	return n
}

// ofMoney returns the written lines, except those about readings and meters' rows.
func (r *rows) ofMoney() []string {
	return slices.DeleteFunc(slices.Clone(r.Wrote), func(s string) bool { return strings.Contains(s, "is up to") || strings.HasPrefix(s, "readings ") })
}

// wantsMoney compares the writes about wallets since the last call.
func (r *rows) wantsMoney(t *testing.T, want ...string) {
	t.Helper()
	r.Wrote = r.ofMoney()
	r.Wants(t, want...)
}

// TestReadingsOfWalletMetersAreRated checks that readings are rated in the order of their numbers. Each account must be decided about once,
// with all of its meters.
func TestReadingsOfWalletMetersAreRated(t *testing.T) {
	r := newRows().rated(1, 2, 3)
	r.takes(t, reading(3, 5, 1400), reading(4, 5, 9000), reading(1, 6, 1300), reading(1, 5, 1100), reading(2, 5, 1200))
	r.Wants(t, "readings m1/6 of cdef, m1/5 of cdef, m2/5 of cdef, m3/5 of cdef, m4/5 of cdef", "m3 is up to 5 with 1400 Wh of record 5 at 12:01:00",
		"m4 is up to 5 with 9000 Wh of record 5 at 12:01:00", "m1 is up to 6 with 1300 Wh of record 6 at 12:02:00", "m2 is up to 5 with 1200 Wh of record 5 at 12:01:00",
		"m1 used 300 Wh for 75 on 2026-11-20", "m2 used 200 Wh for 50 on 2026-11-20", "m3 used 400 Wh for 100 on 2026-11-20",
		"m1 is rated to record 6, 1300 Wh, 75, said 12:02:00", "m2 is rated to record 5, 1200 Wh, 50, said 12:01:00", "m3 is rated to record 5, 1400 Wh, 100, said 12:01:00")
	for call, want := range map[string]int{"WalletsOfMeters [3 1 2]": 1, "VersionsOf 9": 1, "WalletMoney": 2, "WalletTenant": 1, "WalletDays": 0} {
		if got := r.counts(call); got != want {
			t.Errorf("%d calls of %s, want %d", got, call, want)
		}
	}
}

// TestMetersWithoutAWalletCostNothing checks that such meters cause no reads or writes about wallets.
func TestMetersWithoutAWalletCostNothing(t *testing.T) {
	r := newRows().rated(1)
	r.takes(t, reading(2, 5, 1400))
	r.wantsMoney(t)
	if r.counts("Wallet") != 0 || r.counts("VersionsOf") != 0 {
		t.Errorf("calls %q", r.Made)
	}
	r.takes(t, reading(2, 6, 1400), boot(1, memory, 1, 5)) // the boot causes a decision about the account, the reading does not
	r.wantsMoney(t, "m1 is rated to record 4, 1000 Wh, 0")
	if r.counts("WalletsOfMeters [1]") != 1 {
		t.Errorf("calls %q", r.Made)
	}
}

// TestAMeterOfTheSameAccountIsDecidedAboutToo checks that the decision about an account includes its meter that is not in the batch.
func TestAMeterOfTheSameAccountIsDecidedAboutToo(t *testing.T) {
	r := newRows().rated(1, 2, 3)
	r.takes(t, reading(2, 5, 1200))
	r.wantsMoney(t, "m2 used 200 Wh for 50 on 2026-11-20", "m1 is rated to record 4, 1000 Wh, 0", "m2 is rated to record 5, 1200 Wh, 50, said 12:01:00")
}

// TestAnAccountThatEndedIsNotRated checks that a closed account is neither rated nor decided about.
func TestAnAccountThatEndedIsNotRated(t *testing.T) {
	r := newRows().rated(1)
	r.wallets[0].Meter.Active = false
	late := reading(1, 5, 1200)
	late.Rec.Reading.Clock = wire.ClockInvalid
	r.takes(t, late, boot(1, memory, 1, 6))
	r.wantsMoney(t)
}

// TestReadingsBehindAGapAreRatedWhenItCloses checks that such readings are read from the store and rated with the readings of this batch.
func TestReadingsBehindAGapAreRatedWhenItCloses(t *testing.T) {
	r := newRows().rated(1)
	r.takes(t, reading(1, 6, 1200))
	r.wantsMoney(t) // the gap is open
	if r.counts("ReadingsBetween") != 0 || r.counts("VersionsOf") != 0 {
		t.Errorf("calls %q", r.Made)
	}
	other, beyond := stored(5), stored(8)
	other.Memory, other.Register = old, 5000
	r.behind = []wallet.Reading{stored(6), stored(5), other, beyond}
	r.takes(t, reading(1, 5, 1100))
	r.wantsMoney(t, "m1 used 200 Wh for 50 on 2026-11-20", "m1 is rated to record 6, 1200 Wh, 50, said 12:01:00")
	if r.counts("ReadingsBetween 1 cdef 5 to 6, 129 of 129") != 1 {
		t.Errorf("calls %q", r.Made)
	}
}

// TestReadingsAreRatedInTheirOrder checks that readings are rated by number, not by arrival: otherwise a falling register would
// not be noticed.
func TestReadingsAreRatedInTheirOrder(t *testing.T) {
	r := newRows().rated(1)
	r.takes(t, reading(1, 6, 1200), reading(1, 5, 1300))
	r.wantsMoney(t, "alarm of m1 rating-held: The register shows 1200 Wh in record 6, after 1300 Wh in the last accepted reading: the register went backwards. Charging stops until a person decides.", "m1 stopped: register_regress", "m1 used 300 Wh for 75 on 2026-11-20", "m1 is rated to record 5, 1300 Wh, 75, said 12:02:00")
}

// TestWhatABatchLeavesOpenIsNotRated checks that a reading beyond a gap waits until the gap closes.
func TestWhatABatchLeavesOpenIsNotRated(t *testing.T) {
	r := newRows().rated(1)
	r.takes(t, reading(1, 5, 1100), reading(1, 7, 1300))
	r.wantsMoney(t, "m1 used 100 Wh for 25 on 2026-11-20", "m1 is rated to record 5, 1100 Wh, 25, said 12:03:00")
}

// TestAMemoryIsRatedBeforeItIsLeft checks that the old memory's readings count even in the batch that opens the next memory,
// which has a new numbering.
func TestAMemoryIsRatedBeforeItIsLeft(t *testing.T) {
	r := newRows().rated(1)
	r.live[1].Memory, r.wallets[0].Memory = old, old
	first := reading(1, 5, 1100)
	first.Memory = old
	next := reading(1, 1, 1150)
	next.Rec.Head.At, next.Rec.Reading.At = head(6).At, head(6).At
	next.ReceivedAt = at(6)
	r.takes(t, first, boot(1, memory, 1, 2), next)
	r.Wants(t, "readings m1/5 of 00aa", "alarm of m1 memory-replaced: The meter came back with memory "+memory+" instead of "+old+". Records that the old memory had not delivered are lost.",
		"readings m1/1 of cdef", "m1 is up to 1 with 1150 Wh of record 1 at 12:02:00", "m1 used 150 Wh for 37 on 2026-11-20",
		"m1 is rated to record 1, 1150 Wh, 37, said 12:02:00")

	r = newRows() // all readings of a meter without a wallet are written at the end
	first.Meter, first.Number, first.Memory = 4, "m4", memory
	r.takes(t, first, boot(4, old, 1, 2))
	r.Wants(t, "alarm of m4 memory-replaced: The meter came back with memory "+old+" instead of "+memory+". Records that the old memory had not delivered are lost.",
		"readings m4/5 of cdef", "m4 is up to 0 with 1100 Wh of record 0 at 12:01:00")
}

// TestAMemoryThatComesBackIsNotRatedTwice checks a memory that comes back within one batch.
func TestAMemoryThatComesBackIsNotRatedTwice(t *testing.T) {
	r := newRows().rated(1)
	between := reading(1, 1, 1150)
	between.Memory, between.Rec.Head.At, between.Rec.Reading.At = old, head(6).At, head(6).At
	r.takes(t, reading(1, 5, 1100), boot(1, old, 1, 2), between, boot(1, memory, 1, 7), reading(1, 6, 1200))
	r.Wrote = slices.DeleteFunc(r.Wrote, func(s string) bool { return strings.HasPrefix(s, "alarm ") })
	r.Wants(t, "readings m1/5 of cdef", "readings m1/1 of 00aa", "readings m1/6 of cdef", "m1 is up to 6 with 1200 Wh of record 6 at 12:02:00",
		"m1 used 200 Wh for 50 on 2026-11-20", "m1 is rated to record 6, 1200 Wh, 50, said 12:02:00")
}

// TestABootWithTheSameMemoryInterruptsNothing checks that the readings before and after such a boot are written together, and rated
// only once.
func TestABootWithTheSameMemoryInterruptsNothing(t *testing.T) {
	r := newRows().rated(1)
	r.takes(t, reading(1, 5, 1100), boot(1, memory, 1, 6), reading(1, 6, 1200))
	r.Wants(t, "readings m1/5 of cdef, m1/6 of cdef", "m1 is up to 6 with 1200 Wh of record 6 at 12:02:00", "m1 used 200 Wh for 50 on 2026-11-20",
		"m1 is rated to record 6, 1200 Wh, 50, said 12:02:00")
}

// TestARegisterThatCannotBeTrueStopsTheRating checks that later readings only cause a decision about the account. Energy through an open
// relay is the exception: every reading adds to it.
func TestARegisterThatCannotBeTrueStopsTheRating(t *testing.T) {
	r := newRows().rated(1)
	r.takes(t, reading(1, 5, 900))
	r.wantsMoney(t, "alarm of m1 rating-held: The register shows 900 Wh in record 5, after 1000 Wh in the last accepted reading: the register went backwards. Charging stops until a person decides.", "m1 stopped: register_regress", "m1 is rated to record 4, 1000 Wh, 0, said 12:01:00")
	if h := r.wallets[0].Held; h.Seq != 5 || h.Memory != memory || h.Register != 900 || !h.At.Equal(at(5)) || h.Clock != wire.ClockValid || !h.Since.Equal(at(5).Add(5*time.Second)) {
		t.Errorf("held %+v", h)
	}
	r.Made = nil
	r.takes(t, reading(1, 6, 1100))
	r.wantsMoney(t, "m1 is rated to record 4, 1000 Wh, 0, said 12:02:00")
	if r.counts("VersionsOf") != 1 { // one call, for the decision about the account
		t.Errorf("calls %q", r.Made)
	}

	r = newRows().rated(1)
	w := &r.wallets[0]
	w.Open, w.OpenFrom = true, 3000
	w.Held = wallet.Held{Reason: wallet.HoldOpen, Memory: memory, Seq: 4, Register: 3000, At: noon(), Since: noon()}
	open := reading(1, 5, 3100)
	open.Rec.Reading.Relay, open.Rec.Reading.Reasons = "open", []string{"CREDIT"}
	r.takes(t, open)
	if w = &r.wallets[0]; w.OpenFrom != 3100 || w.Seq != 5 || w.Register != 1000 {
		t.Errorf("held up to %d of record %d, register %d", w.OpenFrom, w.Seq, w.Register)
	}
}

// TestAReadingSaysWhetherTheRelayIsOpen checks that a relay counts as open only if a reason keeps it open.
func TestAReadingSaysWhetherTheRelayIsOpen(t *testing.T) {
	for _, c := range []struct {
		relay   string
		reasons []string
		open    bool
	}{{"open", []string{"CREDIT"}, true}, {"open", nil, false}, {"closed", []string{"CREDIT"}, false}} {
		r := newRows().rated(1)
		p := reading(1, 5, 1100)
		p.Rec.Reading.Relay, p.Rec.Reading.Reasons = c.relay, c.reasons
		r.takes(t, p)
		if m := r.wallets[0].Meter; !m.LastSeen.Equal(at(5).Add(5*time.Second)) || m.NewestAt != at(5).UnixMicro() {
			t.Errorf("the meter's clock is %d at %s", m.NewestAt, m.LastSeen)
		}
		if w := r.wallets[0]; w.Open != c.open || w.Seq != 5 || w.Up != 300_000 || !w.At.Equal(at(5)) {
			t.Errorf("%+v: open %t, record %d at %s", c, w.Open, w.Seq, w.At)
		}
	}
}

// TestMoreThanAMeterCanMeasureIsHeld checks the limit of the power, which comes from the meter's wallet.
func TestMoreThanAMeterCanMeasureIsHeld(t *testing.T) {
	for most, held := range map[unit.Power]bool{0: false, 20_000: true} {
		r := newRows().rated(1)
		r.wallets[0].MaxW = most
		p := reading(1, 5, 1100)
		p.Rec.Reading.W = 25_000
		if out := r.takes(t, p); (out[0].Kind == metering.Quarantined) != held {
			t.Errorf("25 kW of a meter for %d W came to %s", most, out[0].Kind)
		}
	}
	r := newRows()
	p := reading(1, 5, 1100)
	p.Rec.Reading.W = 25_000_000
	if out := r.takes(t, p); out[0].Kind != metering.Stored {
		t.Errorf("the power of a meter without a wallet came to %s", out[0].Kind)
	}
}

// TestTheClockOfAMeterIsJudged checks that the newest reading decides whether the meter's time is possible and how far it lags.
func TestTheClockOfAMeterIsJudged(t *testing.T) {
	const rated = "m1 is rated to record 5, 1100 Wh, 25"
	for _, c := range []struct {
		name   string
		change func(*rows, *metering.Record)
		want   string
	}{
		{"it is right", func(*rows, *metering.Record) {}, rated + ", said 12:01:00"},
		{"a minute ahead", func(_ *rows, p *metering.Record) { p.ReceivedAt = noon() }, rated + ", said 12:01:00"},
		{"more than a minute ahead", func(_ *rows, p *metering.Record) { p.ReceivedAt = noon().Add(-1) }, rated + ", adrift, said 12:01:00"},
		{"it was never set", func(_ *rows, p *metering.Record) { p.Rec.Reading.Clock = wire.ClockInvalid }, rated + ", adrift, said 12:01:00"},
		{"behind as before", func(r *rows, p *metering.Record) {
			p.ReceivedAt, r.live[1].ReceivedAt = at(5).Add(time.Hour), noon().Add(time.Hour+time.Second)
		}, rated + ", said 12:01:00, 1h0m0s behind over 59s"},
		{"the first reading of its memory", func(r *rows, p *metering.Record) {
			p.ReceivedAt, r.live[1].ReceivedAt = at(5).Add(time.Hour), noon().Add(time.Hour+time.Second)
			r.live[1].ReadingSeq = 0
		}, rated + ", said 12:01:00"},
		{"the second reading of its memory", func(r *rows, p *metering.Record) {
			p.ReceivedAt, r.live[1].ReceivedAt = at(5).Add(time.Hour), noon().Add(time.Hour+time.Second)
			r.live[1].ReadingSeq = 1
		}, rated + ", said 12:01:00, 1h0m0s behind over 59s"},
		{"a newer one came before", func(r *rows, _ *metering.Record) { r.live[1].ReadingSeq = 5 }, rated},
		{"it lives in its own time", func(r *rows, p *metering.Record) { r.wallets[0].Meter.Simulated, p.Simulated = true, true }, rated},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRows().rated(1)
			p := reading(1, 5, 1100)
			c.change(r, &p)
			r.takes(t, p)
			r.wantsMoney(t, "m1 used 100 Wh for 25 on 2026-11-20", c.want)
		})
	}
}

// TestTheNewestReadingJudgesTheClock checks that the order of arrival does not matter, even beyond an open gap.
func TestTheNewestReadingJudgesTheClock(t *testing.T) {
	wrong := reading(1, 7, 1300)
	wrong.Rec.Reading.Clock = wire.ClockInvalid
	r := newRows().rated(1)
	r.takes(t, wrong, reading(1, 6, 1200)) // record 5 is missing
	r.wantsMoney(t, "m1 is rated to record 4, 1000 Wh, 0, adrift, said 12:03:00")
	r = newRows().rated(1)
	r.takes(t, wrong, reading(1, 8, 1400))
	r.wantsMoney(t, "m1 is rated to record 4, 1000 Wh, 0, said 12:04:00")
}

// TestARecordHeldForItsTimeSetsTheClock checks that a record with an impossible time sets the meter's clock. Until then no record of the
// meter counts.
func TestARecordHeldForItsTimeSetsTheClock(t *testing.T) {
	const far = 1 << 40 // seconds: too far ahead to be written as a time
	change := func(at int64) func(*rows, *metering.Record) {
		return func(_ *rows, p *metering.Record) { p.Rec.Head.At, p.Rec.Reading.At = at, at }
	}
	ahead := noon().Add(48 * time.Hour)
	for _, c := range []struct {
		name   string
		change func(*rows, *metering.Record)
		want   []string
	}{
		{"of the future", change(ahead.Unix()), []string{"m1 is rated to record 4, 1000 Wh, 0, adrift, said 12:00:00"}},
		{"of no time", change(far), []string{"m1 is rated to record 4, 1000 Wh, 0, adrift"}},
		{"negative", func(_ *rows, p *metering.Record) { p.Rec.Reading.RegisterWh = -1 }, nil},
		{"of no time, by a meter that lives in its own", func(r *rows, p *metering.Record) {
			change(far)(r, p)
			r.wallets[0].Meter.Simulated, p.Simulated = true, true
		}, nil},
	} {
		r := newRows().rated(1)
		p := reading(1, 5, 1100)
		c.change(r, &p)
		if out := r.takes(t, p); out[0].Kind != metering.Quarantined {
			t.Fatalf("%s: it came to %+v", c.name, out)
		}
		got := slices.DeleteFunc(r.ofMoney(), func(s string) bool { return strings.HasPrefix(s, "held ") || strings.HasPrefix(s, "alarm ") })
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	r := newRows() // a meter without a wallet
	p := reading(1, 5, 1100)
	change(far)(r, &p)
	r.takes(t, p)
	if r.counts("Wallet") != 0 {
		t.Errorf("calls %q", r.Made)
	}
}

// TestANewerRecordOverrulesAHeldOne checks that a newer record overrules a record held for review, and that an older record does not.
func TestANewerRecordOverrulesAHeldOne(t *testing.T) {
	future := func(seq uint64) metering.Record {
		p := reading(1, seq, 1100)
		p.Rec.Head.At = noon().Add(time.Duration(seq) * 24 * time.Hour).Unix()
		return p
	}
	for _, c := range []struct {
		recs []metering.Record
		want string
	}{
		{[]metering.Record{future(7), future(6)}, "m1 is rated to record 4, 1000 Wh, 0, adrift, said 12:00:00"},
		{[]metering.Record{future(6), reading(1, 8, 1100)}, "m1 is rated to record 4, 1000 Wh, 0, said 12:04:00"},
		{[]metering.Record{reading(1, 8, 1100), future(6), boot(1, memory, 1, 9)}, "m1 is rated to record 4, 1000 Wh, 0, said 12:04:00"},
	} {
		r := newRows().rated(1)
		r.takes(t, c.recs...)
		if got := r.Wrote[len(r.Wrote)-1]; got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
		if c.recs[0].Rec.Head.Seq == 7 && !r.wallets[0].Said.Equal(noon().AddDate(0, 0, 7)) {
			t.Errorf("the clock is judged by the time %s", r.wallets[0].Said)
		}
	}
}

// TestAnAnswerMakesTheAccountBeLookedAt checks that the server decides about an account after a meter's answer to a command, and after a
// boot message. It does not decide after an event or a token report.
func TestAnAnswerMakesTheAccountBeLookedAt(t *testing.T) {
	for name, rec := range map[string]metering.Record{"an answer": answer(1, 5, "unknown", "done", ""), "a boot": boot(1, memory, 1, 5)} {
		r := newRows().rated(1)
		r.takes(t, rec)
		if got := r.Wrote[len(r.Wrote)-1]; got != "m1 is rated to record 4, 1000 Wh, 0" {
			t.Errorf("%s: %q", name, got)
		}
	}
	for name, rec := range map[string]metering.Record{"an event": event(1, 5, 401), "a token": report(1, 5, "", "busy")} {
		r := newRows().rated(1)
		if r.takes(t, rec); r.counts("WalletMoney") != 0 {
			t.Errorf("%s: calls %q", name, r.Made)
		}
	}
}

// TestTheAccountIsDecidedAboutByTheTariffOfNow checks the lease of an account whose money buys 4 kWh at the tariff in force. The lease must
// end 4 kWh above the register.
func TestTheAccountIsDecidedAboutByTheTariffOfNow(t *testing.T) {
	version := func(n byte, from time.Time, rate money.MicroRate) tariff.Version {
		return tariff.Version{ID: id.ID{15: n}, N: int(n), EffectiveFrom: from, Body: tariff.Body{Currency: "KES", Blocks: []tariff.Block{{Rate: rate}}}}
	}
	r := newRows().rated(1)
	r.money = 1000
	r.versions = []tariff.Version{version(1, noon().AddDate(-1, 0, 0), 5_000_000), version(2, noon(), 2_500_000), version(3, noon().Add(1), 1_000_000)}
	r.supplied[1] = wallet.Supplied{Seen: wallet.Seen{Memory: memory, Leases: true, Commands: true, Interval: 30 * time.Minute, Imp: 1000, Grace: wallet.StayClosed,
		ReceivedAt: noon(), AsOf: noon(), Relay: "closed"}}
	r.takes(t, answer(1, 5, "unknown", "done", ""))
	if got := fmt.Sprint(r.ofMoney()); !strings.Contains(got, "lease for m1 5000") {
		t.Errorf("written: %s", got)
	}
	r.versions = nil
	r.Wrote, r.wallets[0].Seq = nil, 4
	r.takes(t, answer(1, 6, "unknown", "done", ""))
	if got := fmt.Sprint(r.ofMoney()); strings.Contains(got, "lease") {
		t.Errorf("without a tariff %s", got)
	}
}
