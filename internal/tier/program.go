package tier

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// NeedsAll is the environment variable that makes the lack of a program a failure. ./check sets it to 1: a check that cannot run is a failure,
// not a skip.
const NeedsAll = "TIER_NEEDS_ALL"

// Program returns the path of a program that a test needs. On a machine without the program the test is skipped, with one line that names it.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := Find(name)
	if err != nil {
		Lacking(t, name+" is not installed")
	}
	return path
}

// Browser returns the path of the browser that a test drives: the shell, which is Chromium's engine without the windows and menus around it. A
// page costs half of the processor time there. In ./check long it is the whole of Chromium.
func Browser(t testing.TB) string {
	t.Helper()
	if IsLong() {
		return WholeBrowser(t)
	}
	return Program(t, "/usr/lib/chromium/chromium-headless-shell") // the command of that name is a script, and would be killed instead
}

// WholeBrowser returns the path of Chromium as people have it, for pictures of the documentation.
func WholeBrowser(t testing.TB) string {
	t.Helper()
	return Program(t, "chromium")
}

// Find returns the path of a program, also where Debian puts servers.
func Find(name string) (path string, err error) {
	if path, err = exec.LookPath(name); err != nil {
		path, err = exec.LookPath(filepath.Join("/usr/sbin", name))
	}
	return path, err
}

// Lacking skips a test that cannot run on this machine, and says what it lacks. With [NeedsAll] the test fails.
func Lacking(t testing.TB, what string) {
	t.Helper()
	if MustRun() {
		t.Fatalf("%s, and %s=1", what, NeedsAll)
	}
	t.Skipf("NOT TESTED: %s", what)
}

// MustRun reports whether the lack of something that a test needs is a failure in this run.
func MustRun() bool { return os.Getenv(NeedsAll) == "1" }
