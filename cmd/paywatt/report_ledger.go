package main

import (
	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
)

func newReportLedger(c console) *cobra.Command {
	f := client.LedgerExport{}
	cmd := &cobra.Command{
		Use: "ledger", Short: "Print the journals of a period for an accountant", Args: cobra.NoArgs,
		Example: "  paywatt report ledger --from 2026-11-01 --to 2026-11-30 --map 1000=\"1200 Cash in hand\" > november.csv\n" +
			"  paywatt report ledger --as hledger > books.journal",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			return api.ExportLedger(cmd.Context(), f, c.out)
		}),
	}
	cmd.Flags().StringVar(&f.From, "from", "", "first local day, such as 2026-11-01 (default: that of the first journal)")
	cmd.Flags().StringVar(&f.To, "to", "", "last local day (default: today)")
	cmd.Flags().StringVar(&f.Format, "as", "csv", "format: csv or hledger")
	cmd.Flags().StringToStringVar(&f.Map, "map", nil, "what the accountant calls an account: 1000=\"1200 Cash in hand\"; repeatable")
	return cmd
}
