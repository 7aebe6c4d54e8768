package access_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
)

// TestCeilings: below a ceiling one person acts alone, above it the act waits for a second person or is refused. All keys of a person share
// a ceiling, and each local day begins at 0.
func TestCeilings(t *testing.T) {
	amina := (*rows).amina
	key := func(n byte) func(r *rows) access.Actor {
		return func(*rows) access.Actor {
			return access.Actor{Tenant: 1, Kind: access.APIKey, ID: id.ID{n}, Name: "till", Role: access.Owner, Answers: id.ID{7}}
		}
	}
	other := func(*rows) access.Actor { return finance() }
	type step struct {
		by     func(*rows) access.Actor
		act    access.Act
		amount int64
		after  time.Duration // since the step before
		want   string
	}
	on, off := true, false
	for name, c := range map[string]struct {
		bind     *bool
		nobody   bool
		ceilings map[access.Ceiling]int64
		steps    []step
	}{
		"up to the ceiling alone": {bind: &off, ceilings: map[access.Ceiling]int64{access.PersonCredits: 100},
			steps: []step{{amina, access.ActAdjust, 60, 0, "alone"}, {amina, access.ActAdjust, 40, 0, "alone"}, {amina, access.ActAdjust, 1, 0, "waits"}}},
		"what waits does not count": {bind: &off, ceilings: map[access.Ceiling]int64{access.PersonCredits: 100},
			steps: []step{{amina, access.ActAdjust, 101, 0, "waits"}, {amina, access.ActAdjust, 100, 0, "alone"}}},
		"keys of one person share": {bind: &off, ceilings: map[access.Ceiling]int64{access.PersonCredits: 100},
			steps: []step{{key(1), access.ActAdjust, 60, 0, "alone"}, {key(2), access.ActAdjust, 60, 0, "waits"}, {other, access.ActAdjust, 60, 0, "alone"}}},
		"people share an account's": {bind: &off, ceilings: map[access.Ceiling]int64{access.AccountCredits: 100},
			steps: []step{{amina, access.ActAdjust, 60, 0, "alone"}, {other, access.ActAdjust, 60, 0, "waits"}}},
		"a new day": {bind: &off, ceilings: map[access.Ceiling]int64{access.PersonCredits: 100}, // 08:00 UTC is 11:00 in Nairobi
			steps: []step{{amina, access.ActAdjust, 100, 0, "alone"}, {amina, access.ActAdjust, 1, 13*time.Hour - 1, "waits"}, {amina, access.ActAdjust, 100, time.Microsecond, "alone"}}},
		"0 means only with two": {bind: &off, ceilings: map[access.Ceiling]int64{access.PersonDebts: 0, access.PersonSales: 0},
			steps: []step{{amina, access.ActDebt, 1, 0, "waits"}, {amina, access.ActSell, 1, 0, "daily-limit"}, {amina, access.ActCharge, 1, 0, "daily-limit"}}},
		"a debt below its ceiling needs nobody": {bind: &on, ceilings: map[access.Ceiling]int64{access.PersonDebts: 100},
			steps: []step{{amina, access.ActDebt, 100, 0, "done"}, {amina, access.ActDebt, 1, 0, "waits"}}},
		"four eyes do not count": {bind: &on, ceilings: map[access.Ceiling]int64{access.PersonCredits: 100},
			steps: []step{{amina, access.ActAdjust, 1, 0, "waits"}}},
		"no person ever existed": {bind: &off, nobody: true, ceilings: map[access.Ceiling]int64{access.PersonCredits: 0, access.PersonSales: 0},
			steps: []step{{amina, access.ActAdjust, 1, 0, "alone"}, {amina, access.ActSell, 1, 0, "alone"}}},
		"people share a meter's sales, which are stored": {bind: &off, ceilings: map[access.Ceiling]int64{access.MeterSales: 100},
			steps: []step{{amina, access.ActSell, 60, 0, "done"}, {other, access.ActSell, 41, 0, "daily-limit"}, {other, access.ActSell, 40, 0, "done"},
				{other, access.ActSell, 1, 13*time.Hour - 1, "daily-limit"}, {amina, access.ActSell, 100, time.Microsecond, "done"}}},
		"the number of reversals": {bind: &off, ceilings: map[access.Ceiling]int64{access.PersonReversals: 1},
			steps: []step{{amina, access.ActReverse, 1000, 0, "alone"}, {amina, access.ActReverse, 1, 0, "waits"}}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRows(t)
			r.bind, r.ceilings = c.bind, c.ceilings
			if c.nobody {
				clear(r.people)
			}
			for i, s := range c.steps {
				r.now = r.now.Add(s.after)
				e, err := access.SecondPerson(r, s.by(r), access.ActRequest{Act: s.act, Body: struct{}{}, Takes: access.Takes{Amount: s.amount,
					Account: access.Subject{ID: "acc_1", Name: "acc_1"}, Meter: access.Subject{ID: "mtr_1", Name: "0414"}}}, r.now)
				if s.act == access.ActSell && !e.Refused() {
					r.sold = append(r.sold, soldRow{s.amount, r.now})
				}
				if got := outcome(e); err != nil || got != s.want {
					t.Errorf("step %d: %s %s, %v, want %s", i, got, e.Detail(), err, s.want)
				}
			}
		})
	}
}

