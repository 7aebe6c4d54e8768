package shoptest_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/provider/outbound"
	"github.com/paywatt/paywatt/internal/provider/webhook"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/vending"
)

// payShop is a shop that a provider with signed calls brings payments to.
type payShop struct {
	*shop
	*payment.Payments
	path    string
	secrets []byte
	key     []byte
	calls   int
	routes  []string
	newer   bool                                          // the adapter understands newWording
	broken  error                                         // of every adapter
	ask     func(payment.Payment) (payment.Answer, error) // nil: signatures confirm payments
}

// asking is an adapter that asks the test.
type asking struct {
	payment.Adapter
	s *payShop
}

func (a asking) Asks() bool { return a.s.ask != nil }

func (a asking) Ask(_ context.Context, p payment.Payment) (payment.Answer, error) { return a.s.ask(p) }

func openPaid(t *testing.T, ask func(payment.Payment) (payment.Answer, error)) *payShop {
	t.Helper()
	return openPaidOver(t, true, ask)
}

// openPaidOver opens the shop over a local or an external issuer.
func openPaidOver(t *testing.T, local bool, ask func(payment.Payment) (payment.Answer, error)) *payShop {
	t.Helper()
	return openPaidAs(t, open(t, local), ask)
}

// openPaidAs lets the provider bring payments to an open shop.
func openPaidAs(t *testing.T, opened *shop, ask func(payment.Payment) (payment.Answer, error)) *payShop {
	t.Helper()
	return openPaidWith(t, opened, ask, false)
}

// openPaidBy opens the shop and says whether a payment without a reference may be for the payer's telephone.
func openPaidBy(t *testing.T, byPhone bool) *payShop {
	t.Helper()
	return openPaidWith(t, open(t, true), nil, byPhone)
}

func openPaidWith(t *testing.T, opened *shop, ask func(payment.Payment) (payment.Answer, error), byPhone bool) *payShop {
	t.Helper()
	s := &payShop{shop: opened, routes: []string{sale.RouteMQTT}, key: []byte("a key of 24 bytes or more"), ask: ask}
	s.Payments = payment.New(payment.Config{Door: store.DoorTo(s.engine, store.Sale, func(tx *store.Tx) payment.Tx { return tx }),
		Adapter: func(_ string, setup payment.Setup) (payment.Adapter, error) {
			a, err := webhook.Open(setup, outbound.New(nil, s.clock.Now))
			return asking{upgraded{a, s}, s}, errors.Join(err, s.broken)
		},
		Seller: s.Vending, Sealer: s.sealer, Rand: rand.Reader, Now: s.clock.Now, MayDate: s.MayDate, PayerPhone: byPhone,
		Deliver: func(payment.Tx, string) ([]string, error) { return s.routes, nil }})
	secrets, err := json.Marshal(webhook.Secrets{Signing: "whsec_" + base64.StdEncoding.EncodeToString(s.key)})
	if err != nil {
		t.Fatal(err)
	}
	s.secrets = secrets
	s.path = s.provider("bank")
	return s
}

// send sends a call of the provider, with a signature of its own each time.
func (s *payShop) send(body string) payment.Heard {
	s.t.Helper()
	s.calls++
	return s.sendAs(fmt.Sprintf("msg_%d", s.calls), body)
}

// sendAs sends a call under a name.
func (s *payShop) sendAs(name, body string) payment.Heard {
	s.t.Helper()
	stamp := strconv.FormatInt(s.clock.Now().Unix(), 10)
	h := http.Header{}
	h.Set("webhook-id", name)
	h.Set("webhook-timestamp", stamp)
	h.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(webhook.Sign(s.key, name, stamp, []byte(body))))
	out, err := s.Receive(s.t.Context(), tenant, s.path, payment.Incoming{What: "w", Header: h, Body: []byte(body)})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// paid sends the call about a payment.
func (s *payShop) paid(txn string, amount int64, reference string) {
	s.t.Helper()
	if h := s.send(paidBody(txn, amount, "KES", reference)); !h.Found || h.Refuse != nil || h.Reply.Status != http.StatusNoContent {
		s.t.Fatalf("call of payment %s: %+v", txn, h)
	}
}

func paidBody(txn string, amount int64, currency, reference string) string {
	return fmt.Sprintf(`{"type":"payment.taken","data":{"id":%q,"amount_minor":%d,"currency":%q,"reference":%q,"payer":"+254711000001"}}`, txn, amount, currency, reference)
}

