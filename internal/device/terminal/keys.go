package terminal

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/paywatt/paywatt/internal/device"
	"github.com/paywatt/paywatt/internal/device/face"
	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// prompt is what the user is asked for.
type prompt uint8

const (
	promptNone prompt = iota
	promptSMS
	promptLoad
)

// loadStep is how much + and - change the load, in watts.
const loadStep = 100

// maxTyped is the maximum length of the text typed into a prompt, which is that of a message.
const maxTyped = 160

// press handles a key of the terminal; quit says that the user wants to leave.
func (m *model) press(key string) (quit bool) {
	if key == "ctrl+c" {
		return true
	}
	if m.prompt != promptNone {
		m.typing(key)
		return false
	}
	m.problem = ""
	switch key {
	case "q":
		return true
	case "enter":
		m.do(func() error { return m.dev.Keys("#") })
	case "esc":
		m.do(func() error { return m.dev.Keys("*") })
	case "+", "=":
		m.load(m.dev.Load() + loadStep)
	case "-":
		m.load(m.dev.Load() - loadStep)
	case "l":
		m.prompt, m.typed = promptLoad, ""
	case ":":
		m.prompt, m.typed = promptSMS, ""
	case "t":
		m.do(func() error { return m.meter.SetSpeed(faster(m.meter.Speed())) })
	case "m":
		m.do(func() error { return m.meter.Power(!m.dev.On()) })
	case "x":
		open := m.seen.Tamper
		m.do(func() error { return m.dev.Tamper(meter.TamperCover, !open) })
	case "g":
		m.do(m.modem)
	default:
		if len(key) == 1 && strings.Contains("0123456789*#", key) {
			m.do(func() error { return m.dev.Keys(key) })
		}
	}
	return false
}

// do runs f on the meter and stores why it did not work.
func (m *model) do(f func() error) {
	m.problem = ""
	if err := m.meter.Do(f); err != nil {
		m.problem = face.Problem(err)
	}
}

func (m *model) load(w unit.Power) {
	w = min(max(w, 0), device.MaxLoad)
	m.do(func() error { return m.dev.SetLoad(w) })
}

func (m *model) modem() error {
	if err := m.meter.Modem(m.quiet); err != nil {
		return err
	}
	m.quiet = !m.quiet
	return nil
}

// faster returns the next speed; after the fastest comes the slowest.
func faster(now int) int {
	all := face.Speeds()
	return all[(slices.Index(all, now)+1)%len(all)]
}

// typing handles a key while a prompt is open.
func (m *model) typing(key string) {
	switch key {
	case "esc":
		m.prompt, m.typed = promptNone, ""
	case "enter":
		m.enter()
	case "backspace":
		_, n := utf8.DecodeLastRuneInString(m.typed)
		m.typed = m.typed[:len(m.typed)-n]
	case "space":
		m.add(" ")
	default:
		if utf8.RuneCountInString(key) == 1 {
			m.add(key)
		}
	}
}

func (m *model) add(text string) {
	if len(m.typed)+len(text) <= maxTyped {
		m.typed += text
	}
}

// enter completes a prompt.
func (m *model) enter() {
	asked, typed := m.prompt, strings.TrimSpace(m.typed)
	m.prompt, m.typed = promptNone, ""
	switch {
	case typed == "":
	case asked == promptSMS:
		m.do(func() error { return m.dev.SMS(m.c.Phone, typed) })
	default:
		m.do(func() error { return m.meter.SetLoad(typed) })
	}
}

// paste handles a text that arrives at once. A prompt takes it unchanged. Otherwise it is typed as a token, without
// blanks, dashes and the words around it.
func (m *model) paste(text string) {
	if m.prompt != promptNone {
		for _, r := range text {
			if r >= ' ' {
				m.add(string(r))
			}
		}
		return
	}
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
	if len(digits) != sts.TokenDigits {
		m.problem = "That is not a token: it has no 20 digits. Nothing was typed."
		return
	}
	m.do(func() error { return m.dev.Keys(digits) })
}
