package core

import (
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/webhook"
)

// Announce queues an event, in the transaction of its fact, if an endpoint wants events of its type. Only then does it call of. The rows that
// are facts for others announce themselves where they are written, so no path can forget it.
func (tx *Tx) Announce(t webhook.Type, of func() (webhook.Event, error)) error {
	wanted := false
	err := tx.C.Query(`SELECT events FROM webhook WHERE tenant_id = $1 AND removed_at IS NULL`, func(r Row) error {
		wanted = wanted || webhook.Choice(r.Text(0)).Has(t)
		return nil
	}, tx.Tenant)
	if err != nil || !wanted {
		return fault.Wrap(err, "find who wants an event")
	}
	e, err := of()
	if err != nil {
		return err
	}
	i, err := tx.NewID()
	if err != nil {
		return err
	}
	item, err := webhook.Item(i, tx.Now, e)
	if err != nil {
		return err
	}
	_, err = tx.Enqueue(item)
	return err
}
