package client

import (
	"context"
	"net/url"

	"github.com/paywatt/paywatt/api/apiv1"
)

// Payments lists payments of providers, newest first (right: payment.read).
func (c *Client) Payments(ctx context.Context, f apiv1.PaymentFilter) (apiv1.List[apiv1.Payment], error) {
	return list(ctx, c, apiv1.Payments, f)
}

// Payment returns a payment (right: payment.read).
func (c *Client) Payment(ctx context.Context, payment string) (apiv1.Payment, error) {
	return ask[apiv1.Payment](ctx, c, get(paymentPath(payment), nil))
}

// ApplyPayment says which meter a parked payment is for (right: payment.decide). The key makes it safe to repeat.
func (c *Client) ApplyPayment(ctx context.Context, payment string, a apiv1.ApplyPayment, key string) (apiv1.Payment, error) {
	return keyedAsk[apiv1.Payment](ctx, c, post(paymentPath(payment)+"/apply", a), key)
}

// RefundPayment records that a parked payment was given back (right: payment.decide). The key makes it safe to repeat.
func (c *Client) RefundPayment(ctx context.Context, payment string, d apiv1.DecidePayment, key string) (apiv1.Payment, error) {
	return keyedAsk[apiv1.Payment](ctx, c, post(paymentPath(payment)+"/refund", d), key)
}

// RejectPayment rejects a payment that its provider has not confirmed (right: payment.decide). The key makes it safe to repeat.
func (c *Client) RejectPayment(ctx context.Context, payment string, d apiv1.DecidePayment, key string) (apiv1.Payment, error) {
	return keyedAsk[apiv1.Payment](ctx, c, post(paymentPath(payment)+"/reject", d), key)
}

// RequestPayment asks a customer to pay (right: vend.sell). The key makes it safe to repeat.
func (c *Client) RequestPayment(ctx context.Context, n apiv1.PaymentRequestBody, key string) (apiv1.PaymentRequest, error) {
	return keyedAsk[apiv1.PaymentRequest](ctx, c, post("/v1/payment-requests", n), key)
}

// PaymentRequest returns a request to pay (right: payment.read, except for one's own).
func (c *Client) PaymentRequest(ctx context.Context, request string) (apiv1.PaymentRequest, error) {
	return ask[apiv1.PaymentRequest](ctx, c, get("/v1/payment-requests/"+url.PathEscape(request), nil))
}

// PaymentRequests lists the requests to pay, newest first (right: payment.read).
func (c *Client) PaymentRequests(ctx context.Context, f apiv1.Page) (apiv1.List[apiv1.PaymentRequest], error) {
	return list(ctx, c, apiv1.PaymentRequests, f)
}

func paymentPath(payment string) string { return "/v1/payments/" + url.PathEscape(payment) }

// AddPaymentProvider adds a payment provider (right: settings.write). The answer shows its address once.
func (c *Client) AddPaymentProvider(ctx context.Context, n apiv1.NewPaymentProvider) (apiv1.PaymentProvider, error) {
	return ask[apiv1.PaymentProvider](ctx, c, post("/v1/payment-providers", n))
}

// PaymentProviders lists the payment providers (right: settings.read).
func (c *Client) PaymentProviders(ctx context.Context, f apiv1.Page) (apiv1.List[apiv1.PaymentProvider], error) {
	return list(ctx, c, apiv1.PaymentProviders, f)
}

// EnablePaymentProvider lets a payment provider be heard (right: settings.write).
func (c *Client) EnablePaymentProvider(ctx context.Context, provider string) (apiv1.PaymentProvider, error) {
	return ask[apiv1.PaymentProvider](ctx, c, post("/v1/payment-providers/"+url.PathEscape(provider)+"/enable", apiv1.ProviderChange{}))
}

// ReplaceProviderSecrets replaces the secrets of a payment provider (right: settings.write).
func (c *Client) ReplaceProviderSecrets(ctx context.Context, provider string, n apiv1.NewProviderSecrets) (apiv1.PaymentProvider, error) {
	return ask[apiv1.PaymentProvider](ctx, c, post("/v1/payment-providers/"+url.PathEscape(provider)+"/secrets", n))
}

// RegisterPaymentProvider tells a payment provider which addresses to call (right: settings.write).
func (c *Client) RegisterPaymentProvider(ctx context.Context, provider string) (apiv1.PaymentProvider, error) {
	return ask[apiv1.PaymentProvider](ctx, c, post("/v1/payment-providers/"+url.PathEscape(provider)+"/register", apiv1.ProviderChange{}))
}

// DisablePaymentProvider stops hearing a payment provider at once (right: settings.write).
func (c *Client) DisablePaymentProvider(ctx context.Context, provider string) (apiv1.PaymentProvider, error) {
	return ask[apiv1.PaymentProvider](ctx, c, post("/v1/payment-providers/"+url.PathEscape(provider)+"/disable", apiv1.ProviderChange{}))
}
