package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/ledger"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/wire"
)

// StoreBench configures `bench store` and `bench disk`.
type StoreBench struct {
	Dir     string
	Engine  string // "sqlite" (or empty) or "postgres"
	Seconds int
	Callers int // callers of small transactions; each waits until its own transaction is durable
	Meters  int
	Flight  int // messages in flight
}

// Sizes of the baseline, which is the cheapest durable log.
const (
	logRecord = 100  // bytes of a reading
	logBatch  = 500  // records per fdatasync
	diskBlock = 4096 // bytes per write of `bench disk`
)

// check refuses options that are out of range.
func (b *StoreBench) check() error {
	if b.Seconds < 1 || b.Seconds > 60 || b.Callers < 1 || b.Callers > 1000 || b.Meters < 1 || b.Meters > 1_000_000 || b.Flight < 1 || b.Flight > 8000 {
		return &exit.Failure{Code: exit.Usage, What: "An option of the bench is out of its range.", Not: "Nothing was measured.",
			Try: "Use 1 to 60 seconds, 1 to 1000 callers, 1 to 1000000 meters and 1 to 8000 messages in flight."}
	}
	return nil
}

// Run measures readings, then the raw log, then small transactions.
func (b *StoreBench) Run(ctx context.Context, say Say) (Measured, error) {
	if err := b.check(); err != nil {
		return Measured{}, err
	}
	return inFolder(b.Dir, func(dir string) (Measured, error) {
		switch b.Engine {
		case "", engineSQLite:
			return b.store(ctx, say, dir)
		case enginePostgres:
			return b.besideSQLite(ctx, say, dir)
		}
		return Measured{}, &exit.Failure{Code: exit.Usage, What: "There is no engine " + b.Engine + ".", Not: "Nothing was measured.", Try: "Use sqlite or postgres."}
	})
}

func (b *StoreBench) store(ctx context.Context, say Say, dir string) (Measured, error) {
	e, err := sqlite.Open(filepath.Join(dir, "data"), sqlite.Options{Intake: intake.Take})
	if err != nil {
		return Measured{}, err
	}
	defer func() { _ = e.Close() }() // the folder is removed anyway
	say("storing readings for %d s", b.Seconds)
	m := Measured{Bench: "store", Unit: "durable readings a second", Baseline: "raw log, fdatasync per 500 records"}
	f, err := b.readings(ctx, e, make([]uint64, b.Meters), time.Duration(b.Seconds)*time.Second)
	if err != nil {
		return Measured{}, err
	}
	rows, cpu := f.rows, f.cpu
	m.Rate, m.P50, m.P99 = f.rate(), percentile(f.latencies, 50), percentile(f.latencies, 99)
	s := e.Stats()
	m.Others = map[string]any{"readings": rows, "readings_per_commit": rounded(float64(rows) / float64(max(1, s.Batches))), "in_flight": b.Flight, "meters": b.Meters}
	say("writing the raw log for %d s", b.Seconds)
	logged, logCPU, logWall, err := b.rawLog(ctx, filepath.Join(dir, "log"))
	if err != nil {
		return Measured{}, err
	}
	m.BaselineRate = float64(logged) / logWall
	say("committing small transactions for %d s", b.Seconds)
	done, waits, wall2, err := b.transactions(ctx, e)
	if err != nil {
		return Measured{}, err
	}
	m.Others["transactions_rate"] = rounded(float64(done) / wall2)
	m.Others["transactions_p50_ms"], m.Others["transactions_p99_ms"] = percentile(waits, 50), percentile(waits, 99)
	m.Others["transactions_per_commit"] = rounded(float64(done) / float64(max(1, e.Stats().Batches-s.Batches)))
	m.Others["callers"] = b.Callers
	return m.with(cpu/float64(max(1, rows)), logCPU/float64(max(1, logged))), nil
}

// stored is what became of the readings of one measurement.
type stored struct {
	rows      int64
	latencies []time.Duration
	cpu, wall float64 // seconds
}

func (s stored) rate() float64 { return float64(s.rows) / s.wall }

// readings stores records of many meters, each in its own message, and counts those that became durable. The parameter seq holds each
// meter's last number.
func (b *StoreBench) readings(ctx context.Context, e store.Engine, seq []uint64, long time.Duration) (s stored, err error) {
	var failed int64
	var mu sync.Mutex
	room := make(chan struct{}, b.Flight)
	stop := spent()
	end := time.Now().Add(long)
	for n := 0; time.Now().Before(end) && ctx.Err() == nil; n++ {
		room <- struct{}{}
		m := n % b.Meters
		seq[m]++
		began := time.Now()
		err := e.Ingest([]metering.Record{reading(int64(m), seq[m], began)}, func(outs []metering.Outcome, err error) {
			mu.Lock()
			if err == nil && outs[0].Kind == metering.Stored {
				s.rows++
			} else {
				failed++
			}
			s.latencies = append(s.latencies, time.Since(began))
			mu.Unlock()
			<-room
		})
		if err != nil {
			return s, fmt.Errorf("send a reading: %w", err)
		}
	}
	for range b.Flight {
		room <- struct{}{}
	}
	s.wall, s.cpu = stop()
	if failed > 0 {
		return s, fmt.Errorf("%d readings were not stored", failed)
	}
	return s, ctx.Err()
}

