package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/wire"
)

// pastTests are about what charts, exports and imports ask of the past, and about meters that have ended.
func pastTests() []test {
	return []test{
		{"a chart gets the readings of a span and one on each side", readingsAround},
		{"an account is untouched until money moves on it", untouchedAccount},
		{"journals of a period are listed once", journalsBetween},
		{"a meter that has ended is in no list, unless it is asked for", endedMeter},
	}
}

func readingsAround(t *testing.T, r Rig) {
	e := r.Open(t)
	h, other := addHousehold(t, e, 41), addHousehold(t, e, 42)
	at := func(s int) time.Time { return time.Date(2026, 11, 20, 8, 0, s, 0, time.UTC) }
	var sent answers
	var recs []metering.Record
	for seq := uint64(1); seq <= 8; seq++ {
		one := reading(h.meter.N, seq)
		if seq == 4 { // a meter that does not know the time: its reading counts when it arrived
			one.Rec.Head.Clock, one.Rec.Reading.Clock = wire.ClockInvalid, wire.ClockInvalid
			one.Rec.Head.At, one.Rec.Reading.At = 5, 5
		}
		if seq > 5 {
			tid, class := uint32(1000+seq), uint8(0)
			result := map[uint64]string{6: "accept", 7: "used_error", 8: "accept"}[seq]
			one.Rec = wire.Token{Head: one.Rec.Head, TID: &tid, BaseDate: 2014, Class: &class, SubClass: &class, Result: result, UnitsWh: 1000, Source: "keypad"}.Record()
		}
		recs = append(recs, one)
	}
	sent.send(t, e, "all", recs...)
	sent.send(t, e, "other", reading(other.meter.N, 1))
	sent.all()
	look(t, e, func(tx *store.Tx) (struct{}, error) {
		for _, c := range []struct {
			name     string
			from, to time.Time
			max      int
			want     string
		}{
			{"the middle", at(2), at(3), 10, "[1 2 3]"},
			{"all", at(0), at(10), 10, "[1 2 3 5 4]"},
			{"no more than two", at(0), at(10), 2, "[1 2 4]"},
			{"before all", at(-9), at(-1), 10, "[1]"},
			{"when it arrived", at(3000), at(4000), 10, "[5 4]"},
			{"after all", at(5000), at(6000), 10, "[4]"},
		} {
			rows, err := tx.ReadingsAround(h.meter.N, metering.Span{From: c.from, To: c.to}, c.max)
			if err != nil {
				return struct{}{}, err
			}
			var seqs []uint64
			for _, row := range rows {
				seqs = append(seqs, row.Seq)
			}
			if got := fmt.Sprint(seqs); got != c.want {
				t.Errorf("readings around %s: %s, want %s", c.name, got, c.want)
			}
		}
		if err := readingsAtEnds(t, tx, h.meter.N, at); err != nil {
			return struct{}{}, err
		}
		newest, err1 := tx.NewestReading(h.meter.N, time.Time{})
		before, err2 := tx.NewestReading(h.meter.N, at(5))
		none, err3 := tx.NewestReading(h.meter.N, at(0))
		all, err4 := tx.AcceptedTokens(h.meter.N, at(0), at(10), 10)
		one, err5 := tx.AcceptedTokens(h.meter.N, at(0), at(8), 10)
		first, err6 := tx.AcceptedTokens(h.meter.N, at(0), at(10), 1)
		each, err7 := tx.NewestReadings([]int64{h.meter.N, h.meter.N + 1000})
		if err := errors.Join(err1, err2, err3, err4, err5, err6, err7); err != nil {
			return struct{}{}, err
		}
		if !newest.Equal(at(3600)) || !before.Equal(at(3)) || !none.IsZero() || len(each) != 1 || !each[h.meter.N].Equal(newest) {
			t.Errorf("the newest readings: %v, %v, %v, %v", newest, before, none, each)
		}
		if len(all) != 2 || all[0].Seq != 6 || all[1].TID != 1008 || len(one) != 1 || len(first) != 1 || first[0].Seq != 6 {
			t.Errorf("accepted tokens: %+v, %+v, %+v", all, one, first)
		}
		return struct{}{}, nil
	})
}

