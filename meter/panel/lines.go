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

// pair is two lines that belong together and fit the small display. A page is a list of them: the small display shows
// one pair at a time, the large display two pairs.
type pair [Height]string

// screen is one drawing of a panel.
type screen struct {
	p *Panel
	m *View
	// width is the width of a line.
	width int
}

func (v *screen) say(t text) string { return say(v.m.Config.Language, t) }

func (v *screen) texts(a, b text) pair { return pair{v.say(a), v.say(b)} }

// Lines returns what the display shows, one string per line, without trailing blanks. Energy has two decimals,
// truncated, so that the display never shows more than there is.
func (p *Panel) Lines(m *View) []string {
	p.expire(m)
	v := &screen{p: p, m: m, width: p.Size.Width()}
	pairs := v.sheet()
	perScreen := p.Size.Height() / Height
	lines := make([]string, 0, p.Size.Height())
	for i := range perScreen {
		if at := p.part(m)*perScreen + i; at < pairs.n {
			shown := pairs.at(at)
			lines = append(lines, shown[:]...)
		}
	}
	for len(lines) < p.Size.Height() {
		lines = append(lines, "")
	}
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return lines
}

// parts returns the number of screens that the page has; part returns the index of the screen that is shown.
func (p *Panel) parts(m *View) int {
	v := &screen{p: p, m: m, width: p.Size.Width()}
	perScreen := p.Size.Height() / Height
	return max((v.sheet().n+perScreen-1)/perScreen, 1)
}

func (p *Panel) part(m *View) int {
	return int((uint64(p.step) + (m.Up-p.since)/rotateEvery) % uint64(p.parts(m)))
}

// sheet returns the present page.
func (v *screen) sheet() sheet {
	if v.p.inHistory() {
		return v.history()
	}
	return sheetOf(v.page())
}

// page returns the present page, unless it is the history.
func (v *screen) page() []pair {
	switch v.p.page {
	case pageMenu:
		return v.menu()
	case pageChoice:
		return v.message(v.texts(wrongChoice, rightChoices))
	case pageEntry:
		return v.entry()
	case pageResult:
		if tests := v.p.shownTests(); len(tests) > 0 {
			return v.tests(tests)
		}
		return v.result()
	case pageLocalAsk:
		if v.m.State.Reasons.Has(supply.Local) {
			return []pair{v.texts(localOnAsk, yesOrNo)}
		}
		return []pair{v.texts(localOffAsk, yesOrNo)}
	case pageLocal:
		if v.m.State.Reasons.Has(supply.Local) {
			return v.message(v.texts(localOff, localOffHint))
		}
		return v.message(pair{v.say(localOn), v.stateWord()})
	case pageNote:
		return v.message(v.texts(v.p.note[0], v.p.note[1]))
	case pageClock:
		return v.clock()
	case pageClear:
		return []pair{v.texts(clearAsk, yesOrNo)}
	case pageClearSure:
		return []pair{v.texts(clearSure, yesOrNo)}
	case pageCode:
		return v.code()
	}
	return v.home()
}

// message returns a message, on the large display with the credit and the state of the supply below it.
func (v *screen) message(said pair) []pair {
	if v.p.Size == Small {
		return []pair{said}
	}
	return []pair{said, {v.credit(), v.stateWord()}}
}

// result returns the answer to a token. The answer to a recharge includes the new balance on either display.
func (v *screen) result() []pair {
	r := &v.p.result
	if v.p.Size == Large || r.Code != sts.Accept || r.Class != 0 {
		return v.message(v.answer())
	}
	word, added := v.say(accepted), "+"+r.Units.KWh(2)
	if len(word)+1+len(added) > v.width {
		return []pair{{v.spread(added+" kWh", acceptedShort), v.credit()}}
	}
	return []pair{{v.apart(word, added), v.credit()}}
}

// home shows the credit, and below it in rotation the load, the state of the supply and the total register. A warning
// replaces the load, and its hint replaces the register. The large display also has the local time and the icons.
func (v *screen) home() []pair {
	turns := [...]string{
		v.figure(v.m.State.Power.String(), load), v.stateWord(), v.energy(v.m.State.Register, total, totalShort),
	}
	if v.p.warning != 0 {
		turns[0], turns[2] = v.warning()
	}
	first := pair{v.credit(), turns[(v.m.Up-v.p.since)/rotateEvery%uint64(len(turns))]}
	if v.p.Size == Small {
		return []pair{first}
	}
	return []pair{first, {v.localTime(), v.p.Icons(v.m).String()}}
}

