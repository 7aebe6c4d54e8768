package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/wallet"
)

// supplyBody is where the supply of a wallet meter stands, and why.
type supplyBody struct {
	Meter     string     `json:"meter" example:"04140001001"`
	State     string     `json:"state" enum:"on,pending_cutoff,cutting,off,connecting,armed,unknown"`
	Wanted    bool       `json:"wanted" doc:"What the server wants; the meter may not know yet"`
	Reasons   []string   `json:"reasons" doc:"Why it is not wanted: CREDIT for want of money, REMOTE for a person's cut"`
	By        string     `json:"by,omitempty" doc:"Who cut it"`
	Why       string     `json:"why,omitempty"`
	Waits     string     `json:"waits,omitempty" enum:"protected,held,unheard,stale,friendly,notice" doc:"Why it is on though nothing is left"`
	WaitsTo   *time.Time `json:"waits_until,omitempty" doc:"When that ends, where a clock says it: of friendly in the meter's time"`
	OutSince  *time.Time `json:"out_since" doc:"Since when nothing is left; null while there is something"`
	PressKey  bool       `json:"press_key" doc:"Somebody must press # at the meter for the supply to return"`
	Available amountBody `json:"available"`
	DaysLeft  *daysBody  `json:"days_left" doc:"null where there is too little use to judge by"`
	Lease     *leaseBody `json:"lease" doc:"null without one"`
	Protected bool       `json:"protected"`
	GraceWh   int64      `json:"lease_grace_wh"`
}

// daysBody is for how many days the money lasts.
type daysBody struct {
	Least  int64 `json:"least" doc:"If every day were like the dearest of the last 14, but for a tenth"`
	Likely int64 `json:"likely" doc:"By the day in the middle"`
	Most   int64 `json:"most" doc:"If every day were like the cheapest"`
}

// leaseBody is what a meter may count.
type leaseBody struct {
	MaxRegisterWh int64     `json:"max_register_wh"`
	LeftWh        int64     `json:"left_wh"`
	At            time.Time `json:"at"`
	Waiting       bool      `json:"waiting" doc:"A newer one is on its way"`
}

func supplyOf(v wallet.SupplyView) supplyBody {
	b := supplyBody{Meter: v.Number, State: string(v.Stand), Wanted: v.Wanted, Reasons: v.Off, By: v.By, Why: v.Why, Waits: string(v.Block), WaitsTo: at(v.Until), OutSince: at(v.Since),
		PressKey: v.Press, Available: amountOf(v.Available), Protected: v.Protected, GraceWh: v.Grace}
	if v.Days.Known {
		b.DaysLeft = &daysBody{Least: v.Days.Least, Likely: v.Days.Likely, Most: v.Days.Most}
	}
	if !v.Lease.Order.IsZero() {
		b.Lease = &leaseBody{MaxRegisterWh: int64(v.Lease.Max), LeftWh: int64(v.LeaseLeft), At: v.Lease.At.UTC(), Waiting: v.Waiting}
	}
	return b
}

// supplyWish is what is to change about the supply of an account.
type supplyWish struct {
	Protected *bool  `json:"protected,omitempty" doc:"Never cut off for want of money"`
	GraceWh   *int64 `json:"lease_grace_wh,omitempty" doc:"At the end of a lease's time: -1 its energy counts alone, 0 the supply goes off, N it may use N Wh more"`
	Reason    string `json:"reason"`
}

// switchBody asks for a supply to be cut or restored.
type switchBody struct {
	Reason string `json:"reason" doc:"Why, in a few words; kept in the audit log"`
}

// switchedBody is what that came to.
type switchedBody struct {
	Effect  string       `json:"effect" doc:"What happens now"`
	Reasons []string     `json:"reasons" doc:"Why the supply is still off"`
	Command *commandBody `json:"command" doc:"What the meter is told; null where it needs no order"`
}

func (a *API) supplyRoutes(r router) {
	query(r, huma.Operation{
		OperationID: "supply", Path: "/v1/meters/{meter}/supply", Tags: []string{"wallets"}, Summary: "Show where the supply of a wallet meter stands, and why",
	}, func(ctx context.Context, by access.Actor, in *MeterPath) (*struct{ Body supplyBody }, error) {
		v, err := a.c.Wallets.Supply(ctx, by, in.Meter)
		if err != nil {
			return nil, err
		}
		if v.Refused() {
			return nil, refuse(v.Refusal)
		}
		return &struct{ Body supplyBody }{supplyOf(v)}, nil
	})
	order(r, huma.Operation{
		OperationID: "set-supply", Path: "/v1/meters/{meter}/supply", DefaultStatus: http.StatusOK, Tags: []string{"wallets"},
		Summary:     "Protect an account from being cut off, or set what happens when a lease's time ends",
		Description: "This applies to the account that the meter supplies. Omitted fields stay as they are. Where four eyes bind, it waits for a second person: 202 with the approval.",
		Responses:   eitherOr(r, "200", of[supplyBody](r)),
	}, func(ctx context.Context, by access.Actor, in *MeterPath, body supplyWish) (*sent, error) {
		v, err := a.c.Wallets.SetAccount(ctx, by, in.Meter, wallet.AccountWish{Protected: body.Protected, Grace: body.GraceWh, Reason: body.Reason})
		return doneOrWaits(http.StatusOK, v.Refusal, v.Waits, err, func() any { return supplyOf(v) })
	})
	for _, o := range []struct {
		name, summary, text string
		do                  func(context.Context, access.Actor, string, string) (command.Switched, error)
	}{
		{"cut", "Cut a supply until a person restores it", "A payment does not bring it back. The answer says what happens now.", a.c.Commands.Cut},
		{"restore", "Take a person's cut back", "The supply returns if nothing else keeps it off; perhaps somebody must press a key at the meter. The answer says so.", a.c.Commands.Restore},
	} {
		order(r, huma.Operation{
			OperationID: o.name + "-supply", Path: "/v1/meters/{meter}/" + o.name, DefaultStatus: http.StatusAccepted, Tags: []string{"wallets"},
			Summary: o.summary, Description: o.text,
		}, func(ctx context.Context, by access.Actor, in *MeterPath, body switchBody) (*struct{ Body switchedBody }, error) {
			done, err := o.do(ctx, by, in.Meter, body.Reason)
			if err != nil {
				return nil, err
			}
			if done.Refused() {
				return nil, refuse(done.Refusal)
			}
			out := switchedBody{Effect: done.Effect, Reasons: done.Off}
			if done.Command != nil {
				c := commandOf(*done.Command)
				out.Command = &c
			}
			return &struct{ Body switchedBody }{out}, nil
		})
	}
}
