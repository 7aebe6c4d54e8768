package vendor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
)

// depositRequest is the part of a deposit that is stored for a second person.
type depositRequest struct {
	Vendor    string      `json:"vendor"`
	Minor     money.Minor `json:"amount_minor"`
	Currency  string      `json:"currency"`
	Bank      string      `json:"bank"`
	Reference string      `json:"reference"`
}

// Executors carry out this package's approved actions.
func (vs *Vendors) Executors() access.Executors {
	return access.Executors{access.ActDeposit: vs.doDeposit, access.ActTerms: vs.doTerms}
}

func (vs *Vendors) doDeposit(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var w depositRequest
	if err := json.Unmarshal(body, &w); err != nil {
		return access.Done{}, fmt.Errorf("read an approved deposit: %w", err)
	}
	out, err := vs.Deposit(ctx, maker, Paid{Vendor: w.Vendor, Amount: money.Amount{Minor: w.Minor, Currency: w.Currency}, Bank: w.Bank, Reference: w.Reference})
	return access.Done{Refusal: out.Refusal, Object: out.Value.Journal.Text(id.Journal)}, err
}

func (vs *Vendors) doTerms(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var a vendorAct
	if err := json.Unmarshal(body, &a); err != nil {
		return access.Done{}, fmt.Errorf("read approved terms: %w", err)
	}
	var out VendorView
	var err error
	switch {
	case a.New != nil:
		out, err = vs.Add(ctx, maker, *a.New)
	case a.Terms != nil:
		out, err = vs.SetTerms(ctx, maker, a.Vendor, *a.Terms)
	default:
		return access.Done{}, errors.New("read approved terms: there is neither a vendor nor terms")
	}
	return access.Done{Refusal: out.Refusal, Object: out.Vendor.ID.Text(id.Vendor)}, err
}
