package messages

import (
	"time"

	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/meters"
	"github.com/paywatt/paywatt/internal/store/people"
	"github.com/paywatt/paywatt/internal/wallet"
)

// numberChangeUpsert stores the last change of an owner's number.
var numberChangeUpsert = `INSERT INTO ` + people.NumberChangeColumns.Into() + people.NumberChangeColumns.OrUpdate("owner")

// PutNumberChange stores the last change of an owner's number. That of a customer gets the customer's mark, and that of a SIM is in the evidence of
// its meter.
func (tx Rows) PutNumberChange(c registry.NumberChange) error {
	put := func() error {
		_, err := tx.C.Exec(numberChangeUpsert, people.NumberChangeColumns.Values(tx.Tenant, &c)...)
		return err
	}
	var err error
	if meter, is := registry.ReadSIMOwner(c.Owner); is {
		err = tx.rewriteSIM(meter, put)
	} else if customer, no := id.Parse(id.Customer, c.Owner); no == nil {
		err = people.Of(tx.Tx).WriteNumber(customer, func(n *people.Number) { n.Change = c }, put)
	} else {
		err = no
	}
	return fault.Wrap(err, "store the change of a number of %s", c.Owner)
}

// rewriteSIM runs a write that changes what the evidence of a meter says of the number of its SIM.
func (tx Rows) rewriteSIM(meter int64, write func() error) error {
	m, found, err := meters.Of(tx.Tx).MeterByN(meter)
	if err == nil && !found {
		err = core.ErrNotFound
	}
	if err != nil {
		return err
	}
	return tx.Rewrite("meter", m.ID, func() error {
		if err := write(); err != nil {
			return err
		}
		return tx.Must(`UPDATE meter SET version = version + 1 WHERE tenant_id = $1 AND id = $2`, tx.Tenant, m.ID)
	})
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
	if meter, is := registry.ReadSIMOwner(owner); is {
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
