package gateway_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/gateway"
)

// TestTheGuideNamesTheLimits: the page for meter developers states the server's limits.
func TestTheGuideNamesTheLimits(t *testing.T) {
	page, err := os.ReadFile("../../docs/guide/own-meter.md")
	if err != nil {
		t.Fatal(err)
	}
	l := gateway.Defaults()
	thousands := func(n int) string { return fmt.Sprintf("%d,%03d", n/1000, n%1000) }
	for _, row := range []string{
		fmt.Sprintf("| %d packets a second over time, %d at once.", l.Rate, l.Burst),
		fmt.Sprintf("| %d messages without PUBACK |", l.InFlight),
		fmt.Sprintf("| %s bytes in a packet |", thousands(l.PacketSize)),
		fmt.Sprintf("%d subscriptions |", l.Subscriptions),
		fmt.Sprintf("| %.0f s from opening the socket to the end of CONNECT, %s bytes in CONNECT |", l.ConnectDeadline.Seconds(), thousands(l.ConnectSize)),
		fmt.Sprintf("| keep-alive | at most %.0f s.", l.KeepAlive.Seconds()),
	} {
		if !strings.Contains(string(page), row) {
			t.Errorf("the page does not say %q", row)
		}
	}
}
