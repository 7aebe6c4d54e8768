//go:build race

package meter_test

// exploreDepth is smaller under the race detector, which is many times slower and finds nothing in code without
// goroutines that the other run does not find.
const exploreDepth = 5
