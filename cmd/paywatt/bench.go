package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"runtime/pprof"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/atomicfile"
	"github.com/paywatt/paywatt/internal/bench"
	"github.com/paywatt/paywatt/internal/exit"
)

// newBenchCommand builds the commands that measure; package bench explains how.
func newBenchCommand(c console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this machine against a baseline taken in the same run",
		Long: "Measure this machine against a baseline taken in the same run. Every bench writes one JSON object: rate, baseline,\n" +
			"baseline_rate, ratio (rate to baseline), cpu_ratio (the same per second of CPU), p50_ms, p99_ms, and more under others.",
	}
	cmd.AddCommand(newBenchVend(c), newBenchToken(c), newBenchMeter(c), newBenchStore(c), newBenchDisk(c), newBenchIngest(c), newBenchConnections(c), newBenchMQTT(c), newBenchPages(c), newBenchPay(c))
	cmd.AddCommand(newBenchMQTTServer(c), newBenchMQTTLoad(c))
	profiled(cmd)
	return cmd
}

// benched returns the action of a bench. It prints the result as one line of JSON.
func benched[R any](c console, run func(cmd *cobra.Command) (R, error)) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		r, err := run(cmd)
		if err != nil {
			return err
		}
		return json.NewEncoder(c.out).Encode(r)
	}
}

// timed shows progress for a bench that prints nothing before its result.
func timed[R any](c console, run func(cmd *cobra.Command) (R, error)) func(*cobra.Command) (R, error) {
	return func(cmd *cobra.Command) (R, error) {
		defer c.progress(cmd, "Measuring", nil)()
		return run(cmd)
	}
}

