package sales

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/store/books"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/wallet"
)

// CarryBooked is WalletBooked for change carried forward.
func (tx Rows) CarryBooked(account id.ID, from, to time.Time, max int) (opening money.Minor, booked []wallet.Booked, err error) {
	err = tx.carried(account, to, func(b wallet.Booked) {
		if b.At.Before(from) {
			opening += b.Amount
		} else {
			booked = append(booked, b)
		}
	})
	slices.SortFunc(booked, func(a, b wallet.Booked) int {
		return cmp.Or(a.At.Compare(b.At), bytes.Compare(a.Journal[:], b.Journal[:]))
	})
	return opening, booked[:min(len(booked), max)], fault.Wrap(err, "read what an account carries forward")
}

// CarryJournals lists the journals that changed what an account carries forward, newest first, before the given one or from the newest on.
func (tx Rows) CarryJournals(account, before id.ID, max int) ([]ledger.Journal, error) {
	var ids []id.ID
	last := core.UpTo(before)
	err := tx.carried(account, time.UnixMicro(math.MaxInt64), func(b wallet.Booked) {
		if bytes.Compare(b.Journal[:], last[:]) < 0 {
			ids = append(ids, b.Journal)
		}
	})
	if err != nil {
		return nil, fault.Wrap(err, "list the journals of an account's change")
	}
	out, err := books.Of(tx.Tx).JournalsInOrder(books.Newest(ids, max))
	return out, fault.Wrap(err, "list the journals of an account's change")
}

// CarryAt returns the balance of an account's change with all postings up to a time.
func (tx Rows) CarryAt(account id.ID, at time.Time) (balance money.Minor, err error) {
	err = tx.carried(account, at.Add(time.Microsecond), func(b wallet.Booked) { balance -= b.Amount })
	return balance, fault.Wrap(err, "balance of an account's change at a past time")
}

// carried visits the journals before a time that changed what an account carries forward, in no order. The index of postings by account lacks
// those of sales, so it finds these by the account's sales.
func (tx Rows) carried(account id.ID, before time.Time, visit func(wallet.Booked)) error {
	a, found, err := books.Of(tx.Tx).Account(ledger.AccountRef{Code: ledger.Carry, Subject: account.Text(id.Account)})
	if err != nil || !found {
		return err
	}
	sold, err := tx.Sales(vending.SaleFilter{Account: account}, id.ID{}, math.MaxInt32)
	if err != nil {
		return err
	}
	refs := make([]string, len(sold))
	for i, s := range sold {
		refs[i] = s.Text(id.Vend)
	}
	row := func(r core.Row) error {
		visit(wallet.Booked{Journal: r.ID(0), Kind: ledger.Kind(r.Text(1)), Ref: r.Text(2), Memo: r.Text(3), At: r.Time(4), Amount: -money.Minor(r.Int(5))})
		return nil
	}
	const columns = `SELECT j.id, j.kind, j.ref, j.memo, j.posted_at, SUM(p.amount)`
	const group = ` GROUP BY j.id, j.kind, j.ref, j.memo, j.posted_at`
	err = tx.C.Query(columns+` FROM posting p JOIN journal j ON j.tenant_id = p.tenant_id AND j.id = p.journal_id
		WHERE p.tenant_id = $1 AND p.account = $2 AND p.listed = 1 AND j.posted_at < $3`+group, row, tx.Tenant, a.N, before)
	if err != nil {
		return err
	}
	return core.ReadBy(tx.Tx, core.Keyed{Query: columns + ` FROM journal j JOIN posting p ON p.tenant_id = j.tenant_id AND p.journal_id = j.id
		WHERE j.tenant_id = $1 AND p.account = $2 AND p.listed = 0 AND j.posted_at < $3 AND j.kind = '` + string(ledger.Vend) + `' AND j.ref <> '' AND j.ref `,
		Args: []any{a.N, before}, Form: 't', Order: group}, refs, row)
}
