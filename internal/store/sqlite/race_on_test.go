//go:build race

package sqlite_test

// slow divides the size of tests that use one goroutine. In such tests the race detector finds nothing and makes them ten times slower.
const slow = 10
