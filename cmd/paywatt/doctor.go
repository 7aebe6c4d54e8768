package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/atomicfile"
	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/headlog"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/sqlite"
)

// enoughDisk is the free space below which doctor warns: the disk reserve and a day of a large site's readings.
const enoughDisk = 1 << 30

// built is the year in which this program was written. A clock that shows an earlier year is wrong.
const built = 2026

// Verdicts of a check.
const (
	checkOK   = "ok"
	checkWarn = "warn"
	checkBad  = "bad"
)

// check is one finding of doctor.
type check struct {
	Name    string `json:"check"`
	Verdict string `json:"verdict"`
	Detail  string `json:"detail"`
}

func newDoctorCommand(c console) *cobra.Command {
	scope := false
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check folder, database, disk, clock, key store and ports", Args: cobra.NoArgs,
		Long: "Check whether a server can run here: data folder, database, disk, clock, key store and ports. The first line is the verdict.\n" +
			"It changes no data. With --store it also tries what Paywatt relies on at a server of PostgreSQL, or of another database that\n" +
			"speaks its protocol, in a table of its own that it drops again. The exit code is 1 if a check is bad; warnings do not change it.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, err := c.settings(cmd)
			if err != nil {
				return err
			}
			dir := set.Text(config.Data)
			done := c.progress(cmd, "Checking", nil)
			database, report := databaseCheck(cmd.Context(), place{dir, set.Text(config.Store)})
			all := []check{folderCheck(dir), database, keysCheck(report), linkKeysCheck(report), diskCheck(dir), clockCheck(time.Now(), app.Synced()), keyStoreCheck(dir)}
			if to := set.Text(config.HeadsTo); to != "" {
				all = append(all, headsCheck(to, time.Now()))
			}
			if set.Text(config.TLSCert) != "" {
				ends, err := app.CertificateEnds(dir, set.Text(config.TLSCert), set.Text(config.TLSKey),
					set.Text(config.MQTTCA), set.Text(config.MQTTRevoked))
				server := app.ServerName(set.Text(config.ServerName), set.Text(config.Store))
				all = append(all, certificateCheck(ends, err, time.Now()).nameServer(server))
			}
			all = append(all, serverChecks(cmd.Context(), set.Text(config.Store))...)
			all = append(all, namesChecks(report)...)
			all = append(all, standbyChecks(cmd.Context(), set.Text(config.Store), set.Number(config.Standbys))...)
			all = append(all, portChecks(cmd.Context(), set)...)
			done()
			return c.showChecks(cmd, all, scope)
		},
	}
	settingFlags(cmd.Flags())
	cmd.Flags().BoolVar(&scope, "scope", false, "also print what is checked and what is not")
	return cmd
}

// showChecks writes the verdict, then each check. It fails if a check is bad.
func (c console) showChecks(cmd *cobra.Command, all []check, scope bool) error {
	t, found := table{head: []string{"check", "verdict", "detail"}}, map[string]int{}
	for _, k := range all {
		t.add(k.Name, k.Verdict, k.Detail)
		found[k.Verdict]++
	}
	bad, warned := found[checkBad], found[checkWarn]
	verdict := fmt.Sprintf("Ready: %d checks are ok.", len(all))
	switch {
	case bad > 0:
		verdict = fmt.Sprintf("Not ready: %d of %d checks are bad, %d have a warning.", bad, len(all), warned)
	case warned > 0:
		verdict = fmt.Sprintf("Ready, with warnings: %d of %d checks.", warned, len(all))
	}
	err := c.headline(cmd, verdict)
	if err == nil {
		err = c.show(cmd, all, t)
	}
	if err == nil && scope {
		covered, open := doctorScope()
		err = c.scope(cmd, covered, open)
	}
	if err == nil && bad > 0 {
		err = &exit.Failure{Code: exit.Failed, What: fmt.Sprintf("%d of %d checks are bad.", bad, len(all)), Not: "No changes were made.",
			Try: "Correct the first line marked bad, then run the command again."}
	}
	return err
}

