package shoptest_test

// Tests of what a payment waits for: an answer, a notice or a registration carries it on at once, and no pause that was meant for something else
// holds it back.

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/registry"
	sim "github.com/paywatt/paywatt/internal/sim/provider"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// confirmedToSold returns how long each payment waited between its confirmation and its sale.
func (s *shop) confirmedToSold() (waits []time.Duration) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		waits = nil
		return tx.C.Query(`SELECT p.confirmed_at, v.completed_at FROM payment p JOIN vend v ON v.tenant_id = p.tenant_id AND v.id = p.vend_id`, func(r core.Row) error {
			waits = append(waits, r.Time(1).Sub(r.Time(0)))
			return nil
		})
	})
	return waits
}

// TestAnAnswerWakesTheSale: M-Pesa answers a question by a call of its own. The payment is sold from at once, although the question would be
// repeated only after a minute.
func TestAnAnswerWakesTheSale(t *testing.T) {
	w, meter := openMpesa(t)
	for range 6 {
		if _, err := w.sim.Pay(sim.Order{Provider: sim.Daraja, Amount: 50_000, Reference: meter, Payer: "254711000001"}); err != nil {
			t.Fatal(err)
		}
		w.pass(2*time.Minute, time.Second)
	}
	waits := w.confirmedToSold()
	if len(waits) != 6 {
		t.Fatalf("%d payments were sold from; want 6", len(waits))
	}
	for i, wait := range waits {
		if wait > 2*time.Second {
			t.Errorf("payment %d waited %s after its confirmation", i+1, wait)
		}
	}
}

// TestANoticeEndsTheSilenceOfAProvider: a provider is silent for hours, so that it is asked only once an hour. When it calls again about the payment, or
// a statement has the payment, it is asked at once.
func TestANoticeEndsTheSilenceOfAProvider(t *testing.T) {
	silent := true
	for name, hear := range map[string]func(s *payShop, meter string){
		"call": func(s *payShop, meter string) { s.paid("TX1", 50_000, meter) },
		"statement": func(s *payShop, meter string) {
			s.hearStatement(payment.Stated, []payment.Notice{{Kind: payment.Paid, Txn: "TX1", Amount: kes(50_000), Reference: meter}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			silent = true
			s := openPaid(t, func(p payment.Payment) (payment.Answer, error) {
				if silent {
					return payment.Answer{}, errors.New("no answer")
				}
				return payment.Answer{Outcome: payment.Took, Amount: p.Amount}, nil
			})
			meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
			s.paid("TX1", 50_000, meter)
			s.workFor(3*time.Hour, time.Minute)
			s.is(payment.Received, payment.Unanswered)
			silent = false
			hear(s, meter)
			s.workFor(3*time.Second, time.Second)
			s.is(payment.Applied, payment.NoReason)
		})
	}
}

// TestOneAnswerEndsTheSilenceForAllPayments: a provider was silent for hours, so that it is asked only once an hour about each payment. When it answers
// about a new payment, it is asked about all others at once.
func TestOneAnswerEndsTheSilenceForAllPayments(t *testing.T) {
	silent := true
	s := openPaid(t, func(p payment.Payment) (payment.Answer, error) {
		if silent {
			return payment.Answer{}, errors.New("no answer")
		}
		return payment.Answer{Outcome: payment.Took, Amount: p.Amount}, nil
	})
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	for n := range 20 {
		s.paid(fmt.Sprintf("TX%d", n), 50_000, meter)
	}
	s.workFor(3*time.Hour, time.Minute)
	if s.sales() != 0 {
		t.Fatalf("%d sales without an answer", s.sales())
	}
	silent = false
	s.paid("TX20", 50_000, meter)
	s.workFor(3*time.Second, time.Second)
	if s.sales() != 21 {
		t.Errorf("%d sales of 21 payments within three seconds of the first answer", s.sales())
	}
}

// TestAQuestionHoldsNothingElseBack: while a provider is asked whether it gave a payment back, a person decides about the payment, and that is done at
// once.
func TestAQuestionHoldsNothingElseBack(t *testing.T) {
	s := openPaid(t, func(p payment.Payment) (payment.Answer, error) {
		return payment.Answer{Outcome: payment.Took, Amount: p.Amount}, nil
	})
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.paid("TX1", 50_000, "rent")
	s.work()
	p := s.is(payment.Parked, payment.UnknownReference)
	s.send(backBody("TX1", 50_000))
	s.workFor(10*time.Minute, time.Minute) // the question is repeated later and later
	v, err := s.Apply(t.Context(), owner(), payment.Decision{Payment: p.Name(), Meter: meter})
	if err != nil || v.Refused() {
		t.Fatal(err, v.Detail())
	}
	s.workFor(2*time.Second, time.Second)
	s.is(payment.Applied, payment.NoReason)
}

// hearStatement lets the payments hear rows of a statement.
func (s *payShop) hearStatement(proof payment.Proof, rows []payment.Notice) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		p, _, err := tx.ProviderByName("bank")
		if err != nil {
			return err
		}
		return s.HearStatement(tx, p, rows, proof)
	})
}

