//go:build race

package sts_test

// chanceTokens is the number of tokens that the tests of chance make. There are fewer under the race detector: each
// token takes ten times as long, and on one goroutine there are no races to find.
const chanceTokens = 100_000
