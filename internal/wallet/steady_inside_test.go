package wallet

import (
	"testing"
	"time"
)

// TestALookIsNotMovedByALittle checks that readings which come every few seconds do not move the next look with each of them, and that the
// look is never later than it must be.
func TestALookIsNotMovedByALittle(t *testing.T) {
	now := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	in := func(seconds int) time.Time { return now.Add(time.Duration(seconds) * time.Second) }
	for _, c := range []struct {
		name               string
		stored, next, want time.Time
	}{
		{"a few seconds later", in(55), in(60), in(55)},
		{"a minute later", in(1), in(61), in(61)},
		{"earlier", in(61), in(60), in(60)},
		{"stored one is over", in(0), in(59), in(59)},
		{"none stored", time.Time{}, in(60), in(60)},
		{"none wanted", in(30), time.Time{}, time.Time{}},
		{"the same", in(60), in(60), in(60)},
	} {
		if got := steady(c.stored, c.next, now); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
