package messages

import (
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/internal/wallet"
)

// PutNumberChange stores the last change of an owner's number.
func (tx Rows) PutNumberChange(c registry.NumberChange) error {
	put := func() error {
		_, err := tx.C.Exec(`INSERT INTO number_change (tenant_id, owner, by_actor, self, changed_at, held_until) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (tenant_id, owner) DO UPDATE SET by_actor = excluded.by_actor, self = excluded.self, changed_at = excluded.changed_at,
				held_until = excluded.held_until`, tx.Tenant, c.Owner, c.By, c.Self, c.At, c.HeldUntil)
		return err
	}
	customer, err := id.Parse(id.Customer, c.Owner)
	if err == nil {
		err = people.Of(tx.Tx).WriteNumber(customer, func(n *people.Number) { n.Change = c }, put)
	} else { // the number of a SIM
		err = put()
	}
	return fault.Wrap(err, "store the change of a number of %s", c.Owner)
}

// formerKept is how long the server knows who gave a number up after the hold is over: a payment that was made before may become known late, from a
// provider's list or a statement. Its page then suggests the meter of whoever had the number. Without that it waits for a person too, because the
// number is newer for whoever has it now.
const formerKept = 31 * 24 * time.Hour

// HoldFormer stores that a customer gave a number up, and forgets what the owner gave up long ago.
func (tx Rows) HoldFormer(owner, number string, until time.Time) error {
	_, err := tx.C.Exec(`DELETE FROM former_number WHERE tenant_id = $1 AND owner = $2 AND held_until <= $3`, tx.Tenant, owner, tx.Now.Add(-formerKept))
	if err == nil {
		_, err = tx.C.Exec(`INSERT INTO former_number (tenant_id, owner, number, held_until) VALUES ($1, $2, $3, $4)
			ON CONFLICT (tenant_id, owner, number) DO UPDATE SET held_until = excluded.held_until`, tx.Tenant, owner, registry.Dialled(number), until)
	}
	return fault.Wrap(err, "hold a number that %s gave up", owner)
}

// ReleaseNumber makes the waiting messages of an owner's number due that bring a token, and ends the holds of the numbers that the owner gave up.
func (tx Rows) ReleaseNumber(owner string) error {
	_, err := tx.C.Exec(`UPDATE former_number SET held_until = $1 WHERE tenant_id = $2 AND owner = $3 AND held_until > $1`, tx.Now, tx.Tenant, owner)
	if err != nil {
		return fault.Wrap(err, "end the holds of numbers that %s gave up", owner)
	}
	of, whose := `customer_id = $3 AND purpose <> $4`, any(nil)
	if n, is := strings.CutPrefix(owner, "meter "); is {
		meter, err := strconv.ParseInt(n, 10, 64)
		if err != nil {
			return fault.Wrap(err, "release the number of %s", owner)
		}
		of, whose = `meter = $3 AND purpose = $4`, meter
	} else {
		customer, err := id.Parse(id.Customer, owner)
		if err != nil {
			return fault.Wrap(err, "release the number of %s", owner)
		}
		whose = customer
	}
	_, err = tx.C.Exec(`UPDATE message SET next_at = $1 WHERE tenant_id = $2 AND open = 1 AND state = 'queued' AND token_id IS NOT NULL AND next_at > $1 AND `+of,
		tx.Now, tx.Tenant, whose, string(notify.PurposeMeter))
	return fault.Wrap(err, "release the messages of %s", owner)
}

// TellNumberChange puts the notice about a change of a number into the outbox.
func (tx Rows) TellNumberChange(body []byte) error {
	_, err := tx.Enqueue(job.Item{Lane: job.LaneNotice, Key: notify.NumberChanged, Kind: notify.NumberChanged, Body: body, ExpiresAt: tx.Now.Add(wallet.NoticeLife)})
	return err
}
