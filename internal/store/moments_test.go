package store_test

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/timeline"
)

// recorded is a connection that keeps the queries that run through it.
type recorded struct {
	core.Conn
	queries []query
}

type query struct {
	sql  string
	args []any
}

func (c *recorded) Query(sql string, read func(core.Row) error, args ...any) error {
	c.queries = append(c.queries, query{sql, args})
	return c.Conn.Query(sql, read, args...)
}

// TestTimelinesFollowIndexes checks that a page of a meter's timeline is read in the order of an index, without sorting all rows of the meter.
func TestTimelinesFollowIndexes(t *testing.T) {
	undone(t, func(tx *store.Tx) error {
		r := &recorded{Conn: tx.C}
		tx.C = r
		for _, kind := range timeline.Kinds() {
			if _, err := tx.Moments(kind, 2, timeline.Place{}, 20); err != nil {
				return err
			}
		}
		tx.C = r.Conn
		for _, q := range r.queries {
			plan := ""
			err := tx.C.Query(`EXPLAIN QUERY PLAN `+q.sql, func(r core.Row) error { plan += r.Text(3) + "; "; return nil }, q.args...)
			swaps := strings.Contains(q.sql, "meter_swap") // a meter has two at most, one on each side
			if err != nil || strings.Contains(plan, "TEMP B-TREE") && !swaps ||
				!strings.Contains(plan, "meter=?") && !strings.Contains(plan, "account_id=?") {
				t.Errorf("%s\nis planned as %q (%v)", q.sql, plan, err)
			}
		}
		if len(r.queries) != 11 {
			t.Errorf("%d queries, want 11: one for each kind, and two for tokens", len(r.queries))
		}
		return nil
	})
}
