// Package panel is the user interface of a meter: a keypad of 4 by 3 keys, a display of 2 lines of 16 or 4 lines of 20
// characters, and the SMS it understands and answers, in English, Swahili and French.
//
// Start at [Panel]: [Panel.Key] turns a key press into an event for the core, [Panel.Notice] takes the core's answers,
// [Panel.Lines] returns the lines of the display, and [Panel.Icons] the signs that are lit. [ParseSMS] and the Answer
// functions do the same for messages. The package only reads the meter's state; all decisions are in package meter. It
// reads no clock: the time is in its arguments.
//
// Keys (docs/operate/virtual-meter.md#display-and-keypad): * opens the menu, leaves any page and discards an entry; #
// confirms, and turns to the next part of a page that does not fit; in the history 8 turns back and 9 goes to the next
// part. Twenty digits may be typed straight from the home page; one to three digits are a short code that opens a page.
// The result of a token or another request is a message over the home page: keys work as they do there. After 60 s
// without a key the panel leaves a page; a page that still turns through its parts is left after three minutes at most.
// The texts of the pages are in texts_table.go, generated from the catalogue, in every language.
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
	idleAfter   = 60_000 // an entry or a page is left after this long without a key
	resultFor   = 10_000 // a message stays this long
	rotateEvery = 5_000  // the second line of the home page, the parts of a long page
	warningFor  = 60_000 // a warning stays until a key is pressed, or this long
	// longPage is the longest time for which a page turns through its parts without a key press.
	longPage = 180_000
)

// Size is the size of a display in characters. The zero value is [Small].
type Size uint8

const (
	// Small has 2 lines of 16.
	Small Size = iota
	// Large has 4 lines of 20.
	Large
)

// Width and Height are the size of the small display; every text fits it.
const (
	Width  = 16
	Height = 2
)

// Width returns the number of characters in a line.
func (s Size) Width() int {
	if s == Large {
		return 20
	}
	return Width
}

// Height returns the number of lines.
func (s Size) Height() int {
	if s == Large {
		return 4
	}
	return Height
}

// String returns "16x2" or "20x4".
func (s Size) String() string {
	if s == Large {
		return "20x4"
	}
	return "16x2"
}

// View is the meter as a panel sees it.
type View struct {
	Config *meter.Config
	State  *meter.State
	// Up is the time since boot in milliseconds.
	Up uint64
	// Setup holds the values that the maker has set.
	Setup Setup
	// Texts are the texts of the configuration in force.
	Texts meter.Texts
	// History is the data that the memory stores beside the state, nil for none.
	History History
	// Signal is the strength of the modem's signal in bars, 1 to 4, 0 for no network.
	Signal int
	// Card means that the memory card is present and writable.
	Card bool
}

type page uint8

const (
	pageHome page = iota
	pageMenu
	pageChoice // the menu has no such choice
	pageEntry
	pageResult
	pageLocalAsk // menu 4: asks whether to switch the load
	pageLocal
	pageNote // a message of two texts
	pageHistory
	pageClock
	pageClear
	pageClearSure
	pageCode
)

// Panel is the display and the keypad of one meter. The zero value shows the home page on the small display. It holds
// the digits that the customer is typing, so it has no printable form.
type Panel struct {
	// Size is the size of the display; it may be set at any time.
	Size Size

	page  page
	step  uint8 // the part of a long page that was shown at Panel.since
	typed [sts.TokenDigits]byte
	n     uint8 // the number of digits typed; the maximum plus one means too many
	since uint64
	// These fields hold the data of pages that is not in the meter's state.
	result meter.Result
	note   [Height]text
	code   Page
	// asked means that a time was typed, so the next answer about the clock is for the customer.
	asked bool
	// warning is the warning on the home page, 0 for none. It ends with a key press or after a minute.
	warning meter.Message
	warned  uint64
}

// Press is the meaning of a key press for the core. The host gives meter.EventKey for every press, and then Event if
// it is not 0. EventToken carries the result of Keys.Open for [Panel.RevealTyped]; EventClock carries the time At; any
// other event needs no further field. The source is the keypad.
type Press struct {
	Event meter.EventKind
	// At is the time to set in Unix seconds.
	At int64
}

