// Command paywatt is prepaid electricity in one binary: the vending system, the metering server and the meter itself.
//
// Each noun has its commands in a file of its own. Results go to standard output, messages to standard error. Exit codes: 0
// ok, 1 failed, 2 usage, 3 not found, 4 refused by rule, 5 unreachable.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// console is where a command reads and writes; tests provide their own.
type console struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	environ  func() []string // nil: the environment has no settings
	periods  periods
}

// periods are how long the program waits for something. A zero means the usual time; tests set others, so that nothing depends on a machine's
// speed.
type periods struct {
	completion  time.Duration // the shell's wait for values from the server
	safeLook    time.Duration // between two looks of a server in safe mode
	certificate time.Duration // between two looks at the files of certificates
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
	f := unknownCommand(root, args)
	if f == nil {
		err := root.ExecuteContext(ctx)
		if err == nil {
			return 0
		}
		f = failed(err)
	}
	printFailure(c.err, f)
	return f.Code
}

func newRoot(c console) *cobra.Command {
	root := &cobra.Command{
		Use:           "paywatt",
		Short:         "Sell STS tokens, read meters and settle accounts",
		Long:          rootHelp,
		Example:       "  paywatt demo\n  paywatt serve --data ./paywatt-data\n  paywatt vend 04140001001 100.00",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	format := "table"
	formats := []string{"table", "json", "csv"}
	root.PersistentFlags().VarP(&choice{name: "output", value: &format, of: formats, needed: true}, "output", "o", "output format: "+alternativesText(formats))
	addNouns(root, c)
	root.SetCompletionCommandGroupID("admin")
	root.InitDefaultCompletionCmd()
	exemplify(root)
	strict(root)
	c.completed(root)
	return root
}