func untouchedAccount(t *testing.T, r Rig) {
	e := r.Open(t)
	h, other := addHousehold(t, e, 43), addHousehold(t, e, 44)
	carry, opening, till := account(ledger.Carry, h.account.Text(id.Account)), account(ledger.Opening, ""), account(ledger.Till, ledger.MainTill)
	moved := func(when string, want bool) {
		t.Helper()
		look(t, e, func(tx *store.Tx) (struct{}, error) {
			mine, err1 := tx.AccountMoved(h.account)
			neighbour, err2 := tx.AccountMoved(other.account)
			err := errors.Join(err1, err2)
			if err == nil && (mine != want || neighbour) {
				t.Errorf("%s: money moved %t, on the neighbour's account %t", when, mine, neighbour)
			}
			return struct{}{}, err
		})
	}
	moved("at first", false)
	book := func(kind ledger.Kind, ref string, debit, credit ledger.AccountRef, amount ledger.Minor) {
		t.Helper()
		later() // the entries are listed in the order of their identities
		must(t, e, func(tx *store.Tx) error {
			breach, err := post(tx, kind, ref, debit, credit, amount)
			if err == nil && breach.Refused() {
				err = errUnexpected
			}
			return err
		})
	}
	book(ledger.BroughtIn, "b1", opening, carry, 500)
	moved("after an opening balance", false)
	book(ledger.Reversal, ledger.MirrorRef(ledger.BroughtIn, "b1"), carry, opening, 500)
	moved("after its reversal", false)
	must(t, e, func(tx *store.Tx) error { // of a sale whose meter has left the account
		_, err := tx.C.Exec(`INSERT INTO usage_month (tenant_id, account_id, month, units_wh) VALUES ($1, $2, '2026-11', 100)`, tx.Tenant, h.account)
		return err
	})
	moved("after a sale to a meter that is gone", true)
	must(t, e, func(tx *store.Tx) error {
		_, err := tx.C.Exec(`DELETE FROM usage_month WHERE account_id = $1`, h.account)
		return err
	})
	moved("without it", false)
	book(ledger.DepositIn, "d1", till, carry, 70)
	moved("after a payment", true)

	later()
	d := h.owe(t, e, 1000, 3000)
	paid := func(when string, want bool) {
		t.Helper()
		if got := look(t, e, func(tx *store.Tx) (bool, error) { return tx.DebtPaid(d) }); got != want {
			t.Errorf("%s: something was paid towards the debt: %t", when, got)
		}
	}
	paid("at first", false)
	book(ledger.DepositIn, "d2", till, account(ledger.Debt, ledger.SubjectOf(h.account, d.Name())), 100)
	paid("after a payment", true)
	entries := look(t, e, func(tx *store.Tx) (string, error) {
		all, err := tx.AccountEntries(h.account, id.ID{}, 10)
		two, err2 := tx.AccountEntries(h.account, id.ID{}, 2)
		text := fmt.Sprint(len(two), ":")
		for _, one := range all {
			text += fmt.Sprint(" ", one.Kind, " ", one.Amount)
		}
		return text, errors.Join(err, err2)
	})
	if want := "2: " + string(ledger.DepositIn) + " 100 " + string(ledger.Raised) + " 3000 " + string(ledger.DepositIn) + " 70 reversal 500 opening 500"; entries != want {
		t.Errorf("the entries of the account: %s, want %s", entries, want)
	}
}

func journalsBetween(t *testing.T, r Rig) {
	e := r.Open(t)
	till, energy := account(ledger.Till, ledger.MainTill), account(ledger.RevenueEnergy, "")
	var now time.Time
	for n := range 5 {
		must(t, e, func(tx *store.Tx) error {
			now = tx.Now
			return book(tx, fmt.Sprint("j", n), till, energy, ledger.Minor(100+n))
		})
	}
	look(t, e, func(tx *store.Tx) (struct{}, error) {
		var refs []string
		var last id.ID
		for {
			page, err := tx.JournalsBetween(now.Add(-time.Hour), now.Add(time.Second), last, 2)
			if err != nil {
				return struct{}{}, err
			}
			for _, j := range page {
				if bytes.Compare(last[:], j.ID[:]) >= 0 {
					t.Errorf("journal %x is listed after %x", j.ID, last)
				}
				refs = append(refs, fmt.Sprint(j.Ref, "=", j.Postings[0].Amount))
				last = j.ID
			}
			if len(page) < 2 {
				break
			}
		}
		later, err1 := tx.JournalsBetween(now.Add(time.Second), now.Add(time.Hour), id.ID{}, 10)
		earlier, err2 := tx.JournalsBetween(now.Add(-2*time.Hour), now.Add(-time.Hour), id.ID{}, 10)
		slices.Sort(refs) // on PostgreSQL identities of one millisecond have no order
		if want := []string{"j0=100", "j1=101", "j2=102", "j3=103", "j4=104"}; !slices.Equal(refs, want) {
			t.Errorf("journals of a period: %q, want %q", refs, want)
		}
		if len(later)+len(earlier) != 0 {
			t.Errorf("journals of other periods: %d later, %d earlier", len(later), len(earlier))
		}
		return struct{}{}, errors.Join(err1, err2)
	})
}

// readingsAtEnds checks the first and the last reading of spans with five, one and no reading, and with one whose clock was not set.
func readingsAtEnds(t *testing.T, tx *store.Tx, meter int64, at func(int) time.Time) error {
	ends, err := tx.ReadingsAtEnds([]int64{meter, meter + 1000}, []metering.Span{{From: at(0), To: at(10)}, {From: at(2), To: at(3)}, {From: at(20), To: at(30)}, {From: at(3000), To: at(4000)}})
	if err != nil {
		return err
	}
	var seqs []uint64
	for _, row := range ends[meter] {
		seqs = append(seqs, row.Seq)
	}
	if got := fmt.Sprint(seqs); got != "[1 5 2 4]" || len(ends) != 1 {
		t.Errorf("readings at the ends of spans: %s", got)
	}
	return nil
}
