package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
)

// doors tests the promises of Do and View when nothing fails.
func doors() []test {
	return []test{
		{"the value comes after the commit", valueAfterCommit},
		{"what a refusal wrote is undone and the refusal is the answer", refusalUndone},
		{"a closure that fails leaves its neighbours alone", neighboursSurvive},
		{"many callers share few commits and lose nothing", callersAtOnce},
		{"a snapshot does not move", snapshotStands},
		{"a view cannot write", viewCannotWrite},
		{"a row that exists is a conflict", conflict},
		{"a statement must number its parameters in order", parameterOrder},
		{"values come back as they went in", valuesRoundTrip},
	}
}

func valueAfterCommit(t *testing.T, r Rig) {
	e := r.Open(t)
	for want := int64(1); want <= 3; want++ {
		v, err := do(e, take("a"))
		if err != nil || v.n != want {
			t.Fatalf("take %d: got %d, %v", want, v.n, err)
		}
		if got := look(t, e, counter("a")); got != want {
			t.Errorf("after Do returned, a view sees %d, want %d", got, want)
		}
	}
}

func refusalUndone(t *testing.T, r Rig) {
	e := r.Open(t)
	v, err := do(e, func(tx *store.Tx) (value, error) {
		n, err := tx.Take("a")
		return value{n: n, refused: true}, err
	})
	if err != nil || !v.refused || v.n != 1 {
		t.Errorf("got %+v, %v; want the refused value and no error", v, err)
	}
	if got := look(t, e, counter("a")); got != 0 {
		t.Errorf("the refused closure left %d in the counter, want 0", got)
	}
}

func neighboursSurvive(t *testing.T, r Rig) {
	e := r.Open(t)
	release := stalled(t, e)
	broke := errors.New("something broke")
	before := start(e, store.Sale, take("before"))
	queued(t, r, e, 1)
	failing := start(e, store.Sale, func(tx *store.Tx) (value, error) {
		if _, err := tx.Take("failing"); err != nil {
			return value{}, err
		}
		if err := tx.AuditLog(someEntry("never")); err != nil {
			return value{}, err
		}
		return value{n: 7}, broke
	})
	queued(t, r, e, 2)
	refusing := start(e, store.Sale, func(tx *store.Tx) (value, error) {
		n, err := tx.Take("refusing")
		return value{n: n, refused: true}, err
	})
	queued(t, r, e, 3)
	after := start(e, store.Sale, take("after"))
	queued(t, r, e, 4)
	release()
	for name, got := range map[string]outcome{"before": <-before, "after": <-after} {
		if got.err != nil || got.v.n != 1 {
			t.Errorf("the neighbour %s: got %+v", name, got)
		}
	}
	if got := <-failing; !errors.Is(got.err, broke) || got.v.n != 0 {
		t.Errorf("the failing closure: got %+v, want its own error and no value", got)
	}
	if got := <-refusing; got.err != nil || !got.v.refused {
		t.Errorf("the refusing closure: got %+v", got)
	}
	for name, want := range map[string]int64{"before": 1, "failing": 0, "refusing": 0, "after": 1} {
		if got := look(t, e, counter(name)); got != want {
			t.Errorf("counter %s = %d, want %d", name, got, want)
		}
	}
	if err := e.Health(); err != nil {
		t.Errorf("health after an ordinary failure: %v, want nil", err)
	}
}

func callersAtOnce(t *testing.T, r Rig) {
	e := r.Open(t)
	const callers, each = 8, 50
	var wg sync.WaitGroup
	seen := make([][]int64, callers)
	for c := range callers {
		wg.Go(func() {
			for range each {
				v, err := do(e, take("shared"))
				if err != nil {
					t.Errorf("caller %d: %v", c, err)
					return
				}
				seen[c] = append(seen[c], v.n)
			}
		})
	}
	wg.Wait()
	all := make(map[int64]bool)
	for _, numbers := range seen {
		for _, n := range numbers {
			if all[n] {
				t.Errorf("number %d was given out twice", n)
			}
			all[n] = true
		}
	}
	if got := look(t, e, counter("shared")); got != callers*each || len(all) != callers*each {
		t.Errorf("counter = %d with %d different numbers, want %d", got, len(all), callers*each)
	}
}

