package sales

import (
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/store/core"
)

var providerColumns = core.Columns[payment.Provider]{Table: "provider", Attested: []core.Column[payment.Provider]{
	core.Text("name", func(p *payment.Provider) *string { return &p.Name }),
	core.Text("kind", func(p *payment.Provider) *string { return &p.Kind }),
	core.Bytes("path_hash", func(p *payment.Provider) *[]byte { return &p.PathHash }),
	core.Text("config", func(p *payment.Provider) *[]byte { return &p.Config }),
	core.Int("single_max", func(p *payment.Provider) *money.Minor { return &p.Single }),
	core.Int("daily_max", func(p *payment.Provider) *money.Minor { return &p.Daily }),
	core.Time("disabled_at", func(p *payment.Provider) *time.Time { return &p.DisabledAt }),
	core.Text("added_by", func(p *payment.Provider) *string { return &p.AddedBy }),
}, Added: []core.Column[payment.Provider]{
	core.Text("secret_by", func(p *payment.Provider) *string { return &p.SecretBy }).OrNull(),
	core.Time("secrets_old_until", func(p *payment.Provider) *time.Time { return &p.OldUntil }),
}, Later: []core.Column[payment.Provider]{
	core.Bytes("path_enc", func(p *payment.Provider) *[]byte { return &p.SealedPath }),
	core.Bytes("secrets_enc", func(p *payment.Provider) *[]byte { return &p.Sealed }),
	core.Bytes("secrets_old_enc", func(p *payment.Provider) *[]byte { return &p.SealedOld }),
}, Unattested: []core.Column[payment.Provider]{ // sealed secrets prove themselves; a new data key seals them again
	core.ID("id", func(p *payment.Provider) *id.ID { return &p.ID }),
	core.Time("created_at", func(p *payment.Provider) *time.Time { return &p.AddedAt }),
	core.Time("listed_to", func(p *payment.Provider) *time.Time { return &p.ListedTo }),
	core.Int("version", func(p *payment.Provider) *int64 { return &p.Version }).ReadOnly(),
}}

// providerKind is the name of providers in evidence, and ProviderKind describes it.
const providerKind = "provider"

var ProviderKind = core.AttestedKind{Name: providerKind, Noun: "Provider", Prefix: id.Provider, From: "provider r", Key: "id", Order: "r.version",
	Proof: providerColumns.Proof("r")}.WithLater(providerColumns.LaterProof("r"))

var callColumns = core.Columns[payment.Call]{Table: "payment_call", Unattested: []core.Column[payment.Call]{
	core.ID("id", func(c *payment.Call) *id.ID { return &c.ID }),
	core.ID("provider_id", func(c *payment.Call) *id.ID { return &c.Provider }),
	core.Text("what", func(c *payment.Call) *string { return &c.What }),
	core.Bytes("hash", func(c *payment.Call) *[]byte { return &c.Hash }),
	core.Bytes("body_enc", func(c *payment.Call) *[]byte { return &c.Sealed }),
	core.Text("state", func(c *payment.Call) *payment.CallState { return &c.State }),
	core.Text("note", func(c *payment.Call) *string { return &c.Note }),
	core.Time("received_at", func(c *payment.Call) *time.Time { return &c.ReceivedAt }),
	core.Time("read_at", func(c *payment.Call) *time.Time { return &c.ReadAt }),
	core.ID("difference_id", func(c *payment.Call) *id.ID { return &c.Difference }),
}}

var providerQuery = `SELECT ` + providerColumns.List("") + ` FROM provider WHERE tenant_id = $1 AND `

// AddProvider stores a new provider. If another one has its name, AddProvider stores nothing and returns false.
func (tx Rows) AddProvider(p payment.Provider) (bool, error) {
	n, err := tx.C.Exec(`INSERT INTO `+providerColumns.Into()+` ON CONFLICT DO NOTHING`, providerColumns.Values(tx.Tenant, &p)...)
	if err == nil && n == 1 {
		err = tx.Attest(providerKind, p.ID)
	}
	return n == 1, fault.Wrap(err, "store a payment provider")
}

