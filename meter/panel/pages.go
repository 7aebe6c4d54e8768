package panel

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/supply"
)

// Page is a page that a short code opens.
type Page uint8

// The pages.
const (
	// PageCredit: the credit.
	PageCredit Page = iota + 1
	// PageEmergency: the emergency credit; # activates it.
	PageEmergency
	// PageTokens: the last tokens.
	PageTokens
	// PageUsage: today, yesterday, this month.
	PageUsage
	// PageState: the state of the supply, and every reason that keeps it off.
	PageState
	// PageRegister: the total register.
	PageRegister
	// PagePower: load, voltage and limit.
	PagePower
	// PageMeter: the meter number and the key.
	PageMeter
	// PageTariff: the tariff.
	PageTariff
	// PageVersion: the software, and a test of the display.
	PageVersion
	// PageHelp: where the customer finds help.
	PageHelp

	pages
)

// pageNames are the names of the pages for [ParseCodes].
var pageNames = [pages]string{
	PageCredit: "credit", PageEmergency: "emergency", PageTokens: "tokens", PageUsage: "usage", PageState: "state",
	PageRegister: "register", PagePower: "power", PageMeter: "meter", PageTariff: "tariff", PageVersion: "version", PageHelp: "help",
}

// Codes are the short codes of the pages, 1 to 999, 0 for none, by page. They differ between makers, so they are part
// of a meter's setup.
type Codes [pages]uint16

// DefaultCodes returns the codes of a meter whose setup has no codes. The first codes are the numbers of the messages
// *01# to *06#.
func DefaultCodes() Codes {
	return Codes{
		PageCredit: 1, PageEmergency: 3, PageTokens: 4, PageUsage: 5, PageState: 6,
		PageRegister: 10, PagePower: 11, PageMeter: 12, PageTariff: 13, PageVersion: 14, PageHelp: 15,
	}
}

// ErrCodes is returned for an invalid table of short codes.
var ErrCodes = errors.New("short codes do not fit")

// ParseCodes reads a table such as "register=800,power=801". Pages that it does not name have no code; an empty text
// gives the default codes.
func ParseCodes(table string) (Codes, error) {
	if table == "" {
		return DefaultCodes(), nil
	}
	var codes Codes
	for entry := range strings.SplitSeq(table, ",") {
		name, number, _ := strings.Cut(strings.TrimSpace(entry), "=")
		page := slices.Index(pageNames[1:], name) + 1
		code, err := strconv.ParseUint(number, 10, 16)
		switch {
		case page == 0:
			return Codes{}, fmt.Errorf("%w: %q is no page; they are %s", ErrCodes, name, strings.Join(pageNames[1:], ", "))
		case err != nil || code == 0 || len(number) > maxCode:
			return Codes{}, fmt.Errorf("%w: %q is no code from 1 to 999", ErrCodes, number)
		case slices.Contains(codes[:], uint16(code)):
			return Codes{}, fmt.Errorf("%w: %d stands for two pages", ErrCodes, code)
		}
		codes[page] = uint16(code)
	}
	return codes, nil
}

// Setup holds the values that the maker or the installer has set; the server cannot change them.
type Setup struct {
	// Codes are the short codes; all zeros mean the default.
	Codes Codes
	// Tariff is the text on the tariff page, "" for the tariff index alone. Characters that the display cannot show are
	// left out.
	Tariff string
}

// shortCodes returns the codes in force.
func (m *View) shortCodes() Codes {
	if m.Setup.Codes == (Codes{}) {
		return DefaultCodes()
	}
	return m.Setup.Codes
}

// maxCode is the maximum number of digits in a short code.
const maxCode = 3

// shortCode returns the page whose code was typed, if the typed digits are a code.
func (p *Panel) shortCode(m *View) (Page, bool) {
	if int(p.n) > maxCode {
		return 0, false
	}
	code, err := strconv.Atoi(string(p.typed[:p.n]))
	if err != nil || code == 0 {
		return 0, false
	}
	codes := m.shortCodes()
	page := slices.Index(codes[:], uint16(code))
	return Page(max(page, 0)), page > 0
}

