package shoptest_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/notify"
	"github.com/paywatt/paywatt/internal/pagelink"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/voucher"
	"github.com/paywatt/paywatt/unit"
)

// tenancies is a shop whose keypad meters change hands.
type tenancies struct {
	*shop
	registry *registry.Registry
	links    *pagelink.Links
	meter    string
}

// registers returns a registry on the database of the shop.
func (s *shop) registers() *registry.Registry {
	return registry.New(registry.Config{Sealer: s.sealer, Now: s.clock.Now, Connected: func(string) bool { return false },
		Door: store.DoorTo(s.engine, store.Sale, func(tx *store.Tx) registry.Tx { return tx })})
}

// openTenancies opens a shop with one keypad meter, whose tenant gets 1 kWh a month free, and pays 10.00 for the first one and 20.00 for all others.
func openTenancies(t *testing.T) *tenancies {
	s := &tenancies{shop: open(t, true)}
	s.registry = s.shop.registers()
	s.links = pagelink.New(pagelink.Config{Maker: pagelink.Maker{Sealer: s.sealer, Rand: rand.Reader, Now: s.clock.Now},
		PublicURL: "https://pay.example.org", Door: store.DoorTo(s.engine, store.Job, func(tx *store.Tx) pagelink.Tx { return tx })})
	blocks := tariff.Body{Currency: "KES", Blocks: []tariff.Block{{UpTo: 1000, Rate: 10_000_000}, {Rate: 20_000_000}},
		Free: tariff.Free{Units: unit.KilowattHour, Apart: true}}
	s.meter = s.shop.meter(1, place{tariff: s.publish("domestic", blocks, long())})
	return s
}

// leave moves the customer of the meter out.
func (s *tenancies) leave(left registry.CreditLeft) debt.MovedOut {
	s.t.Helper()
	m := leaves(s.meter, "move-out-"+s.clock.Now().String()[:19])
	m.Credit = left
	out, err := s.MoveOut(context.Background(), owner(), m)
	if err != nil || out.Refused() {
		s.t.Fatalf("move out: %v %s", err, out.Detail())
	}
	return out.Value
}

// enter moves a customer in at the meter.
func (s *tenancies) enter(in registry.MovingIn) registry.ChangedMeter {
	s.t.Helper()
	in.Tariff, in.Reason = "domestic", "new lease"
	out, err := s.registry.MoveIn(context.Background(), owner(), s.meter, in)
	if err != nil || out.Refused() {
		s.t.Fatalf("move in: %v %s", err, out.Detail())
	}
	return out
}

// link returns the characters of the page link of the meter's account.
func (s *tenancies) link() string {
	s.t.Helper()
	by := signedIn()
	v, err := s.links.Make(context.Background(), by, pagelink.Request{Meter: s.meter, Show: true})
	if err != nil || v.Refused() {
		s.t.Fatalf("make a link: %v %s", err, v.Detail())
	}
	address := v.Address.Reveal()
	return address[strings.LastIndex(address, "/")+1:]
}

