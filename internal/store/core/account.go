package core

import (
	"bytes"
	"fmt"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
)

// Account is a row of ledger_account.
type Account struct {
	Ref           ledger.AccountRef
	N             int64
	Limit         ledger.Limit
	Balance, Held money.Minor // stored only for an account with a limit
}

// LedgerAccounts are the columns of ledger_account.
var LedgerAccounts = Columns[Account]{Table: "ledger_account", Unattested: []Column[Account]{
	Int("n", func(a *Account) *int64 { return &a.N }),
	Int("code", func(a *Account) *ledger.Code { return &a.Ref.Code }),
	Text("subject", func(a *Account) *string { return &a.Ref.Subject }),
	{Name: "limited", Form: 'i', Write: func(a *Account) any { return a.Limit.Limited() }},
	bound("floor", ledger.NotBelow, ledger.Limit.Floor),
	bound("ceiling", ledger.NotAbove, ledger.Limit.Ceiling),
	Int("balance", func(a *Account) *money.Minor { return &a.Balance }).ReadOnly(),
	Int("held", func(a *Account) *money.Minor { return &a.Held }).ReadOnly(),
	{Name: "id", Form: 'b'}, {Name: "created_at", Form: 'i'},
}}

// bound returns the column of a limit. The column is NULL if the account's limit is of another kind.
func bound(name string, of ledger.Bound, at func(ledger.Limit) (money.Minor, bool)) Column[Account] {
	return Column[Account]{name, 'i', func(a *Account, r Row, col int) error {
		if !r.IsNull(col) {
			a.Limit = ledger.Limit{Bound: of, At: money.Minor(r.Int(col))}
		}
		return nil
	}, func(a *Account) any {
		if v, ok := at(a.Limit); ok {
			return v
		}
		return nil
	}}
}

// AccountState holds the changeable columns of an account, and its number.
var AccountState = Columns[Account]{Table: "ledger_account", Unattested: LedgerAccounts.Pick("n", "floor", "ceiling", "balance", "held")}

var accountQuery = `SELECT ` + AccountState.List("") + ` FROM ledger_account WHERE tenant_id = $1 AND code = $2 AND subject = $3`

// Account reads an account without locking it. To avoid deadlocks, callers lock accounts later, in the order of their numbers.
func (tx *Tx) Account(ref ledger.AccountRef) (Account, bool, error) {
	if a, ok := tx.CachedAccount(ref); ok {
		return a, true, nil
	}
	if tx.together != nil {
		if a, ok := tx.accountTogether(ref); ok {
			return a, true, nil
		}
		if missing, err := tx.missingTogether(ref); missing || err != nil {
			return Account{}, false, err
		}
	}
	a := Account{Ref: ref}
	found, err := tx.One(accountQuery, AccountState.To(&a), tx.Tenant, ref.Code, ref.Subject)
	if err != nil {
		return Account{}, false, fmt.Errorf("read account %d %q: %w", ref.Code, ref.Subject, err)
	}
	if found {
		a = tx.nowTogether(a)
		if tx.together != nil {
			tx.RememberAccount(a)
		}
		tx.CacheAccount(a)
	}
	return a, found, nil
}

// ReadBack checks stored journals: each has the number of lines in want, and its lines sum to zero.
func (tx *Tx) ReadBack(want map[id.ID]int64) error {
	var first, last id.ID
	for i := range want {
		if first.IsZero() || bytes.Compare(i[:], first[:]) < 0 {
			first = i
		}
		if bytes.Compare(i[:], last[:]) > 0 {
			last = i
		}
	}
	found := 0
	err := tx.C.Query(`SELECT journal_id, COUNT(*), SUM(amount) FROM posting WHERE tenant_id = $1 AND journal_id >= $2 AND journal_id <= $3
		GROUP BY journal_id`, func(r Row) error {
		lines, ours := want[r.ID(0)]
		if !ours {
			return nil
		}
		found++
		if r.Int(1) != lines || r.Int(2) != 0 {
			return fmt.Errorf("%w: journal %s was stored with %d lines instead of %d and with sum %d", ErrInvariant,
				r.ID(0).Text(id.Journal), r.Int(1), lines, r.Int(2))
		}
		return nil
	}, tx.Tenant, first, last)
	if err == nil && found != len(want) {
		err = fmt.Errorf("%w: only %d of %d journals were stored with lines", ErrInvariant, found, len(want))
	}
	return err
}

// RollupOf is the statement that reads an account's last roll-up.
const RollupOf = `SELECT balance FROM rollup WHERE tenant_id = $1 AND account = $2 ORDER BY seal_n DESC LIMIT 1`
