//go:build race

package sts_test

// raceDivisor divides the number of tokens that the tests of chance make. Under the race detector each token takes ten
// times as long, and on one goroutine there are no races to find.
const raceDivisor = 10
