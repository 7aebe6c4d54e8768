package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// programsNeeded is the environment variable that makes a test fail if a program of others is not installed. Without it the test is
// skipped, and says in one line what is missing.
const programsNeeded = "E2E_NEEDED"

// needed skips a test if one of the programs is not installed.
func needed(t testing.TB, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			missing(t, name+" is not installed")
		}
	}
}

// neededModules does the same for modules of Debian's Python.
func neededModules(t testing.TB, modules ...string) {
	t.Helper()
	needed(t, debianPython)
	if out, err := exec.Command(debianPython, "-c", "import "+strings.Join(modules, ", ")).CombinedOutput(); err != nil {
		last := strings.TrimSpace(string(out))
		missing(t, last[strings.LastIndexByte(last, '\n')+1:])
	}
}

// missing skips a test for the lack of something, or fails it if [programsNeeded] is set.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv(programsNeeded) != "" {
		t.Fatalf("%s, and this run needs it", what)
	}
	t.Skip("NOT TESTED: " + what)
}
