//go:build race

package device_test

// usualStride is large under the race detector, which makes these single-goroutine tests ten times slower.
const usualStride = 211
