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

// disclosure is what becomes of a message to a telephone number that was changed a moment ago.
type disclosure int

const (
	asWritten      disclosure = iota // it says nothing that only the customer may know
	later                            // tokens, the address of the customer's page, and answers with private figures wait
	withoutFigures                   // a notice goes out at once, and says no amount, balance or units
)

// discloses decides what a message gives away. A notice does not wait: a warning must precede a cut-off, and whoever changed the number again
// and again would never be cut off. The old number does not get it either: it may be somebody else's by now.
func discloses(m Message) disclosure {
	switch {
	case m.Incoming:
		return asWritten
	case !m.Token.IsZero() || m.Purpose.private():
		return later
	case m.Answers.IsZero():
		return withoutFigures
	}
	return asWritten
}

// guard lets a message wait, or hides its figures, if the number that it goes to was changed a moment ago. It reports whether it waits.
func (m *Message) guard(tx Tx, now time.Time) (waits bool, err error) {
	rule := discloses(*m)
	if rule == asWritten {
		return false, nil
	}
	until, err := numberHeld(tx, *m, now)
	if err != nil || !until.After(now) {
		return false, err
	}
	if rule == later {
		m.hold(until)
		return true, nil
	}
	m.Args.Hidden = true
	return false, nil
}

// private reports whether a message answers with figures that only the customer may know, or with the address of a page that shows them.
func (p Purpose) private() bool {
	switch p {
	case PurposeBalance, PurposeWallet, PurposeWalletSettled, PurposeUsage, PurposeWalletUsage, PurposeLastPending, PurposeLastReversed, PurposePage:
		return true
	}
	return false
}

// numberHeld returns the time until which nothing of value goes to the number of a message.
func numberHeld(tx Tx, m Message, now time.Time) (time.Time, error) {
	if m.Purpose == PurposeMeter {
		c, _, err := tx.Recipients().NumberChange(registry.SIMOwner(m.Meter))
		return c.HeldUntil, err
	}
	until, written, err := tx.Recipients().NumberHold(m.Customer)
	if !written { // somebody changed it outside the server
		until = now.Add(registry.NumberHold)
	}
	return until, err
}

// hold lets a message wait. It leaves the queue of its telephone, because answers need not wait with it. However often its number is held, it waits no
// longer than for one hold and the life of a token: a number that was changed in the database is held until somebody enters another one.
func (m *Message) hold(until time.Time) {
	m.NextAt, m.ExpiresAt = until, m.CreatedAt.Add(registry.NumberHold+tokenLife)
	if m.ExpiresAt.Before(until) {
		m.NextAt = m.ExpiresAt
	}
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
