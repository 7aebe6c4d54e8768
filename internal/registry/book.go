package registry

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// CustomerEntry is a customer with the meters of the customer's accounts.
type CustomerEntry struct {
	Customer
	Meters []string // meter numbers in the order of registration; at most maxEntryMeters
}

// Customers is one page of customers.
type Customers struct {
	refusal.Refusal
	Data []CustomerEntry
	Next string // cursor of the next page; empty on the last page
}

// maxEntryMeters is the largest number of meters that a list names for one customer.
const maxEntryMeters = 10

// maxFind is the greatest length of the search text, in characters.
const maxFind = 64

// Customers lists the customers whose name, phone or meter number contains a text, in the order of registration (right:
// customer.read); an empty text finds all customers.
func (r *Registry) Customers(ctx context.Context, by access.Actor, text string, p Page) (Customers, error) {
	if no := by.Needs(access.ReadCustomers); no.Refused() {
		return Customers{Refusal: no}, nil
	}
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(text) > maxFind || !utf8.ValidString(text) {
		return Customers{Refusal: refuse.SearchTooLong(maxFind)}, nil
	}
	list := listCustomers + ":" + text
	after, max, no := p.Read(r.c.Sealer, by.Tenant, list)
	if no.Refused() {
		return Customers{Refusal: no}, nil
	}
	out, err := access.Look(ctx, r.c.Door, by.Tenant, func(tx Tx) (out Customers, err error) {
		rows, err := tx.Customers().CustomersLike(text, Dialled(text), after, max+1)
		if err != nil {
			return Customers{}, err
		}
		rows, out.Next = Cut(rows, max, r.c.Sealer, by.Tenant, list, func(c Customer) id.ID { return c.ID })
		for _, c := range rows {
			e := CustomerEntry{Customer: c}
			if e.Meters, err = tx.Customers().MeterNumbersOf(c.ID, maxEntryMeters); err != nil {
				return Customers{}, err
			}
			out.Data = append(out.Data, e)
		}
		return out, nil
	})
	return out, fault.Wrap(err, "list customers")
}

// CustomerMeters returns the meters of a customer's accounts (rights: customer.read and meter.read), at most MaxLimit.
func (r *Registry) CustomerMeters(ctx context.Context, by access.Actor, customer string) (Meters, error) {
	for _, right := range []access.Right{access.ReadCustomers, access.ReadMeters} {
		if no := by.Needs(right); no.Refused() {
			return Meters{Refusal: no}, nil
		}
	}
	i, err := id.Parse(id.Customer, customer)
	if err != nil {
		return Meters{Refusal: refuse.CustomerNotFound(refusal.Echo(customer))}, nil
	}
	rows, err := access.Look(ctx, r.c.Door, by.Tenant, func(tx Tx) ([]foundRow, error) {
		recs, err := tx.Customers().MeterRecordsOf(i, MaxLimit)
		if err != nil {
			return nil, err
		}
		return foundRows(tx, recs)
	})
	if err != nil {
		return Meters{}, fmt.Errorf("list the meters of a customer: %w", err)
	}
	out := Meters{Data: make([]MeterView, len(rows))}
	for n := range rows {
		out.Data[n] = r.shown(by, rows[n])
	}
	return out, nil
}
