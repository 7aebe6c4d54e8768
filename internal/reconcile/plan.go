package reconcile

import (
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/statement"
)

// This file reads what the rows of a file are compared with, before the first of them is stored. An upload that was interrupted makes the same plan
// again, because the rows of the file itself do not count as older ones, and no other file of the provider is read meanwhile.

// decidedRow is a row of a file with what becomes of it.
type decidedRow struct {
	decision
	row    statement.Row
	agreed string // the meter that a second person saw for it, see [payment.Notice.Agreed]
}

// toStore returns the row as it is stored.
func (d decidedRow) toStore(f File) Row {
	r := Row{Row: d.row, Key: d.key, File: f.ID, Format: f.Format}
	r.Txn = d.txn
	if d.fate == isPerhapsSame {
		r.State, r.SameAs = RowWaiting, d.sameAs
	}
	return r
}

// mayTake returns errTaken while an earlier file of the provider is read: two files that are read at the same time would not see each other's rows.
func mayTake(tx Tx, f File) error {
	files, err := tx.Reconciling().UnreadFiles(maxUnread)
	if err != nil {
		return err
	}
	for _, other := range files {
		if other.Provider == f.Provider && other.ID.Text(id.StatementFile) < f.ID.Text(id.StatementFile) {
			return errTaken
		}
	}
	return nil
}

// plan decides what becomes of each row of a file, and returns what the file says about the balances of its days.
func (s *Statements) plan(ctx context.Context, t access.Tenant, f File, rows []Row, pages []statement.Page) ([]decision, []PageDay, error) {
	type plan struct {
		decided []decision
		days    []PageDay
	}
	out, err := access.Look(ctx, s.c.Door, t, func(tx Tx) (plan, error) {
		if err := mayTake(tx, f); err != nil {
			return plan{}, err
		}
		z, err := zone(tx)
		if err != nil {
			return plan{}, err
		}
		older, err := olderRows(tx, f, z)
		if err != nil {
			return plan{}, err
		}
		uses, err := tx.Comparing().NameUses(f.Provider, namesOf(rows, older))
		return plan{decideRows(rows, older, uses, z), pageDays(f, pages, rows, z)}, err
	})
	return out.decided, out.days, err
}

// olderRows reads the rows of other files on the days of a file, and the payments of these days that only a call brought.
func olderRows(tx Tx, f File, z *time.Location) ([]Row, error) {
	from, to := f.From.AddDate(0, 0, -1), f.To.AddDate(0, 0, 1) // the file's days may begin in another zone
	stored, err := tx.Comparing().NamedRows(f.Provider, from, to)
	if err != nil {
		return nil, err
	}
	var older []Row
	for _, r := range stored {
		if r.File != f.ID {
			older = append(older, r)
		}
	}
	called, err := tx.Comparing().UnclaimedPayments(f.Provider, from, to)
	for _, p := range called {
		r := Row{Called: true, Key: p.Name()}
		r.Txn, r.Kind, r.Amount, r.Currency, r.At = p.Txn, statement.Payment, p.Amount.Minor, p.Amount.Currency, p.PaidAt.In(z)
		name := statement.NameOf(p.Txn)
		for _, kind := range [...]statement.NameKind{statement.Own, statement.Bank, statement.Transfer} { // the call does not say which it is
			r.Names[kind] = name
		}
		older = append(older, r)
	}
	return older, err
}

// namesOf lists the names of rows, each as it is stored.
func namesOf(lists ...[]Row) (out []string) {
	seen := map[string]bool{}
	add := func(name string) {
		if name != "" && !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	for _, rows := range lists {
		for _, r := range rows {
			for kind, name := range r.Names {
				if statement.NameKind(kind) != statement.Own {
					add(name)
				}
			}
			if (r.Names[statement.Own] == "" || r.Called) && !isContent(r.Txn) {
				add(r.Txn)
			}
		}
	}
	return out
}
