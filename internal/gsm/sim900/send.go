package sim900

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/paywatt/paywatt/internal/gsm/pdu"
)

// maxMessage is the largest number of characters of a message that the modem takes at the prompt. A message in hexadecimal has at most 400.
const maxMessage = 1024

// sending is a message that is being entered after the prompt.
type sending struct {
	size int         // PDU mode: octets of the TPDU, as announced
	to   pdu.Address // recipient, in text mode
	data []byte
	over bool
}

// beginSending is AT+CMGS; the prompt follows.
func (m *Modem) beginSending(c call) string {
	if !c.set {
		return refusal(cmsNotAllowed)
	}
	if m.set.text {
		number, err := m.readNumber(c.args[0])
		if err != nil {
			return refusal(cmsText)
		}
		m.sending = &sending{to: number}
		return ""
	}
	n, good := c.int(0, 0)
	if !good || n < 7 || n > pdu.MaxFrame {
		return refusal(cmsPDU)
	}
	m.sending = &sending{size: n}
	return ""
}

// enter takes one byte of the message: Ctrl-Z sends the message, ESC cancels it.
func (m *Modem) enter(c byte) {
	s := m.sending
	if m.set.echo && c != 0x1B {
		m.say(string([]byte{c}))
	}
	switch {
	case c == 0x1B:
		m.sending = nil
		m.answer("message", "\r\nOK\r\n")
		m.unkeep()
	case c == 0x1A:
		m.endSending(s)
	case len(s.data) == maxMessage:
		s.over = true
	case c == '\r' && m.set.text:
		s.data = append(s.data, '\n')
		m.say("\r\n> ")
		m.skipLF = true
	default:
		s.data = append(s.data, c)
	}
}

// endSending sends the entered message, and answers.
func (m *Modem) endSending(s *sending) {
	m.sending = nil
	before := m.fault(Moment{Command: "message"})
	if before.Reset {
		m.reset()
		return
	}
	m.precede(before)
	if before.Silent {
		m.unkeep()
		return
	}
	text := before.Error
	if text == "" {
		text = m.submit(s)
	}
	m.answer("message", text)
	m.unkeep()
}

// unkeep sends the notices that were held back.
func (m *Modem) unkeep() {
	kept := m.deferred
	m.deferred = nil
	for _, s := range kept {
		m.notice(s)
	}
}

// submit hands a message to the network and returns the answer.
func (m *Modem) submit(s *sending) string {
	fail := func(code int) string { return "\r\n" + refusal(code) + "\r\n" }
	msg, code := m.compose(s)
	if code != 0 {
		return fail(code)
	}
	if !registered(m.register) {
		return fail(cmsNoNetwork)
	}
	if len(m.faults) > 0 {
		code, m.faults = m.faults[0], m.faults[1:]
		return fail(code)
	}
	msg.Reference = m.mr
	m.mr++
	if err := m.cfg.Network.Submit(m.cfg.Number, msg); err != nil {
		return fail(cmsPDU)
	}
	return fmt.Sprintf("\r\n+CMGS: %d\r\n\r\nOK\r\n", msg.Reference)
}

// compose makes a message from the entered text; a code other than 0 is the number of an error.
func (m *Modem) compose(s *sending) (pdu.Submit, int) {
	if m.set.text {
		return m.composeText(s)
	}
	raw := strings.NewReplacer(" ", "", "\r", "", "\n", "").Replace(string(s.data))
	frame, err := hex.DecodeString(raw)
	if s.over || err != nil {
		return pdu.Submit{}, cmsPDU
	}
	_, tpdu, err := pdu.SplitFrame(frame)
	if err != nil || len(tpdu) != s.size {
		return pdu.Submit{}, cmsPDU
	}
	msg, err := pdu.DecodeSubmit(tpdu)
	if err != nil {
		return pdu.Submit{}, cmsPDU
	}
	return msg, 0
}

func (m *Modem) composeText(s *sending) (pdu.Submit, int) {
	p := m.set.csmp
	msg := pdu.Submit{To: s.to, PID: uint8(p[2]), Report: p[0]&0x20 != 0, Body: pdu.Body{DCS: pdu.DCS(p[3])}}
	if p[0]>>3&3 == int(pdu.Relative) {
		msg.Validity = pdu.Validity{Format: pdu.Relative, Relative: uint8(p[1])}
	}
	text, err := m.readText(string(s.data))
	if err != nil || s.over {
		return msg, cmsText
	}
	bodies, err := pdu.Compose(text, 0)
	switch {
	case err != nil || len(bodies) != 1:
		return msg, cmsText
	case msg.Body.DCS.Alphabet() == pdu.UCS2:
		msg.Body.Data = units(text)
	case bodies[0].DCS != pdu.DCSText:
		return msg, cmsText
	default:
		msg.Body.Data = bodies[0].Data
	}
	if len(msg.Body.Data) > pdu.MaxOctets && msg.Body.DCS.Alphabet() != pdu.GSM7 {
		return msg, cmsText
	}
	return msg, 0
}

func units(text string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(text)) {
		out = append(out, byte(u>>8), byte(u))
	}
	return out
}
