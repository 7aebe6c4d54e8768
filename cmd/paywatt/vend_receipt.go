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
	var to string
	var head string
	cmd := &cobra.Command{
		Use: "receipt SALE", Short: "Show the receipt of a sale, or its proof", Args: cobra.ExactArgs(1),
		Long: "Show the receipt of a sale, by its id, reference or receipt number. With --proof it is JSON with the proof that the sale is\n" +
			"in the sealed log. paywatt verify checks that proof without this server. To print a copy that is counted, use paywatt vend\n" +
			"copy.",
		Example: "  paywatt vend receipt main-000017\n  paywatt vend receipt main-000017 --format pdf > receipt.pdf\n" +
			"  paywatt vend receipt main-000017 --format escpos80 --print-to 192.168.1.50",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if !proven && head != "" || proven && cmd.Flags().Changed("format") && format != "json" {
				return usage("--proof needs --format json, and --head needs --proof.", "Leave --format out, or add --proof.")
			}
			if err := noPrinter(to, format); err != nil {
				return err
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
			if err != nil {
				return err
			}
			if proven || !notText(format) {
				paper = append([]byte(strings.TrimRight(string(paper), "\n")), '\n')
			}
			return c.deliver(cmd, paper, to)
		}),
	}
	f := cmd.Flags()
	format = "text48"
	choiceFlag(f, &format, "format", "format of the receipt: "+alternativesText(receiptFormats()), receiptFormats())
	f.BoolVar(&proven, "proof", false, "print JSON with the proof that the sale is in the sealed log")
	printFlag(cmd, &to)
	f.StringVar(&head, "head", "", "signed head of the proof, as a file or by its size (default: the newest)")
	return cmd
}

// saleID returns a word by which the API finds a sale. It turns a reference into the sale's id, and returns an id or a receipt
// number unchanged.
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