// workFor lets time pass and carries out what becomes due, with the pauses that the steps ask for.
func (s *payShop) workFor(d, step time.Duration) {
	s.t.Helper()
	for end := s.clock.Now().Add(d); s.clock.Now().Before(end); s.clock.add(step) {
		s.workDue()
	}
	s.workDue()
}

// workDue carries out what is due in the lane of payments, and puts back what must wait until the time that its step asks for.
func (s *payShop) workDue() {
	s.t.Helper()
	for s.workSome() > 0 {
	}
}

func (s *payShop) workSome() int {
	s.t.Helper()
	var claims []job.Claim
	s.do(func(tx *store.Tx) (err error) {
		claims, err = tx.OutboxClaim(job.LanePayment, "", "test", s.clock.Now().Add(time.Minute), 100)
		return err
	})
	worker := payment.NewWorker(s.Payments)
	for _, c := range claims {
		v, err := worker.Send(s.t.Context(), tenant, c)
		if err != nil {
			s.t.Fatalf("step %s: %v", c.Kind, err)
		}
		s.do(func(tx *store.Tx) error {
			if v.String() == "done" {
				_, err := tx.OutboxDone(c.ID, "test")
				return err
			}
			text, _, _ := strings.Cut(strings.TrimPrefix(v.String(), "again at "), ": ")
			next, err := time.Parse(time.RFC3339, text)
			if err == nil {
				_, err = tx.OutboxRetry(c.ID, "test", next.Add(time.Second), v.String())
			}
			return err
		})
	}
	return len(claims)
}

func backBody(txn string, amount int64) string {
	return strings.Replace(paidBody(txn, amount, "KES", ""), "taken", "charged_back", 1)
}

// TestAnAnswerThatOvertakesItsQuestionCounts: the provider's call with the answer is read before the question is stored.
func TestAnAnswerThatOvertakesItsQuestionCounts(t *testing.T) {
	w, meter := openMpesa(t)
	w.overtakes = "/transactionstatus/v1/query"
	if _, err := w.sim.Pay(sim.Order{Provider: sim.Daraja, Amount: 50_000, Reference: meter, Payer: "254711000001"}); err != nil {
		t.Fatal(err)
	}
	w.pass(30*time.Second, time.Second)
	w.is(payment.Applied, payment.NoReason)
}

// TestAReceivedPaymentSaysWhatItWaitsFor: while M-Pesa prepares its answer, the payment says so.
func TestAReceivedPaymentSaysWhatItWaitsFor(t *testing.T) {
	w, meter := openMpesa(t)
	if _, err := w.sim.Pay(sim.Order{Provider: sim.Daraja, Amount: 50_000, Reference: meter, Payer: "254711000001"}); err != nil {
		t.Fatal(err)
	}
	seen := map[payment.Reason]bool{}
	for range 20 {
		w.pass(time.Second, time.Second)
		l, err := w.Payments.List(t.Context(), owner(), payment.Filter{}, registry.Page{})
		if err != nil || l.Refused() {
			t.Fatal(err, l.Detail())
		}
		for _, p := range l.Payments {
			seen[p.Payment.ShownReason()] = true
		}
	}
	if !seen[payment.AnswerLater] || !seen[payment.NoReason] {
		t.Errorf("shown: %v", seen)
	}
}

