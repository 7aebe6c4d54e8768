package sim900

import (
	"fmt"
	"strings"
)

// run runs one command and returns its information lines; err is its final result unless it is OK.
func (m *Modem) run(s string) (info []string, err string) {
	if strings.IndexByte("+$^%*#", s[0]) < 0 {
		return m.basic(strings.ToUpper(s))
	}
	c := parse(s)
	if c.test {
		return m.ranges(c)
	}
	for _, part := range []func(call) ([]string, string, bool){m.identity, m.security, m.service, m.messages} {
		if info, err, ok := part(c); ok {
			return info, err
		}
	}
	return nil, m.failure(cmeNotSupported)
}

// basic runs a command that does not begin with one of +$^%*#, such as E0 or &F.
func (m *Modem) basic(s string) ([]string, string) {
	switch {
	case s == "E" || s == "E0":
		m.set.echo = false
	case s == "E1":
		m.set.echo = true
	case s == "Z" || s == "Z0" || s == "&F" || s == "&F0":
		echo := m.set.echo
		m.set = defaults()
		m.set.echo = echo // a host that switched the echo off would otherwise misread the answer
	case s == "I" || s == "I0":
		return []string{"SIM900 R11.0"}, ""
	case s[0] == 'D':
		return nil, "NO CARRIER"
	case s[0] == 'S' && strings.HasSuffix(s, "?"):
		return []string{"000"}, ""
	case strings.ContainsRune("&\\VQXSHLMPTNBCW", rune(s[0])):
	default:
		return nil, m.failure(cmeNotAllowed)
	}
	return nil, ""
}

// identity answers the questions about maker, model and IMEI.
func (m *Modem) identity(c call) (info []string, err string, ok bool) {
	if c.set {
		return nil, "", false
	}
	switch c.name {
	case "+CGMI", "+GMI":
		info = []string{"SIMCOM_Ltd"}
	case "+CGMM", "+GMM":
		info = []string{"SIMCOM_SIM900"}
	case "+CGMR", "+GMR":
		info = []string{"Revision:1137B13SIM900M64_ST"}
	case "+CGSN", "+GSN":
		info = []string{m.cfg.IMEI}
	case "+CIMI":
		if !m.unlocked {
			return nil, m.failure(cmeSIMPIN), true
		}
		info = []string{"640050000000001"}
	case "+CCID":
		info = []string{"89255050000000000001"}
	case "+CBC":
		info = []string{"+CBC: 0,95,4092"}
	case "+CSQ":
		info = []string{"+CSQ: 21,0"}
		if !registered(m.register) {
			info = []string{"+CSQ: 99,99"}
		}
	case "+CPAS":
		info = []string{"+CPAS: 0"}
	case "+GCAP":
		info = []string{"+GCAP: +FCLASS,+CGSM"}
	case "+CNUM":
		info = []string{`+CNUM: "","` + m.cfg.Number + `",145`}
	default:
		return nil, "", false
	}
	return info, "", true
}

// security answers the commands for the SIM's PIN.
func (m *Modem) security(c call) (info []string, err string, ok bool) {
	switch {
	case c.name == "+CPIN" && c.ask:
		return []string{"+CPIN: " + m.pinState()}, "", true
	case c.name == "+SPIC":
		return []string{fmt.Sprintf("+SPIC: %d,10,0,10", m.tries)}, "", true
	case c.name == "+CPIN" && c.set:
		switch {
		case m.unlocked:
			return nil, m.failure(cmeNotAllowed), true
		case m.tries == 0:
			return nil, m.failure(cmePUK), true
		case c.args[0] != m.cfg.PIN:
			m.tries--
			return nil, m.failure(cmePassword), true
		}
		m.tries, m.unlocked = pinTries, true
		boot := m.boots
		go m.smsReady(boot)
		return nil, "", true
	case c.name == "+CLCK" && c.set:
		if len(c.args) > 1 && c.args[1] == "2" {
			return []string{"+CLCK: 0"}, "", true
		}
		return nil, m.failure(cmeNotAllowed), true
	}
	return nil, "", false
}

