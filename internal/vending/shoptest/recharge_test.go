package shoptest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/explain"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/print"
	"github.com/paywatt/paywatt/internal/proof"
	"github.com/paywatt/paywatt/internal/receipt"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/internal/wallet"
	"github.com/paywatt/paywatt/wire"
)

// walletMeter registers a wallet meter without any key.
func (s *shop) walletMeter(serial int, t id.ID) string {
	return s.meter(serial, place{tariff: t, meter: func(m *registry.Meter) { m.Mode = registry.PrepayWallet },
		keys: func([]registry.Key) []registry.Key { return nil }})
}

// wallet reads the wallet of a meter and the money of its account.
func (s *shop) wallet(number string) (w wallet.Row, m wallet.Money) {
	s.t.Helper()
	n := s.number(`SELECT n FROM meter WHERE number = $1`, number)
	err := s.engine.View(context.Background(), tenant, func(tx *storeTx) error {
		rows, err := tx.WalletOf(n)
		if err != nil || len(rows) != 1 {
			return errors.Join(err, errors.New("not one wallet"))
		}
		w = rows[0]
		m, err = wallet.MoneyOf(tx, w.Meter.Account, rows)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return w, m
}

// uses sends readings of a meter, half an hour apart, the last one now.
func (s *shop) uses(number string, registers ...int64) {
	s.t.Helper()
	s.tells(number, "closed", registers...)
}

// tells does the same as [shop.uses], for a meter with this state of the relay.
func (s *shop) tells(number, relay string, registers ...int64) {
	s.t.Helper()
	s.hears(number, relay, nil, registers...)
}

// hears does the same as [shop.tells], for a meter that has just started and names its capabilities.
func (s *shop) hears(number, relay string, caps []string, registers ...int64) {
	s.t.Helper()
	s.hearsOf(s.clock.Now(), number, relay, caps, registers...)
}

// hearsOf does the same as [shop.hears], but the newest reading has the given time. All readings arrive now.
func (s *shop) hearsOf(newest time.Time, number, relay string, caps []string, registers ...int64) {
	s.t.Helper()
	n := s.number(`SELECT n FROM meter WHERE number = $1`, number)
	next := uint64(s.number(`SELECT COALESCE(MAX(seq), 0) FROM reading WHERE meter = $1`, n)) + 1
	now := s.clock.Now()
	recs := []metering.Record{{Tenant: tenant, Meter: n, Number: number, ReceivedAt: now,
		Rec: wire.Boot{Memory: memory, Lowest: 1, Next: next, Proto: 1, Caps: caps}.Record()}}
	for i, register := range registers {
		at := newest.Add(time.Duration(i+1-len(registers)) * 30 * time.Minute)
		head := wire.Head{Seq: next + uint64(i), At: at.Unix(), Up: (next + uint64(i)) * 1_800_000, Clock: wire.ClockValid}
		recs = append(recs, metering.Record{Tenant: tenant, Meter: n, Number: number, ReceivedAt: now, Memory: memory,
			Rec: wire.Reading{Head: head, RegisterWh: register, Relay: relay}.Record()})
	}
	done := make(chan error, 1)
	if err := s.engine.Ingest(recs, func(_ []metering.Outcome, err error) { done <- err }); err != nil {
		s.t.Fatal(err)
	}
	if err := <-done; err != nil {
		s.t.Fatal(err)
	}
}

func TestARechargePutsAllOfItIntoTheWallet(t *testing.T) {
	for _, local := range []bool{true, false} { // an external issuer is not asked either
		s := open(t, local)
		s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) { return vending.Answer{}, errors.New("locked") }
		m := s.walletMeter(1, s.publish("domestic", flat(), monday()))
		sold := s.sell(order(m, 5000, "recharge-1"))
		if got := sold.Sale; got.State != sale.Completed || got.Units != 0 || len(got.Tokens) != 0 || len(got.Lines) != 1 ||
			got.Lines[0].Kind != sale.LineWallet || got.Lines[0].Amount != 5000 || len(s.issuer.orders()) != 0 {
			t.Fatalf("sold %+v, want one line of the wallet and no token", got)
		}
		again := s.sell(order(m, 5000, "recharge-1"))
		if again.Replay == nil || string(again.Replay.Body) != string(sold.Reply.Body) {
			t.Errorf("the same request again: %+v, want the stored bytes", again)
		}
		s.refused(order(m, 6000, "recharge-1"), refusal.IdempotencyKeyReused)
		account := sold.Sale.Account.Text(id.Account)
		if got := s.accounts(); got["2000 "+account] != -5000 || got["1000 main"] != 5000 || len(got) != 2 {
			t.Errorf("accounts %v, want 50.00 from the till in the wallet", got)
		}
		if w, have := s.wallet(m); have.Available() != 5000 || !wallet.Wanted(w.State) {
			t.Errorf("available %d, off %q; want 5000 and the supply on", have.Available(), w.Off)
		}
		s.audit()
	}
}

func TestAQuoteOfARechargeChangesNothing(t *testing.T) {
	s := open(t, true)
	m := s.walletMeter(1, s.publish("domestic", flat(), monday()))
	q, err := s.Quote(context.Background(), owner(), m, kes(5000))
	if err != nil || q.Refused() || q.Units != 0 || len(q.Lines) != 1 || q.Lines[0].Kind != sale.LineWallet || q.Lines[0].Amount != 5000 {
		t.Errorf("quote %+v (%v), want one line of 5000", q, err)
	}
	if _, have := s.wallet(m); have != (wallet.Money{}) {
		t.Errorf("after a quote the wallet has %+v", have)
	}
}

func TestWhatARechargeIsRefusedFor(t *testing.T) {
	s := open(t, true)
	bounded := flat()
	bounded.MinVend, bounded.MaxVend = 1000, 50_000
	domestic, later := s.publish("domestic", bounded, monday()), s.publish("later", flat(), monday().Add(time.Hour))
	m := s.walletMeter(1, domestic)
	s.refused(order(m, 0, "key-nothing"), refusal.AmountInvalid)
	s.refused(order(m, 999, "key-small"), refusal.VendTooSmall)
	s.refused(order(m, 50_001, "key-large"), refusal.VendTooLarge)
	s.refused(order(s.walletMeter(2, later), 5000, "key-later"), refusal.TariffMissing)
	blocked := s.meter(3, place{tariff: domestic, meter: func(m *registry.Meter) { m.Mode, m.Status = registry.PrepayWallet, registry.Blocked }})
	s.refused(order(blocked, 5000, "key-blocked"), refusal.MeterBlocked)
	s.audit()
}

func TestARechargePostsWhatWasUsedAndTurnsTheSupplyOn(t *testing.T) {
	s := open(t, true)
	m := s.walletMeter(1, s.publish("domestic", flat(), monday().AddDate(0, -1, 0)))
	s.sell(order(m, 1000, "recharge-1"))
	s.uses(m, 0, 1000, 4000) // 11.50 used of 10.00
	w, have := s.wallet(m)
	if wallet.Wanted(w.State) || have.Available() != -150 {
		t.Fatalf("available %d, off %q; want -150 and the supply off", have.Available(), w.Off)
	}
	sold := s.sell(order(m, 150, "recharge-2"))
	if w, have = s.wallet(m); wallet.Wanted(w.State) || have.Available() != 0 {
		t.Errorf("after paying what is owed: available %d, want 0 and the supply off", have.Available())
	}
	s.sell(order(m, 1, "recharge-3"))
	if w, have = s.wallet(m); !wallet.Wanted(w.State) || have != (wallet.Money{Wallet: 1}) {
		t.Errorf("one more: %+v, off %q; want 1, nothing accrued and the supply on", have, w.Off)
	}
	s.uses(m, 4001, 4010)
	if w, have = s.wallet(m); have.Available() != -1 || have.Accrued != 0 || w.Posted != 2 {
		t.Errorf("after 10 Wh: %+v, %d journals; want -1, posted at once because the supply turned", have, w.Posted)
	}
	account := sold.Sale.Account.Text(id.Account)
	if got := s.accounts(); got["4000 "] != -1002 || got["2020 "] != -150 || got["2000 "+account] != 1 {
		t.Errorf("accounts %v, want 10.02 of energy and 1.50 of tax", got)
	}
	s.audit()
}

func TestARechargeIsReversedOnlyWhileItIsThere(t *testing.T) {
	s := open(t, true)
	m := s.walletMeter(1, s.publish("domestic", flat(), monday().AddDate(0, -1, 0)))
	before := s.accounts()
	first := s.sell(order(m, 5000, "recharge-1"))
	if got := s.reversed(owner(), first.Sale, "wrong meter"); got.State != sale.ReversalDone || !got.Confirmed {
		t.Errorf("reversal %+v, want it done at once", got)
	}
	if got := s.accounts(); len(got) != len(before) {
		t.Errorf("accounts %v, want them as before", got)
	}
	if w, have := s.wallet(m); have.Available() != 0 || wallet.Wanted(w.State) {
		t.Errorf("available %d, off %q; want 0 and the supply off", have.Available(), w.Off)
	}
	second := s.sell(order(m, 5000, "recharge-2"))
	s.uses(m, 0, 4) // one minor unit, accrued
	if got := s.undo(owner(), second.Sale, "wrong meter", "undo-second"); got.Code != refusal.NotReversible || !strings.HasPrefix(got.What, "The wallet has 49.99 KES left of ") {
		t.Errorf("reversal of a recharge that was used: %q (%s), want not-reversible with 49.99 KES left", got.Code, got.What)
	}
	s.clock.set(s.clock.Now().Add(time.Millisecond)) // on PostgreSQL identities of one millisecond have no order
	s.sell(order(m, 1, "recharge-3"))
	if got := s.undo(owner(), second.Sale, "wrong meter", "undo-again"); got.Code != refusal.NotReversible {
		t.Errorf("reversal of the one before the last: %q, want not-reversible", got.Code)
	}
	s.audit()
}

func TestAVendorsRechargeTakesItsFloatAndEarnsCommission(t *testing.T) {
	s := open(t, true)
	m := s.walletMeter(1, s.publish("domestic", flat(), monday()))
	corner := s.vendor(vendor.NewVendor{Code: "corner", Commission: 150})
	s.payIn(corner, 20_000, "bank-1")
	seller := access.Actor{Tenant: tenant, Kind: access.APIKey, Name: "corner", Role: access.VendorAPI, Vendor: corner.ID}
	o := order(m, 10_000, "recharge-1")
	sold, err := s.Sell(context.Background(), seller, o)
	if err != nil || sold.Refused() {
		t.Fatalf("recharge by a vendor: %v %s", err, sold.Detail())
	}
	float := "2040 " + corner.ID.Text(id.Vendor)
	if got := s.accounts(); got[float] != -10_150 || got["5000 "] != 130 || got["2022 "] != 20 {
		t.Errorf("accounts %v, want the float at 101.50 with its commission", got)
	}
	o = order(m, 10_151, "recharge-2")
	if sold, err := s.Sell(context.Background(), seller, o); err != nil || sold.Code != refusal.InsufficientFloat {
		t.Errorf("beyond the float: %q (%v), want insufficient-float", sold.Code, err)
	}
	s.reversed(owner(), sold.Sale, "wrong meter")
	if got := s.accounts(); got[float] != -20_000 || got["5000 "] != 0 {
		t.Errorf("accounts %v after the reversal, want the commission mirrored too", got)
	}
	s.audit()
}

func TestTheReceiptOfARecharge(t *testing.T) {
	s := open(t, true)
	m := s.walletMeter(1, s.publish("domestic", flat(), monday()))
	sold := s.sell(order(m, 5000, "recharge-1"))
	got, err := s.Receipt(context.Background(), owner(), sold.Sale.ID.Text(id.Vend))
	if err != nil || got.Refused() {
		t.Fatalf("receipt: %v %s", err, got.Detail())
	}
	r := got.Receipt
	html, err := print.HTML(english(t), r)
	if err != nil {
		t.Fatal(err)
	}
	document, err := receipt.JSON(r)
	if err != nil {
		t.Fatal(err)
	}
	sms := print.SMS(english(t), r)
	for name, text := range map[string]string{"text32": print.Text32(english(t), r), "text48": print.Text48(english(t), r), "html": html} {
		if !strings.Contains(text, "RECEIPT") || !strings.Contains(text, "Wallet recharge") || !strings.Contains(text, "50.00") || !strings.Contains(text, m) {
			t.Errorf("%s does not say what it must:\n%s", name, text)
		}
		for _, wrong := range []string{"TAX INVOICE", "VAT", "SGC", "kWh", "EA"} {
			if strings.Contains(text, wrong) {
				t.Errorf("%s of a payment speaks of %q:\n%s", name, wrong, text)
			}
		}
	}
	if want := "Recharge KES 50.00 meter " + m + " no " + r.No; len(sms) != 1 || sms[0] != want {
		t.Errorf("message %q, want %q", sms, want)
	}
	if !strings.Contains(string(document), `"kind":"wallet"`) || !strings.Contains(string(document), `"tokens":[]`) {
		t.Errorf("document %s", document)
	}
	s.reversed(owner(), sold.Sale, "wrong meter")
	note, err := s.CreditNote(context.Background(), owner(), sold.Sale.ID.Text(id.Vend))
	if err != nil || note.Refused() || !note.Receipt.Recharge() || note.Receipt.Tendered != -5000 {
		t.Errorf("credit note %+v (%v %s)", note.Receipt, err, note.Detail())
	}
}

func TestARechargeExplainsItself(t *testing.T) {
	s := open(t, true)
	m := s.walletMeter(1, s.publish("domestic", flat(), monday()))
	sold := s.sell(order(m, 5000, "recharge-1"))
	e, err := s.Explain(context.Background(), owner(), sold.Sale.ID.Text(id.Vend))
	if err != nil || e.Refused() || !e.Agrees() || e.Sum != 5000 {
		t.Fatalf("explained %+v (%v)", e, err)
	}
	words := explain.Sale(english(t), e)
	if !slices.ContainsFunc(words, func(w string) bool { return strings.Contains(w, "paid into the wallet of account") }) ||
		words[len(words)-1] != "Together: 50.00 = 50.00 KES." {
		t.Errorf("words %q", words)
	}
}

func TestGoodwillTurnsTheSupplyOnToo(t *testing.T) {
	s := open(t, true)
	m := s.walletMeter(1, s.publish("domestic", flat(), monday()))
	got, err := s.Adjust(context.Background(), owner(), debt.Adjustment{Account: m, Amount: kes(500), Reason: "an apology"})
	if err != nil || got.Refused() {
		t.Fatalf("goodwill: %v %s", err, got.Detail())
	}
	if w, have := s.wallet(m); have.Available() != 500 || !wallet.Wanted(w.State) {
		t.Errorf("available %d, off %q; want 500 and the supply on", have.Available(), w.Off)
	}
}

// TestFixedChargesOfAWalletAreTakenDayByDay is P17 of docs/reference/postings.md over a month.
func TestFixedChargesOfAWalletAreTakenDayByDay(t *testing.T) {
	s := open(t, true)
	b := flat()
	b.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 8522, Per: tariff.PerMonth}} // 98.00 with its tax
	s.clock.set(time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC))
	m := s.walletMeter(1, s.publish("domestic", b, s.clock.Now().AddDate(0, -1, 0)))
	s.sell(order(m, 50_000, "recharge-1"))
	wallets := wallet.New(wallet.Config{Now: s.clock.Now, Sealer: s.sealer, Door: walletDoor{s}})
	by := access.SystemActor(tenant, "wallets")
	for day := 1; day <= 30; day++ {
		if day == 4 {
			s.clock.add(24 * time.Hour) // a day without a server
			continue
		}
		for try, want := range [...]int{1, 0} {
			if day == 5 && try == 0 {
				want = 2
			}
			if n, err := wallets.ChargeDays(context.Background(), by); err != nil || n != want {
				t.Fatalf("day %d, try %d: %d charges (%v), want %d", day, try+1, n, err, want)
			}
		}
		if _, have := s.wallet(m); day == 1 && have.Wallet != 50_000-326 {
			t.Errorf("after the first day the wallet has %d, want 3.26 less", have.Wallet)
		}
		s.clock.add(24 * time.Hour)
	}
	if _, have := s.wallet(m); have.Wallet != 50_000-9800 {
		t.Errorf("after November the wallet has %d, want 98.00 less", have.Wallet)
	}
	if n := s.number(`SELECT COUNT(*) FROM journal WHERE kind = $1`, string(ledger.Charged)); n != 30 {
		t.Errorf("%d journals of charges, want one for each of 30 days", n)
	}
	s.audit()
}

