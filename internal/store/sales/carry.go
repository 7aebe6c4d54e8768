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

// CarryBooked is WalletBooked for change carried forward. The index of postings by account lacks those of sales, so it finds
// these by the account's sales.
func (tx Rows) CarryBooked(account id.ID, from, to time.Time, max int) (opening money.Minor, booked []wallet.Booked, err error) {
	a, found, err := books.Of(tx.Tx).Account(ledger.AccountRef{Code: ledger.Carry, Subject: account.Text(id.Account)})
	if err != nil || !found {
		return 0, nil, err
	}
	sold, err := tx.Sales(vending.SaleFilter{Account: account}, id.ID{}, math.MaxInt32)
	if err != nil {
		return 0, nil, err
	}
	refs := make([]string, len(sold))
	for i, s := range sold {
		refs[i] = s.Text(id.Vend)
	}
	row := func(r core.Row) error {
		b := wallet.Booked{Journal: r.ID(0), Kind: ledger.Kind(r.Text(1)), Ref: r.Text(2), Memo: r.Text(3), At: r.Time(4), Amount: -money.Minor(r.Int(5))}
		if b.At.Before(from) {
			opening += b.Amount
		} else {
			booked = append(booked, b)
		}
		return nil
	}
	const columns = `SELECT j.id, j.kind, j.ref, j.memo, j.posted_at, SUM(p.amount)`
	const group = ` GROUP BY j.id, j.kind, j.ref, j.memo, j.posted_at`
	err = tx.C.Query(columns+` FROM posting p JOIN journal j ON j.tenant_id = p.tenant_id AND j.id = p.journal_id
		WHERE p.tenant_id = $1 AND p.account = $2 AND p.listed = 1 AND j.posted_at < $3`+group, row, tx.Tenant, a.N, to)
	if err == nil {
		err = core.ReadBy(tx.Tx, core.Keyed{Query: columns + ` FROM journal j JOIN posting p ON p.tenant_id = j.tenant_id AND p.journal_id = j.id
			WHERE j.tenant_id = $1 AND p.account = $2 AND p.listed = 0 AND j.posted_at < $3 AND j.kind = '` + string(ledger.Vend) + `' AND j.ref <> '' AND j.ref `,
			Args: []any{a.N, to}, Form: 't', Order: group}, refs, row)
	}
	slices.SortFunc(booked, func(a, b wallet.Booked) int {
		return cmp.Or(a.At.Compare(b.At), bytes.Compare(a.Journal[:], b.Journal[:]))
	})
	return opening, booked[:min(len(booked), max)], fault.Wrap(err, "read what an account carries forward")
}