// work carries out everything that is due in the lane of payments, and returns how many steps that were.
func (s *payShop) work() int {
	s.t.Helper()
	worker, steps := payment.NewWorker(s.Payments), 0
	for {
		var claims []job.Claim
		s.do(func(tx *store.Tx) (err error) {
			claims, err = tx.OutboxClaim(job.LanePayment, "", "test", s.clock.Now().Add(time.Minute), 10)
			return err
		})
		if len(claims) == 0 {
			return steps
		}
		for _, c := range claims {
			steps++
			v, err := worker.Send(s.t.Context(), tenant, c)
			s.do(func(tx *store.Tx) error {
				if err == nil && v.String() == "done" {
					_, err := tx.OutboxDone(c.ID, "test")
					return err
				}
				next := s.clock.Now().Add(time.Minute)
				_, err := tx.OutboxRetry(c.ID, "test", next, v.String())
				return err
			})
			if err != nil && s.broken == nil {
				s.t.Fatalf("step %s: %v", c.Kind, err)
			}
		}
	}
}

// only returns the only payment.
func (s *payShop) only() payment.Payment {
	s.t.Helper()
	l, err := s.Payments.List(s.t.Context(), owner(), payment.Filter{}, registry.Page{})
	if err != nil || l.Refused() || len(l.Payments) != 1 {
		s.t.Fatalf("%d payments, want 1 (%v %s)", len(l.Payments), err, l.Detail())
	}
	return l.Payments[0].Payment
}

func (s *payShop) is(want payment.State, why payment.Reason) payment.Payment {
	s.t.Helper()
	p := s.only()
	if p.State != want || p.Reason != why {
		s.t.Fatalf("the payment is %s (%s: %s), want %s (%s)", p.State, p.Reason, p.Detail, want, why)
	}
	s.verified()
	return p
}

func (s *payShop) sales() int64 {
	return s.number(`SELECT COUNT(*) FROM vend WHERE state = 'completed'`)
}

func TestASignedPaymentBecomesOneSale(t *testing.T) {
	s := openPaid(t, nil)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.paid("TX1", 50_000, "meter "+meter+" please")
	s.paid("TX1", 50_000, "meter "+meter+" please") // the same call again
	s.work()
	s.send(paidBody("TX1", 50_000, "KES", "another text"))
	s.work()
	p := s.is(payment.Applied, payment.NoReason)
	if p.Proof != payment.Signed || p.Meter != meter || s.sales() != 1 {
		t.Errorf("payment %+v, %d sales", p, s.sales())
	}
	v, err := s.Sale(t.Context(), owner(), p.Sale.Text(id.Vend))
	if err != nil || v.Sale.Tender.Minor != 50_000 || v.Sale.Payment != p.ID || !strings.HasPrefix(v.Sale.ReceiptNo, "pay-bank-") {
		t.Errorf("sale %+v %v", v.Sale, err)
	}
	s.paid("TX2", 50_000, meter)
	s.work()
	if s.sales() != 2 {
		t.Errorf("%d sales of two payments", s.sales())
	}
	s.verified()
}

func TestACallThatNobodySignedIsNotStored(t *testing.T) {
	s := openPaid(t, nil)
	s.key = []byte("another key of 24 bytes.")
	if h := s.send(paidBody("TX1", 1, "KES", "x")); !h.Found || h.Refuse == nil {
		t.Errorf("a wrong signature: %+v", h)
	}
	s.path = strings.Repeat("0", 32)
	if h := s.send(paidBody("TX1", 1, "KES", "x")); h.Found {
		t.Errorf("an unknown address: %+v", h)
	}
	if n := s.number(`SELECT COUNT(*) FROM payment_call`); n != 0 {
		t.Errorf("%d calls are stored", n)
	}
}

func TestAPaymentWithoutAMeterIsParkedAndAppliedOnce(t *testing.T) {
	s := openPaid(t, nil)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.paid("TX1", 50_000, "rent of May")
	s.work()
	p := s.is(payment.Parked, payment.UnknownReference)
	for range 2 {
		out, err := s.Payments.Apply(t.Context(), owner(), payment.Decision{Payment: p.Name(), Meter: meter})
		if err != nil {
			t.Fatal(err)
		}
		if again := s.work() == 0; out.Refused() != again {
			t.Errorf("refused: %t, want %t: %s", out.Refused(), again, out.Detail())
		}
	}
	s.is(payment.Applied, payment.NoReason)
	if s.sales() != 1 {
		t.Errorf("%d sales", s.sales())
	}
}

