package main

import "github.com/spf13/cobra"

// nouns returns the top-level commands in groups, one group for each kind of user. The constructors are in the other files of this folder.
func nouns() []group {
	return []group{
		{"server", "Server:", []func(console) *cobra.Command{newServeCommand, newConfigCommand, newPrinterCommand, newDoctorCommand}},
		{"vending", "Vending:", []func(console) *cobra.Command{newVendCommand, newExplainCommand, newTariffCommand, newCustomerCommand, newAccountCommand,
			newDebtCommand, newChargeCommand, newVendorCommand, newPaymentCommand, newVoucherCommand, newProviderCommand, newReconcileCommand, newWebhookCommand, newShiftCommand, newDayCommand, newApprovalCommand, newReportCommand, token}},
		{"meters", "Meters:", []func(console) *cobra.Command{newOverviewCommand, newFlatCommand, newMeterCommand, newProfileCommand, newDeviceCommand, newIntegrationCommand, newImportCommand, newQuarantineCommand, newMessageCommand}},
		{"simulation", "Simulation:", []func(console) *cobra.Command{newDemoCommand, newVmeterCommand, newModemCommand, newSimCommand, newReplayCommand, newBenchCommand}},
		{"admin", "Administration:", []func(console) *cobra.Command{newUtilityCommand, newPersonCommand, newAPIKeyCommand, newVendingKeyCommand, newCACommand, newClockCommand, newBackupCommand,
			newVerifyCommand, newStoreCommand, newVersionCommand, newLicensesCommand}},
	}
}

// group is a heading of the help with its commands.
type group struct {
	id, title string
	commands  []func(console) *cobra.Command
}

// addNouns puts the commands under their headings.
func addNouns(root *cobra.Command, c console) {
	for _, g := range nouns() {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, newCommand := range g.commands {
			cmd := newCommand(c)
			cmd.GroupID = g.id
			root.AddCommand(cmd)
		}
	}
}
