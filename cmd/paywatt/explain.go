package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/exit"
)

// salePrefix begins the identity of a sale; anything else names it by its reference or its receipt number.
const salePrefix = "vnd_"

func newExplainCommand(c console) *cobra.Command {
	return &cobra.Command{
		Use:   "explain SALE",
		Short: "Derive every figure of a sale again and say where it comes from",
		Long: "Derive every figure of a sale again: from the tariff version, the place in the month's blocks, the charges and debts it met,\n" +
			"caps and roundings. SALE is its id, its reference or its receipt number. Exit 1 where the stored sale is not what is derived.",
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
		err = &exit.Failure{Code: exit.Failed, What: "The stored sale is not what its own figures make it: " + strings.Join(e.Differences, " "),
			Not: "Nothing was changed.", Try: "Run paywatt verify, and keep a copy of the database as it is."}
	}
	return err
}
