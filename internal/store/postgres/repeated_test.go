package postgres_test

import (
	"fmt"
	"testing"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// stored is a row of the table idempotency, which has columns of all types that may be NULL.
type stored struct {
	principal, key string
	hash           []byte
	status         int64
	body           any
	expires        any
}

func (s stored) String() string {
	return fmt.Sprintf("%q %q %q %d %q %v", s.principal, s.key, s.hash, s.status, s.body, s.expires)
}

func (s stored) insert(tx *store.Tx) error {
	_, err := tx.C.Exec(`INSERT INTO idempotency (tenant_id, principal, key, req_hash, state, status, body_enc, created_at, expires_at)
		VALUES ($1, $2, $3, $4, 'done', $5, $6, $7, $8)`, tx.Tenant, s.principal, s.key, s.hash, s.status, s.body, tx.Now, s.expires)
	return err
}

// read reads the row again by columns of which some have the same value for all closures.
func (s stored) read(tx *store.Tx) (got []stored, err error) {
	err = tx.C.Query(`SELECT principal, key, req_hash, status, body_enc, expires_at FROM idempotency WHERE tenant_id = $1 AND principal = $2 AND key = $3`,
		func(r core.Row) error {
			g := stored{principal: r.Text(0), key: r.Text(1), hash: r.Bytes(2), status: r.Int(3)}
			if !r.IsNull(4) {
				g.body = r.Bytes(4)
			}
			if !r.IsNull(5) {
				g.expires = r.Int(5)
			}
			got = append(got, g)
			return nil
		}, tx.Tenant, s.principal, s.key)
	return got, err
}

// TestAColumnOfOneValue: each row of a transaction is stored and found as it is, whether a column has one value in all of them, several, or
// NULL in some, and whatever it had in earlier transactions.
func TestAColumnOfOneValue(t *testing.T) {
	e, _, _ := one(t)
	x, y, empty := []byte("x"), []byte{0, 255}, []byte{}
	for n, round := range [][]stored{
		{{"p", "one", x, 1, nil, nil}},
		{{"p", "a", x, 1, nil, nil}, {"p", "b", x, 1, nil, nil}},
		{{"p", "c", x, 1, empty, int64(0)}, {"p", "d", x, 1, empty, int64(0)}},
		{{"p", "e", x, 1, empty, nil}, {"p", "f", x, 1, nil, int64(0)}, {"p", "g", x, 1, empty, int64(0)}},
		{{"q", "a", y, -1, x, int64(7)}, {"", "a", empty, 0, y, int64(-7)}, {"p", "", x, 1, nil, nil}},
		{{"p", "h", y, 2, nil, nil}, {"p", "i", y, 2, nil, nil}},
		{{"p", "two", x, 1, id.ID{}, nil}},
	} {
		var fns []func(*store.Tx) (value, error)
		for _, s := range round {
			fns = append(fns, func(tx *store.Tx) (value, error) { return value{}, s.insert(tx) })
		}
		for i, a := range together(t, e, fns...) {
			if a.err != nil {
				t.Fatalf("round %d, row %d: %v", n, i, a.err)
			}
		}
		fns = nil
		for _, s := range round {
			fns = append(fns, func(tx *store.Tx) (value, error) {
				got, err := s.read(tx)
				if i, zero := s.body.(id.ID); zero && i.IsZero() {
					s.body = nil
				}
				if err == nil && (len(got) != 1 || got[0].String() != s.String()) {
					err = fmt.Errorf("found %v, want %v", got, s)
				}
				return value{refused: true}, err
			})
		}
		for i, a := range together(t, e, fns...) {
			if a.err != nil {
				t.Errorf("round %d, row %d: %v", n, i, a.err)
			}
		}
	}
}

// TestEqualRows: closures that bring the same row bring it once each, in one transaction.
func TestEqualRows(t *testing.T) {
	e, url, _ := one(t)
	run(t, url, `CREATE TABLE twin (a bigint, b text)`)
	twin := func(tx *store.Tx) (value, error) {
		_, err := tx.C.Exec(`INSERT INTO twin (a, b) VALUES ($1, $2)`, 1, "x")
		return value{}, err
	}
	for _, a := range together(t, e, twin, twin, twin) {
		if a.err != nil {
			t.Fatal(a.err)
		}
	}
	look(t, e, `SELECT COUNT(*) FROM twin WHERE a = 1 AND b = 'x'`, 3)
	look(t, e, `SELECT COUNT(DISTINCT xmin::text) FROM twin`, 1)
}

// TestAStatementKnowsItsArguments: a closure that gives a statement too few or too many arguments fails alone.
func TestAStatementKnowsItsArguments(t *testing.T) {
	e, _, _ := one(t)
	asks := func(args ...any) func(*store.Tx) (value, error) {
		return func(tx *store.Tx) (value, error) {
			return value{}, tx.C.Query(`SELECT value FROM counter WHERE tenant_id = $1 AND name = $2`, func(core.Row) error { return nil }, args...)
		}
	}
	all := together(t, e, take, asks(int64(1)), asks(int64(1), "a", "b"), take)
	if all[1].err == nil || all[2].err == nil {
		t.Errorf("answers %v, want errors for the second and the third", all)
	}
	if all[0].err != nil || all[3].err != nil || all[0].v.n+all[3].v.n != 5 {
		t.Errorf("answers %v, want the numbers 2 and 3", all)
	}
}

// TestRowsThatMayExist: closures insert rows of which some are in the table already. Each statement is valid whether a transaction brings one
// row or several, and whether their columns have one value or several.
func TestRowsThatMayExist(t *testing.T) {
	e, _, _ := one(t)
	add := func(n ...int64) func(*store.Tx) (value, error) {
		return func(tx *store.Tx) (value, error) {
			rows := core.RowsInto(`INSERT INTO counter (tenant_id, name, value) VALUES iti ON CONFLICT (tenant_id, name) DO UPDATE SET value = counter.value + excluded.value`,
				tx.Tenant)
			for _, n := range n {
				if err := rows.Add(tx.Tx, fmt.Sprint("row ", n), n); err != nil {
					return value{}, err
				}
			}
			return value{}, rows.Insert(tx.Tx)
		}
	}
	for n, round := range [][]func(*store.Tx) (value, error){{add(1)}, {add(1)}, {add(1, 2)}, {add(1), add(2, 3)}, {add(3)}} {
		before := e.Stats().Commits
		for i, a := range together(t, e, round...) {
			if a.err != nil {
				t.Errorf("round %d, closure %d: %v", n, i, a.err)
			}
		}
		if commits := e.Stats().Commits - before; commits != 1 {
			t.Errorf("round %d needed %d commits, want 1: the closures did not share a transaction", n, commits)
		}
	}
	for n, want := range []int64{1: 4, 2: 4, 3: 6} {
		if n > 0 {
			look(t, e, fmt.Sprintf(`SELECT value FROM counter WHERE name = 'row %d'`, n), want)
		}
	}
}
