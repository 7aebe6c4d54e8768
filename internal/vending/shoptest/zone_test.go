package shoptest_test

import (
	"context"
	"testing"

	"github.com/paywatt/paywatt/internal/refusal"
)

// TestAnUnknownTimeZoneIsSaidBeforeASale: a sale is dated in the utility's time zone, so a server that does not know the zone is not ready.
func TestAnUnknownTimeZoneIsSaidBeforeASale(t *testing.T) {
	s := open(t, false)
	for zone, want := range map[string]refusal.Code{"Africa/Nairobi": "", "Africa/Nowhere": refusal.TimeZoneUnknown} {
		s.zone(zone)
		if no, err := s.ZoneFault(context.Background(), tenant); err != nil || no.Code != want {
			t.Errorf("%s: got %q, %v, want %q", zone, no.Code, err, want)
		}
	}
}
