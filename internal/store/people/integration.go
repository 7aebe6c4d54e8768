package people

import (
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/mirror"
	"github.com/paywatt/paywatt/internal/store/core"
)

// integrationColumns are the columns of a login of the integration broker.
var integrationColumns = core.Columns[mirror.Login]{Table: "integration_login", Attested: []core.Column[mirror.Login]{
	{Name: "hash", Form: 'b'},
	core.Text("name", func(l *mirror.Login) *string { return &l.Name }),
	core.ID("customer_id", func(l *mirror.Login) *id.ID { return &l.Customer }),
	core.Time("revoked_at", func(l *mirror.Login) *time.Time { return &l.RevokedAt }),
}, Unattested: []core.Column[mirror.Login]{
	core.Int("tenant_id", func(l *mirror.Login) *access.Tenant { return &l.Tenant }).ReadOnly(),
	core.ID("id", func(l *mirror.Login) *id.ID { return &l.ID }),
	core.Time("created_at", func(l *mirror.Login) *time.Time { return &l.CreatedAt }),
	{Name: "mark", Form: 'b'},
}}

// IntegrationKind describes the evidence of logins of the integration broker.
var IntegrationKind = core.AttestedKind{Name: "integration", Noun: "Integration login", Prefix: id.Login, From: "integration_login r", Key: "id",
	Order: "COALESCE(r.revoked_at, 0)", Proof: integrationColumns.Proof("r"), Marked: true}

// AddIntegration stores a new login of the integration broker with the stored form of its password.
func (tx Rows) AddIntegration(l mirror.Login, hash [32]byte) error {
	_, err := tx.C.Exec(`INSERT INTO `+integrationColumns.Into("hash"), integrationColumns.Values(tx.Tenant, &l, hash[:])...)
	if err != nil {
		return fmt.Errorf("store login %s: %w", l.User(), err)
	}
	return tx.Attest("integration", l.ID)
}

// IntegrationByID finds a login of any tenant, because the login determines the tenant.
func (tx Rows) IntegrationByID(login id.ID) (l mirror.Login, hash []byte, found bool, err error) {
	found, err = tx.One(`SELECT hash, `+integrationColumns.List("")+` FROM integration_login WHERE id = $1`, func(r core.Row) error {
		hash = r.Bytes(0)
		_, err := integrationColumns.Scan(r, 1, &l)
		return err
	}, login)
	if err == nil && found {
		var genuine bool
		genuine, err = tx.Genuine(&IntegrationKind, l.Tenant, l.ID)
		l.Forged = !genuine
	}
	return l, hash, found, fault.Wrap(err, "find a login")
}

// Integrations lists the tenant's logins in the order they were made.
func (tx Rows) Integrations(max int) ([]mirror.Login, error) {
	out, err := integrationColumns.All(tx.C, `tenant_id = $1 ORDER BY id LIMIT $2`, tx.Tenant, max)
	return out, fault.Wrap(err, "list logins")
}

// RevokeIntegration revokes a login. It returns false if the login does not exist or was revoked before.
func (tx Rows) RevokeIntegration(login id.ID, at time.Time) (bool, error) {
	n := int64(0)
	err := tx.Rewrite("integration", login, func() (err error) {
		n, err = tx.C.Exec(`UPDATE integration_login SET revoked_at = $1 WHERE tenant_id = $2 AND id = $3 AND revoked_at IS NULL`, at, tx.Tenant, login)
		return err
	})
	return n == 1, fault.Wrap(err, "revoke a login")
}

// CustomerOf returns the customer of the open account that a meter supplies.
func (tx Rows) CustomerOf(meter id.ID) (customer id.ID, found bool, err error) {
	found, err = tx.One(`SELECT a.customer_id FROM meter m JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id AND a.status <> '`+ClosedAccount+`'
		WHERE m.tenant_id = $1 AND m.id = $2`, func(r core.Row) error { customer = r.ID(0); return nil }, tx.Tenant, meter)
	return customer, found && !customer.IsZero(), fault.Wrap(err, "find the customer of a meter")
}
