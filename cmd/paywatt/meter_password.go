package main

import (
	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

// passwordOnce is said when a new password of a meter is printed.
const passwordOnce = "The new password is shown only once. Give it to nobody but the meter's installer."

func newMeterPassword(c console) *cobra.Command {
	var atOnce, end bool
	cmd := &cobra.Command{
		Use: "password METER", Short: "Replace or end a meter's MQTT password", Args: cobra.ExactArgs(1),
		Long: "Make a new MQTT password for a meter and print it once. The old password counts until the meter has signed in with the new\n" +
			"one, so the installer may enter it at any time. The command given again makes another new password, which replaces the first.\n\n" +
			"--at-once ends the old password now and closes the meter's connection: the meter is away until it has the new one. --end ends\n" +
			"every password without making a new one: only a certificate counts from then on. A new password takes a second person where\n" +
			"the four-eyes rule applies. One person alone may end a password, because a theft cannot wait.",
		Example: "  paywatt meter password 04140001001\n  paywatt meter password 04140001001 --at-once\n  paywatt meter password 04140001001 --end",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if end {
				p, err := api.EndMeterPassword(cmd.Context(), args[0])
				return answer(c, cmd, p, err, meterPasswordTable)
			}
			p, err := api.ReplaceMeterPassword(cmd.Context(), args[0], apiv1.PasswordChange{AtOnce: atOnce})
			if err == nil && p.Secret != "" {
				c.tell(passwordOnce)
			}
			return answer(c, cmd, p, err, meterPasswordTable)
		}),
	}
	cmd.Flags().BoolVar(&atOnce, "at-once", false, "end the old password now, not when the meter has used the new one")
	cmd.Flags().BoolVar(&end, "end", false, "end every password of the meter and make no new one")
	cmd.MarkFlagsMutuallyExclusive("at-once", "end")
	return cmd
}

func meterPasswordTable(p apiv1.MeterPassword) table {
	return fields("meter", p.Meter, "new mqtt password", p.Secret, "new password waits since", timeText(p.NextSince))
}
