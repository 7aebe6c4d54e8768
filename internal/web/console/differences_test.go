package console_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/store"
)

// differs stores a compared day of the provider bank with an open and a settled difference.
func (w *world) differs() {
	w.t.Helper()
	now := access.Stored(w.clock.now().UTC())
	item := func(k reconcile.Kind, key string, stated, paid money.Minor, open bool) reconcile.Item {
		i := reconcile.Item{Provider: "bank", Date: "2026-11-20", Difference: reconcile.Difference{Kind: k, Key: key, Txn: key, Stated: stated, Paid: paid, Currency: "KES", At: now},
			Count: 1, Owner: "accountant", Open: open, FoundAt: now}
		if !open {
			i.ClosedAt, i.ClosedBy, i.Why = now, "person amina@example.org", "the bank paid it back"
		}
		return i
	}
	err := w.beside().Engine.Run(w.t.Context(), store.FirstTenant, store.Job, func(tx *store.Tx) (bool, error) {
		day := reconcile.Reconciliation{Provider: "bank", Date: "2026-11-20", From: now, To: now, State: reconcile.Open, Rows: 2, Stated: 150000, Payments: 1, Paid: 60000, Booked: 60000, Currency: "KES", RanAt: now}
		var err error
		if day.ID, err = tx.NewID(); err != nil {
			return false, err
		}
		if err := tx.PutReconciliation(day); err != nil {
			return false, err
		}
		for _, i := range []reconcile.Item{item(reconcile.Amount, "QK1", 90000, 60000, true), item(reconcile.Gap, "QK2", 5000, 0, false)} {
			if i.ID, err = tx.NewID(); err != nil {
				return false, err
			}
			if err := tx.PutItem(i); err != nil {
				return false, err
			}
		}
		return false, nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestDifferencesAreListedWithWhatToDo: the page says what statement, payment and books say, and what to do; settled ones appear only on request.
func TestDifferencesAreListedWithWhatToDo(t *testing.T) {
	w := begin(t)
	w.differs()
	g := w.enter(ownerEmail)
	g.get("/payments").is(200).says("Reconciliation")
	g.get("/differences").is(200).says("Statement and payment have different amounts", "KES 900.00", "KES 600.00", "Reverse the sale, give the payment back in the books",
		"accountant", "KES 1,500.00", "QK1").omits("QK2", "paid it back")
	g.get("/differences?all=1").is(200).says("QK1", "QK2", "Settled", "the bank paid it back", "jumps between two rows")
	g.get("/differences?provider=mpesa").is(200).says("No differences", "No day was compared yet").omits("QK1")
	g.get(g.get("/differences").link(t, `/export/differences[^"]*`)).is(200).says("QK1").omits("QK2")
	w.person("engineer@example.org", access.Engineer)
	w.enter("engineer@example.org").get("/differences").is(403)
}

// TestAStatementIsUploadedOnAPage: the page lists the file with its days, the same file again is no second one, and a damaged one is refused. With
// two people who may approve, the file waits.
func TestAStatementIsUploadedOnAPage(t *testing.T) {
	w := begin(t)
	w.paying()
	g := w.enter(ownerEmail)
	file := "Receipt No.,Completion Time,Transaction Status,Paid In,Withdrawn,A/C No.\nPX00000001,2026-11-20 10:00:00,Completed,100.00,,rent\n"
	send := func(provider, file string) answer {
		t.Helper()
		return g.send("/differences", "bank.csv", file, "form", g.get("/differences").is(200).value("form"), "provider", provider)
	}
	g.get("/differences").is(200).says("No statement was uploaded yet")
	send("bank", "nonsense").is(422).says("cannot be read as M-Pesa CSV")
	send("bank", "%PDF-1.7").is(422).says("The file has the format PDF")
	chosen := func(format string) answer {
		t.Helper()
		return g.send("/differences", "bank.csv", file, "form", g.get("/differences").is(200).value("form"), "provider", "bank", "format", format)
	}
	if page := chosen("mt940").is(422).says("cannot be read as MT940", "no line begins with a field"); !strings.Contains(page.body, `<option value="mt940" selected>`) {
		t.Error("the page does not show the format that was chosen")
	}
	chosen("ods").is(422).says("The file has the format ods")
	send("nobody", file).is(422)
	g.send("/differences", "bank.csv", file, "form", "x", "provider", "bank").is(422).says("The form is from another session.")
	send("bank", file).leads("/differences?provider=bank")
	send("bank", file).leads("/differences?provider=bank")
	g.get("/differences?provider=bank").is(200).says("✓ Read", "2026-11-20", "bank")
	g.get(g.get("/differences?provider=bank").link(t, `/export/statement-files[^"]*`)).is(200).says("stf_", "bank")
	if n := w.audited("statement.upload"); n != 1 {
		t.Errorf("the log has %d uploads, want 1", n)
	}
	w.person("support@example.org", access.Support)
	w.enter("support@example.org").get("/differences").is(200).says("✓ Read").omits("Upload a statement")
	w.person(financeEmail, access.Finance)
	send("bank", file+"PX00000002,2026-11-21 10:00:00,Completed,50.00,,rent\n").is(202).says("A second person must allow it")
	g.get("/differences").is(200).says("… Waits for a second person")
}
