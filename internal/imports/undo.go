package imports

import (
	"context"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// listName binds the cursors of the list of imports.
const listName = "imports"

// Undo takes back what an import made (right: meter.write or customer.write). Rows that were used since stay, with the reason as their detail.
// Undo can be repeated.
func (s *Imports) Undo(ctx context.Context, by access.Actor, name string) (Result, error) {
	out, err := s.Show(ctx, by, name)
	if err != nil || out.Refused() {
		return out, err
	}
	if no := by.Needs(out.Import.Kind.right()); no.Refused() {
		return Result{Refusal: no}, nil
	}
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

// undo takes back one row, in one transaction. If it cannot be taken back, it keeps its state and gets the reason.
func (s *Imports) undo(ctx context.Context, by access.Actor, i Import, l Line) (Line, error) {
	done, err := access.Through(ctx, s.c.Door, by.Tenant, func(tx Tx) (attempt, error) {
		take := s.c.Registry.TakeBackMeter
		if i.Kind == Customers {
			take = s.c.Registry.TakeBackCustomer
		}
		no, err := take(tx.Registering(), tx.TakingBack(), by, l.Object)
		if err != nil || no.Refused() && no.Code != refusal.MeterNotFound {
			return attempt{Refusal: no}, err
		}
		l.State = Undone
		return attempt{line: l}, tx.Imports().SetImportLine(i.ID, l)
	})
	if err != nil || !done.Refused() {
		return done.line, err
	}
	l.State, l.Code, l.Detail = Done, string(done.Code), done.Refusal.Detail()
	_, err = access.Through(ctx, s.c.Door, by.Tenant, func(tx Tx) (attempt, error) { return attempt{}, tx.Imports().SetImportLine(i.ID, l) })
	return l, err
}

// Show shows an import with its rows (right: meter.read or customer.read).
func (s *Imports) Show(ctx context.Context, by access.Actor, name string) (Result, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return Result{Refusal: no}, nil
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
	out.Lines, err = s.lines(ctx, by, i)
	return out, fault.Wrap(err, "read import %s", name)
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

// List lists imports (right: meter.read).
func (s *Imports) List(ctx context.Context, by access.Actor, p registry.Page) (List, error) {
	if no := by.Needs(access.ReadMeters); no.Refused() {
		return List{Refusal: no}, nil
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
