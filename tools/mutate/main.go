// Command mutate makes small random mistakes in a package, one at a time, and reports which of them no test notices.
//
//	go run ./tools/mutate [flags] PACKAGE...
//
// A mistake ("mutant") is one changed token or statement: a comparison, an operator, an integer, true or false, a dropped
// call or assignment, a lost error or refusal, a forced condition, break for continue. Strings change only in comparisons.
// Log lines, capacities, constants that are returned with an error, and generated files do not change. The working tree is
// never edited: the compiler reads the changed file through -overlay.
//
// The tests must pass without a mutant. A mutant that makes them take five times as long counts as noticed. A suite skips
// mutants in code that it does not run. Most mutants share one test binary and are switched on one after the other.
//
// The package's own tests run first; survivors go to the tests of other packages. packages.txt lists these tests. Without
// arguments, every package of that file is tried. equivalent.txt lists mutants that change nothing.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := command(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// command returns the exit code: 1 if a package is below the floor or the run failed, 2 for wrong flags.
func command(ctx context.Context, args []string, out, errs io.Writer) int {
	r := &runner{out: out}
	var also string
	var floor float64
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.Uint64Var(&r.seed, "seed", uint64(time.Now().UnixNano())%1_000_000, "draw the same mutants again")
	flags.IntVar(&r.n, "n", 20, "mutants for each package")
	timeout := flags.Duration("timeout", 0, "longest test run with a mutant (default: five times the run without, and 10 s)")
	flags.BoolVar(&r.json, "json", false, "print a JSON object for each mutant and each package")
	flags.StringVar(&also, "also", "", "try these packages' tests instead of those in packages.txt; \"none\": own tests only")
	flags.StringVar(&r.in, "in", "", "draw mutants from these files alone, such as sale.go,chart.go")
	flags.StringVar(&r.at, "at", "", "try every mutant of these places instead, such as sale.go:30,chart.go:138")
	flags.Float64Var(&floor, "floor", 0, "exit 1 if fewer than this percentage of a package's mutants are noticed")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	err := r.run(ctx, flags.Args(), also, *timeout)
	if err == nil {
		r.table()
		err = r.below(floor)
	}
	if err != nil {
		fmt.Fprintln(errs, "mutate:", err)
		return 1
	}
	return 0
}

// runner tries the mutants of one package after the other.
type runner struct {
	out      io.Writer
	seed     uint64
	n        int
	json     bool
	in       string
	at       string
	shop     *workshop
	refused  int               // mutants that passed the type checker and then did not build
	excused  map[string]string // reason by the key of an equivalent mutant
	tallies  []tally
	survived []result
}

// result is the outcome of a mutant.
type result struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Function string `json:"function"`
	Before   string `json:"before"`
	After    string `json:"after"`
	Outcome  string `json:"outcome"`      // own, other, survived or equivalent
	By       string `json:"by,omitempty"` // the test that noticed the mutant, or the reason why the mutant is equivalent
	Uncov    bool   `json:"uncovered_by_own,omitempty"`
}

func (r result) String() string {
	what := map[string]string{"own": "noticed by ", "other": "noticed by others: ", "survived": "SURVIVED", "equivalent": "equivalent: "}[r.Outcome]
	if r.Outcome == "survived" && r.Uncov {
		what += " (its own tests do not run this code)"
	}
	return fmt.Sprintf("%s:%d %s %s%s\n\t- %s\n\t+ %s", r.File, r.Line, r.Function, what, r.By, r.Before, r.After)
}

// tally counts the mutants of a package.
type tally struct {
	Package    string  `json:"package"`
	Seed       uint64  `json:"seed"`
	Mutants    int     `json:"mutants"`
	Equivalent int     `json:"equivalent"`
	Own        int     `json:"noticed_by_own"`
	All        int     `json:"noticed_by_all"`
	Rate       float64 `json:"rate"`
	took       time.Duration
}

func (t *tally) count(outcome string) {
	t.Mutants++
	switch outcome {
	case "equivalent":
		t.Equivalent++
	case "own":
		t.Own++
		t.All++
	case "other":
		t.All++
	}
	t.Rate = percent(t.All, t.Mutants-t.Equivalent)
}

// percent is 100 if there was no mutant to notice.
func percent(n, of int) float64 {
	if of == 0 {
		return 100
	}
	return 100 * float64(n) / float64(of)
}

