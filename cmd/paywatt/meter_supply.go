package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/unit"
)

func newMeterSupply(c console) *cobra.Command {
	return &cobra.Command{
		Use: "supply METER", Short: "Show the supply of a wallet meter and how long the money lasts",
		Example: "  paywatt meter supply 04140001001", Args: cobra.ExactArgs(1),
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			s, err := api.Supply(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return c.show(cmd, s, supplyTable(s))
		}),
	}
}

// supplyTable shows the state of a supply.
func supplyTable(s apiv1.Supply) table {
	days, lease := "unknown", "none"
	if d := s.DaysLeft; d != nil {
		days = strconv.FormatInt(d.Least, 10) + " to " + strconv.FormatInt(d.Most, 10) + ", likely " + strconv.FormatInt(d.Likely, 10)
	}
	if l := s.Lease; l != nil {
		lease = strconv.FormatInt(l.LeftWh, 10) + " Wh left, to register " + strconv.FormatInt(l.MaxRegisterWh, 10)
	}
	press := "no"
	if s.PressKey {
		press = "press # at the meter"
	}
	emergency := ""
	if e := s.Emergency; e != nil {
		emergency = strconv.FormatInt(e.EnergyWh, 10) + " Wh until " + timeText(&e.Until) + ", by " + e.By
	}
	available := ""
	if a := s.Available; a != nil {
		available = strconv.FormatInt(a.AmountMinor, 10)
	}
	return fields("meter", s.Meter, "state", s.State, "reasons", strings.Join(s.Reasons, ","), "waits", s.Waits, "until", timeText(s.WaitsTo), "by", s.By, "why", s.Why,
		"available_minor", available, "days left", days, "lease", lease, "key", press, "emergency", emergency)
}

func newMeterCut(c console) *cobra.Command {
	return newSwitch(c, "cut", "Cut the supply of a meter until it is restored", "unpaid deposit", "disconnect", (*client.Client).CutSupply)
}

func newMeterRestore(c console) *cobra.Command {
	cmd := newSwitch(c, "restore", "Restore a cut supply, if nothing else keeps it off", "deposit paid", "", (*client.Client).RestoreSupply)
	var lasts time.Duration
	var energy string
	cmd.Flags().DurationVar(&lasts, "for", 0, "restore it on credit at night, for this time: whole hours, at most 24h")
	cmd.Flags().StringVar(&energy, "energy", "", "energy in kWh after which the supply on credit ends, such as 5")
	cmd.Example += "\n  paywatt meter restore 04140001001 --for 12h --energy 5 --reason \"medicine in the refrigerator\""
	plain := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if lasts == 0 && energy == "" {
			return plain(cmd, args)
		}
		return c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			wh, ok := exactly(strings.TrimSpace(strings.TrimSuffix(energy, "kWh")), int64(unit.KilowattHour))
			if !ok || lasts < time.Hour || lasts%time.Hour != 0 {
				return usage("A supply on credit needs whole hours and an energy.", "Example: --for 12h --energy 5")
			}
			why, _ := cmd.Flags().GetString("reason")
			s, err := api.RestoreInEmergency(cmd.Context(), args[0], apiv1.NewEmergency{Hours: int64(lasts / time.Hour), EnergyWh: wh, Reason: why})
			if err != nil {
				return err
			}
			return c.show(cmd, s, supplyTable(s))
		})(cmd, args)
	}
	return cmd
}

// newSwitch builds a command that cuts or restores a supply.
func newSwitch(c console, name, short, why, destroys string, do func(api *client.Client, ctx context.Context, meter, reason string) (apiv1.Switched, error)) *cobra.Command {
	var reason string
	var yes bool
	cmd := &cobra.Command{
		Use: name + " METER", Short: short, Args: cobra.ExactArgs(1),
		Example: "  paywatt meter " + name + " 04140001001 --reason \"" + why + "\"",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if reason == "" {
				return usage("A change of the supply needs a reason.", "Add --reason \""+why+"\". It is written to the audit log.")
			}
			if err := c.confirm(yes, args[0], destroys); err != nil {
				return err
			}
			done, err := do(api, cmd.Context(), args[0], reason)
			if err != nil {
				return err
			}
			id, state := "", ""
			if done.Command != nil {
				id, state = done.Command.ID, done.Command.State
			}
			return c.show(cmd, done, fields("effect", done.Effect, "still off for", strings.Join(done.Reasons, ","), "command", id, "state", state))
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in a few words (needed); written to the audit log")
	if destroys != "" {
		cmd.Flags().BoolVar(&yes, "yes", false, "do not ask for confirmation")
	}
	return cmd
}