func TestAParkedPaymentIsGivenBackOnce(t *testing.T) {
	s := openPaid(t, nil)
	s.paid("TX1", 50_000, "rent of May")
	s.work()
	p := s.is(payment.Parked, payment.UnknownReference)
	back := func() once.Done[payment.View] {
		out, err := s.Payments.Refund(t.Context(), owner(), payment.Decision{Payment: p.Name(), Reason: "not ours"})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if out := back(); out.Refused() {
		t.Error(out.Detail())
	}
	s.is(payment.Refunded, payment.ByPerson)
	if out := back(); !out.Refused() {
		t.Error("a payment was given back twice")
	}
	s.is(payment.Refunded, payment.ByPerson)
}

func TestTheSaleOfAPaymentThatIsReversedParksIt(t *testing.T) {
	s := openPaid(t, nil)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.paid("TX1", 50_000, meter)
	s.work()
	p := s.is(payment.Applied, payment.NoReason)
	s.reversed(owner(), sale.Sale{ID: p.Sale}, "wrong meter")
	p = s.is(payment.Parked, payment.SaleReversed)
	other := s.meter(2, place{tariff: s.publish("other", flat(), long())})
	if out, err := s.Payments.Apply(t.Context(), owner(), payment.Decision{Payment: p.Name(), Meter: other}); err != nil || out.Refused() {
		t.Fatal(err, out.Detail())
	}
	s.work()
	if p = s.is(payment.Applied, payment.NoReason); p.Meter != other || s.sales() != 1 {
		t.Errorf("applied to %s, %d sales stand", p.Meter, s.sales())
	}
}

func TestWhatTheProviderSaysDecides(t *testing.T) {
	for _, c := range []struct {
		name  string
		say   payment.Answer
		want  payment.State
		why   payment.Reason
		waits bool
	}{
		{"took", payment.Answer{Outcome: payment.Took, Amount: money.Amount{Minor: 50_000, Currency: "KES"}}, payment.Applied, payment.NoReason, false},
		{"took less", payment.Answer{Outcome: payment.Took, Amount: money.Amount{Minor: 20_000, Currency: "KES"}}, payment.Applied, payment.NoReason, false},
		{"another currency", payment.Answer{Outcome: payment.Took, Amount: money.Amount{Minor: 50_000, Currency: "UGX"}}, payment.Parked, payment.OtherCurrency, false},
		{"never", payment.Answer{Outcome: payment.Never}, payment.Rejected, payment.NeverTaken, true},
		{"back", payment.Answer{Outcome: payment.Back}, payment.Rejected, payment.GivenBack, false},
		{"pending", payment.Answer{Outcome: payment.Pending}, payment.Received, payment.Undecided, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openPaid(t, func(payment.Payment) (payment.Answer, error) { return c.say, nil })
			meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
			s.paid("TX1", 50_000, meter)
			s.work()
			if c.waits {
				if p := s.only(); p.State != payment.Received {
					t.Fatalf("the payment is %s at once", p.State)
				}
				for range 10 {
					s.clock.add(2 * time.Hour)
					s.work()
				}
			}
			p := s.is(c.want, c.why)
			if sold := s.sales() == 1; sold != (c.want == payment.Applied) {
				t.Errorf("sold: %t", sold)
			}
			if c.say.Outcome == payment.Took && p.Amount != c.say.Amount {
				t.Errorf("the payment is of %v, the provider took %v", p.Amount, c.say.Amount)
			}
		})
	}
}

func TestARefusedSaleParksAndAPassingOneWaits(t *testing.T) {
	s := openPaid(t, nil)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.paid("TX1", 1, meter) // less than any token
	s.work()
	s.is(payment.Parked, payment.NotSold)
}

func TestATelephoneNumberRegisteredOnceIsAReference(t *testing.T) {
	s := openPaid(t, nil)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.do(func(tx *store.Tx) error {
		_, err := tx.C.Exec(`UPDATE customer SET phone = '+254711000001', search = 'amina +254711000001'`)
		return err
	})
	s.paid("TX1", 50_000, "0711 000 001")
	s.work()
	if p := s.only(); p.State != payment.Applied || p.Meter != meter {
		t.Errorf("%+v", p)
	}
}

