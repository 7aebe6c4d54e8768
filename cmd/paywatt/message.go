package main

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

func newMessageCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "message", Short: "List, show and send text messages"}
	cmd.AddCommand(newMessageList(c), newMessageShow(c), newMessageSend(c), newMessageRetry(c), newMessageRoutes(c))
	return cmd
}

func newMessageList(c console) *cobra.Command {
	return list[apiv1.MessageFilter, apiv1.Message]{
		use: "list [METER]", example: "  paywatt message list\n  paywatt message list 04140001001 --state failed -o csv",
		of: apiv1.Messages, page: (*client.Client).Messages, arg: func(f *apiv1.MessageFilter, meter string) { f.Meter = meter },
		options: func(flags *pflag.FlagSet, f *apiv1.MessageFilter) {
			flags.StringVar(&f.Phone, "phone", "", "only messages to or from this telephone number")
			choiceFlag(flags, &f.State, "state", "only messages in this state: "+alternativesText(enum[apiv1.MessageFilter]("State")), enum[apiv1.MessageFilter]("State"))
			choiceFlag(flags, &f.Direction, "direction", "only messages that the server sent (out) or received (in)", enum[apiv1.MessageFilter]("Direction"))
			flags.StringVar(&f.Sale, "sale", "", "only messages of this sale: its id or receipt number")
		},
		table: columns("id, queued, direction, phone, meter, purpose, state, route, parts, text or reason", func(m apiv1.Message) []any {
			return []any{m.ID, timeText(&m.QueuedAt), m.Direction, m.Phone, m.Meter, m.Purpose, m.State, m.Route, m.Parts, cmp.Or(m.Text, m.Failure)}
		}),
	}.command(c)
}

func newMessageShow(c console) *cobra.Command {
	return &cobra.Command{
		Use: "show MESSAGE", Short: "Show a message with its steps and attempts", Args: cobra.ExactArgs(1),
		Example: "  paywatt message show msg_01jd00000000000000000000000",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			m, err := api.Message(cmd.Context(), args[0])
			return answer(c, cmd, m, err, messageTable)
		}),
	}
}

// messageTable shows a message and the attempts to send it.
func messageTable(m apiv1.MessageDetail) table {
	t := fields("message", m.ID, "state", m.State, "purpose", m.Purpose, "phone", m.Phone, "meter", m.Meter, "token", m.Token, "text", m.Text,
		"queued", timeText(&m.QueuedAt), "sent", timeText(m.SentAt), "delivered", timeText(m.DeliveredAt), "answered", timeText(m.AnsweredAt),
		"next attempt", timeText(m.NextAt), "reason", m.Failure, "cost", microText(m.CostMicro))
	for _, a := range m.Attempts {
		said := []string{a.Outcome}
		if a.Asking {
			said = append(said, "asked for the last tokens")
		}
		if a.Report != "" {
			said = append(said, "report "+a.Report)
		}
		if a.Why != "" {
			said = append(said, a.Why)
		}
		t.add(fmt.Sprintf("try %d", a.N), timeText(&a.At)+" by "+a.Route+": "+strings.Join(said, ", "))
	}
	return t
}

// microText writes a cost in millionths of the currency's unit as a decimal number.
func microText(micro int64) string {
	return fmt.Sprintf("%d.%06d", micro/1_000_000, micro%1_000_000)
}

func newMessageSend(c console) *cobra.Command {
	var n apiv1.NewMessage
	var toMeter bool
	cmd := &cobra.Command{
		Use: "send [METER]", Short: "Send a token or a text by SMS", Args: cobra.MaximumNArgs(1),
		Long: "Send a token or a text by SMS. Without --token it sends the newest token that the meter may not have yet. It goes to the\n" +
			"customer's registered telephone, or with --to-meter to the SIM in the meter. With --text it sends a text instead, to the\n" +
			"customer or to --phone. You may send a token twice: a meter loads it only once.",
		Example: "  paywatt message send 04140001001\n  paywatt message send 04140001001 --to-meter --route modem1\n" +
			"  paywatt message send --phone +254700000001 --text \"Our office is closed today.\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if len(args) == 1 {
				n.Meter = args[0]
			}
			if n.Text == "" {
				n.Via = "sms"
				if toMeter {
					n.Via = "meter_sms"
				}
			}
			m, err := api.SendMessage(cmd.Context(), n, "")
			if err != nil {
				return err
			}
			return c.show(cmd, m, messageTable(apiv1.MessageDetail{Message: m}))
		}),
	}
	f := cmd.Flags()
	f.StringVar(&n.Token, "token", "", "id or digits of the token")
	f.BoolVar(&toMeter, "to-meter", false, "send to the SIM in the meter instead of the customer")
	f.StringVar(&n.Text, "text", "", "text to send instead of a token")
	f.StringVar(&n.Phone, "phone", "", "telephone number that gets the text (default: that of the meter's customer)")
	f.StringVar(&n.Route, "route", "", "name of the route to use (default: the first that works)")
	return cmd
}

func newMessageRetry(c console) *cobra.Command {
	var route string
	cmd := &cobra.Command{
		Use: "retry MESSAGE", Short: "Send a message again, by the same or another route", Args: cobra.ExactArgs(1),
		Example: "  paywatt message retry msg_01jd00000000000000000000000 --route kannel",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			m, err := api.RetryMessage(cmd.Context(), args[0], route)
			return answer(c, cmd, m, err, messageTable)
		}),
	}
	cmd.Flags().StringVar(&route, "route", "", "name of the route to use (default: the first that works)")
	return cmd
}

func newMessageRoutes(c console) *cobra.Command {
	return &cobra.Command{
		Use: "routes", Short: "Show the routes for messages and their costs by month", Args: cobra.NoArgs,
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			r, err := api.MessageRoutes(cmd.Context())
			if err != nil {
				return err
			}
			t := table{head: []string{"route", "kind", "state or month", "memory", "messages", "parts", "cost", "last error"}}
			for _, w := range r.Routes {
				t.add(w.Name, w.Kind, w.State, memoryText(w.Memory), "", "", microText(w.CostMicro), w.Why)
			}
			for _, m := range r.Months {
				t.add(m.Route, "", m.Month, "", strconv.FormatInt(m.Messages, 10), strconv.FormatInt(m.Parts, 10), microText(m.CostMicro), "")
			}
			return c.show(cmd, r, t)
		}),
	}
}

// memoryText shows how full a modem's SIM is.
func memoryText(m *apiv1.MessageMemory) string {
	switch {
	case m == nil:
		return ""
	case m.AlmostFull:
		return fmt.Sprintf("%d of %d, almost full", m.Used, m.Slots)
	}
	return fmt.Sprintf("%d of %d", m.Used, m.Slots)
}
