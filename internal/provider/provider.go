// Package provider opens what speaks to a payment provider. Each kind has a folder of its own, which implements [payment.Adapter].
// docs/guide/own-provider.md says how to add one.
package provider

import (
	"fmt"

	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/airtel"
	"github.com/paywatt/paywatt/internal/provider/filed"
	"github.com/paywatt/paywatt/internal/provider/flutterwave"
	"github.com/paywatt/paywatt/internal/provider/momo"
	"github.com/paywatt/paywatt/internal/provider/mpesa"
	"github.com/paywatt/paywatt/internal/provider/outbound"
	"github.com/paywatt/paywatt/internal/provider/paystack"
	"github.com/paywatt/paywatt/internal/provider/sms"
	"github.com/paywatt/paywatt/internal/provider/stripe"
	"github.com/paywatt/paywatt/internal/provider/webhook"
)

// Kinds lists the kinds of providers.
func Kinds() []string {
	return []string{airtel.Kind, flutterwave.Kind, momo.Kind, mpesa.Kind, paystack.Kind, sms.Kind, stripe.Kind, webhook.Kind, filed.Kind}
}

// Unverified reports whether nobody has tried a kind with the real provider.
func Unverified(kind string) bool { return kind == airtel.Kind || kind == flutterwave.Kind }

// Open makes the adapter of a kind.
func Open(kind string, s payment.Setup, client *outbound.Client) (payment.Adapter, error) {
	switch kind {
	case airtel.Kind:
		return airtel.Open(s, client)
	case flutterwave.Kind:
		return flutterwave.Open(s, client)
	case momo.Kind:
		return momo.Open(s, client)
	case paystack.Kind:
		return paystack.Open(s, client)
	case sms.Kind:
		return sms.Open(s, client)
	case stripe.Kind:
		return stripe.Open(s, client)
	case mpesa.Kind:
		return mpesa.Open(s, client)
	case webhook.Kind:
		return webhook.Open(s, client)
	case filed.Kind:
		return filed.Open(s)
	}
	return nil, fmt.Errorf("no kind %q: use one of %v", kind, Kinds())
}
