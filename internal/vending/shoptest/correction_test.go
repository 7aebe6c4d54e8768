package shoptest_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/codeblock"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/wallet"
)

// serviceFee is a flat tariff with a fee of a month.
func serviceFee(amount money.Minor) tariff.Body {
	b := flat()
	b.Fixed = []tariff.FixedCharge{{Name: "service", Amount: amount, Per: tariff.PerMonth}}
	return b
}

// corrects publishes a version in the place of another one.
func (s *shop) corrects(name string, n int, b tariff.Body) registry.AddedTariff {
	s.t.Helper()
	out, err := s.registers().AddVersion(context.Background(), owner(), registry.NewVersion{Tariff: name, Body: b, Replaces: n})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// plansCorrection returns what a version would do in the place of another one.
func (s *shop) plansCorrection(name string, n int, b tariff.Body) debt.CorrectionPlan {
	s.t.Helper()
	c, err := s.registers().CheckCorrection(context.Background(), owner(), registry.NewVersion{Tariff: name, Body: b, Replaces: n})
	if err != nil || c.Refused() {
		s.t.Fatalf("%v %s", err, c.Detail())
	}
	p, err := s.PlanCorrection(context.Background(), owner(), debt.Correction{Version: c.Version, Earlier: c.Earlier})
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// givesBack corrects what was charged, and expects this number of accounts to get money back.
func (s *shop) givesBack(want int) {
	s.t.Helper()
	if n, err := s.CorrectCharges(context.Background(), system()); err != nil || n != want {
		s.t.Errorf("%d accounts got money back (%v), want %d", n, err, want)
	}
}

// days charges the wallets for the days that have begun.
func (s *shop) days() {
	s.t.Helper()
	wallets := wallet.New(wallet.Config{Now: s.clock.Now, Sealer: s.sealer, Door: walletDoor{s}})
	if _, err := wallets.ChargeDays(context.Background(), access.SystemActor(tenant, "wallets")); err != nil {
		s.t.Fatal(err)
	}
}

// TestWhatAVersionChargedTooMuchIsGivenBack: the first version of a tariff charges 31,000.00 a month instead of 310.00, and it is seen on the 20th.
// With tax these are 35,650.00 and 356.50. What is not paid is not owed any more. What was paid goes to the wallet or to the next purchase. What the next
// purchase could not use up is due back, as is what a customer paid who has moved out.
func TestWhatAVersionChargedTooMuchIsGivenBack(t *testing.T) {
	s := open(t, true)
	s.clock.set(s.at("2026-11-01T00:00:00Z"))
	home, other := s.publish("home", serviceFee(3_100_000), long()), s.publish("other", serviceFee(3_100_000), long())
	full, part, none, left := s.meter(1, place{tariff: home}), s.meter(2, place{tariff: home}), s.meter(3, place{tariff: home}), s.meter(4, place{tariff: home})
	strange := s.meter(5, place{tariff: other})
	purse, closed := s.walletMeter(6, home), s.walletMeter(7, home)
	paid := s.sell(order(full, 7_200_000, "sale-full")).Sale
	s.sell(order(part, 1_000_000, "sale-part"))
	s.sell(order(left, 7_200_000, "sale-left"))
	s.sell(order(strange, 7_200_000, "sale-strange"))
	s.sell(order(purse, 5_000_000, "sale-purse"))
	s.sell(order(closed, 5_000_000, "sale-closed"))
	if _, err := s.Accrue(context.Background(), system()); err != nil {
		t.Fatal(err)
	}
	s.clock.set(s.at("2026-11-20T09:00:00Z"))
	s.days()
	name := map[string]id.ID{"full": s.account(full), "part": s.account(part), "none": s.account(none), "left": s.account(left), "strange": s.account(strange),
		"purse": s.account(purse), "closed": s.account(closed)}
	for m, credit := range map[string]registry.CreditLeft{left: {State: registry.CreditUnknown}, closed: {}} {
		leaving := leaves(m, "leave-"+m)
		leaving.Credit = credit
		if out, err := s.MoveOut(context.Background(), owner(), leaving); err != nil || out.Refused() {
			t.Fatalf("%v %s", err, out.Detail())
		}
	}
	before := s.accounts()
	s.givesBack(0)
	want := debt.CorrectionPlan{Accounts: 6, Changed: 6, Less: 2_865_000 + 3_529_350, Back: 3_529_350 + 664_350 + 3_542_422 + 2*2_352_900}
	if got := s.plansCorrection("home", 1, serviceFee(31_000)); got != want {
		t.Errorf("the plan is %+v, want %+v", got, want)
	}
	if out := s.corrects("home", 1, serviceFee(31_000)); out.Refused() || !out.Version.EffectiveFrom.Equal(long()) {
		t.Fatalf("the correction: %+v %s", out.Version, out.Detail())
	}
	s.givesBack(5)
	s.givesBack(0)
	for who, want := range map[string]string{
		"full": "service 2026-11 35650/35650", "part": "service 2026-11 35650/35650", "none": "service 2026-11 0/35650",
		"left": "service 2026-11 22578/22578", "strange": "service 2026-11 3565000/3565000",
	} {
		if got := s.owes(name[who]); got != want {
			t.Errorf("%s owes %q, want %q", who, got, want)
		}
	}
	after := s.accounts()
	for account, want := range map[string]money.Minor{
		"2090 " + name["full"].Text(id.Account):    -(3_565_000 - 35_650),
		"2060 " + name["part"].Text(id.Account):    -(700_000 - 35_650),
		"2090 " + name["left"].Text(id.Account):    -(3_565_000 - 22_578), // the day of the move-out is not charged
		"2000 " + name["purse"].Text(id.Account):   -(2_376_666 - 23_766), // 20 of 30 days, with the rounding of money.Accrued
		"2090 " + name["closed"].Text(id.Account):  -(2_376_666 - 23_766),
		"2060 " + name["strange"].Text(id.Account): 0, "2090 " + name["strange"].Text(id.Account): 0,
	} {
		if got := after[account] - before[account]; got != want {
			t.Errorf("account %s got %d, want %d", account, got, want)
		}
	}
	if e := s.explain(paid); !e.Agrees() {
		t.Errorf("the sale is explained with %v", e.Differences)
	}
	page, err := os.ReadFile("../../../docs/reference/tariffs.md")
	if err != nil {
		t.Fatal(err)
	}
	for row, want := range map[string]string{"that has paid it all": "356.50 are right, and 35,293.50", "that has paid 7,000.00 of it": "6,643.50 go",
		"that has paid nothing": "356.50 instead of 35,650.00"} {
		if said := codeblock.Row(string(page), "charge per month, keypad meter "+row); !strings.Contains(said, want) {
			t.Errorf("the page says %q, want %q", said, want)
		}
	}
	if said := codeblock.Row(string(page), "charge per month, wallet"); !strings.Contains(said, "23,766.66 instead of 237.66, and 23,529.00 go back") {
		t.Errorf("the page says %q of a wallet", said)
	}
	if no := s.undo(owner(), paid, "a slip", "undo-full"); no.Code != refusal.NotReversible {
		t.Errorf("the reversal of a sale whose charge was given back: %q, want %s", no.Code, refusal.NotReversible)
	}
	refund, err := s.Refund(context.Background(), owner(), debt.Refund{Account: name["full"].Text(id.Account), Reason: "bank transfer"})
	if err != nil || refund.Refused() || refund.Value.Amount.Minor != 3_565_000-35_650 {
		t.Errorf("the refund: %+v %v %s", refund.Value.Amount, err, refund.Detail())
	}
	s.clock.set(s.at("2026-12-01T09:00:00Z"))
	s.days()
	if got := lines(s.sell(order(full, 100_000, "sale-december")).Sale.Lines); !strings.HasPrefix(got, "fixed service 2026-12 31000 left 0, ") {
		t.Errorf("in the next month the sale has %s", got)
	}
	s.verified()
}

// TestACorrectionIsCorrected: a second correction gives back the rest, also of a wallet whose tax was paid at the recharge.
func TestACorrectionIsCorrected(t *testing.T) {
	s := open(t, true)
	s.taxAtOnce(true)
	s.clock.set(s.at("2026-11-01T00:00:00Z"))
	home := s.publish("home", serviceFee(300_000), long())
	token, purse := s.meter(1, place{tariff: home}), s.walletMeter(2, home)
	s.sell(order(token, 1_000_000, "sale-token"))
	s.sell(order(purse, 1_000_000, "sale-purse"))
	s.clock.set(s.at("2026-11-20T09:00:00Z"))
	s.days()
	before, tax := s.accounts(), s.balances()[ledger.VATOnAdvances]
	for n, fee := range []money.Minor{200_000, 100_000, 0} {
		body := serviceFee(fee)
		if fee == 0 {
			body.Fixed = nil
		}
		if out := s.corrects("home", n+1, body); out.Refused() {
			t.Fatal(out.Detail())
		}
		if n != 1 { // the next one comes before this one is carried out
			s.givesBack(2)
		}
	}
	account := func(code, meter string) string { return code + " " + s.account(meter).Text(id.Account) }
	after := s.accounts()
	if got := after[account("2060", token)] - before[account("2060", token)]; got != -345_000 {
		t.Errorf("the keypad meter got %d back, want all 3,450.00", -got)
	}
	if got := after[account("2000", purse)] - before[account("2000", purse)]; got != -230_000 {
		t.Errorf("the wallet got %d back, want its twenty days, 2,300.00", -got)
	}
	if got := s.balances()[ledger.VATOnAdvances] - tax; got != 30_000 {
		t.Errorf("%d of tax are on advances again, want 300.00", got)
	}
	if got := s.owes(s.account(token)); got != "service 2026-11 0/0" {
		t.Errorf("the account owes %q", got)
	}
	s.verified()
}

// TestACorrectionWaitsForASaleUnderWay: if the sale fails, what it paid goes back to the customer, so it is not given back before. The account is looked
// at again in the next hour.
func TestACorrectionWaitsForASaleUnderWay(t *testing.T) {
	s := open(t, true)
	s.clock.set(s.at("2026-11-01T00:00:00Z"))
	m := s.meter(1, place{tariff: s.publish("home", serviceFee(300_000), long())})
	sold := s.sell(order(m, 1_000_000, "sale-key")).Sale
	if out := s.corrects("home", 1, serviceFee(100_000)); out.Refused() {
		t.Fatal(out.Detail())
	}
	state := func(to string) { s.exec(`UPDATE vend SET state = $1 WHERE id = $2`, to, sold.ID[:]) }
	state("reversing")
	s.givesBack(0)
	state("completed")
	s.givesBack(0) // not in the same hour
	s.clock.add(time.Hour)
	s.givesBack(1)
	s.clock.add(time.Hour)
	s.givesBack(0)
	if got := s.owes(s.account(m)); got != "service 2026-11 115000/115000" {
		t.Errorf("the account owes %q", got)
	}
	s.verified()
}

// TestACorrectionOnlyMakesChargesSmaller: nobody pays more for a time that has passed, and what was sold keeps its price.
func TestACorrectionOnlyMakesChargesSmaller(t *testing.T) {
	s := open(t, true)
	s.publish("home", serviceFee(300_000), long())
	changed := func(change func(*tariff.Body)) tariff.Body {
		b := serviceFee(200_000)
		change(&b)
		return b
	}
	for what, b := range map[string]tariff.Body{
		"a larger charge":     serviceFee(300_001),
		"the same charge":     serviceFee(300_000),
		"another charge":      changed(func(b *tariff.Body) { b.Fixed[0].Name = "line" }),
		"a charge by the day": changed(func(b *tariff.Body) { b.Fixed[0].Per = tariff.PerDay }),
		"another price":       changed(func(b *tariff.Body) { b.Blocks = []tariff.Block{{Rate: 2_400_000}} }),
		"another tax":         changed(func(b *tariff.Body) { b.VATBps = 0 }),
		"another fee":         changed(func(b *tariff.Body) { b.Fee.Amount = 1 }),
	} {
		if out := s.corrects("home", 1, b); out.Code != refusal.TariffInvalid {
			t.Errorf("%s: %q %+v, want %s", what, out.Code, out.Version, refusal.TariffInvalid)
		}
	}
	for what, n := range map[string]registry.NewVersion{
		"withdrawn":       {Withdraws: true, Replaces: 1},
		"at another time": {Body: serviceFee(200_000), Replaces: 1, EffectiveFrom: monday()},
	} {
		n.Tariff = "home"
		if out, err := s.registers().AddVersion(context.Background(), owner(), n); err != nil || out.Code != refusal.TariffInvalid {
			t.Errorf("%s: %v %q, want %s", what, err, out.Code, refusal.TariffInvalid)
		}
	}
	if out := s.corrects("home", 1, serviceFee(200_000)); out.Refused() {
		t.Error(out.Detail())
	}
	if out := s.corrects("home", 1, serviceFee(100_000)); out.Code != refusal.TariffInvalid {
		t.Errorf("a version that was corrected is corrected: %q, want %s", out.Code, refusal.TariffInvalid)
	}
}

// TestASecondPersonSeesWhatACorrectionDoes: the approval says what was charged since, and a payment in between does not stop it.
func TestASecondPersonSeesWhatACorrectionDoes(t *testing.T) {
	s := open(t, true)
	s.fourEyes()
	s.clock.set(s.at("2026-11-01T00:00:00Z"))
	home := s.publish("home", serviceFee(300_000), long())
	m, purse := s.meter(1, place{tariff: home}), s.walletMeter(2, home)
	s.sell(order(m, 400_000, "sale-first"))
	s.sell(order(purse, 400_000, "sale-purse"))
	s.clock.set(s.at("2026-11-10T09:00:00Z"))
	s.days()
	out := s.corrects("home", 1, serviceFee(100_000))
	if out.Waits == nil || !strings.Contains(out.Waits.Summary, "correct the fixed charges of version 1 of tariff home, which began at") {
		t.Fatalf("the correction: %+v %s", out.Waits, out.Detail())
	}
	for _, want := range []string{`"charged-accounts","after":{"text":"2"}`, `"charged-since","after":{"minor":460000`, `"paid-of-that","after":{"minor":395000`} {
		if !strings.Contains(out.Waits.Effect, want) {
			t.Errorf("the second person does not see %s in %s", want, out.Waits.Effect)
		}
	}
	s.sell(order(m, 400_000, "sale-second"))
	s.allow(*out.Waits)
	maker := out.Waits.Maker
	maker.Approval = out.Waits.ID
	if done, err := s.registers().Executors()[access.ActTariff](context.Background(), maker, out.Waits.Body); err != nil || done.Refused() {
		t.Fatalf("approved: %v %s", err, done.Detail())
	}
	s.givesBack(2)
	s.verified()
}

// TestACorrectionPaysWhatAMovedOutWalletOwes: 1,000.00 were paid into a wallet, and 20 days of 31,000.00 a month charged 23,766.66. The rest became a debt
// when the customer moved out. The correction pays that debt, also where another account took it over, and only what the customer paid too much is due
// back.
func TestACorrectionPaysWhatAMovedOutWalletOwes(t *testing.T) {
	for what, takenOver := range map[string]bool{"the closed account owes it": false, "another account took it over": true} {
		t.Run(what, func(t *testing.T) {
			s := open(t, true)
			s.clock.set(s.at("2026-11-01T00:00:00Z"))
			home := s.publish("home", serviceFee(3_100_000), long())
			s.publish("other", flat(), long())
			purse := s.walletMeter(1, home)
			s.sell(order(purse, 100_000, "sale-purse"))
			s.clock.set(s.at("2026-11-20T09:00:00Z"))
			s.days()
			closed := s.account(purse)
			customer := must1(s.registers().Meter(context.Background(), owner(), purse))(t).Customer.ID
			if out, err := s.MoveOut(context.Background(), owner(), leaves(purse, "leave-purse")); err != nil || out.Value.Owed != 2_276_666 {
				t.Fatalf("%v %s: owed %d", err, out.Detail(), out.Value.Owed)
			}
			owes := closed
			if takenOver {
				s.clock.add(25 * time.Hour)
				in := registry.MovingIn{Tariff: "other", CustomerID: customer.Text(id.Customer), Reason: "came back"}
				if out, err := s.registers().MoveIn(context.Background(), owner(), purse, in); err != nil || out.TakenOver != 2_276_666 {
					t.Fatalf("%v %s: took over %d", err, out.Detail(), out.TakenOver)
				}
				owes = s.account(purse)
			}
			if out := s.corrects("home", 1, serviceFee(31_000)); out.Refused() {
				t.Fatal(out.Detail())
			}
			s.givesBack(1)
			s.givesBack(0)
			if got := s.owes(owes); got != "" {
				t.Errorf("the account owes %q, want nothing", got)
			}
			refund, err := s.Refund(context.Background(), owner(), debt.Refund{Account: closed.Text(id.Account), Reason: "bank transfer"})
			if err != nil || refund.Refused() || refund.Value.Amount.Minor != 100_000-23_766 {
				t.Errorf("the refund: %+v %v %s, want 762.34", refund.Value.Amount, err, refund.Detail())
			}
			s.verified()
		})
	}
}

// TestACorrectionCountsWhatAMoveOutPaid: a customer left with 100.00 of change, which paid a part of a charge. By the correction less than that is owed, so
// nothing is.
func TestACorrectionCountsWhatAMoveOutPaid(t *testing.T) {
	s := open(t, true)
	s.clock.set(s.at("2026-11-01T00:00:00Z"))
	m := s.meter(1, place{tariff: s.publish("home", serviceFee(3_100_000), long())})
	if _, err := s.Accrue(context.Background(), system()); err != nil {
		t.Fatal(err)
	}
	if out, err := s.Adjust(context.Background(), owner(), debt.Adjustment{Account: m, Amount: kes(10_000), Reason: "an apology"}); err != nil || out.Refused() {
		t.Fatalf("%v %s", err, out.Detail())
	}
	closed := s.account(m)
	s.clock.set(s.at("2026-11-11T09:00:00Z"))
	leaving := leaves(m, "leave-meter")
	leaving.Credit = registry.CreditLeft{State: registry.CreditUnknown}
	if out, err := s.MoveOut(context.Background(), owner(), leaving); err != nil || out.Value.Paid != 10_000 {
		t.Fatalf("%v %s: paid %d", err, out.Detail(), out.Value.Paid)
	}
	if out := s.corrects("home", 1, serviceFee(21_000)); out.Refused() { // ten days are 80.50
		t.Fatal(out.Detail())
	}
	s.givesBack(0)
	if got := s.owes(closed); got != "service 2026-11 0/0" {
		t.Errorf("the account owes %q, want nothing", got)
	}
	s.verified()
}

// TestACorrectionOfATariffThatBeganWithinTheMonth: an account is opened before its tariff begins. The month is charged by the version that was in force
// when it was charged, whatever version comes later in the month.
func TestACorrectionOfATariffThatBeganWithinTheMonth(t *testing.T) {
	for _, c := range []struct {
		first, second money.Minor // fees of the versions
		pays, more    money.Minor // what the customer pays under each
		corrects      int
	}{{3_100_000, 31_000, 4_000_000, 10_000, 1}, {31_000, 3_100_000, 100_000, 4_000_000, 2}} {
		s := open(t, true)
		s.clock.set(s.at("2026-11-01T00:00:00Z"))
		home := s.publish("home", serviceFee(c.first), s.at("2026-11-05T00:00:00Z"))
		m := s.meter(1, place{tariff: home})
		s.clock.set(s.at("2026-11-06T09:00:00Z"))
		s.sell(order(m, c.pays, "sale-first"))
		s.clock.set(s.at("2026-11-20T00:00:00Z"))
		if out, err := s.registers().AddVersion(context.Background(), owner(), registry.NewVersion{Tariff: "home", Body: serviceFee(c.second)}); err != nil || out.Refused() {
			t.Fatalf("%v %s", err, out.Detail())
		}
		s.clock.set(s.at("2026-11-21T09:00:00Z"))
		s.sell(order(m, c.more, "sale-second"))
		if out := s.corrects("home", c.corrects, serviceFee(31_000)); out.Refused() {
			t.Fatal(out.Detail())
		}
		s.givesBack(1)
		const want = "service 2026-11 30897/30897" // 26 of 30 days of 356.50
		if got := s.owes(s.account(m)); got != want {
			t.Errorf("version %d corrected: the account owes %q, want %q", c.corrects, got, want)
		}
		s.verified()
	}
}

// TestACorrectionCountsTheDaysThatCostNothing: of a fee of 0.13 a month most days cost nothing, and have no journal. Nine days of it are 0.03, and of the
// right fee of 0.07 they are 0.02.
func TestACorrectionCountsTheDaysThatCostNothing(t *testing.T) {
	s := open(t, true)
	s.clock.set(s.at("2026-11-01T00:00:00Z"))
	purse := s.walletMeter(1, s.publish("home", serviceFee(11), long()))
	s.sell(order(purse, 100_000, "sale-purse"))
	s.clock.set(s.at("2026-11-09T09:00:00Z"))
	s.days()
	before := s.accounts()
	if out := s.corrects("home", 1, serviceFee(6)); out.Refused() {
		t.Fatal(out.Detail())
	}
	s.givesBack(1)
	wallet := "2000 " + s.account(purse).Text(id.Account)
	if got := s.accounts()[wallet] - before[wallet]; got != -1 {
		t.Errorf("the wallet got %d back, want 0.01", -got)
	}
	s.verified()
}
