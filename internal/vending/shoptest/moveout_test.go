package shoptest_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/vending"
	"github.com/paywatt/paywatt/internal/vendor"
	"github.com/paywatt/paywatt/internal/wallet"
)

// leaves requests a move-out under a key.
func leaves(account, key string) debt.MoveOut {
	m := debt.MoveOut{Account: account, Reason: "lease ended", Render: func(m debt.MovedOut) (int, []byte) { return 201, fmt.Append(nil, m.Refund) }}
	m.Once = access.Once{Principal: "key till3", Key: key, Hash: sha256.Sum256([]byte(account))}
	return m
}

// TestMovingOutPaysDebtsAndOwesTheRest is P18 of docs/reference/postings.md: wallet 123.45, deposit 200.00 and a debt of 70.00 leave 253.45
// to refund, after the last use was posted. The move-out pays nothing out, and it happens once.
func TestMovingOutPaysDebtsAndOwesTheRest(t *testing.T) {
	s := open(t, true)
	m := s.walletMeter(1, s.publish("domestic", flat(), monday().AddDate(0, -1, 0)))
	sold := s.sell(order(m, 12632, "recharge-1"))
	account := sold.Sale.Account
	name := account.Text(id.Account)
	s.uses(m, 0, 1000) // use for 2.87
	s.do(func(tx *store.Tx) error {
		return postOne(tx, ledger.DepositIn, ledger.AccountRef{Code: ledger.Till, Subject: ledger.MainTill}, ledger.AccountRef{Code: ledger.Deposit, Subject: name}, 20000)
	})
	s.debt(account, debt.Debt{Mode: tariff.Full, Outstanding: 7000})
	out, err := s.MoveOut(context.Background(), owner(), leaves(m, "move-out-1"))
	if err != nil || out.Refused() {
		t.Fatalf("move out: %v %s", err, out.Detail())
	}
	if got := out.Value; got.Wallet != 12345 || got.Deposit != 20000 || got.Paid != 7000 || got.Refund != 25345 || got.Owed != 0 || fmt.Sprint(got.Meters) != "["+m+"]" {
		t.Errorf("moved out: %+v, want 253.45 due back", got)
	}
	after := s.accounts()
	if after["2090 "+name] != -25345 || after["2000 "+name] != 0 || after["2080 "+name] != 0 || after["1010 main"] != 0 || s.balances()[ledger.Debt] != 0 {
		t.Errorf("accounts %v, want only the refund due left", after)
	}
	if n := s.number(`SELECT COUNT(*) FROM journal WHERE kind = 'move_out' AND ref = $1`, name); n != 1 {
		t.Errorf("%d journals of the move, want one", n)
	}
	if again, err := s.MoveOut(context.Background(), owner(), leaves(m, "move-out-1")); err != nil || again.Replay == nil || string(again.Replay.Body) != "25345" {
		t.Errorf("the same request again: %+v %v, want the stored bytes", again, err)
	}
	if other, err := s.MoveOut(context.Background(), owner(), leaves(name, "move-out-2")); err != nil || other.Code != refusal.AccountClosed {
		t.Errorf("another request: %v %q, want %s", err, other.Code, refusal.AccountClosed)
	}
	s.refused(order(m, 5000, "recharge-2"), refusal.MeterBlocked)
	s.uses(m, 3000)
	w, have := s.wallet(m)
	if wallet.Wanted(w.State) || !strings.Contains(w.Off.String(), "NOT_ACTIVATED") || w.Total() != 1000 || have.Wallet != 0 {
		t.Errorf("after it: off %q, %d Wh charged for; want the supply off and what is counted nobody's", w.Off, w.Total())
	}
	if fmt.Sprint(s.accounts()) != fmt.Sprint(after) {
		t.Errorf("accounts %v, want them as they were", s.accounts())
	}
	s.verified()
}

// postOne moves an amount between two accounts.
func postOne(tx *store.Tx, k ledger.Kind, debit, credit ledger.AccountRef, amount ledger.Minor) error {
	i, err := tx.NewID()
	if err == nil {
		_, err = tx.Post(ledger.Journal{ID: i, Kind: k, PostedAt: tx.Now, Postings: []ledger.Posting{{Account: debit, Amount: amount}, {Account: credit, Amount: -amount}}})
	}
	return err
}

