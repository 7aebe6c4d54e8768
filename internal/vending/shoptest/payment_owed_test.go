package shoptest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/wallet"
)

// takenBack lets the provider take an amount of the payment TX1 back, and tell it twice.
func (s *payShop) takenBack(amount int64) {
	s.t.Helper()
	for range 2 {
		s.send(strings.Replace(paidBody("TX1", amount, "KES", ""), "taken", "charged_back", 1))
		s.work()
	}
}

// owedAgain checks what the customer owes for payments that the provider took back, and that the provider owes so much less.
func (s *payShop) owedAgain(owed, clearing int64) {
	s.t.Helper()
	if got := s.number(`SELECT COALESCE(SUM(outstanding), 0) FROM debt WHERE kind = 'payment taken back'`); got != owed {
		s.t.Errorf("the customer owes %d, want %d", got, owed)
	}
	if got := s.accounts()["1020 bank"]; int64(got) != clearing {
		s.t.Errorf("the provider owes %d, want %d", got, clearing)
	}
}

// openUsed returns a shop that has sold to a meter with payment TX1 of 500.00, and the meter's number.
func openUsed(t *testing.T) (s *payShop, meter string) {
	t.Helper()
	s = openPaid(t, nil)
	meter = s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.paid("TX1", 50_000, meter)
	s.work()
	return s, meter
}

// TestTheCustomerOwesWhatTheProviderTookBack: of the parts of a payment that a sale has used the largest counts, in whatever order they come, and the
// customer owes it once. Half of each purchase pays it. After that the sale cannot be reversed any more.
func TestTheCustomerOwesWhatTheProviderTookBack(t *testing.T) {
	s, meter := openUsed(t)
	s.is(payment.Applied, payment.NoReason)
	for _, c := range []struct {
		back, owed int64
		why        payment.Reason
	}{{20_000, 20_000, payment.PartBack}, {15_000, 20_000, payment.PartBack}, {30_000, 30_000, payment.PartBack}, {50_000, 50_000, payment.GivenBack}, {10_000, 50_000, payment.GivenBack}} {
		s.takenBack(c.back)
		if p := s.is(payment.Applied, c.why); int64(p.Owed) != c.owed || p.Back != p.Owed || p.BackAt.IsZero() {
			t.Errorf("after %d went back: %+v", c.back, p)
		}
		s.owedAgain(c.owed, 50_000-c.owed)
	}
	if n := s.number(`SELECT COUNT(*) FROM journal WHERE kind = 'taken_back'`); n != 3 {
		t.Errorf("%d journals, want one for each step up", n)
	}
	p := s.only()
	s.clock.add(time.Minute)
	s.sell(order(meter, 20_000, "purchase-small")) // three debts of half of it each, within the ceiling of 70 %
	s.owedAgain(36_000, 0)
	s.clock.add(time.Minute)
	s.sell(order(meter, 90_000, "purchase-next"))
	s.owedAgain(0, 0)
	if out, err := s.Reverse(t.Context(), owner(), vending.PendingReversal{Sale: p.Sale.Text(id.Vend), Reason: "token not used"}); err != nil || !out.Refused() {
		t.Errorf("the sale was reversed although the customer paid for it again: %v %+v", err, out.Value)
	}
	s.is(payment.Applied, payment.GivenBack)
}

// TestAReversedSaleIsNotOwed: when the sale of a payment that was taken back is reversed, the customer owes nothing, and the payment is recorded as
// given back by two people.
func TestAReversedSaleIsNotOwed(t *testing.T) {
	s, _ := openUsed(t)
	s.takenBack(20_000)
	s.takenBack(50_000)
	p := s.is(payment.Applied, payment.GivenBack)
	s.reversed(owner(), sale.Sale{ID: p.Sale}, "token not used")
	if p = s.is(payment.Parked, payment.GivenBack); p.Owed+p.Back != 0 {
		t.Errorf("%+v", p)
	}
	s.owedAgain(0, 50_000)
	s.takenBack(50_000)
	s.is(payment.Refunded, payment.GivenBack)
	s.owedAgain(0, 0)
}

// TestAWrittenOffDebtKeepsTheSale: a sale is not reversed after somebody wrote off what the customer owed for it.
func TestAWrittenOffDebtKeepsTheSale(t *testing.T) {
	s, meter := openUsed(t)
	s.takenBack(50_000)
	p := s.only()
	debts, err := s.Debts.List(t.Context(), owner(), debt.ListRequest{Account: meter, Open: true})
	if err != nil || len(debts.Debts) != 1 {
		t.Fatalf("%d debts (%v)", len(debts.Debts), err)
	}
	if out, err := s.Debts.WriteOff(t.Context(), owner(), debt.WriteOff{Debt: debts.Debts[0].Name(), Reason: "the dispute was won"}); err != nil || out.Refused() {
		t.Fatalf("write off: %v %s", err, out.Detail())
	}
	out, err := s.Reverse(t.Context(), owner(), vending.PendingReversal{Sale: p.Sale.Text(id.Vend), Reason: "token not used"})
	if err != nil || out.Text != "money-moved-on" {
		t.Errorf("reverse: %v %q", err, out.Text)
	}
	s.is(payment.Applied, payment.GivenBack)
}

