package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/paywatt/paywatt/internal/vending"
)

func newBackupCommand(c console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Copy a data folder, check a copy, or restore one",
		Long: "Copy a data folder, check a copy, or restore one. A backup is a folder with a copy of the database, the key files and the\n" +
			"settings, and a manifest with their checksums. Keep it as secret as the data folder. Vending keys in it stay encrypted\n" +
			"under their passphrase. With --recipient a backup is one file, which only the holder of an age identity can open.",
	}
	cmd.AddCommand(newBackupCreate(c), newBackupVerify(c), newBackupRestore(c))
	return cmd
}

func newBackupCreate(c console) *cobra.Command {
	data, recipients := "", []string(nil)
	cmd := &cobra.Command{
		Use:   "create [FOLDER]",
		Short: "Copy the data folder into a new folder, also while a server runs",
		Long: "Copy the data folder into a new folder, also while a server runs. With --recipient the copy is one file instead, encrypted for each\n" +
			"recipient. Make a pair of keys with age-keygen, and keep the identity away from the server. Without --recipient anybody who has the\n" +
			"folder can read it.",
		Example: "  paywatt backup create /mnt/usb/paywatt-2026-11-20\n" +
			"  paywatt backup create /mnt/usb/paywatt-2026-11-20.age --recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			to := "paywatt-backup-" + time.Now().UTC().Format("20060102T150405Z")
			if len(args) == 1 {
				to = args[0]
			}
			where, err := c.place(cmd, data)
			if err == nil {
				err = where.elsewhere("paywatt backup", "Back up the database with PostgreSQL's own tools, and copy the keys of the data folder: docs/operate/postgres.md.")
			}
			if err != nil {
				return err
			}
			keys, err := app.Recipients(recipients)
			if err != nil {
				return usage("A recipient cannot be used: "+err.Error()+".", "Give the public key that age-keygen prints.")
			}
			if len(keys) == 0 {
				c.tell("The backup is not encrypted. Whoever has it can read it. Use --recipient to encrypt it.")
			}
			done := c.progress(cmd, "Copying the data folder", mebibytesIn(data, filepath.Dir(to), to))
			m, err := app.Backup(cmd.Context(), data, to, keys, time.Now)
			done()
			if err != nil {
				return backupFailure(to, err)
			}
			if err := app.NoteBackup(data, m.Taken); err != nil {
				c.tell("The time of this backup could not be noted in the data folder: %v.", err)
			}
			c.tell("The backup in %s holds everything that was committed before %s.", to, m.Taken.Format(time.RFC3339))
			return c.showManifest(cmd, to, m)
		},
	}
	c.placeFlags(cmd, &data)
	cmd.Flags().StringArrayVar(&recipients, "recipient", nil, "public key of age (age1...) for which the backup is encrypted; repeatable")
	return cmd
}

// backupFailure explains why a backup could not be made.
func backupFailure(to string, err error) error {
	f := storeFailure("The backup could not be made", to, err)
	if errors.Is(err, sqlite.ErrNotEmpty) {
		f.Try = "Name another folder, or delete " + to + " if it holds an incomplete backup of an older version."
	}
	return f
}

func newBackupVerify(c console) *cobra.Command {
	scope, identity := false, ""
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
			from, end, err := openedBackup(args[0], identity, os.TempDir(), os.TempDir())
			if err != nil {
				return err
			}
			defer end()
			_, r, err := sqlite.VerifyBackup(cmd.Context(), from)
			done()
			if err != nil {
				return storeFailure("The backup could not be checked", args[0], err)
			}
			return c.showReport(cmd, r, scope)
		},
	}
	cmd.Flags().BoolVar(&scope, "scope", false, "also print what is checked and what is not")
	cmd.Flags().StringVar(&identity, "identity", "", identityHelp)
	return cmd
}

const identityHelp = "file with the age identity that opens an encrypted backup"

