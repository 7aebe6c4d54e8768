//go:build !race

package meter_test

const (
	// exploreDepth is the number of actions that follow one another in the exhaustive searches.
	exploreDepth = deepest
	// plantedDepth is the depth at which planted bugs are looked for.
	plantedDepth = 6
	// onlyEvery thins out the longest tests.
	onlyEvery = 1
)
