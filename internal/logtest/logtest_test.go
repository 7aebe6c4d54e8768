package logtest_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/paywatt/paywatt/internal/logtest"
)

const log = `time=2026-03-02T08:00:00Z level=INFO msg="server ready"
time=2026-03-02T08:00:01Z level=WARN msg="modem lost" err="no answer"
time=2026-03-02T08:00:02Z level=ERROR msg="disk is full"
paywatt: a line that is no log
`

// TestUnexpectedLinesAreFound: warnings and errors are found unless a test expects them. Other lines never count.
func TestUnexpectedLinesAreFound(t *testing.T) {
	modem, disk := `time=2026-03-02T08:00:01Z level=WARN msg="modem lost" err="no answer"`, `time=2026-03-02T08:00:02Z level=ERROR msg="disk is full"`
	for _, c := range []struct{ expected, want []string }{
		{nil, []string{modem, disk}},
		{[]string{"modem lost"}, []string{disk}},
		{[]string{"no answer", "disk"}, nil},
		{[]string{"server ready"}, []string{modem, disk}},
	} {
		if got := logtest.Unexpected(log, c.expected...); !slices.Equal(got, c.want) {
			t.Errorf("expected %q: got %q, want %q", c.expected, got, c.want)
		}
	}
}

// recorder is a test that only notes its errors.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// TestALoggerFailsItsTest: a warning that a test does not expect, or a line that it forbids, fails the test.
func TestALoggerFailsItsTest(t *testing.T) {
	strict, lax := new(recorder), new(recorder)
	for _, l := range []interface{ Warn(string, ...any) }{logtest.New(strict, "modem"), logtest.Forbid(lax, "disk")} {
		l.Warn("modem lost")
		l.Warn("disk is full")
		l.Warn("sensor lost")
	}
	logtest.New(strict).Info("all is well")
	if len(strict.errors) != 2 || len(lax.errors) != 1 {
		t.Errorf("the strict test has the errors %q, want 2; the lax one %q, want 1", strict.errors, lax.errors)
	}
}
