package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/payment"
)

// PaymentPath is the payment in a path, and ProviderPath the payment provider.
type (
	PaymentPath struct {
		Payment string `path:"id" maxLength:"64" doc:"Id of the payment"`
	}
	ProviderPath struct {
		Provider string `path:"id" maxLength:"64" doc:"Id or name of the provider"`
	}
)

func (a *API) paymentRoutes(r router) {
	listRoute(r, apiv1.Payments, a.payments)
	query(r, huma.Operation{
		OperationID: "payment", Path: "/v1/payments/{id}", Tags: []string{"payments"}, Summary: "Show a payment of a provider",
	}, func(ctx context.Context, by access.Actor, in *PaymentPath) (*reply[apiv1.Payment], error) {
		v, err := a.c.Payments.Show(ctx, by, in.Payment)
		return replyOf(v.Refusal, err, func() apiv1.Payment { return paymentOf(v) })
	})
	decision := func(name, path, summary, more string) huma.Operation {
		return huma.Operation{OperationID: name, Path: path, DefaultStatus: http.StatusOK, Tags: []string{"payments"}, Summary: summary, Parameters: keyParam(),
			Description: more + " Needs the header Idempotency-Key. If a second person must approve it, the answer is 202 with the approval.",
			Responses:   booked(map[string]*huma.Response{"200": bodyOf[apiv1.Payment](r, "Done.")}, bodyOf[apiv1.Approval](r, "It waits for a second person."))}
	}
	order(r, decision("apply-payment", "/v1/payments/{id}/apply", "Say which meter a parked payment is for",
		"The payment is then used for one sale. The answer may come before the sale: ask for the payment again to see it."),
		func(ctx context.Context, by access.Actor, in *PaymentPath, body apiv1.ApplyPayment) (*sent, error) {
			return a.decided(ctx, by, a.c.Payments.Apply, payment.Decision{Payment: in.Payment, Meter: body.Meter})
		})
	order(r, decision("refund-payment", "/v1/payments/{id}/refund", "Record that a parked payment was given back", "Give the money back with the provider first."),
		func(ctx context.Context, by access.Actor, in *PaymentPath, body apiv1.DecidePayment) (*sent, error) {
			return a.decided(ctx, by, a.c.Payments.Refund, payment.Decision{Payment: in.Payment, Reason: body.Reason})
		})
	order(r, decision("reject-payment", "/v1/payments/{id}/reject", "Reject a payment that its provider has not confirmed", "A confirmed payment cannot be rejected."),
		func(ctx context.Context, by access.Actor, in *PaymentPath, body apiv1.DecidePayment) (*sent, error) {
			return a.decided(ctx, by, a.c.Payments.Reject, payment.Decision{Payment: in.Payment, Reason: body.Reason})
		})
	a.paymentRequestRoutes(r)
	a.providerRoutes(r)
}

func (a *API) providerRoutes(r router) {
	order(r, huma.Operation{
		OperationID: "add-payment-provider", Path: "/v1/payment-providers", DefaultStatus: http.StatusCreated, Tags: []string{"payments"}, Summary: "Add a payment provider",
		Description: "The answer shows the address to register with the provider, once. If a second person must approve it, the answer is the same, and the provider is not heard before.",
		Responses:   map[string]*huma.Response{"201": bodyOf[apiv1.PaymentProvider](r, "Added.")},
	}, a.addProvider)
	listRoute(r, apiv1.PaymentProviders, func(ctx context.Context, by access.Actor, in *apiv1.Page) (*listed[apiv1.PaymentProvider], error) {
		l, err := a.c.Payments.Providers(ctx, by, pageAt(*in))
		return pageOf(l.Refusal, err, l.Providers, l.Next, providerOf)
	})
	change := func(name, path, summary string, do func(context.Context, access.Actor, string) (payment.ProviderView, error)) {
		order(r, huma.Operation{
			OperationID: name, Path: path, DefaultStatus: http.StatusOK, Tags: []string{"payments"}, Summary: summary,
			Responses: eitherOr(r, "200", of[apiv1.PaymentProvider](r)),
		}, func(ctx context.Context, by access.Actor, in *ProviderPath, _ apiv1.ProviderChange) (*sent, error) {
			v, err := do(ctx, by, in.Provider)
			return doneOrWaits(http.StatusOK, v.Refusal, v.Waits, err, func() any { return withSecret(ctx, v) })
		})
	}
	change("enable-payment-provider", "/v1/payment-providers/{id}/enable", "Hear a payment provider", a.c.Payments.Enable)
	order(r, huma.Operation{
		OperationID: "replace-provider-secrets", Path: "/v1/payment-providers/{id}/secrets", DefaultStatus: http.StatusOK, Tags: []string{"payments"},
		Summary: "Replace the secrets of a payment provider",
		Description: "For the kinds webhook and sms the server draws the signing secret and shows it once. If a second person must approve it, the answer is 202 with the " +
			"approval, and the second person sees the secret, or enters the one that the provider gave. With new_address it draws a new address too, " +
			"which whoever is shown the secret sees, and the old one ends at once.",
		Responses: eitherOr(r, "200", of[apiv1.PaymentProvider](r)),
	}, a.replaceSecrets)
	change("register-payment-provider", "/v1/payment-providers/{id}/register", "Tell a payment provider which addresses to call", a.c.Payments.Register)
	change("disable-payment-provider", "/v1/payment-providers/{id}/disable", "Stop hearing a payment provider at once", a.c.Payments.Disable)
}

