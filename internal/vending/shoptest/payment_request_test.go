package shoptest_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/mpesa"
	"github.com/paywatt/paywatt/internal/refusal"
	sim "github.com/paywatt/paywatt/internal/sim/provider"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tier"
)

// openMpesa opens a shop with a well-behaved M-Pesa and one meter.
func openMpesa(t *testing.T) (w *payWorld, meter string) {
	t.Helper()
	w = openWorld(t, playedMpesa(), 3, nil)
	w.faults(sim.Faults{})
	return w, w.meter(1, place{tariff: w.publish("domestic", flat(), long())})
}

func (w *payWorld) faults(f sim.Faults) {
	w.t.Helper()
	if err := w.sim.SetFaults(sim.Daraja, f); err != nil {
		w.t.Fatal(err)
	}
}

// request returns the only request to pay.
func (w *payWorld) request() payment.PaymentRequest {
	w.t.Helper()
	var all []payment.PaymentRequest
	w.do(func(tx *store.Tx) (err error) {
		all, err = tx.RequestPage(id.ID{}, 10)
		return err
	})
	if len(all) != 1 {
		w.t.Fatalf("%d requests, want 1", len(all))
	}
	return all[0]
}

// requested checks the only request's state, and that there are so many sales.
func (w *payWorld) requested(want payment.AskState, sales int64) payment.PaymentRequest {
	w.t.Helper()
	r := w.request()
	if r.State != want || w.sales() != sales {
		w.t.Errorf("the request is %s (%s) with %d sales, want %s with %d", r.State, r.Reason, w.sales(), want, sales)
	}
	w.verified()
	return r
}

func TestARequestedPaymentThatArrivesTwiceIsOneSale(t *testing.T) {
	w, meter := openMpesa(t)
	w.faults(sim.Faults{Repeat: 1})
	w.ask(1, meter, 50_000, "0711 000 001")
	w.pass(20*time.Minute, 10*time.Second)
	r := w.requested(payment.AskPaid, 1)
	p := w.only()
	if p.Request != r.ID || r.Payment != p.ID || p.Proof != payment.Asked || !strings.HasPrefix(p.Payer, "254711") {
		t.Errorf("payment %+v of request %+v", p, r)
	}
}

func TestTheCustomersAnswerDecidesARequest(t *testing.T) {
	for do, want := range map[sim.Act]payment.AskState{sim.ActCancel: payment.AskFailed, sim.ActFunds: payment.AskFailed, sim.ActExpire: payment.AskFailed,
		sim.ActPay: payment.AskPaid, sim.ActLate: payment.AskPaid, sim.ActUnreachable: payment.AskExpired} {
		t.Run(string(do), func(t *testing.T) {
			w, meter := openMpesa(t)
			if err := w.sim.SetBehaviour(sim.Daraja, "*", sim.Behaviour{Do: do, After: sim.Duration(5 * time.Second)}); err != nil {
				t.Fatal(err)
			}
			w.ask(1, meter, 50_000, "+254711000001")
			w.pass(30*time.Minute, 10*time.Second)
			sold := int64(0)
			if want == payment.AskPaid {
				sold = 1
			}
			w.requested(want, sold)
		})
	}
}

// TestNoTelephoneIsAskedTwice: M-Pesa does what it was asked and then answers with an error. The server does not ask again, and the payment
// is credited all the same.
func TestNoTelephoneIsAskedTwice(t *testing.T) {
	w, meter := openMpesa(t)
	if _, err := w.sim.Pay(sim.Order{Provider: sim.Daraja, Amount: 100, Reference: "token", Payer: "254711000009"}); err != nil { // fetches the access token
		t.Fatal(err)
	}
	w.pass(time.Minute, 10*time.Second)
	w.faults(sim.Faults{Fail: 1})
	w.ask(1, meter, 50_000, "+254711000001")
	w.due()
	w.faults(sim.Faults{})
	w.requested(payment.AskUnknown, 0)
	w.pass(30*time.Minute, 10*time.Second)
	w.requested(payment.AskPaid, 1)
	prompts := 0
	for _, p := range w.sim.Books().Payments {
		if strings.HasPrefix(p.Request, "ws_CO_") {
			prompts++
		}
	}
	if prompts != 1 {
		t.Errorf("the telephone was asked %d times", prompts)
	}
}

