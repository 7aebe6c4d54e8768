package debt_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/debt"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tariff"
)

// said records the refusal of a request, or its success.
func said[T any](w *world, what string, value T, no refusal.Refusal, err error) {
	w.t.Helper()
	if err == nil && !no.Refused() {
		w.Step(what, "done", nil)
		return
	}
	w.Step(what, no, err)
	if no.What == "" || no.Try == "" {
		w.t.Errorf("%s: the refusal does not say what to do: %+v", what, no)
	}
}

// TestWhatCannotBeIsRefusedByName follows testdata/refused.txt: for every limit the last allowed value, the first refused one, and the text
// of the refusal. A refusal changes nothing.
func TestWhatCannotBeIsRefusedByName(t *testing.T) {
	w := newWorld(t, false)
	v := w.publish("flat", from{"2020-01-01T00:00:00Z", flat()})
	token, wallet := w.home(1, registry.PrepayToken, v), w.home(2, registry.PrepayWallet, v)
	w.chargesRefused(token)
	w.debtsRefused(token)
	w.adjustmentsRefused(token, wallet)
	w.writeOffsRefused(token)
	w.movesRefused(token, wallet)
	w.refundsRefused(token)
	w.Step("the books", w.books(), nil)
	w.Compare(t, "testdata/refused.txt", *update)
}

const long33 = "abcdefghijklmnopqrstuvwxyz-012345"

func long(n int) string { return strings.Repeat("x", n) }

func (w *world) chargesRefused(token home) {
	for i, c := range []struct {
		what   string
		change func(*debt.NewCharge)
	}{
		{"an account that nobody has", func(n *debt.NewCharge) { n.Account = (id.ID{9}).Text(id.Account) }},
		{"no account", func(n *debt.NewCharge) { n.Account = "nobody" }},
		{"an account between blanks", func(n *debt.NewCharge) { n.Account = " " + token.text + " " }},
		{"no name", func(n *debt.NewCharge) { n.Name = "" }},
		{"a name of 32", func(n *debt.NewCharge) { n.Name = long33[:32] }},
		{"a name of 33", func(n *debt.NewCharge) { n.Name = long33 }},
		{"the characters at the ends", func(n *debt.NewCharge) { n.Name = "az09-" }},
		{"before a", func(n *debt.NewCharge) { n.Name = "`" }},
		{"behind z", func(n *debt.NewCharge) { n.Name = "{" }},
		{"before 0", func(n *debt.NewCharge) { n.Name = "/" }},
		{"behind 9", func(n *debt.NewCharge) { n.Name = ":" }},
		{"a capital letter", func(n *debt.NewCharge) { n.Name = "Fee" }},
		{"no month", func(n *debt.NewCharge) { n.Month = "November" }},
		{"no tax", func(n *debt.NewCharge) { n.VATBps = 0 }},
		{"less tax than none", func(n *debt.NewCharge) { n.VATBps = -1 }},
		{"all the tax", func(n *debt.NewCharge) { n.VATBps = tariff.MaxVATBps }},
		{"too much tax", func(n *debt.NewCharge) { n.VATBps = tariff.MaxVATBps + 1 }},
		{"the first priority", func(n *debt.NewCharge) { n.Priority = 1 }},
		{"before the first priority", func(n *debt.NewCharge) { n.Priority = -1 }},
		{"the last priority", func(n *debt.NewCharge) { n.Priority = tariff.MaxPriority }},
		{"behind the last priority", func(n *debt.NewCharge) { n.Priority = tariff.MaxPriority + 1 }},
		{"nothing", func(n *debt.NewCharge) { n.Amount = kes(0) }},
		{"less than nothing", func(n *debt.NewCharge) { n.Amount = kes(-1) }},
		{"other money", func(n *debt.NewCharge) { n.Amount.Currency = "ZAR" }},
	} {
		n := debt.NewCharge{Account: token.number, Name: fmt.Sprint("fee-", i), Month: "2026-11", Amount: kes(100)}
		c.change(&n)
		out, err := w.AddCharge(w.t.Context(), owner(), n)
		said(w, "a charge: "+c.what, out.Value, out.Refusal, err)
	}
}

