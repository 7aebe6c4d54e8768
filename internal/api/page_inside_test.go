package api

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/internal/access"
)

// TestThePageOfHTTPIsTrue: docs/reference/http.md has every role with its rights, and the limits in force.
func TestThePageOfHTTPIsTrue(t *testing.T) {
	b, err := os.ReadFile("../../docs/reference/http.md")
	if err != nil {
		t.Fatal(err)
	}
	thousands := func(n int) string { return fmt.Sprintf("%d,%03d", n/1000, n%1000) }
	l := Limits{}.orDefaults()
	want := []string{"| `owner` | all |", "| `customer`, `device` | none over other people's things |",
		fmt.Sprintf("| body | %d MiB;", MaxBody>>20), fmt.Sprintf("| headers | %d KiB, within %d s |", MaxHeader>>10, int(readHeaderTimeout.Seconds())),
		fmt.Sprintf("| reading the whole request | %d s |", int(readTimeout.Seconds())),
		fmt.Sprintf("| requests of one address | %d a second, %d at once;", int(l.PerSecond), l.Burst), "| requests at once | " + thousands(l.InFlight) + " |",
		"| connections | " + thousands(maxConnections) + " in all, " + thousands(maxPerAddress) + " from one address,",
		fmt.Sprintf("`Idempotency-Key`: %d to %d printable ASCII characters", MinKey, MaxKey),
		fmt.Sprintf("A comment comes every %d s, and after %d minutes", int(feedPing.Seconds()), int(feedLifetime.Minutes())), fmt.Sprintf("At most %d streams are open at once, %d of them with one key and %d of one person", maxStreams, access.MaxOfKey, access.MaxOfPerson),
		fmt.Sprintf("| objects and lists inside one another | %d |", maxDepth)}
	for _, role := range access.Roles() {
		var rights []string
		for _, r := range access.Rights() {
			if role.May(r) {
				rights = append(rights, "`"+string(r)+"`")
			}
		}
		slices.Sort(rights)
		if len(rights) > 0 && role != access.Owner {
			want = append(want, "| `"+string(role)+"` | "+strings.Join(rights, " ")+" |")
		}
	}
	for _, said := range want {
		if !strings.Contains(string(b), said) {
			t.Errorf("docs/reference/http.md does not say %q", said)
		}
	}
}