// TestARegistrationWakesAParkedPayment: what was registered is used at once, not at the next sweep. Each case parks a payment, registers what it waited
// for, and carries out what is due in the same second.
func TestARegistrationWakesAParkedPayment(t *testing.T) {
	for name, c := range map[string]struct {
		reference string
		register  func(s *payShop, tariff id.ID)
	}{
		"meter":         {numberOf(t, 7), func(s *payShop, tariff id.ID) { s.meter(7, place{tariff: tariff}) }},
		"meter, mended": {strings.Replace(numberOf(t, 7), "0", "O", 1), func(s *payShop, tariff id.ID) { s.meter(7, place{tariff: tariff}) }},
		"no longer two": {"0722 000 008", func(s *payShop, tariff id.ID) { s.giveFirstPhone(2, "+254722000007") }},
	} {
		t.Run(name, func(t *testing.T) {
			s := openPaid(t, nil)
			tariff := s.publish("domestic", flat(), long())
			s.meter(1, place{tariff: tariff})
			s.meter(2, place{tariff: tariff})
			if name == "no longer two" {
				s.giveFirstPhone(1, "+254722000008")
				s.giveFirstPhone(2, "+254722000008")
			}
			s.paid("TX1", 50_000, c.reference)
			s.workDue()
			if p := s.only(); p.State != payment.Parked {
				t.Fatalf("before the registration: %+v", p)
			}
			c.register(s, tariff)
			s.workDue()
			s.is(payment.Applied, payment.NoReason)
		})
	}
}

// TestNewPricesWakeAPaymentWhoseSaleWasRefused: the meter had no tariff in force.
func TestNewPricesWakeAPaymentWhoseSaleWasRefused(t *testing.T) {
	s := openPaid(t, nil)
	tariff := s.publish("domestic", flat(), s.clock.Now().Add(time.Hour))
	meter := s.meter(1, place{tariff: tariff})
	s.paid("TX1", 50_000, meter)
	s.workDue()
	s.is(payment.Parked, payment.NotSold)
	s.republish(tariff, 2, flat(), s.clock.Now().Add(-time.Minute))
	s.workDue()
	s.is(payment.Applied, payment.NoReason)
}

// TestAPaymentWithoutAReferenceIsForThePayersTelephoneWhereThatIsAllowed: at first it is not, and whoever registers somebody's number must wait a day.
func TestAPaymentWithoutAReferenceIsForThePayersTelephoneWhereThatIsAllowed(t *testing.T) {
	for name, c := range map[string]struct {
		allowed bool
		age     time.Duration
		state   payment.State
	}{"not allowed": {false, 48 * time.Hour, payment.Parked}, "new": {true, 23 * time.Hour, payment.Parked}, "a day": {true, 24 * time.Hour, payment.Applied}} {
		t.Run(name, func(t *testing.T) {
			s := openPaidBy(t, c.allowed)
			s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
			s.giveFirstPhone(1, "+254711000001")
			s.clock.add(c.age)
			s.paid("TX1", 50_000, " ")
			s.workDue()
			if p := s.only(); p.State != c.state {
				t.Fatalf("%s: %s", p.State, p.Reason)
			}
			// Only a parked payment needs a person to choose its meter.
			v, err := s.Suggest(t.Context(), owner(), s.only().Name())
			if err != nil || v.Refused() || (len(v.Meters) == 1) != (c.state == payment.Parked) {
				t.Errorf("a payment that is %s: suggested %v %q %v", c.state, v.Meters, v.Code, err)
			}
		})
	}
}

