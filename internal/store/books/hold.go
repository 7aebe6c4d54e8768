package books

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/store/core"
)

// MaxHold is the longest time for which money can be reserved.
const MaxHold = 7 * 24 * time.Hour

// Hold reserves an amount on an account with a limit. The hold ends once: it is posted, voided or expires. If the limit leaves no room for
// the amount, Hold returns the breach. The parameter what names the purpose.
func (tx Rows) Hold(ref ledger.AccountRef, amount money.Minor, what string, until time.Time) (id.ID, ledger.Breach, error) {
	if amount <= 0 || amount > money.MaxMinor || until.After(tx.Now.Add(MaxHold)) || !ledger.LimitOf(ref.Code).Limited() {
		return id.ID{}, ledger.Breach{}, fmt.Errorf("%w: hold of %d on account %d until %s", core.ErrInvariant, amount, ref.Code, until)
	}
	a, err := tx.openAccount(ref)
	if err == nil {
		err = tx.lock(&a)
	}
	if err != nil {
		return id.ID{}, ledger.Breach{}, err
	}
	if b := a.Limit.CheckHold(ref, a.Balance, a.Held, amount); b.Refused() {
		return id.ID{}, b, nil
	}
	i, err := tx.NewID()
	if err != nil {
		return id.ID{}, ledger.Breach{}, err
	}
	_, err = tx.C.Exec(`INSERT INTO hold (tenant_id, id, account, amount, status, ref, expires_at, created_at)
		VALUES ($1, $2, $3, $4, 'open', $5, $6, $7)`, tx.Tenant, i, a.N, amount, what, until, tx.Now)
	if err == nil {
		err = tx.addHeld(a.N, amount)
	}
	if err != nil {
		return id.ID{}, ledger.Breach{}, fmt.Errorf("hold on account %d %q: %w", ref.Code, ref.Subject, err)
	}
	return i, ledger.Breach{}, nil
}

// HoldPost turns a hold into a journal that takes at most the held amount from its account. It returns false without a breach if the hold
// had already ended; then it posts no journal. The held amount is posted even if the account's limit was lowered meanwhile, because it was
// reserved under the earlier limit. So a breach always concerns another account. After a breach the hold is already closed, so the caller
// must roll back the whole transaction.
func (tx Rows) HoldPost(i id.ID, j ledger.Journal) (bool, ledger.Breach, error) {
	h, open, err := tx.closeHold(i, "posted")
	if err != nil || !open {
		return false, ledger.Breach{}, err
	}
	ref, err := tx.accountRef(h.account)
	if err != nil {
		return false, ledger.Breach{}, fmt.Errorf("post a hold: %w", err)
	}
	taken := netChanges(j.Postings)[ref]
	if ledger.LimitOf(ref.Code).Bound == ledger.NotBelow {
		taken = -taken
	}
	if taken < 0 || taken > h.amount {
		return false, ledger.Breach{}, fmt.Errorf("%w: a hold of %d on account %d is posted with %d", core.ErrInvariant, h.amount, ref.Code, taken)
	}
	b, err := tx.postAll([]ledger.Journal{j}, func(a ledger.AccountRef) bool { return a == ref })
	return err == nil && !b.Refused(), b, err
}

// HoldVoid releases a hold. It returns false if the hold was already posted, voided or expired.
func (tx Rows) HoldVoid(i id.ID) (bool, error) {
	_, open, err := tx.closeHold(i, "voided")
	return open, err
}

// HoldExpire ends at most max expired holds and returns their number.
func (tx Rows) HoldExpire(max int) (int, error) {
	type one struct {
		id      id.ID
		account int64
	}
	var due []one
	err := tx.C.Query(`SELECT id, account FROM hold WHERE tenant_id = $1 AND status = 'open' AND expires_at <= $2
		ORDER BY expires_at LIMIT $3`, func(r core.Row) error { due = append(due, one{r.ID(0), r.Int(1)}); return nil }, tx.Tenant, tx.Now, max)
	if err != nil {
		return 0, fmt.Errorf("find expired holds: %w", err)
	}
	slices.SortStableFunc(due, func(a, b one) int { return cmp.Compare(a.account, b.account) }) // lock accounts in the order of their numbers
	for _, d := range due {
		if _, _, err := tx.closeHold(d.id, "expired"); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}

// hold is an open reservation.
type hold struct {
	account int64
	amount  money.Minor
}

// closeHold ends an open hold with the given status and gives its amount back to the account.
func (tx Rows) closeHold(i id.ID, status string) (hold, bool, error) {
	var h hold
	open, err := tx.One(`UPDATE hold SET status = $1 WHERE tenant_id = $2 AND id = $3 AND status = 'open'
		RETURNING account, amount`, func(r core.Row) error {
		h = hold{account: r.Int(0), amount: money.Minor(r.Int(1))}
		return nil
	}, status, tx.Tenant, i)
	if err == nil && open {
		err = tx.addHeld(h.account, -h.amount)
	}
	if err != nil {
		return hold{}, false, fmt.Errorf("end a hold as %s: %w", status, err)
	}
	return h, open, nil
}

// addHeld changes the reserved amount of an account. The column's CHECK forbids a negative amount.
func (tx Rows) addHeld(n int64, change money.Minor) error {
	tx.UncacheAccounts()
	return tx.Must(`UPDATE ledger_account SET held = held + $1 WHERE tenant_id = $2 AND n = $3`, change, tx.Tenant, n)
}

func (tx Rows) accountRef(n int64) (ledger.AccountRef, error) {
	var ref ledger.AccountRef
	found, err := tx.One(`SELECT code, subject FROM ledger_account WHERE tenant_id = $1 AND n = $2`, func(r core.Row) error {
		ref = ledger.AccountRef{Code: ledger.Code(r.Int(0)), Subject: r.Text(1)}
		return nil
	}, tx.Tenant, n)
	if err == nil && !found {
		err = fmt.Errorf("%w: account %d is missing", core.ErrInvariant, n)
	}
	return ref, err
}
