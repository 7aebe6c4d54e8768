package api

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/unit"
)

func meterChangeOf(c apiv1.MeterChange) registry.MeterChange {
	w := registry.MeterChange{Feeder: c.Feeder, Measures: c.Measures, UnreadCutHours: c.UnreadCutHours, Reason: c.Reason}
	if c.MaxW != nil {
		w.MaxW = new(unit.Power(max(min(*c.MaxW, math.MaxInt32), -1)))
	}
	return w
}

func addedOf(m registry.Added) apiv1.AddedMeter {
	return apiv1.AddedMeter{Meter: meterOf(m.Meter), MQTTPassword: m.MQTTPassword.Reveal(), LinkKey: fmt.Sprintf("%x", m.LinkKey.Reveal()), DecoderKey: m.DecoderKey.Reveal(),
		TakenOverMinor: int64(m.TakenOver), OtherDebts: otherDebtsOf(m.OtherDebts)}
}

func newMeterOf(n apiv1.NewMeter) registry.NewMeter {
	w := registry.NewMeter{Number: n.Number, Mode: registry.Mode(n.Mode), Tariff: n.Tariff, SGC: n.SGC, KRN: n.KRN, KT: n.KT, TI: n.TI,
		KEN: n.KEN, EA: n.EA, DKGA: n.DKGA, BaseDate: n.BaseDate, ImpPerKWh: n.ImpPerKWh, Simulated: n.Simulated,
		Status: registry.Status(n.Status), Model: n.Model, Phases: n.Phases, TT: n.TT, Address: n.Address, Feeder: n.Feeder, SIM: n.SIMPhone,
		ReadingInterval: time.Duration(clamp(n.IntervalS)) * time.Second}
	w.CustomerID, w.Customer = customerNamed(n.Customer)
	return w
}

// customerNamed is the customer that a request names: a known customer by id, or a new customer.
func customerNamed(c *apiv1.Customer) (known string, added *registry.NewCustomer) {
	switch {
	case c == nil:
		return "", nil
	case c.ID != "":
		return c.ID, nil
	}
	return "", &registry.NewCustomer{Name: c.Name, Phone: c.Phone, IDNo: c.IDNo, Lang: c.Lang}
}

func customerOf(c registry.Customer) apiv1.Customer {
	return apiv1.Customer{ID: c.ID.Text(id.Customer), Name: c.Name, Phone: c.Phone, IDNo: c.IDNo, Lang: c.Lang, NoNotices: c.Stopped}
}

func meterOf(v registry.MeterView) apiv1.Meter {
	m := apiv1.Meter{ID: v.Meter.ID.Text(id.Meter), Number: v.Meter.Number, Mode: string(v.Meter.Mode), Status: string(v.Meter.Status),
		Test: v.Meter.Simulated, Simulated: v.Meter.Simulated, State: string(v.State), Connected: v.Connected, Relay: v.Relay,
		Reasons: append([]string{}, v.Reasons...), LastSeen: at(v.LastSeen), Tariff: v.Tariff, SIMPhone: v.Meter.SIM, ImpPerKWh: v.Meter.ImpPerKWh, Model: v.Meter.Model,
		Phases: v.Meter.Phases, Address: v.Address, Feeder: v.Feeder, Measures: v.Measures, MaxW: int64(v.MaxW), UnreadCutHours: v.UnreadCutHours, CreatedAt: v.Meter.CreatedAt.UTC(), TwoKeys: at(v.Meter.NextLinkAt),
		NextPasswordSince: at(v.Meter.NextPasswordAt), LoginEndsAt: at(v.Meter.LoginEndsAt)}
	if f := v.Figures; f != nil {
		m.RegisterWh, m.BalanceWh = whole(f.Register), whole(f.Balance)
		m.ECUsedWh, m.OverrunWh = whole(f.ECUsed), whole(f.Overrun)
		m.W, m.MV, m.AsOf = whole(f.Watts), whole(f.Millivolts), at(f.AsOf)
	}
	if s := v.Reported; s != nil {
		m.Said = &apiv1.ReportedBalance{Wh: int64(s.Balance), At: s.At.UTC(), Source: s.Source}
	}
	if w := v.Wallet; w != nil && w.Money != nil {
		m.Balance, m.Live = new(amountOf(w.Money.Settled)), walletLiveOf(*w)
	}
	if !v.Customer.ID.IsZero() {
		m.Customer = new(customerOf(v.Customer))
	}
	if k := v.Key; k != nil {
		m.SGC, m.KRN, m.KT, m.TI, m.KEN = k.SGC, int(k.KRN), int(k.KT), k.TI, new(int(k.KEN))
		m.EA, m.DKGA, m.BaseDate = k.EA.String(), k.DKGA.String(), int(k.BaseDate)
	}
	return m
}

