package sales

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/books"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/internal/vendor"
)

// vendorRow is a row of vendor.
type vendorRow = vendor.Vendor

var vendorColumns = core.Columns[vendorRow]{Table: "vendor", Attested: []core.Column[vendorRow]{
	core.Text("code", func(v *vendorRow) *string { return &v.Code }),
	core.Text("name", func(v *vendorRow) *string { return &v.Name }),
	core.Text("billing", func(v *vendorRow) *vendor.Billing { return &v.Billing }),
	core.Int("commission_bps", func(v *vendorRow) *money.Bps { return &v.Commission }),
	core.Int("credit_limit", func(v *vendorRow) *money.Minor { return &v.Credit }),
	people.Status(func(v *vendorRow) *bool { return &v.Blocked }),
}, Unattested: []core.Column[vendorRow]{
	core.ID("id", func(v *vendorRow) *id.ID { return &v.ID }),
	core.Time("created_at", func(v *vendorRow) *time.Time { return &v.CreatedAt }).ReadOnly(),
	core.Int("version", func(v *vendorRow) *int64 { return &v.Version }).ReadOnly(),
}}

// VendorKind describes the evidence of vendors.
var VendorKind = core.AttestedKind{Name: "vendor", Noun: "Vendor", Prefix: id.Vendor, From: "vendor r", Key: "id", Order: "r.version",
	Proof: vendorColumns.Proof("r")}

// sellerColumns are the columns of a sale's seller: the amount that the sale takes from the vendor's float, and the vendor's commission.
// They are attested with the sale.
var sellerColumns = core.Columns[sale.Seller]{Table: "vend_seller", Attested: []core.Column[sale.Seller]{
	core.Int("account_code", func(s *sale.Seller) *ledger.Code { return &s.Account }),
	core.ID("hold_id", func(s *sale.Seller) *id.ID { return &s.Hold }),
	core.Int("commission", func(s *sale.Seller) *money.Minor { return &s.Commission }),
	core.Int("commission_vat", func(s *sale.Seller) *money.Minor { return &s.CommissionVAT }),
}, Unattested: []core.Column[sale.Seller]{
	{Name: "vend_id", Form: 'b'},
	{Name: "created_at", Form: 'i'},
}}

// sellerFrom reads the sellers of sales.
const sellerFrom = ` FROM vend_seller WHERE tenant_id = $1 AND vend_id `

// Statements that read vendors, and read and write the seller of a sale.
var (
	vendorQuery  = `SELECT ` + vendorColumns.List("") + ` FROM vendor WHERE tenant_id = $1 AND `
	sellerQuery  = `SELECT ` + sellerColumns.List("") + sellerFrom + `= $2`
	sellerInsert = `INSERT INTO ` + sellerColumns.Into("vend_id", "created_at")
)

// AddVendor stores a new vendor and opens its account with its limit.
func (tx Rows) AddVendor(v vendor.Vendor) error {
	_, err := tx.C.Exec(`INSERT INTO `+vendorColumns.Into("created_at"), vendorColumns.Values(tx.Tenant, &v, tx.Now)...)
	if err == nil {
		err = books.Of(tx.Tx).SetLimit(v.Account(), v.Credit)
	}
	if err == nil {
		err = tx.Attest("vendor", v.ID)
	}
	return fault.Wrap(err, "store vendor")
}

// PutVendor stores a vendor's terms and sets the limit of its account to match.
func (tx Rows) PutVendor(v vendor.Vendor) error {
	was, _, err := tx.VendorByID(v.ID)
	if err != nil {
		return err
	}
	err = tx.Rewrite("vendor", v.ID, func() error {
		return tx.Must(`UPDATE vendor SET name = $1, commission_bps = $2, credit_limit = $3, status = $4, version = version + 1
			WHERE tenant_id = $5 AND id = $6`, v.Name, int64(v.Commission), v.Credit, people.StatusOf(v.Blocked), tx.Tenant, v.ID)
	})
	if err == nil {
		err = people.Of(tx.Tx).ChangeVendorText(v.ID, was.Name, v.Name)
	}
	if err == nil {
		err = books.Of(tx.Tx).SetLimit(v.Account(), v.Credit)
	}
	return fault.Wrap(err, "write vendor")
}

