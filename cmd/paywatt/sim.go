package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/device/link"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sim"
)

// simOptions are the options of a street or a fleet.
type simOptions struct {
	street      sim.Options
	start       string
	url, broker string
	meter       apiv1.NewMeter
	krn, kt     int64
	tender      string
	mode        string
	wallet      simWalletOptions
}

func newSimCommand(c console) *cobra.Command {
	o := simOptions{street: sim.Default()}
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Simulate many virtual meters, here or against a server",
		Long: "Simulate a street of virtual meters in this process, on one event queue, as fast as the machine can. It has loads,\n" +
			"purchases, mistyped and used tokens, power cuts in the middle of writes, tampering, and weeks without a network. The\n" +
			"simulation checks rules that must never be broken. The seed decides everything: the same command line gives the same\n" +
			"trace.\n\n" +
			"With --url and --mqtt the meters register at a running server (PAYWATT_KEY), buy there and report there. The server needs a\n" +
			"vending key for tests. The trace is made from the registers at each midnight. It is the same for the same seed against a\n" +
			"new server with the same tariff.\n\n" +
			"With --mode wallet the balance of each meter is money on a server in this process, with the server's own store and rules.\n" +
			"Money runs out, some hours forbid cut-offs, people pay late, impossible readings arrive, and the server is down for two\n" +
			"days. An independent witness checks every lease, every cut-off and the books. Exit code 1 means that it found a violation.\n" +
			"docs/operate/simulation.md lists its rules.",
		Example: "  paywatt sim --meters 10000 --days 30 --seed 42\n  paywatt sim --meters 50 --days 7 --url http://127.0.0.1:8080 --mqtt 127.0.0.1:1883 --tariff domestic --sgc 123456\n" +
			"  paywatt sim --mode wallet --meters 12 --days 30 --seed 7 --loss 30 --away",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(c, cmd) },
	}
	f := cmd.Flags()
	f.IntVar(&o.street.Meters, "meters", o.street.Meters, "number of meters")
	f.IntVar(&o.street.Days, "days", o.street.Days, "number of days to simulate")
	f.Uint64Var(&o.street.Seed, "seed", o.street.Seed, "seed that decides everything that happens")
	o.mode = simToken
	choiceFlag(f, &o.mode, "mode", "payment mode of the meters: token or wallet", []string{simToken, simWallet})
	f.StringVar(&o.start, "start", "2026-11-20T00:00:00Z", "time at the beginning, such as 2026-11-20T00:00:00Z")
	f.DurationVar(&o.street.CutEvery, "cut-every", o.street.CutEvery, "average time between two power cuts of a meter; 0 for none")
	f.DurationVar(&o.street.TamperEvery, "tamper-every", o.street.TamperEvery, "average time between two openings of a meter's cover; 0 for none")
	f.DurationVar(&o.street.OfflineFor, "offline-for", o.street.OfflineFor, "longest time that a quarter of the meters begins without a network")
	f.StringVar(&o.url, "url", "", "server at which the meters register, buy and report (default: all in this process)")
	f.StringVar(&o.broker, "mqtt", "", "MQTT listener of that server, host:port")
	f.StringVar(&o.meter.Tariff, "tariff", "domestic", "tariff of the meters, with --url")
	f.StringVar(&o.meter.SGC, "sgc", "123456", "supply group code of the meters, with --url")
	f.Int64Var(&o.krn, "krn", 1, "key revision number of the meters, with --url")
	f.Int64Var(&o.kt, "kt", 2, "key type of the meters, with --url")
	f.StringVar(&o.meter.TI, "ti", "01", "tariff index of the meters, with --url")
	f.StringVar(&o.tender, "tender", "KES 200.00", "amount of one purchase, with --url")
	o.wallet.flags(cmd)
	cmd.AddCommand(newSimLoadTest(c))
	return cmd
}

func (o *simOptions) run(c console, cmd *cobra.Command) error {
	if err := o.checkMode(cmd); err != nil {
		return err
	}
	start, err := time.Parse(time.RFC3339, o.start)
	if err != nil {
		return usage("--start "+o.start+" is not a time.", "Give it as 2026-11-20T00:00:00Z.")
	}
	o.street.Start = start.UTC()
	switch {
	case o.mode == simWallet:
		return o.runWallet(c, cmd)
	case !o.street.Possible():
		return usage("A value of the simulation is out of range.", fmt.Sprintf("Give 1 to %d --meters, 1 to %d --days, and times that are 0 or at least %v.",
			sim.MaxMeters, sim.MaxDays, sim.LeastEvery))
	case (o.url == "") != (o.broker == ""):
		return usage("Only one of --url and --mqtt is given.", "Give both, or neither.")
	case o.url != "":
		return o.fleet(c, cmd)
	}
	began := time.Now()
	done := c.progress(cmd, "Simulating", nil)
	r, err := sim.Run(cmd.Context(), o.street)
	done()
	if errors.Is(err, sim.ErrInvariant) {
		return &exit.Failure{Code: exit.Failed, What: "The simulation found a violation: " + err.Error(), Not: "There is no result.",
			Try: "Report it with the line that replays it."}
	}
	if cmd.Context().Err() != nil {
		return interrupted()
	}
	if err != nil {
		return &exit.Failure{Code: exit.Failed, What: "The simulation stopped: " + err.Error() + ".", Not: "There is no result.", Try: "Report it with this command line."}
	}
	took := time.Since(began).Seconds()
	out := streetView{Result: r, Seconds: math.Round(took*1e4) / 1e4, PerSecond: math.Round(float64(r.MeterDays)/took*1e4) / 1e4}
	return c.show(cmd, out, fields("meter-days", strconv.Itoa(r.MeterDays), "seconds", fmt.Sprintf("%.1f", took),
		"meter-days a second", fmt.Sprintf("%.0f", out.PerSecond), "events", count(r.Events), "records", count(r.Records),
		"readings", count(r.Readings), "tokens sold", count(r.Sold), "accepted", count(r.Accepted), "entered again", count(r.Again),
		"mistyped", count(r.Wrong), "credited Wh", count(int64(r.Units)), "used Wh", count(int64(r.Used)), "power cuts", count(r.Cuts),
		"in the middle of a write", count(r.Torn), "covers opened", count(r.Tampers), "trace", r.Trace, "replay", r.Replay))
}

