package people

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
)

const keyColumns = `tenant_id, id, name, role, vendor_id, created_at, expires_at, revoked_at, answers`

// scanKey reads the columns of keyColumns.
func scanKey(r core.Row) access.Key {
	return access.Key{Tenant: access.Tenant(r.Int(0)), ID: r.ID(1), Name: r.Text(2), Role: access.Role(r.Text(3)), Vendor: r.ID(4),
		CreatedAt: r.Time(5), ExpiresAt: r.Time(6), RevokedAt: r.Time(7), Answers: r.ID(8)}
}

// AddKey keeps a new API key by the hash of its secret.
func (tx Rows) AddKey(k access.Key, hash [32]byte) error {
	_, err := tx.C.Exec(`INSERT INTO api_key (tenant_id, id, hash, name, role, vendor_id, created_at, expires_at, answers)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		tx.Tenant, k.ID, hash[:], k.Name, string(k.Role), k.Vendor, k.CreatedAt, k.ExpiresAt, k.Answers)
	if err != nil {
		return fmt.Errorf("keep API key %s: %w", k.ID.Text(id.Key), err)
	}
	return tx.Attest("apikey", k.ID)
}

// KeyByHash finds an API key of any tenant, revoked and expired ones too. It looks beyond the transaction's tenant
// because the key is what tells the tenant.
func (tx Rows) KeyByHash(hash [32]byte) (access.Key, bool, error) {
	var k access.Key
	found, err := tx.One(`SELECT `+keyColumns+`, (SELECT count(*) FROM person p
			WHERE p.tenant_id = api_key.tenant_id AND p.id = api_key.answers AND p.status <> $1) FROM api_key WHERE hash = $2`,
		func(r core.Row) error { k = scanKey(r); k.Blocked = r.Int(9) > 0; return nil }, StatusActive, hash[:])
	if err != nil {
		return access.Key{}, false, fmt.Errorf("find API key: %w", err)
	}
	return k, found, nil
}

// KeyPage lists API keys after the given one in the order they were made.
func (tx Rows) KeyPage(after id.ID, max int) ([]access.Key, error) {
	var out []access.Key
	err := tx.C.Query(`SELECT `+keyColumns+` FROM api_key WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3`,
		func(r core.Row) error { out = append(out, scanKey(r)); return nil }, tx.Tenant, after[:], max)
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	return out, nil
}

// RevokeKey ends an API key; false when there is none in force.
func (tx Rows) RevokeKey(key id.ID, at time.Time) (bool, error) {
	n := int64(0)
	err := tx.Rewrite("apikey", key, func() (err error) {
		n, err = tx.C.Exec(`UPDATE api_key SET revoked_at = $1 WHERE tenant_id = $2 AND id = $3 AND revoked_at IS NULL`, at, tx.Tenant, key)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("revoke API key %s: %w", key.Text(id.Key), err)
	}
	return n == 1, nil
}

// VendorExists reports whether the tenant has this vendor.
func (tx Rows) VendorExists(vendor id.ID) (bool, error) {
	n, err := tx.Number(`SELECT count(*) FROM vendor WHERE tenant_id = $1 AND id = $2`, tx.Tenant, vendor)
	if err != nil {
		return false, fmt.Errorf("look for vendor %s: %w", vendor.Text(id.Vendor), err)
	}
	return n == 1, nil
}
