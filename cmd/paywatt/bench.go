package main

import (
	"encoding/json"
	"errors"
	"os"
	"runtime/pprof"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/bench"
	"github.com/paywatt/paywatt/internal/exit"
)

// newBenchCommand measures; package bench says how.
func newBenchCommand(c console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this machine against a baseline taken in the same run",
		Long: "Every bench writes one JSON object: rate, baseline, baseline_rate, ratio (rate to baseline), cpu_ratio (the same per\n" +
			"second of CPU), p50_ms, p99_ms, and further figures under others.",
	}
	cmd.AddCommand(newBenchVend(c), newBenchToken(c), newBenchMeter(c), newBenchStore(c), newBenchDisk(c), newBenchIngest(c), newBenchConnections(c))
	profiled(cmd)
	return cmd
}

// benched is the action of a bench: its result as one line of JSON.
func benched[R any](c console, run func(cmd *cobra.Command) (R, error)) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		r, err := run(cmd)
		if err != nil {
			return err
		}
		return json.NewEncoder(c.out).Encode(r)
	}
}

func newBenchVend(c console) *cobra.Command {
	b := &bench.Vend{Version: programVersion()}
	cmd := &cobra.Command{
		Use:   "vend",
		Short: "Durable sales a second, against PostgreSQL's pgbench on the same disk",
		Long: "Sells through the server's own use case (price, TID, token, journal, receipt number, delivery) to random meters of an\n" +
			"SQLite store, every caller waiting until its own sale is durable; in turns with it runs pgbench's TPC-B-like script\n" +
			"with as many clients on a PostgreSQL 15 cluster of its own, or on the one named. Both lie in one folder; figures are\n" +
			"the medians of five turns, whose ratios are told one by one. Beside it stand the same sales on the PostgreSQL store\n" +
			"of that cluster, with the answer stored under an Idempotency-Key (keyed), over loopback HTTP, which does so as well,\n" +
			"and at half the rate.",
		Args: cobra.NoArgs,
		RunE: benched(c, func(cmd *cobra.Command) (bench.VendResult, error) {
			defer withFloor()() // as the server
			return b.Run(cmd.Context(), c.tell)
		}),
	}
	f := cmd.Flags()
	f.IntVar(&b.Callers, "callers", 8, "callers, each waiting for its own answer; also the clients of the baseline")
	f.IntVar(&b.Meters, "meters", 10_000, "meters sold to")
	f.IntVar(&b.Scale, "scale", 20, "scale of the baseline's tables")
	f.IntVar(&b.Seconds, "seconds", 30, "length of each of the two main measurements, in five turns of a second and more; the others take half as long")
	f.StringVar(&b.Dir, "dir", os.TempDir(), "folder in which both databases are made, and removed afterwards")
	f.StringVar(&b.Baseline, "baseline", "", "postgres:// URL of a running server to measure instead of an own cluster; none for no baseline")
	return cmd
}

func newBenchToken(c console) *cobra.Command {
	var seconds int
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Credit tokens made a second on one core, against DES of the standard library",
		Long: "Makes whole EA07 credit tokens with a known key (check field, encryption, transposition, 20 digits) on one core.\n" +
			"The baseline is one block of crypto/des: a cipher of the same block size, key size and number of rounds that no\n" +
			"processor has instructions for, so the ratio means the same on every machine. Under others: reading, EA11, key\n" +
			"derivation and a whole sale's token, in nanoseconds and allocations, and a row of a million vouchers on one core.",
		Args: cobra.NoArgs,
		RunE: benched(c, func(cmd *cobra.Command) (bench.Measured, error) { return bench.Token(cmd.Context(), seconds) }),
	}
	cmd.Flags().IntVar(&seconds, "seconds", bench.LoopSeconds, "how long each loop is measured")
	return cmd
}

func newBenchMeter(c console) *cobra.Command {
	var seconds int
	street := bench.Street()
	cmd := &cobra.Command{
		Use:   "meter",
		Short: "Decisions of the meter core a second on one core, against an atomic counter",
		Long: "Gives the meter core one impulse after the other: counting it, all limits, the relay. The baseline is the least a\n" +
			"meter could do with an impulse: one atomic increment. Under others: energy instead of impulses, hash, snapshot, the\n" +
			"bytes of it all, days of a whole virtual meter (500 W, a reading every half hour, its memory in RAM) a second, and a\n" +
			"street of them on one event queue, with what its time goes into.",
		Args: cobra.NoArgs,
		RunE: benched(c, func(cmd *cobra.Command) (bench.Measured, error) { return bench.Meter(cmd.Context(), seconds, street) }),
	}
	cmd.Flags().IntVar(&seconds, "seconds", bench.LoopSeconds, "how long each loop is measured")
	cmd.Flags().IntVar(&street.Meters, "meters", street.Meters, "how many meters the street has")
	cmd.Flags().IntVar(&street.Days, "days", street.Days, "how many days the street lives")
	return cmd
}

