package api

import (
	"context"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/wallet"
)

func walletLiveOf(w registry.WalletView) *apiv1.WalletEstimate {
	m := w.Money
	if m == nil {
		return nil
	}
	return &apiv1.WalletEstimate{AmountMinor: int64(m.Available.Minor), Currency: m.Available.Currency, AsOf: at(m.AsOf), RatedWh: int64(w.Total),
		SupplyWanted: w.Supply, Held: w.Held}
}

func registerOf(d wallet.Difference) apiv1.Register {
	b := apiv1.Register{Meter: d.Meter.Number, RegisterWh: int64(d.Register), RatedToWh: int64(d.Rated), DifferenceWh: int64(d.Register - d.Rated),
		RatedWh: int64(d.Total), LeftOutWh: int64(d.Rebased), AsOf: at(d.AsOf), Held: string(d.Held.Reason)}
	if d.Held.Stopped() {
		b.HeldWh, b.HeldSince = whole(d.Held.Register), at(d.Held.Since)
	}
	return b
}

func (a *API) walletRoutes(r router) {
	listRoute(r, apiv1.MeterUsage, a.usage)
	listRoute(r, apiv1.WalletStatement, a.walletStatement)
	listRoute(r, apiv1.Registers, func(ctx context.Context, by access.Actor, in *apiv1.Page) (*listed[apiv1.Register], error) {
		page, err := a.c.Wallets.Differences(ctx, by, pageAt(*in))
		return pageOf(page.Refusal, err, page.Data, page.Next, registerOf)
	})
}

func (a *API) usage(ctx context.Context, by access.Actor, in *apiv1.UsageFilter) (*listed[apiv1.Usage], error) {
	list, err := a.c.Timelines.Use(ctx, by, wallet.UseAsked{Meter: in.Meter, By: wallet.Period(in.By), From: in.From, To: in.To,
		Page: pageAt(in.Page)})
	return pageOf(list.Refusal, err, list.Data, list.Next, func(u wallet.Use) apiv1.Usage {
		return apiv1.Usage{Period: string(u.Period), From: u.First, UnitsWh: int64(u.Units), EstimatedWh: int64(u.Estimated), AmountMinor: int64(u.Debit),
			Currency: list.Currency}
	})
}

func (a *API) walletStatement(ctx context.Context, by access.Actor, in *apiv1.WalletFilter) (*listed[apiv1.WalletLine], error) {
	s, err := a.c.Wallets.Statement(ctx, by, in.Account, in.From, in.To, pageAt(in.Page))
	return pageOf(s.Refusal, err, s.Lines, s.Next, func(l wallet.Line) apiv1.WalletLine {
		return apiv1.WalletLine{Day: l.Day, At: l.At.UTC(), Kind: string(l.Kind), AmountMinor: int64(l.Amount), BalanceMinor: int64(l.Balance), Currency: s.Currency,
			UnitsWh: int64(l.Units), From: at(l.From), To: at(l.To), Journals: l.Journals, Ref: l.Ref}
	})
}
