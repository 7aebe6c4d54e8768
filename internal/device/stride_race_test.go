//go:build race

package device_test

// usualStride is wide under the race detector, which is ten times slower; these tests have one goroutine.
const usualStride = 211
