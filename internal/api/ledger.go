package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/refuse"
	"github.com/paywatt/paywatt/internal/report"
)

func trialBalanceOf(t report.TrialBalance) apiv1.TrialBalance {
	b := apiv1.TrialBalance{Currency: t.Currency, Accounts: make([]apiv1.TrialBalanceLine, len(t.Lines)), SumMinor: int64(t.Sum)}
	for i, l := range t.Lines {
		b.Accounts[i] = apiv1.TrialBalanceLine{Code: int(l.Code), Name: l.Name, Class: string(l.Class), BalanceMinor: int64(l.Balance)}
	}
	return b
}

func (a *API) ledgerRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "trial-balance", Path: "/v1/ledger/trial-balance", Tags: []string{"ledger"}, Summary: "Show the balance of every ledger account",
	}, func(ctx context.Context, by access.Actor, _ *struct{}) (*reply[apiv1.TrialBalance], error) {
		t, err := a.c.Reports.TrialBalance(ctx, by)
		return replyOf(t.Refusal, err, func() apiv1.TrialBalance { return trialBalanceOf(t) })
	})
	listRoute(r, apiv1.LedgerAccounts, a.ledgerAccounts)
	query(r, huma.Operation{
		OperationID: "ledger-balance", Path: "/v1/ledger/accounts/{code}/balance", Tags: []string{"ledger"},
		Summary: "Show the balance of a ledger account at a moment",
	}, a.ledgerBalance)
	listRoute(r, apiv1.Journals, a.journals)
}

func chartName(c ledger.Code) string {
	a, _ := ledger.Find(c)
	return a.Path
}

func journalOf(j ledger.Journal, currency string) apiv1.Journal {
	b := apiv1.Journal{ID: j.ID.Text(id.Journal), Kind: string(j.Kind), Ref: j.Ref, Memo: j.Memo, Currency: currency, PostedAt: j.PostedAt.UTC(),
		Reverses: refOf(j.Reverses, id.Journal), Postings: make([]apiv1.Posting, len(j.Postings))}
	for i, p := range j.Postings {
		b.Postings[i] = apiv1.Posting{Code: int(p.Account.Code), Subject: p.Account.Subject, Name: chartName(p.Account.Code), AmountMinor: int64(p.Amount)}
	}
	return b
}

func (a *API) ledgerAccounts(ctx context.Context, by access.Actor, in *apiv1.LedgerFilter) (*listed[apiv1.LedgerAccount], error) {
	l, err := a.c.Reports.Accounts(ctx, by, ledger.Code(in.Code), pageAt(in.Page))
	return pageOf(l.Refusal, err, l.Accounts, l.Next, func(x report.Account) apiv1.LedgerAccount {
		line, _ := ledger.Find(x.Ref.Code)
		return apiv1.LedgerAccount{Code: int(x.Ref.Code), Subject: x.Ref.Subject, Name: line.Path, Class: string(line.Class), Currency: l.Currency,
			BalanceMinor: int64(x.Balance), HeldMinor: int64(x.Held)}
	})
}

func (a *API) ledgerBalance(ctx context.Context, by access.Actor, in *struct {
	Code    int       `path:"code" doc:"Code of the account in the chart"`
	Subject string    `query:"subject" maxLength:"200" doc:"Owner of the account; empty if there is only one"`
	At      time.Time `query:"at" doc:"Moment of the balance; default now"`
}) (*reply[apiv1.LedgerBalance], error) {
	when := in.At
	if when.IsZero() {
		when = a.c.Now()
	}
	b, err := a.c.Reports.BalanceAt(ctx, by, ledger.AccountRef{Code: ledger.Code(in.Code), Subject: in.Subject}, when)
	return replyOf(b.Refusal, err, func() apiv1.LedgerBalance {
		return apiv1.LedgerBalance{Code: in.Code, Subject: in.Subject, Currency: b.Currency, At: b.At.UTC(), BalanceMinor: int64(b.Balance)}
	})
}

func (a *API) journals(ctx context.Context, by access.Actor, in *apiv1.JournalFilter) (*listed[apiv1.Journal], error) {
	f := report.JournalFilter{Ref: in.Ref}
	if in.Code != 0 {
		f.Account = &ledger.AccountRef{Code: ledger.Code(in.Code), Subject: in.Subject}
	}
	switch {
	case in.Code != 0 && in.Ref != "":
		return nil, problemOf(refuse.JournalsOfTwoKinds())
	case in.Code == 0 && in.Subject != "":
		return nil, problemOf(refuse.JournalsSubjectWithoutCode())
	}
	l, err := a.c.Reports.Journals(ctx, by, f, pageAt(in.Page))
	return pageOf(l.Refusal, err, l.Journals, l.Next, func(j ledger.Journal) apiv1.Journal { return journalOf(j, l.Currency) })
}
