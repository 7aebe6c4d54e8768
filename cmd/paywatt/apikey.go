package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/refusal"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
)

// defaultData is the data folder if no other one is given.
const defaultData = "./paywatt-data"

// dataFlag adds --data. PAYWATT_DATA overrides its default. The command does not run if others can read the folder or its keys.
func (c console) dataFlag(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "data", cmp.Or(c.getenv("PAYWATT_DATA"), defaultData), "data folder")
	cmd.PreRunE = func(*cobra.Command, []string) error { return private(*to, "", "Nothing was read or changed.") }
}

func newAPIKeyCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "apikey", Short: "Create, list, give, replace and revoke API keys"}
	cmd.AddCommand(newAPIKeyCreate(c), newAPIKeyList(c), newAPIKeyGive(c), newAPIKeyRotate(c), newAPIKeyRevoke(c))
	return cmd
}

func newAPIKeyCreate(c console) *cobra.Command {
	var data, role, name, vendor, person, expires string
	var from []string
	cmd := &cobra.Command{
		Use:   "create --role ROLE",
		Short: "Create an API key and print it once; a server may be running",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if role == "" {
				return usage("A key needs a role.", "Add --role with "+alternativesText(keyRoles())+".")
			}
			until, err := expiryOf(expires, time.Now())
			if err != nil {
				return err
			}
			open := c.inFolder
			if access.Role(role) == access.Owner {
				open = c.inNewFolder // the first key of a new utility creates the database
			}
			return open(cmd, data, func(f *app.Folder) error {
				sells, err := f.Vendor(cmd.Context(), vendor)
				if err := allowed(sells.Refusal, err); err != nil {
					return err
				}
				made, err := f.Access.CreateAPIKey(cmd.Context(), app.Clerk(), access.NewKey{Role: access.Role(role), Name: name, Vendor: sells.ID, Person: person,
					ExpiresAt: until, From: from})
				if err := allowed(made.Refusal, err); err != nil {
					return err
				}
				if made.Owner.Email != "" && person == "" {
					c.tell("The key belongs to %s, the only person who signs in.", made.Owner.Email)
				}
				return c.showKey(cmd, made)
			})
		},
	}
	c.placeFlags(cmd, &data)
	choiceFlag(cmd.Flags(), &role, "role", "role of the key (needed): "+alternativesText(keyRoles()), keyRoles())
	cmd.Flags().StringVar(&name, "name", "", "name of the key in the audit log")
	cmd.Flags().StringVar(&vendor, "vendor", "", "code or id of the vendor from whose float the key sells")
	cmd.Flags().StringVar(&person, "person", "", "e-mail address of the person to whom the key belongs; needed once several people sign in, if the key can move value")
	cmd.Flags().StringVar(&expires, "expires", "", "when the key ends: a number of days such as 90d, or a time such as 2027-01-31T00:00:00Z; never by default")
	cmd.Flags().StringSliceVar(&from, "from", nil, "address or network from which the key may be used, such as 10.0.0.0/8; repeatable; everywhere by default")
	return cmd
}

// showKey prints a new key, which is shown only once.
func (c console) showKey(cmd *cobra.Command, made access.MadeKey) error {
	key := made.Secret.Reveal()
	return c.showOne(cmd, key, map[string]string{"id": made.Key.ID.Text(id.Key), "role": string(made.Key.Role), "key": key})
}

// expiryOf reads when a key ends: a number of days from now, or a time. The empty text means never.
func expiryOf(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, isDays := strings.CutSuffix(text, "d"); isDays {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 36_500 {
			return now.Add(time.Duration(n) * 24 * time.Hour), nil
		}
	} else if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	return time.Time{}, usage("--expires "+text+" is not a number of days or a time.", "Give days such as 90d, or a time such as 2027-01-31T00:00:00Z.")
}

func newAPIKeyRotate(c console) *cobra.Command {
	var data string
	var overlap time.Duration
	cmd := &cobra.Command{
		Use: "rotate ID", Short: "Replace an API key, and print the new one once", Args: cobra.ExactArgs(1),
		Long: "Replace an API key, and print the new one once. The new key has the role, vendor, person, name, networks and lifetime of the old one. " +
			"The old key goes on working for the overlap, so that programs can change to the new one.",
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := keyID(args[0])
			if err != nil {
				return err
			}
			return c.inFolder(cmd, data, func(f *app.Folder) error {
				made, err := f.Access.RotateAPIKey(cmd.Context(), app.Clerk(), key, overlap)
				if err := allowed(made.Refusal, err); err != nil {
					return err
				}
				return c.showKey(cmd, made)
			})
		},
	}
	c.placeFlags(cmd, &data)
	cmd.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old key goes on working, such as 24h; 0 ends it now")
	return cmd
}