func (w *world) debtsRefused(token home) {
	for _, c := range []struct {
		what   string
		change func(*debt.NewDebt)
	}{
		{"no account", func(n *debt.NewDebt) { n.Account = "nobody" }},
		{"a meter that nobody has", func(n *debt.NewDebt) { n.Account = "04140000995" }},
		{"no kind", func(n *debt.NewDebt) { n.Kind = " " }},
		{"a kind of 32", func(n *debt.NewDebt) { n.Kind = long(32) }},
		{"a kind of 33", func(n *debt.NewDebt) { n.Kind = long(33) }},
		{"a memo of 120", func(n *debt.NewDebt) { n.Memo = long(120) }},
		{"a memo of 121", func(n *debt.NewDebt) { n.Memo = long(121) }},
		{"a memo of two lines", func(n *debt.NewDebt) { n.Memo = "a\nb" }},
		{"against nothing", func(n *debt.NewDebt) { n.Against = "bank" }},
		{"the first priority", func(n *debt.NewDebt) { n.Priority = 1 }},
		{"before the first priority", func(n *debt.NewDebt) { n.Priority = -1 }},
		{"the last priority", func(n *debt.NewDebt) { n.Priority = tariff.MaxPriority }},
		{"behind the last priority", func(n *debt.NewDebt) { n.Priority = tariff.MaxPriority + 1 }},
		{"the most and the least are one", func(n *debt.NewDebt) { n.Min, n.Max = 5, 5 }},
		{"the most is below the least", func(n *debt.NewDebt) { n.Min, n.Max = 5, 4 }},
		{"a most of 0.01 is below the least", func(n *debt.NewDebt) { n.Min, n.Max = 2, 1 }},
		{"a least without a most", func(n *debt.NewDebt) { n.Min = money.MaxMinor }},
		{"a least that nobody can pay", func(n *debt.NewDebt) { n.Min = money.MaxMinor + 1 }},
		{"a least below zero", func(n *debt.NewDebt) { n.Min = -1 }},
		{"a most below zero", func(n *debt.NewDebt) { n.Max = -1 }},
		{"a most in a month of 1", func(n *debt.NewDebt) { n.MonthCap = 1 }},
		{"a most in a month below zero", func(n *debt.NewDebt) { n.MonthCap = -1 }},
		{"a hundredth of a percent", func(n *debt.NewDebt) { n.Mode, n.Value = tariff.Percent, 1 }},
		{"0 %", func(n *debt.NewDebt) { n.Mode, n.Value = tariff.Percent, 0 }},
		{"100 %", func(n *debt.NewDebt) { n.Mode, n.Value = tariff.Percent, 10_000 }},
		{"more than all", func(n *debt.NewDebt) { n.Mode, n.Value = tariff.Percent, 10_001 }},
		{"a fixed 0.01", func(n *debt.NewDebt) { n.Mode, n.Value = tariff.Amount, 1 }},
		{"a fixed 0", func(n *debt.NewDebt) { n.Mode, n.Value = tariff.Amount, 0 }},
		{"the highest fixed amount", func(n *debt.NewDebt) { n.Mode, n.Value = tariff.Amount, int64(money.MaxMinor) }},
		{"a fixed amount that nobody can pay", func(n *debt.NewDebt) { n.Mode, n.Value = tariff.Amount, int64(money.MaxMinor)+1 }},
		{"a way that nobody knows", func(n *debt.NewDebt) { n.Mode = "barter" }},
		{"nothing", func(n *debt.NewDebt) { n.Amount = kes(0) }},
		{"less than nothing", func(n *debt.NewDebt) { n.Amount = kes(-1) }},
		{"other money", func(n *debt.NewDebt) { n.Amount.Currency = "ZAR" }},
	} {
		n := debt.NewDebt{Account: token.number, Kind: "fine", Amount: kes(100)}
		c.change(&n)
		out, err := w.Add(w.t.Context(), owner(), n)
		said(w, "a debt: "+c.what, out.Value, out.Refusal, err)
	}
	for open := len(w.debts(token)); open <= debt.MaxOpen; open++ {
		out, err := w.Add(w.t.Context(), owner(), debt.NewDebt{Account: token.number, Kind: "fine", Amount: kes(100)})
		if open >= debt.MaxOpen-1 {
			said(w, fmt.Sprintf("a debt: with %d open", open), out.Value, out.Refusal, err)
		}
	}
}

