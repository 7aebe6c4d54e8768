package storetest

import (
	"fmt"
	"testing"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/store"
)

func logTests() []test {
	return []test{
		{"every journal and audit row is in the log with its commit", everythingSealed},
		{"a journal has a proof that leads to the signed head", proofHolds},
	}
}

func everythingSealed(t *testing.T, r Rig) {
	e := r.Open(t)
	const commits = 30
	for n := range commits {
		must(t, e, func(tx *store.Tx) error {
			if err := tx.AuditLog(someEntry(fmt.Sprint("act ", n))); err != nil {
				return err
			}
			return book(tx, fmt.Sprint(n), account(ledger.Till, "main"), account(ledger.RevenueEnergy, ""), 10)
		})
		if _, err := do(e, func(tx *store.Tx) (value, error) {
			return value{refused: true}, book(tx, fmt.Sprint("no ", n), account(ledger.Till, "main"), account(ledger.RevenueEnergy, ""), 10)
		}); err != nil {
			t.Fatal(err)
		}
		r.seal(t, e)
	}
	counts := look(t, e, func(tx *store.Tx) (out [3]int64, err error) {
		for i, sql := range []string{`SELECT COUNT(*) FROM seal_leaf WHERE tenant_id = $1`, `SELECT COUNT(*) FROM seal WHERE tenant_id = $1`,
			`SELECT COUNT(*) FROM journal WHERE tenant_id = $1 AND seal_n IS NULL`} {
			if err := tx.C.Query(sql, func(w store.Row) error { out[i] = w.Int(0); return nil }, tx.Tenant); err != nil {
				return out, err
			}
		}
		return out, nil
	})
	if want := [3]int64{2 * commits, commits, 0}; counts != want {
		t.Errorf("leaves, seals and unsealed journals: %v, want %v", counts, want)
	}
	verified(t, e)
}

func proofHolds(t *testing.T, r Rig) {
	e := r.Open(t)
	var ids []id.ID
	for n := range 21 {
		must(t, e, func(tx *store.Tx) error {
			if err := book(tx, fmt.Sprint(n), account(ledger.Till, "main"), account(ledger.RevenueEnergy, ""), 10); err != nil {
				return err
			}
			j, _, err := tx.JournalByRef(ledger.Vend, fmt.Sprint(n))
			ids = append(ids, j.ID)
			return err
		})
		r.seal(t, e)
	}
	for _, i := range ids {
		look(t, e, func(tx *store.Tx) (bool, error) {
			s, found, err := tx.SealOf(i)
			if err != nil || !found {
				t.Fatalf("no proof for %s: found %t, %v", i.Text(id.Journal), found, err)
			}
			j, _, err := tx.Journal(i)
			if leaf := ledger.Leaf(j); !s.Proof.Check(leaf, s.Root) {
				t.Errorf("the proof of leaf %d of %d does not lead to the root", s.Proof.Pos, s.Proof.Size)
			}
			j.Memo = "changed"
			if leaf := ledger.Leaf(j); s.Proof.Check(leaf, s.Root) {
				t.Errorf("the proof of leaf %d holds for a changed journal", s.Proof.Pos)
			}
			return true, err
		})
	}
}
