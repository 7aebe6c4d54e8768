package panel

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
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

// answer shows the result of a token.
func (p *Panel) answer(t *texts, c *meter.Config, s *meter.State, up uint64) [Height]string {
	r := &p.result
	if tests := p.shownTests(); len(tests) > 0 {
		return test(t, c, s, tests[min((up-p.since)/rotateEvery, uint64(len(tests)-1))])
	}
	lines := t.results[r.Code]
	switch r.Code {
	case sts.Accept:
		lines[1] = "+" + r.Units.KWh(2) + " kWh"
	case sts.Locked:
		lines[1] += " " + countdown(s.LockedFor(r.Source))
	}
	return lines
}

// The test and display tokens that have a page here, as bits of their number - 1.
const (
	testDisplay  = 1
	testRegister = 2
	testLoad     = 8
	testKEN      = 16
	testNumber   = 17
)

// shownTests returns the pages an accepted test token asks for.
func (p *Panel) shownTests() []int {
	if p.result.Code != sts.Accept || p.result.Control == 0 {
		return nil
	}
	var tests []int
	for _, t := range [...]int{testDisplay, testRegister, testLoad, testKEN, testNumber} {
		if p.result.Control>>t&1 == 1 {
			tests = append(tests, t)
		}
	}
	return tests
}

func test(t *texts, c *meter.Config, s *meter.State, number int) [Height]string {
	switch number {
	case testDisplay:
		return [Height]string{t.testDisplay, t.testDisplay}
	case testRegister:
		return [Height]string{t.total, s.Register.KWh(2) + " kWh"}
	case testLoad:
		return [Height]string{t.load, s.Power.String()}
	case testKEN:
		return [Height]string{t.testKEN, strconv.Itoa(int(s.Key.KEN))}
	}
	digits := 11
	if c.LongNumber {
		digits = 13
	}
	return [Height]string{t.meter, fmt.Sprintf("%0*d", digits, c.Number)}
}
