package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/unit"
)

func newQuarantineCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "quarantine", Short: "List and decide doubtful readings"}
	cmd.AddCommand(newQuarantineList(c),
		newVerdict(c, "accept", "Accept a doubtful reading or record as true",
			`  paywatt quarantine accept qtn_01jd00000000000000000000000 --reason "a new cold store"`),
		newVerdict(c, "rebase", "Continue from a register without charging the difference",
			`  paywatt quarantine rebase qtn_01jd00000000000000000000000 --register 120433 --reason "meter changed"`),
		newVerdict(c, "discard", "Discard a doubtful reading or record as wrong",
			`  paywatt quarantine discard qtn_01jd00000000000000000000000 --reason "one bad reading"`))
	return cmd
}

func newQuarantineList(c console) *cobra.Command {
	return list[apiv1.QuarantineFilter, apiv1.Quarantined]{
		use: "list [METER]", example: "  paywatt quarantine list\n  paywatt quarantine list 04140001001 --all -o csv",
		of: apiv1.Quarantine, page: (*client.Client).Quarantine, arg: func(f *apiv1.QuarantineFilter, meter string) { f.Meter = meter },
		options: func(flags *pflag.FlagSet, f *apiv1.QuarantineFilter) {
			flags.BoolVar(&f.All, "all", false, "also list entries that are decided")
		},
		table: columns("id, received, meter, record, doubt, kWh before, kWh, state, choices, reason", func(q apiv1.Quarantined) []any {
			return []any{q.ID, timeText(&q.ReceivedAt), q.Meter, q.Seq, q.Doubt, kwhOf(q.WasWh, 3), kwhOf(q.RegisterWh, 3), q.State,
				strings.Join(q.Choices, " "), q.Reason}
		}),
	}.command(c)
}

// newVerdict builds a command that decides about an entry.
func newVerdict(c console, choice, short, example string) *cobra.Command {
	var v apiv1.Rebase
	register := int64(-1)
	cmd := &cobra.Command{
		Use: choice + " ID", Short: short, Args: cobra.ExactArgs(1), Example: example,
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if v.Reason == "" {
				return usage("A decision needs a reason.", "Write what you know about the meter: --reason \"meter changed\".")
			}
			v.RegisterWh = given(cmd, "register", &register)
			d, err := api.DecideQuarantined(cmd.Context(), args[0], choice, v)
			return answer(c, cmd, d, err, verdictTable)
		}),
	}
	cmd.Flags().StringVar(&v.Reason, "reason", "", "why, in a few words (needed); written to the audit log")
	if choice == "rebase" {
		cmd.Flags().Int64Var(&register, "register", 0, "register read on the meter, in Wh (default: the doubtful one)")
	}
	return cmd
}

func verdictTable(d apiv1.QuarantineResult) table {
	state, debit := "", ""
	if d.Entry != nil {
		state = d.Entry.State
	}
	if d.Debit != nil {
		debit = amountText(*d.Debit)
	}
	return fields("meter", d.Meter, "state", state, "readings since", strconv.Itoa(d.Readings), "kWh charged", unit.Energy(d.UnitsWh).KWh(3),
		"charged", debit, "stopped again by", d.Held)
}