func (w *world) adjustmentsRefused(token, wallet home) {
	for _, c := range []struct {
		what   string
		change func(*debt.Adjustment)
	}{
		{"no account", func(a *debt.Adjustment) { a.Account = "nobody" }},
		{"an account that nobody has", func(a *debt.Adjustment) { a.Account = (id.ID{9}).Text(id.Account) }},
		{"no reason", func(a *debt.Adjustment) { a.Reason = " " }},
		{"a reason of 120", func(a *debt.Adjustment) { a.Reason = long(120) }},
		{"a reason of 121", func(a *debt.Adjustment) { a.Reason = long(121) }},
		{"the least", func(a *debt.Adjustment) { a.Amount = kes(1) }},
		{"nothing", func(a *debt.Adjustment) { a.Amount = kes(0) }},
		{"too much", func(a *debt.Adjustment) { a.Amount = kes(money.MaxMinor + 1) }},
		{"other money", func(a *debt.Adjustment) { a.Amount.Currency = "ZAR" }},
	} {
		a := debt.Adjustment{Account: token.number, Amount: kes(100), Reason: "outage"}
		c.change(&a)
		out, err := w.Adjust(w.t.Context(), owner(), a)
		said(w, "goodwill: "+c.what, out.Value, out.Refusal, err)
	}
	w.has(wallet, ledger.Wallet, money.MaxMinor-100)
	for _, minor := range []money.Minor{101, 100} {
		out, err := w.Adjust(w.t.Context(), owner(), debt.Adjustment{Account: wallet.number, Amount: kes(minor), Reason: "outage"})
		said(w, fmt.Sprintf("goodwill: %d where 100 fit", minor), out.Value, out.Refusal, err)
	}
}

func (w *world) writeOffsRefused(token home) {
	name := w.debts(token)[0].Name()
	for _, c := range []struct {
		what   string
		change func(*debt.WriteOff)
	}{
		{"no debt", func(o *debt.WriteOff) { o.Debt = "debt" }},
		{"a debt that nobody has", func(o *debt.WriteOff) { o.Debt = (id.ID{9}).Text(id.Debt) }},
		{"no reason", func(o *debt.WriteOff) { o.Reason = " " }},
		{"a reason of 121", func(o *debt.WriteOff) { o.Reason = long(121) }},
		{"nothing", func(o *debt.WriteOff) { o.Amount = ptr(money.Minor(0)) }},
		{"less than nothing", func(o *debt.WriteOff) { o.Amount = ptr(money.Minor(-1)) }},
		{"the highest amount", func(o *debt.WriteOff) { o.Amount = ptr(money.MaxMinor) }},
		{"an amount that nobody can pay", func(o *debt.WriteOff) { o.Amount = ptr(money.MaxMinor + 1) }},
		{"0.01 too much", func(o *debt.WriteOff) { o.Amount = ptr(money.Minor(101)) }},
		{"the least, a reason of 120", func(o *debt.WriteOff) { o.Amount, o.Reason = ptr(money.Minor(1)), long(120) }},
	} {
		o := debt.WriteOff{Debt: name, Reason: "moved away"}
		c.change(&o)
		out, err := w.WriteOff(w.t.Context(), owner(), o)
		said(w, "a write-off: "+c.what, out.Value, out.Refusal, err)
	}
}

