package panel

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/paywatt/paywatt/meter"
	"github.com/paywatt/paywatt/sts"
	"github.com/paywatt/paywatt/unit"
)

// Request is the request in a message to the meter. A request may hold a token, so it prints as a mask.
type Request struct {
	// Kind is the kind of the request.
	Kind RequestKind
	// tokens are the digits after *02#, for each token.
	tokens []string
}

// RequestKind is a request a meter understands.
type RequestKind uint8

const (
	// RequestNone: the meter does not understand the message and does not answer.
	RequestNone RequestKind = iota
	// RequestBalance: *01#. Only registered numbers are answered.
	RequestBalance
	// RequestToken: *02#TOKEN, from any number.
	RequestToken
	// RequestEmergency: *03#, to use the emergency credit; registered numbers only, as for all requests below.
	RequestEmergency
	// RequestTokens: *04#, the last tokens.
	RequestTokens
	// RequestUsage: *05#, the energy used this month and today.
	RequestUsage
	// RequestState: *06#, the supply and what is wrong.
	RequestState
)

// The limits of a message to the meter.
const (
	// maxText is the longest message that is read, in bytes: a few parts of a long message, in any script.
	maxText = 640
	// maxSMS is the number of characters that one message from the meter holds.
	maxSMS = 160
	// MaxTokens is the number of tokens that one message may hold: a key change in four tokens, and the credit under
	// the new key.
	MaxTokens = 5
)

// tokenCommand begins a message that holds a token.
const tokenCommand = "*02#"

// ParseSMS reads a message to the meter. Telephones group digits, write them in the script of their keyboard and add
// invisible marks; ParseSMS ignores these differences, and a # after the token. Several tokens may be separated by
// blanks, line ends, commas, or the command again.
func ParseSMS(text string) Request {
	if len(text) > maxText {
		return Request{}
	}
	text = strings.TrimSpace(plain(text))
	switch compact(text) {
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
	text = joined(text)
	if !strings.HasPrefix(text, tokenCommand) {
		return Request{}
	}
	return Request{Kind: RequestToken, tokens: tokensIn(text)}
}

// joined removes the blanks and dashes within each token command.
func joined(text string) string {
	var out strings.Builder
	for {
		at := strings.IndexByte(text, '*')
		end := strings.IndexByte(text[max(at, 0):], '#') + max(at, 0) + 1
		if at < 0 || end <= at {
			out.WriteString(text)
			return out.String()
		}
		out.WriteString(text[:at])
		if command := text[at:end]; compact(command) == tokenCommand {
			out.WriteString(tokenCommand)
			text = text[end:]
		} else { // this star does not begin a command
			out.WriteByte('*')
			text = text[at+1:]
		}
	}
}

// tokensIn returns the tokens of a message. Digits that are not clearly tokens come back in one piece, which no key
// opens, so that nothing uncertain is loaded.
func tokensIn(text string) []string {
	text = strings.ReplaceAll(text, tokenCommand, "\n")
	var pieces []string
	var all strings.Builder
	for _, piece := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("\n\r,;#", r) }) {
		if piece = compact(piece); piece != "" {
			pieces = append(pieces, piece)
			all.WriteString(piece)
		}
	}
	if all.Len() <= sts.TokenDigits {
		return []string{all.String()} // one token, on any number of lines
	}
	var tokens []string
	for _, piece := range pieces {
		for len(piece)%sts.TokenDigits == 0 && len(piece) > sts.TokenDigits {
			tokens, piece = append(tokens, piece[:sts.TokenDigits]), piece[sts.TokenDigits:]
		}
		tokens = append(tokens, piece)
	}
	if len(tokens) > MaxTokens {
		return []string{all.String()}
	}
	return tokens
}

// compact removes blanks and dashes.
func compact(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\t' {
			return -1
		}
		return r
	}, s)
}

