package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/headlog"
	"github.com/paywatt/paywatt/internal/store/postgres"
	"github.com/paywatt/paywatt/internal/store/sqlite"
)

func newStoreCommand(c console) *cobra.Command {
	cmd := &cobra.Command{Use: "store", Short: "Move data to PostgreSQL, continue after a restore, or rotate keys"}
	cmd.AddCommand(newStoreCopy(c), newStoreEpoch(c), newStoreStandby(c), newStoreEndAlarms(c), newStoreRotateKey(c))
	return cmd
}

// storeCopy holds the options of one store copy.
type storeCopy struct {
	from, to string // from is a data folder, to is a URL
	keys     string // folder for a copy of the keys; empty: the data folder keeps them
	keep     bool
}

func newStoreCopy(c console) *cobra.Command {
	var o storeCopy
	cmd := &cobra.Command{
		Use:   "copy sqlite:DIR postgres://...",
		Short: "Copy a data folder into an empty PostgreSQL database",
		Long: "Copy the database of a data folder into an empty PostgreSQL database. Everything is copied in one transaction: all of it\n" +
			"arrives, or none of it. Every row is read back and compared. The copy is verified as paywatt verify does, against the same\n" +
			"signed heads, and the results must be equal.\n\n" +
			"No server may run on the folder. Afterwards the database in the folder is marked as moved, and no server starts on it. A\n" +
			"meter must never get tokens from two sets of books. If the move is interrupted at its very end, no server starts on the\n" +
			"folder until the same command has found out whether everything arrived.\n\n" +
			"With --keep the folder stays the live store. The copy then begins a new store epoch, as after a restore, so that it could\n" +
			"take over without using a number twice.",
		Example: "  paywatt store copy sqlite:./paywatt-data postgres://paywatt@db/paywatt",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, ok := strings.CutPrefix(args[0], "sqlite:")
			if !ok || dir == "" {
				return usage(args[0]+" cannot be copied.", "Write sqlite: and the data folder, such as sqlite:./paywatt-data.")
			}
			if !postgres.Is(args[1]) {
				return usage(postgres.Redact(args[1])+" cannot receive a copy.", "Write postgres://user@host/database.")
			}
			o.from, o.to = dir, args[1]
			return c.copyStore(cmd, o)
		},
	}
	cmd.Flags().BoolVar(&o.keep, "keep", false, "keep the folder as the live store; the copy begins a new store epoch")
	cmd.Flags().StringVar(&o.keys, "keys", "", "new folder for a copy of the keys and settings (default: servers of the copy use the same folder)")
	return cmd
}

