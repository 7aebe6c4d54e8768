//go:build !race

package sts_test

// chanceTokens is how many tokens the tests of chance make.
const chanceTokens = 1_000_000
