package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// notInTime begins the message of a wait that ended too early, as internal/await writes it.
const notInTime = "NOT IN TIME"

// maxFlaky is how many flaky tests a check may have.
const maxFlaky = 2

// verdict is what came of the tests of a check.
type verdict struct {
	passedTests, skipped []*test
	failed, flaky        []*test
	slowest              []*test
	figures              []string
}

func (v *verdict) passed() bool { return len(v.failed) == 0 && len(v.flaky) <= maxFlaky }

// judge decides about every test.
func (r *results) judge() *verdict {
	v, code := &verdict{}, readSources()
	for _, t := range r.tests {
		isPackage := t.name == ""
		last := &t.attempts[len(t.attempts)-1]
		switch {
		case isPackage && (last.outcome != "fail" || r.hasFailedTest(t.pkg)):
			continue // the package fails with its test
		case last.outcome == "skip" && !t.hasFailed():
			v.skipped = append(v.skipped, t)
		case last.outcome != "pass" || !t.forgiven(code):
			v.failed = append(v.failed, t) // also if it is skipped when it runs again: nobody knows whether the fault is gone
		case t.hasFailed():
			v.flaky = append(v.flaky, t)
		default:
			v.passedTests = append(v.passedTests, t)
		}
		v.figures = append(v.figures, figuresOf(last.log.String())...)
	}
	v.slowest = slices.Clone(v.passedTests)
	slices.SortStableFunc(v.slowest, func(a, b *test) int { return cmp.Compare(b.seconds(), a.seconds()) })
	return v
}

// hasFailedTest reports whether a test of a package failed in any of its attempts.
func (r *results) hasFailedTest(pkg string) bool {
	return slices.ContainsFunc(r.tests, func(t *test) bool {
		return t.pkg == pkg && t.name != "" && slices.ContainsFunc(t.attempts, func(a attempt) bool { return a.outcome != "pass" && a.outcome != "skip" })
	})
}

// seconds is how long all attempts of a test took.
func (t *test) seconds() (sum float64) {
	for i := range t.attempts {
		sum += t.attempts[i].seconds
	}
	return sum
}

// hasFailed reports whether a test failed in any of its attempts.
func (t *test) hasFailed() bool {
	return slices.ContainsFunc(t.attempts, func(a attempt) bool { return a.outcome == "fail" })
}

// failedLog is the log of the attempt that failed first. Other runs of the check may have skipped the test before.
func (t *test) failedLog() string {
	first := max(0, slices.IndexFunc(t.attempts, func(a attempt) bool { return a.outcome != "pass" && a.outcome != "skip" }))
	return t.attempts[first].log.String()
}

// forgiven reports whether nothing but waits that ended too early made the earlier attempts of a test fail.
func (t *test) forgiven(code sources) bool {
	for i := range t.attempts {
		if a := &t.attempts[i]; a.outcome == "fail" && !code.onlyWaited(t.pkg, a.log.String()) {
			return false
		}
	}
	return true
}

// failure is a line that t.Error, t.Fatal or t.Log wrote. A message of several lines goes on with deeper indentation.
var failure = regexp.MustCompile(`^ +([A-Za-z0-9_]+\.go):(\d+): (.*)`)

// broken is what no second run forgives, wherever it stands.
var broken = regexp.MustCompile(`(?m)^panic: |^fatal error: |WARNING: DATA RACE|^\s+panic: .*recovered`)

// onlyWaited reports whether a failed attempt names a wait that ended too early and no other failure.
// What the test logs is no failure.
func (s sources) onlyWaited(pkg, log string) bool {
	if broken.MatchString(log) {
		return false
	}
	waited := false
	for line := range strings.Lines(log) {
		said := failure.FindStringSubmatch(strings.TrimRight(line, "\n"))
		switch {
		case said == nil || strings.HasPrefix(said[3], "figures: ") || s.isLog(pkg, said[1], said[2]):
		case strings.HasPrefix(said[3], notInTime):
			waited = true
		default:
			return false
		}
	}
	return waited
}

// figure is a measurement that a test logged for the reader.
var figure = regexp.MustCompile(`(?m)^ *(?:[A-Za-z0-9_]+\.go:\d+: )?(figures: .*)$`)

