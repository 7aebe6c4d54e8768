package quarantine_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/quarantine"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/rowstest"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
	"github.com/paywatt/paywatt/wire"
)

const (
	decided = "by person amina at 12:00:00: read it off"
)

// TestAStoppedRatingIsDecided checks for each choice the charge, the writes and the audit log.
func TestAStoppedRatingIsDecided(t *testing.T) {
	for _, c := range []struct {
		name    string
		rows    func(*testing.T) *rows
		verdict quarantine.Verdict
		units   unit.Energy
		debit   int64
		wrote   []string
		after   string
	}{
		{"accepted", jumped, quarantine.Verdict{Choice: quarantine.Accept}, 49_000, 12_250,
			[]string{"m1 released", "m1 used 49000 Wh for 12250", "posted usage at 12:00:00", "m1 at 50000 Wh since 1000, record 5", "entry 1 accepted " + decided},
			"readings=0 units_wh=49000 debit_minor=12250"},
		{"rebased to itself", jumped, quarantine.Verdict{Choice: quarantine.Rebase}, 0, 0,
			[]string{"m1 released", "m1 at 50000 Wh since 50000, record 5", "entry 1 rebased " + decided}, "readings=0 units_wh=0 debit_minor=0"},
		{"rebased to what was read off", jumped, quarantine.Verdict{Choice: quarantine.Rebase, Register: wh(0)}, 0, 0,
			[]string{"m1 released", "m1 at 0 Wh since 0, record 5", "entry 1 rebased " + decided}, "register_wh=0 readings=0 units_wh=0 debit_minor=0"},
		{"discarded", jumped, quarantine.Verdict{Choice: quarantine.Discard}, 0, 0,
			[]string{"m1 released", "m1 at 1000 Wh since 1000, record 5", "entry 1 discarded " + decided}, "readings=0 units_wh=0 debit_minor=0"},
		{"drawn through an open relay, accepted", drawn, quarantine.Verdict{Choice: quarantine.Accept}, 2000, 500,
			[]string{"m1 released", "m1 used 2000 Wh for 500", "posted usage at 12:00:00", "m1 at 3000 Wh since 1000, record 5", "entry 1 accepted " + decided},
			"readings=0 units_wh=2000 debit_minor=500"},
		{"drawn through an open relay, refused", drawn, quarantine.Verdict{Choice: quarantine.Rebase}, 0, 0,
			[]string{"m1 released", "m1 at 3000 Wh since 3000, record 5", "entry 1 rebased " + decided}, "readings=0 units_wh=0 debit_minor=0"},
		{"drawn before, and accepted", drawnBefore, quarantine.Verdict{Choice: quarantine.Accept}, 2000, 500,
			[]string{"m1 released", "m1 used 2000 Wh for 500", "posted usage at 12:00:00", "m1 at 1000 Wh since -1000, record 4", "entry 1 accepted " + decided},
			"readings=0 units_wh=2000 debit_minor=500"},
		{"drawn before, and refused", drawnBefore, quarantine.Verdict{Choice: quarantine.Rebase}, 0, 0,
			[]string{"m1 released", "m1 at 1000 Wh since 1000, record 4", "entry 1 rebased " + decided}, "readings=0 units_wh=0 debit_minor=0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := c.rows(t)
			e := r.entries[0]
			c.verdict.Entry = entry(1)
			out := r.decides(c.verdict)
			e.State, e.DecidedAt, e.DecidedBy, e.Decision = out.Entry.State, noon(), "person amina", "read it off"
			if fmt.Sprint(out.Entry) != fmt.Sprint(e) || out.Number != number || out.Units != c.units || int64(out.Debit) != c.debit || out.Currency != "KES" || out.Readings != 0 {
				t.Errorf("it came to %+v", out)
			}
			r.Wants(t, c.wrote...)
			want := access.Entry{Actor: "person amina", IP: "10.0.0.1", Action: "quarantine." + string(c.verdict.Choice), Object: entry(1), Reason: "read it off", SinglePerson: true,
				Before: fmt.Sprintf("meter=%s record=5 doubt=%s was_wh=1000 register_wh=%d", number, e.Doubt, *e.Register), After: c.after}
			if len(r.audit) != 1 || r.audit[0] != want {
				t.Errorf("the audit log says %+v, want %+v", r.audit, want)
			}
			if r.tenant != 1 {
				t.Errorf("decided in tenant %d", r.tenant)
			}
		})
	}
}

