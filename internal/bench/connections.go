package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/paywatt/paywatt/internal/exit"
)

// Silent configures `bench connections`. The server is a process of its own.
type Silent struct {
	Program string // this program, which the bench starts again as the server
	Dir     string
	Most    int // meters that connect, at most
}

// Held is the memory of the server's process when it has freed what it can.
type Held struct {
	InUse int // bytes of heap and stacks
	RSS   int // bytes that the system counts; 0 where it does not tell
}

// settling is how long the meters are silent before the memory counts.
const settling = 1500 * time.Millisecond

// step is what one number of connections costs.
type step struct {
	Connections int `json:"connections"`
	InUse       int `json:"in_use_per_connection"`
	RSS         int `json:"rss_per_connection"`
}

// silent are the measurements of one way to connect.
type silent struct {
	steps []step
	took  []time.Duration // of each login
	wall  float64         // seconds for all logins
	cpu   float64         // seconds of the server's processor time for each login
}

// Run measures idle meters without TLS, with TLS and passwords, and with TLS and certificates, then bare sockets.
func (b *Silent) Run(ctx context.Context, say Say) (Measured, error) {
	if b.Most < 4 || b.Most > 20_000 {
		return Measured{}, &exit.Failure{Code: exit.Usage, What: "An option of the bench is out of its range.", Not: "Nothing was measured.", Try: "Use 4 to 20000 connections."}
	}
	return inFolder(b.Dir, func(dir string) (Measured, error) {
		kinds := map[string]*silent{}
		for _, kind := range []string{"plain", "tls", "certificates", "bare"} {
			say("connecting %d meters: %s", b.Most, kind)
			s, err := b.kind(ctx, filepath.Join(dir, kind), kind)
			if err != nil {
				return Measured{}, fmt.Errorf("%s connections: %w", kind, err)
			}
			for _, p := range s.steps {
				say("%6d connections: %6d bytes in use, %6d of RSS for each", p.Connections, p.InUse, p.RSS)
			}
			kinds[kind] = s
		}
		plain, encrypted, certified, bare := kinds["plain"], kinds["tls"], kinds["certificates"], kinds["bare"]
		n := float64(b.Most)
		m := Measured{Bench: "connections", Unit: "logins a second", Baseline: "a bare TCP server", Rate: n / plain.wall, BaselineRate: n / bare.wall,
			P50: percentile(plain.took, 50), P99: percentile(plain.took, 99), Others: map[string]any{"plain": plain.steps, "tls": encrypted.steps,
				"certificates": certified.steps, "bare": bare.steps, "slope_plain": plain.slope(), "slope_tls": encrypted.slope(),
				"slope_certificates": certified.slope(), "slope_bare": bare.slope(),
				"tls_cpu_us": rounded(encrypted.cpu * 1e6), "certificates_cpu_us": rounded(certified.cpu * 1e6)}}
		return m.with(plain.cpu, bare.cpu), nil
	})
}

// slope is the memory of one more connection, from the first step to the last.
func (s *silent) slope() step {
	first, last := s.steps[0], s.steps[len(s.steps)-1]
	n := last.Connections - first.Connections
	return step{Connections: n, InUse: (last.InUse*last.Connections - first.InUse*first.Connections) / n,
		RSS: (last.RSS*last.Connections - first.RSS*first.Connections) / n}
}

// kind starts a server and connects meters to it in four steps.
func (b *Silent) kind(ctx context.Context, dir, kind string) (s *silent, err error) {
	server, err := b.start(ctx, dir, kind)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.close()) }()
	empty, err := server.held()
	if err != nil {
		return nil, err
	}
	conns := make([]io.Closer, b.Most)
	defer func() {
		for _, c := range conns {
			if c != nil {
				_ = c.Close() // the measurement is over
			}
		}
	}()
	s = &silent{took: make([]time.Duration, b.Most)}
	before, err := cpuOfProcess(server.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	const steps = 4
	for part := range steps {
		from, to := b.Most*part/steps, b.Most*(part+1)/steps
		began := time.Now()
		if err := inParallel(16, to-from, func(i int) (err error) {
			begun := time.Now()
			conns[from+i], err = server.dial(kind, from+i)
			s.took[from+i] = time.Since(begun)
			return err
		}); err != nil {
			return nil, err
		}
		s.wall += time.Since(began).Seconds()
		time.Sleep(settling)
		now, err := server.held()
		if err != nil {
			return nil, err
		}
		s.steps = append(s.steps, step{to, (now.InUse - empty.InUse) / to, (now.RSS - empty.RSS) / to})
	}
	after, err := cpuOfProcess(server.cmd.Process.Pid)
	s.cpu = (after - before).Seconds() / float64(b.Most)
	return s, err
}

// meterServer is the server's process.
type meterServer struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
	job Job
}

func (b *Silent) start(ctx context.Context, dir, kind string) (*meterServer, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	return startMeterServer(exec.CommandContext(ctx, b.Program, "bench", "mqtt-server", "--dir", dir, "--connections", strconv.Itoa(b.Most), "--kind", kind))
}

// startMeterServer starts a process that runs [Ingest.ServeMeters], and reads its address.
func startMeterServer(cmd *exec.Cmd) (*meterServer, error) {
	cmd.Stderr = os.Stderr
	s := &meterServer{cmd: cmd}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if s.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s.out = json.NewDecoder(bufio.NewReader(out))
	if err := s.out.Decode(&s.job); err != nil {
		return nil, errors.Join(fmt.Errorf("the server of the bench did not start: %w", err), s.close())
	}
	return s, nil
}

// held asks the process for its memory.
func (s *meterServer) held() (h Held, err error) {
	if _, err := io.WriteString(s.in, "memory\n"); err != nil {
		return Held{}, err
	}
	return h, s.out.Decode(&h)
}

// close ends the process, which ends with its standard input.
func (s *meterServer) close() error { return errors.Join(s.in.Close(), s.cmd.Wait()) }

// dial connects one meter, or one bare socket.
func (s *meterServer) dial(kind string, i int) (io.Closer, error) {
	if kind != "bare" {
		m, err := connectMeter(s.job, i, 1)
		if err != nil {
			return nil, err
		}
		return m.conn, nil
	}
	c, err := net.Dial("tcp", s.job.Address)
	if err != nil {
		return nil, err
	}
	if _, err = c.Write([]byte{1}); err == nil {
		_, err = c.Read(make([]byte, 1))
	}
	return c, err
}

// heldNow frees what can be freed, and returns the memory of this process.
func heldNow() Held {
	runtime.GC()
	debug.FreeOSMemory() // a second collection frees what the first left to finalizers
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return Held{InUse: int(m.HeapAlloc + m.StackInuse), RSS: int(readStatus(residentNow))}
}

// serveBare serves sockets that send one byte and then stay silent: the least that a connection costs in Go.
func serveBare(in io.Reader, out io.Writer) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				one := make([]byte, 1)
				for {
					n, err := c.Read(one)
					if err == nil {
						_, err = c.Write(one[:n]) // tells the client that it was accepted
					}
					if err != nil {
						_ = c.Close() // the other end is gone
						return
					}
				}
			}()
		}
	}()
	return errors.Join(answerMemory(Job{Address: l.Addr().String()}, in, out), l.Close())
}

// answerMemory writes where the server is. Then it writes the memory of this process for each line, until in ends.
func answerMemory(j Job, in io.Reader, out io.Writer) error {
	enc := json.NewEncoder(out)
	if err := enc.Encode(j); err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if err := enc.Encode(heldNow()); err != nil {
			return err
		}
	}
	return lines.Err()
}
