package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/gsm/bus"
	"github.com/paywatt/paywatt/internal/gsm/network"
	"github.com/paywatt/paywatt/internal/gsm/sim900"
)

// defaultModem is the number of the served modem if none is given.
const defaultModem = "+255700000100"

// modemServe are the options of `paywatt modem serve`.
type modemServe struct {
	numbers, links []string
	http           string
	seed           uint64
	weather        network.Weather
	slots          int
	pin            string
	boot           time.Duration
}

func newModemServe(c console) *cobra.Command {
	var o modemServe
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run emulated modems on pseudo-terminals",
		Long: "Run emulated SIM900 modems with a small GSM network behind them. Other programs open each modem's pseudo-terminal as a serial\n" +
			"port. The network accepts a message to an unknown number and later reports it as undeliverable.\n\n" +
			"The first line of standard output is the address of the network's interface (JSON over HTTP, no login, loopback by\n" +
			"default). A line for each modem follows:\n\n" +
			"  http=127.0.0.1:41234\n  modem=+255700000100 pty=/dev/pts/5\n\n" +
			"paywatt modem phone uses that address. docs/operate/modem.md describes the interface.",
		Example: "  paywatt modem serve --pty ./modem\n" +
			"  paywatt modem serve --number +255700000100 --number +255700000200 --pty ./server --pty ./meter --loss 0.2 --seed 7",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), c) },
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.numbers, "number", nil, "telephone number of a modem, repeatable (default: "+defaultModem+")")
	f.StringArrayVar(&o.links, "pty", nil, "symbolic link to the pseudo-terminal of a modem, repeatable in the order of the numbers")
	f.StringVar(&o.http, "http", "127.0.0.1:0", "address of the network's interface, host:port")
	f.Uint64Var(&o.seed, "seed", 1, "seed that decides which messages are lost, doubled and reordered")
	f.Float64Var(&o.weather.Loss, "loss", 0, "share of messages that are lost, 0 to 1")
	f.Float64Var(&o.weather.Duplicate, "duplicate", 0, "share of messages that are delivered twice, 0 to 1")
	f.Float64Var(&o.weather.Reorder, "reorder", 0, "share of messages that are delayed by --hold, 0 to 1")
	f.DurationVar(&o.weather.Delay, "delay", 0, "time that each message takes through the network")
	f.DurationVar(&o.weather.Hold, "hold", time.Second, "delay of a reordered message")
	f.IntVar(&o.slots, "slots", sim900.DefaultSlots, "messages that a SIM can store")
	f.StringVar(&o.pin, "pin", "", "PIN of the SIMs (default: none)")
	f.DurationVar(&o.boot, "boot", 200*time.Millisecond, "time from a reset until a modem is ready")
	return cmd
}

// check refuses invalid combinations of options.
func (o *modemServe) check() error {
	if len(o.numbers) == 0 {
		o.numbers = []string{defaultModem}
	}
	if len(o.links) > len(o.numbers) {
		return usage(fmt.Sprintf("%d links are given for %d modems.", len(o.links), len(o.numbers)), "Give a --number for each --pty.")
	}
	for name, share := range map[string]float64{"loss": o.weather.Loss, "duplicate": o.weather.Duplicate, "reorder": o.weather.Reorder} {
		if share < 0 || share > 1 {
			return usage(fmt.Sprintf("--%s %v is not between 0 and 1.", name, share), "Write it as 0.2, which is 20 %.")
		}
	}
	return nil
}

func (o *modemServe) run(ctx context.Context, c console) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	net0 := network.New(o.seed, o.weather, nil)
	var modems []*sim900.Modem
	var ptys []*sim900.PTY
	defer func() {
		for _, p := range ptys {
			err = errors.Join(err, p.Close())
		}
	}()
	var names []string
	for i, number := range o.numbers {
		m, err := sim900.New(sim900.Config{Number: number, Network: net0, Slots: o.slots, PIN: o.pin, Boot: o.boot})
		if err != nil {
			return usage("A modem cannot be made: "+err.Error()+".", "Give each modem another number, such as +255700000100.")
		}
		link := ""
		if i < len(o.links) {
			link = o.links[i]
		}
		p, err := sim900.OpenPTY(link)
		if err != nil {
			return &exit.Failure{Code: exit.Failed, What: "The pseudo-terminal cannot be made: " + err.Error() + ".", Not: "No modem runs.",
				Try: "Give --pty a path that does not exist yet."}
		}
		modems, ptys, names = append(modems, m), append(ptys, p), append(names, p.Name)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.http)
	if err != nil {
		return &exit.Failure{Code: exit.Failed, What: "The address " + o.http + " cannot be used: " + err.Error() + ".", Not: "No modem runs.", Try: "Give --http another address."}
	}
	fmt.Fprintf(c.out, "http=%s\n", l.Addr())
	for i, n := range o.numbers {
		fmt.Fprintf(c.out, "modem=%s pty=%s\n", n, names[i])
	}
	return serveModems(ctx, net0, modems, ptys, &http.Server{Handler: bus.NewHandler(net0, modems, names), ReadHeaderTimeout: 5 * time.Second}, l)
}

// serveModems runs network, modems and interface until ctx ends.
func serveModems(ctx context.Context, n *network.Network, modems []*sim900.Modem, ptys []*sim900.PTY, s *http.Server, l net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, len(modems)+2)
	var running sync.WaitGroup
	run := func(f func() error) {
		running.Add(1)
		go func() { defer running.Done(); failed <- f() }()
	}
	run(func() error { return n.Run(ctx) })
	run(func() error {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	for i, m := range modems {
		run(func() error { return m.Serve(ctx, ptys[i]) })
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	stop()
	err = errors.Join(err, s.Close())
	for i, m := range modems {
		m.Close()
		_ = ptys[i].SetDeadline(time.Now()) // ends the read; the opener closes the pseudo-terminal
	}
	running.Wait()
	return err
}