// service answers the commands for the network and the modem's settings.
func (m *Modem) service(c call) (info []string, err string, ok bool) {
	n, good := c.int(0, 0)
	switch c.name {
	case "+CMEE":
		return m.setting(c, &m.set.cmee, n, good && n <= 2)
	case "+CREG":
		if c.ask {
			return []string{fmt.Sprintf("+CREG: %d,%d", m.set.creg, m.register)}, "", true
		}
		return m.setting(c, &m.set.creg, n, good && n <= 2)
	case "+CGREG":
		if c.ask {
			return []string{fmt.Sprintf("+CGREG: 0,%d", m.register)}, "", true
		}
	case "+COPS":
		if c.ask {
			return []string{`+COPS: 0,0,"Paywatt test"`}, "", true
		}
	case "+CFUN":
		return m.functionality(c, n)
	case "+CPOWD":
		m.reset()
		m.say("\r\nNORMAL POWER DOWN\r\n")
	case "+CSCS":
		if c.ask {
			return []string{`+CSCS: "` + m.set.charset + `"`}, "", true
		}
		if !c.set || !charset(c.args[0]) {
			return nil, m.failure(cmeNotAllowed), true
		}
		m.set.charset = strings.ToUpper(c.args[0])
	case "+CCLK":
		if c.ask {
			return []string{`+CCLK: "` + clock(m.now()) + `"`}, "", true
		}
	case "+IPR", "+IFC", "+ICF", "+CIURC", "+CLIP", "+CRC", "+CMMS", "+CGATT", "+CLTS", "+CSCLK", "+CR", "+CRLP", "+CSTA", "+CMUT", "+CLIR", "+COLP", "+CTZU":
		if c.ask {
			return []string{c.name + ": 0"}, "", true
		}
	default:
		return nil, "", false
	}
	return nil, "", true
}

// setting changes a numeric setting or shows it.
func (m *Modem) setting(c call, at *int, n int, good bool) ([]string, string, bool) {
	switch {
	case c.ask:
		return []string{fmt.Sprintf("%s: %d", c.name, *at)}, "", true
	case !c.set || !good || n < 0:
		return nil, m.failure(cmeNotAllowed), true
	}
	*at = n
	return nil, "", true
}

func (m *Modem) functionality(c call, n int) ([]string, string, bool) {
	switch {
	case c.ask:
		return []string{"+CFUN: 1"}, "", true
	case !c.set || n > 4 || n < 0:
		return nil, m.failure(cmeNotAllowed), true
	}
	if again, _ := c.int(1, 0); again == 1 {
		m.reset()
		m.say("\r\nOK\r\n")
	}
	return nil, "", true
}

// ranges answers a question for the possible values ("=?"). An unknown command gets an error, never silence.
func (m *Modem) ranges(c call) ([]string, string) {
	known := map[string]string{
		"+CMGF": "(0,1)", "+CNMI": "(0-2),(0-3),(0,2),(0,1),(0,1)", "+CPMS": `("SM"),("SM"),("SM")`, "+CSCS": `("IRA","GSM","UCS2","HEX")`,
		"+CMGL": "(0-4)", "+CMGD": fmt.Sprintf("(1-%d),(0-4)", len(m.slots)), "+CREG": "(0-2)", "+CSMS": "(0,1)", "+CMEE": "(0-2)", "+CFUN": "(0,1,4),(0,1)",
		"+CSQ": "(0-31,99),(0-7,99)", "+CBC": "(0-2),(1-100),(voltage)", "+CSDH": "(0,1)", "+CSAS": "(0-3)", "+CSMP": "(0-255),(0-255),(0-255),(0-255)",
	}
	switch c.name {
	case "+CMGS", "+CMGR", "+CSCA", "+CMGDA", "+CPIN", "+CGMI", "+CGMM", "+CGMR", "+CGSN", "+CIMI", "+GMM", "+GMI":
		return nil, ""
	}
	if r, ok := known[c.name]; ok {
		return []string{c.name + ": " + r}, ""
	}
	return nil, m.failure(cmeNotSupported)
}