// VendorByID finds a vendor and locks it.
func (tx Rows) VendorByID(vendor id.ID) (vendor.Vendor, bool, error) {
	return tx.vendorWhere(`id = $2`, vendor)
}

// VendorByCode finds a vendor by its code and locks it.
func (tx Rows) VendorByCode(code string) (vendor.Vendor, bool, error) {
	return tx.vendorWhere(`code = $2`, code)
}

func (tx Rows) vendorWhere(condition string, arg any) (vendor.Vendor, bool, error) {
	var v vendor.Vendor
	found, err := tx.One(vendorQuery+condition+tx.C.ForUpdate(), vendorColumns.To(&v), tx.Tenant, arg)
	return v, found, fault.Wrap(err, "find vendor")
}

// VendorPage lists vendors in the order of their identities, after the given vendor.
func (tx Rows) VendorPage(after id.ID, max int) ([]vendor.Vendor, error) {
	var out []vendor.Vendor
	err := tx.C.Query(vendorQuery+`id > $2 ORDER BY id LIMIT $3`,
		vendorColumns.AddTo(&out), tx.Tenant, after[:], max)
	return out, fault.Wrap(err, "list vendors")
}

// Headroom returns the balance of an account with a limit, how much of it is reserved, and how much is left up to the limit.
func (tx Rows) Headroom(ref ledger.AccountRef) (ledger.Headroom, error) {
	a, found, err := tx.Account(ref)
	if err != nil {
		return ledger.Headroom{}, err
	}
	if !found {
		a.Limit = ledger.LimitOf(ref.Code)
	}
	r := ledger.Headroom{Balance: a.Balance, Held: a.Held}
	switch a.Limit.Bound {
	case ledger.NotAbove:
		r.Left = a.Limit.At - a.Balance - a.Held
	case ledger.NotBelow:
		r.Left = a.Balance - a.Held - a.Limit.At
	}
	return r, nil
}

// VendSeller stores the amount that a sale takes from a vendor's float, and the vendor's commission.
func (tx Rows) VendSeller(s sale.Sale) error {
	_, err := tx.C.Exec(sellerInsert, sellerColumns.Values(tx.Tenant, &s.Seller, s.ID, tx.Now)...)
	return fault.Wrap(err, "store the seller of a sale")
}

// sellerOf reads the seller that VendSeller stored. It returns the zero Seller for a sale of the tenant itself.
func (tx Rows) sellerOf(saleID id.ID) (sale.Seller, error) {
	var s sale.Seller
	_, err := tx.One(sellerQuery, sellerColumns.To(&s), tx.Tenant, saleID)
	return s, fault.Wrap(err, "read the seller of a sale")
}

// Statement lists the postings to a vendor's account, newest first. The list begins with the first journal that is older than the given
// journal, or with the newest journal if the given identity is zero. Each entry has the balance after it.
func (tx Rows) Statement(ref ledger.AccountRef, before id.ID, max int) ([]vendor.Booked, error) {
	a, found, err := tx.Account(ref)
	if err != nil || !found {
		return nil, err
	}
	before = core.UpTo(before)
	newer, err := tx.Number(`SELECT SUM(amount) FROM posting WHERE tenant_id = $1 AND account = $2 AND journal_id >= $3 AND listed = 1`,
		tx.Tenant, a.N, before)
	if err != nil {
		return nil, fmt.Errorf("statement of account %d %q: %w", ref.Code, ref.Subject, err)
	}
	after := a.Balance - money.Minor(newer)
	var out []vendor.Booked
	err = tx.C.Query(`SELECT j.id, j.kind, j.ref, j.posted_at, j.memo, SUM(p.amount) FROM posting p
		JOIN journal j ON j.tenant_id = p.tenant_id AND j.id = p.journal_id
		WHERE p.tenant_id = $1 AND p.account = $2 AND p.journal_id < $3 AND p.listed = 1
		GROUP BY j.id, j.kind, j.ref, j.posted_at, j.memo ORDER BY j.id DESC LIMIT $4`, func(r core.Row) error {
		b := vendor.Booked{Journal: r.ID(0), Kind: ledger.Kind(r.Text(1)), Ref: r.Text(2), At: r.Time(3), Memo: r.Text(4),
			Amount: money.Minor(r.Int(5)), Balance: after}
		after -= b.Amount
		out = append(out, b)
		return nil
	}, tx.Tenant, a.N, before, max)
	return out, fault.Wrap(err, "statement of account %d %q", ref.Code, ref.Subject)
}

