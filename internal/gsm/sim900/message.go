package sim900

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/gsm/network"
	"github.com/paywatt/paywatt/internal/gsm/pdu"
)

// slot is one message's place in the SIM.
type slot struct {
	taken bool
	read  bool
	tpdu  []byte
	msg   pdu.Deliver
}

// status is the state of a slot as PDU mode shows it.
func (s slot) status() int {
	if s.read {
		return 1
	}
	return 0
}

func (m *Modem) used() int {
	n := 0
	for _, s := range m.slots {
		if s.taken {
			n++
		}
	}
	return n
}

// messages runs all commands for short messages.
func (m *Modem) messages(c call) (info []string, err string, ok bool) {
	if !strings.HasPrefix(c.name, "+CMG") && !slices.Contains([]string{"+CPMS", "+CNMI", "+CSCA", "+CSMP", "+CSDH", "+CSMS", "+CNMA", "+CSAS", "+CRES"}, c.name) {
		return nil, "", false
	}
	switch {
	case !m.unlocked:
		return nil, refusal(cmsPIN), true
	case !m.ready && c.name != "+CMGF":
		return nil, refusal(cmsBusy), true
	}
	switch c.name {
	case "+CMGF":
		info, err, _ = m.flag(c, &m.set.text)
	case "+CPMS":
		info, err = m.storage(c)
	case "+CNMI":
		info, err = m.indications(c)
	case "+CSCA":
		info, err = m.serviceCentre(c)
	case "+CSMP":
		info, err = m.textParameters(c)
	case "+CSDH":
		info, err, _ = m.flag(c, &m.set.headers)
	case "+CSMS":
		n, good := c.int(0, 0)
		if _, err, _ = m.setting(c, &m.set.service, n, good && n <= 1); err != "" {
			break
		}
		if info = []string{"+CSMS: 1,1,1"}; c.ask {
			info = []string{fmt.Sprintf("+CSMS: %d,1,1,1", m.set.service)}
		}
	case "+CMGR":
		info, err = m.readSlot(c)
	case "+CMGL":
		info, err = m.list(c)
	case "+CMGD":
		err = m.remove(c)
	case "+CMGDA":
		err = m.removeAll(c)
	case "+CMGS":
		err = m.beginSending(c)
	case "+CSAS", "+CRES":
	default:
		err = refusal(cmsNotSupported)
	}
	return info, err, true
}

func (m *Modem) flag(c call, at *bool) ([]string, string, bool) {
	n := 0
	if *at {
		n = 1
	}
	v, good := c.int(0, 0)
	info, err, ok := m.setting(c, &n, v, good && v <= 1)
	*at = n == 1
	return info, err, ok
}

// storage is AT+CPMS. Only the SIM stores messages; other names are refused.
func (m *Modem) storage(c call) ([]string, string) {
	u, t := m.used(), len(m.slots)
	if c.ask {
		return []string{fmt.Sprintf(`+CPMS: "SM",%d,%d,"SM",%d,%d,"SM",%d,%d`, u, t, u, t, u, t)}, ""
	}
	if !c.set || len(c.args) > 3 {
		return nil, refusal(cmsNotAllowed)
	}
	for _, name := range c.args {
		if !strings.EqualFold(name, "SM") {
			return nil, refusal(cmsNotAllowed)
		}
	}
	return []string{fmt.Sprintf("+CPMS: %d,%d,%d,%d,%d,%d", u, t, u, t, u, t)}, ""
}

func (m *Modem) indications(c call) ([]string, string) {
	if c.ask {
		n := m.set.cnmi
		return []string{fmt.Sprintf("+CNMI: %d,%d,%d,%d,%d", n[0], n[1], n[2], n[3], n[4])}, ""
	}
	next, most := m.set.cnmi, [5]int{2, 3, 2, 1, 1}
	for i := range next {
		n, good := c.int(i, next[i])
		if !good || n < 0 || n > most[i] {
			return nil, refusal(cmsNotAllowed)
		}
		next[i] = n
	}
	m.set.cnmi = next
	return nil, ""
}

func (m *Modem) serviceCentre(c call) ([]string, string) {
	if !c.set {
		return []string{fmt.Sprintf(`+CSCA: "%s",%d`, m.centre, m.centre.TypeOctet())}, ""
	}
	a, err := pdu.ParseAddress(c.args[0])
	if err != nil || a.Type == pdu.Alphanumeric {
		return nil, refusal(cmsText)
	}
	m.centre = a
	return nil, ""
}

func (m *Modem) textParameters(c call) ([]string, string) {
	n := m.set.csmp
	if c.ask {
		return []string{fmt.Sprintf("+CSMP: %d,%d,%d,%d", n[0], n[1], n[2], n[3])}, ""
	}
	for i := range n {
		v, good := c.int(i, n[i])
		if !good || v < 0 || v > 255 {
			return nil, refusal(cmsText)
		}
		n[i] = v
	}
	m.set.csmp = n
	return nil, ""
}

// readSlot is AT+CMGR; an empty slot gives OK and nothing else.
func (m *Modem) readSlot(c call) ([]string, string) {
	i, good := c.int(0, 0)
	if !good || i < 1 || i > len(m.slots) {
		return nil, refusal(cmsIndex)
	}
	s := &m.slots[i-1]
	if !s.taken {
		return nil, ""
	}
	line := m.show("+CMGR: ", *s)
	s.read = true
	return line, ""
}