func newBenchVend(c console) *cobra.Command {
	b := &bench.Vend{Version: programVersion()}
	cmd := &cobra.Command{
		Use:   "vend",
		Short: "Measure durable sales against PostgreSQL's pgbench",
		Long: "Measure durable sales per second. The bench sells through the server's own use case (price, TID, token, journal, receipt\n" +
			"number, delivery) to random meters of an SQLite store. Every caller waits until its own sale is durable. Alternately\n" +
			"it runs pgbench's TPC-B-like script with as many clients on its own PostgreSQL 15 cluster, or on the one that --baseline\n" +
			"names. Both are in one folder. The figures are the medians of five rounds, and each round's ratio is printed.\n\n" +
			"It also measures the same sales on the PostgreSQL store of that cluster, with the answer stored under an Idempotency-Key\n" +
			"(keyed), over loopback HTTP, which stores the answer too, and at half the rate.\n\n" +
			"With --engine postgres the main sales are on the PostgreSQL store, in a cluster of the bench's own. pgbench runs on the same\n" +
			"cluster, in turns with the sales. Both sides count the processor time of their clients and of the database.",
		Args: cobra.NoArgs,
		RunE: benched(c, func(cmd *cobra.Command) (bench.VendResult, error) {
			defer withFloor()() // the benchmark has the same heap floor as the server
			return b.Run(cmd.Context(), c.tell)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&b.Engine, "engine", "sqlite", "engine to measure: sqlite or postgres")
	f.IntVar(&b.Callers, "callers", 8, "callers, each of which waits for its answer; also the clients of the baseline")
	f.IntVar(&b.Meters, "meters", 10_000, "meters that buy")
	f.IntVar(&b.Scale, "scale", 20, "scale of the baseline's tables")
	f.IntVar(&b.Seconds, "seconds", 30, "length of each of the two main measurements, in seconds; the others take half as long")
	f.StringVar(&b.Dir, "dir", os.TempDir(), "folder for both databases, which are removed afterwards")
	f.StringVar(&b.Baseline, "baseline", "", "postgres:// URL of a server to measure instead of a new cluster, or none for no baseline")
	return cmd
}

func newBenchPay(c console) *cobra.Command {
	b := &bench.Pay{Version: programVersion()}
	cmd := &cobra.Command{
		Use:   "pay",
		Short: "Measure durable calls of a payment provider",
		Long: "Measure durable calls a second of a provider that signs its calls. Every caller waits until its own call is durable. Meanwhile\n" +
			"the server turns the payments into sales. The baseline is a bare HTTP server that appends each call to a file and waits for\n" +
			"fdatasync; calls that arrive together share one. Both are measured in turns of one run, and the figures are medians of five.\n" +
			"Under others: the sales a second until the last payment has its sale, the machine's load, and for each kind of provider how\n" +
			"long a confirmed payment waits for its sale (confirmed_to_sold): 99 of 100 at most 3 seconds.",
		Args: cobra.NoArgs,
		RunE: benched(c, func(cmd *cobra.Command) (bench.Measured, error) {
			defer withFloor()() // the benchmark has the same heap floor as the server
			return b.Run(cmd.Context(), c.tell)
		}),
	}
	f := cmd.Flags()
	f.IntVar(&b.Callers, "callers", 64, "connections of the provider, each of which waits for its answer")
	f.IntVar(&b.Meters, "meters", 1000, "meters that are paid for")
	f.IntVar(&b.Seconds, "seconds", 20, "length of the calls of both sides together, in seconds")
	f.StringVar(&b.Dir, "dir", os.TempDir(), "folder for the store and the baseline's file, which are removed afterwards")
	return cmd
}

func newBenchToken(c console) *cobra.Command {
	var seconds int
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Measure credit tokens per second on one core against DES",
		Long: "Measure credit tokens per second on one core. The bench makes whole EA07 tokens with a known key: check field, encryption,\n" +
			"transposition, 20 digits. The baseline is one block of crypto/des, a cipher of the same block size, key size and number\n" +
			"of rounds. No processor has instructions for it, so the ratio means the same on every machine. Under others: reading,\n" +
			"EA11, key derivation and the token of a whole sale, in nanoseconds and allocations, and a million vouchers on one core.",
		Args: cobra.NoArgs,
		RunE: benched(c, timed(c, func(cmd *cobra.Command) (bench.Measured, error) { return bench.Token(cmd.Context(), seconds) })),
	}
	cmd.Flags().IntVar(&seconds, "seconds", bench.LoopSeconds, "length of each measurement, in seconds")
	return cmd
}

func newBenchMeter(c console) *cobra.Command {
	var seconds int
	street := bench.Street()
	cmd := &cobra.Command{
		Use:   "meter",
		Short: "Measure decisions of the meter core against an atomic counter",
		Long: "Measure decisions of the meter core per second on one core. The meter core gets one impulse after the other: it counts it,\n" +
			"checks all limits and sets the relay. The baseline is the least a meter could do with an impulse: one atomic increment.\n" +
			"Under others: energy instead of impulses, hash, snapshot and their sizes in bytes; days of a whole virtual meter (500 W, a\n" +
			"reading every half hour, its memory in RAM) per second; and a street of such meters on one event queue, with its costs.",
		Args: cobra.NoArgs,
		RunE: benched(c, timed(c, func(cmd *cobra.Command) (bench.Measured, error) { return bench.Meter(cmd.Context(), seconds, street) })),
	}
	cmd.Flags().IntVar(&seconds, "seconds", bench.LoopSeconds, "length of each measurement, in seconds")
	cmd.Flags().IntVar(&street.Meters, "meters", street.Meters, "meters of the street")
	cmd.Flags().IntVar(&street.Days, "days", street.Days, "days that the street runs")
	return cmd
}

func newBenchStore(c console) *cobra.Command {
	b := &bench.StoreBench{}
	cmd := &cobra.Command{
		Use:   "store",
		Short: "Measure durable readings and small transactions",
		Long: "Measure durable readings per second. The bench sends messages of one reading each through the store's interface for meters\n" +
			"and waits until each is durable. The baseline appends records of 100 bytes to a file with one fdatasync per 500 records.\n" +
			"After that it measures small transactions: a journal of two postings and an audit row.\n\n" +
			"With --engine postgres the bench starts a PostgreSQL 15 cluster of its own. The same readings go to PostgreSQL and to SQLite\n" +
			"in turns, and SQLite is the baseline. The figures are the medians of five turns.",
		Args: cobra.NoArgs,
		RunE: benched(c, func(cmd *cobra.Command) (bench.Measured, error) { return b.Run(cmd.Context(), c.tell) }),
	}
	f := cmd.Flags()
	f.StringVar(&b.Engine, "engine", "sqlite", "engine to measure: sqlite or postgres")
	f.StringVar(&b.Dir, "dir", os.TempDir(), "folder on the disk to measure; the bench makes a folder in it and removes it")
	f.IntVar(&b.Seconds, "seconds", 10, "length of each of the three measurements, in seconds")
	f.IntVar(&b.Callers, "callers", 8, "callers of small transactions, each of which waits for its own")
	f.IntVar(&b.Meters, "meters", 2000, "meters that send")
	f.IntVar(&b.Flight, "in-flight", 1000, "messages under way at the same time")
	return cmd
}

func newBenchDisk(c console) *cobra.Command {
	var dir string
	var seconds int
	cmd := &cobra.Command{
		Use:   "disk",
		Short: "Measure what one durable write costs on this disk",
		Long: "Measure what one durable write costs. The bench appends blocks of 4 KiB with an fdatasync after each. A commit of the store\n" +
			"is at least one of these. The baseline appends the same blocks without waiting for the disk.",
		Args: cobra.NoArgs,
		RunE: benched(c, timed(c, func(cmd *cobra.Command) (bench.Measured, error) { return bench.Disk(cmd.Context(), dir, seconds) })),
	}
	cmd.Flags().StringVar(&dir, "dir", os.TempDir(), "folder on the disk to measure; the bench makes a folder in it and removes it")
	cmd.Flags().IntVar(&seconds, "seconds", 10, "length of each of the two measurements, in seconds")
	return cmd
}

func newBenchIngest(c console) *cobra.Command {
	b := &bench.Ingest{}
	cmd := &cobra.Command{
		Use:   "ingest",
		Short: "Measure durable readings through MQTT against a raw log",
		Long: "Measure durable readings per second through MQTT. The bench starts the meters' side of the server (broker, store) in this\n" +
			"process and connects virtual meters to it over TCP. Each sends readings with QoS 1 and counts those with a PUBACK, which\n" +
			"comes after their commit. Server and meters share this process and its processors. The baseline appends records of 100\n" +
			"bytes to a file with one fdatasync per 500 records. The store's interface without MQTT is measured too. The server limits\n" +
			"a meter to 2 messages per second. The bench raises that limit (--rate) and reports it.",
		Args: cobra.NoArgs,
		RunE: benched(c, func(cmd *cobra.Command) (bench.Measured, error) { return b.Run(cmd.Context(), c.tell) }),
	}
	f := cmd.Flags()
	f.StringVar(&b.Dir, "dir", os.TempDir(), "folder on the disk to measure; the bench makes a folder in it and removes it")
	f.IntVar(&b.Seconds, "seconds", 10, "length of each of the three measurements, in seconds")
	f.IntVar(&b.Connections, "connections", 100, "meters, each with its own connection")
	f.IntVar(&b.Flight, "in-flight", 64, "messages of one meter under way at the same time")
	f.IntVar(&b.Batch, "batch", 1, "readings in one message")
	f.IntVar(&b.Rate, "rate", 1_000_000, "messages per second that one meter may send")
	return cmd
}

// profiled adds the option --cpuprofile to every bench command.
func profiled(noun *cobra.Command) {
	var path string
	noun.PersistentFlags().StringVar(&path, "cpuprofile", "", "file for a CPU profile, for go tool pprof")
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

// underProfiler runs a bench under the CPU profiler, which slows it down a little. The profile replaces an earlier one when it is complete. It is
// kept if the bench fails: it may show why.
func underProfiler(path string, run func() error) error {
	began := false
	var outcome error
	err := atomicfile.WriteFile(path, 0o644, func(w io.Writer) error {
		began = true
		if err := pprof.StartCPUProfile(w); err != nil {
			return &exit.Failure{Code: exit.Failed, What: "The profiler does not start: " + err.Error() + ".", Not: "No measurement was made.", Try: "Run the bench without --cpuprofile."}
		}
		outcome = run()
		pprof.StopCPUProfile()
		return nil
	})
	if err != nil && !began {
		return &exit.Failure{Code: exit.Failed, What: "The CPU profile cannot be written: " + err.Error() + ".", Not: "No measurement was made.",
			Try: "Name a file in a folder that you may write to."}
	}
	return errors.Join(outcome, err)
}