// doctorScope says what doctor checks and what it does not.
func doctorScope() (covered, open []string) {
	return []string{
			"data folder: it exists, this user may write to it, and no other user may read it",
			"database: the books add up and match the signed log in the data folder",
			"server, with --store: settings, locks, guards, snapshots and sessions, in a table of its own",
			"names of servers: no two running servers of the database have the same name",
			"standbys, with --store: as many follow as the setting standbys says, if the database has any",
			"API keys: each key that can move value belongs to a person",
			"link keys: no replacement of a meter's link key takes longer than 30 days",
			"copies of heads: how old the last one is, if heads_to is set",
			"certificates, if tls_cert is set: the files can be used, and when the server's certificate and the authorities end",
			"disk: free space for the database",
			"clock: the year is plausible, and a time service synchronises the clock",
			"key store: the file can be read and holds a vending key",
			"ports: the addresses are free, or a Paywatt server answers on the HTTP address and is ready",
		}, []string{
			"what the signed heads kept elsewhere say: paywatt verify --head compares them with the log",
			"the passphrase of the key store",
			"the meters, their network and the messages to customers",
			"the certificates of meters, firewalls and backups",
		}
}

func folderCheck(dir string) check {
	k := check{Name: "data folder", Verdict: checkOK, Detail: dir}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		k.Verdict, k.Detail = checkWarn, dir+" does not exist yet; paywatt serve creates it"
	case err != nil:
		k.Verdict, k.Detail = checkBad, err.Error()
	case !info.IsDir():
		k.Verdict, k.Detail = checkBad, dir+" is not a folder"
	case !writable(dir):
		k.Verdict, k.Detail = checkBad, dir+" cannot be written to by this user"
	default:
		if what, err := readable(dir, ""); err != nil {
			k.Verdict, k.Detail = checkBad, what+" must be private, and paywatt serve refuses it: "+err.Error()
		}
	}
	return k
}

// writable tries to write, because permissions are not enough: the file system may be mounted read-only.
func writable(dir string) bool {
	probe, err := atomicfile.NewPrivateFolder(dir)
	if err != nil {
		return false
	}
	return probe.Remove() == nil
}

func databaseCheck(ctx context.Context, where place) (check, *store.Report) {
	k := check{Name: "database", Verdict: checkOK}
	r, err := app.Verify(ctx, where.data, where.store, headlog.ExternalHeads{})
	switch {
	case errors.Is(err, sqlite.ErrNoDatabase), errors.Is(err, os.ErrNotExist):
		k.Verdict, k.Detail = checkWarn, "there is no database yet; paywatt serve creates it"
	case err != nil:
		k.Verdict, k.Detail = checkBad, err.Error()
	case !r.Sound():
		k.Verdict, k.Detail = checkBad, fmt.Sprintf("%s (%d findings; paywatt verify lists them)", r.Findings[0].What, len(r.Findings)+r.More)
	default:
		var figures []string
		for _, f := range r.Figures {
			figures = append(figures, fmt.Sprintf("%s %d", f.Name, f.N))
		}
		k.Detail = strings.Join(figures, ", ")
		if r.Older > 0 {
			k.Detail = fmt.Sprintf("schema %d, which paywatt serve will upgrade; an upgraded copy has: ", r.Older) + k.Detail
		}
	}
	return k, r
}

// serverChecks tries at the server of a shared database everything that Paywatt relies on.
func serverChecks(ctx context.Context, url string) (all []check) {
	if url == "" {
		return nil
	}
	trials, err := postgres.Try(ctx, url)
	for _, t := range trials {
		k := check{Name: "server: " + t.Name, Verdict: checkOK, Detail: t.Relies}
		if t.Err != nil {
			k.Verdict, k.Detail = checkBad, t.Relies+", but: "+t.Err.Error()
		}
		all = append(all, k)
	}
	if err != nil {
		all = append(all, check{Name: "server", Verdict: checkBad, Detail: err.Error()})
	}
	return all
}

// standbyChecks asks a shared database which standbys follow it. A database that neither has standbys nor should have any needs no check.
func standbyChecks(ctx context.Context, url string, expected int) []check {
	if url == "" {
		return nil
	}
	s, err := postgres.LookAtStandbys(ctx, url, expected)
	if err != nil {
		return []check{{Name: "standbys", Verdict: checkBad, Detail: err.Error()}}
	}
	return standbysCheck(s)
}