func figuresOf(log string) (out []string) {
	for _, m := range figure.FindAllStringSubmatch(log, -1) {
		out = append(out, m[1])
	}
	return out
}

const slowestShown = 15

// print writes the verdict for a reader who looks at the end first.
func (v *verdict) print(w io.Writer) {
	for _, f := range v.figures {
		fmt.Fprintln(w, "  |", f)
	}
	fmt.Fprintln(w, "== slowest tests")
	for _, t := range v.slowest[:min(slowestShown, len(v.slowest))] {
		fmt.Fprintf(w, "%7.1fs  %s\n", t.seconds(), t)
	}
	if reasons := v.skipReasons(); len(reasons) > 0 {
		fmt.Fprintln(w, "== skipped")
		printSkips(w, reasons)
	}
	if len(v.flaky) > 0 {
		fmt.Fprintf(w, "== flaky: %d failed and passed when they ran again. Each is a fault to mend; more than %d fail the check\n%s", len(v.flaky), maxFlaky, v.flakyLog())
	}
	for _, t := range v.failed {
		fmt.Fprintf(w, "== FAILED %s%s\n%s", t, t.howOften(), tail(t.failedLog()))
	}
	if len(v.flaky) > maxFlaky {
		fmt.Fprintf(w, "== FAILED: %d flaky tests, at most %d are forgiven\n", len(v.flaky), maxFlaky)
	}
	failed := len(v.failed)
	if len(v.flaky) > maxFlaky {
		failed += len(v.flaky)
	}
	fmt.Fprintf(w, "%d passed, %d failed, %d skipped\n", len(v.passedTests)+len(v.flaky), failed, len(v.skipped))
}

// notTested begins the reason of a skip that leaves a rule untested, as internal/tier and some tests write it.
const notTested = "NOT TESTED"

// skipReasons returns the reasons of the skips with their tests. A test that passed has one for each of its subtests that left a rule untested.
func (v *verdict) skipReasons() map[string][]string {
	reasons := map[string][]string{}
	for _, t := range v.skipped {
		reason := reasonOf(t.attempts[len(t.attempts)-1].log.String())
		reasons[reason] = append(reasons[reason], t.String())
	}
	for _, t := range v.passedTests {
		for line := range strings.Lines(t.attempts[len(t.attempts)-1].log.String()) {
			said := failure.FindStringSubmatch(strings.TrimRight(line, "\n"))
			if said != nil && strings.HasPrefix(said[3], notTested) {
				reasons[said[3]] = append(reasons[said[3]], t.String()+", in part")
			}
		}
	}
	return reasons
}

// printSkips writes the reasons, each with the number of its tests, and the test where there is one.
func printSkips(w io.Writer, reasons map[string][]string) {
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		tests := reasons[reason]
		if len(tests) == 1 {
			fmt.Fprintf(w, "       1  %s (%s)\n", reason, tests[0])
			continue
		}
		fmt.Fprintf(w, "  %6d  %s\n", len(tests), reason)
	}
}

func reasonOf(log string) string {
	for line := range strings.Lines(log) {
		if said := failure.FindStringSubmatch(strings.TrimRight(line, "\n")); said != nil {
			return said[3]
		}
	}
	return "no reason given"
}

// howOften says what the second attempt of a failed test did.
func (t *test) howOften() string {
	if last := t.attempts[len(t.attempts)-1]; len(t.attempts) > 1 && last.outcome == "pass" {
		return " (it passed when it ran again, but only a wait that ended too early is forgiven)"
	}
	return ""
}

// flakyLog is what the flaky tests said when they failed.
func (v *verdict) flakyLog() string {
	var b strings.Builder
	for _, t := range v.flaky {
		fmt.Fprintf(&b, "FLAKY %s\n%s", t, tail(t.failedLog()))
	}
	return b.String()
}

const linesShown = 80

// tail is the end of a log without the lines of test2json about what runs.
func tail(log string) string {
	var lines []string
	for line := range strings.Lines(log) {
		if !strings.HasPrefix(line, "=== ") {
			lines = append(lines, "    "+line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-linesShown):], "")
}