// TestTheDayOnWhichAnAccountIsOpenedIsTakenOnThatDay: the charge of the opening day is taken on that day, even if the charges of all other
// accounts were taken before. The first month is charged by its days, including the opening day, and the next day never takes the charges
// of two days.
func TestTheDayOnWhichAnAccountIsOpenedIsTakenOnThatDay(t *testing.T) {
	s := open(t, true)
	b := flat()
	b.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 9800, Per: tariff.PerMonth, Untaxed: true}}
	s.clock.set(time.Date(2026, 11, 27, 6, 0, 0, 0, time.UTC))
	domestic := s.publish("domestic", b, s.clock.Now().AddDate(0, -1, 0))
	wallets := wallet.New(wallet.Config{Now: s.clock.Now, Sealer: s.sealer, Door: walletDoor{s}})
	by := access.SystemActor(tenant, "wallets")
	charges := func(want int) {
		t.Helper()
		for try := range 2 {
			if n, err := wallets.ChargeDays(context.Background(), by); err != nil || n != want {
				t.Errorf("%s, try %d: %d charges (%v), want %d", s.clock.Now().Format(time.DateOnly), try+1, n, err, want)
			}
			want = 0
		}
	}
	first := s.walletMeter(1, domestic)
	charges(1)
	s.clock.add(9 * time.Hour)
	second := s.walletMeter(2, domestic)
	charges(1)
	for range 3 { // the days until the end of the month
		s.clock.add(24 * time.Hour)
		charges(2)
	}
	for _, m := range []string{first, second} { // 9800·30/30 less 9800·26/30
		if _, have := s.wallet(m); have.Wallet != -(9800 - 8493) {
			t.Errorf("meter %s: four days of November took %d, want 13.07", m, -have.Wallet)
		}
	}
	s.audit()
}

