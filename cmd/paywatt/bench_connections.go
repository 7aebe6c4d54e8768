package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/broker"
)

func newBenchConnections(c console) *cobra.Command {
	b := &ingestBench{flight: 1, batch: 1, rate: 2, seconds: 1}
	cmd := &cobra.Command{
		Use:   "connections",
		Short: "Memory and time of a connected, silent meter, against a bare TCP server",
		Long: "Connects virtual meters to the meters' side of a server in this process, with password and subscription, and leaves\n" +
			"them silent. Memory is what heap and stacks grew by, for both ends; a meter's end is a socket with a buffer of\n" +
			"1 KiB. The baseline is as many sockets of a server that only reads. Each connection takes two file descriptors.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := b.check(); err != nil {
				return err
			}
			return inBenchFolder(b.dir, func(dir string) error { return b.connect(cmd.Context(), c, dir) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&b.dir, "dir", os.TempDir(), "folder for the server; a folder in it is made and removed")
	f.IntVar(&b.connections, "connections", 1000, "meters that connect")
	return cmd
}

// connect measures the server's connections, then bare ones.
func (b *ingestBench) connect(ctx context.Context, c console, dir string) error {
	s, err := openMeterStack(ctx, filepath.Join(dir, "mqtt"), b.connections, broker.Limits{Connections: b.connections + 100})
	if err != nil {
		return err
	}
	c.tell("limits: %s", s.broker.Limits())
	c.tell("connecting %d meters", b.connections)
	meters := make([]*benchMeter, b.connections)
	took, cpu, wall, memory, err := b.opened(func(i int) (err error) { meters[i], err = s.connect(i, b.flight); return err })
	open := s.broker.Stats().Meters
	for _, m := range meters {
		if m != nil {
			err = errors.Join(err, m.conn.Close())
		}
	}
	if err := errors.Join(err, s.close()); err != nil {
		return err
	}
	c.tell("connecting %d bare sockets", b.connections)
	_, bareCPU, bareWall, bareMemory, err := b.bare()
	if err != nil {
		return err
	}
	n := float64(b.connections)
	m := measured{Bench: "connections", Unit: "logins a second", Baseline: "bare TCP connections", Rate: n / wall, BaselineRate: n / bareWall,
		P50: percentile(took, 50), P99: percentile(took, 99), Others: map[string]any{"connections": open,
			"bytes_per_connection": memory / b.connections, "baseline_bytes_per_connection": bareMemory / b.connections,
			"limits": s.broker.Limits().String()}}
	return m.write(c, cpu/n, bareCPU/n)
}

// opened opens connections one after the other on a few goroutines and says what they took and what memory is in use
// afterwards that was not before.
func (b *ingestBench) opened(open func(i int) error) (took []time.Duration, cpu, wall float64, memory int, err error) {
	before := memoryInUse()
	took = make([]time.Duration, b.connections)
	stop := spent()
	err = inParallel(16, b.connections, func(i int) error {
		began := time.Now()
		err := open(i)
		took[i] = time.Since(began)
		return err
	})
	wall, cpu = stop()
	return took, cpu, wall, memoryInUse() - before, err
}

// memoryInUse is the memory of heap and stacks that something still refers to.
func memoryInUse() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what the first made free to finalizers is gone after the second
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// bare measures sockets of a server that reads and does nothing else.
func (b *ingestBench) bare() (took []time.Duration, cpu, wall float64, memory int, err error) {
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
						_, err = conn.Write(buffer[:n]) // so that the client knows that it was accepted
					}
					if err != nil {
						_ = conn.Close() // the other end is gone
						return
					}
				}
			})
		}
	})
	conns := make([]net.Conn, b.connections)
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
