package webhook

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
)

// Spreader makes a delivery of each event for each endpoint that wants it. It is the sender of the lane [job.LaneWebhook]. Repeating an event
// is harmless, because an endpoint has one delivery of it.
type Spreader struct {
	Door access.Door[Tx]
	Kick func() // wakes the deliverer
}

// done is the value of a transaction that is never refused.
type done struct{ verdict job.Verdict }

func (done) Refused() bool { return false }

// Send makes the deliveries of one event. An endpoint that is disabled gets its events when it is enabled again.
func (s Spreader) Send(ctx context.Context, t access.Tenant, c job.Claim) (job.Verdict, error) {
	var q queued
	if err := json.Unmarshal(c.Body, &q); err != nil {
		return job.Dead("not an event: " + err.Error()), nil
	}
	out, err := access.Through(ctx, s.Door, t, func(tx Tx) (done, error) {
		if _, err := q.body(1 << 62); err != nil {
			return done{job.Dead(err.Error())}, nil
		}
		all, err := tx.Webhooks().WebhookPage(id.ID{}, MaxEndpoints)
		if err != nil {
			return done{}, err
		}
		for _, e := range all {
			if !e.Events.Has(q.Type) || e.DisabledWhy == New {
				continue
			}
			e, found, err := tx.Webhooks().WebhookByID(e.ID) // locks the number of its newest event
			if err != nil || !found {
				return done{}, err
			}
			if _, err := deliver(tx, e, q); err != nil {
				return done{}, fmt.Errorf("event %s: %w", q.ID.Text(id.Event), err)
			}
		}
		return done{job.Done()}, nil
	})
	s.Kick()
	return out.verdict, err
}
