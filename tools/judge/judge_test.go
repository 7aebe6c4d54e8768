package main

import (
	"encoding/json"
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
		event{Action: "pass", Package: "p", Test: "TestD"}, event{Action: "pass", Package: "p"})
	for _, want := range []string{"       2  only in ./check long\n", "       1  no mosquitto (p.TestC)\n", "1 passed, 0 failed, 3 skipped\n"} {
		if !strings.Contains(printed, want) {
			t.Errorf("%q is missing:\n%s", want, printed)
		}
	}
	if !passed {
		t.Error("skipped tests fail the check")
	}
}
