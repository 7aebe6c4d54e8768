package vending_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/paywatt/paywatt/internal/sale"
)

// BenchmarkSell measures one durable sale, by callers that each wait for their own. Use it to compare the program before and after a
// change. `paywatt bench vend` compares the program with a named baseline.
func BenchmarkSell(b *testing.B) {
	for _, callers := range []int{1, 8} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s := openWith(b, true, false)
			domestic := s.publish("blocks", ibt(), monday())
			meters := make([]string, 200)
			for i := range meters {
				meters[i] = s.meter(i, place{tariff: domestic})
			}
			var n atomic.Int64
			b.SetParallelism((callers + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
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
