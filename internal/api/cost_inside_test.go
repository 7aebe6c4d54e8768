package api

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/api/apiv1"
	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/hostile"
	"github.com/paywatt/paywatt/internal/tier"
)

// TestBodiesAreCheap reads bodies of the greatest length as the steps of a request do.
func TestBodiesAreCheap(t *testing.T) {
	tier.Slow(t)
	for name, body := range hostile.JSON(MaxBody) {
		var cost hostile.Cost
		for range 3 { // another program may disturb a measurement
			cost = hostile.Measure(func() {
				if unfit(body, access.IsLine).Refused() {
					return
				}
				var into apiv1.NewTariff
				if decode(body, &into).Refused() {
					return
				}
				_ = canonical(body)
			})
			if !cost.TooMuch() {
				break
			}
		}
		if cost.TooMuch() {
			t.Errorf("%s: %s and %d bytes", name, cost.Time, cost.Memory)
		}
		t.Logf("%-30s %s %.1f MB", name, cost.Time.Round(time.Millisecond), float64(cost.Memory)/(1<<20))
	}
}
