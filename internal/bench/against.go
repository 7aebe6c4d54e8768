package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/gateway"
)

// Against configures `bench mqtt`. The meters' side of a server, mosquitto and the load are processes of their own.
type Against struct {
	Program string // this program, which the bench starts again for the server and for the load
	Ingest
	Turns int
	Other string // the other server; mosquitto is the only one
}

// Mosquitto is the server that [Against] compares with.
const Mosquitto = "mosquitto"

// Job is what the process that makes the load reads from its standard input.
type Job struct {
	Address                      string
	TLS                          bool
	Issuer                       *Issuer // signs the certificates with which meters sign in; nil for passwords
	Seconds, Connections, Flight int
	Logins                       []loginOf
	Sent                         []uint64 // readings that each meter has sent before; the load goes on from there
}

// Loaded is what the process that makes the load reports.
type Loaded struct {
	Rate, P50, P99 float64
	CPU            float64 // seconds of the load's own processor time
	Readings       int64
	Sent           []uint64 // readings that each meter has sent in all
}

// Load runs the load that a [Job] describes, and writes what it measured.
func Load(ctx context.Context, in io.Reader, out io.Writer) error {
	var j Job
	if err := json.NewDecoder(in).Decode(&j); err != nil {
		return fmt.Errorf("read the job of the load: %w", err)
	}
	b := Ingest{Seconds: j.Seconds, Connections: j.Connections, Flight: j.Flight, Batch: 1}
	if j.Sent == nil {
		j.Sent = make([]uint64, j.Connections)
	}
	n, took, cpu, wall, err := b.sendTo(ctx, j)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(Loaded{Rate: float64(n) / wall, P50: percentile(took, 50), P99: percentile(took, 99), CPU: cpu, Readings: n, Sent: j.Sent})
}

// ServeMeters runs the meters' side of a server in a folder: plain, with tls, with certificates, or bare sockets without a server. It writes a [Job] with
// the address and the logins. For each line of in it writes its memory. It ends when in ends.
func (b *Ingest) ServeMeters(ctx context.Context, kind string, in io.Reader, out io.Writer) error {
	if kind == "bare" {
		return serveBare(in, out)
	}
	e, err := newEncryption(kind)
	if err != nil {
		return err
	}
	s, err := openMeterStack(ctx, filepath.Join(b.Dir, "mqtt"), b.Connections, e, gateway.Limits{Rate: b.Rate, Burst: b.Rate, Connections: b.Connections + 100})
	if err != nil {
		return err
	}
	j := Job{Address: s.gateway.Addr().String(), TLS: e.tls != nil, Logins: s.meters}
	if e.trust != nil {
		j.Issuer = e.issuer
	}
	return errors.Join(answerMemory(j, in, out), s.close())
}

// measuredServer is a server under measurement, in a process of its own.
type measuredServer struct {
	name   string
	cmd    *exec.Cmd
	end    func() error
	job    Job
	loads  []Loaded
	server []float64 // seconds of the server's processor time for each message, turn by turn
}

// Run measures all servers in turns, each with the same load.
func (b *Against) Run(ctx context.Context, say Say) (Measured, error) {
	if err := b.check(); err != nil {
		return Measured{}, err
	}
	if b.Other != Mosquitto {
		return Measured{}, &exit.Failure{Code: exit.Usage, What: "The bench cannot measure " + b.Other + ".", Not: "Nothing was measured.", Try: "Use --against mosquitto."}
	}
	if _, err := exec.LookPath(Mosquitto); err != nil {
		return Measured{}, &exit.Failure{Code: exit.Unreachable, What: "The program mosquitto was not found.", Not: "Nothing was measured.",
			Try: "Install it with apt-get install mosquitto mosquitto-clients."}
	}
	return inFolder(b.Dir, func(dir string) (Measured, error) { return b.against(ctx, say, dir) })
}

func (b *Against) against(ctx context.Context, say Say, dir string) (m Measured, err error) {
	var peers []*measuredServer
	defer func() {
		for _, p := range peers {
			err = errors.Join(err, p.end())
		}
	}()
	own, err := b.startOwn(ctx, dir)
	if err != nil {
		return Measured{}, err
	}
	peers = append(peers, own)
	for _, strict := range []bool{false, true} {
		p, err := b.startMosquitto(ctx, dir, strict, own.job.Logins)
		if err != nil {
			return Measured{}, err
		}
		peers = append(peers, p)
	}
	say("%d connections with %d messages in flight, %d turns of %d s each at %d servers", b.Connections, b.Flight, b.Turns, b.Seconds, len(peers))
	for range b.Turns {
		for _, p := range peers {
			if err := b.turn(ctx, p); err != nil {
				return Measured{}, fmt.Errorf("load on %s: %w", p.name, err)
			}
			last := p.loads[len(p.loads)-1]
			say("%-36s %9.0f a second, p99 %.1f ms, server %.1f µs a message", p.name, last.Rate, last.P99, p.server[len(p.server)-1]*1e6)
		}
	}
	return b.compared(peers), nil
}

