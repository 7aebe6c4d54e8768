package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/paywatt/paywatt/internal/exit"
)

// pgBin is where Debian installs the programs of PostgreSQL 15.
const pgBin = "/usr/lib/postgresql/15/bin"

// pgUser runs the cluster if this program runs as root, because PostgreSQL refuses to run as root.
const pgUser = "postgres"

// Time limits for the parts of the baseline.
const (
	pgStart = 30 * time.Second
	pgLoad  = 120 * time.Second
)

// pgbench is the baseline: PostgreSQL's own benchmark, on a temporary cluster or on a running server.
type pgbench struct {
	bin string // folder of the programs; "" to find them by PATH
	url string // URL of a running server; "" for a temporary cluster
}

// pgFigures are what the baseline measured.
type pgFigures struct {
	name         string
	rate         float64       // transactions a second, median of the rounds
	latency      float64       // median of the rounds' mean latencies, in ms
	transactions int           // number of transactions in all rounds
	cpu          time.Duration // processor time of server and clients together; 0 if the server is not our own
}

// findPgbench finds the programs that the baseline needs, before any of them is started.
func findPgbench(url string) (pgbench, error) {
	missing := &exit.Failure{Code: exit.Unreachable, What: "PostgreSQL 15 was not found.", Not: "Nothing was measured.",
		Try: "Install it with apt-get install postgresql-15, or give a running server with --baseline postgres://user@host/database."}
	if url != "" {
		if !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
			return pgbench{}, &exit.Failure{Code: exit.Usage, What: "--baseline is not a postgres:// URL.", Not: "Nothing was measured.", Try: "Write postgres://user@host/database."}
		}
		if _, err := os.Stat(filepath.Join(pgBin, "pgbench")); err == nil {
			return pgbench{bin: pgBin, url: url}, nil
		}
		if _, err := exec.LookPath("pgbench"); err == nil {
			return pgbench{url: url}, nil
		}
		missing.What = "The program pgbench is not installed."
		missing.Try = "Install it with apt-get install postgresql-contrib or postgresql-15."
		return pgbench{}, missing
	}
	for _, program := range []string{"initdb", "postgres", "pgbench", "createdb"} {
		if _, err := os.Stat(filepath.Join(pgBin, program)); err != nil {
			return pgbench{}, missing
		}
	}
	if err := canRunAs(pgUser); err != nil {
		missing.What = "PostgreSQL does not run as root, and there is no user " + pgUser + " to run it as: " + err.Error() + "."
		return pgbench{}, missing
	}
	return pgbench{bin: pgBin}, nil
}

func (p pgbench) name() string {
	if p.url != "" {
		return "pgbench on the named server"
	}
	return "pgbench on an own PostgreSQL 15 cluster"
}

// measure loads the tables and runs the script in rounds. After each round, while the server is idle, it calls
// beside(figures). On our own cluster it finally calls also(url) with the URL of an empty database.
func (p pgbench) measure(ctx context.Context, b *Vend, beside func(pgFigures) error, also func(url string) error) (pgFigures, error) {
	if p.url != "" {
		if _, err := p.run(ctx, pgLoad, "", "pgbench", "-i", "-q", "-s", strconv.Itoa(b.Scale), p.url); err != nil {
			return pgFigures{}, err
		}
		return p.rounds(ctx, b, "", p.url, nil, beside)
	}
	dir, err := os.MkdirTemp(b.Dir, "paywatt-pgbench-")
	if err != nil {
		return pgFigures{}, err
	}
	defer os.RemoveAll(dir)
	if err := p.create(ctx, dir); err != nil {
		return pgFigures{}, err
	}
	if err := p.load(ctx, dir, b.Scale); err != nil {
		return pgFigures{}, err
	}
	// Restart the cluster for the measurement. Its processor time is known only when it has ended, and must not include the
	// loading of the tables.
	cpu := cpuOfChildren()
	var out pgFigures
	err = p.serving(ctx, dir, func() (err error) {
		out, err = p.rounds(ctx, b, dir, "bench", nil, beside)
		return err
	})
	out.cpu = cpuOfChildren() - cpu
	if err != nil {
		return out, err
	}
	return out, p.serving(ctx, dir, func() error {
		if _, err := p.run(ctx, pgStart, dir, "createdb", "-h", dir, "-U", "bench", "paywatt"); err != nil {
			return err
		}
		return also("postgres:///paywatt?user=bench&host=" + url.QueryEscape(dir))
	})
}

// create makes a cluster in a folder.
func (p pgbench) create(ctx context.Context, dir string) error {
	if err := giveTo(dir, pgUser); err != nil {
		return err
	}
	_, err := p.run(ctx, pgLoad, dir, "initdb", "-D", filepath.Join(dir, "data"), "-A", "trust", "-U", "bench", "-E", "UTF8", "--locale=C")
	return err
}

