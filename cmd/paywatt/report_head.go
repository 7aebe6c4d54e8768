package main

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/proof"
)

func newReportHead(c console) *cobra.Command {
	var since string
	var size int64
	cmd := &cobra.Command{
		Use: "head", Short: "Print the newest signed head of the log, to store elsewhere", Args: cobra.NoArgs,
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			from, err := headSize(since)
			if err != nil {
				return err
			}
			h, err := patiently(cmd.Context(), func(ctx context.Context) (apiv1.Head, error) { return api.Head(ctx, size, from) })
			if err != nil {
				return err
			}
			if format, err := cmd.Flags().GetString("output"); err != nil || format == "table" {
				_, err = c.out.Write([]byte(h.File)) // the file is written unchanged, as it is stored
				return err
			}
			return c.show(cmd, h, fields("size", strconv.FormatInt(h.Size, 10), "note", h.Note, "public key", h.PublicKey))
		}),
	}
	cmd.Flags().StringVar(&since, "since", "", "older head, as a file or by its size, or a receipt with its proof; adds the proof that the log has only grown since")
	cmd.Flags().Int64Var(&size, "size", 0, "size of the head to print, in leaves (default: the newest)")
	return cmd
}

// headSize returns the size of a signed head. The head is a number, a head file, or a receipt whose proof has a head.
func headSize(head string) (int64, error) {
	if head == "" {
		return 0, nil
	}
	if n, err := strconv.ParseInt(head, 10, 64); err == nil {
		return n, nil
	}
	text, err := readSmall(head)
	if err != nil {
		return 0, &exit.Failure{Code: exit.NotFound, What: "The head cannot be read: " + err.Error() + ".", Not: "No request was sent.", Try: "Give its file, or its size."}
	}
	var receipt struct{ Proof apiv1.ReceiptProof }
	note := string(text)
	if json.Unmarshal(text, &receipt) == nil {
		note = receipt.Proof.Head
	}
	if h, err := proof.ParseHeadFile(head, note); err == nil {
		lines := strings.SplitN(h.Note, "\n", 3) // the second line is the size; its signature is checked by paywatt verify
		if n, err := strconv.ParseInt(lines[1], 10, 64); err == nil {
			return n, nil
		}
	}
	return 0, usage(head+" is neither a head nor a receipt with a proof.", "Give a file from paywatt report head or paywatt vend receipt --proof, or the size of a head.")
}

// sealTries bounds how often a command asks for something that is not sealed yet; PostgreSQL seals every second.
const sealTries = 10

// patiently repeats a request while the server answers that something is not sealed yet.
func patiently[T any](ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	for n := 1; ; n++ {
		v, err := ask(ctx)
		var p *client.Problem
		if !errors.As(err, &p) || p.Code != "not-sealed-yet" || n == sealTries {
			return v, err
		}
		select {
		case <-ctx.Done():
			return v, err
		case <-time.After(max(p.RetryAfter, time.Second/4)):
		}
	}
}
