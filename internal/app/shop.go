package app

import (
	"context"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/voucher"
)

// shop carries out what customers' messages buy. The use cases behind it open after the routes of messages, but before these run.
type shop struct{ a *App }

// sender is who acts on the word of a message. The name says from which telephone it came.
func sender(t access.Tenant, phone string) access.Actor { return access.SystemActor(t, "sms "+phone) }

// Redeem redeems a voucher, once for the same PIN and meter.
func (s shop) Redeem(ctx context.Context, t access.Tenant, o notify.Order) (notify.Bought, error) {
	out, err := s.a.vouchers.Redeem(ctx, sender(t, o.Phone), voucher.Redemption{PIN: o.PIN.Reveal(), Code: o.Code.Reveal(), Meter: o.Meter, Who: "phone:" + o.Phone, Route: voucher.BySMS})
	return notify.Bought{Refusal: out.Refusal, Serial: out.Serial, Amount: out.Sale.Tender, Sale: out.Sale.ID, Repeated: out.Repeated}, err
}

// Ask asks the sender's telephone to pay, once until it has answered.
func (s shop) Ask(ctx context.Context, t access.Tenant, o notify.Order) (notify.Bought, error) {
	out, err := s.a.payments.Prompt(ctx, sender(t, o.Phone), payment.Prompt{Phone: o.Phone, Meter: o.Meter, Amount: o.Amount})
	if err == nil && !out.Refused() {
		s.a.paying.Kick()
	}
	return notify.Bought{Refusal: out.Refusal, Amount: out.Request.Amount, Repeated: out.Live}, err
}
