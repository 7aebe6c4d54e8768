package provider

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Text is a message that the till's telephone received.
type Text struct {
	N       int       `json:"n"`
	ID      string    `json:"id"` // of this message; a repeated text has another one
	At      time.Time `json:"at"`
	From    string    `json:"from"`
	Text    string    `json:"text"`
	Payment string    `json:"payment"` // receipt in the text
}

// maxTexts is how many messages the telephone keeps.
const maxTexts = 20_000

// Texts returns the messages of the till's telephone with a number above n, oldest first.
func (s *Simulator) Texts(n int) []Text {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Text{}
	for _, t := range s.texts {
		if t.N > n {
			out = append(out, t)
		}
	}
	return out
}

// textOf is the text that M-Pesa sends for a payment: with the account number at a pay bill, without at a till.
func textOf(p *payment, amount, balance int64) string {
	at := p.At.In(nairobi())
	head := p.ID + " Confirmed. on " + at.Format("2/1/06") + " at " + at.Format("3:04 PM") + " Ksh" + grouped(amount) + " received from "
	if p.Reference == "" {
		return head + p.Payer + " " + p.Name + ". New Account balance is Ksh" + grouped(balance) + ". Transaction cost, Ksh0.00."
	}
	return head + p.Name + " " + p.Payer + ". Account Number " + p.Reference + " New Utility balance is Ksh" + grouped(balance)
}

// grouped writes shillings with commas: "1,020.00".
func grouped(amount int64) string {
	whole, cents, _ := strings.Cut(major(amount, "KES"), ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return sign + whole + "." + cents
}

// tellText sends the text of a payment to the till's telephone.
func (s *Simulator) tellText(_ time.Time, p *payment, balance int64) {
	s.tell(callback{provider: SMS, kind: "text", payment: p.ID, url: "sms:till", amount: p.Amount, local: s.received("MPESA", p.ID),
		build: func(amount int64) []byte { return []byte(textOf(p, amount, balance)) }})
}

// received is what happens when a text arrives: the telephone keeps it, and posts it to Paywatt's gateway interface if an endpoint
// is set.
func (s *Simulator) received(from, payment string) func(now time.Time, body []byte) {
	return func(now time.Time, body []byte) {
		t := Text{ID: s.name("sms-", 12, false), At: now, From: from, Text: string(body), Payment: payment}
		if len(s.texts) > 0 {
			t.N = s.texts[len(s.texts)-1].N
		}
		t.N++
		if len(s.texts) >= maxTexts {
			s.texts = append(s.texts[:0], s.texts[maxTexts/10:]...)
		}
		s.texts = append(s.texts, t)
		end := s.services[SMS].endpoint
		if end.URL == "" {
			return
		}
		s.push(step{at: now, send: &callback{provider: SMS, kind: "gateway", payment: payment, method: http.MethodPost, url: end.URL, retry: webhookRetries(), sign: gatewaySigner(end.Secret),
			body: encode(map[string]any{"id": t.ID, "from": t.From, "text": t.Text, "at": t.At.UTC().Format(time.RFC3339)})}})
	}
}

// gatewaySigner signs as docs/reference/sms-gateway.md#http-gateway-kind--http asks.
func gatewaySigner(secret string) func([]byte, time.Time) http.Header {
	return func(body []byte, now time.Time) http.Header {
		t := strconv.FormatInt(now.Unix(), 10)
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(t + ".in."))
		mac.Write(body)
		h := http.Header{}
		h.Set("Paywatt-Timestamp", t)
		h.Set("Paywatt-Signature", "v1="+hex.EncodeToString(mac.Sum(nil)))
		return h
	}
}