func (p pgbench) load(ctx context.Context, dir string, scale int) error {
	return p.serving(ctx, dir, func() error {
		if _, err := p.run(ctx, pgLoad, dir, "createdb", "-h", dir, "-U", "bench", "bench"); err != nil {
			return err
		}
		_, err := p.run(ctx, pgLoad, dir, "pgbench", "-i", "-q", "-s", strconv.Itoa(scale), "-h", dir, "-U", "bench", "bench")
		return err
	})
}

// serving runs work while the cluster in dir is up. The cluster listens only on a socket in dir. All settings that make
// a commit durable are on, as they are by default.
func (p pgbench) serving(ctx context.Context, dir string, work func() error) (err error) {
	cmd := exec.Command(filepath.Join(p.bin, "postgres"), "-D", filepath.Join(dir, "data"), "-k", dir, "-c", "listen_addresses=")
	var said bytes.Buffer
	cmd.Dir, cmd.Stderr = dir, &said
	if err := runAs(cmd, pgUser); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	defer func() {
		// SIGINT is PostgreSQL's fast shutdown: it disconnects clients, writes a checkpoint and exits.
		stop := cmd.Process.Signal(syscall.SIGINT)
		if end := cmd.Wait(); end != nil && err == nil {
			err = fmt.Errorf("postgres: %w: %s", errors.Join(stop, end), lastLine(said.String()))
		}
	}()
	if err := p.ready(ctx, dir); err != nil {
		return err
	}
	return work()
}

// ready waits until the cluster answers.
func (p pgbench) ready(ctx context.Context, dir string) error {
	ctx, stop := context.WithTimeout(ctx, pgStart)
	defer stop()
	for {
		_, err := p.run(ctx, pgStart, dir, "pg_isready", "-h", dir, "-q")
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the cluster did not come up: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// rounds runs the script several times, and calls beside(figures) after each run.
// If server is not nil, it returns the processor time of the cluster so far, and the figures have that of each run.
func (p pgbench) rounds(ctx context.Context, b *Vend, dir, database string, server func() time.Duration, beside func(pgFigures) error) (all pgFigures, err error) {
	var rates, latencies []float64
	for range vendRounds {
		var before time.Duration
		if server != nil {
			before = server() + cpuOfChildren()
		}
		f, err := p.script(ctx, b, dir, database)
		if server != nil {
			f.cpu = server() + cpuOfChildren() - before
		}
		if err == nil {
			err = beside(f)
		}
		if err != nil {
			return pgFigures{}, err
		}
		all.name, all.transactions, all.cpu = f.name, all.transactions+f.transactions, all.cpu+f.cpu
		rates, latencies = append(rates, f.rate), append(latencies, f.latency)
	}
	all.rate, all.latency = median(rates), median(latencies)
	return all, nil
}

// script runs pgbench's built-in TPC-B-like script for one round.
func (p pgbench) script(ctx context.Context, b *Vend, dir, database string) (pgFigures, error) {
	args := []string{"-n", "-c", strconv.Itoa(b.Callers), "-j", "2", "-T", strconv.Itoa(b.round())}
	if dir != "" {
		args = append(args, "-h", dir, "-U", "bench")
	}
	out, err := p.run(ctx, time.Duration(b.round())*time.Second+pgStart, dir, "pgbench", append(args, database)...)
	if err != nil {
		return pgFigures{}, err
	}
	f, err := readPgbench(out)
	f.name = fmt.Sprintf("%s, TPC-B-like, %d clients, scale %d", firstLine(out), b.Callers, b.Scale)
	return f, err
}

// The figures in pgbench's report.
const (
	tpsLine     = `(?m)^tps = ([0-9.]+) `
	latencyLine = `(?m)^latency average = ([0-9.]+) ms`
	countLine   = `(?m)^number of transactions actually processed: ([0-9]+)`
)

// readPgbench parses pgbench's report.
func readPgbench(report string) (pgFigures, error) {
	var f pgFigures
	for _, want := range []struct {
		pattern string
		to      *float64
	}{{tpsLine, &f.rate}, {latencyLine, &f.latency}} {
		m := regexp.MustCompile(want.pattern).FindStringSubmatch(report)
		if m == nil {
			return pgFigures{}, fmt.Errorf("pgbench's report has no line %s", want.pattern)
		}
		var err error
		if *want.to, err = strconv.ParseFloat(m[1], 64); err != nil {
			return pgFigures{}, fmt.Errorf("pgbench's report: %w", err)
		}
	}
	m := regexp.MustCompile(countLine).FindStringSubmatch(report)
	if m == nil || f.rate <= 0 {
		return pgFigures{}, errors.New("pgbench processed no transaction")
	}
	var err error
	f.transactions, err = strconv.Atoi(m[1])
	return f, err
}

// run runs one of the programs to its end, as the cluster's user if the cluster is our own.
func (p pgbench) run(ctx context.Context, limit time.Duration, dir, program string, args ...string) (string, error) {
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	path := program
	if p.bin != "" {
		path = filepath.Join(p.bin, program)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	if p.url == "" {
		if err := runAs(cmd, pgUser); err != nil {
			return "", err
		}
	}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", program, err, lastLine(said.String()))
	}
	return out.String(), nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