func (w *world) movesRefused(token, wallet home) {
	for _, c := range []struct {
		what string
		m    debt.MoveOut
	}{
		{"no reason", debt.MoveOut{Account: wallet.number, Reason: " "}},
		{"a reason of 121", debt.MoveOut{Account: wallet.number, Reason: long(121)}},
		{"no account", debt.MoveOut{Account: "nobody", Reason: "lease"}},
		{"an account that nobody has", debt.MoveOut{Account: (id.ID{9}).Text(id.Account), Reason: "lease"}},
		{"a token meter", debt.MoveOut{Account: token.number, Reason: "lease"}},
		{"a reason of 120", debt.MoveOut{Account: wallet.number, Reason: long(120)}},
	} {
		out, err := w.MoveOut(w.t.Context(), owner(), c.m)
		said(w, "moving out: "+c.what, out.Value, out.Refusal, err)
	}
	given, err := w.Adjust(w.t.Context(), owner(), debt.Adjustment{Account: wallet.text, Amount: kes(1), Reason: "outage"})
	said(w, "goodwill: an account that is closed", given.Value, given.Refusal, err)
}

func (w *world) refundsRefused(token home) {
	v := w.publish("flat again", from{"2020-01-01T00:00:00Z", flat()})
	left, full, gone := w.home(5, registry.PrepayWallet, v), w.home(6, registry.PrepayWallet, v), w.home(7, registry.PrepayWallet, v)
	w.has(left, ledger.Wallet, 1000)
	w.has(full, ledger.Wallet, money.MaxMinor-100)
	for _, h := range []home{left, gone} {
		if out, err := w.MoveOut(w.t.Context(), owner(), debt.MoveOut{Account: h.number, Reason: "lease"}); err != nil || out.Refused() {
			w.t.Fatalf("move out: %v %s", err, out.Detail())
		}
	}
	for _, c := range []struct {
		what   string
		change func(*debt.Refund)
	}{
		{"no account", func(r *debt.Refund) { r.Account = "nobody" }},
		{"an account that nobody has", func(r *debt.Refund) { r.Account = (id.ID{9}).Text(id.Account) }},
		{"no reason", func(r *debt.Refund) { r.Reason = " " }},
		{"a reason of 121", func(r *debt.Refund) { r.Reason = long(121) }},
		{"a bank and an account", func(r *debt.Refund) { r.Bank, r.To = "main", token.number }},
		{"a bank of 33", func(r *debt.Refund) { r.Bank = long(33) }},
		{"a bank that cannot be printed", func(r *debt.Refund) { r.Bank = "a\tb" }},
		{"nothing", func(r *debt.Refund) { r.Amount = ptr(kes(0)) }},
		{"other money", func(r *debt.Refund) { r.Amount = &money.Amount{Minor: 1, Currency: "ZAR"} }},
		{"0.01 too much", func(r *debt.Refund) { r.Amount = ptr(kes(1001)) }},
		{"nothing is due", func(r *debt.Refund) { r.Account = token.text }},
		{"to nobody", func(r *debt.Refund) { r.To = "nobody" }},
		{"to an account that nobody has", func(r *debt.Refund) { r.To = (id.ID{9}).Text(id.Account) }},
		{"to itself", func(r *debt.Refund) { r.To = left.text }},
		{"to one who moved out", func(r *debt.Refund) { r.To = gone.text }},
		{"to a wallet that would be too full", func(r *debt.Refund) { r.To, r.Amount = full.number, ptr(kes(101)) }},
		{"to a wallet that is full then", func(r *debt.Refund) { r.To, r.Amount = full.number, ptr(kes(100)) }},
		{"0.01 from a bank of 32, a reason of 120", func(r *debt.Refund) { r.Amount, r.Bank, r.Reason = ptr(kes(1)), long(32), long(120) }},
		{"all that is left", func(r *debt.Refund) { r.Amount = ptr(kes(899)) }},
	} {
		r := debt.Refund{Account: left.text, Reason: "by transfer"}
		c.change(&r)
		out, err := w.Refund(w.t.Context(), owner(), r)
		said(w, "a refund: "+c.what, out.Value, out.Refusal, err)
	}
}