// openedBackup returns the folder of a backup. It decrypts an encrypted backup into a new private folder below dir, which end deletes. The
// disk of the data folder data keeps what its server needs.
func openedBackup(backup, identity, dir, data string) (folder string, end func(), err error) {
	if !app.IsSealedBackup(backup) {
		return backup, func() {}, nil
	}
	if identity == "" {
		return "", nil, usage(backup+" is an encrypted backup.", "Add --identity with the file of the identity that opens it.")
	}
	temp, err := app.OpenTemp(backup, identity, dir, data)
	switch {
	case errors.Is(err, app.ErrBackupKey):
		return "", nil, &exit.Failure{Code: exit.Refused, What: "The backup cannot be opened: " + err.Error() + ".", Not: "No changes were made.",
			Try: "Check the identity. Its public key must be one of the recipients."}
	case err != nil:
		return "", nil, storeFailure("The backup could not be opened", backup, err)
	}
	return temp.Dir(), func() { _ = temp.Remove() }, nil // the next command in the same place removes what is left
}

func newBackupRestore(c console) *cobra.Command {
	data, identity, head := "", "", ""
	force, trust, without := false, false, false
	cmd := &cobra.Command{
		Use:   "restore FOLDER",
		Short: "Restore a backup into a data folder as a new store epoch",
		Long: "Restore a backup into a data folder. The books lose everything that happened after the backup was made. Numbers that were\n" +
			"used in that time must not be used again. So a new store epoch begins: token numbers start 1,440 minutes after the present\n" +
			"minute, command counters move on, and receipt numbers get a mark that each restore draws. Meters are\n" +
			"asked to send again what they still have.\n" +
			"With --force a database in the data folder is moved to another folder, never deleted.\n\n" +
			"A backup does not prove who made it, not even an encrypted one: everybody may know the public key. --head compares it with a\n" +
			"signed head that you kept elsewhere, such as a copy of heads.log. --without-head restores it without that proof. The choice is\n" +
			"recorded, and paywatt verify shows it.\n\n" +
			"The time of the restore cannot be changed afterwards. If the machine's clock is a year ahead, you cannot sell to any meter\n" +
			"for a year. If the backup is more than 24 hours old and no time service confirms the clock, the command needs --trust-clock.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			where, err := c.place(cmd, data)
			if err == nil {
				err = where.elsewhere("paywatt backup restore", "Restore the database with PostgreSQL's own tools, then run paywatt store epoch: docs/operate/postgres.md.")
			}
			if err == nil {
				err = backupThere(args[0])
			}
			if err != nil {
				return err
			}
			from, end, err := openedBackup(args[0], identity, filepath.Dir(filepath.Clean(data)), data)
			if err != nil {
				return err
			}
			defer end()
			if !trust {
				if err := clockForRestore(from, time.Now(), app.Synced()); err != nil {
					return err
				}
			}
			compared, err := c.compareBackup(cmd, from, head, without)
			if err != nil {
				return err
			}
			done := c.progress(cmd, "Restoring the backup", nil)
			m, aside, err := sqlite.Restore(cmd.Context(), from, data, force, time.Now, compared)
			done()
			if aside != "" {
				c.tell("The former content of %s is now in %s.", data, aside)
			}
			if err != nil {
				return storeFailure("The backup could not be restored", data, err)
			}
			c.tell("%s holds everything up to %s, in store epoch %d. Run paywatt verify, then paywatt serve.", data, m.Taken.Format(time.RFC3339), m.Epoch)
			c.tell("Serve no other folder that was restored from this backup. Two such servers cannot know of each other, and give the same token numbers.")
			return c.showManifest(cmd, data, m)
		},
	}
	c.placeFlags(cmd, &data)
	cmd.Flags().StringVar(&identity, "identity", "", identityHelp)
	cmd.Flags().BoolVar(&force, "force", false, "move the present content of the data folder to another folder")
	headFlags(cmd, &head, &without, "backup")
	cmd.Flags().BoolVar(&trust, "trust-clock", false, "restore although no time service confirms the clock; compare the clock first")
	return cmd
}

