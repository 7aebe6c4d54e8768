package books

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/store/core"
)

// Post writes a journal: it opens missing accounts, updates the balances of accounts with a limit, and stores the journal's leaf. If the
// journal would break a limit, Post writes nothing and returns the breach, from which the caller makes its refusal. The error is
// [core.ErrConflict] if a journal of the same kind and reference exists, or if the journal to reverse was reversed before.
//
// Post checks that the postings sum to zero before it writes them. The sum is checked again from the stored rows.
func (tx Rows) Post(j ledger.Journal) (ledger.Breach, error) { return tx.PostTogether(j) }

// PostTogether posts several journals, all or none, such as the reversals of a sale and of its commission. It checks an account's limit
// against the sum of the journals, so one journal may return the money that another one takes.
func (tx Rows) PostTogether(js ...ledger.Journal) (ledger.Breach, error) {
	facts := !slices.ContainsFunc(js, func(j ledger.Journal) bool { return !j.Kind.Fact() })
	return tx.postAll(js, func(a ledger.AccountRef) bool { return facts && a.Code == ledger.Wallet })
}

// postAll writes journals. Accounts for which free is true may pass their limit.
func (tx Rows) postAll(js []ledger.Journal, free func(ledger.AccountRef) bool) (ledger.Breach, error) {
	var all []ledger.Posting
	for i := range js {
		var err error
		if js[i], err = ledger.New(js[i]); err != nil {
			return ledger.Breach{}, fmt.Errorf("%w: %w", core.ErrInvariant, err)
		}
		all = append(all, js[i].Postings...)
	}
	breach, err := tx.postLines(js, all, free)
	if err != nil {
		return ledger.Breach{}, fmt.Errorf("post %s %s: %w", js[0].Kind, js[0].Ref, err)
	}
	return breach, nil
}

func (tx Rows) postLines(js []ledger.Journal, all []ledger.Posting, free func(ledger.AccountRef) bool) (ledger.Breach, error) {
	accounts, err := tx.accounts(all)
	if err != nil {
		return ledger.Breach{}, err
	}
	changes := netChanges(all)
	for _, a := range accounts {
		if b := a.Limit.Check(a.Ref, a.Balance, a.Held, changes[a.Ref]); b.Refused() && !free(a.Ref) {
			return b, nil
		}
	}
	for _, a := range accounts {
		if err := tx.updateBalance(a, changes[a.Ref]); err != nil {
			return ledger.Breach{}, err
		}
	}
	for i := range js {
		if err := tx.insertJournal(&js[i], accounts); err != nil {
			return ledger.Breach{}, err
		}
	}
	return ledger.Breach{}, nil
}

// netChanges sums postings by account, because a limit applies to the journals as a whole and not to each line.
func netChanges(all []ledger.Posting) map[ledger.AccountRef]money.Minor {
	out := make(map[ledger.AccountRef]money.Minor, len(all))
	for _, p := range all {
		out[p.Account] += p.Amount
	}
	return out
}

