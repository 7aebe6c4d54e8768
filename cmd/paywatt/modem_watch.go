package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/gsm"
	"github.com/paywatt/paywatt/internal/gsm/pdu"
)

func newModemWatch(c console) *cobra.Command {
	var o modemPort
	var remove bool
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Print the messages that arrive at a modem",
		Long: "Print the messages and delivery reports that arrive at a modem, and its state on standard error. The messages stay in the\n" +
			"modem unless you give --delete, because printing a message does not store it.",
		Example: "  paywatt modem watch --port /dev/ttyUSB0\n  paywatt modem watch --port ./modem --delete -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var last gsm.Phase
			m, err := o.open(c, &printer{c: c, cmd: cmd, delete: remove, seen: map[pdu.Identity]bool{}}, func(s gsm.State) {
				if s.Phase != last {
					last = s.Phase
					fmt.Fprintf(c.err, "modem %s %s\n", s.Phase, s.Problem)
				}
			})
			if err != nil {
				return err
			}
			return runModem(cmd.Context(), m, func(ctx context.Context) error {
				<-ctx.Done()
				return nil
			})
		},
	}
	o.flags(cmd)
	cmd.Flags().BoolVar(&remove, "delete", false, "delete messages from the modem after they are printed")
	return cmd
}
