package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/exit"
)

func newApprovalCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "approval", Short: "List and decide requests that wait for a second person"}
	cmd.AddCommand(newApprovalList(c), newApprovalShow(c), newDecision(c, "approve", "Approve a request, which is then carried out", true), newDecision(c, "reject", "Reject a request", false))
	return cmd
}

func newApprovalList(c console) *cobra.Command {
	return list[apiv1.ApprovalFilter, apiv1.Approval]{
		use: "list", of: apiv1.Approvals, page: (*client.Client).Approvals,
		options: func(flags *pflag.FlagSet, f *apiv1.ApprovalFilter) {
			f.State = "waiting"
			choiceFlag(flags, &f.State, "state", "only requests in this state: "+alternativesText(enum[apiv1.ApprovalFilter]("State"))+"; empty for all", enum[apiv1.ApprovalFilter]("State"))
		},
		table: columns("id, state, act, by, what", func(a apiv1.Approval) []any {
			return []any{a.ID, a.State, a.Act, a.Maker, a.Summary}
		}),
	}.command(c)
}

func newApprovalShow(c console) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a request that you made or may decide", Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			all, err := every(func(p apiv1.Page) (apiv1.List[apiv1.Approval], error) {
				return api.Approvals(cmd.Context(), apiv1.ApprovalFilter{Page: p})
			})
			if err != nil {
				return err
			}
			for _, a := range all {
				if a.ID == args[0] {
					return c.show(cmd, a, fields("approval", a.ID, "state", a.State, "summary", a.Summary, "requested by", a.Maker, "request", string(a.Request),
						"decided by", a.Checker, "reason", a.Reason))
				}
			}
			return &exit.Failure{Code: exit.NotFound, What: "Request " + args[0] + " was not found.", Not: "No changes were made.",
				Try: "List the requests: paywatt approval list --state ''."}
		}),
	}
}

func newDecision(c console, verb, short string, allow bool) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: verb + " ID", Short: short, Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			a, err := api.Decide(cmd.Context(), args[0], allow, reason)
			if err != nil {
				return err
			}
			t := fields("approval", a.ID, "state", a.State, "summary", a.Summary, "requested by", a.Maker, "decided by", a.Checker, "result", a.Result)
			if m := a.Meter; m != nil {
				c.tell("The secrets below are shown only once. Store them where only the meter's installer can find them.")
				t.rows = append(t.rows, fields("mqtt password", m.MQTTPassword, "link key", m.LinkKey, "decoder key", m.DecoderKey).rows...)
			}
			if k := a.LinkKey; k != nil && k.Secret != "" {
				c.tell(linkKeyOnce)
				t.rows = append(t.rows, fields("next link key", k.Secret).rows...)
			}
			return c.show(cmd, a, t)
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in a few words; written to the audit log")
	return cmd
}
