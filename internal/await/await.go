// Package await is how a test waits for what happens beside it: for a program of others, a real socket, a browser.
//
// A test waits for the event, and goes on in the same moment. There is one limit for the whole suite. It is generous, because
// it only ends what hangs: a slow machine never reaches it, and no test says how fast something is (benches do). A failure
// begins with [NotInTime], and only such a failure may pass when ./check runs its test again.
//
// What runs in goroutines of the test's own process needs no waiting: testing/synctest has a clock that waits for it.
package await

import (
	"testing"
	"time"
)

// Limit ends a wait that hangs.
const Limit = 2 * time.Minute

// NotInTime begins the message of a wait that ended too early.
const NotInTime = "NOT IN TIME"

const between = 10 * time.Millisecond

// True waits until yes reports true. The text what names what is awaited, such as "the meter is connected".
func True(t testing.TB, what string, yes func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Limit); !yes(); time.Sleep(between) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: after %v still not: %s", NotInTime, Limit, what)
		}
	}
}

// Receive waits for a value of a channel. A closed channel gives the zero value.
func Receive[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(Limit):
		t.Fatalf("%s: after %v still not: %s", NotInTime, Limit, what)
		panic("not reached")
	}
}
