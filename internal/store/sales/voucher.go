package sales

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/voucher"
)

var batchColumns = core.Columns[voucher.Batch]{Table: "voucher_batch", Attested: []core.Column[voucher.Batch]{
	core.Int("number", func(b *voucher.Batch) *int64 { return &b.Number }),
	core.Int("vouchers", func(b *voucher.Batch) *int64 { return &b.Count }),
	core.Int("face", func(b *voucher.Batch) *money.Minor { return &b.Face.Minor }),
	core.Text("currency", func(b *voucher.Batch) *string { return &b.Face.Currency }),
	core.Time("ends_at", func(b *voucher.Batch) *time.Time { return &b.EndsAt }),
	core.Text("made_by", func(b *voucher.Batch) *string { return &b.MadeBy }),
	core.Text("taken_by", func(b *voucher.Batch) *string { return &b.TakenBy }),
	core.Time("taken_at", func(b *voucher.Batch) *time.Time { return &b.TakenAt }),
	core.Bytes("digest", func(b *voucher.Batch) *[]byte { return &b.Digest }),
}, Added: []core.Column[voucher.Batch]{
	core.Bool("requires_code", func(b *voucher.Batch) *bool { return &b.RequiresCode }).OrNull(),
	core.ID("taken_self", func(b *voucher.Batch) *id.ID { return &b.TakenSelf }),
}, Unattested: []core.Column[voucher.Batch]{
	core.ID("id", func(b *voucher.Batch) *id.ID { return &b.ID }),
	core.Text("note", func(b *voucher.Batch) *string { return &b.Note }),
	core.Time("created_at", func(b *voucher.Batch) *time.Time { return &b.MadeAt }),
	core.Int("version", func(b *voucher.Batch) *int64 { return &b.Version }).ReadOnly(),
}}

// voucherColumns are the columns of vouchers. No column is evidence: the digest of the batch proves the PINs, the books prove how many
// vouchers are active, and the issues of the batch prove which codes count.
var voucherColumns = core.Columns[voucher.Voucher]{Table: "voucher", Unattested: []core.Column[voucher.Voucher]{
	core.ID("batch_id", func(v *voucher.Voucher) *id.ID { return &v.Batch }),
	core.Int("n", func(v *voucher.Voucher) *int64 { return &v.N }),
	core.ID("id", func(v *voucher.Voucher) *id.ID { return &v.ID }),
	core.Bytes("pin", func(v *voucher.Voucher) *[]byte { return &v.PIN }),
	core.Text("state", func(v *voucher.Voucher) *voucher.State { return &v.State }),
	core.Text("meter", func(v *voucher.Voucher) *string { return &v.Meter }),
	core.Time("sold_at", func(v *voucher.Voucher) *time.Time { return &v.SoldAt }),
	core.Int("issue", func(v *voucher.Voucher) *int64 { return &v.Issue }).OrNull(),
}}

var issueColumns = core.Columns[voucher.Issue]{Table: "voucher_issue", Attested: []core.Column[voucher.Issue]{
	core.ID("batch_id", func(i *voucher.Issue) *id.ID { return &i.Batch }),
	core.Int("number", func(i *voucher.Issue) *int64 { return &i.Number }),
	core.Int("from_n", func(i *voucher.Issue) *int64 { return &i.Range.From }),
	core.Int("to_n", func(i *voucher.Issue) *int64 { return &i.Range.To }),
	core.Time("issued_at", func(i *voucher.Issue) *time.Time { return &i.At }),
	core.Text("issued_by", func(i *voucher.Issue) *string { return &i.By }),
	core.Text("shown_to", func(i *voucher.Issue) *string { return &i.ShownTo.Name }),
	core.ID("shown_self", func(i *voucher.Issue) *id.ID { return &i.ShownTo.Self }),
	core.ID("shown_vendor", func(i *voucher.Issue) *id.ID { return &i.ShownTo.Vendor }),
	core.Text("reason", func(i *voucher.Issue) *string { return &i.Reason }),
	core.Bytes("proof", func(i *voucher.Issue) *[]byte { return &i.Proof }),
}, Unattested: []core.Column[voucher.Issue]{
	core.ID("id", func(i *voucher.Issue) *id.ID { return &i.ID }),
}}

