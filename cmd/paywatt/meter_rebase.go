package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
)

func newMeterRebase(c console) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "rebase METER REGISTER_WH", Short: "Continue from a new register after a wallet meter was changed", Args: cobra.ExactArgs(2),
		Example: `  paywatt meter rebase 04140001001 0 --reason "new meter fitted"`,
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			register, err := strconv.ParseInt(args[1], 10, 64)
			if err != nil || reason == "" {
				return usage("A rebase needs a register in Wh and a reason.", "Write it as paywatt meter rebase 04140001001 0 --reason \"new meter fitted\".")
			}
			d, err := api.RebaseMeter(cmd.Context(), args[0], register, reason)
			return answer(c, cmd, d, err, verdictTable)
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in a few words (needed); written to the audit log")
	return cmd
}
