package shoptest_test

// Tests of what a provider says that cannot be true together with what is known: answers about other money, and calls that contradict each other. It
// changes no payment, and becomes a difference for a person.

import (
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/registry"
	sim "github.com/paywatt/paywatt/internal/sim/provider"
	"github.com/paywatt/paywatt/internal/store"
)

// contradictions lists the open differences about what a provider contradicts.
func (s *payShop) contradictions(st *reconcile.Statements) []reconcile.Item {
	s.t.Helper()
	if err := st.OwnCalls(s.t.Context(), tenant); err != nil {
		s.t.Fatal(err)
	}
	if _, err := st.RunDue(s.t.Context(), tenant); err != nil {
		s.t.Fatal(err)
	}
	l, err := st.Items(s.t.Context(), owner(), reconcile.Filter{Kind: "contradiction", Open: true}, registry.Page{})
	if err != nil || l.Refused() {
		s.t.Fatal(err, l.Detail())
	}
	return l.Items
}

// TestAnAnswerAboutOtherMoneyIsNoPayment: M-Pesa answers with a payment of the utility to a customer, or with one to another short code.
func TestAnAnswerAboutOtherMoneyIsNoPayment(t *testing.T) {
	const in = `"Value":"600000 - Paywatt Simulator"`
	for name, says := range map[string]func(string) string{
		"to a customer": func(body string) string {
			body = strings.ReplaceAll(body, `254711000001 - `, `600000 - `)
			return strings.ReplaceAll(body, in, `"Value":"254708374149 - John Doe"`)
		},
		"to another short code": func(body string) string { return strings.ReplaceAll(body, in, `"Value":"600111 - Another Ltd"`) },
		"from the own short code": func(body string) string {
			return strings.ReplaceAll(body, `254711000001 - `, `600000 - `)
		},
		"of another kind": func(body string) string {
			return strings.ReplaceAll(body, `Pay Bill Online`, `Business Payment to Customer via API`)
		},
		"reversed, to another short code": func(body string) string {
			return strings.ReplaceAll(strings.ReplaceAll(body, in, `"Value":"600111 - Another Ltd"`), `Completed`, `Reversed`)
		},
		"failed, to another short code": func(body string) string {
			return strings.ReplaceAll(strings.ReplaceAll(body, in, `"Value":"600111 - Another Ltd"`), `Completed`, `Failed`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, meter := openMpesa(t)
			w.says = says
			if _, err := w.sim.Pay(sim.Order{Provider: sim.Daraja, Amount: 50_000, Reference: meter, Payer: "254711000001"}); err != nil {
				t.Fatal(err)
			}
			w.pass(3*time.Hour, 5*time.Minute)
			p := w.is(payment.Parked, "answer-differs")
			if p.Detail == "" || !p.ConfirmedAt.IsZero() || w.sales() != 0 {
				t.Errorf("%+v with %d sales", p, w.sales())
			}
			open := w.contradictions(w.statements())
			if len(open) != 1 || open[0].Payment != p.Name() || open[0].Note == "" {
				t.Errorf("differences %+v", open)
			}
			if v, err := w.Apply(t.Context(), owner(), payment.Decision{Payment: p.Name(), Meter: meter}); err != nil || !v.Refused() {
				t.Errorf("a payment that went elsewhere was applied: %v", err)
			}
			w.says = nil // M-Pesa has corrected itself, and calls again
			w.do(func(tx *store.Tx) error {
				provider, _, err := tx.ProviderByName("played")
				if err != nil {
					return err
				}
				return w.HearStatement(tx, provider, []payment.Notice{{Kind: payment.Paid, Txn: p.Txn, Amount: kes(50_000), Reference: meter}}, payment.Stated)
			})
			w.pass(20*time.Second, time.Second)
			w.is(payment.Applied, payment.NoReason)
		})
	}
}

