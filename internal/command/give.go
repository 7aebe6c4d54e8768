package command

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/registry"
)

// AddTx is the part of a transaction that adds a command.
type AddTx interface {
	// HasLinkKey reports whether messages to the meter can be signed.
	HasLinkKey(meter id.ID) (bool, error)
	// MeterClock returns the current time of a meter. A simulated meter has its own time; every other meter has the time of
	// the transaction.
	MeterClock(m registry.Meter) (time.Time, error)
	// NextCommandID makes the identity of a meter's next command, higher than all before, and returns its time.
	NextCommandID(meter int64) (id.ID, time.Time, error)
	// AddCommand adds a command with its outbox item.
	AddCommand(Command, job.Item) error
	AuditLog(access.Entry) error
}

// Add queues a person's command for a meter and writes an audit row. The caller sets the command's type, arguments, reason and
// sender. If the caller sets no creation time, the time in the command's identity is used. The parameter life is how long the
// command waits for its meter. The parameter by is an audit entry that names the person. Add returns an error for a meter without
// a link key, which cannot check a signature.
func Add(tx AddTx, m registry.Meter, c Command, life time.Duration, by access.Entry, eyes access.FourEyes) (Command, error) {
	signed, err := tx.HasLinkKey(m.ID)
	if err == nil && !signed {
		err = fmt.Errorf("meter %s has lost its link key", m.Number)
	}
	if err != nil {
		return Command{}, err
	}
	clock, err := tx.MeterClock(m)
	if err != nil {
		return Command{}, err
	}
	i, at, err := tx.NextCommandID(m.N)
	if err != nil {
		return Command{}, err
	}
	if c.CreatedAt.IsZero() {
		c.CreatedAt = at
	}
	c.Meter, c.Number, c.ExpiresAt = m.N, m.Number, clock.Add(life)
	c, item, err := c.Queued(i, life)
	if err == nil {
		err = tx.AddCommand(c, item)
	}
	if err != nil {
		return Command{}, fmt.Errorf("queue %s for meter %s: %w", c.Type, m.Number, err)
	}
	by.Action, by.Object, by.After, by.Reason = "command.send", i.Text(id.Command), string(c.Type)+" "+m.ID.Text(id.Meter), c.Reason
	if err := tx.AuditLog(eyes.Mark(by)); err != nil {
		return Command{}, err
	}
	return c, nil
}

// Queued returns the queued command with its identity, and its outbox item, which expires after life.
func (c Command) Queued(i id.ID, life time.Duration) (Command, job.Item, error) {
	c.ID, c.State, c.UpdatedAt = i, StateQueued, c.CreatedAt
	body, err := json.Marshal(job.Body{CommandID: i.Text(id.Command)})
	return c, job.Item{Lane: job.LaneMQTT, Key: c.Type.Key(c.Number), Kind: job.KindCommand, Body: body, ExpiresAt: c.CreatedAt.Add(life)}, err
}
