package store

import (
	"encoding/json"
	"reflect"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/dayclose"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/store/core"
)

// dayOfBooks is a closed day with what the journals say about it.
type dayOfBooks struct {
	date          string
	from, to      time.Time
	seal          int64
	head, figures string
	sealed        string // head of the seal in the log
	kinds         map[ledger.Kind]*dayclose.Kind
	sides         map[dayclose.Side]*dayclose.Side // by account, kind and side: the sign of the amount
}

func (d *dayOfBooks) side(a ledger.AccountRef, k ledger.Kind, amount money.Minor) {
	key := dayclose.Side{Account: dayclose.Grouped(a), Kind: k, Amount: 1}
	if amount < 0 {
		key.Amount = -1
	}
	s := d.sides[key]
	if s == nil {
		s = &dayclose.Side{Account: key.Account, Kind: k}
		d.sides[key] = s
	}
	s.Lines, s.Amount = s.Lines+1, s.Amount+amount
	kind := d.kind(k)
	kind.Debits += max(amount, 0)
}

func (d *dayOfBooks) kind(k ledger.Kind) *dayclose.Kind {
	if d.kinds[k] == nil {
		d.kinds[k] = &dayclose.Kind{Kind: k}
	}
	return d.kinds[k]
}

// sum makes the figures that the day should have.
func (d *dayOfBooks) sum(before []dayclose.Line) dayclose.Figures {
	var kinds []dayclose.Kind
	for _, k := range d.kinds {
		kinds = append(kinds, *k)
	}
	var sides []dayclose.Side
	for _, s := range d.sides {
		sides = append(sides, *s)
	}
	return dayclose.Sum(before, kinds, sides)
}

// verifyDays derives the figures of every closed day from the journals, and compares them with those that were stored when the day was closed.
// A journal that was posted into a closed day later makes a difference. Days must follow each other without a gap.
func (tx *Tx) verifyDays(r *Report) error {
	days, err := tx.closedDays()
	if err != nil {
		return err
	}
	r.Count("closed days", int64(len(days)))
	if len(days) == 0 {
		return tx.noLate(r, time.Time{})
	}
	opening := dayOfBooks{kinds: map[ledger.Kind]*dayclose.Kind{}, sides: map[dayclose.Side]*dayclose.Side{}}
	if err := tx.sortJournals(days, &opening); err != nil {
		return err
	}
	before := opening.sum(nil).Lines
	for i, d := range days {
		if i > 0 && !d.from.Equal(days[i-1].to) {
			r.Find("closed day", "The closed day %s does not begin when the closed day before it ended.", d.date)
		}
		want := d.sum(before)
		var stored dayclose.Figures
		if err := json.Unmarshal([]byte(d.figures), &stored); err != nil || !reflect.DeepEqual(stored, want) {
			r.Find("closed day", "The figures of the closed day %s do not follow from its journals: %d journals with %d in debits are posted in it, and its figures say %d with %d.",
				d.date, want.Journals, want.Debits, stored.Journals, stored.Debits)
		}
		before = want.Lines
		if d.sealed != d.head { // the signature of the log's own heads is checked with the log
			r.Find("closed day", "The head of the log in the closed day %s is not that of seal %d.", d.date, d.seal)
		}
	}
	return tx.noLate(r, days[len(days)-1].to)
}

// closedDays reads the closed days in the order of time.
func (tx *Tx) closedDays() (days []*dayOfBooks, err error) {
	err = tx.C.Query(`SELECT d.date, d.from_at, d.to_at, d.seal_n, d.head, d.figures, s.head FROM closed_day d
		LEFT JOIN seal s ON s.tenant_id = d.tenant_id AND s.n = d.seal_n WHERE d.tenant_id = $1 ORDER BY d.to_at`, func(w core.Row) error {
		days = append(days, &dayOfBooks{date: w.Text(0), from: w.Time(1), to: w.Time(2), seal: w.Int(3), head: w.Text(4), figures: w.Text(5), sealed: w.Text(6),
			kinds: map[ledger.Kind]*dayclose.Kind{}, sides: map[dayclose.Side]*dayclose.Side{}})
		return nil
	}, tx.Tenant)
	return days, err
}

// sortJournals adds every posting to its day, or to the opening balances if it is before the first day.
func (tx *Tx) sortJournals(days []*dayOfBooks, opening *dayOfBooks) error {
	var last id.ID
	return tx.C.Query(`SELECT j.id, j.kind, j.posted_at, p.amount, a.code, a.subject FROM journal j
		JOIN posting p ON p.tenant_id = j.tenant_id AND p.journal_id = j.id
		JOIN ledger_account a ON a.tenant_id = p.tenant_id AND a.n = p.account
		WHERE j.tenant_id = $1 ORDER BY j.id`, func(w core.Row) error {
		at := w.Time(2)
		day := opening
		if !at.Before(days[0].from) {
			n, _ := slices.BinarySearchFunc(days, at, func(d *dayOfBooks, at time.Time) int {
				if at.Before(d.to) {
					return 1
				}
				return -1
			})
			if n == len(days) {
				return nil // an open day
			}
			day = days[n]
		}
		k := ledger.Kind(w.Text(1))
		if i := w.ID(0); i != last {
			last = i
			day.kind(k).Journals++
		}
		day.side(ledger.AccountRef{Code: ledger.Code(w.Int(4)), Subject: w.Text(5)}, k, money.Minor(w.Int(3)))
		return nil
	}, tx.Tenant)
}

// noLate checks that journals with a time of their own are late: their own time is before the first open day, and before their posting.
func (tx *Tx) noLate(r *Report, open time.Time) error {
	return tx.C.Query(`SELECT id, kind, ref, posted_at, happened_at FROM journal WHERE tenant_id = $1 AND happened_at IS NOT NULL`, func(w core.Row) error {
		if posted, happened := w.Time(3), w.Time(4); !happened.Before(posted) || posted.After(open) {
			r.Find("closed day", "Journal %s (%s %s) has a time of its own, but no day was closed that it could be late for.", w.ID(0).Text(id.Journal), w.Text(1), w.Text(2))
		}
		return nil
	}, tx.Tenant)
}