func jumped(t *testing.T) *rows {
	return stopped(t, wallet.HoldImplausible, metering.DoubtJump, 50_000)
}
func fallen(t *testing.T) *rows { return stopped(t, wallet.HoldRegress, metering.DoubtBackwards, 999) }
func drawn(t *testing.T) *rows  { return stopped(t, wallet.HoldOpen, metering.DoubtOpen, 3000) }

// drawnBefore returns rows with energy that was counted through an open relay. The relay has closed since.
func drawnBefore(t *testing.T) *rows {
	r := drawn(t)
	r.wallets = newRows(t).wallets
	return r
}

// TestWhatCameMeanwhileIsCharged: the readings that came meanwhile are charged, up to the first reading that cannot be true.
func TestWhatCameMeanwhileIsCharged(t *testing.T) {
	r := jumped(t)
	at := noon().Add(-10 * time.Minute)
	r.behind = []wallet.Reading{{Memory: memory, Seq: 6, At: at, Up: 360_000, Clock: wire.ClockValid, ReceivedAt: at, Register: 50_100},
		{Memory: memory, Seq: 7, At: at, Up: 420_000, Clock: wire.ClockValid, ReceivedAt: at, Register: 1}}
	out := r.decides(quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept})
	if out.Readings != 1 || out.Units != 49_100 || out.Debit != 12_275 || out.Held.Seq != 7 || out.Held.Reason != wallet.HoldRegress {
		t.Errorf("it came to %+v", out)
	}
	if got := r.audit[0].After; got != "readings=1 units_wh=49100 debit_minor=12275" {
		t.Errorf("the audit log says %q", got)
	}
}

// TestAHeldRecordIsDecided: an accepted record is stored as if it had never been doubted. A discarded record is never stored.
func TestAHeldRecordIsDecided(t *testing.T) {
	r := held(t, metering.DoubtFuture, reading(5))
	r.entries[0].Simulated = true
	out := r.decides(quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept})
	if out.Refused() || out.Entry.State != quarantine.Accepted || out.Currency != "KES" {
		t.Errorf("it came to %+v", out)
	}
	r.Wants(t, "1 reading", "the meter shows 2000 Wh of 2026-11-21 12:00:00", "m1 at 1000 Wh since 1000, record 4", "entry 1 accepted "+decided)
	k := r.kept[0]
	if k.Meter != 1 || k.Number != number || !k.Simulated || k.Memory != memory || !k.ReceivedAt.Equal(noon().Add(-30*time.Minute)) || k.Rec.Reading.RegisterWh != 2000 {
		t.Errorf("stored %+v", k)
	}
	if got := r.audit[0]; got.Before != "meter="+number+" record=5 doubt=future-time" || got.After != "readings=0 units_wh=0 debit_minor=0" {
		t.Errorf("the audit log says %+v", got)
	}

	r = held(t, metering.DoubtFuture, reading(5)) // the meter has no clock, so its reading counts as no later than its arrival
	r.decides(quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept})
	if got := r.Wrote[1]; got != "the meter shows 2000 Wh of 2026-11-20 11:30:00" {
		t.Error(got)
	}

	r = held(t, metering.DoubtFuture, reading(5))
	out = r.decides(quarantine.Verdict{Entry: entry(1), Choice: quarantine.Discard})
	if out.Refused() || out.Number != number || out.Currency != "" {
		t.Errorf("it came to %+v", out)
	}
	r.Wants(t, "entry 1 discarded "+decided)

	r = held(t, metering.DoubtFuture, reading(5))
	r.entries[0].Wallet = false
	if out := r.decides(quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept}); out.Currency != "" || out.Number != number {
		t.Errorf("it came to %+v", out)
	}
	r.Wants(t, "1 reading", "the meter shows 2000 Wh of 2026-11-20 11:30:00", "entry 1 accepted "+decided)
}

