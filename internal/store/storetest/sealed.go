package storetest

import (
	"cmp"
	"fmt"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/proof"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

func logTests() []test {
	return []test{
		{"every journal and audit row is in the log with its commit", everythingSealed},
		{"a journal has a proof that leads to the signed head", proofHolds},
		{"a sale has a proof for every head since it was sealed, and each head one that it grew", salesProven},
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
			if err := tx.C.Query(sql, func(w core.Row) error { out[i] = w.Int(0); return nil }, tx.Tenant); err != nil {
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
		var made id.ID
		must(t, e, func(tx *store.Tx) error {
			if err := book(tx, fmt.Sprint(n), account(ledger.Till, "main"), account(ledger.RevenueEnergy, ""), 10); err != nil {
				return err
			}
			j, _, err := tx.JournalByRef(ledger.Vend, fmt.Sprint(n))
			if err == nil {
				made = j.ID
			}
			return err
		})
		ids = append(ids, made)
		r.seal(t, e)
	}
	for _, i := range ids {
		look(t, e, func(tx *store.Tx) (bool, error) {
			s, root, found, err := proofOf(tx, i)
			if err != nil || !found {
				return false, cmp.Or(err, fmt.Errorf("no proof for %s", i.Text(id.Journal)))
			}
			j, _, err := tx.Journal(i)
			if err != nil {
				return false, err
			}
			if leaf := ledger.Leaf(j); !s.Check(leaf, root) {
				t.Errorf("the proof of leaf %d of %d does not lead to the root", s.Pos, s.Size)
			}
			j.Memo = "changed"
			if leaf := ledger.Leaf(j); s.Check(leaf, root) {
				t.Errorf("the proof of leaf %d holds for a changed journal", s.Pos)
			}
			return true, err
		})
	}
}

// proofOf proves that a row is in the log of the newest head, and returns the root of that head. The third result is false for a row that
// is not sealed.
func proofOf(tx *store.Tx, row id.ID) (p seal.Proof, root [32]byte, found bool, err error) {
	h, known, err := tx.Head(0)
	if err != nil || !known {
		return p, root, false, err
	}
	var pos int64
	found, err = tx.One(`SELECT pos FROM seal_leaf WHERE tenant_id = $1 AND id = $2`, func(r core.Row) error { pos = r.Int(0); return nil }, tx.Tenant, row)
	if err == nil && found {
		p, err = seal.Prove(pos, h.Size, tx.Hashes())
	}
	return p, h.Root, found, err
}

// salesProven makes sales with and without a journal, between other rows. It asks for the proof of each sale under each signed head.
func salesProven(t *testing.T, r Rig) {
	e := r.Open(t)
	var sales []sale.Sale
	for n := range 9 {
		s := sale.Sale{}
		must(t, e, func(tx *store.Tx) (err error) {
			if s.ID, err = tx.NewID(); err != nil {
				return err
			}
			name := s.ID.Text(id.Vend)
			if err := tx.AuditLog(someEntry(name)); err != nil {
				return err
			}
			if n%3 != 0 { // every third sale moves no money
				if err := book(tx, name, account(ledger.Till, "main"), account(ledger.RevenueEnergy, ""), 10); err != nil {
					return err
				}
			}
			return tx.AuditLog(access.Entry{Actor: "test", IP: "192.0.2.1", Action: proof.Action, Object: name, After: "paper=" + name})
		})
		sales = append(sales, s)
		if r.Seal != nil {
			look(t, e, func(tx *store.Tx) (bool, error) {
				_, state, err := tx.VendProof(s, 0)
				if err == nil && state != sale.NotSealed {
					t.Errorf("before it is sealed: %d", state)
				}
				return true, err
			})
		}
		r.seal(t, e)
	}
	look(t, e, func(tx *store.Tx) (bool, error) {
		_, _, err := tx.VendProof(sales[1], 0)
		if err == nil {
			_, err = tx.Growth(1, 5)
		}
		return true, err
	})
	letThrough(e)
	look(t, e, func(tx *store.Tx) (bool, error) {
		heads := headsOf(t, tx)
		for n, s := range sales {
			for _, h := range append(heads, seal.Head{}) {
				provenUnder(t, tx, s, n, h, heads[n].Size)
			}
		}
		if _, state, err := tx.VendProof(sales[0], heads[0].Size+1); err != nil || state != sale.NoHead {
			t.Errorf("under a head that nobody signed: %d, %v", state, err)
		}
		if _, _, err := tx.VendProof(sale.Sale{ID: id.ID{1}}, 0); err == nil {
			t.Error("a sale without an audit row was proven")
		}
		for i, from := range heads {
			for _, to := range heads[i:] {
				path, err := tx.Growth(from.Size, to.Size)
				if err != nil || !seal.CheckGrowth(path, from, to) || from.Size < to.Size && seal.CheckGrowth(path, to, from) {
					t.Errorf("growth from %d to %d leaves: %v", from.Size, to.Size, err)
				}
			}
		}
		return true, nil
	})
}

// headsOf lists all heads. It finds each head by its size, and checks that size 0 finds the newest head.
func headsOf(t *testing.T, tx *store.Tx) (heads []seal.Head) {
	t.Helper()
	err := tx.C.Query(`SELECT last + 1 FROM seal WHERE tenant_id = $1 ORDER BY n`, func(w core.Row) error {
		heads = append(heads, seal.Head{Size: w.Int(0)})
		return nil
	}, tx.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	for i := range heads {
		h, found, err := tx.Head(heads[i].Size)
		if err != nil || !found || h.Size != heads[i].Size {
			t.Fatalf("head of %d leaves: found %t, %v", heads[i].Size, found, err)
		}
		heads[i] = h
	}
	newest, _, err := tx.Head(0)
	if err != nil || newest != heads[len(heads)-1] {
		t.Errorf("newest head: %d leaves, %v", newest.Size, err)
	}
	return heads
}

// provenUnder asks for the proof of sale n under a head; the parameter first is the size of the head that sealed the sale.
func provenUnder(t *testing.T, tx *store.Tx, s sale.Sale, n int, h seal.Head, first int64) {
	t.Helper()
	p, state, err := tx.VendProof(s, h.Size)
	if err != nil {
		t.Fatal(err)
	}
	if h.Size != 0 && h.Size < first {
		if state != sale.HeadTooOld {
			t.Errorf("sale %d under a head of %d leaves: %d, want too old", n, h.Size, state)
		}
		return
	}
	if h.Size == 0 {
		if h, _, err = tx.Head(0); err != nil {
			t.Fatal(err)
		}
	}
	name := s.ID.Text(id.Vend)
	if state != sale.InLog || p.Head != h.Note || p.Row.Object != name || p.Row.After != "paper="+name || !p.Path.Check(p.Row.Leaf(), h.Root) {
		t.Errorf("sale %d under a head of %d leaves: state %d, row of %s", n, h.Size, state, p.Row.Object)
	}
}
