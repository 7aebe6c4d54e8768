package console

import (
	"strconv"
	"strings"

	"github.com/paywatt/paywatt/internal/command"
	"github.com/paywatt/paywatt/internal/registry"
	"github.com/paywatt/paywatt/internal/sale"
	"github.com/paywatt/paywatt/internal/words"
)

// badge is a state as sign, word and colour class: the colour is never alone.
type badge struct{ Sign, Word, Class string }

// Text is the badge without its colour.
func (b badge) Text() string { return strings.TrimSpace(b.Sign + " " + b.Word) }

// Classes of badges and notes.
const (
	classOK   = "badge ok"
	classWarn = "badge warn"
	classBad  = "badge bad"
	classOff  = "badge"
)

// stateBadge is the one word of a meter's state; the wording is the same everywhere.
func stateBadge(s registry.State) badge {
	switch s {
	case registry.On:
		return badge{"●", "On", classOK}
	case registry.Low:
		return badge{"▲", "Low credit", classWarn}
	case registry.CutOff:
		return badge{"■", "Cut off", classBad}
	case registry.TamperState:
		return badge{"⚠", "Tamper", classBad}
	default:
		return badge{"○", "Offline", classOff}
	}
}

func relayWord(relay string) string {
	switch relay {
	case registry.RelayClosed:
		return "closed"
	case registry.RelayOpen:
		return "open"
	case registry.RelayArmed:
		return "armed: press # at the meter"
	default:
		return "unknown"
	}
}

// tokenBadge says where a token is, in the words of whoever paid for it.
func tokenBadge(t words.Texts, token sale.Token) badge {
	switch token.State {
	case sale.TokenAccepted:
		return badge{"✓", t.TokenLoaded(), classOK}
	case sale.TokenHeard:
		return badge{"◐", t.TokenHeard(), classWarn}
	case sale.TokenSent:
		return badge{"→", t.TokenSent(), classOff}
	case sale.TokenIssued:
		return badge{"○", t.TokenNotLoaded(), classOff}
	case sale.TokenReserved:
		return badge{"○", t.TokenBeingMade(), classOff}
	case sale.TokenRejected:
		return badge{"■", t.TokenRejected(plain(token.Result)), classBad}
	case sale.TokenFailed:
		return badge{"■", t.TokenNeverMade(), classBad}
	case sale.TokenReversed:
		return badge{"■", t.TokenReversed(), classWarn}
	default:
		return badge{"○", plain(string(token.State)), classOff}
	}
}

func saleWord(t words.Texts, s sale.State) string {
	switch s {
	case sale.Completed:
		return t.SaleCompleted()
	case sale.Held:
		return t.SaleHeld()
	case sale.Failed:
		return t.SaleFailed()
	case sale.Reversing:
		return t.SaleReversing()
	case sale.Reversed:
		return t.SaleReversed()
	default:
		return plain(string(s))
	}
}

// lineWord is what a line is called before anything is sold.
func lineWord(t words.Texts, k sale.LineKind) string {
	switch k {
	case sale.LineDebt:
		return t.SaleLineDebt()
	case sale.LineWallet:
		return t.SaleLineWallet()
	}
	return k.Name()
}

func commandWord(t command.Type) string {
	switch t {
	case command.Disconnect:
		return "Cut off supply"
	case command.Connect:
		return "Restore supply"
	case command.Read:
		return "Read the meter"
	default:
		return "Command " + plain(string(t))
	}
}

// commandBadge says how far a command has come; only the meter's own answer is an end.
func commandBadge(c command.Command) badge {
	switch c.State {
	case command.StateQueued:
		return badge{"○", "Waiting for the meter", classOff}
	case command.StateSent:
		return badge{"→", "Sent, no answer yet", classOff}
	case command.StateAcked:
		return badge{"→", "The meter has it", classOff}
	case command.StateDone:
		return badge{"✓", "Done, the meter says", classOK}
	case command.StateFailed:
		return badge{"■", "Not done, the meter says: " + plain(c.Answer), classBad}
	case command.StateExpired:
		return badge{"■", "Expired: the meter never took it", classWarn}
	default:
		return badge{"○", plain(string(c.State)), classOff}
	}
}

// reasonWords writes why the relay is open, from the names of the domain reference, §4.5.
func reasonWords(reasons []string) string {
	out := make([]string, len(reasons))
	for i, r := range reasons {
		out[i] = reasonWord(r)
	}
	return strings.Join(out, ", ")
}

func reasonWord(name string) string {
	switch name {
	case "CREDIT":
		return "no credit"
	case remoteReason:
		return "cut off by command"
	case "LOCAL":
		return "switched off at the meter"
	case "LEASE":
		return "out of contact for too long"
	case "NOT_ACTIVATED":
		return "not activated yet"
	default:
		return plain(name)
	}
}

// remoteReason is the reason that a disconnect command sets and a connect command clears.
const remoteReason = "REMOTE"

// eventWord is the text of an event code (the domain reference, §4.12).
func eventWord(code int) string {
	for _, e := range eventWords() {
		if e.code == code {
			return e.text
		}
	}
	return "Event " + strconv.Itoa(code)
}

type codeText struct {
	code int
	text string
}

func eventWords() []codeText {
	return []codeText{
		{101, "Mains off"}, {102, "Mains on"}, {103, "Voltage low, state saved"}, {104, "Started without a clean stop"},
		{201, "Low credit, first warning"}, {202, "Low credit, last warning"}, {203, "Credit used up"}, {204, "Credit restored"},
		{205, "Emergency credit offered"}, {206, "Emergency credit on"}, {207, "Emergency credit used up"}, {208, "Emergency credit paid back"},
		{209, "Friendly hours begin"}, {210, "Friendly hours end"}, {211, "Overrun above its limit"},
		{301, "Token accepted"}, {302, "Token rejected"}, {303, "Wrong tokens: entry locked"}, {304, "Token entry open again"},
		{305, "Key changed"}, {306, "Credit cleared"}, {307, "Power limit set"},
		{401, "Supply cut off"}, {402, "Supply on"}, {403, "Ready: press # at the meter"}, {404, "Relay does not follow"},
		{405, "Overload"}, {406, "Overload: locked out"},
		{501, "Cover opened"}, {502, "Terminal cover opened"}, {503, "Magnet"}, {504, "Energy in reverse"}, {505, "Bypass"},
		{506, "Phase lost"}, {520, "Tamper cleared"},
		{601, "Clock set"}, {602, "Clock invalid"}, {603, "Clock restored"},
		{701, "Memory copy bad"}, {702, "Torn record in memory"}, {703, "Memory card missing or full"}, {704, "Memory worn"},
		{801, "Online"}, {802, "Offline"}, {803, "Configuration applied"}, {804, "Command carried out"}, {805, "Lease changed"},
		{901, "Fault"}, {902, "Firmware updated"},
	}
}

// plain turns a name of the protocol into words.
func plain(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", " ") }

// groups writes digits in groups of four with real blanks, which paste back as the digits.
func groups(digits string) string {
	out := make([]byte, 0, len(digits)+len(digits)/4)
	for i := range len(digits) {
		if i > 0 && i%4 == 0 {
			out = append(out, ' ')
		}
		out = append(out, digits[i])
	}
	return string(out)
}