// batchKind is the name of batches in evidence, and VoucherBatchKind describes it.
const batchKind = "voucher_batch"

var VoucherBatchKind = core.AttestedKind{Name: batchKind, Noun: "Voucher batch", Prefix: id.VoucherBatch, From: "voucher_batch r", Key: "id", Order: "r.version",
	Proof: batchColumns.Proof("r")}

// issueKind is the name of issues of codes in evidence, and VoucherIssueKind describes it.
const issueKind = "voucher_issue"

var VoucherIssueKind = core.AttestedKind{Name: issueKind, Noun: "Issue of voucher codes", Prefix: id.VoucherIssue, From: "voucher_issue r", Key: "id", Order: "0",
	Proof: issueColumns.Proof("r")}

var (
	batchQuery    = `SELECT ` + batchColumns.List("") + ` FROM voucher_batch WHERE tenant_id = $1 AND `
	voucherInsert = `INSERT INTO ` + voucherColumns.Into()
	voucherQuery  = `SELECT ` + voucherColumns.List("") + ` FROM voucher WHERE tenant_id = $1 AND `
	issueInsert   = `INSERT INTO ` + issueColumns.Into()
	issueQuery    = `SELECT ` + issueColumns.List("") + ` FROM voucher_issue WHERE tenant_id = $1 AND batch_id = $2 AND `
)

// NextBatch returns the next number of a batch.
func (tx Rows) NextBatch() (int64, error) { return tx.Take("voucher_batch") }

// AddBatch stores a new batch.
func (tx Rows) AddBatch(b voucher.Batch) error {
	_, err := tx.C.Exec(`INSERT INTO `+batchColumns.Into(), batchColumns.Values(tx.Tenant, &b)...)
	if err == nil {
		err = tx.Attest(batchKind, b.ID)
	}
	return fault.Wrap(err, "store a batch of vouchers")
}

// TakeBatch stores the vouchers of a batch that BatchByID locked, and who took their PINs.
func (tx Rows) TakeBatch(b voucher.Batch, all []voucher.Voucher) error {
	for i := range all {
		if _, err := tx.C.Exec(voucherInsert, voucherColumns.Values(tx.Tenant, &all[i])...); err != nil {
			return fault.Wrap(err, "store voucher %s", b.Serial(all[i].N))
		}
	}
	err := tx.Rewrite(batchKind, b.ID, func() error {
		return tx.Must(`UPDATE voucher_batch SET taken_by = $1, taken_at = $2, digest = $3, taken_self = $4, version = version + 1
			WHERE tenant_id = $5 AND id = $6`, b.TakenBy, b.TakenAt, b.Digest, b.TakenSelf, tx.Tenant, b.ID)
	})
	return fault.Wrap(err, "write batch %s", b.Name())
}

// BatchByID reads a batch and locks it.
func (tx Rows) BatchByID(i id.ID) (b voucher.Batch, found bool, err error) {
	found, err = tx.One(batchQuery+`id = $2`+tx.C.ForUpdate(), batchColumns.To(&b), tx.Tenant, i)
	return b, found, fault.Wrap(err, "find a batch of vouchers")
}

// BatchPage lists batches, newest first, before the given one or from the newest on.
func (tx Rows) BatchPage(before id.ID, max int) (out []voucher.Batch, err error) {
	err = tx.C.Query(batchQuery+`id < $2 ORDER BY id DESC LIMIT $3`, batchColumns.AddTo(&out), tx.Tenant, core.UpTo(before), max)
	return out, fault.Wrap(err, "list batches of vouchers")
}