func newBenchStore(c console) *cobra.Command {
	b := &bench.Store{}
	cmd := &cobra.Command{
		Use:   "store",
		Short: "Durable readings and small transactions a second, against a raw log",
		Long: "Sends messages of one reading each through the store's own door for meters and waits until each is durable. The\n" +
			"baseline appends records of 100 bytes to a file with one fdatasync per 500. Small transactions (a journal of two\n" +
			"postings and an audit row) are measured after that.",
		Args: cobra.NoArgs,
		RunE: benched(c, func(cmd *cobra.Command) (bench.Measured, error) { return b.Run(cmd.Context(), c.tell) }),
	}
	f := cmd.Flags()
	f.StringVar(&b.Dir, "dir", os.TempDir(), "folder on the disk to measure; a folder in it is made and removed")
	f.IntVar(&b.Seconds, "seconds", 10, "length of each of the three measurements")
	f.IntVar(&b.Callers, "callers", 8, "callers of small transactions, each waiting for its own")
	f.IntVar(&b.Meters, "meters", 2000, "meters that send")
	f.IntVar(&b.Flight, "in-flight", 1000, "messages on their way at the same time")
	return cmd
}

func newBenchDisk(c console) *cobra.Command {
	var dir string
	var seconds int
	cmd := &cobra.Command{
		Use:   "disk",
		Short: "What one durable write costs on this disk",
		Long: "Appends blocks of 4 KiB with an fdatasync after each, one after the other; a commit of the store is at least one of\n" +
			"these. The baseline appends the same blocks without waiting for the disk.",
		Args: cobra.NoArgs,
		RunE: benched(c, func(cmd *cobra.Command) (bench.Measured, error) { return bench.Disk(cmd.Context(), dir, seconds) }),
	}
	cmd.Flags().StringVar(&dir, "dir", os.TempDir(), "folder on the disk to measure; a folder in it is made and removed")
	cmd.Flags().IntVar(&seconds, "seconds", 10, "length of each of the two measurements")
	return cmd
}

func newBenchIngest(c console) *cobra.Command {
	b := &bench.Ingest{}
	cmd := &cobra.Command{
		Use:   "ingest",
		Short: "Durable readings a second through MQTT, against a raw log",
		Long: "Starts the meters' side of the server (broker, store) in this process and connects virtual meters to it over TCP.\n" +
			"Each sends readings with quality 1 and counts those whose PUBACK came, which is after their commit. Server and\n" +
			"meters share this process and its processors. The baseline appends records of 100 bytes to a file with one\n" +
			"fdatasync per 500; the store's own door without MQTT is measured besides. The server holds a meter to 2 messages\n" +
			"a second; the bench raises that limit (--rate) and says so.",
		Args: cobra.NoArgs,
		RunE: benched(c, func(cmd *cobra.Command) (bench.Measured, error) { return b.Run(cmd.Context(), c.tell) }),
	}
	f := cmd.Flags()
	f.StringVar(&b.Dir, "dir", os.TempDir(), "folder on the disk to measure; a folder in it is made and removed")
	f.IntVar(&b.Seconds, "seconds", 10, "length of each of the three measurements")
	f.IntVar(&b.Connections, "connections", 100, "meters, each with its own connection")
	f.IntVar(&b.Flight, "in-flight", 64, "messages of one meter on their way at the same time")
	f.IntVar(&b.Batch, "batch", 1, "readings in one message")
	f.IntVar(&b.Rate, "rate", 1_000_000, "messages a second allowed to one meter")
	return cmd
}

func newBenchConnections(c console) *cobra.Command {
	b := &bench.Ingest{Flight: 1, Batch: 1, Rate: 2, Seconds: 1}
	cmd := &cobra.Command{
		Use:   "connections",
		Short: "Memory and time of a connected, silent meter, against a bare TCP server",
		Long: "Connects virtual meters to the meters' side of a server in this process, with password and subscription, and leaves\n" +
			"them silent. Memory is what heap and stacks grew by, for both ends; a meter's end is a socket with a buffer of\n" +
			"1 KiB. The baseline is as many sockets of a server that only reads. Each connection takes two file descriptors.",
		Args: cobra.NoArgs,
		RunE: benched(c, func(cmd *cobra.Command) (bench.Measured, error) { return b.Connect(cmd.Context(), c.tell) }),
	}
	f := cmd.Flags()
	f.StringVar(&b.Dir, "dir", os.TempDir(), "folder for the server; a folder in it is made and removed")
	f.IntVar(&b.Connections, "connections", 1000, "meters that connect")
	return cmd
}

// profiled gives every bench of the noun the option --cpuprofile.
func profiled(noun *cobra.Command) {
	var path string
	noun.PersistentFlags().StringVar(&path, "cpuprofile", "", "write a profile of the processor's time to this file, for go tool pprof")
	for _, bench := range noun.Commands() {
		run := bench.RunE
		bench.RunE = func(cmd *cobra.Command, args []string) error {
			if path == "" {
				return run(cmd, args)
			}
			return underProfiler(path, func() error { return run(cmd, args) })
		}
	}
}

// underProfiler runs something under the profiler. What it measures is a little slower then.
func underProfiler(path string, run func() error) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return &exit.Failure{Code: exit.Failed, What: "The profile cannot be written: " + err.Error() + ".", Not: "Nothing was measured.",
			Try: "Name a file in a folder that can be written to."}
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := pprof.StartCPUProfile(f); err != nil {
		return &exit.Failure{Code: exit.Failed, What: "The profiler does not start: " + err.Error() + ".", Not: "Nothing was measured."}
	}
	defer pprof.StopCPUProfile()
	return run()
}
