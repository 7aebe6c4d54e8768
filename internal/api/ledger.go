package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
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
	query(r, huma.Operation{
		OperationID: "ledger-accounts", Path: "/v1/ledger/accounts", Tags: []string{"ledger"}, Summary: "List ledger accounts with their balances",
	}, a.ledgerAccounts)
	query(r, huma.Operation{
		OperationID: "ledger-balance", Path: "/v1/ledger/accounts/{code}/balance", Tags: []string{"ledger"},
		Summary: "Show what an account held at a moment",
	}, a.ledgerBalance)
	query(r, huma.Operation{
		OperationID: "journals", Path: "/v1/ledger/journals", Tags: []string{"ledger"}, Summary: "List journals with their lines, newest first",
		Description: "All of them, those of one account (code and subject), or those of one operation (ref).",
	}, a.journals)
}

// ledgerAccountBody is one account of the ledger.
type ledgerAccountBody struct {
	Code         int    `json:"code" example:"1100"`
	Subject      string `json:"subject" doc:"Whose it is; empty where there is only one"`
	Name         string `json:"name" example:"debt"`
	Class        string `json:"class" enum:"asset,liability,equity,income,expense"`
	Currency     string `json:"currency"`
	BalanceMinor int64  `json:"balance_minor" doc:"Debits positive, credits negative"`
	HeldMinor    int64  `json:"held_minor" doc:"Reserved of it"`
}

// ledgerBalanceBody is what an account held at a moment.
type ledgerBalanceBody struct {
	Code         int       `json:"code"`
	Subject      string    `json:"subject"`
	Currency     string    `json:"currency"`
	At           time.Time `json:"at"`
	BalanceMinor int64     `json:"balance_minor" doc:"Debits positive, credits negative"`
}

// postingBody is one line of a journal.
type postingBody struct {
	Code        int    `json:"code"`
	Subject     string `json:"subject"`
	Name        string `json:"name"`
	AmountMinor int64  `json:"amount_minor" doc:"Debits positive, credits negative"`
}

// journalBody is a journal.
type journalBody struct {
	ID       string        `json:"id" example:"jrn_01jd00000000000000000000000"`
	Kind     string        `json:"kind" example:"vend"`
	Ref      string        `json:"ref,omitempty" doc:"The sale, debt or payment it is for; of a reversal the kind of what it undoes stands before that"`
	Memo     string        `json:"memo,omitempty"`
	Reverses string        `json:"reverses,omitempty" doc:"The journal that this one mirrors"`
	Currency string        `json:"currency"`
	PostedAt time.Time     `json:"posted_at"`
	Postings []postingBody `json:"postings" doc:"They sum to 0"`
}

func chartName(c ledger.Code) string {
	a, _ := ledger.Find(c)
	return a.Path
}

func journalOf(j ledger.Journal, currency string) journalBody {
	b := journalBody{ID: j.ID.Text(id.Journal), Kind: string(j.Kind), Ref: j.Ref, Memo: j.Memo, Currency: currency, PostedAt: j.PostedAt.UTC(),
		Postings: make([]postingBody, len(j.Postings))}
	if !j.Reverses.IsZero() {
		b.Reverses = j.Reverses.Text(id.Journal)
	}
	for i, p := range j.Postings {
		b.Postings[i] = postingBody{Code: int(p.Account.Code), Subject: p.Account.Subject, Name: chartName(p.Account.Code), AmountMinor: int64(p.Amount)}
	}
	return b
}

func (a *API) ledgerAccounts(ctx context.Context, by access.Actor, in *struct {
	Code int `query:"code" doc:"Only accounts of this code of the chart"`
	Page
}) (*listed[ledgerAccountBody], error) {
	l, err := a.c.Reports.Accounts(ctx, by, ledger.Code(in.Code), registry.Page{Limit: in.Limit, Cursor: in.Cursor})
	if err != nil {
		return nil, err
	}
	if l.Refused() {
		return nil, refuse(l.Refusal)
	}
	return listOf(l.Accounts, l.Next, func(x report.Account) ledgerAccountBody {
		line, _ := ledger.Find(x.Ref.Code)
		return ledgerAccountBody{Code: int(x.Ref.Code), Subject: x.Ref.Subject, Name: line.Path, Class: string(line.Class), Currency: l.Currency,
			BalanceMinor: int64(x.Balance), HeldMinor: int64(x.Held)}
	}), nil
}

func (a *API) ledgerBalance(ctx context.Context, by access.Actor, in *struct {
	Code    int       `path:"code" doc:"Of the chart"`
	Subject string    `query:"subject" maxLength:"200" doc:"Whose account; empty where there is only one"`
	At      time.Time `query:"at" doc:"The moment; default now"`
}) (*struct{ Body ledgerBalanceBody }, error) {
	when := in.At
	if when.IsZero() {
		when = a.c.Now()
	}
	b, err := a.c.Reports.BalanceAt(ctx, by, ledger.AccountRef{Code: ledger.Code(in.Code), Subject: in.Subject}, when)
	if err != nil {
		return nil, err
	}
	if b.Refused() {
		return nil, refuse(b.Refusal)
	}
	return &struct{ Body ledgerBalanceBody }{ledgerBalanceBody{Code: in.Code, Subject: in.Subject, Currency: b.Currency, At: b.At.UTC(),
		BalanceMinor: int64(b.Balance)}}, nil
}

func (a *API) journals(ctx context.Context, by access.Actor, in *struct {
	Code    int    `query:"code" doc:"Those with a line on this account"`
	Subject string `query:"subject" maxLength:"200" doc:"Whose account, with code"`
	Ref     string `query:"ref" maxLength:"200" doc:"Those of one operation, and those that undid it: the id of a sale, a debt"`
	Page
}) (*listed[journalBody], error) {
	f := report.JournalFilter{Ref: in.Ref}
	if in.Code != 0 {
		f.Account = &ledger.AccountRef{Code: ledger.Code(in.Code), Subject: in.Subject}
	}
	if in.Code != 0 && in.Ref != "" || in.Code == 0 && in.Subject != "" {
		return nil, because(refusal.InvalidRequest, "The journals of one account (code, subject) or of one operation (ref) can be asked for.", "", "Give one of them.")
	}
	l, err := a.c.Reports.Journals(ctx, by, f, registry.Page{Limit: in.Limit, Cursor: in.Cursor})
	if err != nil {
		return nil, err
	}
	if l.Refused() {
		return nil, refuse(l.Refusal)
	}
	return listOf(l.Journals, l.Next, func(j ledger.Journal) journalBody { return journalOf(j, l.Currency) }), nil
}
