package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/registry"
)

// NumberChanged is the kind of the notice that a telephone number was changed.
const NumberChanged = "number-changed"

// heldUntil returns the time until which a message must wait because the number that it goes to was changed; zero if it need not wait.
// Only tokens wait, and the address of the customer's page, which shows tokens.
func heldUntil(tx Tx, m Message) (time.Time, error) {
	if m.Token.IsZero() && m.Purpose != PurposePage || m.Incoming {
		return time.Time{}, nil
	}
	return numberHeld(tx, m)
}

// numberHeld returns the time until which nothing of value goes to the number of a message.
func numberHeld(tx Tx, m Message) (time.Time, error) {
	owner := registry.PhoneOwner(m.Customer)
	if m.Purpose == PurposeMeter {
		owner = registry.SIMOwner(m.Meter)
	}
	c, _, err := tx.Recipients().NumberChange(owner)
	return c.HeldUntil, err
}

// hold lets a message wait. It leaves the queue of its telephone, because answers need not wait with it.
func (m *Message) hold(until time.Time) {
	m.NextAt, m.ExpiresAt = until, until.Add(tokenLife)
	if m.Purpose != PurposeMeter {
		m.Line = m.Phone + " held"
	}
}

// tellNumber queues the message that a telephone number was changed.
func (n Notices) tellNumber(ctx context.Context, t access.Tenant, c job.Claim) (job.Verdict, error) {
	var notice registry.NumberNotice
	if err := json.Unmarshal(c.Body, &notice); err != nil {
		return job.Dead("the notice cannot be read"), nil
	}
	err := n.door.Do(ctx, t, func(tx NoticeTx) (bool, error) {
		d := Draft{Purpose: PurposePhoneChanged, Phone: notice.Phone, Lang: notice.Lang, Args: Args{Utility: notice.Utility, Contact: notice.Contact}}
		if notice.Phone == "" {
			to, found, err := tx.NoticeTo(notice.Meter)
			if err != nil || !found {
				return false, err
			}
			d.Purpose, d.Phone, d.Lang, d.Customer, d.Meter, d.Number = PurposeSIMChanged, to.Phone, to.Lang, to.Customer, to.N, to.Number
			d.Args.Meter, d.Args.Test = to.Number, to.Simulated
		}
		_, err := Queue(tx, d, n.now())
		return false, err
	})
	if err != nil {
		return job.Verdict{}, fmt.Errorf("send a notice %s: %w", c.Kind, err)
	}
	n.kick()
	return job.Done(), nil
}
