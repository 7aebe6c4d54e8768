package main

import (
	"context"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/demo"
	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/exit"
)

func newDemoCommand(c console) *cobra.Command {
	d := demo.Demo{Out: c.out, Err: c.err, Program: demoProgram()}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show everything: a server, 20 virtual meters and sales in a throw-away folder",
		Long: "Starts the ordinary server on free ports in a throw-away folder, sells through its HTTP interface and runs 20 virtual\n" +
			"meters over TCP with their own passwords. It prints the address of the console, a sign-in, the address of the meters'\n" +
			"displays and keypads and a curl line that works, and ends with Ctrl-C, which removes the folder.\n\n" +
			"With --once it plays the whole story of one meter without a screen (buy, token, keypad, MQTT push, SMS, use, warnings,\n" +
			"cut-off, recharge, on), prints each step with its figures, and exits 0 only if every step held.",
		Example: "  paywatt demo\n  paywatt demo --once",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := d.Run(cmd.Context())
			if _, explained := failureOf(err); err != nil && !explained {
				err = &exit.Failure{Code: exit.Failed, What: "The demonstration failed: " + err.Error() + ".", Not: "Nothing outside its own folder was touched."}
			}
			return err
		},
	}
	f := cmd.Flags()
	f.BoolVar(&d.Once, "once", false, "play the whole story without a screen, print each step, and stop")
	f.Uint64Var(&d.Seed, "seed", 1, "what the households switch on follows from it")
	return cmd
}

// demoProgram is this program, as the demonstration uses it.
func demoProgram() demo.Program {
	return demo.Program{Run: runDemo, Device: demoDevice, Modem: demoModem, Server: app.Config{Version: programVersion()}}
}

// runDemo carries out a command line on behalf of the demonstration.
func runDemo(ctx context.Context, own demo.Console, args ...string) error {
	c := console{in: own.In, out: own.Out, err: own.Err, getenv: own.Getenv}
	root := newRoot(c)
	root.SetArgs(args)
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	return root.ExecuteContext(ctx)
}

// demoDevice makes a meter of the demonstration by the options of paywatt vmeter.
func demoDevice(m demo.Meter) (cfg device.Config, broker string, err error) {
	o := vmeterOptions{number: m.Secret.Number, broker: m.Broker, password: m.Secret.MQTTPassword, link: m.Secret.LinkKey, phones: m.Phones,
		keys: keyOptions{key: m.Secret.DecoderKey, ea: "07", kt: 2, baseDate: "2014"}}
	if cfg, broker, err = o.config(console{in: strings.NewReader(""), err: io.Discard}); err != nil {
		return cfg, "", err
	}
	_, err = o.memory(&cfg) // in RAM, with nothing to close
	return cfg, broker, err
}

// demoModem connects a meter of the demonstration to a modem.
func demoModem(ctx context.Context, d *device.Device, port string, log *slog.Logger) (shut func(), err error) {
	o := modemOptions{port: port}
	return o.connect(ctx, d, log)
}
