package wallet_test

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/wallet"
)

func TestTheNextLeaseIsNumberedByTheClockOrByTheLast(t *testing.T) {
	now := time.Unix(1_795_000_000, 999_000_000)
	for _, c := range []struct {
		name    string
		last    int64
		refused bool
		want    int64
	}{
		{"the first", 0, false, 1_795_000_000},
		{"a second ago", 1_794_999_999, false, 1_795_000_000},
		{"in this second", 1_795_000_000, false, 1_795_000_001},
		{"ahead of the clock", 1_795_000_500, false, 1_795_000_501},
		{"refused as old", 1_795_000_000, true, 1_795_086_401},
		{"refused long ago", 1_794_900_000, true, 1_795_000_000},
	} {
		if got := wallet.NextLease(c.last, c.refused, now); got != c.want {
			t.Errorf("%s: after %d comes %d, want %d", c.name, c.last, got, c.want)
		}
	}
}
