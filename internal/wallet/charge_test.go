package wallet_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/tariff"
)

// TestAnAccountThatWasClosedMeanwhileIsNotCharged closes it, or takes its meter away, between the list and its transaction.
func TestAnAccountThatWasClosedMeanwhileIsNotCharged(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(*desk)
		want int
		to   string
	}{
		"active":         {func(*desk) {}, 3, "2026-11-18"},
		"closed":         {func(d *desk) { d.rows[0].Meter.Active = false }, 0, ""},
		"without meters": {func(d *desk) { d.rows = nil }, 0, ""},
	} {
		d := newTill(t, 100_000, 1)
		d.version.Body.Fixed = []tariff.FixedCharge{{Name: "service", Amount: 100, Per: tariff.PerDay}}
		c.do(d.desk)
		got, err := d.wallets().ChargeDays(t.Context(), system())
		if err != nil || got != c.want || d.charged != c.to {
			t.Errorf("%s: %d days charged up to %q, %v; want %d up to %q", name, got, d.charged, err, c.want, c.to)
		}
	}
}