// BatchCounts counts the vouchers in a range of a batch.
func (tx Rows) BatchCounts(batch id.ID, r voucher.Range) (c voucher.Counts, err error) {
	err = tx.C.Query(`SELECT state, COUNT(*) FROM voucher WHERE tenant_id = $1 AND batch_id = $2 AND n >= $3 AND n <= $4 GROUP BY state`, func(w core.Row) error {
		switch voucher.State(w.Text(0)) {
		case voucher.Made:
			c.Made = w.Int(1)
		case voucher.Active:
			c.Active = w.Int(1)
		case voucher.Redeemed:
			c.Redeemed = w.Int(1)
		case voucher.Cancelled:
			c.Cancelled = w.Int(1)
		case voucher.Ended:
			c.Ended = w.Int(1)
		}
		return nil
	}, tx.Tenant, batch, r.From, r.To)
	return c, fault.Wrap(err, "count the vouchers of a batch")
}

// MoveVouchers changes all vouchers of a range that are in one state. A time is stored as that of the sale.
func (tx Rows) MoveVouchers(batch id.ID, r voucher.Range, from, to voucher.State, at time.Time) (int64, error) {
	n, err := tx.C.Exec(`UPDATE voucher SET state = $1, sold_at = COALESCE($2, sold_at) WHERE tenant_id = $3 AND batch_id = $4 AND n >= $5 AND n <= $6 AND state = $7`,
		string(to), at, tx.Tenant, batch, r.From, r.To, string(from))
	return n, fault.Wrap(err, "make vouchers %s", to)
}

// AddIssue stores an issue of codes under the next number of its batch, which BatchByID locked. From then on the vouchers of its range that were sold
// have its codes.
func (tx Rows) AddIssue(i *voucher.Issue) error {
	last, err := tx.Number(`SELECT MAX(number) FROM voucher_issue WHERE tenant_id = $1 AND batch_id = $2`, tx.Tenant, i.Batch)
	if err != nil {
		return fault.Wrap(err, "number an issue of codes")
	}
	i.Number = last + 1
	if _, err := tx.C.Exec(issueInsert, issueColumns.Values(tx.Tenant, i)...); err != nil {
		return fault.Wrap(err, "store an issue of codes")
	}
	if err := tx.Attest(issueKind, i.ID); err != nil {
		return err
	}
	_, err = tx.C.Exec(`UPDATE voucher SET issue = $1 WHERE tenant_id = $2 AND batch_id = $3 AND n >= $4 AND n <= $5 AND sold_at IS NOT NULL`,
		i.Number, tx.Tenant, i.Batch, i.Range.From, i.Range.To)
	return fault.Wrap(err, "issue codes")
}

// IssueByNumber reads an issue of codes.
func (tx Rows) IssueByNumber(batch id.ID, number int64) (i voucher.Issue, found bool, err error) {
	found, err = tx.One(issueQuery+`number = $3`, issueColumns.To(&i), tx.Tenant, batch, number)
	return i, found, fault.Wrap(err, "find an issue of codes")
}

// VouchersOf reads the vouchers in a range of a batch, in order.
func (tx Rows) VouchersOf(batch id.ID, r voucher.Range) (out []voucher.Voucher, err error) {
	err = tx.C.Query(voucherQuery+`batch_id = $2 AND n >= $3 AND n <= $4 ORDER BY n`, voucherColumns.AddTo(&out), tx.Tenant, batch, r.From, r.To)
	return out, fault.Wrap(err, "read vouchers")
}

// VoucherByPIN finds a voucher by one of the hashes of its PIN, and locks it.
func (tx Rows) VoucherByPIN(hashes [][]byte) (v voucher.Voucher, found bool, err error) {
	for _, h := range hashes {
		if found, err = tx.One(voucherQuery+`pin = $2`+tx.C.ForUpdate(), voucherColumns.To(&v), tx.Tenant, h); err != nil || found {
			break
		}
	}
	return v, found, fault.Wrap(err, "find a voucher")
}