// streetView is the result of a street as JSON.
type streetView struct {
	sim.Result
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"meter_days_per_s"`
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

// fleet runs the meters against a server.
func (o *simOptions) fleet(c console, cmd *cobra.Command) error {
	if o.street.Meters > sim.MaxFleet {
		return usage(fmt.Sprintf("One process cannot connect %d meters.", o.street.Meters), fmt.Sprintf("Give at most %d --meters, or none of --url and --mqtt.", sim.MaxFleet))
	}
	broker, err := link.ParseBroker(o.broker)
	if err != nil {
		return usage("--mqtt "+o.broker+" is not the address of a server.", "Give mqtt://host:port or host:port.")
	}
	code, amount, _ := strings.Cut(o.tender, " ")
	cur, known := money.CurrencyOf(code)
	if !known {
		return usage("--tender "+o.tender+" is not an amount of money.", `Give currency and amount, such as "KES 200.00".`)
	}
	tender, err := money.Parse(amount, cur)
	if err != nil {
		return usage("--tender "+o.tender+" is not an amount of money.", `Give currency and amount, such as "KES 200.00".`)
	}
	getenv := c.getenv
	c.getenv = func(name string) string {
		if name == "PAYWATT_URL" {
			return o.url
		}
		return getenv(name)
	}
	o.meter.Mode, o.meter.KRN, o.meter.KT = "prepay_token", &o.krn, &o.kt
	return c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
		return o.live(cmd.Context(), c, cmd, sim.Fleet{API: api, URL: o.url, Broker: broker, Meters: o.street.Meters, Days: o.street.Days,
			Seed: o.street.Seed, Start: o.street.Start, Meter: o.meter, Rand: rand.Reader,
			Tender: apiv1.Amount{AmountMinor: int64(tender), Currency: cur.Code}})
	})(cmd, nil)
}

func (o *simOptions) live(ctx context.Context, c console, cmd *cobra.Command, f sim.Fleet) error {
	done := c.progress(cmd, "Simulating against the server", nil)
	r, err := f.Run(ctx)
	done()
	switch {
	case ctx.Err() != nil:
		return interrupted()
	case errors.Is(err, sim.ErrSilent):
		return &exit.Failure{Code: exit.Unreachable, What: err.Error() + ".", Not: "The simulation did not finish. The meters are registered, and their purchases were made.",
			Try: "Check that --mqtt " + f.Broker + " is the listener in the first line of paywatt serve."}
	case err != nil:
		return fleetFailure(err)
	}
	r.Replay += changed(cmd, "tariff", "tender", "sgc", "krn", "kt", "ti")
	return c.show(cmd, r, fields("meter-days", strconv.Itoa(r.MeterDays), "seconds", fmt.Sprintf("%.1f", r.Seconds),
		"records", strconv.FormatUint(r.Records, 10), "sales", strconv.Itoa(r.Sales), "bought Wh", count(r.UnitsWh), "used Wh", count(r.UsedWh),
		"trace", r.Trace, "replay", r.Replay))
}

// interrupted is the failure of a simulation that a signal ended.
func interrupted() error {
	return &exit.Failure{Code: exit.Failed, What: "The simulation was interrupted.", Not: "There is no result.", Try: "Run it again."}
}

// fleetFailure explains an error that ended a fleet, first with [explain] for the client's errors.
func fleetFailure(err error) error {
	if known := explain(err); known != err {
		return known
	}
	return &exit.Failure{Code: exit.Failed, What: "The meters stopped: " + err.Error() + ".", Not: "There is no result.", Try: "Check that the server runs, then run it again."}
}

// changed returns the given options as a shell reads them, for the line that repeats the run.
func changed(cmd *cobra.Command, names ...string) (line string) {
	for _, name := range names {
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed {
			line += fmt.Sprintf(" --%s %s", name, quoted(f.Value.String()))
		}
	}
	return line
}

// quoted quotes a word for a shell.
func quoted(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/-") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