// credit returns the line with the credit, or with the rest of the lease in wallet mode.
func (v *screen) credit() string {
	if v.m.State.Wallet() {
		return v.energy(v.m.State.Shown(), leaseLeft, creditShort)
	}
	return v.energy(v.m.State.Shown(), credit, creditShort)
}

// energy fills a line: the label on the left, the figure on the right.
func (v *screen) energy(e unit.Energy, labels ...text) string {
	return v.spread(v.inKWh(e), labels...)
}

// inKWh formats an energy with two decimals, or with no decimals if it is too long for the display. A number too long
// even for that, which no meter reaches, is not cut.
func (v *screen) inKWh(e unit.Energy) string {
	for _, decimals := range [...]int{2, 0} {
		if figure := e.KWh(decimals) + " kWh"; len(figure) <= v.width {
			return figure
		}
	}
	return strings.Repeat("#", v.width)
}

// spread fills a line: the label on the left, the figure on the right. It takes the first label that fits beside the
// figure, or no label.
func (v *screen) spread(figure string, labels ...text) string {
	for _, t := range labels {
		l := v.say(t)
		if room := v.width - len(l) - len(figure); room > 0 {
			return l + strings.Repeat(" ", room) + figure
		}
	}
	return figure
}

// figure returns a figure after its label, or the figure alone if both do not fit.
func (v *screen) figure(figure string, label text) string {
	if l := v.say(label) + " " + figure; len(l) <= v.width {
		return l
	}
	return figure
}

// reasonWords holds the word for each reason, in the order in which reasons are named when several reasons keep the
// supply off: first the reasons that only the utility can clear, then the reasons that the customer can clear.
var reasonWords = [...]struct {
	reason supply.Reason
	word   text
}{
	{supply.Fault, offFault}, {supply.NotActivated, offInactive}, {supply.Tamper, offTamper}, {supply.Test, offTest},
	{supply.Remote, offRemote}, {supply.Lease, offLease}, {supply.Overload, offOverload}, {supply.Credit, offCredit},
	{supply.Local, offLocal},
}

// stateWord returns the state of the supply in a word or two. A memory fault or a locked keypad comes first.
func (v *screen) stateWord() string {
	s := v.m.State
	switch {
	case s.Frozen:
		return v.say(memoryFault)
	case s.Locked(meter.Keypad):
		return v.lockedFor(meter.Keypad)
	case s.Relay == supply.Closed && s.Flags.Has(meter.FlagLifeline):
		return v.figure(s.PowerLimit(v.m.Config).String(), lifeline)
	case s.Relay == supply.Closed:
		return v.say(connected)
	case s.Relay == supply.Armed || s.MayConfirm(v.m.Config):
		return v.say(pressHash)
	}
	for _, r := range reasonWords {
		if s.Reasons.Has(r.reason) {
			return v.reason(r.reason, r.word)
		}
	}
	// Only the wait after a power cut keeps the supply off.
	return v.figure(countdown(s.ClosesIn()), waiting)
}

// reason returns why the supply is off, and for how long if that is known.
func (v *screen) reason(r supply.Reason, word text) string {
	if ms := v.m.State.RetryIn(v.m.Config); r == supply.Overload && ms > 0 {
		return v.figure(countdown(ms), word)
	}
	return v.say(word)
}

func (v *screen) lockedFor(from meter.Source) string {
	return v.figure(countdown(v.m.State.LockedFor(from)), locked)
}

// countdown formats a time as mm:ss, rounded up so that 00:00 means now.
func countdown(ms uint64) string {
	seconds := (ms + 999) / 1000
	return fmt.Sprintf("%02d:%02d", seconds/60, seconds%60)
}

// entry shows the digits in groups of four and how many there are.
func (v *screen) entry() []pair {
	p := v.p
	n := int(p.n)
	if n == 0 {
		return v.message(v.texts(enter, enterHint))
	}
	tooMany := n > len(p.typed)
	n = min(n, len(p.typed))
	count := strconv.Itoa(n) + "/" + strconv.Itoa(len(p.typed))
	// This line takes as many groups as fit; the rest goes on the line below.
	split := min(n, (v.width+1)/5*4)
	first, rest := grouped(p.typed[:split]), grouped(p.typed[split:n])
	if v.p.Size == Large {
		last := v.say(entryKeys)
		last += strings.Repeat(" ", max(v.width-len(last)-len(count), 1)) + count
		if tooMany {
			last = v.say(tooLong)
		}
		return []pair{{v.say(enter), first}, {rest, last}}
	}
	if tooMany {
		return []pair{{first, v.say(tooLong)}}
	}
	return []pair{{first, rest + strings.Repeat(" ", v.width-len(rest)-len(count)) + count}}
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
