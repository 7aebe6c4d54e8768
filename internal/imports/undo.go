package imports

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// listName binds the cursors of the list of imports.
const listName = "imports"

// Undo takes back what an import made (right: meter.write or customer.write; ledger.adjust for money, which may need a second person). Rows that
// were used since stay, with the reason as their detail. Undo can be repeated.
func (s *Imports) Undo(ctx context.Context, by access.Actor, name string) (Result, error) {
	out, err := s.Show(ctx, by, name)
	if err != nil || out.Refused() {
		return out, err
	}
	if out.Import.Kind == Tariffs { // what was sold since keeps its price
		return Result{Refusal: refuse.ImportTariffsNotUndone()}, nil
	}
	right := out.Import.Kind.Right()
	if out.Import.Kind.Money() {
		right = access.ActImportUndo.Right()
	}
	if !MayUndo(by, out.Import.Kind) {
		return Result{Refusal: by.Needs(right)}, nil
	}
	if out.Import.Kind.Money() {
		begun, err := s.mayUndo(ctx, by, out)
		if err != nil || begun.Refused() {
			return Result{Refusal: begun.Refusal}, fault.Wrap(err, "undo import %s", name)
		}
		if out.Import, out.Waits = begun.i, begun.waits; out.Waits != nil {
			return out, nil
		}
	}
	by.Approval = id.ID{}
	for n, l := range out.Lines {
		if l.State != Done {
			continue
		}
		undone, err := s.undo(ctx, by, out.Import, l)
		if err != nil {
			return Result{}, fault.Wrap(err, "undo line %d of import %s", l.Line, name)
		}
		out.Lines[n] = undone
	}
	out.Import.UndoneAt = access.Stored(s.c.Now())
	_, err = access.Through(ctx, s.c.Door, by.Tenant, func(tx Tx) (attempt, error) {
		if err := tx.Imports().UndoImport(out.Import.ID, out.Import.UndoneAt); err != nil {
			return attempt{}, err
		}
		return attempt{}, tx.AuditLog(by.Entry("import.undo", out.Import.ID.Text(id.Import)))
	})
	return out, fault.Wrap(err, "undo import %s", name)
}

// undoAsked is the undoing of an import as it is stored for a second person.
type undoAsked struct {
	Import string      `json:"import"`
	Rows   int         `json:"rows"`
	Total  money.Minor `json:"total_minor"`
}

// mayUndo decides whether an import of money may be undone. What was allowed once may be continued after an accident.
func (s *Imports) mayUndo(ctx context.Context, by access.Actor, r Result) (beginning, error) {
	n := r.Totals()[Done]
	return access.Through(ctx, s.c.Door, by.Tenant, func(tx Tx) (beginning, error) {
		i, _, err := tx.Imports().ImportByID(r.Import.ID)
		if err != nil || n == 0 || !i.UndoAt.IsZero() && i.UndoneAt.IsZero() {
			return beginning{i: i}, err
		}
		currency, _, err := tx.Debts().Books().Currency()
		if err != nil {
			return beginning{}, err
		}
		name, now := i.ID.Text(id.Import), access.Stored(s.c.Now())
		eyes, err := access.SecondPerson(tx.Debts().Eyes(), by, access.ActRequest{Act: access.ActImportUndo, Object: name,
			Summary: fmt.Sprintf("undo the import of %d %s of at most %s together", n, i.Kind, money.Amount{Minor: i.Total, Currency: currency}),
			Body:    undoAsked{name, n, i.Total}, Takes: access.Takes{Amount: int64(i.Total)}, Content: contentToUndo(r.Lines),
			Effect: func() (access.Effect, error) { return s.undoEffect(tx, i, r.Lines, now) }}, now)
		if err != nil || eyes.Refused() || eyes.Waits != nil {
			return beginning{Refusal: eyes.Refusal, waits: eyes.Waits, i: i}, err
		}
		i.UndoAt, i.UndoApproved, i.UndoneAt = now, eyes.Checker != "", time.Time{}
		if err := tx.Imports().ApproveImport(i); err != nil {
			return beginning{}, err
		}
		return beginning{i: i}, tx.AuditLog(eyes.Mark(by.Entry("import.undo-begin", name)))
	})
}

// contentToUndo is what a second person lets be taken back: what each row of a file made.
func contentToUndo(lines []Line) []string {
	var out []string
	for _, l := range lines {
		if l.State == Done {
			out = append(out, fmt.Sprintf("%d %x", l.Line, l.Object))
		}
	}
	return out
}

// doUndo undoes an import after a second person approved that; it is an [access.Executor].
func (s *Imports) doUndo(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var asked undoAsked
	if err := json.Unmarshal(body, &asked); err != nil {
		return access.Done{}, fmt.Errorf("read an approved undoing: %w", err)
	}
	out, err := s.Undo(ctx, maker, asked.Import)
	return access.Done{Refusal: out.Refusal, Object: asked.Import}, err
}

