//go:build !race

package device_test

// raceStride multiplies the distance between the bytes that are torn.
const raceStride = 1