// saleOfEntry reads what a settlement says about a sale.
const saleOfEntry = `SELECT COALESCE(v.receipt_no, ''), m.number FROM vend v JOIN meter m ON m.tenant_id = v.tenant_id AND m.n = v.meter
	WHERE v.tenant_id = $1 AND v.id = $2`

// Settled returns the balance of a vendor's account before a period, and its entries in the period in the order in which they were posted, at
// most max. The balances after them are not filled in.
func (tx Rows) Settled(ref ledger.AccountRef, from, to time.Time, max int) (money.Minor, []vendor.Entry, error) {
	a, found, err := tx.Account(ref)
	if err != nil || !found {
		return 0, nil, err
	}
	opening, err := books.Of(tx.Tx).BalanceAt(ref, from.Add(-time.Microsecond)) // times are stored in whole microseconds
	if err != nil {
		return 0, nil, err
	}
	tax, _, err := tx.Account(ledger.AccountRef{Code: ledger.VATInput})
	if err != nil {
		return 0, nil, err
	}
	// A late journal can have an identity of any time, so it is found by the time at which it was posted.
	const entry = `SELECT j.id, j.kind, j.ref, j.posted_at, j.memo, SUM(p.amount),
		(SELECT COALESCE(SUM(q.amount), 0) FROM posting q WHERE q.tenant_id = j.tenant_id AND q.journal_id = j.id AND q.account = $1)
		FROM journal j JOIN posting p ON p.tenant_id = j.tenant_id AND p.journal_id = j.id
		WHERE p.tenant_id = $2 AND p.account = $3 AND p.listed = 1 AND j.posted_at >= $4 AND j.posted_at < $5 AND `
	const group = ` GROUP BY j.tenant_id, j.id, j.kind, j.ref, j.posted_at, j.memo `
	var out []vendor.Entry
	err = tx.C.Query(entry+`j.happened_at IS NULL AND p.journal_id > $6 AND p.journal_id < $7`+group+`
		UNION ALL `+entry+`j.happened_at IS NOT NULL`+group+`ORDER BY 4, 1 LIMIT $8`, func(r core.Row) error {
		out = append(out, vendor.Entry{Booked: vendor.Booked{Journal: r.ID(0), Kind: ledger.Kind(r.Text(1)), Ref: r.Text(2), At: r.Time(3), Memo: r.Text(4),
			Amount: money.Minor(r.Int(5))}, Tax: money.Minor(r.Int(6))})
		return nil
	}, tax.N, tx.Tenant, a.N, from, to, id.First(from.Add(-books.PostSlack)), id.First(to.Add(books.PostSlack)), max)
	for i := 0; err == nil && i < len(out); i++ {
		e := &out[i]
		if s, of := vendor.SaleRef(e.Kind, e.Ref); of {
			_, err = tx.One(saleOfEntry, func(r core.Row) error { e.Receipt, e.Meter = r.Text(0), r.Text(1); return nil }, tx.Tenant, s)
		}
	}
	return opening, out, fault.Wrap(err, "settlement of account %d %q", ref.Code, ref.Subject)
}