// TestATelephoneNumberThatWasChangedDecidesForNoPaymentBeforeItsHoldEnds: somebody gives the number of one customer to another, and the payer types the
// number as the reference. A second person's confirmation of the number ends the hold. A payment that was made before waits for a person, also when the
// hold is over.
func TestATelephoneNumberThatWasChangedDecidesForNoPaymentBeforeItsHoldEnds(t *testing.T) {
	for name, c := range map[string]struct {
		waits   time.Duration
		confirm bool
		state   payment.State
	}{
		"a moment ago":            {0, false, payment.Parked},
		"nearly a day ago":        {registry.NumberHold - time.Second, false, payment.Parked},
		"a day ago":               {registry.NumberHold, false, payment.Applied},
		"a moment ago, confirmed": {0, true, payment.Applied},
	} {
		t.Run(name, func(t *testing.T) {
			s := openPaid(t, nil)
			meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
			for _, phone := range []string{"+254733000111", "+254733444555"} {
				s.registerPhone(1, phone)
			}
			if c.confirm {
				s.confirmPhone(1)
			}
			s.clock.add(c.waits)
			s.paid("TX1", 50_000, "0733444555")
			s.workDue()
			if p := s.only(); p.State != c.state || (p.Meter == meter) != (c.state == payment.Applied) {
				t.Fatalf("%s for meter %s: %s", p.State, p.Meter, p.Reason)
			}
			if c.state == payment.Applied {
				return
			}
			if name == "a moment ago" {
				s.confirmPhone(1)
			}
			s.letHoldEnd()
			s.decideParked(payment.NumberHeld, []string{meter}, meter)
		})
	}
}

// TestAPaymentIsForTheMeterThatItsNumberMeantWhenItWasMade: a number moves from the customer of meter 1 to that of meter 2. A payment that names it, and
// was made before a day had passed, is sold to neither when the day is over. A person decides, and sees both meters.
func TestAPaymentIsForTheMeterThatItsNumberMeantWhenItWasMade(t *testing.T) {
	const typed, number = "0733444555", "+254733444555"
	pay := func(s *payShop, made time.Time) {
		body := strings.Replace(paidBody("TX1", 50_000, "KES", typed), `"id"`, `"paid_at":"`+made.UTC().Format(time.RFC3339Nano)+`","id"`, 1)
		if h := s.send(body); !h.Found || h.Refuse != nil {
			s.t.Fatalf("call of the payment: %+v", h)
		}
		s.workDue()
	}
	move := func(s *payShop) {
		s.registerPhone(1, "+254733000111")
		s.registerPhone(2, number)
	}
	for name, c := range map[string]struct {
		play func(s *payShop)
		why  payment.Reason
	}{
		"it is paid after the number moved": {func(s *payShop) { move(s); pay(s, s.clock.Now()) }, payment.NumberHeld},
		"it is paid before that, and known a day later": {func(s *payShop) {
			made := s.clock.Now()
			s.clock.add(time.Minute)
			move(s)
			s.clock.add(registry.NumberHold)
			pay(s, made)
		}, payment.NumberNewer},
		"it is paid before that, and confirmed later": {func(s *payShop) {
			made := s.clock.Now()
			s.clock.add(time.Minute)
			move(s)
			s.confirmPhone(1)
			s.confirmPhone(2)
			s.clock.add(time.Minute)
			pay(s, made)
		}, payment.NumberNewer},
		"it is paid while nobody has the number": {func(s *payShop) {
			s.registerPhone(1, "+254733000111")
			pay(s, s.clock.Now())
			s.is(payment.Parked, payment.NumberHeld)
			s.clock.add(time.Minute)
			s.registerPhone(2, number)
		}, payment.NumberHeld},
		"it is paid while both have the number": {func(s *payShop) {
			s.registerPhone(2, number)
			s.letHoldEnd()
			pay(s, s.clock.Now())
			s.is(payment.Parked, payment.ManyReferences)
			s.clock.add(time.Minute)
			s.registerPhone(1, "+254733000111")
		}, payment.NumberHeld},
	} {
		t.Run(name, func(t *testing.T) {
			s := openPaid(t, nil)
			tariff := s.publish("domestic", flat(), long())
			first, second := s.meter(1, place{tariff: tariff}), s.meter(2, place{tariff: tariff})
			s.registerPhone(1, number)
			s.registerPhone(2, "")
			s.letHoldEnd()
			c.play(s)
			s.workDue()
			s.letHoldEnd()
			s.decideParked(c.why, []string{second, first}, first)
		})
	}
}