func (r *runner) run(ctx context.Context, packages []string, also string, timeout time.Duration) error {
	plans, err := parsePlans(packagesText)
	if err != nil {
		return err
	}
	list, err := parseEquivalents(equivalentText)
	if err != nil {
		return err
	}
	r.excused = map[string]string{}
	for _, e := range list {
		r.excused[e.key()] = e.because
	}
	root, err := goCommand(ctx, "", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return err
	}
	tmp, err := tempDir("")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	r.shop = &workshop{root: strings.TrimSpace(string(root)), tmp: tmp, timeout: timeout, covered: map[string]*measured{}}
	if len(packages) == 0 {
		for _, p := range plans {
			packages = append(packages, p.pkg)
		}
	}
	r.say("seed %d, %d mutants for each package", r.seed, r.n)
	for _, name := range packages {
		p := planFor(plans, name)
		if also != "" {
			p.also = nil
			for _, other := range strings.Fields(also) {
				if other != "none" {
					p.also = append(p.also, suite{pkg: clean(other)})
				}
			}
		}
		if err := r.try(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", p.pkg, err)
		}
	}
	return nil
}

// try draws enough mutants of one package.
func (r *runner) try(ctx context.Context, p plan) error {
	start := time.Now()
	c, err := load(ctx, r.shop.root, p.pkg)
	if err != nil {
		return err
	}
	var seconds []string
	for _, s := range p.own {
		m, err := r.shop.measure(ctx, s, c)
		if err != nil {
			return err
		}
		seconds = append(seconds, fmt.Sprintf("%s %.1f s", s, m.took.Seconds()))
	}
	r.say("\n%s: without a mutant the tests pass: %s", p.pkg, strings.Join(seconds, ", "))
	name := fnv.New64a()
	_, _ = name.Write([]byte(p.pkg)) // the draw does not depend on earlier packages
	t := tally{Package: p.pkg, Seed: r.seed}
	d := shuffled(c, rand.New(rand.NewPCG(r.seed, name.Sum64())))
	if r.in != "" {
		d.keepFiles(strings.Split(r.in, ","))
	}
	most := r.n
	if r.at != "" {
		most = d.keep(strings.Split(r.at, ","))
	}
	for t.Mutants < most {
		hand := d.hand(most - t.Mutants)
		if len(hand) == 0 {
			break
		}
		results, err := r.judge(ctx, p, c, hand)
		if err != nil {
			return err
		}
		for _, res := range results {
			t.count(res.Outcome)
		}
	}
	t.took = time.Since(start)
	r.tallies = append(r.tallies, t)
	return r.encode(t)
}

func (r *runner) say(format string, args ...any) {
	if !r.json {
		fmt.Fprintf(r.out, format+"\n", args...)
	}
}

func (r *runner) encode(v any) error {
	if !r.json {
		return nil
	}
	return json.NewEncoder(r.out).Encode(v)
}

func (r *runner) report(res result) {
	if res.Outcome == "survived" {
		r.survived = append(r.survived, res)
	}
	r.say("%s", res)
	_ = r.encode(res)
}

// table prints the surviving mutants again, and then a line for each package.
func (r *runner) table() {
	if r.json {
		return
	}
	if len(r.survived) > 0 {
		r.say("\nNo test noticed:")
	}
	for _, s := range r.survived {
		r.say("%s", s)
	}
	r.say("")
	w := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "package\tmutants\tequivalent\tnoticed by own\tnoticed by all\trate\ttime\t")
	sum := tally{Package: "all"}
	for _, t := range append(r.tallies, sum) {
		if t.Package == "all" {
			t = sum
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%.0f %%\t%s\t\n", t.Package, t.Mutants, t.Equivalent, t.Own, t.All, t.Rate, t.took.Round(time.Second))
		sum.Mutants, sum.Equivalent, sum.Own, sum.All = sum.Mutants+t.Mutants, sum.Equivalent+t.Equivalent, sum.Own+t.Own, sum.All+t.All
		sum.Rate, sum.took = percent(sum.All, sum.Mutants-sum.Equivalent), sum.took+t.took
	}
	_ = w.Flush()
	r.say("seed %d", r.seed)
}

// below names the packages whose rate is under the floor.
func (r *runner) below(floor float64) error {
	var low []string
	for _, t := range r.tallies {
		if t.Rate < floor {
			low = append(low, fmt.Sprintf("%s %.0f %%", t.Package, t.Rate))
		}
	}
	if len(low) > 0 {
		return fmt.Errorf("below %.0f %%: %s", floor, strings.Join(low, ", "))
	}
	return nil
}
