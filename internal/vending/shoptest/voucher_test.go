package shoptest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/await"
	"github.com/paywatt/paywatt/internal/dayclose"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tier"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/voucher"
)

// voucherShop is a shop that sells vouchers.
type voucherShop struct {
	*payShop
	cards *voucher.Vouchers
	batch voucher.Batch
	pins  []string
}

// openVouchers opens a shop with a batch of unsold vouchers of 100.00.
func openVouchers(t *testing.T, opened *shop, count int64) *voucherShop {
	t.Helper()
	s := &voucherShop{payShop: openPaidAs(t, opened, nil)}
	s.cards = voucher.New(voucher.Config{Door: store.DoorTo(s.engine, store.Sale, func(tx *store.Tx) voucher.Tx { return tx }),
		Seller: s.Vending, Sealer: s.sealer, Rand: rand.Reader, MayDate: s.MayDate, Sound: s.sound,
		Deliver: func(voucher.Tx, string) ([]string, error) { return s.routes, nil }})
	made, err := s.cards.Make(t.Context(), owner(), voucher.NewBatch{Count: count, Face: 10_000, Expires: "2027-06-30", Note: "printed in Nakuru"})
	if err != nil || made.Refused() {
		t.Fatal(err, made.Detail())
	}
	sheet, err := s.cards.Print(t.Context(), owner(), made.Value.Batch.Name())
	if err != nil || sheet.Refused() || int64(len(sheet.Vouchers)) != count {
		t.Fatalf("%d PINs: %v %s", len(sheet.Vouchers), err, sheet.Detail())
	}
	s.batch = sheet.Batch
	for _, p := range sheet.Vouchers {
		s.pins = append(s.pins, p.PIN.Reveal())
	}
	return s
}

// paidFor sells vouchers from one number to another.
func (s *voucherShop) paidFor(from, to int64) {
	s.t.Helper()
	out, err := s.cards.Sell(s.t.Context(), owner(), voucher.OnRange{Batch: s.batch.Name(), Range: voucher.Range{From: from, To: to}})
	if err != nil || out.Refused() {
		s.t.Fatal(err, out.Detail())
	}
}

func (s *voucherShop) redeem(n int, meter string) voucher.Outcome {
	s.t.Helper()
	out, err := s.cards.Redeem(s.t.Context(), owner(), voucher.Redemption{PIN: s.pins[n-1], Meter: meter, Who: "phone:+254711000001"})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s *voucherShop) refusedAs(got refusal.Refusal, text string) {
	s.t.Helper()
	if got.Text != text {
		s.t.Errorf("refused as %q (%s), want %q", got.Text, got.Detail(), text)
	}
}

func (s *voucherShop) is(want voucher.Counts) {
	s.t.Helper()
	v, err := s.cards.Show(s.t.Context(), owner(), s.batch.Name())
	if err != nil || v.Counts != want {
		s.t.Errorf("%+v, want %+v (%v)", v.Counts, want, err)
	}
	s.verified()
}

// TestVouchersSoldOutsideAShiftAreNamed checks that the closing of a day names who took cash for vouchers in no shift. A vendor's float and a
// redeemed voucher are no such cash.
func TestVouchersSoldOutsideAShiftAreNamed(t *testing.T) {
	s := openVouchers(t, open(t, true), 6)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.paidFor(1, 3)
	s.paidFor(4, 4)
	if out := s.redeem(2, meter); out.Refused() {
		t.Fatal(out.Detail())
	}
	s.sell(order(meter, 500, "cash-0001"))
	var got []dayclose.CashSeller
	s.do(func(tx *store.Tx) (err error) {
		got, err = tx.Days().SoldWithoutShift(s.clock.Now().Add(-time.Hour), s.clock.Now().Add(time.Hour), 9)
		return err
	})
	if want := (dayclose.CashSeller{Seller: owner().String(), Sales: 3, Sold: 40_500}); len(got) != 1 || got[0] != want {
		t.Errorf("without a shift: %+v, want %+v", got, want)
	}
}

