// Package at reads the output of a GSM modem. The output mixes three things: the answer to the running command, unsolicited reports
// ("+CMTI: …", "RDY") and noise. The next line is therefore not always the answer, so Engine classifies each line by its text and by the
// running command.
//
// The engine is pure: bytes in, lines out. Its memory is bounded, and it recovers at the next line after any garbage. Facts:
// 3GPP TS 27.007 and 27.005, SIMCom SIM900 and SIM800 AT manuals.
package at

import (
	"encoding/hex"
	"slices"
	"strings"
)

// Limits of the engine.
const (
	// MaxLine is the longest line that the engine reads. A message in hexadecimal takes at most 400 characters, and an answer with its
	// header takes less than 100 more.
	MaxLine = 1024
	// maxWait is the largest number of other lines between a header and its message.
	maxWait = 4
)

// Kind is the kind of a line.
type Kind uint8

// The kinds of line.
const (
	Noise  Kind = iota // a line that the engine does not recognise
	Echo               // the running command, repeated by the modem
	Info               // information that the running command asked for
	Final              // the end of the running command's answer
	Prompt             // "> ": the modem waits for the message that the running command announced
	Notice             // unsolicited result code
	Stale              // a final result or a prompt that no running command asked for: a late answer
)

// String names the kind.
func (k Kind) String() string {
	return []string{"noise", "echo", "info", "final", "prompt", "notice", "stale"}[k]
}

// Line is one line, or one header with the message that followed it.
type Line struct {
	Kind   Kind
	Text   string
	Data   []byte // the message (a frame with the service centre's address) after a header; nil if no message came
	Result Result // result of a Final line, or of a Stale line that is not a prompt
}

// Command describes the running command to the engine.
type Command struct {
	Text    string // text as sent, without the carriage return; the engine recognises the echo by this text
	Prefix  string // how its information lines begin, such as "+CSQ:"; empty if they have no prefix
	Free    bool   // its information lines have no prefix (ATI, AT+CGSN)
	Message bool   // each line of its information is followed by a message in hexadecimal (AT+CMGR, AT+CMGL)
	Prompts bool   // it makes the modem ask for a message (AT+CMGS)
	Needs   bool   // the command always prints information first, so an "OK" without information belongs to an earlier command
}

// header is a line whose message is still to come.
type header struct {
	line  Line
	size  int // announced size of the message in octets, without the service centre's address
	waits int
	open  bool
}

// Engine classifies lines. The zero value is ready to use.
type Engine struct {
	buf    []byte
	drop   bool // the line is too long; the rest of it is discarded
	prompt bool // a prompt came last; the blank after the prompt belongs to it
	run    *Command
	seen   bool // the running command has received information
	info   header
	notice header
}

// Begin sets the running command.
func (e *Engine) Begin(c Command) {
	e.run, e.seen, e.info = &c, false, header{}
}

// End ends the running command: nobody waits for its answer any more.
func (e *Engine) End() { e.run, e.info = nil, header{} }

// Feed takes the next bytes and passes each completed line to emit, which may call Begin and End.
func (e *Engine) Feed(p []byte, emit func(Line)) {
	for _, c := range p {
		switch {
		case c == '\r' || c == '\n':
			e.endOfLine(emit)
		case c == ' ' && e.prompt, c == ' ' && len(e.buf) == 0:
		case c < ' ' || c > '~':
			// This is noise, from a line that is being switched on or from a wrong speed. The characters around it may still be good.
		case e.drop:
		case c == '>' && len(e.buf) == 0:
			e.prompted(emit)
			continue
		case len(e.buf) == MaxLine:
			e.drop = true
			emit(Line{Kind: Noise, Text: string(e.buf[:32])})
			e.buf = e.buf[:0]
		default:
			e.buf = append(e.buf, c)
		}
		e.prompt = false
	}
}

func (e *Engine) prompted(emit func(Line)) {
	e.prompt = true
	kind := Stale
	if e.run != nil && e.run.Prompts {
		kind = Prompt
	}
	emit(Line{Kind: kind, Text: ">"})
}

func (e *Engine) endOfLine(emit func(Line)) {
	text := strings.TrimRight(string(e.buf), " ")
	e.buf = e.buf[:0]
	if e.drop {
		e.drop = false
		return
	}
	if text != "" {
		e.classify(text, emit)
	}
}