func snapshotStands(t *testing.T, r Rig) {
	e := r.Open(t)
	letThrough(e) // the closure of the view also writes outside the view
	if _, err := do(e, take("a")); err != nil {
		t.Fatal(err)
	}
	first, second := int64(0), int64(0)
	err := e.View(context.Background(), store.FirstTenant, func(tx *store.Tx) (err error) {
		if first, err = counter("a")(tx); err != nil {
			return err
		}
		if _, err := do(e, take("a")); err != nil {
			return err
		}
		second, err = counter("a")(tx)
		return err
	})
	if err != nil || first != 1 || second != 1 {
		t.Errorf("one snapshot showed %d and then %d, %v; want 1 and 1", first, second, err)
	}
	if got := look(t, e, counter("a")); got != 2 {
		t.Errorf("the next snapshot shows %d, want 2", got)
	}
}

func viewCannotWrite(t *testing.T, r Rig) {
	e := r.Open(t)
	err := e.View(context.Background(), store.FirstTenant, func(tx *store.Tx) error {
		_, err := tx.Take("a")
		return err
	})
	if err == nil {
		t.Error("a view wrote")
	}
	if got := look(t, e, counter("a")); got != 0 {
		t.Errorf("the view left %d, want 0", got)
	}
	if _, err := do(e, take("a")); err != nil {
		t.Errorf("writing after a view that tried to: %v", err)
	}
}

func conflict(t *testing.T, r Rig) {
	e := r.Open(t)
	insert := func(tx *store.Tx) (value, error) {
		_, err := tx.C.Exec(`INSERT INTO job_run (tenant_id, name, period, at) VALUES ($1, 'close', '2026-11', $2)`, tx.Tenant, tx.Now)
		return value{}, err
	}
	if _, err := do(e, insert); err != nil {
		t.Fatal(err)
	}
	_, err := do(e, insert)
	wantErr(t, "the same row again", err, store.ErrConflict)
	if err := e.Health(); err != nil {
		t.Errorf("health after a conflict: %v, want nil", err)
	}
}

func parameterOrder(t *testing.T, r Rig) {
	e := r.Open(t)
	_, err := do(e, func(tx *store.Tx) (value, error) {
		_, err := tx.C.Exec(`DELETE FROM counter WHERE name = $2 AND tenant_id = $1`, tx.Tenant, "x")
		return value{}, err
	})
	if err == nil {
		t.Error("a statement with $2 before $1 was accepted: the engines would bind it differently")
	}
	_, err = do(e, func(tx *store.Tx) (value, error) {
		_, err := tx.C.Exec(`DELETE FROM counter WHERE tenant_id = $1 AND name = $2`, tx.Tenant)
		return value{}, err
	})
	if err == nil {
		t.Error("a statement with an argument too few was accepted")
	}
}

func valuesRoundTrip(t *testing.T, r Rig) {
	e := r.Open(t)
	must(t, e, func(tx *store.Tx) error {
		i, err := tx.NewID()
		if err != nil {
			return err
		}
		var none *int64
		tid := uint32(1<<24 - 1)
		_, err = tx.C.Exec(`INSERT INTO token_report (tenant_id, meter, store, seq, at, received_at, tid, base_date, class, result,
			units_wh, token_id, request) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
			tx.Tenant, -1, "s", int64(1)<<62, tx.Now, tx.Now, &tid, none, true, access.Role("accept"), uint8(9), i, "")
		if err != nil {
			return err
		}
		return tx.C.Query(`SELECT tenant_id, meter, store, seq, at, tid, base_date, class, result, units_wh, token_id, request, balance_wh
			FROM token_report WHERE tenant_id = $1`, func(w core.Row) error {
			got := fmt.Sprint(w.Int(0), w.Int(1), w.Text(2), w.Int(3), w.Time(4).Equal(tx.Now), w.Int(5), w.IsNull(6), w.Bool(7),
				w.Text(8), w.Int(9), w.ID(10) == i, w.IsNull(11), w.IsNull(12), w.Bytes(12) == nil, w.Time(12).IsZero(), w.ID(12).IsZero())
			want := fmt.Sprint(1, -1, "s", int64(1)<<62, true, 1<<24-1, true, true, "accept", 9, true, false, true, true, true, true)
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			return nil
		}, tx.Tenant)
	})
	_, err := do(e, func(tx *store.Tx) (value, error) {
		_, err := tx.C.Exec(`DELETE FROM counter WHERE tenant_id = $1`, 1.5)
		return value{}, err
	})
	if err == nil {
		t.Error("a floating-point argument was accepted")
	}
}
