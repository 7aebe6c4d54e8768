package app

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/config"
)

// TestTheTimesOfAMessageCentre: a route without enquire and timeout opens with the usual times. A text that is no
// time does not open it.
func TestTheTimesOfAMessageCentre(t *testing.T) {
	a := &App{log: slog.New(slog.DiscardHandler)}
	for _, key := range []string{"enquire", "timeout"} {
		for text, opens := range map[string]bool{"": true, "20s": true, "0s": false, "-20s": false, "soon": false} {
			route := config.Route{Name: "centre", Kind: config.RouteSMPP,
				Keys: map[string]string{"address": "127.0.0.1:2775", "system_id": "paywatt", key: text}}
			_, err := a.openRoute(route, &arrivals{})
			if opens && err != nil || !opens && (err == nil || !strings.Contains(err.Error(), key+" is ")) {
				t.Errorf("a message centre with %s %q: %v", key, text, err)
			}
		}
	}
}
