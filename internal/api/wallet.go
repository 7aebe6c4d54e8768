package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
)

// walletLive is what is left of a wallet by what the meter has counted, beside what the books have.
type walletLive struct {
	AmountMinor  int64      `json:"amount_minor" doc:"The balance less what was used and is not posted; negative where more was used than paid for"`
	Currency     string     `json:"currency" example:"KES"`
	AsOf         *time.Time `json:"as_of" doc:"Meter time up to which use is counted; null before the first reading"`
	RatedWh      int64      `json:"rated_wh" doc:"All energy that was ever charged for"`
	SupplyWanted bool       `json:"supply_wanted"`
	Held         string     `json:"held,omitempty" enum:"register_regress,implausible,span,no_price,relay_open" doc:"Why charging waits for a decision"`
}

func walletLiveOf(w registry.WalletView) *walletLive {
	return &walletLive{AmountMinor: int64(w.Available.Minor), Currency: w.Available.Currency, AsOf: at(w.AsOf), RatedWh: int64(w.Total),
		SupplyWanted: w.Supply, Held: w.Held}
}

// useBody is what a wallet meter used in a period.
type useBody struct {
	Period      string `json:"period" enum:"day,week,month"`
	From        string `json:"from" example:"2026-11-16" doc:"Its first local day"`
	UnitsWh     int64  `json:"units_wh"`
	EstimatedWh int64  `json:"estimated_wh" doc:"Of units_wh, readings that were shared by time over a change of price, or came a day or more after the one before and were shared over days"`
	AmountMinor int64  `json:"amount_minor" doc:"What it was charged, levies and tax among it"`
	Currency    string `json:"currency" example:"KES"`
}

// walletLine is a line of a wallet's statement.
type walletLine struct {
	Day          string     `json:"day" example:"2026-11-20" doc:"Local day of the booking"`
	At           time.Time  `json:"at"`
	Kind         string     `json:"kind" example:"use" doc:"opening, recharge, use, charge, reversal, goodwill ..., closing"`
	AmountMinor  int64      `json:"amount_minor" doc:"What came in is positive; 0 for opening and closing"`
	BalanceMinor int64      `json:"balance_minor" doc:"After it"`
	Currency     string     `json:"currency" example:"KES"`
	UnitsWh      int64      `json:"units_wh,omitempty" doc:"Of use"`
	From         *time.Time `json:"from,omitempty" doc:"Meter time from which on it was used"`
	To           *time.Time `json:"to,omitempty"`
	Journals     int        `json:"journals,omitempty" doc:"How many the line sums up"`
	Ref          string     `json:"ref,omitempty" doc:"The sale of a recharge; else the journal's own reference"`
}

// registerBody is a meter whose register is not all rated.
type registerBody struct {
	Meter        string     `json:"meter" example:"04140001001"`
	RegisterWh   int64      `json:"register_wh" doc:"What the meter last reported"`
	RatedToWh    int64      `json:"rated_to_wh" doc:"Register up to which is charged"`
	DifferenceWh int64      `json:"difference_wh" doc:"register_wh less rated_to_wh"`
	RatedWh      int64      `json:"rated_wh" doc:"All energy that was ever charged for"`
	LeftOutWh    int64      `json:"left_out_wh" doc:"Where rating began, and what rebases left out: rated_to_wh less rated_wh"`
	AsOf         *time.Time `json:"as_of"`
	Held         string     `json:"held,omitempty" enum:"register_regress,implausible,span,no_price,relay_open"`
	HeldWh       *int64     `json:"held_wh,omitempty" doc:"The register at which rating stopped"`
	HeldSince    *time.Time `json:"held_since,omitempty"`
}

