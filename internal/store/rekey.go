package store

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/meters"
	"github.com/paywatt/paywatt/internal/store/people"
)

// rekeyBatch is how many meters share one audit row with their evidence.
const rekeyBatch = 500

// Rekey puts everything that depends on the data key under a new one, in this one transaction: the marks and stored forms of people, keys and
// logins, and the passwords and link keys of meters. So the database belongs to one key or to the other, never to both. The parameter entry
// is the audit row, which gets the figures. Rekey does not touch the digits of tokens and the stored answers: their evidence is in the log
// and covers them as they are, so the old key must still open them.
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
	mark := r.Next.KeyMark()
	if err := tx.PutKeyMark("data", mark); err != nil {
		return 0, err
	}
	entry.After = fmt.Sprintf("key=%s meters=%d people-and-keys=%d", mark, meters, people)
	return meters + people, tx.AuditLog(entry)
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
	if len(k.Link) > 0 {
		k.Link, err = r.Reseal(registry.LinkKeyContext(meter), k.Link)
	}
	if len(k.NextLink) > 0 && err == nil {
		k.NextLink, err = r.Reseal(registry.NextLinkKeyContext(meter), k.NextLink)
	}
	return k, err
}