func (a *API) payments(ctx context.Context, by access.Actor, in *apiv1.PaymentFilter) (*listed[apiv1.Payment], error) {
	f := payment.Filter{State: payment.State(in.State), Provider: in.Provider, Reference: in.Reference, From: in.From, To: in.To}
	l, err := a.c.Payments.List(ctx, by, f, pageAt(in.Page))
	return pageOf(l.Refusal, err, l.Payments, l.Next, paymentOf)
}

func (a *API) decided(ctx context.Context, by access.Actor, do func(context.Context, access.Actor, payment.Decision) (once.Done[payment.View], error),
	d payment.Decision) (*sent, error) {
	d.Request = exchangeOf(ctx).request()
	d.Render = func(v payment.View) (int, []byte) { return http.StatusOK, encoded(paymentOf(v)) }
	d.RenderWaits = encodeWaits
	out, err := do(ctx, by, d)
	return answered(ctx, a, out, err)
}

func (a *API) addProvider(ctx context.Context, by access.Actor, _ *struct{}, body apiv1.NewPaymentProvider) (*sent, error) {
	n := payment.NewProvider{Name: body.Name, Kind: body.Kind, Config: objectOf(body.Config), Secrets: objectOf(body.Secrets),
		Single: money.Minor(body.MaxSingleMinor), Daily: money.Minor(body.MaxDailyMinor)}
	v, err := a.c.Payments.AddProvider(ctx, by, n)
	return doneOrWaits(http.StatusCreated, v.Refusal, nil, err, func() any { return withSecret(ctx, v) })
}

// withSecret shows a provider with the secret that the server drew for it. A repetition of the request shows no secret.
func withSecret(ctx context.Context, v payment.ProviderView) apiv1.PaymentProvider {
	out := providerOf(v)
	if secret := v.Drawn.Reveal(); secret != "" {
		exchangeOf(ctx).again = out
		out.Secret = secret
	}
	return out
}

// objectOf writes an object of a request as JSON. What came as JSON can be written as JSON.
func objectOf(o map[string]any) []byte {
	if o == nil {
		return []byte("{}")
	}
	return encoded(o)
}

func paymentOf(v payment.View) apiv1.Payment {
	p := v.Payment
	out := apiv1.Payment{ID: p.Name(), Provider: p.Provider, ProviderTxn: p.Txn, Amount: amountOf(p.Amount), Reference: p.Reference, Payer: p.Payer, State: string(p.State),
		Reason: string(p.ShownReason()), Detail: p.Detail, Proof: string(p.Proof), Meter: p.Meter, PaidAt: p.PaidAt.UTC(), SeenAt: p.SeenAt.UTC(), ConfirmedAt: at(p.ConfirmedAt)}
	if !p.Sale.IsZero() {
		out.Vend = new(p.Sale.Text(id.Vend))
	}
	if p.Back > 0 {
		out.TakenBack, out.OwedAgain = new(amountOf(money.Amount{Minor: p.Back, Currency: p.Amount.Currency})), new(amountOf(money.Amount{Minor: p.Owed, Currency: p.Amount.Currency}))
	}
	return out
}

func providerOf(v payment.ProviderView) apiv1.PaymentProvider {
	p := v.Provider
	out := apiv1.PaymentProvider{ID: p.ID.Text(id.Provider), Name: p.Name, Kind: p.Kind, Config: map[string]any{}, MaxSingleMinor: int64(p.Single), MaxDailyMinor: int64(p.Daily),
		Heard: !p.Disabled(), AddedBy: access.PlainName(p.AddedBy), AddedAt: p.AddedAt.UTC()}
	_ = json.Unmarshal(p.Config, &out.Config) // AddProvider has checked it
	out.Path = hookAddress(v.Path)
	return out
}

// hookAddress returns the address that a provider calls, without the host; empty if nobody may see it now.
func hookAddress(path access.Secret) string {
	secret := path.Reveal()
	if secret == "" {
		return ""
	}
	return payment.HookPath + secret + "/"
}

func (a *API) replaceSecrets(ctx context.Context, by access.Actor, in *ProviderPath, b apiv1.NewProviderSecrets) (*sent, error) {
	var secrets []byte
	if len(b.Secrets) > 0 {
		var err error
		if secrets, err = json.Marshal(b.Secrets); err != nil {
			return nil, err
		}
	}
	v, err := a.c.Payments.ReplaceSecrets(ctx, by, in.Provider,
		payment.SecretChange{Secrets: secrets, Overlap: time.Duration(b.OverlapHours) * time.Hour, NewAddress: b.NewAddress})
	return doneOrWaits(http.StatusOK, v.Refusal, v.Waits, err, func() any { return withSecret(ctx, v) })
}
