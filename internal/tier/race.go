package tier

import (
	"os"
	"testing"
)

// marked is the environment variable that [Concurrent] sets while its test runs. ./check long sets it to watchesAll.
const (
	marked     = "TEST_CONCURRENT"
	watchesAll = "all"
)

// OneGoroutine skips a test under the race detector. Where one goroutine works the detector finds nothing, and a long test takes ten times
// as long.
func OneGoroutine(t testing.TB) {
	t.Helper()
	if Race {
		t.Skip("not under the race detector: it works in one goroutine")
	}
}

// AsShipped skips a test under the race detector that measures what something costs.
func AsShipped(t testing.TB) {
	t.Helper()
	if Race {
		t.Skip("not under the race detector: it measures a cost")
	}
}

// Concurrent marks a test of goroutines in a package most of whose tests use one: the race detector watches it in ./check. See [World].
func Concurrent(t testing.TB) {
	t.Helper()
	if !WatchesAll() {
		t.Setenv(marked, t.Name())
	}
}

// WatchesAll reports whether the race detector watches every test, as in ./check long.
func WatchesAll() bool { return os.Getenv(marked) == watchesAll }

// World is called where the tests of a package open what they test. Under the race detector it skips all tests but those that are
// marked by [Concurrent]; ./check long watches all of them.
func World(t testing.TB) {
	t.Helper()
	if Race && os.Getenv(marked) == "" {
		t.Skip("under the race detector only in ./check long: it works in one goroutine")
	}
}
