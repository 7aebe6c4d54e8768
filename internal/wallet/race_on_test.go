//go:build race

package wallet_test

// patterns is how many reporting patterns are rated. The race detector slows rating down tenfold and finds nothing in a single goroutine.
const patterns = 50_000
