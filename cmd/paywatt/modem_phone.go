package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/gsm/bus"
	"github.com/paywatt/paywatt/internal/gsm/network"
)

func newModemPhone(c console) *cobra.Command {
	var at string
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "phone NUMBER [TO TEXT]",
		Short: "Send and read text messages as an emulated phone",
		Long: "Send a text message from a phone on the network of paywatt modem serve, or print what the phone received: messages, and\n" +
			"delivery reports of its own messages. With --wait it then waits for the next message or report and prints it.",
		Example: "  paywatt modem phone +255711000001 +255700000100 \"*01#\" --bus 127.0.0.1:41234 --wait 10s\n" +
			"  paywatt modem phone +255711000001 --bus 127.0.0.1:41234",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 3 {
				return usage("A phone needs its number. To send, it also needs a recipient and a text.", "Write paywatt modem phone NUMBER, or paywatt modem phone NUMBER TO TEXT.")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return phone(cmd, c, at, wait, args) },
	}
	cmd.Flags().StringVar(&at, "bus", "", "address that paywatt modem serve printed after http=")
	cmd.Flags().DurationVar(&wait, "wait", 0, "longest time to wait for a message or a report, such as 10s")
	return cmd
}

func phone(cmd *cobra.Command, c console, at string, wait time.Duration, args []string) error {
	if at == "" {
		return usage("No network is given.", "Add --bus with the address that paywatt modem serve printed after http=.")
	}
	b, ctx := bus.NewClient(at), cmd.Context()
	before, err := b.Messages(ctx, args[0], 0, 0)
	if err != nil {
		return busFailure(err)
	}
	var after uint64
	if len(args) == 3 {
		if err := b.Send(ctx, args[0], args[1], args[2]); err != nil {
			return busFailure(err)
		}
		if len(before) > 0 {
			after = before[len(before)-1].N
		}
		before = nil
	}
	if wait > 0 {
		if before, err = waitMessages(ctx, b, args[0], after, wait); err != nil {
			return busFailure(err)
		}
	}
	t := table{head: []string{"n", "from", "at", "text", "report"}}
	for _, m := range before {
		t.add(m.N, m.From, m.At.Format(time.RFC3339), m.Text, m.Report)
	}
	if before == nil {
		before = []network.Message{}
	}
	if len(args) == 3 && wait == 0 {
		fmt.Fprintln(c.err, "The network accepted the message.")
		return nil
	}
	return c.show(cmd, before, t)
}

// waitMessages waits until a text message, not just a report, has come or the time is over.
func waitMessages(ctx context.Context, b *bus.Client, number string, after uint64, wait time.Duration) ([]network.Message, error) {
	var out []network.Message
	for end := time.Now().Add(wait); ; {
		left := time.Until(end)
		if left <= 0 {
			return out, nil
		}
		got, err := b.Messages(ctx, number, after, left)
		if err != nil {
			return nil, err
		}
		for _, m := range got {
			after = m.N
			out = append(out, m)
			if m.Report == "" {
				return out, nil
			}
		}
	}
}

func busFailure(err error) error {
	return &exit.Failure{Code: exit.Unreachable, What: "The emulated network cannot be used: " + err.Error() + ".", Not: "The message was not sent or read.",
		Try: "Check that paywatt modem serve runs and that --bus is the address that it printed."}
}
