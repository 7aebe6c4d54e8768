package api_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/await"
)

// TestANumberThatAnotherCustomerHadDecidesForNoPayment: whoever takes a telephone number from one customer and registers it for another, alone and in a
// moment, gets none of the payments that name it, whichever way the first one loses it. A number that nobody had decides at once, and so does one whose
// change a second person has confirmed.
func TestANumberThatAnotherCustomerHadDecidesForNoPayment(t *testing.T) {
	const typed = "+254733444555"
	change := func(numbers ...string) func(c *clerk, victim string) {
		return func(c *clerk, victim string) {
			customer := decode[struct{ Customer struct{ ID string } }](c.t, c.do(200, "GET", "/v1/meters/"+victim, "")).Customer.ID
			for _, n := range numbers {
				c.do(200, "POST", "/v1/customers/"+customer, `{"phone":"`+n+`"}`)
			}
		}
	}
	for name, c := range map[string]struct {
		loses func(c *clerk, victim string)
		state string
	}{
		"it is another's now":        {change("+254733444556"), "parked"},
		"it is removed":              {change(""), "parked"},
		"it is changed twice":        {change("+254733444556", "+254733444557"), "parked"},
		"it was held itself":         {change("+254733444999", typed, "+254733444557"), "parked"},
		"it is removed and replaced": {change("", "+254733444556"), "parked"},
		"the customer moves out": {func(c *clerk, victim string) {
			c.do(201, "POST", "/v1/accounts/"+victim+"/move-out", `{"reason":"lease ended"}`)
		}, "parked"},
		"a second person confirms": {func(c *clerk, victim string) {
			change("+254733444556")(c, victim)
			customer := decode[struct{ Customer struct{ ID string } }](c.t, c.do(200, "GET", "/v1/meters/"+victim, "")).Customer.ID
			c.want(200, c.ask("POST", "/v1/customers/"+customer+"/confirm-phone", c.newKey(access.Owner), `{"reason":"seen"}`, "Idempotency-Key", "confirm-former"))
		}, "applied"},
		"nobody had it": {func(c *clerk, victim string) {}, "applied"},
	} {
		t.Run(name, func(t *testing.T) {
			w := folder(t)
			w.test = true
			k := newClerk(setStageIn(w))
			k.do(201, "POST", "/v1/payment-providers", bankProvider())
			had := typed
			if name == "nobody had it" {
				had = "+254733444999"
			}
			c.loses(k, k.home("prepay_wallet", "Peter Otieno", had))
			k.home("prepay_wallet", "A. Friend", typed)
			paid := time.Now().AddDate(0, 0, 1).Format(time.DateTime) // a clock that is ahead: it was paid when it became known
			file := mpesaHead + "QK1," + paid + ",Completed,900.00,,0733444555,254700000411 - GRACE\n"
			k.want(201, k.ask("POST", "/v1/payment-providers/till-bank/statements", k.key, file, "Idempotency-Key", "former-statement"))
			k.waitForPayment(c.state)
		})
	}
}

// TestANumberDecidesForNoPaymentMadeBeforeItWasRegistered: a clerk sees a payment that waits for a number that nobody has, and registers the number
// for a friend. The payment waits for a person, and says why.
func TestANumberDecidesForNoPaymentMadeBeforeItWasRegistered(t *testing.T) {
	w := folder(t)
	w.test = true
	k := newClerk(setStageIn(w))
	k.do(201, "POST", "/v1/payment-providers", bankProvider())
	paid := time.Now().AddDate(0, 0, 1).Format(time.DateTime) // a clock that is ahead: it was paid when it became known
	file := mpesaHead + "QK1," + paid + ",Completed,900.00,,0733444555,254700000411 - GRACE\n"
	k.want(201, k.ask("POST", "/v1/payment-providers/till-bank/statements", k.key, file, "Idempotency-Key", "newer-statement"))
	k.waitForPayment("parked")
	friend := k.home("prepay_wallet", "A. Friend", "+254733444555")
	var id string
	await.True(t, "the payment says why it waits", func() bool {
		l := decode[struct {
			Data []struct{ ID, State, Reason string }
		}](t, k.do(200, "GET", "/v1/payments", ""))
		if l.Data[0].State != "parked" {
			t.Fatalf("the payment is %s (%s)", l.Data[0].State, l.Data[0].Reason)
		}
		id = l.Data[0].ID
		return l.Data[0].Reason == "number-newer"
	})
	k.do(200, "POST", "/v1/payments/"+id+"/apply", `{"meter":"`+friend+`"}`)
	k.waitForPayment("applied")
}

// waitForPayment waits until the only payment is decided, and checks its state.
func (c *clerk) waitForPayment(state string) {
	c.t.Helper()
	await.True(c.t, "the payment is decided", func() bool {
		l := decode[struct {
			Data []struct{ State, Reason string }
		}](c.t, c.do(200, "GET", "/v1/payments", ""))
		if len(l.Data) != 1 || l.Data[0].State == "received" {
			return false
		}
		if l.Data[0].State != state {
			c.t.Fatalf("the payment is %s (%s), want %s", l.Data[0].State, l.Data[0].Reason, state)
		}
		return true
	})
}