func reading(meter int64, seq uint64, now time.Time) metering.Record {
	head := wire.Head{Seq: seq, At: now.Unix(), Up: seq * 1000, Clock: wire.ClockValid}
	return metering.Record{Tenant: store.FirstTenant, Meter: meter, Number: fmt.Sprintf("%011d", meter), ReceivedAt: now,
		Rec: wire.Record{Kind: wire.KindReading, Head: head, Reading: &wire.Reading{Head: head, RegisterWh: int64(seq) * 120, BalanceWh: 8000,
			W: 380, MV: 230_400, Relay: "closed"}}}
}

// rawLog appends records with one fdatasync per batch.
func (b *StoreBench) rawLog(ctx context.Context, path string) (records int64, cpu, wall float64, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return 0, 0, 0, err
	}
	defer func() { _ = f.Close() }() // only its speed matters
	batch := make([]byte, logRecord*logBatch)
	stop := spent()
	end := time.Now().Add(time.Duration(b.Seconds) * time.Second)
	for time.Now().Before(end) && ctx.Err() == nil {
		if _, err := f.Write(batch); err != nil {
			return 0, 0, 0, err
		}
		if err := syncData(f); err != nil {
			return 0, 0, 0, err
		}
		records += logBatch
	}
	wall, cpu = stop()
	return records, cpu, wall, ctx.Err()
}

// transactions commits small closures from several callers.
func (b *StoreBench) transactions(ctx context.Context, e *sqlite.Engine) (done int64, waits []time.Duration, wall float64, err error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	stop := spent()
	end := time.Now().Add(time.Duration(b.Seconds) * time.Second)
	for range b.Callers {
		wg.Go(func() {
			var own []time.Duration
			var failed error
			for failed == nil && time.Now().Before(end) && ctx.Err() == nil {
				began := time.Now()
				failed = e.Run(ctx, store.FirstTenant, store.Sale, smallTransaction)
				own = append(own, time.Since(began))
			}
			mu.Lock()
			defer mu.Unlock()
			waits = append(waits, own...)
			if err == nil {
				err = failed
			}
		})
	}
	wg.Wait()
	wall, _ = stop()
	return int64(len(waits)), waits, wall, err
}

// smallTransaction posts 100 from the till to revenue and writes an audit row.
func smallTransaction(tx *store.Tx) (refused bool, err error) {
	i, err := tx.NewID()
	if err != nil {
		return false, err
	}
	b, err := tx.Post(ledger.Journal{ID: i, Kind: ledger.Vend, Ref: i.Text("bench_"), PostedAt: tx.Now, Postings: []ledger.Posting{
		{Account: ledger.AccountRef{Code: ledger.Till, Subject: ledger.MainTill}, Amount: 100},
		{Account: ledger.AccountRef{Code: ledger.RevenueEnergy}, Amount: -100}}})
	if err != nil || b.Refused() {
		return b.Refused(), err
	}
	return false, tx.AuditLog(access.Entry{Actor: "bench", Action: "bench.post", Object: i.Text("bench_")})
}

// Disk measures the cost of one durable write.
func Disk(ctx context.Context, dir string, seconds int) (Measured, error) {
	b := &StoreBench{Dir: dir, Seconds: seconds, Callers: 1, Meters: 1, Flight: 1}
	if err := b.check(); err != nil {
		return Measured{}, err
	}
	return inFolder(b.Dir, func(dir string) (Measured, error) { return b.disk(ctx, dir) })
}

func (b *StoreBench) disk(ctx context.Context, dir string) (Measured, error) {
	waits, cpu, wall, err := b.blocks(ctx, filepath.Join(dir, "synced"), true)
	if err != nil {
		return Measured{}, err
	}
	loose, looseCPU, looseWall, err := b.blocks(ctx, filepath.Join(dir, "loose"), false)
	if err != nil {
		return Measured{}, err
	}
	m := Measured{Bench: "disk", Unit: "durable writes a second", Baseline: "the same writes without fdatasync",
		Rate: float64(len(waits)) / wall, BaselineRate: float64(len(loose)) / looseWall, P50: percentile(waits, 50), P99: percentile(waits, 99),
		Others: map[string]any{"block_bytes": diskBlock, "writes": len(waits), "max_ms": percentile(waits, 100)}}
	return m.with(cpu/float64(max(1, len(waits))), looseCPU/float64(max(1, len(loose)))), nil
}

// blocks appends blocks and returns how long each took. It restarts the file at 64 MiB, so that the baseline does not
// fill the disk.
func (b *StoreBench) blocks(ctx context.Context, path string, sync bool) (waits []time.Duration, cpu, wall float64, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, 0, 0, err
	}
	defer func() { _ = f.Close() }() // only its speed matters
	block := make([]byte, diskBlock)
	stop := spent()
	end := time.Now().Add(time.Duration(b.Seconds) * time.Second)
	for n := int64(0); time.Now().Before(end) && ctx.Err() == nil; n++ {
		began := time.Now()
		if _, err := f.WriteAt(block, n%(64<<20/diskBlock)*diskBlock); err != nil {
			return nil, 0, 0, err
		}
		if sync {
			if err := syncData(f); err != nil {
				return nil, 0, 0, err
			}
		}
		waits = append(waits, time.Since(began))
	}
	wall, cpu = stop()
	return waits, cpu, wall, ctx.Err()
}
