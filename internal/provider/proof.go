package provider

import (
	"encoding/json"

	"github.com/paywatt/paywatt/internal/provider/airtel"
	"github.com/paywatt/paywatt/internal/provider/flutterwave"
	"github.com/paywatt/paywatt/internal/provider/paystack"
	"github.com/paywatt/paywatt/internal/provider/stripe"
)

// SameProof reports whether two sets of secrets, as JSON, have the same secret by which the provider proves its calls. Whoever knows it can make
// payments. It is false for a kind whose secret the server draws, or that the server asks back.
func SameProof(kind string, before, after []byte) bool {
	var was, is struct {
		Signing string `json:"signing"`
		Key     string `json:"key"`
		Hash    string `json:"hash"`
	}
	if json.Unmarshal(before, &was) != nil || json.Unmarshal(after, &is) != nil {
		return false
	}
	switch kind {
	case stripe.Kind:
		return is.Signing != "" && is.Signing == was.Signing
	case paystack.Kind:
		return is.Key != "" && is.Key == was.Key
	case flutterwave.Kind, airtel.Kind:
		return is.Hash != "" && is.Hash == was.Hash
	}
	return false
}
