package store_test

import (
	"context"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/sqlite"
)

// TestTimelinesFollowIndexes checks that a page of a meter's timeline is read in the order of an index, without sorting all rows of the meter.
func TestTimelinesFollowIndexes(t *testing.T) {
	e, err := sqlite.Open(t.TempDir(), sqlite.Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	n := 0
	err = e.View(context.Background(), store.FirstTenant, func(tx *store.Tx) error {
		for _, query := range store.MomentQueries() {
			n++
			plan := ""
			args := []any{1, 2, make([]byte, 16), 20}
			if strings.Contains(query, "$5") {
				args = []any{1, 2, 3, make([]byte, 16), 20}
			}
			err := tx.C.Query(`EXPLAIN QUERY PLAN `+query, func(r core.Row) error { plan += r.Text(3) + "; "; return nil }, args...)
			swaps := strings.Contains(query, "meter_swap") // a meter has two at most, one on each side
			if err != nil || strings.Contains(plan, "TEMP B-TREE") && !swaps || !strings.Contains(plan, "meter=?") {
				t.Errorf("%s\nis planned as %q (%v)", query, plan, err)
			}
		}
		return nil
	})
	if err != nil || n != 10 {
		t.Errorf("%d queries, %v", n, err)
	}
}
