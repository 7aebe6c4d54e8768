package imports_test

import (
	"fmt"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tier"
)

// TestOnlyTheRowsThatWereApprovedAreImported: the server keeps the rows of a file that waits for a second person. Whoever changes them in the
// database between the request and the approval gets neither another amount nor another account.
func TestOnlyTheRowsThatWereApprovedAreImported(t *testing.T) {
	tier.Slow(t)
	for _, e := range engines {
		w := newWorld(t, e.onPostgres)
		second := w.owner()
		w.do(func(tx *store.Tx) error {
			return tx.BindFourEyes([]access.Right{access.ActImportBalances.Right(), access.ActImportUndo.Right()})
		})
		w.meters(1, 3)
		file := func(n int) string {
			return fmt.Sprintf("account,amount,memo\n%s,100,of file %d\n%s,300,of file %d\n", meterNumber(1), n, meterNumber(2), n)
		}
		decide := func(a *access.Approval) access.Decided {
			t.Helper()
			if a == nil {
				t.Fatal("the request waits for nobody")
			}
			got, err := w.access.Decide(t.Context(), second, a.ID.Text(id.Approval), access.Decision{Allow: true, Reason: ""})
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		for n, change := range []string{
			`UPDATE import_row SET body = replace(body, '"amount_minor":30000', '"amount_minor":9000000')`,
			`UPDATE import_row SET body = replace(body, '` + meterNumber(2) + `', '` + meterNumber(3) + `')`,
			`DELETE FROM import_row WHERE line = 3`,
		} {
			out, err := w.apply(imports.Balances, file(n), change)
			if err != nil || out.Refused() {
				t.Fatal(err, out.Detail())
			}
			w.do(func(tx *store.Tx) error { _, err := tx.C.Exec(change); return err })
			made := balancesMade(w)
			if got := decide(out.Waits); got.Done.Code != refusal.ApprovalInvalid || balancesMade(w) != made {
				t.Errorf("%s: the approval booked %d: %+v", change, balancesMade(w)-made, got.Done.Refusal)
			}
		}

		out, err := w.apply(imports.Balances, file(9), "true")
		if err != nil || out.Refused() {
			t.Fatal(err, out.Detail())
		}
		if got := decide(out.Waits); got.Done.Refused() || balancesMade(w) == 0 {
			t.Fatalf("the rows as they were sent: %+v", got.Done.Refusal)
		}
		made := balancesMade(w)
		out, err = w.Undo(t.Context(), w.by, out.Import.ID.Text(id.Import))
		if err != nil || out.Refused() {
			t.Fatal(err, out.Detail())
		}
		w.do(func(tx *store.Tx) error {
			_, err := tx.C.Exec(`UPDATE import_line SET object = (SELECT object FROM import_line WHERE line = 2 AND object IS NOT NULL ORDER BY object DESC LIMIT 1) WHERE line = 3 AND object IS NOT NULL`)
			return err
		})
		if got := decide(out.Waits); got.Done.Code != refusal.ApprovalInvalid || balancesMade(w) != made {
			t.Errorf("the undoing of other rows took back %d: %+v", made-balancesMade(w), got.Done.Refusal)
		}
	}
}
