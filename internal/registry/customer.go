package registry

import (
	"context"
	"strings"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/refuse"
)

// NewCustomer is a customer to register; every field may be empty.
type NewCustomer struct {
	Name  string
	Phone string // number with country code; blanks, dashes, dots and brackets are ignored
	IDNo  string
	Lang  string // BCP 47; empty for "en"
}

// AddedCustomer is a registered customer.
type AddedCustomer struct {
	refusal.Refusal
	Customer Customer
}

func (n NewCustomer) check() (Customer, refusal.Refusal) {
	phone, ok := phoneOf(n.Phone)
	switch {
	case !text(n.Name, maxName):
		return Customer{}, refuse.FieldTextTooLong("name", maxName)
	case !ok:
		return Customer{}, refuse.PhoneInvalid(minPhone, maxPhone-1)
	case !text(n.IDNo, maxShort):
		return Customer{}, refuse.FieldTextTooLong("id_no", maxShort)
	case n.Lang != "" && !isLang(n.Lang):
		return Customer{}, refuse.LanguageTagInvalid(refusal.Echo(n.Lang))
	}
	return Customer{Name: strings.TrimSpace(n.Name), Phone: phone, IDNo: strings.TrimSpace(n.IDNo), Lang: or(n.Lang, "en")}, refusal.Refusal{}
}

// phoneOf returns the stored form of a phone number, by which a sender is recognised. This form has only digits, and begins
// with a + if the text does. An empty number stays empty.
func phoneOf(s string) (string, bool) {
	p := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -.()/", r) {
			return -1
		}
		return r
	}, s)
	if p == "" {
		return "", s == ""
	}
	n := strings.TrimPrefix(p, "+")
	return p, len(n) >= minPhone && len(n) < maxPhone && strings.Trim(n, "0123456789") == ""
}

// isLang accepts any text in the form of a language tag; the catalogue knows which languages exist.
func isLang(s string) bool {
	if len(s) < 2 || len(s) > 16 {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-')
	}) < 0
}

// Customer finds a customer by identity.
func (r *Registry) Customer(ctx context.Context, by access.Actor, idText string) (AddedCustomer, error) {
	if no := by.Needs(access.ReadCustomers); no.Refused() {
		return AddedCustomer{Refusal: no}, nil
	}
	i, err := id.Parse(id.Customer, idText)
	if err != nil {
		return AddedCustomer{Refusal: refuse.CustomerNotFound(refusal.Echo(idText))}, nil
	}
	out, err := access.Look(ctx, r.c.Door, by.Tenant, func(tx Tx) (AddedCustomer, error) {
		c, found, err := tx.Customers().CustomerByID(i)
		if err == nil && !found {
			return AddedCustomer{Refusal: refuse.CustomerNotFound(refusal.Echo(idText))}, nil
		}
		return AddedCustomer{Customer: c}, err
	})
	return out, fault.Wrap(err, "look up customer")
}
