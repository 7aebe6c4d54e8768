package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/unit"
)

func supplyOf(v wallet.SupplyView) apiv1.Supply {
	b := apiv1.Supply{Meter: v.Number, State: string(v.Stand), Wanted: v.Wanted, Reasons: v.Off, By: v.By, Why: v.Why, Waits: string(v.Block), WaitsTo: at(v.Until), OutSince: at(v.Since),
		PressKey: v.Press, Protected: v.Protected, GraceWh: v.Grace}
	if v.Available != nil {
		b.Available = new(amountOf(*v.Available))
	}
	if e := v.Emergency; e != nil {
		b.Emergency = &apiv1.Emergency{Until: e.Until.UTC(), EnergyWh: int64(e.Energy), Floor: amountOf(money.Amount{Minor: e.Floor, Currency: v.Currency}),
			By: e.By, Reason: e.Reason}
	}
	b.DaysLeft = daysLeftOf(v.Days)
	if !v.Lease.Command.IsZero() {
		b.Lease = &apiv1.Lease{MaxRegisterWh: int64(v.Lease.Max), LeftWh: int64(v.LeaseLeft), At: v.Lease.At.UTC(), Waiting: v.Waiting}
	}
	return b
}

func switchedOf(s command.Switched) apiv1.Switched {
	out := apiv1.Switched{Effect: s.Effect, Reasons: s.Off}
	if s.Command != nil {
		out.Command = new(commandOf(*s.Command))
	}
	return out
}

func (a *API) supplyRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "supply", Path: "/v1/meters/{meter}/supply", Tags: []string{"wallets"}, Summary: "Show the supply of a wallet meter, its reasons and how long the money lasts",
	}, func(ctx context.Context, by access.Actor, in *MeterPath) (*reply[apiv1.Supply], error) {
		v, err := a.c.Wallets.Supply(ctx, by, in.Meter)
		return replyOf(v.Refusal, err, func() apiv1.Supply { return supplyOf(v) })
	})
	order(r, huma.Operation{
		OperationID: "set-supply", Path: "/v1/meters/{meter}/supply", DefaultStatus: http.StatusOK, Tags: []string{"wallets"},
		Summary:     "Protect an account from being cut off, or set what happens when a lease's time ends",
		Description: "This applies to the account that the meter supplies. Omitted fields stay as they are. If a second person must approve it, the answer is 202 with the approval.",
		Responses:   eitherOr(r, "200", of[apiv1.Supply](r)),
	}, func(ctx context.Context, by access.Actor, in *MeterPath, body apiv1.SupplyChange) (*sent, error) {
		v, err := a.c.Wallets.SetAccount(ctx, by, in.Meter, wallet.AccountChange{Protected: body.Protected, Grace: body.GraceWh, Reason: body.Reason})
		return doneOrWaits(http.StatusOK, v.Refusal, v.Waits, err, func() any { return supplyOf(v) })
	})
	order(r, huma.Operation{
		OperationID: "emergency-supply", Path: "/v1/meters/{meter}/emergency", DefaultStatus: http.StatusOK, Tags: []string{"wallets"},
		Summary: "Restore a supply at night, on credit",
		Description: "One person may do this at night, for at most 24 hours and up to a ceiling of energy. The account pays for the energy. The daily report names the person. " +
			"Above the ceiling, a second person must approve: the answer is 202 with the approval.",
		Responses: eitherOr(r, "200", of[apiv1.Supply](r)),
	}, func(ctx context.Context, by access.Actor, in *MeterPath, body apiv1.NewEmergency) (*sent, error) {
		v, err := a.c.Wallets.Restore(ctx, by, in.Meter, wallet.EmergencyRequest{Hours: body.Hours, Energy: unit.Energy(body.EnergyWh), Reason: body.Reason})
		return doneOrWaits(http.StatusOK, v.Refusal, v.Waits, err, func() any { return supplyOf(v) })
	})
	for _, o := range []struct {
		name, summary, text string
		do                  func(context.Context, access.Actor, string, string) (command.Switched, error)
	}{
		{"cut", "Cut a supply until a person restores it", "A payment does not restore it. The answer says what happens now.", a.c.Commands.Cut},
		{"restore", "End a cut by a person", "The supply returns if nothing else keeps it off. The answer says whether somebody must press a key at the meter.", a.c.Commands.Restore},
	} {
		order(r, huma.Operation{
			OperationID: o.name + "-supply", Path: "/v1/meters/{meter}/" + o.name, DefaultStatus: http.StatusAccepted, Tags: []string{"wallets"},
			Summary: o.summary, Description: o.text,
		}, func(ctx context.Context, by access.Actor, in *MeterPath, body apiv1.Reason) (*reply[apiv1.Switched], error) {
			done, err := o.do(ctx, by, in.Meter, body.Reason)
			return replyOf(done.Refusal, err, func() apiv1.Switched { return switchedOf(done) })
		})
	}
}
