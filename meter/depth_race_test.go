//go:build race

package meter_test

// Under the race detector the searches are shallower and only every tenth case is tried. The detector makes them many
// times slower, and has no races to find in the core, which has no goroutines.
const (
	exploreDepth = 4
	plantedDepth = 6 // the depth at which planted bugs are looked for
	onlyEvery    = 10
)