// code returns the page of a short code.
func (v *screen) code() []pair {
	c, s := v.m.Config, v.m.State
	switch v.p.code {
	case PageCredit:
		return v.message(pair{v.credit(), v.stateWord()})
	case PageEmergency:
		return v.emergency()
	case PageTokens:
		if v.m.History == nil {
			return v.message(v.texts(noHistory, backHint))
		}
		return v.tokens()
	case PageState:
		return v.state()
	case PageRegister:
		return v.message(pair{v.say(total), v.kWh(s.Register)})
	case PagePower:
		return []pair{
			{v.figure(s.Power.String(), load), fmt.Sprintf("%d.%d V", s.Voltage/1000, s.Voltage%1000/100)},
			{v.say(powerLimit), v.limit(s.PowerLimit(c))},
		}
	case PageMeter:
		return []pair{{v.say(meterNumber), numberOf(c)}, v.keyPair(), {v.say(group), supplyGroup(&s.Key)}}
	case PageTariff:
		return v.tariff()
	case PageHelp:
		return v.help()
	}
	return []pair{{v.say(version), meter.Version}, {v.segments(), v.segments()}}
}

// tariff returns the tariff's index and its text: that of the configuration, or else that of the maker.
func (v *screen) tariff() []pair {
	first := pair{v.say(tariff), v.say(tariffIndex) + " " + indexOf(&v.m.State.Key)}
	words := v.words(cmp.Or(v.m.Texts.Tariff, v.m.Setup.Tariff))
	if words == (pair{}) {
		return v.message(first)
	}
	return []pair{first, words}
}

// help returns the text that says where the customer finds help.
func (v *screen) help() []pair {
	words := v.words(v.m.Texts.Help)
	if words == (pair{}) {
		words = v.texts(help, sellerHint)
	}
	return v.message(words)
}

// words returns a text on two lines, without the characters that the display cannot show. It breaks the text at a blank if both lines
// then have room.
func (v *screen) words(text string) pair {
	text = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !meter.Displays(r) {
			return -1
		}
		return r
	}, text))
	at := min(len(text), v.width)
	if blank := strings.LastIndexByte(text[:min(len(text), at+1)], ' '); len(text) > v.width && blank > 0 && len(text)-blank-1 <= v.width {
		at = blank
	}
	second := strings.TrimSpace(text[at:])
	return pair{strings.TrimSpace(text[:at]), second[:min(len(second), v.width)]}
}

// segments returns a line that lights the whole display.
func (v *screen) segments() string { return strings.Repeat("8", v.width) }

// state returns the state of the supply, and every reason that keeps it off.
func (v *screen) state() []pair {
	pairs := []pair{{v.say(pageState), v.stateWord()}}
	for i, r := range reasonWords {
		if v.m.State.Reasons.Has(r.reason) && v.say(reasonWords[i].word) != pairs[0][1] {
			pairs = append(pairs, pair{v.say(pageState), v.say(r.word)})
		}
	}
	for _, row := range v.p.Icons(v.m).rows(v.width) {
		pairs = append(pairs, pair{v.localTime(), row})
	}
	return pairs
}

// emergency returns the emergency credit, with # to use it.
func (v *screen) emergency() []pair {
	s := v.m.State
	left := s.ECLeft(v.m.Config)
	switch s.EC {
	case meter.ECOffered:
		return v.message(pair{v.say(ecTitle), v.energy(left, ecUse, ecUseShort)})
	case meter.ECActive:
		return v.message(pair{v.say(ecOn), v.energy(left, ecLeft)})
	case meter.ECExhausted:
		return v.message(v.texts(ecUsed, buyHint))
	}
	if left == 0 || s.Wallet() {
		return v.message(v.texts(ecNone, sellerHint))
	}
	return v.message(v.texts(ecNotNeeded, ecNotNeededHint))
}

// noticeEmergency shows the answer to a request to use the emergency credit.
func (p *Panel) noticeEmergency(a meter.ECAnswer, up uint64) {
	switch a {
	case meter.ECDone:
		p.turn(pageCode, up)
		p.code = PageEmergency
	case meter.ECAgain:
		p.tell(up, ecAgain, backHint)
	case meter.ECUsed:
		p.tell(up, ecUsed, buyHint)
	case meter.ECNotNeeded:
		p.tell(up, ecNotNeeded, ecNotNeededHint)
	case meter.ECBusy:
		p.tell(up, busy, againHint)
	case meter.ECStorage:
		p.tell(up, memoryFault, againHint)
	default:
		p.tell(up, ecNone, sellerHint)
	}
}

