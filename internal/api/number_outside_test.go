package api_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/store"
)

// TestANumberChangedOutsideTheServerDecidesForNoPayment: whoever can write to the database gives the number of one customer to another. The payment
// that names it waits for a person, and nobody can confirm the number, also if the database says that it waits for that.
func TestANumberChangedOutsideTheServerDecidesForNoPayment(t *testing.T) {
	const typed, other = "+254733444555", "+254733444999"
	w := folder(t)
	w.test = true
	k := newClerk(setStageIn(w))
	k.do(201, "POST", "/v1/payment-providers", bankProvider())
	customerOf := func(meter string) string {
		return decode[struct{ Customer struct{ ID string } }](t, k.do(200, "GET", "/v1/meters/"+meter, "")).Customer.ID
	}
	victim := customerOf(k.home("prepay_wallet", "Peter Otieno", typed))
	thief := customerOf(k.home("prepay_wallet", "A. Friend", other))
	edit := func(change func(tx *store.Tx) error) {
		t.Helper()
		err := k.folder.Engine.Run(t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) { return false, change(tx) })
		if err != nil {
			t.Fatal(err)
		}
	}
	edit(func(tx *store.Tx) error {
		for _, c := range []struct{ from, to string }{{typed, ""}, {other, typed}} {
			err := tx.Must(`UPDATE customer SET phone = $1, search = REPLACE(search, SUBSTR($2, 2), SUBSTR($1, 2)) WHERE phone = $2`, c.to, c.from)
			if err != nil {
				return err
			}
		}
		return nil
	})

	file := mpesaHead + "QK1,2026-11-20 11:00:00,Completed,900.00,,0733444555,254700000411 - GRACE\n"
	k.want(201, k.ask("POST", "/v1/payment-providers/till-bank/statements", k.key, file, "Idempotency-Key", "outside-statement"))
	k.waitForPayment("parked")

	edit(func(tx *store.Tx) error {
		return tx.Must(`INSERT INTO number_change (tenant_id, owner, by_actor, changed_at, held_until) VALUES ($1, $2, 'somebody', $3, $4)`,
			tx.Tenant, thief, tx.Now, tx.Now.AddDate(0, 0, 1))
	})
	second := k.newKey(access.Owner)
	confirm := func(want int, customer, idempotency string) answer {
		t.Helper()
		return k.want(want, k.ask("POST", "/v1/customers/"+customer+"/confirm-phone", second, `{"reason":"seen"}`, "Idempotency-Key", idempotency))
	}
	if code, _ := k.problem(confirm(409, thief, "confirm-outside")); code != "approval-invalid" {
		t.Errorf("the number was changed outside: got %s, want approval-invalid", code)
	}
	k.do(200, "POST", "/v1/customers/"+thief, `{"name":"A. Good Friend"}`)
	confirm(409, thief, "confirm-renamed")
	k.do(200, "POST", "/v1/customers/"+victim, `{"phone":"`+typed+`"}`) // held, although the customer seems to have had no number
	confirm(200, victim, "confirm-entered")
}

// TestNoTokenGoesToANumberThatWasChangedOutside: whoever can write to the database sends a customer's tokens to no other telephone.
func TestNoTokenGoesToANumberThatWasChangedOutside(t *testing.T) {
	w := withLog(t)
	w.inStore(func(tx *store.Tx) error { return tx.Must(`UPDATE customer SET phone = '+254799000009'`) })
	s := decode[sale](t, w.want(201, w.sell("number-outside", deliver(order("10000"), `"sms"`))))
	w.held(s.ID)
}