func TestAPaymentThatTheProviderGivesBack(t *testing.T) {
	back := func(s *payShop) {
		s.send(strings.Replace(paidBody("TX1", 50_000, "KES", ""), "taken", "charged_back", 1))
		s.work()
	}
	t.Run("before it is known", func(t *testing.T) {
		s := openPaid(t, nil)
		meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
		back(s)
		s.paid("TX1", 50_000, meter)
		s.work()
		s.is(payment.Rejected, payment.GivenBack)
	})
	t.Run("while it is parked", func(t *testing.T) {
		s := openPaid(t, nil)
		s.paid("TX1", 50_000, "rent")
		s.work()
		back(s)
		back(s)
		s.is(payment.Refunded, payment.GivenBack)
	})
	t.Run("after it was used", func(t *testing.T) {
		s := openPaid(t, nil)
		meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
		s.paid("TX1", 50_000, meter)
		s.work()
		back(s)
		p := s.is(payment.Applied, payment.GivenBack)
		s.reversed(owner(), sale.Sale{ID: p.Sale}, "taken back")
		s.is(payment.Parked, payment.GivenBack)
		if out, err := s.Payments.Apply(t.Context(), owner(), payment.Decision{Payment: p.Name(), Meter: meter}); err != nil || !out.Refused() {
			t.Errorf("a payment that the provider took back was applied again (%v)", err)
		}
		if out, err := s.Payments.Refund(t.Context(), owner(), payment.Decision{Payment: p.Name(), Reason: "charged back"}); err != nil || out.Refused() {
			t.Errorf("it was not recorded as given back: %v %s", err, out.Detail())
		}
		s.is(payment.Refunded, payment.ByPerson)
	})
}

func TestTheWorkOfAPaymentIsNeverGivenUp(t *testing.T) {
	s := openPaid(t, func(payment.Payment) (payment.Answer, error) { return payment.Answer{}, errors.New("the line is down") })
	s.paid("TX1", 50_000, s.meter(1, place{tariff: s.publish("domestic", flat(), long())}))
	s.work()
	s.clock.add(2 * time.Minute)
	var claims []job.Claim
	s.do(func(tx *store.Tx) (err error) {
		claims, err = tx.OutboxClaim(job.LanePayment, "", "test", s.clock.Now().Add(time.Minute), 10)
		return err
	})
	if len(claims) != 1 {
		t.Fatalf("%d items wait", len(claims))
	}
	claims[0].Attempts = job.MaxAttempts - 1
	v, err := payment.NewWorker(s.Payments).Send(t.Context(), tenant, claims[0])
	if n := s.number(`SELECT COUNT(*) FROM outbox WHERE lane = 'payment'`); err != nil || v.String() != "done" || n != 2 {
		t.Errorf("the last attempt is %s (%v), and %d items are left; want a new one", v, err, n)
	}
}

func TestOneCallDoesNotStopTheOthers(t *testing.T) {
	s := openPaid(t, nil)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	for n := range 3 {
		s.send(strings.Replace(paidBody(fmt.Sprint("TX", n), 1, "KES", "rent of May"), "rent ", `rent\u0000`, 1))
	}
	s.paid("last", 50_000, meter)
	if n := s.number(`SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM outbox WHERE lane = 'payment' GROUP BY key) waiting`); n != 1 {
		t.Errorf("%d calls wait behind one another", n)
	}
	s.work()
	if n := s.number(`SELECT COUNT(*) FROM payment WHERE reference = 'rent of May'`); n != 3 {
		t.Errorf("%d references without control characters, want 3", n)
	}
}

func TestACallThatCannotBeOpenedNowIsReadLater(t *testing.T) {
	s := openPaid(t, nil)
	s.paid("TX1", 50_000, s.meter(1, place{tariff: s.publish("domestic", flat(), long())}))
	s.broken = errors.New("a key is missing")
	s.work()
	s.broken = nil
	s.clock.add(time.Hour)
	s.work()
	s.is(payment.Applied, payment.NoReason)
}

func TestWhatNoProviderCanHaveTakenIsNotBooked(t *testing.T) {
	for _, a := range []money.Amount{{Minor: -50_000, Currency: "KES"}, {Currency: "KES"}, {Minor: 1 << 62, Currency: "KES"}, {Minor: 50_000}} {
		s := openPaid(t, func(payment.Payment) (payment.Answer, error) {
			return payment.Answer{Outcome: payment.Took, Amount: a}, nil
		})
		s.paid("TX1", 50_000, "rent")
		s.work()
		if p := s.is(payment.Received, payment.Unanswered); !p.ConfirmedAt.IsZero() || p.Amount.Minor != 50_000 {
			t.Errorf("an answer of %d %q: %+v", a.Minor, a.Currency, p)
		}
	}
}