// SetProvider ends the use of a provider at a time, or begins it again if the time is zero.
func (tx Rows) SetProvider(i id.ID, disabled time.Time) error {
	err := tx.Rewrite(providerKind, i, func() error {
		return tx.Must(`UPDATE provider SET disabled_at = $1, version = version + 1 WHERE tenant_id = $2 AND id = $3`, disabled, tx.Tenant, i)
	})
	return fault.Wrap(err, "write a payment provider")
}

// SetProviderSecrets replaces the secrets of a provider, and its address.
func (tx Rows) SetProviderSecrets(p payment.Provider) error {
	err := tx.Rewrite(providerKind, p.ID, func() error {
		return tx.Must(`UPDATE provider SET secrets_enc = $1, secret_by = $2, secrets_old_enc = $3, secrets_old_until = $4, path_hash = $5,
			path_enc = $6, version = version + 1 WHERE tenant_id = $7 AND id = $8`, p.Sealed, p.SecretBy, p.SealedOld, p.OldUntil, p.PathHash, p.SealedPath,
			tx.Tenant, p.ID)
	})
	return fault.Wrap(err, "write the secrets of a payment provider")
}

// ProviderByID finds a provider and locks it.
func (tx Rows) ProviderByID(i id.ID) (payment.Provider, bool, error) {
	return tx.providerWhere(`id = $2`+tx.C.ForUpdate(), i)
}

// ProviderByName finds a provider by its name.
func (tx Rows) ProviderByName(name string) (payment.Provider, bool, error) {
	return tx.providerWhere(`name = $2`, name)
}

// ProviderByPath finds a provider by the hash of the secret part of its address.
func (tx Rows) ProviderByPath(hash []byte) (payment.Provider, bool, error) {
	return tx.providerWhere(`path_hash = $2`, hash)
}

func (tx Rows) providerWhere(condition string, arg any) (p payment.Provider, found bool, err error) {
	found, err = tx.One(providerQuery+condition, providerColumns.To(&p), tx.Tenant, arg)
	return p, found, fault.Wrap(err, "find a payment provider")
}

// ProviderPage lists providers in the order of their identities, after the given one.
func (tx Rows) ProviderPage(after id.ID, max int) (out []payment.Provider, err error) {
	err = tx.C.Query(providerQuery+`id > $2 ORDER BY id LIMIT $3`, providerColumns.AddTo(&out), tx.Tenant, after[:], max)
	return out, fault.Wrap(err, "list payment providers")
}

// AddCall stores what a provider sent. If the same was stored before, AddCall stores nothing and returns false.
func (tx Rows) AddCall(c payment.Call) (bool, error) {
	n, err := tx.C.Exec(`INSERT INTO `+callColumns.Into()+` ON CONFLICT DO NOTHING`, callColumns.Values(tx.Tenant, &c)...)
	return n == 1, fault.Wrap(err, "store what a payment provider sent")
}

// CallByID reads a call and locks it.
func (tx Rows) CallByID(i id.ID) (c payment.Call, found bool, err error) {
	return tx.callWhere(`id = $2`, i)
}

// CallByHash finds a call with the same content and locks it.
func (tx Rows) CallByHash(provider id.ID, hash []byte) (payment.Call, bool, error) {
	return tx.callWhere(`provider_id = $2 AND hash = $3`, provider, hash)
}

func (tx Rows) callWhere(condition string, args ...any) (c payment.Call, found bool, err error) {
	found, err = tx.One(`SELECT `+callColumns.List("")+` FROM payment_call WHERE tenant_id = $1 AND `+condition+tx.C.ForUpdate(), callColumns.To(&c),
		append([]any{tx.Tenant}, args...)...)
	return c, found, fault.Wrap(err, "find what a payment provider sent")
}

// PutCall stores what became of a call.
func (tx Rows) PutCall(c payment.Call) error {
	return fault.Wrap(tx.Must(`UPDATE payment_call SET state = $1, note = $2, read_at = $3, difference_id = $4 WHERE tenant_id = $5 AND id = $6`,
		string(c.State), c.Note, c.ReadAt, c.Difference, tx.Tenant, c.ID), "write what became of a provider's call")
}
