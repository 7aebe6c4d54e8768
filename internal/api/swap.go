package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/unit"
)

func (a *API) swapRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "swap", Path: "/v1/meters/{meter}/swap", Tags: []string{"meters"}, Summary: "Show what a swap of a meter needs to know",
		Description: "The last balance with its time, the tokens that were never entered, the closing register, and the swap itself if the meter was replaced.",
	}, func(ctx context.Context, by access.Actor, in *MeterPath) (*reply[apiv1.SwapFacts], error) {
		f, err := a.c.Vending.LookAtSwap(ctx, by, in.Meter)
		return replyOf(f.Refusal, err, func() apiv1.SwapFacts { return swapFactsOf(f) })
	})
	order(r, huma.Operation{
		OperationID: "plan-swap", Path: "/v1/meters/{meter}/swap/plan", DefaultStatus: http.StatusOK, Tags: []string{"meters"},
		Summary: "Say what a swap would do", Description: "Makes every check of a swap, and changes nothing.",
	}, func(ctx context.Context, by access.Actor, in *MeterPath, body apiv1.NewSwap) (*reply[apiv1.Swap], error) {
		out, err := a.c.Vending.PlanSwap(ctx, by, swapOf(in.Meter, body))
		return replyOf(out.Refusal, err, func() apiv1.Swap { return showSwap(out, vending.Digits{}) })
	})
	order(r, huma.Operation{
		OperationID: "swap-meter", Path: "/v1/meters/{meter}/swap", DefaultStatus: http.StatusCreated, Tags: []string{"meters"},
		Summary: "Replace a meter",
		Description: "A meter from the stock takes the place, the customer and the account of the meter. The new token meter gets a replacement token for " +
			"what was left. A wallet's money stays on the account, and the old meter is closed at its last register and switched off. The old meter gets no more " +
			"tokens and no more money. If the issuer refused the tokens of a swap, the same request makes them again. If a second person must approve, the answer is 202 with the approval. Needs the header Idempotency-Key.",
		Parameters: keyParam(),
		Responses: map[string]*huma.Response{
			"201": bodyOf[apiv1.Swap](r, "Replaced."),
			"202": bodyOf[apiv1.Approval](r, "Waits for a second person.")},
	}, a.swapMeter)
}

func swapOf(meter string, n apiv1.NewSwap) vending.Swap {
	return vending.Swap{Old: meter, New: n.NewMeter, Balance: (*unit.Energy)(n.BalanceWh), Unused: n.Unused, Register: (*unit.Energy)(n.RegisterWh), Reason: n.Reason}
}

func (a *API) swapMeter(ctx context.Context, by access.Actor, in *MeterPath, body apiv1.NewSwap) (*sent, error) {
	ask := swapOf(in.Meter, body)
	ask.Request = exchangeOf(ctx).request()
	ask.Render = func(s vending.Swapped, d vending.Digits) (int, []byte) {
		if s.Waits != nil {
			return encodeWaits(*s.Waits)
		}
		return http.StatusCreated, encoded(showSwap(s, d))
	}
	done, err := a.c.Vending.SwapMeter(ctx, by, ask)
	return answered(ctx, a, once.Done[vending.Swapped]{Refusal: done.Refusal, Reply: done.Reply, Replay: done.Replay}, err)
}

// showSwap shows a swap with the use that its closing charged, and its tokens.
func showSwap(s vending.Swapped, d vending.Digits) apiv1.Swap {
	b := doneSwap(s.Swap)
	b.ChargedWh, b.StillAllowed = int64(s.Charged), int64(s.Allowed)
	if !s.Job.IsZero() {
		b.Tokens, b.TokensState = new(tokensOf(s.Made, d)), string(s.Made.State)
	}
	return b
}

func doneSwap(s sale.Swap) apiv1.Swap {
	b := apiv1.Swap{OldMeter: s.Old.Number, NewMeter: s.New.Number, Test: s.Old.Simulated, BalanceWh: int64(s.Balance), BalanceAt: at(s.BalanceAt), Source: s.Source,
		UnusedWh: int64(s.TokenUnits), UnitsWh: int64(s.Units), RegisterWh: int64(s.Register), RegisterAt: at(s.RegisterAt), Reason: s.Reason, By: s.By,
		ApprovedBy: s.ApprovedBy, At: s.At.UTC()}
	if !s.ID.IsZero() {
		b.ID = s.ID.Text(id.Swap)
	}
	for _, t := range s.Tokens {
		b.Unused = append(b.Unused, t.Text(id.Token))
	}
	return b
}

func swapFactsOf(f vending.SwapFacts) apiv1.SwapFacts {
	b := apiv1.SwapFacts{Meter: f.Meter.Number, Mode: string(f.Mode), Unused: []apiv1.UnusedToken{}, MostWh: int64(f.Limit), RegisterWh: int64(f.Closing.Register),
		RegisterAt: at(f.Closing.At), StillAllowed: int64(f.Closing.Allowed)}
	if f.Came != nil {
		b.Replaces = new(doneSwap(f.Came.Swap))
		b.Replaces.TokensState = string(f.Came.Tokens)
	}
	if f.Replaced != nil {
		b.ReplacedBy = new(doneSwap(f.Replaced.Swap))
		b.ReplacedBy.TokensState = string(f.Replaced.Tokens)
	}
	if f.Reported {
		b.BalanceWh, b.BalanceAt = new(int64(f.Balance)), at(f.BalanceAt)
	}
	for _, t := range f.Open {
		u := apiv1.UnusedToken{ID: t.ID.Text(id.Token), UnitsWh: int64(t.Units), IssuedAt: t.IssuedAt.UTC()}
		if !t.Sale.IsZero() {
			u.Vend = t.Sale.Text(id.Vend)
		}
		b.Unused = append(b.Unused, u)
	}
	return b
}