// headFlags adds the options that say with which head a backup or a restored database is compared.
func headFlags(cmd *cobra.Command, head *string, without *bool, what string) {
	cmd.Flags().StringVar(head, "head", "",
		"file of a signed head that was stored elsewhere, or a copy of a data folder's heads.log, with which the "+what+" must agree")
	cmd.Flags().BoolVar(without, "without-head", false, "restore although no head proves who made the "+what)
	cmd.MarkFlagsMutuallyExclusive("head", "without-head")
}

// compareBackup compares a backup with a head that was kept elsewhere, and returns what to record about it. Without a head it asks at a
// terminal, and otherwise refuses unless the person says that there is none.
func (c console) compareBackup(cmd *cobra.Command, from, head string, without bool) (string, error) {
	const not = "The backup was not restored."
	switch {
	case without:
		return store.WithoutHead, nil
	case head == "" && c.atTerminal():
		c.tell("Nothing proves who made this backup. To prove it, give a head that you kept elsewhere (--head FILE).")
		if !c.saysYes("Restore it without a head?") {
			return "", &exit.Failure{Code: exit.Usage, What: "The restore was not confirmed.", Not: not, Try: "Give --head FILE, or answer yes."}
		}
		return store.WithoutHead, nil
	case head == "":
		return "", &exit.Failure{Code: exit.Usage, What: "No head is given with which to compare the backup.", Not: not,
			Try: "Give --head FILE, a signed head or a copy of heads.log that you kept elsewhere. If you have none, give --without-head."}
	}
	return c.compareWithHead(cmd, &comparison{what: "The backup", at: from, head: head, not: not,
		tryOther: "Take the head from another place, or another backup.",
		list:     "paywatt backup verify lists all findings. --without-head restores it all the same.",
		run:      func(ctx context.Context) (*store.Report, error) { return sqlite.CompareBackup(ctx, from, head) }})
}

// comparison is what is compared with a head, and what to say if they do not agree.
type comparison struct {
	what, at string // what it is, and where
	head     string // file of the head
	not      string // what did not happen if the comparison fails
	tryOther string // what to do if the head does not agree
	list     string // how to see all findings, and how to go on without a head
	run      func(context.Context) (*store.Report, error)
}

// compareWithHead runs a comparison, and returns what to record about it. It fails if verification finds anything, whether or not that concerns
// the head.
func (c console) compareWithHead(cmd *cobra.Command, k *comparison) (string, error) {
	done := c.progress(cmd, "Comparing with the head", nil)
	r, err := k.run(cmd.Context())
	done()
	var explained *exit.Failure
	if errors.As(err, &explained) {
		return "", explained
	}
	if err != nil {
		return "", storeFailure(k.what+" could not be compared with the head", k.at, err)
	}
	if r.Sound() {
		return "the heads of " + filepath.Base(k.head), nil
	}
	return "", k.explainFindings(r)
}

// explainFindings returns the failure for a report with findings. It says whether they concern the head.
func (k *comparison) explainFindings(r *store.Report) *exit.Failure {
	f := &exit.Failure{Code: exit.Refused, Not: k.not, Try: k.list}
	total := countFindings(len(r.Findings)+r.More, "finding")
	switch wrong, disagrees := r.Disagrees(); {
	case disagrees:
		f.What = fmt.Sprintf("%s does not agree with the head: %s (%s in all)", k.what, wrong.What, total)
		f.Try = k.tryOther + " " + k.list
	case r.More > 0: // those that are not listed may concern the head
		f.What = fmt.Sprintf("%s has too many findings to say whether it agrees with the head: %s (%s)", k.what, r.Findings[0].What, total)
	default:
		f.What = fmt.Sprintf("%s agrees with the head, but its verification has %s: %s", k.what,
			countFindings(len(r.Findings), "other finding"), r.Findings[0].What)
	}
	return f
}

// countFindings writes a number and its noun.
func countFindings(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
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

// backupThere fails if the backup's folder does not exist, so that a missing folder is not reported as a damaged backup.
func backupThere(folder string) error {
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return &exit.Failure{Code: exit.NotFound, What: "There is no folder " + folder + ".", Not: "No changes were made.",
			Try: "Name the folder that paywatt backup create made."}
	}
	return nil
}

// manifestView is a manifest as JSON, with its folder.
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
