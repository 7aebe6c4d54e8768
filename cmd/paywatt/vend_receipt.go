package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
)

func newVendReceipt(c console) *cobra.Command {
	var format string
	var proven bool
	var head string
	cmd := &cobra.Command{
		Use: "receipt SALE", Short: "Show the receipt of a sale, or save it with its proof", Args: cobra.ExactArgs(1),
		Long: "Show the receipt of a sale, by its id or its reference. With --proof it is JSON with the proof that the sale is in the sealed\n" +
			"log: paywatt verify checks it without this server. vend copy prints a copy that is counted.",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if !proven && head != "" || proven && cmd.Flags().Changed("format") && format != "json" {
				return usage("A proof is JSON and has no other --format; --head belongs to --proof.", "Leave --format out, or give --proof.")
			}
			size, err := headSize(head)
			if err != nil {
				return err
			}
			sale, err := saleID(cmd.Context(), api, args[0])
			if err != nil {
				return err
			}
			ask := func(ctx context.Context) ([]byte, error) {
				p, err := api.ProvenReceipt(ctx, sale, size)
				return p.Raw, err
			}
			if !proven {
				ask = func(ctx context.Context) ([]byte, error) { b, _, err := api.Receipt(ctx, sale, format); return b, err }
			}
			paper, err := patiently(cmd.Context(), ask)
			if err == nil {
				_, err = c.out.Write(append([]byte(strings.TrimRight(string(paper), "\n")), '\n'))
			}
			return err
		}),
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "text48", "text32, text48, html, sms or json")
	f.BoolVar(&proven, "proof", false, "as JSON, with the proof that the sale is in the sealed log")
	f.StringVar(&head, "head", "", "with --proof: for this signed head, as a file or by its size (default the newest)")
	return cmd
}

// saleID is what the API finds a sale by: its identity, also where it is named by its reference, or its receipt number.
func saleID(ctx context.Context, api *client.Client, sale string) (string, error) {
	if strings.HasPrefix(sale, salePrefix) {
		return sale, nil
	}
	v, err := api.VendByRef(ctx, sale)
	if p := (*client.Problem)(nil); errors.As(err, &p) && p.Code == "vend-not-found" {
		return sale, nil
	}
	return v.ID, err
}
