package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
)

func newOverviewCommand(c console) *cobra.Command {
	return &cobra.Command{
		Use: "overview", Short: "Show what needs somebody", Args: cobra.NoArgs,
		Long: "Show what needs somebody: meters without supply, with little credit, not heard or tampered with, failed messages, doubtful readings,\n" +
			"requests that wait for a second person, unconfirmed reversals and alarms. Of each list it shows the first five.",
		Example: "  paywatt overview\n  paywatt overview -o json",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, _ []string) error {
			o, err := api.Overview(cmd.Context())
			return answer(c, cmd, o, err, overviewTable)
		}),
	}
}

// overviewTable has a line for each list that has something, and one for each of its first entries.
func overviewTable(o apiv1.Overview) table {
	t := table{head: []string{"what", "count", "entry", "detail", "since"}}
	if s := o.Standbys; s != nil && s.Safety != "full" {
		t.add("standbys_missing", strconv.Itoa(s.Expected-s.Following), "", fmt.Sprintf("%d of %d follow the database: %s", s.Following, s.Expected, s.Safety), "")
	}
	for _, l := range o.Lists {
		if l.Count == 0 {
			continue
		}
		count := strconv.Itoa(l.Count)
		if l.More {
			count += "+"
		}
		detail := ""
		if l.PaidLastHour > 0 {
			detail = strconv.Itoa(l.PaidLastHour) + " paid in the last hour"
		}
		t.add(l.Kind, count, "", detail, "")
		for _, e := range l.First {
			t.add("", "", e.Title, e.Detail, timeText(e.Since))
		}
	}
	return t
}
