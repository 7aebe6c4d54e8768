package sqlite_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/store/storetest"
)

// BenchmarkSales measures durable sales per second from eight callers.
func BenchmarkSales(b *testing.B) {
	const customers = 2000
	e, err := sqlite.Open(b.TempDir(), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	stock(b, e, customers)
	var next atomic.Int64
	before := e.Stats()
	b.SetParallelism(4) // times two processors: eight callers
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := storetest.Do(context.Background(), e, store.FirstTenant, store.Sale, sellOne(next.Add(1), customers)); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sales/s")
	after := e.Stats()
	b.ReportMetric(float64(b.N)/float64(after.Batches-before.Batches), "sales/commit")
}

// BenchmarkReadings measures durable readings per second, one message each, from as many meters as fit into a batch.
func BenchmarkReadings(b *testing.B) {
	e, err := sqlite.Open(b.TempDir(), sqlite.Options{Intake: intake.Take})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	b.ReportAllocs()
	b.ResetTimer()
	flood(b, e, 0, b.N, 2000)
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "readings/s")
}