func TestAVoucherBecomesOneSale(t *testing.T) {
	s := openVouchers(t, open(t, true), 5)
	tariff := s.publish("domestic", flat(), long())
	meter, other := s.meter(1, place{tariff: tariff}), s.meter(2, place{tariff: tariff})
	s.refusedAs(s.redeem(1, meter).Refusal, "voucher-not-found") // nobody has paid for it
	s.paidFor(1, 3)
	s.refusedAs(s.redeem(1, "14").Refusal, "payment-meter-unknown")
	first := s.redeem(1, meter)
	if first.Refused() || first.Repeated || first.Sale.Tender.Minor != 10_000 || !strings.HasPrefix(first.Sale.ReceiptNo, "pay-voucher-") {
		t.Fatalf("%+v", first)
	}
	if again := s.redeem(1, meter); again.Refused() || !again.Repeated || again.Sale.ID != first.Sale.ID {
		t.Errorf("again: %+v", again)
	}
	s.refusedAs(s.redeem(1, other).Refusal, "voucher-used")
	if b := s.balances(); b[ledger.Voucher] != -20_000 || b[ledger.Till] != 30_000 || b[ledger.Unapplied] != 0 {
		t.Errorf("books: %v", b)
	}
	if p := s.payShop.only(); p.State != payment.Applied || p.Proof != payment.ByVoucher || p.Txn != s.batch.Serial(1) || p.Meter != meter {
		t.Errorf("payment %+v", p)
	}
	s.clock.add(2 * time.Minute)
	s.work() // the work of payments finds the sale
	if s.sales() != 1 {
		t.Errorf("%d sales", s.sales())
	}
	s.is(voucher.Counts{Made: 2, Active: 2, Redeemed: 1})

	s.reversed(owner(), sale.Sale{ID: first.Sale.ID}, "wrong meter")
	s.refusedAs(s.redeem(1, meter).Refusal, "voucher-sale-reversed")
	p := s.payShop.only()
	d := payment.Decision{Payment: p.Name(), Meter: other, Reason: "test"}
	if out, err := s.Payments.Refund(t.Context(), owner(), d); err != nil || out.Text != "payment-of-voucher" {
		t.Errorf("refund: %v %q", err, out.Text)
	}
	if out, err := s.Payments.Apply(t.Context(), owner(), d); err != nil || out.Refused() {
		t.Fatal(err, out.Detail())
	}
	s.work()
	if p = s.payShop.only(); p.State != payment.Applied || p.Meter != other || s.sales() != 1 {
		t.Errorf("applied to %s, %d sales", p.Meter, s.sales())
	}
	s.is(voucher.Counts{Made: 2, Active: 2, Redeemed: 1})
}

func TestVouchersEnd(t *testing.T) {
	s := openVouchers(t, open(t, true), 6)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.paidFor(1, 4)
	if sheet, err := s.cards.Print(t.Context(), owner(), s.batch.Name()); err != nil || sheet.Text != "voucher-pins-taken" {
		t.Errorf("PINs a second time: %v %q", err, sheet.Text)
	}
	if out, err := s.cards.Sell(t.Context(), owner(), voucher.OnRange{Batch: s.batch.Name(), Range: voucher.Range{From: 4, To: 5}}); err != nil || out.Text != "voucher-range-not-unsold" {
		t.Errorf("sold twice: %v %q", err, out.Text)
	}
	end := func(from, to int64) refusal.Refusal {
		out, err := s.cards.End(t.Context(), owner(), voucher.OnRange{Batch: s.batch.Name(), Range: voucher.Range{From: from, To: to}, Reason: "stolen"})
		if err != nil {
			t.Fatal(err)
		}
		return out.Refusal
	}
	next := 0 // a PIN works once, so each try takes the next voucher of the batch
	await.Ends(t, await.Credential{Kind: "voucher PIN", Works: func() bool {
		next++
		out := s.redeem(next, meter)
		return !out.Refused()
	}, End: func() {
		if no := end(1, 2); no.Refused() {
			t.Fatal(no.Detail())
		}
	}})
	s.refusedAs(end(1, 2), "voucher-range-ended")
	s.refusedAs(s.redeem(2, meter).Refusal, "voucher-ended")
	if no := end(6, 6); no.Refused() {
		t.Fatal(no.Detail())
	}
	s.refusedAs(s.redeem(6, meter).Refusal, "voucher-not-found")
	s.is(voucher.Counts{Made: 1, Active: 2, Redeemed: 1, Cancelled: 1, Ended: 1})
	if b := s.balances(); b[ledger.Voucher] != -20_000 || b[ledger.RevenueVouchers] != -10_000 {
		t.Errorf("books: %v", b)
	}
	s.clock.add(300 * 24 * time.Hour)
	s.refusedAs(s.redeem(3, meter).Refusal, "voucher-expired")
	if b := s.balances(); b[ledger.Voucher] != -20_000 { // an expired voucher stays a debt until somebody ends it
		t.Errorf("books: %v", b)
	}
}

