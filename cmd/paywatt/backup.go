package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/vending"
)

func newBackupCommand(c console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Copy a data folder, check a copy, or restore one",
		Long: "Copy a data folder, check a copy, or restore one. A backup is a folder with a copy of the database, the key files and the\n" +
			"settings, and a manifest with their checksums. Keep it as secret as the data folder. Vending keys in it stay encrypted\n" +
			"under their passphrase.",
	}
	cmd.AddCommand(newBackupCreate(c), newBackupVerify(c), newBackupRestore(c))
	return cmd
}

func newBackupCreate(c console) *cobra.Command {
	data := ""
	cmd := &cobra.Command{
		Use:     "create [FOLDER]",
		Short:   "Copy the data folder into a new folder; a server may be running",
		Example: "  paywatt backup create /mnt/usb/paywatt-2026-11-20",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			to := "paywatt-backup-" + time.Now().UTC().Format("20060102T150405Z")
			if len(args) == 1 {
				to = args[0]
			}
			where, err := c.place(cmd, data)
			if err == nil {
				err = where.elsewhere("paywatt backup", "Back the database up with PostgreSQL's own means and copy the data folder's keys: docs/operate/postgres.md.")
			}
			if err != nil {
				return err
			}
			done := c.progress(cmd, "Copying the data folder", mebibytesIn(to))
			m, err := sqlite.Backup(cmd.Context(), data, to, time.Now)
			done()
			if err != nil {
				return storeFailure("The backup could not be made", to, err)
			}
			c.tell("The backup in %s holds everything that was committed before %s.", to, m.Taken.Format(time.RFC3339))
			return c.showManifest(cmd, to, m)
		},
	}
	c.placeFlags(cmd, &data)
	return cmd
}

func newBackupVerify(c console) *cobra.Command {
	scope := false
	cmd := &cobra.Command{
		Use:   "verify FOLDER",
		Short: "Check the files and the books of a backup",
		Long: "Check a backup: its files against their checksums, and its books as paywatt verify does. The first line is the verdict.\n" +
			"It changes no data. --scope lists what is checked and what is not.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := backupThere(args[0]); err != nil {
				return err
			}
			done := c.progress(cmd, "Checking the backup", nil)
			_, r, err := sqlite.VerifyBackup(cmd.Context(), args[0])
			done()
			if err != nil {
				return storeFailure("The backup could not be checked", args[0], err)
			}
			return c.showReport(cmd, r, scope)
		},
	}
	cmd.Flags().BoolVar(&scope, "scope", false, "also print what is checked and what is not")
	return cmd
}

func newBackupRestore(c console) *cobra.Command {
	data, force, trust := "", false, false
	cmd := &cobra.Command{
		Use:   "restore FOLDER",
		Short: "Restore a backup into a data folder as a new store epoch",
		Long: "Restore a backup into a data folder. The books lose everything that happened after the backup was made. Numbers that were\n" +
			"used in that time must not be used again. So a new store epoch begins: token numbers start 1,440 minutes after the present\n" +
			"minute, command counters move on, and receipt numbers get a mark. Meters are asked to send again what they still have.\n" +
			"With --force a database in the data folder is moved to another folder, never deleted.\n\n" +
			"The time of the restore cannot be changed afterwards. If the machine's clock is a year ahead, you cannot sell to any meter\n" +
			"for a year. If the backup is more than 24 hours old and no time service confirms the clock, the command needs --trust-clock.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			where, err := c.place(cmd, data)
			if err == nil {
				err = where.elsewhere("paywatt backup restore", "Restore the database with PostgreSQL's own means, then run paywatt store epoch: docs/operate/postgres.md.")
			}
			if err == nil {
				err = backupThere(args[0])
			}
			if err != nil {
				return err
			}
			if !trust {
				if err := clockForRestore(args[0], time.Now(), app.Synced()); err != nil {
					return err
				}
			}
			done := c.progress(cmd, "Restoring the backup", nil)
			m, aside, err := sqlite.Restore(cmd.Context(), args[0], data, force, time.Now)
			done()
			if aside != "" {
				c.tell("The former content of %s is now in %s.", data, aside)
			}
			if err != nil {
				return storeFailure("The backup could not be restored", data, err)
			}
			c.tell("%s holds everything up to %s, in store epoch %d. Run paywatt verify, then paywatt serve.", data, m.Taken.Format(time.RFC3339), m.Epoch)
			return c.showManifest(cmd, data, m)
		},
	}
	c.placeFlags(cmd, &data)
	cmd.Flags().BoolVar(&force, "force", false, "move the present content of the data folder to another folder")
	cmd.Flags().BoolVar(&trust, "trust-clock", false, "restore although no time service confirms the clock; compare the clock first")
	return cmd
}

// clockForRestore fails if the clock is not known to be right enough to restore the backup. It ignores a backup that cannot
// be read, because the restore itself reports that.
func clockForRestore(from string, now time.Time, synced bool) error {
	taken, err := sqlite.BackupTime(from)
	if err != nil {
		return nil
	}
	c := vending.Clock{Now: now, Newest: taken, LastTrusted: taken, Asked: true, Synced: synced}
	if !c.Doubt().Refused() && !c.Behind().Refused() {
		return nil
	}
	what := fmt.Sprintf("This machine's clock says %s, and the backup was made at %s.", now.UTC().Format(time.RFC3339), taken.Format(time.RFC3339))
	if !synced {
		what += " The system does not report that a time service synchronises the clock."
	}
	return &exit.Failure{Code: exit.Refused, What: what, Not: "The backup was not restored.", Try: "Compare the clock with another one and set it. If it is right, repeat the command with --trust-clock."}
}

// backupThere is the failure of a folder that is not there, which is no damaged backup.
func backupThere(folder string) error {
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return &exit.Failure{Code: exit.NotFound, What: "There is no folder " + folder + ".", Not: "No changes were made.",
			Try: "Name the folder that paywatt backup create made."}
	}
	return nil
}

// manifestView is a manifest as JSON, with where it is.
type manifestView struct {
	Folder string `json:"folder"`
	sqlite.Manifest
}

func (c console) showManifest(cmd *cobra.Command, folder string, m sqlite.Manifest) error {
	t := table{head: []string{"file", "bytes", "sha256"}}
	for _, f := range m.Files {
		t.add(f.Name, f.Size, fmt.Sprintf("%.16s…", f.SHA256))
	}
	return c.show(cmd, manifestView{folder, m}, t)
}