// TestARefundWaitsForASecondPerson: a refund is booked once, never exceeds the amount due, and may go to another account.
func TestARefundWaitsForASecondPerson(t *testing.T) {
	s := open(t, true)
	s.fourEyes()
	domestic := s.publish("domestic", flat(), monday().AddDate(0, -1, 0))
	m, next := s.walletMeter(1, domestic), s.walletMeter(2, domestic)
	account := s.sell(order(m, 5000, "recharge-1")).Sale.Account.Text(id.Account)
	refund := func(r debt.Refund) once.Done[debt.Refunded] {
		r.Account, r.Reason = account, "bank transfer 4711"
		out, err := s.Refund(context.Background(), owner(), r)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if early := refund(debt.Refund{}); early.Code != refusal.AmountInvalid {
		t.Errorf("before moving out: %q, want %s", early.Code, refusal.AmountInvalid)
	}
	if out, err := s.MoveOut(context.Background(), owner(), leaves(m, "move-out-1")); err != nil || out.Value.Refund != 5000 {
		t.Fatalf("move out: %+v %v", out, err)
	}
	given, err := s.Adjust(context.Background(), owner(), debt.Adjustment{Account: account, Amount: kes(100), Reason: "outage"})
	if err != nil || given.Code != refusal.AccountClosed {
		t.Errorf("goodwill that nobody could ever use or pay out: %v %q, want %s", err, given.Code, refusal.AccountClosed)
	}
	if most := refund(debt.Refund{Amount: ptr(kes(5001))}); most.Code != refusal.AmountInvalid {
		t.Errorf("more than is due: %q, want %s", most.Code, refusal.AmountInvalid)
	}
	for _, none := range []money.Amount{kes(0), kes(-1), {Currency: "ZAR"}} {
		if got := refund(debt.Refund{Amount: &none}); !got.Refused() {
			t.Errorf("a refund of %+v was booked: %+v", none, got.Value)
		}
	}
	part, rest := refund(debt.Refund{Amount: ptr(kes(2000)), To: next}).Value.Waits, refund(debt.Refund{Amount: ptr(kes(3000)), Bank: " Main"}).Value.Waits
	if part == nil || rest == nil || s.accounts()["2090 "+account] != -5000 {
		t.Fatalf("paid by one person: %v", s.accounts())
	}
	for _, w := range []*access.Approval{part, rest} {
		s.allow(*w)
		maker := w.Maker
		maker.Approval = w.ID
		for _, want := range []refusal.Code{"", refusal.AmountInvalid} {
			done, err := s.Executors()[access.ActRefund](context.Background(), maker, w.Body)
			if w == part && want != "" {
				want = refusal.ApprovalInvalid // there is money left, but no second approval
			}
			if err != nil || done.Code != want {
				t.Errorf("done under its approval: %v %q (%s), want %q", err, done.Code, done.Detail(), want)
			}
		}
	}
	got := s.accounts()
	other := s.account(next).Text(id.Account)
	if got["2090 "+account] != 0 || got["1010 main"] != -3000 || got["2000 "+other] != -2000 {
		t.Errorf("accounts %v, want 20.00 in the other wallet and 30.00 from the bank", got)
	}
	if w, _ := s.wallet(next); !wallet.Wanted(w.State) {
		t.Error("money came into the other wallet and its supply is not wanted")
	}
	s.verified()
}

// TestWhoUsedMoreThanWasPaidForLeavesADebt: a move-out sets a wallet below zero to zero and raises a debt for the amount.
func TestWhoUsedMoreThanWasPaidForLeavesADebt(t *testing.T) {
	s := open(t, true)
	m := s.walletMeter(1, s.publish("domestic", flat(), monday().AddDate(0, -1, 0)))
	account := s.sell(order(m, 1000, "recharge-1")).Sale.Account
	s.uses(m, 0, 1000, 4000) // use for 11.50
	out, err := s.MoveOut(context.Background(), owner(), leaves(m, "move-out-1"))
	if err != nil || out.Refused() || out.Value.FinalBill != 150 || out.Value.Owed != 150 || out.Value.Refund != 0 || !out.Value.Journal.IsZero() {
		t.Fatalf("moved out: %+v %v %s, want a final bill of 1.50", out.Value, err, out.Detail())
	}
	if got := s.accounts(); got["2000 "+account.Text(id.Account)] != 0 || s.balances()[ledger.Debt] != 150 {
		t.Errorf("accounts %v, want the wallet at zero and 1.50 owed", got)
	}
	s.verified()
}

// TestNobodyMovesOutWhileARegisterIsInDoubt: while a register is in doubt, a move-out changes nothing, neither for a wallet meter nor for a
// token meter.
func TestNobodyMovesOutWhileARegisterIsInDoubt(t *testing.T) {
	s := open(t, true)
	domestic := s.publish("domestic", flat(), monday().AddDate(0, -1, 0))
	m, token := s.walletMeter(1, domestic), s.meter(2, place{tariff: domestic})
	s.sell(order(m, 50_000, "recharge-1"))
	s.uses(m, 1000, 900)
	s.clock.add(time.Second)
	before := fmt.Sprint(s.accounts())
	for meter, want := range map[string]refusal.Code{m: refusal.ReadingHeld, token: refusal.InvalidRequest, numberOf(t, 77): refusal.NotFound} {
		if out, err := s.MoveOut(context.Background(), owner(), leaves(meter, "move-out-"+meter)); err != nil || out.Code != want {
			t.Errorf("%s moves out: %v %q, want %s", meter, err, out.Code, want)
		}
	}
	if after := fmt.Sprint(s.accounts()); after != before || s.number(`SELECT COUNT(*) FROM account WHERE status <> 'active'`) != 0 {
		t.Errorf("accounts %s, want %s and all active", after, before)
	}
}

// onlooker checks that wallets are locked before money moves on them in the books.
type onlooker struct {
	vending.Tx
	t      *testing.T
	locked map[string]bool
	moved  *int
}

func (o onlooker) Wallets() wallet.SettleTx { return seenWallets{o.Tx.Wallets(), o} }
func (o onlooker) Books() ledger.Books      { return seenBooks{o.Tx.Books(), o} }
func (o onlooker) Vendors() vendor.Tx       { return seenVendors{o.Tx.Vendors(), o} }
func (o onlooker) Debts() debt.Tx           { return seenDebts{o.Tx.Debts(), o} }

type seenWallets struct {
	wallet.SettleTx
	o onlooker
}

func (s seenWallets) WalletsOf(account id.ID) ([]wallet.Row, error) {
	s.o.locked[account.Text(id.Account)] = true
	return s.SettleTx.WalletsOf(account)
}

func (s seenWallets) Post(j ledger.Journal) (ledger.Breach, error) { return s.o.Books().Post(j) }

type seenBooks struct {
	ledger.Books
	o onlooker
}

func (s seenBooks) Post(j ledger.Journal) (ledger.Breach, error) { return s.PostTogether(j) }

func (s seenBooks) PostTogether(js ...ledger.Journal) (ledger.Breach, error) {
	for _, j := range js {
		s.o.sees(j)
	}
	return s.Books.PostTogether(js...)
}

type seenVendors struct {
	vendor.Tx
	o onlooker
}

func (s seenVendors) Books() ledger.Books { return s.o.Books() }

type seenDebts struct {
	debt.Tx
	o onlooker
}

func (s seenDebts) Books() ledger.Books      { return s.o.Books() }
func (s seenDebts) Wallets() wallet.SettleTx { return s.o.Wallets() }

func (o onlooker) sees(j ledger.Journal) {
	for _, p := range j.Postings {
		if p.Account.Code != ledger.Wallet {
			continue
		}
		if *o.moved++; !o.locked[p.Account.Subject] {
			o.t.Errorf("journal %s moves %d on wallet %s, which is not locked", j.Kind, p.Amount, p.Account.Subject)
		}
	}
}

// TestWalletsAreLockedBeforeTheirMoney: a reading locks the wallets and then moves the money. A use case with the opposite order would
// deadlock with a reading.
func TestWalletsAreLockedBeforeTheirMoney(t *testing.T) {
	s := open(t, true)
	domestic := s.publish("domestic", flat(), monday().AddDate(0, -1, 0))
	m, next := s.walletMeter(1, domestic), s.walletMeter(2, domestic)
	moved := 0
	s.door.wrap = func(tx vending.Tx) vending.Tx {
		return onlooker{Tx: tx, t: t, locked: map[string]bool{}, moved: &moved}
	}
	step := func(name string, err error) {
		t.Helper()
		if err != nil || moved == 0 {
			t.Errorf("%s: %v, %d postings on wallets, want some", name, err, moved)
		}
		moved = 0
	}
	account := s.sell(order(m, 5000, "recharge-1")).Sale.Account.Text(id.Account)
	step("recharge", nil)
	_, err := s.Adjust(context.Background(), owner(), debt.Adjustment{Account: m, Amount: kes(1000), Reason: "outage"})
	step("adjustment", err)
	s.reversed(owner(), s.sell(order(next, 7000, "recharge-2")).Sale, "wrong meter")
	step("reversal", nil)
	_, err = s.MoveOut(context.Background(), owner(), leaves(m, "move-out-1"))
	step("move-out", err)
	_, err = s.Refund(context.Background(), owner(), debt.Refund{Account: account, To: next, Reason: "moved next door"})
	step("refund", err)
}
