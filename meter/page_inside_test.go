package meter

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/supply"
)

// TestThePageOfRulesStatesTheFigures looks for the figures of the code in docs/reference/meter-rules.md.
func TestThePageOfRulesStatesTheFigures(t *testing.T) {
	b, err := os.ReadFile("../docs/reference/meter-rules.md")
	if err != nil {
		t.Fatal(err)
	}
	page, c := strings.Join(strings.Fields(string(b)), " "), DefaultConfig()
	for _, said := range []string{
		fmt.Sprintf("falls to `low1_wh` (%d kWh)", c.Low1/1000), fmt.Sprintf("falls to `low2_wh` (%d kWh)", c.Low2/1000),
		fmt.Sprintf("three beeps every %d minutes between %02d:00 and %d:00", beepEvery/60, beepFrom/3600, beepTo/3600),
		fmt.Sprintf("interrupted once for %d s", reminderTime), fmt.Sprintf("then a tone of %d s", toneTime),
		fmt.Sprintf("at least %d Wh. Any key silences the beeps for %d hours", rearm, muteTime/3600),
		fmt.Sprintf("stays open for %d s plus the meter number modulo %d s", inrushLeast, inrushSpread),
		fmt.Sprintf("after `LEASE` has lasted more than %d hours", longOff/3600),
		fmt.Sprintf("for `overload_trip_s` (%d s)", c.TripAfter), fmt.Sprintf("%d s is enough", fastTrip), fmt.Sprintf("after `overload_retry_s` (%d s)", c.RetryAfter),
		fmt.Sprintf("Trip number `overload_max_trips` (%d) within `overload_window_s` (1,%03d s) locks it for `overload_lockout_s` (1,%03d s)", c.Trips, c.TripWindow-1000, c.LockFor-1000),
		fmt.Sprintf("After %d minutes without a trip", quietTime/60),
		fmt.Sprintf("| %d in a row | %d minutes |", guardRow, guardFirst/60), fmt.Sprintf("| each further %d | twice as long, at most %d hours |", guardRow, guardDay/3600),
		fmt.Sprintf("| %d within %d hours |", guardWindow, guardDay/3600),
		fmt.Sprintf("for 0.%d s to be believed", settleTime/100), fmt.Sprintf("At most %d weekly windows (`friendly`) and %d special days", supply.MaxWindows, supply.MaxSpecial),
		fmt.Sprintf("| menu 3 | at most an hour in %d hours", menuHours-1), fmt.Sprintf("at most %d empty days", maxGap),
		fmt.Sprintf("saved every %d Wh, every %d minutes", saveEnergy, saveTime/60), fmt.Sprintf("at most %d Wh; event %d", saveEnergy, CodeUncleanBoot),
		fmt.Sprintf("rings: %d days, %d months, %d tokens, %d events", HistoryDays.Keep(), HistoryMonths.Keep(), HistoryTokens.Keep(), HistoryEvents.Keep()),
	} {
		if !strings.Contains(page, said) {
			t.Errorf("docs/reference/meter-rules.md does not say %q", said)
		}
	}
	if menuMost != 3600 {
		t.Errorf("the menu may move the clock by %d s, the page says an hour", menuMost)
	}
}

// TestThePageOfRulesHasEveryName looks in meter-rules.md for the name of every command, of every reason why supply is off, and of every
// reason of a refusal.
func TestThePageOfRulesHasEveryName(t *testing.T) {
	b, err := os.ReadFile("../docs/reference/meter-rules.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := range supply.Reason(16) {
		if name := r.String(); name != "UNKNOWN" {
			names = append(names, name)
		}
	}
	for c := CommandConnect; c <= CommandResetDemand; c++ {
		names = append(names, c.String())
	}
	names = append(names, CommandCancelToken.String())
	for a := AnswerCounter; int(a) < len(answerReasons); a++ {
		names = append(names, a.Reason())
	}
	for a := ECAgain; a <= ECStorage; a++ {
		names = append(names, a.String())
	}
	if len(names) < 30 {
		t.Errorf("only %d names found", len(names))
	}
	for _, name := range names {
		if !strings.Contains(string(b), "`"+name+"`") {
			t.Errorf("docs/reference/meter-rules.md does not name %s", name)
		}
	}
}
