package store

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/meters"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/internal/webhook"
)

// rekeyBatch is how many meters share one audit row with their evidence.
const rekeyBatch = 500

// Rekey puts everything that depends on the data key under a new one, in this one transaction: the marks and stored forms of people, keys
// and logins, the marks of commands that wait and of telephone numbers, the passwords and link keys of meters, and the secrets of payment
// providers and webhooks. So the database belongs to one key or to the other, never to both. The parameter entry is the audit row, which
// gets the figures. Rekey does not touch the digits of tokens, the stored answers, and what providers sent: their evidence is in the log and
// covers them as they are, so the old key must still open them.
func (tx *Tx) Rekey(r people.DataKeyChange, entry access.Entry) (rows int, err error) {
	tenants, err := tx.Tenants()
	if err != nil {
		return 0, err
	}
	if len(tenants) != 1 || tenants[0] != tx.Tenant {
		return 0, fmt.Errorf("the data key of a database with %d tenants cannot be rotated", len(tenants))
	}
	meters, err := tx.rekeyMeters(r)
	if err != nil {
		return 0, err
	}
	people, err := tx.RekeyPeople(r)
	if err != nil {
		return 0, err
	}
	secrets, err := tx.rekeySecrets(r)
	if err != nil {
		return 0, err
	}
	commands, err := tx.RemarkCommands(r.Next)
	if err != nil {
		return 0, err
	}
	numbers, err := tx.RemarkNumbers(r.Next)
	if err != nil {
		return 0, err
	}
	mark := r.Next.KeyMark()
	if err := tx.PutKeyMark("data", mark); err != nil {
		return 0, err
	}
	entry.After = fmt.Sprintf("key=%s meters=%d people-and-keys=%d secrets=%d commands=%d numbers=%d", mark, meters, people, secrets, commands, numbers)
	return meters + people + secrets + commands + numbers, tx.AuditLog(entry)
}

// rekeyMeters puts the passwords and link keys of all meters under the new key.
func (tx *Tx) rekeyMeters(r people.DataKeyChange) (total int, err error) {
	var after id.ID
	for {
		n, last, err := tx.RekeyMeters(after, rekeyBatch, func(meter id.ID, k meters.Keyed) (meters.Keyed, error) {
			return rekeyed(r, meter, k)
		})
		if err != nil {
			return total, err
		}
		total, after = total+n, last
		if _, err := tx.Finish(false, nil); err != nil { // one audit row with the evidence of all meters would be too long
			return total, err
		}
		if n < rekeyBatch {
			return total, nil
		}
	}
}

// rekeyed puts the password and the link keys of one meter under the new key.
func rekeyed(r people.DataKeyChange, meter id.ID, k meters.Keyed) (_ meters.Keyed, err error) {
	if carried, ok := registry.CarryPassword(k.Password, r.Carry); ok {
		k.Password = carried
	}
	if carried, ok := registry.CarryPassword(k.NextPassword, r.Carry); ok {
		k.NextPassword = carried
	}
	if len(k.Link) > 0 {
		k.Link, err = r.Reseal(registry.LinkKeyContext(meter), k.Link)
	}
	if len(k.NextLink) > 0 && err == nil {
		k.NextLink, err = r.Reseal(registry.NextLinkKeyContext(meter), k.NextLink)
	}
	return k, err
}

// secretColumn is a column of sealed texts that no evidence covers, with the context of its rows.
type secretColumn struct {
	table, column string
	context       func(row id.ID) string
}

// rekeySecrets seals the secrets of payment providers and webhooks under the new key.
func (tx *Tx) rekeySecrets(r people.DataKeyChange) (total int, err error) {
	for _, c := range []secretColumn{
		{"provider", "path_enc", payment.PathContext}, {"provider", "secrets_enc", payment.SecretContext}, {"provider", "secrets_old_enc", payment.SecretContext},
		{"webhook", "secret_enc", webhook.SecretContext}, {"webhook", "previous_enc", webhook.SecretContext},
	} {
		n, err := tx.reseal(c, r)
		if total += n; err != nil {
			return total, err
		}
	}
	return total, nil
}

// reseal seals the texts of a column again. The tables are small: their rows have limits.
func (tx *Tx) reseal(c secretColumn, r people.DataKeyChange) (n int, err error) {
	type row struct {
		id     id.ID
		sealed []byte
	}
	var rows []row
	err = tx.C.Query(`SELECT id, `+c.column+` FROM `+c.table+` WHERE tenant_id = $1 AND `+c.column+` IS NOT NULL ORDER BY id`, func(w core.Row) error {
		rows = append(rows, row{w.ID(0), w.Bytes(1)})
		return nil
	}, tx.Tenant)
	for _, w := range rows {
		if err == nil {
			w.sealed, err = r.Reseal(c.context(w.id), w.sealed)
		}
		if err == nil {
			err = tx.Rewrite(c.table, w.id, func() error {
				return tx.Must(`UPDATE `+c.table+` SET `+c.column+` = $1, version = version + 1 WHERE tenant_id = $2 AND id = $3`, w.sealed, tx.Tenant, w.id)
			})
		}
	}
	return len(rows), fault.Wrap(err, "seal %s of %s again", c.column, c.table)
}
