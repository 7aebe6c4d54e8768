package main

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/authority"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/registry"
)

const (
	defaultCA = "./paywatt-ca"
	caYears   = 30
	daysAYear = 365
)

func newCACommand(c console) *cobra.Command {
	cmd := &cobra.Command{
		Use: "ca", Short: "Issue, list and revoke certificates of a closed network",
		Long: "Issue, list and revoke certificates of a closed network: the server's, and those with which meters sign in instead of a password.\n" +
			"The folder of the authority holds a private key. Whoever reads it can speak for every meter, so it belongs on a machine of its\n" +
			"own. The server needs only ca.pem and revoked.pem. docs/operate/certificates.md has the steps.",
	}
	cmd.AddCommand(newCACreate(c), newCAIssueServer(c), newCAIssue(c), newCAList(c), newCARevoke(c))
	return cmd
}

// caFlag adds the option for the folder of the authority.
func caFlag(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "dir", defaultCA, "folder of the authority")
}

// lastsFlag adds the option for how long a certificate lasts.
func lastsFlag(cmd *cobra.Command, days *int, def int) {
	cmd.Flags().IntVar(days, "days", def, "number of days for which it is valid")
}

// lasting turns days into a duration.
func lasting(days int) (time.Duration, error) {
	const most = 100 * daysAYear
	if days < 1 || days > most {
		return 0, usage("--days "+strconv.Itoa(days)+" is not between 1 and "+strconv.Itoa(most)+".", "Give a number of days.")
	}
	return time.Duration(days) * 24 * time.Hour, nil
}

// openCA opens an authority whose key nobody else can read.
func openCA(dir string) (*authority.Authority, error) {
	if err := keystore.CheckPrivate(filepath.Join(dir, "ca.key")); errors.Is(err, keystore.ErrNotPrivate) {
		return nil, &exit.Failure{Code: exit.Refused, What: "The key of the authority must be private: " + err.Error() + ".", Not: "Nothing was issued or revoked.",
			Try: "Make the file private, and consider who has read it: that person can speak for every meter."}
	}
	a, err := authority.Open(dir, time.Now())
	return a, caFailure(err)
}

// caFailure says what to do about an error of an authority.
func caFailure(err error) error {
	f := &exit.Failure{Code: exit.Refused, Not: "Nothing was issued or revoked."}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		f.Code, f.Try = exit.NotFound, "Create an authority with paywatt ca create, or name its folder with --dir."
	case errors.Is(err, authority.ErrExists):
		f.Try = "Give another folder, or keep what is there: certificates and keys are never overwritten."
	case errors.Is(err, authority.ErrUnknown):
		f.Code, f.Try = exit.NotFound, "Look for it with paywatt ca list."
	case errors.Is(err, authority.ErrHost):
		f.Code, f.Try = exit.Usage, "Give the names and addresses alone, such as pay.example.org or 10.0.0.5: without https://, port, path or network."
	case errors.Is(err, authority.ErrTwice):
		f.Code, f.Try = exit.Usage, "Name each meter once."
	case errors.Is(err, authority.ErrTooLong):
		f.Try = "Give fewer --days."
	case errors.Is(err, authority.ErrBusy):
		f.Try = "Wait for the other command."
	case diskFailure(f, err):
	default:
		return err
	}
	f.What = sentenceOf(err)
	return f
}

// orderer names who uses the command, for the list.
func (c console) orderer() string {
	return cmp.Or(c.getenv("SUDO_USER"), c.getenv("USER"), c.getenv("LOGNAME"), "user "+strconv.Itoa(os.Getuid()))
}

func newCACreate(c console) *cobra.Command {
	var dir, name string
	var days int
	cmd := &cobra.Command{
		Use: "create", Short: "Create an authority in a new folder", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			lasts, err := lasting(days)
			if err != nil {
				return err
			}
			a, err := authority.Create(dir, name, lasts, time.Now())
			if err != nil {
				return caFailure(err)
			}
			sum, until := authority.Fingerprint(a.Cert()), a.Cert().NotAfter
			return c.show(cmd, map[string]string{"folder": dir, "fingerprint": sum, "until": timeText(&until)},
				fields("folder", dir, "fingerprint", sum, "until", timeText(&until)))
		},
	}
	caFlag(cmd, &dir)
	lastsFlag(cmd, &days, caYears*daysAYear)
	cmd.Flags().StringVar(&name, "name", "Paywatt meters", "name of the authority in its certificates")
	return cmd
}

