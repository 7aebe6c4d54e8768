package banktest_test

// This file tries what an upload passes to the payments, and uploads that end half-way.

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/payment"
	"github.com/paywatt/paywatt/internal/reconcile"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// told returns what files told the payments: a list of notices for each call.
func (b *bank) told() (calls [][]payment.Notice) {
	b.t.Helper()
	b.do(func(tx *store.Tx) error {
		calls = nil
		var all []id.ID
		err := tx.C.Query(`SELECT id FROM payment_call ORDER BY id`, func(r core.Row) error { all = append(all, r.ID(0)); return nil })
		for _, i := range all {
			_, in, e := b.payments.OpenCall(tx.Paying(), i)
			var notices []payment.Notice
			err = errors.Join(err, e, json.Unmarshal(in.Body, &notices))
			if in.Statement != payment.StatedAlone {
				b.t.Errorf("call %s is proved by %q", i, in.Statement)
			}
			calls = append(calls, notices)
		}
		return err
	})
	return calls
}

func noticeText(n payment.Notice) string {
	return fmt.Sprintf("%s %s %d %s %s %s", n.Kind, n.Txn, n.Amount.Minor, n.Amount.Currency, n.Payer, n.Reference)
}

// TestTheRowsOfAFileAreToldToThePayments once, but no fees, no withdrawals and no row that is perhaps the same as an older one.
func TestTheRowsOfAFileAreToldToThePayments(t *testing.T) {
	b := openBank(t)
	b.upload(file(20, "108,00", "C5,00 B1 AMINA", "D1,00 F1 X NCHG", "D3,00 W1 Y", "C7,00 - BEN"))
	b.upload(file(20, "113,00", "C5,00 B1 AMINA", "C7,00 - Ben", "C1,00 B4 DIDA"))
	calls := b.told()
	var got []string
	for _, c := range calls {
		for _, n := range c {
			if n.Txn != "B1" && n.Txn != "B4" {
				n.Txn = "-" // a name that is made of the contents
			}
			got = append(got, noticeText(n))
		}
		got = append(got, ";")
	}
	want := "paid B1 500 KES AMINA rent, paid - 700 KES BEN rent, ;, paid B4 100 KES DIDA rent, ;"
	if strings.Join(got, ", ") != want {
		t.Errorf("told %s, want %s", strings.Join(got, ", "), want)
	}
}

// TestACallHasAHundredRows so that no call is longer than one of a provider may be.
func TestACallHasAHundredRows(t *testing.T) {
	for n, want := range map[int]string{100: "100", 101: "100 1"} {
		b := openBank(t)
		rows := make([]string, n)
		for i := range rows {
			rows[i] = fmt.Sprintf("C1,00 N%d AMINA", i)
		}
		b.upload(file(20, fmt.Sprintf("%d,00", 100+n), rows...))
		var got []string
		seen := map[string]bool{}
		for _, c := range b.told() {
			got = append(got, fmt.Sprint(len(c)))
			for _, notice := range c {
				seen[notice.Txn] = true
			}
		}
		if strings.Join(got, " ") != want || len(seen) != n {
			t.Errorf("%d rows are told in calls of %s, want %s; %d are different", n, got, want, len(seen))
		}
	}
}

// interrupted uploads a file of which no row is stored yet.
func (b *bank) interrupted(f []byte) reconcile.File {
	b.t.Helper()
	for b.broken = 8; ; b.broken++ {
		b.calls = 0
		_, err := b.st.Upload(b.t.Context(), owner(), "bank", f, "")
		if err == nil {
			b.t.Fatal("the upload ended well")
		}
		l, err := b.st.Files(b.t.Context(), owner(), "bank", registry.Page{})
		if err != nil {
			b.t.Fatal(err)
		}
		if len(l.Files) == 1 && l.Files[0].State == reconcile.FileReading {
			b.broken = 0
			return l.Files[0]
		}
	}
}

// state returns the file of the bank.
func (b *bank) state() reconcile.File {
	b.t.Helper()
	l, err := b.st.Files(b.t.Context(), owner(), "bank", registry.Page{})
	if err != nil || len(l.Files) != 1 {
		b.t.Fatal(err, len(l.Files))
	}
	return l.Files[0]
}

// TestAFileWaitsWhileItsProviderCannotBeSetUp and is taken when it can.
func TestAFileWaitsWhileItsProviderCannotBeSetUp(t *testing.T) {
	b := openBank(t)
	b.interrupted(file(20, "105,00", "C5,00 B1 AMINA"))
	b.damaged = errBroken
	if err := b.st.Continue(t.Context(), store.FirstTenant); !errors.Is(err, errBroken) || b.state().State != reconcile.FileReading {
		t.Errorf("a provider that cannot be set up: %v, the file is %+v", err, b.state())
	}
	b.damaged = nil
	b.do(func(tx *store.Tx) error { return tx.Paying().Payments().SetProvider(b.provider, b.now) })
	if err := b.st.Continue(t.Context(), store.FirstTenant); err != nil || b.state().State != reconcile.FileReading {
		t.Errorf("a disabled provider: %v, the file is %+v", err, b.state())
	}
	exec := func(sql string) {
		b.do(func(tx *store.Tx) error { _, err := tx.C.Exec(sql); return err })
	}
	exec(`UPDATE provider SET disabled_at = NULL`)
	if err := b.st.Continue(t.Context(), store.FirstTenant); err != nil || b.state().State != reconcile.FileRead || b.state().New != 1 || len(b.told()) != 1 {
		t.Errorf("at last: %v, the file is %+v", err, b.state())
	}
}

// TestAnApprovedFileIsTaken once, if its provider is still enabled.
func TestAnApprovedFileIsTaken(t *testing.T) {
	b := openBank(t)
	f := b.interrupted(file(20, "105,00", "C5,00 B1 AMINA"))
	waits := func() {
		b.do(func(tx *store.Tx) error {
			_, err := tx.C.Exec(`UPDATE statement_file SET state = 'waiting', proof = ''`)
			return err
		})
	}
	take := b.st.Executors()[access.ActStatement]
	body := []byte(`{"file":"` + f.Name() + `"}`)
	if done, err := take(t.Context(), owner(), body); err != nil || string(done.Text) != "statement-not-waiting" || done.Object != f.Name() {
		t.Errorf("a file that does not wait: %+v, %v", done, err)
	}
	waits()
	b.whenever("take", func() error {
		done, err := take(t.Context(), owner(), body)
		if err != nil && b.state().State == reconcile.FileRead { // the file was taken, and only its end was not heard of
			return err
		}
		if err != nil {
			waits()
			return err
		}
		if done.Refused() || done.Object != f.Name() {
			t.Errorf("the file is refused: %+v", done)
		}
		return nil
	})
	if got := b.state(); got.State != reconcile.FileRead || got.New != 1 || got.Taken != 1 || got.Proof != payment.StatedAlone || len(b.told()) != 1 {
		t.Errorf("the file is %+v", got)
	}
	waits()
	b.do(func(tx *store.Tx) error { return tx.Paying().Payments().SetProvider(b.provider, b.now) })
	if done, err := take(t.Context(), owner(), body); err != nil || string(done.Text) != "statement-of-disabled" {
		t.Errorf("a disabled provider: %+v, %v", done, err)
	}
}
