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

// Far states of a token on its way; see the states of a recharge in the API.
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
		Short: "Send a token to its meter through the server, and follow it until the meter has it",
		Long: "Send the 20 digits of a token, or the id of one that the server holds, to its meter: over the meter's own connection, or\n" +
			"by a text message from the server's modem to the meter's SIM. Each step is told with its time: queued, sent, delivered,\n" +
			"answered, accepted (heard: a text message says that the meter has it). With - as TOKEN the digits come from standard\n" +
			"input and stand in no list of processes.\n\n" +
			"It ends with 0 when the meter has the token, 4 when the meter or the server refuses it, and 5 when that is not known after\n" +
			"--wait; the token stays on its way and its digits stay good. That a text message says that the meter has it is enough for\n" +
			"--by sms alone: nobody can prove who wrote it.",
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
	cmd.Flags().StringVar(&by, "by", byMQTT, "mqtt: the meter's own connection; sms: a text message to the meter's SIM")
	cmd.Flags().DurationVar(&wait, "wait", rechargeWait, "follow the token so long; 0 ends when it is on its way")
	return cmd
}

// followRecharge tells each step as it happens, until the meter has decided, the delivery is given up or the time is over. A
// token that was decided before, or is by a text message alone, is followed until the meter has answered on the way asked for.
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

// rechargeHearsay reports whether a text message, which proves nothing, is all that says that the meter has the token, and
// that is less than the way asked for tells: the meter's connection signs its answers, and a message that was not answered
// itself is not answered by one that came before.
func rechargeHearsay(r apiv1.Recharge, by string) bool {
	return r.State == rechargeHeard && (by != bySMS || !rechargeIs(r, by, "answered"))
}

// rechargeUnderWay reports whether the newest delivery by a way waits for its answer.
func rechargeUnderWay(r apiv1.Recharge, by string) bool {
	return rechargeIs(r, by, "queued", "sent", "delivered")
}

// rechargeIs reports whether the newest delivery by a way is in one of some states.
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

// rechargeEnd is the exit code of what became of a token.
func rechargeEnd(r apiv1.Recharge, by string, wait time.Duration) error {
	switch {
	case wait > 0 && rechargeHearsay(r, by):
		return &exit.Failure{Code: exit.Unreachable, What: "It is not known whether the meter has the token: only a text message says so, which proves nothing, and the meter has not answered by " + by + ".",
			Not: "Nothing is lost: a token loads once, whichever way it arrives.", Try: "Ask again when the meter can be reached, or look at its display."}
	case r.State == rechargeHeard || r.State == rechargeAccepted || wait <= 0:
		return nil
	case r.State == rechargeRejected:
		return &exit.Failure{Code: exit.Refused, What: "The meter refuses the token: " + r.Result + ".", Not: "Nothing was added to its credit.",
			Try: "paywatt token explain says what may be wrong with it."}
	}
	return &exit.Failure{Code: exit.Unreachable, What: fmt.Sprintf("The meter has not confirmed the token; it is %s.", r.State),
		Not: "Nothing is lost: a token loads once, whichever way it arrives.", Try: "Send it by another way (--by), let the customer type it, or ask again later."}
}