func registerOf(d wallet.Difference) registerBody {
	b := registerBody{Meter: d.Meter.Number, RegisterWh: int64(d.Register), RatedToWh: int64(d.Rated), DifferenceWh: int64(d.Register - d.Rated),
		RatedWh: int64(d.Total), LeftOutWh: int64(d.Rebased), AsOf: at(d.AsOf), Held: string(d.Held.Reason)}
	if d.Held.Stopped() {
		b.HeldWh, b.HeldSince = whole(d.Held.Register), at(d.Held.Since)
	}
	return b
}

func (a *API) walletRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "usage", Path: "/v1/meters/{meter}/usage", Tags: []string{"wallets"}, Summary: "List what a wallet meter used, newest first",
		Description: "By the meter's time. A day may grow while readings of it are on their way. A meter without a wallet has none.",
	}, a.usage)
	query(r, huma.Operation{
		OperationID: "wallet-statement", Path: "/v1/accounts/{id}/wallet", Tags: []string{"wallets"},
		Summary: "Show what changed an account's wallet, from the opening balance to the closing one",
		Description: "Made from the books: the lines sum to the closing balance, and a day that is over never changes. Use and charges " +
			"are summed up by the day on which they were posted. At most 100 days.",
	}, a.walletStatement)
	query(r, huma.Operation{
		OperationID: "registers", Path: "/v1/reports/registers", Tags: []string{"wallets"},
		Summary: "List wallet meters whose register is not all charged for, and why",
	}, func(ctx context.Context, by access.Actor, in *Page) (*listed[registerBody], error) {
		page, err := a.c.Wallets.Differences(ctx, by, registry.Page{Limit: in.Limit, Cursor: in.Cursor})
		if err != nil {
			return nil, err
		}
		if page.Refused() {
			return nil, refuse(page.Refusal)
		}
		return listOf(page.Data, page.Next, registerOf), nil
	})
}

func (a *API) usage(ctx context.Context, by access.Actor, in *struct {
	MeterPath
	By   string `query:"by" enum:"day,week,month" doc:"What to add up over; default day. A week begins on Monday"`
	From string `query:"from" maxLength:"10" example:"2026-11-01" doc:"First local day"`
	To   string `query:"to" maxLength:"10" example:"2026-11-30" doc:"Last local day"`
	Page
}) (*listed[useBody], error) {
	list, err := a.c.Wallets.Use(ctx, by, wallet.UseAsked{Meter: in.Meter, By: wallet.Period(in.By), From: in.From, To: in.To,
		Page: registry.Page{Limit: in.Limit, Cursor: in.Cursor}})
	if err != nil {
		return nil, err
	}
	if list.Refused() {
		return nil, refuse(list.Refusal)
	}
	return listOf(list.Data, list.Next, func(u wallet.Use) useBody {
		return useBody{Period: string(u.Period), From: u.First, UnitsWh: int64(u.Units), EstimatedWh: int64(u.Estimated), AmountMinor: int64(u.Debit),
			Currency: list.Currency}
	}), nil
}

func (a *API) walletStatement(ctx context.Context, by access.Actor, in *struct {
	AccountPath
	From string `query:"from" maxLength:"10" example:"2026-11-01" doc:"First local day; default the first of the month of to"`
	To   string `query:"to" maxLength:"10" example:"2026-11-30" doc:"Last local day; default today"`
	Page
}) (*listed[walletLine], error) {
	s, err := a.c.Wallets.Statement(ctx, by, in.ID, in.From, in.To, registry.Page{Limit: in.Limit, Cursor: in.Cursor})
	if err != nil {
		return nil, err
	}
	if s.Refused() {
		return nil, refuse(s.Refusal)
	}
	return listOf(s.Lines, s.Next, func(l wallet.Line) walletLine {
		return walletLine{Day: l.Day, At: l.At.UTC(), Kind: string(l.Kind), AmountMinor: int64(l.Amount), BalanceMinor: int64(l.Balance), Currency: s.Currency,
			UnitsWh: int64(l.Units), From: at(l.From), To: at(l.To), Journals: l.Journals, Ref: l.Ref}
	}), nil
}