// undo takes back one row, in one transaction. If it cannot be taken back, it keeps its state and gets the reason.
func (s *Imports) undo(ctx context.Context, by access.Actor, i Import, l Line) (Line, error) {
	done, err := access.Through(ctx, s.c.Door, by.Tenant, func(tx Tx) (attempt, error) {
		no, err := s.takeBack(tx, by, i, l)
		if err != nil || no.Refused() && no.Code != refusal.MeterNotFound {
			return attempt{Refusal: no}, err
		}
		l.State = Undone
		return attempt{line: l}, tx.Imports().SetImportLine(i.ID, l)
	})
	if err != nil || !done.Refused() {
		return done.line, err
	}
	l.State, l.Refusal = Done, done.Refusal
	_, err = access.Through(ctx, s.c.Door, by.Tenant, func(tx Tx) (attempt, error) { return attempt{}, tx.Imports().SetImportLine(i.ID, l) })
	return l, err
}

// takeBack takes back what a row made.
func (s *Imports) takeBack(tx Tx, by access.Actor, i Import, l Line) (refusal.Refusal, error) {
	row := debt.Row{Approved: i.UndoApproved}
	switch i.Kind {
	case Customers:
		return s.c.Registry.TakeBackCustomer(tx.Registering(), tx.TakingBack(), by, l.Object)
	case Debts:
		return s.c.Debts.TakeBackDebt(tx.Debts(), by, l.Object, row)
	case Balances:
		return s.c.Debts.TakeBackBalance(tx.Debts(), by, l.Object)
	}
	return s.c.Registry.TakeBackMeter(tx.Registering(), tx.TakingBack(), by, l.Object)
}

// Show shows an import with its rows (right: meter.read; ledger.read for money).
func (s *Imports) Show(ctx context.Context, by access.Actor, name string) (Result, error) {
	if !by.May(access.ReadMeters) && !by.May(access.ReadLedger) {
		return Result{Refusal: by.Needs(access.ReadMeters)}, nil
	}
	i, err := id.Parse(id.Import, name)
	if err != nil {
		return Result{Refusal: refuse.ImportNotFound(refusal.Echo(name))}, nil
	}
	out, err := access.Look(ctx, s.c.Door, by.Tenant, func(tx Tx) (Result, error) {
		found, ok, err := tx.Imports().ImportByID(i)
		if err == nil && !ok {
			return Result{Refusal: refuse.ImportNotFound(refusal.Echo(name))}, nil
		}
		return Result{Import: found}, err
	})
	if err != nil || out.Refused() {
		return out, fault.Wrap(err, "read import %s", name)
	}
	if no := by.Needs(out.Import.Kind.readRight()); no.Refused() {
		return Result{Refusal: no}, nil
	}
	return s.show(ctx, by, out.Import)
}

// show reads the rows of an import: their results, or what waits for a second person.
func (s *Imports) show(ctx context.Context, by access.Actor, i Import) (Result, error) {
	out := Result{Import: i}
	var err error
	if out.Lines, err = s.lines(ctx, by, i.ID); err != nil || !i.Kind.Money() {
		return out, fault.Wrap(err, "read an import")
	}
	have := map[int]bool{}
	for _, l := range out.Lines {
		have[l.Line] = true
	}
	rows, err := access.Look(ctx, s.c.Door, by.Tenant, func(tx Tx) (rows []entry, err error) {
		if out.Total.Currency, _, err = tx.Debts().Books().Currency(); err == nil {
			rows, err = s.rowsOf(tx, i.ID)
		}
		return rows, err
	})
	for _, e := range rows {
		if !have[e.line] {
			out.Lines = append(out.Lines, Line{Line: e.line, State: Waiting, Amount: e.money.Amount,
				Account: e.money.Account, For: strings.TrimSpace(e.money.Kind + " " + e.money.Memo)})
		}
	}
	out.Total.Minor = i.Total
	return out, fault.Wrap(err, "read an import")
}

// chunk is how many rows are read at once.
const chunk = 1000

// lines reads all rows of an import that have a result.
func (s *Imports) lines(ctx context.Context, by access.Actor, i id.ID) (all []Line, err error) {
	for last := 0; ; last = all[len(all)-1].Line {
		part, err := access.Look(ctx, s.c.Door, by.Tenant, func(tx Tx) ([]Line, error) { return tx.Imports().ImportLines(i, last, chunk) })
		if all = append(all, part...); err != nil || len(part) < chunk {
			return all, err
		}
	}
}

// List is one page of imports, newest first.
type List struct {
	refusal.Refusal
	Data []Import
	Next string
}

// List lists imports (right: meter.read or ledger.read).
func (s *Imports) List(ctx context.Context, by access.Actor, p registry.Page) (List, error) {
	if !by.May(access.ReadMeters) && !by.May(access.ReadLedger) {
		return List{Refusal: by.Needs(access.ReadMeters)}, nil
	}
	before, max, no := p.Read(s.c.Sealer, by.Tenant, listName)
	if no.Refused() {
		return List{Refusal: no}, nil
	}
	out, err := access.Look(ctx, s.c.Door, by.Tenant, func(tx Tx) (List, error) {
		rows, err := tx.Imports().ImportPage(before, max+1)
		var out List
		out.Data, out.Next = registry.Cut(rows, max, s.c.Sealer, by.Tenant, listName, func(i Import) id.ID { return i.ID })
		return out, err
	})
	return out, fault.Wrap(err, "list imports")
}