// TestALateRecordIsRated: the accepted record is rated with the stored readings.
func TestALateRecordIsRated(t *testing.T) {
	r := held(t, metering.DoubtPower, reading(5))
	r.behind = []wallet.Reading{{Memory: memory, Seq: 5, At: noon(), Up: 300_000, Clock: wire.ClockValid, ReceivedAt: noon(), Register: 2000}}
	out := r.decides(quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept})
	if out.Readings != 1 || out.Units != 1000 || out.Debit != 250 {
		t.Errorf("it came to %+v", out)
	}
}

// TestARecordThatCannotBeReadAnyMoreStaysHeld: a record is stored only if its payload still contains exactly one record.
func TestARecordThatCannotBeReadAnyMoreStaysHeld(t *testing.T) {
	broken := held(t, metering.DoubtFuture, reading(5))
	broken.entries[0].Payload = []byte("{")
	for _, r := range []*rows{broken, held(t, metering.DoubtFuture, reading(5), reading(6))} {
		out := r.decides(quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept})
		if out.Code != refusal.InvalidRequest || out.What != "The record of entry "+entry(1)+" cannot be read, so this decision is not possible." || len(r.Wrote)+len(r.audit) != 0 {
			t.Errorf("it came to %+v, written %q", out, r.Wrote)
		}
	}
}

// TestTheRegisterOfAChangedMeterIsSet: a meter without an entry gets a new register. The request names the meter by its number or
// its identity.
func TestTheRegisterOfAChangedMeterIsSet(t *testing.T) {
	for _, name := range []string{number, id.ID{14: 1}.Text(id.Meter)} {
		r := newRows(t)
		r.wallets = append([]wallet.Row{{Meter: wallet.MeterFacts{N: 2, Number: "other"}}}, r.wallets...)
		r.wallets[1].Meter.Simulated = true
		out := r.decides(quarantine.Verdict{Meter: name, Choice: quarantine.Rebase, Register: wh(7)})
		if out.Refused() || out.Number != number || !out.Entry.ID.IsZero() || out.Entry.Number != "" || out.Currency != "KES" {
			t.Errorf("%s: %+v", name, out)
		}
		r.Wants(t, "m1 released", "m2 at 0 Wh since 0, record 0", "m1 at 7 Wh since 7, record 4")
		want := access.Entry{Actor: "person amina", IP: "10.0.0.1", Action: "quarantine.rebase", Object: "meter " + number, Before: "meter=" + number + " was_wh=1000",
			After: "register_wh=7 readings=0 units_wh=0 debit_minor=0", Reason: "read it off", SinglePerson: true}
		if len(r.audit) != 1 || r.audit[0] != want {
			t.Errorf("%s: the audit log says %+v", name, r.audit)
		}
	}
}

// TestAMeterInDoubtIsDecidedByItsNumber: a decision about a meter with an open entry decides this entry.
func TestAMeterInDoubtIsDecidedByItsNumber(t *testing.T) {
	r := jumped(t)
	out := r.decides(quarantine.Verdict{Meter: number, Choice: quarantine.Discard})
	if out.Entry.ID != r.entries[0].ID || out.Entry.State != quarantine.Discarded {
		t.Errorf("it came to %+v", out)
	}
}

// negative returns a held record whose register is below 0.
func negative(was *unit.Energy) func(*testing.T) *rows {
	return func(t *testing.T) *rows {
		r := held(t, metering.DoubtNegative, reading(5))
		r.entries[0].Was, r.entries[0].Register = was, wh(-1)
		return r
	}
}

