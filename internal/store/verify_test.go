package store_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/core"
	"github.com/paywatt/paywatt/internal/store/sales"
	"github.com/paywatt/paywatt/internal/store/storetest"
	"github.com/paywatt/paywatt/internal/tier"
)

var errQuery = errors.New("planted failure of a query")

// failing is a connection that fails one of its statements.
type failing struct {
	core.Conn
	left int // statements until the one that fails
	sql  string
}

func (f *failing) fails(sql string) error {
	if f.left--; f.left != 0 {
		return nil
	}
	f.sql = sql
	return errQuery
}

func (f *failing) Exec(sql string, args ...any) (int64, error) {
	if err := f.fails(sql); err != nil {
		return 0, err
	}
	return f.Conn.Exec(sql, args...)
}

func (f *failing) Query(sql string, fn func(core.Row) error, args ...any) error {
	if err := f.fails(sql); err != nil {
		return err
	}
	return f.Conn.Query(sql, fn, args...)
}

// TestAVerificationThatCannotReadIsNoVerdict makes each statement of a verification fail. The outcome must be an error and never a report,
// for a store in its first epoch and for a restored store.
func TestAVerificationThatCannotReadIsNoVerdict(t *testing.T) {
	tier.Slow(t)
	for _, epoch := range []int64{sales.FirstEpoch, sales.FirstEpoch + 1} {
		undone(t, func(tx *store.Tx) error {
			if err := storetest.PutGoldenRows(tx); err != nil {
				return err
			}
			if tx.Epoch = epoch; epoch > sales.FirstEpoch {
				if _, err := tx.C.Exec(`INSERT INTO meta (key, value) VALUES ($1, '29900000'), ($2, '29900010')`, core.MetaRestored, core.MetaLostTID); err != nil {
					return err
				}
			}
			whole := tx.C
			for n := 1; ; n++ {
				f := &failing{Conn: whole, left: n}
				tx.C = f
				var r store.Report
				err := store.Verify(tx, store.Trust{}, &r)
				tx.C = whole
				if f.sql == "" {
					if n < 20 {
						t.Errorf("a verification makes %d statements", n-1)
					}
					return err
				}
				if !errors.Is(err, errQuery) {
					t.Errorf("epoch %d, statement %d fails, and the verification gives %v: %s", epoch, n, err, f.sql)
				}
			}
		})
	}
}

// TestAReportHasAnEnd checks that a report lists at most MaxFindings findings, notices and remarks each, and counts the rest.
func TestAReportHasAnEnd(t *testing.T) {
	var r store.Report
	for i := range store.MaxFindings + 3 {
		r.Find("rule", "finding %d", i)
		if i < 2 {
			r.Notice("rule", "notice %d", i)
			r.Remark("rule", "remark %d", i)
		}
	}
	if len(r.Findings) != store.MaxFindings || r.More != 3 || len(r.Notices) != 2 || len(r.Remarks) != 2 || r.Findings[store.MaxFindings-1].What != fmt.Sprintf("finding %d", store.MaxFindings-1) {
		t.Errorf("%d findings, %d more, %d notices, %d remarks", len(r.Findings), r.More, len(r.Notices), len(r.Remarks))
	}
	r.Count("rows", 2)
	r.Count("heads", 1)
	r.Count("rows", 3)
	if fmt.Sprint(r.Figures) != "[{rows 5} {heads 1}]" {
		t.Errorf("figures %v", r.Figures)
	}
}

// TestAVerificationCountsWhatItRead: the figures of a report show that no row was left out.
func TestAVerificationCountsWhatItRead(t *testing.T) {
	undone(t, func(tx *store.Tx) error {
		if err := storetest.PutGoldenRows(tx); err != nil {
			return err
		}
		var r store.Report
		if err := store.Verify(tx, store.Trust{}, &r); err != nil {
			return err
		}
		counted := map[string]int64{}
		for _, f := range r.Figures {
			counted[f.Name] = f.N
		}
		for name, table := range map[string]string{"charges due": "charge_due", "debts": "debt",
			"payments": "payment", "sales": "vend", "tokens": "token", "vouchers": "voucher", "wallets": "wallet"} {
			var rows int64
			err := tx.C.Query(`SELECT COUNT(*) FROM `+table+` WHERE tenant_id = $1`, func(r core.Row) error {
				rows = r.Int(0)
				return nil
			}, tx.Tenant)
			if err != nil {
				return err
			}
			if rows == 0 || counted[name] != rows {
				t.Errorf("%d rows of %s, and the report counts %d %s", rows, table, counted[name], name)
			}
		}
		return nil
	})
}
