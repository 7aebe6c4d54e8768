package wallet

import (
	"testing"
	"time"

	"github.com/paywatt/paywatt/supply"
)

// TestHowLongAWarningHolds: the first warning holds while the balance is below its level. The warnings that start the wait before a cut-off
// hold while the balance is below the second level or nothing is left.
func TestHowLongAWarningHolds(t *testing.T) {
	for _, c := range []struct {
		low1, low2, out  bool
		first, startWait bool
	}{
		{false, false, false, false, false},
		{true, false, false, true, false},
		{false, true, false, false, true},
		{false, false, true, false, true},
		{true, true, true, true, true},
	} {
		s := State{Low1: supply.Crossing{Below: c.low1}, Low2: supply.Crossing{Below: c.low2}}
		var supplied Supply
		if c.out {
			supplied.Out = time.Unix(1, 0)
		}
		for kind, want := range map[NoticeKind]bool{NoticeLow1: c.first, NoticeLow2: c.startWait, NoticeOut: c.startWait} {
			if got := warningHolds(kind, s, supplied); got != want {
				t.Errorf("%s with low1=%t low2=%t out=%t holds %t, want %t", kind, c.low1, c.low2, c.out, got, want)
			}
		}
	}
	for _, kind := range []NoticeKind{NoticeOff, NoticeOn} {
		if holds, err := WarningHolds(nil, kind, "04140001001", ""); err != nil || !holds {
			t.Errorf("%s holds %t, %v; notices about the supply always hold", kind, holds, err)
		}
	}
}

// TestTheOrderOfWarnings: a later warning says more than an earlier one. Notices about the supply have no place in this order.
func TestTheOrderOfWarnings(t *testing.T) {
	order := []NoticeKind{NoticeLow1, NoticeLow2, NoticeOut}
	for i := 1; i < len(order); i++ {
		if order[i-1].urgency() <= 0 || order[i].urgency() <= order[i-1].urgency() {
			t.Errorf("%s has the urgency %d, and %s has %d", order[i-1], order[i-1].urgency(), order[i], order[i].urgency())
		}
	}
	for _, kind := range []NoticeKind{NoticeOff, NoticeOn, NoticeUnread} {
		if kind.urgency() != 0 {
			t.Errorf("%s has the urgency %d", kind, kind.urgency())
		}
	}
	if NoticeLife != 168*time.Hour {
		t.Errorf("a notice waits for %s, want a week", NoticeLife)
	}
}
