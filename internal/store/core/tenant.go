package core

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
)

// FirstTenant is the tenant that every new database has.
const FirstTenant access.Tenant = 1

// TenantRow is what is kept about the tenant itself.
type TenantRow struct {
	UID      id.ID
	Name     string
	Currency string // ISO 4217; empty until the setting or the first tariff names it
	Exp      int    // decimals of the currency
	TZ       string // IANA name
	VATNo    string
	Settings string // JSON object of everything else
	Version  int64  // for optimistic locking
}

// TenantRow reads the tenant, under lock where the engine has row locks.
func (tx *Tx) TenantRow() (TenantRow, error) {
	var t TenantRow
	found, err := tx.One(`SELECT uid, name, currency, exp, tz, vat_no, settings, version FROM tenant WHERE id = $1`+
		tx.C.ForUpdate(), func(r Row) error {
		t = TenantRow{UID: r.ID(0), Name: r.Text(1), Currency: r.Text(2), Exp: int(r.Int(3)), TZ: r.Text(4),
			VATNo: r.Text(5), Settings: r.Text(6), Version: r.Int(7)}
		return nil
	}, tx.Tenant)
	if err == nil && !found {
		err = ErrNotFound
	}
	if err != nil {
		return TenantRow{}, fmt.Errorf("read tenant %d: %w", tx.Tenant, err)
	}
	return t, nil
}

// PutTenant writes what TenantRow gave, changed. False means that somebody changed it in between.
func (tx *Tx) PutTenant(t TenantRow) (bool, error) {
	var currency any
	if t.Currency != "" {
		currency = t.Currency
	}
	done, err := tx.rewriteTenant(func() (bool, error) {
		n, err := tx.C.Exec(`UPDATE tenant SET name = $1, currency = $2, exp = $3, tz = $4, vat_no = $5, settings = $6,
			version = version + 1 WHERE id = $7 AND version = $8`,
			t.Name, currency, t.Exp, t.TZ, t.VATNo, t.Settings, tx.Tenant, t.Version)
		return n == 1, err
	})
	return done, fault.Wrap(err, "write tenant %d", tx.Tenant)
}

// Currency is the tenant's currency and its decimals; empty while neither setting nor tariff has named one.
func (tx *Tx) Currency() (code string, exp int, err error) {
	t, err := tx.TenantRow()
	return t.Currency, t.Exp, err
}

// SetCurrency names the tenant's currency once. False means that it has another one already, which stays: every
// figure of the books is in it.
func (tx *Tx) SetCurrency(code string, exp int) (bool, error) {
	done, err := tx.rewriteTenant(func() (bool, error) {
		n, err := tx.C.Exec(`UPDATE tenant SET currency = $1, exp = $2, version = version + 1
			WHERE id = $3 AND (currency IS NULL OR currency = $1)`, code, exp, tx.Tenant)
		return n == 1, err
	})
	return done, fault.Wrap(err, "set the currency of tenant %d", tx.Tenant)
}

// Tenants lists the tenants there are. It is the only query that looks beyond the transaction's own, for the workers
// that serve all of them.
func (tx *Tx) Tenants() ([]access.Tenant, error) {
	var out []access.Tenant
	err := tx.C.Query(`SELECT id FROM tenant ORDER BY id`, func(r Row) error {
		out = append(out, access.Tenant(r.Int(0)))
		return nil
	})
	return out, fault.Wrap(err, "list tenants")
}
