package main

import (
	"context"
	"errors"
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
		Short: "Show a server, 20 virtual meters and sales in a temporary folder",
		Long: "Run the ordinary server on free ports in a temporary folder. The demonstration sells through the server's HTTP interface\n" +
			"and runs 20 virtual meters over TCP, each with its own password. It prints the address of the console with a sign-in, the\n" +
			"address of the meters' displays and keypads, and a curl command that works. End it with Ctrl-C, which removes the folder.\n\n" +
			"With --once it runs the whole story of one meter without a screen: buy, token, keypad, MQTT push, SMS, use, warnings,\n" +
			"cut-off, recharge, on. It prints each step with its figures. The exit code is 0 only if every step succeeded.\n" +
			"At the end it prints what the server has warned of, if anything.",
		Example: "  paywatt demo\n  paywatt demo --once",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := d.Run(cmd.Context())
			if f := (*exit.Failure)(nil); err != nil && !errors.As(err, &f) {
				err = &exit.Failure{Code: exit.Failed, What: "The demonstration failed: " + err.Error() + ".", Not: "No files outside its own folder were changed.",
					Try: "Run it again. If it fails again, report it with this text."}
			}
			return err
		},
	}
	f := cmd.Flags()
	f.BoolVar(&d.Once, "once", false, "run the whole story without a screen, print each step, and stop")
	f.Uint64Var(&d.Seed, "seed", 1, "seed that decides what the households switch on")
	return cmd
}

// demoProgram is this program, as the demonstration uses it.
func demoProgram() demo.Program {
	return demo.Program{Run: runDemo, Device: demoDevice, Modem: demoModem, Server: app.Config{Version: programVersion()}}
}

// runDemo carries out a command line for the demonstration.
func runDemo(ctx context.Context, own demo.Console, args ...string) error {
	c := console{in: own.In, out: own.Out, err: own.Err, getenv: own.Getenv}
	root := newRoot(c)
	root.SetArgs(args)
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	return root.ExecuteContext(ctx)
}

// demoDevice makes a meter of the demonstration from the options of paywatt vmeter.
func demoDevice(m demo.VirtualMeter) (cfg device.Config, broker string, err error) {
	o := vmeterOptions{number: m.Secret.Number, broker: m.Broker, password: m.Secret.MQTTPassword, link: m.Secret.LinkKey, phones: m.Phones,
		keys: keyOptions{key: m.Secret.DecoderKey, ea: "07", kt: 2, baseDate: "2014"}}
	if cfg, broker, err = o.config(console{in: strings.NewReader(""), err: io.Discard}); err != nil {
		return cfg, "", err
	}
	_, err = o.memory(&cfg) // the memory is in RAM, so there is nothing to close
	return cfg, broker, err
}

// demoModem connects a meter of the demonstration to a modem.
func demoModem(ctx context.Context, d *device.Device, port string, log *slog.Logger) (shut func(), err error) {
	o := modemOptions{port: port}
	return o.connect(ctx, d, log)
}