func standbysCheck(s store.Standbys) []check {
	k := check{Name: "standbys", Verdict: checkOK, Detail: fmt.Sprintf("%d of %d follow the database, %d of them synchronous, %d bytes behind, timeline %d",
		s.Following, s.Expected, s.Synchronous, s.Lag, s.Timeline)}
	switch s.Safety() {
	case store.SafetyAlone:
		return nil
	case store.SafetyStopped:
		k.Verdict, k.Detail = checkBad, k.Detail+"; commits wait for a synchronous standby, and none follows, so nothing can be sold"
	case store.SafetyReduced:
		k.Verdict, k.Detail = checkWarn, k.Detail+"; mend the others before the next machine is lost"
	}
	if s.Hidden {
		k.Detail += "; their state is hidden from this role: GRANT pg_monitor to it"
		if k.Verdict == checkOK {
			k.Verdict = checkWarn
		}
	}
	return []check{k}
}

// maxNames is how many keys or meters doctor names.
const maxNames = 5

// keysCheck names the API keys that can move value and belong to nobody.
func keysCheck(r *store.Report) check {
	k := check{Name: "API keys", Verdict: checkOK, Detail: "each key that can move value belongs to a person"}
	if r == nil || len(r.Nobodys) == 0 {
		return k
	}
	names := fewNames(r.Nobodys)
	k.Detail = "these keys belong to nobody: " + names + "; they cannot approve, and move no value once people sign in"
	if r.People {
		k.Verdict = checkWarn
		k.Detail = "these keys belong to nobody, so they can move no value: " + names + "; see paywatt apikey give"
	}
	return k
}

