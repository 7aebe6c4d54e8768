package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// demoOptions are the options of the demonstration.
type demoOptions struct {
	once bool
	seed uint64
}

func newDemoCommand(c console) *cobra.Command {
	var o demoOptions
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
			err := o.play(cmd.Context(), c)
			var already *failure
			if err != nil && !errors.As(err, &already) {
				err = &failure{code: exitFailed, what: "The demonstration failed: " + err.Error() + ".", not: "Nothing outside its own folder was touched."}
			}
			return err
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.once, "once", false, "play the whole story without a screen, print each step, and stop")
	f.Uint64Var(&o.seed, "seed", 1, "what the households switch on follows from it")
	return cmd
}

// play runs the demonstration in a folder of its own, which it leaves behind in no case.
func (o demoOptions) play(ctx context.Context, c console) (err error) {
	began := time.Now()
	p, err := newDemoPlace(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && ctx.Err() == nil {
			_, e := p.log.WriteTo(c.err)
			err = errors.Join(err, e)
		}
		err = errors.Join(err, p.stop(), p.remove())
	}()
	if !o.once {
		err := o.live(ctx, p, c.out)
		if ctx.Err() != nil {
			return nil // somebody has ended it, in the middle of whatever it was doing
		}
		return err
	}
	if err := playStory(ctx, p, c.out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "every step held, %.1f s\n", time.Since(began).Seconds())
	return err
}

// live shows the fleet until somebody ends it.
func (o demoOptions) live(ctx context.Context, p *demoPlace, out io.Writer) (err error) {
	panels, err := newDemoPanels()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, panels.close()) }()
	p.panel = panels.url() + "{number}/"
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	bus, err := p.network(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bus.close()) }()
	if err := p.start(); err != nil {
		return err
	}
	if _, err := p.addOwner(ctx); err != nil {
		return err
	}
	fleet, err := newDemoFleet(ctx, p, bus, o.seed)
	defer func() { stop(); err = errors.Join(err, fleet.close()) }()
	if err != nil {
		return err
	}
	fleet.run(ctx)
	if err := panels.serve(ctx, fleet); err != nil {
		return err
	}
	if err := o.tell(p, panels, bus, out); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-fleet.failed:
		return err
	case <-p.ended:
		return errors.New("the server stopped")
	case <-panels.ended:
		return errors.New("the meters' panels stopped")
	}
}

// tell prints what a person needs.
func (o demoOptions) tell(p *demoPlace, panels *demoPanels, bus *demoBus, out io.Writer) error {
	dark := households[1] // any of those that have used up their credit
	_, err := fmt.Fprintf(out, `TEST. All of it lives in %s and is gone when you press Ctrl-C.

  Console   %s/
            sign in as %s
            password   %s
  Meters    %s
            display and keypad of %d virtual meters, living %d times faster than you (seed %d)
  Phones    %s
  API       %s/docs

%s (meter %s) sits in the dark. This line sells 100.00 KES to that meter; the token travels over MQTT:

%s

`, p.dir, p.url(), demoOwner, p.password, panels.url(), len(households), fleetSpeed, o.seed, bus.told(), p.url(), dark.name, dark.number,
		curlLine(p.url(), p.key, dark.number))
	return err
}

// curlLine is a sale as a line for a shell. The key changes with every second, so that the line may be used again.
func curlLine(url, key, number string) string {
	return fmt.Sprintf(`curl -s %s/v1/vends -H 'Authorization: Bearer %s' -H "Idempotency-Key: curl-$(date +%%s)" -H 'Content-Type: application/json' `+
		`-d '{"meter":"%s","tender":{"amount_minor":10000,"currency":"KES"},"deliver":["mqtt"]}'`, url, key, number)
}
