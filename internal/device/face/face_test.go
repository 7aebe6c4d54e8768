package face

import (
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/panel"
)

// TestEverythingThatCanBeSeenHasItsWord checks that every pattern of light and sound has its own word.
func TestEverythingThatCanBeSeenHasItsWord(t *testing.T) {
	seen := map[string]bool{}
	for l := meter.LEDOff; l <= meter.LEDFast; l++ {
		seen["light "+light(l.String())] = true
	}
	for b := meter.BuzzerOff; b <= meter.BuzzerAlarm; b++ {
		seen["sound "+sound(b.String())] = true
	}
	if want := int(meter.LEDFast+1) + int(meter.BuzzerAlarm+1); len(seen) != want {
		t.Errorf("%d words for %d patterns: %v", len(seen), want, seen)
	}
	all := panel.Icons{Relay: true, Low: true, Emergency: true, Tamper: true, Signal: 3, Card: true, NoClock: true}
	if got, want := strings.Join(iconWords(all), ", "), "supply on, low credit, emergency credit, tamper, signal 3 of 4, memory card, clock not set"; got != want {
		t.Errorf("signs %q, want %q", got, want)
	}
	if got := iconWords(panel.Icons{}); got == nil || len(got) != 0 {
		t.Errorf("no signs are %#v, want an empty list", got)
	}
}

func TestTheSupplyIsAWordAndASign(t *testing.T) {
	for _, c := range []struct {
		v     device.View
		power bool
		word  string
		state string
	}{
		{device.View{Relay: "closed", LED: "off"}, true, "● On", "ok"},
		{device.View{Relay: "closed", LED: "slow"}, true, "▲ On, low credit", "warn"},
		{device.View{Relay: "armed"}, true, "▲ Press # to switch on", "warn"},
		{device.View{Relay: "open"}, true, "■ Off, waiting", "bad"},
		{device.View{Relay: "open", Reasons: []string{"CREDIT", "NOT_ACTIVATED"}}, true, "■ Off: credit, not activated", "bad"},
		{device.View{Relay: "closed"}, false, "○ No mains", "off"},
	} {
		if word, state := supplyWord(c.v, c.power); word != c.word || state != c.state {
			t.Errorf("%+v, mains %t: %q %s, want %q %s", c.v, c.power, word, state, c.word, c.state)
		}
	}
}
