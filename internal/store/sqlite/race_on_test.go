//go:build race

package sqlite_test

// slow divides the size of tests on one goroutine, where the race detector has nothing to find and costs a factor of ten.
const slow = 10
