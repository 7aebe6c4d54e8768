package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/unit"
)

// rechargeWait is how long meter recharge follows a token by default. A text message takes half a minute over the air.
const rechargeWait = 2 * time.Minute

// Last states of a token on its way; see the states of a recharge in the API.
const (
	rechargeHeard    = "heard"
	rechargeAccepted = "accepted"
	rechargeRejected = "rejected"
	rechargeFailed   = "failed"
)

const (
	byMQTT = "mqtt"
	bySMS  = "sms"
)

func newMeterRecharge(c console) *cobra.Command {
	var by string
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "recharge METER TOKEN",
		Short: "Send a token to its meter and follow its delivery",
		Long: "Send a token to its meter. TOKEN is its 20 digits, or the id of a token that the server holds. It goes over the meter's own\n" +
			"connection, or by text message from the server's modem to the meter's SIM. Each step is printed with its time: queued,\n" +
			"sent, delivered, answered, accepted. The step heard means that a text message reports the token as loaded. With - as\n" +
			"TOKEN the digits come from standard input, so that the process list does not show them.\n\n" +
			"Exit codes: 0 the meter has the token; 4 the meter or the server refuses it; 5 the result is not known after --wait. The\n" +
			"delivery then goes on, and the digits stay valid. Only with --by sms is the report by text message enough for exit code 0:\n" +
			"nobody can prove who wrote a text message.",
		Example: "  paywatt meter recharge 04140001001 \"7134 0092 5510 3378 2064\" --by sms\n" +
			"  paywatt meter recharge 04140001001 tok_01jd00000000000000000000000 --by mqtt",
		Args: cobra.ExactArgs(2),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			n := apiv1.NewRecharge{By: by, Digits: args[1]}
			switch {
			case args[1] == "-":
				b, err := io.ReadAll(io.LimitReader(c.in, 128))
				if err != nil {
					return err
				}
				n.Digits = strings.TrimSpace(string(b))
			case strings.HasPrefix(args[1], id.Token):
				n.Digits, n.Token = "", args[1]
			}
			sent, err := api.Recharge(cmd.Context(), args[0], n)
			if err != nil {
				return err
			}
			if sent, err = c.followRecharge(cmd.Context(), api, args[0], sent, by, wait); err != nil {
				return err
			}
			if err := c.show(cmd, sent, rechargeTable(sent)); err != nil {
				return err
			}
			return rechargeEnd(sent, by, wait)
		}),
	}
	by = byMQTT
	choiceFlag(cmd.Flags(), &by, "by", "way to the meter: mqtt (its own connection) or sms (a text message to its SIM)", enum[apiv1.NewRecharge]("By"))
	cmd.Flags().DurationVar(&wait, "wait", rechargeWait, "longest time to follow the token; 0 to end when it is under way")
	return cmd
}

// followRecharge prints each step as it happens, until the meter has decided, the delivery is given up or the time is over. If the token
// was decided before the command began to follow it, the state says nothing about the new delivery. If only a text message reports the
// state, the state is not proven. In both cases followRecharge also waits for the meter's answer by the requested way.
func (c console) followRecharge(ctx context.Context, api *client.Client, meter string, r apiv1.Recharge, by string, wait time.Duration) (apiv1.Recharge, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	told := map[apiv1.RechargeStep]bool{}
	again := rechargeDecided(r)
	for {
		for _, s := range r.Steps {
			if !told[s] {
				told[s] = true
				fmt.Fprintf(c.err, "%s  %-9s %s\n", s.At.Format(time.RFC3339), s.State, strings.TrimSpace(s.By+" "+s.Note))
			}
		}
		if rechargeDecided(r) && !((again || rechargeHearsay(r, by)) && rechargeUnderWay(r, by)) {
			return r, nil
		}
		select {
		case <-ctx.Done():
			return r, nil
		case <-tick.C:
		}
		next, err := api.RechargeState(ctx, meter, r.Token)
		if ctx.Err() != nil {
			return r, nil
		}
		if err != nil {
			return r, err
		}
		r = next
	}
}

func rechargeDecided(r apiv1.Recharge) bool {
	return r.State == rechargeHeard || r.State == rechargeAccepted || r.State == rechargeRejected || r.State == rechargeFailed
}

// rechargeHearsay reports whether only a text message says that the meter has the token. A text message proves nothing, while answers over
// the meter's connection are signed. If the requested way is SMS, an answer to the newest message is enough, and rechargeHearsay reports
// false.
func rechargeHearsay(r apiv1.Recharge, by string) bool {
	return r.State == rechargeHeard && (by != bySMS || !rechargeIs(r, by, "answered"))
}

// rechargeUnderWay reports whether the newest delivery by a way is still waiting for its answer.
func rechargeUnderWay(r apiv1.Recharge, by string) bool {
	return rechargeIs(r, by, "queued", "sent", "delivered")
}

// rechargeIs reports whether the newest delivery by a way is in one of the given states.
func rechargeIs(r apiv1.Recharge, by string, states ...string) bool {
	i := slices.IndexFunc(r.Deliveries, func(d apiv1.RechargeDelivery) bool { return d.By == by })
	return i >= 0 && slices.Contains(states, r.Deliveries[i].State)
}

func rechargeTable(r apiv1.Recharge) table {
	rows := []string{"token", r.Token, "meter", r.Meter, "state", r.State, "units", unit.Energy(r.UnitsWh).KWh(1) + " kWh"}
	if b := r.Balance; b != nil {
		rows = append(rows, "balance", unit.Energy(b.Wh).KWh(1)+" kWh as of "+b.At.Format(time.RFC3339)+" by "+b.Source)
	}
	for _, d := range r.Deliveries {
		said := d.State + " " + d.Why
		if d.Answer != "" {
			said = d.State + ": " + d.Answer
		}
		rows = append(rows, "by "+d.By, strings.TrimSpace(said))
	}
	return fields(rows...)
}

// rechargeEnd returns the exit code for the final state of a token.
func rechargeEnd(r apiv1.Recharge, by string, wait time.Duration) error {
	switch {
	case wait > 0 && rechargeHearsay(r, by):
		return &exit.Failure{Code: exit.Unreachable, What: "Only a text message reports the token as loaded, which proves nothing. The meter has not answered by " + by + ".",
			Not: "The token is not lost. A meter loads a token only once.", Try: "Run the command again when the meter can be reached, or look at its display."}
	case r.State == rechargeHeard || r.State == rechargeAccepted || wait <= 0:
		return nil
	case r.State == rechargeRejected:
		return &exit.Failure{Code: exit.Refused, What: "The meter refused the token: " + r.Result + ".", Not: "The credit of the meter did not change.",
			Try: "Run paywatt token explain to find out why."}
	}
	return &exit.Failure{Code: exit.Unreachable, What: fmt.Sprintf("The meter has not confirmed the token. The delivery is %s.", r.State),
		Not: "The token is not lost. A meter loads a token only once.", Try: "Send it by another way (--by), let the customer type it, or try again later."}
}
