package panel

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// Request is what a message to the meter asks for. It may hold a token, so it has no printable form.
type Request struct {
	// Kind says what is asked.
	Kind RequestKind
	// typed is the text after *02#.
	typed string
}

// RequestKind is a request a meter understands.
type RequestKind uint8

const (
	// RequestNone: nothing the meter understands; it stays silent.
	RequestNone RequestKind = iota
	// RequestBalance: *01#. Only registered numbers are answered.
	RequestBalance
	// RequestToken: *02#TOKEN, from any number.
	RequestToken
	// RequestEmergency: *03#, to use the emergency credit; registered numbers only, like all that follow.
	RequestEmergency
	// RequestTokens: *04#, the last tokens.
	RequestTokens
	// RequestUsage: *05#, the energy used this month and today.
	RequestUsage
	// RequestState: *06#, the supply and what is wrong.
	RequestState
)

// maxSMS bounds what is looked at, in bytes: one message holds 160 characters.
const maxSMS = 160

// ParseSMS reads a message to the meter. Blanks around it do not count; a # behind the token is forgiven.
func ParseSMS(text string) Request {
	if len(text) > maxSMS {
		return Request{}
	}
	text = strings.TrimSpace(text)
	switch text {
	case "*01#":
		return Request{Kind: RequestBalance}
	case "*03#":
		return Request{Kind: RequestEmergency}
	case "*04#":
		return Request{Kind: RequestTokens}
	case "*05#":
		return Request{Kind: RequestUsage}
	case "*06#":
		return Request{Kind: RequestState}
	}
	if typed, ok := strings.CutPrefix(text, "*02#"); ok {
		return Request{Kind: RequestToken, typed: strings.TrimSuffix(typed, "#")}
	}
	return Request{}
}

// RevealTyped returns the digits of the token as they were sent, blanks and dashes included, for Keys.Open. It is the
// only door to them.
func (r Request) RevealTyped() string { return r.typed }

// String returns a mask.
func (r Request) String() string { return maskedRequest }

// GoString returns a mask.
func (r Request) GoString() string { return maskedRequest }

// Format writes a mask, whatever the verb.
func (r Request) Format(f fmt.State, _ rune) { fmt.Fprint(f, maskedRequest) }

const maskedRequest = "panel.Request(masked)"

// AnswerToken returns the answer to *02#: result and balance to a registered number, the bare result to any other
// (contract §5, which knows credit only: management has an answer of its own).
func AnswerToken(l meter.Language, r meter.Result, registered bool) string {
	var t text
	switch {
	case r.Code == sts.Accept && r.Class != 0:
		t = smsDone
	case r.Code == sts.KCT1st || r.Code == sts.KCTNth:
		t = smsNext
	case r.Code == sts.Accept && registered:
		return with(l, smsAcceptedBalance, r.Units.KWh(1), r.Balance.KWh(1))
	case r.Code == sts.Accept:
		return with(l, smsAccepted, r.Units.KWh(1))
	case r.Code == sts.UsedError:
		t = smsUsed
	default:
		t = smsRejected
	}
	if registered {
		return say(l, t) + " " + with(l, smsBalance, r.Balance.KWh(1))
	}
	return say(l, t)
}

// AnswerEmergency returns the answer to *03#.
func AnswerEmergency(m *Meter, a meter.ECAnswer) string {
	l := m.Config.Language
	switch a {
	case meter.ECDone:
		return with(l, smsEmergency, m.State.ECLeft(m.Config).KWh(1))
	case meter.ECAgain:
		return say(l, smsEmergencyAgain)
	case meter.ECUsed:
		return say(l, smsEmergencyUsed)
	case meter.ECNotNeeded:
		return say(l, smsEmergencyNotNeeded)
	case meter.ECBusy, meter.ECStorage:
		return say(l, smsEmergencyLater)
	}
	return say(l, smsEmergencyNone)
}

// Answer returns the answer to a request that only asks: *01#, *04#, *05# and *06#; "" for any other.
func Answer(m *Meter, r RequestKind) string {
	l := m.Config.Language
	switch r {
	case RequestBalance:
		return balance(m)
	case RequestTokens:
		return lastTokens(m)
	case RequestUsage:
		return with(l, smsUsage, unit.Energy(m.State.Month.Used).KWh(1), unit.Energy(m.State.Day.Used).KWh(1))
	case RequestState:
		return stateOf(m)
	}
	return ""
}

