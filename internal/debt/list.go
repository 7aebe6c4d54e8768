package debt

import (
	"context"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
)

// ListRequest is a request for a list of debts or charges.
type ListRequest struct {
	Account string // identity, or a meter that supplies it; "" for all
	Open    bool   // only unpaid debts or charges
	Page    registry.Page
}

// List is one page of debts, newest first.
type List struct {
	refusal.Refusal
	Currency string
	Debts    []Debt
	Next     string
}

// DueList is one page of charges, newest first.
type DueList struct {
	refusal.Refusal
	Currency string
	Dues     []Due
	Next     string
}

// Names of the lists in their cursors.
const (
	listDebts   = "debts"
	listCharges = "charges"
)

// owing does the part that List and Charges have in common: it reads the page, the account and the currency.
func (ds *Debts) owing(tx Tx, by access.Actor, o ListRequest, list string) (account, before id.ID, max int, currency string, no refusal.Refusal, err error) {
	if before, max, no = o.Page.Read(ds.c.Sealer, by.Tenant, list); no.Refused() {
		return account, before, max, currency, no, nil
	}
	if currency, _, err = tx.Books().Currency(); err != nil || o.Account == "" {
		return account, before, max, currency, no, err
	}
	name, no := accountName(o.Account)
	if no.Refused() {
		return account, before, max, currency, no, nil
	}
	place, no, err := findAccount(tx, name, o.Account)
	return place.ID, before, max, currency, no, err
}

// List lists debts (right: customer.read).
func (ds *Debts) List(ctx context.Context, by access.Actor, o ListRequest) (List, error) {
	if no := by.Needs(access.ReadCustomers); no.Refused() {
		return List{Refusal: no}, nil
	}
	out, err := access.Look(ctx, ds.c.Door, by.Tenant, func(tx Tx) (List, error) {
		account, before, max, currency, no, err := ds.owing(tx, by, o, listDebts)
		if err != nil || no.Refused() {
			return List{Refusal: no}, err
		}
		rows, err := tx.DebtPage(account, o.Open, before, max+1)
		l := List{Currency: currency}
		l.Debts, l.Next = registry.Cut(rows, max, ds.c.Sealer, by.Tenant, listDebts, func(d Debt) id.ID { return d.ID })
		return l, err
	})
	return out, fault.Wrap(err, "list debts")
}

// Charges lists fixed charges that fell due (right: customer.read).
func (ds *Debts) Charges(ctx context.Context, by access.Actor, o ListRequest) (DueList, error) {
	if no := by.Needs(access.ReadCustomers); no.Refused() {
		return DueList{Refusal: no}, nil
	}
	out, err := access.Look(ctx, ds.c.Door, by.Tenant, func(tx Tx) (DueList, error) {
		account, before, max, currency, no, err := ds.owing(tx, by, o, listCharges)
		if err != nil || no.Refused() {
			return DueList{Refusal: no}, err
		}
		rows, err := tx.Charges().ChargePage(account, o.Open, before, max+1)
		l := DueList{Currency: currency}
		l.Dues, l.Next = registry.Cut(rows, max, ds.c.Sealer, by.Tenant, listCharges, func(d Due) id.ID { return d.ID })
		return l, err
	})
	return out, fault.Wrap(err, "list charges")
}
