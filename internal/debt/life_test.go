package debt_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/once"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/internal/tier"
)

// request returns the identity of a request.
func request(key string) once.Request {
	return once.Request{Once: access.Once{Principal: "key till3", Key: key, Hash: sha256.Sum256([]byte(key))}}
}

// rendered is how these tests render an answer.
func rendered[T any](value T) (int, []byte) { return 201, fmt.Appendf(nil, "%T", value) }

// TestALifeOfDebts follows testdata/life.txt: charges fall due, debts are raised, adjusted and written off, customers move out and get
// refunds. One run uses a store that fails once at each statement, and once at each new identity, before it succeeds. The result must be
// the same, and the transaction must return each failure as an error.
func TestALifeOfDebts(t *testing.T) {
	tier.OneGoroutine(t)
	for name, every := range map[string]bool{"on a store that works": false, "on a store that fails": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, every)
			v := w.publish("standing", from{"2020-01-01T00:00:00Z", standing()})
			token, wallet, next := w.home(1, registry.PrepayToken, v), w.home(2, registry.PrepayWallet, v), w.home(3, registry.PrepayWallet, v)
			w.now = w.now.Add(time.Second)
			w.falls(token)
			w.raises(token, wallet)
			w.owes(token, v)
			w.gives(token, wallet)
			w.writesOff(token)
			w.leaves(wallet, next, token)
			w.lists(token, wallet)
			w.Step("the books", w.books(), nil)
			w.Step("the journals", w.journals(), nil)
			w.Step("the audit log", w.audit(), nil)
			w.Compare(t, "testdata/life.txt", *update && !every)
		})
	}
}

// falls: fixed charges fall due once a day.
func (w *world) falls(token home) {
	shown, err := w.Account(w.t.Context(), owner(), token.text)
	w.step("a new account, before the job", shown, err)
	for _, day := range []time.Time{w.now, w.now.Add(time.Hour), w.now.AddDate(0, 0, 11)} {
		w.now = day
		n, err := w.Accrue(w.t.Context(), system())
		w.step("accounts that were charged on "+day.Format(time.DateTime), n, err)
	}
	charge := debt.NewCharge{Request: request("charge"), Account: " " + token.number + " ", Name: "reconnection", Month: "2026-11", Amount: kes(11500), VATBps: 1500, Render: rendered[debt.Charged]}
	for _, what := range []string{"a charge by hand", "the same request again"} {
		done, err := w.AddCharge(w.t.Context(), owner(), charge)
		w.step(what, done, err)
	}
	charge.Request, charge.Render = once.Request{}, nil
	done, err := w.AddCharge(w.t.Context(), owner(), charge)
	w.step("the same charge again", done, err)
	charge.Month, charge.Priority, charge.Uncapped = "2026-10", 7, true
	done, err = w.AddCharge(w.t.Context(), owner(), charge)
	w.step("the same charge of another month", done, err)
}

// raises: debts are raised.
func (w *world) raises(token, wallet home) {
	full := debt.NewDebt{Request: request("debt"), Account: token.number, Kind: " arrears ", Memo: " since May ", Amount: kes(60000), Mode: tariff.Percent, Value: 2000,
		Min: 100, Max: 20000, MonthCap: 30000, Priority: 31, Uncapped: true, Against: "fees", Render: rendered[debt.Booking]}
	for _, what := range []string{"a debt", "the same request again"} {
		done, err := w.Add(w.t.Context(), owner(), full)
		w.step(what, done, err)
	}
	for _, n := range []debt.NewDebt{
		{Account: token.text, Kind: "fine", Amount: kes(500)},
		{Account: token.text, Kind: "loan", Amount: kes(900), Mode: tariff.Amount, Value: 300, Against: "services"},
		{Account: token.text, Kind: "energy", Amount: kes(700), Mode: tariff.Full, Value: 5, Against: "energy"},
		{Account: wallet.number, Kind: "standing", Amount: kes(7000), Against: "fixed"},
		{Account: wallet.number, Kind: "old", Amount: kes(90000), Against: "opening"},
	} {
		done, err := w.Add(w.t.Context(), owner(), n)
		w.step("a debt of the kind "+n.Kind, done, err)
	}
}

