package shoptest_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/early"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/mpesa"
	sim "github.com/paywatt/paywatt/internal/sim/provider"
)

// openTill opens a shop whose M-Pesa calls only about what it asked a telephone for. No payer types a reference.
func openTill(t *testing.T, do sim.Act) (w *payWorld, meter string) {
	t.Helper()
	played := playedMpesa()
	config := played.config.(mpesa.Config)
	config.Pull = ""
	played.config = config
	w = openWorld(t, played, 3, nil)
	w.faults(sim.Faults{})
	w.lost = "c"
	if err := w.sim.SetBehaviour(sim.Daraja, "*", sim.Behaviour{Do: do, After: sim.Duration(2 * time.Second)}); err != nil {
		t.Fatal(err)
	}
	return w, w.meter(1, place{tariff: w.publish("domestic", flat(), long())})
}

// TestACallThatOvertakesTheAnswerToItsPushIsCredited: the customer pays before M-Pesa's answer to the push is stored, at a till where only the push
// says for which meter. The payment was parked for ever.
func TestACallThatOvertakesTheAnswerToItsPushIsCredited(t *testing.T) {
	w, meter := openTill(t, sim.ActPay)
	w.overtakes = "/stkpush/v1/processrequest"
	w.ask(1, meter, 50_000, "+254711000001")
	w.pass(time.Minute, time.Second)
	w.is(payment.Applied, payment.NoReason)
	if r := w.requested(payment.AskPaid, 1); r.Payment != w.only().ID {
		t.Errorf("the request is paid by %v, want %v", r.Payment, w.only().ID)
	}
}

// TestACallThatOvertakesTheAnswerToItsPushDecidesIt: the customer declines before M-Pesa's answer to the push is stored.
func TestACallThatOvertakesTheAnswerToItsPushDecidesIt(t *testing.T) {
	w, meter := openTill(t, sim.ActCancel)
	w.overtakes = "/stkpush/v1/processrequest"
	w.ask(1, meter, 50_000, "+254711000001")
	w.due()
	w.requested(payment.AskFailed, 0)
	w.leftOver(0, 0)
}

// TestACallWhoseQuestionNeverComesIsSeen: M-Pesa's answer to the push is lost, and the name of the push with it. A person sees the payment, or that
// the push was declined, after the time that a call waits, and not before.
func TestACallWhoseQuestionNeverComesIsSeen(t *testing.T) {
	for do, unreadable := range map[sim.Act]int64{sim.ActPay: 0, sim.ActCancel: 1} {
		t.Run(string(do), func(t *testing.T) {
			w, meter := openTill(t, do)
			w.deaf = "/stkpush/v1/processrequest"
			w.ask(1, meter, 50_000, "+254711000001")
			w.pass(payment.EarlyWait-10*time.Second, time.Second)
			w.requested(payment.AskUnknown, 0)
			w.leftOver(1, 0)
			if do == sim.ActPay {
				w.is(payment.Received, payment.NoReason)
			}
			w.pass(30*time.Second, time.Second)
			w.leftOver(0, unreadable)
			if do == sim.ActPay {
				w.is(payment.Parked, payment.UnknownReference)
			}
		})
	}
}

// TestManyCallsThatNameNothingFillNoTable: whoever knows the address of the provider can call with any name.
func TestManyCallsThatNameNothingFillNoTable(t *testing.T) {
	w, _ := openTill(t, sim.ActPay)
	for n := range early.MaxWaiting + 20 {
		body := fmt.Sprintf(`{"Body":{"stkCallback":{"MerchantRequestID":"1","CheckoutRequestID":"ws_CO_%d",`+
			`"ResultCode":1032,"ResultDesc":"cancelled"}}}`, n)
		heard, err := w.Receive(t.Context(), tenant, w.path, payment.Incoming{What: "s", Body: []byte(body), From: "196.201.214.200"})
		if err != nil || heard.Refuse != nil || heard.Reply.Status != http.StatusOK {
			t.Fatal(err, heard.Refuse, heard.Reply.Status)
		}
	}
	w.due()
	w.leftOver(early.MaxWaiting, 0)
	w.pass(payment.EarlyWait+time.Second, 10*time.Second)
	w.leftOver(0, early.MaxWaiting)
}

// leftOver checks how many answers wait for their questions, and how many calls a person must look at.
func (w *payWorld) leftOver(waiting, unreadable int64) {
	w.t.Helper()
	if n := w.number(`SELECT COUNT(*) FROM early_answer`); n != waiting {
		w.t.Errorf("%d answers wait, want %d", n, waiting)
	}
	if n := w.number(`SELECT COUNT(*) FROM payment_call WHERE state = 'unreadable'`); n != unreadable {
		w.t.Errorf("%d calls need a person, want %d", n, unreadable)
	}
}
