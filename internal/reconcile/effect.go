package reconcile

import (
	"bytes"
	"context"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/statement"
)

// A statement of a provider that cannot be asked is credit for whatever it says. This file says what its rows would do, to the person who must agree:
// with the same functions that take the file, and against the books as they are at that moment.

// rehearsal is what a file would do. Its meters are those of its rows, in their order, see [payment.Notice.Agreed].
type rehearsal struct {
	effect access.Effect
	meters []string
}

// effectOf says what taking a file does now. It is refused while the server reads too many other files.
func (s *Statements) effectOf(ctx context.Context, by access.Actor, f File, p payment.Provider, file []byte, o statement.Options) (out rehearsal, no refusal.Refusal, err error) {
	no = s.c.Uploads.Read(ctx, func() { out, err = s.compareFile(ctx, by, f, p, file, o) })
	return out, no, err
}

// compareFile reads a file and says what becomes of its rows.
func (s *Statements) compareFile(ctx context.Context, by access.Actor, f File, p payment.Provider, file []byte, o statement.Options) (rehearsal, error) {
	compared, _, err := readRows(f, file, o)
	if err != nil {
		return rehearsal{}, err
	}
	decided, err := s.decisions(ctx, by.Tenant, f, compared, o)
	if err != nil {
		return rehearsal{}, err
	}
	back := givenBack(compared)
	var rows []access.EffectRow
	if _, err := statement.Read(f.Format, bytes.NewReader(file), o, func(r statement.Row) error {
		rows = append(rows, effectRow(r, decided[len(rows)], back))
		return nil
	}); err != nil {
		return rehearsal{}, fault.Wrap(err, "read statement %s again", f.Name())
	}
	return access.Look(ctx, s.c.Door, by.Tenant, func(tx Tx) (rehearsal, error) {
		if err := s.matchRows(tx, rows); err != nil {
			return rehearsal{}, err
		}
		rules, err := tx.Eyes().Ceilings().CeilingRules()
		if err != nil {
			return rehearsal{}, err
		}
		meters := metersOf(rows)
		markRows(rows, p, money.Minor(rules.Most(access.MeterSales)))
		if err := access.MarkOwn(tx.Eyes(), rows, tx.Moment()); err != nil {
			return rehearsal{}, err
		}
		e := access.Effect{}
		e.Fact("provider", p.Name)
		e.Tells("from", access.Moments(f.From))
		e.Tells("until", access.Moments(f.To))
		e.Tell(rows)
		return rehearsal{e, meters}, nil
	})
}

// metersOf returns the meters of rows as a person sees them.
func metersOf(rows []access.EffectRow) []string {
	out := make([]string, len(rows))
	for i, r := range rows {
		if out[i] = payment.NoMeterAgreed; r.Fate == access.FateSold {
			out[i] = r.Meter
		}
	}
	return out
}

// decisions decides what becomes of each row of a file, without waiting for the files before it.
func (s *Statements) decisions(ctx context.Context, t access.Tenant, f File, rows []Row, o statement.Options) ([]decision, error) {
	return access.Look(ctx, s.c.Door, t, func(tx Tx) ([]decision, error) {
		older, err := olderRows(tx, f, o.Zone)
		if err != nil {
			return nil, err
		}
		uses, err := tx.Comparing().NameUses(f.Provider, namesOf(rows, older))
		return decideRows(rows, older, uses, o.Zone), err
	})
}

// effectRow says what becomes of a row, apart from the meter of a payment.
func effectRow(r statement.Row, d decision, back map[string]reversal) access.EffectRow {
	row := access.EffectRow{Line: r.Line, Name: r.Txn, At: r.At, From: r.Payer, Said: r.Reference, Amount: money.Amount{Minor: r.Amount, Currency: r.Currency}}
	n, says := notice(r, back)
	switch {
	case d.fate == isKnown:
		row.Fate = access.FateKnown
	case d.fate == isPerhapsSame:
		row.Fate = access.FateDoubtful
	case says && n.Kind == payment.Undone || r.Kind == statement.Reversal:
		row.Fate = access.FateBack
	case says:
		row.Fate = access.FateParked
	default:
		row.Fate = access.FateFee
	}
	return row
}

// matchRows finds the meters of all payments, as they are found when the payments are taken: a row that nobody looked up would be sold unseen.
func (s *Statements) matchRows(tx Tx, rows []access.EffectRow) error {
	type words struct {
		reference, payer string
		at               time.Time // a telephone number means the meter that it meant when the payer paid
	}
	known := map[words]payment.Found{} // many rows of a file are of the same customers, and of the same day
	for i := range rows {
		r := &rows[i]
		if r.Fate != access.FateParked {
			continue
		}
		said := words{r.Said, r.From, r.At}
		found, looked := known[said]
		if !looked {
			meter, why, err := s.c.Payments.MeterOf(tx.Paying(), payment.Payment{Amount: r.Amount, Reference: r.Said, Payer: r.From, PaidAt: r.At})
			if err != nil {
				return err
			}
			if why == payment.NoReason {
				found = meter
			}
			known[said] = found
		}
		if found.Meter != "" {
			r.Meter, r.Phone, r.Fate = found.Meter, found.Phone, access.FateSold
		}
	}
	return nil
}

// markRows marks what a person should look at twice: several rows for one meter, more for a meter than its ceiling, and more than a payment may be
// without a second person.
func markRows(rows []access.EffectRow, p payment.Provider, ceiling money.Minor) {
	together := access.AddTogether(rows, access.FateSold)
	for i := range rows {
		r := &rows[i]
		if r.Fate != access.FateSold && r.Fate != access.FateParked {
			continue
		}
		limit := func(most money.Minor) money.Amount { return money.Amount{Minor: most, Currency: r.Amount.Currency} }
		t := together[i]
		if t.Several() {
			r.Odd = append(r.Odd, access.Oddity{Refusal: refuse.OddMany(t.Rows, r.Meter, t.Sum)})
		}
		if t.Sum.Minor > ceiling {
			r.Odd = append(r.Odd, access.Oddity{Refusal: refuse.OddCeiling(r.Meter, t.Sum, limit(ceiling))})
		}
		if p.Single > 0 && r.Amount.Minor > p.Single {
			r.Odd = append(r.Odd, access.Oddity{Refusal: refuse.OddSingle(r.Amount, limit(p.Single), p.Name)})
		}
	}
}
