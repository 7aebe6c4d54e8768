//go:build race

package sts_test

// chanceTokens is how many tokens the tests of chance make: fewer under the race detector, which makes each ten times
// dearer and finds nothing in what runs on one goroutine.
const chanceTokens = 100_000