// plain converts digits, stars, hash signs, blanks and dashes of any script to the characters of a keypad. It also
// removes invisible characters such as marks of writing direction.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < utf8.RuneSelf:
			return r
		case unicode.Is(unicode.Nd, r):
			return digit(r)
		case strings.ContainsRune("＊٭∗⁎﹡", r):
			return '*'
		case strings.ContainsRune("＃﹟", r):
			return '#'
		case unicode.Is(unicode.Pd, r) || r == '−':
			return '-'
		case unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r):
			return '\n'
		case unicode.Is(unicode.Zs, r):
			return ' '
		case strings.ContainsRune("،؛、，；", r):
			return ','
		case unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, s)
}

// digit converts a decimal digit of any script. The digits of a script are consecutive and in order, so the position in
// a range of the table is the value.
func digit(r rune) rune {
	for _, in := range unicode.Nd.R16 {
		if r <= rune(in.Hi) {
			return '0' + (r-rune(in.Lo))%10
		}
	}
	for _, in := range unicode.Nd.R32 {
		if r <= rune(in.Hi) {
			return '0' + (r-rune(in.Lo))%10
		}
	}
	return r
}

// RevealTokens returns the digits of the tokens as they were sent, for Keys.Open. Digits that are not tokens come in
// one piece, which no key opens. Nothing else exposes the digits.
func (r Request) RevealTokens() []string { return r.tokens }

// String returns a mask.
func (r Request) String() string { return maskedRequest }

// GoString returns a mask.
func (r Request) GoString() string { return maskedRequest }

// Format writes a mask, whatever the verb.
func (r Request) Format(f fmt.State, _ rune) { fmt.Fprint(f, maskedRequest) }

const maskedRequest = "panel.Request(masked)"

// AnswerToken returns the answer to *02#: result and balance to a registered number, the result alone to any other
// (docs/reference/meter-rules.md#text-messages). Management tokens have answers of their own.
func AnswerToken(l meter.Language, r meter.Result, registered bool) string {
	var t text
	switch {
	case r.Code == sts.Accept && r.Class != 0:
		t = smsDone
	case r.Code == sts.KCT1st || r.Code == sts.KCTNth:
		t = smsNext
	case r.Code == sts.Accept && registered:
		return smsAcceptedBalance(l, r.Units, r.Balance)
	case r.Code == sts.Accept:
		return smsAccepted(l, r.Units)
	case r.Code == sts.UsedError:
		t = smsUsed
	default:
		t = smsRejected
	}
	if registered {
		return say(l, t) + " " + smsBalance(l, r.Balance)
	}
	return say(l, t)
}

// Report returns the message that tells a registered number about a token accepted at the keypad. It is the usual answer
// with the first and last digits of the token, because that number may be waiting for several tokens. Without those digits it reports only
// the balance, since the report could be about any token.
func Report(l meter.Language, r meter.Result, masked string) string {
	first, last, kept := (&TokenRow{Masked: masked}).ends()
	if !kept {
		return smsBalance(l, r.Balance)
	}
	return AnswerToken(l, r, true) + ". " + smsToken(l, first, last)
}

