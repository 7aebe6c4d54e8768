package shoptest_test

// Tests of payments at a change of tenant: money that was paid for one customer buys nothing for the next one unless a person says so.

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	sim "github.com/paywatt/paywatt/internal/sim/provider"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
)

// paidHome is a shop with one meter, where customers move out and in, and a provider brings payments.
type paidHome struct {
	*payShop
	homes  *tenancies
	meter  string
	silent error // of the provider, while it is asked
	locked bool  // the key store that makes tokens
	wallet bool
}

// openPaidHome opens a shop whose issuer of tokens is another program, so that a sale can fail and be tried again.
func openPaidHome(t *testing.T, wallet bool) *paidHome {
	t.Helper()
	h := &paidHome{wallet: wallet}
	h.payShop = openPaidOver(t, false, func(p payment.Payment) (payment.Answer, error) {
		return payment.Answer{Outcome: payment.Took, Amount: p.Amount}, h.silent
	})
	h.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
		if h.locked {
			no := refusal.Refusal{Code: refusal.KeystoreLocked, What: "The keys are locked."}
			return vending.Answer{Outcome: vending.Declined, Refusal: no}, nil
		}
		return vending.Answer{}, errAnswerItself
	}
	of := h.publish("domestic", flat(), long())
	if wallet {
		h.meter = h.walletMeter(1, of)
	} else {
		h.meter = h.payShop.meter(1, place{tariff: of})
	}
	h.homes = &tenancies{shop: h.shop, registry: h.registers(), meter: h.meter}
	return h
}

// leaves moves the customer of the meter out, a minute later.
func (h *paidHome) leaves() {
	h.t.Helper()
	h.clock.add(time.Minute)
	left := registry.CreditOf(0)
	if h.wallet {
		left = registry.CreditLeft{}
	}
	h.homes.leave(left)
}

// follows moves the next customer in, a minute later. The account owes 100.00, which a purchase pays first.
func (h *paidHome) follows() {
	h.t.Helper()
	h.clock.add(time.Minute)
	h.homes.enter(registry.MovingIn{})
	h.shop.debt(h.account(h.meter), debt.Debt{Mode: tariff.Full, Outstanding: 10_000})
	h.clock.add(time.Minute)
}

// pays sends the call about a payment that names the meter, and that was made at a time.
func (h *paidHome) pays(made time.Time) {
	h.t.Helper()
	body := paidBody("TX1", 50_000, "KES", h.meter)
	body = strings.Replace(body, `"id"`, `"paid_at":"`+made.UTC().Format(time.RFC3339Nano)+`","id"`, 1)
	if got := h.send(body); !got.Found || got.Refuse != nil {
		h.t.Fatalf("call of the payment: %+v", got)
	}
	h.workFor(10*time.Second, time.Second)
}

// chooses lets a person say that the payment is for the meter.
func (h *paidHome) chooses() {
	h.t.Helper()
	v, err := h.Apply(h.t.Context(), owner(), payment.Decision{Payment: h.only().Name(), Meter: h.meter})
	if err != nil || v.Refused() {
		h.t.Fatal(err, v.Detail())
	}
	h.workFor(10*time.Second, time.Second)
}

// TestNobodyPaysForTheNextTenant: a payment for the meter was made before the next customer moved in. However it was held up, a person decides.
func TestNobodyPaysForTheNextTenant(t *testing.T) {
	needsWholeStore(t)
	t.Run("SQLite", paidBeforeTheMove)
	t.Run("PostgreSQL", func(t *testing.T) {
		inPostgres(t)
		paidBeforeTheMove(t)
	})
}

func paidBeforeTheMove(t *testing.T) {
	for name, play := range map[string]func(h *paidHome){
		"it is paid while nobody lives there": func(h *paidHome) {
			h.leaves()
			h.pays(h.clock.Now())
			h.is(payment.Parked, payment.NotSold)
			h.follows()
		},
		"the provider tells of it later": func(h *paidHome) {
			made := h.clock.Now()
			h.leaves()
			h.follows()
			h.pays(made)
		},
		"the provider confirms it later": func(h *paidHome) {
			h.silent = errors.New("no answer")
			h.pays(h.clock.Now())
			h.leaves()
			h.follows()
			h.silent = nil
		},
		"a person chose the meter for the customer before": func(h *paidHome) {
			h.leaves()
			h.pays(h.clock.Now())
			h.follows()
			h.workFor(time.Minute, time.Second)
			h.locked = true
			h.chooses()
			h.is(payment.Received, payment.NotSold)
			h.leaves()
			h.follows()
			h.locked = false
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := openPaidHome(t, false)
			play(h)
			h.workFor(2*time.Hour, time.Minute)
			h.letHoldEnd()
			h.is(payment.Parked, payment.AccountNewer)
			if n := h.sales(); n != 0 {
				t.Fatalf("%d sales before a person decided", n)
			}
			h.decideParked(payment.AccountNewer, []string{h.meter}, h.meter)
		})
	}
	t.Run("its sale waits for the key store", func(t *testing.T) {
		h := openPaidHome(t, false)
		h.locked = true
		h.pays(h.clock.Now())
		h.is(payment.Received, payment.NotSold)
		h.leaves()
		h.follows()
		h.locked = false
		h.workFor(2*time.Hour, time.Minute)
		h.is(payment.Parked, payment.AccountNewer)
		v, err := h.Refund(t.Context(), owner(), payment.Decision{Payment: h.only().Name(), Reason: "the customer moved out"})
		if err != nil || v.Refused() {
			t.Fatal(err, v.Detail())
		}
		h.is(payment.Refunded, payment.ByPerson)
	})
	t.Run("it is for the wallet", func(t *testing.T) {
		h := openPaidHome(t, true)
		h.leaves()
		h.pays(h.clock.Now())
		h.follows()
		h.workFor(2*time.Hour, time.Minute)
		h.decideParked(payment.AccountNewer, []string{h.meter}, h.meter)
	})
}

