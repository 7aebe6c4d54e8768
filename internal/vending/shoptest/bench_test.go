package shoptest_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/dayclose"
	"github.com/paywatt/paywatt/internal/sale"
)

// BenchmarkSell measures one durable sale, by callers that each wait for their own. Use it to compare the program before and after a
// change. `paywatt bench vend` compares the program with a named baseline.
func BenchmarkSell(b *testing.B) {
	for _, c := range []struct{ callers, days int }{{1, 0}, {1, 1000}, {8, 0}, {8, 1000}} { // closed days
		b.Run(fmt.Sprintf("callers=%d,closed-days=%d", c.callers, c.days), func(b *testing.B) {
			s := openWith(b, true, false)
			s.closedDays(c.days)
			domestic := s.publish("blocks", ibt(), monday())
			meters := make([]string, 200)
			for i := range meters {
				meters[i] = s.meter(i, place{tariff: domestic})
			}
			var n atomic.Int64
			b.SetParallelism((c.callers + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := n.Add(1)
					o := order(meters[int(i)%len(meters)], 10000, fmt.Sprintf("key-number-%d", i))
					o.Deliver = []string{sale.RouteMQTT}
					sold, err := s.Sell(context.Background(), owner(), o)
					if err != nil || sold.Refused() {
						b.Errorf("sale %d: %v %s", i, err, sold.Detail())
						return
					}
				}
			})
		})
	}
}

// closedDays stores closed days of the years before the tests.
func (s *shop) closedDays(n int) {
	s.t.Helper()
	s.do(func(tx *storeTx) error {
		for i := range n {
			at := monday().AddDate(0, 0, -n+i-1)
			d := dayclose.Closed{Period: dayclose.Period{Date: at.Format(time.DateOnly), From: at, To: at.AddDate(0, 0, 1)}, Zone: "UTC", ClosedAt: tx.Now, ClosedBy: "bench"}
			var err error
			if d.ID, err = tx.NewID(); err == nil {
				err = tx.AddDay(d)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// BenchmarkOpenDay measures what a sale reads of closed days: one row of an index, in a transaction that has not read it.
func BenchmarkOpenDay(b *testing.B) {
	s := openWith(b, true, false)
	s.closedDays(1000)
	for name, read := range map[string]func(*storeTx) error{"nothing": func(*storeTx) error { return nil }, "open day": func(tx *storeTx) error { _, err := tx.OpenFrom(); return err }} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				if err := s.engine.View(context.Background(), tenant, read); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
