package storetest

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

func keyedTests() []test {
	return []test{
		{"rows that are read by many keys are those that are read one by one", journalsByKeys},
		{"a list of no keys reads nothing", noKeys},
	}
}

// journalsByKeys reads more journals than one statement names, one of them twice and one that does not exist.
func journalsByKeys(t *testing.T, r Rig) {
	e := r.Open(t)
	till, energy := account(ledger.Till, ledger.MainTill), account(ledger.RevenueEnergy, "")
	refs := make([]string, 2*core.Chunk+5)
	for n := range refs {
		refs[n] = fmt.Sprintf("ref %d", n)
	}
	must(t, e, func(tx *store.Tx) error {
		for n, ref := range refs {
			if err := book(tx, ref, till, energy, ledger.Minor(100+n)); err != nil {
				return err
			}
		}
		return nil
	})
	for _, asked := range [][]string{{refs[3], "none", refs[0]}, {refs[7]}, append(append([]string{}, refs...), refs[0], "none")} {
		want, ids := map[string]ledger.Journal{}, []id.ID(nil)
		got := look(t, e, func(tx *store.Tx) (map[string]ledger.Journal, error) {
			for _, ref := range asked {
				j, found, err := tx.JournalByRef(ledger.Vend, ref)
				if err != nil {
					return nil, err
				}
				if found {
					want[ref], ids = j, append(ids, j.ID)
				}
			}
			return tx.JournalsByRef(ledger.Vend, asked)
		})
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%d journals by their references:\n%v\nwant\n%v", len(asked), got, want)
		}
		byID := look(t, e, func(tx *store.Tx) (map[id.ID]ledger.Journal, error) { return tx.JournalsOf(ids) })
		for _, j := range want {
			if !reflect.DeepEqual(byID[j.ID], j) {
				t.Errorf("the journal %s by its identity: %v, want %v", j.Ref, byID[j.ID], j)
			}
		}
	}
}

func noKeys(t *testing.T, r Rig) {
	e := r.Open(t)
	got := look(t, e, func(tx *store.Tx) (map[string]ledger.Journal, error) { return tx.JournalsByRef(ledger.Vend, nil) })
	if len(got) != 0 {
		t.Errorf("no references: %v", got)
	}
}
