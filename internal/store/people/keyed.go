package people

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store/core"
)

// KeyKeys turns the hashes of at most max API keys of older versions into the present form, and marks them. It returns how many it turned.
func (tx Rows) KeyKeys(max int, form func(plain [32]byte) [32]byte) (int, error) {
	return tx.MarkUnmarked(&KeyKind, max, func(row id.ID) error { return tx.keyHash(&KeyKind, row, form) })
}

// KeyIntegrations does the work of KeyKeys for logins of the integration broker.
func (tx Rows) KeyIntegrations(max int, form func(plain [32]byte) [32]byte) (int, error) {
	return tx.MarkUnmarked(&IntegrationKind, max, func(row id.ID) error { return tx.keyHash(&IntegrationKind, row, form) })
}

// MarkPeople marks at most max people of older versions and returns how many it marked.
func (tx Rows) MarkPeople(max int) (int, error) {
	return tx.MarkUnmarked(&PersonKind, max, func(id.ID) error { return nil })
}

// DropUnmarkedLogins ends the sessions of older versions and returns how many there were.
func (tx Rows) DropUnmarkedLogins() (int, error) {
	n, err := tx.C.Exec(`DELETE FROM login WHERE tenant_id = $1 AND mark IS NULL`, tx.Tenant)
	return int(n), fault.Wrap(err, "end the sessions of older versions")
}

// keyHash replaces the hash of a row.
func (tx Rows) keyHash(k *core.AttestedKind, row id.ID, form func(plain [32]byte) [32]byte) error {
	var plain []byte
	_, err := tx.One(`SELECT hash FROM `+k.Table()+` WHERE tenant_id = $1 AND id = $2`, func(r core.Row) error { plain = r.Bytes(0); return nil }, tx.Tenant, row)
	if err == nil {
		keyed := form([32]byte(core.Pad(plain)))
		_, err = tx.C.Exec(`UPDATE `+k.Table()+` SET hash = $1 WHERE tenant_id = $2 AND id = $3`, keyed[:], tx.Tenant, row)
	}
	if err != nil {
		return fmt.Errorf("convert %s %s: %w", k.Name, row.Text(k.Prefix), err)
	}
	return nil
}