// undecidable is a decision that is refused.
type undecidable struct {
	name    string
	rows    func(*testing.T) *rows
	verdict quarantine.Verdict
	code    refusal.Code
	what    string
	try     string
}

// malformed are decisions with missing, superfluous or unknown fields.
func malformed() []undecidable {
	return []undecidable{
		{"blank reason", jumped, quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept, Reason: " \n"}, refusal.InvalidRequest, "A decision needs a reason.", ""},
		{"long reason", jumped, quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept, Reason: strings.Repeat("ä", 301)}, refusal.InvalidRequest, "A reason can have at most 300 characters.", ""},
		{"no choice", jumped, quarantine.Verdict{Entry: entry(1)}, refusal.InvalidRequest, `A decision must be accept, rebase or discard, not "".`, ""},
		{"a register that is accepted", jumped, quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept, Register: wh(1)}, refusal.InvalidRequest, "Only a rebase can have a register.", ""},
		{"a negative register", jumped, quarantine.Verdict{Entry: entry(1), Choice: quarantine.Rebase, Register: wh(-1)}, refusal.InvalidRequest, "register_wh must not be negative.", ""},
		{"no identity", jumped, quarantine.Verdict{Entry: "x", Choice: quarantine.Accept}, refusal.NotFound, "Entry x was not found in quarantine.", ""},
		{"an unknown entry", jumped, quarantine.Verdict{Entry: entry(9), Choice: quarantine.Accept}, refusal.NotFound, "Entry " + entry(9) + " was not found in quarantine.", ""},
		{"an unknown meter", jumped, quarantine.Verdict{Meter: "06000001237", Choice: quarantine.Rebase, Register: wh(1)}, refusal.MeterNotFound, "", ""},
		{"a meter without a wallet", newRows, quarantine.Verdict{Meter: id.ID{14: 3}.Text(id.Meter), Choice: quarantine.Rebase, Register: wh(1)}, refusal.NotFound,
			"Meter " + id.ID{14: 3}.Text(id.Meter) + " has no wallet, so its register cannot be set.", ""},
		{"another meter's wallet", newRows, quarantine.Verdict{Meter: id.ID{14: 2}.Text(id.Meter), Choice: quarantine.Rebase, Register: wh(1)}, refusal.NotFound,
			"Meter " + id.ID{14: 2}.Text(id.Meter) + " has no wallet, so its register cannot be set.", ""},
	}
}

