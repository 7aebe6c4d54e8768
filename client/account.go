package client

import (
	"context"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
)

// Account shows an account by its id, or by a meter that supplies it (right: customer.read).
func (c *Client) Account(ctx context.Context, account string) (apiv1.Account, error) {
	return ask[apiv1.Account](ctx, c, get("/v1/accounts/"+url.PathEscape(account), nil))
}

// AccountStatement lists the sales and other entries of an account, newest first (right: customer.read).
func (c *Client) AccountStatement(ctx context.Context, f apiv1.AccountFilter) (apiv1.List[apiv1.AccountEntry], error) {
	return list(ctx, c, apiv1.AccountStatement, f)
}

// PlanMoveOut says what MoveOut would do, and changes nothing (rights: customer.write and customer.read).
func (c *Client) PlanMoveOut(ctx context.Context, account string, m apiv1.MoveOut) (apiv1.MovedOut, error) {
	return ask[apiv1.MovedOut](ctx, c, post("/v1/accounts/"+url.PathEscape(account)+"/move-out/plan", m))
}

// MoveOut ends the account of a customer with a prepaid meter (right: customer.write). It is safe to repeat with the same key. An empty key means
// a random one.
func (c *Client) MoveOut(ctx context.Context, account string, m apiv1.MoveOut, key string) (apiv1.MovedOut, error) {
	return keyedAsk[apiv1.MovedOut](ctx, c, post("/v1/accounts/"+url.PathEscape(account)+"/move-out", m), key)
}

// Refund pays out the money that is due back (right: ledger.adjust). It is safe to repeat with the same key. An empty key means a random
// one.
func (c *Client) Refund(ctx context.Context, account string, r apiv1.NewRefund, key string) (apiv1.Refund, error) {
	return keyedAsk[apiv1.Refund](ctx, c, post("/v1/accounts/"+url.PathEscape(account)+"/refunds", r), key)
}

// PlanMoveIn says what MoveIn would do, and changes nothing (rights: customer.write and customer.read).
func (c *Client) PlanMoveIn(ctx context.Context, meter string, m apiv1.MoveIn) (apiv1.MovedIn, error) {
	return ask[apiv1.MovedIn](ctx, c, post(meterPath(meter, "/move-in/plan"), m))
}

// MoveIn opens an account at a meter that is free (right: customer.write).
func (c *Client) MoveIn(ctx context.Context, meter string, m apiv1.MoveIn) (apiv1.MovedIn, error) {
	return ask[apiv1.MovedIn](ctx, c, post(meterPath(meter, "/move-in"), m))
}

// TakeOver makes an account owe what another account of its customer owes (right: debt.write). It is safe to repeat with the same key. An empty
// key means a random one.
func (c *Client) TakeOver(ctx context.Context, account string, t apiv1.NewTakeOver, key string) (apiv1.TakenOver, error) {
	return keyedAsk[apiv1.TakenOver](ctx, c, post("/v1/accounts/"+url.PathEscape(account)+"/take-over", t), key)
}

// LedgerExport is the period and the format of an exported ledger.
type LedgerExport struct {
	From, To string            // local days such as 2026-11-01, both included; empty: from the first journal, until today
	Format   string            // csv or hledger
	Map      map[string]string // what the accountant calls an account, by its code: 1000 to "1200 Cash in hand"
}

// ExportLedger writes the journals of a period to out while they arrive (right: ledger.read). After an error out has only a part of them.
func (c *Client) ExportLedger(ctx context.Context, f LedgerExport, out io.Writer) error {
	q := url.Values{"from": {f.From}, "to": {f.To}, "format": {f.Format}}
	for code, name := range f.Map {
		q.Add("map", code+"="+name)
	}
	return c.copy(ctx, get("/v1/ledger/export", q), out)
}

// TrialBalance returns the balances of the ledger (right: ledger.read).
func (c *Client) TrialBalance(ctx context.Context) (apiv1.TrialBalance, error) {
	return ask[apiv1.TrialBalance](ctx, c, get("/v1/ledger/trial-balance", nil))
}

// LedgerAccounts lists ledger accounts with their balances; code 0 lists all (right: ledger.read).
func (c *Client) LedgerAccounts(ctx context.Context, f apiv1.LedgerFilter) (apiv1.List[apiv1.LedgerAccount], error) {
	return list(ctx, c, apiv1.LedgerAccounts, f)
}

// LedgerBalance returns what an account held at a moment; the zero time means now (right: ledger.read).
func (c *Client) LedgerBalance(ctx context.Context, code int, subject string, at time.Time) (apiv1.LedgerBalance, error) {
	q := url.Values{}
	if subject != "" {
		q.Set("subject", subject)
	}
	if !at.IsZero() {
		q.Set("at", at.Format(time.RFC3339Nano))
	}
	return ask[apiv1.LedgerBalance](ctx, c, get("/v1/ledger/accounts/"+strconv.Itoa(code)+"/balance", q))
}

// Journals lists journals with their lines, newest first (right: ledger.read).
func (c *Client) Journals(ctx context.Context, f apiv1.JournalFilter) (apiv1.List[apiv1.Journal], error) {
	return list(ctx, c, apiv1.Journals, f)
}

// Statement returns what happened to an account's money in a local month such as 2026-11 (right: customer.read).
func (c *Client) Statement(ctx context.Context, account, month string) (apiv1.Statement, error) {
	return ask[apiv1.Statement](ctx, c, get(statementPath(account, month), nil))
}

// StatementPaper returns the same as a file in a format: pdf or csv.
func (c *Client) StatementPaper(ctx context.Context, account, month, format string) ([]byte, error) {
	a, err := c.do(ctx, get(statementPath(account, month), url.Values{"format": {format}}))
	return a.body, err
}

func statementPath(account, month string) string {
	return "/v1/accounts/" + url.PathEscape(account) + "/statements/" + url.PathEscape(month)
}
