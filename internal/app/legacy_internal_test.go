package app

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/config"
)

// TestAMeterHasOneListener: the meter of a listener may be written with blanks and dashes. However it is written, it has one listener, and a listener
// whose meter no number can name is refused at the start: its device would never be heard.
func TestAMeterHasOneListener(t *testing.T) {
	for name, c := range map[string]struct {
		meters []string
		want   []string
		why    string
	}{
		"two meters":              {meters: []string{"0414 0001 001", "04140001019"}, want: []string{"04140001001", "04140001019"}},
		"one meter, two writings": {meters: []string{"0414 0001 001", "0414-0001-001"}, why: "meter 04140001001 has two listeners"},
		"a wrong digit":           {meters: []string{"04140001002"}, why: "the listener at :0: "},
		"an identity":             {meters: []string{"mtr_01jd0000000000000000000000"}, why: "the listener at :0: "},
		"too many":                {meters: slices.Repeat([]string{"04140001001"}, maxLegacy+1), why: "257 listeners, at most 256"},
	} {
		var given []config.Legacy
		for _, m := range c.meters {
			given = append(given, config.Legacy{Address: ":0", Meter: m, Profile: "tasmota"})
		}
		out, err := checkListeners(given)
		var numbers []string
		for _, l := range out {
			numbers = append(numbers, l.Meter)
		}
		if !slices.Equal(numbers, c.want) {
			t.Errorf("%s: listeners of %q, want %q", name, numbers, c.want)
		}
		if c.why == "" && err != nil || c.why != "" && (!errors.Is(err, ErrLegacy) || !strings.Contains(err.Error(), c.why)) {
			t.Errorf("%s: %v, want %q", name, err, c.why)
		}
	}
}