// WrongPINs returns how many wrong PINs somebody tried on a day, and locks the number.
func (tx Rows) WrongPINs(who, day string) (int64, error) {
	if _, err := tx.C.Exec(`INSERT INTO voucher_try (tenant_id, who, day, wrong) VALUES ($1, $2, $3, 0) ON CONFLICT DO NOTHING`, tx.Tenant, who, day); err != nil {
		return 0, fault.Wrap(err, "count wrong PINs")
	}
	n, err := tx.Number(`SELECT wrong FROM voucher_try WHERE tenant_id = $1 AND who = $2 AND day = $3`+tx.C.ForUpdate(), tx.Tenant, who, day)
	return n, fault.Wrap(err, "count wrong PINs")
}

// AddWrongPIN counts a wrong PIN, and forgets those of earlier days.
func (tx Rows) AddWrongPIN(who, day string) error {
	if err := tx.Must(`UPDATE voucher_try SET wrong = wrong + 1 WHERE tenant_id = $1 AND who = $2 AND day = $3`, tx.Tenant, who, day); err != nil {
		return fault.Wrap(err, "count a wrong PIN")
	}
	_, err := tx.C.Exec(`DELETE FROM voucher_try WHERE tenant_id = $1 AND day < $2`, tx.Tenant, day)
	return fault.Wrap(err, "forget wrong PINs")
}

// voucherByID finds a voucher by its identity, with its batch, and locks it.
func (tx Rows) voucherByID(i id.ID) (v voucher.Voucher, b voucher.Batch, found bool, err error) {
	found, err = tx.One(voucherQuery+`id = $2`+tx.C.ForUpdate(), voucherColumns.To(&v), tx.Tenant, i)
	if err != nil || !found {
		return v, b, false, fault.Wrap(err, "find a voucher")
	}
	_, err = tx.One(batchQuery+`id = $2`, batchColumns.To(&b), tx.Tenant, v.Batch)
	return v, b, true, fault.Wrap(err, "find the batch of a voucher")
}

// voucherToSpend reads a voucher as the payment that it becomes in a sale.
func (tx Rows) voucherToSpend(i id.ID) (vending.Payment, bool, error) {
	v, b, found, err := tx.voucherByID(i)
	if err != nil || !found {
		return vending.Payment{}, false, err
	}
	return vending.Payment{Amount: b.Face, Till: sale.ProviderTill + voucher.Provider, Free: v.State == voucher.Active && b.EndsAt.After(tx.Now),
		Batch: b.Name()}, true, nil
}

// RedeemVoucher makes an active voucher a confirmed payment for a meter. Its sale is usually made in this transaction. If it waits for an issuer,
// the work of payments finishes it.
func (tx Rows) RedeemVoucher(i id.ID, meter string) error {
	v, b, found, err := tx.voucherByID(i)
	if err == nil && (!found || v.State != voucher.Active) {
		err = fmt.Errorf("%w: a sale uses payment %s, which is neither a payment nor an active voucher", core.ErrInvariant, i.Text(id.Payment))
	}
	if err != nil {
		return err
	}
	if err := tx.Must(`UPDATE voucher SET state = 'redeemed', meter = $1 WHERE tenant_id = $2 AND batch_id = $3 AND n = $4`, meter, tx.Tenant, v.Batch, v.N); err != nil {
		return fault.Wrap(err, "redeem a voucher")
	}
	p := payment.Payment{ID: i, Provider: voucher.Provider, Txn: b.Serial(v.N), Amount: b.Face, Reference: meter, PaidAt: tx.Now, State: payment.Received,
		Proof: payment.ByVoucher, ConfirmedAt: tx.Now, Meter: meter, SeenAt: tx.Now, Version: 1}
	added, err := tx.AddPayment(p)
	if err == nil && !added {
		err = fmt.Errorf("%w: voucher %s is active, but its payment exists", core.ErrInvariant, p.Txn)
	}
	if err != nil {
		return err
	}
	item, err := payment.ToApply(p, tx.Now.Add(applyLater))
	if err == nil {
		_, err = tx.Enqueue(item)
	}
	return fault.Wrap(err, "order the sale of voucher %s", p.Txn)
}

// applyLater is when the work of payments looks whether a voucher has its sale.
const applyLater = time.Minute
