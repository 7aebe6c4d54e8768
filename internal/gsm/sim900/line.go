package sim900

import (
	"fmt"
	"strings"
)

// input takes one byte from the host.
func (m *Modem) input(c byte) {
	m.mu.Lock()
	free := m.take(c)
	m.mu.Unlock()
	if free {
		m.cfg.Network.Ready(m.cfg.Number)
	}
}

// take handles one byte; it reports whether memory became free.
func (m *Modem) take(c byte) (free bool) {
	if m.off {
		return false
	}
	if m.skipLF {
		// Many hosts end a line with CR LF; the LF must not become the first byte of a message.
		if m.skipLF = false; c == '\n' {
			return false
		}
	}
	if m.sending != nil {
		m.enter(c)
		return false
	}
	if m.set.echo && c != 0 && c != 0x1B {
		m.say(string([]byte{c}))
	}
	switch {
	case c == '\r':
		m.skipLF = true
		line := strings.TrimSpace(string(m.line))
		over := m.over
		m.line, m.over = m.line[:0], false
		return m.command(line, over)
	case c == 0x08 || c == 0x7F:
		if len(m.line) > 0 {
			m.line = m.line[:len(m.line)-1]
		}
	case c < ' ' || c > '~':
		// Ignore this byte. Hosts send ESC, NUL, LF and Ctrl-Z to wake a modem. They also send ESC or Ctrl-Z to end a message,
		// even if the modem is not reading one.
	case len(m.line) == maxLine:
		m.over = true
	default:
		m.line = append(m.line, c)
	}
	return false
}

// command runs a line: everything up to "AT" is noise, the rest is a chain of commands.
func (m *Modem) command(line string, over bool) (free bool) {
	i := strings.Index(strings.ToUpper(line), "AT")
	if i < 0 {
		return false // empty, or noise: a real modem stays silent too
	}
	if over {
		m.say("\r\n" + m.failure(cmeNotAllowed) + "\r\n")
		return false
	}
	before := m.fault(Moment{Command: line})
	if before.Reset {
		m.reset()
		return false
	}
	m.precede(before)
	if before.Silent {
		return false
	}
	used := m.used()
	info, final := []string(nil), before.Error
	if final == "" {
		info, final = m.chain(line[i+2:])
	}
	var b strings.Builder
	for _, s := range info {
		b.WriteString("\r\n" + s + "\r\n")
	}
	switch {
	case m.sending != nil:
		b.WriteString("\r\n> ")
	case final != "":
		b.WriteString("\r\n" + final + "\r\n")
	}
	m.answer(line, b.String())
	return m.used() < used
}

// answer sends an answer, unless a fault hits it.
func (m *Modem) answer(command, text string) {
	f := m.fault(Moment{Command: command, After: true})
	if f.Reset {
		m.reset()
		return
	}
	m.precede(f)
	switch {
	case f.Silent:
	case f.Half:
		m.say(text[:len(text)/2])
	default:
		m.late = max(m.late, f.Late)
		m.say(text)
	}
}

func (m *Modem) precede(f Fault) {
	if f.Noise != "" {
		m.say(f.Noise)
	}
	if f.Notice != "" {
		m.say("\r\n" + f.Notice + "\r\n")
	}
}

func (m *Modem) fault(at Moment) Fault {
	if m.cfg.Fault == nil {
		return Fault{}
	}
	return m.cfg.Fault(at)
}

// chain runs the commands of a line until one fails. An empty final result means that a message is expected.
func (m *Modem) chain(rest string) (info []string, final string) {
	for rest != "" {
		var one string
		one, rest = next(rest)
		if one == "" {
			continue
		}
		out, err := m.run(one)
		info = append(info, out...)
		if err != "" {
			return info, err
		}
		if m.sending != nil || m.off {
			return info, ""
		}
	}
	return info, "OK"
}

// next splits the first command off a chain. An extended command ends at a semicolon outside quotes, a basic command after its number.
func next(s string) (one, rest string) {
	s = strings.TrimLeft(s, "; ")
	if s == "" {
		return "", ""
	}
	if strings.IndexByte("+$^%*#", s[0]) >= 0 || s[0] == 'd' || s[0] == 'D' {
		quoted := false
		for i := range len(s) {
			switch {
			case s[i] == '"':
				quoted = !quoted
			case s[i] == ';' && !quoted:
				return s[:i], s[i+1:]
			}
		}
		return s, ""
	}
	i := 1
	if (s[0] == '&' || s[0] == '\\') && len(s) > 1 {
		i = 2
	}
	for i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '=' || s[i] == '?') {
		i++
	}
	return s[:i], s[i:]
}

// call holds the parts of one extended command.
type call struct {
	name string // upper case, with its sign: "+CMGS"
	test bool   // "=?"
	ask  bool   // "?"
	args []string
	set  bool // "="
}

func parse(s string) call {
	i := strings.IndexAny(s, "=?")
	if i < 0 {
		return call{name: strings.ToUpper(strings.TrimSpace(s))}
	}
	c := call{name: strings.ToUpper(strings.TrimSpace(s[:i]))}
	switch tail := s[i:]; {
	case tail == "?":
		c.ask = true
	case tail == "=?":
		c.test = true
	case tail[0] == '=':
		c.set, c.args = true, arguments(tail[1:])
	}
	return c
}

// arguments splits at commas outside quotes and removes the quotes.
func arguments(s string) []string {
	var out []string
	var b strings.Builder
	quoted := false
	for _, r := range s {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ',' && !quoted:
			out = append(out, strings.TrimSpace(b.String()))
			b.Reset()
		default:
			b.WriteRune(r)
		}
	}
	return append(out, strings.TrimSpace(b.String()))
}

// int reads argument i; a missing or empty argument gives the default.
func (c call) int(i, otherwise int) (int, bool) {
	if i >= len(c.args) || c.args[i] == "" {
		return otherwise, true
	}
	var n int
	if _, err := fmt.Sscanf(c.args[i], "%d", &n); err != nil || fmt.Sprint(n) != strings.TrimLeft(c.args[i], "0") && n != 0 {
		return 0, false
	}
	return n, true
}

// Numbers of +CME and +CMS errors that the modem gives.
const (
	cmeNotAllowed   = 3
	cmeNotSupported = 4
	cmeSIMPIN       = 11
	cmePUK          = 12
	cmePassword     = 16
	cmsNotAllowed   = 302
	cmsNotSupported = 303
	cmsPDU          = 304
	cmsText         = 305
	cmsPIN          = 311
	cmsBusy         = 314
	cmsIndex        = 321
	cmsFull         = 322
	cmsNoNetwork    = 331
)

// failure returns the final result for an equipment error, in the form that AT+CMEE sets.
func (m *Modem) failure(code int) string {
	switch m.set.cmee {
	case 0:
		return "ERROR"
	case 1:
		return fmt.Sprintf("+CME ERROR: %d", code)
	}
	words := map[int]string{cmeNotAllowed: "operation not allowed", cmeNotSupported: "operation not supported", cmeSIMPIN: "SIM PIN required",
		cmePUK: "SIM PUK required", cmePassword: "incorrect password"}
	return "+CME ERROR: " + words[code]
}

// refusal returns the final result for a message error; its number does not depend on AT+CMEE.
func refusal(code int) string { return fmt.Sprintf("+CMS ERROR: %d", code) }
