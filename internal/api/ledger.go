package api

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/refusal"
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
	text := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	query(r, huma.Operation{
		OperationID: "export-ledger", Path: "/v1/ledger/export", Tags: []string{"ledger"}, Summary: "Export the journals of a period for an accountant",
		Description: "csv has a row for each posting, with the accountant's numbers and names of accounts where map gives them. hledger is a journal of " +
			"plain-text accounting, which hledger and similar programs check and add up.",
		Responses: map[string]*huma.Response{"200": {Description: "The journals, oldest first.", Content: map[string]*huma.MediaType{csvType: text, "text/plain": text}}},
	}, a.exportLedger)
}

// LedgerPeriod is the period and the format of an exported ledger.
type LedgerPeriod struct {
	From   string   `query:"from" maxLength:"10" doc:"First local day; default the first journal"`
	To     string   `query:"to" maxLength:"10" doc:"Last local day; default today"`
	Format string   `query:"format" maxLength:"16" doc:"csv (default) or hledger"`
	Map    []string `query:"map,explode" doc:"What the accountant calls an account of the chart: 1000=1200 Cash in hand; repeatable"`
}

func (a *API) exportLedger(ctx context.Context, by access.Actor, in *LedgerPeriod) (*huma.StreamResponse, error) {
	f := report.LedgerExport{From: in.From, To: in.To, Format: in.Format, Accounts: map[ledger.Code]string{}}
	for _, one := range in.Map {
		code, name, ok := strings.Cut(one, "=")
		n, err := strconv.Atoi(strings.TrimSpace(code))
		if _, known := ledger.Find(ledger.Code(n)); !ok || err != nil || !known {
			return nil, problemOf(refuse.LedgerMappingInvalid(refusal.Echo(one)))
		}
		f.Accounts[ledger.Code(n)] = name
	}
	x, err := a.c.Reports.Export(ctx, by, f, a.c.Now())
	if err != nil {
		return nil, err
	}
	if x.Refused() {
		return nil, problemOf(x.Refusal)
	}
	kind := csvType
	if in.Format == report.LedgerHledger {
		kind = "text/plain"
	}
	return a.file(ctx, kind+"; charset=utf-8", x.Write), nil
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