// list is AT+CMGL.
func (m *Modem) list(c call) ([]string, string) {
	wanted := "4"
	if m.set.text {
		wanted = "ALL"
	}
	if len(c.args) > 0 {
		wanted = strings.ToUpper(c.args[0])
	}
	var unread, read bool
	switch wanted {
	case "0", "REC UNREAD":
		unread = true
	case "1", "REC READ":
		read = true
	case "2", "3", "STO UNSENT", "STO SENT":
	case "4", "ALL":
		unread, read = true, true
	default:
		return nil, refusal(cmsNotAllowed)
	}
	var out []string
	for i := range m.slots {
		s := &m.slots[i]
		if s.taken && (s.read && read || !s.read && unread) {
			out = append(out, m.show(fmt.Sprintf("+CMGL: %d,", i+1), *s)...)
			s.read = true
		}
	}
	return out, ""
}

// show writes a message as AT+CMGR and AT+CMGL do: a header and the message below it.
func (m *Modem) show(head string, s slot) []string {
	if m.set.text {
		state := `"REC UNREAD"`
		if s.read {
			state = `"REC READ"`
		}
		return []string{fmt.Sprintf(`%s%s,"%s","","%s"`, head, state, m.number(s.msg.From), stamp(s.msg.At)) + "\r\n" + m.textOf(s.msg.Body)}
	}
	return []string{fmt.Sprintf(`%s%d,"",%d`, head, s.status(), len(s.tpdu)) + "\r\n" + m.frame(s.tpdu)}
}

func (m *Modem) frame(tpdu []byte) string {
	b, err := pdu.JoinFrame(m.centre, tpdu)
	if err != nil {
		panic(fmt.Sprintf("modem %s: %v", m.cfg.Number, err)) // the centre was checked when it was set
	}
	return strings.ToUpper(hex.EncodeToString(b))
}

// remove is AT+CMGD=index[,which].
func (m *Modem) remove(c call) string {
	i, good := c.int(0, 0)
	which, good2 := c.int(1, 0)
	if !good || !good2 || which < 0 || which > 4 {
		return refusal(cmsNotAllowed)
	}
	if which > 0 {
		m.empty(func(s slot) bool { return which == 4 || s.read })
		return ""
	}
	if i < 1 || i > len(m.slots) {
		return refusal(cmsIndex)
	}
	m.slots[i-1] = slot{}
	return ""
}

// removeAll is SIMCom's AT+CMGDA.
func (m *Modem) removeAll(c call) string {
	if !c.set {
		return refusal(cmsNotAllowed)
	}
	switch strings.ToUpper(c.args[0]) {
	case "6", "DEL ALL":
		m.empty(func(slot) bool { return true })
	case "5", "DEL INBOX":
		m.empty(func(slot) bool { return true })
	case "1", "DEL READ":
		m.empty(func(s slot) bool { return s.read })
	case "2", "DEL UNREAD":
		m.empty(func(s slot) bool { return !s.read })
	case "3", "4", "DEL SENT", "DEL UNSENT":
	default:
		return refusal(cmsNotAllowed)
	}
	return ""
}

func (m *Modem) empty(which func(slot) bool) {
	for i, s := range m.slots {
		if s.taken && which(s) {
			m.slots[i] = slot{}
		}
	}
}

// Deliver implements network.Terminal: the modem stores and indicates a message, or hands it on, as AT+CNMI sets.
func (m *Modem) Deliver(d pdu.Deliver) network.Answer {
	tpdu, err := d.Encode()
	if err != nil {
		return network.Taken // the modem cannot store this message; the network's own senders never write such a message
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.off || !m.ready || !registered(m.register) {
		return network.Absent
	}
	class, classed := d.Body.DCS.Class()
	mt := m.set.cnmi[1]
	if mt == 2 && !(classed && class == 2) || mt == 3 && classed && class == 3 {
		m.notice(m.direct(d, tpdu))
		return network.Taken
	}
	i := slices.IndexFunc(m.slots, func(s slot) bool { return !s.taken })
	if i < 0 {
		return network.Full
	}
	m.slots[i] = slot{taken: true, tpdu: tpdu, msg: d}
	if mt == 1 || mt == 3 {
		m.notice(fmt.Sprintf(`+CMTI: "SM",%d`, i+1))
	}
	return network.Taken
}

// direct writes a message as +CMT does.
func (m *Modem) direct(d pdu.Deliver, tpdu []byte) string {
	if m.set.text {
		return fmt.Sprintf(`+CMT: "%s","","%s"`, m.number(d.From), stamp(d.At)) + "\r\n" + m.textOf(d.Body)
	}
	return fmt.Sprintf(`+CMT: "",%d`, len(tpdu)) + "\r\n" + m.frame(tpdu)
}

// Report implements network.Terminal: the modem shows a delivery report if AT+CNMI asks for it, else it drops it.
func (m *Modem) Report(r pdu.StatusReport) network.Answer {
	tpdu, err := r.Encode()
	if err != nil {
		return network.Taken
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.off || !m.ready || !registered(m.register):
		return network.Absent
	case m.set.cnmi[3] != 1:
	case m.set.text:
		m.notice(fmt.Sprintf(`+CDS: 6,%d,"%s",%d,"%s","%s",%d`, r.Reference, m.number(r.To), r.To.TypeOctet(), stamp(r.At), stamp(r.Done), r.Status))
	default:
		m.notice(fmt.Sprintf("+CDS: %d", len(tpdu)) + "\r\n" + m.frame(tpdu))
	}
	return network.Taken
}