func TestGuessingPINsIsLimited(t *testing.T) {
	s := openVouchers(t, open(t, true), 2)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.paidFor(1, 1)
	try := func(pin, who string) refusal.Refusal {
		out, err := s.cards.Redeem(t.Context(), owner(), voucher.Redemption{PIN: pin, Meter: meter, Who: who})
		if err != nil {
			t.Fatal(err)
		}
		return out.Refusal
	}
	wrong := s.pins[1] // real, but nobody has paid for it
	mistyped := wrong[:len(wrong)-1] + string('0'+(wrong[len(wrong)-1]-'0'+1)%10)
	for range 20 {
		s.refusedAs(try(mistyped, "phone:1"), "voucher-pin-mistyped") // tells a guesser nothing
	}
	for range voucher.MaxWrong {
		s.refusedAs(try(wrong, "phone:1"), "voucher-not-found")
	}
	s.refusedAs(try(wrong, "phone:1"), "voucher-too-many-tries")
	s.refusedAs(try(wrong, "phone:2"), "voucher-not-found")
	if no := try(s.pins[0], "phone:1"); no.Refused() { // somebody else may have sent the wrong ones in this telephone's name
		t.Error(no.Detail())
	}
	s.is(voucher.Counts{Made: 1, Redeemed: 1})
}

// TestGuessingByMessagesIsLimited: each forged sender has tries of its own, so all messages together have a limit too. It closes no page.
func TestGuessingByMessagesIsLimited(t *testing.T) {
	s := openVouchers(t, open(t, true), 2)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.paidFor(1, 1)
	right, wrong := s.pins[0], s.pins[1]
	try := func(pin string) refusal.Refusal { return s.tryBy(meter, pin, "phone:1", voucher.BySMS) }
	s.refusedAs(try(wrong), "voucher-not-found")
	s.exec(`UPDATE voucher_try SET wrong = $1 WHERE who = 'route sms'`, voucher.MaxWrongMessages-1)
	s.refusedAs(try(wrong), "voucher-not-found")
	s.refusedAs(try(right), "voucher-too-many-tries")
	if no := s.tryBy(meter, right, "page:1", voucher.ByPage); no.Refused() {
		t.Errorf("messages closed a page: %s", no.Detail())
	}
	s.clock.add(24 * time.Hour)
	if no := try(right); no.Refused() {
		t.Errorf("on the next day: %s", no.Detail())
	}
}

// TestAPageClosesOnlyItself: whoever tries wrong PINs on one page closes that page, and no other.
func TestAPageClosesOnlyItself(t *testing.T) {
	s := openVouchers(t, open(t, true), 2)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.paidFor(1, 1)
	right, wrong := s.pins[0], s.pins[1]
	try := func(pin, who string) refusal.Refusal { return s.tryBy(meter, pin, who, voucher.ByPage) }
	for range voucher.MaxWrong {
		s.refusedAs(try(wrong, "page:mine"), "voucher-not-found")
	}
	for range voucher.MaxWrongPage - voucher.MaxWrong {
		s.refusedAs(try(wrong, "page:mine"), "voucher-too-many-tries")
	}
	s.refusedAs(try(right, "page:mine"), "voucher-too-many-tries")
	s.exec(`UPDATE voucher_try SET wrong = 1000000 WHERE who NOT LIKE 'route %'`) // as if they had gone on all day
	if no := try(right, "page:yours"); no.Refused() {
		t.Errorf("one page closed another: %s", no.Detail())
	}
	s.clock.add(24 * time.Hour)
	if no := try(right, "page:mine"); no.Refused() {
		t.Errorf("on the next day: %s", no.Detail())
	}
}

