package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"time"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/atomicfile"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/headlog"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/spf13/cobra"
)

// newVerifyCommand builds the command that checks a data folder, or checks a receipt without a data folder.
func newVerifyCommand(c console) *cobra.Command {
	data, key, heads, scope := "", "", []string(nil), false
	cmd := &cobra.Command{
		Use:   "verify [RECEIPT]",
		Short: "Check the books in a data folder, or prove a receipt",
		Long: "Check the database of a data folder, whether or not a server runs on it. The first line is the verdict. It changes no data.\n" +
			"Every journal must sum to zero and be unchanged. Balances must match the postings. Every completed sale must have\n" +
			"its journal and its tokens, receipt numbers must have no gap, and the log must be the one that was signed. Tokens that\n" +
			"meters accepted but nobody sold are listed too. Accounts beyond their limits are listed as remarks. The exit code is 1 if a\n" +
			"check fails; remarks do not change it. --scope lists what is checked and what is not.\n\n" +
			"With RECEIPT, a file from paywatt vend receipt --proof, the command needs no server and no database, only a signed head.\n" +
			"It proves that the figures on the receipt were sealed into the signed log, or names the difference. With --head given\n" +
			"twice it proves that the log has only grown between the two heads.\n\n" +
			"Exit codes: 0 proven; 1 changed, wrong key, or two heads contradict each other (an alarm); 2 a file is damaged or no key\n" +
			"is known; 3 no such file; 4 the given heads do not cover the receipt.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			public, err := publicKey(key)
			if err != nil {
				return err
			}
			if len(args) == 1 || len(heads) > 1 {
				return c.prove(cmd, args, heads, public, scope)
			}
			where, err := c.place(cmd, data)
			if err != nil {
				return err
			}
			return c.verifyBooks(cmd, where, headlog.ExternalHeads{Public: public, Heads: strings.Join(heads, "")}, scope)
		},
	}
	c.placeFlags(cmd, &data)
	cmd.Flags().StringArrayVar(&heads, "head", nil, "file of a signed head that was stored elsewhere, or a copy of a data folder's heads.log; repeatable with RECEIPT")
	cmd.Flags().StringVar(&key, "key", "", "public key that signs heads: the line itself, or a file with it")
	cmd.Flags().BoolVar(&scope, "scope", false, "also print what is checked and what is not")
	return cmd
}

// verifyBooks checks the database of a data folder.
func (c console) verifyBooks(cmd *cobra.Command, where place, kept headlog.ExternalHeads, scope bool) error {
	began := time.Now()
	done := c.progress(cmd, "Checking the books", nil)
	r, err := app.Verify(cmd.Context(), where.data, where.store, kept)
	took := time.Since(began)
	done()
	if err != nil {
		if f := sharedFailure(where, err); f != nil {
			return f
		}
		return storeFailure("The books could not be checked", where.String(), err)
	}
	err = c.showReport(cmd, r, scope)
	for _, f := range r.Figures {
		if f.Name == "sales" && f.N > 0 {
			c.tell("The check took %s, %d µs for each sale.", took.Round(time.Millisecond), took.Microseconds()/f.N)
		}
	}
	return err
}

// reportView is a report as JSON.
type reportView struct {
	Sound    bool             `json:"sound"`
	Figures  map[string]int64 `json:"figures"`
	Findings []findingView    `json:"findings"`
	Notices  []findingView    `json:"notices"`
	Remarks  []findingView    `json:"remarks"`
	More     int              `json:"more_findings"`
	Open     []string         `json:"not_covered"` // what no verification can prove
}

type findingView struct {
	Rule string `json:"rule"`
	What string `json:"what"`
}

// showReport writes the verdict, then the findings. It fails if there is a finding.
func (c console) showReport(cmd *cobra.Command, r *store.Report, scope bool) error {
	v := reportView{Sound: r.Sound(), Figures: map[string]int64{}, Findings: []findingView{}, Notices: []findingView{}, Remarks: []findingView{}, More: r.More, Open: store.NotCovered()}
	t := table{head: []string{"rule", "finding"}}
	for _, f := range r.Figures {
		v.Figures[strings.ReplaceAll(f.Name, " ", "_")] = f.N
	}
	for _, l := range []struct {
		from []store.Finding
		to   *[]findingView
	}{{r.Findings, &v.Findings}, {r.Notices, &v.Notices}, {r.Remarks, &v.Remarks}} {
		for _, f := range l.from {
			*l.to = append(*l.to, findingView(f))
			t.add(f.Rule, f.What)
		}
	}
	if len(t.rows) == 0 {
		t = table{head: []string{"checked", "count"}}
		for _, f := range r.Figures {
			t.add(f.Name, f.N)
		}
	}
	verdict, failure := verdictOf(v, r)
	err := c.headline(cmd, verdict)
	if err == nil {
		err = c.show(cmd, v, t)
	}
	if err == nil && scope {
		err = c.scope(cmd, verifyCovers(), v.Open)
	}
	if err != nil {
		return err
	}
	if r.Older > 0 {
		c.tell("The database has schema %d, which is older than this program's. Paywatt checked an upgraded copy and deleted it. The database itself is upgraded when paywatt serve starts.", r.Older)
	}
	if failure != nil {
		return failure
	}
	if n := v.Figures["restores"]; n > 0 {
		c.tell("The store began a new epoch %d time(s), after a restore or a promotion. %d heads and %d tokens from the time that was lost are accepted.", n,
			v.Figures["heads_of_the_time_that_a_restore_lost"], v.Figures["tokens_of_the_time_that_a_restore_lost"])
	}
	if len(v.Remarks) > 0 {
		c.tell("The accounts in these lines are correct. A customer can use more than the wallet holds before the supply goes off, and a credit limit can be lowered.")
	}
	return nil
}

