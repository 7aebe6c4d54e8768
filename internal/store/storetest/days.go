package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/dayclose"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/store"
)

func dayTests() []test {
	return []test{
		{"a journal of a closed day goes into the first open day", lateJournal},
		{"no journal gets into a day while it is closed", daysAtOnce},
		{"verification derives closed days again", dayFound},
	}
}

// bookAt posts a sale with a time of its own.
func bookAt(tx *store.Tx, ref string, at time.Time, amount ledger.Minor) (ledger.Journal, error) {
	i, err := tx.NewID()
	if err != nil {
		return ledger.Journal{}, err
	}
	j := ledger.Journal{ID: i, Kind: ledger.Vend, Ref: ref, PostedAt: at, Postings: []ledger.Posting{
		{Account: account(ledger.Till, ledger.MainTill), Amount: amount}, {Account: account(ledger.RevenueEnergy, ""), Amount: -amount}}}
	if _, err := tx.Post(j); err != nil {
		return ledger.Journal{}, err
	}
	stored, _, err := tx.Journal(i)
	return stored, err
}

// closeDay closes a period as the use case does.
func closeDay(tx *store.Tx, date string, from, to time.Time) error {
	if err := tx.LockDays(); err != nil {
		return err
	}
	last, begun, err := tx.LastDay()
	if err != nil || begun && last.Date == date {
		return err
	}
	before := last.Figures.Lines
	if !begun {
		_, sides, err := tx.Turnover(time.Time{}, from)
		if err != nil {
			return err
		}
		before = dayclose.Sum(nil, nil, sides).Lines
	}
	kinds, sides, err := tx.Turnover(from, to)
	if err != nil {
		return err
	}
	d := dayclose.Closed{Period: dayclose.Period{Date: date, From: from, To: to}, Zone: "UTC", Figures: dayclose.Sum(before, kinds, sides), ClosedAt: tx.Now, ClosedBy: "person x", Epoch: tx.Epoch}
	if d.Seal, d.Head, err = tx.NewestSeal(); err != nil {
		return err
	}
	if d.ID, err = tx.NewID(); err != nil {
		return err
	}
	return tx.AddDay(d)
}

// findings verifies closed days and the log of journals.
func findings(t *testing.T, e store.Engine) (out []string) {
	t.Helper()
	r := look(t, e, func(tx *store.Tx) (*store.Report, error) {
		r := &store.Report{}
		return r, store.Verify(tx, store.Trust{NoHeads: true}, r)
	})
	for _, f := range r.Findings {
		if f.Rule == "closed day" || f.Rule == "leaf" || f.Rule == "row" {
			out = append(out, f.Rule+": "+f.What)
		}
	}
	return out
}

func lateJournal(t *testing.T, r Rig) {
	e := r.Open(t)
	var from, to time.Time
	must(t, e, func(tx *store.Tx) error {
		from, to = tx.Now.Add(-8*time.Minute), tx.Now.Add(-4*time.Minute)
		if _, err := bookAt(tx, "before", from.Add(-time.Minute), 1000); err != nil {
			return err
		}
		if _, err := bookAt(tx, "in", from, 200); err != nil {
			return err
		}
		_, err := bookAt(tx, "after", to, 30)
		return err
	})
	r.seal(t, e)
	must(t, e, func(tx *store.Tx) error { return closeDay(tx, "2026-11-20", from, to) })
	day := look(t, e, func(tx *store.Tx) (dayclose.Closed, error) {
		d, _, err := tx.DayDated("2026-11-20")
		return d, err
	})
	want := dayclose.Line{Code: ledger.Till, Subject: ledger.MainTill, Opening: 1000, Debit: 200, Closing: 1200}
	if f := day.Figures; !f.Balanced() || f.Journals != 1 || f.Debits != 200 || len(f.Lines) != 2 || f.Lines[0] != want {
		t.Errorf("the figures of the day: %+v, want the line %+v", f, want)
	}
	var late ledger.Journal
	must(t, e, func(tx *store.Tx) (err error) { late, err = bookAt(tx, "late", from.Add(time.Minute), 4); return err })
	if !late.PostedAt.Equal(to) || !late.HappenedAt.Equal(from.Add(time.Minute)) {
		t.Errorf("a late journal is posted at %v for %v, want %v for %v", late.PostedAt, late.HappenedAt, to, from.Add(time.Minute))
	}
	must(t, e, func(tx *store.Tx) error { // and in the transaction that closes the next day itself
		if err := closeDay(tx, "2026-11-21", to, to.Add(time.Minute)); err != nil {
			return err
		}
		j, err := bookAt(tx, "later", to, 5)
		if !j.PostedAt.Equal(to.Add(time.Minute)) {
			t.Errorf("after a closing in the same transaction, a journal is posted at %v", j.PostedAt)
		}
		return err
	})
	r.seal(t, e)
	look(t, e, func(tx *store.Tx) (bool, error) {
		next, _, err := tx.DayDated("2026-11-21")
		if err != nil {
			return false, err
		}
		if f := next.Figures; f.Journals != 2 || f.Debits != 34 || !f.Balanced() {
			t.Errorf("the day after has %+v, want the journal that was there and the late one", f)
		}
		at, err := tx.BalanceAt(account(ledger.Till, ledger.MainTill), to.Add(-1))
		if at != 1200 || err != nil {
			t.Errorf("at the end of the closed day the till has %d (%v), want 1200", at, err)
		}
		between, err := tx.JournalsBetween(from, to, id.ID{}, 10)
		if len(between) != 1 || err != nil {
			t.Errorf("the closed day lists %d journals (%v), want 1", len(between), err)
		}
		return true, err
	})
	if found := findings(t, e); len(found) > 0 {
		t.Errorf("verification finds %q", found)
	}
}