// unfit are decisions that do not fit their entry.
func unfit() []undecidable {
	before := func(t *testing.T) *rows {
		r := jumped(t)
		r.entries[0].State, r.entries[0].DecidedBy = quarantine.Discarded, "person juma"
		return r
	}
	return []undecidable{
		{"decided before", before, quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept}, refusal.AlreadyDecided,
			"Entry " + entry(1) + " has already been decided: discarded by juma.", ""},
		{"a register that fell", fallen, quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept}, refusal.InvalidRequest,
			"The register of entry " + entry(1) + " is below the one before, so this decision is not possible.", "Choose another decision: rebase, discard."},
		{"an open relay, discarded", drawn, quarantine.Verdict{Entry: entry(1), Choice: quarantine.Discard}, refusal.InvalidRequest,
			"Entry " + entry(1) + " cannot be discarded, because its reading is not in doubt. The open question is who pays for the energy.", "Choose another decision: accept, rebase."},
		{"an open relay, and a register", drawn, quarantine.Verdict{Entry: entry(1), Choice: quarantine.Rebase, Register: wh(1)}, refusal.InvalidRequest,
			"A decision about energy through an open relay cannot have a register.", "Accept it, or rebase without a register. A register can be set afterwards."},
		{"no price", func(t *testing.T) *rows { return stopped(t, wallet.HoldPrice, metering.DoubtPrice, 2000) }, quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept},
			refusal.InvalidRequest, "The tariff has no price for the energy of entry " + entry(1) + ", so this decision is not possible.", "Choose another decision: rebase, discard."},
		{"a record, rebased", func(t *testing.T) *rows { return held(t, metering.DoubtFuture, reading(5)) }, quarantine.Verdict{Entry: entry(1), Choice: quarantine.Rebase, Register: wh(1)},
			refusal.InvalidRequest, "Charging did not stop at entry " + entry(1) + ", so it cannot be decided with a rebase.", "Choose another decision: accept, discard."},
		{"a negative record", func(t *testing.T) *rows { return held(t, metering.DoubtNegative, reading(5)) }, quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept},
			refusal.InvalidRequest, "A register of entry " + entry(1) + " is negative, so this decision is not possible.", "Choose another decision: discard."},
		{"a record that cannot be read", func(t *testing.T) *rows { return held(t, metering.DoubtUnreadable, reading(5)) }, quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept},
			refusal.InvalidRequest, "The record of entry " + entry(1) + " cannot be read, so this decision is not possible.", "Choose another decision: discard."},
		{"a record of an impossible time", func(t *testing.T) *rows { return held(t, metering.DoubtTime, reading(5)) }, quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept},
			refusal.InvalidRequest, "The record of entry " + entry(1) + " has an impossible time, so this decision is not possible.", "Choose another decision: discard."},
		{"a negative register after another one", negative(wh(5)), quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept},
			refusal.InvalidRequest, "A register of entry " + entry(1) + " is negative, so this decision is not possible.", "Choose another decision: discard."},
		{"a negative register after none", negative(nil), quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept},
			refusal.InvalidRequest, "A register of entry " + entry(1) + " is negative, so this decision is not possible.", "Choose another decision: discard."},
		{"no price for nothing", func(t *testing.T) *rows { return stopped(t, wallet.HoldPrice, metering.DoubtPrice, 1000) }, quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept},
			refusal.InvalidRequest, "The tariff has no price for the energy of entry " + entry(1) + ", so this decision is not possible.", "Choose another decision: rebase, discard."},
		{"nothing in doubt, accepted", newRows, quarantine.Verdict{Meter: number, Choice: quarantine.Accept}, refusal.InvalidRequest,
			"No reading of meter " + number + " is in doubt.", "Name an entry of the quarantine, or set the register with a rebase."},
		{"nothing in doubt, and no register", newRows, quarantine.Verdict{Meter: number, Choice: quarantine.Rebase}, refusal.InvalidRequest,
			"A rebase needs the register from which counting continues.", "Read the register off the meter, and send it as register_wh."},
		{"nothing left to accept", func(t *testing.T) *rows { r := jumped(t); r.wallets[0].Held = wallet.Held{}; return r }, quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept},
			refusal.InvalidRequest, "There is no reading to accept: charging did not stop at a doubtful reading.", "Instead, set the register from which counting continues."},
	}
}

// TestWhatCannotBeDecided checks that each of these decisions is refused and writes nothing.
func TestWhatCannotBeDecided(t *testing.T) {
	const nothing = "No changes were made and no money moved."
	for _, c := range append(malformed(), unfit()...) {
		t.Run(c.name, func(t *testing.T) {
			r := c.rows(t)
			out := r.decides(c.verdict)
			if out.Code != c.code || c.what != "" && out.What != c.what || c.try != "" && out.Try != c.try || len(r.Wrote)+len(r.audit) != 0 {
				t.Errorf("it came to %+v, written %q", out, r.Wrote)
			}
			if c.what != "" && c.code == refusal.InvalidRequest && out.Not != nothing && c.name != "nothing left to accept" {
				t.Errorf("it says that %q", out.Not)
			}
		})
	}
	r := jumped(t)
	if r.decides(quarantine.Verdict{Entry: "x", Choice: quarantine.Accept}); slices.Contains(r.Made, "HeldEntry") {
		t.Error("a text that is no identity was looked for")
	}
	if out := r.decides(quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept, Reason: strings.Repeat("ä", 300)}); out.Refused() {
		t.Errorf("a reason of 300 characters: %+v", out)
	}
}