// TestUseIsPostedOnceAnHour posts accrued use when its hour is over.
func TestUseIsPostedOnceAnHour(t *testing.T) {
	s := open(t, true)
	m := s.walletMeter(1, s.publish("domestic", flat(), monday().AddDate(0, -1, 0)))
	s.sell(order(m, 50_000, "recharge-1"))
	wallets := wallet.New(wallet.Config{Now: s.clock.Now, Sealer: s.sealer, Door: walletDoor{s}})
	by := access.SystemActor(tenant, "wallets")
	settle := func(want int) {
		t.Helper()
		if n, err := wallets.SettleDue(context.Background(), by); err != nil || n != want {
			t.Errorf("settled %d accounts (%v), want %d", n, err, want)
		}
	}
	s.uses(m, 0, 1000)
	settle(0) // the recharge posted it in this hour
	s.clock.add(time.Hour)
	settle(1)
	if w, have := s.wallet(m); have != (wallet.Money{Wallet: 50_000 - 287}) || w.Rest == 0 {
		t.Errorf("after the hour %+v, want 2.87 posted", have)
	}
	s.uses(m, 2000)
	settle(0)
	s.clock.add(time.Hour)
	settle(1)
	settle(0)
	s.audit()
}

// walletDoor leads the wallets' use cases to the shop's store.
type walletDoor struct{ s *shop }

