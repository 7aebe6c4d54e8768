package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
)

func newMeterRebase(c console) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "rebase METER REGISTER_WH", Short: "Count on from a register of a wallet meter: it was changed or reset", Args: cobra.ExactArgs(2),
		Example: `  paywatt meter rebase 04140001001 0 --reason "new meter fitted"`,
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			register, err := strconv.ParseInt(args[1], 10, 64)
			if err != nil || reason == "" {
				return usage("A rebase needs a register in Wh and a reason.", "For example: meter rebase 04140001001 0 --reason \"new meter fitted\".")
			}
			d, err := api.RebaseMeter(cmd.Context(), args[0], register, reason)
			return answer(c, cmd, d, err, verdictTable)
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why (needed); it stands in the audit log")
	return cmd
}
