// Command paywatt is prepaid electricity in one binary: the vending system, the metering server and the meter itself.
//
// A file per noun holds the command of that noun. Results go to standard output, messages to standard error. Exit
// codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 refused by rule, 5 unreachable.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// console is where a command reads and writes; tests hand in their own.
type console struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	environ  func() []string // nil: no settings from the environment
}

func main() {
	os.Exit(run(os.Args[1:], console{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, environ: os.Environ}))
}

// run is the whole program; it returns the exit code.
func run(args []string, c console) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	root := newRoot(c)
	root.SetArgs(args)
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	if f := unknownVerb(root, args); f != nil {
		f.print(c.err)
		return f.code
	}
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	var f *failure
	if !errors.As(err, &f) {
		f = misused(cmd, err) // cobra reports unknown commands, flags and argument counts as plain errors
	}
	f.print(c.err)
	return f.code
}

func newRoot(c console) *cobra.Command {
	root := &cobra.Command{
		Use:           "paywatt",
		Short:         "Prepaid electricity: sell STS tokens, meter, and settle, in one binary",
		Long:          rootHelp,
		Example:       "  paywatt demo\n  paywatt serve --data ./paywatt-data\n  paywatt vend 04140001001 100.00",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	format := outputFormat("table")
	root.PersistentFlags().VarP(&format, "output", "o", "output format: table, json or csv")
	for _, add := range nouns() {
		root.AddCommand(add(c))
	}
	group(root)
	exemplify(root)
	return root
}

// nouns lists the commands, a constructor per file of this folder.
func nouns() []func(console) *cobra.Command {
	return []func(console) *cobra.Command{
		newDemoCommand,
		newServeCommand,
		newAPIKeyCommand,
		newVendingKeyCommand,
		newMeterCommand,
		newProfileCommand,
		newIntegrationCommand,
		newVendCommand,
		newTariffCommand,
		newExplainCommand,
		newVendorCommand,
		newApprovalCommand,
		newClockCommand,
		newDebtCommand,
		newChargeCommand,
		newAccountCommand,
		newUtilityCommand,
		newCustomerCommand,
		newReportCommand,
		newQuarantineCommand,
		newMessageCommand,
		newConfigCommand,
		newDoctorCommand,
		newVersionCommand,
		newLicensesCommand,
		token,
		newVmeterCommand,
		newModemCommand,
		newSimCommand,
		newReplayCommand,
		newBackupCommand,
		newVerifyCommand,
		newStoreCommand,
		newBenchCommand,
	}
}

// Exit codes of the contract.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitRefused     = 4
	exitUnreachable = 5
)

// failure is an error with an exit code and up to three lines: what happened, what did not happen, what to do.
type failure struct {
	code           int
	what, not, try string
}

// Error joins the lines.
func (f *failure) Error() string {
	s := f.what
	if f.not != "" {
		s += " " + f.not
	}
	if f.try != "" {
		s += " " + f.try
	}
	return s
}

func (f *failure) print(w io.Writer) {
	fmt.Fprintln(w, "paywatt: "+f.what)
	if f.not != "" {
		fmt.Fprintln(w, "  "+f.not)
	}
	if f.try != "" {
		fmt.Fprintln(w, "  "+f.try)
	}
}