// credits returns the stored credits of an account, as "in/out".
func (s *tenancies) credits(account id.ID) (in, out int64) {
	s.t.Helper()
	err := s.engine.View(context.Background(), tenant, func(tx *store.Tx) error {
		return tx.C.Query(`SELECT COALESCE(credit_in_wh, -9), COALESCE(credit_out_wh, -9) FROM account WHERE id = $1`,
			func(r core.Row) error { in, out = r.Int(0), r.Int(1); return nil }, account)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return in, out
}

// TestANewTenantAtAKeypadMeterInheritsNothing: the debt, the price block, the free units, the page link and the telephone of the last tenant end with
// the tenancy. Only the credit stays in the meter, and both accounts say so.
func TestANewTenantAtAKeypadMeterInheritsNothing(t *testing.T) {
	needsWholeStore(t)
	t.Run("SQLite", keypadTenancies)
	t.Run("PostgreSQL", func(t *testing.T) {
		inPostgres(t)
		keypadTenancies(t)
	})
}

func keypadTenancies(t *testing.T) {
	s := openTenancies(t)
	before := s.account(s.meter)
	if sold := s.sell(order(s.meter, 3000, "the first month")).Sale; sold.Units != 3000 {
		t.Fatalf("30.00 buy %d Wh, want 1 kWh at 10.00 and 1 kWh at 20.00 beside the free one", sold.Units)
	}
	link := s.link()
	s.debt(before, debt.Debt{Mode: tariff.Full, Outstanding: 50_000})
	if out := s.leave(registry.CreditOf(2400)); out.Owed != 50_000 || out.Refund != 0 || !slices.Equal(out.Meters, []string{s.meter}) {
		t.Fatalf("moved out: %+v, want 500.00 still owed and the meter free", out)
	}
	s.refused(order(s.meter, 1000, "nobody lives there"), refusal.MeterBlocked)
	s.clock.add(25 * time.Hour)
	in := s.enter(registry.MovingIn{Customer: &registry.NewCustomer{Name: "Kwame M.", Phone: "+254700000002"}})
	after := s.account(s.meter)
	if after == before || in.TakenOver != 0 || in.Credit != registry.CreditOf(2400) || in.Customer.Name != "Kwame M." {
		t.Fatalf("moved in: %+v, account %s after %s", in, after.Text(id.Account), before.Text(id.Account))
	}
	sold := s.sell(order(s.meter, 1000, "the new tenant")).Sale
	if sold.Units != 2000 || sum(sold.Lines) != 1000 || line(t, sold, sale.LineEnergy).Amount != 1000 {
		t.Errorf("the first 10.00 of the new tenant buy %d Wh: %s; want a free kWh and one at 10.00, and nothing for the debt",
			sold.Units, lines(sold.Lines))
	}
	if got := s.owes(before); !strings.HasPrefix(got, "arrears 50000 (ledger 50000") {
		t.Errorf("the last tenant owes %s, want 500.00", got)
	}
	if _, found, err := s.links.Open(context.Background(), tenant, link); err != nil || found {
		t.Errorf("the link of the last tenant still opens a page (%v)", err)
	}
	if opened, found, err := s.links.Open(context.Background(), tenant, s.link()); err != nil || !found || opened.Account.ID != after {
		t.Errorf("the new link opens %+v %v %v", opened.Account, found, err)
	}
	s.told(sold)
	if _, out := s.credits(before); out != 2400 {
		t.Errorf("the closed account says that %d Wh were left, want 2,400", out)
	}
	if in, _ := s.credits(after); in != 2400 {
		t.Errorf("the new account says that it began with %d Wh, want 2,400", in)
	}
	s.verified()
}

// told checks who gets messages about the meter: the new tenant alone, and only about the new tenant's sales.
func (s *tenancies) told(newest sale.Sale) {
	s.t.Helper()
	err := s.engine.View(context.Background(), tenant, func(tx *store.Tx) error {
		last, found, err := notify.LastSaleTo(tx, newest.Meter.N)
		if err != nil {
			return err
		}
		if !found || last.Vend != newest.ID {
			s.t.Errorf("the last sale of the meter is %+v, want that of the new tenant", last)
		}
		former, err := tx.Subscriptions("+254700000001", 9)
		if err != nil {
			return err
		}
		to, found, err := tx.NoticeTo(s.meter)
		if len(former) != 0 || !found || to.Phone != "+254700000002" {
			s.t.Errorf("the telephone of the last tenant has %d meters, and notices go to %q", len(former), to.Phone)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// TestBeforeTheFirstPurchaseANewTenantReadsNoToken: the tokens of the last tenant are not the new tenant's.
func TestBeforeTheFirstPurchaseANewTenantReadsNoToken(t *testing.T) {
	s := openTenancies(t)
	sold := s.sell(order(s.meter, 3000, "the first month")).Sale
	s.leave(registry.CreditLeft{State: registry.CreditUnknown})
	s.clock.add(25 * time.Hour)
	s.enter(registry.MovingIn{})
	err := s.engine.View(context.Background(), tenant, func(tx *store.Tx) error {
		if last, found, err := notify.LastSaleTo(tx, sold.Meter.N); err != nil || found {
			t.Errorf("the new tenant reads %+v %v", last, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if in, _ := s.credits(s.account(s.meter)); in != -1 {
		t.Errorf("the new account says that it began with %d Wh, want that nobody knew", in)
	}
	s.verified()
}

// TestTheCreditOfAKeypadMeterIsAsked: nobody moves out of a keypad meter unasked, and what is read again at the move-in counts for the new tenant.
func TestTheCreditOfAKeypadMeterIsAsked(t *testing.T) {
	s := openTenancies(t)
	other := s.walletMeter(2, s.tariffOf(s.meter))
	postpaid := s.shop.meter(3, place{tariff: s.tariffOf(s.meter), meter: func(m *registry.Meter) { m.Mode = registry.Postpay }})
	enters := registry.MovingIn{Tariff: "domestic", Reason: "new lease"}
	if in, err := s.registry.MoveIn(context.Background(), owner(), postpaid, enters); err != nil ||
		in.Refusal.Text != "move-in-without-prepayment" {
		t.Errorf("at a post-paid meter: %v %s", err, in.Detail())
	}
	for _, c := range []struct {
		name, account string
		left          registry.CreditLeft
		want          string
	}{
		{"not asked", s.meter, registry.CreditLeft{}, "move-out-without-credit"},
		{"below 0", s.meter, registry.CreditOf(-1), "credit-out-of-range"},
		{"too much", s.meter, registry.CreditOf(registry.MaxCreditLeft + 1), "credit-out-of-range"},
		{"of a wallet", other, registry.CreditOf(1), "credit-without-keypad"},
		{"post-paid", postpaid, registry.CreditOf(1), "move-out-without-prepayment"},
	} {
		m := leaves(c.account, "move-out-"+c.name)
		m.Credit = c.left
		if out, err := s.MoveOut(context.Background(), owner(), m); err != nil || out.Text != c.want {
			t.Errorf("%s: %q %v, want %s", c.name, out.Text, err, c.want)
		}
	}
	before := s.account(s.meter)
	s.leave(registry.CreditOf(registry.MaxCreditLeft))
	s.clock.add(25 * time.Hour)
	if in := s.enter(registry.MovingIn{Credit: registry.CreditOf(0)}); in.Credit != registry.CreditOf(0) {
		t.Errorf("the new account begins with %+v, want 0", in.Credit)
	}
	if in, out := s.credits(before); in != -9 || out != int64(registry.MaxCreditLeft) {
		t.Errorf("the closed account says %d and %d", in, out)
	}
	s.verified()
}

// TestTheLastMonthOfATokenAccountIsChargedByDays: the fixed charges of the month fall due in advance. Who moves out on the 12th owes eleven days, and
// what was paid stays paid. The next tenant owes from the day of the move-in.
func TestTheLastMonthOfATokenAccountIsChargedByDays(t *testing.T) {
	for name, c := range map[string]struct {
		paid money.Minor
		want string
	}{
		"not paid": {0, "standing 2026-11 0/4132"},
		"paid":     {50_000, "standing 2026-11 11270/11270"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &tenancies{shop: open(t, true)}
			s.registry = s.shop.registers()
			s.clock.set(s.at("2026-11-01T08:00:00Z"))
			s.meter = s.shop.meter(1, place{tariff: s.publish("domestic", standing(flat(), tariff.PerMonth), long())})
			before := s.account(s.meter)
			s.clock.set(s.at("2026-11-12T08:00:00Z"))
			if c.paid > 0 {
				s.sell(order(s.meter, c.paid, "the first month"))
			}
			if _, err := s.Accrue(context.Background(), access.SystemActor(tenant, "charges")); err != nil {
				t.Fatal(err)
			}
			s.leave(registry.CreditOf(0))
			if got := s.owes(before); got != c.want {
				t.Errorf("the last tenant owes %s, want %s", got, c.want)
			}
			s.clock.set(s.at("2026-11-16T08:00:00Z"))
			s.enter(registry.MovingIn{})
			if _, err := s.Accrue(context.Background(), access.SystemActor(tenant, "charges")); err != nil {
				t.Fatal(err)
			}
			if got, want := s.owes(s.account(s.meter)), "standing 2026-11 0/5635"; got != want {
				t.Errorf("the new tenant owes %s, want %s for 15 of 30 days", got, want)
			}
			if got := s.owes(before); got != c.want {
				t.Errorf("a day later the last tenant owes %s, want %s", got, c.want)
			}
			s.verified()
		})
	}
}

// TestTheDayOfAMoveIsChargedOnce: who moves in on the day of the move-out is charged for it, and nobody else, also on the first of a month and if an
// account began and ended on one day.
func TestTheDayOfAMoveIsChargedOnce(t *testing.T) {
	for name, c := range map[string]struct{ at, leaver, next string }{
		"in the month":           {"2026-11-12T08:00:00Z", "standing 2026-11 0/4132", "standing 2026-11 0/7138"},
		"on the first":           {"2026-12-01T08:00:00Z", "standing 2026-11 0/11270, standing 2026-12 0/0", "standing 2026-12 0/11270"},
		"on the day of the move": {"2026-11-01T10:00:00Z", "standing 2026-11 0/0", "standing 2026-11 0/11270"},
	} {
		t.Run(name, func(t *testing.T) {
			s := openCharged(t, c.at)
			charges := access.SystemActor(tenant, "charges")
			before := s.account(s.meter)
			if _, err := s.Accrue(context.Background(), charges); err != nil {
				t.Fatal(err)
			}
			s.leave(registry.CreditOf(0))
			s.clock.add(time.Hour)
			s.enter(registry.MovingIn{})
			s.clock.add(24 * time.Hour)
			if _, err := s.Accrue(context.Background(), charges); err != nil {
				t.Fatal(err)
			}
			if got := s.owes(before); got != c.leaver {
				t.Errorf("the last tenant owes %s, want %s", got, c.leaver)
			}
			if got := s.owes(s.account(s.meter)); got != c.next {
				t.Errorf("the new tenant owes %s, want %s", got, c.next)
			}
			s.verified()
		})
	}
}

// openCharged opens a shop with one keypad meter that has a fixed charge of 98.00 a month, without tax, since the first of the month.
func openCharged(t *testing.T, now string) *tenancies {
	return openChargedBy(t, tariff.PerMonth, now)
}

// openChargedBy opens a shop with one keypad meter that has a fixed charge since the first of the month.
func openChargedBy(t *testing.T, per tariff.Period, now string) *tenancies {
	s := &tenancies{shop: open(t, true)}
	s.registry = s.shop.registers()
	s.clock.set(s.at("2026-11-01T08:00:00Z"))
	s.meter = s.shop.meter(1, place{tariff: s.publish("domestic", standing(flat(), per), long())})
	s.clock.set(s.at(now))
	return s
}

// gives puts money into a deposit or a carry.
func (s *tenancies) gives(account id.ID, code ledger.Code, amount ledger.Minor) {
	s.t.Helper()
	kind, from := ledger.DepositIn, ledger.AccountRef{Code: ledger.Till, Subject: ledger.MainTill}
	if code == ledger.Carry {
		kind, from = ledger.BroughtIn, ledger.AccountRef{Code: ledger.Opening}
	}
	s.do(func(tx *store.Tx) error {
		return postOne(tx, kind, from, ledger.AccountRef{Code: code, Subject: account.Text(id.Account)}, amount)
	})
}

// TestTheLastChargesArePaidFromWhatIsLeft: deposit and change pay the fixed charges of the last month before anything is due back, in the order of a
// sale, with revenue and tax as a sale posts them.
func TestTheLastChargesArePaidFromWhatIsLeft(t *testing.T) {
	needsWholeStore(t)
	t.Run("SQLite", lastChargesPaid)
	t.Run("PostgreSQL", func(t *testing.T) {
		inPostgres(t)
		lastChargesPaid(t)
	})
}

func lastChargesPaid(t *testing.T) {
	for name, c := range map[string]struct {
		deposit, carry, debt money.Minor
		priority             int
		paid, refund, owed   money.Minor
		net, vat             money.Minor
		want                 string
	}{
		"enough":              {20_000, 500, 0, 0, 4132, 16_368, 0, 3593, 539, "standing 2026-11 0/0"},
		"a debt after it":     {20_000, 500, 1000, 0, 5132, 15_368, 0, 3593, 539, "standing 2026-11 0/0"},
		"too little":          {3000, 0, 1000, 0, 3000, 0, 2132, 2609, 391, "standing 2026-11 0/1132, arrears 1000 (ledger 1000, month 0)"},
		"an earlier debt":     {3000, 0, 1000, 10, 3000, 0, 2132, 1739, 261, "standing 2026-11 0/2132"},
		"nothing to pay with": {0, 0, 0, 0, 0, 0, 4132, 0, 0, "standing 2026-11 0/4132"},
	} {
		t.Run(name, func(t *testing.T) {
			s := openCharged(t, "2026-11-12T08:00:00Z")
			before := s.account(s.meter)
			if c.debt > 0 {
				s.debt(before, debt.Debt{Mode: tariff.Full, Outstanding: c.debt, Priority: c.priority})
			}
			if c.deposit > 0 {
				s.gives(before, ledger.Deposit, c.deposit)
			}
			if c.carry > 0 {
				s.gives(before, ledger.Carry, c.carry)
			}
			out := s.leave(registry.CreditOf(0))
			if out.Paid != c.paid || out.Refund != c.refund || out.Owed != c.owed {
				t.Errorf("paid %d, refund due %d, owed %d; want %d, %d and %d", out.Paid, out.Refund, out.Owed, c.paid, c.refund, c.owed)
			}
			if got := s.balances(); got[ledger.RevenueFixed] != -c.net || got[ledger.VATPayable] != -c.vat || got[ledger.RefundDue] != -c.refund {
				t.Errorf("revenue %d, tax %d, refund due %d; want %d, %d and %d",
					-got[ledger.RevenueFixed], -got[ledger.VATPayable], -got[ledger.RefundDue], c.net, c.vat, c.refund)
			}
			if got := s.owes(before); got != c.want {
				t.Errorf("the account owes %s, want %s", got, c.want)
			}
			s.verified()
		})
	}
}

// TestAChargeThatIsTakenOverIsDueOnce: a charge of the running month that another account took over is not raised on the first account
// again. Days that fall due later are, and so is what a reversed sale had paid.
func TestAChargeThatIsTakenOverIsDueOnce(t *testing.T) {
	needsWholeStore(t)
	t.Run("SQLite", chargesTakenOver)
	t.Run("PostgreSQL", func(t *testing.T) {
		inPostgres(t)
		chargesTakenOver(t)
	})
}

func chargesTakenOver(t *testing.T) {
	for name, c := range map[string]struct {
		per    tariff.Period
		policy registry.ChargePolicy
		due    func(day money.Minor) money.Minor // what is due by the end of a day of the month
	}{
		"in advance":        {tariff.PerMonth, registry.ChargePolicy{}, func(money.Minor) money.Minor { return 11_270 }},
		"each day":          {tariff.PerDay, registry.ChargePolicy{}, func(day money.Minor) money.Minor { return 345 * day }},
		"a month, each day": {tariff.PerMonth, registry.ChargePolicy{Daily: true}, func(day money.Minor) money.Minor { return 11_270 * day / 30 }},
	} {
		t.Run(name, func(t *testing.T) {
			s := openChargedBy(t, c.per, "2026-11-10T08:00:00Z")
			s.policy(c.policy)
			s.moveCharges(c.due)
			s.verified()
		})
	}
}

// moveCharges moves the charge of a month that has begun to another account and back, while days pass.
func (s *tenancies) moveCharges(due func(day money.Minor) money.Minor) {
	s.t.Helper()
	other := s.shop.meter(2, place{tariff: s.publish("plain", flat(), long())})
	a, b := s.account(s.meter), s.account(other)
	was, rises := due(10), [...]money.Minor{due(11) - due(10), due(12) - due(11), due(13) - due(12)}
	expect := func(when, wantA, wantB string) {
		s.t.Helper()
		if _, err := s.Accrue(context.Background(), system()); err != nil {
			s.t.Fatal(err)
		}
		if gotA, gotB := s.owes(a), s.owes(b); gotA != wantA || gotB != wantB {
			s.t.Errorf("%s: the account owes %q and the other one %q; want %q and %q", when, gotA, gotB, wantA, wantB)
		}
	}
	takeOver := func(to, from id.ID) {
		s.t.Helper()
		out, err := s.TakeOver(context.Background(), owner(), debt.TakeOver{Account: to.Text(id.Account), From: from.Text(id.Account), Reason: "one person"})
		if err != nil || out.Refused() {
			s.t.Fatalf("take over: %v %s", err, out.Detail())
		}
	}
	own := func(paid, gross money.Minor) string { return fmt.Sprintf("standing 2026-11 %d/%d", paid, gross) }
	expect("on the 10th", own(0, was), "")
	takeOver(b, a)
	expect("after the take-over", own(0, 0), fmt.Sprintf("former-standing 2026-11 0/%d", was))
	s.clock.add(24 * time.Hour)
	former, back := fmt.Sprintf("former-standing 2026-11 0/%d", was), fmt.Sprintf("former-former-standing 2026-11 0/%d", was)
	gone := "former-standing 2026-11 0/0"
	expect("on the 11th", own(0, rises[0]), former)
	if rises[0] > 0 {
		takeOver(b, a)
		former = fmt.Sprintf("former-2-standing 2026-11 0/%d, %s", rises[0], former)
		back = fmt.Sprintf("former-former-2-standing 2026-11 0/%d, %s", rises[0], back)
		gone = "former-2-standing 2026-11 0/0, " + gone
		expect("after another take-over", own(0, 0), former)
	}
	s.clock.add(24 * time.Hour)
	sold := s.sell(order(s.meter, 5000, "a sale of the 12th")).Sale
	expect("after a sale on the 12th", own(rises[1], rises[1]), former)
	s.reversed(owner(), sold, "by mistake")
	expect("after its reversal", own(0, rises[1]), former)
	takeOver(a, b)
	expect("after everything came back", back+", "+own(0, rises[1]), gone)
	s.clock.add(24 * time.Hour)
	expect("on the 13th", back+", "+own(0, rises[1]+rises[2]), gone)
	s.leave(registry.CreditOf(0)) // the 13th is not charged
	expect("after the move-out", back+", "+own(0, rises[1]), gone)
}

// TestAWalletTakesOverNothingOfAnOpenAccount: a recharge of a wallet pays no debt, and a charge that was taken over is not raised again. So a
// clerk could let a wallet of a friend take over a neighbour's month and debts, and nobody would pay them.
func TestAWalletTakesOverNothingOfAnOpenAccount(t *testing.T) {
	s := openChargedBy(t, tariff.PerMonth, "2026-11-10T08:00:00Z")
	neighbour := s.account(s.meter)
	number := s.walletMeter(2, s.publish("plain", flat(), long()))
	friend := s.account(number)
	s.debt(neighbour, debt.Debt{Outstanding: 7000, Mode: tariff.Full})
	if _, err := s.Accrue(context.Background(), system()); err != nil {
		t.Fatal(err)
	}
	takeOver := func() refusal.Refusal {
		t.Helper()
		out, err := s.TakeOver(context.Background(), owner(),
			debt.TakeOver{Account: friend.Text(id.Account), From: neighbour.Text(id.Account), Reason: "one person"})
		if err != nil {
			t.Fatal(err)
		}
		return out.Refusal
	}
	owed := s.owes(neighbour)
	if no := takeOver(); no.Text != "take-over-from-open-account" || !strings.Contains(no.What, neighbour.Text(id.Account)) {
		t.Errorf("the friend's wallet took over from the open account: %q %s", no.Text, no.Detail())
	}
	s.sell(order(number, 20_000, "a recharge"))
	if now, friends := s.owes(neighbour), s.owes(friend); now != owed || friends != "" {
		t.Errorf("after a recharge of the wallet the neighbour owes %q and the friend %q; want %q and nothing", now, friends, owed)
	}
	s.leave(registry.CreditOf(0))
	if no := takeOver(); no.Refused() {
		t.Errorf("the wallet takes over from the closed account: %s", no.Detail())
	}
	if friends := s.owes(friend); !strings.Contains(friends, "former-standing 2026-11 0/") {
		t.Errorf("after the move-out the friend owes %q, want what is left of the month", friends)
	}
	s.verified()
}

// TestASaleOfAClosedAccountIsNotReversed: the move-out settled what the sale had paid, so giving it back would make a closed account owe the month.
func TestASaleOfAClosedAccountIsNotReversed(t *testing.T) {
	s := openCharged(t, "2026-11-12T08:00:00Z")
	before := s.account(s.meter)
	sold := s.sell(order(s.meter, 50_000, "the first month")).Sale
	s.leave(registry.CreditOf(0))
	owed := s.owes(before)
	if got := s.undo(owner(), sold, "by mistake", "undo-1"); got.Text != "reversal-after-move-out" {
		t.Errorf("reversed: %+v, want a refusal", got)
	}
	if got := s.owes(before); got != owed {
		t.Errorf("the closed account owes %s, want %s", got, owed)
	}
	s.verified()
}

// TestPriceBlocksOfAMonthBeginAnewForTwoPeople: one person could move a customer out and in again every day, and give the cheap block and the free
// units each time. In another month, and on a tariff without either, there is nothing to give.
func TestPriceBlocksOfAMonthBeginAnewForTwoPeople(t *testing.T) {
	blocks := tariff.Body{Currency: "KES", Blocks: []tariff.Block{{UpTo: 1000, Rate: 10_000_000}, {Rate: 20_000_000}}}
	free := tariff.Body{Currency: "KES", Blocks: []tariff.Block{{Rate: 10_000_000}}, Free: tariff.Free{Units: unit.KilowattHour}}
	const sameMonth, nextMonth = "2026-11-29T08:00:00Z", "2026-12-01T08:00:00Z"
	for name, c := range map[string]struct {
		tariff tariff.Body
		later  *tariff.Body // from 2026-11-29T20:00:00Z
		wallet bool
		in     string
		waits  bool
	}{
		"blocks in the same month":                {blocks, nil, false, sameMonth, true},
		"free units in the same month":            {free, nil, false, sameMonth, true},
		"blocks later in the same month":          {flat(), &blocks, false, sameMonth, true},
		"blocks in the next month":                {blocks, nil, false, nextMonth, false},
		"one price":                               {flat(), nil, false, sameMonth, false},
		"one price, another one later":            {flat(), &tariff.Body{Currency: "KES", Blocks: []tariff.Block{{Rate: 30_000_000}}}, false, sameMonth, false},
		"blocks of a wallet in the same month":    {blocks, nil, true, sameMonth, true},
		"free units in a wallet, which gets none": {free, nil, true, sameMonth, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := openTenancies(t)
			of, left := s.publish("street", c.tariff, long()), registry.CreditOf(2400)
			if c.later != nil {
				s.republish(of, 2, *c.later, s.at("2026-11-29T20:00:00Z"))
			}
			if c.wallet {
				s.meter, left = s.walletMeter(2, of), registry.CreditLeft{}
			} else {
				s.meter = s.shop.meter(2, place{tariff: of})
			}
			s.leave(left)
			s.fourEyes()
			s.clock.set(s.at(c.in))
			in, err := s.registry.MoveIn(context.Background(), owner(), s.meter, registry.MovingIn{Tariff: "street", Reason: "new lease"})
			if err != nil || in.Refused() || (in.Waits != nil) != c.waits || c.waits && in.Waits.Act != access.ActMoveIn {
				t.Errorf("moved in: %v %s, waits as %+v, want %t", err, in.Detail(), in.Waits, c.waits)
			}
			if c.waits && !c.wallet && !strings.Contains(fmt.Sprintf("%+v", in.Waits), "left-in-the-meter") {
				t.Errorf("the second person does not read the credit: %+v", in.Waits)
			}
		})
	}
}

// textedVouchers lets messages redeem the vouchers of a shop.
type textedVouchers struct{ s *voucherShop }

func (v textedVouchers) Redeem(ctx context.Context, t access.Tenant, o notify.Order) (notify.Bought, error) {
	out, err := v.s.cards.Redeem(ctx, access.SystemActor(t, "sms "+o.Phone), voucher.Redemption{PIN: o.PIN.Reveal(), Meter: o.Meter,
		Who: "phone:" + o.Phone, Route: voucher.BySMS})
	return notify.Bought{Refusal: out.Refusal, Serial: out.Serial, Amount: out.Sale.Tender, Sale: out.Sale.ID, Repeated: out.Repeated}, err
}

func (v textedVouchers) Ask(context.Context, access.Tenant, notify.Order) (notify.Bought, error) {
	return notify.Bought{}, nil
}

// TestAVoucherBuysForWhoLivesThere: while nobody lives at a meter, a voucher is refused and stays unused. Afterwards it buys for the new customer,
// and the telephone of the former one no longer means the meter.
func TestAVoucherBuysForWhoLivesThere(t *testing.T) {
	needsWholeStore(t)
	t.Run("SQLite", vouchersOverAMove)
	t.Run("PostgreSQL", func(t *testing.T) {
		inPostgres(t)
		vouchersOverAMove(t)
	})
}

func vouchersOverAMove(t *testing.T) {
	const former, next = "+254700000001", "+254700000002"
	s := openVouchers(t, open(t, true), 2)
	meter := s.payShop.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	homes := &tenancies{shop: s.shop, registry: s.registers(), meter: meter}
	d := notify.New(notify.Config{Door: notifyDoor{s.shop}, Opener: s.sealer, Hasher: s.sealer, Owner: "one", Alone: true, Now: s.clock.Now,
		Routes: []notify.Configured{{Route: &telephones{}}}, Shop: textedVouchers{s}})
	texts := func(n int, from string, voucher int) {
		t.Helper()
		in := notify.Incoming{Route: "network", Identity: [16]byte{byte(n)}, From: from, Text: "PIN " + s.pins[voucher-1]}
		if err := d.Inbox(tenant).Receive(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	s.paidFor(1, 2)
	homes.leave(registry.CreditOf(0))
	if out := s.redeem(1, meter); out.Code != refusal.MeterBlocked {
		t.Errorf("redeemed while nobody lives there: %s", out.Detail())
	}
	texts(1, former, 1)
	s.is(voucher.Counts{Active: 2})
	s.clock.add(25 * time.Hour)
	homes.enter(registry.MovingIn{Customer: &registry.NewCustomer{Name: "Kwame M.", Phone: next}})
	texts(2, former, 1)
	s.is(voucher.Counts{Active: 2})
	texts(3, next, 1)
	s.is(voucher.Counts{Active: 1, Redeemed: 1})
	for n := 1; n <= 2; n++ { // the first one was redeemed by the message
		if out := s.redeem(n, meter); out.Refused() || out.Sale.Account != s.account(meter) || out.Repeated != (n == 1) {
			t.Errorf("voucher %d: %s, repeated %t, for account %s", n, out.Detail(), out.Repeated, out.Sale.Account.Text(id.Account))
		}
	}
	s.is(voucher.Counts{Redeemed: 2})
}