// AnswerEmergency returns the answer to *03#.
func AnswerEmergency(m *View, a meter.ECAnswer) string {
	l := m.Config.Language
	switch a {
	case meter.ECDone:
		return smsEmergency(l, m.State.ECLeft(m.Config))
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

// Answer returns the answer to a query: *01#, *04#, *05# and *06#; "" for any other request.
func Answer(m *View, r RequestKind) string {
	l := m.Config.Language
	switch r {
	case RequestBalance:
		return balance(m)
	case RequestTokens:
		return lastTokens(m)
	case RequestUsage:
		return smsUsage(l, m.shown(m.State.Month.Used), m.shown(m.State.Day.Used))
	case RequestState:
		return stateOf(m)
	}
	return ""
}

// lastTokens lists as many of the newest tokens as one message holds.
func lastTokens(m *View) string {
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

// short returns a token as a message lists it: "20.11 1234..5678 +34.7 kWh;". It never shows the middle digits.
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

// balance returns the text with the credit, or with the rest of the lease.
func balance(m *View) string {
	if m.State.Wallet() {
		return smsLeft(m.Config.Language, m.State.Shown())
	}
	return smsBalance(m.Config.Language, m.State.Shown())
}

// stateOf returns the state of the supply, and what is wrong with the meter.
func stateOf(m *View) string {
	l := m.Config.Language
	v := &screen{p: &Panel{}, m: m, width: Width}
	out := smsSupply(l, v.stateWord()) + " " + balance(m) + "."
	if m.State.Latched != 0 {
		out += " " + smsTamper(l, strings.Join(m.State.Latched.Names(), ", "))
	}
	if m.State.Clock == meter.ClockInvalid {
		out += " " + say(l, smsClock)
	}
	return out
}

// Message returns the text of a message that the meter sends unasked, "" for none.
func Message(m *View, what meter.Message, balance unit.Energy) string {
	l := m.Config.Language
	switch what {
	case meter.MessageLow1:
		return smsLow1(l, balance)
	case meter.MessageLow2:
		return smsLow2(l, balance)
	case meter.MessageCutOff:
		return say(l, smsCutOff)
	case meter.MessageEmergency:
		return smsOffer(l, balance, m.codeText(PageEmergency)+" #")
	case meter.MessageTamper:
		return say(l, smsTampered)
	case meter.MessageOverload:
		return say(l, smsOverload)
	case meter.MessageEnding:
		return say(l, smsEnding)
	}
	return ""
}

// septets returns how many of the 160 characters of a message a text takes: one for each character, because all texts
// use only the basic table of the GSM alphabet.
func septets(text string) int { return utf8.RuneCountInString(text) }

// The limits of answers (docs/reference/meter-rules.md#text-messages).
const (
	answersPerDay     = 20 // answers to questions by one meter; as many answers to tokens come on top
	answersPerHour    = 10 // answers to one sender, to questions with one code or to tokens
	rejectionsPerDay  = 3  // rejections to all unregistered numbers
	hour              = 60 * 60
	day               = 24 * hour
	rememberedAnswers = 2 * answersPerDay
)

// AnswerKind says what an answer of the meter is about.
type AnswerKind uint8

const (
	// ToQuestion answers *01# and the other questions.
	ToQuestion AnswerKind = iota
	// ToToken answers a token, or reports one from the keypad.
	ToToken
	// Rejection rejects a token from a number that is not registered.
	Rejection
)

// Gate limits the answers to messages, never the loading of a token. A stranger can neither make the meter answer all
// day nor use up its owner's answers. Somebody who asks in another's name cannot use up the answers to that number's
// tokens. The zero value has counted no answers yet.
type Gate struct {
	sent [rememberedAnswers]struct {
		sender uint64
		at     uint64 // powered-on second + 1, 0 for none
		kind   AnswerKind
	}
	next int
}

// Sender returns the value by which Allow counts the answers to one number: any hash of the number (meter.Handle), with the
// question that it asks. For an answer about a token the request is RequestToken.
func Sender(handle uint64, request RequestKind) uint64 {
	if request == RequestToken {
		return handle
	}
	return handle ^ uint64(request)<<56
}

// Allow reports whether an answer may go to a sender now, and counts the answer if it may. The parameter sender comes
// from [Sender], and now is the powered-on time in seconds.
func (g *Gate) Allow(sender, now uint64, kind AnswerKind) bool {
	var perDay, perHour, rejections int
	for _, a := range g.sent {
		if a.at == 0 || now+1 >= a.at+day {
			continue
		}
		if (a.kind == ToQuestion) == (kind == ToQuestion) {
			perDay++
		}
		if a.kind == Rejection {
			rejections++
		}
		if a.sender == sender && now+1 < a.at+hour {
			perHour++
		}
	}
	if perDay >= answersPerDay || perHour >= answersPerHour || kind == Rejection && rejections >= rejectionsPerDay {
		return false
	}
	a := &g.sent[g.next]
	a.sender, a.at, a.kind = sender, now+1, kind
	g.next = (g.next + 1) % len(g.sent)
	return true
}