func (d walletDoor) Do(ctx context.Context, t access.Tenant, fn func(wallet.Tx) (bool, error)) error {
	return d.s.door.Do(ctx, t, func(tx vending.Tx) (bool, error) { return fn(whole(tx).(wallet.Tx)) })
}

func (d walletDoor) View(ctx context.Context, t access.Tenant, fn func(wallet.Tx) error) error {
	return d.s.door.View(ctx, t, func(tx vending.Tx) error { return fn(whole(tx).(wallet.Tx)) })
}

// TestAStatementOfAWalletSumsToTheBooks reads back a week's recharges, use and charges.
func TestAStatementOfAWalletSumsToTheBooks(t *testing.T) {
	s := open(t, true)
	b := flat()
	b.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 100, Per: tariff.PerDay}}
	m := s.walletMeter(1, s.publish("domestic", b, monday().AddDate(0, -1, 0)))
	wallets := wallet.New(wallet.Config{Now: s.clock.Now, Sealer: s.sealer, Door: walletDoor{s}})
	by := access.SystemActor(tenant, "wallets")
	register := int64(0)
	s.uses(m, register)
	for day := range 7 {
		s.sell(order(m, 3000, "recharge-"+string(rune('a'+day))))
		for range 5 {
			s.clock.add(time.Hour)
			register += 777
			s.uses(m, register)
			must(t, 0, second(wallets.SettleDue(context.Background(), by)))
		}
		must(t, 0, second(wallets.ChargeDays(context.Background(), by)))
		s.clock.add(19 * time.Hour)
	}
	must(t, 0, second(wallets.SettleDue(context.Background(), by)))
	_, have := s.wallet(m)
	got, err := wallets.Statement(context.Background(), owner(), m, "2026-11-20", "2026-11-27", registry.Page{Limit: 200})
	if err != nil || got.Refused() {
		t.Fatalf("statement: %v %s", err, got.Detail())
	}
	balance, kinds, units := money.Minor(0), map[wallet.LineKind]int{}, int64(0)
	for _, l := range got.Lines {
		balance += l.Amount
		kinds[l.Kind]++
		units += int64(l.Units)
		if l.Balance != balance {
			t.Errorf("%s %s of %d leaves %d, want %d", l.Day, l.Kind, l.Amount, l.Balance, balance)
		}
	}
	if got.Closing != have.Wallet || balance != have.Wallet || have.Accrued != 0 || units != register {
		t.Errorf("the statement closes at %d with %d Wh, the books have %d, the register %d", got.Closing, units, have.Wallet, register)
	}
	if kinds[wallet.LineRecharge] != 7 || kinds[wallet.LineCharge] != 7 || kinds[wallet.LineUse] < 7 || kinds[wallet.LineOpening] != 1 || kinds[wallet.LineClosing] != 1 {
		t.Errorf("lines %v, want a recharge, the use and the charges of each of 7 days", kinds)
	}
	half, err := wallets.Statement(context.Background(), owner(), m, "2026-11-23", "2026-11-24", registry.Page{})
	if err != nil || half.Opening+sumOf(half.Lines) != half.Closing || half.Opening == 0 {
		t.Errorf("two days of it: opening %d, closing %d (%v)", half.Opening, half.Closing, err)
	}
	for _, c := range []struct {
		by   wallet.Period
		want int
	}{{wallet.ByDay, 7}, {wallet.ByWeek, 2}, {wallet.ByMonth, 1}} {
		used, err := wallets.Use(context.Background(), owner(), wallet.UseAsked{Meter: m, By: c.by})
		total := int64(0)
		for _, u := range used.Data {
			total += int64(u.Units)
		}
		if err != nil || len(used.Data) != c.want || total != register {
			t.Errorf("use by %s: %d rows with %d Wh (%v), want %d rows with %d", c.by, len(used.Data), total, err, c.want, register)
		}
	}
	first, err := wallets.Use(context.Background(), owner(), wallet.UseAsked{Meter: m, Page: registry.Page{Limit: 3}})
	next, err2 := wallets.Use(context.Background(), owner(), wallet.UseAsked{Meter: m, Page: registry.Page{Limit: 3, Cursor: first.Next}})
	if err != nil || err2 != nil || len(first.Data) != 3 || len(next.Data) != 3 || next.Data[0].First >= first.Data[2].First {
		t.Errorf("pages %+v, %+v (%v, %v)", first.Data, next.Data, err, err2)
	}
	s.audit()
}

