package main

import (
	"context"
	"fmt"
	"strings"

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
		Use: "show ID", Short: "Show a request and what it does if it is approved now", Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			a, err := api.Approval(cmd.Context(), args[0])
			return answer(c, cmd, a, err, approvalTable)
		}),
	}
}

// approvalTable shows a request with what it does if it is approved now.
func approvalTable(a apiv1.Approval) table {
	t := fields("approval", a.ID, "state", a.State, "summary", a.Summary, "requested by", a.Maker, "decided by", a.Checker, "reason", a.Reason)
	if now := a.Now; now != nil {
		t.rows = append(t.rows, effectTable(*now).rows...)
	}
	t.rows = append(t.rows, fields("shown", a.Shown, "request", string(a.Request)).rows...)
	return t
}

// effectTable shows what a request does if it is approved now.
func effectTable(e apiv1.Effect) table {
	t := fields("refused now", e.Refused)
	line := func(name, text string) { t.rows = append(t.rows, fields(name, text).rows...) }
	if e.Changed {
		line("changed", "Figures have changed since the action was requested.")
		line("summary now", e.Summary)
	}
	for _, f := range e.Facts {
		text := f.After
		if f.Before != "" {
			text = f.Before + " -> " + f.After
		}
		if f.Was != "" {
			text += " (when requested: " + f.Was + ")"
		}
		line(strings.ReplaceAll(f.Name, "-", " "), text+usualText(f.Usual))
		for _, caution := range f.Cautions {
			line("caution", caution)
		}
	}
	for _, s := range e.Sums {
		text := fmt.Sprintf("%d rows, %s", s.Count, s.Sum)
		if s.WasSum != "" {
			text += fmt.Sprintf(" (when requested: %d rows, %s)", s.WasCount, s.WasSum)
		}
		line(s.Fate, text+usualText(s.Usual))
		for _, caution := range s.Cautions {
			line("caution", caution)
		}
	}
	for _, r := range e.Rows {
		line(fmt.Sprintf("line %d", r.Line), strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s %s %s", r.Fate, r.Amount, r.Meter, r.Name, r.From, r.Said)), " "))
		for _, caution := range r.Cautions {
			line("caution", caution)
		}
	}
	if e.Hidden > 0 {
		line("not listed", fmt.Sprintf("%d other rows", e.Hidden))
	}
	return t
}

// usualText says what a figure usually is.
func usualText(u *apiv1.Usual) string {
	switch {
	case u == nil:
		return ""
	case u.Of == 0:
		return " (nothing of this kind was approved in the last 30 days, so no usual size is known)"
	}
	return fmt.Sprintf(" (usual: %s, median of %d in the last 30 days)", u.Median, u.Of)
}

// tellRequest says on the standard error what a request does if it is approved now. At a terminal it asks whether to approve it. It returns
// the digest that binds the approval to what was said.
func (c console) tellRequest(ctx context.Context, api *client.Client, approval string) (shown string, err error) {
	a, err := api.Approval(ctx, approval)
	if err != nil || a.Now == nil { // it was decided before, or an older server does not say what it does
		return "", err
	}
	t := fields("summary", a.Summary, "requested by", a.Maker)
	t.rows = append(t.rows, effectTable(*a.Now).rows...)
	if err := t.write(c.err); err != nil || !c.atTerminal() {
		return a.Shown, err
	}
	if !c.saysYes("Approve this request?") {
		return "", &exit.Failure{Code: exit.Usage, What: "The approval was not confirmed.", Not: "The request still waits.",
			Try: "Answer yes, or reject it with paywatt approval reject."}
	}
	return a.Shown, nil
}

func newDecision(c console, verb, short string, allow bool) *cobra.Command {
	var reason, secrets, shown string
	cmd := &cobra.Command{
		Use: verb + " ID", Short: short, Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			decide := func() (apiv1.Approval, error) { return api.Decide(cmd.Context(), args[0], allow, reason) }
			if allow {
				d := apiv1.Decision{Reason: reason, Shown: shown}
				if d.Shown == "" {
					var err error
					if d.Shown, err = c.tellRequest(cmd.Context(), api, args[0]); err != nil {
						return err
					}
				}
				if secrets != "" {
					var err error
					if d.Secrets, err = readSecrets(secrets); err != nil {
						return err
					}
				}
				decide = func() (apiv1.Approval, error) { return api.Approve(cmd.Context(), args[0], d) }
			}
			a, err := decide()
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
			if p := a.Password; p != nil && p.Secret != "" {
				c.tell(passwordOnce)
				t.rows = append(t.rows, fields("new mqtt password", p.Secret).rows...)
			}
			if a.Secret != "" {
				c.tell(providerSecretOnce)
				t.rows = append(t.rows, fields("signing secret", a.Secret).rows...)
			}
			if a.Address != "" {
				t.rows = append(t.rows, fields("address (secret)", a.Address).rows...)
			}
			return c.show(cmd, a, t)
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in a few words; written to the audit log")
	if allow {
		cmd.Flags().StringVar(&shown, "shown", "", "the line \"shown\" of approval show; refuses the request if it does something else by now "+
			"(default: what the command writes to the standard error)")
		cmd.Flags().StringVar(&secrets, "secrets", "", "file with the secrets that a payment provider gave, as JSON, to approve provider.enable or provider.secret")
	}
	return cmd
}
