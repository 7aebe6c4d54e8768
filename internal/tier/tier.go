// Package tier says which tests run when. There are three tiers, and each holds the one before it:
//
//	go test -short ./...   the inner loop
//	go test ./...          what ./check runs, and every change must pass
//	./check long           more seeds, more kills, longer histories, programs of others
//
// A test names its tier in its first line with [Slow] or [Long]. How often something that is drawn at random is drawn is a [Count];
// all of them stand in counts.go.
package tier

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// The environment variables that choose the long tier, make every count a multiple of itself, and repeat the draws of a test that failed.
const (
	Variable = "TIER"       // "long", or unset
	Times    = "TIER_TIMES" // a factor from 1
	SeedText = "TIER_SEED"  // a number from 0
)

// Slow skips a test in the inner loop, because it takes more than about a second.
func Slow(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("not with -short")
	}
}

// Long skips a test below ./check long. Use it for a test whose rule a shorter test of ./check already holds.
func Long(t testing.TB) {
	t.Helper()
	if !IsLong() {
		t.Skip("only in ./check long")
	}
}

// IsLong reports whether this is a run of ./check long.
func IsLong() bool { return !testing.Short() && os.Getenv(Variable) == "long" }

// Count is how often something is drawn in each tier.
type Count struct{ Short, Check, Long int }

// N is the count of the tier that runs, times the factor of [Times].
func (c Count) N() int {
	n := c.Check
	switch {
	case testing.Short():
		n = c.Short
	case IsLong():
		n = c.Long
	}
	if factor, err := strconv.Atoi(os.Getenv(Times)); err == nil && factor > 1 {
		n *= factor
	}
	return n
}

// Seed returns the seed of a test that draws at random, and logs how to repeat it.
// Below ./check long it is always the same, so that a commit has the same result for everybody.
// In ./check long each test has a new one.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := uint64(1)
	if IsLong() {
		seed = rand.Uint64()
	}
	if text, set := os.LookupEnv(SeedText); set {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", SeedText, err)
		}
	}
	t.Logf("to repeat: %s=%d", SeedText, seed)
	return seed
}
