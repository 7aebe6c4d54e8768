package bench

import (
	"context"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paywatt/paywatt/internal/money"
)

// drive is the result of a measurement in which each caller waits for the answer to its sale.
type drive struct {
	Rate float64 `json:"rate"` // sales a second
	P50  float64 `json:"p50_ms"`
	P99  float64 `json:"p99_ms"`
	CPU  float64 `json:"cpu_ms_per_sale"` // processor time of this process per sale, in ms
	// ServerCPU is the processor time of the database's processes per sale, in ms; 0 if there are none.
	ServerCPU float64 `json:"server_cpu_ms_per_sale,omitempty"`
	Sales     int     `json:"sales"`
	Seconds   float64 `json:"seconds"`
}

// saleRequest is one sale that a caller makes.
type saleRequest struct {
	meter  int
	tender money.Minor
	key    string
}

// half is the duration of the secondary measurements.
func (b *Vend) half() time.Duration { return time.Duration(b.Seconds) * time.Second / 2 }

// drive lets the callers sell to random meters for a duration. With a rate, each caller sells at fixed times, and a
// sale's latency counts from its due time. Without a rate, each caller begins its next sale when it has the answer to
// the last one.
func (b *Vend) drive(ctx context.Context, long time.Duration, rate float64, sell func(context.Context, saleRequest) error) (drive, error) {
	took := make([][]time.Duration, b.Callers)
	run := b.runs.Add(1)
	cpu, began := cpuOfSelf(), time.Now()
	end := began.Add(long)
	err := inParallel(b.Callers, b.Callers, func(caller int) error {
		r := mathrand.New(mathrand.NewPCG(uint64(caller), uint64(2026+run))) // selects meters; no need for a secure generator
		for n := 0; ; n++ {
			due := time.Now()
			if rate > 0 {
				due = began.Add(time.Duration(float64(n*b.Callers+caller) / rate * float64(time.Second)))
				time.Sleep(time.Until(due))
			}
			if !due.Before(end) || ctx.Err() != nil {
				return ctx.Err()
			}
			w := saleRequest{meter: r.IntN(b.Meters), tender: money.Minor(1000 + r.IntN(50_000)), key: fmt.Sprintf("bench-%d-%d-%d", run, caller, n)}
			if err := sell(ctx, w); err != nil {
				return err
			}
			took[caller] = append(took[caller], time.Since(due))
		}
	})
	if err != nil {
		return drive{}, err
	}
	elapsed := time.Since(began).Seconds()
	cpu = cpuOfSelf() - cpu
	all := slices.Sorted(slices.Values(slices.Concat(took...)))
	if len(all) == 0 {
		return drive{}, errors.New("bench vend: not one sale was made in time")
	}
	return drive{Rate: rounded(float64(len(all)) / elapsed), P50: rounded(milliseconds(all[len(all)/2])),
		P99: rounded(milliseconds(all[len(all)*99/100])), CPU: rounded(milliseconds(cpu) / float64(len(all))), Sales: len(all),
		Seconds: rounded(elapsed)}, nil
}

// inParallel calls work for 0 to n-1 on this many goroutines. An error ends its goroutine; inParallel returns all
// errors.
func inParallel(workers, n int, work func(i int) error) error {
	var next atomic.Int64
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for errs[w] == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				errs[w] = work(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