// TestATenantWithoutACurrencyOwesNothing: an amount of a debt has no meaning before the tenant has a currency.
func TestATenantWithoutACurrencyOwesNothing(t *testing.T) {
	w := newWorld(t, false)
	h := w.home(1, registry.PrepayToken, id.ID{1})
	w.exec(func(tx *store.Tx) error { _, err := tx.C.Exec(`UPDATE tenant SET currency = ''`); return err })
	out, err := w.Add(t.Context(), owner(), debt.NewDebt{Account: h.number, Kind: "fine", Amount: kes(100)})
	if want := "The utility has no currency yet. No entry was booked. Set it with paywatt utility set --currency, or publish a tariff, which sets it too."; err != nil || out.Code != refusal.TariffMissing || out.Detail() != want {
		t.Errorf("%q %q %v, want %q", out.Code, out.Detail(), err, want)
	}
}

// broken is a door that runs no transaction and returns an error.
type broken struct{ err error }

func (b broken) Do(context.Context, access.Tenant, func(debt.Tx) (bool, error)) error { return b.err }
func (b broken) View(context.Context, access.Tenant, func(debt.Tx) error) error       { return b.err }

// uses returns all use cases. The key of each is the text in its error when the store is down.
func uses(ctx context.Context, ds *debt.Debts, by access.Actor) map[string]func() (refusal.Refusal, error) {
	return map[string]func() (refusal.Refusal, error){
		"show account acc": func() (refusal.Refusal, error) { r, err := ds.Account(ctx, by, "04140000011"); return r.Refusal, err },
		"statement of account": func() (refusal.Refusal, error) {
			r, err := ds.Statement(ctx, by, "04140000011", registry.Page{})
			return r.Refusal, err
		},
		"list debts": func() (refusal.Refusal, error) { r, err := ds.List(ctx, by, debt.ListRequest{}); return r.Refusal, err },
		"list charges": func() (refusal.Refusal, error) {
			r, err := ds.Charges(ctx, by, debt.ListRequest{})
			return r.Refusal, err
		},
		"charge 04140000011": func() (refusal.Refusal, error) {
			r, err := ds.AddCharge(ctx, by, debt.NewCharge{Account: "04140000011"})
			return r.Refusal, err
		},
		"raise a debt of 0414": func() (refusal.Refusal, error) {
			r, err := ds.Add(ctx, by, debt.NewDebt{Account: "04140000011"})
			return r.Refusal, err
		},
		"adjust 04140000011": func() (refusal.Refusal, error) {
			r, err := ds.Adjust(ctx, by, debt.Adjustment{Account: "04140000011"})
			return r.Refusal, err
		},
		"write off debt dbt_1": func() (refusal.Refusal, error) {
			r, err := ds.WriteOff(ctx, by, debt.WriteOff{Debt: "dbt_1"})
			return r.Refusal, err
		},
		"move out of account 04": func() (refusal.Refusal, error) {
			r, err := ds.MoveOut(ctx, by, debt.MoveOut{Account: "04140000011"})
			return r.Refusal, err
		},
		"refund account 0414000": func() (refusal.Refusal, error) {
			r, err := ds.Refund(ctx, by, debt.Refund{Account: "04140000011"})
			return r.Refusal, err
		},
	}
}