// TestHowAnEntryCanBeDecided checks the choices for each kind of entry with each doubt.
func TestHowAnEntryCanBeDecided(t *testing.T) {
	for _, c := range []struct {
		kind    quarantine.Kind
		doubt   metering.Doubt
		was, is *unit.Energy
		state   quarantine.State
		want    string
	}{
		{quarantine.OfRecord, metering.DoubtFuture, nil, nil, quarantine.Open, "[accept discard]"},
		{quarantine.OfRecord, metering.DoubtPower, wh(5), wh(4), quarantine.Open, "[accept discard]"},
		{quarantine.OfRecord, metering.DoubtNegative, nil, nil, quarantine.Open, "[discard]"},
		{quarantine.OfRecord, metering.DoubtUnreadable, nil, nil, quarantine.Open, "[discard]"},
		{quarantine.OfRecord, metering.DoubtTime, nil, nil, quarantine.Open, "[discard]"},
		{quarantine.OfRating, metering.DoubtJump, wh(5), wh(6), quarantine.Open, "[accept rebase discard]"},
		{quarantine.OfRating, metering.DoubtJump, wh(5), wh(5), quarantine.Open, "[accept rebase discard]"},
		{quarantine.OfRating, metering.DoubtBackwards, wh(5), wh(4), quarantine.Open, "[rebase discard]"},
		{quarantine.OfRating, metering.DoubtSpan, nil, wh(4), quarantine.Open, "[accept rebase discard]"},
		{quarantine.OfRating, metering.DoubtSpan, wh(4), nil, quarantine.Open, "[accept rebase discard]"},
		{quarantine.OfRating, metering.DoubtPrice, wh(5), wh(6), quarantine.Open, "[rebase discard]"},
		{quarantine.OfRating, metering.DoubtOpen, wh(5), wh(6), quarantine.Open, "[accept rebase]"},
		{quarantine.OfRating, metering.DoubtJump, wh(5), wh(6), quarantine.Accepted, "[]"},
	} {
		e := quarantine.Entry{Kind: c.kind, Doubt: c.doubt, Was: c.was, Register: c.is, State: c.state}
		if got := fmt.Sprint(e.Choices()); got != c.want {
			t.Errorf("%s with %s (%s): %s, want %s", c.kind, c.doubt, c.state, got, c.want)
		}
	}
}

// TestADecisionWaitsForASecondPerson: the approval then carries out the same verdict.
func TestADecisionWaitsForASecondPerson(t *testing.T) {
	r := jumped(t)
	r.people = 2
	v := quarantine.Verdict{Entry: entry(1), Choice: quarantine.Rebase, Register: wh(40)}
	out := r.decides(v)
	if out.Waits == nil || out.Refused() || out.Waits.Act != access.ActReading || out.Waits.Object != entry(1) || !out.Waits.CreatedAt.Equal(noon()) ||
		out.Waits.Summary != "rebase record 5 (jump) of meter "+number+": read it off" || len(r.Wrote) != 0 {
		t.Fatalf("it came to %+v, written %q", out, r.Wrote)
	}
	a := &r.approvals[0]
	a.State, a.Checker = access.ApprovalGiven, access.Actor{Kind: access.Person, Name: "juma"}
	by := owner()
	by.Approval = a.ID
	r.audit = nil
	done, err := r.cases().Executors()[access.ActReading](t.Context(), by, a.Body)
	if err != nil || done.Refused() || done.Object != entry(1) {
		t.Fatalf("%+v, %v", done, err)
	}
	r.Wants(t, "m1 released", "m1 at 40 Wh since 40, record 5", "entry 1 rebased "+decided)
	if got := r.audit[0]; got.SinglePerson || got.After != "register_wh=40 readings=0 units_wh=0 debit_minor=0 approved_by=person juma" {
		t.Errorf("the audit log says %+v", got)
	}
	done, err = r.cases().Executors()[access.ActReading](t.Context(), by, []byte(`{"entry":"`+entry(1)+`","choice":"discard","reason":"x"}`))
	if err != nil || done.Code != refusal.ApprovalInvalid {
		t.Errorf("another decision under its approval: %+v, %v", done, err)
	}
	if _, err := r.cases().Executors()[access.ActReading](t.Context(), by, []byte(`{`)); err == nil || !strings.HasPrefix(err.Error(), "read an approved decision about a reading: ") {
		t.Errorf("a body that cannot be read: %v", err)
	}
	r = newRows(t)
	r.people = 2
	if out := r.decides(quarantine.Verdict{Meter: number, Choice: quarantine.Rebase, Register: wh(40)}); out.Waits == nil || out.Waits.Object != "meter "+number ||
		out.Waits.Summary != "rebase the register of meter "+number+": read it off" {
		t.Errorf("it came to %+v", out)
	}
	r = newRows(t)
	done, err = r.cases().Executors()[access.ActReading](t.Context(), owner(), []byte(`{"meter":"`+number+`","choice":"rebase","register_wh":40,"reason":"x"}`))
	if err != nil || done.Object != number {
		t.Errorf("of a meter: %+v, %v", done, err)
	}
}

