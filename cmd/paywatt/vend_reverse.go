package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/exit"
)

// reversalPause and reversalLooks bound how long vend reverse waits for a connected meter.
const (
	reversalPause = 500 * time.Millisecond
	reversalLooks = 40
)

func newVendReverse(c console) *cobra.Command {
	var reason, key string
	cmd := &cobra.Command{
		Use: "reverse SALE", Short: "Reverse the last sale to a meter before its token is used", Args: cobra.ExactArgs(1),
		Example: "  paywatt vend reverse main-000001 --reason \"wrong meter\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			named, err := saleID(cmd.Context(), api, args[0])
			if err != nil {
				return err
			}
			out, err := api.Reverse(cmd.Context(), named, reason, key)
			if err != nil {
				return err
			}
			if out.Reversal, err = c.awaitReversal(cmd, api, named, out.Reversal); err != nil {
				return err
			}
			r := out.Reversal
			if r.State == "refused" {
				return &exit.Failure{Code: exit.Refused, What: "The meter refused the reversal: " + r.Code + ".", Not: "The sale stands. No money was given back.",
					Try: "If the token is in the meter, give the money back with paywatt account adjust."}
			}
			note := ""
			if r.State == "done" && !r.Confirmed {
				note = "the meter could not be asked: if the token still loads, its value becomes a debt"
			}
			return c.show(cmd, out, fields("sale", args[0], "meter", out.Vend.Meter, "given back", amountText(out.Vend.Tender), "reversal", r.State, "note", note))
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in a few words; written to the audit log")
	cmd.Flags().StringVar(&key, "key", "", "idempotency key; repeating it repeats the answer, not the reversal")
	return cmd
}

// awaitReversal polls a reversal for a while if it waits for its meter.
func (c console) awaitReversal(cmd *cobra.Command, api *client.Client, sale string, r apiv1.Reversal) (apiv1.Reversal, error) {
	defer c.progress(cmd, "Waiting for the meter", nil)()
	for range reversalLooks {
		if r.State != "waiting" {
			break
		}
		select {
		case <-cmd.Context().Done():
			return r, cmd.Context().Err()
		case <-time.After(reversalPause):
		}
		var err error
		if r, err = api.Reversal(cmd.Context(), sale); err != nil {
			return r, err
		}
	}
	return r, nil
}
