package sales

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store/books"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/internal/vendor"
)

// VendorKind is the evidence of vendors.
var VendorKind = core.AttestedKind{Name: "vendor", Noun: "Vendor", Prefix: id.Vendor, From: "vendor r", Key: "id", Order: "r.version",
	Proof: core.Proof{Columns: "r.code, r.name, r.billing, r.commission_bps, r.credit_limit, r.status", Forms: "tttiit"}}

// vendorColumns are the columns of vendor in the order in which scanVendor reads them.
const vendorColumns = `id, code, name, billing, commission_bps, credit_limit, status, created_at, version`

func scanVendor(r core.Row) vendor.Vendor {
	return vendor.Vendor{ID: r.ID(0), Code: r.Text(1), Name: r.Text(2), Billing: vendor.Billing(r.Text(3)),
		Commission: money.Bps(r.Int(4)), Credit: money.Minor(r.Int(5)), Blocked: r.Text(6) != people.StatusActive, CreatedAt: r.Time(7),
		Version: r.Int(8)}
}

// AddVendor keeps a new vendor and opens its account with its limit.
func (tx Rows) AddVendor(v vendor.Vendor) error {
	_, err := tx.C.Exec(`INSERT INTO vendor (tenant_id, id, code, name, billing, commission_bps, credit_limit, status, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, tx.Tenant, v.ID, v.Code, v.Name, string(v.Billing), int64(v.Commission), v.Credit,
		vendorStatus(v), tx.Now)
	if err == nil {
		err = books.Of(tx.Tx).SetLimit(v.Account(), v.Credit)
	}
	if err == nil {
		err = tx.Attest("vendor", v.ID)
	}
	return wrapVendor("keep", err)
}

func vendorStatus(v vendor.Vendor) string {
	if v.Blocked {
		return people.StatusBlocked
	}
	return people.StatusActive
}

func wrapVendor(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s vendor: %w", what, err)
	}
	return nil
}

// PutVendor writes a vendor's terms. The limit of its account moves with them.
func (tx Rows) PutVendor(v vendor.Vendor) error {
	err := tx.Rewrite("vendor", v.ID, func() error {
		return tx.Must(`UPDATE vendor SET name = $1, commission_bps = $2, credit_limit = $3, status = $4, version = version + 1
			WHERE tenant_id = $5 AND id = $6`, v.Name, int64(v.Commission), v.Credit, vendorStatus(v), tx.Tenant, v.ID)
	})
	if err == nil {
		err = books.Of(tx.Tx).SetLimit(v.Account(), v.Credit)
	}
	return wrapVendor("write", err)
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
	found, err := tx.One(`SELECT `+vendorColumns+` FROM vendor WHERE tenant_id = $1 AND `+condition+tx.C.ForUpdate(),
		func(r core.Row) error { v = scanVendor(r); return nil }, tx.Tenant, arg)
	return v, found, wrapVendor("find", err)
}

// VendorPage lists vendors in the order of their identities, after the given one.
func (tx Rows) VendorPage(after id.ID, max int) ([]vendor.Vendor, error) {
	var out []vendor.Vendor
	err := tx.C.Query(`SELECT `+vendorColumns+` FROM vendor WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3`,
		func(r core.Row) error { out = append(out, scanVendor(r)); return nil }, tx.Tenant, after[:], max)
	return out, wrapVendor("list", err)
}

// Room is what an account with a limit holds, what of it is reserved, and how much more it could give.
func (tx Rows) Room(ref ledger.AccountRef) (ledger.Room, error) {
	a, found, err := tx.Account(ref)
	if err != nil {
		return ledger.Room{}, err
	}
	if !found {
		a.Limit = ledger.LimitOf(ref.Code)
	}
	r := ledger.Room{Balance: a.Balance, Held: a.Held}
	switch a.Limit.Bound {
	case ledger.NotAbove:
		r.Left = a.Limit.At - a.Balance - a.Held
	case ledger.NotBelow:
		r.Left = a.Balance - a.Held - a.Limit.At
	}
	return r, nil
}

// VendSeller keeps what a vendor's sale takes and earns.
func (tx Rows) VendSeller(s sale.Sale) error {
	_, err := tx.C.Exec(`INSERT INTO vend_seller (tenant_id, vend_id, account_code, hold_id, commission, commission_vat, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, tx.Tenant, s.ID, int64(s.Seller.Account), s.Seller.Hold, s.Seller.Commission,
		s.Seller.CommissionVAT, tx.Now)
	return books.WrapVend("keep the seller", err)
}

// sellerOf reads what VendSeller kept; the zero Seller for a sale of the tenant itself.
func (tx Rows) sellerOf(saleID id.ID) (sale.Seller, error) {
	var s sale.Seller
	_, err := tx.One(`SELECT account_code, hold_id, commission, commission_vat FROM vend_seller WHERE tenant_id = $1 AND vend_id = $2`,
		func(r core.Row) error {
			s = sale.Seller{Account: ledger.Code(r.Int(0)), Hold: r.ID(1), Commission: money.Minor(r.Int(2)), CommissionVAT: money.Minor(r.Int(3))}
			return nil
		}, tx.Tenant, saleID)
	return s, books.WrapVend("read the seller", err)
}

// Statement lists what was posted to an account of a vendor, newest first, before the given journal (zero: from the newest), each
// with the balance after it.
func (tx Rows) Statement(ref ledger.AccountRef, before id.ID, max int) ([]vendor.Booked, error) {
	a, found, err := tx.Account(ref)
	if err != nil || !found {
		return nil, err
	}
	if before.IsZero() {
		for i := range before {
			before[i] = 0xff
		}
	}
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
	if err != nil {
		return nil, fmt.Errorf("statement of account %d %q: %w", ref.Code, ref.Subject, err)
	}
	return out, nil
}
