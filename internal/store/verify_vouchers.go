package store

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

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
// that no PIN was changed and every sold voucher has the code of its newest issue. [Tx.verifyPayments] checks that each payment has one sale or waits.
func (tx *Tx) verifyVouchers(r *Report) error {
	var batches []voucher.Batch
	err := tx.C.Query(`SELECT id, number, vouchers, face, taken_at, digest, requires_code FROM voucher_batch WHERE tenant_id = $1 ORDER BY number`, func(w core.Row) error {
		batches = append(batches, voucher.Batch{ID: w.ID(0), Number: w.Int(1), Count: w.Int(2), Face: money.Amount{Minor: money.Minor(w.Int(3))}, TakenAt: w.Time(4), Digest: w.Bytes(5),
			RequiresCode: w.Bool(6)})
		return nil
	}, tx.Tenant)
	if err != nil {
		return err
	}
	booked, err := tx.vouchersBooked(len(batches))
	if err != nil {
		return err
	}
	acts, err := tx.voucherActs(len(batches))
	if err != nil {
		return err
	}
	all := int64(0)
	for _, b := range batches {
		n, err := tx.verifyBatch(r, b, booked, acts[b.Name()])
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
func (tx *Tx) verifyBatch(r *Report, b voucher.Batch, booked map[voucherSide]money.Minor, acts *voucherActs) (int64, error) {
	row, digest, n := batchRow{Batch: b}, sha256.New(), int64(0)
	if acts == nil {
		acts = &voucherActs{}
	}
	issues, err := tx.codeIssues(b)
	if err != nil {
		return 0, err
	}
	err = tx.C.Query(`SELECT v.n, v.state, v.pin, p.provider_txn, p.amount, v.sold_at, v.issue FROM voucher v LEFT JOIN payment p ON p.tenant_id = v.tenant_id AND p.id = v.id AND p.provider = $1
		WHERE v.tenant_id = $2 AND v.batch_id = $3 ORDER BY v.n`, func(w core.Row) error {
		n++
		_, _ = digest.Write(w.Bytes(2)) // a hash never returns an error
		row.count(voucher.State(w.Text(1)))
		if w.Int(0) != n {
			r.Find("voucher", "Batch %s has no voucher %s.", b.Name(), b.Serial(n))
		}
		verifyVoucher(r, b.Serial(w.Int(0)), acts.of(w.Int(0)), voucher.State(w.Text(1)), w.Time(5))
		if voucher.State(w.Text(1)) == voucher.Redeemed && (w.Text(3) != b.Serial(w.Int(0)) || money.Minor(w.Int(4)) != b.Face.Minor) {
			r.Find("voucher", "Voucher %s is redeemed, but it became no payment of its value.", b.Serial(w.Int(0)))
		}
		if want := issues[w.Int(0)]; w.Int(6) != want || b.RequiresCode && want == 0 && !w.Time(5).IsZero() {
			r.Find("voucher", "Voucher %s has a code of issue %d, but by the issues of its batch it is %d.", b.Serial(w.Int(0)), w.Int(6), want)
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

// codeIssues returns the number of the newest issue of codes for each voucher of a batch. The issues themselves have evidence.
func (tx *Tx) codeIssues(b voucher.Batch) (map[int64]int64, error) {
	newest := map[int64]int64{}
	err := tx.C.Query(`SELECT number, from_n, to_n FROM voucher_issue WHERE tenant_id = $1 AND batch_id = $2 ORDER BY number`, func(w core.Row) error {
		for n := max(w.Int(1), 1); n <= min(w.Int(2), b.Count); n++ {
			newest[n] = w.Int(0)
		}
		return nil
	}, tx.Tenant, b.ID)
	return newest, err
}

// voucherActs are the sales and ends of ranges of a batch, as the sealed audit log has them.
type voucherActs struct{ sold, ended []voucherAct }

// voucherAct is a sale or an end of a range.
type voucherAct struct {
	voucher.Range
	at time.Time
}

// voucherActs reads the acts on all batches, by the name of the batch. Without batches it reads nothing.
func (tx *Tx) voucherActs(batches int) (map[string]*voucherActs, error) {
	all := map[string]*voucherActs{}
	if batches == 0 {
		return all, nil
	}
	err := tx.C.Query(`SELECT object, action, after, at FROM audit WHERE tenant_id = $1 AND action IN ($2, $3)`, func(w core.Row) error {
		act := voucherAct{at: w.Time(3)}
		if _, err := fmt.Sscanf(w.Text(2), "from=%d to=%d", &act.From, &act.To); err != nil {
			return nil // the leaf of the row shows that it was edited
		}
		acts := all[w.Text(0)]
		if acts == nil {
			acts = &voucherActs{}
			all[w.Text(0)] = acts
		}
		if w.Text(1) == voucher.SoldAction {
			acts.sold = append(acts.sold, act)
		} else {
			acts.ended = append(acts.ended, act)
		}
		return nil
	}, tx.Tenant, voucher.SoldAction, voucher.EndedAction)
	for _, acts := range all {
		acts.inOrder()
	}
	return all, err
}

// inOrder sorts the acts and joins ranges that overlap, so that [voucherActs.of] can search them.
func (a *voucherActs) inOrder() {
	for _, list := range []*[]voucherAct{&a.sold, &a.ended} {
		slices.SortFunc(*list, func(x, y voucherAct) int { return cmp.Compare(x.From, y.From) })
		joined := (*list)[:0]
		for _, act := range *list {
			if last := len(joined) - 1; last >= 0 && act.From <= joined[last].To {
				joined[last].To = max(joined[last].To, act.To)
				continue
			}
			joined = append(joined, act)
		}
		*list = joined
	}
}

// of returns when a voucher was sold and ended; a zero time if it was not.
func (a voucherActs) of(n int64) voucherTimes {
	return voucherTimes{actOn(a.sold, n), actOn(a.ended, n)}
}

func actOn(acts []voucherAct, n int64) time.Time {
	i, found := slices.BinarySearchFunc(acts, n, func(a voucherAct, n int64) int { return cmp.Compare(a.From, n) })
	if !found {
		i-- // the last range that begins before
	}
	if i < 0 || n > acts[i].To {
		return time.Time{}
	}
	return acts[i].at
}

// voucherTimes is when a voucher was sold and ended.
type voucherTimes struct{ sold, ended time.Time }

// wanted is the state that a voucher must have if nobody redeemed it.
func (v voucherTimes) wanted() voucher.State {
	switch {
	case v.sold.IsZero() && v.ended.IsZero():
		return voucher.Made
	case v.sold.IsZero():
		return voucher.Cancelled
	case v.ended.IsZero():
		return voucher.Active
	}
	return voucher.Ended
}

// verifyVoucher compares a voucher with the acts on its range. Its payment is compared separately.
func verifyVoucher(r *Report, serial string, acts voucherTimes, state voucher.State, sold time.Time) {
	redeemed := state == voucher.Redeemed && !acts.sold.IsZero()
	if want := acts.wanted(); !redeemed && state != want {
		r.Find("voucher", "Voucher %s is %s, but by the audit log it is %s.", serial, state, want)
	}
	if !sold.Equal(acts.sold) {
		r.Find("voucher", "Voucher %s has a time of its sale that the audit log does not have.", serial)
	}
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