// TestWhoMayDecide checks which rights a decision and a look at the entries need.
func TestWhoMayDecide(t *testing.T) {
	r := jumped(t)
	by := owner()
	by.Role = access.Support
	out, err := r.cases().Decide(t.Context(), by, quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept, Reason: "x"})
	if err != nil || out.Code != refusal.Forbidden || len(r.Made) != 0 {
		t.Errorf("support decides: %+v, %v", out, err)
	}
	by.Role = ""
	if out, err := r.cases().List(t.Context(), by, quarantine.List{}); err != nil || out.Code != refusal.Forbidden || out.Data != nil || len(r.Made) != 0 {
		t.Errorf("somebody without a role lists: %+v, %v", out, err)
	}
	if out, err := r.cases().Show(t.Context(), by, entry(1)); err != nil || out.Code != refusal.Forbidden || len(r.Made) != 0 {
		t.Errorf("somebody without a role looks: %+v, %v", out, err)
	}
}

// TestNoFailureOfTheStoreIsHidden: if any call of a use case fails, the use case returns the error, so that nothing is committed.
func TestNoFailureOfTheStoreIsHidden(t *testing.T) {
	decides := func(v quarantine.Verdict) func(*rows) error {
		v.Reason = "read it off"
		return func(r *rows) error {
			out, err := r.cases().Decide(r.t.Context(), owner(), v)
			if err != nil && fmt.Sprint(out) != fmt.Sprint(quarantine.Decided{}) {
				return errors.New("a value beside an error")
			}
			return err
		}
	}
	for _, c := range []struct {
		name  string
		least int
		rows  func(*testing.T) *rows
		does  func(*rows) error
	}{
		{"a rating", 18, jumped, decides(quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept})},
		{"a record", 16, func(t *testing.T) *rows { return held(t, metering.DoubtFuture, reading(5)) }, decides(quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept})},
		{"a meter in doubt", 16, jumped, decides(quarantine.Verdict{Meter: number, Choice: quarantine.Discard})},
		{"a meter", 15, newRows, decides(quarantine.Verdict{Meter: number, Choice: quarantine.Rebase, Register: wh(5)})},
		{"two people", 6, func(t *testing.T) *rows { r := jumped(t); r.people = 2; return r }, decides(quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept})},
		{"a list", 3, jumped, func(r *rows) error {
			_, err := r.cases().List(r.t.Context(), owner(), quarantine.List{Meter: number})
			return err
		}},
		{"an entry", 2, jumped, func(r *rows) error { _, err := r.cases().Show(r.t.Context(), owner(), entry(1)); return err }},
	} {
		for at := 1; ; at++ {
			r := c.rows(t)
			r.Broken = at
			err := c.does(r)
			if len(r.Made) < at {
				if err != nil || at <= c.least {
					t.Errorf("%s: %d calls, %v; want at least %d", c.name, at-1, err, c.least)
				}
				break
			}
			if !errors.Is(err, rowstest.ErrStore) {
				t.Errorf("%s: call %d (%s) fails, and it came to %v", c.name, at, r.Made[at-1], err)
			}
		}
	}
}

