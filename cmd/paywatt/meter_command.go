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
		Short: "Send a command to a meter",
		Long: "Send a command to a meter: " + alternativesText(enum[apiv1.NewCommand]("Type")) + ".\n" +
			"disconnect, clear_credit and cancel_token ask for a confirmation, unless you give --yes.",
		Example: "  paywatt meter command 04140001001 read --reason \"check the display\" --wait 30s\n" +
			"  paywatt meter command 04140001001 disconnect --reason \"safety inspection\"",
		Args: cobra.ExactArgs(2),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if err := oneOf("TYPE", args[1], enum[apiv1.NewCommand]("Type")); err != nil {
				return err
			}
			values, err := commandArgs(o.args)
			if err != nil {
				return err
			}
			if o.reason == "" {
				return usage("A command needs a reason.", "Add --reason \"safety inspection\". It is written to the audit log.")
			}
			if err := c.confirm(o.yes, args[0], args[1]); err != nil {
				return err
			}
			sent, err := api.SendCommand(cmd.Context(), args[0], apiv1.NewCommand{Type: args[1], Reason: o.reason, Args: values})
			if err != nil {
				return err
			}
			done := c.progress(cmd, "Waiting for the meter", nil)
			sent, err = follow(cmd.Context(), api, args[0], sent, o.wait)
			done()
			if err != nil {
				return err
			}
			return c.show(cmd, sent, fields("command", sent.ID, "type", sent.Type, "state", sent.State, "answer", sent.Answer,
				"expires", sent.ExpiresAt.Format(time.RFC3339)))
		}),
	}
	f := cmd.Flags()
	f.StringVar(&o.reason, "reason", "", "why, in a few words (needed); written to the audit log")
	f.StringArrayVar(&o.args, "arg", nil, "argument of the command, NAME=VALUE (repeatable)")
	f.BoolVar(&o.yes, "yes", false, "do not ask for confirmation")
	f.DurationVar(&o.wait, "wait", 0, "longest time to wait for the meter's answer, such as 30s (default: do not wait)")
	return cmd
}

// destructive lists the commands that take something from a customer.
var destructive = map[string]string{
	"disconnect":   "cuts the supply of",
	"clear_credit": "takes all credit from",
	"cancel_token": "cancels a token of",
	"move-out":     "closes the account of",
}

// confirm asks for the meter's number to be typed before a destructive command. Without a terminal it needs --yes.
func (c console) confirm(yes bool, meter, what string) error {
	does, asks := destructive[what]
	if yes || !asks {
		return nil
	}
	in, ok := c.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return &exit.Failure{Code: exit.Usage, What: fmt.Sprintf("%s %s meter %s, and needs a confirmation.", what, does, meter),
			Not: "No command was sent.", Try: "Run it at a terminal, or add --yes to confirm."}
	}
	fmt.Fprintf(c.err, "%s %s meter %s. Type the meter number to continue: ", what, does, meter)
	line, err := bufio.NewReader(io.LimitReader(c.in, 128)).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != meter {
		return &exit.Failure{Code: exit.Refused, What: "The typed number is not " + meter + ".", Not: "No command was sent.", Try: "Run the command again and type the number of the meter."}
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
