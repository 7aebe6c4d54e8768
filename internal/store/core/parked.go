package core

import (
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/job"
)

// WakeParked orders that payments which wait for a person are looked at again from a time on, because of what this transaction registers. Without such
// payments it writes nothing. The work exists exactly if the registration does.
func (tx *Tx) WakeParked(a job.Registration, at time.Time) error {
	waits, err := tx.One(`SELECT 1 FROM payment WHERE tenant_id = $1 AND (status = 'received' OR status = 'parked') AND status = 'parked' AND confirmed_at IS NOT NULL
		AND reason IN ('unknown-reference', 'many-references', 'not-sold') LIMIT 1`, func(Row) error { return nil }, tx.Tenant)
	if err != nil || !waits {
		return fault.Wrap(err, "look for parked payments")
	}
	it, err := a.Item(at)
	if err != nil {
		return err
	}
	_, err = tx.Enqueue(it)
	return err
}
