package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/unit"
)

func newQuarantineCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "quarantine", Short: "What meters sent and cannot be true, until somebody decides"}
	cmd.AddCommand(newQuarantineList(c),
		newVerdict(c, "accept", "Say that it is true: a record is stored, a reading is charged for",
			`  paywatt quarantine accept qtn_01jd00000000000000000000000 --reason "a new cold store"`),
		newVerdict(c, "rebase", "Count on from a register, without charging for what lies between",
			`  paywatt quarantine rebase qtn_01jd00000000000000000000000 --register 120433 --reason "meter changed"`),
		newVerdict(c, "discard", "Say that it is wrong: counting goes on from the register before",
			`  paywatt quarantine discard qtn_01jd00000000000000000000000 --reason "one bad reading"`))
	return cmd
}

func newQuarantineList(c console) *cobra.Command {
	all := false
	cmd := &cobra.Command{
		Use: "list [METER]", Short: "List what waits for a decision, of one meter or of all, newest first", Args: cobra.MaximumNArgs(1),
		Example: "  paywatt quarantine list\n  paywatt quarantine list 04140001001 --all -o csv",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			meter := ""
			if len(args) == 1 {
				meter = args[0]
			}
			rows, err := every(func(p client.Page) (client.List[client.Quarantined], error) {
				return api.Quarantine(cmd.Context(), meter, all, p)
			})
			if err != nil {
				return err
			}
			t := table{head: []string{"id", "received", "meter", "record", "doubt", "kWh before", "kWh", "state", "choices", "reason"}}
			for _, q := range rows {
				t.add(q.ID, timeText(&q.ReceivedAt), q.Meter, strconv.FormatInt(q.Seq, 10), q.Doubt, registerText(q.WasWh), registerText(q.RegisterWh),
					q.State, strings.Join(q.Choices, " "), q.Reason)
			}
			return c.show(cmd, rows, t)
		}),
	}
	cmd.Flags().BoolVar(&all, "all", false, "those too that are decided")
	return cmd
}

func registerText(wh *int64) string {
	if wh == nil {
		return ""
	}
	return unit.Energy(*wh).KWh(3)
}

// newVerdict is a command that decides about an entry.
func newVerdict(c console, choice, short, example string) *cobra.Command {
	v := client.Verdict{Choice: choice}
	register := int64(-1)
	cmd := &cobra.Command{
		Use: choice + " ID", Short: short, Args: cobra.ExactArgs(1), Example: example,
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if v.Reason == "" {
				return usage("A decision needs a reason.", "Say what you know of the meter: --reason \"meter changed\".")
			}
			if cmd.Flags().Changed("register") {
				v.RegisterWh = &register
			}
			d, err := api.DecideQuarantined(cmd.Context(), args[0], v)
			if err != nil {
				return err
			}
			return c.show(cmd, d, verdictTable(d))
		}),
	}
	cmd.Flags().StringVar(&v.Reason, "reason", "", "why (needed); it stands in the audit log")
	if choice == "rebase" {
		cmd.Flags().Int64Var(&register, "register", 0, "the register in Wh, read off the meter (default: the doubtful one)")
	}
	return cmd
}

func newMeterRebase(c console) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "rebase METER REGISTER_WH", Short: "Count on from a register of a wallet meter: it was changed or reset", Args: cobra.ExactArgs(2),
		Example: `  paywatt meter rebase 04140001001 0 --reason "new meter fitted"`,
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			register, err := strconv.ParseInt(args[1], 10, 64)
			if err != nil || reason == "" {
				return usage("A rebase needs a register in Wh and a reason.", "For example: meter rebase 04140001001 0 --reason \"new meter fitted\".")
			}
			d, err := api.RebaseMeter(cmd.Context(), args[0], register, reason)
			if err != nil {
				return err
			}
			return c.show(cmd, d, verdictTable(d))
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why (needed); it stands in the audit log")
	return cmd
}

func verdictTable(d client.Verdicted) table {
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
