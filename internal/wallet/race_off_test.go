//go:build !race

package wallet_test

// patterns is how many reporting patterns are rated.
const patterns = 1_000_000