// TestAWalletPaysWhatTheProviderTookBack: the money leaves the wallet at once, even below its limit, with the tax that the recharge paid.
func TestAWalletPaysWhatTheProviderTookBack(t *testing.T) {
	for _, c := range []struct {
		advances         bool        // tax on a recharge is owed at once
		advance, payable money.Minor // balances of 1400 and 2020 at the end
	}{{false, 0, -75}, {true, -75, 0}} {
		s := openPaid(t, nil)
		if c.advances {
			s.taxAtOnce(true)
		}
		meter := s.walletMeter(1, s.publish("domestic", flat(), long()))
		s.paid("TX1", 50_000, meter)
		s.work()
		s.uses(meter, 0, 2_000)
		_, before := s.wallet(meter)
		s.takenBack(10_001)
		s.takenBack(50_000)
		s.is(payment.Applied, payment.GivenBack)
		s.owedAgain(0, 0)
		w, after := s.wallet(meter)
		if before.Available()-after.Available() != 50_000 || after.Available() >= 0 || wallet.Wanted(w.State) {
			t.Errorf("the wallet had %d and has %d, off %q", before.Available(), after.Available(), w.Off)
		}
		if tax := s.accounts()["1400 "]; w.Meter.Advanced != tax {
			t.Errorf("%d of the tax is paid in advance, but the account knows %d", tax, w.Meter.Advanced)
		}
		// Both parts together took all tax of the recharge back. The tax on the 2,000 Wh for 5.00 remains.
		if books := s.accounts(); books["1400 "] != c.advance || books["2020 "] != c.payable {
			t.Errorf("advances %t: account 1400 has %d and 2020 has %d, want %d and %d",
				c.advances, books["1400 "], books["2020 "], c.advance, c.payable)
		}
		s.uses(meter, 3_000)
		s.audit()
	}
}

// TestOnlyTheProviderMakesACustomerOweAgain: a statement that one person uploads alone changes nothing in the books, and a person must decide.
func TestOnlyTheProviderMakesACustomerOweAgain(t *testing.T) {
	s, _ := openUsed(t)
	hear := func(proof payment.Proof) {
		t.Helper()
		s.do(func(tx *store.Tx) error {
			p, _, err := tx.ProviderByName("bank")
			if err != nil {
				return err
			}
			return s.HearStatement(tx, p, []payment.Notice{{Kind: payment.Undone, Txn: "TX1", Amount: kes(50_000)}}, proof)
		})
		s.work()
	}
	hear(payment.StatedAlone)
	if p := s.is(payment.Applied, payment.GivenBack); p.Owed+p.Back != 0 || p.BackAt.IsZero() {
		t.Errorf("%+v", p)
	}
	s.owedAgain(0, 50_000)
	hear(payment.Stated)
	if p := s.is(payment.Applied, payment.GivenBack); p.Owed != 50_000 {
		t.Errorf("%+v", p)
	}
	s.owedAgain(50_000, 0)
}

// TestAPartThatComesDuringTheSale: a part is taken back while the sale waits for its token. The sweep makes the customer owe it.
func TestAPartThatComesDuringTheSale(t *testing.T) {
	s, _ := openUsed(t)
	p := s.is(payment.Applied, payment.NoReason)
	p.Reason, p.Back, p.BackAt = payment.PartBack, 20_000, s.clock.Now()
	s.do(func(tx *store.Tx) error { return tx.PutPayment(p) })
	if err := payment.NewWorker(s.Payments).Sweep(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	s.work()
	if p = s.is(payment.Applied, payment.PartBack); p.Owed != 20_000 {
		t.Errorf("%+v", p)
	}
	s.owedAgain(20_000, 30_000)
}

// TestAPlantedJournalOfMoneyTakenBackIsFound: the same money is taken back twice in the books.
func TestAPlantedJournalOfMoneyTakenBackIsFound(t *testing.T) {
	s, _ := openUsed(t)
	s.takenBack(50_000)
	p := s.only()
	var account id.ID
	s.do(func(tx *store.Tx) error {
		sold, _, err := tx.VendSale(p.Sale)
		account = sold.Account
		return err
	})
	s.do(func(tx *store.Tx) error {
		_, err := debt.OweBack(tx.Debts(), debt.PaymentBack{Account: account, Provider: "bank", Payment: p.Name(), Txn: "TX1", Amount: 50_000, At: access.Stored(s.clock.Now())})
		return err
	})
	if found := fmt.Sprint(s.verifyBooks()); !strings.Contains(found, "owes 50000 of payment "+p.Name()+" again, but the books took back 100000") {
		t.Errorf("found %s", found)
	}
}
