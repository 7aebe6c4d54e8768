package registry_test

import (
	"testing"

	"github.com/paywatt/paywatt/internal/id"
	"github.com/paywatt/paywatt/internal/registry"
)

// TestWhatFollowsAUsedMeter: an import is undone, and one of its meters was used. A move-out is advised only where it is possible.
func TestWhatFollowsAUsedMeter(t *testing.T) {
	amina := registry.Customer{ID: id.ID{15: 1}}
	for name, c := range map[string]struct {
		mode     registry.Mode
		customer registry.Customer
		want     string
	}{
		"a keypad meter":                       {registry.PrepayToken, amina, "meter-used-since"},
		"a wallet meter":                       {registry.PrepayWallet, amina, "meter-used-since"},
		"a post-paid meter":                    {registry.Postpay, amina, "meter-used-since-stays"},
		"a free meter, or one that is removed": {registry.PrepayToken, registry.Customer{}, "meter-used-since-stays"},
	} {
		rec := registry.MeterRecord{Meter: registry.Meter{Number: "04140001001", Mode: c.mode}, Customer: c.customer}
		if no := rec.RefuseTakeBack(); no.Text != c.want {
			t.Errorf("%s: %s", name, no.Detail())
		}
	}
}
