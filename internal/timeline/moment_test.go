package timeline_test

import (
	"slices"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/timeline"
)

// TestPlacesSplitEveryKindOfRow: whatever row a page ends with, the next page begins with the row after it, also among rows of one millisecond.
func TestPlacesSplitEveryKindOfRow(t *testing.T) {
	at := time.UnixMilli(1_790_000_000_123)
	row := func(ms int, last byte) id.ID {
		i := id.First(at.Add(time.Duration(ms) * time.Millisecond))
		i[6], i[15] = 0x70, last
		return i
	}
	var identities []id.ID
	var events, all []timeline.Place
	for ms := -1; ms <= 1; ms++ {
		for n := byte(0); n < 3; n++ {
			i := row(ms, n)
			identities = append(identities, i)
			all = append(all, timeline.PlaceOf(i), timeline.Place{Micros: i.Time().UnixMicro() + int64(n)*400, ID: i})
			e := timeline.PlaceOfEvent(at.Add(time.Duration(ms)*time.Millisecond+time.Duration(n/2)*time.Microsecond), uint64(n))
			events = append(events, e)
		}
	}
	all = append(all, events...)
	for _, p := range all {
		before := p.Before()
		for _, i := range identities {
			if older, below := timeline.PlaceOf(i).Compare(p) < 0, slices.Compare(i[:], before[:]) < 0; older != below {
				t.Errorf("a page that ends at %v: the row %x is older: %t, and below the bound %x: %t", p, i, older, before, below)
			}
		}
		micros, seq := p.BeforeEvent()
		for n, e := range events {
			received, at := e.BeforeEvent()
			if older, below := e.Compare(p) < 0, received < micros || received == micros && at < seq; older != below {
				t.Errorf("a page that ends at %v: event %d is older: %t, and below the bound: %t", p, n, older, below)
			}
		}
	}
}
