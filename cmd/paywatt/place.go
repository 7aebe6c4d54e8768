package main

import (
	"errors"
	"path/filepath"

	"github.com/paywatt/paywatt/internal/config"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/spf13/cobra"
)

// storeFlagName is the flag for a database outside the data folder.
const storeFlagName = "store"

// place is where a Paywatt stores its data: a folder, and possibly a PostgreSQL database that replaces the one in the folder.
type place struct{ data, store string }

// String names the place in messages, without a password.
func (p place) String() string {
	if p.store != "" {
		return postgres.Redact(p.store)
	}
	return p.data
}

// placeFlags adds --data and --store.
func (c console) placeFlags(cmd *cobra.Command, data *string) {
	c.dataFlag(cmd, data)
	cmd.Flags().String(storeFlagName, "", "database instead of the one in the data folder: postgres://user@host/database")
}

// place finds out where the data is: --store, then PAYWATT_STORE, then the settings file in the data folder, in the same
// order as the server.
func (c console) place(cmd *cobra.Command, data string) (place, error) {
	p := place{data: data}
	if f := cmd.Flags().Lookup(storeFlagName); f != nil && f.Changed {
		p.store = f.Value.String()
	} else if p.store = c.getenv(config.EnvPrefix + "STORE"); p.store == "" {
		file, err := readSettings(filepath.Join(data, config.FileName))
		if err != nil {
			return p, settingFailure(err)
		}
		p.store, _ = file[config.Store].(string) // the server complains about any other type
	}
	if p.store != "" && !postgres.Is(p.store) {
		return p, usage("The store "+postgres.Redact(p.store)+" is not a postgres:// URL.", "Write postgres://user@host/database, or leave it out for the database in the data folder.")
	}
	return p, nil
}

// elsewhere refuses a command that works only on the database in the data folder.
func (p place) elsewhere(what, instead string) error {
	if p.store == "" {
		return nil
	}
	return &exit.Failure{Code: exit.Refused, What: what + " works only on a database in the data folder. This one is " + p.String() + ".",
		Not: "No changes were made.", Try: instead}
}

// sharedFailure explains why a PostgreSQL database cannot be used. It returns nil for other errors.
func sharedFailure(p place, err error) *exit.Failure {
	f := &exit.Failure{Code: exit.Failed, What: sentenceOf(err), Not: "No changes were made.", Try: "Check the database and its settings."}
	switch {
	case errors.Is(err, postgres.ErrURL):
		f.Code, f.Try = exit.Usage, "Write postgres://user@host/database. Write special characters in a password as %XX."
	case errors.Is(err, postgres.ErrAway):
		f.Code, f.Try = exit.Unreachable, "Make sure that PostgreSQL runs, that this machine may connect to "+p.String()+", and that the database exists (createdb)."
	case errors.Is(err, postgres.ErrVersion):
		f.Code, f.Try = exit.Refused, "Use PostgreSQL 15 or newer."
	case errors.Is(err, postgres.ErrSettings):
		f.Code, f.Try = exit.Refused, "Correct the setting of the server, the database or the user (ALTER SYSTEM, ALTER DATABASE, ALTER ROLE) and try again."
	case errors.Is(err, postgres.ErrForeign):
		f.Code, f.Try = exit.Refused, "Use a separate database: createdb paywatt."
	case errors.Is(err, postgres.ErrNotEmpty):
		f.Code, f.Try = exit.Refused, "Use an empty database: createdb paywatt."
	case errors.Is(err, postgres.ErrServed):
		f.Code, f.Try = exit.Refused, "Stop every server of this database and wait half a minute. Paywatt cannot tell any sooner that a killed server, or one of an older version, is gone."
	case errors.Is(err, store.ErrNewer):
		f.Try = "Use the newer paywatt, or restore a backup from before the upgrade into another place."
	case errors.Is(err, store.ErrOlder):
		f.Code, f.Try = exit.Refused, "Make a backup and start paywatt serve, which upgrades the database. Or use the older paywatt."
	case errors.Is(err, postgres.ErrOlderKey):
		f.Code, f.Try = exit.Refused, "If a backup from before the rotation was restored, run paywatt store rotate-key seal, which brings it under the newest key. If not, somebody has changed the database."
	case errors.Is(err, postgres.ErrKey):
		f.Code, f.Try = exit.Refused, "All servers of one database need the same seal.key, data.key and keystore: copy them from the folder of the first one into "+p.data+"."
	default:
		return nil
	}
	return f
}
