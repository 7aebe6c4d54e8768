//go:build !race

package sts_test

// raceDivisor divides the number of tokens that the tests of chance make.
const raceDivisor = 1
