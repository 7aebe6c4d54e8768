//go:build !race

package meter_test

const (
	// exploreDepth is how many actions follow one another in the exhaustive searches.
	exploreDepth = deepest
	// onlyEvery thins out the longest tests.
	onlyEvery = 1
)
