package api

import (
	"context"
	"encoding/json"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/sale"
)

func readingOf(r metering.StoredReading) apiv1.Reading {
	return apiv1.Reading{Memory: r.Memory, Seq: r.Seq, At: r.At.UTC(), Clock: r.Clock, ReceivedAt: r.ReceivedAt.UTC(), RegisterWh: r.RegisterWh,
		BalanceWh: r.BalanceWh, ECUsedWh: r.ECUsedWh, OverrunWh: r.OverrunWh, W: r.W, MV: r.MV, Relay: r.Relay, Reasons: append([]string{}, r.Reasons...)}
}

func eventOf(e metering.StoredEvent) apiv1.Event {
	b := apiv1.Event{Memory: e.Memory, Seq: e.Seq, Kind: e.Kind, Code: e.Code, At: e.At.UTC(), Clock: e.Clock, ReceivedAt: e.ReceivedAt.UTC()}
	if len(e.Args) > 0 && json.Unmarshal(e.Args, &b.Args) != nil {
		// The stored arguments of a meter may be anything; show invalid ones as text.
		b.Args = map[string]any{"text": string(e.Args)}
	}
	return b
}

func (a *API) tokens(ctx context.Context, by access.Actor, in *apiv1.MeterFilter) (*listed[apiv1.MeterToken], error) {
	page, err := a.c.Vending.Tokens(ctx, by, in.Meter, pageAt(in.Page))
	digits, n := page.Issued.Digits(), -1
	return pageOf(page.Refusal, err, page.Tokens, page.Next, func(t sale.Token) apiv1.MeterToken {
		n++
		return apiv1.MeterToken{ID: t.ID.Text(id.Token), IssuedAt: t.IssuedAt.UTC(), Result: t.Result, Elsewhere: t.Elsewhere, Vend: refOf(t.Sale, id.Vend),
			Token: tokenOf(t, digits, n)}
	})
}

func (a *API) historyRoutes(r router) {
	listRoute(r, apiv1.MeterTokens, a.tokens)
	listRoute(r, apiv1.Readings, func(ctx context.Context, by access.Actor, in *apiv1.HistoryFilter) (*listed[apiv1.Reading], error) {
		page, err := a.c.History.Readings(ctx, by, in.Meter, metering.Span{From: in.From, To: in.To}, in.Limit, in.Cursor)
		return pageOf(page.Refusal, err, page.Rows, page.Next, readingOf)
	})
	listRoute(r, apiv1.Events, func(ctx context.Context, by access.Actor, in *apiv1.HistoryFilter) (*listed[apiv1.Event], error) {
		page, err := a.c.History.Events(ctx, by, in.Meter, metering.Span{From: in.From, To: in.To}, in.Limit, in.Cursor)
		return pageOf(page.Refusal, err, page.Rows, page.Next, eventOf)
	})
}