func TestForgedCallsCreditNothing(t *testing.T) {
	w, meter := openMpesa(t)
	if err := w.sim.SetBehaviour(sim.Daraja, "*", sim.Behaviour{Do: sim.ActIgnore}); err != nil {
		t.Fatal(err)
	}
	w.ask(1, meter, 50_000, "+254711000001")
	w.due()
	if _, err := w.sim.Forge(sim.Daraja, sim.ForgePrompt); err != nil {
		t.Fatal(err)
	}
	w.pass(10*time.Second, 2*time.Second)
	p := w.only()
	for _, names := range [][2]string{{"12345-12345678-1", "AG_20261120_0"}, {"", ""}} { // an answer to no question of the server
		body := fmt.Sprintf(`{"Result":{"ResultCode":0,"OriginatorConversationID":%q,"ConversationID":%q,"ResultParameters":{"ResultParameter":[
			{"Key":"ReceiptNo","Value":%q},{"Key":"TransactionStatus","Value":"Completed"},{"Key":"Amount","Value":500.00}]}}}`, names[0], names[1], p.Txn)
		if h, err := w.Receive(t.Context(), tenant, w.path, payment.Incoming{What: "r", Body: []byte(body)}); err != nil || h.Refuse != nil {
			t.Fatal(err, h.Refuse)
		}
	}
	w.pass(4*time.Hour, time.Minute)
	if p := w.only(); p.State != payment.Rejected || !p.ConfirmedAt.IsZero() {
		t.Errorf("a forged payment is %s (%s)", p.State, p.Reason)
	}
	w.requested(payment.AskFailed, 0)
}

// TestAParkedPaymentIsUsedAlsoIfTheOrderToLookIsLost: its number turns out to be as old as the customer, and no registration orders a look. The sweep
// finds it.
func TestAParkedPaymentIsUsedAlsoIfTheOrderToLookIsLost(t *testing.T) {
	w, meter := openMpesa(t)
	if _, err := w.sim.Pay(sim.Order{Provider: sim.Daraja, Amount: 50_000, Reference: "0711000001", Payer: "254722000001"}); err != nil {
		t.Fatal(err)
	}
	w.pass(10*time.Minute, 10*time.Second)
	w.is(payment.Parked, payment.UnknownReference)
	w.do(func(tx *store.Tx) error {
		_, err := tx.C.Exec(`UPDATE customer SET phone = '+254711000001', search = 'amina +254711000001'`)
		return err
	})
	w.pass(10*time.Minute, 10*time.Second)
	if p := w.is(payment.Applied, payment.NoReason); p.Meter != meter {
		t.Errorf("it was used for meter %s", p.Meter)
	}
}

func TestACallThatIsLostIsFoundInTheList(t *testing.T) {
	w, meter := openMpesa(t)
	w.faults(sim.Faults{Lose: 1})
	if _, err := w.sim.Pay(sim.Order{Provider: sim.Daraja, Amount: 50_000, Reference: meter, Payer: "254722000001"}); err != nil {
		t.Fatal(err)
	}
	w.faults(sim.Faults{})
	w.pass(15*time.Minute, 10*time.Second)
	w.is(payment.Applied, payment.NoReason)
}

func TestATelephoneIsAskedOnlyAFewTimes(t *testing.T) {
	w, meter := openMpesa(t)
	ask := func(n int) refusal.Code {
		out, err := w.Ask(t.Context(), owner(), payment.Asking{Meter: meter, Amount: 100, Phone: []string{"+254711000001", "0711000001", "254 711 000 001"}[n%3]})
		if err != nil {
			t.Fatal(err)
		}
		return out.Code
	}
	for n := range payment.MaxPhoneHour {
		if code := ask(n); code != "" {
			t.Fatalf("request %d: %s", n, code)
		}
	}
	if code := ask(9); code != refusal.RateLimited {
		t.Errorf("one request too many: %q", code)
	}
}

func TestAValidationRefusesWhatTheConfigurationSays(t *testing.T) {
	for unknown, want := range map[string]string{"accept": `"0"`, "refuse": `"C2B00012"`} {
		p := playedMpesa()
		c := p.config.(mpesa.Config)
		c.Unknown = unknown
		p.config = c
		w := openWorld(t, p, 3, nil)
		meter := w.meter(1, place{tariff: w.publish("domestic", flat(), long())})
		for reference, want := range map[string]string{meter: `"0"`, "rent of May": want} {
			h, err := w.Receive(t.Context(), tenant, w.path, payment.Incoming{What: "v", Body: fmt.Appendf(nil,
				`{"TransID":"UKK1","TransTime":"20261120110000","TransAmount":"500.00","BusinessShortCode":"600000","BillRefNumber":%q,"MSISDN":"2547 ***** 001"}`, reference)})
			if err != nil || !strings.Contains(string(h.Reply.Body), `"ResultCode":`+want) {
				t.Errorf("unknown=%s, reference %q: %s (%v), want %s", unknown, reference, h.Reply.Body, err, want)
			}
		}
		w.due()
		if n := w.number(`SELECT COUNT(*) FROM payment`); n != 0 {
			t.Errorf("%d payments come of validations", n)
		}
	}
}

// TestAListThatLacksAPaymentAfterAnOutageIsReadAgain: nobody could list for 90 minutes, and the first list afterwards lacks the payment.
func TestAListThatLacksAPaymentAfterAnOutageIsReadAgain(t *testing.T) {
	w, meter := openMpesa(t)
	w.pass(10*time.Minute, time.Minute)
	if err := w.sim.Down(sim.Daraja, sim.Unavailable, 90*time.Minute); err != nil {
		t.Fatal(err)
	}
	w.faults(sim.Faults{Lose: 1, Incomplete: 1})
	w.pass(time.Minute, time.Minute)
	if _, err := w.sim.Pay(sim.Order{Provider: sim.Daraja, Amount: 50_000, Reference: meter, Payer: "254722000001"}); err != nil {
		t.Fatal(err)
	}
	w.pass(100*time.Minute, time.Minute)
	w.faults(sim.Faults{})
	w.pass(2*time.Hour, time.Minute)
	w.is(payment.Applied, payment.NoReason)
}

