package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/keystore"
)

func newStoreRotateKey(c console) *cobra.Command {
	data := ""
	cmd := &cobra.Command{
		Use: "rotate-key data", Short: "Replace the data key by a new one",
		Long: "Make a new data key and put the database under it: the stored forms of API keys, one-time links, recovery codes, integration logins and\n" +
			"meters' passwords, the marks of their rows, second factors, and meters' link keys. They all go on working, and nobody gets a new\n" +
			"secret. Sessions end, so people sign in again. Whoever has only the old key can no longer make a row that the server accepts.\n\n" +
			"Stop every server first. If the command is interrupted, run it again: it continues. The old key stays in data.key, because it opens\n" +
			"the token digits and stored answers of the time before, and checks secrets that were made under it. So back up data.key again\n" +
			"afterwards, and copy it to each server of a PostgreSQL database. After the restore of a backup from before, run the command again:\n" +
			"it puts the restored database under the newest key, and makes no new one.",
		Example:   "  paywatt store rotate-key data --data ./paywatt-data",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"data"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			where, err := c.place(cmd, data)
			if err != nil {
				return err
			}
			return c.rotateDataKey(cmd, where)
		},
	}
	c.placeFlags(cmd, &data)
	return cmd
}

func (c console) rotateDataKey(cmd *cobra.Command, where place) error {
	if _, err := os.Stat(filepath.Join(where.data, keystore.DataFileName)); err != nil {
		return &exit.Failure{Code: exit.NotFound, What: "The folder " + where.data + " has no data key: " + err.Error() + ".", Not: "No changes were made.",
			Try: "Name the folder that paywatt serve uses with --data."}
	}
	got, err := app.RotateDataKey(cmd.Context(), where.data, where.store, slog.New(slog.DiscardHandler))
	if err != nil {
		return rotateFailure(where, err)
	}
	if got.Resumed {
		c.tell("The database is under the newest data key now (%d rows). No new key was made, because an earlier rotation had not reached this database.", got.Rows)
	} else {
		c.tell("The database is under a new data key (%d rows). All sessions have ended.", got.Rows)
	}
	c.tell("data.key holds %d keys. Back it up now, apart from the database. The copies of the time before do not open this database.", got.Keys)
	return nil
}

// rotateFailure explains why a key was not rotated, or not to the end.
func rotateFailure(where place, err error) error {
	f := &exit.Failure{Code: exit.Refused, What: "The data key was not rotated: " + err.Error() + ".", Not: "No changes were made.",
		Try: "Put back the data.key of this database from a backup."}
	switch {
	case errors.Is(err, app.ErrForeignDataKey):
	case errors.Is(err, keystore.ErrDataKeys):
		f.Try = "No more rotations are possible in this folder."
	default:
		if f := sharedFailure(where, err); f != nil {
			return f
		}
		again := storeFailure("The rotation of the data key did not end", where.String(), err)
		var failed *exit.Failure
		if errors.As(again, &failed) && failed.Code == exit.Failed {
			failed.Not, failed.Try = "Everything still opens with the keys in data.key.", "Correct the cause and run the command again. It continues."
		}
		return again
	}
	return f
}