// TestManyLinksGuessNoMore: all links to pages together have a limit. When the half is used up, a link that tried a wrong PIN is closed, and a right PIN
// by another link counts. Counters and messages notice nothing.
func TestManyLinksGuessNoMore(t *testing.T) {
	s := openVouchers(t, open(t, true), 5)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.paidFor(1, 4)
	wrong := s.pins[4]
	try := func(pin, who string) refusal.Refusal { return s.tryBy(meter, pin, who, voucher.ByPage) }
	all := func(n int) { s.exec(`UPDATE voucher_try SET wrong = $1 WHERE who = 'route page'`, n) }
	s.refusedAs(try(wrong, "page:guesser"), "voucher-not-found")
	all(voucher.FewWrongPages - 1)
	s.refusedAs(try(wrong, "page:guesser"), "voucher-not-found")
	s.refusedAs(try(s.pins[0], "page:guesser"), "voucher-too-many-tries")
	if no := try(s.pins[0], "page:honest"); no.Refused() {
		t.Errorf("a right PIN by a link without wrong ones: %s", no.Detail())
	}
	all(voucher.MaxWrongPages)
	s.refusedAs(try(s.pins[1], "page:honest"), "voucher-too-many-tries")
	for n, route := range []voucher.Route{voucher.BySMS, voucher.ByStaff} {
		if no := s.tryBy(meter, s.pins[1+n], "somebody", route); no.Refused() {
			t.Errorf("by %s: %s", route, no.Detail())
		}
	}
	s.clock.add(24 * time.Hour)
	if no := try(s.pins[3], "page:guesser"); no.Refused() {
		t.Errorf("on the next day: %s", no.Detail())
	}
}

// tryBy redeems a PIN as a stranger.
func (s *voucherShop) tryBy(meter, pin, who string, route voucher.Route) refusal.Refusal {
	s.t.Helper()
	out, err := s.cards.Redeem(s.t.Context(), owner(), voucher.Redemption{PIN: pin, Meter: meter, Who: who, Route: route})
	if err != nil {
		s.t.Fatal(err)
	}
	return out.Refusal
}

// TestARefusedSaleLeavesTheVoucher: what the meter refuses costs the customer nothing.
func TestARefusedSaleLeavesTheVoucher(t *testing.T) {
	s := openVouchers(t, open(t, true), 1)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.paidFor(1, 1)
	s.exec(`UPDATE meter SET status = 'blocked' WHERE number = $1`, meter)
	if out := s.redeem(1, meter); !out.Refused() {
		t.Fatal("a blocked meter got energy")
	}
	s.exec(`UPDATE meter SET status = 'active' WHERE number = $1`, meter)
	if out := s.redeem(1, meter); out.Refused() {
		t.Error(out.Detail())
	}
}

// TestAVoucherWaitsForTheIssuer: the voucher is used from the moment on at which its token may exist, and the sale is finished later.
func TestAVoucherWaitsForTheIssuer(t *testing.T) {
	s := openVouchers(t, open(t, false), 1)
	tariff := s.publish("domestic", flat(), long())
	meter, other := s.meter(1, place{tariff: tariff}), s.meter(2, place{tariff: tariff})
	s.paidFor(1, 1)
	s.issuer.say = func(int, vending.IssueRequest) (vending.Answer, error) {
		return vending.Answer{Outcome: vending.Unknown}, nil
	}
	if out := s.redeem(1, meter); !out.Refused() {
		t.Fatalf("%+v", out)
	}
	s.refusedAs(s.redeem(1, other).Refusal, "voucher-used")
	s.issuer.say = nil
	s.clock.add(2 * time.Hour)
	s.work()
	if out := s.redeem(1, meter); out.Refused() || !out.Repeated {
		t.Errorf("%+v", out)
	}
	s.is(voucher.Counts{Redeemed: 1})
}

