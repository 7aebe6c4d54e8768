package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
)

// aboutAct says what an approval is about, as it is now. Whoever approves something for a meter sees whose meter it is.
func (a *App) aboutAct(ctx context.Context, t access.Tenant, row access.Approval, said access.Effect) ([]access.Fact, error) {
	by := access.SystemActor(t, "approvals")
	var e access.Effect
	object := row.Object
	switch {
	case strings.HasPrefix(object, id.Meter):
		v, err := a.registry.Meter(ctx, by, object)
		if err != nil || v.Refused() {
			return nil, err
		}
		if tid := said.Named("tid"); tid != "" {
			if err := a.aboutToken(ctx, by, object, tid, &e); err != nil {
				return nil, err
			}
		}
		aboutMeter(&e, v)
		if err := a.aboutNewest(ctx, by, object, &e); err != nil {
			return nil, err
		}
	case strings.HasPrefix(object, id.Account):
		v, err := a.debts.Account(ctx, by, object)
		if err != nil || v.Refused() {
			return nil, err
		}
		e.Fact("meter", strings.Join(v.Meters, ", "))
		e.Fact("customer", v.Customer.Name)
		e.Fact("phone", v.Customer.Phone)
	case strings.HasPrefix(object, id.Vend):
		v, err := a.vending.Sale(ctx, by, object)
		if err != nil || v.Refused() {
			return nil, err
		}
		e.Fact("meter", v.Sale.Meter.Number)
		e.Sum("amount", v.Sale.Tender)
		e.Fact("energy", v.Sale.Units.KWh(1)+" kWh")
		e.Fact("sold-by", access.PlainName(v.Sale.By))
		e.Fact("sold-at", v.Sale.CompletedAt.UTC().Format(time.RFC3339))
		return a.withCustomer(ctx, by, e, v.Sale.Meter.Number)
	default:
		return a.withCustomer(ctx, by, e, said.Named("meter"))
	}
	return e.Facts, nil
}

// withCustomer adds whose meter it is. It adds nothing for a meter that is not registered yet.
func (a *App) withCustomer(ctx context.Context, by access.Actor, e access.Effect, meter string) ([]access.Fact, error) {
	if meter == "" {
		return e.Facts, nil
	}
	v, err := a.registry.Meter(ctx, by, meter)
	if err == nil && !v.Refused() {
		e.Fact("customer", v.Customer.Name)
		e.Fact("phone", v.Customer.Phone)
	}
	return e.Facts, err
}

// aboutNewest says which energy a meter was last sold: whatever clears its credit may take that.
func (a *App) aboutNewest(ctx context.Context, by access.Actor, meter string, e *access.Effect) error {
	list, err := a.vending.Tokens(ctx, by, meter, registry.Page{Limit: 1})
	if err != nil || list.Refused() || len(list.Tokens) == 0 {
		return err
	}
	newest := list.Tokens[0]
	e.Fact("newest-token", fmt.Sprintf("%s kWh, %s, %s", newest.Units.KWh(1), newest.State, newest.IssuedAt.UTC().Format(time.RFC3339)))
	return nil
}

// aboutToken says from which sale a token is that somebody wants to cancel.
func (a *App) aboutToken(ctx context.Context, by access.Actor, meter, tid string, e *access.Effect) error {
	list, err := a.vending.Tokens(ctx, by, meter, registry.Page{Limit: registry.MaxLimit})
	if err != nil || list.Refused() {
		return err
	}
	for _, token := range list.Tokens {
		if fmt.Sprint(uint32(token.TID)) != tid {
			continue
		}
		e.Fact("energy", token.Units.KWh(1)+" kWh")
		e.Fact("state", string(token.State))
		v, err := a.vending.Sale(ctx, by, token.Sale.Text(id.Vend))
		if err != nil || v.Refused() {
			return err
		}
		e.Sum("amount", v.Sale.Tender)
		e.Fact("sold-by", access.PlainName(v.Sale.By))
		e.Fact("sold-at", v.Sale.CompletedAt.UTC().Format(time.RFC3339))
		return nil
	}
	e.Fact("sold-at", "not sold here lately")
	return nil
}

// aboutMeter says whose meter it is.
func aboutMeter(e *access.Effect, v registry.MeterView) {
	e.Fact("meter", v.Meter.Number)
	e.Fact("customer", v.Customer.Name)
	e.Fact("phone", v.Customer.Phone)
	e.Fact("tariff", v.Tariff)
	e.Fact("feeder", v.Feeder)
	e.Fact("measures", v.Measures)
	reported := len(e.Facts)
	e.Fact("relay", v.Relay)
	if v.Figures != nil && v.Meter.Mode == registry.PrepayToken {
		e.Fact("credit", v.Figures.Balance.KWh(1)+" kWh")
	}
	if w := v.Wallet; w != nil && w.Money != nil {
		e.Sum("balance", w.Money.Settled)
	}
	for i := reported; i < len(e.Facts); i++ {
		e.Facts[i].Live = true // it goes on with every report of the meter
	}
}
