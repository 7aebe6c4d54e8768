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
	"github.com/paywatt/paywatt/internal/store/headlog"
)

func newStoreRotateKey(c console) *cobra.Command {
	data := ""
	cmd := &cobra.Command{
		Use: "rotate-key data|seal", Short: "Replace the data key or the seal key by a new one",
		Long: "Make a new key in the data folder. Stop every server first. If the command is interrupted, run it again. Back up the keys of the\n" +
			"folder again afterwards, and copy the changed file to each server of a PostgreSQL database.\n\n" +
			"data: put the database under a new data key: the stored forms of API keys, one-time links, recovery codes, integration logins and\n" +
			"meters' passwords, the marks of their rows, second factors, and meters' link keys. They all go on working, and nobody gets a new\n" +
			"secret. Sessions end, so people sign in again. Whoever has only the old key can no longer make a row that the server accepts.\n" +
			"The old key stays in data.key, because it opens the token digits and stored answers of the time before, and checks secrets that\n" +
			"were made under it. After the restore of a backup from before, run the command again: it puts the restored database under the\n" +
			"newest key, and makes no new one.\n\n" +
			"seal: make a new key that signs the heads of the logs. The old key hands every log over to it in a statement that both keys sign.\n" +
			"Heads and receipts of the time before stay provable, and whoever knows only the old public line can follow it to the new one.\n" +
			"A head that the old key signs later is refused. The old key is deleted. Run paywatt verify first: the new key vouches for the logs\n" +
			"as they are.",
		Example:   "  paywatt store rotate-key data --data ./paywatt-data\n  paywatt store rotate-key seal --data ./paywatt-data",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"data", "seal"},
		RunE: func(cmd *cobra.Command, args []string) error {
			where, err := c.place(cmd, data)
			if err != nil {
				return err
			}
			if args[0] == "seal" {
				return c.rotateSealKey(cmd, where)
			}
			return c.rotateDataKey(cmd, where)
		},
	}
	c.placeFlags(cmd, &data)
	return cmd
}

// rotates checks that a folder has the key that is to be rotated.
func rotates(where place, file, name string) error {
	if _, err := os.Stat(filepath.Join(where.data, file)); err != nil {
		return &exit.Failure{Code: exit.NotFound, What: "The folder " + where.data + " has no " + name + ": " + err.Error() + ".", Not: "No changes were made.",
			Try: "Name the folder that paywatt serve uses with --data."}
	}
	return nil
}

func (c console) rotateSealKey(cmd *cobra.Command, where place) error {
	if err := rotates(where, headlog.KeyFile, "seal key"); err != nil {
		return err
	}
	got, err := app.RotateSealKey(cmd.Context(), where.data, where.store, slog.New(slog.DiscardHandler))
	if err != nil {
		if f := sharedFailure(where, err); f != nil {
			return f
		}
		again := storeFailure("The rotation of the seal key did not end", where.String(), err)
		var failed *exit.Failure
		if errors.As(again, &failed) && failed.Code == exit.Failed {
			failed.Not, failed.Try = "The logs have one key, the old one or the new one.", "Correct the cause and run the command again."
		}
		return again
	}
	if got.Resumed {
		c.tell("The newest seal key signs the logs now. No new key was made, because an earlier rotation had not ended, or had not reached this database.")
	} else {
		c.tell("A new seal key signs the logs now. The old one has handed %d over to it, and was deleted.", got.Logs)
	}
	c.tell("Its public line is %s. Publish it where people saw the old one, and back up seal.key and heads.log.", got.Public)
	return nil
}

func (c console) rotateDataKey(cmd *cobra.Command, where place) error {
	if err := rotates(where, keystore.DataFileName, "data key"); err != nil {
		return err
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