// TestWhoIsNotConfirmedSharesTheCeiling: people whom Amina let in count under her ceilings until another approver confirms them.
func TestWhoIsNotConfirmedSharesTheCeiling(t *testing.T) {
	r := newRows(t)
	off := false
	r.bind, r.ceilings = &off, map[access.Ceiling]int64{access.PersonCredits: 100}
	guest := access.PersonRow{ID: id.ID{9}, Email: "guest@example.org", Role: access.Owner, CountsAs: "unknown " + id.ID{7}.Text(id.Person)}
	r.people[guest.Email] = guest
	as := access.Actor{Tenant: 1, Kind: access.Person, ID: guest.ID, Name: guest.Email, Role: access.Owner}
	give := func(by access.Actor, amount int64) string {
		e, err := access.SecondPerson(r, by, access.ActRequest{Act: access.ActAdjust, Body: struct{}{}, Takes: access.Takes{Amount: amount}}, r.now)
		if err != nil {
			t.Fatal(err)
		}
		return outcome(e)
	}
	if got := give(as, 60) + " " + give(r.amina(), 41) + " " + give(r.amina(), 40); got != "alone waits alone" {
		t.Errorf("not confirmed: %s", got)
	}
	guest.CountsAs = ""
	r.people[guest.Email] = guest
	if got := give(as, 40) + " " + give(as, 1); got != "alone waits" {
		t.Errorf("confirmed: %s", got)
	}
}

func outcome(e access.FourEyes) string {
	switch {
	case e.Refused():
		return string(e.Code)
	case e.Waits != nil:
		return "waits"
	case e.Alone:
		return "alone"
	}
	return "done"
}

// TestAnApproverTakesToo: a reversal that nothing proves counts under the ceilings of the person who approves it.
func TestAnApproverTakesToo(t *testing.T) {
	for _, c := range []struct {
		takes bool
		most  int64
		want  refusal.Code
		took  int
	}{{true, 100, "", 3}, {true, 99, "daily-limit", 0}, {false, 0, "", 0}} {
		r := newRows(t)
		r.ceilings = map[access.Ceiling]int64{access.PersonReversed: c.most}
		maker := access.Actor{Tenant: 1, Kind: access.APIKey, Name: "shop", Role: access.Owner, Vendor: shop()}
		r.approvals = []access.Approval{{ID: id.ID{15: 1}, Act: access.ActReverse, Right: access.Reverse, Body: []byte(`{}`), Maker: maker, Checker: finance(),
			State: access.ApprovalGiven, CreatedAt: r.now}}
		maker.Approval = id.ID{15: 1}
		e, err := access.SecondPerson(r, maker, access.ActRequest{Act: access.ActReverse, Body: struct{}{}, CheckerTakes: c.takes, Takes: access.Takes{Amount: 100, Meter: access.Subject{ID: "mtr_1"}}}, r.now)
		if err != nil || e.Code != c.want {
			t.Errorf("%+v: %q %s, %v", c, e.Code, e.Detail(), err)
		}
		if took := access.Took(e.Mark(access.Entry{After: `memo="took=x"`}).After); len(took) != c.took || c.took > 0 && took[1].Amount != 100 {
			t.Errorf("%+v: the audit row says %+v", c, took)
		}
	}
}

// TestTookIsReadBack: what an audit row counts is read back from its text, and other text is not taken for it.
func TestTookIsReadBack(t *testing.T) {
	minute := time.Unix(60, 0).UTC()
	for text, want := range map[string][]access.DayTotal{
		"":            nil,
		"memo=\"x\"":  nil,
		"took=a:b:1":  nil,
		"x took=y":    nil,
		"key=took=1 ": nil,
		"j=1 approved_by=apikey a took=person/credits:07:5:60,account/credits:acc_1:5:60": {{Ceiling: access.PersonCredits, Subject: "07", Amount: 5, From: minute},
			{Ceiling: access.AccountCredits, Subject: "acc_1", Amount: 5, From: minute}},
		"took=person/sales:x:9:60": {{Ceiling: access.PersonSales, Subject: "x", Amount: 9, From: minute}},
		"took=person/sales:x:9":    nil,
	} {
		if got := access.Took(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}