// lastTokens lists the newest tokens, as many as one message holds.
func lastTokens(m *Meter) string {
	l := m.Config.Language
	if m.History == nil {
		return say(l, smsNoTokens)
	}
	v := &screen{p: &Panel{}, m: m, width: Width}
	out := say(l, smsTokens)
	listed := 0
	for n := range shownTokens {
		row, is := m.History.Token(n)
		if !is {
			break
		}
		line := " " + v.short(row)
		if septets(out+line) > maxSMS {
			break
		}
		out += line
		listed++
	}
	if listed == 0 {
		return say(l, smsNoTokens)
	}
	return out
}

// short is a token in a message: "20.11 1234..5678 +34.7 kWh;". Its middle is never told.
func (v *screen) short(row TokenRow) string {
	var parts []string
	if row.At != 0 {
		parts = append(parts, local(v.m.Config, row.At).Format("02.01"))
	}
	if first, last, kept := row.ends(); kept {
		parts = append(parts, first+".."+last)
	}
	if row.Code == sts.Accept && row.Class == 0 {
		parts = append(parts, "+"+row.Units.KWh(1)+" kWh")
	} else {
		parts = append(parts, v.rowWord(row))
	}
	return strings.Join(parts, " ") + ";"
}

// balance says what there is: the credit, or what is left of the lease.
func balance(m *Meter) string {
	t := smsBalance
	if m.State.Wallet() {
		t = smsLeft
	}
	return with(m.Config.Language, t, m.State.Shown().KWh(1))
}

// stateOf says how the supply is, and what is wrong with the meter.
func stateOf(m *Meter) string {
	l := m.Config.Language
	v := &screen{p: &Panel{}, m: m, width: Width}
	out := with(l, smsSupply, v.stateWord()) + " " + balance(m) + "."
	if m.State.Latched != 0 {
		out += " " + with(l, smsTamper, strings.Join(m.State.Latched.Names(), ", "))
	}
	if m.State.Clock == meter.ClockInvalid {
		out += " " + say(l, smsClock)
	}
	return out
}

// messages is what the meter writes unasked.
var messages = [...]text{
	meter.MessageLow1: smsLow1, meter.MessageLow2: smsLow2, meter.MessageCutOff: smsCutOff, meter.MessageEmergency: smsOffer,
	meter.MessageTamper: smsTampered, meter.MessageOverload: smsOverload, meter.MessageEnding: smsEnding,
}

// Message returns the text of a message that the meter sends unasked, "" for none.
func Message(m *Meter, what meter.Message, balance unit.Energy) string {
	if int(what) >= len(messages) || messages[what] == none {
		return ""
	}
	return with(m.Config.Language, messages[what], balance.KWh(1), m.codeText(PageEmergency)+" #")
}

// septets is how many of the 160 places of a message a text takes: one for each character, for all of them are in the
// basic table of the GSM alphabet.
func septets(text string) int { return utf8.RuneCountInString(text) }

// The limits of answers (contract §5; reliability §5).
const (
	answersPerDay     = 20 // by one meter
	answersPerHour    = 10 // to one sender
	rejectionsPerDay  = 3  // to numbers that are not registered
	hour              = 60 * 60
	day               = 24 * hour
	rememberedAnswers = answersPerDay
)

// Gate limits the answers to messages, never the loading of a token: a stranger cannot make the meter talk all day, nor
// silence it for its owner. The zero value lets everything through.
type Gate struct {
	sent [rememberedAnswers]struct {
		sender   uint64
		at       uint64 // powered-on second + 1, 0 for none
		stranger bool
	}
	next int
}

// Allow reports whether an answer may go to a sender now, and counts it if so. Sender is any hash of the number
// (meter.Handle), now the powered-on time in seconds, rejected an answer other than accept to a number that is not
// registered.
func (g *Gate) Allow(sender, now uint64, rejected bool) bool {
	var perDay, perHour, rejections int
	for _, a := range g.sent {
		if a.at == 0 || now+1 >= a.at+day {
			continue
		}
		perDay++
		if a.stranger {
			rejections++
		}
		if a.sender == sender && now+1 < a.at+hour {
			perHour++
		}
	}
	if perDay >= answersPerDay || perHour >= answersPerHour || rejected && rejections >= rejectionsPerDay {
		return false
	}
	a := &g.sent[g.next]
	a.sender, a.at, a.stranger = sender, now+1, rejected
	g.next = (g.next + 1) % len(g.sent)
	return true
}
