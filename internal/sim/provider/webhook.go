package provider

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// webhookRetries are the waits that Standard Webhooks 1.0 suggests.
func webhookRetries() []time.Duration {
	return []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}
}

// webhookSignature signs "id.timestamp.body" with HMAC-SHA256. The secret is whsec_ and base64; any other text is the key itself.
func webhookSignature(secret, id string, body []byte, now time.Time) string {
	key := []byte(secret)
	if text, is := strings.CutPrefix(secret, "whsec_"); is {
		if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
			key = raw
		}
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + strconv.FormatInt(now.Unix(), 10) + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// webhookSigner sets the three headers. All tries and repetitions of a message have the same id.
func webhookSigner(secret, id string) func([]byte, time.Time) http.Header {
	return func(body []byte, now time.Time) http.Header {
		h := http.Header{}
		h.Set("webhook-id", id)
		h.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
		h.Set("webhook-signature", webhookSignature(secret, id, body, now))
		return h
	}
}

// webhookData is a payment as the webhook provider describes it.
func webhookData(p *payment, amount int64) map[string]any {
	return map[string]any{"id": p.ID, "amount": major(amount, p.Currency), "amount_minor": amount, "currency": p.Currency, "reference": p.Reference, "payer": p.Payer,
		"name": p.Name, "status": p.State, "paid_at": p.At.UTC().Format(time.RFC3339)}
}

// webhookBody is a message of the webhook provider.
func webhookBody(kind string, at time.Time, p *payment, amount int64) []byte {
	return encode(map[string]any{"type": kind, "timestamp": at.UTC().Format(time.RFC3339), "data": webhookData(p, amount)})
}

// tellWebhook sends a signed message about a payment.
func (s *Simulator) tellWebhook(p *payment, kind string) {
	now, end := s.now(), s.services[Webhook].endpoint
	s.tell(callback{provider: Webhook, kind: kind, payment: p.ID, url: end.URL, amount: p.Amount, retry: webhookRetries(), sign: webhookSigner(end.Secret, s.name("msg_", 22, true)),
		build: func(amount int64) []byte { return webhookBody(kind, now, p, amount) }})
}

// webhookPayment answers a query about a payment.
func (s *Simulator) webhookPayment(c call) answer {
	if c.bearer() != s.cfg.Credentials.WebhookKey {
		return answer{status: http.StatusUnauthorized, body: map[string]string{"error": "unauthorized"}}
	}
	p := s.books.byID[Webhook][c.PathValue("id")]
	if p == nil {
		return answer{status: http.StatusNotFound, body: map[string]string{"error": "not_found"}}
	}
	return answer{status: http.StatusOK, body: webhookData(p, p.Amount)}
}
