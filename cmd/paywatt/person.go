package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/app"
)

func newPersonCommand(c console) *cobra.Command {
	cmd := &cobra.Command{
		Use: "person", Short: "Invite, list, change and block the people who sign in",
		Long: "Invite, list, change and block the people who sign in. A person who was invited, reset, unblocked or promoted counts as the one who\n" +
			"did it where two people are needed, until another approver confirms the person. docs/operate/people.md has the steps.",
	}
	cmd.AddCommand(newPersonInvite(c), newPersonList(c), newPersonRole(c),
		newPersonChange(c, "block", "Block a person at once, with sessions and API keys", (*client.Client).BlockPerson),
		newPersonChange(c, "unblock", "Unblock a person, who can sign in again", (*client.Client).UnblockPerson),
		newPersonChange(c, "reset", "Make a password invalid and print a new one-time link", (*client.Client).ResetPerson),
		newPersonConfirm(c), newPersonSessions(c), newPersonEndSessions(c), newPersonDevices(c), newPersonRevokeDevice(c),
		newPersonOwn(c), newPersonRecordOwn(c), newPersonEndOwn(c))
	return cmd
}

func newPersonSessions(c console) *cobra.Command {
	return list[apiv1.SessionFilter, apiv1.Session]{
		use: "sessions PERSON", of: apiv1.Sessions, page: (*client.Client).Sessions, example: "  paywatt person sessions juma@example.org",
		arg: func(f *apiv1.SessionFilter, person string) { f.Person = person },
		table: columns("begun, last used, address, browser, id", func(s apiv1.Session) []any {
			return []any{timeText(&s.CreatedAt), timeText(&s.SeenAt), s.Address, s.Browser, s.ID}
		}),
	}.command(c)
}

func newPersonEndSessions(c console) *cobra.Command {
	return &cobra.Command{
		Use: "end-sessions PERSON", Short: "Close all sessions of a person at once, with their open pages", Args: cobra.ExactArgs(1),
		Example: "  paywatt person end-sessions juma@example.org",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			done, err := api.EndSessions(cmd.Context(), args[0])
			return answer(c, cmd, done, err, func(d apiv1.EndedSessions) table {
				return fields("email", d.Email, "ended sessions", strconv.Itoa(d.Ended), "id", d.Person)
			})
		}),
	}
}

func newPersonDevices(c console) *cobra.Command {
	return list[apiv1.DeviceFilter, apiv1.CounterDevice]{
		use: "devices PERSON", of: apiv1.CounterDevices, page: (*client.Client).CounterDevices, example: "  paywatt person devices juma@example.org",
		arg: func(f *apiv1.DeviceFilter, person string) { f.Person = person },
		table: columns("name, registered, last used, id", func(d apiv1.CounterDevice) []any {
			return []any{d.Name, timeText(&d.CreatedAt), timeText(d.UsedAt), d.ID}
		}),
	}.command(c)
}

func newPersonRevokeDevice(c console) *cobra.Command {
	return &cobra.Command{
		Use: "revoke-device PERSON DEVICE", Short: "Revoke a device for signing in with a PIN; ends its sessions", Args: cobra.ExactArgs(2),
		Example: "  paywatt person revoke-device juma@example.org dev_01jd00000000000000000000000",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			done, err := api.RevokeDevice(cmd.Context(), args[0], args[1])
			return answer(c, cmd, done, err, func(d apiv1.RevokedDevice) table {
				return fields("email", d.Email, "revoked device", d.ID, "id", d.Person)
			})
		}),
	}
}

func newPersonOwn(c console) *cobra.Command {
	return list[apiv1.OwnFilter, apiv1.Own]{
		use: "own PERSON", of: apiv1.Owns, page: (*client.Client).Owns, example: "  paywatt person own juma@example.org",
		arg: func(f *apiv1.OwnFilter, person string) { f.Person = person },
		table: columns("kind, number, recorded by, recorded, ended by, ended, id", func(o apiv1.Own) []any {
			return []any{o.Kind, o.Number, o.RecordedBy, timeText(&o.CreatedAt), o.EndedBy, timeText(o.EndedAt), o.ID}
		}),
	}.command(c)
}

func newPersonRecordOwn(c console) *cobra.Command {
	return &cobra.Command{
		Use: "record-own PERSON meter|phone NUMBER", Short: "Record a meter or a telephone as a person's own", Args: cobra.ExactArgs(3),
		Long: "Record a meter or a telephone as a person's own. Whoever approves an action then sees that it gives something to a colleague.\n" +
			"Everybody may record their own. A record never goes away: another person can end it, and it stays in the list.",
		Example: "  paywatt person record-own juma@example.org meter 04140001019\n" +
			"  paywatt person record-own juma@example.org phone +254711000222",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			done, err := api.RecordOwn(cmd.Context(), args[0], apiv1.NewOwn{Kind: args[1], Number: args[2]})
			return answer(c, cmd, done, err, ownTable)
		}),
	}
}

func newPersonEndOwn(c console) *cobra.Command {
	return &cobra.Command{
		Use: "end-own PERSON RECORD", Short: "Close the record of somebody else's own meter or telephone", Args: cobra.ExactArgs(2),
		Example: "  paywatt person end-own juma@example.org own_01jd00000000000000000000000",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			done, err := api.EndOwn(cmd.Context(), args[0], args[1])
			return answer(c, cmd, done, err, ownTable)
		}),
	}
}