// issue orders certificates, all or none, and shows their lines of the list.
func (c console) issue(cmd *cobra.Command, dir, out string, days int, orders []authority.Order) error {
	lasts, err := lasting(days)
	if err != nil {
		return err
	}
	a, err := openCA(dir)
	if err != nil {
		return err
	}
	for i := range orders {
		orders[i].Lasts = lasts
		orders[i].By = c.orderer()
	}
	made, err := a.Issue(out, orders...)
	if err != nil {
		return caFailure(err)
	}
	return c.showCertificates(cmd, made)
}

func newCAIssue(c console) *cobra.Command {
	var dir, out string
	var days int
	cmd := &cobra.Command{
		Use: "issue METER…", Short: "Issue the certificates of meters", Args: cobra.MinimumNArgs(1),
		Long: "Issue the certificates of meters: METER.pem and METER.key in the folder --out. Bring both into the meter, together with ca.pem, and\n" +
			"delete the copies. A meter that has a certificate already gets a second one; both count until one is revoked.",
		RunE: func(cmd *cobra.Command, args []string) error {
			var orders []authority.Order
			for _, m := range args {
				number, no := registry.Canonical(m)
				if no.Refused() {
					return usage(m+" is not the number of a meter.", "Give the number that is on the meter.")
				}
				orders = append(orders, authority.Order{Kind: authority.Meter, Name: number})
			}
			return c.issue(cmd, dir, out, days, orders)
		},
	}
	caFlag(cmd, &dir)
	lastsFlag(cmd, &days, 20*daysAYear)
	cmd.Flags().StringVar(&out, "out", ".", "folder for the certificates and their keys")
	return cmd
}

func newCAIssueServer(c console) *cobra.Command {
	var dir, out string
	var days int
	cmd := &cobra.Command{
		Use: "issue-server HOST…", Short: "Issue the server's certificate for its names and addresses", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.issue(cmd, dir, out, days, []authority.Order{{Kind: authority.Server, Name: "server", Hosts: args}})
		},
	}
	caFlag(cmd, &dir)
	lastsFlag(cmd, &days, 2*daysAYear)
	cmd.Flags().StringVar(&out, "out", ".", "folder for server.pem and server.key")
	return cmd
}

func newCAList(c console) *cobra.Command {
	dir := ""
	cmd := &cobra.Command{
		Use: "list", Short: "List the certificates, and who ordered and revoked them", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			a, err := openCA(dir)
			if err != nil {
				return err
			}
			all, err := a.List()
			if err != nil {
				return err
			}
			return c.showCertificates(cmd, all)
		},
	}
	caFlag(cmd, &dir)
	return cmd
}

func newCARevoke(c console) *cobra.Command {
	var dir, reason string
	cmd := &cobra.Command{
		Use: "revoke METER|SERIAL --reason WHY", Short: "Revoke a certificate, or all certificates of a meter", Args: cobra.ExactArgs(1),
		Long: "Revoke the certificate with this serial number, or all certificates of a meter. Copy revoked.pem to every server: within ten seconds\n" +
			"it ends the connections that these certificates hold. Revoking a server's certificate only marks it in the list: meters and browsers\n" +
			"do not read the list, so they trust that certificate until it ends or the authority is replaced.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" {
				return usage("There is no reason.", "Add --reason with a few words for the list.")
			}
			a, err := openCA(dir)
			if err != nil {
				return err
			}
			what := args[0]
			if number, no := registry.Canonical(what); !no.Refused() {
				what = number
			}
			ended, err := a.Revoke(what, c.orderer(), reason)
			if err != nil {
				return caFailure(err)
			}
			if slices.ContainsFunc(ended, func(e authority.Entry) bool { return e.Kind == authority.Server }) {
				c.tell("Meters and browsers do not read the list of revoked certificates. They trust this server's certificate until it ends. If somebody " +
					"else has its key, replace the authority: docs/operate/certificates.md.")
			}
			if slices.ContainsFunc(ended, func(e authority.Entry) bool { return e.Kind == authority.Meter }) {
				c.tell("Copy %s to every server. The meter's password, if it has one, still counts: end it with paywatt meter password METER --end.",
					filepath.Join(dir, authority.RevokedFile))
			}
			return c.showCertificates(cmd, ended)
		},
	}
	caFlag(cmd, &dir)
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the list (needed)")
	return cmd
}

// showCertificates prints lines of the authority's list.
func (c console) showCertificates(cmd *cobra.Command, all []authority.Entry) error {
	t := table{head: []string{"serial", "kind", "name", "issued", "by", "until", "revoked", "by", "reason"}}
	for _, e := range all {
		revoked := ""
		if e.Revoked != nil {
			revoked = timeText(e.Revoked)
		}
		t.add(e.Serial, e.Kind, e.Name, timeText(&e.At), e.By, timeText(&e.Until), revoked, e.RevokedBy, e.Reason)
	}
	if all == nil {
		all = []authority.Entry{}
	}
	return c.show(cmd, all, t)
}
