package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/bench"
)

func newBenchMQTT(c console) *cobra.Command {
	b := &bench.Against{Ingest: bench.Ingest{Batch: 1}}
	cmd := &cobra.Command{
		Use:   "mqtt",
		Short: "Measure durable readings through MQTT against mosquitto",
		Long: "Measure readings through MQTT at the meters' side of a server, which stores each before its PUBACK, and at two servers of\n" +
			"mosquitto: one that stores nothing, and one that queues every message for a subscriber that is away and writes its database\n" +
			"after every change. Each server is a process, and so is the load, which is the same for all. They are measured in turns, and\n" +
			"the figures are medians. The processor times are those of the servers; those of the load are under others. The server limits\n" +
			"a meter to 2 messages per second. The bench raises that limit (--rate).",
		Example: "  paywatt bench mqtt --connections 1000 --in-flight 1",
		Args:    cobra.NoArgs,
		RunE: benched(c, func(cmd *cobra.Command) (m bench.Measured, err error) {
			if b.Program, err = os.Executable(); err != nil {
				return m, err
			}
			return b.Run(cmd.Context(), c.tell)
		}),
	}
	meterLoad(cmd, &b.Ingest)
	f := cmd.Flags()
	f.IntVar(&b.Seconds, "seconds", 10, "length of each turn, in seconds")
	f.IntVar(&b.Flight, "in-flight", 8, "messages of one meter under way at the same time")
	f.IntVar(&b.Turns, "turns", 3, "turns at each server")
	f.StringVar(&b.Other, "against", bench.Mosquitto, "the other server; mosquitto is the only one")
	return cmd
}

// meterLoad adds the options that the server of the bench needs too.
func meterLoad(cmd *cobra.Command, b *bench.Ingest) {
	f := cmd.Flags()
	f.StringVar(&b.Dir, "dir", os.TempDir(), "folder on the disk to measure; the bench makes a folder in it and removes it")
	f.IntVar(&b.Connections, "connections", 500, "meters, each with its own connection")
	f.IntVar(&b.Rate, "rate", 1_000_000, "messages per second that one meter may send")
}

// newBenchMQTTServer is the server of `bench mqtt` and `bench connections`, which start it.
func newBenchMQTTServer(c console) *cobra.Command {
	b, kind := &bench.Ingest{}, ""
	cmd := &cobra.Command{Use: "mqtt-server", Short: "Run the server of the benches for meters", Hidden: true,
		Example: "  paywatt bench mqtt-server --connections 10", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			defer withFloor()() // the server has this heap floor
			return b.ServeMeters(cmd.Context(), kind, cmd.InOrStdin(), c.out)
		}}
	meterLoad(cmd, b)
	cmd.Flags().StringVar(&kind, "kind", "plain", "plain, tls, certificates, or bare for sockets without a server")
	return cmd
}

// newBenchMQTTLoad is the load of `bench mqtt`, which starts it.
func newBenchMQTTLoad(c console) *cobra.Command {
	return &cobra.Command{Use: "mqtt-load", Short: "Run the load of the bench mqtt", Hidden: true, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return bench.Load(cmd.Context(), cmd.InOrStdin(), c.out)
	}}
}

func newBenchConnections(c console) *cobra.Command {
	b := &bench.Silent{}
	cmd := &cobra.Command{
		Use:   "connections",
		Short: "Measure memory and time of a silent meter's connection",
		Long: "Measure the connections of silent meters. The bench starts the meters' side of a server as a process of its own, connects\n" +
			"virtual meters to it in four steps, with password and subscription, and leaves them silent. After each step the server frees\n" +
			"what it can and reports its memory: heap and stacks, and what the system counts. It does the same with TLS, with certificates\n" +
			"of the meters in place of passwords, and with a bare TCP server as the baseline. Each connection takes a file descriptor in both processes (ulimit -n).",
		Example: "  paywatt bench connections --connections 10000",
		Args:    cobra.NoArgs,
		RunE: benched(c, func(cmd *cobra.Command) (m bench.Measured, err error) {
			if b.Program, err = os.Executable(); err != nil {
				return m, err
			}
			return b.Run(cmd.Context(), c.tell)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&b.Dir, "dir", os.TempDir(), "folder for the servers; the bench makes a folder in it and removes it")
	f.IntVar(&b.Most, "connections", 1000, "meters that connect")
	return cmd
}
