package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/gateway"
	"github.com/paywatt/paywatt/internal/intake"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/tariff"
	"github.com/paywatt/paywatt/sts"
)

// ingestFloor is how many durable readings per second the smallest supported machine must accept.
const ingestFloor = 5000

// Ingest configures `bench ingest`.
type Ingest struct {
	Dir         string
	Seconds     int
	Connections int
	Flight      int // messages of one meter in flight
	Batch       int // readings in one message
	Rate        int // messages per second that a meter may send; the server's default is 2
}

// check refuses options that are out of range.
func (b *Ingest) check() error {
	if b.Seconds < 1 || b.Seconds > 120 || b.Connections < 1 || b.Connections > 20_000 || b.Flight < 1 || b.Flight > 64 ||
		b.Batch < 1 || b.Batch*b.Flight > 64 || b.Rate < 1 {
		return &exit.Failure{Code: exit.Usage, What: "An option of the bench is out of its range.", Not: "Nothing was measured.",
			Try: "Use 1 to 120 seconds, 1 to 20000 connections and a rate of 1 or more. Messages in flight times readings in each may be at most 64."}
	}
	return nil
}

// Run measures durable readings per second through MQTT, then directly into the store, then the raw log.
func (b *Ingest) Run(ctx context.Context, say Say) (Measured, error) {
	if err := b.check(); err != nil {
		return Measured{}, err
	}
	return inFolder(b.Dir, func(dir string) (Measured, error) { return b.ingest(ctx, say, dir) })
}

func (b *Ingest) ingest(ctx context.Context, say Say, dir string) (Measured, error) {
	limits := gateway.Limits{Rate: b.Rate, Burst: b.Rate, Connections: b.Connections + 100}
	s, err := openMeterStack(ctx, filepath.Join(dir, "mqtt"), b.Connections, encryption{}, limits)
	if err != nil {
		return Measured{}, err
	}
	say("limits: %s", s.gateway.Limits())
	say("sending readings over %d connections for %d s", b.Connections, b.Seconds)
	before := s.engine.Stats().Batches
	readings, latencies, cpu, wall, err := b.send(ctx, s)
	batches := s.engine.Stats().Batches - before
	stats := s.gateway.Stats()
	if err := errors.Join(err, s.close()); err != nil {
		return Measured{}, err
	}
	m := Measured{Bench: "ingest", Unit: "durable readings a second", Baseline: "raw log, fdatasync per 500 records",
		Rate: float64(readings) / wall, P50: percentile(latencies, 50), P99: percentile(latencies, 99)}
	say("storing readings without MQTT for %d s", b.Seconds)
	direct := &StoreBench{Seconds: b.Seconds, Meters: b.Connections, Flight: min(8000, b.Connections*b.Flight)}
	e, err := sqlite.Open(filepath.Join(dir, "direct"), sqlite.Options{Intake: intake.Take})
	if err != nil {
		return Measured{}, err
	}
	stored, err := direct.readings(ctx, e, make([]uint64, direct.Meters), time.Duration(b.Seconds)*time.Second)
	if err := errors.Join(err, e.Close()); err != nil {
		return Measured{}, err
	}
	say("writing the raw log for %d s", b.Seconds)
	logged, logCPU, logWall, err := direct.rawLog(ctx, filepath.Join(dir, "log"))
	if err != nil {
		return Measured{}, err
	}
	m.BaselineRate = float64(logged) / logWall
	m.Others = map[string]any{"connections": b.Connections, "in_flight": b.Flight, "readings_per_message": b.Batch, "readings": readings,
		"readings_per_commit": rounded(float64(readings) / float64(max(1, batches))), "limits": s.gateway.Limits().String(),
		"store_rate": rounded(stored.rate()), "store_cpu_us": rounded(stored.cpu / float64(max(1, stored.rows)) * 1e6),
		"floor": ingestFloor, "floor_met": m.Rate >= ingestFloor, "messages": stats.Messages, "failed": stats.Failed}
	return m.with(cpu/float64(max(1, readings)), logCPU/float64(max(1, logged))), nil
}

// send lets every meter send until the time is over, and returns the number of readings that became durable.
func (b *Ingest) send(ctx context.Context, s *meterStack) (readings int64, latencies []time.Duration, cpu, wall float64, err error) {
	return b.sendTo(ctx, Job{Address: s.gateway.Addr().String(), Logins: s.meters})
}

