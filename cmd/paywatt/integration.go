package main

import (
	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/app"
)

func newIntegrationCommand(c console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "integration",
		Short: "Create, list and revoke logins for Home Assistant and others",
		Long: "Create, list and revoke logins for programs that read meters' states over MQTT, such as Home Assistant. They connect to the\n" +
			"integration broker (paywatt serve --mqtt-integration ADDR). A login may only read, and it sees the meters of one customer or\n" +
			"all meters. docs/guide/home-assistant.md has the topics and the steps.",
	}
	cmd.AddCommand(newIntegrationAdd(c), newIntegrationList(c), newIntegrationRevoke(c))
	return cmd
}

// loginRow is a login as it is shown.
type loginRow struct {
	User     string `json:"user"`
	Password string `json:"password,omitempty"`
	Name     string `json:"name"`
	Sees     string `json:"sees"`
	Created  string `json:"created_at"`
	Revoked  bool   `json:"revoked"`
}

func newIntegrationAdd(c console) *cobra.Command {
	var data, meter, name string
	all := false
	cmd := &cobra.Command{
		Use:   "add --meter METER | --all",
		Short: "Create a login and print it once; a server may be running",
		Example: "  paywatt integration add --meter 04140001001 --name \"Amina's Home Assistant\"\n" +
			"  paywatt integration add --all --name dashboard",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (meter == "") != all {
				return usage("The meters that the login may see are not specified.", "Give --meter METER for the meters of its customer, or --all for every meter.")
			}
			return c.inFolder(cmd, data, func(f *app.Folder) error {
				made, err := f.Logins().Create(cmd.Context(), app.Clerk(), meter, name)
				if err := allowed(made.Refusal, err); err != nil {
					return err
				}
				c.tell("The password is shown only once. Whoever has it can read the states of these meters.")
				r := loginRow{User: made.Login.User(), Password: made.Secret.Reveal(), Name: name, Sees: "all meters", Created: timeText(&made.Login.CreatedAt)}
				if meter != "" {
					r.Sees = "the meters of the customer of " + meter
				}
				return c.show(cmd, r, fields("user", r.User, "password", r.Password, "name", r.Name, "sees", r.Sees))
			})
		},
	}
	cmd.Flags().StringVar(&meter, "meter", "", "meter of the customer whose meters the login may see")
	cmd.Flags().BoolVar(&all, "all", false, "let the login see every meter")
	cmd.Flags().StringVar(&name, "name", "", "owner of the login, for the list")
	c.placeFlags(cmd, &data)
	return cmd
}

func newIntegrationList(c console) *cobra.Command {
	data := ""
	cmd := &cobra.Command{
		Use: "list", Short: "List the logins, without their passwords", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.inFolder(cmd, data, func(f *app.Folder) error {
				l, err := f.Logins().List(cmd.Context(), app.Clerk())
				if err := allowed(l.Refusal, err); err != nil {
					return err
				}
				rows, t := []loginRow{}, table{head: []string{"user", "name", "sees", "created", "revoked"}}
				for _, one := range l.Data {
					r := loginRow{User: one.User(), Name: one.Name, Sees: "all meters", Created: timeText(&one.CreatedAt), Revoked: !one.RevokedAt.IsZero()}
					if !one.Customer.IsZero() {
						r.Sees = "one customer's"
					}
					rows = append(rows, r)
					t.add(r.User, r.Name, r.Sees, r.Created, r.Revoked)
				}
				return c.show(cmd, rows, t)
			})
		},
	}
	c.placeFlags(cmd, &data)
	return cmd
}

func newIntegrationRevoke(c console) *cobra.Command {
	data := ""
	cmd := &cobra.Command{
		Use: "revoke USER", Short: "Revoke a login; its connections end within seconds", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.inFolder(cmd, data, func(f *app.Folder) error {
				no, err := f.Logins().Revoke(cmd.Context(), app.Clerk(), args[0])
				return allowed(no, err)
			})
		},
	}
	c.placeFlags(cmd, &data)
	return cmd
}