// TestACallThatContradictsTheLastOneIsADifference: the same payment with another amount, or in another currency, changes nothing and is shown.
func TestACallThatContradictsTheLastOneIsADifference(t *testing.T) {
	for name, c := range map[string]struct {
		body   string
		stated int64
	}{
		"more":              {paidBody("TX1", 90_000, "KES", ""), 90_000},
		"less":              {paidBody("TX1", 10_000, "KES", ""), 10_000},
		"another currency":  {paidBody("TX1", 50_000, "UGX", ""), 50_000},
		"more went back":    {backBody("TX1", 90_000), 90_000},
		"the same":          {paidBody("TX1", 50_000, "KES", "another text"), 0},
		"a part went back":  {backBody("TX1", 20_000), 0},
		"all of it is back": {backBody("TX1", 50_000), 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := openPaid(t, nil)
			st, meter := s.statements(), s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
			s.paid("TX1", 50_000, meter)
			s.work()
			before := s.is(payment.Applied, payment.NoReason)
			for range 3 { // repeated calls are one difference
				s.send(c.body)
				s.work()
			}
			after := s.only()
			open := s.contradictions(st)
			if c.stated == 0 {
				if len(open) != 0 {
					t.Errorf("differences %+v", open)
				}
				return
			}
			if after.Amount != before.Amount || after.Sale != before.Sale || s.sales() != 1 {
				t.Errorf("before %+v, after %+v, %d sales", before, after, s.sales())
			}
			if len(open) != 1 || int64(open[0].Stated) != c.stated || open[0].Paid != 50_000 || open[0].Payment != before.Name() || open[0].Txn != "TX1" {
				t.Fatalf("differences %+v", open)
			}
			v, err := st.ShowCall(t.Context(), owner(), open[0].Name())
			if err != nil || v.Refused() || !strings.Contains(v.Body, "TX1") {
				t.Errorf("the call %+v %v", v, err)
			}
			if v, err := st.ReadAgain(t.Context(), owner(), open[0].Name()); err != nil || !v.Refused() {
				t.Errorf("read again: %+v %v", v, err)
			}
			if v, err := st.Close(t.Context(), owner(), open[0].Name(), reconcile.Settlement{Why: "the provider sent a test"}); err != nil || v.Refused() {
				t.Errorf("settled: %+v %v", v, err)
			}
			s.send(c.body)
			s.work()
			if open := s.contradictions(st); len(open) != 0 {
				t.Errorf("settled, but open again: %+v", open)
			}
		})
	}
}

// TestOneNameInTwoSpellingsIsOnePayment: blanks around a name never count.
func TestOneNameInTwoSpellingsIsOnePayment(t *testing.T) {
	s := openPaid(t, nil)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.paid("TX1", 50_000, meter)
	s.work()
	for _, spelling := range []string{" TX1", "TX1\t", "TX1\u00a0"} {
		s.paid(spelling, 50_000, meter)
		s.work()
	}
	if p := s.is(payment.Applied, payment.NoReason); p.Txn != "TX1" || s.sales() != 1 {
		t.Errorf("%+v, %d sales", p, s.sales())
	}
}

// TestANameThatAnEarlierVersionStoredIsFound: it is stored as it came.
func TestANameThatAnEarlierVersionStoredIsFound(t *testing.T) {
	s := openPaid(t, nil)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.do(func(tx *store.Tx) error {
		i, err := tx.NewID()
		if err == nil {
			_, err = tx.AddPayment(payment.Payment{ID: i, Provider: "bank", Txn: " TX1", Amount: kes(50_000), State: payment.Rejected, Reason: payment.ByPerson, PaidAt: tx.Moment(), SeenAt: tx.Moment()})
		}
		return err
	})
	s.paid(" TX1", 50_000, meter)
	s.work()
	if p := s.is(payment.Rejected, payment.ByPerson); p.ID == (id.ID{}) || s.sales() != 0 {
		t.Errorf("%+v, %d sales", p, s.sales())
	}
}
