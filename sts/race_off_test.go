//go:build !race

package sts_test

// chanceTokens is the number of tokens that the tests of chance make.
const chanceTokens = 1_000_000
