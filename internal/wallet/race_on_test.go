//go:build race

package wallet_test

// patterns is how many reporting patterns are rated: the race detector slows rating down tenfold and finds nothing in one
// goroutine.
const patterns = 50_000
