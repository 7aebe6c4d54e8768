package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// SecretPrefix begins a secret as people see it.
const SecretPrefix = "whsec_"

// secretBytes is the length of a secret. Standard Webhooks allows 24 to 64 bytes.
const secretBytes = 32

// newSecret makes a secret.
func newSecret(rnd io.Reader) ([]byte, error) {
	secret := make([]byte, secretBytes)
	if _, err := io.ReadFull(rnd, secret); err != nil {
		return nil, fmt.Errorf("make the secret of a webhook: %w", err)
	}
	return secret, nil
}

// secretText returns a secret in the form that libraries of Standard Webhooks take.
func secretText(secret []byte) string {
	return SecretPrefix + base64.StdEncoding.EncodeToString(secret)
}

// Sign returns the header webhook-signature of an attempt: a version and a base64 HMAC-SHA256 over "id.timestamp.body" for each secret,
// separated by spaces (Standard Webhooks 1.0.0).
func Sign(secrets [][]byte, event string, at time.Time, body string) string {
	var out []string
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(event + "." + strconv.FormatInt(at.Unix(), 10) + "." + body))
		out = append(out, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(out, " ")
}
