package api

import (
	"context"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/timeline"
)

func (a *API) timelineRoutes(r router) {
	listRoute(r, apiv1.Timeline, func(ctx context.Context, by access.Actor, in *apiv1.MomentFilter) (*listed[apiv1.Moment], error) {
		list, err := a.c.Timelines.List(ctx, by, in.Meter, timeline.Kind(in.Kind), pageAt(in.Page))
		return pageOf(list.Refusal, err, list.Moments, list.Next, momentOf)
	})
}

func momentOf(m timeline.Moment) apiv1.Moment {
	out := apiv1.Moment{At: m.At.UTC(), Kind: string(m.Kind), What: m.What, State: m.State, By: m.By, Note: m.Note, AmountMinor: int64(m.Tender.Minor),
		Currency: m.Tender.Currency, UnitsWh: int64(m.Units), MeterAt: at(m.MeterAt)}
	if m.Kind == timeline.Swaps {
		out.Meter = m.Result
	}
	if m.Kind == timeline.Tariffs {
		out.Tariff, out.Begins = m.Result, at(m.Begins)
	}
	if !m.ID.IsZero() {
		out.ID = m.ID.Text(prefixOf(m.Kind))
	}
	return out
}

// prefixOf is the prefix of the identities of a kind.
func prefixOf(k timeline.Kind) string {
	switch k {
	case timeline.Sales:
		return id.Vend
	case timeline.Tokens:
		return id.Token
	case timeline.Doubts:
		return id.Held
	case timeline.Alarms:
		return id.Alarm
	case timeline.Messages:
		return id.Message
	case timeline.Swaps:
		return id.Swap
	case timeline.Tariffs:
		return id.TariffChange
	}
	return id.Command
}