// TestARequestTakesNoPaymentOfSomebodyElse: whoever knows the server's secret address cites somebody else's payment as the answer to a request of
// their own. The payer that M-Pesa names is not the telephone that was asked, so the payment stays where it is.
func TestARequestTakesNoPaymentOfSomebodyElse(t *testing.T) {
	for _, early := range []bool{true, false} {
		w, meter := openMpesa(t)
		if err := w.sim.SetBehaviour(sim.Daraja, "*", sim.Behaviour{Do: sim.ActIgnore}); err != nil {
			t.Fatal(err)
		}
		w.ask(1, meter, 50_000, "+254711000001")
		w.due()
		w.faults(sim.Faults{Lose: 1})
		p, err := w.sim.Pay(sim.Order{Provider: sim.Daraja, Amount: 50_000, Reference: "rent", Payer: "254722000001"})
		if err != nil {
			t.Fatal(err)
		}
		w.faults(sim.Faults{})
		if !early { // the list has brought the payment, and it is parked
			w.pass(8*time.Minute, 10*time.Second)
			w.is(payment.Parked, payment.UnknownReference)
		}
		body := fmt.Sprintf(`{"Body":{"stkCallback":{"CheckoutRequestID":%q,"ResultCode":0,"CallbackMetadata":{"Item":[{"Name":"Amount","Value":500},
			{"Name":"MpesaReceiptNumber","Value":%q},{"Name":"PhoneNumber","Value":254711000001}]}}}}`, w.request().Handle, p.ID)
		if h, err := w.Receive(t.Context(), tenant, w.path, payment.Incoming{What: "s", Body: []byte(body)}); err != nil || h.Refuse != nil {
			t.Fatal(err, h.Refuse)
		}
		w.pass(30*time.Minute, 10*time.Second)
		if p := w.is(payment.Parked, payment.UnknownReference); !p.Request.IsZero() || p.Meter != "" {
			t.Errorf("the payment went to meter %s by request %s", p.Meter, p.Request.Text(id.PaymentRequest))
		}
		if w.sales() != 0 {
			t.Error("it was sold from")
		}
	}
}

// TestATelephoneWantsToBeAsked: a message asks its own telephone once while the request lives, and again afterwards. A provider that opens a page
// does not ask a telephone.
func TestATelephoneWantsToBeAsked(t *testing.T) {
	tier.Concurrent(t)
	w, meter := openMpesa(t)
	const phone = "+254711000001"
	by := access.SystemActor(tenant, "sms "+phone)
	prompt := func(p payment.Prompt) payment.Prompted {
		t.Helper()
		out, err := w.Prompt(t.Context(), by, p)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for want, p := range map[string]payment.Prompt{"payment-amount-wrong": {Phone: phone, Meter: meter, Amount: "100,5"}, "payment-meter-unknown": {Phone: phone, Meter: "04149999999", Amount: "100"},
		"payment-phone-wrong": {Phone: "7x1", Meter: meter, Amount: "100"}} {
		if got := prompt(p); got.Text != want {
			t.Errorf("%+v: refused as %q, want %q", p, got.Text, want)
		}
	}
	wish := payment.Prompt{Phone: phone, Meter: meter, Amount: "100"}
	first := prompt(wish)
	if first.Refused() || first.Live || first.Request.Amount.Minor != 10_000 || first.Request.Phone != phone {
		t.Fatalf("%+v", first)
	}
	var same sync.WaitGroup
	for range 16 {
		same.Go(func() {
			if out, err := w.Prompt(t.Context(), by, wish); err != nil || !out.Live || out.Request.ID != first.Request.ID {
				t.Errorf("again: %v %+v", err, out)
			}
		})
	}
	same.Wait()
	if other := prompt(payment.Prompt{Phone: phone, Meter: meter, Amount: "50"}); other.Refused() || other.Live {
		t.Errorf("another amount: %+v", other)
	}
	w.pass(11*time.Minute, time.Minute)
	if later := prompt(wish); later.Refused() || later.Live || later.Request.ID == first.Request.ID {
		t.Errorf("after the first ended: %+v", later)
	}

	card := openWorld(t, playedStripe(), 3, nil)
	meter = card.meter(1, place{tariff: card.publish("domestic", flat(), long())})
	if out, err := card.Prompt(t.Context(), by, payment.Prompt{Phone: phone, Meter: meter, Amount: "100"}); err != nil || out.Text != "payment-no-requester" {
		t.Errorf("a provider with a page: %v %q", err, out.Text)
	}
}
