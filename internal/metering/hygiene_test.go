package metering_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/paywatt/paywatt/internal/alarmtext"
	"github.com/paywatt/paywatt/internal/metering"
)

func TestShapesOfBadCounters(t *testing.T) {
	for _, c := range []struct {
		was, is int64
		want    metering.Doubt
	}{
		{200_000, 0, metering.DoubtZero},
		{1, 0, metering.DoubtZero},
		{99_999_500, 300, metering.DoubtRollover},   // eight digits of Wh
		{99_990, 40, metering.DoubtRollover},        // five digits
		{999_999_000, 1000, metering.DoubtRollover}, // six digits of kWh
		{1<<32 - 300, 12, metering.DoubtRollover},   // 32 bits
		{1<<31 - 1, 0 + 5, metering.DoubtRollover},  // 31 bits
		{200_000, 4000, metering.DoubtReset},        // a fiftieth
		{200_000, 4001, metering.DoubtBackwards},    // more than a fiftieth
		{200_000, 199_999, metering.DoubtBackwards}, // lower by one
		{200_000, 400_000, metering.DoubtDoubled},   // twice
		{200_000, 400_900, metering.DoubtDoubled},   // twice, and the use since then
		{200_000, 402_000, metering.DoubtJump},      // too far from twice
		{200_000, 53_900_000, metering.DoubtJump},   // 53.7 MWh
		{0, 53_900_000, metering.DoubtJump},         // a register of zero cannot double
		{200_000, 1<<63 - 1, metering.DoubtJump},    // the largest register
		{1<<63 - 1, 1<<63 - 2, metering.DoubtBackwards},
		{1000, 1995, metering.DoubtDoubled}, {1000, 1994, metering.DoubtJump}, {1000, 2005, metering.DoubtDoubled}, {1000, 2006, metering.DoubtJump}, // half a percent
		{0, 0, metering.DoubtJump}, {0, 1, metering.DoubtJump}, {1, 2, metering.DoubtDoubled}, {1, 3, metering.DoubtJump}, {1, 1, metering.DoubtJump},
		{98_000, 2000, metering.DoubtRollover}, {97_999, 2000, metering.DoubtBackwards}, {98_000, 2001, metering.DoubtBackwards}, // a fiftieth on both sides
		{100_000, 2000, metering.DoubtReset},                                                      // no register ends there
		{999_999_999_999, 1, metering.DoubtRollover}, {9_999_999_999_999, 1, metering.DoubtReset}, // twelve digits, thirteen
	} {
		if got := metering.CounterDoubt(c.was, c.is); got != c.want {
			t.Errorf("from %d to %d: %s, want %s", c.was, c.is, got, c.want)
		}
	}
}

// TestEveryPairOfRegistersHasADoubt checks that alarmtext has a text for the doubt about any two registers. It also checks that the doubt
// names a fall exactly when the register fell.
func TestEveryPairOfRegistersHasADoubt(t *testing.T) {
	fell := map[metering.Doubt]bool{metering.DoubtZero: true, metering.DoubtRollover: true, metering.DoubtReset: true, metering.DoubtBackwards: true}
	rapid.Check(t, func(t *rapid.T) {
		was, is := rapid.Int64Min(0).Draw(t, "was"), rapid.Int64Min(0).Draw(t, "is")
		d := metering.CounterDoubt(was, is)
		if alarmtext.Doubt(string(d)) == "" || fell[d] != (is < was) {
			t.Fatalf("from %d to %d: %s (%q)", was, is, d, alarmtext.Doubt(string(d)))
		}
	})
	seen := map[string]bool{}
	for _, d := range metering.Doubts() {
		if alarmtext.Doubt(string(d)) == "" || seen[alarmtext.Doubt(string(d))] {
			t.Errorf("doubt %s has the words %q, of its own they must be", d, alarmtext.Doubt(string(d)))
		}
		seen[alarmtext.Doubt(string(d))] = true
	}
}
