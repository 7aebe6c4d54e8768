package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/exit"
)

// salePrefix begins the id of a sale. Any other word is a reference or a receipt number.
const salePrefix = "vnd_"

func newExplainCommand(c console) *cobra.Command {
	return &cobra.Command{
		Use:   "explain SALE",
		Short: "Explain every figure of a sale",
		Long: "Explain every figure of a sale. The server computes the sale again from the tariff version, the position in the month's\n" +
			"blocks, the charges and debts, the limits and the roundings. SALE is its id, its reference or its receipt number. The exit\n" +
			"code is 1 if the stored sale differs.",
		Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error { return c.explain(cmd, api, args[0]) }),
	}
}

func (c console) explain(cmd *cobra.Command, api *client.Client, sale string) error {
	sale, err := saleID(cmd.Context(), api, sale)
	if err != nil {
		return err
	}
	e, err := api.Explain(cmd.Context(), sale)
	if err != nil {
		return err
	}
	format, err := cmd.Flags().GetString("output")
	if err != nil {
		return err
	}
	if format == "table" {
		_, err = fmt.Fprintln(c.out, strings.Join(e.Words, "\n"))
	} else {
		t := table{head: []string{"line", "ref", "amount_minor"}}
		for _, l := range e.Lines {
			t.add(l.Kind, l.Ref, l.AmountMinor)
		}
		err = c.show(cmd, e, t)
	}
	if err == nil && !e.Agrees {
		err = &exit.Failure{Code: exit.Failed, What: "The stored sale does not match its recalculation: " + strings.Join(e.Differences, " "),
			Not: "No changes were made.", Try: "Keep a copy of the database as it is, then run paywatt verify."}
	}
	return err
}
