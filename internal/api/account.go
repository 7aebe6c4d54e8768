package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
)

func accountOf(s debt.AccountView) apiv1.Account {
	return apiv1.Account{ID: s.ID.Text(id.Account), Customer: s.Customer.ID.Text(id.Customer), Name: s.Customer.Name, Address: s.Address,
		Mode: string(s.Mode), Status: s.Status, Meters: append([]string{}, s.Meters...), OpenedAt: s.OpenedAt.UTC(), Balance: balanceOf(s),
		OtherDebts: otherDebtsOf(s.OtherDebts)}
}

func balanceOf(s debt.AccountView) apiv1.AccountBalance {
	return apiv1.AccountBalance{Currency: s.Currency, CarryMinor: int64(s.Carry), WalletMinor: int64(s.Wallet), DueMinor: int64(s.Due),
		DebtsMinor: int64(s.Debts), Month: s.Month, UnitsWh: int64(s.Units), FreeDueWh: int64(s.FreeDue)}
}

func entryOf(e debt.Entry) apiv1.AccountEntry {
	prefix := id.Journal
	if e.Kind == string(ledger.Vend) {
		prefix = id.Vend
	}
	return apiv1.AccountEntry{ID: e.ID.Text(prefix), At: e.At.UTC(), Kind: e.Kind, Ref: e.Ref, Memo: e.Memo, State: e.State, AmountMinor: int64(e.Amount),
		UnitsWh: int64(e.Units), Meter: e.Meter, ReceiptNo: e.No}
}

// AccountPath is the account in a path.
type AccountPath struct {
	ID string `path:"id" maxLength:"64" doc:"Id of the account, or number or id of a meter that supplies it"`
}

func (a *API) accountRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "account", Path: "/v1/accounts/{id}", Tags: []string{"accounts"}, Summary: "Show an account with its balance",
	}, func(ctx context.Context, by access.Actor, in *AccountPath) (*reply[apiv1.Account], error) {
		s, err := a.c.Debts.Account(ctx, by, in.ID)
		return replyOf(s.Refusal, err, func() apiv1.Account { return accountOf(s) })
	})
	query(r, huma.Operation{
		OperationID: "account-balance", Path: "/v1/accounts/{id}/balance", Tags: []string{"accounts"}, Summary: "Show the balance and debts of an account",
	}, func(ctx context.Context, by access.Actor, in *AccountPath) (*reply[apiv1.AccountBalance], error) {
		s, err := a.c.Debts.Account(ctx, by, in.ID)
		return replyOf(s.Refusal, err, func() apiv1.AccountBalance { return balanceOf(s) })
	})
	listRoute(r, apiv1.AccountStatement, func(ctx context.Context, by access.Actor, in *apiv1.AccountFilter) (*listed[apiv1.AccountEntry], error) {
		s, err := a.c.Debts.Statement(ctx, by, in.Account, pageAt(in.Page))
		return pageOf(s.Refusal, err, s.Entries, s.Next, entryOf)
	})
}
