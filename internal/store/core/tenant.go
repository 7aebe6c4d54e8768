package core

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
)

// FirstTenant is the tenant that every new database has.
const FirstTenant access.Tenant = 1

// TenantRow is the stored row of the tenant itself.
type TenantRow struct {
	UID      id.ID
	Name     string
	Currency string // ISO 4217; empty until the setting or the first tariff names it
	Exp      int    // decimals of the currency
	TZ       string // IANA name
	VATNo    string
	Settings string // JSON object with all other settings
	Version  int64  // version of the row, for optimistic locking
}

var tenantColumns = Columns[TenantRow]{Table: "tenant", Attested: []Column[TenantRow]{
	Text("name", func(t *TenantRow) *string { return &t.Name }),
	Text("currency", func(t *TenantRow) *string { return &t.Currency }).OrNull(),
	Int("exp", func(t *TenantRow) *int { return &t.Exp }),
	Text("tz", func(t *TenantRow) *string { return &t.TZ }),
	Text("vat_no", func(t *TenantRow) *string { return &t.VATNo }),
	Text("settings", func(t *TenantRow) *string { return &t.Settings }),
}, Unattested: []Column[TenantRow]{
	ID("uid", func(t *TenantRow) *id.ID { return &t.UID }).ReadOnly(),
	Int("version", func(t *TenantRow) *int64 { return &t.Version }).ReadOnly(),
	{Name: "id", Form: 'i'}, {Name: "created_at", Form: 'i'},
}}

var tenantQuery = `SELECT ` + tenantColumns.List("") + ` FROM tenant WHERE id = $1`

// TenantProof names the hashed columns of a tenant.
func TenantProof() Proof { return tenantColumns.Proof("") }

// TenantRow reads the tenant's row and locks it if the engine has row locks.
func (tx *Tx) TenantRow() (TenantRow, error) {
	var t TenantRow
	found, err := tx.One(tenantQuery+tx.C.ForUpdate(), tenantColumns.To(&t), tx.Tenant)
	if err == nil && !found {
		err = ErrNotFound
	}
	if err != nil {
		return TenantRow{}, fmt.Errorf("read tenant %d: %w", tx.Tenant, err)
	}
	return t, nil
}

// PutTenant writes a changed TenantRow. It returns false if somebody else changed the row in between.
func (tx *Tx) PutTenant(t TenantRow) (bool, error) {
	done, err := tx.rewriteTenant(func() (bool, error) {
		text, n := tenantColumns.set()
		changed, err := tx.C.Exec(fmt.Sprintf(`UPDATE %sid = $%d AND version = $%d`, text, n, n+1), tenantColumns.Changes(&t, tx.Tenant, t.Version)...)
		return changed == 1, err
	})
	return done, fault.Wrap(err, "write tenant %d", tx.Tenant)
}

// Currency returns the tenant's currency and its number of decimals. The currency is empty until a setting or a tariff names one.
func (tx *Tx) Currency() (code string, exp int, err error) {
	t, err := tx.TenantRow()
	return t.Currency, t.Exp, err
}

// SetCurrency sets the tenant's currency once. It returns false if the tenant already has another currency. That currency stays, because
// every figure of the books is in it.
func (tx *Tx) SetCurrency(code string, exp int) (bool, error) {
	done, err := tx.rewriteTenant(func() (bool, error) {
		n, err := tx.C.Exec(`UPDATE tenant SET currency = $1, exp = $2, version = version + 1
			WHERE id = $3 AND (currency IS NULL OR currency = $1)`, code, exp, tx.Tenant)
		return n == 1, err
	})
	return done, fault.Wrap(err, "set the currency of tenant %d", tx.Tenant)
}

// Tenants lists all tenants, not only the tenant of the transaction. Workers that serve all tenants use it.
func (tx *Tx) Tenants() ([]access.Tenant, error) {
	var out []access.Tenant
	err := tx.C.Query(`SELECT id FROM tenant ORDER BY id`, func(r Row) error {
		out = append(out, access.Tenant(r.Int(0)))
		return nil
	})
	return out, fault.Wrap(err, "list tenants")
}
