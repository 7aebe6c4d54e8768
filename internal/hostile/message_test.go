package hostile_test

import (
	"encoding/base64"
	"net/http"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/hostile"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/profile"
	"github.com/paywatt/paywatt/internal/provider"
	"github.com/paywatt/paywatt/internal/provider/outbound"
	"github.com/paywatt/paywatt/wire"
)

// cheap measures the reading of one message.
func cheap(t *testing.T, reader, name string, read func()) {
	t.Helper()
	var cost hostile.Cost
	for range 3 { // another program may disturb a measurement
		if cost = hostile.Measure(read); cost.Time < maxMessageTime && cost.Memory < maxMessageMemory {
			return
		}
	}
	t.Errorf("%s, %s: %s and %d bytes", reader, name, cost.Time, cost.Memory)
}

// Limits of one message, which is much shorter than a file.
const (
	maxMessageTime   = 100 * time.Millisecond
	maxMessageMemory = 20 << 20
)

// TestMessagesOfMetersAreCheap reads what a meter may send, in both codings.
func TestMessagesOfMetersAreCheap(t *testing.T) {
	for _, kind := range []wire.Kind{wire.KindReading, wire.KindEvent, wire.KindToken} {
		for name, message := range hostile.CBOR(wire.MaxPayload) {
			cheap(t, "CBOR", name, func() { _, _, _ = wire.DecodeUp(kind, message) })
		}
		for name, message := range hostile.JSON(wire.MaxPayload) {
			cheap(t, "JSON of a meter", name, func() { _, _, _ = wire.DecodeUp(kind, message) })
		}
	}
}

// TestProfilesAreCheap reads files of profiles.
func TestProfilesAreCheap(t *testing.T) {
	for name, text := range hostile.TOML(profile.MaxFile) {
		cheap(t, "profile", name, func() { _, _ = profile.Parse("hostile.toml", string(text)) })
	}
}

// TestCallsOfProvidersAreCheap proves and reads calls of payment providers, also those that do not prove themselves.
func TestCallsOfProvidersAreCheap(t *testing.T) {
	client := outbound.New(http.DefaultClient, time.Now)
	for _, c := range []struct{ kind, config, secrets string }{
		{"airtel", `{"url": "http://127.0.0.1", "country": "KE", "currency": "KES", "dial": "254"}`, `{"client_id": "a", "client_secret": "b", "hash": "c"}`},
		{"flutterwave", `{"url": "http://127.0.0.1", "email": "power@example.org", "return_url": "https://power.example/thanks"}`, `{"key": "a", "hash": "b"}`},
		{"paystack", `{"url": "http://127.0.0.1", "email": "power@example.org", "return_url": "https://power.example/thanks"}`, `{"key": "sk_test_simulator"}`},
		{"stripe", `{"url": "http://127.0.0.1", "success_url": "https://power.example/thanks"}`, `{"key": "sk_test_simulator", "signing": "whsec_simulator"}`},
		{"webhook", `{}`, `{"signing": "whsec_` + base64.StdEncoding.EncodeToString(make([]byte, 32)) + `"}`},
	} {
		a, err := provider.Open(c.kind, payment.Setup{Config: []byte(c.config), Secrets: []byte(c.secrets)}, client)
		if err != nil {
			t.Errorf("%s: %v", c.kind, err)
			continue
		}
		for name, body := range hostile.JSON(payment.MaxBody) {
			in := payment.Incoming{Body: body}
			cheap(t, c.kind, name, func() {
				_ = a.Prove(in)
				_, _ = a.Read(in)
				_ = a.Reply(in)
			})
		}
	}
}
