package panel

import (
	"fmt"
	"strings"

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
)

// maxSMS bounds what is looked at, in bytes: one message holds 160 characters.
const maxSMS = 160

// ParseSMS reads a message to the meter. Blanks around it do not count; a # behind the token is forgiven.
func ParseSMS(text string) Request {
	if len(text) > maxSMS {
		return Request{}
	}
	text = strings.TrimSpace(text)
	if text == "*01#" {
		return Request{Kind: RequestBalance}
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
func AnswerToken(r meter.Result, registered bool) string {
	t := english()
	var text string
	switch {
	case r.Code == sts.Accept && r.Class != 0:
		text = t.smsDone
	case r.Code == sts.KCT1st || r.Code == sts.KCTNth:
		text = t.smsNext
	case r.Code == sts.Accept && registered:
		return fmt.Sprintf(t.smsAcceptedBalance, r.Units.KWh(1), r.Balance.KWh(1))
	case r.Code == sts.Accept:
		return fmt.Sprintf(t.smsAccepted, r.Units.KWh(1))
	case r.Code == sts.UsedError:
		text = t.smsUsed
	default:
		text = t.smsRejected
	}
	if registered {
		text += " " + AnswerBalance(r.Balance)
	}
	return text
}

// AnswerBalance returns the answer to *01#.
func AnswerBalance(balance unit.Energy) string {
	return fmt.Sprintf(english().smsBalance, balance.KWh(1))
}

// Message returns the text of a message that the meter sends unasked, "" for none.
func Message(m meter.Message, balance unit.Energy) string {
	text := english().messages[m]
	if strings.Contains(text, "%s") {
		return fmt.Sprintf(text, balance.KWh(1))
	}
	return text
}

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
