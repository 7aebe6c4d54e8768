//go:build race

package device_test

// raceStride multiplies the distance between the bytes that are torn. The race detector makes these tests of one goroutine ten times
// slower, and has nothing to find in them.
const raceStride = 7
