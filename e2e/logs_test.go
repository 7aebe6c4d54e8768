package e2e

import (
	"fmt"
	"slices"
	"testing"

	"github.com/paywatt/paywatt/internal/await"
)

// recorder is a test whose errors another test reads.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper()      {}
func (r *recorder) Name() string { return "TestA" }
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// TestALimitOfAServerIsAWait: a warning that only says that the server waited for too long may pass when the test runs again, and no other one.
func TestALimitOfAServerIsAWait(t *testing.T) {
	const late = `time=2026-03-02T08:00:01Z level=WARN msg="meter login failed" err="look up the login: context deadline exceeded"`
	const lost = `time=2026-03-02T08:00:01Z level=ERROR msg="rows were not sealed" err="no such table"`
	l := &serverLogs{t: t}
	fmt.Fprintf(l.newLog(), "%s\n%s\n", late, lost)
	r := &recorder{TB: t}
	l.judge(r)
	if want := []string{await.NotInTime + ": TestA: unexpected in the log of a server: " + late, "TestA: unexpected in the log of a server: " + lost}; !slices.Equal(r.errors, want) {
		t.Errorf("the judge says %q, want %q", r.errors, want)
	}
}
