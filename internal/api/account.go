package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/vending"
)

// accountBalance is what an account has and owes.
type accountBalance struct {
	Currency    string `json:"currency"`
	CarryMinor  int64  `json:"carry_minor" doc:"Change of earlier purchases; the next one has it"`
	WalletMinor int64  `json:"wallet_minor"`
	DueMinor    int64  `json:"due_minor" doc:"Fixed charges that fell due and are not paid"`
	DebtsMinor  int64  `json:"debts_minor"`
	Month       string `json:"month" example:"2026-11" doc:"Local month of the units"`
	UnitsWh     int64  `json:"units_wh" doc:"Bought in the month, free units among them"`
	FreeDueWh   int64  `json:"free_due_wh" doc:"Free basic units that can be claimed now"`
}

// customerAccount is the contract of one customer at one place.
type customerAccount struct {
	ID       string         `json:"id" example:"acc_01jd00000000000000000000000"`
	Customer string         `json:"customer"`
	Name     string         `json:"name"`
	Address  string         `json:"address,omitempty"`
	Mode     string         `json:"mode" enum:"prepay_token,prepay_wallet,postpay"`
	Status   string         `json:"status" enum:"open,active,closing,closed"`
	Meters   []string       `json:"meters"`
	OpenedAt time.Time      `json:"opened_at"`
	Balance  accountBalance `json:"balance"`
}

func balanceOf(s vending.AccountShown) accountBalance {
	return accountBalance{Currency: s.Currency, CarryMinor: int64(s.Carry), WalletMinor: int64(s.Wallet), DueMinor: int64(s.Due),
		DebtsMinor: int64(s.Debts), Month: s.Month, UnitsWh: int64(s.Units), FreeDueWh: int64(s.FreeDue)}
}

// entryBody is a line of a customer's statement.
type entryBody struct {
	ID          string    `json:"id" doc:"Of the sale, or of the journal"`
	At          time.Time `json:"at"`
	Kind        string    `json:"kind" example:"vend" doc:"vend, debt, write_off, goodwill ..."`
	Ref         string    `json:"ref,omitempty" doc:"The sale or the debt"`
	Memo        string    `json:"memo,omitempty"`
	State       string    `json:"state,omitempty" doc:"Of a sale"`
	AmountMinor int64     `json:"amount_minor" doc:"What was tendered, raised, written off or given"`
	UnitsWh     int64     `json:"units_wh,omitempty"`
	Meter       string    `json:"meter,omitempty"`
	ReceiptNo   string    `json:"receipt_no,omitempty"`
}

func entryOf(e vending.Entry) entryBody {
	prefix := id.Journal
	if e.Kind == string(ledger.Vend) {
		prefix = id.Vend
	}
	return entryBody{ID: e.ID.Text(prefix), At: e.At.UTC(), Kind: e.Kind, Ref: e.Ref, Memo: e.Memo, State: e.State, AmountMinor: int64(e.Amount),
		UnitsWh: int64(e.Units), Meter: e.Meter, ReceiptNo: e.No}
}

// AccountPath is the account that a path names.
type AccountPath struct {
	ID string `path:"id" maxLength:"64" doc:"Its id, or number or id of a meter that supplies it"`
}

func (a *API) accountRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "account", Path: "/v1/accounts/{id}", Tags: []string{"accounts"}, Summary: "Show an account with what it has and owes",
	}, func(ctx context.Context, by access.Actor, in *AccountPath) (*struct{ Body customerAccount }, error) {
		s, err := a.c.Vending.Account(ctx, by, in.ID)
		if err != nil {
			return nil, err
		}
		if s.Refused() {
			return nil, refuse(s.Refusal)
		}
		b := customerAccount{ID: s.ID.Text(id.Account), Customer: s.Customer.ID.Text(id.Customer), Name: s.Customer.Name, Address: s.Address,
			Mode: string(s.Mode), Status: s.Status, Meters: append([]string{}, s.Meters...), OpenedAt: s.OpenedAt.UTC(), Balance: balanceOf(s)}
		return &struct{ Body customerAccount }{b}, nil
	})
	query(r, huma.Operation{
		OperationID: "account-balance", Path: "/v1/accounts/{id}/balance", Tags: []string{"accounts"}, Summary: "Show what an account has and owes",
	}, func(ctx context.Context, by access.Actor, in *AccountPath) (*struct{ Body accountBalance }, error) {
		s, err := a.c.Vending.Account(ctx, by, in.ID)
		if err != nil {
			return nil, err
		}
		if s.Refused() {
			return nil, refuse(s.Refusal)
		}
		return &struct{ Body accountBalance }{balanceOf(s)}, nil
	})
	query(r, huma.Operation{
		OperationID: "account-statement", Path: "/v1/accounts/{id}/statement", Tags: []string{"accounts"},
		Summary: "List the sales of an account and what else was booked for it, newest first",
	}, func(ctx context.Context, by access.Actor, in *struct {
		AccountPath
		Page
	}) (*listed[entryBody], error) {
		s, err := a.c.Vending.AccountStatement(ctx, by, in.ID, registry.Page{Limit: in.Limit, Cursor: in.Cursor})
		if err != nil {
			return nil, err
		}
		if s.Refused() {
			return nil, refuse(s.Refusal)
		}
		return listOf(s.Entries, s.Next, entryOf), nil
	})
}