func sumOf(lines []wallet.Line) (sum money.Minor) {
	for _, l := range lines {
		sum += l.Amount
	}
	return sum
}

// second returns the error of a call whose value does not matter.
func second[T any](_ T, err error) error { return err }

// TestRegistersThatAreNotRatedAreListed compares the rated register with the meter's own.
func TestRegistersThatAreNotRatedAreListed(t *testing.T) {
	s := open(t, true)
	m := s.walletMeter(1, s.publish("domestic", flat(), monday().AddDate(0, -1, 0)))
	s.sell(order(m, 5000, "recharge-1"))
	s.uses(m, 1000, 1500)
	wallets := wallet.New(wallet.Config{Now: s.clock.Now, Sealer: s.sealer, Door: walletDoor{s}})
	if got, err := wallets.Differences(context.Background(), owner(), registry.Page{}); err != nil || len(got.Data) != 0 {
		t.Errorf("differences %+v (%v), want none", got.Data, err)
	}
	s.clock.add(time.Hour)
	s.uses(m, 900_000)
	got, err := wallets.Differences(context.Background(), owner(), registry.Page{})
	if err != nil || len(got.Data) != 1 || got.Data[0].Rated != 1500 || got.Data[0].Register != 900_000 || got.Data[0].Total != 500 ||
		got.Data[0].Held.Reason != wallet.HoldImplausible {
		t.Errorf("differences %+v (%v), want the one that waits", got.Data, err)
	}
	s.audit()
}

// TestARechargeIsOneSaleEverywhere: its receipt is proven like any other, and it appears once in the account's statement.
func TestARechargeIsOneSaleEverywhere(t *testing.T) {
	s := open(t, true)
	m := s.walletMeter(1, s.publish("domestic", flat(), monday()))
	sold := s.sell(order(m, 5000, "recharge-1"))
	_, paper := s.proven(sold.Sale, owner())
	if v := proof.Check(proof.Question{Receipt: paper, Key: s.engine.Keys().Public}); v.Answer != proof.Proven {
		t.Errorf("proof: %s %s %q", v.Answer, v.What, v.Changed)
	}
	got, err := s.Debts.Statement(context.Background(), owner(), m, registry.Page{})
	if err != nil || len(got.Entries) != 1 || got.Entries[0].Amount != 5000 || got.Entries[0].Kind != string(ledger.Vend) {
		t.Errorf("entries %+v (%v), want the one sale", got.Entries, err)
	}
}
