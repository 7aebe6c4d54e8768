package api_test

import (
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/await"
)

// waiting returns when the only message of a sale may be sent.
func (w *world) waiting(sale string) (id string, nextAt time.Time) {
	w.t.Helper()
	list := decode[struct {
		Data []struct {
			ID, State string
			NextAt    time.Time `json:"next_at"`
		}
	}](w.t, w.want(200, w.get("/v1/messages?sale="+sale)))
	if len(list.Data) != 1 {
		w.t.Fatalf("the sale has %d messages, want 1", len(list.Data))
	}
	return list.Data[0].ID, list.Data[0].NextAt
}

// held waits until the sale's message waits for a day.
func (w *world) held(sale string) (id string) {
	w.t.Helper()
	await.True(w.t, "the token may be sent in 24 hours", func() bool {
		var next time.Time
		id, next = w.waiting(sale)
		wait := time.Until(next)
		return wait > 23*time.Hour && wait <= 24*time.Hour
	})
	return id
}

// TestTokensWaitForAChangedNumber: a person who changes a number gets no token there before the customer could notice, unless a second
// person confirms the number.
func TestTokensWaitForAChangedNumber(t *testing.T) {
	for _, c := range []struct{ name, change, body, first, confirm, route, tells, purpose string }{
		{"telephone", "", `{"phone":"+254799000009"}`, "", "", `"sms"`, "+254700000001", "phone-changed"},
		{"SIM", "/v1/meters/" + meterNumber + "/sim", `{"sim_phone":"+254799000009"}`, `{"sim_phone":"+254700000200"}`, "/v1/meters/" + meterNumber + "/confirm-sim", `"meter_sms"`, "+254700000001", "sim-changed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := withLog(t)
			if c.change == "" {
				m := decode[struct{ Customer struct{ ID string } }](t, w.want(200, w.get("/v1/meters/"+meterNumber)))
				c.change = "/v1/customers/" + m.Customer.ID
				c.confirm = c.change + "/confirm-phone"
			}
			if c.first != "" {
				w.want(200, w.post(c.change, c.first)) // the first number does not wait
			}
			confirm := func(key string) answer { return w.ask("POST", c.confirm, key, `{"reason":"called the old number"}`) }
			if c.first == "" { // a SIM gets one token at a time, and this one's meter does not answer
				s := decode[sale](t, w.want(201, w.sell("number-0001", deliver(order("10000"), c.route))))
				id, _ := w.waiting(s.ID)
				w.message(id, "sent")
			}
			if code, _ := w.problem(w.want(409, confirm(w.newKey(access.Engineer)))); code != "already-decided" {
				t.Errorf("nothing waits: got %s, want already-decided", code)
			}

			w.want(200, w.post(c.change, c.body))
			await.True(t, "the change was told to "+c.tells, func() bool {
				list := decode[struct{ Data []messageShown }](t, w.want(200, w.get("/v1/messages"))).Data
				return slices.ContainsFunc(list, func(m messageShown) bool { return m.Purpose == c.purpose && m.Phone == c.tells })
			})
			s := decode[sale](t, w.want(201, w.sell("number-0002", deliver(order("10000"), c.route))))
			id := w.held(s.ID)
			w.want(202, w.post("/v1/messages/"+id+"/retry", `{}`)) // a person who sends it again does not shorten the wait
			if again := w.held(s.ID); again != id {
				t.Errorf("message %s became %s", id, again)
			}

			if code, _ := w.problem(w.want(409, confirm(w.key))); code != "approval-invalid" {
				t.Errorf("confirmed by the person who changed the number: got %s, want approval-invalid", code)
			}
			w.want(403, confirm(w.newKey(access.Operator)))
			w.want(200, confirm(w.newKey(access.Engineer)))
			if got := w.message(id, "sent"); got.Phone != "+254799000009" {
				t.Errorf("the token went to %s, want the new number", got.Phone)
			}
		})
	}
}
