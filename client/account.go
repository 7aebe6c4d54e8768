package client

import (
	"context"
	"net/url"
	"strconv"
	"time"
)

// CustomerBalance is what an account has and owes, in minor units.
type CustomerBalance struct {
	Currency    string `json:"currency"`
	CarryMinor  int64  `json:"carry_minor"` // change of earlier purchases; the next one has it
	WalletMinor int64  `json:"wallet_minor"`
	DueMinor    int64  `json:"due_minor"` // fixed charges that fell due and are not paid
	DebtsMinor  int64  `json:"debts_minor"`
	Month       string `json:"month"` // local month of the units
	UnitsWh     int64  `json:"units_wh"`
	FreeDueWh   int64  `json:"free_due_wh"` // free basic units that can be claimed now
}

// Account is the contract of one customer at one place.
type Account struct {
	ID       string          `json:"id"`
	Customer string          `json:"customer"`
	Name     string          `json:"name"`
	Address  string          `json:"address,omitempty"`
	Mode     string          `json:"mode"`
	Status   string          `json:"status"`
	Meters   []string        `json:"meters"`
	OpenedAt time.Time       `json:"opened_at"`
	Balance  CustomerBalance `json:"balance"`
}

// AccountEntry is a line of a customer's statement.
type AccountEntry struct {
	ID          string    `json:"id"`
	At          time.Time `json:"at"`
	Kind        string    `json:"kind"` // vend, debt, write_off, goodwill ...
	Ref         string    `json:"ref,omitempty"`
	Memo        string    `json:"memo,omitempty"`
	State       string    `json:"state,omitempty"` // of a sale
	AmountMinor int64     `json:"amount_minor"`
	UnitsWh     int64     `json:"units_wh,omitempty"`
	Meter       string    `json:"meter,omitempty"`
	ReceiptNo   string    `json:"receipt_no,omitempty"`
}

// Account shows an account by its id, or by a meter that supplies it (right: customer.read).
func (c *Client) Account(ctx context.Context, account string) (Account, error) {
	return ask[Account](ctx, c, get("/v1/accounts/"+url.PathEscape(account), nil))
}

// AccountStatement lists the sales of an account and what else was booked for it, newest first (right: customer.read).
func (c *Client) AccountStatement(ctx context.Context, account string, p Page) (List[AccountEntry], error) {
	return ask[List[AccountEntry]](ctx, c, get("/v1/accounts/"+url.PathEscape(account)+"/statement", p.query()))
}

// LedgerAccount is one account of the ledger; debits are positive.
type LedgerAccount struct {
	Code         int    `json:"code"`
	Subject      string `json:"subject"`
	Name         string `json:"name"`
	Class        string `json:"class"`
	Currency     string `json:"currency"`
	BalanceMinor int64  `json:"balance_minor"`
	HeldMinor    int64  `json:"held_minor"`
}

// LedgerBalance is what an account held at a moment; debits are positive.
type LedgerBalance struct {
	Code         int       `json:"code"`
	Subject      string    `json:"subject"`
	Currency     string    `json:"currency"`
	At           time.Time `json:"at"`
	BalanceMinor int64     `json:"balance_minor"`
}

// Journal is a balanced entry of the books.
type Journal struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	Ref      string    `json:"ref,omitempty"`
	Memo     string    `json:"memo,omitempty"`
	Reverses string    `json:"reverses,omitempty"`
	Currency string    `json:"currency"`
	PostedAt time.Time `json:"posted_at"`
	Postings []Posting `json:"postings"`
}

// Posting is one line of a journal; debits are positive.
type Posting struct {
	Code        int    `json:"code"`
	Subject     string `json:"subject"`
	Name        string `json:"name"`
	AmountMinor int64  `json:"amount_minor"`
}

// JournalFilter names the journals that are wanted: those of one account, or of one operation; the zero value means all.
type JournalFilter struct {
	Code    int
	Subject string
	Ref     string // id of a sale, a debt
	Page    Page
}

// LedgerAccounts lists ledger accounts with their balances; code 0 lists all (right: ledger.read).
func (c *Client) LedgerAccounts(ctx context.Context, code int, p Page) (List[LedgerAccount], error) {
	q := p.query()
	if code != 0 {
		q.Set("code", strconv.Itoa(code))
	}
	return ask[List[LedgerAccount]](ctx, c, get("/v1/ledger/accounts", q))
}

// LedgerBalance is what an account held at a moment; the zero time means now (right: ledger.read).
func (c *Client) LedgerBalance(ctx context.Context, code int, subject string, at time.Time) (LedgerBalance, error) {
	q := url.Values{}
	if subject != "" {
		q.Set("subject", subject)
	}
	if !at.IsZero() {
		q.Set("at", at.Format(time.RFC3339Nano))
	}
	return ask[LedgerBalance](ctx, c, get("/v1/ledger/accounts/"+strconv.Itoa(code)+"/balance", q))
}

// Journals lists journals with their lines, newest first (right: ledger.read).
func (c *Client) Journals(ctx context.Context, f JournalFilter) (List[Journal], error) {
	q := f.Page.query()
	if f.Code != 0 {
		q.Set("code", strconv.Itoa(f.Code))
		q.Set("subject", f.Subject)
	}
	if f.Ref != "" {
		q.Set("ref", f.Ref)
	}
	return ask[List[Journal]](ctx, c, get("/v1/ledger/journals", q))
}
