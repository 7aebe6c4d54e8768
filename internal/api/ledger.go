package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/report"
)

// accountBody is the sum of one account code.
type accountBody struct {
	Code         int    `json:"code" example:"2010"`
	Name         string `json:"name" example:"unearned"`
	Class        string `json:"class" enum:"asset,liability,equity,income,expense"`
	BalanceMinor int64  `json:"balance_minor" doc:"Debits positive, credits negative"`
}

// trialBalanceBody is the sum of every account code.
type trialBalanceBody struct {
	Currency string        `json:"currency" doc:"Empty while the tenant has none"`
	Accounts []accountBody `json:"accounts"`
	SumMinor int64         `json:"sum_minor" doc:"0 in sound books"`
}

func trialBalanceOf(t report.TrialBalance) trialBalanceBody {
	b := trialBalanceBody{Currency: t.Currency, Accounts: make([]accountBody, len(t.Lines)), SumMinor: int64(t.Sum)}
	for i, l := range t.Lines {
		b.Accounts[i] = accountBody{Code: int(l.Code), Name: l.Name, Class: string(l.Class), BalanceMinor: int64(l.Balance)}
	}
	return b
}

func (a *API) ledgerRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "trial-balance", Path: "/v1/ledger/trial-balance", Tags: []string{"ledger"}, Summary: "Sum the books by account",
	}, func(ctx context.Context, by access.Actor, _ *struct{}) (*struct{ Body trialBalanceBody }, error) {
		t, err := a.c.Reports.TrialBalance(ctx, by)
		if err != nil {
			return nil, err
		}
		if t.Refused() {
			return nil, refuse(t.Refusal)
		}
		return &struct{ Body trialBalanceBody }{trialBalanceOf(t)}, nil
	})
}
