package app

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/tier"
)

// TestALongLife measures the pages of meters that have reported every three minutes for years, with a tenth as many events. On a
// machine that does nothing else the 99th percentile of each page is below 200 ms. TestNoPageReadsAWholeTable judges the plans.
func TestALongLife(t *testing.T) {
	tier.Long(t)
	onFrozen(t, func(w *walk, address string) {
		w.signIn()
		day := w.facts.Now.AddDate(-1, 0, 0).Format(time.DateOnly)
		for _, meter := range []string{w.facts.WalletMeter, w.facts.TokenMeter} {
			w.lives(meter, tier.LifelongReadings.N(), address != "")
			for _, path := range []string{"", "?by=week", "?by=month", "?by=day&on=" + day, "/timeline", "/timeline?kind=event"} {
				took, used := make([]time.Duration, 100), processor()
				for i := range took {
					began := time.Now()
					if a := w.get("/meters/" + meter + path); a.Code != 200 {
						w.t.Fatalf("/meters/%s%s: %d", meter, path, a.Code)
					}
					took[i] = time.Since(began)
				}
				slices.Sort(took)
				w.t.Logf("figures: /meters/%s%s: p50 %v, p99 %v, processor %v without the database server", meter, path, took[49].Round(time.Millisecond), took[98].Round(time.Millisecond),
					((processor() - used) / 100).Round(100*time.Microsecond))
				if mean := (processor() - used) / 100; mean > time.Second { // a page that reads all rows takes many seconds
					w.t.Errorf("/meters/%s%s takes %v of processor time", meter, path, mean)
				}
			}
		}
	})
}

// processor is the processor time of this process.
func processor() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // it cannot fail with these arguments
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// lives gives a meter n readings, three minutes apart, and a tenth as many events. The last are from just before the test.
func (w *walk) lives(number string, n int, shared bool) {
	w.t.Helper()
	count := `WITH RECURSIVE i(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < $1) `
	if shared {
		count = `WITH i AS (SELECT generate_series(1, $1::bigint) AS i) `
	}
	at := `$2 - ($1 - i) * 180000000`
	if err := w.a.engine.Engine.Run(w.t.Context(), store.FirstTenant, store.Sale, func(tx *store.Tx) (bool, error) {
		for _, sql := range []string{
			count + `INSERT INTO reading (tenant_id, meter, store, seq, at, up, clock, received_at, register_wh, balance_wh, w, mv, relay)
				SELECT 1, m.n, 'life', i, ` + at + `, i * 180, 'rtc', ` + at + `, i * 15, 5000, 300, 230000, 'closed' FROM i, meter m WHERE m.number = $3`,
			count + `INSERT INTO meter_event (tenant_id, meter, store, seq, code, at, clock, received_at)
				SELECT 1, m.n, 'life', i, 101 + i % 2, ` + at + `, 'rtc', ` + at + ` FROM i, meter m WHERE m.number = $3 AND i % 10 = 0`,
		} {
			if _, err := tx.C.Exec(sql, n, w.facts.Now.UnixMicro(), number); err != nil {
				return false, err
			}
		}
		return false, nil
	}); err != nil {
		w.t.Fatal(err)
	}
}