// accounts finds or opens each account of the postings once, sorted by number. Accounts with a limit are locked in this order.
func (tx Rows) accounts(all []ledger.Posting) ([]core.Account, error) {
	out := make([]core.Account, 0, len(all))
	for _, p := range all {
		if slices.ContainsFunc(out, func(a core.Account) bool { return a.Ref == p.Account }) {
			continue
		}
		a, err := tx.openAccount(p.Account)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b core.Account) int { return cmp.Compare(a.N, b.N) })
	if joined, err := tx.LockTogether(out); joined || err != nil {
		return out, err
	}
	for i := range out {
		if err := tx.lock(&out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// accountLocked reads an account by its number. accountRolled reads an account by its code and subject, with its roll-up.
var (
	accountLocked = `SELECT ` + core.AccountState.List("") + ` FROM ledger_account WHERE tenant_id = $1 AND n = $2`
	accountRolled = `SELECT ` + core.AccountState.List("a") + `, CASE WHEN a.limited = 0 THEN (SELECT r.balance FROM rollup r
			WHERE r.tenant_id = a.tenant_id AND r.account = a.n ORDER BY r.seal_n DESC LIMIT 1) END
		FROM ledger_account a WHERE a.tenant_id = $1 AND a.code = $2 AND a.subject = $3`
)

// lock locks an account with a limit and reads it again, so that its balance stays true until the commit. On an engine without row locks
// it does nothing. An account without a limit needs no lock, because it stores no balance.
func (tx Rows) lock(a *core.Account) error {
	if tx.C.ForUpdate() == "" || !a.Limit.Limited() {
		return nil
	}
	found := false
	locked := core.Account{Ref: a.Ref}
	err := tx.C.Query(accountLocked+tx.C.ForUpdate(), func(r core.Row) error {
		found = true
		_, err := core.AccountState.Scan(r, 0, &locked)
		return err
	}, tx.Tenant, a.N)
	if err == nil && !found {
		err = fmt.Errorf("%w: account %d is missing", core.ErrInvariant, a.N)
	}
	*a = locked
	return err
}

// openAccount reads an account, or opens it if it does not exist.
func (tx Rows) openAccount(ref ledger.AccountRef) (core.Account, error) {
	if n, ok := tx.AccountN(ref); ok {
		return core.Account{Ref: ref, N: n, Limit: ledger.LimitOf(ref.Code)}, nil
	}
	a, found, err := tx.Account(ref)
	if err != nil {
		return core.Account{}, err
	}
	if found {
		tx.RememberAccount(a)
		return a, nil
	}
	i, err := tx.NewID()
	if err != nil {
		return core.Account{}, err
	}
	if tx.Joined() {
		return tx.OpenTogether(i, ref)
	}
	n, err := tx.Take(core.CounterAccount)
	if err != nil {
		return core.Account{}, err
	}
	opened := &core.Account{Ref: ref, N: n, Limit: ledger.LimitOf(ref.Code)}
	_, err = tx.C.Exec(`INSERT INTO `+core.LedgerAccounts.Into("id", "created_at"), core.LedgerAccounts.Values(tx.Tenant, opened, i, tx.Now)...)
	if err != nil {
		return core.Account{}, fmt.Errorf("open account %d %q: %w", ref.Code, ref.Subject, err)
	}
	return *opened, nil
}

// Bounds returns the values of a limit's two columns; nil means no bound.
func Bounds(l ledger.Limit) (floor, ceiling *money.Minor) {
	if at, ok := l.Floor(); ok {
		floor = &at
	}
	if at, ok := l.Ceiling(); ok {
		ceiling = &at
	}
	return floor, ceiling
}

// updateBalance updates the stored balance of a limited account. It fails if the balance has changed since the limit was checked.
func (tx Rows) updateBalance(a core.Account, change money.Minor) error {
	tx.Fresh.Sum(a.N, a.Limit.Limited(), change)
	if !a.Limit.Limited() || change == 0 {
		return nil
	}
	if tx.Joined() {
		tx.MoveTogether(a, change)
		return nil
	}
	if err := tx.Must(`UPDATE ledger_account SET balance = $1 WHERE tenant_id = $2 AND n = $3 AND balance = $4`,
		a.Balance+change, tx.Tenant, a.N, a.Balance); err != nil {
		return fmt.Errorf("move account %d %q by %d from %d: %w", a.Ref.Code, a.Ref.Subject, change, a.Balance, err)
	}
	a.Balance += change
	tx.CacheAccount(a)
	return nil
}

// Listed reports whether a posting is in the index by account. Only accounts with a limit have statements. All other accounts have
// roll-ups. The carry of a sale is stored in the sale itself, and indexing it would write one more random page in every sale.
func Listed(k ledger.Kind, c ledger.Code) bool {
	return ledger.LimitOf(c).Limited() && (k != ledger.Vend || c != ledger.Carry)
}

// journalRow is a row of the table journal, without its postings. The journal's leaf proves the row.
type journalRow = ledger.Journal

var journalColumns = core.Columns[journalRow]{Table: "journal", Unattested: []core.Column[journalRow]{
	core.ID("id", func(j *journalRow) *id.ID { return &j.ID }),
	core.Text("kind", func(j *journalRow) *ledger.Kind { return &j.Kind }),
	core.Text("ref", func(j *journalRow) *string { return &j.Ref }),
	core.Time("posted_at", func(j *journalRow) *time.Time { return &j.PostedAt }),
	core.Time("happened_at", func(j *journalRow) *time.Time { return &j.HappenedAt }),
	core.ID("reverses", func(j *journalRow) *id.ID { return &j.Reverses }),
	core.Text("memo", func(j *journalRow) *string { return &j.Memo }),
	{Name: "leaf", Form: 'b'}, {Name: "seal_n", Form: 'i'}, {Name: "mark", Form: 'b'},
}}

// journalInsert adds a journal. journalQuery reads journals.
var (
	journalInsert = `INSERT INTO ` + journalColumns.Into("leaf", "seal_n", "mark")
	journalQuery  = `SELECT ` + journalColumns.List("") + ` FROM journal WHERE tenant_id = $1 AND `
)

// insertJournal writes the rows of a journal. It checks the sum of the stored rows, or leaves this check to the seal
// of the same commit.
//
// The postings come first: [Rows.LockDays] waits for every transaction that has written postings. So the day that is open after them stays
// open until this transaction ends.
func (tx Rows) insertJournal(j *ledger.Journal, accounts []core.Account) error {
	n, err := tx.SealNumber()
	if err != nil {
		return err
	}
	postings := core.RowsInto(core.IntoPostings, tx.Tenant, j.ID)
	for seq, p := range j.Postings {
		at := slices.IndexFunc(accounts, func(a core.Account) bool { return a.Ref == p.Account })
		if err := postings.Add(tx.Tx, seq, accounts[at].N, p.Amount, Listed(j.Kind, p.Account.Code)); err != nil {
			return err
		}
	}
	if err := postings.Insert(tx.Tx); err != nil {
		return err
	}
	open, err := tx.OpenFrom()
	if err != nil {
		return err
	}
	*j = j.BookedFrom(open)
	leaf := ledger.Leaf(*j)
	if _, err = tx.C.Exec(journalInsert, journalColumns.Values(tx.Tenant, j, leaf[:], n, tx.Signed(leaf))...); err != nil {
		return err
	}
	tx.Fresh.Add(core.LeafJournal, j.ID, leaf)
	if tx.Before != nil {
		tx.Fresh.Leaves[len(tx.Fresh.Leaves)-1].Lines = int64(len(j.Postings))
		return nil // the seal reads all journals of the commit back at once
	}
	if tx.Joined() {
		tx.ReadBackTogether(j.ID, len(j.Postings))
		return nil
	}
	return tx.ReadBack(map[id.ID]int64{j.ID: int64(len(j.Postings))})
}

// Journal reads a journal by its identity, with its postings in order. It returns false if there is no such journal.
func (tx Rows) Journal(i id.ID) (ledger.Journal, bool, error) {
	return tx.journal(journalQuery+`id = $2`, tx.Tenant, i)
}

// JournalByRef reads the journal of an operation. It returns false if there is no such journal.
func (tx Rows) JournalByRef(k ledger.Kind, ref string) (ledger.Journal, bool, error) {
	return tx.journal(journalQuery+`kind = $2 AND ref = $3 AND ref <> ''`, tx.Tenant, string(k), ref)
}

func (tx Rows) journal(sql string, args ...any) (ledger.Journal, bool, error) {
	var j ledger.Journal
	found, err := tx.One(sql, journalColumns.To(&j), args...)
	if err != nil || !found {
		return ledger.Journal{}, false, err
	}
	err = tx.C.Query(postingsFrom+`= $2`+postingsOrder, func(r core.Row) error { j.Postings = append(j.Postings, posting(r)); return nil }, tx.Tenant, j.ID)
	return j, true, fault.Wrap(err, "read journal %s %s", j.Kind, j.Ref)
}

// Parts of the statements that read the postings of journals.
const (
	postingsFrom = `SELECT a.code, a.subject, p.amount, p.journal_id FROM posting p
		JOIN ledger_account a ON a.tenant_id = p.tenant_id AND a.n = p.account WHERE p.tenant_id = $1 AND p.journal_id `
	postingsOrder = ` ORDER BY p.seq`
)

func posting(r core.Row) ledger.Posting {
	return ledger.Posting{Amount: money.Minor(r.Int(2)), Account: ledger.AccountRef{Code: ledger.Code(r.Int(0)), Subject: r.Text(1)}}
}

// Balance returns the signed balance of an account (debit +), including what this transaction has posted. A missing account has the
// balance 0. Balance takes no lock: [Rows.Post] checks limits under its own locks, and a caller that reads a customer's balance holds the
// lock of the customer's account.
func (tx Rows) Balance(ref ledger.AccountRef) (money.Minor, error) {
	if tx.Before != nil {
		return tx.balanceNow(ref)
	}
	a, found, err := tx.Account(ref)
	if err != nil || !found {
		return 0, err
	}
	if a.Limit.Limited() {
		return a.Balance, nil
	}
	return tx.derived(a.N)
}

// balanceNow does the work of Balance if this commit holds all unsealed journals. It reads the account and its roll-up in one
// statement.
func (tx Rows) balanceNow(ref ledger.AccountRef) (money.Minor, error) {
	if n, ok := tx.AccountN(ref); ok {
		return tx.derived(n)
	}
	if a, ok := tx.CachedAccount(ref); ok {
		return a.Balance, nil
	}
	a, rolled := core.Account{Ref: ref}, int64(0)
	found, err := tx.One(accountRolled, func(r core.Row) error {
		col, err := core.AccountState.Scan(r, 0, &a)
		rolled = r.Int(col)
		return err
	}, tx.Tenant, ref.Code, ref.Subject)
	if err != nil {
		return 0, fmt.Errorf("read account %d %q: %w", ref.Code, ref.Subject, err)
	}
	switch {
	case !found:
		return 0, nil
	case a.Limit.Limited():
		tx.CacheAccount(a)
		return a.Balance, nil
	}
	tx.RememberAccount(a)
	return money.Minor(rolled) + tx.Before.Sums[a.N].Amount + tx.Fresh.Sums[a.N].Amount, nil
}

// derived computes the balance of an account that does not store its balance: its last roll-up plus the postings that are not
// sealed yet.
func (tx Rows) derived(n int64) (money.Minor, error) {
	if tx.Before != nil {
		sum, err := tx.Number(core.RollupOf, tx.Tenant, n)
		if err != nil {
			return 0, fmt.Errorf("balance of account %d: %w", n, err)
		}
		return money.Minor(sum) + tx.Before.Sums[n].Amount + tx.Fresh.Sums[n].Amount, nil
	}
	// This must be one statement: a seal committed between two statements would count unsealed postings twice or not at all.
	sum, err := tx.Number(`SELECT COALESCE((SELECT balance FROM rollup WHERE tenant_id = $1 AND account = $2
			ORDER BY seal_n DESC LIMIT 1), 0) + COALESCE((SELECT SUM(p.amount) FROM journal j
			JOIN posting p ON p.tenant_id = j.tenant_id AND p.journal_id = j.id
			WHERE j.tenant_id = $1 AND j.seal_n IS NULL AND p.account = $2), 0)`, tx.Tenant, n)
	if err != nil {
		return 0, fmt.Errorf("balance of account %d: %w", n, err)
	}
	return money.Minor(sum), nil
}

// TrialBalance sums the books by account code, in the order of the codes. Codes without an account are left out. The amounts sum to zero.
// The result is a list of postings without subjects. Another system could post them as its opening balances.
func (tx Rows) TrialBalance() ([]ledger.Posting, error) {
	var out []ledger.Posting
	err := tx.C.Query(`SELECT a.code, SUM(CASE WHEN a.limited = 1 THEN a.balance ELSE COALESCE((
			SELECT r.balance FROM rollup r WHERE r.tenant_id = a.tenant_id AND r.account = a.n
			ORDER BY r.seal_n DESC LIMIT 1), 0) END)
		FROM ledger_account a WHERE a.tenant_id = $1 GROUP BY a.code ORDER BY a.code`, func(r core.Row) error {
		out = append(out, ledger.Posting{Account: ledger.AccountRef{Code: ledger.Code(r.Int(0))}, Amount: money.Minor(r.Int(1))})
		return nil
	}, tx.Tenant)
	if err != nil {
		return nil, fmt.Errorf("trial balance: %w", err)
	}
	var total money.Minor
	for i := range out {
		tail, err := tx.tailOf(out[i].Account.Code)
		if err != nil {
			return nil, fmt.Errorf("trial balance: %w", err)
		}
		out[i].Amount += tail
		total += out[i].Amount
	}
	if total != 0 {
		return nil, fmt.Errorf("%w: the trial balance is off by %d", core.ErrInvariant, total)
	}
	return out, nil
}

// tailOf sums the postings that no roll-up includes yet, on the accounts of a code without limits.
func (tx Rows) tailOf(c ledger.Code) (money.Minor, error) {
	if ledger.LimitOf(c).Limited() {
		return 0, nil
	}
	tail, err := tx.Number(`SELECT SUM(p.amount) FROM journal j
		JOIN posting p ON p.tenant_id = j.tenant_id AND p.journal_id = j.id
		JOIN ledger_account a ON a.tenant_id = p.tenant_id AND a.n = p.account
		WHERE j.tenant_id = $1 AND j.seal_n IS NULL AND a.code = $2`, tx.Tenant, c)
	if err != nil || tx.Before == nil {
		return money.Minor(tail), err
	}
	err = tx.C.Query(`SELECT n FROM ledger_account WHERE tenant_id = $1 AND code = $2`, func(r core.Row) error {
		tail += int64(tx.Before.Sums[r.Int(0)].Amount + tx.Fresh.Sums[r.Int(0)].Amount)
		return nil
	}, tx.Tenant, c)
	return money.Minor(tail), err
}

// SetLimit gives one account its own limit: such as a vendor's credit line or a wallet's overdraft. It opens the account if needed. The
// account may already be past the new limit; then its balance can only move back towards the limit. An account of a code without limits
// cannot get one, because it stores no balance.
func (tx Rows) SetLimit(ref ledger.AccountRef, at money.Minor) error {
	l := ledger.LimitOf(ref.Code)
	if !l.Limited() {
		return fmt.Errorf("%w: account %d %q keeps no balance and cannot be limited", core.ErrInvariant, ref.Code, ref.Subject)
	}
	a, err := tx.openAccount(ref)
	if err != nil {
		return err
	}
	l.At = at
	floor, ceiling := Bounds(l)
	tx.UncacheAccounts()
	if err := tx.Must(`UPDATE ledger_account SET floor = $1, ceiling = $2 WHERE tenant_id = $3 AND n = $4`,
		floor, ceiling, tx.Tenant, a.N); err != nil {
		return fmt.Errorf("limit account %d %q: %w", ref.Code, ref.Subject, err)
	}
	return nil
}
