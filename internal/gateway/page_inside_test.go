package gateway

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestThePageStatesTheLimits: docs/reference/mqtt.md must state the limits of the server, because meter developers
// plan with these numbers.
func TestThePageStatesTheLimits(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/mqtt.md")
	if err != nil {
		t.Fatal(err)
	}
	l := Defaults()
	thousands := func(n int) string { return fmt.Sprintf("%d,%03d", n/1000, n%1000) }
	for _, row := range []string{
		fmt.Sprintf("of payload, %d KiB for topic and properties |", headerRoom>>10),
		fmt.Sprintf("| CONNECT packet | %d KiB, complete within %d s of the connection |", l.ConnectSize>>10, int(l.ConnectDeadline.Seconds())),
		fmt.Sprintf("| topic | %d bytes |", maxTopic), fmt.Sprintf("| user properties of a packet | %d |", maxUserProperties),
		fmt.Sprintf("| messages without an answer | %d in each direction |", l.InFlight), fmt.Sprintf("| subscriptions | %d |", l.Subscriptions),
		fmt.Sprintf("| keep-alive | at most %d s;", int(l.KeepAlive.Seconds())),
		fmt.Sprintf("| session | at most %d days |", int(l.SessionExpiry.Hours())/24),
		fmt.Sprintf("| rate | %d messages a second over time, up to %d at once.", l.Rate, l.Burst),
		"| connections | " + thousands(l.Connections) + " in all, " + thousands(l.PerAddress) + " from one address,",
	} {
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/reference/mqtt.md does not say %q", row)
		}
	}
}

// TestThePageNamesEveryEnd: the page has each reason for the end of a connection, and no other.
func TestThePageNamesEveryEnd(t *testing.T) {
	text, err := os.ReadFile("../../docs/reference/mqtt.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(text), "### The end of a connection")
	part, _, _ = strings.Cut(part, "\n## ")
	_, rows, _ := strings.Cut(part, "|---|---|")
	var named []string
	for row := range strings.Lines(rows) {
		for i, word := range strings.Split(strings.Split(row+"||", "|")[1], "`") {
			if i%2 == 1 {
				named = append(named, word)
			}
		}
	}
	slices.Sort(named)
	if want := slices.Sorted(slices.Values(Endings())); !slices.Equal(named, want) {
		t.Errorf("the page names %v, want %v", named, want)
	}
}
