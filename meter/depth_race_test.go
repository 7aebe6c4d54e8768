//go:build race

package meter_test

// Under the race detector, which is many times slower and finds nothing in a core without goroutines that the other run
// does not find, the searches are shallower and only every tenth case is tried.
const (
	exploreDepth = 4
	plantedDepth = 6 // at which planted bugs are looked for
	onlyEvery    = 10
)
