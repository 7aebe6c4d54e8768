//go:build race

package meter_test

// Under the race detector the searches are shallower and only every tenth case is tried. It is many times slower, and
// the core has no goroutines in which it could find more.
const (
	exploreDepth = 4
	plantedDepth = 6 // at which planted bugs are looked for
	onlyEvery    = 10
)