// ownTable shows a record after a change.
func ownTable(o apiv1.Own) table {
	return fields("kind", o.Kind, "number", o.Number, "recorded by", o.RecordedBy, "recorded", timeText(&o.CreatedAt), "ended by", o.EndedBy,
		"ended", timeText(o.EndedAt), "id", o.ID)
}

func newPersonInvite(c console) *cobra.Command {
	var n apiv1.NewPerson
	cmd := &cobra.Command{
		Use: "invite EMAIL --role ROLE", Short: "Invite a person and print the one-time link", Args: cobra.ExactArgs(1),
		Example: "  paywatt person invite juma@example.org --role supervisor --name \"Juma O.\"\n" +
			"  paywatt person confirm juma@example.org",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			if n.Role == "" {
				return usage("A person needs a role.", "Add --role with "+alternativesText(keyRoles())+".")
			}
			n.Email = args[0]
			p, err := api.Invite(cmd.Context(), n)
			return c.showPerson(cmd, p, err)
		}),
	}
	choiceFlag(cmd.Flags(), &n.Role, "role", "role of the person (needed): "+alternativesText(keyRoles()), keyRoles())
	cmd.Flags().StringVar(&n.Name, "name", "", "name of the person")
	cmd.Flags().StringVar(&n.Vendor, "vendor", "", "code or id of the vendor whose float a person of the role vendor_api sells from")
	return cmd
}

func newPersonList(c console) *cobra.Command {
	return list[apiv1.Page, apiv1.Person]{
		use: "list", of: apiv1.People, page: (*client.Client).People,
		table: columns("email, name, role, state, confirmed, id", func(p apiv1.Person) []any {
			return []any{p.Email, p.Name, p.Role, p.State, p.Confirmed, p.ID}
		}),
	}.command(c)
}

func newPersonRole(c console) *cobra.Command {
	vendor := ""
	cmd := &cobra.Command{
		Use: "role PERSON ROLE", Short: "Change the role of a person", Args: cobra.ExactArgs(2),
		Example: "  paywatt person role juma@example.org finance",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			p, err := api.SetPersonRole(cmd.Context(), args[0], apiv1.PersonRole{Role: args[1], Vendor: vendor})
			return c.showPerson(cmd, p, err)
		}),
	}
	cmd.Flags().StringVar(&vendor, "vendor", "", "code or id of the vendor whose float a person of the role vendor_api sells from")
	return cmd
}

// newPersonChange makes a command that changes a person without further options.
func newPersonChange(c console, verb, short string, do func(*client.Client, context.Context, string) (apiv1.Person, error)) *cobra.Command {
	return &cobra.Command{
		Use: verb + " PERSON", Short: short, Args: cobra.ExactArgs(1), Example: "  paywatt person " + verb + " juma@example.org",
		RunE: c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
			p, err := do(api, cmd.Context(), args[0])
			return c.showPerson(cmd, p, err)
		}),
	}
}

func newPersonConfirm(c console) *cobra.Command {
	data := ""
	cmd := &cobra.Command{
		Use: "confirm PERSON", Short: "Confirm that a person has the account", Args: cobra.ExactArgs(1),
		Long: "Confirm that an account is in the hands of its person, so that it counts as a second person. Another approver does it through a\n" +
			"server. For the first second approver, do it at the server with --data. The daily report lists a confirmation with --data.",
		Example: "  paywatt person confirm juma@example.org\n" +
			"  paywatt person confirm juma@example.org --data ./paywatt-data",
	}
	through := c.asking(func(cmd *cobra.Command, api *client.Client, args []string) error {
		p, err := api.ConfirmPerson(cmd.Context(), args[0])
		return c.showPerson(cmd, p, err)
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !cmd.Flags().Changed("data") && !cmd.Flags().Changed(storeFlagName) {
			return through(cmd, args)
		}
		return c.inFolder(cmd, data, func(f *app.Folder) error {
			p, err := f.Access.Confirm(cmd.Context(), app.Clerk(), args[0])
			if err := allowed(p.Refusal, err); err != nil {
				return err
			}
			return c.show(cmd, map[string]any{"email": p.Person.Email, "confirmed": true}, fields("email", p.Person.Email, "confirmed", "true"))
		})
	}
	c.placeFlags(cmd, &data)
	return cmd
}

// showPerson prints a person after a change, and the one-time link if there is one.
func (c console) showPerson(cmd *cobra.Command, p apiv1.Person, err error) error {
	if err != nil {
		return err
	}
	t := fields("email", p.Email, "name", p.Name, "role", p.Role, "vendor", p.Vendor, "state", p.State, "counts as", strings.Join(p.CountsAs, " "), "id", p.ID)
	if p.InviteURL != "" {
		c.tell("The link below is shown only once. It works once, for 24 hours. Give it to the person only.")
		t.rows = append(t.rows, fields("link", strings.TrimRight(c.serverURL(), "/")+p.InviteURL).rows...)
	}
	return c.show(cmd, p, t)
}
