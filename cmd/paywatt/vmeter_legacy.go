package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/internal/device/link"
	"github.com/paywatt/paywatt/internal/device/sketch"
	"github.com/paywatt/paywatt/internal/exit"
)

// legacyFlag is the option that runs a virtual meter as an unmodified sketch.
const legacyFlag = "legacy"

// Kinds of sketches.
const (
	legacySketch = "sketch"
	legacyToggle = "toggle"
)

func (o *vmeterOptions) legacyFlags(f *pflag.FlagSet) {
	f.StringVar(&o.legacy, legacyFlag, "", "run as an unmodified Arduino sketch on --mqtt, a listener of serve --mqtt-legacy: sketch or toggle")
	f.Lookup(legacyFlag).NoOptDefVal = legacySketch
}

// runLegacy runs a sketch. A sketch has no keys, no password, no memory and no display, so runLegacy refuses the options for them.
func (o *vmeterOptions) runLegacy(cmd *cobra.Command, c console) error {
	if o.legacy != legacySketch && o.legacy != legacyToggle {
		return usage("--legacy="+o.legacy+" is not a kind of sketch.", "Give --legacy, or --legacy=toggle for the library's example.")
	}
	var odd []string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch f.Name {
		case legacyFlag, "mqtt", "script", "output":
		default:
			odd = append(odd, "--"+f.Name)
		}
	})
	if len(odd) > 0 {
		return usage("--legacy cannot be used with "+strings.Join(odd, ", ")+".", "Leave it out. Only --mqtt and --script can be used with --legacy.")
	}
	if o.broker == "" {
		return usage("No listener is given.", "Add --mqtt HOST:PORT, the address of paywatt serve --mqtt-legacy HOST:PORT="+o.number+".")
	}
	broker, err := link.ParseBroker(o.broker)
	if err != nil {
		return usage("--mqtt "+o.broker+" is not the address of a listener.", "Give mqtt://host:port or host:port.")
	}
	l, err := ownProfiles()
	if err != nil {
		return err
	}
	return o.driveLegacy(cmd.Context(), c, sketch.New(sketch.Config{
		Dial:   dialTo(broker),
		Toggle: o.legacy == legacyToggle, Counts: *l["seed-a"].Counts, Log: slog.New(slog.NewTextHandler(c.err, nil)),
	}))
}

// dialTo opens TCP connections to an address.
func dialTo(address string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", address)
	}
}

// driveLegacy runs the device by a script, or shows each change on a line until it is interrupted.
func (o *vmeterOptions) driveLegacy(ctx context.Context, c console, s *sketch.Sketch) error {
	ctx, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { s.Run(ctx) })
	defer work.Wait()
	defer stop()
	if o.script {
		if err := sketch.Drive(ctx, s, c.in, c.out, c.err); err != nil {
			return &exit.Failure{Code: exit.Failed, What: "The device stopped: " + err.Error() + ".", Not: "A sketch stores no state.", Try: "Start it again."}
		}
		return nil
	}
	c.tell("The sketch of meter %s runs. Its server switches it. End it with Ctrl-C, or control it with --script.", o.number)
	for last := ""; ; {
		_, changed := s.Look()
		if line := s.Take().String(); line != last {
			fmt.Fprintln(c.out, line)
			last = line
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}
