package people

import (
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/pagelink"
	"github.com/paywatt/paywatt/internal/store/core"
)

// linkColumns are the columns of links to customers' pages. No column is evidence: the sealed copy proves account and end.
var linkColumns = core.Columns[pagelink.Link]{Table: "page_link", Unattested: []core.Column[pagelink.Link]{
	core.ID("id", func(l *pagelink.Link) *id.ID { return &l.ID }),
	core.ID("account_id", func(l *pagelink.Link) *id.ID { return &l.Account }),
	core.Bytes("hash", func(l *pagelink.Link) *[]byte { return &l.Hash }),
	core.Bytes("pay_hash", func(l *pagelink.Link) *[]byte { return &l.PayHash }),
	core.Bytes("sealed", func(l *pagelink.Link) *[]byte { return &l.Sealed }),
	core.Text("made_by", func(l *pagelink.Link) *string { return &l.MadeBy }),
	core.Time("created_at", func(l *pagelink.Link) *time.Time { return &l.CreatedAt }),
	core.Time("ends_at", func(l *pagelink.Link) *time.Time { return &l.EndsAt }),
	core.Time("revoked_at", func(l *pagelink.Link) *time.Time { return &l.RevokedAt }),
	core.Text("revoked_by", func(l *pagelink.Link) *string { return &l.RevokedBy }),
	{Name: "version", Form: 'i'},
}}

// maxLinkMeters is how many meters of an account are read for its page.
const maxLinkMeters = 20

// AddLink stores a new link to a customer's page.
func (tx Rows) AddLink(l pagelink.Link) error {
	_, err := tx.C.Exec(`INSERT INTO `+linkColumns.Into(), linkColumns.Values(tx.Tenant, &l)...)
	return fault.Wrap(err, "store link %s", l.ID.Text(id.PageLink))
}

// LinkByHash finds a link by the hash of its characters or of those with which somebody else pays, even one that has ended.
func (tx Rows) LinkByHash(hash []byte) (pagelink.Link, bool, error) {
	all, err := linkColumns.All(tx.C, `tenant_id = $1 AND (hash = $2 OR pay_hash = $2)`, tx.Tenant, hash)
	if err != nil || len(all) == 0 {
		return pagelink.Link{}, false, fault.Wrap(err, "find a link")
	}
	return all[0], true, nil
}

// LinksOf lists links of an account, newest first, and locks them.
func (tx Rows) LinksOf(account id.ID, max int) ([]pagelink.Link, error) {
	all, err := linkColumns.All(tx.C, `tenant_id = $1 AND account_id = $2 ORDER BY id DESC LIMIT $3`+tx.C.ForUpdate(), tx.Tenant, account, max)
	return all, fault.Wrap(err, "list the links of account %s", account.Text(id.Account))
}

// RevokeLink ends a link and deletes the sealed copy of its characters.
func (tx Rows) RevokeLink(link id.ID, at time.Time, by string) error {
	err := tx.Must(`UPDATE page_link SET revoked_at = $1, revoked_by = $2, sealed = NULL, version = version + 1 WHERE tenant_id = $3 AND id = $4`, at, by, tx.Tenant, link)
	return fault.Wrap(err, "revoke link %s", link.Text(id.PageLink))
}

// LinkAccount reads an account with the numbers of the meters that supply it.
func (tx Rows) LinkAccount(account id.ID) (a pagelink.Account, found bool, err error) {
	found, err = tx.One(`SELECT id, customer_id, status, opened_at FROM account WHERE tenant_id = $1 AND id = $2`, func(r core.Row) error {
		a.ID, a.Customer, a.Open, a.Since = r.ID(0), r.ID(1), r.Text(2) != ClosedAccount, r.Time(3)
		return nil
	}, tx.Tenant, account)
	if err != nil || !found {
		return a, false, fault.Wrap(err, "read account %s", account.Text(id.Account))
	}
	err = tx.C.Query(`SELECT number FROM meter WHERE tenant_id = $1 AND account_id = $2 AND status NOT IN `+core.LeftMeters+` ORDER BY n LIMIT $3`,
		func(r core.Row) error { a.Meters = append(a.Meters, r.Text(0)); return nil }, tx.Tenant, account, maxLinkMeters)
	return a, true, fault.Wrap(err, "list the meters of account %s", account.Text(id.Account))
}

// LinkAccountOf reads the account that a meter supplies.
func (tx Rows) LinkAccountOf(meter int64) (pagelink.Account, bool, error) {
	var account id.ID
	found, err := tx.One(`SELECT account_id FROM meter WHERE tenant_id = $1 AND n = $2 AND account_id IS NOT NULL`,
		func(r core.Row) error { account = r.ID(0); return nil }, tx.Tenant, meter)
	if err != nil || !found {
		return pagelink.Account{}, false, fault.Wrap(err, "find the account of meter %d", meter)
	}
	return tx.LinkAccount(account)
}
