package shoptest_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/job"
	"github.com/paywatt/paywatt/internal/metering"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/vending"
)

// TestThePagesStateTheLimitsOfASale: the pages must state the limits of the code, because sellers and makers of meters rely on them.
func TestThePagesStateTheLimitsOfASale(t *testing.T) {
	hours := func(d time.Duration) int { return int(d / time.Hour) }
	for page, said := range map[string][]string{
		"money.md":    {fmt.Sprintf("One sale has at most %d tokens", vending.MaxTokens)},
		"tokens.md":   {fmt.Sprintf("A sale\nhas at most %d tokens", vending.MaxTokens), fmt.Sprintf("at most %d,%03d minutes ahead", sale.MaxAhead/1000, sale.MaxAhead%1000), fmt.Sprintf("%d,%03d minutes for %d hours", sale.MaxAheadRestored/1000, sale.MaxAheadRestored%1000, hours(sale.RestoredFor))},
		"http.md":     {fmt.Sprintf("at most %d characters, unique per vendor", vending.MaxRef), fmt.Sprintf("`expires_at` is %d minutes ahead", int(vending.QuoteLife.Minutes()))},
		"mqtt.md":     {fmt.Sprintf("for at most %d days", hours(vending.PushLife)/24), fmt.Sprintf("A command\nwaits %d hours for its meter, a request for a reading %d hour", hours(command.DefaultTTL), hours(command.ReadTTL)), "after 1 min, 5 min, 30 min and then every 2 h"},
		"datapath.md": {fmt.Sprintf("takes it up again %d s later", int(vending.ReferLife.Seconds())), "again after 1 min, 5 min, 30 min, then every 2 h"},
	} {
		b, err := os.ReadFile("../../../docs/reference/" + page)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range said {
			if !strings.Contains(string(b), s) {
				t.Errorf("docs/reference/%s does not say %q", page, s)
			}
		}
	}
	http, err := os.ReadFile("../../../docs/reference/http.md")
	if err != nil {
		t.Fatal(err)
	}
	states := []string{string(sale.Held), string(sale.Completed), string(sale.Failed), string(sale.Reversing), string(sale.Reversed)}
	for _, s := range []sale.TokenState{metering.TokenReserved, metering.TokenIssued, metering.TokenSent, metering.TokenHeard, metering.TokenAccepted,
		metering.TokenRejected, metering.TokenFailed, metering.TokenReversed, metering.TokenReversedUnconfirmed} {
		states = append(states, string(s))
	}
	for _, s := range []registry.State{registry.TamperState, registry.Offline, registry.CutOff, registry.Low, registry.On} {
		states = append(states, string(s))
	}
	for _, s := range states {
		if !strings.Contains(string(http), "`"+s+"`") {
			t.Errorf("docs/reference/http.md does not name the state %s", s)
		}
	}
	for n, want := range []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 2 * time.Hour} {
		if got := job.Pause(n); got != want {
			t.Errorf("pause %d is %s, the pages say %s", n, got, want)
		}
	}
}

// TestThePageOfMoneyShowsEveryVector: the worked purchases of docs/reference/money.md are those that the tests sell.
func TestThePageOfMoneyShowsEveryVector(t *testing.T) {
	b, err := os.ReadFile("../../../docs/reference/money.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors() {
		tender := fmt.Sprint(int64(v.tender))
		if v.carry > 0 {
			tender += fmt.Sprint(" + ", int64(v.carry))
		}
		row := fmt.Sprintf("| %s | %s | %s | %d | %d | %d |\n", tender, v.deducted, strings.ReplaceAll(v.steps, " ", " + "), v.net, v.vat, v.carryOut)
		if v.tooSmall {
			row = fmt.Sprintf("| %s | | refused: `vend-too-small` | | | |\n", tender)
		}
		found := false
		for line := range strings.Lines(string(b)) {
			found = found || strings.HasPrefix(line, "| "+v.name+" | ") && strings.HasSuffix(line, row)
		}
		if !found {
			t.Errorf("docs/reference/money.md has no row %s that ends with %s", v.name, row)
		}
	}
}
