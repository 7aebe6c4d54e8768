package imports

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/registry"
)

// attempt is what one transaction made of a row. Its writes are undone if it is refused, and always in a dry run.
type attempt struct {
	refusal.Refusal
	line Line
	dry  bool
}

// Refused reports whether the transaction's writes are undone.
func (a attempt) Refused() bool { return a.dry || a.Refusal.Refused() }

// row imports one row with its result, in one transaction. A row that is refused gets its result in a second one.
func (s *Imports) row(ctx context.Context, by access.Actor, i Import, e entry) (Line, error) {
	dry := i.ID.IsZero()
	no := e.Refusal
	if e.twin != 0 {
		no = refuse.ImportRowTwice(strconv.Itoa(e.twin))
	}
	if !no.Refused() {
		made, err := s.try(ctx, by, i, e)
		if err != nil || !made.Refusal.Refused() {
			return made.line, err
		}
		no = made.Refusal
	}
	line := Line{Line: e.line, State: Failed, Refusal: no, Print: e.print}
	if no.Code == refusal.ImportedBefore || no.Code == refusal.MeterExists {
		line.State = Duplicate
		isOther, err := s.hasOtherCustomer(ctx, by, e.meter)
		if err != nil {
			return Line{}, err
		}
		if isOther {
			line.State, line.Refusal = Failed, refuse.ImportOfAnotherCustomer(e.meter.Number)
		}
	}
	if dry {
		return line, nil
	}
	_, err := access.Through(ctx, s.c.Door, by.Tenant, func(tx Tx) (attempt, error) {
		_, err := tx.Imports().AddImportLine(i.ID, line) // if another server was faster, its result stands
		return attempt{}, err
	})
	return line, err
}

// hasOtherCustomer reports whether a row names a customer for a meter that is registered already and supplies another one, or nobody. A list of the
// new tenants would otherwise look like rows that are known.
func (s *Imports) hasOtherCustomer(ctx context.Context, by access.Actor, n registry.NewMeter) (bool, error) {
	if n.Customer == nil || n.Customer.Name == "" {
		return false, nil
	}
	return access.Look(ctx, s.c.Door, by.Tenant, func(tx Tx) (bool, error) {
		m, no, err := registry.MeterNamed(tx.Registering(), n.Number)
		if err != nil || no.Refused() {
			return false, err
		}
		rec, found, err := tx.Registering().MeterRecord(m.ID)
		has := rec.Customer
		switch {
		case err != nil || !found || m.Mode == registry.Postpay || m.Status.HasLeft():
			return false, err
		case has.ID.IsZero():
			return true, nil
		}
		same := has.Name == "" || strings.EqualFold(has.Name, strings.TrimSpace(n.Customer.Name)) || registry.SamePhone(has.Phone, n.Customer.Phone)
		return !same, nil
	})
}

// try makes what a row asks for.
func (s *Imports) try(ctx context.Context, by access.Actor, i Import, e entry) (attempt, error) {
	make := s.customer
	switch {
	case i.Kind == Tariffs:
		make = s.changeTariff
	case i.Kind.Money():
		make = s.book(i.Kind, i.Approved || i.ID.IsZero())
	case i.Kind == Meters:
		var err error
		if make, err = s.meter(e.meter); err != nil {
			return attempt{}, err
		}
	}
	return access.Through(ctx, s.c.Door, by.Tenant, func(tx Tx) (attempt, error) {
		was, line, found, err := tx.Imports().ImportedRow(e.print)
		if err != nil || found {
			return attempt{Refusal: refuse.ImportedRowBefore(strconv.Itoa(line), was.Text(id.Import))}, err
		}
		out, err := make(tx, by, e)
		if err != nil || out.Refusal.Refused() {
			return out, err
		}
		out.line.Line, out.line.State, out.line.Print, out.dry = e.line, Done, e.print, i.ID.IsZero()
		if out.dry {
			return out, nil
		}
		added, err := tx.Imports().AddImportLine(i.ID, out.line)
		if err == nil && !added {
			out.Refusal = refuse.ImportedElsewhere()
		}
		return out, err
	})
}

// maker makes what a row asks for, in a transaction.
type maker = func(Tx, access.Actor, entry) (attempt, error)

// meter returns what registers a meter.
func (s *Imports) meter(n registry.NewMeter) (maker, error) {
	g, no, err := s.c.Registry.Registration(n)
	return func(tx Tx, by access.Actor, _ entry) (attempt, error) {
		if no.Refused() {
			return attempt{Refusal: no}, nil
		}
		added, err := s.c.Registry.Register(tx.Registering(), by, g)
		if err == nil && added.Waits != nil {
			added.Refusal = refuse.ImportNeedsSecondPerson()
			if added.Waits.Act == access.ActFeeder {
				added.Refusal = refuse.ImportFeederAboveCeiling()
			}
		}
		return attempt{Refusal: added.Refusal, line: Line{Object: added.Meter.Meter.ID, Number: added.Meter.Meter.Number, Password: added.MQTTPassword, LinkKey: added.LinkKey}}, err
	}, err
}

// refuseFeedersAboveCeiling refuses the rows of a dry run that put more meters on a feeder than one person may today. A dry run undoes each row
// by itself, so no row sees the others there; an import counts them together.
func (s *Imports) refuseFeedersAboveCeiling(ctx context.Context, by access.Actor, rows []entry, lines []Line) error {
	counted := func(n int) bool { return rows[n].meter.Feeder != "" && lines[n].State == Done }
	if !slices.ContainsFunc(rows, func(e entry) bool { return e.meter.Feeder != "" }) {
		return nil
	}
	left := int64(0)
	_, err := access.Through(ctx, s.c.Door, by.Tenant, func(tx Tx) (attempt, error) {
		var err error
		left, err = access.LeftToday(tx.Debts().Eyes(), by, access.PersonFeeders, s.c.Now())
		return attempt{dry: true}, err
	})
	for n := range rows {
		if err != nil || !counted(n) {
			continue
		}
		if left--; left < 0 {
			lines[n] = Line{Line: rows[n].line, State: Failed, Refusal: refuse.ImportFeederAboveCeiling(), Print: rows[n].print}
		}
	}
	return err
}

// customer registers a customer.
func (s *Imports) customer(tx Tx, by access.Actor, e entry) (attempt, error) {
	added, err := s.c.Registry.RegisterCustomer(tx.Registering(), by, e.customer)
	return attempt{Refusal: added.Refusal, line: Line{Object: added.Customer.ID}}, err
}