// TestAnErrorSaysWhatWasDone: the error names the use case.
func TestAnErrorSaysWhatWasDone(t *testing.T) {
	r := jumped(t)
	r.Broken = 1
	_, err := r.cases().Decide(t.Context(), owner(), quarantine.Verdict{Entry: entry(1), Choice: quarantine.Accept, Reason: "x"})
	if fmt.Sprint(err) != "decide about "+entry(1)+": the store failed" {
		t.Error(err)
	}
	r.Made = nil
	if _, err = r.cases().List(t.Context(), owner(), quarantine.List{}); fmt.Sprint(err) != "list the quarantine: the store failed" {
		t.Error(err)
	}
	r.Made = nil
	if _, err = r.cases().Show(t.Context(), owner(), entry(1)); fmt.Sprint(err) != "show "+entry(1)+": the store failed" {
		t.Error(err)
	}
}

// TestTheListHasPages: entries come newest first, for one meter or for all, and decided entries only on request.
func TestTheListHasPages(t *testing.T) {
	r := newRows(t)
	for n := byte(5); n > 0; n-- {
		e := quarantine.Entry{ID: id.ID{15: n}, Meter: 1, State: quarantine.Open}
		if n == 4 {
			e.State = quarantine.Accepted
		}
		if n == 3 {
			e.Meter = 2
		}
		r.entries = append(r.entries, e)
	}
	list := func(l quarantine.List) quarantine.Entries {
		t.Helper()
		out, err := r.cases().List(t.Context(), owner(), l)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	shown := func(e quarantine.Entries) (out []byte) {
		for _, d := range e.Data {
			out = append(out, d.ID[15])
		}
		return out
	}
	l := quarantine.List{}
	l.Page.Limit = 2
	first := list(l)
	if !slices.Equal(shown(first), []byte{5, 3}) || first.Next == "" || r.tenant != 1 {
		t.Errorf("the first page is %v, then %q", shown(first), first.Next)
	}
	l.Page.Cursor = first.Next
	if next := list(l); !slices.Equal(shown(next), []byte{2, 1}) || next.Next != "" {
		t.Errorf("the next page is %v, then %q", shown(next), next.Next)
	}
	if all := list(quarantine.List{All: true}); !slices.Equal(shown(all), []byte{5, 4, 3, 2, 1}) || all.Next != "" {
		t.Errorf("all are %v", shown(all))
	}
	if one := list(quarantine.List{Meter: number}); !slices.Equal(shown(one), []byte{5, 2, 1}) {
		t.Errorf("of the meter %v", shown(one))
	}
	if out := list(quarantine.List{Meter: "x"}); out.Code != refusal.MeterNotFound || out.Data != nil {
		t.Errorf("of no meter %+v", out)
	}
	l.Page.Cursor = "x"
	if out := list(l); out.Code != refusal.InvalidRequest || out.Data != nil {
		t.Errorf("of no page %+v", out)
	}
}

// TestAnEntryIsShown checks that an entry is found by its identity.
func TestAnEntryIsShown(t *testing.T) {
	r := jumped(t)
	if out, err := r.cases().Show(t.Context(), owner(), entry(1)); err != nil || out.Refused() || out.Entry.ID != (id.ID{15: 1}) || r.tenant != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	for name, calls := range map[string]int{entry(2): 2, "x": 0} {
		r.Made = nil
		if out, err := r.cases().Show(t.Context(), owner(), name); err != nil || out.Code != refusal.NotFound || !out.Entry.ID.IsZero() || len(r.Made) != calls {
			t.Errorf("%s: %+v, %v after %q", name, out, err, r.Made)
		}
	}
}