// keyID reads the id of a key.
func keyID(text string) (id.ID, error) {
	key, err := id.Parse(id.Key, text)
	if err != nil {
		return key, usage(text+" is not the id of a key.", "Give an id that paywatt apikey list shows. Ids begin with "+id.Key+".")
	}
	return key, nil
}

func newAPIKeyList(c console) *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use: "list", Short: "List the API keys, without their secrets", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.inFolder(cmd, data, func(f *app.Folder) error { return c.listKeys(cmd, f) })
		},
	}
	c.placeFlags(cmd, &data)
	return cmd
}

// keyRoles are the roles that a key may have.
func keyRoles() (out []string) {
	for _, r := range access.Roles() {
		if r != access.CustomerRole && r != access.DeviceRole {
			out = append(out, string(r))
		}
	}
	return out
}

// keyRow is a key as apikey list prints it.
type keyRow struct {
	ID      string `json:"id"`
	Role    string `json:"role"`
	Name    string `json:"name"`
	Person  string `json:"person"` // e-mail address of the person for whom it acts; empty for a key of nobody or of a vendor
	Created string `json:"created_at"`
	Expires string `json:"expires_at"`   // empty: never
	Used    string `json:"last_used_at"` // to the hour; empty: never
	From    string `json:"from"`         // networks, separated by commas; empty: everywhere
	Revoked bool   `json:"revoked"`
	Vendor  string `json:"vendor"` // code of a vendor_api key's vendor. Older versions made such keys without a vendor; they have no rights
}

func (c console) listKeys(cmd *cobra.Command, f *app.Folder) error {
	rows, after := []keyRow{}, id.ID{}
	t := table{head: []string{"id", "role", "name", "person", "created", "expires", "last used", "from", "revoked", "vendor"}}
	vendors, err := f.VendorCodes(cmd.Context())
	if err != nil {
		return err
	}
	for range maxPages {
		keys, err := f.Access.APIKeys(cmd.Context(), app.Clerk(), after)
		if err := allowed(keys.Refusal, err); err != nil {
			return err
		}
		for _, k := range keys.Data {
			r := keyRow{ID: k.ID.Text(id.Key), Role: string(k.Role), Name: k.Name, Person: keys.Owners[k.Answers].Email, Created: timeText(&k.CreatedAt), Expires: timeOrNone(k.ExpiresAt),
				Used: timeOrNone(k.UsedAt), From: string(k.From), Revoked: !k.RevokedAt.IsZero(),
				Vendor: vendors[k.Vendor]}
			rows, after = append(rows, r), k.ID
			t.add(r.ID, r.Role, r.Name, r.Person, r.Created, r.Expires, r.Used, r.From, r.Revoked, r.Vendor)
		}
		if len(keys.Data) < access.MaxKeys {
			break
		}
	}
	return c.show(cmd, rows, t)
}

// timeOrNone returns the text of a time; empty for the zero time.
func timeOrNone(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return timeText(&t)
}

func newAPIKeyGive(c console) *cobra.Command {
	var data, person string
	cmd := &cobra.Command{
		Use: "give ID --person EMAIL", Short: "Give an API key of nobody to its person", Args: cobra.ExactArgs(1),
		Long: "Give an API key of nobody to its person. Such keys were made before anybody could sign in. They can no longer sell, approve, or do\n" +
			"anything else that moves value, until they have a person. A key that has a person cannot be given to somebody else.",
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := keyID(args[0])
			if err != nil {
				return err
			}
			if person == "" {
				return usage("The key needs a person.", "Add --person with the e-mail address of the person who uses the key.")
			}
			return c.inFolder(cmd, data, func(f *app.Folder) error {
				no, err := f.Access.GiveAPIKey(cmd.Context(), app.Clerk(), key, person)
				return allowed(no.Refusal, err)
			})
		},
	}
	c.placeFlags(cmd, &data)
	cmd.Flags().StringVar(&person, "person", "", "e-mail address of the person who uses the key (needed)")
	return cmd
}

func newAPIKeyRevoke(c console) *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use: "revoke ID", Short: "Revoke an API key at once", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			key, err := keyID(args[0])
			if err != nil {
				return err
			}
			return c.inFolder(cmd, data, func(f *app.Folder) error {
				no, err := f.Access.RevokeAPIKey(cmd.Context(), app.Clerk(), key)
				return allowed(no.Refusal, err)
			})
		},
	}
	c.placeFlags(cmd, &data)
	return cmd
}

