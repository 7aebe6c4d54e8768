package panel_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/meter/panel"
	"github.com/paywatt/paywatt/unit"
)

// full returns a history as long as a memory can hold, with more months on the card than the panel shows.
func full() *kept {
	k := eleven()
	k.days = nil
	for n := range 62 {
		k.days = append(k.days, panel.UseRow{Date: rigDay - 1 - meter.Date(n), Used: unit.Energy(1000 * n)})
	}
	for n := range 24 {
		k.months = append(k.months, panel.UseRow{Date: rigDay - 50 - meter.Date(30*n), Used: unit.Energy(100_000 * n)})
	}
	for n := range 130 {
		k.card = append(k.card, panel.CardRow{Month: rigDay - 50 - meter.Date(30*n), Found: true})
	}
	return k
}

// TestTheHistoryShowsAllThatIsKept turns through menu 2 with #: use, ten tokens, the keys, 62 days, 24 months, ten years
// of the memory card, and then the first page again.
func TestTheHistoryShowsAllThatIsKept(t *testing.T) {
	for _, size := range []panel.Size{panel.Small, panel.Large} {
		d := newRig(t)
		d.p.Size, d.h = size, full()
		d.keys("*2")
		var all []string
		screens := (3 + 10 + 1 + 62 + 24 + 120 + size.Height()/2 - 1) / (size.Height() / 2)
		for range screens {
			for _, line := range d.lines() {
				if fault := faulty(line, size); fault != "" {
					t.Errorf("line %q %s", line, fault)
				}
				all = append(all, line)
			}
			d.keys("#")
		}
		if got := d.lines(); got[0] != "TODAY" {
			t.Errorf("%s: after %d screens it shows %q, want the first page again", size, screens, got)
		}
		text := strings.Join(all, "\n")
		for _, want := range []string{"YESTERDAY", "1234********5678", "DAY 19.11.2026", "DAY 19.09.2026", "MONTH 10.2026", "CARD 10.2026"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the history does not show %q", size, want)
			}
		}
		if n := strings.Count(text, "DAY ") + strings.Count(text, "MONTH 1") + strings.Count(text, "MONTH 0") + strings.Count(text, "CARD "); n != 62+24+120 {
			t.Errorf("%s: %d days and months, want %d", size, n, 62+24+120)
		}
	}
}

// TestTheKeysOfTheHistory checks that 8 turns back, 9 goes to the next part, and every other digit begins a token.
func TestTheKeysOfTheHistory(t *testing.T) {
	for _, c := range []struct{ keys, want string }{
		{"*28", "CARD 12.2016"}, {"*2#8", "TODAY"}, {"*29", "1234********5678"}, {"*299", "DAY 19.11.2026"}, {"*2999", "MONTH 10.2026"},
		{"*29999", "CARD 10.2026"}, {"*299999", "TODAY"}, {"*2999#8", "MONTH 10.2026"}, {"*29998", "DAY 19.09.2026"}, {"05#99", "DAY 19.11.2026"},
		{"*29*", "CREDIT  8.12 kWh"}, {"*297", "7"}, {"04#9", "9"}, {"8", "8"},
	} {
		d := newRig(t)
		d.h = full()
		if d.keys(c.keys); d.lines()[0] != c.want {
			t.Errorf("%q shows %q, want %q", c.keys, d.lines(), c.want)
		}
	}
}

// slow counts how often the card is read.
type slow struct {
	*kept
	read int
}

func (s *slow) CardMonth(n int) panel.CardRow {
	s.read++
	return s.kept.CardMonth(n)
}

// TestTheCardIsReadOnlyWhereItIsShown checks that the panel reads only the month that it shows, because a card is
// slow.
func TestTheCardIsReadOnlyWhereItIsShown(t *testing.T) {
	for size, want := range map[panel.Size]int{panel.Small: 1, panel.Large: 2} {
		d := newRig(t)
		h := &slow{kept: full()}
		d.p.Size, d.h = size, h
		if d.keys("*2#8999"); h.read != 0 {
			t.Errorf("%s: %d months were read before any was shown", size, h.read)
		}
		d.keys("9#")
		d.lines()
		if h.read != want {
			t.Errorf("%s: one screen of the card reads %d months, want %d", size, h.read, want)
		}
	}
}

// TestClearedUseIsNotShown checks that, for the current day and month, display and messages show only the energy used
// since the history was cleared.
func TestClearedUseIsNotShown(t *testing.T) {
	d := newRig(t)
	d.h = &kept{cleared: d.s.Register - 1500}
	d.keys("*2")
	d.wants("TODAY", "        1.50 kWh")
	d.keys("##")
	d.wants("THIS MONTH", "        1.50 kWh")
	if got, want := panel.Answer(d.m(), panel.RequestUsage), "Used this month 1.5 kWh, today 1.5 kWh."; got != want {
		t.Errorf("*05# is answered %q, want %q", got, want)
	}
	for _, register := range []unit.Energy{d.s.Register, d.s.Register + 100} {
		d.h = &kept{cleared: register}
		if got := fmt.Sprint(d.lines()); !strings.Contains(got, " 0.00 kWh") {
			t.Errorf("cleared at %d Wh of %d it shows %s", register, d.s.Register, got)
		}
	}
}

// TestALongHistoryIsLeft checks that the display turns the pages of the history without a key press, but shows the
// credit again after three minutes.
func TestALongHistoryIsLeft(t *testing.T) {
	d := newRig(t)
	d.h = full()
	d.keys("*2")
	d.up += 179_999
	d.wants("DAY 29.10.2026", "       21.00 kWh")
	d.up++
	d.wants("CREDIT  8.12 kWh", "LOAD 320 W")
}
