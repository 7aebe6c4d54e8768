package main

import (
	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

// linkKeyOnce is said when a next link key is printed.
const linkKeyOnce = "The next link key is shown only once. Give it to nobody but the meter's installer."

func newMeterLinkKey(c console) *cobra.Command {
	var finish, cancel bool
	cmd := &cobra.Command{
		Use: "link-key METER", Short: "Replace a meter's link key, and use both keys until you finish", Args: cobra.ExactArgs(1),
		Long: "Make a next link key for a meter and print it once. From then on, each message to the meter is signed with the old key and\n" +
			"with the next one, so the installer may enter it at any time. The command given again makes another next key, which\n" +
			"replaces the first.\n\n" +
			"--finish ends the use of the old key once the installer has entered the next one. --cancel drops the next key. A meter\n" +
			"that has only the dropped key ignores every message, also a cut-off, until an installer enters a new one. Each of these\n" +
			"takes a second person where the four-eyes rule applies.",
		Example: "  paywatt meter link-key 04140001001\n  paywatt meter link-key 04140001001 --finish",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			step := api.StartLinkKey
			switch {
			case finish:
				step = api.FinishLinkKey
			case cancel:
				step = api.CancelLinkKey
			}
			k, err := step(cmd.Context(), args[0])
			if err == nil && k.Secret != "" {
				c.tell(linkKeyOnce)
			}
			return answer(c, cmd, k, err, linkKeyTable)
		}),
	}
	cmd.Flags().BoolVar(&finish, "finish", false, "end the use of the old key: the next key becomes the only one")
	cmd.Flags().BoolVar(&cancel, "cancel", false, "drop the next key: the old key is the only one again")
	cmd.MarkFlagsMutuallyExclusive("finish", "cancel")
	return cmd
}

func linkKeyTable(k apiv1.LinkKey) table {
	return fields("meter", k.Meter, "next link key", k.Secret, "two link keys since", timeText(k.TwoKeys))
}
