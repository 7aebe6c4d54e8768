package e2e

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paywatt/paywatt/e2e/rogue"
	"github.com/paywatt/paywatt/internal/tier"
)

// Cost returns the most memory that the server ever had, and its processor time.
func (s *rogueServer) Cost() (peak int64, used time.Duration) {
	folder := fmt.Sprintf("/proc/%d/", s.cmd.Process.Pid)
	status, err := os.ReadFile(folder + "status")
	if err != nil {
		s.site.t.Error(err)
	}
	for line := range strings.Lines(string(status)) {
		if kilobytes, is := strings.CutPrefix(line, "VmHWM:"); is {
			n, _ := strconv.ParseInt(strings.Fields(kilobytes)[0], 10, 64)
			peak = n << 10
		}
	}
	stat, err := os.ReadFile(folder + "stat")
	if err != nil {
		s.site.t.Error(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	const tick = 10 * time.Millisecond // of Linux
	if f := strings.Fields(rest); len(f) > 12 {
		user, _ := strconv.ParseInt(f[11], 10, 64)
		system, _ := strconv.ParseInt(f[12], 10, 64)
		used = time.Duration(user+system) * tick
	}
	return peak, used
}

// betrayals are what P does with the trust of others, each with a role that may ask for it. A backup that P made has no move: an encrypted backup
// proves nobody who made it, and it is restored at the server's machine and not by a request. docs/operate/running.md says how to compare it.
func betrayals() []rule {
	all := rogue.Policy{Limits: rogue.Zero}
	one := func(role string, moves ...string) rule {
		return rule{fault: moves[0], role: role, moves: moves, policy: all}
	}
	return []rule{
		one("finance", "have a statement agreed"),
		one("owner", "have a provider of P's own agreed"),
		one("engineer", "send a small file that costs much"),
		one("installer", "shed a debt"),
		one("installer", "abandon a debt"),
		one("owner", "invite with a limited key"),
		one("owner", "ask for secrets with a limited key"),
		one("owner", "let a provider call P's machine"),
		one("owner", "let a webhook call P's machine"),
		one("operator", "book a surplus"),
		one("installer", "put a meter on another feeder"),
		one("installer", "register a meter on a feeder"),
		one("installer", "import meters on a feeder"),
		one("installer", "take a customer's number for P"),
		one("installer", "ask another's figures"),
		one("support", "use up a customer's tries"),
		one("finance", "redeem what a customer bought"),
		one("owner", "replace a provider's secret"),
		one("finance", "let another owe P's debt"),
		one("finance", "raise a debt"),
	}
}

// TestARogueBetraysNobody plays each move of trust by itself, with honest people who agree to whatever looks right. P gains nothing. E2E_ROGUE_MOVE
// names one move, E2E_ROGUE_OLD=1 reports what an earlier build lets P gain instead of failing. A build from before these rules has no request that
// replaces a provider's secret, and none by which somebody takes over a debt.
func TestARogueBetraysNobody(t *testing.T) {
	tier.Long(t)
	t.Parallel()
	s, town := newTown(t)
	for _, b := range betrayals() {
		if !strings.Contains(b.fault, os.Getenv("E2E_ROGUE_MOVE")) {
			continue
		}
		t.Run(b.role+" "+b.fault, func(t *testing.T) {
			t.Parallel()
			named := town.With(&site{t: t, p: s.p, has: s.has, public: "https://power.example"}, b.policy) // providers call it
			f, asked := b.find(t, named, 40, tier.E2ERogueBetrayals.N())
			if os.Getenv("E2E_ROGUE_LOG") != "" {
				t.Log(f)
			}
			switch {
			case f.Verdict.Bad() == "":
				t.Logf("figures: %s: nothing within %d requests", b.fault, asked)
			case os.Getenv("E2E_ROGUE_OLD") != "":
				t.Logf("figures: %s: found after %d requests: %s", b.fault, asked, f.Verdict.Bad())
			default:
				t.Error(f)
			}
		})
	}
}
