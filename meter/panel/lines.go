package panel

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/supply"
	"github.com/paywatt/paywatt/unit"
)

// Lines returns what the display shows at time up, without trailing blanks. Energy has two decimals, truncated, so that
// nobody ever sees more than there is.
func (p *Panel) Lines(c *meter.Config, s *meter.State, up uint64) [Height]string {
	p.expire(up)
	t := english()
	switch p.page {
	case pageMenu:
		if s.Reasons.Has(supply.Local) {
			return [Height]string{t.menuRecharge, t.menuOn}
		}
		return [Height]string{t.menuRecharge, t.menuOff}
	case pageChoice:
		return [Height]string{t.wrongChoice, t.rightChoices}
	case pageEntry:
		return p.entry(t)
	case pageResult:
		return p.answer(t, c, s, up)
	case pageLocal:
		if s.Reasons.Has(supply.Local) {
			return [Height]string{t.localOff, t.localOffHint}
		}
		return [Height]string{t.localOn, stateWord(t, s)}
	}
	return p.home(t, s, up)
}

// home shows the credit, and below it by turns the load, the state of the supply and the total register.
func (p *Panel) home(t *texts, s *meter.State, up uint64) [Height]string {
	lines := [Height]string{energy(s.Shown(), t.credit, t.creditShort)}
	switch (up - p.since) / rotateEvery % 3 {
	case 0:
		lines[1] = t.load + " " + s.Power.String()
	case 1:
		lines[1] = stateWord(t, s)
	case 2:
		lines[1] = energy(s.Register, t.total, t.totalShort)
	}
	return lines
}

// energy fills a line: the label on the left, the figure on the right. A figure too long for the first label gets the
// next one, and in the end none.
func energy(e unit.Energy, labels ...string) string {
	figure := e.KWh(2) + " kWh"
	for _, l := range labels {
		if room := Width - len(l) - len(figure); room > 0 {
			return l + strings.Repeat(" ", room) + figure
		}
	}
	return figure
}

// order is the order in which reasons are named when several keep the supply off: first what only the authority can mend,
// then what the customer can.
var order = [...]supply.Reason{
	supply.Fault, supply.NotActivated, supply.Tamper, supply.Test, supply.Remote, supply.Lease, supply.Overload,
	supply.Credit, supply.Local,
}

// stateWord says in a word or two how the supply is, and first of all whether the keypad is locked.
func stateWord(t *texts, s *meter.State) string {
	switch {
	case s.Frozen:
		return t.memory
	case s.Locked(meter.Keypad):
		return t.locked + " " + countdown(s.LockedFor(meter.Keypad))
	case s.Relay == supply.Closed:
		return t.connected
	case s.Relay == supply.Armed:
		return t.armed
	}
	for _, r := range order {
		if s.Reasons.Has(r) {
			return t.reasons[r]
		}
	}
	// Nothing keeps the supply off but the wait after a power cut.
	return t.wait + " " + countdown(s.ClosesIn())
}

// countdown formats a time as mm:ss, rounded up so that 00:00 means now.
func countdown(ms uint64) string {
	seconds := (ms + 999) / 1000
	return fmt.Sprintf("%02d:%02d", seconds/60, seconds%60)
}

// entry shows the digits in groups of four, twelve on the first line, and how many there are.
func (p *Panel) entry(t *texts) [Height]string {
	const firstLine = 12
	switch n := int(p.n); {
	case n == 0:
		return [Height]string{t.enter, t.enterHint}
	case n > len(p.typed):
		return [Height]string{grouped(p.typed[:firstLine]), t.tooLong}
	default:
		count := strconv.Itoa(n) + "/" + strconv.Itoa(len(p.typed))
		rest := grouped(p.typed[min(n, firstLine):n])
		return [Height]string{
			grouped(p.typed[:min(n, firstLine)]),
			rest + strings.Repeat(" ", Width-len(rest)-len(count)) + count,
		}
	}
}

func grouped(digits []byte) string {
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteByte(d)
	}
	return b.String()
}
