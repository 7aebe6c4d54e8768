//go:build !race

package meter_test

// exploreDepth is how many actions follow one another in the exhaustive search.
const exploreDepth = 8
