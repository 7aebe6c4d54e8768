package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/exit"
)

// commandOptions are the options of meter command.
type commandOptions struct {
	reason string
	args   []string
	yes    bool
	wait   time.Duration
}

func newMeterSend(c console) *cobra.Command {
	var o commandOptions
	cmd := &cobra.Command{
		Use:   "command METER TYPE",
		Short: "Tell a meter what to do: disconnect, connect, read, clear_tamper, clear_credit, reset_demand, cancel_token",
		Example: "  paywatt meter command 04140001001 read --reason \"check the display\" --wait 30s\n" +
			"  paywatt meter command 04140001001 disconnect --reason \"safety inspection\"",
		Args: cobra.ExactArgs(2),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			values, err := commandArgs(o.args)
			if err != nil {
				return err
			}
			if o.reason == "" {
				return usage("A command needs a reason.", "Add --reason \"why\"; it is kept in the audit log.")
			}
			if err := c.confirm(o.yes, args[0], args[1]); err != nil {
				return err
			}
			sent, err := api.SendCommand(cmd.Context(), args[0], apiv1.NewCommand{Type: args[1], Reason: o.reason, Args: values})
			if err != nil {
				return err
			}
			if sent, err = follow(cmd.Context(), api, args[0], sent, o.wait); err != nil {
				return err
			}
			return c.show(cmd, sent, fields("command", sent.ID, "type", sent.Type, "state", sent.State, "answer", sent.Answer,
				"expires", sent.ExpiresAt.Format(time.RFC3339)))
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.reason, "reason", "", "why, in a few words (needed)")
	f.StringArrayVar(&o.args, "arg", nil, "an argument NAME=VALUE (repeatable)")
	f.BoolVar(&o.yes, "yes", false, "do not ask for confirmation")
	f.DurationVar(&o.wait, "wait", 0, "wait so long for the meter's answer")
	return cmd
}

// destructive are the commands that take something from a customer.
var destructive = map[string]string{
	"disconnect":   "cuts the supply of",
	"clear_credit": "takes all credit from",
	"cancel_token": "makes a token worthless for",
	"move-out":     "closes the account and cuts the supply of",
}

// confirm asks for the meter's number to be typed before a destructive act. Without a terminal it needs --yes.
func (c console) confirm(yes bool, meter, what string) error {
	does, asks := destructive[what]
	if yes || !asks {
		return nil
	}
	in, ok := c.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return &exit.Failure{Code: exit.Usage, What: fmt.Sprintf("%s %s meter %s, and nobody is here to confirm it.", what, does, meter),
			Not: "Nothing was sent.", Try: "Add --yes."}
	}
	fmt.Fprintf(c.err, "%s %s meter %s. Type the meter number to go on: ", what, does, meter)
	line, err := bufio.NewReader(io.LimitReader(c.in, 128)).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != meter {
		return &exit.Failure{Code: exit.Refused, What: "The number typed is not " + meter + ".", Not: "Nothing was sent."}
	}
	return nil
}

// follow asks for the command's state until the meter has answered or the time is over.
func follow(ctx context.Context, api *client.Client, meter string, sent apiv1.Command, wait time.Duration) (apiv1.Command, error) {
	if wait <= 0 {
		return sent, nil
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for sent.State == "queued" || sent.State == "sent" || sent.State == "acked" {
		select {
		case <-ctx.Done():
			return sent, nil
		case <-tick.C:
		}
		next, err := api.Command(ctx, meter, sent.ID)
		if ctx.Err() != nil {
			return sent, nil
		}
		if err != nil {
			return sent, err
		}
		sent = next
	}
	return sent, nil
}