// TestAVoucherIsRedeemedOnce lets 16 callers redeem the same vouchers for meters of their own.
func TestAVoucherIsRedeemedOnce(t *testing.T) {
	tier.Concurrent(t)
	const callers, cards = 16, 12
	s := openVouchers(t, openWith(t, true, false), cards)
	tariff := s.publish("domestic", flat(), long())
	meters := make([]string, callers)
	for i := range meters {
		meters[i] = s.meter(i+1, place{tariff: tariff})
	}
	s.paidFor(1, cards)
	var all sync.WaitGroup
	var mu sync.Mutex
	won := map[int]int{}
	for c := range callers {
		all.Go(func() {
			for n := range cards {
				out, err := s.cards.Redeem(t.Context(), owner(), voucher.Redemption{PIN: s.pins[n], Meter: meters[c], Who: fmt.Sprint("phone:", c)})
				switch {
				case err != nil:
					t.Error(err)
				case !out.Refused():
					mu.Lock()
					won[n]++
					mu.Unlock()
				case out.Text != "voucher-used":
					t.Errorf("caller %d, voucher %d: %s", c, n+1, out.Detail())
				}
			}
		})
	}
	all.Wait()
	for n := range cards {
		if won[n] != 1 {
			t.Errorf("voucher %d was redeemed %d times", n+1, won[n])
		}
	}
	if s.sales() != cards {
		t.Errorf("%d sales, want %d", s.sales(), cards)
	}
	s.is(voucher.Counts{Redeemed: cards})
}

// TestVerifyFindsPlantedVouchers edits the database as an insider would.
func TestVerifyFindsPlantedVouchers(t *testing.T) {
	s := openVouchers(t, open(t, true), 4)
	meter := s.meter(1, place{tariff: s.publish("domestic", flat(), long())})
	s.paidFor(1, 2)
	if out := s.redeem(1, meter); out.Refused() {
		t.Fatal(out.Detail())
	}
	for _, c := range []struct{ name, edit string }{
		{"activated without money", `UPDATE voucher SET state = 'active' WHERE n = 3`},
		{"usable again", `UPDATE voucher SET state = 'active' WHERE n = 1`},
		{"used by nobody", `UPDATE voucher SET state = 'redeemed' WHERE n = 2`},
		{"another PIN", `UPDATE voucher SET pin = X'00' WHERE n = 2`},
		{"removed", `DELETE FROM voucher WHERE n = 4`},
	} {
		t.Run(c.name, func(t *testing.T) {
			edit := c.edit
			if onPostgres {
				edit = strings.ReplaceAll(edit, `X'00'`, `'\x00'`)
			}
			if found := s.finds(edit); !strings.Contains(found, "voucher") {
				t.Errorf("verify finds %q", found)
			}
		})
	}
}

// dying is a seller whose process is killed: before the sale, or after its commit and before anybody learns of it.
type dying struct {
	voucher.Seller
	after bool
}

var errKilled = errors.New("killed")

func (d dying) Sell(ctx context.Context, by access.Actor, o vending.Purchase) (vending.Sold, error) {
	if d.after {
		if out, err := d.Seller.Sell(ctx, by, o); err != nil || out.Refused() {
			return out, errors.Join(err, errors.New(out.Detail()))
		}
	}
	return vending.Sold{}, errKilled
}

// TestAKilledRedemption kills the process at each step of a redemption. The PIN, sent again, gets the only sale, also after the voucher was killed
// twice, and a PIN that was sent for another meter meanwhile gets nothing.
func TestAKilledRedemption(t *testing.T) {
	s := openVouchers(t, open(t, true), 2)
	tariff := s.publish("domestic", flat(), long())
	meter, other := s.meter(1, place{tariff: tariff}), s.meter(2, place{tariff: tariff})
	s.paidFor(1, 2)
	for n, after := range []bool{false, true} {
		mortal := voucher.New(voucher.Config{Door: store.DoorTo(s.engine, store.Sale, func(tx *store.Tx) voucher.Tx { return tx }),
			Seller: dying{s.Vending, after}, Sealer: s.sealer, Rand: rand.Reader, MayDate: s.MayDate,
			Deliver: func(voucher.Tx, string) ([]string, error) { return s.routes, nil }})
		for range 2 {
			if _, err := mortal.Redeem(t.Context(), owner(), voucher.Redemption{PIN: s.pins[n], Meter: meter}); !errors.Is(err, errKilled) {
				t.Fatalf("not killed: %v", err)
			}
		}
		if after {
			s.refusedAs(s.redeem(n+1, other).Refusal, "voucher-used")
		}
		if out := s.redeem(n+1, meter); out.Refused() || out.Repeated != after {
			t.Errorf("killed after the sale: %t, and then %+v", after, out)
		}
		s.clock.add(time.Hour)
		s.work()
		if s.sales() != int64(n+1) {
			t.Errorf("%d sales of %d vouchers", s.sales(), n+1)
		}
	}
	s.is(voucher.Counts{Redeemed: 2})
}
