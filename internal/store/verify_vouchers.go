package store

import (
	"bytes"
	"crypto/sha256"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/voucher"
)

// batchRow is a batch as verification reads it.
type batchRow struct {
	voucher.Batch
	counts voucher.Counts
}

// verifyVouchers checks that what was paid for vouchers was redeemed, became income or is owed; that every redeemed voucher is one payment; and
// that no PIN was changed. [Tx.verifyPayments] checks that each payment has one sale or waits.
func (tx *Tx) verifyVouchers(r *Report) error {
	var batches []voucher.Batch
	err := tx.C.Query(`SELECT id, number, vouchers, face, taken_at, digest FROM voucher_batch WHERE tenant_id = $1 ORDER BY number`, func(w core.Row) error {
		batches = append(batches, voucher.Batch{ID: w.ID(0), Number: w.Int(1), Count: w.Int(2), Face: money.Amount{Minor: money.Minor(w.Int(3))}, TakenAt: w.Time(4), Digest: w.Bytes(5)})
		return nil
	}, tx.Tenant)
	if err != nil {
		return err
	}
	booked, err := tx.vouchersBooked(len(batches))
	if err != nil {
		return err
	}
	all := int64(0)
	for _, b := range batches {
		n, err := tx.verifyBatch(r, b, booked)
		if err != nil {
			return err
		}
		all += n
	}
	r.Count("vouchers", all)
	stored, err := tx.Number(`SELECT COUNT(*) FROM voucher WHERE tenant_id = $1`, tx.Tenant)
	if err == nil && stored != all {
		r.Find("voucher", "%d vouchers belong to no batch.", stored-all)
	}
	if err != nil {
		return err
	}
	return tx.C.Query(`SELECT p.id FROM payment p LEFT JOIN voucher v ON v.tenant_id = p.tenant_id AND v.id = p.id
		WHERE p.tenant_id = $1 AND p.provider = $2 AND (v.id IS NULL OR v.state <> 'redeemed')`, func(w core.Row) error {
		r.Find("voucher", "Payment %s is said to come from a voucher, but no redeemed voucher became it.", w.ID(0).Text(id.Payment))
		return nil
	}, tx.Tenant, voucher.Provider)
}

// verifyBatch checks one batch, and returns the number of its vouchers.
func (tx *Tx) verifyBatch(r *Report, b voucher.Batch, booked map[voucherSide]money.Minor) (int64, error) {
	row, digest, n := batchRow{Batch: b}, sha256.New(), int64(0)
	err := tx.C.Query(`SELECT v.n, v.state, v.pin, p.provider_txn, p.amount FROM voucher v LEFT JOIN payment p ON p.tenant_id = v.tenant_id AND p.id = v.id AND p.provider = $1
		WHERE v.tenant_id = $2 AND v.batch_id = $3 ORDER BY v.n`, func(w core.Row) error {
		n++
		_, _ = digest.Write(w.Bytes(2)) // a hash never returns an error
		row.count(voucher.State(w.Text(1)))
		if w.Int(0) != n {
			r.Find("voucher", "Batch %s has no voucher %s.", b.Name(), b.Serial(n))
		}
		if voucher.State(w.Text(1)) == voucher.Redeemed && (w.Text(3) != b.Serial(w.Int(0)) || money.Minor(w.Int(4)) != b.Face.Minor) {
			r.Find("voucher", "Voucher %s is redeemed, but it became no payment of its value.", b.Serial(w.Int(0)))
		}
		return nil
	}, voucher.Provider, tx.Tenant, b.ID)
	if err != nil {
		return n, err
	}
	if want := b.Count; b.Taken() && n != want || !b.Taken() && n != 0 {
		r.Find("voucher", "Batch %s of %d vouchers has %d.", b.Name(), want, n)
	}
	if b.Taken() && !bytes.Equal(digest.Sum(nil), b.Digest) {
		r.Find("voucher", "The PINs of batch %s are not those that were made.", b.Name())
	}
	verifyOwed(r, row, booked)
	return n, nil
}

func (b *batchRow) count(s voucher.State) {
	switch s {
	case voucher.Made:
		b.counts.Made++
	case voucher.Active:
		b.counts.Active++
	case voucher.Redeemed:
		b.counts.Redeemed++
	case voucher.Cancelled:
		b.counts.Cancelled++
	case voucher.Ended:
		b.counts.Ended++
	}
}

// voucherSide names the postings of one kind of journal to the account of a batch.
type voucherSide struct {
	batch string
	kind  ledger.Kind
}

// vouchersBooked sums the postings to the accounts of batches. Without batches it reads nothing.
func (tx *Tx) vouchersBooked(batches int) (map[voucherSide]money.Minor, error) {
	out := map[voucherSide]money.Minor{}
	if batches == 0 {
		return out, nil
	}
	return out, tx.C.Query(`SELECT a.subject, j.kind, SUM(p.amount) FROM ledger_account a JOIN posting p ON p.tenant_id = a.tenant_id AND p.account = a.n
		JOIN journal j ON j.tenant_id = p.tenant_id AND j.id = p.journal_id
		WHERE a.tenant_id = $1 AND a.code = $2 GROUP BY a.subject, j.kind`, func(w core.Row) error {
		out[voucherSide{w.Text(0), ledger.Kind(w.Text(1))}] = money.Minor(w.Int(2))
		return nil
	}, tx.Tenant, int64(ledger.Voucher))
}

// verifyOwed compares the vouchers of a batch with the books: what was paid for them, what is owed, and what became income.
func verifyOwed(r *Report, b batchRow, booked map[voucherSide]money.Minor) {
	for _, c := range []struct {
		what string
		kind ledger.Kind
		n    int64
	}{{"sold", ledger.VoucherSold, -b.counts.Sold()}, {"redeemed", ledger.Payment, b.counts.Redeemed}, {"ended", ledger.VoucherEnded, b.counts.Ended}} {
		has := booked[voucherSide{b.Name(), c.kind}]
		if want := b.Face.Minor * money.Minor(c.n); has != want {
			r.Find("voucher", "The vouchers of batch %s that were %s are worth %d, but the books say %d.", b.Name(), c.what, want, has)
		}
	}
}
