package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/money"
	"github.com/paywatt/paywatt/internal/sim/provider"
)

// providerSimulate are the options of `paywatt provider simulate`.
type providerSimulate struct {
	listen, start string
	fee           float64
	faults        provider.Faults
	config        provider.Config
}

func newProviderSimulate(c console) *cobra.Command {
	var o providerSimulate
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Simulate payment providers with books of their own",
		Long: "Simulate the payment providers that a utility uses, each with books of its own: M-Pesa Daraja, MTN MoMo, Stripe Checkout, Paystack, a\n" +
			"provider of signed webhooks, a till whose telephone gets a text for each payment, a bank, Airtel Money and Flutterwave. No money moves.\n\n" +
			"The first line of standard output is the address, loopback by default:\n\n" +
			"  http=127.0.0.1:41234\n\n" +
			"Programs call the providers at http://ADDR/daraja, /momo, /stripe and so on. Tests pay and break things at http://ADDR/control/…,\n" +
			"without a login. The options for faults apply to all providers; POST /control/faults changes one.\n" +
			"The same seed gives the same payments the same faults. docs/guide/provider-simulator.md shows the first hour.",
		Example: "  paywatt provider simulate --listen 127.0.0.1:8090\n" +
			"  paywatt provider simulate --seed 7 --repeat 0.2 --reorder 0.1 --lose 0.05 --forge 0.02 --start 2026-11-20T08:00:00Z",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), c) },
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "address of the simulator, host:port")
	f.Uint64Var(&o.config.Seed, "seed", 1, "seed that decides which faults happen")
	f.StringVar(&o.start, "start", "", "time at which the clock stands still until POST /control/advance moves it (default: the real time)")
	f.StringVar(&o.config.ShortCode, "shortcode", "600000", "pay bill of M-Pesa payments")
	f.BoolVar(&o.config.Validation, "validation", false, "ask the validation URL before M-Pesa takes a payment")
	f.Float64Var(&o.fee, "fee", 0, "fee of each payment in percent")
	f.StringVar(&o.config.Credentials.CallbackHost, "callback-host", "", "only host that MTN MoMo sends callbacks to (default: any)")
	f.Float64Var(&o.faults.Repeat, "repeat", 0, "share of callbacks that arrive several times, 0 to 1")
	f.Float64Var(&o.faults.Reorder, "reorder", 0, "share of callbacks that later ones overtake, 0 to 1")
	f.Float64Var(&o.faults.Delay, "delay", 0, "share of callbacks that come up to 30 minutes late, 0 to 1")
	f.Float64Var(&o.faults.Lose, "lose", 0, "share of callbacks that never arrive, 0 to 1")
	f.Float64Var(&o.faults.Alter, "alter", 0, "share of callbacks with a wrong amount, 0 to 1")
	f.Float64Var(&o.faults.Forge, "forge", 0, "share of callbacks that are followed by a forged one, 0 to 1")
	f.Float64Var(&o.faults.Busy, "busy", 0, "share of calls that are refused because of load, 0 to 1")
	f.Float64Var(&o.faults.Fail, "fail", 0, "share of calls that answer 500 after they were done, 0 to 1")
	f.Float64Var(&o.faults.Late, "late", 0, "share of calls that answer after a minute, 0 to 1")
	f.Float64Var(&o.faults.Incomplete, "incomplete", 0, "share of rows that a page of M-Pesa's pull lacks at first, 0 to 1")
	return cmd
}

// feeStep is how many steps of the fee make one percent.
const feeStep = float64(money.Whole) / 100

// simulator makes the simulator that the options describe.
func (o *providerSimulate) simulator() (*provider.Simulator, error) {
	if o.fee < 0 || o.fee > 100 {
		return nil, usage(fmt.Sprintf("--fee %v is not a percentage.", o.fee), "Write it as 0.55, which is 0.55 %.")
	}
	o.config.FeeBps = int64(o.fee*feeStep + 0.5)
	if o.start != "" {
		at, err := time.Parse(time.RFC3339, o.start)
		if err != nil {
			return nil, usage("--start "+o.start+" is not a time.", "Give it as 2026-11-20T08:00:00Z.")
		}
		o.config.Now, o.config.Manual = func() time.Time { return at }, true
	}
	s := provider.New(o.config)
	for _, p := range provider.All() {
		if err := s.SetFaults(p, o.faults); err != nil {
			return nil, usage("A fault is out of range: "+err.Error()+".", "Write it as 0.2, which is 20 %.")
		}
	}
	return s, nil
}

func (o *providerSimulate) run(ctx context.Context, c console) error {
	s, err := o.simulator()
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return &exit.Failure{Code: exit.Failed, What: "The address " + o.listen + " cannot be used: " + err.Error() + ".", Not: "No provider runs.", Try: "Give --listen another address."}
	}
	fmt.Fprintf(c.out, "http=%s\n", l.Addr())
	server := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 5 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	ran := make(chan error, 1)
	inner, stop := context.WithCancel(ctx)
	defer stop()
	go func() { ran <- s.Run(inner) }()
	select {
	case <-ctx.Done():
		err = server.Close()
	case err = <-failed:
	}
	stop()
	<-ran // it ends with the context
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
