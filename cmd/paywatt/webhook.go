package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

func newWebhookCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "webhook", Short: "Send events to other programs"}
	cmd.AddCommand(newWebhookAdd(c), newWebhookList(c),
		newWebhookChange(c, "enable", "Begin to send a webhook its events", (*client.Client).EnableWebhook),
		newWebhookChange(c, "disable", "Block a webhook's events at once", (*client.Client).DisableWebhook),
		newWebhookChange(c, "rotate", "Give a webhook a new secret", (*client.Client).RotateWebhook),
		newWebhookChange(c, "remove", "Discard a webhook with its deliveries", (*client.Client).RemoveWebhook),
		newWebhookTest(c), newWebhookDeliveries(c), newWebhookResend(c), newWebhookRecover(c))
	return cmd
}

func newWebhookAdd(c console) *cobra.Command {
	var n apiv1.NewWebhook
	cmd := &cobra.Command{
		Use: "add URL", Short: "Add a webhook, and print its secret", Args: cobra.ExactArgs(1),
		Example: "  paywatt webhook add https://example.com/paywatt --event vend.completed --event vend.reversed",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			n.URL = args[0]
			w, err := api.AddWebhook(cmd.Context(), n)
			return answer(c, cmd, w, err, webhookTable)
		}),
	}
	cmd.Flags().StringArrayVar(&n.Events, "event", nil, "type of events that it wants; repeatable (needed)")
	cmd.Flags().BoolVar(&n.AllowPrivate, "allow-private", false, "also allow http and private addresses")
	return cmd
}

func newWebhookList(c console) *cobra.Command {
	return list[apiv1.Page, apiv1.Webhook]{
		use: "list", of: apiv1.Webhooks, page: (*client.Client).Webhooks,
		table: columns("url, events, enabled, why not, failing since, added by, id", func(w apiv1.Webhook) []any {
			return []any{w.URL, strings.Join(w.Events, " "), w.Enabled, w.DisabledWhy, timeText(w.FailingSince), w.AddedBy, w.ID}
		}),
	}.command(c)
}

func newWebhookChange(c console, use, short string, do func(*client.Client, context.Context, string) (apiv1.Webhook, error)) *cobra.Command {
	return &cobra.Command{
		Use: use + " WEBHOOK", Short: short, Args: cobra.ExactArgs(1),
		Example: "  paywatt webhook " + use + " whk_01jd0000000000000000000000",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			w, err := do(api, cmd.Context(), args[0])
			return answer(c, cmd, w, err, webhookTable)
		}),
	}
}

func newWebhookTest(c console) *cobra.Command {
	return &cobra.Command{
		Use: "test WEBHOOK", Short: "Send a test event to a webhook", Args: cobra.ExactArgs(1),
		Example: "  paywatt webhook test whk_01jd0000000000000000000000",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			d, err := api.TestWebhook(cmd.Context(), args[0])
			return answer(c, cmd, d, err, deliveryTable)
		}),
	}
}

func newWebhookDeliveries(c console) *cobra.Command {
	return list[apiv1.WebhookDeliveryFilter, apiv1.WebhookDelivery]{
		use: "deliveries WEBHOOK", example: "  paywatt webhook deliveries whk_01jd0000000000000000000000 --state failed",
		of: apiv1.WebhookDeliveries, page: (*client.Client).WebhookDeliveries, limit: 50,
		options: func(flags *pflag.FlagSet, f *apiv1.WebhookDeliveryFilter) {
			choiceFlag(flags, &f.State, "state", "only deliveries in this state", enum[apiv1.WebhookDeliveryFilter]("State"))
		},
		arg: func(f *apiv1.WebhookDeliveryFilter, word string) { f.Webhook = word },
		table: columns("created, type, state, attempts, last attempt, next attempt, id", func(d apiv1.WebhookDelivery) []any {
			return []any{timeText(&d.CreatedAt), d.Type, d.State, d.Attempts, lastAttempt(d), timeText(d.NextAt), d.ID}
		}),
	}.command(c)
}

func newWebhookResend(c console) *cobra.Command {
	return &cobra.Command{
		Use: "resend WEBHOOK DELIVERY", Short: "Send an event to a webhook again", Args: cobra.ExactArgs(2),
		Example: "  paywatt webhook resend whk_01jd0000000000000000000000 dlv_01jd0000000000000000000000",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			d, err := api.ResendDelivery(cmd.Context(), args[0], args[1])
			return answer(c, cmd, d, err, deliveryTable)
		}),
	}
}

func newWebhookRecover(c console) *cobra.Command {
	var since string
	cmd := &cobra.Command{
		Use: "recover WEBHOOK", Short: "Send all failed events since a time again", Args: cobra.ExactArgs(1),
		Example: "  paywatt webhook recover whk_01jd0000000000000000000000 --since 2026-11-20T00:00:00Z",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			at, err := time.Parse(time.RFC3339, since)
			if err != nil {
				return usage("--since is not a time.", "Give it like 2026-11-20T00:00:00Z.")
			}
			r, err := api.RecoverWebhook(cmd.Context(), args[0], at)
			return answer(c, cmd, r, err, func(r apiv1.WebhookRecovery) table {
				return fields("events sent again", strconv.Itoa(r.Deliveries), "more", strconv.FormatBool(r.More))
			})
		}),
	}
	cmd.Flags().StringVar(&since, "since", "", "time of the first event to send again (needed)")
	return cmd
}

func webhookTable(w apiv1.Webhook) table {
	out := []string{"webhook", w.ID, "url", w.URL, "events", strings.Join(w.Events, " "), "private addresses", strconv.FormatBool(w.AllowPrivate),
		"enabled", strconv.FormatBool(w.Enabled), "why not", w.DisabledWhy, "failing since", timeText(w.FailingSince), "paused until", timeText(w.PausedUntil)}
	if w.Secret != "" {
		out = append(out, "secret (shown once)", w.Secret)
	}
	return fields(append(out, "old secret signs until", timeText(w.PreviousUntil))...)
}

func deliveryTable(d apiv1.WebhookDelivery) table {
	return fields("delivery", d.ID, "event", d.Event, "number", strconv.FormatInt(d.Sequence, 10), "type", d.Type, "state", d.State,
		"attempts", strconv.Itoa(d.Attempts), "last attempt", lastAttempt(d), "next attempt", timeText(d.NextAt))
}

// lastAttempt says what became of the newest attempt.
func lastAttempt(d apiv1.WebhookDelivery) string {
	if len(d.Log) == 0 {
		return ""
	}
	a := d.Log[len(d.Log)-1]
	if a.Status != 0 {
		return strings.TrimSpace(strconv.Itoa(a.Status) + " " + a.Answer)
	}
	return a.Error
}
