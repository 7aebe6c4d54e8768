package main

import (
	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

// pageLinkSecret is said when the address of a customer's page is printed.
const pageLinkSecret = "Whoever has this address sees the customer's balance, use, receipts and tokens. Give it to nobody else."

func newCustomerPage(c console) *cobra.Command {
	var n apiv1.NewPageLink
	var revoke bool
	cmd := &cobra.Command{
		Use: "page METER", Short: "Show, send or revoke the link to a customer's page", Args: cobra.ExactArgs(1),
		Long: "Show whether the customer whom a meter supplies has a link to their own page.\n\n" +
			"--send sends the link to the customer's telephone. --show prints it, for those who may see tokens and change customers.\n" +
			"--revoke ends every link of the account at once.",
		Example: "  paywatt customer page 04140001001\n  paywatt customer page 04140001001 --send",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			var l apiv1.PageLink
			var err error
			switch {
			case revoke:
				l, err = api.RevokePageLink(cmd.Context(), args[0])
			case n.Send || n.Show:
				l, err = api.MakePageLink(cmd.Context(), args[0], n)
			default:
				l, err = api.PageLink(cmd.Context(), args[0])
			}
			if err == nil && l.Address != "" {
				c.tell(pageLinkSecret)
			}
			return answer(c, cmd, l, err, pageLinkTable)
		}),
	}
	cmd.Flags().BoolVar(&n.Send, "send", false, "send the link to the customer's telephone")
	cmd.Flags().BoolVar(&n.Show, "show", false, "print the address of the page")
	cmd.Flags().BoolVar(&revoke, "revoke", false, "end every link of the account")
	cmd.MarkFlagsMutuallyExclusive("send", "revoke")
	cmd.MarkFlagsMutuallyExclusive("show", "revoke")
	return cmd
}

func pageLinkTable(l apiv1.PageLink) table {
	return fields("meter", l.Meter, "link", l.State, "address", l.Address, "made", timeText(l.MadeAt), "made by", l.MadeBy, "ends", timeText(l.EndsAt),
		"revoked", timeText(l.RevokedAt), "revoked by", l.RevokedBy, "message", l.Message, "id", l.ID)
}
