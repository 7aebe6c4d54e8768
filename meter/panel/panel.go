// Package panel is the face of a meter: a keypad of 4 by 3 keys, a display of 2 lines of 16 characters, and the SMS it
// understands and answers.
//
// Start at [Panel]: [Panel.Key] turns a key press into what the core should hear, [Panel.Show] takes the answer to a
// token, [Panel.Lines] says what the display shows. [ParseSMS] and the Answer functions do the same for messages. The
// package only reads the meter's state; all decisions are in package meter. It is pure: the time since boot is an
// argument.
//
// Keys (contract §7): * opens the menu, leaves any page and discards an entry; # confirms. Twenty digits may be typed
// straight from the home page. The result of a token, or of switching the load, is a message before the home page: keys
// work under it as they do there. A page nobody touches for 60 s is left. What a page says stands in a catalogue, one
// table per language.
package panel

import (
	"fmt"
	"io"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/supply"
)

// Times in milliseconds.
const (
	idleAfter   = 60_000 // without a key an entry or a menu is left
	resultFor   = 10_000 // a result stays this long
	rotateEvery = 5_000  // the second line of the home page
)

// Width and Height are the size of the display.
const (
	Width  = 16
	Height = 2
)

type page uint8

const (
	pageHome page = iota
	pageMenu
	pageChoice // the menu has no such choice
	pageEntry
	pageResult
	pageLocal
)

// Panel is the display and the keypad of one meter. The zero value shows the home page in English. It holds what the
// customer is typing, so it has no printable form.
type Panel struct {
	page   page
	typed  [sts.TokenDigits]byte
	n      uint8 // digits typed; one more than fits says that there were too many
	since  uint64
	result meter.Result
}

// Press is what a key press means to the core. The host gives meter.EventKey for every press, and then Event, if it is
// not 0: EventConfirm, EventLocal, or EventToken with what Keys.Open finds in [Panel.RevealTyped], from the keypad.
type Press struct {
	Event meter.EventKind
}

// Key takes one of the keys 0 to 9, * and # at time up; any other is ignored.
func (p *Panel) Key(s *meter.State, key byte, up uint64) Press {
	p.expire(up)
	switch {
	case key >= '0' && key <= '9':
		return p.digit(key, up)
	case key == '*' && p.atHome():
		p.turn(pageMenu, up)
	case key == '*':
		p.turn(pageHome, up)
	case key == '#':
		return p.hash(s, up)
	}
	return Press{}
}

func (p *Panel) digit(key byte, up uint64) Press {
	switch {
	case p.page == pageMenu || p.page == pageChoice:
		return p.choose(key, up)
	case p.page != pageEntry:
		p.turn(pageEntry, up)
	}
	if int(p.n) < len(p.typed) {
		p.typed[p.n] = key
	}
	p.n = min(p.n+1, uint8(len(p.typed))+1)
	p.since = up
	return Press{}
}

// choose is a digit in the menu.
func (p *Panel) choose(key byte, up uint64) Press {
	switch key {
	case '1':
		p.turn(pageEntry, up)
	case '4':
		p.turn(pageLocal, up)
		return Press{Event: meter.EventLocal}
	default:
		p.turn(pageChoice, up)
	}
	return Press{}
}

func (p *Panel) hash(s *meter.State, up uint64) Press {
	switch {
	case p.page == pageEntry && p.n > 0:
		p.since = up
		return Press{Event: meter.EventToken}
	case p.atHome():
		p.turn(pageHome, up)
		if s.Relay == supply.Armed {
			return Press{Event: meter.EventConfirm}
		}
	}
	return Press{}
}

// atHome reports whether keys mean what they mean on the home page.
func (p *Panel) atHome() bool {
	return p.page == pageHome || p.page == pageResult || p.page == pageLocal
}

// RevealTyped returns the digits that were typed, for opening the token; it is the only door to them. More than fit give
// a text that is no token.
func (p *Panel) RevealTyped() string {
	if int(p.n) > len(p.typed) {
		return string(p.typed[:]) + "+"
	}
	return string(p.typed[:p.n])
}

// Show takes the answer to a token. What was entered elsewhere is shown when it was accepted and nobody is typing.
func (p *Panel) Show(r meter.Result, up uint64) {
	p.expire(up)
	if r.Source != meter.Keypad && (r.Code != sts.Accept || p.page == pageEntry) {
		return
	}
	p.turn(pageResult, up)
	p.result = r
}

// turn shows another page; what was typed is discarded.
func (p *Panel) turn(to page, up uint64) {
	*p = Panel{page: to, since: up}
}

// expire leaves a page whose time is over.
func (p *Panel) expire(up uint64) {
	stays := uint64(idleAfter)
	switch p.page {
	case pageHome:
		return
	case pageResult:
		stays = max(resultFor, rotateEvery*uint64(len(p.shownTests())))
	case pageLocal, pageChoice:
		stays = resultFor
	}
	if up >= p.since+stays {
		p.turn(pageHome, p.since+stays)
	}
}

const maskedPanel = "panel.Panel(masked)"

// String returns a mask.
func (p Panel) String() string { return maskedPanel }

// GoString returns a mask.
func (p Panel) GoString() string { return maskedPanel }

// Format writes a mask, whatever the verb.
func (p Panel) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, maskedPanel) }
