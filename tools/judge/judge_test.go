package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
)

const late = "    a_test.go:7: " + await.NotInTime + ": after 2m0s still not: the meter is connected\n"

// ran is what one attempt of TestA prints in a run.
func ran(outcome, log string) []event {
	return []event{
		{Action: "start", Package: "p"},
		{Action: "run", Package: "p", Test: "TestA"},
		{Action: "output", Package: "p", Test: "TestA", Output: "=== RUN   TestA\n"},
		{Action: "output", Package: "p", Test: "TestA/sub", Output: log},
		{Action: outcome, Package: "p", Test: "TestA/sub"},
		{Action: outcome, Package: "p", Test: "TestA", Elapsed: 1},
		{Action: outcome, Package: "p"},
	}
}

// judged is the verdict on attempts, as the program prints it.
func judged(t *testing.T, events ...event) (printed, flaky string, passed bool) {
	t.Helper()
	dir := t.TempDir()
	var b strings.Builder
	for _, e := range events {
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	run := filepath.Join(dir, "run.json")
	if err := os.WriteFile(run, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err := judgeFiles(&out, filepath.Join(dir, "flaky"), []string{run})
	list, _ := os.ReadFile(filepath.Join(dir, "flaky"))
	return out.String(), string(list), err == nil
}

// TestOnlyALateWaitIsForgiven: a second run that passes hides nothing but a wait that ended too early.
func TestOnlyALateWaitIsForgiven(t *testing.T) {
	for name, c := range map[string]struct {
		log    string
		passes bool
	}{
		"a wait":                      {late, true},
		"a wait and a figure":         {"    a_test.go:3: figures: 12 sales\n" + late, true},
		"a wrong sum":                 {"    a_test.go:9: the books sum to 3\n", false},
		"a wait and a wrong sum":      {late + "    a_test.go:9: the books sum to 3\n", false},
		"a wait and a panic":          {late + "panic: runtime error\n", false},
		"a wait and a race":           {late + "WARNING: DATA RACE\n", false},
		"a wait and a fatal error":    {late + "fatal error: all goroutines are asleep\n", false},
		"no reason":                   {"--- FAIL: TestA\n", false},
		"words that look like a wait": {"    a_test.go:9: it said NOT IN TIME\n", false},
	} {
		printed, flaky, passed := judged(t, append(ran("fail", c.log), ran("pass", "")...)...)
		if passed != c.passes {
			t.Errorf("%s: passed %v, want %v\n%s", name, passed, c.passes, printed)
		}
		if listed := strings.Contains(flaky, "FLAKY p.TestA"); listed != c.passes {
			t.Errorf("%s: in the file of flaky tests %v, want %v", name, listed, c.passes)
		}
		want := "0 passed, 1 failed, 0 skipped\n"
		if c.passes {
			want = "1 passed, 0 failed, 0 skipped\n"
		}
		if !strings.HasSuffix(printed, want) {
			t.Errorf("%s: the last line is not %q:\n%s", name, want, printed)
		}
	}
}

// TestALogIsNoFailure: what a test logs beside a wait that ended too early does not count against it. The source tells a log from a failure.
func TestALogIsNoFailure(t *testing.T) {
	t.Chdir(t.TempDir())
	source := []string{
		1: `	t.Logf("repeat with -seed %d", seed)`,
		2: `	s.t.Log(seen)`,
		3: `	t.Errorf("the books sum to %d", sum)`,
		4: `	report("the books sum to %d", sum)`,
		5: `	t.Log(sumOf(t))`,
		6: `	t.Log(`,
		7: ``,
	}
	for name, text := range map[string]string{"go.mod": "module example.org/m\n", "q/a_test.go": strings.Join(source[1:], "\n")} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for line, forgiven := range []bool{1: true, 2: true, 3: false, 4: false, 5: false, 6: true, 7: false, 8: false} {
		if line == 0 {
			continue
		}
		for _, pkg := range []string{"example.org/m/q", "example.org/other/q"} {
			events := append(ran("fail", fmt.Sprintf("    a_test.go:%d: 12\n", line)+late), ran("pass", "")...)
			for i := range events {
				events[i].Package = pkg
			}
			want := forgiven && pkg == "example.org/m/q"
			if printed, _, passed := judged(t, events...); passed != want {
				t.Errorf("line %d of %s: passed %v, want %v\n%s", line, pkg, passed, want, printed)
			}
		}
	}
	logs := ran("fail", "    a_test.go:1: repeat with -seed 12\n")
	logs = append(logs, ran("pass", "")...)
	for i := range logs {
		logs[i].Package = "example.org/m/q"
	}
	if printed, _, passed := judged(t, logs...); passed {
		t.Errorf("a failure without a reason is forgiven because of a log:\n%s", printed)
	}
}

// TestASkipHidesNoFailure: a test that failed, and is skipped when it runs again, failed.
func TestASkipHidesNoFailure(t *testing.T) {
	for _, log := range []string{late, "    a_test.go:9: the books sum to 3\n"} {
		printed, flaky, passed := judged(t, append(ran("fail", log), ran("skip", "    a_test.go:3: no mosquitto\n")...)...)
		if passed || flaky != "" || !strings.HasSuffix(printed, "0 passed, 1 failed, 0 skipped\n") {
			t.Errorf("passed %v, flaky %q:\n%s", passed, flaky, printed)
		}
	}
}

// TestWhatFailsTwiceFails, even by a wait, and what is cut off fails too.
func TestWhatFailsTwiceFails(t *testing.T) {
	if printed, _, passed := judged(t, append(ran("fail", late), ran("fail", late)...)...); passed {
		t.Errorf("a test that failed twice passed:\n%s", printed)
	}
	if printed, _, passed := judged(t, ran("pass", "")[:4]...); passed {
		t.Errorf("a test without an end passed:\n%s", printed)
	}
}

// TestThreeFlakyTestsFailTheCheck: two may be chance, three are a state.
func TestThreeFlakyTestsFailTheCheck(t *testing.T) {
	for n, want := range map[int]bool{2: true, 3: false} {
		var all []event
		for i := range n {
			for _, e := range append(ran("fail", late), ran("pass", "")...) {
				if e.Test != "" {
					e.Test = strings.Replace(e.Test, "TestA", "Test"+string(rune('A'+i)), 1)
				}
				all = append(all, e)
			}
		}
		if printed, _, passed := judged(t, all...); passed != want {
			t.Errorf("%d flaky tests: passed %v, want %v\n%s", n, passed, want, printed)
		}
	}
}

// TestAPackageThatDoesNotBuildFails: it has no test that could fail.
func TestAPackageThatDoesNotBuildFails(t *testing.T) {
	broken := []event{{Action: "output", Package: "p", Output: "p/a.go:3: undefined: x\n"}, {Action: "fail", Package: "p"}}
	printed, _, passed := judged(t, broken...)
	if passed || !strings.Contains(printed, "undefined: x") {
		t.Errorf("passed %v:\n%s", passed, printed)
	}
}

// TestSkipsAreCountedByReason, so that a reader sees in one line each what did not run.
func TestSkipsAreCountedByReason(t *testing.T) {
	printed, _, passed := judged(t,
		event{Action: "output", Package: "p", Test: "TestA", Output: "    a_test.go:3: only in ./check long\n"}, event{Action: "skip", Package: "p", Test: "TestA"},
		event{Action: "output", Package: "p", Test: "TestB", Output: "    b_test.go:3: only in ./check long\n"}, event{Action: "skip", Package: "p", Test: "TestB"},
		event{Action: "output", Package: "p", Test: "TestC", Output: "    c_test.go:3: no mosquitto\n"}, event{Action: "skip", Package: "p", Test: "TestC"},
		event{Action: "output", Package: "p", Test: "TestD/sub", Output: "        d_test.go:3: NOT TESTED: hledger is not installed\n"},
		event{Action: "skip", Package: "p", Test: "TestD/sub"}, event{Action: "pass", Package: "p", Test: "TestD"},
		event{Action: "pass", Package: "p", Test: "TestE"}, event{Action: "pass", Package: "p"})
	for _, want := range []string{"       2  only in ./check long\n", "       1  no mosquitto (p.TestC)\n",
		"       1  NOT TESTED: hledger is not installed (p.TestD, in part)\n", "2 passed, 0 failed, 3 skipped\n"} {
		if !strings.Contains(printed, want) {
			t.Errorf("%q is missing:\n%s", want, printed)
		}
	}
	if !passed {
		t.Error("skipped tests fail the check")
	}
}

// TestTheLogOfTheFailureIsShown: one run of a check skips a test, and another one fails it.
func TestTheLogOfTheFailureIsShown(t *testing.T) {
	const why = "    a_test.go:9: the books sum to 3\n"
	printed, _, passed := judged(t, append(ran("skip", "    a_test.go:3: it works in one goroutine\n"), ran("fail", why)...)...)
	if passed || !strings.Contains(printed, why) {
		t.Errorf("a test that was skipped and failed passes: %t\n%s", passed, printed)
	}
}