// owes records the charges that a sale must collect, and the charges that the sale makes due.
func (w *world) owes(token home, v [16]byte) {
	var version tariff.Version
	var place debt.AccountDetails
	w.exec(func(tx *store.Tx) (err error) {
		if version, _, err = tx.TariffVersionAt(v, tx.Now); err == nil {
			place, _, err = tx.AccountPlace(debt.AccountName{ID: token.account})
		}
		return err
	})
	p := sale.Point{Account: place.ID, Tariff: place.Tariff, OpenedAt: place.OpenedAt, ChargedTo: place.ChargedTo}
	local := time.Date(2027, 1, 5, 8, 0, 0, 0, time.UTC)
	var owed debt.Owed
	w.exec(func(tx *store.Tx) (err error) {
		if owed, err = debt.Owe(tx, p, version, local); err == nil {
			err = owed.MakeDue(tx)
		}
		return err
	})
	w.step("what a sale in January collects", owed.Charges, nil)
	var dues []debt.Due
	w.exec(func(tx *store.Tx) (err error) { dues, err = tx.ChargesOf(token.account, "2026-12"); return err })
	w.step("charges from December on", dues, nil)
	shown, err := w.Account(w.t.Context(), owner(), token.number)
	w.step("the account", shown, err)
}

// gives: goodwill goes to the carry of an account, or to its wallet.
func (w *world) gives(token, wallet home) {
	w.has(wallet, ledger.Wallet, 500)
	for _, h := range []home{token, wallet} {
		a := debt.Adjustment{Request: request("goodwill " + h.number), Account: h.number, Amount: kes(1500), Reason: " outage ", Render: rendered[debt.Adjusted]}
		done, err := w.Adjust(w.t.Context(), owner(), a)
		w.step("goodwill", done, err)
	}
	w.fourEyes(true)
	asked, err := w.Adjust(w.t.Context(), owner(), debt.Adjustment{Account: wallet.number, Amount: kes(200), Reason: "a second outage"})
	w.step("goodwill for two", asked, err)
	done, err := w.allowed(asked.Value.Waits)
	w.step("goodwill, allowed", done, err)
	w.fourEyes(false)
	shown, err := w.Account(w.t.Context(), owner(), wallet.number)
	w.step("the account of a wallet", shown, err)
}

// debts returns the open debts of a home, newest first.
func (w *world) debts(h home) []debt.Debt {
	w.t.Helper()
	l, err := w.List(w.t.Context(), owner(), debt.ListRequest{Account: h.text, Open: true})
	if err != nil || l.Refused() {
		w.t.Fatalf("list: %v %s", err, l.Detail())
	}
	return l.Debts
}

// writesOff: a part of a debt is written off, then the rest; a part of another debt waits for a second person.
func (w *world) writesOff(token home) {
	energy, loan := w.debts(token)[0].Name(), w.debts(token)[1].Name()
	for _, off := range []debt.WriteOff{
		{Request: request("off"), Debt: energy, Amount: ptr(money.Minor(250)), Reason: " a part ", Render: rendered[debt.Booking]},
		{Debt: energy, Amount: ptr(money.Minor(451)), Reason: "more than there is"},
		{Debt: energy, Reason: "the rest"},
		{Debt: energy, Reason: "nothing is left"},
	} {
		done, err := w.WriteOff(w.t.Context(), owner(), off)
		w.step("write off: "+off.Reason, done, err)
	}
	w.fourEyes(true)
	asked, err := w.WriteOff(w.t.Context(), owner(), debt.WriteOff{Debt: loan, Amount: ptr(money.Minor(100)), Reason: "for two"})
	w.step("a write-off for two", asked, err)
	done, err := w.allowed(asked.Value.Waits)
	w.step("a write-off, allowed", done, err)
	w.fourEyes(false)
}

