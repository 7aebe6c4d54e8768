package bench

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/paywatt/paywatt/internal/broker"
)

// Connect measures the memory and time of connected, idle meters: first the server's connections, then bare ones.
func (b *Ingest) Connect(ctx context.Context, say Say) (Measured, error) {
	if err := b.check(); err != nil {
		return Measured{}, err
	}
	return inFolder(b.Dir, func(dir string) (Measured, error) { return b.connect(ctx, say, dir) })
}

func (b *Ingest) connect(ctx context.Context, say Say, dir string) (Measured, error) {
	s, err := openMeterStack(ctx, filepath.Join(dir, "mqtt"), b.Connections, broker.Limits{Connections: b.Connections + 100})
	if err != nil {
		return Measured{}, err
	}
	say("limits: %s", s.broker.Limits())
	say("connecting %d meters", b.Connections)
	meters := make([]*wireMeter, b.Connections)
	took, cpu, wall, memory, err := b.opened(func(i int) (err error) { meters[i], err = s.connect(i, b.Flight); return err })
	open := s.broker.Stats().Meters
	for _, m := range meters {
		if m != nil {
			err = errors.Join(err, m.conn.Close())
		}
	}
	if err := errors.Join(err, s.close()); err != nil {
		return Measured{}, err
	}
	say("connecting %d bare sockets", b.Connections)
	_, bareCPU, bareWall, bareMemory, err := b.bare()
	if err != nil {
		return Measured{}, err
	}
	n := float64(b.Connections)
	m := Measured{Bench: "connections", Unit: "logins a second", Baseline: "bare TCP connections", Rate: n / wall, BaselineRate: n / bareWall,
		P50: percentile(took, 50), P99: percentile(took, 99), Others: map[string]any{"connections": open,
			"bytes_per_connection": memory / b.Connections, "baseline_bytes_per_connection": bareMemory / b.Connections,
			"limits": s.broker.Limits().String()}}
	return m.with(cpu/n, bareCPU/n), nil
}

// opened opens the connections on a few goroutines. It returns how long each connection took, and how much memory
// they use together.
func (b *Ingest) opened(open func(i int) error) (took []time.Duration, cpu, wall float64, memory int, err error) {
	before := memoryInUse()
	took = make([]time.Duration, b.Connections)
	stop := spent()
	err = inParallel(16, b.Connections, func(i int) error {
		began := time.Now()
		err := open(i)
		took[i] = time.Since(began)
		return err
	})
	wall, cpu = stop()
	return took, cpu, wall, memoryInUse() - before, err
}

// memoryInUse returns the memory of heap and stacks that is still referenced.
func memoryInUse() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // the second run frees what the first left to finalizers
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// bare measures the sockets of a server that only echoes what it reads.
func (b *Ingest) bare() (took []time.Duration, cpu, wall float64, memory int, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, 0, 0, 0, err
	}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() {
				buffer := make([]byte, 1<<10)
				for {
					n, err := conn.Read(buffer)
					if err == nil {
						_, err = conn.Write(buffer[:n]) // tells the client that it was accepted
					}
					if err != nil {
						_ = conn.Close() // the other end is gone
						return
					}
				}
			})
		}
	})
	conns := make([]net.Conn, b.Connections)
	took, cpu, wall, memory, err = b.opened(func(i int) (err error) {
		if conns[i], err = net.Dial("tcp", l.Addr().String()); err != nil {
			return err
		}
		if _, err = conns[i].Write([]byte{1}); err != nil {
			return err
		}
		_, err = conns[i].Read(make([]byte, 1))
		return err
	})
	for _, conn := range conns {
		if conn != nil {
			err = errors.Join(err, conn.Close())
		}
	}
	err = errors.Join(err, l.Close())
	served.Wait()
	return took, cpu, wall, memory, err
}
