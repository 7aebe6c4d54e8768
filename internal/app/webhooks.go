package app

import (
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/poster"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/webhook"
)

// openWebhooks makes the use cases of webhooks, what makes deliveries of events, and what sends them.
func (a *App) openWebhooks() {
	door := store.DoorTo(a.engine, store.Job, func(tx *store.Tx) webhook.Tx { return tx })
	outbox := store.DoorTo(a.engine, store.Job, func(tx *store.Tx) job.OutboxTx { return tx })
	a.deliverer = webhook.NewDeliverer(webhook.DelivererConfig{Door: door, Outbox: outbox, Poster: poster.New(nil, a.c.Now), Sealer: a.data, Owner: a.holder,
		Rand: a.c.Rand, Now: a.c.Now, Log: a.log})
	a.webhooks = webhook.NewWebhooks(webhook.Config{Sealer: a.data, Rand: a.c.Rand, Kick: a.deliverer.Kick,
		Door: store.DoorTo(a.engine, store.Sale, func(tx *store.Tx) webhook.Tx { return tx })})
	a.spreading = job.NewOutbox(job.OutboxConfig{Lane: job.LaneWebhook, Owner: a.holder, Now: a.c.Now, Log: a.log, Door: outbox,
		Sender: webhook.Spreader{Door: door, Kick: a.deliverer.Kick}})
}