// TestAPaymentThatWasMadeAfterAHoldIsSoldByItself: nobody need decide when the number means one customer again.
func TestAPaymentThatWasMadeAfterAHoldIsSoldByItself(t *testing.T) {
	s := openPaid(t, nil)
	tariff := s.publish("domestic", flat(), long())
	s.meter(1, place{tariff: tariff})
	second := s.meter(2, place{tariff: tariff})
	s.registerPhone(1, "+254733444555")
	s.registerPhone(1, "+254733000111")
	s.registerPhone(2, "+254733444555")
	s.letHoldEnd()
	s.paid("TX1", 50_000, "0733444555")
	s.workDue()
	if p := s.is(payment.Applied, payment.NoReason); p.Meter != second {
		t.Errorf("it was sold to meter %s, want %s", p.Meter, second)
	}
}

// TestAPayersTelephoneThatIsNewIsDecidedByAPerson: the payer typed nothing, and the number was registered less than a day before, perhaps by somebody
// who wants what others pay. The end of the day decides nothing.
func TestAPayersTelephoneThatIsNewIsDecidedByAPerson(t *testing.T) {
	s := openPaidBy(t, true)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.giveFirstPhone(1, "+254711000001")
	s.clock.add(payment.PhoneAge - time.Minute)
	s.paid("TX1", 50_000, "")
	s.workDue()
	s.letHoldEnd()
	s.decideParked(payment.NumberHeld, []string{meter}, meter)
}

// TestANumberDecidesForNoPaymentMadeBeforeItWasRegistered: a clerk sees a payment that waits for a number that nobody has, and registers the number
// for a customer. Neither the registration nor the time gives the payment to that customer. A person decides, and another person where the amount
// needs one.
func TestANumberDecidesForNoPaymentMadeBeforeItWasRegistered(t *testing.T) {
	const typed, number = "0733444555", "+254733444555"
	paidAt := func(s *payShop, made time.Time) {
		body := strings.Replace(paidBody("TX1", 50_000, "KES", typed), `"id"`, `"paid_at":"`+made.UTC().Format(time.RFC3339Nano)+`","id"`, 1)
		if h := s.send(body); !h.Found || h.Refuse != nil {
			s.t.Fatalf("call of the payment: %+v", h)
		}
		s.workDue()
	}
	for name, play := range map[string]func(s *payShop){
		"it is registered while the payment waits": func(s *payShop) {
			paidAt(s, s.clock.Now())
			s.is(payment.Parked, payment.UnknownReference)
			s.clock.add(time.Second)
			s.giveFirstPhone(1, number)
		},
		"the provider tells of the payment later": func(s *payShop) {
			s.giveFirstPhone(1, number)
			paidAt(s, s.clock.Now().Add(-time.Second))
		},
		"the clock of the provider is ahead": func(s *payShop) {
			paidAt(s, s.clock.Now().Add(time.Hour))
			s.clock.add(time.Minute)
			s.giveFirstPhone(1, number)
		},
		"it is written in another way afterwards": func(s *payShop) {
			paidAt(s, s.clock.Now())
			s.clock.add(time.Second)
			s.giveFirstPhone(1, number)
			s.giveFirstPhone(1, "254733444555")
		},
		"it was given up, and its hold is forgotten": func(s *payShop) {
			s.registerPhone(2, number)
			s.letHoldEnd()
			made := s.clock.Now()
			s.clock.add(time.Second)
			s.registerPhone(2, "+254733000111")
			s.giveFirstPhone(1, number)
			s.letHoldEnd()
			s.do(func(tx *store.Tx) error { // as it is after a month, or if somebody takes the row away
				_, err := tx.C.Exec(`DELETE FROM former_number`)
				return err
			})
			paidAt(s, made)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := openPaid(t, nil)
			tariff := s.publish("domestic", flat(), long())
			meter := s.meter(1, place{tariff: tariff})
			s.meter(2, place{tariff: tariff})
			play(s)
			s.workDue()
			s.is(payment.Parked, payment.NumberNewer)
			s.letHoldEnd()
			s.decideParked(payment.NumberNewer, []string{meter}, meter)
		})
	}
}

