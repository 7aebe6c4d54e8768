package people

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/mirror"
	"github.com/paywatt/paywatt/internal/store/core"
)

const loginColumns = `tenant_id, id, name, customer_id, created_at, revoked_at`

// scanLogin reads the columns of loginColumns.
func scanLogin(r core.Row) mirror.Login {
	return mirror.Login{Tenant: access.Tenant(r.Int(0)), ID: r.ID(1), Name: r.Text(2), Customer: r.ID(3), CreatedAt: r.Time(4), RevokedAt: r.Time(5)}
}

// AddIntegration keeps a new login of the integration broker by the hash of its password.
func (tx Rows) AddIntegration(l mirror.Login, hash [32]byte) error {
	_, err := tx.C.Exec(`INSERT INTO integration_login (tenant_id, id, hash, name, customer_id, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		tx.Tenant, l.ID, hash[:], l.Name, l.Customer, l.CreatedAt)
	if err != nil {
		return fmt.Errorf("keep login %s: %w", l.User(), err)
	}
	return tx.Attest("integration", l.ID)
}

// IntegrationByID finds a login of any tenant: it is the login that tells the tenant.
func (tx Rows) IntegrationByID(login id.ID) (l mirror.Login, hash []byte, found bool, err error) {
	found, err = tx.One(`SELECT `+loginColumns+`, hash FROM integration_login WHERE id = $1`,
		func(r core.Row) error { l, hash = scanLogin(r), r.Bytes(6); return nil }, login)
	if err != nil {
		return mirror.Login{}, nil, false, fmt.Errorf("find a login: %w", err)
	}
	return l, hash, found, nil
}

// Integrations lists the tenant's logins in the order they were made.
func (tx Rows) Integrations(max int) (out []mirror.Login, err error) {
	err = tx.C.Query(`SELECT `+loginColumns+` FROM integration_login WHERE tenant_id = $1 ORDER BY id LIMIT $2`,
		func(r core.Row) error { out = append(out, scanLogin(r)); return nil }, tx.Tenant, max)
	if err != nil {
		return nil, fmt.Errorf("list logins: %w", err)
	}
	return out, nil
}

// RevokeIntegration ends a login; false when there is none in force.
func (tx Rows) RevokeIntegration(login id.ID, at time.Time) (bool, error) {
	n := int64(0)
	err := tx.Rewrite("integration", login, func() (err error) {
		n, err = tx.C.Exec(`UPDATE integration_login SET revoked_at = $1 WHERE tenant_id = $2 AND id = $3 AND revoked_at IS NULL`, at, tx.Tenant, login)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("revoke a login: %w", err)
	}
	return n == 1, nil
}

// CustomerOf is the customer of the account that a meter supplies.
func (tx Rows) CustomerOf(meter id.ID) (customer id.ID, found bool, err error) {
	found, err = tx.One(`SELECT a.customer_id FROM meter m JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id AND a.status <> '`+ClosedAccount+`'
		WHERE m.tenant_id = $1 AND m.id = $2`, func(r core.Row) error { customer = r.ID(0); return nil }, tx.Tenant, meter)
	if err != nil {
		return id.ID{}, false, fmt.Errorf("find the customer of a meter: %w", err)
	}
	return customer, found && !customer.IsZero(), nil
}