// fewNames joins the first names, and counts the rest.
func fewNames(all []string) string {
	names := all[:min(len(all), maxNames)]
	if more := len(all) - len(names); more > 0 {
		names = append(slices.Clone(names), fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// linkKeysCheck names the meters whose link key has been being replaced for too long: a key that should be out of use still counts.
func linkKeysCheck(r *store.Report) check {
	k := check{Name: "link keys", Verdict: checkOK, Detail: "no replacement of a link key is older than 30 days"}
	if r != nil && len(r.TwoKeys) > 0 {
		k.Verdict = checkWarn
		k.Detail = "two link keys have been in use for more than 30 days: meter " + fewNames(r.TwoKeys) + "; see paywatt meter link-key --finish"
	}
	return k
}

// namesChecks says which names several running servers have. Each of them ends alarms of the others.
func namesChecks(r *store.Report) []check {
	if r == nil || len(r.Names) == 0 {
		return nil
	}
	return []check{{Name: "names of servers", Verdict: checkWarn,
		Detail: "several running servers have the same name: " + fewNames(r.Names) + "; set server_name on each of them"}}
}

// nameServer names the server that a check is about, if it may be one of several.
func (k check) nameServer(name string) check {
	if name != "" {
		k.Detail = "server " + name + ": " + k.Detail
	}
	return k
}

// certificateCheck says whether the files of the certificates can be used, and which end soon.
func certificateCheck(ends []app.CertificateEnd, err error, now time.Time) check {
	k := check{Name: "certificates", Verdict: checkOK}
	if err != nil {
		k.Verdict, k.Detail = checkBad, err.Error()
		return k
	}
	var all, soon []string
	for _, e := range ends {
		all = append(all, e.String())
		if e.Soon(now) {
			soon = append(soon, e.String())
		}
		if e.Over(now) {
			k.Verdict = checkBad
		}
	}
	k.Detail = "they end: " + strings.Join(all, ", ")
	if len(soon) > 0 {
		k.Detail = "these end soon or have ended: " + strings.Join(soon, ", ") + "; issue new ones"
		if k.Verdict == checkOK {
			k.Verdict = checkWarn
		}
	}
	return k
}

// headsOld is how old the last copy of the signed heads may be.
const headsOld = 24 * time.Hour

// headsCheck says when the signed heads were last copied to the folder elsewhere.
func headsCheck(to string, now time.Time) check {
	k := check{Name: "copies of heads", Verdict: checkOK}
	last, err := headlog.LastCopy(to)
	switch {
	case err != nil:
		k.Verdict, k.Detail = checkWarn, "the folder for copies cannot be read: "+err.Error()
	case last.IsZero():
		k.Verdict, k.Detail = checkWarn, to+" holds no copy yet; a running server copies every 15 minutes"
	default:
		if k.Detail = "last copied to " + to + " at " + last.UTC().Format(time.RFC3339); now.Sub(last) > headsOld {
			k.Verdict = checkWarn
		}
	}
	return k
}

func diskCheck(dir string) check {
	k := check{Name: "disk", Verdict: checkOK}
	if _, err := os.Stat(dir); err != nil {
		dir = "."
	}
	free, err := freeDisk(dir)
	if err != nil {
		k.Verdict, k.Detail = checkWarn, "the free space cannot be read: "+err.Error()
		return k
	}
	k.Detail = fmt.Sprintf("%d MiB free", free>>20)
	if free < enoughDisk {
		k.Verdict = checkWarn
	}
	if free < sqlite.DiskReserve {
		k.Verdict = checkBad
	}
	return k
}

// clockCheck reports whether the clock is in the past and whether a time service synchronises it. Only a running server
// knows whether its clock is in doubt.
func clockCheck(now time.Time, synced bool) check {
	k := check{Name: "clock", Verdict: checkOK, Detail: now.UTC().Format(time.RFC3339)}
	if k.Detail += ", synchronised by a time service"; !synced {
		k.Detail = now.UTC().Format(time.RFC3339) + ", no time service confirms it; a server that was off for 24 hours sells again only after somebody runs paywatt clock trust"
	}
	if now.Year() < built {
		k.Verdict, k.Detail = checkBad, k.Detail+", which is before this program was written; set the clock"
	}
	return k
}

func keyStoreCheck(dir string) check {
	k := check{Name: "key store", Verdict: checkOK}
	if _, err := os.Stat(dir); err != nil {
		return check{Name: "key store", Verdict: checkWarn, Detail: "there is no key store yet; paywatt vendingkey add creates it"}
	}
	s, err := keystore.Open(dir, keystore.Config{})
	if err != nil {
		k.Verdict, k.Detail = checkBad, err.Error()
		return k
	}
	facts, err := s.List()
	switch {
	case err != nil:
		k.Verdict, k.Detail = checkBad, err.Error()
	case len(facts) == 0:
		k.Verdict, k.Detail = checkWarn, "there is no vending key yet; paywatt vendingkey add adds one"
	default:
		k.Detail = fmt.Sprintf("vending keys %d", len(facts))
	}
	return k
}

// portChecks report for each address whether it is free or whether a Paywatt answers there.
func portChecks(ctx context.Context, set config.Config) []check {
	var out []check
	for _, key := range []string{config.HTTP, config.MQTT} {
		addr := set.Text(key)
		k := check{Name: key + " address", Verdict: checkOK, Detail: addr + " is free"}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
		switch {
		case err == nil:
			_ = l.Close() // the listener only showed that the address is free
		case errors.Is(err, syscall.EADDRINUSE) && key == config.HTTP:
			k = runningCheck(ctx, addr)
		case errors.Is(err, syscall.EADDRINUSE):
			k.Detail = addr + " is in use; a running server uses it if it answers on the HTTP address"
		default:
			k.Verdict, k.Detail = checkBad, err.Error()
		}
		out = append(out, k)
	}
	return out
}

func runningCheck(ctx context.Context, addr string) check {
	k := check{Name: "http address", Verdict: checkBad, Detail: addr + " is in use by another program"}
	api, err := client.New("http://"+reachable(addr), "", client.Config{Timeout: 3 * time.Second})
	if err != nil {
		return k
	}
	v, err := api.Version(ctx)
	if err != nil {
		return k
	}
	k.Verdict, k.Detail = checkOK, "paywatt "+v.Version+" answers on "+addr
	if r, failing, err := api.Ready(ctx); err != nil || !r.Ready {
		k.Verdict, k.Detail = checkWarn, k.Detail+" and is not ready: "+strings.Join(failing, ", ")
	}
	return k
}