// Key handles one of the keys 0 to 9, * and #; it ignores any other.
func (p *Panel) Key(m *View, key byte) Press {
	p.expire(m)
	isDigit := key >= '0' && key <= '9'
	if !isDigit && key != '*' && key != '#' {
		return Press{}
	}
	p.warning, p.asked = 0, false
	switch {
	case isDigit:
		return p.digit(m, key)
	case key == '*' && p.atHome():
		p.turn(pageMenu, m.Up)
	case key == '*':
		p.turn(pageHome, m.Up)
	default:
		return p.hash(m)
	}
	return Press{}
}

func (p *Panel) digit(m *View, key byte) Press {
	if p.inHistory() && (key == '8' || key == '9') {
		p.leaf(m, key)
		return Press{}
	}
	switch p.page {
	case pageMenu, pageChoice:
		return p.choose(m, key)
	case pageLocalAsk, pageClear, pageClearSure:
		return Press{} // only # means yes
	case pageClock:
		if int(p.n) < clockDigits {
			p.typed[p.n] = key
			p.n++
		}
		p.since = m.Up
		return Press{}
	case pageEntry:
	default:
		p.turn(pageEntry, m.Up)
	}
	if int(p.n) < len(p.typed) {
		p.typed[p.n] = key
	}
	p.n = min(p.n+1, uint8(len(p.typed))+1)
	p.since = m.Up
	return Press{}
}

// choose handles a digit in the menu.
func (p *Panel) choose(m *View, key byte) Press {
	switch key {
	case '1':
		p.turn(pageEntry, m.Up)
	case '2':
		p.turn(pageHistory, m.Up)
	case '3':
		p.turn(pageClock, m.Up)
	case '4':
		p.turn(pageLocalAsk, m.Up)
	case '5':
		p.turn(pageClear, m.Up)
	default:
		p.turn(pageChoice, m.Up)
	}
	return Press{}
}

// hash handles the # key, which confirms.
func (p *Panel) hash(m *View) Press {
	switch {
	case p.page == pageEntry && p.n > 0:
		if to, is := p.shortCode(m); is {
			p.turn(pageCode, m.Up)
			p.code = to
			return Press{}
		}
		p.since = m.Up
		return Press{Event: meter.EventToken}
	case p.page == pageClock:
		return p.setClock(m)
	case p.page == pageLocalAsk:
		p.turn(pageLocal, m.Up)
		return Press{Event: meter.EventLocal}
	case p.page == pageClear:
		p.turn(pageClearSure, m.Up)
	case p.page == pageClearSure:
		return p.ask(m, meter.EventClear)
	case p.page == pageCode && p.code == PageEmergency:
		return p.ask(m, meter.EventActivate)
	case p.atHome():
		p.turn(pageHome, m.Up)
		if m.State.Relay == supply.Armed || m.State.MayConfirm(m.Config) {
			return Press{Event: meter.EventConfirm}
		}
	default:
		p.step, p.since = uint8(p.part(m)+1), m.Up
	}
	return Press{}
}

// ask returns the event that the customer has confirmed; the core's answer is the next page.
func (p *Panel) ask(m *View, what meter.EventKind) Press {
	p.turn(pageHome, m.Up)
	return Press{Event: what}
}

// atHome reports whether keys have the same meaning as on the home page.
func (p *Panel) atHome() bool {
	switch p.page {
	case pageHome, pageResult, pageLocal, pageNote:
		return true
	}
	return false
}

// RevealTyped returns the typed digits, for opening the token; nothing else exposes them. If more digits were typed
// than fit, the text is not a token.
func (p *Panel) RevealTyped() string {
	if int(p.n) > len(p.typed) {
		return string(p.typed[:]) + "+"
	}
	return string(p.typed[:p.n])
}

// turn shows another page and discards the typed digits.
func (p *Panel) turn(to page, up uint64) {
	*p = Panel{Size: p.Size, page: to, since: up, warning: p.warning, warned: p.warned}
}

// expire leaves a page after its time.
func (p *Panel) expire(m *View) {
	if p.warning != 0 && m.Up >= p.warned+warningFor {
		p.warning = 0
	}
	stays := uint64(idleAfter)
	switch p.page {
	case pageHome:
		return
	case pageLocal, pageChoice, pageNote:
		stays = resultFor
	case pageResult:
		stays = max(resultFor, rotateEvery*uint64(len(p.shownTests())))
	case pageHistory, pageCode:
		stays = max(stays, min(rotateEvery*uint64(p.parts(m)), longPage))
	}
	if m.Up >= p.since+stays {
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
