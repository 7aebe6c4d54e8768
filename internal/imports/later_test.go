package imports_test

import (
	"fmt"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/imports"
	"github.com/paywatt/paywatt/internal/store"
)

// Whether a file needs a second person is decided from the rows that can be booked when it is sent. The insider sends a balance for a meter
// that nobody has registered yet, so nothing needs approval, and breaks the connection. Once the meter has an account, the file is sent again.
func TestARowThatWasRefusedIsNotBookedLater(t *testing.T) {
	for _, e := range engines {
		w := newWorld(t, e.onPostgres)
		w.owner()
		w.do(func(tx *store.Tx) error {
			return tx.BindFourEyes([]access.Right{access.ActImportBalances.Right(), access.ActImportDebts.Right()})
		})
		for i, k := range []imports.Kind{imports.Balances, imports.Debts} {
			file := fmt.Sprintf("account,amount\n%s,900\n", meterNumber(i+1))
			w.engine.Kill(0, 2) // the import has begun, and no row has its result
			_, err := w.apply(k, file, string(k))
			if w.engine.Revive(); err == nil {
				t.Fatal("the import was not interrupted")
			}
			w.meters(i+1, 1)
			out, err := w.apply(k, file, string(k)+" again")
			if n := out.Totals(); err != nil || out.Refused() || n[imports.Failed] != 1 || balancesMade(w)+debtsMade(w) != 0 {
				t.Errorf("%s, sent again: %v %s %v", k, err, out.Detail(), n)
			}
			// As another import it is decided anew.
			if out, err = w.apply(k, file, string(k)+" anew"); err != nil || (out.Waits != nil) != (k == imports.Balances) {
				t.Errorf("%s, as another import: %v %s %v", k, err, out.Detail(), out.Totals())
			}
		}
	}
}