// sendTo does the same at the server that a job names.
func (b *Ingest) sendTo(ctx context.Context, j Job) (readings int64, latencies []time.Duration, cpu, wall float64, err error) {
	meters := make([]*wireMeter, b.Connections)
	err = inParallel(16, b.Connections, func(i int) (err error) {
		if meters[i], err = connectMeter(j, i, b.Flight); err == nil && j.Sent != nil {
			meters[i].seq = j.Sent[i]
		}
		return err
	})
	defer func() {
		for _, m := range meters {
			if m != nil {
				_ = m.conn.Close() // every message of the meter has been answered or counts as failed
			}
		}
	}()
	if err != nil {
		return 0, nil, 0, 0, err
	}
	var done atomic.Int64
	var mu sync.Mutex
	stop := spent()
	end := time.Now().Add(time.Duration(b.Seconds) * time.Second)
	err = inParallel(b.Connections, b.Connections, func(i int) error {
		n, took, err := meters[i].run(ctx, end, b.Batch)
		if j.Sent != nil {
			j.Sent[i] += uint64(n)
		}
		done.Add(n)
		mu.Lock()
		latencies = append(latencies, took...)
		mu.Unlock()
		return err
	})
	wall, cpu = stop()
	return done.Load(), latencies, cpu, wall, err
}

// meterStack is the part of a server that meters use: store, registry and gateway, in its own folder.
type meterStack struct {
	engine  *sqlite.Engine
	gateway *gateway.Gateway
	stop    context.CancelFunc
	ended   chan error
	meters  []loginOf
}

// loginOf holds the credentials of a bench meter.
type loginOf struct{ Number, Password string }

func openMeterStack(ctx context.Context, dir string, meters int, e encryption, limits gateway.Limits) (*meterStack, error) {
	engine, err := sqlite.Open(dir, sqlite.Options{Intake: intake.Take})
	if err != nil {
		return nil, err
	}
	s := &meterStack{engine: engine, ended: make(chan error, 1), meters: make([]loginOf, meters)}
	if err := s.open(ctx, dir, e, limits); err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	return s, nil
}

func (s *meterStack) open(ctx context.Context, dir string, e encryption, limits gateway.Limits) error {
	data, err := keystore.OpenData(dir)
	if err != nil {
		return err
	}
	r := registry.New(registry.Config{Door: store.DoorTo(s.engine, store.Sale, func(tx *store.Tx) registry.Tx { return tx }),
		Sealer: data, TestKeys: noKeys{}, Connected: func(string) bool { return false }, Now: time.Now, Rand: rand.Reader})
	if err := s.register(ctx, r); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.gateway, err = gateway.New(gateway.Config{Listener: l, TLS: e.tls, Trust: e.check(), Limits: limits, Inbox: s.engine.Ingest,
		Certified: func(ctx context.Context, number string) (registry.Identity, bool) {
			who, ok, err := r.IdentityOf(ctx, number)
			return who, ok && err == nil
		},
		Auth: func(ctx context.Context, number, password string) (registry.Identity, bool) {
			who, ok, err := r.MQTTIdentity(ctx, number, password)
			return who, ok && err == nil
		}})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	go func() { s.ended <- s.gateway.Run(ctx) }()
	return nil
}

// noKeys is an empty key store: the bench's meters need no keys.
type noKeys struct{}

func (noKeys) DecoderKey(sts.Attributes) (key sts.Key, ok bool) { return sts.Key{}, false }

// register adds the meters, many at a time so that they share commits.
func (s *meterStack) register(ctx context.Context, r *registry.Registry) error {
	by := access.SystemActor(store.FirstTenant, "bench")
	t, err := r.AddTariff(ctx, by, registry.NewTariff{Name: "bench", Body: tariff.Body{Currency: "KES", Blocks: []tariff.Block{{Rate: 2_500_000}}}})
	if err != nil || t.Refused() {
		return errors.Join(err, errors.New(t.Detail()))
	}
	return inParallel(64, len(s.meters), func(i int) error {
		m, err := addMeter(ctx, r, by, i, registry.NewMeter{Mode: registry.PrepayWallet})
		s.meters[i] = loginOf{m.Meter.Meter.Number, m.MQTTPassword.Reveal()}
		return err
	})
}

// close closes the gateway, then the store.
func (s *meterStack) close() error {
	s.stop()
	return errors.Join(<-s.ended, s.engine.Close())
}
