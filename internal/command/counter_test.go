package command_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/command"
)

func TestTheNextCounterFollowsTheClockOrTheLast(t *testing.T) {
	now := time.UnixMilli(1_795_000_000_250)
	for last, want := range map[uint64]uint64{0: 1_795_000_000_250, 1_795_000_000_249: 1_795_000_000_250,
		1_795_000_000_250: 1_795_000_000_251, 1_795_000_009_000: 1_795_000_009_001} {
		if got := command.NextCounter(last, now); got != want {
			t.Errorf("after %d comes %d, want %d", last, got, want)
		}
	}
}
