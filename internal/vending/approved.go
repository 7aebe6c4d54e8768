package vending

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
)

// paidWish and undoWish are what of a deposit and a reversal is written down for a second person.
type (
	paidWish struct {
		Vendor    string      `json:"vendor"`
		Minor     money.Minor `json:"amount_minor"`
		Currency  string      `json:"currency"`
		Bank      string      `json:"bank"`
		Reference string      `json:"reference"`
	}
	undoWish struct {
		Sale   string `json:"sale"`
		Reason string `json:"reason"`
	}
)

// Doers carry out the acts of this package that were approved.
func (v *Vending) Doers() access.Doers {
	return access.Doers{access.ActDeposit: v.doDeposit, access.ActReverse: v.doReverse, access.ActAdjust: v.DoAdjust, access.ActTerms: v.doTerms,
		access.ActRefund: v.doRefund, access.ActClock: v.doTrust, access.ActUnits: v.doTokens, access.ActTokens: v.doTokens,
		access.ActClearCredit: v.doTokens, access.ActClearTamper: v.doTokens}
}

func (v *Vending) doDeposit(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var w paidWish
	if err := json.Unmarshal(body, &w); err != nil {
		return access.Done{}, fmt.Errorf("read an approved deposit: %w", err)
	}
	out, err := v.Deposit(ctx, maker, Paid{Vendor: w.Vendor, Amount: money.Amount{Minor: w.Minor, Currency: w.Currency}, Bank: w.Bank, Reference: w.Reference})
	return access.Done{Refusal: out.Refusal, Object: out.Value.Journal.Text(id.Journal)}, err
}

func (v *Vending) doReverse(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var w undoWish
	if err := json.Unmarshal(body, &w); err != nil {
		return access.Done{}, fmt.Errorf("read an approved reversal: %w", err)
	}
	out, err := v.Reverse(ctx, maker, Undo{Sale: w.Sale, Reason: w.Reason})
	return access.Done{Refusal: out.Refusal, Object: out.Value.ID.Text(id.Reversal)}, err
}

func (v *Vending) doTokens(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var w asked
	if err := json.Unmarshal(body, &w); err != nil {
		return access.Done{}, fmt.Errorf("read approved tokens: %w", err)
	}
	out, err := v.GiveTokens(ctx, maker, Ask{Meter: w.Meter, Kind: w.Kind, Units: w.Units, PowerW: w.PowerW, Key: w.Key, ReasonCode: w.ReasonCode, Reason: w.Reason})
	return access.Done{Refusal: out.Refusal, Object: out.Job.ID.Text(id.Job)}, err
}

func (v *Vending) doTerms(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var a vendorAct
	if err := json.Unmarshal(body, &a); err != nil {
		return access.Done{}, fmt.Errorf("read approved terms: %w", err)
	}
	var out VendorShown
	var err error
	switch {
	case a.New != nil:
		out, err = v.AddVendor(ctx, maker, *a.New)
	case a.Terms != nil:
		out, err = v.SetTerms(ctx, maker, a.Vendor, *a.Terms)
	default:
		return access.Done{}, errors.New("read approved terms: there is neither a vendor nor terms")
	}
	return access.Done{Refusal: out.Refusal, Object: out.Vendor.ID.Text(id.Vendor)}, err
}

func (v *Vending) doTrust(ctx context.Context, maker access.Actor, body []byte) (access.Done, error) {
	var w trustWish
	if err := json.Unmarshal(body, &w); err != nil {
		return access.Done{}, fmt.Errorf("read approved trust in the clock: %w", err)
	}
	out, err := v.trust(ctx, maker, w)
	return access.Done{Refusal: out.Refusal, Object: trustObject}, err
}