// tell shows a message.
func (p *Panel) tell(up uint64, a, b text) {
	p.turn(pageNote, up)
	p.note = [Height]text{a, b}
}

// menu returns the five choices.
func (v *screen) menu() []pair {
	fourth := menuOff
	if v.m.State.Reasons.Has(supply.Local) {
		fourth = menuOn
	}
	return []pair{v.texts(menuRecharge, menuHistory), v.texts(menuClock, fourth), v.texts(menuClear, menuKeys)}
}

// warningTexts holds the two lines of each warning: what happened, and what to do.
var warningTexts = [...][Height]text{
	meter.MessageLow1: {warnLow1, buyHint}, meter.MessageLow2: {warnLow2, buyHint}, meter.MessageCutOff: {warnCutOff, buyHint},
	meter.MessageEmergency: {warnEmergency, warnEmergencyHint}, meter.MessageTamper: {warnTamper, sellerHint},
	meter.MessageOverload: {warnOverload, warnOverloadHint}, meter.MessageEnding: {warnEnding, buyHint},
}

// warning returns the newest warning that is still shown.
func (v *screen) warning() (said, hint string) {
	t := warningTexts[v.p.warning]
	said, hint = v.say(t[0]), v.say(t[1])
	if v.p.warning == meter.MessageEmergency {
		hint += " " + v.m.codeText(PageEmergency) + " #"
	}
	return said, hint
}

// codeText returns a short code as printed on a card, with at least two digits.
func (m *View) codeText(p Page) string {
	codes := m.shortCodes()
	return fmt.Sprintf("%02d", codes[p])
}

// Icons are the signs beside or below the text.
type Icons struct {
	// Relay: the supply is on.
	Relay bool
	// Low: the credit is low.
	Low bool
	// Emergency: emergency credit is in use or used up.
	Emergency bool
	// Tamper: a tamper latch is set.
	Tamper bool
	// Signal is 1 to 4 bars, 0 for no network.
	Signal int
	// Card: the memory card works.
	Card bool
	// NoClock: the clock is invalid.
	NoClock bool
}

// maxSignal is the maximum number of bars.
const maxSignal = 4

// Icons returns which signs are lit.
func (p *Panel) Icons(m *View) Icons {
	s := m.State
	return Icons{
		Relay: s.Relay == supply.Closed, Low: s.LED != meter.LEDOff, Emergency: s.EC == meter.ECActive || s.EC == meter.ECExhausted,
		Tamper: s.Reasons.Has(supply.Tamper) || s.Latched != 0, Signal: min(max(m.Signal, 0), maxSignal), Card: m.Card,
		NoClock: s.Clock == meter.ClockInvalid,
	}
}

// String returns the signs as the last line of the large display: two characters each at a fixed place, the same in
// every language. ON relay, LO low credit, EC emergency credit, TA tamper, S and the bars, SD card, CK clock invalid.
func (i Icons) String() string {
	signs := i.signs()
	return strings.Join(signs[:], " ")
}

// signs returns the signs in order, two blanks for a sign that is not lit.
func (i Icons) signs() [7]string {
	sign := func(lit bool, text string) string {
		if lit {
			return text
		}
		return "  "
	}
	return [...]string{
		sign(i.Relay, "ON"), sign(i.Low, "LO"), sign(i.Emergency, "EC"), sign(i.Tamper, "TA"),
		sign(i.Signal > 0, "S"+strconv.Itoa(i.Signal)), sign(i.Card, "SD"), sign(i.NoClock, "CK"),
	}
}

// rows returns the signs in lines of a width: each in its fixed place if all fit, otherwise only the lit ones, in as
// many lines as they need.
func (i Icons) rows(width int) []string {
	if all := strings.TrimRight(i.String(), " "); len(all) <= width {
		return []string{all}
	}
	var rows []string
	row := ""
	for _, s := range i.signs() {
		switch {
		case s == "  ":
		case row == "":
			row = s
		case len(row)+1+len(s) > width:
			rows, row = append(rows, row), s
		default:
			row += " " + s
		}
	}
	return append(rows, row)
}
