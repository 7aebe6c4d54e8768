package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/vending"
)

// readingBody is one record of a meter's registers.
type readingBody struct {
	Store      string    `json:"store" doc:"The meter memory that counted seq"`
	Seq        uint64    `json:"seq"`
	At         time.Time `json:"at" doc:"Meter time"`
	Clock      string    `json:"clock" enum:"valid,holdover,invalid"`
	ReceivedAt time.Time `json:"received_at" doc:"Server time"`
	RegisterWh int64     `json:"register_wh"`
	BalanceWh  int64     `json:"balance_wh"`
	ECUsedWh   int64     `json:"ec_used_wh"`
	OverrunWh  int64     `json:"overrun_wh"`
	W          int64     `json:"w"`
	MV         int64     `json:"mv"`
	Relay      string    `json:"relay"`
	Reasons    []string  `json:"reasons"`
}

// eventBody is one event that a meter recorded.
type eventBody struct {
	Store      string         `json:"store"`
	Seq        uint64         `json:"seq"`
	Kind       string         `json:"kind" doc:"event, close (a daily row) or command (an answer)"`
	Code       int            `json:"code" doc:"Stable number of the event; 0 for other kinds"`
	At         time.Time      `json:"at" doc:"Meter time"`
	Clock      string         `json:"clock"`
	ReceivedAt time.Time      `json:"received_at" doc:"Server time"`
	Args       map[string]any `json:"args,omitempty"`
}

// history is the question for a part of one meter's history.
type history struct {
	MeterPath
	Span
}

func (h history) span() metering.Span { return metering.Span{From: h.From, To: h.To} }

func readingOf(r metering.StoredReading) readingBody {
	b := readingBody{Store: r.Store, Seq: r.Seq, At: r.At.UTC(), Clock: r.Clock, ReceivedAt: r.ReceivedAt.UTC(), RegisterWh: r.RegisterWh,
		BalanceWh: r.BalanceWh, ECUsedWh: r.ECUsedWh, OverrunWh: r.OverrunWh, W: r.W, MV: r.MV, Relay: r.Relay, Reasons: r.Reasons}
	if b.Reasons == nil {
		b.Reasons = []string{}
	}
	return b
}

func eventOf(e metering.StoredEvent) eventBody {
	b := eventBody{Store: e.Store, Seq: e.Seq, Kind: e.Kind, Code: e.Code, At: e.At.UTC(), Clock: e.Clock, ReceivedAt: e.ReceivedAt.UTC()}
	if len(e.Args) > 0 && json.Unmarshal(e.Args, &b.Args) != nil {
		// What is kept of a meter may be anything; it is shown as text rather than not at all.
		b.Args = map[string]any{"text": string(e.Args)}
	}
	return b
}

// meterToken is a token made for a meter.
type meterToken struct {
	ID       string    `json:"id" example:"tok_01jd00000000000000000000000"`
	Vend     string    `json:"vend,omitempty"`
	IssuedAt time.Time `json:"issued_at"`
	Result   string    `json:"result,omitempty" doc:"What the meter answered"`
	// Elsewhere marks what this server did not make.
	Elsewhere bool `json:"elsewhere,omitempty" doc:"Not made here: somebody handed its digits in to be sent to the meter. It belongs to no sale, and what could not be read of it is 0"`
	Token
}

func (a *API) tokens(ctx context.Context, by access.Actor, in *struct {
	MeterPath
	Page
}) (*listed[meterToken], error) {
	page, err := a.c.Vending.Tokens(ctx, by, in.Meter, registry.Page{Limit: in.Limit, Cursor: in.Cursor})
	if err != nil {
		return nil, err
	}
	if page.Refused() {
		return nil, refuse(page.Refusal)
	}
	digits, n := page.Issued.Digits(), -1
	return listOf(page.Tokens, page.Next, func(t vending.Token) meterToken {
		n++
		m := meterToken{ID: t.ID.Text(id.Token), IssuedAt: t.IssuedAt.UTC(), Result: t.Result, Elsewhere: t.Elsewhere, Token: tokenOf(t, digits, n)}
		if !t.Sale.IsZero() {
			m.Vend = t.Sale.Text(id.Vend)
		}
		return m
	}), nil
}

func (a *API) historyRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "tokens", Path: "/v1/meters/{meter}/tokens", Tags: []string{"meters"}, Summary: "List the tokens of a meter, newest first",
		Description: "Those that were made for it, and those from elsewhere that somebody handed in to be sent to it.",
	}, a.tokens)
	query(r, huma.Operation{
		OperationID: "readings", Path: "/v1/meters/{meter}/readings", Tags: []string{"meters"}, Summary: "List a meter's readings, newest first",
	}, func(ctx context.Context, by access.Actor, in *history) (*listed[readingBody], error) {
		page, err := a.c.History.Readings(ctx, by, in.Meter, in.span(), in.Limit, in.Cursor)
		if err != nil {
			return nil, err
		}
		if page.Refused() {
			return nil, refuse(page.Refusal)
		}
		return listOf(page.Rows, page.Next, readingOf), nil
	})
	query(r, huma.Operation{
		OperationID: "events", Path: "/v1/meters/{meter}/events", Tags: []string{"meters"}, Summary: "List a meter's events, newest first",
	}, func(ctx context.Context, by access.Actor, in *history) (*listed[eventBody], error) {
		page, err := a.c.History.Events(ctx, by, in.Meter, in.span(), in.Limit, in.Cursor)
		if err != nil {
			return nil, err
		}
		if page.Refused() {
			return nil, refuse(page.Refusal)
		}
		return listOf(page.Rows, page.Next, eventOf), nil
	})
}