func TestAPaymentThatWasRejectedTooEarlyIsAskedAboutAgain(t *testing.T) {
	for _, how := range []string{"never taken", "a person"} {
		answer := payment.Answer{Outcome: payment.Never}
		s := openPaid(t, func(payment.Payment) (payment.Answer, error) { return answer, nil })
		meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
		s.paid("TX1", 50_000, meter)
		s.work()
		if how == "a person" {
			if out, err := s.Payments.Reject(t.Context(), owner(), payment.Decision{Payment: s.only().Name(), Reason: "looks odd"}); err != nil || out.Refused() {
				t.Fatal(err, out.Detail())
			}
		}
		for range 12 {
			s.clock.add(2 * time.Hour)
			s.work()
		}
		if p := s.only(); p.State != payment.Rejected {
			t.Fatalf("%s: the payment is %s", how, p.State)
		}
		answer = payment.Answer{Outcome: payment.Took, Amount: kes(50_000)}
		s.paid("TX1", 50_000, meter) // the same body as before
		s.work()
		s.is(payment.Applied, payment.NoReason)
	}
}

func TestOneAnswerAfterAnOutageRejectsNothing(t *testing.T) {
	down := errors.New("the line is down")
	s := openPaid(t, func(payment.Payment) (payment.Answer, error) { return payment.Answer{Outcome: payment.Never}, down })
	s.paid("TX1", 50_000, "rent")
	for range 10 {
		s.work()
		s.clock.add(2 * time.Hour)
	}
	down = nil
	s.work()
	s.is(payment.Received, payment.NeverTaken)
}

func TestOnlyTheAnswerSaysThatAPaymentWasGivenBack(t *testing.T) {
	answer := payment.Answer{Outcome: payment.Took, Amount: kes(50_000)}
	s := openPaid(t, func(payment.Payment) (payment.Answer, error) { return answer, nil })
	back := strings.Replace(paidBody("TX1", 50_000, "KES", "rent"), "taken", "charged_back", 1)
	s.send(back)
	s.work()
	s.is(payment.Parked, payment.UnknownReference)
	s.send(back)
	s.work()
	s.is(payment.Parked, payment.UnknownReference)
	answer.Outcome = payment.Back // later than the notice
	s.clock.add(time.Hour)
	s.work()
	s.is(payment.Refunded, payment.GivenBack)
}

func TestAPaymentWaitsForTheIssuerOfItsSale(t *testing.T) {
	s := openPaidOver(t, false, nil)
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
		return vending.Answer{Outcome: vending.Unknown}, nil
	}
	s.paid("TX1", 50_000, s.meter(1, place{tariff: s.publish("domestic", flat(), long())}))
	s.work()
	s.is(payment.Received, payment.NotSold)
	s.routes = nil // the customer's telephone number went away, for example
	s.clock.add(2 * time.Hour)
	s.work()
	s.is(payment.Received, payment.NotSold)
	s.issuer.say = nil
	s.clock.add(2 * time.Hour)
	s.work()
	s.is(payment.Applied, payment.NoReason)
	if s.sales() != 1 {
		t.Errorf("%d sales", s.sales())
	}
}

func TestAHeldSaleEndsWhenItsPaymentIsGone(t *testing.T) {
	s := openPaidOver(t, false, nil)
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
		return vending.Answer{Outcome: vending.Unknown}, nil
	}
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.paid("TX1", 50_000, meter)
	s.work()
	s.is(payment.Received, payment.NotSold)
	s.clock.add(8 * 24 * time.Hour)
	s.do(func(tx *store.Tx) error { _, err := tx.HoldExpire(10); return err })
	s.send(strings.Replace(paidBody("TX1", 50_000, "KES", ""), "taken", "charged_back", 1))
	s.work()
	s.is(payment.Refunded, payment.GivenBack)
	s.issuer.say = nil
	if n, err := s.Recover(t.Context(), owner()); err != nil || n != 1 {
		t.Errorf("%d sales ended (%v), want 1", n, err)
	}
	if n := s.number(`SELECT COUNT(*) FROM vend WHERE state = 'failed'`); n != 1 {
		t.Errorf("%d sales failed", n)
	}
	s.is(payment.Refunded, payment.GivenBack)
	s.sell(order(meter, 10_000, "key-number-1"))
}

func TestAPaymentWhoseSaleFailedIsTriedAgain(t *testing.T) {
	s := openPaidOver(t, false, nil)
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
		return vending.Answer{Outcome: vending.Declined, Refusal: refusal.Refusal{Code: refusal.KeystoreLocked, What: "The keys are locked."}}, nil
	}
	s.paid("TX1", 50_000, s.meter(1, place{tariff: s.publish("domestic", flat(), long())}))
	for range 3 {
		s.work()
		s.clock.add(2 * time.Hour)
	}
	s.issuer.say = nil
	for range 2 { // once to find the failed sale, once for a new one
		s.clock.add(2 * time.Hour)
		s.work()
	}
	s.is(payment.Applied, payment.NoReason)
}
