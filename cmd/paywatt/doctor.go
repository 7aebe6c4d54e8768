package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/client"
	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/keystore"
	"github.com/paywatt/paywatt/internal/store/headlog"
	"github.com/paywatt/paywatt/internal/store/sqlite"
)

// enoughDisk is the free space below which doctor warns: the disk reserve and a day of a large site's readings.
const enoughDisk = 1 << 30

// built is a moment that the clock of a machine running this program cannot lie before.
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
	cmd := &cobra.Command{
		Use: "doctor", Short: "Look for what is wrong: folder, database, disk, clock, key store, ports", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			set, err := c.settings(cmd)
			if err != nil {
				return err
			}
			dir := set.Text(config.Data)
			all := []check{folderCheck(dir), databaseCheck(cmd.Context(), place{dir, set.Text(config.Store)}), diskCheck(dir), clockCheck(time.Now(), app.Synced()), keyStoreCheck(dir)}
			all = append(all, portChecks(cmd.Context(), set)...)
			t, bad := table{head: []string{"check", "verdict", "detail"}}, 0
			for _, k := range all {
				t.add(k.Name, k.Verdict, k.Detail)
				if k.Verdict == checkBad {
					bad++
				}
			}
			if err := c.show(cmd, all, t); err != nil {
				return err
			}
			if bad > 0 {
				return &exit.Failure{Code: exit.Failed, What: fmt.Sprintf("%d of %d checks found something wrong.", bad, len(all)), Not: "Nothing was changed.",
					Try: "Begin with the first line marked bad."}
			}
			return nil
		},
	}
	settingFlags(cmd.Flags())
	return cmd
}

func folderCheck(dir string) check {
	k := check{Name: "data folder", Verdict: checkOK, Detail: dir}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		k.Verdict, k.Detail = checkWarn, dir+" does not exist yet; serve makes it"
	case err != nil:
		k.Verdict, k.Detail = checkBad, err.Error()
	case !info.IsDir():
		k.Verdict, k.Detail = checkBad, dir+" is not a folder"
	case !writable(dir):
		k.Verdict, k.Detail = checkBad, dir+" cannot be written to by this user"
	case info.Mode().Perm()&0o077 != 0:
		k.Verdict, k.Detail = checkWarn, fmt.Sprintf("%s is open to other users (mode %04o); chmod 700 it", dir, info.Mode().Perm())
	}
	return k
}

// writable tries it, because rights alone do not tell: the file system may be mounted read-only.
func writable(dir string) bool {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return false
	}
	return errors.Join(f.Close(), os.Remove(f.Name())) == nil
}

func databaseCheck(ctx context.Context, where place) check {
	k := check{Name: "database", Verdict: checkOK}
	r, err := app.Verify(ctx, where.data, where.store, headlog.Outside{})
	switch {
	case errors.Is(err, sqlite.ErrNoDatabase), errors.Is(err, os.ErrNotExist):
		k.Verdict, k.Detail = checkWarn, "there is none yet; serve makes it"
	case err != nil:
		k.Verdict, k.Detail = checkBad, err.Error()
	case !r.Sound():
		k.Verdict, k.Detail = checkBad, fmt.Sprintf("%s (%d findings; paywatt verify lists them)", r.Findings[0].What, len(r.Findings)+r.More)
	default:
		var figures []string
		for _, f := range r.Figures {
			figures = append(figures, fmt.Sprintf("%d %s", f.N, f.Name))
		}
		k.Detail = strings.Join(figures, ", ")
		if r.Older > 0 {
			k.Detail = fmt.Sprintf("schema %d, which paywatt serve will upgrade; of an upgraded copy: ", r.Older) + k.Detail
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
		k.Verdict, k.Detail = checkWarn, "free space is not known: "+err.Error()
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
		k.Detail = now.UTC().Format(time.RFC3339) + ", not known to be synchronised by a time service; a server that was off for more than 24 hours sells again only when somebody trusts the clock"
	}
	if now.Year() < built {
		k.Verdict, k.Detail = checkBad, k.Detail+" lies before this program was written; set the clock, or no token is sold"
	}
	return k
}

func keyStoreCheck(dir string) check {
	k := check{Name: "key store", Verdict: checkOK}
	if _, err := os.Stat(dir); err != nil {
		return check{Name: "key store", Verdict: checkWarn, Detail: "there is none yet; vendingkey add makes it"}
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
		k.Verdict, k.Detail = checkWarn, "no vending key yet; vendingkey add adds one"
	default:
		k.Detail = fmt.Sprintf("%d vending keys", len(facts))
	}
	return k
}

// portChecks say of each address whether it is free, or whether a Paywatt answers there.
func portChecks(ctx context.Context, set config.Config) []check {
	var out []check
	for _, key := range []string{config.HTTP, config.MQTT} {
		addr := set.Text(key)
		k := check{Name: key + " address", Verdict: checkOK, Detail: addr + " is free"}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
		switch {
		case err == nil:
			_ = l.Close() // it was only tried
		case errors.Is(err, syscall.EADDRINUSE) && key == config.HTTP:
			k = runningCheck(ctx, addr)
		case errors.Is(err, syscall.EADDRINUSE):
			k.Detail = addr + " is in use, by a running server if that is the one above"
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
