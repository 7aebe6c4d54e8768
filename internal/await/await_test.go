package await_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paywatt/paywatt/internal/await"
)

// recorder is a test whose failure another test reads.
type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failure = format
	if len(args) > 0 {
		r.failure, _ = args[0].(string)
	}
	panic(r)
}

// failureOf is the first word of what a wait said when it gave up, "" if it did not.
func failureOf(t *testing.T, wait func(t testing.TB)) (said string) {
	r := &recorder{TB: t}
	defer func() {
		if p := recover(); p != nil && p != any(r) {
			panic(p)
		}
		said = r.failure
	}()
	wait(r)
	return ""
}

func TestAWaitEndsAtItsEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		await.True(t, "a minute has passed", func() bool { return time.Since(began) >= time.Minute })
		if took := time.Since(began); took > time.Minute+time.Second {
			t.Errorf("the wait ended %v after its event", took-time.Minute)
		}
		c := make(chan int, 1)
		c <- 7
		if got := await.Receive(t, "a number", c); got != 7 {
			t.Errorf("received %d, want 7", got)
		}
	})
}

func TestAWaitThatHangsSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, wait := range map[string]func(testing.TB){
			"True":    func(t testing.TB) { await.True(t, "never", func() bool { return false }) },
			"Receive": func(t testing.TB) { await.Receive(t, "never", make(chan int)) },
		} {
			began := time.Now()
			said := failureOf(t, wait)
			if !strings.HasPrefix(said, await.NotInTime) {
				t.Errorf("%s said %q, want %q first", name, said, await.NotInTime)
			}
			if took := time.Since(began); took < await.Limit {
				t.Errorf("%s gave up after %v", name, took)
			}
		}
	})
}