func (c console) copyStore(cmd *cobra.Command, o storeCopy) (err error) {
	done := c.progress(cmd, "Copying the database", nil)
	defer done()
	if o.keep {
		filled, err := c.fillStore(cmd.Context(), o, "", func() error { return nil })
		if err != nil {
			return copyFailure(o, err)
		}
		done()
		return c.showCopy(cmd, o, filled)
	}
	lock, err := sqlite.TakeLock(o.from)
	if err != nil {
		return copyFailure(o, err)
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	m := sqlite.Move{ID: rand.Text(), To: postgres.Redact(o.to)}
	filled, err := c.resume(cmd.Context(), o)
	if err == nil && filled.Epoch == 0 {
		filled, err = c.move(cmd.Context(), o, m)
	}
	if err != nil {
		return copyFailure(o, err)
	}
	if err := sqlite.EndMove(o.from, m, time.Now()); err != nil {
		return &exit.Failure{Code: exit.Failed, What: "Everything is in " + m.To + ", but the folder could not be marked as moved: " + err.Error() + ".",
			Not: "No server starts on the folder. The database is the live one.", Try: "Run the same command again. It only marks the folder."}
	}
	done()
	return c.showCopy(cmd, o, filled)
}

// move copies the content and marks the folder before the database commits. After an error it asks the database whether it
// committed.
func (c console) move(ctx context.Context, o storeCopy, m sqlite.Move) (postgres.Filled, error) {
	told := false
	filled, err := c.fillStore(ctx, o, m.ID, func() error { told = true; return sqlite.BeginMove(o.from, m) })
	if err == nil || !told {
		return filled, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askArrived) // the database is asked even if the command was interrupted
	defer cancel()
	epoch, unknown := postgres.Arrived(ctx, o.to, m.ID)
	switch {
	case unknown != nil:
		return filled, c.unfinished(o, m, errors.Join(err, unknown))
	case epoch > 0:
		return filled, nil
	}
	return filled, errors.Join(err, sqlite.CancelMove(o.from))
}

// askArrived is how long a move keeps asking a database that did not answer a commit.
const askArrived = 30 * time.Second

// resume finds out how an interrupted move ended. It returns the epoch of the copy if everything arrived, and 0 if nothing
// arrived or there is nothing to resume.
func (c console) resume(ctx context.Context, o storeCopy) (filled postgres.Filled, err error) {
	m, err := sqlite.PendingMove(o.from)
	if err != nil || m.ID == "" {
		return filled, err
	}
	filled.Epoch, err = postgres.Arrived(ctx, o.to, m.ID)
	switch {
	case err != nil:
		return filled, c.unfinished(o, m, err)
	case filled.Epoch > 0:
		c.tell("Everything had arrived before the move was interrupted.")
		return filled, nil
	case m.To != postgres.Redact(o.to):
		return filled, c.unfinished(o, m, errors.New("the move went to another database"))
	}
	return filled, sqlite.CancelMove(o.from)
}

// unfinished is the failure if it is not known which of the two databases is live.
func (c console) unfinished(o storeCopy, m sqlite.Move, err error) error {
	return &exit.Failure{Code: exit.Failed, What: "Paywatt could not find out whether everything arrived in " + m.To + ": " + err.Error() + ".",
		Not: "No server starts on the folder until it has found out.", Try: "Run paywatt store copy sqlite:" + o.from + " " + m.To + " when that database answers."}
}

// copyFailure explains why nothing was copied.
func copyFailure(o storeCopy, err error) error {
	var already *exit.Failure
	if errors.As(err, &already) {
		return already
	}
	if f := sharedFailure(place{o.from, o.to}, err); f != nil {
		return f
	}
	what := "The store could not be copied: " + err.Error() + "."
	switch {
	case errors.Is(err, postgres.ErrDiffers):
		return &exit.Failure{Code: exit.Failed, What: what, Not: "No data was committed to the new database.",
			Try: "Run paywatt verify --data " + o.from + ", and report this error with its output."}
	case errors.Is(err, sqlite.ErrMoving): // happens only to a copy with --keep; a move resumes
		return &exit.Failure{Code: exit.Refused, What: what, Not: "No data was copied.",
			Try: "Run paywatt store copy without --keep to that database first. It finds out whether everything arrived."}
	case errors.Is(err, sqlite.ErrMoved):
		return &exit.Failure{Code: exit.Refused, What: what, Not: "No data was copied.",
			Try: "Use the database that it was moved to. That one is live. Or copy from an older backup."}
	}
	return storeFailure("The store could not be copied", o.from, err)
}

// fillStore copies keys and content. It calls ready when everything is there but not yet committed.
func (c console) fillStore(ctx context.Context, o storeCopy, move string, ready func() error) (filled postgres.Filled, err error) {
	if o.keys != "" {
		if err := sqlite.CheckKeysFolder(o.from, o.keys); err != nil {
			return postgres.Filled{}, err
		}
	}
	src, err := sqlite.OpenSource(ctx, o.from)
	if err != nil {
		return postgres.Filled{}, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	if r := src.Report(); !r.Sound() {
		return postgres.Filled{}, &exit.Failure{Code: exit.Refused, What: fmt.Sprintf("The books are not sound: %s (%d findings).", r.Findings[0].What, len(r.Findings)+r.More),
			Not: "No data was copied.", Try: "Run paywatt verify --data " + o.from + ", and restore a sound backup first."}
	}
	return postgres.Fill(ctx, o.to, src, postgres.Purpose{Move: move, Ready: func() error {
		if o.keys != "" {
			if err := sqlite.CopyKeys(o.from, o.keys); err != nil {
				return fmt.Errorf("copy the keys: %w", err)
			}
		}
		return ready()
	}})
}

// copyView is a copy as JSON.
type copyView struct {
	From  string           `json:"from"`
	To    string           `json:"to"`
	Epoch int64            `json:"epoch"`
	Live  bool             `json:"live"`
	Rows  map[string]int64 `json:"rows"`
}

func (c console) showCopy(cmd *cobra.Command, o storeCopy, f postgres.Filled) error {
	v := copyView{From: o.from, To: postgres.Redact(o.to), Epoch: f.Epoch, Live: !o.keep, Rows: map[string]int64{}}
	t, total := table{head: []string{"table", "rows"}}, int64(0)
	for _, k := range f.Tables {
		v.Rows[k.Name] = k.Rows
		total += k.Rows
		if k.Rows > 0 {
			t.add(k.Name, k.Rows)
		}
	}
	figures := map[string]int64{}
	if f.Report != nil { // nil for a move that was resumed
		for _, k := range f.Report.Figures {
			figures[k.Name] = k.N
		}
	}
	if f.Report != nil {
		c.tell("%d rows are in %s and equal to the source: %d journals, sum %d, %d sealed rows under %d signed heads.",
			total, v.To, figures["journals"], figures["sum of all postings"], figures["sealed rows"], figures["signed heads"])
	}
	keys := o.from
	if o.keys != "" {
		keys = o.keys
	}
	if o.keep {
		c.tell("%s stays the live store. The copy is in store epoch %d. Never start servers on both.", o.from, f.Epoch)
	} else {
		c.tell("No server starts on %s any more. Start: paywatt serve --data %s --store %s", o.from, keys, v.To)
	}
	return c.show(cmd, v, t)
}

func newStoreEpoch(c console) *cobra.Command {
	var taken, data, head string
	without := false
	cmd := &cobra.Command{
		Use:   "epoch postgres://... --taken TIME",
		Short: "Begin a new store epoch after PostgreSQL was restored",
		Long: "Begin a new store epoch after PostgreSQL was restored from a backup, or after a standby was promoted that may lack the last\n" +
			"commits. Servers do this by themselves when they find the database on another server or timeline; this command lets you name the\n" +
			"time of the backup. The books have lost what happened in between, and numbers that were used in that time must not be used again.\n" +
			"So token numbers start 1,440 minutes after the present minute, command counters move on, and receipt numbers get a mark.\n" +
			"Meters are asked to send again what they still have. Run this before you start the first server.\n\n" +
			"A restored database does not prove who made it. --head compares it with a signed head that you kept elsewhere, such as a copy of\n" +
			"heads.log. A database of an older version is upgraded first. --without-head says that there is none. The choice is recorded, and\n" +
			"paywatt verify shows it, or that nothing was said.",
		Example: "  paywatt store epoch postgres://paywatt@db/paywatt --taken 2026-11-20T02:00:00Z",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := time.Parse(time.RFC3339, taken)
			if err != nil || at.After(time.Now()) {
				return usage(fmt.Sprintf("--taken %q is not a time in the past.", taken), "Write the time of the backup, or of the newest commit that is there, such as 2026-11-20T02:00:00Z.")
			}
			compared, err := c.compareDatabase(cmd, data, args[0], head, without)
			if err != nil {
				return err
			}
			epoch, err := postgres.BeginEpoch(cmd.Context(), args[0], at, compared)
			if err != nil {
				if f := sharedFailure(place{defaultData, args[0]}, err); f != nil {
					return f
				}
				return &exit.Failure{Code: exit.Failed, What: "The new store epoch could not begin: " + err.Error() + ".", Not: "No changes were made.", Try: "Check the database and run the command again."}
			}
			c.tell("%s is in store epoch %d. Run paywatt verify, then paywatt serve.", postgres.Redact(args[0]), epoch)
			c.tell("Serve no other database that was restored from this backup. Servers of two such databases cannot know of each other, " +
				"and give the same token numbers.")
			return c.showOne(cmd, fmt.Sprint(epoch), map[string]string{"store": postgres.Redact(args[0]), "epoch": fmt.Sprint(epoch)})
		},
	}
	cmd.Flags().StringVar(&taken, "taken", "", "time of the backup, such as 2026-11-20T02:00:00Z (needed)")
	headFlags(cmd, &head, &without, "database")
	cmd.Flags().StringVar(&data, "data", defaultData, "data folder with the keys, for --head")
	return cmd
}

// compareDatabase compares a restored database with a head that was kept elsewhere, and returns what to record about it. It returns nothing
// if the person says nothing of a head.
func (c console) compareDatabase(cmd *cobra.Command, data, url, head string, without bool) (string, error) {
	switch {
	case without:
		return store.WithoutHead, nil
	case head == "":
		return "", nil
	}
	k := &comparison{what: "The database", at: postgres.Redact(url), head: head, not: "The new store epoch did not begin.",
		tryOther: "Take the head from another place, or restore another backup.",
		list:     "paywatt verify lists all findings. --without-head begins the epoch all the same."}
	k.run = func(ctx context.Context) (*store.Report, error) {
		outside := headlog.ExternalHeads{Heads: head, Newer: true}
		r, err := app.Verify(ctx, data, url, outside)
		if errors.Is(err, store.ErrOlder) { // an older schema cannot be verified, and beginning the epoch upgrades it anyway
			if err = postgres.Upgrade(ctx, url); err == nil {
				k.not += " The database was upgraded to the schema of this version."
				r, err = app.Verify(ctx, data, url, outside)
			}
		}
		if err == nil {
			return r, nil
		}
		if f := sharedFailure(place{data, url}, err); f != nil {
			f.Not = k.not
			return nil, f
		}
		return nil, err
	}
	return c.compareWithHead(cmd, k)
}

func newStoreStandby(c console) *cobra.Command {
	standbys := 0
	cmd := &cobra.Command{
		Use:   "standby postgres://... synchronous|none",
		Short: "Record whether every commit waits for a synchronous standby",
		Long: "Record whether every commit of this database waits until a synchronous standby has it.\n" +
			"With synchronous, the promotion of a standby loses nothing, so servers go on without a new store epoch. In return they write only\n" +
			"while the database has a synchronous standby configured. With none, as at first, servers begin a new store epoch after each promotion.\n" +
			"Servers without the setting standbys remember how many standbys have followed, and report when fewer do. --standbys changes this\n" +
			"number, for example when the cluster becomes smaller, and none forgets it.\n" +
			"Stop all servers before you run this.",
		Example: "  paywatt store standby postgres://paywatt@db/paywatt synchronous --standbys 2",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			synchronous := args[1] == "synchronous"
			switch {
			case !synchronous && args[1] != "none":
				return usage(fmt.Sprintf("%q is not a way to replicate.", args[1]), "Write synchronous or none.")
			case cmd.Flags().Changed("standbys") && (!synchronous || standbys < 1):
				return usage("--standbys needs synchronous and a number of at least 1.", "Write, for example, synchronous --standbys 2.")
			}
			err := postgres.DeclareStandby(cmd.Context(), args[0], synchronous, standbys)
			switch {
			case errors.Is(err, postgres.ErrNoStandby):
				return &exit.Failure{Code: exit.Failed, What: "The database has no synchronous standby configured.", Not: "No changes were made.",
					Try: "Set synchronous_standby_names, with Patroni by synchronous_mode and synchronous_mode_strict, and run the command again."}
			case err != nil:
				if f := sharedFailure(place{defaultData, args[0]}, err); f != nil {
					return f
				}
				return &exit.Failure{Code: exit.Failed, What: "The declaration was not stored: " + err.Error() + ".", Not: "No changes were made.", Try: "Check the database and run the command again."}
			}
			c.tell("%s: standby %s.", postgres.Redact(args[0]), args[1])
			return c.showOne(cmd, args[1], map[string]string{"store": postgres.Redact(args[0]), "standby": args[1]})
		},
	}
	cmd.Flags().IntVar(&standbys, "standbys", 0,
		"how many standbys should follow where no setting says so (default: the number that is remembered)")
	return cmd
}