// compared makes the result: medians of all turns.
func (b *Against) compared(peers []*measuredServer) Measured {
	own, plain, strict := peers[0], peers[1], peers[2]
	m := Measured{Bench: "mqtt", Unit: "readings a second, each durable before its PUBACK", Baseline: plain.name, Rate: own.rate(), BaselineRate: plain.rate(),
		P50: medianOf(own.loads, func(l Loaded) float64 { return l.P50 }), P99: medianOf(own.loads, func(l Loaded) float64 { return l.P99 })}
	m.Others = map[string]any{"connections": b.Connections, "in_flight": b.Flight, "turns": b.Turns, "strict_rate": rounded(strict.rate()),
		"ratio_to_strict":    rounded(own.rate() / max(1, strict.rate())),
		"load_cpu_us":        rounded(medianOf(own.loads, Loaded.cpu) * 1e6),
		"baseline_load_us":   rounded(medianOf(plain.loads, Loaded.cpu) * 1e6),
		"server_to_baseline": rounded(median(own.server) / max(1e-9, median(plain.server)))}
	return m.with(median(own.server), median(plain.server))
}

func (p *measuredServer) rate() float64 {
	return medianOf(p.loads, func(l Loaded) float64 { return l.Rate })
}

// cpu is the load's own processor time for each message.
func (l Loaded) cpu() float64 { return l.CPU / float64(max(1, l.Readings)) }

// medianOf returns the median of one figure.
func medianOf[T any](all []T, of func(T) float64) float64 {
	var out []float64
	for _, x := range all {
		out = append(out, of(x))
	}
	return median(out)
}

// turn puts the load on one server and measures both processes.
func (b *Against) turn(ctx context.Context, p *measuredServer) error {
	job := p.job
	job.Seconds, job.Connections, job.Flight = b.Seconds, b.Connections, b.Flight
	in, err := json.Marshal(job)
	if err != nil {
		return err
	}
	before, err := cpuOfProcess(p.cmd.Process.Pid)
	if err != nil {
		return err
	}
	load := exec.CommandContext(ctx, b.Program, "bench", "mqtt-load")
	load.Stdin, load.Stderr = bytes.NewReader(in), os.Stderr
	out, err := load.Output()
	if err != nil {
		return err
	}
	after, err := cpuOfProcess(p.cmd.Process.Pid)
	if err != nil {
		return err
	}
	var l Loaded
	if err := json.Unmarshal(out, &l); err != nil {
		return err
	}
	p.job.Sent = l.Sent // a server that stores must not see the same readings again
	p.loads = append(p.loads, l)
	p.server = append(p.server, (after-before).Seconds()/float64(max(1, l.Readings)))
	return nil
}

// startOwn starts the meters' side of a server.
func (b *Against) startOwn(ctx context.Context, dir string) (*measuredServer, error) {
	s, err := startMeterServer(exec.CommandContext(ctx, b.Program, "bench", "mqtt-server", "--dir", dir, "--connections", strconv.Itoa(b.Connections), "--rate", strconv.Itoa(b.Rate)))
	if err != nil {
		return nil, err
	}
	return &measuredServer{name: "paywatt, durable before PUBACK", cmd: s.cmd, end: s.close, job: s.job}, nil
}

// startMosquitto starts mosquitto. It stores nothing, or, if strict, it queues every message for a subscriber that is away and writes its
// database after every change.
func (b *Against) startMosquitto(ctx context.Context, dir string, strict bool, logins []loginOf) (*measuredServer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	if err := l.Close(); err != nil { // mosquitto cannot choose a free port by itself
		return nil, err
	}
	p := &measuredServer{name: "mosquitto, nothing stored", job: Job{Address: address, Logins: logins}}
	conf := []string{"listener " + port + " 127.0.0.1", "allow_anonymous true", "log_dest none", "set_tcp_nodelay true", "max_queued_messages 0"}
	folder := filepath.Join(dir, "mosquitto")
	if strict {
		p.name, folder = "mosquitto, database after each change", folder+"-strict"
		conf = append(conf, "persistence true", "persistence_location "+folder+"/", "autosave_on_changes true", "autosave_interval 1")
	}
	if os.Geteuid() == 0 {
		conf = append(conf, "user root") // else it could not write into the folder
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, err
	}
	file := filepath.Join(folder, "mosquitto.conf")
	if err := os.WriteFile(file, []byte(strings.Join(conf, "\n")+"\n"), 0o600); err != nil {
		return nil, err
	}
	p.cmd = exec.CommandContext(ctx, "mosquitto", "-c", file)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.end = func() error {
		err := p.cmd.Process.Kill()
		_ = p.cmd.Wait() // it reports the kill
		return err
	}
	if err := b.listening(address); err != nil {
		return nil, errors.Join(err, p.end())
	}
	if strict {
		err = exec.CommandContext(ctx, "mosquitto_sub", "-h", "127.0.0.1", "-p", port, "-i", "store", "-c", "-q", "1", "-t", "#", "-E").Run()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("subscribe to mosquitto: %w", err), p.end())
	}
	return p, nil
}

// listening waits until a server accepts connections.
func (b *Against) listening(address string) error {
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		var c net.Conn
		if c, err = net.Dial("tcp", address); err == nil {
			return c.Close()
		}
	}
	return fmt.Errorf("mosquitto did not start: %w", err)
}

// cpuOfProcess returns the processor time that a process has used so far, as Linux reports it.
func cpuOfProcess(pid int) (time.Duration, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, fmt.Errorf("processor time of another process: %w", err)
	}
	_, after, _ := strings.Cut(string(text), ") ") // the name before may have spaces
	const user, system, ticks = 11, 12, 100        // fields after the name; Linux reports ticks of 10 ms to programs
	f := strings.Fields(after)
	if len(f) <= system {
		return 0, fmt.Errorf("processor time of process %d: unexpected form", pid)
	}
	u, errU := strconv.Atoi(f[user])
	s, errS := strconv.Atoi(f[system])
	return time.Duration(u+s) * time.Second / ticks, errors.Join(errU, errS)
}
