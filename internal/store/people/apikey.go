package people

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
)

// keyColumns are the columns of an API key.
var keyColumns = core.Columns[access.Key]{Table: "api_key", Attested: []core.Column[access.Key]{
	{Name: "hash", Form: 'b'},
	core.Text("name", func(k *access.Key) *string { return &k.Name }),
	core.Text("role", func(k *access.Key) *access.Role { return &k.Role }),
	core.ID("vendor_id", func(k *access.Key) *id.ID { return &k.Vendor }),
	core.ID("answers", func(k *access.Key) *id.ID { return &k.Answers }),
	core.Time("expires_at", func(k *access.Key) *time.Time { return &k.ExpiresAt }),
	core.Time("revoked_at", func(k *access.Key) *time.Time { return &k.RevokedAt }),
}, Added: []core.Column[access.Key]{
	core.Text("allowed_from", func(k *access.Key) *access.Networks { return &k.From }).OrNull(),
}, Unattested: []core.Column[access.Key]{
	core.Int("tenant_id", func(k *access.Key) *access.Tenant { return &k.Tenant }).ReadOnly(),
	core.ID("id", func(k *access.Key) *id.ID { return &k.ID }),
	core.Time("created_at", func(k *access.Key) *time.Time { return &k.CreatedAt }),
	core.Time("used_at", func(k *access.Key) *time.Time { return &k.UsedAt }),
	{Name: "mark", Form: 'b'},
}}

// KeyKind describes the evidence of API keys.
var KeyKind = core.AttestedKind{Name: "apikey", Noun: "API key", Prefix: id.Key, From: "api_key r", Key: "id", Order: "COALESCE(r.revoked_at, 0)",
	Proof: keyColumns.Proof("r"), Marked: true}

// oneKey reads a key, and whether the person who answers for the key is blocked.
var oneKey = `SELECT (SELECT count(*) FROM person p WHERE p.tenant_id = api_key.tenant_id AND p.id = api_key.answers AND p.status <> $1), ` +
	`(SELECT min(b.role) FROM role_binding b WHERE b.tenant_id = api_key.tenant_id AND b.person_id = api_key.answers), ` +
	keyColumns.List("") + ` FROM api_key WHERE `

// AddKey stores a new API key with the stored form of its secret.
func (tx Rows) AddKey(k access.Key, hash [32]byte) error {
	_, err := tx.C.Exec(`INSERT INTO `+keyColumns.Into("hash"), keyColumns.Values(tx.Tenant, &k, hash[:])...)
	if err != nil {
		return fmt.Errorf("store API key %s: %w", k.ID.Text(id.Key), err)
	}
	return tx.Attest("apikey", k.ID)
}

// KeyByHash finds an API key of any tenant, even a revoked or expired one. It searches all tenants because the key determines the tenant.
func (tx Rows) KeyByHash(hash [32]byte) (access.Key, bool, error) {
	return tx.key(`hash = $2`, hash[:])
}

// KeyByID reads an API key of the tenant, even a revoked or expired one.
func (tx Rows) KeyByID(key id.ID) (access.Key, bool, error) {
	return tx.key(`tenant_id = $2 AND id = $3`, tx.Tenant, key)
}

// key reads the key that meets an SQL condition. The condition's parameters begin with $2.
func (tx Rows) key(where string, args ...any) (access.Key, bool, error) {
	var k access.Key
	found, err := tx.One(oneKey+where, func(r core.Row) error {
		k.Blocked, k.Within = r.Int(0) > 0, access.Role(r.Text(1))
		_, err := keyColumns.Scan(r, 2, &k)
		return err
	}, append([]any{StatusActive}, args...)...)
	if err == nil && found {
		var genuine bool
		genuine, err = tx.Genuine(&KeyKind, k.Tenant, k.ID)
		k.Forged = !genuine
	}
	return k, found, fault.Wrap(err, "find API key")
}

// KeysAnsweredBy lists the API keys for which the given person or API key answers, even revoked keys. If an API key is
// given, the list includes that key.
func (tx Rows) KeysAnsweredBy(self id.ID) ([]access.Key, error) {
	out, err := keyColumns.All(tx.C, `tenant_id = $1 AND (id = $2 OR answers = $2) ORDER BY id`, tx.Tenant, self[:])
	return out, fault.Wrap(err, "list somebody's API keys")
}

// KeyPage lists API keys in the order they were made, after the given key.
func (tx Rows) KeyPage(after id.ID, max int) ([]access.Key, error) {
	out, err := keyColumns.All(tx.C, `tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3`, tx.Tenant, after[:], max)
	return out, fault.Wrap(err, "list API keys")
}

// RevokeKey revokes an API key. It returns false if the key does not exist or was revoked before.
func (tx Rows) RevokeKey(key id.ID, at time.Time) (bool, error) {
	n := int64(0)
	err := tx.Rewrite("apikey", key, func() (err error) {
		n, err = tx.C.Exec(`UPDATE api_key SET revoked_at = $1 WHERE tenant_id = $2 AND id = $3 AND revoked_at IS NULL`, at, tx.Tenant, key)
		return err
	})
	return n == 1, fault.Wrap(err, "revoke API key %s", key.Text(id.Key))
}

// EndKey makes an API key expire at the given time.
func (tx Rows) EndKey(key id.ID, at time.Time) error {
	err := tx.Rewrite("apikey", key, func() error {
		_, err := tx.C.Exec(`UPDATE api_key SET expires_at = $1 WHERE tenant_id = $2 AND id = $3`, at, tx.Tenant, key)
		return err
	})
	return fault.Wrap(err, "end API key %s", key.Text(id.Key))
}

// GiveKey makes a person answer for an API key.
func (tx Rows) GiveKey(key, person id.ID) error {
	err := tx.Rewrite("apikey", key, func() error {
		_, err := tx.C.Exec(`UPDATE api_key SET answers = $1 WHERE tenant_id = $2 AND id = $3`, person, tx.Tenant, key)
		return err
	})
	return fault.Wrap(err, "give API key %s to a person", key.Text(id.Key))
}

// SeeKey records when an API key was last used.
func (tx Rows) SeeKey(key id.ID, at time.Time) error {
	_, err := tx.C.Exec(`UPDATE api_key SET used_at = $1 WHERE tenant_id = $2 AND id = $3`, at, tx.Tenant, key)
	return fault.Wrap(err, "store the last use of API key %s", key.Text(id.Key))
}

// VendorExists reports whether the tenant has this vendor.
func (tx Rows) VendorExists(vendor id.ID) (bool, error) {
	n, err := tx.Number(`SELECT count(*) FROM vendor WHERE tenant_id = $1 AND id = $2`, tx.Tenant, vendor)
	return n == 1, fault.Wrap(err, "look for vendor %s", vendor.Text(id.Vendor))
}