// TestAStoreThatIsDownIsAnError: the error says what the use case was doing; it is neither an answer nor a refusal.
func TestAStoreThatIsDownIsAnError(t *testing.T) {
	down := errors.New("down")
	ds := debt.New(debt.Config{Door: broken{down}, Now: time.Now, MayDate: mayDate})
	for what, use := range uses(t.Context(), ds, owner()) {
		what, _, _ = strings.Cut(what, " acc")
		if no, err := use(); no.Refused() || !errors.Is(err, down) || !strings.HasPrefix(err.Error(), what) {
			t.Errorf("%s: %q, %v", what, no.Code, err)
		}
	}
	if n, err := ds.Accrue(t.Context(), system()); n != 0 || !errors.Is(err, down) {
		t.Errorf("accrue: %d, %v", n, err)
	}
}

// TestWhoHasNoRightIsRefused checks that every use case refuses an actor without the right before it reads the store.
func TestWhoHasNoRightIsRefused(t *testing.T) {
	ds := debt.New(debt.Config{Door: broken{errors.New("the store was asked")}, Now: time.Now, MayDate: mayDate})
	for what, use := range uses(t.Context(), ds, access.Actor{Tenant: store.FirstTenant, Kind: access.APIKey, Name: "nobody"}) {
		if no, err := use(); no.Code != refusal.Forbidden || err != nil {
			t.Errorf("%s: %q, %v, want %s", what, no.Code, err, refusal.Forbidden)
		}
	}
}

// TestAListSaysWhatIsWrongWithARequest: a list refuses a bad account, limit or cursor with the right code.
func TestAListSaysWhatIsWrongWithARequest(t *testing.T) {
	w := newWorld(t, false)
	h := w.home(1, registry.PrepayToken, id.ID{1})
	for what, c := range map[string]struct {
		account string
		page    registry.Page
		want    refusal.Code
	}{
		"all is well":                {h.number, registry.Page{}, ""},
		"no account":                 {"nobody", registry.Page{}, refusal.MeterNumberInvalid},
		"an account that nobody has": {(id.ID{9}).Text(id.Account), registry.Page{}, refusal.NotFound},
		"a limit that is too high":   {h.number, registry.Page{Limit: registry.MaxLimit + 1}, refusal.InvalidRequest},
		"another list's cursor":      {h.number, registry.Page{Cursor: registry.Cursor(w.data, store.FirstTenant, "meters", id.ID{1})}, refusal.InvalidRequest},
	} {
		debts, err := w.List(t.Context(), owner(), debt.ListRequest{Account: c.account, Page: c.page})
		dues, err2 := w.Charges(t.Context(), owner(), debt.ListRequest{Account: c.account, Page: c.page})
		lines, err3 := w.Statement(t.Context(), owner(), c.account, c.page)
		if err := errors.Join(err, err2, err3); err != nil || debts.Code != c.want || dues.Code != c.want || lines.Code != c.want {
			t.Errorf("%s: %q %q %q, %v, want %q", what, debts.Code, dues.Code, lines.Code, err, c.want)
		}
	}
	for account, want := range map[string]refusal.Code{"nobody": refusal.MeterNumberInvalid, (id.ID{9}).Text(id.Account): refusal.NotFound} {
		shown, err := w.Account(t.Context(), owner(), account)
		if err != nil || shown.Code != want {
			t.Errorf("account %s: %q, %v, want %s", account, shown.Code, err, want)
		}
	}
}

// TestAnApprovedActThatCannotBeReadIsAnError also checks that nothing is booked.
func TestAnApprovedActThatCannotBeReadIsAnError(t *testing.T) {
	ds := debt.New(debt.Config{Door: broken{errors.New("the store was asked")}, Now: time.Now, MayDate: mayDate})
	for act, want := range map[access.Act]string{access.ActAdjust: "read an approved adjustment: ", access.ActRefund: "read an approved refund: "} {
		if done, err := ds.Executors()[act](t.Context(), owner(), []byte("{")); err == nil || !strings.HasPrefix(err.Error(), want) || done.Object != "" {
			t.Errorf("%s: %+v, %v, want %s", act, done, err, want)
		}
	}
}