func (e *Engine) classify(text string, emit func(Line)) {
	if e.attach(text, emit) {
		return
	}
	defer e.age(emit)
	result, final := ParseResult(text)
	switch {
	case e.run != nil && text == e.run.Text:
		emit(Line{Kind: Echo, Text: text})
	case final:
		e.finish(text, result, emit)
	case e.belongs(text):
		e.seen = true
		e.announce(&e.info, Line{Kind: Info, Text: text}, e.run.Message, emit)
	case isNotice(text):
		e.announce(&e.notice, Line{Kind: Notice, Text: text}, hasMessage(text), emit)
	case e.run != nil && e.run.Free:
		e.seen = true
		emit(Line{Kind: Info, Text: text})
	default:
		emit(Line{Kind: Noise, Text: text})
	}
}

// finish ends the running command if this final result belongs to it.
func (e *Engine) finish(text string, r Result, emit func(Line)) {
	if e.run == nil || (e.run.Needs && !e.seen && r.Status == OK) {
		emit(Line{Kind: Stale, Text: text, Result: r})
		return
	}
	e.flush(&e.info, emit)
	e.End()
	emit(Line{Kind: Final, Text: text, Result: r})
}

// belongs reports whether a line is information for the running command.
func (e *Engine) belongs(text string) bool {
	if e.run == nil || e.run.Prefix == "" || !strings.HasPrefix(text, e.run.Prefix) {
		return false
	}
	// "+CREG: 5" and "+CREG: 5,"1A2B","00C3"" report a change; the answer to AT+CREG? has the state as its second parameter.
	if e.run.Prefix == "+CREG:" || e.run.Prefix == "+CGREG:" {
		f := Fields(text)
		return len(f) > 1 && !f[1].Quoted
	}
	return true
}

// announce emits a line, or holds it until its message has come.
func (e *Engine) announce(h *header, l Line, message bool, emit func(Line)) {
	if !message {
		emit(l)
		return
	}
	e.flush(h, emit)
	f := Fields(l.Text)
	size, ok := f[len(f)-1].Int()
	if !ok {
		emit(l)
		return
	}
	*h = header{line: l, size: size, open: true}
}

// attach gives a message to the header that announced its size. An unsolicited header goes first, because it came in between.
// It returns false for a line that is not a message; classify then handles the line.
func (e *Engine) attach(text string, emit func(Line)) bool {
	if !e.info.open && !e.notice.open {
		return false
	}
	frame, err := hex.DecodeString(text)
	if err != nil || len(frame) == 0 {
		return false
	}
	for _, h := range []*header{&e.notice, &e.info} {
		if h.open && len(frame)-1-int(frame[0]) == h.size {
			l := h.line
			l.Data = frame
			*h = header{}
			emit(l)
			return true
		}
	}
	return false
}

// age gives up on a header whose message does not come.
func (e *Engine) age(emit func(Line)) {
	for _, h := range []*header{&e.notice, &e.info} {
		if h.open {
			if h.waits++; h.waits > maxWait {
				e.flush(h, emit)
			}
		}
	}
}

// flush emits a header without its message.
func (e *Engine) flush(h *header, emit func(Line)) {
	if !h.open {
		return
	}
	l := h.line
	*h = header{}
	emit(l)
}

// notices are the beginnings of unsolicited result codes.
var notices = []string{"+CMTI:", "+CMT:", "+CDS:", "+CDSI:", "+CBM:", "+CBMI:", "+CREG:", "+CGREG:", "+CPIN:", "+CFUN:", "+CUSD:", "+CRING:", "+CLIP:", "+CCWA:",
	"+CTZV:", "+CTZE:", "+CIEV:", "+CGEV:", "+CSMINS:", "*PSUTTZ:", "*PSNWID:", "DST:", "RING", "NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE",
	"RDY", "Call Ready", "SMS Ready", "NORMAL POWER DOWN", "UNDER-VOLTAGE", "OVER-VOLTAGE"}

func isNotice(text string) bool {
	return slices.ContainsFunc(notices, func(n string) bool {
		if strings.HasSuffix(n, ":") || strings.HasSuffix(n, "VOLTAGE") {
			return strings.HasPrefix(text, n)
		}
		return text == n
	})
}

// hasMessage reports whether a message follows this line on the next line.
func hasMessage(text string) bool {
	return strings.HasPrefix(text, "+CMT:") || strings.HasPrefix(text, "+CDS:") || strings.HasPrefix(text, "+CBM:")
}