// daysAtOnce posts journals of a day on several connections while two others close the day.
func daysAtOnce(t *testing.T, r Rig) {
	open := r.Several
	if open == nil {
		open = r.Open
	}
	e := open(t)
	var from, to time.Time
	must(t, e, func(tx *store.Tx) error {
		from, to = tx.Now.Add(-8*time.Minute), tx.Now.Add(-4*time.Minute)
		_, err := bookAt(tx, "first", from, 1)
		return err
	})
	const posters = 40
	var all []<-chan outcome
	for n := range posters {
		all = append(all, start(e, store.Sale, func(tx *store.Tx) (value, error) {
			j, err := bookAt(tx, fmt.Sprint("sale ", n), from, 1)
			return value{n: j.PostedAt.UnixMicro()}, err
		}))
		if n == posters/3 || n == posters/2 {
			all = append(all, start(e, store.Sale, func(tx *store.Tx) (value, error) { return value{}, closeDay(tx, "2026-11-20", from, to) }))
		}
	}
	in := int64(1)
	for _, one := range all {
		o := <-one
		if o.err != nil {
			t.Fatal(o.err)
		}
		if o.v.n == from.UnixMicro() {
			in++
		}
	}
	r.seal(t, e)
	day := look(t, e, func(tx *store.Tx) (dayclose.Closed, error) {
		d, _, err := tx.DayDated("2026-11-20")
		return d, err
	})
	if day.Figures.Journals != in {
		t.Errorf("the closed day has %d journals, but %d callers were told that theirs is in it", day.Figures.Journals, in)
	}
	if found := findings(t, e); len(found) > 0 {
		t.Errorf("verification finds %q", found)
	}
}

// dayFound changes rows outside the server.
func dayFound(t *testing.T, r Rig) {
	e := r.Open(t)
	must(t, e, func(tx *store.Tx) error {
		if _, err := bookAt(tx, "in", tx.Now.Add(-6*time.Minute), 200); err != nil {
			return err
		}
		return closeDay(tx, "2026-11-20", tx.Now.Add(-8*time.Minute), tx.Now.Add(-4*time.Minute))
	})
	r.seal(t, e)
	for name, c := range map[string]struct{ sql, want string }{
		"a journal moved out of the day": {`UPDATE journal SET posted_at = posted_at + 300000000`, "do not follow from its journals"},
		"figures":                        {`UPDATE closed_day SET figures = replace(figures, '200', '300')`, "do not follow from its journals"},
		"figures that are no JSON":       {`UPDATE closed_day SET figures = 'x'`, "do not follow from its journals"},
		"a note":                         {`UPDATE closed_day SET note = 'x'`, "changed outside the server"},
		"the end of the day":             {`UPDATE closed_day SET to_at = to_at + 1`, "changed outside the server"},
		"the head":                       {`UPDATE closed_day SET head = 'x'`, "is not that of seal"},
		"the day":                        {`DELETE FROM closed_day`, "is missing"},
		"a time of its own":              {`UPDATE journal SET happened_at = posted_at`, "has a time of its own"},
	} {
		_, err := do(e, func(tx *store.Tx) (value, error) {
			if _, err := tx.C.Exec(c.sql); err != nil {
				return value{}, err
			}
			report := store.Report{}
			err := store.Verify(tx, store.Trust{NoHeads: true}, &report)
			if err == nil && !strings.Contains(fmt.Sprint(report.Findings), c.want) {
				t.Errorf("%s: verification finds %v, want %q", name, report.Findings, c.want)
			}
			return value{refused: true}, err
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if found := findings(t, e); len(found) > 0 {
		t.Errorf("verification finds %q", found)
	}
}
