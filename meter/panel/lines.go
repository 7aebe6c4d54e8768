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
// one at a time, the large one two.
type pair [Height]string

// screen is a panel about to be drawn.
type screen struct {
	p *Panel
	m *View
	// width of a line.
	width int
}

func (v *screen) say(t text) string { return say(v.m.Config.Language, t) }

func (v *screen) texts(a, b text) pair { return pair{v.say(a), v.say(b)} }

// Lines returns what the display shows, without trailing blanks: as many lines as it has. Energy has two decimals,
// truncated, so that nobody ever sees more than there is.
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

// parts is how many screens the page has, part the one that is shown.
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

// page returns the present page, if it is not that of the history.
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

// message is a message over what matters most.
func (v *screen) message(said pair) []pair {
	if v.p.Size == Small {
		return []pair{said}
	}
	return []pair{said, {v.credit(), v.stateWord()}}
}

// result is the answer to a token. That to a recharge has the new balance beside it on either display.
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

// home shows the credit, and below it by turns the load, the state of the supply and the total register. While there is a
// warning it stands in the place of the load, and what to do in that of the register. The large display has the local time
// and the icons as well.
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

// credit is the line for what there is: the credit, or what is left of the lease of a meter whose money is at the server.
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

// inKWh is an energy with two decimals. One too large for the display has none, and one too large even for that, which no
// meter ever counts, is not shown in part.
func (v *screen) inKWh(e unit.Energy) string {
	for _, decimals := range [...]int{2, 0} {
		if figure := e.KWh(decimals) + " kWh"; len(figure) <= v.width {
			return figure
		}
	}
	return strings.Repeat("#", v.width)
}

// spread fills a line: the label on the left, the figure on the right. A figure too long for the first label gets the
// next one, and in the end none.
func (v *screen) spread(figure string, labels ...text) string {
	for _, t := range labels {
		l := v.say(t)
		if room := v.width - len(l) - len(figure); room > 0 {
			return l + strings.Repeat(" ", room) + figure
		}
	}
	return figure
}

// figure is a figure behind its label, and alone where there is no room for both.
func (v *screen) figure(figure string, label text) string {
	if l := v.say(label) + " " + figure; len(l) <= v.width {
		return l
	}
	return figure
}

// reasonWord is a reason in the order in which reasons are named when several keep the supply off: first what only the
// authority can mend, then what the customer can.
var reasonWords = [...]struct {
	reason supply.Reason
	word   text
}{
	{supply.Fault, offFault}, {supply.NotActivated, offInactive}, {supply.Tamper, offTamper}, {supply.Test, offTest},
	{supply.Remote, offRemote}, {supply.Lease, offLease}, {supply.Overload, offOverload}, {supply.Credit, offCredit},
	{supply.Local, offLocal},
}

// stateWord says in a word or two how the supply is, and first of all whether the keypad is locked.
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
	// Nothing keeps the supply off but the wait after a power cut.
	return v.figure(countdown(s.ClosesIn()), waiting)
}

// reason is why the supply is off, and for how long where that is known.
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
	// As many groups as fit, the rest on the line below.
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
