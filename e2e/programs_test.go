package e2e

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/tier"
)

// needed skips a test if one of the programs is not installed.
func needed(t testing.TB, programs ...string) {
	t.Helper()
	for _, name := range programs {
		tier.Program(t, name)
	}
}

// neededModules does the same for modules of Debian's Python.
func neededModules(t testing.TB, modules ...string) {
	t.Helper()
	needed(t, debianPython)
	if out, err := exec.Command(debianPython, "-c", "import "+strings.Join(modules, ", ")).CombinedOutput(); err != nil {
		last := strings.TrimSpace(string(out))
		tier.Lacking(t, last[strings.LastIndexByte(last, '\n')+1:])
	}
}