// TestANumberThatIsWrittenInAnotherWayKeepsItsTime: a payment that waits for its provider's answer is sold to the customer who had the number before
// it was made.
func TestANumberThatIsWrittenInAnotherWayKeepsItsTime(t *testing.T) {
	answer := errors.New("no answer")
	s := openPaid(t, func(p payment.Payment) (payment.Answer, error) {
		return payment.Answer{Outcome: payment.Took, Amount: p.Amount}, answer
	})
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.giveFirstPhone(1, "254733444555")
	s.paid("TX1", 50_000, "0733444555")
	s.workDue()
	s.clock.add(time.Minute)
	s.registerPhone(1, "+254 733 444 555")
	answer = nil
	s.workFor(10*time.Minute, time.Minute)
	if p := s.is(payment.Applied, payment.NoReason); p.Meter != meter {
		t.Errorf("it was sold to meter %s, want %s", p.Meter, meter)
	}
}

// customerOf returns the customer of a meter.
func (s *payShop) customerOf(meter int) (customer id.ID) {
	s.t.Helper()
	s.do(func(tx *store.Tx) error {
		return tx.C.Query(`SELECT a.customer_id FROM meter m JOIN account a ON a.tenant_id = m.tenant_id AND a.id = m.account_id WHERE m.n = $1`,
			func(r core.Row) error { customer = r.ID(0); return nil }, meter)
	})
	return customer
}

// giveFirstPhone gives the customer of a meter a telephone number that replaces no other one, so that nothing holds it.
func (s *payShop) giveFirstPhone(meter int, phone string) {
	s.t.Helper()
	customer := s.customerOf(meter)
	s.do(func(tx *store.Tx) error {
		c, _, err := tx.CustomerByID(customer)
		c.Phone = phone
		return errors.Join(err, tx.CustomerPut(c))
	})
}

// registerPhone changes the telephone number of a meter's customer as a clerk does.
func (s *payShop) registerPhone(meter int, phone string) {
	s.t.Helper()
	door := store.DoorTo(s.engine, store.Sale, func(tx *store.Tx) registry.Tx { return tx })
	numbers := registry.New(registry.Config{Door: door, Sealer: s.sealer, Now: s.clock.Now})
	out, err := numbers.ChangeCustomer(s.t.Context(), owner(), s.customerOf(meter).Text(id.Customer), registry.CustomerChange{Phone: &phone})
	if err != nil || out.Refused() {
		s.t.Fatal(out.Refusal, err)
	}
}

// confirmPhone ends the hold of the number of a meter's customer, as a second person's confirmation does.
func (s *payShop) confirmPhone(meter int) {
	s.t.Helper()
	customer := registry.PhoneOwner(s.customerOf(meter))
	s.do(func(tx *store.Tx) error {
		now := s.clock.Now()
		err := tx.PutNumberChange(registry.NumberChange{Owner: customer, By: "another", At: now, HeldUntil: now})
		return errors.Join(err, tx.ReleaseNumber(customer))
	})
}

// letHoldEnd lets more than a day pass, and looks at the parked payments as the server does every few minutes.
func (s *payShop) letHoldEnd() {
	s.t.Helper()
	s.clock.add(registry.NumberHold + time.Hour)
	if err := payment.NewWorker(s.Payments).Sweep(s.t.Context(), tenant); err != nil {
		s.t.Fatal(err)
	}
	s.workDue()
}

// decideParked checks that the only payment waits for a person, for a reason and with the meters that are suggested. Then a person uses it.
func (s *payShop) decideParked(why payment.Reason, suggested []string, meter string) {
	s.t.Helper()
	p := s.is(payment.Parked, why)
	found, err := s.Suggest(s.t.Context(), owner(), p.Name())
	if err != nil || found.Refused() || !slices.Equal(found.Meters, suggested) {
		s.t.Errorf("suggested %v %q %v, want %v", found.Meters, found.Code, err, suggested)
	}
	v, err := s.Apply(s.t.Context(), owner(), payment.Decision{Payment: p.Name(), Meter: meter})
	if err != nil || v.Refused() {
		s.t.Fatal(err, v.Detail())
	}
	s.workDue()
	if p := s.is(payment.Applied, payment.NoReason); p.Meter != meter {
		s.t.Errorf("it was sold to meter %s, want %s", p.Meter, meter)
	}
}
