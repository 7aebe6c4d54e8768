package provider

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/outbound"
	"github.com/paywatt/paywatt/internal/provider/sms"
	"github.com/paywatt/paywatt/internal/provider/webhook"
)

// drawnBytes is how many random bytes a drawn secret has.
const drawnBytes = 32

// Draw draws the signing secret of a kind whose secret the utility chooses, and keeps the other secrets. It returns all secrets as JSON and the
// drawn one as whoever signs needs it. For any other kind, whose secret the provider gives, shown is empty.
func Draw(kind string, given []byte, rand io.Reader) (secrets []byte, shown string, err error) {
	if kind != webhook.Kind && kind != sms.Kind {
		return given, "", nil
	}
	raw := make([]byte, drawnBytes)
	if _, err := io.ReadFull(rand, raw); err != nil {
		return nil, "", fmt.Errorf("draw the secret of a provider: %w", err)
	}
	var all any
	if kind == webhook.Kind {
		var w webhook.Secrets
		shown = "whsec_" + base64.StdEncoding.EncodeToString(raw)
		err = outbound.Settings(payment.Setup{Secrets: given}, &struct{}{}, &w)
		w.Signing, w.SigningOld = shown, "" // somebody who typed the old one could still sign
		all = w
	} else {
		shown = hex.EncodeToString(raw)
		err = outbound.Settings(payment.Setup{Secrets: given}, &struct{}{}, &sms.Secrets{})
		all = sms.Secrets{Secret: shown}
	}
	if err != nil {
		return nil, "", err
	}
	secrets, err = json.Marshal(all) // of the kind's own fields, so no field in another spelling stays beside the drawn one
	return secrets, shown, err
}