func whole[N ~int64](n N) *int64 {
	return new(int64(n))
}

// MeterPath is the meter in a path.
type MeterPath struct {
	Meter string `path:"meter" maxLength:"64" doc:"Number or id"`
}

func (a *API) meterRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "add-meter", Path: "/v1/meters", DefaultStatus: http.StatusCreated, Tags: []string{"meters"}, Summary: "Register a meter",
		Description: "The answer carries the meter's MQTT password and link key. For a simulated meter under a test vending key it also carries the " +
			"decoder key. They are shown only once. The account takes over what closed accounts of the same customer owe. If a second person must approve a post-paid meter, the tariff, or another " +
			"meter for a customer who owes on an account that is not closed, the answer is 202 with the approval, " +
			"and the answer to that approval carries the secrets.",
		Responses: eitherOr(r, "201", of[apiv1.AddedMeter](r)),
	}, func(ctx context.Context, by access.Actor, _ *struct{}, body apiv1.NewMeter) (*sent, error) {
		added, err := a.c.Registry.AddMeter(ctx, by, newMeterOf(body))
		return doneOrWaits(http.StatusCreated, added.Refusal, added.Waits, err, func() any { return addedOf(added) })
	})
	listRoute(r, apiv1.Meters, func(ctx context.Context, by access.Actor, in *apiv1.MeterListFilter) (*listed[apiv1.Meter], error) {
		f := registry.MeterFilter{Find: in.Find, State: in.State, Tariff: in.Tariff, Feeder: in.Feeder, Low: in.Low, Status: in.Status}
		page, err := a.c.Registry.Meters(ctx, by, f, pageAt(in.Page))
		return pageOf(page.Refusal, err, page.Data, page.Next, meterOf)
	})
	query(r, huma.Operation{
		OperationID: "meter", Path: "/v1/meters/{meter}", Tags: []string{"meters"}, Summary: "Show a meter",
	}, func(ctx context.Context, by access.Actor, in *MeterPath) (*reply[apiv1.Meter], error) {
		v, err := a.c.Registry.Meter(ctx, by, in.Meter)
		return replyOf(v.Refusal, err, func() apiv1.Meter { return meterOf(v) })
	})
	order(r, huma.Operation{
		OperationID: "change-meter", Path: "/v1/meters/{meter}", DefaultStatus: http.StatusOK, Tags: []string{"meters"}, Summary: "Change the feeder or the power limit of a meter",
		Description: "Omitted fields stay as they are. The feeder belongs to the place, so it applies to every meter there. If a second person must approve a " +
			"change of the power limit, the answer is 202 with the approval.",
		Responses: eitherOr(r, "200", of[apiv1.Meter](r)),
	}, func(ctx context.Context, by access.Actor, in *MeterPath, body apiv1.MeterChange) (*sent, error) {
		v, err := a.c.Registry.ChangeMeter(ctx, by, in.Meter, meterChangeOf(body))
		return doneOrWaits(http.StatusOK, v.Refusal, v.Waits, err, func() any { return meterOf(v.MeterView) })
	})
	a.linkKeyRoutes(r)
	a.passwordRoutes(r)
	a.endingRoutes(r)
	a.customerRoutes(r)
}
