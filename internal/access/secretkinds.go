package access

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/paywatt/paywatt/internal/refusal"
)

// A limited API key must not get more than it has. Some answers show a secret that goes on working after the key has ended, or from
// other networks. This file is the only place that says which secrets a limited key may be shown.

// SecretKind is a kind of secret that answers of the API show.
type SecretKind string

// Kinds of secrets.
const (
	SecretInvitation     SecretKind = "invitation"
	SecretAPIKey         SecretKind = "API key"
	SecretCustomerLink   SecretKind = "customer link"
	SecretDevicePassword SecretKind = "device password"
	SecretMeterPassword  SecretKind = "meter password"
	SecretLinkKey        SecretKind = "link key"
	SecretNewMeter       SecretKind = "password and keys of a new meter"
	SecretProvider       SecretKind = "provider secret"
	SecretWebhook        SecretKind = "webhook secret"
	SecretVoucherPIN     SecretKind = "voucher PIN"
	SecretVoucherCode    SecretKind = "voucher code"
	SecretDigits         SecretKind = "digits of a token"
)

// SecretRule says which operations show a kind of secret, and whether they show it to a limited API key.
type SecretRule struct {
	Kind       SecretKind
	Operations []string // identities in the OpenAPI document
	Why        string   // why a limited key may be shown it; empty: it may not
}

// secretRules has the rule of every kind.
var secretRules = map[SecretKind]SecretRule{
	SecretInvitation:     {Operations: []string{"invite-person", "reset-person"}},
	SecretCustomerLink:   {Operations: []string{"make-page-link"}},
	SecretDevicePassword: {Operations: []string{"device-password"}},
	SecretMeterPassword:  {Operations: []string{"approve", "replace-meter-password"}},
	SecretLinkKey:        {Operations: []string{"approve", "start-link-key"}},
	SecretProvider:       {Operations: []string{"add-payment-provider", "approve", "enable-payment-provider", "replace-provider-secrets"}},
	SecretWebhook:        {Operations: []string{"add-webhook", "rotate-webhook"}},
	SecretAPIKey: {Operations: []string{"create-key", "rotate-key"},
		Why: "the new key is at least as limited as the key that makes it"},
	SecretNewMeter: {Operations: []string{"add-meter", "approve", "import"},
		Why: "to install meters is what an installer's key is for; the secrets are of the new meter only, which is in the audit log with its key, " +
			"and both can be replaced"},
	SecretVoucherPIN: {Operations: []string{"take-voucher-pins"},
		Why: "a PIN is goods and gives no right; it buys nothing before somebody pays for it"},
	SecretVoucherCode: {Operations: []string{"approve", "reissue-voucher-codes", "sell-vouchers", "show-voucher-codes"},
		Why: "a code is goods and gives no right; it works only for a voucher that is paid for"},
	SecretDigits: {
		Operations: []string{"diagnose-token", "give-tokens", "receipt", "reprint", "sale", "sales", "sell", "swap-meter", "tokens"},
		Why:        "a token is goods and gives no right; it works once, in the meter for which it was made"},
}

// SecretRules lists the rules of all kinds, sorted by kind.
func SecretRules() []SecretRule {
	var out []SecretRule
	for kind, r := range secretRules {
		out = append(out, SecretRule{Kind: kind, Operations: slices.Clone(r.Operations), Why: r.Why})
	}
	slices.SortFunc(out, func(a, b SecretRule) int { return cmp.Compare(a.Kind, b.Kind) })
	return out
}

// MayShow refuses to make and show a secret for a limited API key, if the secret lasts without the key's limits. A use case asks it before
// it asks [SecondPerson]. Whoever approves an action sees its secret, so what is done under an approval was judged by [Access.Decide].
func MayShow(tx EyesTx, by Actor, kind SecretKind) (refusal.Refusal, error) {
	r, known := secretRules[kind]
	switch {
	case !known:
		return refusal.Refusal{}, fmt.Errorf("the secret %q is not in the table of secrets", kind)
	case r.Why != "" || !by.Approval.IsZero():
		return refusal.Refusal{}, nil
	}
	return MayGiveRights(tx, by)
}

// mayBeShown refuses an approval through a limited API key, if the answer to the approval can show a secret that the key may not be shown.
func (a Approval) mayBeShown(tx EyesTx, checker Actor) (refusal.Refusal, error) {
	kind := acts[a.Act].shows
	if kind == "" {
		return refusal.Refusal{}, nil
	}
	return MayShow(tx, checker, kind)
}