// verdictOf is the verdict on the books in one line, and its failure, nil if there is no finding.
func verdictOf(v reportView, r *store.Report) (verdict string, failure error) {
	if len(v.Findings)+len(v.Notices) == 0 {
		return fmt.Sprintf("Sound: %s, sum %d, %s, %s, %s, %s, %s.", counted(v, "journal"), v.Figures["sum_of_all_postings"], counted(v, "account"),
			counted(v, "sale"), counted(v, "token"), counted(v, "receipt"), counted(v, "sealed row")), nil
	}
	n, f := len(r.Findings)+len(r.Notices)+r.More, &exit.Failure{Code: exit.Failed, Not: "No changes were made."}
	if _, stops := r.Stops(); r.Sound() {
		verdict = fmt.Sprintf("Sound books, but %d findings about meters and accounts.", n)
		f.What, f.Try = fmt.Sprintf("The books are sound, but %d findings about meters and accounts need attention.", n), "Look at the meters and accounts in these lines. Selling may go on."
	} else if !stops {
		verdict = "Sound books, but the file of signed heads is damaged."
		f.What, f.Try = "The books add up, but the file of signed heads that proves them is damaged.", "Do what each line says. Selling may go on."
	} else {
		verdict = fmt.Sprintf("Not sound: %d findings.", n)
		f.What, f.Try = fmt.Sprintf("The books are not sound: %d findings.", n),
			"Stop selling, keep a copy of the folder as it is, and restore the last sound backup. Or ask for help with these lines."
	}
	return verdict, f
}

// verifyCovers says what a verification of the books checks.
func verifyCovers() []string {
	return []string{
		"every journal sums to zero and is unchanged",
		"the balance of every account matches its postings",
		"every completed sale has its journal and its tokens",
		"receipt numbers have no gap",
		"every token that a meter accepted was sold or given here",
		"every sealed row is the one in the signed log, and the log is the one that the signed heads name",
	}
}

// counted writes a figure of a report with its noun in the right number.
func counted(v reportView, noun string) string {
	n := v.Figures[strings.ReplaceAll(noun, " ", "_")+"s"]
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// storeFailure explains why a data folder or a backup could not be used.
func storeFailure(what, where string, err error) *exit.Failure {
	f := &exit.Failure{Code: exit.Failed, What: what + ": " + err.Error() + ".", Not: "No changes were made.", Try: "Run paywatt doctor to find the cause."}
	switch {
	case diskFailure(f, err):
	case errors.Is(err, sqlite.ErrNoDatabase):
		f.Code, f.Try = exit.NotFound, "Name the folder that paywatt serve uses with --data."
	case errors.Is(err, sqlite.ErrLocked):
		f.Code, f.Try = exit.Refused, "Stop the server on this folder, then run the command again."
	case errors.Is(err, sqlite.ErrNotEmpty):
		f.Code, f.Try = exit.Refused, "Name an empty folder. To keep the old database elsewhere, run paywatt backup restore with --force."
	case errors.Is(err, sqlite.ErrUnwritable), errors.Is(err, fs.ErrPermission):
		f.Try = "Make sure that this user may write to " + where + "."
	case errors.Is(err, sqlite.ErrCorrupt), errors.Is(err, sqlite.ErrForeign):
		f.Try = "Restore the last backup with paywatt backup restore, or name the right folder."
	case errors.Is(err, sqlite.ErrBackup):
		f.Try = "Use another backup. This one is damaged or was changed."
	case errors.Is(err, fs.ErrNotExist):
		f.Code, f.Try = exit.NotFound, "Check the path. --data names the folder with the keys and heads of the database."
	case errors.Is(err, store.ErrNewer):
		f.Try = "Use the newer paywatt that wrote it."
	}
	return f
}

// diskFailure completes a failure if its cause is a full disk, or if the command could not remove what it wrote. It reports whether it did.
func diskFailure(f *exit.Failure, err error) bool {
	var room *atomicfile.NoRoomError
	var left *atomicfile.LeftError
	switch {
	case errors.As(err, &left):
		f.Not, f.Try = "No other changes were made. An incomplete copy remains: "+left.Path+".", "Delete "+left.Path+", correct the cause and run the command again."
	case errors.As(err, &room):
		f.Code, f.Not, f.Try = exit.Refused, "No changes were made.", "Make room on the disk of "+room.Dir+", or use another disk."
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, store.ErrFull):
		f.Not, f.Try = "No changes were made. What the command had written was removed.", "Make room on the disk and run the command again."
	default:
		return false
	}
	return true
}
