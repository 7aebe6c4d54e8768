package main

import "github.com/spf13/cobra"

func newModemCommand(c console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "modem",
		Short: "Run an emulated GSM modem, or use a real one",
		Long: "Run an emulated GSM modem with a small network behind it, or use a real modem.\n\n" +
			"serve runs emulated modems on pseudo-terminals that any program can open as a serial port. phone sends and reads messages\n" +
			"as a phone on their network. send and watch use a modem, real or emulated, through Paywatt's own driver.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newModemServe(c), newModemPhone(c), newModemSend(c), newModemWatch(c))
	return cmd
}
