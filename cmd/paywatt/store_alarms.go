package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/exit"
)

func newStoreEndAlarms(c console) *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "end-alarms SERVER",
		Short: "End the alarms about a server that is gone for good",
		Long: "End the open alarms about one of the servers of a PostgreSQL database, such as those about its certificate.\n" +
			"A server ends its own alarms when their cause is gone. The others end them when it has been gone for seven days. Use this command\n" +
			"if you took a server away and do not want to wait. The server must have been stopped for half an hour. The audit log records it.",
		Example: "  paywatt store end-alarms srv-b --data ./paywatt-data --store postgres://paywatt@db/paywatt",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.inFolder(cmd, data, func(f *app.Folder) error {
				out, err := f.EndServerAlarms(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if out.Ended == 0 {
					return explainNoneEnded(args[0], out.Left)
				}
				c.tell("%d alarms about server %s ended.", out.Ended, args[0])
				return c.showOne(cmd, fmt.Sprint(out.Ended), map[string]string{"server": args[0], "ended": fmt.Sprint(out.Ended)})
			})
		},
	}
	c.placeFlags(cmd, &data)
	return cmd
}

// explainNoneEnded says why no alarm about a server was ended. The servers are those about which alarms are open.
func explainNoneEnded(server string, servers []app.AlarmedServer) *exit.Failure {
	if at := slices.IndexFunc(servers, func(s app.AlarmedServer) bool { return s.Name == server }); at >= 0 {
		return &exit.Failure{Code: exit.Refused, What: "Server " + server + " was alive at " + servers[at].SeenAt.UTC().Format(time.RFC3339) + ".",
			Not: "No alarm was ended.",
			Try: "Mend what its alarms say, and it ends them. If you took it away, try again half an hour after that time."}
	}
	var names []string
	for _, s := range servers {
		names = append(names, s.Name)
	}
	try := "paywatt meter alarms lists the alarms with their servers."
	if len(names) > 0 {
		try = "Alarms are open about these servers: " + strings.Join(names, ", ") + "."
	}
	return &exit.Failure{Code: exit.NotFound, What: "No alarm about a server " + server + " is open.", Not: "No changes were made.", Try: try}
}
