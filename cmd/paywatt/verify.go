package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/app"
	"github.com/paywatt/paywatt/internal/exit"
	"github.com/paywatt/paywatt/internal/store"
	"github.com/paywatt/paywatt/internal/store/headlog"
	"github.com/paywatt/paywatt/internal/store/sqlite"
	"github.com/spf13/cobra"
)

// newVerifyCommand checks a data folder from outside, or a receipt without one.
func newVerifyCommand(c console) *cobra.Command {
	data, key, heads := "", "", []string(nil)
	cmd := &cobra.Command{
		Use:   "verify [RECEIPT]",
		Short: "Check the books in a data folder, or prove a receipt without server and database",
		Long: "Checks the database of a data folder, whether or not a server runs on it, and changes nothing: every journal sums to\n" +
			"zero and is the one that was written, balances are what the postings make, every completed sale has its journal and\n" +
			"its tokens, receipts have no gap, and the log of all this is the one that was signed. Tokens that meters took and\n" +
			"nobody sold are listed too. The exit code is 1 if any check fails. Accounts beyond their limits are listed\n" +
			"as remarks and do not change the exit code.\n\n" +
			"With RECEIPT, a file that paywatt vend receipt --proof wrote, it needs that file and a head and nothing else: it shows that\n" +
			"the figures on the receipt were sealed into the signed log, or what is different. With --head given twice it shows that the\n" +
			"log has only grown between the two. Exit code 0 proven; 1 changed, wrong key, or two heads contradict each other (an alarm);\n" +
			"2 a file is broken or no key is known; 3 there is no such file; 4 the heads at hand do not show it.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			public, err := publicKey(key)
			if err != nil {
				return err
			}
			if len(args) == 1 || len(heads) > 1 {
				return c.prove(cmd, args, heads, public)
			}
			kept := headlog.Outside{Public: public, Heads: strings.Join(heads, "")}
			where, err := c.place(cmd, data)
			if err != nil {
				return err
			}
			began := time.Now()
			r, err := app.Verify(cmd.Context(), where.data, where.store, kept)
			if err != nil {
				if f := sharedFailure(where, err); f != nil {
					return f
				}
				return storeFailure("The books could not be checked", where.String(), err)
			}
			took := time.Since(began)
			err = c.showReport(cmd, r)
			for _, f := range r.Figures {
				if f.Name == "sales" && f.N > 0 {
					c.tell("It took %s, %d µs per sale.", took.Round(time.Millisecond), took.Microseconds()/f.N)
				}
			}
			return err
		},
	}
	c.placeFlags(cmd, &data)
	cmd.Flags().StringArrayVar(&heads, "head", nil, "file of a signed head that was kept elsewhere (repeatable with RECEIPT); of a data folder also a copy of heads.log")
	cmd.Flags().StringVar(&key, "key", "", "public line of the key that signs heads, or a file with it, kept elsewhere")
	return cmd
}

// reportView is a report as JSON.
type reportView struct {
	Sound    bool             `json:"sound"`
	Figures  map[string]int64 `json:"figures"`
	Findings []findingView    `json:"findings"`
	Notices  []findingView    `json:"notices"`
	Remarks  []findingView    `json:"remarks"`
	More     int              `json:"more_findings"`
	Open     []string         `json:"not_covered"` // what no verification proves
}

type findingView struct {
	Rule string `json:"rule"`
	What string `json:"what"`
}

// showReport writes what was found and fails where anything was.
func (c console) showReport(cmd *cobra.Command, r *store.Report) error {
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
	if err := c.show(cmd, v, t); err != nil {
		return err
	}
	if r.Older > 0 {
		c.tell("The database has schema %d, which is older than this program's. Paywatt checked an upgraded copy and deleted it. The database itself is upgraded when paywatt serve starts.", r.Older)
	}
	switch {
	case len(v.Findings)+len(v.Notices) == 0:
		c.tell("Sound: %s, sum %d, %s, %s, %s, %s, %s.", counted(v, "journal"), v.Figures["sum_of_all_postings"], counted(v, "account"),
			counted(v, "sale"), counted(v, "token"), counted(v, "receipt"), counted(v, "sealed row"))
		if n := v.Figures["restores"]; n > 0 {
			c.tell("Restored from a copy %d time(s): %d heads and %d tokens of the time that was lost are accepted as such.", n,
				v.Figures["heads_of_the_time_that_a_restore_lost"], v.Figures["tokens_of_the_time_that_a_restore_lost"])
		}
		if len(v.Remarks) > 0 {
			c.tell("The accounts in these lines are correct. A customer can use more than the wallet holds before the supply goes off, and a credit limit can be lowered.")
		}
		c.tell("Not covered: %s.", strings.Join(v.Open, "; "))
		return nil
	case r.Sound():
		return &exit.Failure{Code: exit.Failed, What: fmt.Sprintf("The books are sound, but %d things outside them are not as they should be.", len(r.Notices)+r.More),
			Not: "Nothing was changed.", Try: "Look at the meters and accounts in these lines; selling may go on."}
	}
	if _, stops := r.Stops(); !stops {
		return &exit.Failure{Code: exit.Failed, What: "The books add up, but the file of signed heads that proves them is damaged.",
			Not: "Nothing was changed.", Try: "Do what each line says; selling may go on."}
	}
	return &exit.Failure{Code: exit.Failed, What: fmt.Sprintf("%d things are not as they must be.", len(r.Findings)+len(r.Notices)+r.More),
		Not: "Nothing was changed.", Try: "Stop selling, keep a copy of the folder as it is, and restore the last sound backup, or ask for help with these lines."}
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
func storeFailure(what, where string, err error) error {
	f := &exit.Failure{Code: exit.Failed, What: what + ": " + err.Error() + ".", Not: "Nothing was changed."}
	switch {
	case errors.Is(err, sqlite.ErrNoDatabase):
		f.Code, f.Try = exit.NotFound, "Name the folder that paywatt serve uses with --data."
	case errors.Is(err, sqlite.ErrLocked):
		f.Code, f.Try = exit.Refused, "Stop the server on this folder first."
	case errors.Is(err, sqlite.ErrNotEmpty):
		f.Code, f.Try = exit.Refused, "Name an empty folder; paywatt backup restore moves a database aside with --force."
	case errors.Is(err, sqlite.ErrUnwritable):
		f.Try = "Make sure that this user may write to " + where + "."
	case errors.Is(err, sqlite.ErrCorrupt), errors.Is(err, sqlite.ErrForeign):
		f.Try = "Restore the last backup with paywatt backup restore, or name the right folder."
	case errors.Is(err, sqlite.ErrBackup):
		f.Try = "Use another backup; this one cannot be trusted."
	case errors.Is(err, fs.ErrNotExist):
		f.Code, f.Try = exit.NotFound, "Check the path; the keys and heads of every database lie in a data folder, which --data names."
	case errors.Is(err, store.ErrNewer):
		f.Try = "Use the newer paywatt that wrote it."
	}
	return f
}