// TestWhatATenantPaysBuysAtOnce: the rule holds up nothing that was paid after the move, however often its sale is tried, and nothing at the first
// customer of a meter, also if the meter was registered after the payment.
func TestWhatATenantPaysBuysAtOnce(t *testing.T) {
	for name, play := range map[string]func(h *paidHome){
		"after the move": func(h *paidHome) {
			h.leaves()
			h.follows()
			h.pays(h.clock.Now())
		},
		"after the move, and the key store was locked": func(h *paidHome) {
			h.leaves()
			h.follows()
			h.locked = true
			h.pays(h.clock.Now())
			h.locked = false
			h.workFor(2*time.Hour, time.Minute)
		},
		"a person chooses the meter while the key store is locked": func(h *paidHome) {
			h.leaves()
			h.pays(h.clock.Now())
			h.follows()
			h.workFor(time.Minute, time.Second)
			h.locked = true
			h.chooses()
			h.locked = false
			h.workFor(2*time.Hour, time.Minute)
		},
		"before the first customer was registered": func(h *paidHome) {
			made := h.clock.Now().Add(-time.Hour)
			h.meter = h.payShop.meter(2, place{tariff: h.tariffOf(h.meter)})
			h.pays(made)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := openPaidHome(t, false)
			play(h)
			if p := h.is(payment.Applied, payment.NoReason); p.Meter != h.meter {
				t.Errorf("it was sold to meter %s, want %s", p.Meter, h.meter)
			}
		})
	}
}

// TestARequestIsForWhoLivedThereWhenItWasMade: a telephone is asked to pay, and its owner agrees after the move. The time of the request decides, not
// that of the payment.
func TestARequestIsForWhoLivedThereWhenItWasMade(t *testing.T) {
	for name, after := range map[string]bool{"asked before the move": false, "asked after it": true} {
		t.Run(name, func(t *testing.T) {
			w, meter := openMpesa(t)
			homes := &tenancies{shop: w.shop, registry: w.registers(), meter: meter}
			if err := w.sim.SetBehaviour(sim.Daraja, "*", sim.Behaviour{Do: sim.ActPay, After: sim.Duration(40 * time.Second)}); err != nil {
				t.Fatal(err)
			}
			move := func() {
				homes.leave(registry.CreditOf(0))
				w.pass(10*time.Second, 10*time.Second)
				homes.enter(registry.MovingIn{})
			}
			if after {
				move()
			}
			w.pass(10*time.Second, 10*time.Second)
			w.ask(1, meter, 50_000, "0711 000 001")
			w.pass(10*time.Second, 10*time.Second)
			if !after {
				move()
			}
			w.pass(20*time.Minute, 10*time.Second)
			if after {
				w.requested(payment.AskPaid, 1)
				w.is(payment.Applied, payment.NoReason)
				return
			}
			w.requested(payment.AskPaid, 0)
			w.is(payment.Parked, payment.AccountNewer)
		})
	}
}

// TestASaleForAnotherAccountIsRefused: the customer moves in between the look at the meter and the sale.
func TestASaleForAnotherAccountIsRefused(t *testing.T) {
	h := openPaidHome(t, false)
	o := order(h.meter, 50_000, "for-the-former-0001")
	o.Account = h.account(h.meter)
	h.leaves()
	h.follows()
	if sold, err := h.Sell(t.Context(), owner(), o); err != nil || sold.Text != "payment-account-moved" {
		t.Errorf("sold: %v %s", err, sold.Detail())
	}
	if o.Account = h.account(h.meter); o.Account == (id.ID{}) {
		t.Fatal("the meter has no account")
	}
	h.sell(o)
}

// TestAnApprovedChoiceIsForWhoLivedThere: one person chooses the meter of a payment, and the customer moves out and another one in before a second
// person agrees. The approval was for the customer before.
func TestAnApprovedChoiceIsForWhoLivedThere(t *testing.T) {
	for name, moves := range map[string]bool{"the customer stays": false, "another customer moves in": true} {
		t.Run(name, func(t *testing.T) {
			h := openPaidHome(t, false)
			h.leaves()
			h.pays(h.clock.Now())
			h.follows()
			h.workFor(time.Minute, time.Second)
			h.is(payment.Parked, payment.AccountNewer)
			h.setFourEyes(true)
			v, err := h.Apply(t.Context(), owner(), payment.Decision{Payment: h.only().Name(), Meter: h.meter})
			if err != nil || v.Refused() || v.Value.Waits == nil {
				t.Fatalf("%v %s", err, v.Detail())
			}
			h.setFourEyes(false)
			want := ""
			if moves {
				h.leaves()
				h.follows()
				want = "approval-of-changed"
			}
			h.setFourEyes(true)
			h.allow(*v.Value.Waits)
			maker := v.Value.Waits.Maker
			maker.Approval = v.Value.Waits.ID
			done, err := h.Payments.Executors()[access.ActApplyPayment](t.Context(), maker, v.Value.Waits.Body)
			if err != nil || done.Text != want {
				t.Errorf("carried out: %v %s, want %q", err, done.Detail(), want)
			}
		})
	}
}
