package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/exit"
	slips "github.com/paywatt/paywatt/internal/printer"
)

// printFlag adds the option that sends a paper to a receipt printer.
func printFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "print-to", "", "send it to a receipt printer: a device such as /dev/usb/lp0, or HOST[:9100]; needs --format escpos58 or escpos80")
}

// noPrinter refuses a paper that a receipt printer does not understand.
func noPrinter(to, format string) error {
	if to != "" && !strings.HasPrefix(format, "escpos") {
		return usage("--print-to needs a format of receipt printers.", "Add --format escpos58 for 58 mm paper, or --format escpos80 for 80 mm.")
	}
	return nil
}

// deliver writes a paper, or sends it to a printer.
func (c console) deliver(cmd *cobra.Command, paper []byte, to string) error {
	if to == "" {
		_, err := c.out.Write(paper)
		return err
	}
	err := slips.Send(cmd.Context(), to, paper)
	if err == nil {
		c.tell("Printed on %s.", to)
		return nil
	}
	f := &exit.Failure{Code: exit.Unreachable, What: "The printer " + to + " did not answer: " + err.Error() + ".", Not: "Nothing was printed. The sale is not affected.",
		Try: "Switch the printer on and look at its address. Then print again. A receipt or credit note then says that it is a copy, because its original was sent to the printer."}
	if failure := (*slips.Failure)(nil); errors.As(err, &failure) {
		f.What = "The printer " + to + " did not answer: " + failure.Err.Error() + "."
		if failure.Begun {
			f.What, f.Not = "The printer "+to+" stopped in the middle: "+failure.Err.Error()+".", "The paper may lack a part. The sale is not affected."
			f.Try = "Look at the paper, and print a copy: paywatt vend copy."
		}
	}
	return f
}