// leaves: one account moves out with money, one with a debt for its last use; the money is refunded.
func (w *world) leaves(wallet, next, token home) {
	w.has(wallet, ledger.Deposit, 20000)
	w.has(wallet, ledger.Carry, 300)
	for _, h := range []home{wallet, next} {
		w.reads(h, 0, 1000, 2000)
	}
	w.exec(func(tx *store.Tx) error { return tx.WalletAdvanced(next.account, 40) })
	m := debt.MoveOut{Request: request("leaves"), Account: wallet.number, Reason: " lease ended ", Render: rendered[debt.MovedOut]}
	for _, what := range []string{"moves out", "the same request again"} {
		done, err := w.MoveOut(w.t.Context(), owner(), m)
		w.step(what, done, err)
	}
	done, err := w.MoveOut(w.t.Context(), owner(), debt.MoveOut{Account: wallet.text, Reason: "again"})
	w.step("moves out again", done, err)
	last := w.home(4, registry.PrepayWallet, [16]byte{1})
	w.has(last, ledger.Deposit, 5000)
	w.has(last, ledger.Wallet, 600)
	w.exec(func(tx *store.Tx) error { return tx.WalletAdvanced(last.account, 30) })
	done, err = w.MoveOut(w.t.Context(), owner(), debt.MoveOut{Account: last.number, Reason: "never lived there"})
	w.step("moves out with money", done, err)
	w.refunds(last, next, token)
	w.now = w.now.Add(4 * time.Hour)
	w.reads(next, 9000)
	done, err = w.MoveOut(w.t.Context(), owner(), debt.MoveOut{Account: next.number, Reason: "left without paying"})
	w.step("moves out with a final bill", done, err)
	shown, err := w.Account(w.t.Context(), owner(), next.text)
	w.step("the account that is closed", shown, err)
}

// refunds pays refunds to another wallet, to the carry of a token account, and from the bank. Some of them need two
// people.
func (w *world) refunds(last, next, token home) {
	for _, r := range []debt.Refund{
		{Request: request("refund"), Amount: ptr(kes(1000)), To: next.number, Reason: " moved house ", Render: rendered[debt.Refunded]},
		{Amount: ptr(kes(600)), To: token.text, Reason: "to a token meter"},
		{Amount: ptr(kes(500)), Bank: " Second ", Reason: "by transfer"},
		{Amount: ptr(kes(3501)), Reason: "more than is due"},
	} {
		r.Account = last.text
		done, err := w.Refund(w.t.Context(), owner(), r)
		w.step("a refund: "+r.Reason, done, err)
	}
	w.fourEyes(true)
	for _, r := range []debt.Refund{{Amount: ptr(kes(400)), To: next.number, Reason: "to a wallet"}, {Amount: ptr(kes(100)), Reason: "in cash"}} {
		r.Account = last.text
		asked, err := w.Refund(w.t.Context(), owner(), r)
		w.step("a refund for two", asked, err)
		done, err := w.allowed(asked.Value.Waits)
		w.step("a refund, allowed", done, err)
	}
	w.fourEyes(false)
	rest, err := w.Refund(w.t.Context(), owner(), debt.Refund{Account: last.text, Reason: "the rest"})
	w.step("the rest from the bank", rest, err)
	none, err := w.Refund(w.t.Context(), owner(), debt.Refund{Account: last.text, Reason: "nothing"})
	w.step("nothing is left", none, err)
}

// lists reads every list page by page.
func (w *world) lists(token, wallet home) {
	for _, o := range []debt.ListRequest{{}, {Open: true}, {Account: token.number}, {Account: token.number, Open: true}, {Account: wallet.text}} {
		for page := 1; ; page++ {
			o.Page.Limit = 3
			l, err := w.List(w.t.Context(), owner(), o)
			o.Page.Cursor, l.Next = l.Next, fmt.Sprint(l.Next != "")
			w.Step(fmt.Sprintf("debts of %q, only open ones %t, page %d", w.Named(o.Account), o.Open, page), l, err)
			if o.Page.Cursor == "" || err != nil || l.Refused() {
				break
			}
		}
	}
	for _, o := range []debt.ListRequest{{}, {Account: token.number}, {Account: wallet.text, Open: true}} {
		for page := 1; ; page++ {
			o.Page.Limit = 4
			l, err := w.Charges(w.t.Context(), owner(), o)
			o.Page.Cursor, l.Next = l.Next, fmt.Sprint(l.Next != "")
			w.Step(fmt.Sprintf("charges of %q, only open ones %t, page %d", w.Named(o.Account), o.Open, page), l, err)
			if o.Page.Cursor == "" || err != nil || l.Refused() {
				break
			}
		}
	}
	for _, h := range []home{token, wallet} {
		page := registry.Page{Limit: 5}
		for {
			s, err := w.Statement(w.t.Context(), owner(), h.text, page)
			page.Cursor, s.Next = s.Next, fmt.Sprint(s.Next != "")
			w.Step("a statement", s, err)
			if page.Cursor == "" || err != nil || s.Refused() {
				break
			}
		}
	}
}
