package flats

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/localday"
	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/internal/words"
)

// Limits of one file of statements.
const (
	maxStatements = 200
	maxLines      = 20_000 // of all statements together
)

// Tenancy is an account of a flat, present or past.
type Tenancy struct {
	Account       id.ID
	Address, Lang string // the place, and the language of the tenant
	OpenedAt      time.Time
}

// Papers are statements in one PDF file.
type Papers struct {
	refusal.Refusal
	Name string // of the file
	PDF  []byte
}

// Statements writes the statements of a building's flats, or of all flats if it is empty, for a local month such as 2026-11 (right:
// customer.read). Each is on pages of its own, in the language of its tenant. Where a tenant moved during the month, each tenant has one. The
// statements are those of [office.Office.Statement], made one after another.
func (fs *Flats) Statements(ctx context.Context, by access.Actor, say *words.Texts, building, month string) (Papers, error) {
	if no := by.Needs(access.ReadCustomers); no.Refused() {
		return Papers{Refusal: no}, nil
	}
	var no refusal.Refusal
	all, err := access.Look(ctx, fs.c.Door, by.Tenant, func(tx Tx) (all []Tenancy, err error) {
		set, err := tx.WalletTenant()
		if err != nil {
			return nil, err
		}
		from, to, bad, err := wallet.FindMonth(tx, month, fs.c.Now().In(set.Zone))
		if no = bad; err != nil || bad.Refused() {
			return nil, err
		}
		month = from.Format(localday.MonthForm)
		return tx.Tenancies(building, from, to, maxStatements+1)
	})
	switch {
	case err != nil:
		return Papers{}, fault.Wrap(err, "list the tenants of a month")
	case no.Refused():
		return Papers{Refusal: no}, nil
	case len(all) == 0:
		return Papers{Refusal: refuse.FlatStatementsNone(month)}, nil
	case len(all) > maxStatements:
		return Papers{Refusal: refuse.FlatStatementsTooMany(maxStatements)}, nil
	}
	slices.SortStableFunc(all, func(a, b Tenancy) int {
		return cmp.Or(ByName(a.Address, b.Address), a.OpenedAt.Compare(b.OpenedAt))
	})
	return fs.print(ctx, by, say, all, building, month)
}

// print makes one statement after another, so that only one is in memory beside the file.
func (fs *Flats) print(ctx context.Context, by access.Actor, say *words.Texts, all []Tenancy, building, month string) (Papers, error) {
	title := say.FlatsStatements() + " " + month
	if building != "" {
		title = building + ", " + title
	}
	book, lines := print.NewBook(say, title, fs.c.Now()), 0
	for _, t := range all {
		st, err := fs.c.Office.Statement(ctx, by, t.Account.Text(id.Account), month)
		if err != nil || st.Refused() {
			return Papers{Refusal: st.Refusal}, err
		}
		if lines += len(st.Lines); lines > maxLines {
			return Papers{Refusal: refuse.StatementTooLarge(maxLines)}, nil
		}
		book.Add(st.Report.Sheet(fs.c.Languages.For(t.Lang)))
	}
	b, err := book.PDF()
	return Papers{Name: "statements-" + cmp.Or(building, "flats") + "-" + month, PDF: b}, err
}
