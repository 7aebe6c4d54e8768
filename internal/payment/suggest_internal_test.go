package payment

import (
	"slices"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/id"
)

// TestATelephoneNumberThatWasChangedInTheDatabaseSuggestsNoMeter: whoever decides about the payment would take the only meter that the page offers.
func TestATelephoneNumberThatWasChangedInTheDatabaseSuggestsNoMeter(t *testing.T) {
	const other = "04140001019"
	for what, c := range map[string]struct {
		reference string
		called    []Found
		want      []string
	}{
		"its customer's number is as the server wrote it": {"rent", []Found{{Meter: other}}, []string{other}},
		"it was changed":                              {"rent", []Found{{Meter: other, Forged: true}}, nil},
		"another customer's was changed":              {"rent", []Found{{Meter: meterOne}, {Meter: other, Forged: true}}, nil},
		"it was changed, and the payer typed it":      {"0711 000 002", []Found{{Meter: other, Forged: true}}, nil},
		"it was changed, and the payer typed a meter": {meterOne, []Found{{Meter: other, Forged: true}}, []string{meterOne}},
	} {
		r := newRows(t)
		having(stored(is(Parked), func(p *Payment) { p.Reference = c.reference }))(r)
		r.byPhone = c.called
		if c.reference != meterOne {
			r.byNumber = nil
		}
		found, err := r.worker().ps.Suggest(t.Context(), access.SystemActor(1, "console"), name(1).Text(id.Payment))
		if err != nil || found.Refused() || !slices.Equal(found.Meters, c.want) {
			t.Errorf("%s: suggested %v %q %v, want %v", what, found.Meters, found.Code, err, c.want)
		}
	}
}