// inFolder opens the data folder, or the database that the settings name instead, and passes it to the parameter act. It fails if there is
// no database. It does not make a new one, because no server would use that database.
func (c console) inFolder(cmd *cobra.Command, dir string, act func(*app.Folder) error) error {
	where, err := c.place(cmd, dir)
	if err == nil && where.store == "" && !sqlite.Has(where.data) {
		return &exit.Failure{Code: exit.NotFound, What: "There is no Paywatt database in the folder " + where.data + ".", Not: "No changes were made.",
			Try: "Name the folder that the server uses with --data. For a new utility, make its first key: paywatt apikey create --role owner."}
	}
	if err != nil {
		return err
	}
	return c.inPlace(cmd, where, act)
}

// inNewFolder is like inFolder, but makes a database if there is none, and says so.
func (c console) inNewFolder(cmd *cobra.Command, dir string, act func(*app.Folder) error) error {
	where, err := c.place(cmd, dir)
	if err != nil {
		return err
	}
	if where.store == "" && !sqlite.Has(where.data) {
		c.tell("The folder %s had no database, so a new one was made. Only a server that uses this folder accepts the key.", where.data)
	}
	return c.inPlace(cmd, where, act)
}

func (c console) inPlace(cmd *cobra.Command, where place, act func(*app.Folder) error) error {
	f, err := app.OpenFolder(cmd.Context(), where.data, where.store, slog.New(slog.DiscardHandler))
	if err != nil {
		return folderFailure(where, err)
	}
	err = act(f)
	if e := f.Close(); err == nil && e != nil {
		err = fmt.Errorf("close the data folder: %w", e)
	}
	var already *exit.Failure
	if err == nil || errors.As(err, &already) || errors.Is(err, context.Canceled) {
		return err
	}
	return folderFailure(where, err)
}

// showOne prints a result of one word. With the format table it prints only the word, so that a script can read it. With other
// formats it prints an object.
func (c console) showOne(cmd *cobra.Command, word string, object map[string]string) error {
	if format, _ := cmd.Flags().GetString("output"); format == "table" {
		_, err := fmt.Fprintln(c.out, word)
		return err
	}
	t := table{head: []string{"id", "role", "key"}}
	t.add(object["id"], object["role"], object["key"])
	return c.show(cmd, object, t)
}

// refusedFailure returns the failure for a use case's refusal.
func refusedFailure(r refusal.Refusal) *exit.Failure {
	return &exit.Failure{Code: r.Code.Exit(), What: r.What, Not: r.Not, Try: r.Try}
}

// allowed returns the error of a use case, or the failure for its refusal.
func allowed(no refusal.Refusal, err error) error {
	if err == nil && no.Refused() {
		return refusedFailure(no)
	}
	return err
}

// folderFailure explains why a data folder, or the database in its place, cannot be used.
func folderFailure(where place, err error) *exit.Failure {
	if f := sharedFailure(where, err); f != nil {
		return f
	}
	dir := where.data
	f := &exit.Failure{Code: exit.Failed, What: sentenceOf(err), Not: "The command did not finish.", Try: "Run paywatt doctor --data " + dir + "."}
	switch {
	case errors.Is(err, sqlite.ErrLocked):
		f.Not, f.Try = "No changes were made.", "Stop the other paywatt process, or use another folder with --data."
	case errors.Is(err, sqlite.ErrUnwritable):
		f.Not, f.Try = "No changes were made.", "Give this user the right to write to "+dir+", or use another folder with --data."
	case errors.Is(err, sqlite.ErrCorrupt):
		f.Not, f.Try = "No changes were made.", "Keep the folder as it is and restore the last backup into another one: paywatt backup restore."
	case errors.Is(err, sqlite.ErrMissing):
		f.Not, f.Try = "No new database was made.", "Put the file back or run paywatt backup restore --force. To begin again, use another folder with --data."
	case errors.Is(err, sqlite.ErrMoved):
		f.Code, f.Not, f.Try = exit.Refused, "No changes were made.", "Use that database: --store, PAYWATT_STORE or store in "+dir+"/paywatt.toml."
	case errors.Is(err, sqlite.ErrMoving):
		f.Code, f.Not, f.Try = exit.Refused, "No changes were made.", "Run paywatt store copy sqlite:"+dir+" to that database again. It finds out whether everything arrived."
	case errors.Is(err, sqlite.ErrForeign):
		f.Not, f.Try = "No changes were made.", "Use another folder with --data."
	case errors.Is(err, store.ErrFull):
		f.Not, f.Try = "No changes were made.", "Free disk space and try again."
	}
	return f
}
